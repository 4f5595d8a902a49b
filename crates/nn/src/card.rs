//! What a weights file says about itself.

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::picture::Recipe;

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
