//! The clinicopathological variables (names, units, codes), one patient's values, and the boosted trees over them.

pub mod boosting;
mod card;
mod explain;
mod file;
pub mod importance;
mod model;
mod record;
pub mod scaler;
pub mod shap;
pub mod smote;
mod training;
pub mod tree;

use std::path::PathBuf;

use crate::tables::TableError;

pub use crate::study::{Kind, VARIABLES, Variable, variable};
pub use card::{ClinicalCard, Performance, TrainedOn};
pub use explain::{Contribution, Explanation};
pub use model::{ClinicalModel, ClinicalPrediction, Outside};
pub use record::{Record, ids, outside_codes, read_record, read_record_at, read_records, validate};
pub use training::{
    ClinicalTraining, LossCurve, Missing, PUBLISHED_COLUMNS, Trained, outcomes, train, train_with_losses,
};

/// What stops reading a patient or using a model; one sentence each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClinicalError {
    #[error("{}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{}: {reason}", path.display())]
    Patient { path: PathBuf, reason: String },
    #[error("{}: {reason}", path.display())]
    Training { path: PathBuf, reason: String },
}
