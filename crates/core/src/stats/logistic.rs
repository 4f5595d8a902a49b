//! Logistic regression by maximum likelihood (Newton's method on standardised columns).

use serde::Serialize;

use super::linalg::{Square, cholesky, inverse, solve};
use super::{StatsError, Z_975, chi_square_p, normal_p, roc};

/// A fitted model. `coef[0]` is the intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFit {
    /// `Intercept`, then the columns' names.
    pub terms: Vec<String>,
    pub coef: Vec<f64>,
    /// Covariance of the coefficients.
    pub vcov: Square,
    pub n: usize,
    pub events: usize,
    /// −2 log-likelihood.
    pub deviance: f64,
    /// −2 log-likelihood with the intercept alone.
    pub null_deviance: f64,
    /// Log-odds of each row.
    pub linear_predictor: Vec<f64>,
    /// Concordance: the area under the ROC curve of the fitted log-odds.
    pub c: f64,
    pub r2_nagelkerke: f64,
    /// Mean squared difference between fitted probability and outcome.
    pub brier: f64,
}

/// One coefficient with its tests and odds ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    pub term: String,
    pub coef: f64,
    pub se: f64,
    pub z: f64,
    pub p: f64,
    pub or: f64,
    pub or_low: f64,
    pub or_high: f64,
}

/// A chi-square test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    pub chisq: f64,
    pub df: f64,
    pub p: f64,
}

impl LogisticFit {
    /// Coefficients with Wald tests and 95 % intervals.
    pub fn table(&self) -> Vec<Term> {
        let row = |i: usize| {
            let (coef, se) = (self.coef[i], self.vcov[i][i].sqrt());
            let z = coef / se;
            Term {
                term: self.terms[i].clone(),
                coef,
                se,
                z,
                p: normal_p(z),
                or: coef.exp(),
                or_low: (coef - Z_975 * se).exp(),
                or_high: (coef + Z_975 * se).exp(),
            }
        };
        (0..self.coef.len()).map(row).collect()
    }

    /// Likelihood-ratio test against the intercept alone.
    pub fn likelihood_ratio(&self) -> ChiSquare {
        let (chisq, df) = (self.null_deviance - self.deviance, self.coef.len() as f64 - 1.0);
        ChiSquare { chisq, df, p: chi_square_p(chisq, df) }
    }
}

/// When Newton's method stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Convergence {
    /// At the maximum of the likelihood, as exactly as the machine can.
    #[default]
    Full,
    /// Where `rms::lrm` stops: one step after the first that lowers the deviance by less than 0.025. The figures are
    /// R's then, and a few millionths beside the maximum.
    LikeRms,
}

/// The drop of the deviance below which `rms::lrm` takes one more step and stops.
const RMS_TOLERANCE: f64 = 0.025;

/// Newton steps after which a fit that still moves has no finite solution.
const MOST_STEPS: usize = 60;

/// Fits `outcome` on `rows` (without an intercept column); `names` are the columns' names, for messages and terms.
pub fn fit(
    rows: &[Vec<f64>],
    outcome: &[bool],
    names: &[String],
    convergence: Convergence,
) -> Result<LogisticFit, StatsError> {
    let (n, events) = (rows.len(), outcome.iter().filter(|y| **y).count());
    if events == 0 || events == n {
        return Err(StatsError::OneOutcome { n, events });
    }
    if n <= names.len() + 1 {
        return Err(StatsError::TooFewRows { n, terms: names.len() + 1 });
    }
    let columns = Standardised::new(rows, names)?;
    columns.refuse_dependence(names)?;
    let y: Vec<f64> = outcome.iter().map(|y| f64::from(u8::from(*y))).collect();
    let solution = columns.maximise(&y, names, convergence)?;
    let (coef, vcov) = columns.in_original_units(&solution);
    let share = events as f64 / n as f64;
    let null_deviance = -2.0 * (events as f64 * share.ln() + (n - events) as f64 * (1.0 - share).ln());
    let linear_predictor = solution.log_odds;
    let deviance = deviance(&y, &linear_predictor);
    let n_f = n as f64;
    let r2_max = 1.0 - (-null_deviance / n_f).exp();
    let squares: f64 = y.iter().zip(&linear_predictor).map(|(y, f)| (y - logistic(*f)).powi(2)).sum();
    Ok(LogisticFit {
        terms: std::iter::once("Intercept".to_owned()).chain(names.iter().cloned()).collect(),
        coef,
        vcov,
        n,
        events,
        deviance,
        null_deviance,
        c: roc::auc(outcome, &linear_predictor).unwrap_or(f64::NAN),
        r2_nagelkerke: (1.0 - ((deviance - null_deviance) / n_f).exp()) / r2_max,
        brier: squares / n_f,
        linear_predictor,
    })
}

