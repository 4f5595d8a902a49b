//! One regression tree, grown like scikit-learn's: best splits by mean squared error, midpoint thresholds.

use serde::{Deserialize, Serialize};

/// Values closer than this are one value (scikit-learn's `FEATURE_THRESHOLD`).
const SAME_VALUE: f32 = 1e-7;

/// A tree read from a file is no deeper than this: explaining it walks every branch.
const MOST_DEPTH: usize = 64;

/// A node: a test on one feature, or a leaf.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Goes to `left` where the feature (as f32) is ≤ `threshold`, else to `right`; where it is missing, to `left` if
    /// `missing_left`.
    Split { feature: usize, threshold: f64, left: usize, right: usize, n: usize, missing_left: bool },
    /// Log-odds added (before the learning rate), and how many training rows ended here.
    Leaf { value: f64, n: usize },
}

/// Which way a value goes at a split; not a number is missing.
pub fn goes_left(value: f32, threshold: f64, missing_left: bool) -> bool {
    if value.is_nan() { missing_left } else { f64::from(value) <= threshold }
}

/// Nodes in depth-first order, left before right; the root is the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Arrays", into = "Arrays")]
pub struct Tree {
    pub nodes: Vec<Node>,
}

/// A tree in a model file: one entry a node; `value` is a split's threshold or a leaf's value.
#[derive(Default, Serialize, Deserialize)]
struct Arrays {
    /// −1 for a leaf.
    feature: Vec<i64>,
    value: Vec<f64>,
    left: Vec<usize>,
    right: Vec<usize>,
    n: Vec<usize>,
    /// Splits that send missing values to the left; absent where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing_left: Vec<usize>,
}

impl From<Tree> for Arrays {
    fn from(tree: Tree) -> Self {
        let mut a = Arrays::default();
        for (at, node) in tree.nodes.iter().enumerate() {
            let (feature, value, left, right, n) = match *node {
                Node::Leaf { value, n } => (-1, value, 0, 0, n),
                Node::Split { feature, threshold, left, right, n, missing_left } => {
                    a.missing_left.extend(missing_left.then_some(at));
                    (feature as i64, threshold, left, right, n)
                }
            };
            a.feature.push(feature);
            a.value.push(value);
            a.left.push(left);
            a.right.push(right);
            a.n.push(n);
        }
        a
    }
}

impl TryFrom<Arrays> for Tree {
    type Error = &'static str;

    fn try_from(a: Arrays) -> Result<Self, Self::Error> {
        let count = a.feature.len();
        if [a.value.len(), a.left.len(), a.right.len(), a.n.len()] != [count; 4] {
            return Err("a tree's lists differ in length");
        }
        let nodes = (0..count).map(|i| match usize::try_from(a.feature[i]) {
            Err(_) => Node::Leaf { value: a.value[i], n: a.n[i] },
            Ok(feature) => {
                let missing_left = a.missing_left.binary_search(&i).is_ok();
                let (left, right, n) = (a.left[i], a.right[i], a.n[i]);
                Node::Split { feature, threshold: a.value[i], left, right, n, missing_left }
            }
        });
        Ok(Tree { nodes: nodes.collect() })
    }
}

impl Tree {
    /// The value of the leaf that this row falls into. 0 for a tree that points outside itself (see [`Tree::check`]).
    pub fn value(&self, row: &[f32]) -> f64 {
        let mut at = 0;
        // A path is never longer than the number of nodes.
        for _ in 0..self.nodes.len() {
            match &self.nodes[at] {
                Node::Leaf { value, .. } => return *value,
                Node::Split { feature, threshold, left, right, missing_left, .. } => {
                    at = if goes_left(row[*feature], *threshold, *missing_left) { *left } else { *right };
                }
            }
        }
        0.0
    }

    /// Whether every node is inside the tree and every feature below `features`; each child stands after its parent,
    /// has no other, and lies no deeper than [`MOST_DEPTH`].
    pub fn check(&self, features: usize) -> bool {
        let inside = |(i, node): (usize, &Node)| match node {
            // Larger steps of the log-odds are no fit, and their sum could overflow.
            Node::Leaf { value, .. } => value.abs() <= 1e6,
            Node::Split { feature, threshold, left, right, .. } => {
                let after = |child: usize| child > i && child < self.nodes.len();
                *feature < features && threshold.is_finite() && after(*left) && after(*right)
            }
        };
        !self.nodes.is_empty() && self.nodes.iter().enumerate().all(inside) && self.branches_only()
    }

    /// Whether no node has two parents or lies too deep; children must be inside and after their parents.
    fn branches_only(&self) -> bool {
        let mut depth = vec![0usize; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            if let Node::Split { left, right, .. } = *node {
                for child in [left, right] {
                    if depth[child] != 0 || depth[at] >= MOST_DEPTH {
                        return false;
                    }
                    depth[child] = depth[at] + 1;
                }
            }
        }
        true
    }
}

