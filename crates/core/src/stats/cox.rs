//! Cox's proportional-hazards regression with Efron's or Breslow's ties, as R's `coxph` and `cox.zph` compute it.

use serde::Serialize;

use super::kaplan_meier::{FollowUp, Interval, check, curve_of_joined};
use super::linalg::{Square, cholesky, inverse, quadratic_form, solve};
use super::logistic::ChiSquare;
use super::times::join_close;
use super::{StatsError, Z_975, chi_square_p, normal_p};

pub use super::concordance::{Concordance, concordance};

/// How events at the same time are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ties {
    #[default]
    Efron,
    Breslow,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct CoxFit {
    pub terms: Vec<String>,
    pub coef: Vec<f64>,
    pub vcov: Square,
    pub n: usize,
    pub n_event: usize,
    /// Partial log-likelihood without covariates and at the maximum.
    pub loglik: [f64; 2],
    pub lr: ChiSquare,
    pub wald: ChiSquare,
    pub score: ChiSquare,
    pub concordance: Concordance,
    /// Test of proportional hazards by covariate, and `GLOBAL` (Kaplan–Meier time scale).
    pub zph: Vec<Zph>,
}

/// One coefficient with its test and hazard ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoxTerm {
    pub term: String,
    pub coef: f64,
    pub se: f64,
    pub z: f64,
    pub p: f64,
    pub hr: f64,
    pub hr_low: f64,
    pub hr_high: f64,
}

/// A score test of one covariate's proportional hazards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Zph {
    pub term: String,
    #[serde(flatten)]
    pub test: ChiSquare,
}

impl CoxFit {
    /// Coefficients with Wald tests and 95 % intervals.
    pub fn table(&self) -> Vec<CoxTerm> {
        let row = |i: usize| {
            let (coef, se) = (self.coef[i], self.vcov[i][i].sqrt());
            CoxTerm {
                term: self.terms[i].clone(),
                coef,
                se,
                z: coef / se,
                p: normal_p(coef / se),
                hr: coef.exp(),
                hr_low: (coef - Z_975 * se).exp(),
                hr_high: (coef + Z_975 * se).exp(),
            }
        };
        (0..self.coef.len()).map(row).collect()
    }
}

const MOST_STEPS: usize = 50;

/// Fits the model; times that differ by rounding only are one. `names` are the columns' names, `covariates` the covariates' names with their numbers of columns.
pub fn fit(
    rows: &[Vec<f64>],
    follow_up: &[FollowUp],
    names: &[String],
    covariates: &[(String, usize)],
    ties: Ties,
) -> Result<CoxFit, StatsError> {
    check(follow_up)?;
    let n_event = follow_up.iter().filter(|f| f.event).count();
    if n_event == 0 {
        return Err(StatsError::Input("no row has the event, so there is nothing to fit".to_owned()));
    }
    let data = Sorted::new(rows, follow_up, names, ties)?;
    let p = names.len();
    let start = data.at(&vec![0.0; p]);
    let collinear = |j: usize| StatsError::Collinear {
        term: names[j].clone(),
        others: "the other covariates among the patients at risk".to_owned(),
    };
    let l = cholesky(&start.information).map_err(collinear)?;
    let score: f64 = solve(&l, &start.gradient).iter().zip(&start.gradient).map(|(a, b)| a * b).sum();
    let at_zero = inverse(&l);
    let (beta, end) = data.maximise(&start, names)?;
    let l = cholesky(&end.information).map_err(collinear)?;
    let covariance = inverse(&l);
    refuse_infinite(&covariance, &at_zero, names)?;
    let log_hazard: Vec<f64> = data.log_hazard(&beta);
    let concordance = concordance(&data.follow_up, &log_hazard);
    let scale = |i: usize, j: usize| data.scale[i] * data.scale[j];
    let vcov: Square = (0..p).map(|i| (0..p).map(|j| covariance[i][j] / scale(i, j)).collect()).collect();
    let df = p as f64;
    let test = |chisq: f64| ChiSquare { chisq, df, p: chi_square_p(chisq, df) };
    Ok(CoxFit {
        terms: names.to_vec(),
        coef: beta.iter().zip(&data.scale).map(|(b, s)| b / s).collect(),
        vcov,
        n: rows.len(),
        n_event,
        loglik: [start.loglik, end.loglik],
        lr: test(2.0 * (end.loglik - start.loglik)),
        wald: test(quadratic_form(&end.information, &beta)),
        score: test(score),
        concordance,
        zph: data.zph(&beta, covariates)?,
    })
}

