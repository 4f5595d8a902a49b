//! Repeated cross-validation of the clinical models: every patient is predicted by models that never saw them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::EvaluateError;
use super::alternatives::training_without;
use super::figures::{Figures, Said};
use crate::clinical;
use crate::cohort::{CohortFolder, Table};
use crate::stats::folds::folds;
use thoracast_files::progress::Progress;

/// How to cross-validate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossValidation {
    pub folds: usize,
    pub repeats: usize,
}

/// A model's figures over repeats.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossValidated {
    pub name: String,
    pub folds: usize,
    pub repeats: usize,
    pub n: usize,
    pub events: usize,
    /// Mean over the repeats, and their standard deviation.
    pub auc: f64,
    pub auc_sd: f64,
    /// Each repeat: all patients, each predicted out of fold.
    pub each: Vec<Figures>,
}

/// The clinical recipe, and the recipe without some variables, over all patients with a clinical table.
pub(super) fn run(
    cohort: &CohortFolder,
    plan: &CrossValidation,
    without: &[String],
    seed: u64,
    progress: &dyn Progress,
) -> Result<Vec<CrossValidated>, EvaluateError> {
    let refuse = |reason: String| EvaluateError::Cohort { path: cohort.path.display().to_string(), reason };
    if plan.folds < 2 || plan.repeats < 1 {
        return Err(refuse("cross-validation needs at least two folds and one repeat".to_owned()));
    }
    let all = together(cohort)
        .ok_or_else(|| refuse("there is no clinical table to cross-validate on".to_owned()))?;
    let outcomes = clinical::outcomes(&all)?;
    let ids = clinical::ids(&all)?;
    let mut models = vec![("clinical", training_without(&[], seed).map_err(refuse)?)];
    if !without.is_empty() {
        models.push(("clinical_without", training_without(without, seed).map_err(refuse)?));
    }
    progress.stage("Cross-validation");
    let (mut done, total) = (0, models.len() * plan.repeats * plan.folds);
    let mut results = Vec::new();
    for (name, training) in &models {
        let mut each = Vec::new();
        for repeat in 0..plan.repeats {
            let fold = by_patient(&ids, &outcomes, plan.folds, seed.wrapping_add(repeat as u64)).ok_or_else(
                || refuse(format!("{} folds need as many patients of either outcome", plan.folds)),
            )?;
            let mut said: Vec<Said> = Vec::new();
            for held_out in 0..plan.folds {
                if progress.cancelled() {
                    return Err(EvaluateError::Cancelled);
                }
                let model = clinical::train(&rows(&all, |row| fold[row] != held_out), training)?;
                let rest = rows(&all, |row| fold[row] == held_out);
                let (records, _) = clinical::read_records(&rest)?;
                for (record, outcome) in records.iter().zip(clinical::outcomes(&rest)?) {
                    let p = model.predict(record);
                    said.push(Said { probability: p.probability, vote: p.vote, outcome });
                }
                done += 1;
                progress.report(done, total);
            }
            each.push(Figures::of(&said));
        }
        results.push(summary(name, plan, each));
    }
    Ok(results)
}

fn summary(name: &str, plan: &CrossValidation, each: Vec<Figures>) -> CrossValidated {
    let aucs: Vec<f64> = each.iter().filter_map(|f| f.auc).collect();
    let n = aucs.len() as f64;
    let mean = aucs.iter().sum::<f64>() / n;
    let variance = aucs.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    CrossValidated {
        name: name.to_owned(),
        folds: plan.folds,
        repeats: plan.repeats,
        n: each.first().map_or(0, |f| f.n),
        events: each.first().map_or(0, |f| f.events),
        auc: mean,
        auc_sd: variance.sqrt(),
        each,
    }
}

/// Folds in which a patient's rows stay together, whatever number of them there is.
fn by_patient(ids: &[String], outcomes: &[bool], count: usize, seed: u64) -> Option<Vec<usize>> {
    let mut patients: BTreeMap<&str, bool> = BTreeMap::new();
    for (id, outcome) in ids.iter().zip(outcomes) {
        *patients.entry(id).or_default() |= outcome;
    }
    let of_patient = folds(&patients.values().copied().collect::<Vec<_>>(), count, seed)?;
    let fold: BTreeMap<&str, usize> = patients.keys().copied().zip(of_patient).collect();
    Some(ids.iter().map(|id| fold[id.as_str()]).collect())
}

fn rows(table: &Table, keep: impl Fn(usize) -> bool) -> Table {
    let rows = table.rows.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, row)| row.clone());
    Table { rows: rows.collect(), ..table.clone() }
}

/// All clinical tables as one, columns brought together by name.
fn together(cohort: &CohortFolder) -> Option<Table> {
    let mut all = cohort.clinical.first()?.table.clone();
    for other in &cohort.clinical[1..] {
        let from: Vec<Option<usize>> = all.header.iter().map(|name| other.table.column(name)).collect();
        for row in &other.table.rows {
            let cells = from.iter().map(|c| c.map_or_else(String::new, |c| row.cells[c].clone())).collect();
            all.rows.push(crate::cohort::Row { number: row.number, cells });
        }
    }
    Some(all)
}
