//! The boosted-tree model of the clinical branch: training by the published recipe, its card, prediction.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::boosting::{self, Boosting, BoostingSettings};
use super::scaler::Scaler;
use super::shap;
use super::smote::{self, SmoteSettings};
use super::{ClinicalError, Contribution, Explanation, Kind, Record, read_records, variable};
use crate::cohort::Table;
use crate::files;
use crate::stats::roc;

const FORMAT: &str = "thoracast clinical model";
const VERSION: u32 = 1;

/// Keys of the 19 columns that the published recipe uses (visceral fat at T11 is left out there).
pub const PUBLISHED_COLUMNS: [&str; 19] = [
    "age",
    "tumor_size",
    "bmi",
    "cea",
    "pma_t4",
    "pmi_t4",
    "menopause",
    "n_stage",
    "lvi",
    "multifocal",
    "er",
    "pr",
    "her2",
    "ki67",
    "subtype",
    "endocrine",
    "radiotherapy",
    "chemotherapy",
    "histology",
];

/// What the clinical branch says.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalPrediction {
    /// Probability of metastasis.
    pub probability: f64,
    /// True where metastasis is the likelier outcome.
    pub vote: bool,
    /// Labels of variables that were missing and filled by the model's stated policy.
    pub missing: Vec<String>,
}

/// The table a model was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// File name without its folder.
    pub file: String,
    pub sha256: String,
    pub patients: usize,
    pub events: usize,
}

/// How a model did on a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    #[serde(flatten)]
    pub on: TrainedOn,
    pub auc: f64,
    /// 95 % interval (DeLong); absent where the variance is zero.
    pub auc_interval: Option<[f64; 2]>,
    /// Mean squared difference between probability and outcome.
    pub brier: f64,
    /// Share of right votes.
    pub accuracy: f64,
}

/// What a person should know about the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClinicalCard {
    pub summary: String,
    pub trained_on: TrainedOn,
    pub recipe: String,
    pub boosting: BoostingSettings,
    pub smote: SmoteSettings,
    pub synthetic_patients: usize,
    pub missing_values: String,
    /// Mean deviance of the (resampled) training rows after the last tree.
    pub final_train_loss: f64,
    /// On a table that took no part in training.
    pub test: Option<Performance>,
    pub warnings: Vec<String>,
    pub program: String,
}

/// One column the model uses, as it was among the training patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    key: String,
    label: String,
    median: f64,
    low: f64,
    high: f64,
    missing: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ModelFile {
    format: String,
    version: u32,
    card: ClinicalCard,
    columns: Vec<Column>,
    scaler: Scaler,
    boosting: Boosting,
}

