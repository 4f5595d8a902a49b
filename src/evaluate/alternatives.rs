//! Fusions and clinical models beside the published ones.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::figures::log_odds;
use super::{Answers, Case, Cases, EvaluateError, Said, branches};
use crate::clinical::{self, ClinicalModel, ClinicalTraining, PUBLISHED_COLUMNS};
use crate::cohort::{CohortFolder, Split};
use crate::fusion::LogProb;
use crate::stats::logistic::{self, Convergence};

/// Folds of the stacked fusion.
const FOLDS: usize = 10;

/// Log-odds of a log-probability pair.
fn of_pair(p: LogProb) -> f64 {
    (p.0[1] - p.0[0]).clamp(-30.0, 30.0)
}

/// The three branches' log-odds of a patient who has them all.
fn three(model: &ClinicalModel, case: &Case) -> Option<[f64; 3]> {
    let clinical = model.predict(case.record.as_ref()?).probability;
    Some([of_pair(case.t4?), of_pair(case.t11?), log_odds(clinical)])
}

/// The mean of the log-odds, and stacking.
pub(super) fn all(
    model: &ClinicalModel,
    cases: &Cases,
    seed: u64,
    warnings: &mut Vec<String>,
) -> Vec<(&'static str, String, Answers)> {
    let inputs: BTreeMap<&String, ([f64; 3], bool)> =
        cases.iter().filter_map(|(id, c)| Some((id, (three(model, c)?, c.outcome)))).collect();
    if inputs.is_empty() {
        return vec![];
    }
    let mean = inputs
        .iter()
        .map(|(id, (x, outcome))| (id.to_string(), answer(x.iter().sum::<f64>() / 3.0, *outcome)));
    let mut list =
        vec![("mean_log_odds", "mean of the three branches' log-odds".to_owned(), mean.collect::<Answers>())];
    match stacked(&inputs, seed) {
        Some(answers) => list.push((
            "stacking",
            format!("logistic regression on the three branches' log-odds, each patient predicted by a fit on the other {} of {FOLDS} folds", FOLDS - 1),
            answers,
        )),
        None => warnings.push("no stacked fusion: too few patients with each outcome for ten folds".to_owned()),
    }
    list
}

fn answer(log_odds: f64, outcome: bool) -> Said {
    Said { probability: logistic::logistic(log_odds), vote: log_odds > 0.0, outcome }
}

fn stacked(inputs: &BTreeMap<&String, ([f64; 3], bool)>, seed: u64) -> Option<Answers> {
    let outcomes: Vec<bool> = inputs.values().map(|(_, y)| *y).collect();
    let fold = folds(&outcomes, FOLDS, seed)?;
    let names = ["t4", "t11", "clinical"].map(str::to_owned);
    let mut answers = Answers::new();
    for held_out in 0..FOLDS {
        let others = inputs.values().zip(&fold).filter(|(_, f)| **f != held_out);
        let (rows, y): (Vec<Vec<f64>>, Vec<bool>) = others.map(|((x, y), _)| (x.to_vec(), *y)).unzip();
        let fit = logistic::fit(&rows, &y, &names, Convergence::Full).ok()?;
        for ((id, (x, outcome)), _) in inputs.iter().zip(&fold).filter(|(_, f)| **f == held_out) {
            let sum = fit.coef[0] + fit.coef[1..].iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
            answers.insert(id.to_string(), answer(sum, *outcome));
        }
    }
    Some(answers)
}

/// A fold for each patient, both outcomes dealt out evenly; `None` with fewer patients of an outcome than folds.
pub(super) fn folds(outcomes: &[bool], folds: usize, seed: u64) -> Option<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xf01d);
    let mut fold = vec![0; outcomes.len()];
    let mut dealt = 0;
    for class in [true, false] {
        let mut members: Vec<usize> = (0..outcomes.len()).filter(|i| outcomes[*i] == class).collect();
        if members.len() < folds {
            return None;
        }
        for i in (1..members.len()).rev() {
            members.swap(i, rng.random_range(0..=i));
        }
        for member in members {
            fold[member] = dealt % folds;
            dealt += 1;
        }
    }
    Some(fold)
}

/// The published recipe without some variables.
pub(super) fn training_without(without: &[String], seed: u64) -> Result<ClinicalTraining, String> {
    if let Some(unknown) = without.iter().find(|key| !PUBLISHED_COLUMNS.contains(&key.as_str())) {
        return Err(format!(
            "'{unknown}' is not among the clinical branch's variables: {}",
            PUBLISHED_COLUMNS.join(", ")
        ));
    }
    let columns: Vec<String> = PUBLISHED_COLUMNS
        .iter()
        .filter(|c| !without.iter().any(|w| w == *c))
        .map(|c| c.to_string())
        .collect();
    if columns.is_empty() {
        return Err("no clinical variable is left to fit a model on".to_owned());
    }
    let mut training = ClinicalTraining { columns, ..ClinicalTraining::default() };
    training.smote.seed = seed;
    Ok(training)
}

/// The clinical branch fitted anew on the training table, without some variables.
pub(super) fn refitted(
    cohort: &CohortFolder,
    without: &[String],
    seed: u64,
    cases: &Cases,
) -> Result<(String, Answers), EvaluateError> {
    let refuse = |reason: String| EvaluateError::Cohort { path: cohort.path.display().to_string(), reason };
    let table = cohort
        .clinical(Split::Train)
        .ok_or_else(|| refuse("a model without some variables needs the table clinical_train".to_owned()))?;
    let model = clinical::train(table, &training_without(without, seed).map_err(refuse)?)?;
    let what = format!("{}, fitted without {}", model.description(), without.join(", "));
    Ok((what, branches::clinical(&model, cases)))
}