/// Each row's probability from a model fitted on the rows of the other folds.
///
/// # Errors
/// As [`fit`] without one of the folds; the message says which.
pub fn out_of_fold(
    rows: &[Vec<f64>],
    outcome: &[bool],
    names: &[String],
    fold: &[usize],
) -> Result<Vec<f64>, StatsError> {
    let mut predicted = vec![0.0; outcome.len()];
    for held_out in 0..fold.iter().max().map_or(0, |f| f + 1) {
        let kept = || (0..outcome.len()).filter(|i| fold[*i] != held_out);
        let others: Vec<Vec<f64>> = kept().map(|i| rows[i].clone()).collect();
        let events: Vec<bool> = kept().map(|i| outcome[i]).collect();
        let fit = fit(&others, &events, names, Convergence::Full)
            .map_err(|e| StatsError::Input(format!("without fold {}, {e}", held_out + 1)))?;
        for i in (0..outcome.len()).filter(|i| fold[*i] == held_out) {
            let log_odds = fit.coef[0] + fit.coef[1..].iter().zip(&rows[i]).map(|(b, x)| b * x).sum::<f64>();
            predicted[i] = logistic(log_odds);
        }
    }
    Ok(predicted)
}

/// 1 / (1 + e⁻ˣ).
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

fn deviance(y: &[f64], log_odds: &[f64]) -> f64 {
    let one = |(y, f): (&f64, &f64)| f.max(0.0) + (-f.abs()).exp().ln_1p() - y * f;
    2.0 * y.iter().zip(log_odds).map(one).sum::<f64>()
}

/// Columns with mean 0 and standard deviation 1 behind a column of ones, so that units do not matter.
struct Standardised {
    rows: Vec<Vec<f64>>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

struct Solution {
    beta: Vec<f64>,
    covariance: Square,
    log_odds: Vec<f64>,
}

impl Standardised {
    fn new(rows: &[Vec<f64>], names: &[String]) -> Result<Self, StatsError> {
        let n = rows.len() as f64;
        let mut standardised = vec![vec![1.0]; rows.len()];
        let (mut means, mut scales) = (Vec::new(), Vec::new());
        for (j, name) in names.iter().enumerate() {
            let mean = rows.iter().map(|r| r[j] / n).sum::<f64>();
            let variance = rows.iter().map(|r| (r[j] - mean).powi(2) / n).sum::<f64>();
            let scale = variance.sqrt();
            if !mean.is_finite() || !scale.is_finite() {
                return Err(StatsError::TooLarge { term: name.clone() });
            }
            let first = rows[0][j];
            if rows.iter().all(|r| r[j] == first) || scale <= 1e-13 * mean.abs() {
                return Err(StatsError::Constant { term: name.clone(), value: first });
            }
            for (s, r) in standardised.iter_mut().zip(rows) {
                s.push((r[j] - mean) / scale);
            }
            means.push(mean);
            scales.push(scale);
        }
        Ok(Self { rows: standardised, mean: means, scale: scales })
    }

    /// `Σ w x xᵀ`.
    fn information(&self, weights: impl Iterator<Item = f64>) -> Square {
        let p = self.mean.len() + 1;
        let mut sum = vec![vec![0.0; p]; p];
        for (row, w) in self.rows.iter().zip(weights) {
            for i in 0..p {
                let wx = w * row[i];
                for j in 0..=i {
                    sum[i][j] += wx * row[j];
                }
            }
        }
        // Only the lower half was summed up.
        (0..p).map(|i| (0..p).map(|j| if j <= i { sum[i][j] } else { sum[j][i] }).collect()).collect()
    }

    fn refuse_dependence(&self, names: &[String]) -> Result<(), StatsError> {
        let gram = self.information(std::iter::repeat(1.0));
        let Err(dependent) = cholesky(&gram) else { return Ok(()) };
        let before: Square = gram[..dependent].iter().map(|r| r[..dependent].to_vec()).collect();
        let on = cholesky(&before).map(|l| solve(&l, &gram[dependent][..dependent])).unwrap_or_default();
        let others: Vec<String> =
            (1..on.len()).filter(|j| on[*j].abs() > 1e-6).map(|j| format!("'{}'", names[j - 1])).collect();
        let term = names.get(dependent.wrapping_sub(1)).cloned().unwrap_or_default();
        Err(StatsError::Collinear { term, others: others.join(", ") })
    }

    fn log_odds(&self, beta: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|r| r.iter().zip(beta).map(|(x, b)| x * b).sum()).collect()
    }