/// Features column by column, with every column's row order by value: sorted once, kept through all trees.
pub struct Sorted {
    pub columns: Vec<Vec<f32>>,
    order: Vec<Vec<u32>>,
    rows: usize,
}

impl Sorted {
    /// `rows` all have the same length; missing values stand at the end of their column's order.
    pub fn new(rows: &[Vec<f64>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let columns: Vec<Vec<f32>> = (0..width).map(|j| rows.iter().map(|r| r[j] as f32).collect()).collect();
        let order = columns.iter().map(|c| {
            let mut order: Vec<u32> = (0..c.len() as u32).collect();
            order.sort_by(|a, b| c[*a as usize].total_cmp(&c[*b as usize]));
            order
        });
        Self { order: order.collect(), columns, rows: rows.len() }
    }

    /// The order of the rows that are `drawn`.
    fn order_of(&self, drawn: Option<&[bool]>) -> Vec<Vec<u32>> {
        let Some(drawn) = drawn else { return self.order.clone() };
        let of = |order: &Vec<u32>| order.iter().copied().filter(|r| drawn[*r as usize]).collect();
        self.order.iter().map(of).collect()
    }

    /// One row as a tree reads it.
    pub fn row(&self, i: usize) -> Vec<f32> {
        self.columns.iter().map(|c| c[i]).collect()
    }
}

/// How far a tree grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_depth: usize,
    pub min_samples_leaf: usize,
    /// A node with fewer rows is a leaf.
    pub min_samples_split: usize,
    /// Whether splits learn where missing values go.
    pub missing_branch: bool,
}

/// A tree and where it put the training rows.
pub struct Grown {
    pub tree: Tree,
    /// Node index of the leaf of each training row; [`NOT_DRAWN`] for the others.
    pub leaf_of: Vec<usize>,
}

/// Stands for the leaf of a row that took no part.
pub const NOT_DRAWN: usize = usize::MAX;

/// Grows a tree on `target` from the rows `drawn` (all where `None`); `leaf_value` gives a leaf's value from its
/// training rows.
pub fn grow(
    data: &Sorted,
    target: &[f64],
    drawn: Option<&[bool]>,
    limits: Limits,
    leaf_value: impl Fn(&[u32]) -> f64,
) -> Grown {
    let order = data.order_of(drawn);
    let rows = order.first().map_or(0, Vec::len);
    let mut grower = Grower {
        data,
        target,
        limits: Limits { min_samples_leaf: limits.min_samples_leaf.max(1), ..limits },
        order,
        goes_left: vec![false; data.rows],
        scratch: Vec::with_capacity(data.rows),
        nodes: Vec::new(),
        leaf_of: vec![NOT_DRAWN; data.rows],
        leaf_value,
    };
    grower.node(0, rows, 0);
    Grown { tree: Tree { nodes: grower.nodes }, leaf_of: grower.leaf_of }
}

struct Grower<'a, F> {
    data: &'a Sorted,
    target: &'a [f64],
    limits: Limits,
    /// Per feature, rows in order of value; a node owns the same range `start..end` in each.
    order: Vec<Vec<u32>>,
    goes_left: Vec<bool>,
    scratch: Vec<u32>,
    nodes: Vec<Node>,
    leaf_of: Vec<usize>,
    leaf_value: F,
}

struct Split {
    feature: usize,
    /// Rows of the feature's order with a value that goes left: `start..position`.
    position: usize,
    threshold: f64,
    gain: f64,
    /// Rows at the end of the order whose value is missing, and whether they go left.
    missing: usize,
    missing_left: bool,
}

