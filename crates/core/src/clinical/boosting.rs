//! Gradient-boosted trees for a yes/no outcome, equal to scikit-learn's `GradientBoostingClassifier` with its
//! defaults (log-loss, `friedman_mse`, one Newton step a leaf). Friedman, Annals of Statistics 2001, 29:1189.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::tree::{Grown, Limits, NOT_DRAWN, Node, Sorted, Tree, grow};

/// How the ensemble is grown; the names and what they do are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostingSettings {
    /// At most so many: `n_estimators`.
    pub trees: usize,
    pub learning_rate: f64,
    pub max_depth: usize,
    pub min_samples_leaf: usize,
    #[serde(default = "two")]
    pub min_samples_split: usize,
    /// Share of the rows that each tree sees, drawn without replacement.
    #[serde(default = "whole")]
    pub subsample: f64,
    /// Draws the rows of a subsample.
    #[serde(default)]
    pub seed: u64,
    /// Not a number is a missing value, and splits learn which way it goes.
    #[serde(default)]
    pub missing_branch: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

fn two() -> usize {
    2
}

fn whole() -> f64 {
    1.0
}

/// When to stop before the last tree: once the loss of rows held back has not fallen by `tolerance` for `rounds` trees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Share of the patients held back: `validation_fraction`.
    pub share: f64,
    /// `n_iter_no_change`.
    pub rounds: usize,
    /// `tol`, in mean deviance.
    pub tolerance: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { share: 0.1, rounds: 10, tolerance: 1e-4 }
    }
}

impl Default for BoostingSettings {
    fn default() -> Self {
        Self::published()
    }
}

impl BoostingSettings {
    /// The study's: scikit-learn's defaults with 300 trees.
    pub const fn published() -> Self {
        Self {
            trees: 300,
            learning_rate: 0.1,
            max_depth: 3,
            min_samples_leaf: 1,
            min_samples_split: 2,
            subsample: 1.0,
            seed: 0,
            missing_branch: false,
            early_stopping: None,
        }
    }

    /// Whether the numbers can be used; the error continues a sentence.
    pub fn check(&self) -> Result<(), String> {
        let share = |v: f64| v > 0.0 && v <= 1.0;
        let wrong = if self.trees == 0 || self.trees > MOST_TREES {
            format!("{} trees cannot be grown; write 1 to {MOST_TREES}", self.trees)
        } else if !share(self.learning_rate) {
            format!("{} is no learning rate; write a number above 0, at most 1", self.learning_rate)
        } else if self.max_depth == 0 || self.max_depth > MOST_DEPTH {
            format!("{} is no depth of a tree; write 1 to {MOST_DEPTH}", self.max_depth)
        } else if !share(self.subsample) {
            format!("{} is no share of the rows; write a number above 0, at most 1", self.subsample)
        } else if self.min_samples_leaf == 0 {
            "a leaf needs at least one row".to_owned()
        } else if self.early_stopping.is_some_and(|e| !(e.share > 0.0 && e.share < 1.0) || e.rounds == 0) {
            "early stopping needs a share of patients between 0 and 1 and at least one round".to_owned()
        } else {
            return Ok(());
        };
        Err(wrong)
    }

    fn limits(&self) -> Limits {
        Limits {
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            min_samples_split: self.min_samples_split,
            missing_branch: self.missing_branch,
        }
    }
}

/// More would not be read back quickly.
pub(super) const MOST_TREES: usize = 20_000;
/// Deeper trees learn single patients.
const MOST_DEPTH: usize = 32;

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
    /// Mean deviance (twice the log-loss) of the tree's training rows after each tree: scikit-learn's `train_score_`.
    pub train_loss: Vec<f64>,
    /// The same of the rows held back, where there are any.
    pub held_back_loss: Vec<f64>,
}

/// Rows that no tree is grown on.
#[derive(Debug, Clone, Copy)]
pub struct HeldBack<'a> {
    pub rows: &'a [Vec<f64>],
    pub outcome: &'a [bool],
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
    fit_watching(rows, outcome, settings, None)
}

/// [`fit`] that also follows the loss of rows held back, and stops by it where the settings say so.
pub fn fit_watching(
    rows: &[Vec<f64>],
    outcome: &[bool],
    settings: &BoostingSettings,
    held_back: Option<HeldBack<'_>>,
) -> Result<Fitted, BoostingError> {
    check(rows, outcome, settings.missing_branch)?;
    let mut course = Course::new(rows, outcome, settings);
    let mut watch = held_back.map(|h| Watch::new(h, course.model.prior_log_odds));
    let mut patience = settings.early_stopping.map(Patience::new);
    let mut fitted = Fitted {
        model: course.model.clone(),
        train_loss: Vec::with_capacity(settings.trees),
        held_back_loss: Vec::new(),
    };
    for _ in 0..settings.trees {
        fitted.train_loss.push(course.add_tree());
        let Some((watch, tree)) = watch.as_mut().zip(course.model.trees.last()) else { continue };
        let loss = watch.add(tree, settings.learning_rate);
        fitted.held_back_loss.push(loss);
        if patience.as_mut().is_some_and(|p| p.is_over(loss)) {
            break;
        }
    }
    fitted.model = course.model;
    Ok(fitted)
}

/// scikit-learn's patience: the last losses that were better than one of those before.
struct Patience {
    tolerance: f64,
    places: Vec<f64>,
    seen: usize,
}

