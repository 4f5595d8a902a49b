//! The fitted nomogram as a file with its card (`models/nomogram.json`), and a patient's way onto it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clinical::{Record, TrainedOn};
use crate::stats::nomogram::{LinearModel, Nomogram, NomogramError, PatientPoints, Value};
use thoracast_files as files;
use thoracast_files::bounds::{self, Bound, Bounded};
use thoracast_files::budget;

const FORMAT: &str = "thoracast nomogram";
const VERSION: u32 = 1;

/// What a person should know about the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NomogramCard {
    pub summary: String,
    pub trained_on: TrainedOn,
    /// Row numbers in the file that were left out because a value is missing.
    pub dropped_rows: Vec<usize>,
    /// Concordance on the patients it was fitted on (apparent, not validated).
    pub apparent_c: f64,
    pub brier: f64,
    pub notes: Vec<String>,
    pub program: String,
}

/// Where a predictor's value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum InputSource {
    /// The number of a clinical variable.
    Variable { key: String },
    /// A clinical number cut in two.
    Group { key: String, at: f64, below: String, at_or_above: String },
    /// A clinical code and the level it stands for.
    Codes { key: String, levels: Vec<(f64, String)> },
    /// The fused log-probability of metastasis.
    FusedLogProb,
}

/// One predictor of the nomogram and its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The predictor's (and axis's) name.
    pub name: String,
    /// What a person reads where the value is missing.
    pub label: String,
    #[serde(flatten)]
    pub source: InputSource,
}

/// From where on a patient counts as high risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cutoff {
    pub total_points: f64,
    pub risk: f64,
    /// How it was chosen.
    pub how: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ModelFile {
    pub format: String,
    pub version: u32,
    pub card: NomogramCard,
    pub inputs: Vec<Input>,
    pub model: LinearModel,
    pub risk_marks: Vec<f64>,
    pub cutoff: Cutoff,
}

/// A fitted nomogram with its card (`models/nomogram.json`).
#[derive(Debug, Clone, PartialEq)]
pub struct NomogramModel {
    /// Of the model file.
    pub sha256: String,
    file: ModelFile,
}

/// Most risks marked on the axis.
const MOST_MARKS: usize = 100;

impl Bounded for ModelFile {
    fn within_bounds(&self) -> Bound {
        bounds::inside("card", &self.card)?;
        bounds::inside("model", &self.model)?;
        bounds::length("inputs", self.inputs.len(), self.model.predictors.len())?;
        bounds::each("inputs", &self.inputs, |field, input| {
            let same = |i: &&Input| i.name == input.name;
            let once = self.inputs.iter().filter(same).count() == 1;
            let known = self.model.predictors.iter().any(|p| p.covariate.name == input.name);
            let name = format!("{field}.name");
            bounds::holds(&name, &input.name, once && known, "each predictor of the model is needed once")?;
            bounds::named(field, input.source.within_bounds())
        })?;
        bounds::count("risk_marks", self.risk_marks.len(), 0..=MOST_MARKS)?;
        bounds::each("risk_marks", &self.risk_marks, |field, &risk| {
            bounds::number(field, risk, 1e-9..=1.0 - 1e-9)
        })?;
        bounds::number("cutoff.total_points", self.cutoff.total_points, -1e6..=1e6)?;
        bounds::number("cutoff.risk", self.cutoff.risk, 0.0..=1.0)
    }
}

impl Bounded for NomogramCard {
    fn within_bounds(&self) -> Bound {
        bounds::inside("trained_on", &self.trained_on)?;
        bounds::number("apparent_c", self.apparent_c, 0.0..=1.0)?;
        bounds::number("brier", self.brier, 0.0..=1.0)
    }
}

impl Bounded for InputSource {
    fn within_bounds(&self) -> Bound {
        match self {
            Self::Variable { key } => bounds::text("key", key),
            Self::Group { key, at, .. } => {
                bounds::text("key", key)?;
                bounds::number("at", *at, -1e9..=1e9)
            }
            Self::Codes { key, levels } => {
                bounds::text("key", key)?;
                bounds::count("levels", levels.len(), 1..=1000)?;
                bounds::each("levels", levels, |field, (code, _)| bounds::number(field, *code, -1e9..=1e9))
            }
            Self::FusedLogProb => Ok(()),
        }
    }
}

