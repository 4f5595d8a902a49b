//! Three votes, one probability: the study's late fusion.
//!
//! Where the T4 and T11 networks agree the T4 log-probability stands; where they differ the clinical
//! vote decides, and the log-probability of the image branch that agrees with it is taken. Beside that stand two other
//! rules, the mean of the log-odds and stacking ([`FusionRule`]); the published one is the default.

mod file;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::{StatsError, logistic};
pub use thoracast_nn::LogProb;
use thoracast_nn::log_prob::held;

pub use file::{FittedStacking, StackingError};

/// Which image branch the fused probability came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    T4,
    T11,
}

/// The three branch votes; true = metastasis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    pub t4: bool,
    pub t11: bool,
    pub clinical: bool,
}

/// The fused result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    pub log_prob: LogProb,
    pub source: Source,
    pub votes: Votes,
}

/// Fuses the branches by the published rule; the clinical vote counts only where the image branches differ.
///
/// ```
/// use thoracast_core::fusion::{LogProb, Source, fuse};
/// let no = LogProb([-0.1, -2.4]);
/// let yes = LogProb([-1.6, -0.2]);
/// assert_eq!(fuse(no, yes, false).source, Source::T4);
/// assert_eq!(fuse(no, yes, true).source, Source::T11);
/// assert_eq!(fuse(yes, yes, false).source, Source::T4);
/// ```
pub fn fuse(t4: LogProb, t11: LogProb, clinical_vote: bool) -> Fused {
    let votes = Votes { t4: t4.vote(), t11: t11.vote(), clinical: clinical_vote };
    let (source, log_prob) = if votes.t4 == votes.t11 || votes.t4 == clinical_vote {
        (Source::T4, t4)
    } else {
        (Source::T11, t11)
    };
    Fused { log_prob, source, votes }
}

/// What the three branches say of one patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branches {
    pub t4: LogProb,
    pub t11: LogProb,
    /// Probability of metastasis by the boosted trees.
    pub clinical: f64,
}

impl Branches {
    /// Log-odds by T4, T11 and the clinical branch, each within ±20.
    pub fn log_odds(self) -> [f64; 3] {
        let clinical = held((self.clinical / (1.0 - self.clinical)).ln());
        [self.t4.log_odds(), self.t11.log_odds(), clinical]
    }
}

/// A logistic regression of the outcome on the branches' log-odds (Wolpert, Neural Networks 1992, 5:241).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stacking {
    pub intercept: f64,
    /// Of T4, T11 and the clinical branch.
    pub weights: [f64; 3],
}

/// How three branches become one probability.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FusionRule {
    /// The published rule, [`fuse`].
    #[default]
    Vote,
    /// The mean of the three log-odds.
    MeanLogOdds,
    Stacking(FittedStacking),
}

impl FusionRule {
    /// The rule's name for a person.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Vote => "published vote",
            Self::MeanLogOdds => "mean log-odds",
            Self::Stacking(_) => "stacking",
        }
    }

    /// What the rule does, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Vote => {
                "where T4 and T11 agree T4 stands; where they differ the clinical vote decides".to_owned()
            }
            Self::MeanLogOdds => "the mean of the three branches' log-odds".to_owned(),
            Self::Stacking(fitted) => {
                let Stacking { intercept, weights: [t4, t11, clinical] } = fitted.stacking;
                format!(
                    "log-odds {intercept:.3} {t4:+.3} × T4 {t11:+.3} × T11 {clinical:+.3} × clinical model, fitted on {} \
                     {}patients of the {} split",
                    fitted.patients,
                    if fitted.simulated { "simulated " } else { "" },
                    fitted.split
                )
            }
        }
    }

    /// The fused log-probabilities of one patient.
    pub fn apply(&self, branches: Branches) -> LogProb {
        match self {
            Self::Vote => fuse(branches.t4, branches.t11, branches.clinical > 0.5).log_prob,
            Self::MeanLogOdds => LogProb::from_log_odds(branches.log_odds().iter().sum::<f64>() / 3.0),
            Self::Stacking(fitted) => fitted.stacking.apply(branches),
        }
    }
}

impl Stacking {
    /// Fits the weights. `branches` must come from models that did not learn from these patients: a branch that has
    /// seen a patient is surer than it will ever be again, and would get too much weight.
    pub fn fit(branches: &[Branches], outcome: &[bool]) -> Result<Self, StatsError> {
        let rows: Vec<Vec<f64>> = branches.iter().map(|b| b.log_odds().to_vec()).collect();
        let names = ["T4", "T11", "clinical"].map(str::to_owned);
        let coef = logistic::fit(&rows, outcome, &names, logistic::Convergence::Full)?.coef;
        Ok(Self { intercept: coef[0], weights: [coef[1], coef[2], coef[3]] })
    }

