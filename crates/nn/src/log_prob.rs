//! What a network says of a picture: the logarithms of two probabilities.

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

/// Log-odds are held within ± this (a probability of 2·10⁻⁹), so that one certain branch leaves the others a say.
const MOST_LOG_ODDS: f64 = 20.0;

impl LogProb {
    /// ln(p / (1 − p)), within ±20; an undefined one counts as 0.
    pub fn log_odds(self) -> f64 {
        held(self.0[1] - self.0[0])
    }

    /// The two log-probabilities of these log-odds.
    pub fn from_log_odds(log_odds: f64) -> Self {
        let log_one_plus_exp = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        Self([-log_one_plus_exp(log_odds), -log_one_plus_exp(-log_odds)])
    }
}

/// Log-odds within ±20; undefined ones count as 0.
pub fn held(log_odds: f64) -> f64 {
    if log_odds.is_nan() { 0.0 } else { log_odds.clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_probability_votes_for_no_metastasis() {
        let half = 0.5f64.ln();
        assert!(!LogProb([half, half]).vote());
        assert!(!LogProb([f64::NAN, f64::NAN]).vote());
        assert!(LogProb([f64::NEG_INFINITY, 0.0]).vote());
    }
}
