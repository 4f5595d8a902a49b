//! What the clinical branch depends on among many patients: each patient's Shapley values, and how much worse the branch
//! gets when one variable is shuffled among the patients (Breiman, Machine Learning 2001, 45:5).

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::boosting::logistic;
use super::{ClinicalModel, Explanation, Record};
use crate::stats::calibration::quantile;
use crate::stats::roc;

/// One patient and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedPatient {
    pub id: String,
    /// Absent where it is not known.
    pub outcome: Option<bool>,
    pub probability: f64,
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// How much a figure worsens when a variable is shuffled: the mean over the repeats and their middle 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Worse {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Worse {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Self { mean, low: quantile(&values, 0.025), high: quantile(&values, 0.975) }
    }
}

/// One variable among the patients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    /// Key of the variable.
    pub variable: String,
    pub label: String,
    /// Mean size of its share of the log-odds.
    pub mean_abs_shap: f64,
    /// Patients without a value.
    pub missing: usize,
    /// Drop of the AUC; absent without outcomes of both kinds.
    pub auc: Option<Worse>,
    /// Rise of the mean log-loss; absent likewise.
    pub log_loss: Option<Worse>,
}

/// A cohort explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedCohort {
    pub patients: Vec<ExplainedPatient>,
    /// The largest mean share of the log-odds first.
    pub importance: Vec<Importance>,
    /// Of the branch as it is.
    pub auc: Option<f64>,
    pub log_loss: Option<f64>,
    pub repeats: usize,
}

impl ExplainedCohort {
    /// Every patient's shares of the log-odds as CSV: a row a patient and variable.
    pub fn csv(&self) -> String {
        let mut text = "id,outcome,probability,variable,value,log_odds\n".to_owned();
        for p in &self.patients {
            let id = p.id.replace('"', "\"\"");
            let outcome = p.outcome.map_or_else(String::new, |y| u8::from(y).to_string());
            for c in &p.explanation.contributions {
                let value = c.value.map_or_else(String::new, |v| v.to_string());
                let probability = p.probability;
                text += &format!("\"{id}\",{outcome},{probability},{},{value},{}\n", c.variable, c.log_odds);
            }
        }
        text
    }
}

/// Explains every patient and weighs every variable; `outcome` is one a record, or empty where none is known.
///
/// Each variable is shuffled `repeats` times; the same seed shuffles alike.
pub fn explain_cohort(
    model: &ClinicalModel,
    records: &[Record],
    outcome: &[bool],
    repeats: usize,
    seed: u64,
) -> ExplainedCohort {
    let patients: Vec<ExplainedPatient> = records
        .par_iter()
        .enumerate()
        .map(|(i, record)| ExplainedPatient {
            id: record.id.clone(),
            outcome: outcome.get(i).copied(),
            probability: model.predict(record).probability,
            explanation: model.explain(record),
        })
        .collect();
    let rows: Vec<Vec<f64>> = records.iter().map(|r| model.row(r)).collect();
    let as_it_is: Vec<f64> = rows.iter().map(|r| model.log_odds(r)).collect();
    let shuffle = Shuffle { model, rows: &rows, outcome, repeats, seed };
    let whole = shuffle.figures(&as_it_is);
    let (first, all) = (patients.first(), patients.len().max(1) as f64);
    let mut importance: Vec<Importance> = first
        .map_or(&[][..], |p| &p.explanation.contributions)
        .par_iter()
        .enumerate()
        .map(|(j, c)| {
            let shares = patients.iter().map(|p| p.explanation.contributions[j].log_odds.abs());
            let worse = whole.map(|whole| shuffle.worse(j, whole));
            Importance {
                variable: c.variable.clone(),
                label: c.label.clone(),
                mean_abs_shap: shares.sum::<f64>() / all,
                missing: patients.iter().filter(|p| p.explanation.contributions[j].value.is_none()).count(),
                auc: worse.as_ref().map(|w| w[0]),
                log_loss: worse.as_ref().map(|w| w[1]),
            }
        })
        .collect();
    importance.sort_by(|a, b| b.mean_abs_shap.total_cmp(&a.mean_abs_shap));
    ExplainedCohort { patients, importance, auc: whole.map(|w| w[0]), log_loss: whole.map(|w| w[1]), repeats }
}