/// The boosted-tree model with its scaler and card (`models/clinical.json`).
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalModel {
    /// Of the model file.
    pub sha256: String,
    file: ModelFile,
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalTraining {
    /// Keys of the variables to use, in the order of the features.
    pub columns: Vec<String>,
    pub boosting: BoostingSettings,
    pub smote: SmoteSettings,
}

impl Default for ClinicalTraining {
    fn default() -> Self {
        Self {
            columns: PUBLISHED_COLUMNS.iter().map(|c| c.to_string()).collect(),
            boosting: BoostingSettings::default(),
            smote: SmoteSettings::default(),
        }
    }
}

impl ClinicalModel {
    /// Reads a model file; the error is one sentence that names it.
    pub fn load(path: &Path) -> Result<Self, ClinicalError> {
        let refuse = |reason: String| ClinicalError::Model { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|e| {
            refuse(format!("the clinical model cannot be read ({e}); make it with `train clinical`"))
        })?;
        let file: ModelFile = serde_json::from_slice(&bytes).map_err(|e| {
            refuse(format!("not a whole clinical model ({e}); make it again with `train clinical`"))
        })?;
        file.check().map_err(refuse)?;
        Ok(Self { sha256: files::sha256_of(&bytes), file })
    }

    /// The bytes of the model file; their hash is [`ClinicalModel::sha256`].
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.file)
    }

    /// Probability and vote; missing values are filled with the training median and listed.
    pub fn predict(&self, record: &Record) -> ClinicalPrediction {
        let mut missing = Vec::new();
        let value = |column: &Column| {
            record.values.get(column.key.as_str()).copied().unwrap_or_else(|| {
                missing.push(column.label.clone());
                column.median
            })
        };
        let row: Vec<f64> = self.file.columns.iter().map(value).collect();
        let probability = self.file.boosting.probability(&self.file.scaler.transform(&row));
        ClinicalPrediction { probability, vote: probability > 0.5, missing }
    }

    /// How much each variable moved the log-odds, from the training patients' average to this patient's.
    pub fn explain(&self, record: &Record) -> Explanation {
        let given = |c: &Column| record.values.get(c.key.as_str()).copied();
        let row: Vec<f64> = self.file.columns.iter().map(|c| given(c).unwrap_or(c.median)).collect();
        let said = shap::explain(&self.file.boosting, &self.file.scaler.transform(&row));
        let contribution = |(c, log_odds): (&Column, &f64)| Contribution {
            variable: c.key.clone(),
            label: c.label.clone(),
            value: given(c),
            log_odds: *log_odds,
        };
        let contributions = self.file.columns.iter().zip(&said.contributions).map(contribution).collect();
        Explanation { base_log_odds: said.base, contributions }
    }

    /// One sentence for each measured value that lies outside what the model saw in training; codes are the
    /// business of [`super::outside_codes`].
    pub fn outside_training(&self, record: &Record) -> Vec<String> {
        let outside = |c: &Column| {
            let value = *record.values.get(c.key.as_str())?;
            let measured = variable(&c.key).is_some_and(|v| matches!(v.kind, Kind::Number { .. }));
            let inside = (c.low..=c.high).contains(&value);
            (measured && !inside).then(|| {
                format!("{} = {value} is outside the training patients' {} to {}", c.label, c.low, c.high)
            })
        };
        self.file.columns.iter().filter_map(outside).collect()
    }

    /// One line for cards and reports: what it was trained on.
    pub fn description(&self) -> &str {
        &self.file.card.summary
    }

    /// The model's card.
    pub fn card(&self) -> &ClinicalCard {
        &self.file.card
    }

    /// Keys of the variables it uses.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.file.columns.iter().map(|c| c.key.as_str())
    }

    /// How the model does on a table with outcomes.
    pub fn evaluate(&self, table: &Table) -> Result<Performance, ClinicalError> {
        let (records, _) = read_records(table)?;
        let outcome = outcomes(table)?;
        let p: Vec<f64> = records.iter().map(|r| self.predict(r).probability).collect();
        let n = p.len() as f64;
        let curve = roc::auc_with_interval(&outcome, &p).ok_or_else(|| ClinicalError::Training {
            path: table.path.clone(),
            reason: "all patients have the same outcome, so an AUC does not exist".to_owned(),
        })?;
        let pairs = || outcome.iter().zip(&p);
        Ok(Performance {
            on: trained_on(table, &outcome),
            auc: curve.auc,
            auc_interval: curve.interval,
            brier: pairs().map(|(y, p)| (p - f64::from(u8::from(*y))).powi(2)).sum::<f64>() / n,
            accuracy: pairs().filter(|(y, p)| **y == (**p > 0.5)).count() as f64 / n,
        })
    }

    /// Writes the result on a table into the card, so that it travels with the model.
    pub fn with_test(mut self, table: &Table) -> Result<Self, ClinicalError> {
        self.file.card.test = Some(self.evaluate(table)?);
        self.finish()
    }

    fn finish(mut self) -> Result<Self, ClinicalError> {
        self.file.card.summary = summary(&self.file);
        let bytes = self.to_json().map_err(|e| ClinicalError::Training {
            path: self.file.card.trained_on.file.clone().into(),
            reason: format!("the fitted model cannot be written ({e})"),
        })?;
        self.sha256 = files::sha256_of(&bytes);
        Ok(self)
    }
}

impl ModelFile {
    /// Whether prediction can never leave the lists; the error continues "FILE: ".
    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT || self.version != VERSION {
            return Err(format!(
                "this is '{}' version {}, and a '{FORMAT}' version {VERSION} is needed; make it again with `train clinical`",
                self.format, self.version
            ));
        }
        let n = self.columns.len();
        let numbers = self.scaler.mean.iter().chain(&self.scaler.scale);
        let whole = n > 0
            && self.scaler.mean.len() == n
            && self.scaler.scale.len() == n
            && numbers
                .chain([&self.boosting.prior_log_odds, &self.boosting.learning_rate])
                .all(|v| v.is_finite())
            && self.scaler.scale.iter().all(|s| *s != 0.0)
            && self.columns.iter().all(|c| c.median.is_finite() && variable(&c.key).is_some())
            && self.boosting.trees.iter().all(|t| t.check(n));
        if whole {
            Ok(())
        } else {
            Err("the clinical model is damaged; make it again with `train clinical`".into())
        }
    }
}

