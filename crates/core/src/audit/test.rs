//! The tests behind the findings.

use statrs::function::gamma::ln_gamma;

use crate::stats::{normal_p, roc};

/// Chance of at least one false finding that a check may have on a cohort without faults.
pub const ALPHA: f64 = 0.001;

/// Two-sided p of a 2×2 table: `a` of `n` in one group, `b` of `m` in the other (Fisher's exact test: the chance of all
/// tables no likelier than this one). Summed here because statrs' version searches its tail and may run below zero.
pub fn fisher(a: usize, n: usize, b: usize, m: usize) -> f64 {
    let choose = |n: usize, k: usize| {
        let gamma = |v: usize| ln_gamma(v as f64 + 1.0);
        gamma(n) - gamma(k) - gamma(n - k)
    };
    let hits = a + b;
    let chance = |x: usize| (choose(n, x) + choose(m, hits - x) - choose(n + m, hits)).exp();
    let limit = chance(a) * (1.0 + 1e-7);
    let tables = hits.saturating_sub(m)..=hits.min(n);
    tables.map(chance).filter(|p| *p <= limit).sum::<f64>().min(1.0)
}

/// An area under the ROC curve of 0.5 or more, whichever way round, and its p.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Separation {
    /// Above 0.5 where events have higher values.
    pub auc: f64,
    /// The same without direction.
    pub strength: f64,
    /// Mann–Whitney, normal approximation with ties.
    pub p: f64,
}

/// How well a value separates the outcomes. `None` unless both occur.
pub fn separation(outcome: &[bool], value: &[f64]) -> Option<Separation> {
    let auc = roc::auc(outcome, value)?;
    let n = outcome.len() as f64;
    let events = outcome.iter().filter(|y| **y).count() as f64;
    let others = n - events;
    let mut sorted = value.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 =
        sorted.chunk_by(|a, b| a == b).map(|run| (run.len() as f64).powi(3) - run.len() as f64).sum();
    let variance = ((n + 1.0) - ties / (n * (n - 1.0))) / (12.0 * events * others);
    let p = if variance > 0.0 { normal_p((auc - 0.5) / variance.sqrt()) } else { 1.0 };
    Some(Separation { auc, strength: auc.max(1.0 - auc), p })
}

/// How many runs of equal outcomes a sequence has, how many chance gives, and the one-sided p of so few
/// (Wald and Wolfowitz, Annals of Mathematical Statistics 1940, 11:147).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Runs {
    pub runs: usize,
    pub expected: f64,
    pub p: f64,
}

/// The runs of a sequence. `None` unless both outcomes occur three times.
pub fn runs(outcome: &[bool]) -> Option<Runs> {
    let n = outcome.len() as f64;
    let events = outcome.iter().filter(|y| **y).count() as f64;
    let others = n - events;
    if events < 3.0 || others < 3.0 {
        return None;
    }
    let runs = outcome.chunk_by(|a, b| a == b).count();
    let product = 2.0 * events * others;
    let expected = product / n + 1.0;
    let p = (2..=runs).map(|r| chance_of_runs(r, events, others)).sum::<f64>().min(1.0);
    Some(Runs { runs, expected, p })
}

/// Chance of exactly so many runs: exact, as the normal approximation is far out where one outcome is rare.
fn chance_of_runs(runs: usize, events: f64, others: f64) -> f64 {
    let choose = |n: f64, k: f64| {
        if k < 0.0 || k > n {
            return f64::NEG_INFINITY;
        }
        ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
    };
    let all = choose(events + others, events);
    let half = (runs / 2) as f64;
    let of = |e: f64, o: f64| (choose(events - 1.0, e) + choose(others - 1.0, o) - all).exp();
    if runs.is_multiple_of(2) {
        2.0 * of(half - 1.0, half - 1.0)
    } else {
        of(half, half - 1.0) + of(half - 1.0, half)
    }
}

/// Standard error of an area of `auc` (Hanley and McNeil, Radiology 1982, 143:29): exists at an area of 1, too.
pub fn hanley_mcneil(auc: f64, events: usize, others: usize) -> f64 {
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let (e, o) = (events as f64, others as f64);
    ((auc * (1.0 - auc) + (e - 1.0) * (q1 - auc * auc) + (o - 1.0) * (q2 - auc * auc)) / (e * o)).sqrt()
}

/// The middle value; not a number for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Smallest of the numbers times how many comparisons were made, at most 1.
pub fn corrected(p: f64, comparisons: usize) -> f64 {
    (p * comparisons.max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_agree_with_r() {
        // fisher.test(matrix(c(3, 7, 9, 1), 2)): 0.01977; wilcox.test(exact = FALSE, correct = FALSE): z = 2.6112, p = 0.009023.
        assert!((fisher(3, 10, 9, 10) - 0.019_77).abs() < 1e-5);
        let outcome = [false, false, false, false, false, true, true, true, true, true];
        let s = separation(&outcome, &[1., 2., 3., 4., 5., 6., 7., 8., 9., 10.]).unwrap();
        assert!((s.auc - 1.0).abs() < 1e-12 && (s.p - 0.009_023).abs() < 1e-5, "{s:?}");
        let r = runs(&outcome).unwrap();
        assert_eq!((r.runs, r.expected), (2, 6.0));
        // Both orders of two blocks among 252 sequences.
        assert!((r.p - 2.0 / 252.0).abs() < 1e-12, "{}", r.p);
        let all: f64 = (2..=10).map(|n| chance_of_runs(n, 5.0, 5.0)).sum();
        assert!((all - 1.0).abs() < 1e-12, "{all}");
        assert!((hanley_mcneil(0.8, 50, 50) - 0.0446).abs() < 0.001);
    }
}