/// How many times a coefficient's variance may grow from its value at zero before the coefficient counts as infinite.
const FLAT: f64 = 1e8;

/// Where every patient at risk is on one side, the likelihood rises for ever but ever more slowly, until rounding
/// makes it look like a maximum. The variance tells: it grows with every step without bound.
fn refuse_infinite(covariance: &Square, at_zero: &Square, names: &[String]) -> Result<(), StatsError> {
    let infinite: Vec<String> = (0..names.len())
        .filter(|i| covariance[*i][*i] > FLAT * at_zero[*i][*i])
        .map(|i| format!("'{}'", names[i]))
        .collect();
    if infinite.is_empty() { Ok(()) } else { Err(StatsError::Separated { terms: infinite.join(", ") }) }
}

/// Standardised rows in order of falling time, so that the risk set only grows.
struct Sorted {
    rows: Vec<Vec<f64>>,
    follow_up: Vec<FollowUp>,
    scale: Vec<f64>,
    ties: Ties,
}

/// The likelihood and its derivatives at one place.
struct Place {
    loglik: f64,
    gradient: Vec<f64>,
    information: Square,
}

/// One time with events: what it adds to the gradient and the information.
struct AtTime {
    gradient: Vec<f64>,
    information: Square,
    loglik: f64,
}

/// Σ w, Σ w x, Σ w x xᵀ (lower half) of some patients, w their hazards.
struct Sums {
    s0: f64,
    s1: Vec<f64>,
    s2: Square,
}

impl Sums {
    fn new(p: usize) -> Self {
        Self { s0: 0.0, s1: vec![0.0; p], s2: vec![vec![0.0; p]; p] }
    }

    fn clear(&mut self) {
        self.s0 = 0.0;
        self.s1.fill(0.0);
        self.s2.iter_mut().for_each(|r| r.fill(0.0));
    }

    fn add(&mut self, x: &[f64], w: f64) {
        self.s0 += w;
        for (i, row) in self.s2.iter_mut().enumerate() {
            let wx = w * x[i];
            self.s1[i] += wx;
            row[..=i].iter_mut().zip(x).for_each(|(s, xj)| *s += wx * xj);
        }
    }
}

