//! Logistic regression of many resamples of the same rows: Newton's method, which is the Fisher scoring of R's `glm`,
//! from coefficients that are near already.

use super::linalg::{Square, cholesky_into, dot, solve_into};

const MOST_ROUNDS: usize = 25;
/// A step that lowers the deviance by no more than this is the last: as the steps converge quadratically, what is left
/// is below rounding. R's `glm` stops earlier, at 1e-8 of the deviance.
const LEAST_GAIN: f64 = 1e-8;

/// Rows, kept column by column with a column of ones in front.
#[derive(Debug, Clone)]
pub struct Rows {
    columns: Vec<Vec<f64>>,
}

impl Rows {
    /// From a design without an intercept column.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let mut columns = vec![vec![1.0; rows.len()]];
        columns.extend((0..width).map(|j| rows.iter().map(|row| row[j]).collect()));
        Self { columns }
    }

    /// Of one column, whose log-odds the intercept and the slope recalibrate.
    pub fn of_column(column: Vec<f64>) -> Self {
        Self { columns: vec![vec![1.0; column.len()], column] }
    }

    /// The rows of these numbers only.
    pub fn only(&self, members: &[usize]) -> Self {
        let column = |c: &Vec<f64>| members.iter().map(|i| c[*i]).collect();
        Self { columns: self.columns.iter().map(column).collect() }
    }

    /// Columns, the ones among them.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Log-odds of every row.
    pub fn log_odds(&self, coef: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.columns[0].len()];
        self.log_odds_into(coef, &mut sum);
        sum
    }

    #[inline(always)]
    fn log_odds_into(&self, coef: &[f64], sum: &mut [f64]) {
        sum.fill(0.0);
        for (column, b) in self.columns.iter().zip(coef) {
            sum.iter_mut().zip(column).for_each(|(sum, x)| *sum += b * x);
        }
    }

    /// Coefficients (intercept first) with each row counted `times`. Newton's method from the coefficients `near`
    /// converges in few rounds but may overshoot; where it does, it starts again from no effect at all. `None` where the
    /// columns are collinear or the rounds do not converge.
    pub fn fit(&self, outcome: &[bool], times: &[f64], near: &[f64]) -> Option<Vec<f64>> {
        let from = |start: &[f64]| {
            // Compiled once for each width of vectors, of which the widest that this processor has runs.
            pulp::Arch::new().dispatch(Fit { rows: self, outcome, times, start })
        };
        from(near).or_else(|| from(&vec![0.0; self.width()]))
    }

    /// The score and (its lower half) the information at `coef`.
    #[inline(always)]
    fn score(
        &self,
        fit: &Fit,
        coef: &[f64],
        scratch: &mut Scratch,
        score: &mut [f64],
        information: &mut Square,
    ) {
        let Scratch { residual, weight, weighted } = scratch;
        self.log_odds_into(coef, residual);
        residual.iter_mut().for_each(|f| *f = exp(-*f));
        for (((r, w), y), times) in residual.iter_mut().zip(weight.iter_mut()).zip(fit.outcome).zip(fit.times)
        {
            let probability = 1.0 / (1.0 + *r);
            *r = times * (f64::from(u8::from(*y)) - probability);
            *w = times * (probability * (1.0 - probability)).max(f64::EPSILON);
        }
        for (j, column) in self.columns.iter().enumerate() {
            score[j] = dot(residual, column);
            for ((weighted, w), x) in weighted.iter_mut().zip(&*weight).zip(column) {
                *weighted = w * x;
            }
            for (cell, other) in information[j][..=j].iter_mut().zip(&self.columns) {
                *cell = dot(weighted, other);
            }
        }
    }
}

/// What a round writes, one value a row.
struct Scratch {
    residual: Vec<f64>,
    weight: Vec<f64>,
    weighted: Vec<f64>,
}

impl Scratch {
    fn of(rows: usize) -> Self {
        let zeros = || vec![0.0; rows];
        Self { residual: zeros(), weight: zeros(), weighted: zeros() }
    }
}

