//! Fusions and clinical models beside the published ones.

use super::{Answers, Case, Cases, EvaluateError, branches};
use crate::clinical::{self, ClinicalModel, ClinicalTraining, PUBLISHED_COLUMNS};
use crate::cohort::{CohortFolder, Split};
use crate::fusion::{self, Branches, FusionRule, LogProb, Stacking};
use crate::stats::folds::folds;

/// Folds of the stacked fusion.
const FOLDS: usize = 10;

/// Stacking weights, and how many patients they were fitted on.
pub(super) struct Weights {
    pub stacking: Stacking,
    pub patients: usize,
    pub events: usize,
}

/// The three branches of a patient who has them all.
fn three(model: &ClinicalModel, case: &Case) -> Option<Branches> {
    let clinical = model.predict(case.record.as_ref()?).probability;
    Some(Branches { t4: case.t4?, t11: case.t11?, clinical })
}

/// A fusion's name, what it is in words, and what it said.
type Alternative = (&'static str, String, Answers);

/// The mean of the log-odds, and stacking; with the stacking weights of all patients, for patients to come.
pub(super) fn all(
    model: &ClinicalModel,
    cases: &Cases,
    seed: u64,
    warnings: &mut Vec<String>,
) -> (Vec<Alternative>, Option<Weights>) {
    let (mut ids, mut inputs, mut outcomes) = (vec![], vec![], vec![]);
    for (id, case) in cases {
        if let Some(branches) = three(model, case) {
            ids.push(id.clone());
            inputs.push(branches);
            outcomes.push(case.outcome);
        }
    }
    if ids.is_empty() {
        return (vec![], None);
    }
    let answers = |fused: Vec<LogProb>| -> Answers {
        let said = fused.into_iter().zip(&outcomes).map(|(p, outcome)| branches::said(p, *outcome));
        ids.iter().cloned().zip(said).collect()
    };
    let mean = inputs.iter().map(|b| FusionRule::MeanLogOdds.apply(*b)).collect();
    let mut list = vec![("mean_log_odds", "mean of the three branches' log-odds".to_owned(), answers(mean))];
    let Some(fold) = folds(&outcomes, FOLDS, seed) else {
        warnings.push("no stacked fusion: too few patients with each outcome for ten folds".to_owned());
        return (list, None);
    };
    let stacked = match fusion::stack_out_of_fold(&inputs, &outcomes, &fold) {
        Ok(stacked) => answers(stacked),
        Err(error) => {
            warnings.push(format!("no stacked fusion: {error}"));
            return (list, None);
        }
    };
    let what = format!(
        "logistic regression on the three branches' log-odds, each patient predicted by a fit on the other {} of {FOLDS} folds",
        FOLDS - 1
    );
    list.push(("stacking", what, stacked));
    let events = outcomes.iter().filter(|y| **y).count();
    let weights = Stacking::fit(&inputs, &outcomes).ok();
    (list, weights.map(|stacking| Weights { stacking, patients: ids.len(), events }))
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
    Ok(ClinicalTraining { columns, ..ClinicalTraining::default() }.seeded(seed))
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
