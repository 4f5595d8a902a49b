//! Training of the clinical model by the published recipe, and what a person may change of it.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::boosting::{self, BoostingSettings, Fitted, HeldBack};
use super::card::{ClinicalCard, TrainedOn, recipe};
use super::file::{Column, Member, ModelFile};
use super::scaler::Scaler;
use super::smote::{self, SmoteSettings};
use super::{ClinicalError, ClinicalModel, Record, read_records, variable};
use crate::tables::Table;

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

/// What is done with a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The median of the training patients takes its place.
    #[default]
    Median,
    /// Every split has learned which way a missing value goes.
    Branch,
}

impl Missing {
    /// For cards and results.
    pub fn words(self) -> &'static str {
        match self {
            Self::Median => "filled with the median of the training patients and named in the result",
            Self::Branch => {
                "followed along the branch that each split learned for missing values, and named in the result"
            }
        }
    }
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicalTraining {
    /// Keys of the variables to use, in the order of the features.
    pub columns: Vec<String>,
    pub boosting: BoostingSettings,
    /// `None`: no synthetic patients.
    pub smote: Option<SmoteSettings>,
    pub missing: Missing,
    /// Models to fit with the seeds that follow one another; their log-odds are averaged.
    pub seeds: usize,
}

impl Default for ClinicalTraining {
    fn default() -> Self {
        Self {
            columns: PUBLISHED_COLUMNS.iter().map(|c| c.to_string()).collect(),
            boosting: BoostingSettings::default(),
            smote: Some(SmoteSettings::default()),
            missing: Missing::default(),
            seeds: 1,
        }
    }
}

impl ClinicalTraining {
    /// Everything that is drawn is drawn from this seed.
    pub fn seeded(mut self, seed: u64) -> Self {
        self.boosting.seed = seed;
        if let Some(smote) = &mut self.smote {
            smote.seed = seed;
        }
        self
    }
}

/// How the loss of one member fell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossCurve {
    pub seed: u64,
    /// Mean deviance of the (resampled) training rows after each tree.
    pub train: Vec<f64>,
    /// The same of the patients held back; empty where none were.
    pub held_back: Vec<f64>,
}

/// A model and how its training went.
#[derive(Debug, Clone)]
pub struct Trained {
    pub model: ClinicalModel,
    /// One a member.
    pub losses: Vec<LossCurve>,
}

/// Trains by the study's recipe: BorderlineSMOTE, standardisation, gradient boosting.
///
/// # Errors
/// Settings that cannot be used, columns that are missing or empty, too few patients of one outcome.
pub fn train(table: &Table, training: &ClinicalTraining) -> Result<ClinicalModel, ClinicalError> {
    train_with_losses(table, training).map(|t| t.model)
}

/// [`train`], with the course of the losses.
///
/// # Errors
/// As [`train`].
pub fn train_with_losses(table: &Table, training: &ClinicalTraining) -> Result<Trained, ClinicalError> {
    let refuse = |reason: String| ClinicalError::Training { path: table.path.clone(), reason };
    training.boosting.check().map_err(refuse)?;
    if training.seeds == 0 || training.seeds > MOST_SEEDS {
        return Err(refuse(format!("{} models cannot be fitted; write 1 to {MOST_SEEDS}", training.seeds)));
    }
    let (records, warnings) = read_records(table)?;
    let outcome = outcomes(table)?;
    let columns: Vec<Column> =
        training.columns.iter().map(|key| column(key, &records).map_err(refuse)).collect::<Result<_, _>>()?;
    let patients = Patients::of(&records, &outcome, &columns, training);
    patients.check_held_back(training).map_err(refuse)?;
    let fit = |member: usize| patients.fit(training, member as u64).map_err(refuse);
    let fits: Vec<Fit> = (0..training.seeds).into_par_iter().map(fit).collect::<Result<_, _>>()?;
    let last = |f: &Fit| f.losses.train.last().copied().unwrap_or(f64::NAN);
    let card = ClinicalCard {
        summary: String::new(),
        trained_on: trained_on(table, &outcome),
        recipe: recipe(training),
        boosting: training.boosting.clone(),
        smote: training.smote.clone(),
        synthetic_patients: fits[0].synthetic,
        missing: training.missing,
        missing_values: training.missing.words().to_owned(),
        seeds: training.seeds,
        held_back: patients.held_back.len(),
        final_train_loss: fits.iter().map(last).sum::<f64>() / fits.len() as f64,
        test: None,
        warnings,
        program: format!("thoracast {}", env!("CARGO_PKG_VERSION")),
    };
    let (members, losses) = fits.into_iter().map(|f| (f.member, f.losses)).unzip();
    Ok(Trained { model: ClinicalModel::finish(ModelFile::new(card, columns, members))?, losses })
}

/// More would take minutes and say no more.
const MOST_SEEDS: usize = 1000;

/// The training patients as numbers.
struct Patients<'a> {
    /// Missing values filled with the median.
    filled: Vec<Vec<f64>>,
    /// Which of them were missing.
    lacking: Vec<Vec<bool>>,
    outcome: &'a [bool],
    /// Rows that early stopping judges by, and no tree sees.
    held_back: Vec<usize>,
    grown_on: Vec<usize>,
}

