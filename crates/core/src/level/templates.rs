//! What each vertebra looks like along the canal: mean and spread of every cue in eight bins.

use super::cues::{CUES, Cue};
use super::table;

/// Bins of a vertebra from its upper to its lower end.
pub const BINS: usize = 8;

/// Mean and spread of each cue, by state, bin and cue.
#[derive(Debug, Clone)]
pub struct Templates {
    pub cells: Vec<[[f32; 2]; CUES]>,
}

/// Freedom of the heavy-tailed distribution that judges a cue: one odd plane can't outweigh the others.
const FREEDOM: f32 = 4.0;

impl Default for Templates {
    fn default() -> Self {
        Self { cells: table::TABLE.to_vec() }
    }
}

impl Templates {
    /// Log-likelihood of one plane's cues in a bin of a vertebra.
    pub fn log_likelihood(
        &self,
        state: usize,
        bin: usize,
        values: &[f32; CUES],
        without: &[bool; CUES],
    ) -> f32 {
        let cell = &self.cells[state * BINS + bin];
        let mut sum = 0.0;
        for i in 0..CUES {
            if without[i] || values[i].is_nan() {
                continue;
            }
            let [mean, spread] = cell[i];
            if i == Cue::Lung as usize {
                // Met or not: how often it is in people.
                sum += (values[i] * mean + (1.0 - values[i]) * (1.0 - mean)).ln();
            } else {
                let d = (values[i] - mean) / spread;
                sum -= (FREEDOM + 1.0) / 2.0 * (d * d / FREEDOM).ln_1p() + spread.ln();
            }
        }
        sum
    }
}
