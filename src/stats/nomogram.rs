//! Nomograms as `rms::nomogram` draws them: points 0–100 per predictor, total points, risk.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clinical::Record;

/// A nomogram ready to be drawn or read off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nomogram {
    pub axes: Vec<Axis>,
    pub total: TotalAxis,
    pub risk: RiskAxis,
}

/// One predictor's axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    pub name: String,
    pub ticks: Vec<Tick>,
}

/// A value of a predictor and its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub value: Value,
    pub points: f64,
}

/// A number, or a level of a categorical predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Number(f64),
    Level(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalAxis {
    pub ticks: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskAxis {
    pub ticks: Vec<RiskTick>,
}

/// A risk (probability of the outcome) and the total points it stands at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskTick {
    pub value: f64,
    pub total_points: f64,
}

/// One patient on the nomogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientPoints {
    /// Points by axis name, in the nomogram's order.
    pub points: Vec<(String, f64)>,
    /// The value that gave them, in words.
    pub values: Vec<(String, Value)>,
    pub total: f64,
    /// Probability of the outcome.
    pub risk: f64,
    /// 95 % interval of the risk where the model's covariance is known.
    pub risk_interval: Option<[f64; 2]>,
}

/// A fitted nomogram with its card (`models/nomogram.json`).
pub struct NomogramModel {
    pub sha256: String,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NomogramError {
    #[error("{}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },
}

impl NomogramModel {
    pub fn load(_path: &Path) -> Result<Self, NomogramError> {
        unimplemented!()
    }

    pub fn nomogram(&self) -> Nomogram {
        unimplemented!()
    }

    /// Each predictor's value, or the labels of what is missing.
    pub fn values_from(
        &self,
        _record: &Record,
        _fused_log_prob: f64,
    ) -> Result<Vec<(String, Value)>, Vec<String>> {
        unimplemented!()
    }

    pub fn place(&self, _values: &[(String, Value)]) -> Result<PatientPoints, NomogramError> {
        unimplemented!()
    }

    /// Total points from which a patient counts as high risk.
    pub fn cutoff_points(&self) -> f64 {
        unimplemented!()
    }

    pub fn high_risk(&self, _points: &PatientPoints) -> bool {
        unimplemented!()
    }

    pub fn description(&self) -> &str {
        unimplemented!()
    }
}
