//! One patient through everything: the function the panels, `predict` and `batch` call.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::fusion::{LogProb, Source, Votes};
use crate::nn::Heatmap;
use crate::slice::Picture;
use crate::stats::nomogram::{Nomogram, PatientPoints};

/// Said wherever a figure came from weights that were never trained.
pub const UNTRAINED: &str = "untrained weights: figures have no meaning";

/// Said wherever a result stands.
pub const RESEARCH_ONLY: &str = "Research use only. Not for diagnosis or treatment decisions.";

/// Everything the program says about one patient; serialises to the document `predict --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Assessment {
    pub id: String,
    pub t4: ImageBranch,
    pub t11: ImageBranch,
    pub clinical: ClinicalBranch,
    pub fused: FusedResult,
    pub nomogram: NomogramResult,
    /// SHA-256 by model: t4, t11, clinical, nomogram.
    pub models: BTreeMap<String, String>,
    /// False while any network has untrained weights.
    pub meaningful: bool,
    pub device: String,
    pub warnings: Vec<String>,
    /// What is needed to draw the reasons; not part of the JSON.
    #[serde(skip)]
    pub reasons: Reasons,
}

/// One network's say.
#[derive(Debug, Clone, Serialize)]
pub struct ImageBranch {
    /// Slice number in the volume; null for an already-cut picture.
    pub slice: Option<usize>,
    pub log_prob: LogProb,
    pub probability: f64,
    pub vote: bool,
    /// False for untrained weights.
    pub trained: bool,
}

/// The boosted trees' say.
#[derive(Debug, Clone, Serialize)]
pub struct ClinicalBranch {
    pub probability: f64,
    pub vote: bool,
    pub missing: Vec<String>,
}

/// The fused say.
#[derive(Debug, Clone, Serialize)]
pub struct FusedResult {
    pub log_prob: LogProb,
    pub probability: f64,
    pub source: Source,
    pub votes: Votes,
}

/// Low or high, by the nomogram model's cut-off in total points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskGroup {
    Low,
    High,
}

/// The patient on the nomogram; nulls where a predictor is missing.
#[derive(Debug, Clone, Serialize)]
pub struct NomogramResult {
    /// Points by axis name.
    pub points: BTreeMap<String, f64>,
    pub total: Option<f64>,
    pub risk: Option<f64>,
    pub group: Option<RiskGroup>,
}

/// Pictures and axes behind the figures.
#[derive(Debug, Clone, Default)]
pub struct Reasons {
    pub t4_picture: Option<Picture>,
    pub t11_picture: Option<Picture>,
    /// Grad-CAM for metastasis.
    pub t4_cam: Option<Heatmap>,
    pub t11_cam: Option<Heatmap>,
    pub nomogram: Option<Nomogram>,
    pub patient_points: Option<PatientPoints>,
    /// Total points from which a patient counts as high risk.
    pub cutoff_points: Option<f64>,
}
