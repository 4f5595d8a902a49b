//! Calibration of a logistic model on its own patients, corrected for optimism by the bootstrap, as `rms::calibrate`
//! and `rms::validate` do (Harrell, Regression Modeling Strategies, 2nd ed., 5.3).

use rayon::prelude::*;
use serde::Serialize;

use super::StatsError;
use super::irls::{Rows, probabilities};
use super::lowess::{Averaged, Lowess, interpolate};
use super::roc;

/// Points at which the curves are read.
pub const POINTS: usize = 50;
/// Coefficients beyond this (and beyond ten times those of all patients) belong to a separated resample.
const RUN_AWAY: f64 = 50.0;

/// A figure on the patients the model was fitted on, and without the optimism of that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Corrected {
    pub apparent: f64,
    /// Absent where no resample could be fitted.
    pub corrected: Option<f64>,
}

/// Apparent and bias-corrected calibration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Probabilities at which the curves are read, evenly from the lowest to the highest predicted one.
    pub predicted: Vec<f64>,
    /// Smoothed share of events there.
    pub apparent: Vec<f64>,
    /// The same less the optimism; absent where no resample reaches.
    pub corrected: Vec<Option<f64>>,
    /// Resamples drawn.
    pub bootstrap: usize,
    /// Resamples whose model could be fitted.
    pub used: usize,
    pub c: Corrected,
    pub slope: Corrected,
    pub intercept: Corrected,
    pub brier: Corrected,
    /// Largest, mean and 90th percentile of the patients' distance between predicted and corrected probability (of the
    /// apparent one without resamples).
    pub emax: f64,
    pub eavg: f64,
    pub e90: f64,
}

/// What one resample adds to the optimism.
struct Optimism {
    curve: Vec<Option<f64>>,
    c: f64,
    brier: f64,
    slope: Option<[f64; 2]>,
}

/// Calibrates the logistic model of `rows` (without an intercept column) on `outcome`; `resamples` hold row indices.
///
/// # Errors
/// Outcomes that do not vary, and rows on which no logistic model exists (separation, collinearity).
pub fn calibrate(
    rows: &[Vec<f64>],
    outcome: &[bool],
    resamples: &[Vec<usize>],
) -> Result<Calibration, StatsError> {
    let n = rows.len();
    let design = Rows::of(rows);
    let coef = design.fit(outcome, &vec![1.0; n], &vec![0.0; design.width()]).ok_or_else(|| {
        StatsError::Input(
            "the model of all patients does not converge, so it cannot be calibrated".to_owned(),
        )
    })?;
    let study = Study::new(&design, outcome, coef)?;
    let optimism: Vec<Optimism> =
        resamples.par_iter().filter_map(|resample| study.optimism(resample)).collect();
    Ok(study.corrected(&optimism, resamples.len()))
}

/// The patients under the model of them all.
struct Study<'a> {
    design: &'a Rows,
    outcome: &'a [bool],
    coef: Vec<f64>,
    /// Coefficients of a resample beyond it have run away.
    limit: f64,
    probability: Vec<f64>,
    predicted: Vec<f64>,
    apparent: Vec<f64>,
    c: f64,
    brier: f64,
}

impl<'a> Study<'a> {
    fn new(design: &'a Rows, outcome: &'a [bool], coef: Vec<f64>) -> Result<Self, StatsError> {
        let n = outcome.len();
        let probability = probabilities(&design.log_odds(&coef));
        let low = probability.iter().copied().fold(f64::INFINITY, f64::min);
        let high = probability.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let step = (high - low) / (POINTS - 1) as f64;
        let mut predicted: Vec<f64> = (0..POINTS).map(|i| low + step * i as f64).collect();
        predicted[POINTS - 1] = high;
        let times = vec![1.0; n];
        let curve = smooth(&probability, outcome, &times);
        let apparent = predicted.iter().map(|p| interpolate(&curve, *p).unwrap_or(f64::NAN)).collect();
        let events = outcome.iter().filter(|y| **y).count();
        let c = roc::auc(outcome, &probability).ok_or(StatsError::OneOutcome { n, events })?;
        let brier = brier(&probability, outcome, &times);
        let limit = coef.iter().fold(RUN_AWAY, |limit, b| limit.max(10.0 * b.abs()));
        Ok(Self { design, outcome, coef, limit, probability, predicted, apparent, c, brier })
    }

    /// `None` where the resample's model runs away.
    fn optimism(&self, resample: &[usize]) -> Option<Optimism> {
        let (outcome, n) = (self.outcome, self.outcome.len());
        let mut times = vec![0.0; n];
        resample.iter().for_each(|i| times[*i] += 1.0);
        let drawn: Vec<usize> = (0..n).filter(|i| times[*i] > 0.0).collect();
        let of_drawn = |i: &usize| (outcome[*i], times[*i]);
        let (drawn_outcome, drawn_times): (Vec<bool>, Vec<f64>) = drawn.iter().map(of_drawn).unzip();
        let coef = self.design.only(&drawn).fit(&drawn_outcome, &drawn_times, &self.coef)?;
        if coef.iter().any(|b| b.abs() > self.limit) {
            return None;
        }
        let log_odds = self.design.log_odds(&coef);
        let probability = probabilities(&log_odds);
        let (order, once) = (ascending(&probability), vec![1.0; n]);
        let smooth = |times: &[f64]| smooth_in(&order, &probability, outcome, times);
        let (trained, tested) = (smooth(&times), smooth(&once));
        let at = |p: &f64| Some(interpolate(&trained, *p)? - interpolate(&tested, *p)?);
        let area = |times: &[f64]| area(&order, &probability, outcome, times);
        let brier = |times: &[f64]| brier(&probability, outcome, times);
        Some(Optimism {
            curve: self.predicted.iter().map(at).collect(),
            c: area(&times)? - area(&once)?,
            brier: brier(&times) - brier(&once),
            slope: Rows::of_column(log_odds).fit(outcome, &once, &[0.0, 1.0]).map(|b| [b[0], b[1]]),
        })
    }

