//! Kaplan–Meier curves with pointwise intervals, medians and the log-rank test, as R's `survival` computes them.

use serde::Serialize;

use super::linalg::{Square, cholesky, solve};
use super::logistic::ChiSquare;
use super::times::{join_close, join_close_groups};
use super::{StatsError, Z_975, chi_square_p};

/// One patient's follow-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FollowUp {
    pub time: f64,
    /// True for the event, false for the end of observation.
    pub event: bool,
}

/// The scale on which an interval is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interval {
    /// log S, R's default.
    #[default]
    Log,
    /// log(−log S).
    LogLog,
    /// S itself.
    Plain,
}

/// One time at which somebody had the event or left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    pub time: f64,
    pub n_risk: usize,
    pub n_event: usize,
    pub n_censor: usize,
    pub survival: f64,
    /// Of the survival (Greenwood); absent where nobody survives.
    pub std_err: Option<f64>,
    /// 95 % limits; absent where they do not exist (survival 0; on the log(−log S) scale survival 1, too).
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// One group's curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    pub n: usize,
    pub events: usize,
    /// First time with at most half surviving, with 95 % limits; absent where the curve stays above.
    pub median: Option<f64>,
    pub median_low: Option<f64>,
    pub median_high: Option<f64>,
    pub steps: Vec<Step>,
}

impl Curve {
    /// How many are still observed just before `time`.
    pub fn at_risk(&self, time: f64) -> usize {
        self.steps.get(self.steps.partition_point(|s| s.time < time)).map_or(0, |s| s.n_risk)
    }
}

/// The curve of one group. Times that differ by rounding only are one, as in R.
///
/// # Errors
/// No patient, a time below 0 or not finite.
pub fn curve(patients: &[FollowUp], interval: Interval) -> Result<Curve, StatsError> {
    check(patients)?;
    Ok(curve_of_joined(join_close(patients), interval))
}

/// The curves of several groups; times of all of them that differ by rounding only are one.
///
/// # Errors
/// A group without patients, a time below 0 or not finite.
pub fn curves(groups: &[Vec<FollowUp>], interval: Interval) -> Result<Vec<Curve>, StatsError> {
    groups.iter().try_for_each(|g| check(g))?;
    Ok(join_close_groups(groups).into_iter().map(|g| curve_of_joined(g, interval)).collect())
}

/// [`curve`] of patients whose close times are joined already.
pub(super) fn curve_of_joined(mut sorted: Vec<FollowUp>, interval: Interval) -> Curve {
    sorted.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut steps = Vec::new();
    let (mut survival, mut greenwood, mut at_risk) = (1.0, 0.0, sorted.len());
    for same_time in sorted.chunk_by(|a, b| a.time == b.time) {
        let n_event = same_time.iter().filter(|p| p.event).count();
        let (n, d) = (at_risk as f64, n_event as f64);
        survival *= (n - d) / n;
        greenwood += d / (n * (n - d));
        let log_se = f64::sqrt(greenwood);
        let [low, high] = limits(survival, log_se, interval);
        steps.push(Step {
            time: same_time[0].time,
            n_risk: at_risk,
            n_event,
            n_censor: same_time.len() - n_event,
            survival,
            std_err: (survival > 0.0).then_some(survival * log_se),
            low,
            high,
        });
        at_risk -= same_time.len();
    }
    Curve {
        n: sorted.len(),
        events: sorted.iter().filter(|p| p.event).count(),
        median: half_time(&steps, |s| Some(s.survival)),
        median_low: half_time(&steps, |s| s.low),
        median_high: half_time(&steps, |s| s.high),
        steps,
    }
}

/// Refuses an empty group and times that are none.
pub(super) fn check(patients: &[FollowUp]) -> Result<(), StatsError> {
    if patients.is_empty() {
        return Err(StatsError::Input("a survival curve needs at least one patient".to_owned()));
    }
    match patients.iter().find(|p| !p.time.is_finite() || p.time < 0.0) {
        Some(p) => {
            Err(StatsError::Input(format!("a follow-up time of {} is impossible; correct it", p.time)))
        }
        None => Ok(()),
    }
}

/// `log_se` is the standard error of log S.
fn limits(survival: f64, log_se: f64, interval: Interval) -> [Option<f64>; 2] {
    if survival <= 0.0 {
        return [None, None];
    }
    if survival == 1.0 {
        // log(−log 1) is infinite: no limits on that scale, as in R.
        let limit = (interval != Interval::LogLog).then_some(1.0);
        return [limit, limit];
    }
    let half = Z_975 * log_se;
    let [low, high] = match interval {
        Interval::Log => [-half, half].map(|h| (survival.ln() + h).exp()),
        Interval::LogLog => {
            let (middle, half) = ((-survival.ln()).ln(), half / survival.ln());
            [middle - half, middle + half].map(|v| (-v.exp()).exp())
        }
        Interval::Plain => [survival - survival * half, survival + survival * half],
    };
    [Some(low.max(0.0)), Some(high.min(1.0))]
}