struct Shuffle<'a> {
    model: &'a ClinicalModel,
    rows: &'a [Vec<f64>],
    outcome: &'a [bool],
    repeats: usize,
    seed: u64,
}

impl Shuffle<'_> {
    /// AUC and mean log-loss; `None` unless outcomes of both kinds are known.
    fn figures(&self, log_odds: &[f64]) -> Option<[f64; 2]> {
        if self.outcome.len() != log_odds.len() {
            return None;
        }
        let auc = roc::auc(self.outcome, log_odds)?;
        let loss = |(y, f): (&bool, &f64)| -(if *y { logistic(*f) } else { logistic(-*f) }).ln();
        let sum: f64 = self.outcome.iter().zip(log_odds).map(loss).sum();
        Some([auc, sum / log_odds.len() as f64])
    }

    /// How much both worsen without what variable `j` tells.
    fn worse(&self, j: usize, whole: [f64; 2]) -> [Worse; 2] {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(j as u64);
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let (mut auc, mut loss) = (Vec::with_capacity(self.repeats), Vec::with_capacity(self.repeats));
        for _ in 0..self.repeats.max(1) {
            order.shuffle(&mut random);
            let shuffled = |(i, row): (usize, &Vec<f64>)| {
                let mut row = row.clone();
                row[j] = self.rows[order[i]][j];
                self.model.log_odds(&row)
            };
            let log_odds: Vec<f64> = self.rows.iter().enumerate().map(shuffled).collect();
            if let Some([a, l]) = self.figures(&log_odds) {
                auc.push(whole[0] - a);
                loss.push(l - whole[1]);
            }
        }
        [Worse::of(auc), Worse::of(loss)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinical::boosting::BoostingSettings;
    use crate::clinical::{ClinicalTraining, outcomes, read_records, train};
    use crate::tables::Table;

    /// CEA tells the outcome, age does not.
    fn cohort() -> Table {
        let mut text = String::from("id,age,CEA,metastasis\n");
        for i in 0..120 {
            let event = i % 3 == 0;
            let cea = f64::from(i * 7 % 11) + if event { 6.0 } else { 0.0 };
            let age = if i == 5 { String::new() } else { (40 + i * 13 % 29).to_string() };
            text += &format!("{i},{age},{cea},{}\n", u8::from(event));
        }
        Table::from_bytes(std::path::Path::new("made-up.csv"), text.as_bytes()).unwrap()
    }

    #[test]
    fn what_tells_the_outcome_matters_and_shuffling_it_costs_area() {
        let table = cohort();
        let training = ClinicalTraining {
            columns: vec!["age".to_owned(), "cea".to_owned()],
            boosting: BoostingSettings { trees: 40, ..Default::default() },
            ..Default::default()
        };
        let model = train(&table, &training).unwrap();
        let (records, _) = read_records(&table).unwrap();
        let outcome = outcomes(&table).unwrap();
        let said = explain_cohort(&model, &records, &outcome, 12, 1);
        assert_eq!(said.importance[0].variable, "cea");
        let [cea, age] = [&said.importance[0], &said.importance[1]];
        assert!(cea.mean_abs_shap > 2.0 * age.mean_abs_shap);
        let (cea_auc, age_auc) = (cea.auc.unwrap(), age.auc.unwrap());
        assert!(cea_auc.low > age_auc.high && cea_auc.low <= cea_auc.mean && cea_auc.mean <= cea_auc.high);
        assert!(cea.log_loss.unwrap().mean > age.log_loss.unwrap().mean);
        assert_eq!([cea.missing, age.missing], [0, 1]);
        for p in &said.patients {
            let log_odds = (p.probability / (1.0 - p.probability)).ln();
            assert!((p.explanation.log_odds() - log_odds).abs() < 1e-9, "{}", p.id);
        }
        assert_eq!(
            said,
            explain_cohort(&model, &records, &outcome, 12, 1),
            "the same seed, the same figures"
        );
        let blind = explain_cohort(&model, &records, &[], 12, 1);
        assert!(blind.auc.is_none() && blind.importance.iter().all(|i| i.auc.is_none()));
    }
}
