//! The clinical model's file. Version 2 holds one or more members; version 1, which held one, is still read.

use serde::{Deserialize, Serialize};

use super::boosting::Boosting;
use super::card::ClinicalCard;
use super::scaler::Scaler;
use super::variable;

const FORMAT: &str = "thoracast clinical model";
const VERSION: u32 = 2;

/// One column the model uses, as it was among the training patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    pub key: String,
    pub label: String,
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub missing: usize,
}

/// One model of an ensemble over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub scaler: Scaler,
    pub boosting: Boosting,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ModelFile {
    format: String,
    version: u32,
    pub card: ClinicalCard,
    pub columns: Vec<Column>,
    /// At least one.
    pub members: Vec<Member>,
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Version 1.
#[derive(Deserialize)]
struct OneModel {
    card: ClinicalCard,
    columns: Vec<Column>,
    scaler: Scaler,
    boosting: Boosting,
}

impl ModelFile {
    pub fn new(card: ClinicalCard, columns: Vec<Column>, members: Vec<Member>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, card, columns, members }
    }

    /// Reads any version; the error continues "FILE: ".
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let damaged = |e: serde_json::Error| {
            format!("not a whole clinical model ({e}); make it again with `train clinical`")
        };
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        let file = match (head.format.as_str(), head.version) {
            (FORMAT, 1) => {
                let old: OneModel = serde_json::from_slice(bytes).map_err(damaged)?;
                let member = Member { scaler: old.scaler, boosting: old.boosting };
                Self::new(old.card, old.columns, vec![member])
            }
            (FORMAT, VERSION) => serde_json::from_slice(bytes).map_err(damaged)?,
            (format, version) => {
                return Err(format!(
                    "this is '{format}' version {version}, and a '{FORMAT}' version 1 to {VERSION} is needed; make it again with `train clinical`"
                ));
            }
        };
        file.check()?;
        Ok(file)
    }

    /// Trees of all members.
    pub fn trees(&self) -> usize {
        self.members.iter().map(|m| m.boosting.trees.len()).sum()
    }

    /// Whether prediction can never leave the lists.
    fn check(&self) -> Result<(), String> {
        let n = self.columns.len();
        let columns = self.columns.iter().all(|c| c.median.is_finite() && variable(&c.key).is_some());
        if n > 0 && columns && !self.members.is_empty() && self.members.iter().all(|m| m.is_whole(n)) {
            Ok(())
        } else {
            Err("the clinical model is damaged; make it again with `train clinical`".into())
        }
    }
}

impl Member {
    fn is_whole(&self, n: usize) -> bool {
        let numbers = self.scaler.mean.iter().chain(&self.scaler.scale);
        self.scaler.mean.len() == n
            && self.scaler.scale.len() == n
            && numbers
                .chain([&self.boosting.prior_log_odds, &self.boosting.learning_rate])
                .all(|v| v.is_finite())
            && self.scaler.scale.iter().all(|s| *s != 0.0)
            && self.boosting.trees.iter().all(|t| t.check(n))
    }
}
