//! How well given probabilities agree with outcomes: the figures of `rms::val.prob`, and Hosmer–Lemeshow's test.

use serde::Serialize;

use super::calibration::{quantile, smooth};
use super::logistic::{self, ChiSquare, Convergence};
use super::lowess::interpolate;
use super::{StatsError, chi_square_p, normal_p, roc};

/// Groups of Hosmer and Lemeshow's test.
const GROUPS: usize = 10;
/// `rms` counts concordant pairs in so many bins of the probability.
const RMS_BINS: f64 = 5000.0;

/// The agreement of probabilities and outcomes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    pub n: usize,
    pub events: usize,
    /// Concordance as `val.prob` prints it: of probabilities cut down to 5000ths.
    pub auc: f64,
    /// The area under the ROC curve of the probabilities as they are.
    pub auc_exact: f64,
    /// Somers' Dxy, of `auc`.
    pub dxy: f64,
    /// Nagelkerke's R² of the probabilities as they are.
    pub r2: f64,
    /// Discrimination, unreliability and quality indices.
    pub d: f64,
    pub u: f64,
    pub q: f64,
    /// Test of intercept 0 and slope 1.
    pub unreliability: ChiSquare,
    pub brier: f64,
    /// Of the outcome's logistic regression on the probability's log-odds.
    pub intercept: f64,
    pub slope: f64,
    /// Largest, 90th percentile of and mean distance between probability and smoothed share of events.
    pub emax: f64,
    pub e90: f64,
    pub eavg: f64,
    /// Spiegelhalter's test of calibration.
    pub spiegelhalter: Spiegelhalter,
    /// Absent where fewer than three groups differ.
    pub hosmer_lemeshow: Option<HosmerLemeshow>,
    /// Probabilities of exactly 0 or 1, which have no log-odds: left out of intercept, slope, D, U and Q.
    pub without_log_odds: usize,
}

/// A standard normal test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spiegelhalter {
    pub z: f64,
    pub p: f64,
}

/// Hosmer and Lemeshow's test over groups of equal size (`ResourceSelection::hoslem.test`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HosmerLemeshow {
    /// On groups − 2 degrees of freedom, as for the patients a model was fitted on.
    #[serde(flatten)]
    pub test: ChiSquare,
    pub groups: usize,
    /// On as many degrees of freedom as groups, as for new patients.
    pub new_patients: ChiSquare,
}