/// eˣ without a branch, so that a loop over it uses whole vectors: x = k ln 2 + r with |r| ≤ ln 2 / 2, the series of eʳ,
/// and k into the exponent. Within 4e-16 of the value; beyond ±700 it stays at e^±700, where a probability is 0 or 1.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// Added, it leaves the rounded number in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    let x = x.clamp(-700.0, 700.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    // 1/13! … 1/2!, 1, 1
    let mut series = 1.0 / 6_227_020_800.0;
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        series = series * r + 1.0 / factorial;
    }
    series * f64::from_bits((rounded.to_bits().wrapping_add(1023)) << 52)
}

/// Probabilities of log-odds.
pub fn probabilities(log_odds: &[f64]) -> Vec<f64> {
    pulp::Arch::new().dispatch(|| log_odds.iter().map(|f| 1.0 / (1.0 + exp(-*f))).collect())
}

struct Fit<'a> {
    rows: &'a Rows,
    outcome: &'a [bool],
    times: &'a [f64],
    start: &'a [f64],
}

impl pulp::NullaryFnOnce for Fit<'_> {
    type Output = Option<Vec<f64>>;

    #[inline(always)]
    fn call(self) -> Option<Vec<f64>> {
        let p = self.rows.width();
        let mut coef = self.start.to_vec();
        let (mut information, mut factor) = (vec![vec![0.0; p]; p], vec![vec![0.0; p]; p]);
        let (mut score, mut step) = (vec![0.0; p], vec![0.0; p]);
        let mut scratch = Scratch::of(self.outcome.len());
        for _ in 0..MOST_ROUNDS {
            self.rows.score(&self, &coef, &mut scratch, &mut score, &mut information);
            cholesky_into(&information, &mut factor).ok()?;
            step.copy_from_slice(&score);
            solve_into(&factor, &mut step);
            coef.iter_mut().zip(&step).for_each(|(b, step)| *b += step);
            // The Newton decrement: twice the log-likelihood that the step gains, to second order.
            let gain = dot(&score, &step);
            if !gain.is_finite() {
                return None;
            }
            if gain < LEAST_GAIN {
                return Some(coef);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 8] = [0.3, 1.1, 1.9, 2.2, 3.1, 4.0, 4.2, 5.0];
    const Y: [bool; 8] = [false, false, true, false, true, true, false, true];

    #[test]
    fn counted_rows_equal_rs_glm() {
        // R: x <- c(.3,1.1,1.9,2.2,3.1,4,4.2,5); y <- c(0,0,1,0,1,1,0,1); w <- c(1,2,1,0,3,1,1,2)
        //    coef(glm(y ~ x, binomial, weights = w, control = list(epsilon = 1e-14)))
        let times = [1.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 2.0];
        let got = Rows::of_column(X.to_vec()).fit(&Y, &times, &[0.0, 0.0]).unwrap();
        for (got, want) in got.iter().zip(GLM) {
            assert!((got - want).abs() < 1e-9, "{got:?} is not {want}");
        }
    }

    const GLM: [f64; 2] = [-2.2345973707487, 1.0595317338243];

    #[test]
    fn the_vectors_exponential_is_the_exponential() {
        for i in -70_000..=70_000 {
            let x = f64::from(i) * 0.01 - 0.003;
            let (got, want) = (exp(x), x.clamp(-700.0, 700.0).exp());
            assert!((got / want - 1.0).abs() < 1e-15, "{x}: {got} is not {want}");
        }
        assert!(exp(f64::NAN).is_nan());
        assert!(exp(1e9) > 1e300 && exp(-1e9) < 1e-300);
    }

    #[test]
    fn the_start_does_not_matter_and_separation_has_no_fit() {
        let rows = Rows::of_column(X.to_vec());
        let (a, b) = (rows.fit(&Y, &[1.0; 8], &[0.0, 0.0]), rows.fit(&Y, &[1.0; 8], &[-1.0, 1.5]));
        for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
            assert!((a - b).abs() < 1e-9);
        }
        let separated = X.map(|x| x > 2.5);
        let runs_away = rows.fit(&separated, &[1.0; 8], &[0.0, 0.0]);
        assert!(runs_away.is_none_or(|b| b[1] > 20.0), "a separated table has no finite slope");
    }
}
