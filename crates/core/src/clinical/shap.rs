//! Exact Shapley values of boosted trees (TreeSHAP): how much each variable moved this patient's log-odds.
//!
//! Lundberg, Erion, Lee 2018, <https://arxiv.org/abs/1802.03888>, algorithm 2; as `shap.TreeExplainer` with
//! `feature_perturbation="tree_path_dependent"`: what a variable would be if unknown follows from how many training rows
//! went each way at its splits.

use super::boosting::Boosting;
use super::tree::{Node, Tree, goes_left};

/// Contributions to the log-odds of one row; `base` plus all of them is the model's log-odds.
#[derive(Debug, Clone, PartialEq)]
pub struct Shapley {
    /// Log-odds where no variable is known: the mean over the training rows.
    pub base: f64,
    /// One a feature.
    pub contributions: Vec<f64>,
}

/// Explains one row of as many features as the training rows had.
pub fn explain(model: &Boosting, row: &[f64]) -> Shapley {
    let mut contributions = vec![0.0; row.len()];
    let mut base = model.prior_log_odds;
    let row: Vec<f32> = row.iter().map(|v| *v as f32).collect();
    for tree in &model.trees {
        base += model.learning_rate * mean(tree, 0);
        let mut walk = Walk { tree, row: &row, rate: model.learning_rate, contributions: &mut contributions };
        walk.node(0, Path::default(), Step { feature: None, unknown: 1.0, known: 1.0 });
    }
    Shapley { base, contributions }
}

/// Training rows that came through a node.
fn rows(node: &Node) -> f64 {
    match node {
        Node::Split { n, .. } | Node::Leaf { n, .. } => *n as f64,
    }
}

/// Mean value of the leaves below a node, by training rows.
fn mean(tree: &Tree, at: usize) -> f64 {
    match &tree.nodes[at] {
        Node::Leaf { value, .. } => *value,
        Node::Split { left, right, .. } => {
            let [a, b] = [rows(&tree.nodes[*left]), rows(&tree.nodes[*right])];
            (a * mean(tree, *left) + b * mean(tree, *right)) / (a + b)
        }
    }
}

/// A split on the way to a node.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// `None` for the root.
    feature: Option<usize>,
    /// Share of the training rows that go this way where the feature is not known.
    unknown: f64,
    /// 1 if this row goes this way where the feature is known, else 0.
    known: f64,
}

/// The splits on the way, each feature once, with the weights of all subsets of one size that are known.
#[derive(Debug, Clone, Default)]
struct Path {
    steps: Vec<Step>,
    /// By number of known features.
    weight: Vec<f64>,
}

impl Path {
    /// EXTEND of the paper.
    fn extend(&mut self, step: Step) {
        let depth = self.steps.len();
        self.steps.push(step);
        self.weight.push(if depth == 0 { 1.0 } else { 0.0 });
        let size = depth as f64 + 1.0;
        for i in (0..depth).rev() {
            self.weight[i + 1] += step.known * self.weight[i] * (i as f64 + 1.0) / size;
            self.weight[i] *= step.unknown * (depth - i) as f64 / size;
        }
    }

    /// UNWIND of the paper: the path as if step `k` had never been.
    fn unwind(&mut self, k: usize) {
        let last = self.steps.len() - 1;
        let Step { unknown, known, .. } = self.steps[k];
        let size = last as f64 + 1.0;
        let mut next = self.weight[last];
        for i in (0..last).rev() {
            if known != 0.0 {
                let before = self.weight[i];
                self.weight[i] = next * size / ((i as f64 + 1.0) * known);
                next = before - self.weight[i] * unknown * (last - i) as f64 / size;
            } else {
                self.weight[i] *= size / (unknown * (last - i) as f64);
            }
        }
        self.steps.remove(k);
        self.weight.pop();
    }

    /// Sum of the weights without step `k`.
    fn sum_without(&self, k: usize) -> f64 {
        let mut path = self.clone();
        path.unwind(k);
        path.weight.iter().sum()
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f32],
    rate: f64,
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    fn node(&mut self, at: usize, mut path: Path, step: Step) {
        path.extend(step);
        match &self.tree.nodes[at] {
            Node::Leaf { value, .. } => {
                for k in 1..path.steps.len() {
                    let Step { feature, unknown, known } = path.steps[k];
                    if let Some(feature) = feature {
                        self.contributions[feature] +=
                            self.rate * path.sum_without(k) * (known - unknown) * value;
                    }
                }
            }
            Node::Split { feature, threshold, left, right, missing_left, .. } => {
                let goes_left = goes_left(self.row[*feature], *threshold, *missing_left);
                // A feature met before is taken out and comes back with both shares multiplied.
                let (mut unknown, mut known) = (1.0, 1.0);
                if let Some(k) = path.steps.iter().position(|s| s.feature == Some(*feature)) {
                    (unknown, known) = (path.steps[k].unknown, path.steps[k].known);
                    path.unwind(k);
                }
                let all = rows(&self.tree.nodes[*left]) + rows(&self.tree.nodes[*right]);
                for (child, hot) in [(*left, goes_left), (*right, !goes_left)] {
                    let share = rows(&self.tree.nodes[child]) / all;
                    let known = if hot { known } else { 0.0 };
                    let step = Step { feature: Some(*feature), unknown: unknown * share, known };
                    self.node(child, path.clone(), step);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "shap_tests.rs"]
mod tests;