/// True for patients with metastasis, in the table's order; the column must hold 0 and 1 only.
pub fn outcomes(table: &Table) -> Result<Vec<bool>, ClinicalError> {
    let column = table.require("metastasis")?;
    let one = |row: usize| match table.number(row, column)? {
        Some(0.0) => Ok(false),
        Some(1.0) => Ok(true),
        _ => Err(table
            .cell(row, column, "is not an outcome; write 0 (no metastasis) or 1 (metastasis)")
            .into()),
    };
    (0..table.rows.len()).map(one).collect()
}

/// Trains by the study's recipe: BorderlineSMOTE, standardisation, gradient boosting.
pub fn train(table: &Table, training: &ClinicalTraining) -> Result<ClinicalModel, ClinicalError> {
    let refuse = |reason: String| ClinicalError::Training { path: table.path.clone(), reason };
    let (records, warnings) = read_records(table)?;
    let outcome = outcomes(table)?;
    let columns: Vec<Column> =
        training.columns.iter().map(|key| column(key, &records).map_err(refuse)).collect::<Result<_, _>>()?;
    let filled = |r: &Record| -> Vec<f64> {
        columns.iter().map(|c| r.values.get(c.key.as_str()).copied().unwrap_or(c.median)).collect()
    };
    let rows: Vec<Vec<f64>> = records.iter().map(filled).collect();
    let resampled = smote::borderline(&rows, &outcome, &training.smote).map_err(|e| refuse(e.to_string()))?;
    let scaler = Scaler::fit(&resampled.rows);
    let scaled: Vec<Vec<f64>> = resampled.rows.iter().map(|r| scaler.transform(r)).collect();
    let fitted =
        boosting::fit(&scaled, &resampled.outcome, &training.boosting).map_err(|e| refuse(e.to_string()))?;
    let card = ClinicalCard {
        summary: String::new(),
        trained_on: trained_on(table, &outcome),
        recipe: recipe(training),
        boosting: training.boosting.clone(),
        smote: training.smote.clone(),
        synthetic_patients: resampled.synthetic,
        missing_values: "filled with the median of the training patients and named in the result".to_owned(),
        final_train_loss: fitted.train_loss.last().copied().unwrap_or(f64::NAN),
        test: None,
        warnings,
        program: format!("thoracast {}", env!("CARGO_PKG_VERSION")),
    };
    let file = ModelFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        card,
        columns,
        scaler,
        boosting: fitted.model,
    };
    ClinicalModel { sha256: String::new(), file }.finish()
}

fn trained_on(table: &Table, outcome: &[bool]) -> TrainedOn {
    let file = table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let events = outcome.iter().filter(|y| **y).count();
    TrainedOn { file, sha256: table.sha256.clone(), patients: outcome.len(), events }
}

fn recipe(training: &ClinicalTraining) -> String {
    let (b, s) = (&training.boosting, &training.smote);
    format!(
        "BorderlineSMOTE (borderline-1, k {}, m {}, seed {}), standardisation, gradient boosting with {} trees of depth {} at learning rate {}",
        s.k, s.m, s.seed, b.trees, b.max_depth, b.learning_rate
    )
}

fn summary(file: &ModelFile) -> String {
    let (card, on) = (&file.card, &file.card.trained_on);
    let mut text = format!(
        "Gradient boosting, {} trees on {} variables, trained on {} patients ({} with metastasis) of {}",
        file.boosting.trees.len(),
        file.columns.len(),
        on.patients,
        on.events,
        on.file
    );
    if let Some(test) = &card.test {
        let interval = test.auc_interval.map_or_else(String::new, |[a, b]| format!(" ({a:.3}–{b:.3})"));
        text += &format!(
            "; AUC {:.3}{interval} on {} other patients of {}",
            test.auc, test.on.patients, test.on.file
        );
    }
    text
}

/// Median and range of a variable among the training patients.
fn column(key: &str, records: &[Record]) -> Result<Column, String> {
    let known = variable(key).ok_or_else(|| format!("'{key}' is not a variable of the study"))?;
    let mut values: Vec<f64> = records.iter().filter_map(|r| r.values.get(known.key).copied()).collect();
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first().copied(), values.last().copied()) else {
        return Err(format!("the column '{}' is missing or empty; training needs it", known.column));
    };
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    let missing = records.len() - values.len();
    Ok(Column { key: known.key.to_owned(), label: known.label.to_owned(), median, low, high, missing })
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