/// Compares probabilities with outcomes.
///
/// # Errors
/// A value that is no probability, or outcomes that do not vary.
pub fn validate(probability: &[f64], outcome: &[bool]) -> Result<Validation, StatsError> {
    let n = outcome.len();
    let events = outcome.iter().filter(|y| **y).count();
    if let Some(wrong) = probability.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::Input(format!("{wrong} is no probability; write numbers from 0 to 1")));
    }
    let area = |score: &[f64]| roc::auc(outcome, score).ok_or(StatsError::OneOutcome { n, events });
    let auc_exact = area(probability)?;
    let auc = area(&probability.iter().map(|p| (p * RMS_BINS).floor()).collect::<Vec<_>>())?;
    let (log_odds, answered): (Vec<f64>, Vec<bool>) = probability
        .iter()
        .zip(outcome)
        .filter(|(p, _)| **p > 0.0 && **p < 1.0)
        .map(|(p, y)| ((p / (1.0 - p)).ln(), *y))
        .unzip();
    let same = |v: &[f64]| v.windows(2).all(|w| w[0] == w[1]);
    if same(&log_odds) {
        return Err(StatsError::Input(
            "the probabilities are all alike (apart from 0 and 1), so slope and intercept do not exist"
                .to_owned(),
        ));
    }
    let rows: Vec<Vec<f64>> = log_odds.iter().map(|l| vec![*l]).collect();
    let fit =
        logistic::fit(&rows, &answered, &["log-odds of the probability".to_owned()], Convergence::LikeRms)?;
    let m = answered.len() as f64;
    let as_given: f64 =
        log_odds.iter().zip(&answered).map(|(l, y)| softplus(if *y { -*l } else { *l })).sum::<f64>();
    // Of the probabilities as they are, without recalibration.
    let likelihood = fit.null_deviance - 2.0 * as_given;
    let unreliable = 2.0 * as_given - fit.deviance;
    let (d, u) = ((likelihood - 1.0) / m, (unreliable - 2.0) / m);
    let curve = smooth(probability, outcome, &vec![1.0; n]);
    let mut errors: Vec<f64> =
        probability.iter().filter_map(|p| Some((p - interpolate(&curve, *p)?).abs())).collect();
    errors.sort_by(f64::total_cmp);
    let number = |y: &bool| f64::from(u8::from(*y));
    let both = || probability.iter().zip(outcome.iter().map(number));
    let z = both().map(|(p, y)| (y - p) * (1.0 - 2.0 * p)).sum::<f64>()
        / both().map(|(p, _)| (1.0 - 2.0 * p).powi(2) * p * (1.0 - p)).sum::<f64>().sqrt();
    Ok(Validation {
        n,
        events,
        auc,
        auc_exact,
        dxy: 2.0 * auc - 1.0,
        r2: (1.0 - (-likelihood / m).exp()) / (1.0 - (-fit.null_deviance / m).exp()),
        d,
        u,
        q: d - u,
        unreliability: ChiSquare { chisq: unreliable, df: 2.0, p: chi_square_p(unreliable, 2.0) },
        brier: both().map(|(p, y)| (p - y).powi(2)).sum::<f64>() / n as f64,
        intercept: fit.coef[0],
        slope: fit.coef[1],
        emax: errors.last().copied().unwrap_or(f64::NAN),
        e90: quantile(&errors, 0.9),
        eavg: errors.iter().sum::<f64>() / errors.len() as f64,
        spiegelhalter: Spiegelhalter { z, p: normal_p(z) },
        hosmer_lemeshow: hosmer_lemeshow(probability, outcome),
        without_log_odds: n - answered.len(),
    })
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Groups between the deciles of the probability (equal deciles make one group fewer); `None` with fewer than three.
pub fn hosmer_lemeshow(probability: &[f64], outcome: &[bool]) -> Option<HosmerLemeshow> {
    let mut sorted = probability.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut breaks: Vec<f64> = (0..=GROUPS).map(|g| quantile(&sorted, g as f64 / GROUPS as f64)).collect();
    breaks.dedup();
    let groups = breaks.len().checked_sub(1)?;
    if groups < 3 {
        return None;
    }
    let mut table = vec![[0.0f64; 3]; groups];
    for (p, y) in probability.iter().zip(outcome) {
        let group = breaks[1..].partition_point(|b| b < p).min(groups - 1);
        table[group][0] += 1.0;
        table[group][1] += f64::from(u8::from(*y));
        table[group][2] += p;
    }
    let chisq: f64 = table
        .iter()
        .filter(|[n, _, _]| *n > 0.0)
        .map(|[n, observed, expected]| {
            (observed - expected).powi(2) / expected + (observed - expected).powi(2) / (n - expected)
        })
        .sum();
    let test = |df: f64| ChiSquare { chisq, df, p: chi_square_p(chisq, df) };
    Some(HosmerLemeshow { test: test(groups as f64 - 2.0), groups, new_patients: test(groups as f64) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Table;
    use crate::testing::shared;

    #[test]
    fn the_published_probabilities_give_val_probs_figures() {
        let Some(folder) = shared("cohort") else { return };
        let table = Table::read(&folder.join("published_test_predictions.csv")).unwrap();
        let path = folder.join("../reference/r/val_prob.json");
        let want: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let column = |name: &str| -> Vec<f64> {
            let c = table.require(name).unwrap();
            (0..table.rows.len()).map(|r| table.number(r, c).unwrap().unwrap()).collect()
        };
        let outcome: Vec<bool> = column("metastasis").iter().map(|y| *y == 1.0).collect();
        for branch in ["t4", "t11", "fused"] {
            let probability: Vec<f64> = column(&format!("{branch}_logp1")).iter().map(|l| l.exp()).collect();
            let v = validate(&probability, &outcome).unwrap();
            let figures = [
                ("Dxy", v.dxy, 1e-6),
                ("C (ROC)", v.auc, 1e-6),
                ("R2", v.r2, 1e-6),
                ("D", v.d, 1e-6),
                ("U", v.u, 1e-6),
                ("U:Chi-sq", v.unreliability.chisq, 1e-6),
                ("U:p", v.unreliability.p, 1e-6),
                ("Q", v.q, 1e-6),
                ("Brier", v.brier, 1e-6),
                ("Intercept", v.intercept, 1e-6),
                ("Slope", v.slope, 1e-6),
                ("Emax", v.emax, 1e-4),
                ("E90", v.e90, 1e-4),
                ("Eavg", v.eavg, 1e-4),
                ("S:z", v.spiegelhalter.z, 1e-6),
                ("S:p", v.spiegelhalter.p, 1e-6),
            ];
            for (name, got, relative) in figures {
                let want = want[branch][name].as_f64().unwrap();
                assert!(((got - want) / want).abs() < relative, "{branch} {name}: {got} is not {want}");
            }
        }
    }

    #[test]
    fn hosmer_and_lemeshows_test_is_rs() {
        // R: p <- (1:40)/41; y <- as.integer((1:40 * 7) %% 10 < 1:40 / 4); hoslem.test's steps:
        // g <- cut(p, quantile(p, 0:10/10), include.lowest = TRUE); o <- tapply(y,g,sum); e <- tapply(p,g,sum); n <- table(g)
        // sum((o-e)^2/e + (o-e)^2/(n-e))
        let p: Vec<f64> = (1..=40).map(|i| f64::from(i) / 41.0).collect();
        let y: Vec<bool> = (1..=40).map(|i| f64::from((i * 7) % 10) < f64::from(i) / 4.0).collect();
        let test = hosmer_lemeshow(&p, &y).unwrap();
        assert_eq!((test.groups, test.test.df), (10, 8.0));
        assert!((test.test.chisq - 4.0442182390349).abs() < 1e-9, "{}", test.test.chisq);
        assert!(hosmer_lemeshow(&[0.2; 30], &y[..30]).is_none());
    }

    #[test]
    fn what_is_no_probability_is_refused_and_certainty_is_counted() {
        assert!(validate(&[0.1, 1.2], &[false, true]).unwrap_err().to_string().contains("1.2"));
        assert!(validate(&[0.1, 0.2], &[true, true]).is_err());
        let p = [0.0, 0.2, 0.4, 0.3, 0.6, 0.5, 1.0];
        let y = [false, false, true, false, true, false, true];
        assert_eq!(validate(&p, &y).unwrap().without_log_odds, 2);
    }
}