    /// The fused log-probabilities of one patient.
    pub fn apply(&self, branches: Branches) -> LogProb {
        let weighed = self.weights.iter().zip(branches.log_odds()).map(|(w, b)| w * b).sum::<f64>();
        LogProb::from_log_odds(self.intercept + weighed)
    }
}

/// Stacked log-probabilities of patients of whom none helped to fit the weights used on it: `fold[i]` names patient
/// i's part, and its weights come from all other parts.
pub fn stack_out_of_fold(
    branches: &[Branches],
    outcome: &[bool],
    fold: &[usize],
) -> Result<Vec<LogProb>, StatsError> {
    let mut by_fold = BTreeMap::new();
    for part in fold {
        if !by_fold.contains_key(part) {
            let patients = branches.iter().zip(outcome).zip(fold);
            let (seen, told): (Vec<Branches>, Vec<bool>) =
                patients.filter(|(_, f)| *f != part).map(|((b, y), _)| (*b, *y)).unzip();
            by_fold.insert(*part, Stacking::fit(&seen, &told)?);
        }
    }
    Ok(branches.iter().zip(fold).map(|(b, part)| by_fold[part].apply(*b)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fused_vote_is_the_majority_and_the_figure_is_one_of_the_two(
            t4 in 0.0f64..1.0, t11 in 0.0f64..1.0, clinical: bool,
        ) {
            let log_prob = |p: f64| LogProb([(1.0 - p).ln(), p.ln()]);
            let fused = fuse(log_prob(t4), log_prob(t11), clinical);
            let votes = [fused.votes.t4, fused.votes.t11, fused.votes.clinical];
            let majority = votes.iter().filter(|v| **v).count() >= 2;
            prop_assert_eq!(fused.log_prob.vote(), majority);
            let taken = if fused.source == Source::T4 { t4 } else { t11 };
            prop_assert_eq!(fused.log_prob, log_prob(taken));
            if fused.votes.t4 == fused.votes.t11 {
                prop_assert_eq!(fused.source, Source::T4);
            }
        }
    }

    fn branches(t4: f64, t11: f64, clinical: f64) -> Branches {
        Branches { t4: LogProb::from_log_odds(t4), t11: LogProb::from_log_odds(t11), clinical }
    }

    #[test]
    fn the_mean_rule_is_the_mean_and_certain_branches_stay_finite() {
        let fused = FusionRule::MeanLogOdds.apply(branches(1.0, 2.0, 0.5));
        assert!((fused.log_odds() - 1.0).abs() < 1e-12);
        assert!((fused.probability() - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-12);
        let sure = Branches { t4: LogProb([f64::NEG_INFINITY, 0.0]), t11: LogProb([0.0; 2]), clinical: 0.0 };
        assert_eq!(sure.log_odds(), [20.0, 0.0, -20.0]);
        assert_eq!(FusionRule::default().apply(branches(1.0, -2.0, 0.2)), LogProb::from_log_odds(-2.0));
    }

    #[test]
    fn stacking_is_the_logistic_regression_and_out_of_fold_leaves_the_patient_out() {
        let wave = |i: usize, k: f64| 2.0 * (i as f64 * k).sin();
        let all: Vec<Branches> =
            (0..60).map(|i| branches(wave(i, 1.7), wave(i, 2.3), 0.5 + 0.2 * wave(i, 3.1))).collect();
        let outcome: Vec<bool> = (0..60).map(|i| wave(i, 1.7) + 1.5 * wave(i, 5.3) > 0.0).collect();
        let stacking = Stacking::fit(&all, &outcome).unwrap();
        assert!(stacking.weights[0] > 0.0);
        // At the maximum of the likelihood the mean probability is the share of events.
        let sum: f64 = all.iter().map(|b| stacking.apply(*b).probability()).sum();
        let events = outcome.iter().filter(|y| **y).count() as f64;
        assert!((sum - events).abs() < 1e-6);
        let fold: Vec<usize> = (0..60).map(|i| i % 5).collect();
        let honest = stack_out_of_fold(&all, &outcome, &fold).unwrap();
        // Turning one patient's outcome round changes nothing that is said of its own part.
        let mut turned = outcome.clone();
        turned[7] = !turned[7];
        let again = stack_out_of_fold(&all, &turned, &fold).unwrap();
        assert!((0..60).all(|i| (honest[i] == again[i]) == (i % 5 == 2)));
        assert!(Stacking::fit(&all, &[true; 60]).is_err());
    }
}
