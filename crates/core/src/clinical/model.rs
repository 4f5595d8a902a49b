//! The boosted-tree model of the clinical branch: prediction, explanation, evaluation.

use std::path::Path;

use super::boosting::logistic;
use super::card::{ClinicalCard, Performance, summary};
use super::file::{Column, Member, ModelFile};
use super::training::{Missing, outcomes, trained_on};
use super::{ClinicalError, Contribution, Explanation, Kind, Record, read_records, shap, variable};
use crate::stats::roc;
use crate::tables::Table;
use thoracast_files as files;
use thoracast_files::budget;

/// What the clinical branch says.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalPrediction {
    /// Probability of metastasis.
    pub probability: f64,
    /// True where metastasis is the likelier outcome.
    pub vote: bool,
    /// Labels of variables that were missing and treated by the model's stated policy.
    pub missing: Vec<String>,
    /// Lowest and highest probability of the members of an ensemble; absent for a single model.
    pub spread: Option<[f64; 2]>,
}

/// A value beyond those of the training patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Outside {
    /// The variable's label.
    pub label: String,
    pub value: f64,
    /// Lowest and highest value in training.
    pub range: [f64; 2],
}

impl Outside {
    pub fn words(&self) -> String {
        let [low, high] = self.range;
        format!("{} = {} is outside the training patients' {low} to {high}", self.label, self.value)
    }
}

/// The boosted-tree model with its scaler and card (`models/clinical.json`).
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalModel {
    /// Of the model file.
    pub sha256: String,
    file: ModelFile,
}

impl ClinicalModel {
    /// Reads a model file; the error is one sentence that names it.
    pub fn load(path: &Path) -> Result<Self, ClinicalError> {
        let refuse = |reason: String| ClinicalError::Model { path: path.to_owned(), reason };
        let bytes = budget::read(path, budget::MODEL).map_err(|e| {
            refuse(format!("the clinical model cannot be read ({e}); make it with `train clinical`"))
        })?;
        Ok(Self { sha256: files::sha256_of(&bytes), file: ModelFile::read(&bytes).map_err(refuse)? })
    }

    /// The bytes of the model file; their hash is [`ClinicalModel::sha256`] of a model just trained.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.file)
    }

    /// Probability and vote; missing values are treated as the card says and listed.
    pub fn predict(&self, record: &Record) -> ClinicalPrediction {
        let missing = self.file.columns.iter().filter(|c| given(record, c).is_none());
        let row = self.row(record);
        let probability = logistic(self.log_odds(&row));
        let log_odds: Vec<f64> = self.file.members.iter().map(|m| m.log_odds(&row)).collect();
        let low = log_odds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = log_odds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        ClinicalPrediction {
            probability,
            vote: probability > 0.5,
            missing: missing.map(|c| c.label.clone()).collect(),
            spread: (log_odds.len() > 1).then(|| [logistic(low), logistic(high)]),
        }
    }

    /// Mean log-odds of the members for one row of [`ClinicalModel::row`].
    pub(super) fn log_odds(&self, row: &[f64]) -> f64 {
        self.file.members.iter().map(|m| m.log_odds(row)).sum::<f64>() / self.file.members.len() as f64
    }

    /// The model's columns; where nothing is given, what its policy puts there.
    pub(super) fn row(&self, record: &Record) -> Vec<f64> {
        let filled = |c: &Column| match self.file.card.missing {
            Missing::Median => c.median,
            Missing::Branch => f64::NAN,
        };
        self.file.columns.iter().map(|c| given(record, c).unwrap_or_else(|| filled(c))).collect()
    }

    /// How much each variable moved the log-odds, from the training patients' average to this patient's; of an ensemble
    /// the mean.
    pub fn explain(&self, record: &Record) -> Explanation {
        let row = self.row(record);
        let share = 1.0 / self.file.members.len() as f64;
        let mut moved = vec![0.0; row.len()];
        let mut base = 0.0;
        for member in &self.file.members {
            let said = shap::explain(&member.boosting, &member.scaler.transform(&row));
            base += share * said.base;
            moved.iter_mut().zip(&said.contributions).for_each(|(sum, c)| *sum += share * c);
        }
        let contribution = |(c, log_odds): (&Column, f64)| Contribution {
            variable: c.key.clone(),
            label: c.label.clone(),
            value: given(record, c),
            log_odds,
        };
        let contributions = self.file.columns.iter().zip(moved).map(contribution).collect();
        Explanation { base_log_odds: base, contributions }
    }

    /// Each measured value that lies outside what the model saw in training; codes are the business of
    /// [`super::outside_codes`].
    pub fn outside_training(&self, record: &Record) -> Vec<Outside> {
        let outside = |c: &Column| {
            let value = *record.values.get(c.key.as_str())?;
            let measured = variable(&c.key).is_some_and(|v| matches!(v.kind, Kind::Number { .. }));
            let inside = (c.low..=c.high).contains(&value);
            (measured && !inside).then(|| Outside { label: c.label.clone(), value, range: [c.low, c.high] })
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

    /// What it does with missing values.
    pub fn missing(&self) -> Missing {
        self.file.card.missing
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
        Self::finish(self.file)
    }

    /// A file whose card says what is in it.
    pub(super) fn finish(mut file: ModelFile) -> Result<Self, ClinicalError> {
        file.card.summary = summary(&file.card, file.trees(), file.columns.len());
        let mut model = Self { sha256: String::new(), file };
        let bytes = model.to_json().map_err(|e| ClinicalError::Training {
            path: model.file.card.trained_on.file.clone().into(),
            reason: format!("the fitted model cannot be written ({e})"),
        })?;
        model.sha256 = files::sha256_of(&bytes);
        Ok(model)
    }
}

fn given(record: &Record, column: &Column) -> Option<f64> {
    record.values.get(column.key.as_str()).copied()
}

impl Member {
    fn log_odds(&self, row: &[f64]) -> f64 {
        self.boosting.log_odds(&self.scaler.transform(row))
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
