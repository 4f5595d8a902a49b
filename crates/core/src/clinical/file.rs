//! The clinical model's file. Version 2 holds one or more members; version 1, which held one, is still read.

use serde::{Deserialize, Serialize};

use super::boosting::{Boosting, MOST_TREES};
use super::card::ClinicalCard;
use super::scaler::Scaler;
use super::variable;
use thoracast_files::bounds::{self, Bound, Bounded, JsonError};

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
        let damaged =
            |e: JsonError| format!("not a whole clinical model ({e}); make it again with `train clinical`");
        let head: Head = bounds::typed_json(bytes).map_err(damaged)?;
        let file = match (head.format.as_str(), head.version) {
            (FORMAT, 1) => {
                let old: OneModel = bounds::typed_json(bytes).map_err(damaged)?;
                let member = Member { scaler: old.scaler, boosting: old.boosting };
                Self::new(old.card, old.columns, vec![member])
            }
            (FORMAT, VERSION) => bounds::typed_json(bytes).map_err(damaged)?,
            (format, version) => {
                return Err(format!(
                    "this is '{format}' version {version}, and a '{FORMAT}' version 1 to {VERSION} is needed; make it again with `train clinical`"
                ));
            }
        };
        file.within_bounds().map_err(|e| {
            format!("the clinical model is damaged: {e}; make it again with `train clinical`")
        })?;
        Ok(file)
    }

    /// Trees of all members.
    pub fn trees(&self) -> usize {
        self.members.iter().map(|m| m.boosting.trees.len()).sum()
    }
}

/// Numbers of clinical tables and of what is made from them.
const VALUES: std::ops::RangeInclusive<f64> = -1e9..=1e9;
/// Log-odds and steps of them: beyond, a probability is 0 or 1 whatever a patient has.
const LOG_ODDS: std::ops::RangeInclusive<f64> = -1e3..=1e3;
/// Members of an ensemble.
const MOST_MEMBERS: usize = 1000;

/// Prediction can never leave the lists, and every number lies where it means something.
impl Bounded for ModelFile {
    fn within_bounds(&self) -> Bound {
        bounds::inside("card", &self.card)?;
        bounds::count("columns", self.columns.len(), 1..=1000)?;
        bounds::each("columns", &self.columns, |field, column| bounds::named(field, column.within_bounds()))?;
        bounds::count("members", self.members.len(), 1..=MOST_MEMBERS)?;
        let n = self.columns.len();
        bounds::each("members", &self.members, |field, member| bounds::named(field, member.within(n)))
    }
}

impl Bounded for Column {
    fn within_bounds(&self) -> Bound {
        bounds::holds(
            "key",
            &self.key,
            variable(&self.key).is_some(),
            "a clinical variable's key is needed",
        )?;
        bounds::number("median", self.median, VALUES)?;
        bounds::number("low", self.low, VALUES)?;
        bounds::number("high", self.high, VALUES)?;
        bounds::holds("high", self.high, self.high >= self.low, &format!("the lowest value is {}", self.low))
    }
}

impl Member {
    /// For `n` columns.
    fn within(&self, n: usize) -> Bound {
        bounds::length("scaler.mean", self.scaler.mean.len(), n)?;
        bounds::length("scaler.scale", self.scaler.scale.len(), n)?;
        bounds::each("scaler.mean", &self.scaler.mean, |field, &v| bounds::number(field, v, VALUES))?;
        bounds::each("scaler.scale", &self.scaler.scale, |field, &v| bounds::number(field, v, 1e-9..=1e9))?;
        bounds::named("boosting", self.boosting.within(n))
    }
}

impl Boosting {
    /// For `n` columns.
    fn within(&self, n: usize) -> Bound {
        bounds::number("prior_log_odds", self.prior_log_odds, LOG_ODDS)?;
        bounds::number("learning_rate", self.learning_rate, 1e-9..=10.0)?;
        bounds::count("trees", self.trees.len(), 0..=MOST_TREES)?;
        bounds::each("trees", &self.trees, |field, tree| {
            let needed = "it must be a tree over the model's columns with finite values";
            bounds::holds(field, "damaged", tree.check(n), needed)
        })
    }
}