impl<F: Fn(&[u32]) -> f64> Grower<'_, F> {
    fn node(&mut self, start: usize, end: usize, depth: usize) -> usize {
        let at = self.nodes.len();
        let n = end - start;
        let limits = self.limits;
        let leaf =
            depth >= limits.max_depth || n < (2 * limits.min_samples_leaf).max(limits.min_samples_split);
        let split = if leaf { None } else { self.best_split(start, end) };
        let Some(split) = split else {
            let rows: &[u32] = self.order.first().map_or(&[], |o| &o[start..end]);
            let value = (self.leaf_value)(rows);
            for row in rows {
                self.leaf_of[*row as usize] = at;
            }
            self.nodes.push(Node::Leaf { value, n });
            return at;
        };
        let Split { feature, threshold, .. } = split;
        // Where no training row lacks the value, a patient without it goes with the many.
        let known_left = 2 * (split.position - start) >= n;
        let missing_left =
            limits.missing_branch && if split.missing > 0 { split.missing_left } else { known_left };
        self.nodes.push(Node::Split { feature, threshold, left: 0, right: 0, n, missing_left });
        let middle = self.partition(&split, start, end);
        let left = self.node(start, middle, depth + 1);
        let right = self.node(middle, end, depth + 1);
        self.nodes[at] = Node::Split { feature, threshold, left, right, n, missing_left };
        at
    }

    /// The split with the largest drop of squared error; of equal ones the lowest feature, then the lowest threshold,
    /// so that the same data give the same tree (scikit-learn draws among equal features).
    fn best_split(&self, start: usize, end: usize) -> Option<Split> {
        let n = (end - start) as f64;
        let rows = &self.order.first()?[start..end];
        let total: f64 = rows.iter().map(|r| self.target[*r as usize]).sum();
        let squares: f64 = rows.iter().map(|r| self.target[*r as usize].powi(2)).sum();
        if squares / n - (total / n).powi(2) <= f64::EPSILON {
            return None; // nothing left to explain
        }
        // Two features may cut off the same rows and differ only by rounding: that is a tie.
        let tie = 1e-12 * squares;
        let mut best: Option<Split> = None;
        for feature in 0..self.order.len() {
            let least = best.as_ref().map_or(f64::NEG_INFINITY, |b| b.gain + tie);
            if let Some(split) = self.best_of_feature(feature, start, end, total, least) {
                best = Some(split);
            }
        }
        best
    }

    fn best_of_feature(
        &self,
        feature: usize,
        start: usize,
        end: usize,
        total: f64,
        least: f64,
    ) -> Option<Split> {
        let values = &self.data.columns[feature];
        let order = &self.order[feature];
        let n = (end - start) as f64;
        let value = |p: usize| values[order[p] as usize];
        let missing = if value(end - 1).is_nan() {
            order[start..end].iter().rev().take_while(|r| values[**r as usize].is_nan()).count()
        } else {
            0
        };
        let known = end - missing;
        if known == start || missing == 0 && value(known - 1) <= value(start) + SAME_VALUE {
            return None;
        }
        let missing_sum: f64 = order[known..end].iter().map(|r| self.target[*r as usize]).sum();
        let mut left_sum = 0.0;
        let (mut best_gain, mut best) = (least, None);
        // Friedman's improvement; in one node it ranks splits as the drop of squared error does.
        let mut weigh = |left_n: usize, left_sum: f64, position: usize, missing_left: bool| {
            let right_n = end - start - left_n;
            if left_n < self.limits.min_samples_leaf || right_n < self.limits.min_samples_leaf {
                return;
            }
            let (left_n, right_n) = (left_n as f64, right_n as f64);
            let difference = right_n * left_sum - left_n * (total - left_sum);
            let gain = difference * difference / (left_n * right_n * n);
            if gain > best_gain {
                (best_gain, best) = (gain, Some((position, missing_left)));
            }
        };
        for (p, row) in order.iter().enumerate().take(known).skip(start) {
            left_sum += self.target[*row as usize];
            let left_n = p + 1 - start;
            if p + 1 == known {
                // All that have a value against those that have none.
                if missing > 0 {
                    weigh(left_n, left_sum, known, false);
                }
            } else if value(p + 1) > value(p) + SAME_VALUE {
                weigh(left_n, left_sum, p + 1, false);
                if missing > 0 {
                    weigh(left_n + missing, left_sum + missing_sum, p + 1, true);
                }
            }
        }
        let (position, missing_left) = best?;
        let threshold =
            if position == known { f64::MAX } else { between(value(position - 1), value(position)) };
        Some(Split { feature, position, threshold, gain: best_gain, missing, missing_left })
    }

    /// Brings each feature's rows of the node into "left, then right", each part still in order of value; returns where
    /// the right ones begin.
    fn partition(&mut self, split: &Split, start: usize, end: usize) -> usize {
        let mut middle = split.position;
        if split.missing_left {
            self.order[split.feature][split.position..end].rotate_right(split.missing);
            middle += split.missing;
        }
        for (p, row) in self.order[split.feature][start..end].iter().enumerate() {
            self.goes_left[*row as usize] = start + p < middle;
        }
        for (feature, order) in self.order.iter_mut().enumerate() {
            if feature == split.feature {
                continue;
            }
            self.scratch.clear();
            let mut write = start;
            for read in start..end {
                let row = order[read];
                if self.goes_left[row as usize] {
                    order[write] = row;
                    write += 1;
                } else {
                    self.scratch.push(row);
                }
            }
            order[write..end].copy_from_slice(&self.scratch);
        }
        middle
    }
}

/// Half-way, but never the upper value.
fn between(below: f32, above: f32) -> f64 {
    let (below, above) = (f64::from(below), f64::from(above));
    let middle = below / 2.0 + above / 2.0;
    if middle == above || !middle.is_finite() { below } else { middle }
}