impl Sorted {
    fn new(
        rows: &[Vec<f64>],
        follow_up: &[FollowUp],
        names: &[String],
        ties: Ties,
    ) -> Result<Self, StatsError> {
        let n = rows.len() as f64;
        let follow_up = join_close(follow_up);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| follow_up[*b].time.total_cmp(&follow_up[*a].time));
        let mut sorted: Vec<Vec<f64>> = order.iter().map(|i| rows[*i].clone()).collect();
        let mut scale = Vec::new();
        for (j, name) in names.iter().enumerate() {
            let mean = rows.iter().map(|r| r[j] / n).sum::<f64>();
            let sd = rows.iter().map(|r| (r[j] - mean).powi(2) / n).sum::<f64>().sqrt();
            if !sd.is_finite() {
                return Err(StatsError::TooLarge { term: name.clone() });
            }
            if rows.iter().all(|r| r[j] == rows[0][j]) || sd <= 1e-13 * mean.abs() {
                return Err(StatsError::Constant { term: name.clone(), value: rows[0][j] });
            }
            sorted.iter_mut().for_each(|r| r[j] = (r[j] - mean) / sd);
            scale.push(sd);
        }
        Ok(Self { rows: sorted, follow_up: order.iter().map(|i| follow_up[*i]).collect(), scale, ties })
    }

    fn log_hazard(&self, beta: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|r| r.iter().zip(beta).map(|(x, b)| x * b).sum()).collect()
    }

    /// Calls `each` for every time with events, latest first.
    fn for_each_time(&self, beta: &[f64], mut each: impl FnMut(AtTime)) {
        let p = self.scale.len();
        let log_hazard = self.log_hazard(beta);
        // Hazards relative to the largest: they cannot overflow, and the likelihood only needs ratios.
        let top = log_hazard.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut all, mut dead) = (Sums::new(p), Sums::new(p));
        let mut start = 0;
        for same_time in self.follow_up.chunk_by(|a, b| a.time == b.time) {
            let end = start + same_time.len();
            dead.clear();
            let (mut deaths, mut loglik) = (0usize, 0.0);
            let mut gradient = vec![0.0; p];
            for (i, patient) in same_time.iter().enumerate().map(|(k, patient)| (start + k, patient)) {
                let hazard = (log_hazard[i] - top).exp();
                all.add(&self.rows[i], hazard);
                if patient.event {
                    deaths += 1;
                    dead.add(&self.rows[i], hazard);
                    loglik += log_hazard[i] - top;
                    gradient.iter_mut().zip(&self.rows[i]).for_each(|(g, x)| *g += x);
                }
            }
            if deaths > 0 {
                let mut at = AtTime { gradient, information: vec![vec![0.0; p]; p], loglik };
                for l in 0..deaths {
                    let out = if self.ties == Ties::Efron { l as f64 / deaths as f64 } else { 0.0 };
                    at.subtract_risk(&all, &dead, out);
                }
                each(at);
            }
            start = end;
        }
    }

    fn at(&self, beta: &[f64]) -> Place {
        let p = self.scale.len();
        let mut place = Place { loglik: 0.0, gradient: vec![0.0; p], information: vec![vec![0.0; p]; p] };
        self.for_each_time(beta, |t| {
            place.loglik += t.loglik;
            place.gradient.iter_mut().zip(&t.gradient).for_each(|(a, b)| *a += b);
            add(&mut place.information, &t.information, 1.0);
        });
        mirror(&mut place.information);
        place
    }

    /// Newton's method with halved steps; a likelihood that keeps rising has no maximum.
    fn maximise(&self, start: &Place, names: &[String]) -> Result<(Vec<f64>, Place), StatsError> {
        let mut beta = vec![0.0; names.len()];
        let mut now = Place {
            loglik: start.loglik,
            gradient: start.gradient.clone(),
            information: start.information.clone(),
        };
        for _ in 0..MOST_STEPS {
            let Ok(l) = cholesky(&now.information) else { break };
            let mut step = solve(&l, &now.gradient);
            let stepped = |step: &[f64]| -> Vec<f64> { beta.iter().zip(step).map(|(b, s)| b + s).collect() };
            let mut next = stepped(&step);
            let mut then = self.at(&next);
            let slack = 1e-12 * now.loglik.abs();
            for _ in 0..30 {
                if then.loglik >= now.loglik - slack {
                    break;
                }
                step.iter_mut().for_each(|s| *s /= 2.0);
                next = stepped(&step);
                then = self.at(&next);
            }
            let moved = step.iter().map(|s| s.abs()).fold(0.0, f64::max);
            (beta, now) = (next, then);
            if moved < 1e-9 {
                return Ok((beta, now));
            }
        }
        let largest =
            beta.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |b| b.0);
        Err(StatsError::Separated { terms: format!("'{}'", names[largest]) })
    }

    /// Score tests of a coefficient that changes with time (Grambsch and Therneau; `cox.zph` of survival 3).
    fn zph(&self, beta: &[f64], covariates: &[(String, usize)]) -> Result<Vec<Zph>, StatsError> {
        let p = beta.len();
        let overall = curve_of_joined(self.follow_up.clone(), Interval::Plain);
        // The time scale of an event is the share that had failed before it.
        let (mut before, mut scale) = (1.0, Vec::new());
        for step in overall.steps.iter().filter(|s| s.n_event > 0) {
            scale.push((1.0 - before, step.n_event as f64));
            before = step.survival;
        }
        let mean = scale.iter().map(|(g, events)| g * events).sum::<f64>() / overall.events as f64;
        let mut g_of = scale.iter().rev().map(|(g, _)| g - mean);
        let mut u = vec![0.0; p];
        let empty = || vec![vec![0.0; p]; p];
        let (mut plain, mut once, mut twice) = (empty(), empty(), empty());
        self.for_each_time(beta, |t| {
            // Times with events come in the same order here as there, latest first.
            let g = g_of.next().unwrap_or(0.0);
            u.iter_mut().zip(&t.gradient).for_each(|(u, r)| *u += g * r);
            add(&mut plain, &t.information, 1.0);
            add(&mut once, &t.information, g);
            add(&mut twice, &t.information, g * g);
        });
        [&mut plain, &mut once, &mut twice].into_iter().for_each(mirror);
        let unstable = |_| StatsError::Input("the proportional-hazards test cannot be computed".to_owned());
        let l = cholesky(&plain).map_err(unstable)?;
        // Information about the change once the coefficients themselves are known.
        let solved: Square = once.iter().map(|row| solve(&l, row)).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let left: Square =
            (0..p).map(|i| (0..p).map(|j| twice[i][j] - dot(&once[i], &solved[j])).collect()).collect();
        let test = |term: &str, columns: std::ops::Range<usize>| -> Result<Zph, StatsError> {
            let part: Square = left[columns.clone()].iter().map(|r| r[columns.clone()].to_vec()).collect();
            let right = &u[columns.clone()];
            // With a single event time nothing can change with time.
            let chisq = match cholesky(&part) {
                Ok(l) => dot(&solve(&l, right), right),
                Err(_) => f64::NAN,
            };
            let df = columns.len() as f64;
            Ok(Zph { term: term.to_owned(), test: ChiSquare { chisq, df, p: chi_square_p(chisq, df) } })
        };
        let mut tests = Vec::new();
        let mut first = 0;
        for (name, width) in covariates {
            tests.push(test(name, first..first + width)?);
            first += width;
        }
        tests.push(test("GLOBAL", 0..p)?);
        Ok(tests)
    }
}