    fn corrected(self, optimism: &[Optimism], bootstrap: usize) -> Calibration {
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
            (count > 0).then(|| sum / count as f64)
        };
        let corrected: Vec<Option<f64>> = (0..POINTS)
            .map(|k| Some(self.apparent[k] - mean(&mut optimism.iter().filter_map(|o| o.curve[k]))?))
            .collect();
        let less = |apparent: f64, optimism: Option<f64>| Corrected {
            apparent,
            corrected: optimism.map(|o| apparent - o),
        };
        let of_slope = |k: usize| mean(&mut optimism.iter().filter_map(|o| o.slope.map(|s| s[k])));
        let line: Vec<(f64, f64)> = if optimism.is_empty() {
            self.predicted.iter().copied().zip(self.apparent.iter().copied()).collect()
        } else {
            self.predicted.iter().zip(&corrected).filter_map(|(p, c)| Some((*p, (*c)?))).collect()
        };
        let mut errors: Vec<f64> =
            self.probability.iter().filter_map(|p| Some((p - extrapolate(&line, *p)?).abs())).collect();
        errors.sort_by(f64::total_cmp);
        Calibration {
            bootstrap,
            used: optimism.len(),
            c: less(self.c, mean(&mut optimism.iter().map(|o| o.c))),
            slope: Corrected { apparent: 1.0, corrected: of_slope(1) },
            intercept: Corrected { apparent: 0.0, corrected: of_slope(0) },
            brier: less(self.brier, mean(&mut optimism.iter().map(|o| o.brier))),
            emax: errors.last().copied().unwrap_or(f64::NAN),
            eavg: errors.iter().sum::<f64>() / errors.len() as f64,
            e90: quantile(&errors, 0.9),
            predicted: self.predicted,
            apparent: self.apparent,
            corrected,
        }
    }
}

/// R's default quantile (type 7) of ascending values.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (at - at.floor()) * (sorted[high] - sorted[low])
}

/// Interpolated, and beyond the ends along the outermost two points (`Hmisc::approxExtrap`).
fn extrapolate(line: &[(f64, f64)], at: f64) -> Option<f64> {
    let last = line.len().checked_sub(1)?;
    if last == 0 {
        return Some(line[0].1);
    }
    let right = line.partition_point(|p| p.0 < at).clamp(1, last);
    let ((x0, y0), (x1, y1)) = (line[right - 1], line[right]);
    Some(if x1 > x0 { y0 + (at - x0) / (x1 - x0) * (y1 - y0) } else { y1 })
}

/// Lowess of the outcome on the probability, each patient as often as counted.
pub fn smooth(probability: &[f64], outcome: &[bool], times: &[f64]) -> Averaged {
    smooth_in(&ascending(probability), probability, outcome, times)
}

/// [`smooth`] of patients whose ascending order is known.
fn smooth_in(order: &[u32], probability: &[f64], outcome: &[bool], times: &[f64]) -> Averaged {
    let drawn = || order.iter().map(|i| *i as usize).filter(|i| times[*i] > 0.0);
    let x: Vec<f64> = drawn().map(|i| probability[i]).collect();
    let y: Vec<f64> = drawn().map(|i| f64::from(u8::from(outcome[i]))).collect();
    let times: Vec<usize> = drawn().map(|i| times[i] as usize).collect();
    let fitted = Lowess::default().smooth_counted(&x, &y, &times);
    Averaged::of(&x, &fitted)
}

/// The patients from the lowest to the highest value.
fn ascending(values: &[f64]) -> Vec<u32> {
    let mut pairs: Vec<(f64, u32)> = values.iter().copied().zip(0..).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    pairs.into_iter().map(|(_, i)| i).collect()
}

fn brier(probability: &[f64], outcome: &[bool], times: &[f64]) -> f64 {
    let square = |((p, y), w): ((&f64, &bool), &f64)| w * (p - f64::from(u8::from(*y))).powi(2);
    probability.iter().zip(outcome).zip(times).map(square).sum::<f64>() / times.iter().sum::<f64>()
}

/// Area under the ROC curve with counted patients in ascending order; `None` unless both outcomes occur.
fn area(order: &[u32], score: &[f64], outcome: &[bool], times: &[f64]) -> Option<f64> {
    let (mut below, mut pairs, mut events) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| score[*a as usize] == score[*b as usize]) {
        let (mut e, mut o) = (0.0, 0.0);
        for i in tied.iter().map(|i| *i as usize) {
            if outcome[i] { e += times[i] } else { o += times[i] }
        }
        pairs += e * (below + o / 2.0);
        below += o;
        events += e;
    }
    (events > 0.0 && below > 0.0).then(|| pairs / (events * below))
}

#[cfg(test)]
#[path = "calibration_tests.rs"]
mod tests;
