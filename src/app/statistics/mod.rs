//! The Statistics tab: what is asked of which data, and the figures that answer it.

pub mod figures;

use std::sync::{Arc, Weak};

use thoracast_core::analysis::{self, DataSet, Decision, Discrimination, Groups, Hazards, Model, Question};
use thoracast_core::cohort::Table;
use thoracast_core::figures::BenefitAs;
use thoracast_core::level::Level;
use thoracast_core::stats::calibration::{self, Calibration};
use thoracast_core::stats::nomogram::Value;
use thoracast_core::stats::resample;
use thoracast_files::progress::Progress;

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
    /// How the network of a level was trained.
    Training(Level),
    /// What the clinical branch depends on.
    Importance,
}

impl Tile {
    /// Those of a question with so many endpoints.
    pub fn all(endpoints: usize) -> Vec<Self> {
        let mut tiles = vec![Self::Nomogram, Self::Roc, Self::Calibration, Self::Decision];
        tiles.extend((0..endpoints).map(Self::Survival));
        tiles.extend((0..endpoints).map(Self::Hazards));
        tiles.push(Self::Importance);
        tiles.extend([Level::T4, Level::T11].map(Self::Training));
        tiles
    }

    /// In words, for the endpoints asked about.
    pub fn name(self, question: Option<&Question>) -> String {
        let endpoint = |i: usize| {
            question.and_then(|q| q.endpoints.get(i)).map_or_else(String::new, |e| format!(" {}", e.short))
        };
        match self {
            Self::Nomogram => "Nomogram".to_owned(),
            Self::Calibration => "Calibration".to_owned(),
            Self::Decision => "Decision curve".to_owned(),
            Self::Roc => "ROC".to_owned(),
            Self::Survival(i) => format!("Kaplan–Meier{}", endpoint(i)),
            Self::Hazards(i) => format!("Cox{}", endpoint(i)),
            Self::Training(level) => format!("Training {}", level.name()),
            Self::Importance => "Variables".to_owned(),
        }
    }

    /// The name of an exported file, without its ending.
    pub fn file_stem(self, question: Option<&Question>) -> String {
        self.name(question).to_lowercase().replace(['–', ' '], "-")
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

/// How the charts are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// What decision curves show.
    pub benefit: BenefitAs,
    /// Whether decision curves have their bands.
    pub band: bool,
    /// Prevalence in percent where the sample's is not the population's.
    pub prevalence_percent: Option<f64>,
    /// Whether the ROC chart has the nomogram's predictors, and the branches of the last evaluation.
    pub predictors: bool,
    pub branches: bool,
    /// Whether the cohort stands on the nomogram's axes.
    pub cohort: bool,
    /// The points table instead of the nomogram.
    pub points_table: bool,
    /// The variable whose values are set against its shares, by its place among the most important; `None`: all.
    pub variable: Option<usize>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            benefit: BenefitAs::Net,
            band: false,
            prevalence_percent: None,
            predictors: true,
            branches: true,
            cohort: true,
            points_table: false,
            variable: None,
        }
    }
}

/// All answers to one question.
pub struct Computed {
    pub model: Result<Model, String>,
    pub calibration: Result<Calibration, String>,
    pub decision: Result<Decision, String>,
    pub discrimination: Option<Discrimination>,
    /// By endpoint.
    pub hazards: Vec<Result<Hazards, String>>,
}

/// What the tab shows.
#[derive(Default)]
pub struct Statistics {
    pub origin: Origin,
    /// What was open when the origin was chosen.
    pub seen: AtHand,
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
    /// A person put a patient there, or moved one; else the cohort's middle stands there.
    pub patient_placed: bool,
    pub look: Look,
    /// One chart instead of all.
    pub alone: Option<Tile>,
    /// The chart whose file dialog is open.
    pub exporting: Option<Tile>,
    /// The question has changed while its figures were being computed.
    pub outdated: bool,
}

/// The table and the cohort folder that are open.
#[derive(Default)]
pub struct AtHand {
    pub table: Option<Weak<Table>>,
    pub folder: String,
}

impl PartialEq for AtHand {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.table, &other.table) {
            (Some(a), Some(b)) => Weak::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        same && self.folder == other.folder
    }
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
pub fn compute(data: &DataSet, question: &Question, look: Look, progress: &dyn Progress) -> Computed {
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