/// First time at which the curve is at most ½; where it rests at exactly ½, the middle of that rest, as R has it.
fn half_time(steps: &[Step], value: impl Fn(&Step) -> Option<f64>) -> Option<f64> {
    const ROUNDING: f64 = 1e-12;
    let drops: Vec<&Step> = steps.iter().filter(|s| s.n_event > 0).collect();
    let at = drops.iter().position(|s| value(s).is_some_and(|v| v <= 0.5 + ROUNDING))?;
    let rests = value(drops[at]).is_some_and(|v| v >= 0.5 - ROUNDING);
    let next = drops[at + 1..].iter().find(|s| value(s).is_none_or(|v| v < 0.5 - ROUNDING));
    match next {
        Some(next) if rests => Some((drops[at].time + next.time) / 2.0),
        _ => Some(drops[at].time),
    }
}

/// Log-rank test of two or more groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRank {
    #[serde(flatten)]
    pub test: ChiSquare,
    /// Events in each group.
    pub observed: Vec<f64>,
    /// Events expected if all groups were alike.
    pub expected: Vec<f64>,
}

/// Compares the groups' whole curves. An error where there are no events or fewer than two groups.
pub fn log_rank(groups: &[Vec<FollowUp>]) -> Result<LogRank, StatsError> {
    let k = groups.len();
    if k < 2 {
        return Err(StatsError::Input("a log-rank test needs at least two groups".to_owned()));
    }
    groups.iter().try_for_each(|g| check(g))?;
    let groups = join_close_groups(groups);
    let mut all: Vec<(FollowUp, usize)> =
        groups.iter().enumerate().flat_map(|(g, p)| p.iter().map(move |p| (*p, g))).collect();
    all.sort_by(|a, b| a.0.time.total_cmp(&b.0.time));
    let mut at_risk: Vec<f64> = groups.iter().map(|g| g.len() as f64).collect();
    let (mut observed, mut expected) = (vec![0.0; k], vec![0.0; k]);
    let mut variance: Square = vec![vec![0.0; k]; k];
    for same_time in all.chunk_by(|a, b| a.0.time == b.0.time) {
        let mut leaving = vec![0.0; k];
        let mut deaths = 0.0;
        for (p, g) in same_time {
            leaving[*g] += 1.0;
            if p.event {
                observed[*g] += 1.0;
                deaths += 1.0;
            }
        }
        let n: f64 = at_risk.iter().sum();
        if deaths > 0.0 {
            let factor = if n > 1.0 { deaths * (n - deaths) / (n - 1.0) } else { 0.0 };
            for i in 0..k {
                let share = at_risk[i] / n;
                expected[i] += deaths * share;
                for j in 0..k {
                    let own = if i == j { share } else { 0.0 };
                    variance[i][j] += factor * (own - share * at_risk[j] / n);
                }
            }
        }
        at_risk.iter_mut().zip(leaving).for_each(|(n, l)| *n -= l);
    }
    let difference: Vec<f64> = observed.iter().zip(&expected).map(|(o, e)| o - e).collect();
    // The differences sum to zero: the last group follows from the others. A group in which nothing was ever
    // expected (it left before the first event) tells nothing.
    let told: Vec<usize> = (0..k).filter(|g| expected[*g] > 0.0).collect();
    if told.len() < 2 {
        return Err(StatsError::Input(
            "a log-rank test needs events while two groups are observed".to_owned(),
        ));
    }
    let free = &told[..told.len() - 1];
    let part: Square = free.iter().map(|i| free.iter().map(|j| variance[*i][*j]).collect()).collect();
    let right: Vec<f64> = free.iter().map(|i| difference[*i]).collect();
    let l = cholesky(&part).map_err(|_| {
        StatsError::Input("the groups' log-rank statistics do not vary; merge groups".to_owned())
    })?;
    let chisq: f64 = solve(&l, &right).iter().zip(&right).map(|(x, r)| x * r).sum();
    let df = free.len() as f64;
    Ok(LogRank { test: ChiSquare { chisq, df, p: chi_square_p(chisq, df) }, observed, expected })
}

#[cfg(test)]
#[path = "kaplan_meier_tests.rs"]
mod tests;
