//! The clinicopathological variables (names, units, codes), one patient's values, and the boosted trees over them.

mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use variables::{Kind, VARIABLES, Variable, variable};

/// One patient's values, by variable key; an absent key is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub id: String,
    pub values: BTreeMap<&'static str, f64>,
}

/// The boosted-tree model with its scaler and card (`models/clinical.json`).
pub struct ClinicalModel {
    pub sha256: String,
}

/// What the clinical branch says.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalPrediction {
    pub probability: f64,
    pub vote: bool,
    /// Labels of variables that were missing and filled by the model's stated policy.
    pub missing: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClinicalError {
    #[error("{}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },
}

impl ClinicalModel {
    pub fn load(_path: &Path) -> Result<Self, ClinicalError> {
        unimplemented!()
    }

    pub fn predict(&self, _record: &Record) -> ClinicalPrediction {
        unimplemented!()
    }

    /// One line for cards and reports: what it was trained on.
    pub fn description(&self) -> &str {
        unimplemented!()
    }
}
