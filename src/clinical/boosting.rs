//! Gradient-boosted trees for a yes/no outcome, equal to scikit-learn's `GradientBoostingClassifier` with its
//! defaults (log-loss, `friedman_mse`, one Newton step a leaf). Friedman, Annals of Statistics 2001, 29:1189.

use serde::{Deserialize, Serialize};

use super::tree::{Sorted, Tree, grow};

/// How the ensemble is grown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostingSettings {
    pub trees: usize,
    pub learning_rate: f64,
    pub max_depth: usize,
    pub min_samples_leaf: usize,
}

impl Default for BoostingSettings {
    fn default() -> Self {
        Self { trees: 300, learning_rate: 0.1, max_depth: 3, min_samples_leaf: 1 }
    }
}

/// A fitted ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosting {
    /// Log-odds of the outcome before any tree.
    pub prior_log_odds: f64,
    pub learning_rate: f64,
    pub trees: Vec<Tree>,
}

/// An ensemble and how its training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub model: Boosting,
    /// Mean deviance (twice the log-loss) of the training rows after each tree: scikit-learn's `train_score_`.
    pub train_loss: Vec<f64>,
}

/// Why boosting cannot start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BoostingError {
    #[error("boosting needs rows and columns, all rows of one length and as many outcomes as rows")]
    Shape,
    #[error("boosting needs finite numbers: row {row} of the training data, column {column} is not one")]
    NotFinite { row: usize, column: usize },
    #[error("all training patients have the same outcome, so there is nothing to learn")]
    OneClass,
}

/// Fits the ensemble; `outcome` is true for the event.
pub fn fit(
    rows: &[Vec<f64>],
    outcome: &[bool],
    settings: &BoostingSettings,
) -> Result<Fitted, BoostingError> {
    check(rows, outcome)?;
    let n = rows.len() as f64;
    let events = outcome.iter().filter(|y| **y).count() as f64;
    let prior_log_odds = (events / (n - events)).ln();
    let data = Sorted::new(rows);
    let y: Vec<f64> = outcome.iter().map(|y| f64::from(u8::from(*y))).collect();
    let mut log_odds = vec![prior_log_odds; rows.len()];
    let mut residual = vec![0.0; rows.len()];
    let mut model = Boosting { prior_log_odds, learning_rate: settings.learning_rate, trees: Vec::new() };
    let mut train_loss = Vec::with_capacity(settings.trees);
    for _ in 0..settings.trees {
        for ((r, y), f) in residual.iter_mut().zip(&y).zip(&log_odds) {
            *r = y - logistic(*f);
        }
        let newton_step = |leaf: &[u32]| newton_step(leaf, &residual, &y);
        let grown = grow(&data, &residual, settings.max_depth, settings.min_samples_leaf, newton_step);
        for (f, leaf) in log_odds.iter_mut().zip(&grown.leaf_of) {
            if let super::tree::Node::Leaf { value, .. } = &grown.tree.nodes[*leaf] {
                *f += settings.learning_rate * value;
            }
        }
        model.trees.push(grown.tree);
        train_loss.push(deviance(&y, &log_odds));
    }
    Ok(Fitted { model, train_loss })
}

impl Boosting {
    /// Log-odds of the event for one row of as many features as the training rows had.
    pub fn log_odds(&self, row: &[f64]) -> f64 {
        let row: Vec<f32> = row.iter().map(|v| *v as f32).collect();
        self.trees.iter().fold(self.prior_log_odds, |sum, tree| sum + self.learning_rate * tree.value(&row))
    }

    /// Probability of the event.
    pub fn probability(&self, row: &[f64]) -> f64 {
        logistic(self.log_odds(row))
    }
}

fn check(rows: &[Vec<f64>], outcome: &[bool]) -> Result<(), BoostingError> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || rows.len() != outcome.len() || rows.iter().any(|r| r.len() != width) {
        return Err(BoostingError::Shape);
    }
    for (row, values) in rows.iter().enumerate() {
        if let Some(column) = values.iter().position(|v| !(*v as f32).is_finite()) {
            return Err(BoostingError::NotFinite { row, column });
        }
    }
    if outcome.iter().all(|y| *y) || outcome.iter().all(|y| !*y) {
        return Err(BoostingError::OneClass);
    }
    Ok(())
}

/// One Newton step of the log-loss over a leaf's rows.
fn newton_step(leaf: &[u32], residual: &[f64], y: &[f64]) -> f64 {
    let (mut gradient, mut curvature) = (0.0, 0.0);
    for row in leaf {
        let r = residual[*row as usize];
        let p = y[*row as usize] - r;
        gradient += r;
        curvature += p * (1.0 - p);
    }
    if curvature.abs() < 1e-150 { 0.0 } else { gradient / curvature }
}

/// Mean deviance: −2 times the mean log-likelihood.
fn deviance(y: &[f64], log_odds: &[f64]) -> f64 {
    let sum: f64 = y.iter().zip(log_odds).map(|(y, f)| log_one_plus_exp(*f) - y * f).sum();
    2.0 * sum / y.len() as f64
}

fn log_one_plus_exp(f: f64) -> f64 {
    f.max(0.0) + (-f.abs()).exp().ln_1p()
}

fn logistic(f: f64) -> f64 {
    1.0 / (1.0 + (-f).exp())
}

#[cfg(test)]
#[path = "boosting_tests.rs"]
mod tests;
