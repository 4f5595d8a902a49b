//! BorderlineSMOTE (borderline-1): new minority patients between a minority patient near the border and one of its
//! minority neighbours. Han, Wang, Mao, ICIC 2005; danger set and counts as imbalanced-learn's.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Neighbour counts: `k` minority neighbours to draw towards, `m` neighbours of any outcome to judge the border.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmoteSettings {
    pub k: usize,
    pub m: usize,
    pub seed: u64,
}

impl Default for SmoteSettings {
    fn default() -> Self {
        Self { k: 10, m: 5, seed: 0 }
    }
}

/// The table after resampling: the given rows first, then the synthetic ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    pub rows: Vec<Vec<f64>>,
    pub outcome: Vec<bool>,
    /// Indices of the minority rows at the border.
    pub danger: Vec<usize>,
    pub synthetic: usize,
    /// Of each synthetic row the minority row at the border.
    pub parents: Vec<usize>,
}

/// Why resampling cannot be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SmoteError {
    #[error("BorderlineSMOTE needs more than {k} patients of the rarer outcome, and there are {minority}")]
    TooFew { k: usize, minority: usize },
}

/// Resamples until both outcomes are equally frequent. Where no minority row is at the border nothing is added.
pub fn borderline(
    rows: &[Vec<f64>],
    outcome: &[bool],
    settings: &SmoteSettings,
) -> Result<Resampled, SmoteError> {
    let events = outcome.iter().filter(|y| **y).count();
    let minority_is = events * 2 <= outcome.len();
    let minority: Vec<usize> = (0..rows.len()).filter(|i| outcome[*i] == minority_is).collect();
    if minority.len() <= settings.k {
        return Err(SmoteError::TooFew { k: settings.k, minority: minority.len() });
    }
    let all: Vec<usize> = (0..rows.len()).collect();
    let at_border = |i: &usize| {
        let foreign =
            nearest(rows, *i, &all, settings.m).iter().filter(|j| outcome[**j] != minority_is).count();
        2 * foreign >= settings.m && foreign < settings.m
    };
    let danger: Vec<usize> = minority.iter().copied().filter(at_border).collect();
    let wanted = rows.len() - 2 * minority.len();
    let mut out = Resampled {
        rows: rows.to_vec(),
        outcome: outcome.to_vec(),
        danger: danger.clone(),
        synthetic: 0,
        parents: Vec::new(),
    };
    if danger.is_empty() {
        return Ok(out);
    }
    let neighbours: Vec<Vec<usize>> =
        danger.iter().map(|i| nearest(rows, *i, &minority, settings.k)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    for _ in 0..wanted {
        let d = random.random_range(0..danger.len());
        let other = &rows[neighbours[d][random.random_range(0..settings.k)]];
        let step: f64 = random.random();
        out.rows.push(rows[danger[d]].iter().zip(other).map(|(a, b)| a + step * (b - a)).collect());
        out.outcome.push(minority_is);
        out.parents.push(danger[d]);
    }
    out.synthetic = wanted;
    Ok(out)
}

/// The `k` nearest of `among` to row `i` without itself; of equally near ones the first.
fn nearest(rows: &[Vec<f64>], i: usize, among: &[usize], k: usize) -> Vec<usize> {
    let square = |j: usize| rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut by_distance: Vec<(f64, usize)> =
        among.iter().filter(|j| **j != i).map(|j| (square(*j), *j)).collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    by_distance.truncate(k);
    by_distance.into_iter().map(|(_, j)| j).collect()
}
