//! What a weights file says about itself.

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::picture::Recipe;
use thoracast_files::bounds::{self, Bound, Bounded};

/// A model's card; stored beside the weights (`NAME.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub name: String,
    pub arch: Arch,
    pub recipe: Recipe,
    /// False for weights that were never trained on patients: their figures have no meaning.
    pub trained: bool,
    /// What it was trained on and how it did, in words.
    pub description: String,
    /// What else a person should know before trusting it: how it was chosen, what simpler methods reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// How it was trained, where this program did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
}

/// How a network was trained, for anyone who wants to know or to do it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Version of this program.
    pub program: String,
    pub device: String,
    pub seed: u64,
    /// SHA-256 over split, class, ID and contents of every picture.
    pub data_sha256: String,
    pub train: Counts,
    pub valid: Counts,
    /// What the backbone started from: "random numbers", or a file's name and SHA-256.
    pub start: String,
    /// The options of the run, as the trainer wrote them.
    pub plan: serde_json::Value,
    /// The epoch whose weights were kept.
    pub kept_epoch: usize,
    pub curve: Curve,
    /// On the validation pictures with the weights kept.
    pub validation: Evaluation,
    /// On the test pictures, once, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
}

/// One point an epoch.
pub type Curve = Vec<EpochPoint>;

/// Patients of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub patients: usize,
    pub events: usize,
}

/// An epoch's figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochPoint {
    /// From 1.
    pub epoch: usize,
    /// Mean over the steps, with augmentation and dropout.
    pub train_loss: f64,
    /// Negative log-likelihood without augmentation or dropout.
    pub valid_loss: f64,
    pub valid_auc: f64,
    pub learning_rate: f64,
    pub seconds: f64,
}

/// How a network does on a split, without augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub patients: usize,
    pub events: usize,
    /// Negative log-likelihood.
    pub loss: f64,
    pub auc: f64,
    /// DeLong's 95 % interval; null where one class has a single patient.
    pub auc_low: Option<f64>,
    pub auc_high: Option<f64>,
    /// Of the vote (probability over one half).
    pub accuracy: f64,
}

impl Bounded for Card {
    fn within_bounds(&self) -> Bound {
        bounds::text("name", &self.name)?;
        bounds::inside("recipe", &self.recipe)?;
        self.training.as_ref().map_or(Ok(()), |training| bounds::inside("training", training))
    }
}

impl Bounded for TrainingRecord {
    fn within_bounds(&self) -> Bound {
        bounds::inside("train", &self.train)?;
        bounds::inside("valid", &self.valid)?;
        bounds::count("curve", self.curve.len(), 0..=MOST_EPOCHS)?;
        bounds::count("kept_epoch", self.kept_epoch, 0..=MOST_EPOCHS)?;
        bounds::each("curve", &self.curve, |field, point| bounds::named(field, point.within_bounds()))?;
        bounds::inside("validation", &self.validation)?;
        self.test.as_ref().map_or(Ok(()), |test| bounds::inside("test", test))
    }
}

/// More epochs are no training record.
const MOST_EPOCHS: usize = 1_000_000;
/// Larger losses are no losses of two classes.
const LOSSES: std::ops::RangeInclusive<f64> = 0.0..=1e4;

fn patients_and_events(patients: usize, events: usize) -> Bound {
    bounds::holds("events", events, events <= patients, &format!("there are {patients} patients"))
}

impl Bounded for Counts {
    fn within_bounds(&self) -> Bound {
        patients_and_events(self.patients, self.events)
    }
}

impl Bounded for EpochPoint {
    fn within_bounds(&self) -> Bound {
        bounds::number("train_loss", self.train_loss, LOSSES)?;
        bounds::number("valid_loss", self.valid_loss, LOSSES)?;
        bounds::number("valid_auc", self.valid_auc, 0.0..=1.0)?;
        bounds::number("learning_rate", self.learning_rate, 0.0..=10.0)?;
        bounds::number("seconds", self.seconds, 0.0..=1e9)
    }
}

impl Bounded for Evaluation {
    fn within_bounds(&self) -> Bound {
        patients_and_events(self.patients, self.events)?;
        bounds::number("loss", self.loss, LOSSES)?;
        bounds::number("auc", self.auc, 0.0..=1.0)?;
        bounds::optional("auc_low", self.auc_low, 0.0..=1.0)?;
        bounds::optional("auc_high", self.auc_high, 0.0..=1.0)?;
        bounds::number("accuracy", self.accuracy, 0.0..=1.0)
    }
}
