//! Time of gradient boosting and its explanation. `cargo bench --bench boosting`
//!
//! As many patients and variables as in the published training table, by a formula that `benches/peers/compare_boosting.py`
//! repeats for scikit-learn: fractions of multiples of square roots, which never tie.

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use thoracast_core::clinical::boosting::{self, Boosting, BoostingSettings};
use thoracast_core::clinical::shap;

const PATIENTS: usize = 185;
const ROOTS: [f64; 19] = [
    2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0, 41.0, 43.0, 47.0, 53.0, 59.0, 61.0,
    67.0,
];

fn main() {
    divan::main();
}

fn patients(n: usize) -> (Vec<Vec<f64>>, Vec<bool>) {
    let fraction = |i: usize, root: f64| (i as f64 * root.sqrt()).fract();
    let rows: Vec<Vec<f64>> =
        (1..=n).map(|i| ROOTS.iter().map(|root| fraction(i, *root)).collect()).collect();
    let event = |(k, x): (usize, &Vec<f64>)| x[0] + x[1] * x[3] + 0.8 * fraction(k + 1, 71.0) > 1.05;
    let outcome = rows.iter().enumerate().map(event).collect();
    (rows, outcome)
}

fn fit((rows, outcome): &(Vec<Vec<f64>>, Vec<bool>)) -> Option<Boosting> {
    boosting::fit(rows, outcome, &BoostingSettings::published()).ok().map(|fitted| fitted.model)
}

/// 300 trees of depth 3.
#[divan::bench(args = [PATIENTS, 2000, 20_000])]
fn fit_300_trees(bencher: divan::Bencher<'_, '_>, n: usize) {
    let patients = patients(n);
    bencher.bench(|| fit(&patients));
}

/// Exact Shapley values of one patient.
#[divan::bench]
fn explain_one_patient(bencher: divan::Bencher<'_, '_>) {
    let patients = patients(PATIENTS);
    let Some(model) = fit(&patients) else { return };
    bencher.bench(|| shap::explain(&model, &patients.0[0]));
}
