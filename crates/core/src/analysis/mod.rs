//! The figures of one data set, from a question in the user's words: which outcome, which predictors, which follow-up.
//! A nomogram's model with its predictions in and out of fold, risk groups and their survival, and what the hazard
//! depends on. The Statistics panels and the reporting sheets are made of these.

mod benefit;
mod data_set;
mod hazards;
mod model;
mod patient;
mod question;
mod survival;

pub use benefit::{Decision, Discrimination, Score, decision, discrimination};
pub use data_set::DataSet;
pub use hazards::{Hazards, Univariate};
pub use model::{FOLDS, Model};
pub use patient::patient_values;
pub use question::{Endpoint, Question};
pub use survival::{GroupCurve, Groups};

use crate::simulate::SimulateError;
use crate::stats::StatsError;
use crate::stats::nomogram::NomogramError;

/// Why a figure cannot be made; one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    #[error(transparent)]
    Table(#[from] crate::cohort::TableError),
    #[error(transparent)]
    Stats(#[from] StatsError),
    #[error(transparent)]
    Nomogram(#[from] NomogramError),
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    #[error("{0}")]
    Question(String),
}

#[cfg(test)]
mod tests;