/// One member.
struct Fit {
    member: Member,
    losses: LossCurve,
    synthetic: usize,
}

impl<'a> Patients<'a> {
    fn of(records: &[Record], outcome: &'a [bool], columns: &[Column], training: &ClinicalTraining) -> Self {
        let given = |r: &Record, c: &Column| r.values.get(c.key.as_str()).copied();
        let filled = |r: &Record| columns.iter().map(|c| given(r, c).unwrap_or(c.median)).collect();
        let lacking = |r: &Record| columns.iter().map(|c| given(r, c).is_none()).collect();
        let held_back = training
            .boosting
            .early_stopping
            .map_or_else(Vec::new, |stop| held_back(records, outcome, stop.share, training.boosting.seed));
        let grown_on = (0..records.len()).filter(|i| !held_back.contains(i)).collect();
        Self {
            filled: records.iter().map(filled).collect(),
            lacking: records.iter().map(lacking).collect(),
            outcome,
            held_back,
            grown_on,
        }
    }

    /// Early stopping must have patients to judge by: a share that rounds to none would never stop.
    fn check_held_back(&self, training: &ClinicalTraining) -> Result<(), String> {
        match training.boosting.early_stopping {
            Some(stop) if self.held_back.is_empty() => Err(format!(
                "early stopping would hold back none of the {} rows with a share of {}; write a larger share",
                self.outcome.len(),
                stop.share
            )),
            _ => Ok(()),
        }
    }

    fn fit(&self, training: &ClinicalTraining, member: u64) -> Result<Fit, String> {
        let branch = training.missing == Missing::Branch;
        let mut rows: Vec<Vec<f64>> = self.grown_on.iter().map(|i| self.filled[*i].clone()).collect();
        let mut lacking: Vec<&Vec<bool>> = self.grown_on.iter().map(|i| &self.lacking[*i]).collect();
        let mut outcome: Vec<bool> = self.grown_on.iter().map(|i| self.outcome[*i]).collect();
        let mut synthetic = 0;
        if let Some(smote) = &training.smote {
            let smote = SmoteSettings { seed: smote.seed.wrapping_add(member), ..smote.clone() };
            let resampled = smote::borderline(&rows, &outcome, &smote).map_err(|e| e.to_string())?;
            // A synthetic patient lacks what the patient at the border lacks.
            lacking.extend(resampled.parents.iter().map(|p| &self.lacking[self.grown_on[*p]]));
            (rows, outcome, synthetic) = (resampled.rows, resampled.outcome, resampled.synthetic);
        }
        let scaler = Scaler::fit(&rows);
        let scaled = |row: &[f64], lacking: &[bool]| -> Vec<f64> {
            let lacks = |(v, lacking): (f64, &bool)| if branch && *lacking { f64::NAN } else { v };
            scaler.transform(row).into_iter().zip(lacking).map(lacks).collect()
        };
        let features: Vec<Vec<f64>> = rows.iter().zip(lacking).map(|(r, l)| scaled(r, l)).collect();
        let watched: Vec<Vec<f64>> =
            self.held_back.iter().map(|i| scaled(&self.filled[*i], &self.lacking[*i])).collect();
        let watched_outcome: Vec<bool> = self.held_back.iter().map(|i| self.outcome[*i]).collect();
        let settings = BoostingSettings {
            seed: training.boosting.seed.wrapping_add(member),
            missing_branch: branch,
            ..training.boosting.clone()
        };
        let held_back =
            (!watched.is_empty()).then_some(HeldBack { rows: &watched, outcome: &watched_outcome });
        let Fitted { model, train_loss, held_back_loss } =
            boosting::fit_watching(&features, &outcome, &settings, held_back).map_err(|e| e.to_string())?;
        let losses = LossCurve { seed: settings.seed, train: train_loss, held_back: held_back_loss };
        Ok(Fit { member: Member { scaler, boosting: model }, losses, synthetic })
    }
}

/// Rows held back from training: of each outcome the same share of patients; all rows of a patient stay together.
fn held_back(records: &[Record], outcome: &[bool], share: f64, seed: u64) -> Vec<usize> {
    let mut patients: BTreeMap<&str, (bool, Vec<usize>)> = BTreeMap::new();
    for (row, (record, event)) in records.iter().zip(outcome).enumerate() {
        let patient = patients.entry(&record.id).or_default();
        patient.0 |= event;
        patient.1.push(row);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut held: Vec<usize> = Vec::new();
    for event in [false, true] {
        let mut of: Vec<&Vec<usize>> = patients.values().filter(|p| p.0 == event).map(|p| &p.1).collect();
        of.shuffle(&mut random);
        let count = (share * of.len() as f64).round() as usize;
        held.extend(of.into_iter().take(count).flatten());
    }
    held.sort_unstable();
    held
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

/// The table and its patients, for a card.
pub(super) fn trained_on(table: &Table, outcome: &[bool]) -> TrainedOn {
    let file = table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let events = outcome.iter().filter(|y| **y).count();
    TrainedOn { file, sha256: table.sha256.clone(), patients: outcome.len(), events }
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
