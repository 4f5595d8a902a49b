//! How the branches, their fusions and alternatives do on the patients of one split of a cohort.
//!
//! Patients are brought together by ID, never by row. Figures of models that learned from these very patients are
//! optimistic; where that is known it is said.

mod alternatives;
mod branches;
mod cross_validation;
pub mod figures;
mod published;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::assess::{AssessError, Models};
use crate::clinical::{ClinicalError, Record};
use crate::cohort::{CohortFolder, Split};
use crate::fusion::{FittedStacking, LogProb};
use crate::stats::roc;
use thoracast_files::progress::Progress;

pub use cross_validation::{CrossValidated, CrossValidation};
pub use figures::{Confusion, Figures, Said};
pub use published::Published;

/// What to evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub split: Split,
    /// Keys of clinical variables to leave out of a second clinical model, fitted anew on the training table.
    pub without: Vec<String>,
    /// Repeated cross-validation of the clinical models over all patients with a table.
    pub cross_validation: Option<CrossValidation>,
    pub seed: u64,
}

/// One patient of the split, with what each branch said.
#[derive(Debug, Clone, Default)]
struct Case {
    outcome: bool,
    record: Option<Record>,
    t4: Option<LogProb>,
    t11: Option<LogProb>,
}

/// Patients by ID.
type Cases = BTreeMap<String, Case>;

/// What a branch said, by patient.
pub type Answers = BTreeMap<String, Said>;

/// A branch and how it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Branch {
    /// `t4`, `t11`, `clinical`, `fusion`, `mean_log_odds`, `stacking`, `nomogram`, …
    pub name: String,
    /// What it is, in words.
    pub what: String,
    #[serde(flatten)]
    pub figures: Figures,
    /// What it said, by patient ID.
    #[serde(skip)]
    pub said: Answers,
}

/// DeLong's test between two branches on the patients both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairTest {
    pub a: String,
    pub b: String,
    pub n: usize,
    /// Absent where the two rank the patients alike.
    pub z: Option<f64>,
    pub p: Option<f64>,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    pub split: Split,
    pub n: usize,
    pub events: usize,
    /// True: the patients were drawn by `simulate`.
    pub simulated: bool,
    pub branches: Vec<Branch>,
    pub tests: Vec<PairTest>,
    /// Weights of the stacked fusion for patients to come, from all patients of the split (`stacking` among the branches
    /// is each patient predicted without the own fold).
    pub stacking: Option<FittedStacking>,
    pub cross_validation: Option<Vec<CrossValidated>>,
    pub published: Published,
    pub warnings: Vec<String>,
}

/// A branch's name for a person.
pub fn words(name: &str) -> &str {
    match name {
        "t4" => "T4 network",
        "t11" => "T11 network",
        "clinical" => "Clinical model",
        "clinical_without" => "Clinical model without",
        "fusion" => "Published vote",
        "mean_log_odds" => "Mean log-odds",
        "stacking" => "Stacking",
        "nomogram" => "Nomogram",
        other => other,
    }
}

/// Why a cohort cannot be evaluated; one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    #[error(transparent)]
    Clinical(#[from] ClinicalError),
    #[error(transparent)]
    Table(#[from] crate::cohort::TableError),
    #[error(transparent)]
    Picture(#[from] crate::slice::PictureError),
    #[error(transparent)]
    Assess(#[from] AssessError),
    #[error("{path}: {reason}")]
    Cohort { path: String, reason: String },
    #[error("cancelled")]
    Cancelled,
}

/// Runs every branch that the cohort has the inputs for.
///
/// # Errors
/// A split without patients or with one outcome only, an ID twice, a table or picture that cannot be read.
pub fn run(
    cohort: &CohortFolder,
    models: &Models,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Evaluation, EvaluateError> {
    let mut warnings = cohort.warnings.clone();
    let mut cases = branches::cases(cohort, options.split, &mut warnings)?;
    branches::look(cohort, models, options.split, &mut cases, progress, &mut warnings)?;
    let mut answers: Vec<Branch> = Vec::new();
    let mut add = |name: &str, what: String, said: Answers| {
        if !said.is_empty() {
            let list: Vec<Said> = said.values().copied().collect();
            answers.push(Branch { name: name.to_owned(), what, figures: Figures::of(&list), said });
        }
    };
    for (name, what, said) in branches::image_branches(models, &cases) {
        add(name, what, said);
    }
    add("clinical", models.clinical.description().to_owned(), branches::clinical(&models.clinical, &cases));
    let fused = branches::fused(&models.clinical, &cases);
    add("fusion", "the study's vote of the three branches".to_owned(), branches::voted(&fused, &cases));
    let (fusions, weights) = alternatives::all(&models.clinical, &cases, options.seed, &mut warnings);
    for (name, what, said) in fusions {
        add(name, what, said);
    }
    add(
        "nomogram",
        models.nomogram.description().to_owned(),
        branches::nomogram(&models.nomogram, &fused, &cases),
    );
    if !options.without.is_empty() {
        let (what, said) = alternatives::refitted(cohort, &options.without, options.seed, &cases)?;
        add("clinical_without", what, said);
    }
    let cross_validation = match &options.cross_validation {
        Some(plan) => Some(cross_validation::run(cohort, plan, &options.without, options.seed, progress)?),
        None => None,
    };
    let tests = tests(&answers);
    let events = cases.values().filter(|c| c.outcome).count();
    let simulated = crate::simulate::is_simulated(&cohort.path);
    let stacking = weights.map(|w| FittedStacking {
        stacking: w.stacking,
        split: options.split.name().to_owned(),
        patients: w.patients,
        events: w.events,
        models: models.hashes().into_iter().filter(|(name, _)| name != "nomogram").collect(),
        simulated,
    });
    branches::remark_on_training(cohort, models, options.split, &mut warnings);
    Ok(Evaluation {
        split: options.split,
        n: cases.len(),
        events,
        simulated,
        branches: answers,
        tests,
        stacking,
        cross_validation,
        published: published::beside(cohort, options.split)?,
        warnings,
    })
}

/// Every pair of branches, on the patients both have.
fn tests(branches: &[Branch]) -> Vec<PairTest> {
    let mut tests = Vec::new();
    for (i, a) in branches.iter().enumerate() {
        for b in &branches[i + 1..] {
            let both: Vec<(&Said, &Said)> =
                a.said.iter().filter_map(|(id, a)| Some((a, b.said.get(id)?))).collect();
            let outcome: Vec<bool> = both.iter().map(|(a, _)| a.outcome).collect();
            let [x, y]: [Vec<f64>; 2] = [
                both.iter().map(|(a, _)| a.probability).collect(),
                both.iter().map(|(_, b)| b.probability).collect(),
            ];
            let test = roc::paired_test(&outcome, &x, &y);
            tests.push(PairTest {
                a: a.name.clone(),
                b: b.name.clone(),
                n: both.len(),
                z: test.map(|t| t.z),
                p: test.map(|t| t.p),
            });
        }
    }
    tests
}

#[cfg(test)]
mod tests;
