//! Three votes, one probability: the study's late fusion.
//!
//! Where the T4 and T11 networks agree the T4 log-probability stands; where they differ the clinical
//! vote decides, and the log-probability of the image branch that agrees with it is taken.

use serde::{Deserialize, Serialize};

/// Natural logarithms of the probabilities of (no metastasis, metastasis).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogProb(pub [f64; 2]);

impl LogProb {
    /// Probability of metastasis.
    pub fn probability(self) -> f64 {
        self.0[1].exp()
    }

    /// True where metastasis is the likelier class (ties vote for no metastasis, as `argmax` does).
    pub fn vote(self) -> bool {
        self.0[1] > self.0[0]
    }
}

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
/// use thoracast::fusion::{LogProb, Source, fuse};
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_even_probability_votes_for_no_metastasis() {
        let half = 0.5f64.ln();
        assert!(!LogProb([half, half]).vote());
        assert!(!LogProb([f64::NAN, f64::NAN]).vote());
        assert!(LogProb([f64::NEG_INFINITY, 0.0]).vote());
    }

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
}
