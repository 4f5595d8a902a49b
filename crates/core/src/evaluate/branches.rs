//! The three branches, the vote and the nomogram on the patients of a split.

use std::collections::BTreeMap;

use super::{Answers, Case, Cases, EvaluateError, Said};
use crate::assess::Models;
use crate::clinical::{self, ClinicalModel};
use crate::cohort::{CohortFolder, Split, Table};
use crate::fusion::{self, LogProb};
use crate::level::Level;
use crate::nn::Network;
use crate::nomogram::NomogramModel;
use crate::slice;
use thoracast_files::progress::Progress;

/// The patients of a split: those of its clinical table, else of its survival table, else of its pictures.
pub(super) fn cases(
    cohort: &CohortFolder,
    split: Split,
    warnings: &mut Vec<String>,
) -> Result<Cases, EvaluateError> {
    let refuse = |reason: String| EvaluateError::Cohort { path: cohort.path.display().to_string(), reason };
    let mut cases = Cases::new();
    if let Some(table) = cohort.clinical(split) {
        let (records, said) = clinical::read_records(table)?;
        warnings.extend(said);
        for (record, outcome) in records.into_iter().zip(clinical::outcomes(table)?) {
            let case = Case { outcome, record: Some(record.clone()), ..Case::default() };
            insert(&mut cases, record.id, case, table)?;
        }
    } else if let Some(table) = cohort.survival(split) {
        let column = table.require("id")?;
        for (row, outcome) in clinical::outcomes(table)?.into_iter().enumerate() {
            let id = table.text(row, column).unwrap_or("").to_owned();
            insert(&mut cases, id, Case { outcome, ..Case::default() }, table)?;
        }
    } else {
        for picture in cohort.pictures.iter().filter(|p| p.split == split) {
            let case = cases.entry(picture.id.clone()).or_default();
            case.outcome |= picture.event;
        }
    }
    if cases.is_empty() {
        return Err(refuse(format!("there are no patients in the {split} split; give another with --split")));
    }
    let events = cases.values().filter(|c| c.outcome).count();
    if events == 0 || events == cases.len() {
        let n = cases.len();
        return Err(refuse(format!(
            "{events} of the {n} patients of the {split} split have the event; figures need both outcomes"
        )));
    }
    Ok(cases)
}

fn insert(cases: &mut Cases, id: String, case: Case, table: &Table) -> Result<(), EvaluateError> {
    let refuse = |reason: String| EvaluateError::Cohort { path: table.path.display().to_string(), reason };
    if id.is_empty() {
        return Err(refuse("a row has no ID; patients are brought together by ID".to_owned()));
    }
    match cases.insert(id.clone(), case) {
        None => Ok(()),
        Some(_) => Err(refuse(format!("two rows have the ID {id}; keep one (`thoracast audit` finds all)"))),
    }
}

/// Runs the networks on the split's pictures.
pub(super) fn look(
    cohort: &CohortFolder,
    models: &Models,
    split: Split,
    cases: &mut Cases,
    progress: &dyn Progress,
    warnings: &mut Vec<String>,
) -> Result<(), EvaluateError> {
    let pictures: Vec<_> = cohort.pictures.iter().filter(|p| p.split == split).collect();
    if !pictures.is_empty() {
        progress.stage("Networks on the pictures");
    }
    let (mut strangers, mut conflicts) = (Vec::new(), Vec::new());
    for (done, file) in pictures.iter().enumerate() {
        if progress.cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        progress.report(done, pictures.len());
        let Some(case) = cases.get_mut(&file.id) else {
            strangers.push(file.id.as_str());
            continue;
        };
        if case.outcome != file.event {
            conflicts.push(file.id.as_str());
        }
        let network = network(models, file.level);
        let picture = slice::read_picture(&file.path, &network.card.recipe)?;
        let said = network.infer(&picture).map_err(crate::assess::AssessError::from)?.log_prob;
        match file.level {
            Level::T4 => case.t4 = Some(said),
            Level::T11 => case.t11 = Some(said),
        }
    }
    progress.report(pictures.len(), pictures.len());
    if !strangers.is_empty() {
        strangers.dedup();
        warnings.push(format!("pictures of patients without a row were left out: {}", named(&strangers)));
    }
    if !conflicts.is_empty() {
        conflicts.sort_unstable();
        conflicts.dedup();
        warnings.push(format!(
            "table and picture folder disagree on the outcome of {}; the table's counts",
            named(&conflicts)
        ));
    }
    Ok(())
}