impl AtTime {
    /// One event's risk set: all at risk, less the share `out` of those who have the event at this time.
    fn subtract_risk(&mut self, all: &Sums, dead: &Sums, out: f64) {
        let s0 = all.s0 - out * dead.s0;
        self.loglik -= s0.ln();
        let mean: Vec<f64> = all.s1.iter().zip(&dead.s1).map(|(a, d)| (a - out * d) / s0).collect();
        self.gradient.iter_mut().zip(&mean).for_each(|(g, m)| *g -= m);
        for (i, row) in self.information.iter_mut().enumerate() {
            for (j, cell) in row[..=i].iter_mut().enumerate() {
                *cell += (all.s2[i][j] - out * dead.s2[i][j]) / s0 - mean[i] * mean[j];
            }
        }
    }
}

fn add(sum: &mut Square, part: &Square, factor: f64) {
    for (a, b) in sum.iter_mut().zip(part) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
    }
}

/// Copies the lower half into the upper one.
fn mirror(a: &mut Square) {
    let n = a.len();
    for i in 0..n {
        let (above, rest) = a.split_at_mut(i);
        for (j, row) in above.iter_mut().enumerate() {
            row[i] = rest[0][j];
        }
    }
}

#[cfg(test)]
#[path = "cox_tests.rs"]
mod tests;