    /// Newton's method with halved steps; a fit that keeps moving is separated.
    fn maximise(
        &self,
        y: &[f64],
        names: &[String],
        convergence: Convergence,
    ) -> Result<Solution, StatsError> {
        let p = self.mean.len() + 1;
        let share = y.iter().sum::<f64>() / y.len() as f64;
        let mut beta = vec![0.0; p];
        beta[0] = (share / (1.0 - share)).ln();
        let mut log_odds = self.log_odds(&beta);
        let mut now = deviance(y, &log_odds);
        let (mut converged, mut small_before) = (None, false);
        for _ in 0..MOST_STEPS {
            let fitted: Vec<f64> = log_odds.iter().map(|f| logistic(*f)).collect();
            let mut gradient = vec![0.0; p];
            for ((row, y), q) in self.rows.iter().zip(y).zip(&fitted) {
                gradient.iter_mut().zip(row).for_each(|(g, x)| *g += (y - q) * x);
            }
            let information = self.information(fitted.iter().map(|q| q * (1.0 - q)));
            // Fitted probabilities of 0 and 1 leave no information: the outcome is separated.
            let Ok(l) = cholesky(&information) else { break };
            let mut step = solve(&l, &gradient);
            let stepped = |step: &[f64]| -> Vec<f64> { beta.iter().zip(step).map(|(b, s)| b + s).collect() };
            let (mut next, mut halvings) = (stepped(&step), 0);
            let mut next_odds = self.log_odds(&next);
            let mut then = deviance(y, &next_odds);
            while (then.is_nan() || then > now * (1.0 + 1e-12)) && halvings < 30 {
                step.iter_mut().for_each(|s| *s /= 2.0);
                next = stepped(&step);
                next_odds = self.log_odds(&next);
                then = deviance(y, &next_odds);
                halvings += 1;
            }
            let moved = log_odds.iter().zip(&next_odds).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let drop = now - then;
            (beta, log_odds, now) = (next, next_odds, then);
            if converged.is_none() && small_before && convergence == Convergence::LikeRms {
                converged = self.solution(&beta, &log_odds);
            }
            small_before |= drop.abs() <= RMS_TOLERANCE;
            if moved < 1e-9 {
                // Only a fit that comes to rest exists; a separated one passes R's tolerance, too.
                if let Some(solution) = converged.or_else(|| self.solution(&beta, &log_odds)) {
                    return Ok(solution);
                }
                break;
            }
        }
        Err(StatsError::Separated { terms: separating(&beta, names) })
    }

    fn solution(&self, beta: &[f64], log_odds: &[f64]) -> Option<Solution> {
        let l = cholesky(&self.information(log_odds.iter().map(|f| logistic(*f) * logistic(-f)))).ok()?;
        Some(Solution { beta: beta.to_vec(), covariance: inverse(&l), log_odds: log_odds.to_vec() })
    }

    /// Coefficients and covariance of the columns as they were given.
    fn in_original_units(&self, solution: &Solution) -> (Vec<f64>, Square) {
        let p = self.mean.len() + 1;
        // coef = T · beta, with T the identity scaled, and the means taken out of the intercept.
        let mut t = vec![vec![0.0; p]; p];
        t[0][0] = 1.0;
        for (j, (mean, scale)) in self.mean.iter().zip(&self.scale).enumerate() {
            t[j + 1][j + 1] = 1.0 / scale;
            t[0][j + 1] = -mean / scale;
        }
        let times = |a: &Square, v: &[f64]| -> Vec<f64> {
            a.iter().map(|r| r.iter().zip(v).map(|(x, y)| x * y).sum()).collect()
        };
        let coef = times(&t, &solution.beta);
        let half: Square = solution.covariance.iter().map(|row| times(&t, row)).collect();
        let transposed: Square = (0..p).map(|i| half.iter().map(|r| r[i]).collect()).collect();
        let vcov = transposed.iter().map(|row| times(&t, row)).collect();
        (coef, vcov)
    }
}

/// Names of the columns whose coefficients ran away, largest first.
fn separating(beta: &[f64], names: &[String]) -> String {
    let mut by_size: Vec<(f64, &String)> = beta[1..].iter().map(|b| b.abs()).zip(names).collect();
    by_size.sort_by(|a, b| b.0.total_cmp(&a.0));
    let largest = by_size.first().map_or(0.0, |b| b.0);
    let terms = by_size.iter().filter(|b| b.0 > 0.2 * largest).take(3).map(|b| format!("'{}'", b.1));
    terms.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "logistic_tests.rs"]
pub(crate) mod tests;
