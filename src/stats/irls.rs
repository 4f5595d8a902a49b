//! Logistic regression of many resamples of the same rows, as R's `glm` iterates (Fisher scoring from its own start,
//! at most 25 rounds, until the deviance changes by less than 1e-8 of itself).

use super::linalg::{Square, cholesky, solve};
use super::logistic::logistic;

const MOST_ROUNDS: usize = 25;
const TOLERANCE: f64 = 1e-8;

/// Rows side by side with a column of ones in front.
#[derive(Debug, Clone)]
pub struct Rows {
    x: Vec<f64>,
    width: usize,
}

impl Rows {
    /// From a design without an intercept column.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let width = 1 + rows.first().map_or(0, Vec::len);
        let mut x = Vec::with_capacity(rows.len() * width);
        for row in rows {
            x.push(1.0);
            x.extend(row);
        }
        Self { x, width }
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.width..(i + 1) * self.width]
    }

    /// Log-odds of row `i`.
    pub fn log_odds(&self, i: usize, coef: &[f64]) -> f64 {
        self.row(i).iter().zip(coef).map(|(x, b)| x * b).sum()
    }

    /// Coefficients (intercept first) of the rows named in `members`, each as often as it is named in `times`.
    /// `None` where the columns are collinear or the rounds do not converge.
    pub fn fit(&self, outcome: &[bool], members: &[usize], times: &[f64]) -> Option<Vec<f64>> {
        let p = self.width;
        let mut coef = vec![0.0; p];
        let mut deviance = f64::INFINITY;
        let mut information = vec![vec![0.0; p]; p];
        for round in 0..MOST_ROUNDS {
            information.iter_mut().for_each(|row| row.fill(0.0));
            let mut right = vec![0.0; p];
            for (&i, &times) in members.iter().zip(times) {
                let y = f64::from(u8::from(outcome[i]));
                // glm starts at the mean of the outcome and one half, weighed by the row's count.
                let mu = if round == 0 { (y + 0.5) / 2.0 } else { logistic(self.log_odds(i, &coef)) };
                let eta = if round == 0 { (mu / (1.0 - mu)).ln() } else { self.log_odds(i, &coef) };
                let variance = (mu * (1.0 - mu)).max(f64::EPSILON);
                let (weight, response) = (times * variance, eta + (y - mu) / variance);
                let row = self.row(i);
                for j in 0..p {
                    let wx = weight * row[j];
                    right[j] += wx * response;
                    for k in 0..=j {
                        information[j][k] += wx * row[k];
                    }
                }
            }
            mirror(&mut information);
            coef = solve(&cholesky(&information).ok()?, &right);
            let now = self.deviance(outcome, members, times, &coef);
            if !now.is_finite() {
                return None;
            }
            if (now - deviance).abs() / (now.abs() + 0.1) < TOLERANCE {
                return Some(coef);
            }
            deviance = now;
        }
        None
    }

    fn deviance(&self, outcome: &[bool], members: &[usize], times: &[f64], coef: &[f64]) -> f64 {
        let of = |(&i, times): (&usize, &f64)| {
            let eta = self.log_odds(i, coef);
            let against = if outcome[i] { -eta } else { eta };
            // ln(1 + eˣ) without overflow.
            times * (against.max(0.0) + (-against.abs()).exp().ln_1p())
        };
        2.0 * members.iter().zip(times).map(of).sum::<f64>()
    }
}

/// Copies the lower half of a symmetric matrix to the upper one.
fn mirror(square: &mut Square) {
    for j in 1..square.len() {
        let (above, from) = square.split_at_mut(j);
        for (row, value) in above.iter_mut().zip(&from[0]) {
            row[j] = *value;
        }
    }
}