impl Patience {
    fn new(settings: EarlyStopping) -> Self {
        Self { tolerance: settings.tolerance, places: vec![f64::INFINITY; settings.rounds], seen: 0 }
    }

    /// Whether the loss is no better than any of the last.
    fn is_over(&mut self, loss: f64) -> bool {
        let better = self.places.iter().any(|place| loss + self.tolerance < *place);
        let oldest = self.seen % self.places.len();
        self.places[oldest] = loss;
        self.seen += 1;
        !better
    }
}

/// The fit as it goes on.
struct Course<'a> {
    settings: &'a BoostingSettings,
    data: Sorted,
    y: Vec<f64>,
    log_odds: Vec<f64>,
    residual: Vec<f64>,
    random: ChaCha8Rng,
    model: Boosting,
}

impl<'a> Course<'a> {
    fn new(rows: &[Vec<f64>], outcome: &[bool], settings: &'a BoostingSettings) -> Self {
        let n = rows.len() as f64;
        let events = outcome.iter().filter(|y| **y).count() as f64;
        let prior_log_odds = (events / (n - events)).ln();
        Self {
            settings,
            data: Sorted::new(rows),
            y: outcome.iter().map(|y| f64::from(u8::from(*y))).collect(),
            log_odds: vec![prior_log_odds; rows.len()],
            residual: vec![0.0; rows.len()],
            random: ChaCha8Rng::seed_from_u64(settings.seed),
            model: Boosting {
                prior_log_odds,
                learning_rate: settings.learning_rate,
                trees: Vec::with_capacity(settings.trees),
            },
        }
    }

    /// Grows the next tree; returns the mean deviance of the rows that it was grown on.
    fn add_tree(&mut self) -> f64 {
        for ((r, y), f) in self.residual.iter_mut().zip(&self.y).zip(&self.log_odds) {
            *r = y - logistic(*f);
        }
        let drawn = self.draw();
        let (residual, y) = (&self.residual, &self.y);
        let Grown { tree, leaf_of } =
            grow(&self.data, residual, drawn.as_deref(), self.settings.limits(), |leaf| {
                newton_step(leaf, residual, y)
            });
        for (i, (f, leaf)) in self.log_odds.iter_mut().zip(&leaf_of).enumerate() {
            let value = match tree.nodes.get(*leaf) {
                Some(Node::Leaf { value, .. }) => *value,
                // A row that was not drawn.
                _ => tree.value(&self.data.row(i)),
            };
            *f += self.settings.learning_rate * value;
        }
        self.model.trees.push(tree);
        let of_tree = leaf_of.iter().map(|leaf| *leaf != NOT_DRAWN);
        deviance(&self.y, &self.log_odds, of_tree)
    }

    /// The rows of the next tree; `None` for all.
    fn draw(&mut self) -> Option<Vec<bool>> {
        let n = self.y.len();
        let wanted = ((self.settings.subsample * n as f64) as usize).max(1);
        if wanted >= n {
            return None;
        }
        let mut drawn = vec![false; n];
        index::sample(&mut self.random, n, wanted).iter().for_each(|i| drawn[i] = true);
        Some(drawn)
    }
}

/// The loss of rows held back.
struct Watch {
    rows: Vec<Vec<f32>>,
    y: Vec<f64>,
    log_odds: Vec<f64>,
}

impl Watch {
    fn new(held_back: HeldBack<'_>, prior_log_odds: f64) -> Self {
        Self {
            rows: held_back.rows.iter().map(|r| r.iter().map(|v| *v as f32).collect()).collect(),
            y: held_back.outcome.iter().map(|y| f64::from(u8::from(*y))).collect(),
            log_odds: vec![prior_log_odds; held_back.rows.len()],
        }
    }

    fn add(&mut self, tree: &Tree, learning_rate: f64) -> f64 {
        for (f, row) in self.log_odds.iter_mut().zip(&self.rows) {
            *f += learning_rate * tree.value(row);
        }
        deviance(&self.y, &self.log_odds, std::iter::repeat(true))
    }
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

fn check(rows: &[Vec<f64>], outcome: &[bool], missing_branch: bool) -> Result<(), BoostingError> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || rows.len() != outcome.len() || rows.iter().any(|r| r.len() != width) {
        return Err(BoostingError::Shape);
    }
    for (row, values) in rows.iter().enumerate() {
        if let Some(column) =
            values.iter().position(|v| !((*v as f32).is_finite() || missing_branch && v.is_nan()))
        {
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

/// Mean deviance: −2 times the mean log-likelihood, of the rows counted.
fn deviance(y: &[f64], log_odds: &[f64], counted: impl Iterator<Item = bool>) -> f64 {
    let rows = y.iter().zip(log_odds).zip(counted).filter(|(_, counted)| *counted);
    let add = |(sum, n): (f64, usize), ((y, f), _): ((&f64, &f64), bool)| {
        (sum + log_one_plus_exp(*f) - y * f, n + 1)
    };
    let (sum, n) = rows.fold((0.0, 0), add);
    2.0 * sum / n as f64
}

fn log_one_plus_exp(f: f64) -> f64 {
    f.max(0.0) + (-f.abs()).exp().ln_1p()
}

/// Probability of log-odds.
pub fn logistic(f: f64) -> f64 {
    1.0 / (1.0 + (-f).exp())
}

#[cfg(test)]
#[path = "boosting_tests.rs"]
mod tests;
