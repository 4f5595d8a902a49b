//! Decision curves (Vickers and Elkin 2006, Med Decis Making 26:565), with the definitions of R's `rmda`: a patient is
//! called high risk above the threshold; with a given prevalence (case-control data) sensitivity and specificity are
//! taken from the sample and weighed by it.

use rayon::prelude::*;
use serde::Serialize;

use super::StatsError;

/// A model's benefit at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Benefit {
    pub threshold: f64,
    pub net_benefit: f64,
    /// Net benefit as a share of the largest possible, the prevalence.
    pub standardized: f64,
    /// Share of events, and of others, called high risk.
    pub tpr: f64,
    pub fpr: f64,
    /// Fewer interventions among 100 patients than if all were treated, with as many events found; absent at
    /// threshold 0.
    pub interventions_avoided: Option<f64>,
}

/// One model's curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    pub name: String,
    pub curve: Vec<Benefit>,
}

/// The benefit of treating all, or none, at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Policy {
    pub threshold: f64,
    pub net_benefit: f64,
    pub standardized: f64,
}

/// The curves of several models on the same patients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionCurves {
    pub prevalence: f64,
    pub models: Vec<Curve>,
    pub all: Vec<Policy>,
    pub none: Vec<Policy>,
}

/// Computes the curves. `models` are names with the patients' probabilities; without `prevalence` the sample's counts.
///
/// # Errors
/// A threshold outside 0 to below 1, a prevalence outside 0 to 1, outcomes that do not vary.
pub fn decision_curves(
    models: &[(String, Vec<f64>)],
    outcome: &[bool],
    thresholds: &[f64],
    prevalence: Option<f64>,
) -> Result<DecisionCurves, StatsError> {
    let (n, events) = (outcome.len(), outcome.iter().filter(|y| **y).count());
    if events == 0 || events == n {
        return Err(StatsError::OneOutcome { n, events });
    }
    if let Some(wrong) = thresholds.iter().find(|t| !(0.0..1.0).contains(*t)) {
        return Err(StatsError::Input(format!("{wrong} is no threshold; write numbers from 0 to below 1")));
    }
    if let Some(wrong) = prevalence.filter(|p| !(*p > 0.0 && *p < 1.0)) {
        return Err(StatsError::Input(format!("{wrong} is no prevalence; write a number between 0 and 1")));
    }
    let prevalence = prevalence.unwrap_or(events as f64 / n as f64);
    let policy = |threshold: &f64, net_benefit: f64| Policy {
        threshold: *threshold,
        net_benefit,
        standardized: net_benefit / prevalence,
    };
    Ok(DecisionCurves {
        prevalence,
        models: models
            .iter()
            .map(|(name, probability)| Curve {
                name: name.clone(),
                curve: curve(probability, outcome, thresholds, prevalence),
            })
            .collect(),
        all: thresholds.iter().map(|t| policy(t, treat_all(*t, prevalence))).collect(),
        none: thresholds.iter().map(|t| policy(t, 0.0)).collect(),
    })
}

/// Harm of a needless intervention, in missed events.
fn odds(threshold: f64) -> f64 {
    threshold / (1.0 - threshold)
}

fn treat_all(threshold: f64, prevalence: f64) -> f64 {
    prevalence - odds(threshold) * (1.0 - prevalence)
}

/// One model's benefit at every threshold.
pub fn curve(probability: &[f64], outcome: &[bool], thresholds: &[f64], prevalence: f64) -> Vec<Benefit> {
    let sorted = |wanted: bool| {
        let mut of: Vec<f64> =
            probability.iter().zip(outcome).filter(|(_, y)| **y == wanted).map(|(p, _)| *p).collect();
        of.sort_by(f64::total_cmp);
        of
    };
    let (events, others) = (sorted(true), sorted(false));
    let above = |of: &[f64], t: f64| (of.len() - of.partition_point(|p| *p <= t)) as f64 / of.len() as f64;
    thresholds
        .iter()
        .map(|&threshold| {
            let (tpr, fpr) = (above(&events, threshold), above(&others, threshold));
            let net_benefit = tpr * prevalence - odds(threshold) * fpr * (1.0 - prevalence);
            let gained = net_benefit - treat_all(threshold, prevalence);
            Benefit {
                threshold,
                net_benefit,
                standardized: net_benefit / prevalence,
                tpr,
                fpr,
                interventions_avoided: (threshold > 0.0).then(|| 100.0 * gained / odds(threshold)),
            }
        })
        .collect()
}

/// The middle 95 % of each figure at each threshold over resamples of the patients.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Band {
    pub net_benefit: Vec<[f64; 2]>,
    pub standardized: Vec<[f64; 2]>,
    /// Not a number at threshold 0.
    pub interventions_avoided: Vec<[f64; 2]>,
}

