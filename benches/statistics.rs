//! Time of survival analysis and regression on large tables. `cargo bench --bench statistics`
//!
//! Simulated patients: 1,000,000 in three groups for curves, 100,000 with 20 covariates for regressions, times without
//! ties. `benches/peers/compare_statistics.R` does the same in R.

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use thoracast_core::stats::calibration;
use thoracast_core::stats::cox::{self, Ties};
use thoracast_core::stats::kaplan_meier::{self, FollowUp, Interval};
use thoracast_core::stats::logistic::{self, Convergence};
use thoracast_core::stats::resample;

const COVARIATES: usize = 20;

fn main() {
    divan::main();
}

/// Exponential time of mean 1000 days / `hazard`.
fn time(rng: &mut ChaCha8Rng, hazard: f64) -> f64 {
    -(1.0 - rng.random::<f64>()).ln() * 1000.0 / hazard
}

fn three_groups() -> Vec<Vec<FollowUp>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut groups = vec![Vec::new(); 3];
    for i in 0..1_000_000 {
        let time = time(&mut rng, 1.0);
        groups[i % 3].push(FollowUp { time, event: rng.random::<f64>() < 0.4 });
    }
    groups
}

struct Patients {
    rows: Vec<Vec<f64>>,
    follow_up: Vec<FollowUp>,
    outcome: Vec<bool>,
    names: Vec<String>,
}

fn patients() -> Patients {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let names: Vec<String> = (0..COVARIATES).map(|j| format!("x{j}")).collect();
    let mut all = Patients { rows: Vec::new(), follow_up: Vec::new(), outcome: Vec::new(), names };
    for _ in 0..100_000 {
        let row: Vec<f64> = (0..COVARIATES).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
        let log_hazard: f64 = row.iter().enumerate().map(|(j, x)| x * (j as f64 - 10.0) / 20.0).sum();
        let time = time(&mut rng, log_hazard.exp());
        all.follow_up.push(FollowUp { time, event: rng.random::<f64>() < 0.5 });
        all.outcome.push(rng.random::<f64>() < 1.0 / (1.0 + (-log_hazard).exp()));
        all.rows.push(row);
    }
    all
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn kaplan_meier_of_a_million(bencher: divan::Bencher) {
    let groups = three_groups();
    bencher.bench(|| {
        let curve = |g: &Vec<FollowUp>| kaplan_meier::curve(g, Interval::Log).expect("times are sound");
        groups.iter().map(curve).collect::<Vec<_>>()
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn log_rank_of_a_million(bencher: divan::Bencher) {
    let groups = three_groups();
    bencher.bench(|| kaplan_meier::log_rank(&groups).expect("there are events in all groups"));
}

#[divan::bench(sample_count = 10, sample_size = 1, args = ["efron", "breslow"])]
fn cox_20_covariates_100_000_rows(bencher: divan::Bencher, ties: &str) {
    let ties = if ties == "efron" { Ties::Efron } else { Ties::Breslow };
    let p = patients();
    let covariates: Vec<(String, usize)> = p.names.iter().map(|n| (n.clone(), 1)).collect();
    bencher.bench(|| cox::fit(&p.rows, &p.follow_up, &p.names, &covariates, ties).expect("a model exists"));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn logistic_20_covariates_100_000_rows(bencher: divan::Bencher) {
    let p = patients();
    bencher
        .bench(|| logistic::fit(&p.rows, &p.outcome, &p.names, Convergence::Full).expect("a model exists"));
}

/// As many patients and predictors as the published nomogram has; the resamples are drawn within the time.
#[divan::bench]
fn bootstrap_calibration_1000_resamples(bencher: divan::Bencher) {
    let p = patients();
    let rows: Vec<Vec<f64>> = p.rows[..186].iter().map(|row| row[12..16].to_vec()).collect();
    let outcome = &p.outcome[..186];
    bencher.bench(|| {
        let resamples = resample::bootstrap(rows.len(), 1000, 1);
        calibration::calibrate(&rows, outcome, &resamples).expect("a model exists")
    });
}