impl NomogramModel {
    pub(super) fn new(mut file: ModelFile) -> Result<Self, NomogramError> {
        (file.format, file.version) = (FORMAT.to_owned(), VERSION);
        let bytes = serde_json::to_vec_pretty(&file)
            .map_err(|e| NomogramError::Value(format!("the fitted nomogram cannot be written ({e})")))?;
        Ok(Self { sha256: files::sha256_of(&bytes), file })
    }

    /// Reads a model file; the error is one sentence that names it.
    pub fn load(path: &Path) -> Result<Self, NomogramError> {
        let refuse = |reason: String| NomogramError::Model { path: path.to_owned(), reason };
        let bytes = budget::read(path, budget::MODEL)
            .map_err(|e| refuse(format!("the nomogram cannot be read ({e}); make it with `train fusion`")))?;
        let file: ModelFile = bounds::typed_json(&bytes)
            .map_err(|e| refuse(format!("not a whole nomogram ({e}); make it again with `train fusion`")))?;
        if file.format != FORMAT || file.version != VERSION {
            return Err(refuse(format!(
                "this is '{}' version {}, and a '{FORMAT}' version {VERSION} is needed; make it again with `train fusion`",
                file.format, file.version
            )));
        }
        file.within_bounds().map_err(|e| {
            refuse(format!("the nomogram is damaged: {e}; make it again with `train fusion`"))
        })?;
        Ok(Self { sha256: files::sha256_of(&bytes), file })
    }

    /// The bytes of the model file; their hash is [`NomogramModel::sha256`].
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(&self.file)
    }

    /// The nomogram to draw.
    pub fn nomogram(&self) -> Nomogram {
        self.file.model.nomogram(&self.file.risk_marks)
    }

    /// Each predictor's value, or the labels of what is missing.
    pub fn values_from(
        &self,
        record: &Record,
        fused_log_prob: f64,
    ) -> Result<Vec<(String, Value)>, Vec<String>> {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for input in &self.file.inputs {
            match value_of(&input.source, record, fused_log_prob) {
                Ok(value) => values.push((input.name.clone(), value)),
                Err(None) => missing.push(input.label.clone()),
                Err(Some(code)) => missing.push(format!("{} (code {code} has no level)", input.label)),
            }
        }
        if missing.is_empty() { Ok(values) } else { Err(missing) }
    }

    /// Points, total, risk and its 95 % interval; computed, not read off, also outside the axes (see
    /// [`NomogramModel::outside`]).
    pub fn place(&self, values: &[(String, Value)]) -> Result<PatientPoints, NomogramError> {
        self.file.model.place(values)
    }

    /// One sentence for each value outside the range of the patients the model was fitted on.
    pub fn outside(&self, values: &[(String, Value)]) -> Vec<String> {
        self.file.model.outside(values)
    }

    /// Total points from which a patient counts as high risk.
    pub fn cutoff_points(&self) -> f64 {
        self.file.cutoff.total_points
    }

    /// The cut-off and how it was chosen.
    pub fn cutoff(&self) -> &Cutoff {
        &self.file.cutoff
    }

    /// Whether these total points reach the cut-off.
    pub fn high_risk(&self, points: &PatientPoints) -> bool {
        points.total >= self.cutoff_points()
    }

    /// Which predictor comes from where.
    pub fn inputs(&self) -> &[Input] {
        &self.file.inputs
    }

    /// The coefficients, ranges and covariance.
    pub fn model(&self) -> &LinearModel {
        &self.file.model
    }

    /// The model's card.
    pub fn card(&self) -> &NomogramCard {
        &self.file.card
    }

    /// One line for cards and reports: what it was fitted on.
    pub fn description(&self) -> &str {
        &self.file.card.summary
    }
}

/// `Err(None)`: missing; `Err(Some)`: a code without a level.
fn value_of(source: &InputSource, record: &Record, fused_log_prob: f64) -> Result<Value, Option<f64>> {
    let of = |key: &str| record.values.get(key).copied().ok_or(None);
    match source {
        InputSource::FusedLogProb if fused_log_prob.is_finite() => Ok(Value::Number(fused_log_prob)),
        InputSource::FusedLogProb => Err(None),
        InputSource::Variable { key } => of(key).map(Value::Number),
        InputSource::Group { key, at, below, at_or_above } => {
            of(key).map(|v| Value::Level(if v < *at { below.clone() } else { at_or_above.clone() }))
        }
        InputSource::Codes { key, levels } => {
            let code = of(key)?;
            let level = levels.iter().find(|(c, _)| *c == code).ok_or(Some(code))?;
            Ok(Value::Level(level.1.clone()))
        }
    }
}
