//! How well one branch does on patients whose outcome is known.

use serde::Serialize;

use crate::stats::logistic::{self, Convergence};
use crate::stats::roc;

/// z of a two-sided 95 % interval.
const Z_975: f64 = 1.959_963_984_540_054;

/// What a branch said of one patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// Of metastasis.
    pub probability: f64,
    pub vote: bool,
    pub outcome: bool,
}

/// Patients by vote and outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    pub tn: usize,
    pub fp: usize,
    #[serde(rename = "fn")]
    pub missed: usize,
    pub tp: usize,
}

/// Intercept and slope of a logistic regression of the outcome on the log-odds of the probability: 0 and 1 where
/// probabilities are right (Cox 1958; `rms::val.prob`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Calibration {
    pub intercept: f64,
    pub slope: f64,
}

/// A branch's figures; a figure that does not exist (no patient to count) is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub n: usize,
    pub events: usize,
    pub auc: Option<f64>,
    /// 95 % interval (DeLong).
    pub auc_low: Option<f64>,
    pub auc_high: Option<f64>,
    pub sensitivity: Option<f64>,
    pub specificity: Option<f64>,
    pub ppv: Option<f64>,
    pub npv: Option<f64>,
    pub accuracy: Option<f64>,
    /// 95 % intervals (Wilson 1927) of the five shares.
    pub intervals: Intervals,
    /// Mean squared difference between probability and outcome.
    pub brier: f64,
    pub calibration: Option<Calibration>,
    pub confusion: Confusion,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    pub sensitivity: Option<[f64; 2]>,
    pub specificity: Option<[f64; 2]>,
    pub ppv: Option<[f64; 2]>,
    pub npv: Option<[f64; 2]>,
    pub accuracy: Option<[f64; 2]>,
}

impl Confusion {
    pub fn of(said: &[Said]) -> Self {
        let mut counts = Self::default();
        for s in said {
            match (s.vote, s.outcome) {
                (false, false) => counts.tn += 1,
                (true, false) => counts.fp += 1,
                (false, true) => counts.missed += 1,
                (true, true) => counts.tp += 1,
            }
        }
        counts
    }
}

impl Figures {
    pub fn of(said: &[Said]) -> Self {
        let outcome: Vec<bool> = said.iter().map(|s| s.outcome).collect();
        let probability: Vec<f64> = said.iter().map(|s| s.probability).collect();
        let auc = roc::auc_with_interval(&outcome, &probability);
        let interval = auc.as_ref().and_then(|a| a.interval);
        let c = Confusion::of(said);
        let (sensitivity, specificity) = ((c.tp, c.tp + c.missed), (c.tn, c.tn + c.fp));
        let (ppv, npv) = ((c.tp, c.tp + c.fp), (c.tn, c.tn + c.missed));
        let accuracy = (c.tp + c.tn, said.len());
        let squares: f64 =
            said.iter().map(|s| (s.probability - f64::from(u8::from(s.outcome))).powi(2)).sum();
        Self {
            n: said.len(),
            events: outcome.iter().filter(|y| **y).count(),
            auc: auc.as_ref().map(|a| a.auc),
            auc_low: interval.map(|i| i[0]),
            auc_high: interval.map(|i| i[1]),
            sensitivity: share(sensitivity),
            specificity: share(specificity),
            ppv: share(ppv),
            npv: share(npv),
            accuracy: share(accuracy),
            intervals: Intervals {
                sensitivity: wilson(sensitivity),
                specificity: wilson(specificity),
                ppv: wilson(ppv),
                npv: wilson(npv),
                accuracy: wilson(accuracy),
            },
            brier: squares / said.len() as f64,
            calibration: calibration(&outcome, &probability),
            confusion: c,
        }
    }
}

fn share((part, whole): (usize, usize)) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Wilson's score interval of a share, 95 %.
pub fn wilson((part, whole): (usize, usize)) -> Option<[f64; 2]> {
    if whole == 0 {
        return None;
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let z2 = Z_975 * Z_975;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_975 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some([(middle - half).max(0.0), (middle + half).min(1.0)])
}

/// `None` where the regression has no finite solution: all probabilities equal, or outcomes separated.
fn calibration(outcome: &[bool], probability: &[f64]) -> Option<Calibration> {
    let log_odds: Vec<Vec<f64>> = probability.iter().map(|p| vec![log_odds(*p)]).collect();
    let fit = logistic::fit(&log_odds, outcome, &["log-odds".to_owned()], Convergence::Full).ok()?;
    Some(Calibration { intercept: fit.coef[0], slope: fit.coef[1] })
}

/// Log-odds of a probability, finite at 0 and 1 too.
pub fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(list: &[(f64, bool)]) -> Vec<Said> {
        list.iter().map(|&(p, outcome)| Said { probability: p, vote: p > 0.5, outcome }).collect()
    }

    #[test]
    fn counts_and_shares_belong_together() {
        let f = Figures::of(&said(&[(0.9, true), (0.8, false), (0.3, true), (0.2, false), (0.1, false)]));
        assert_eq!(f.confusion, Confusion { tn: 2, fp: 1, missed: 1, tp: 1 });
        assert_eq!((f.sensitivity, f.ppv), (Some(0.5), Some(0.5)));
        assert_eq!((f.specificity, f.npv, f.accuracy), (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(0.6)));
        assert!((f.auc.unwrap() - 5.0 / 6.0).abs() < 1e-12);
        let brier = (0.01 + 0.64 + 0.49 + 0.04 + 0.01) / 5.0;
        assert!((f.brier - brier).abs() < 1e-15);
    }

    #[test]
    fn wilson_gives_the_textbook_intervals() {
        // R: prop.test(x, n, correct = FALSE)$conf.int
        for ((part, whole), [low, high]) in [
            ((8, 10), [0.490_162_47, 0.943_317_82]),
            ((0, 20), [0.0, 0.161_125_16]),
            ((136, 186), [0.663_265_71, 0.789_743_88]),
        ] {
            let [a, b] = wilson((part, whole)).unwrap();
            assert!((a - low).abs() < 1e-6 && (b - high).abs() < 1e-6, "{part}/{whole}: {a} {b}");
        }
        assert_eq!(wilson((0, 0)), None);
    }

    #[test]
    fn what_cannot_be_counted_is_absent_and_not_a_number_in_disguise() {
        let f = Figures::of(&said(&[(0.2, false), (0.3, false)]));
        assert_eq!((f.auc, f.sensitivity, f.ppv), (None, None, None));
        assert_eq!(f.npv, Some(1.0));
        assert!(f.calibration.is_none());
    }

    #[test]
    fn right_probabilities_are_calibrated_and_exaggerated_ones_are_not() {
        // 1000 patients at each of nine probabilities, exactly that share with the event.
        let mut right = vec![];
        for tenth in 1..10 {
            for i in 0..1000 {
                right.push((f64::from(tenth) / 10.0, i < tenth * 100));
            }
        }
        let c = Figures::of(&said(&right)).calibration.unwrap();
        assert!(c.intercept.abs() < 1e-6 && (c.slope - 1.0).abs() < 1e-6, "{c:?}");
        let loud: Vec<_> =
            right.iter().map(|(p, y)| (crate::stats::logistic::logistic(2.0 * log_odds(*p)), *y)).collect();
        let c = Figures::of(&said(&loud)).calibration.unwrap();
        assert!((c.slope - 0.5).abs() < 1e-6, "{c:?}");
    }
}
