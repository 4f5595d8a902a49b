//! The Statistics tab: what is asked of which data, and the figures that answer it.

pub mod figures;

use std::sync::Arc;

use crate::analysis::{self, DataSet, Discrimination, Groups, Hazards, Model, Question};
use crate::progress::Progress;
use crate::stats::calibration::{self, Calibration};
use crate::stats::decision_curve::DecisionCurves;
use crate::stats::nomogram::Value;
use crate::stats::resample;

/// One chart of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tile {
    Nomogram,
    Calibration,
    Decision,
    Roc,
    /// Kaplan–Meier of the endpoint with this number.
    Survival(usize),
    /// Cox regressions of the endpoint with this number.
    Hazards(usize),
}

impl Tile {
    /// Those of a question with so many endpoints.
    pub fn all(endpoints: usize) -> Vec<Self> {
        let mut tiles = vec![Self::Nomogram, Self::Roc, Self::Calibration, Self::Decision];
        tiles.extend((0..endpoints).map(Self::Survival));
        tiles.extend((0..endpoints).map(Self::Hazards));
        tiles
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Nomogram => "Nomogram",
            Self::Calibration => "Calibration",
            Self::Decision => "Decision curve",
            Self::Roc => "ROC",
            Self::Survival(0) => "Kaplan–Meier",
            Self::Survival(_) => "Kaplan–Meier 2",
            Self::Hazards(0) => "Cox",
            Self::Hazards(_) => "Cox 2",
        }
    }

    /// The name of an exported file, without its ending.
    pub fn file_stem(self) -> String {
        self.name().to_lowercase().replace(['–', ' '], "-")
    }
}

/// Where the patients come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// `thoracast simulate`'s patients.
    #[default]
    Simulated,
    /// The open clinical table.
    Table,
    /// The cohort folder's test patients.
    Cohort,
}

/// How decision curves are shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DecisionLook {
    pub standardised: bool,
    /// Interventions avoided instead of net benefit.
    pub avoided: bool,
    /// Prevalence in percent where the sample's is not the population's.
    pub prevalence_percent: Option<f64>,
}

/// All answers to one question.
pub struct Computed {
    pub model: Result<Model, String>,
    pub calibration: Result<Calibration, String>,
    pub decision: Result<(DecisionCurves, bool), String>,
    pub discrimination: Option<Discrimination>,
    /// By endpoint.
    pub hazards: Vec<Result<Hazards, String>>,
}

/// What the tab shows.
#[derive(Default)]
pub struct Statistics {
    pub origin: Origin,
    pub data: Option<Arc<DataSet>>,
    pub question: Option<Question>,
    /// Why there is no data set.
    pub failure: Option<String>,
    pub computed: Option<Arc<Computed>>,
    /// Total points that part the risk groups; `None`: the largest Youden index.
    pub cut: Option<f64>,
    /// By endpoint.
    pub groups: Vec<Result<Groups, String>>,
    /// The patient on the nomogram.
    pub patient: Vec<(String, Value)>,
    pub look: DecisionLook,
    /// One chart instead of all.
    pub alone: Option<Tile>,
    /// The chart whose file dialog is open.
    pub exporting: Option<Tile>,
    /// The question has changed while its figures were being computed.
    pub outdated: bool,
}

impl Statistics {
    /// The fitted model, if there is one.
    pub fn model(&self) -> Option<&Model> {
        self.computed.as_ref()?.model.as_ref().ok()
    }

    /// Total points that part the groups now.
    pub fn cut_now(&self) -> Option<f64> {
        self.cut.or_else(|| self.model().map(|m| m.youden_cut))
    }
}

/// Thresholds of the decision curves.
fn thresholds() -> Vec<f64> {
    (0..100).map(|i| f64::from(i) / 100.0).collect()
}

/// Computes all answers; for a background job.
pub fn compute(data: &DataSet, question: &Question, look: DecisionLook, progress: &dyn Progress) -> Computed {
    progress.stage("Fitting the nomogram's model");
    let model = Model::fit(data, question).map_err(|e| e.to_string());
    let of_model = |e: &String| e.clone();
    progress.stage("Resampling the calibration");
    let calibration = model.as_ref().map_err(of_model).and_then(|m| {
        let resamples = resample::bootstrap(m.outcome.len(), question.bootstrap, question.seed);
        calibration::calibrate(&m.design.x, &m.outcome, &resamples).map_err(|e| e.to_string())
    });
    let prevalence = look.prevalence_percent.map(|p| p / 100.0);
    let decision = model.as_ref().map_err(of_model).and_then(|m| {
        analysis::decision(data, question, m, &thresholds(), prevalence).map_err(|e| e.to_string())
    });
    let discrimination = model.as_ref().ok().map(analysis::discrimination);
    progress.stage("Fitting Cox regressions");
    let hazards = question
        .endpoints
        .iter()
        .map(|endpoint| Hazards::fit(data, question, endpoint, progress).map_err(|e| e.to_string()))
        .collect();
    Computed { model, calibration, decision, discrimination, hazards }
}
