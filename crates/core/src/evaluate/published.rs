//! The study's own figures beside ours.

use serde::Serialize;

use super::EvaluateError;
use super::figures::{Figures, Said};
use crate::cohort::{CohortFolder, Split, Table};
use crate::fusion::LogProb;

/// What the study reported for its 186 test patients.
const REPORTED: [(&str, f64); 4] = [("clinical", 0.894), ("t4", 0.918), ("t11", 0.851), ("fusion", 0.953)];

/// A figure from the paper.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reported {
    pub name: &'static str,
    pub auc: f64,
}

/// A branch of the published predictions, counted anew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recounted {
    pub name: &'static str,
    #[serde(flatten)]
    pub figures: Figures,
}

/// The study's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// On the study's own test patients, whatever cohort is evaluated here.
    pub reported: Vec<Reported>,
    /// From the cohort's table of published predictions; each row with its own outcome, since its number need not be
    /// that patient's ID. Empty where there is no such table.
    pub recounted: Vec<Recounted>,
}

/// The study's figures beside those of this cohort.
pub(super) fn beside(cohort: &CohortFolder, split: Split) -> Result<Published, EvaluateError> {
    let reported = REPORTED.iter().map(|&(name, auc)| Reported { name, auc }).collect();
    let recounted = match &cohort.predictions {
        Some(table) if split == Split::Test => recount(table)?,
        _ => vec![],
    };
    Ok(Published { reported, recounted })
}

fn recount(table: &Table) -> Result<Vec<Recounted>, EvaluateError> {
    let outcomes = crate::clinical::outcomes(table)?;
    let branch = |name: &'static str, stem: &str| -> Result<Recounted, EvaluateError> {
        let columns = [table.require(&format!("{stem}_logp0"))?, table.require(&format!("{stem}_logp1"))?];
        let mut said = Vec::with_capacity(outcomes.len());
        for (row, outcome) in outcomes.iter().enumerate() {
            let mut pair = [0.0; 2];
            for (value, column) in pair.iter_mut().zip(columns) {
                *value = table.number(row, column)?.ok_or_else(|| table.cell(row, column, "is missing"))?;
            }
            let log_prob = LogProb(pair);
            said.push(Said { probability: log_prob.probability(), vote: log_prob.vote(), outcome: *outcome });
        }
        Ok(Recounted { name, figures: Figures::of(&said) })
    };
    Ok(vec![branch("t4", "t4")?, branch("t11", "t11")?, branch("fusion", "fused")?])
}