fn named(ids: &[&str]) -> String {
    let rest = if ids.len() > 8 { format!(" and {} more", ids.len() - 8) } else { String::new() };
    format!("{}{rest}", ids[..ids.len().min(8)].join(", "))
}

fn network(models: &Models, level: Level) -> &Network {
    match level {
        Level::T4 => &models.t4,
        Level::T11 => &models.t11,
    }
}

pub(super) fn said(log_prob: LogProb, outcome: bool) -> Said {
    Said { probability: log_prob.probability(), vote: log_prob.vote(), outcome }
}

pub(super) fn image_branches(models: &Models, cases: &Cases) -> [(&'static str, String, Answers); 2] {
    let of = |pick: fn(&Case) -> Option<LogProb>| -> Answers {
        cases.iter().filter_map(|(id, c)| Some((id.clone(), said(pick(c)?, c.outcome)))).collect()
    };
    let words = |network: &Network| match network.card.trained {
        true => network.card.description.clone(),
        false => format!("{}: {}", network.card.name, crate::assess::UNTRAINED),
    };
    [("t4", words(&models.t4), of(|c| c.t4)), ("t11", words(&models.t11), of(|c| c.t11))]
}

pub(super) fn clinical(model: &ClinicalModel, cases: &Cases) -> Answers {
    let answer = |(id, case): (&String, &Case)| {
        let p = model.predict(case.record.as_ref()?);
        Some((id.clone(), Said { probability: p.probability, vote: p.vote, outcome: case.outcome }))
    };
    cases.iter().filter_map(answer).collect()
}

/// The published vote, for the patients who have all three branches.
pub(super) fn fused(model: &ClinicalModel, cases: &Cases) -> BTreeMap<String, LogProb> {
    let one = |(id, case): (&String, &Case)| {
        let vote = model.predict(case.record.as_ref()?).vote;
        Some((id.clone(), fusion::fuse(case.t4?, case.t11?, vote).log_prob))
    };
    cases.iter().filter_map(one).collect()
}

pub(super) fn voted(fused: &BTreeMap<String, LogProb>, cases: &Cases) -> Answers {
    fused.iter().filter_map(|(id, p)| Some((id.clone(), said(*p, cases.get(id)?.outcome)))).collect()
}

/// The shipped nomogram with our fused log-probability.
pub(super) fn nomogram(model: &NomogramModel, fused: &BTreeMap<String, LogProb>, cases: &Cases) -> Answers {
    let one = |(id, p): (&String, &LogProb)| {
        let case = cases.get(id)?;
        let values = model.values_from(case.record.as_ref()?, p.0[1]).ok()?;
        let points = model.place(&values).ok()?;
        let vote = model.high_risk(&points);
        Some((id.clone(), Said { probability: points.risk, vote, outcome: case.outcome }))
    };
    fused.iter().filter_map(one).collect()
}

/// Says where a model learned from the very file it is evaluated on.
pub(super) fn remark_on_training(
    cohort: &CohortFolder,
    models: &Models,
    split: Split,
    warnings: &mut Vec<String>,
) {
    let same = |table: Option<&Table>, sha256: &str| table.is_some_and(|t| t.sha256 == sha256);
    if same(cohort.clinical(split), &models.clinical.card().trained_on.sha256) {
        warnings.push(
            "the clinical branch was trained on this very table: its figures are optimistic".to_owned(),
        );
    }
    if same(cohort.survival(split), &models.nomogram.card().trained_on.sha256) {
        warnings.push(
            "the nomogram was fitted on these very patients (with the study's own fused probabilities)"
                .to_owned(),
        );
    }
    for network in [&models.t4, &models.t11] {
        if !network.card.trained {
            warnings.push(format!("{}: {}", network.card.name, crate::assess::UNTRAINED));
        }
    }
}