/// The band of one model's curve; resamples with one outcome only are left out.
pub fn band(
    probability: &[f64],
    outcome: &[bool],
    thresholds: &[f64],
    prevalence: Option<f64>,
    resamples: &[Vec<usize>],
) -> Band {
    let of = |resample: &Vec<usize>| {
        let p: Vec<f64> = resample.iter().map(|i| probability[*i]).collect();
        let y: Vec<bool> = resample.iter().map(|i| outcome[*i]).collect();
        let events = y.iter().filter(|y| **y).count();
        let drawn = events as f64 / y.len() as f64;
        (events > 0 && events < y.len()).then(|| curve(&p, &y, thresholds, prevalence.unwrap_or(drawn)))
    };
    let curves: Vec<Vec<Benefit>> = resamples.par_iter().filter_map(of).collect();
    let limits = |figure: fn(&Benefit) -> Option<f64>| -> Vec<[f64; 2]> {
        let at = |threshold: usize| {
            let mut values: Vec<f64> = curves.iter().filter_map(|c| figure(&c[threshold])).collect();
            values.sort_by(f64::total_cmp);
            [0.025, 0.975].map(|share| super::calibration::quantile(&values, share))
        };
        (0..thresholds.len()).map(at).collect()
    };
    Band {
        net_benefit: limits(|b| Some(b.net_benefit)),
        standardized: limits(|b| Some(b.standardized)),
        interventions_avoided: limits(|b| b.interventions_avoided),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::design::{self, DesignOptions};
    use crate::stats::logistic::{self, Convergence};
    use crate::tables::Table;
    use crate::testing::shared;

    #[test]
    fn the_published_models_give_rmdas_curves() {
        let Some(folder) = shared("cohort") else { return };
        let path = folder.join("../reference/r/dca.json");
        let want: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let table = Table::read(&folder.join("nomogram_test.csv")).unwrap();
        let all = ["ki67", "Histologic type", "PMI/T4", "late_fusion_probability"]
            .map(|n| table.header[table.require(n).unwrap()].clone());
        let y = table.require("metastasis").unwrap();
        let thresholds: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.01).collect();
        for (name, count) in [("clinical", 2), ("clinical_pmi", 3), ("full", 4)] {
            let design = design::build(&table, &all[..count], &[y], &DesignOptions::default()).unwrap();
            let outcome = design::outcome(&table, y, &design.used).unwrap();
            let fit = logistic::fit(&design.x, &outcome, &design.columns, Convergence::Full).unwrap();
            let p: Vec<f64> = fit.linear_predictor.iter().map(|f| logistic::logistic(*f)).collect();
            for (kind, prevalence) in [("cohort", None), ("case_control", Some(0.3))] {
                let got = decision_curves(&[(name.to_owned(), p.clone())], &outcome, &thresholds, prevalence)
                    .unwrap();
                for (k, want) in want[kind][name].as_array().unwrap().iter().enumerate() {
                    let b = got.models[0].curve[k];
                    let pairs = [
                        ("net_benefit", b.net_benefit),
                        ("standardized", b.standardized),
                        ("tpr", b.tpr),
                        ("fpr", b.fpr),
                        ("all", got.all[k].net_benefit),
                    ];
                    for (figure, got) in pairs {
                        let want = want[figure].as_f64().unwrap();
                        assert!(
                            (got - want).abs() <= 1e-6 * want.abs().max(1e-6),
                            "{kind} {name} {figure} {k}: {got} {want}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_perfect_model_gains_the_prevalence_and_avoids_every_needless_intervention() {
        let outcome = [true, true, false, false, false];
        let p = [0.9, 0.8, 0.1, 0.1, 0.1];
        let got = decision_curves(&[("m".to_owned(), p.to_vec())], &outcome, &[0.0, 0.5], None).unwrap();
        assert_eq!(got.prevalence, 0.4);
        let at = got.models[0].curve[1];
        assert_eq!((at.net_benefit, at.standardized), (0.4, 1.0));
        assert!((at.interventions_avoided.unwrap() - 60.0).abs() < 1e-12);
        assert_eq!(got.models[0].curve[0].interventions_avoided, None);
    }

    #[test]
    fn the_band_holds_the_curve() {
        let outcome: Vec<bool> = (0..80).map(|i| i % 3 == 0).collect();
        let p: Vec<f64> = (0..80).map(|i| f64::from((i * 37) % 80) / 80.0).collect();
        let thresholds = [0.1, 0.3];
        let resamples = crate::stats::resample::bootstrap(80, 200, 1);
        let band = band(&p, &outcome, &thresholds, None, &resamples);
        let curve = curve(&p, &outcome, &thresholds, 27.0 / 80.0);
        for (b, c) in band.net_benefit.iter().zip(curve) {
            assert!(b[0] < c.net_benefit && c.net_benefit < b[1]);
        }
    }

    #[test]
    fn wrong_thresholds_and_prevalences_are_sentences() {
        let y = [true, false];
        let m = [("m".to_owned(), vec![0.1, 0.2])];
        assert!(decision_curves(&m, &y, &[1.0], None).unwrap_err().to_string().contains("threshold"));
        assert!(decision_curves(&m, &y, &[0.1], Some(1.0)).unwrap_err().to_string().contains("prevalence"));
        assert!(decision_curves(&m, &[true, true], &[0.1], None).is_err());
    }
}
