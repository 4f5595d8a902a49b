use proptest::prelude::*;

use super::*;
use crate::clinical::boosting::{self, BoostingSettings};

/// A reproducible table with an outcome that depends on the features and their interaction.
fn data(rows: usize, features: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<bool>) {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let x: Vec<Vec<f64>> =
        (0..rows).map(|_| (0..features).map(|_| rng.random_range(-2.0..2.0)).collect()).collect();
    let y = x.iter().map(|r| r[0] + r[1] * r[features - 1] + rng.random_range(-1.0..1.0) > 0.2).collect();
    (x, y)
}

fn model(depth: usize, trees: usize, x: &[Vec<f64>], y: &[bool]) -> Boosting {
    let settings = BoostingSettings { trees, max_depth: depth, ..BoostingSettings::default() };
    boosting::fit(x, y, &settings).unwrap().model
}

/// Value of a tree where only `known` features are known.
fn expectation(tree: &Tree, at: usize, row: &[f32], known: u32) -> f64 {
    match &tree.nodes[at] {
        Node::Leaf { value, .. } => *value,
        Node::Split { feature, threshold, left, right, missing_left, .. } if known >> feature & 1 == 1 => {
            let value = row[*feature];
            let to_left = if value.is_nan() { *missing_left } else { f64::from(value) <= *threshold };
            let next = if to_left { *left } else { *right };
            expectation(tree, next, row, known)
        }
        Node::Split { left, right, .. } => {
            let [a, b] = [rows(&tree.nodes[*left]), rows(&tree.nodes[*right])];
            (a * expectation(tree, *left, row, known) + b * expectation(tree, *right, row, known)) / (a + b)
        }
    }
}

/// Shapley's formula over all subsets.
fn by_definition(model: &Boosting, row: &[f64]) -> Vec<f64> {
    let m = row.len();
    let narrow: Vec<f32> = row.iter().map(|v| *v as f32).collect();
    let value = |known: u32| -> f64 {
        model.trees.iter().map(|t| model.learning_rate * expectation(t, 0, &narrow, known)).sum()
    };
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    (0..m)
        .map(|j| {
            (0..1_u32 << m)
                .filter(|s| s >> j & 1 == 0)
                .map(|s| {
                    let size = s.count_ones() as usize;
                    let weight = factorial(size) * factorial(m - size - 1) / factorial(m);
                    weight * (value(s | 1 << j) - value(s))
                })
                .sum()
        })
        .collect()
}

#[test]
fn contributions_are_shapleys_by_definition() {
    for (depth, seed) in [(1, 1), (3, 2), (5, 3)] {
        let (x, y) = data(120, 5, seed);
        let model = model(depth, 20, &x, &y);
        for row in x.iter().take(15) {
            let ours = explain(&model, row).contributions;
            for (a, b) in ours.iter().zip(by_definition(&model, row)) {
                assert!((a - b).abs() < 1e-10, "depth {depth}: {a} {b}");
            }
        }
    }
}

#[test]
fn contributions_of_missing_values_are_shapleys_too() {
    let (mut x, y) = data(150, 5, 4);
    for (i, row) in x.iter_mut().enumerate() {
        for j in [0, 3] {
            if (i * 7 + j * 5) % 6 == 0 {
                row[j] = f64::NAN;
            }
        }
    }
    let settings =
        BoostingSettings { trees: 20, max_depth: 4, missing_branch: true, ..BoostingSettings::default() };
    let model = boosting::fit(&x, &y, &settings).unwrap().model;
    let lacking = x.iter().filter(|r| r.iter().any(|v| v.is_nan()));
    for row in lacking.take(15) {
        let said = explain(&model, row);
        for (a, b) in said.contributions.iter().zip(by_definition(&model, row)) {
            assert!((a - b).abs() < 1e-10, "{a} {b}");
        }
        let sum = said.base + said.contributions.iter().sum::<f64>();
        assert!((sum - model.log_odds(row)).abs() < 1e-9);
    }
}

#[test]
fn a_variable_the_trees_do_not_use_contributes_nothing() {
    let (mut x, y) = data(80, 3, 9);
    x.iter_mut().for_each(|r| r[1] = 4.0);
    let model = model(3, 30, &x, &y);
    assert!(x.iter().all(|r| explain(&model, r).contributions[1] == 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn base_and_contributions_sum_to_the_log_odds(seed in 0_u64..1000, depth in 1_usize..6, scale in 0.1_f64..10.0) {
        let (x, y) = data(60, 4, seed);
        prop_assume!(y.iter().any(|v| *v) && y.iter().any(|v| !*v));
        let model = model(depth, 40, &x, &y);
        for row in x.iter().take(10) {
            // Rows the model has not seen, far ones too.
            let row: Vec<f64> = row.iter().map(|v| v * scale).collect();
            let said = explain(&model, &row);
            let sum = said.base + said.contributions.iter().sum::<f64>();
            prop_assert!((sum - model.log_odds(&row)).abs() < 1e-9);
        }
    }
}
