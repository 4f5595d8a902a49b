//! Stacking weights in a file, so that a person can choose them for a patient.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Stacking;
use thoracast_files as files;
use thoracast_files::bounds::{self, Bound, Bounded};
use thoracast_files::budget;

/// Weights, and what they were fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedStacking {
    pub stacking: Stacking,
    /// The split whose patients it was fitted on.
    pub split: String,
    pub patients: usize,
    pub events: usize,
    /// SHA-256 of the branches whose log-odds it weighs: t4, t11, clinical.
    pub models: BTreeMap<String, String>,
    /// True: the patients were drawn by `simulate`.
    pub simulated: bool,
}

/// Why weights cannot be used; one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackingError {
    #[error("{path}: {reason}", path = path.display())]
    File { path: PathBuf, reason: String },
    #[error(
        "these stacking weights were fitted on another {branch} model than the one in use; fit them anew with \
         `thoracast evaluate --cohort DIR --stacking FILE`"
    )]
    OtherModel { branch: String },
}

impl Bounded for FittedStacking {
    fn within_bounds(&self) -> Bound {
        let Stacking { intercept, weights } = &self.stacking;
        bounds::number("stacking.intercept", *intercept, -1e3..=1e3)?;
        bounds::each("stacking.weights", weights, |field, &w| bounds::number(field, w, -1e3..=1e3))?;
        let patients = format!("there are {} patients", self.patients);
        bounds::holds("events", self.events, self.events <= self.patients, &patients)
    }
}

impl FittedStacking {
    pub fn read(path: &Path) -> Result<Self, StackingError> {
        let refuse = |reason: String| StackingError::File { path: path.to_owned(), reason };
        let text = budget::read_text(path, budget::DOCUMENT).map_err(|e| refuse(e.to_string()))?;
        bounds::from_json(text.as_bytes()).map_err(|e| {
            refuse(format!(
                "these are no stacking weights as `thoracast evaluate --stacking` writes them ({e})"
            ))
        })
    }

    pub fn write(&self, path: &Path) -> Result<(), StackingError> {
        let refuse = |reason: String| StackingError::File { path: path.to_owned(), reason };
        let text = serde_json::to_vec_pretty(self).map_err(|e| refuse(e.to_string()))?;
        files::write_atomic(path, &text).map_err(|e| refuse(e.to_string()))
    }

    /// Weights belong to the branches they were fitted on.
    pub fn check(&self, models: &BTreeMap<String, String>) -> Result<(), StackingError> {
        match self.models.iter().find(|(name, hash)| models.get(*name) != Some(hash)) {
            Some((branch, _)) => Err(StackingError::OtherModel { branch: branch.clone() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_written_and_belong_to_their_branches() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stacking.json");
        let hashes = |t11: &str| {
            BTreeMap::from([("t4", "a"), ("t11", t11), ("clinical", "c")].map(|(k, v)| (k.into(), v.into())))
        };
        let fitted = FittedStacking {
            stacking: Stacking { intercept: -0.25, weights: [0.5, 1.0 / 3.0, 0.75] },
            split: "test".to_owned(),
            patients: 80,
            events: 31,
            models: hashes("b"),
            simulated: false,
        };
        fitted.write(&path).unwrap();
        let read = FittedStacking::read(&path).unwrap();
        assert_eq!(read, fitted);
        read.check(&hashes("b")).unwrap();
        let refused = read.check(&hashes("other")).unwrap_err().to_string();
        assert!(refused.contains("another t11 model"), "{refused}");

        std::fs::write(&path, r#"{"rows": []}"#).unwrap();
        let refused = FittedStacking::read(&path).unwrap_err().to_string();
        assert!(refused.contains("stacking.json") && refused.contains("no stacking weights"), "{refused}");
    }
}
