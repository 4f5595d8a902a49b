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

/// Fuses the branches by the published rule.
pub fn fuse(t4: LogProb, t11: LogProb, clinical_vote: bool) -> Fused {
    let votes = Votes { t4: t4.vote(), t11: t11.vote(), clinical: clinical_vote };
    let (source, log_prob) = if votes.t4 == votes.t11 || votes.t4 == clinical_vote {
        (Source::T4, t4)
    } else {
        (Source::T11, t11)
    };
    Fused { log_prob, source, votes }
}
