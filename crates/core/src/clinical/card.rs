//! What a person should know of a clinical model.

use serde::{Deserialize, Serialize};
use thoracast_files::bounds::{self, Bound, Bounded};

use super::boosting::BoostingSettings;
use super::smote::SmoteSettings;
use super::training::{ClinicalTraining, Missing};

/// The table a model was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// File name without its folder.
    pub file: String,
    pub sha256: String,
    pub patients: usize,
    pub events: usize,
}

/// How a model did on a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    #[serde(flatten)]
    pub on: TrainedOn,
    pub auc: f64,
    /// 95 % interval (DeLong); absent where the variance is zero.
    pub auc_interval: Option<[f64; 2]>,
    /// Mean squared difference between probability and outcome.
    pub brier: f64,
    /// Share of right votes.
    pub accuracy: f64,
}

/// What a person should know about the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClinicalCard {
    pub summary: String,
    pub trained_on: TrainedOn,
    pub recipe: String,
    pub boosting: BoostingSettings,
    /// Absent where no synthetic patients were wanted.
    #[serde(default)]
    pub smote: Option<SmoteSettings>,
    /// Of the first member, where there are several.
    pub synthetic_patients: usize,
    /// What is done with missing values.
    #[serde(default)]
    pub missing: Missing,
    /// The same in words.
    pub missing_values: String,
    /// Models fitted with different seeds, whose log-odds are averaged.
    #[serde(default = "one")]
    pub seeds: usize,
    /// Patients held back for early stopping.
    #[serde(default)]
    pub held_back: usize,
    /// Mean deviance of the (resampled) training rows after the last tree; the mean over the members.
    pub final_train_loss: f64,
    /// On a table that took no part in training.
    pub test: Option<Performance>,
    pub warnings: Vec<String>,
    pub program: String,
}

fn one() -> usize {
    1
}

/// How the model was made, in one line.
pub(super) fn recipe(training: &ClinicalTraining) -> String {
    let b = &training.boosting;
    let smote = training.smote.as_ref().map_or_else(
        || "no synthetic patients".to_owned(),
        |s| format!("BorderlineSMOTE (borderline-1, k {}, m {}, seed {})", s.k, s.m, s.seed),
    );
    let mut text = format!(
        "{smote}, standardisation, gradient boosting with {} trees of depth {} at learning rate {}",
        b.trees, b.max_depth, b.learning_rate
    );
    if b.min_samples_leaf > 1 {
        text += &format!(", at least {} rows a leaf", b.min_samples_leaf);
    }
    if b.subsample < 1.0 {
        text += &format!(", each tree on {} of the rows", b.subsample);
    }
    if let Some(stop) = b.early_stopping {
        text += &format!(
            ", stopped early by {} of the patients after {} trees without improvement",
            stop.share, stop.rounds
        );
    }
    if training.seeds > 1 {
        text += &format!(", the mean log-odds of {} seeds", training.seeds);
    }
    text
}

/// One line for cards and reports; `trees` of all members.
pub(super) fn summary(card: &ClinicalCard, trees: usize, variables: usize) -> String {
    let on = &card.trained_on;
    let members = if card.seeds > 1 { format!(" in {} models", card.seeds) } else { String::new() };
    let mut text = format!(
        "Gradient boosting, {trees} trees{members} on {variables} variables, trained on {} patients ({} with metastasis) of {}",
        on.patients, on.events, on.file
    );
    if let Some(test) = &card.test {
        let interval = test.auc_interval.map_or_else(String::new, |[a, b]| format!(" ({a:.3}–{b:.3})"));
        text += &format!(
            "; AUC {:.3}{interval} on {} other patients of {}",
            test.auc, test.on.patients, test.on.file
        );
    }
    text
}

impl Bounded for TrainedOn {
    fn within_bounds(&self) -> Bound {
        let patients = format!("there are {} patients", self.patients);
        bounds::holds("events", self.events, self.events <= self.patients, &patients)
    }
}

impl Bounded for Performance {
    fn within_bounds(&self) -> Bound {
        self.on.within_bounds()?;
        bounds::number("auc", self.auc, 0.0..=1.0)?;
        if let Some(interval) = &self.auc_interval {
            bounds::each("auc_interval", interval, |field, &v| bounds::number(field, v, -1.0..=2.0))?;
        }
        bounds::number("brier", self.brier, 0.0..=1.0)?;
        bounds::number("accuracy", self.accuracy, 0.0..=1.0)
    }
}

impl Bounded for ClinicalCard {
    fn within_bounds(&self) -> Bound {
        bounds::inside("trained_on", &self.trained_on)?;
        let fault = self.boosting.check().err().unwrap_or_default();
        bounds::holds("boosting", "no way to train", fault.is_empty(), &fault)?;
        bounds::count("seeds", self.seeds, 1..=1_000_000)?;
        bounds::number("final_train_loss", self.final_train_loss, 0.0..=1e6)?;
        self.test.as_ref().map_or(Ok(()), |test| bounds::inside("test", test))
    }
}
