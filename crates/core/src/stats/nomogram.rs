//! Nomograms as `rms::nomogram` draws them: points 0–100 per predictor, total points, risk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thoracast_files::bounds::{self, Bound, Bounded};

use super::StatsError;
use super::design::{Covariate, CovariateKind};
use super::linalg::{Square, quadratic_form};
use super::logistic::{LogisticFit, logistic};
use super::pretty::pretty;

/// A nomogram ready to be drawn or read off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nomogram {
    pub axes: Vec<Axis>,
    pub total: TotalAxis,
    pub risk: RiskAxis,
}

/// One predictor's axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    pub name: String,
    pub ticks: Vec<Tick>,
}

/// A value of a predictor and its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub value: Value,
    pub points: f64,
}

/// A number, or a level of a categorical predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Number(f64),
    Level(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalAxis {
    pub ticks: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskAxis {
    pub ticks: Vec<RiskTick>,
}

/// A risk (probability of the outcome) and the total points it stands at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskTick {
    pub value: f64,
    pub total_points: f64,
}

/// One patient on the nomogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientPoints {
    /// Points by axis name, in the nomogram's order.
    pub points: Vec<(String, f64)>,
    /// The value that gave them, in words.
    pub values: Vec<(String, Value)>,
    pub total: f64,
    /// Probability of the outcome.
    pub risk: f64,
    /// 95 % interval of the risk where the model's covariance is known.
    pub risk_interval: Option<[f64; 2]>,
}

/// What stops a nomogram; one sentence each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NomogramError {
    #[error("{}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },
    #[error(transparent)]
    Stats(#[from] StatsError),
    #[error("{0}")]
    Value(String),
}

/// Risks marked on the risk axis where none are asked for.
pub const RISK_MARKS: [f64; 8] = [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99];

/// About so many intervals on each axis of a number.
const INTERVALS: usize = 10;

/// Points of the longest axis.
const LONGEST: f64 = 100.0;

/// A predictor with the coefficients of its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictor {
    #[serde(flatten)]
    pub covariate: Covariate,
    /// One for a number; one for each level but the reference.
    pub coef: Vec<f64>,
}

/// Where the patients a nomogram's model was fitted on stand on its axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// Whether each patient had the event.
    pub outcome: Vec<bool>,
    /// Each predictor's name with the patients' points on its axis.
    pub points: Vec<(String, Vec<f64>)>,
    /// The patients' total points.
    pub totals: Vec<f64>,
}

/// A logistic model by predictor: all that a nomogram needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearModel {
    pub intercept: f64,
    pub predictors: Vec<Predictor>,
    /// Covariance of the intercept and the coefficients in the predictors' order.
    pub vcov: Square,
    /// Smallest and largest log-odds of the patients it was fitted on.
    pub log_odds_range: [f64; 2],
}

/// How log-odds become points.
struct Scale {
    /// Points a unit of log-odds.
    points_per_log_odds: f64,
    /// Log-odds where each predictor has 0 points.
    zero: Vec<f64>,
    /// Log-odds at 0 total points.
    origin: f64,
}

/// Coefficients, log-odds and their covariance: beyond, every risk is 0 or 1.
const LOG_ODDS: std::ops::RangeInclusive<f64> = -1e6..=1e6;
/// Values of a predictor that is a number.
const VALUES: std::ops::RangeInclusive<f64> = -1e9..=1e9;

/// Its lists fit together, so that nothing below can go wrong.
impl Bounded for LinearModel {
    fn within_bounds(&self) -> Bound {
        bounds::number("intercept", self.intercept, LOG_ODDS)?;
        bounds::count("predictors", self.predictors.len(), 1..=1000)?;
        bounds::each("predictors", &self.predictors, |field, p| bounds::named(field, p.within_bounds()))?;
        let width = 1 + self.predictors.iter().map(|p| p.covariate.width()).sum::<usize>();
        bounds::length("vcov", self.vcov.len(), width)?;
        bounds::each("vcov", &self.vcov, |field, row| {
            bounds::length(field, row.len(), width)?;
            bounds::each(field, row, |field, &v| bounds::number(field, v, -1e9..=1e9))
        })?;
        for (i, row) in self.vcov.iter().enumerate() {
            bounds::number(&format!("vcov[{i}][{i}]"), row[i], 0.0..=1e9)?;
        }
        bounds::rising("log_odds_range", self.log_odds_range, 0.0, LOG_ODDS)?;
        let scale = self.scale().points_per_log_odds;
        bounds::holds(
            "predictors",
            "without effect",
            scale.is_finite(),
            "one of them must have a coefficient",
        )
    }
}

impl Bounded for Predictor {
    fn within_bounds(&self) -> Bound {
        bounds::text("name", &self.covariate.name)?;
        match &self.covariate.kind {
            CovariateKind::Levels(levels) => bounds::count("kind.levels", levels.len(), 2..=1000)?,
            CovariateKind::Number { low, high, distinct } => {
                bounds::number("kind.number.low", *low, VALUES)?;
                bounds::number("kind.number.high", *high, VALUES)?;
                bounds::holds("kind.number.high", high, high >= low, &format!("the lowest value is {low}"))?;
                if let Some(distinct) = distinct {
                    bounds::count("kind.number.distinct", distinct.len(), 1..=1000)?;
                    bounds::each("kind.number.distinct", distinct, |field, &v| {
                        bounds::number(field, v, VALUES)
                    })?;
                }
            }
        }
        bounds::length("coef", self.coef.len(), self.covariate.width())?;
        bounds::each("coef", &self.coef, |field, &v| bounds::number(field, v, LOG_ODDS))
    }
}

impl LinearModel {
    /// Arranges a fit by predictor; `covariates` are those of its design.
    pub fn from_fit(fit: &LogisticFit, covariates: &[Covariate]) -> Result<Self, StatsError> {
        let mut coef = fit.coef.iter().skip(1).copied();
        let predictors: Vec<Predictor> = covariates
            .iter()
            .map(|c| Predictor { covariate: c.clone(), coef: coef.by_ref().take(c.width()).collect() })
            .collect();
        let fold = |f: fn(f64, f64) -> f64, start| fit.linear_predictor.iter().copied().fold(start, f);
        let model = Self {
            intercept: fit.coef[0],
            predictors,
            vcov: fit.vcov.clone(),
            log_odds_range: [fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY)],
        };
        if model.scale().points_per_log_odds.is_finite() {
            return Ok(model);
        }
        Err(StatsError::Input("no predictor has any effect, so there is no nomogram".to_owned()))
    }

    /// The nomogram with the risks of `risk_at` marked where the patients' log-odds reach them.
    pub fn nomogram(&self, risk_at: &[f64]) -> Nomogram {
        let scale = self.scale();
        let axes = self.predictors.iter().zip(&scale.zero).map(|(p, zero)| Axis {
            name: p.covariate.name.clone(),
            ticks: p
                .tick_values()
                .into_iter()
                .map(|value| {
                    let points = (p.effect(&value).unwrap_or(*zero) - zero) * scale.points_per_log_odds;
                    Tick { value, points }
                })
                .collect(),
        });
        let log_odds_ticks = pretty(self.log_odds_range[0], self.log_odds_range[1], INTERVALS);
        let (first, last) = (log_odds_ticks[0], log_odds_ticks[log_odds_ticks.len() - 1]);
        let largest =
            if self.predictors.len() == 1 { LONGEST } else { LONGEST.max(scale.total_points(last)) };
        let risk = risk_at.iter().filter_map(|risk| {
            let total_points = scale.total_points(log_odds_as_rms(*risk, first, last)?);
            Some(RiskTick { value: *risk, total_points })
        });
        Nomogram {
            axes: axes.collect(),
            total: TotalAxis { ticks: pretty(0.0, largest, INTERVALS) },
            risk: RiskAxis { ticks: risk.collect() },
        }
    }

    /// Points, total and risk of one patient: exact, also outside the axes.
    pub fn place(&self, values: &[(String, Value)]) -> Result<PatientPoints, NomogramError> {
        if let Some((name, _)) =
            values.iter().find(|(n, _)| !self.predictors.iter().any(|p| p.covariate.name == *n))
        {
            let names: Vec<&str> = self.predictors.iter().map(|p| p.covariate.name.as_str()).collect();
            let reason = format!("'{name}' is no predictor; the predictors are {}", names.join(", "));
            return Err(NomogramError::Value(reason));
        }
        let scale = self.scale();
        let (mut points, mut used, mut row, mut log_odds) =
            (Vec::new(), Vec::new(), vec![1.0], self.intercept);
        for (p, zero) in self.predictors.iter().zip(&scale.zero) {
            let name = &p.covariate.name;
            let value = values
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v)
                .ok_or_else(|| NomogramError::Value(format!("the nomogram needs a value of '{name}'")))?;
            let columns = p.columns(value).map_err(NomogramError::Value)?;
            let effect: f64 = columns.iter().zip(&p.coef).map(|(x, b)| x * b).sum();
            points.push((name.clone(), (effect - zero) * scale.points_per_log_odds));
            used.push((name.clone(), value.clone()));
            log_odds += effect;
            row.extend(columns);
        }
        let se = quadratic_form(&self.vcov, &row).sqrt();
        let bound = |sign: f64| logistic(log_odds + sign * super::Z_975 * se);
        Ok(PatientPoints {
            points,
            values: used,
            total: scale.total_points(log_odds),
            risk: logistic(log_odds),
            risk_interval: se.is_finite().then(|| [bound(-1.0), bound(1.0)]),
        })
    }

    /// Each predictor's name with its points in every row of a design that has this model's columns.
    pub fn points_of(&self, rows: &[Vec<f64>]) -> Vec<(String, Vec<f64>)> {
        let scale = self.scale();
        let mut first = 0;
        let of = |(p, zero): (&Predictor, &f64)| {
            let columns = first..first + p.coef.len();
            first = columns.end;
            let effect = |row: &Vec<f64>| -> f64 {
                row[columns.clone()].iter().zip(&p.coef).map(|(x, b)| x * b).sum()
            };
            let points = rows.iter().map(|row| (effect(row) - zero) * scale.points_per_log_odds).collect();
            (p.covariate.name.clone(), points)
        };
        self.predictors.iter().zip(&scale.zero).map(of).collect()
    }

    /// One sentence for each value outside the range of the patients the model was fitted on.
    pub fn outside(&self, values: &[(String, Value)]) -> Vec<String> {
        let note = |p: &Predictor| {
            let CovariateKind::Number { low, high, .. } = &p.covariate.kind else { return None };
            let name = &p.covariate.name;
            let (_, Value::Number(v)) = values.iter().find(|(n, _)| n == name)? else { return None };
            (!(*low..=*high).contains(v)).then(|| {
                format!("{name} = {v} lies outside the patients the nomogram was fitted on ({low} to {high})")
            })
        };
        self.predictors.iter().filter_map(note).collect()
    }

    /// Exact risk at these total points.
    pub fn risk_at(&self, total_points: f64) -> f64 {
        let scale = self.scale();
        logistic(scale.origin + total_points / scale.points_per_log_odds)
    }

    /// Exact total points of these log-odds.
    pub fn total_points(&self, log_odds: f64) -> f64 {
        self.scale().total_points(log_odds)
    }

    fn scale(&self) -> Scale {
        let (mut zero, mut widest) = (Vec::new(), 0.0f64);
        for p in &self.predictors {
            let effects = || p.tick_values().into_iter().filter_map(|v| p.effect(&v).ok());
            let (low, high) =
                (effects().fold(f64::INFINITY, f64::min), effects().fold(f64::NEG_INFINITY, f64::max));
            zero.push(low);
            widest = widest.max(high - low);
        }
        Scale {
            points_per_log_odds: LONGEST / widest,
            origin: self.intercept + zero.iter().sum::<f64>(),
            zero,
        }
    }
}

impl Scale {
    fn total_points(&self, log_odds: f64) -> f64 {
        (log_odds - self.origin) * self.points_per_log_odds
    }
}

impl Predictor {
    /// Where the axis has ticks: all levels; few different numbers themselves; else round numbers over the range.
    fn tick_values(&self) -> Vec<Value> {
        match &self.covariate.kind {
            CovariateKind::Levels(levels) => levels.iter().cloned().map(Value::Level).collect(),
            CovariateKind::Number { distinct: Some(values), .. } => {
                values.iter().copied().map(Value::Number).collect()
            }
            CovariateKind::Number { low, high, .. } => {
                pretty(*low, *high, INTERVALS).into_iter().map(Value::Number).collect()
            }
        }
    }

    fn effect(&self, value: &Value) -> Result<f64, String> {
        Ok(self.columns(value)?.iter().zip(&self.coef).map(|(x, b)| x * b).sum())
    }

    /// The design's columns for this value.
    fn columns(&self, value: &Value) -> Result<Vec<f64>, String> {
        let name = &self.covariate.name;
        match (&self.covariate.kind, value) {
            (CovariateKind::Number { .. }, Value::Number(v)) if v.is_finite() => Ok(vec![*v]),
            (CovariateKind::Levels(levels), Value::Level(level)) if levels.contains(level) => {
                Ok(levels[1..].iter().map(|l| f64::from(u8::from(l == level))).collect())
            }
            (CovariateKind::Number { .. }, _) => Err(format!("'{name}' needs a number")),
            (CovariateKind::Levels(levels), _) => {
                Err(format!("'{name}' must be one of {}", levels.join(", ")))
            }
        }
    }
}

/// The log-odds of a risk as `rms::nomogram` finds them: interpolated in 1000 steps between `first` and `last`, so
/// that the marks stand where R draws them (the error is below a thousandth of a point). `None` outside.
fn log_odds_as_rms(risk: f64, first: f64, last: f64) -> Option<f64> {
    const STEPS: usize = 999;
    if !(risk > 0.0 && risk < 1.0) || risk < logistic(first) || risk > logistic(last) {
        return None;
    }
    let at = |i: usize| if i == STEPS { last } else { first + i as f64 * ((last - first) / STEPS as f64) };
    let above = (1..STEPS).find(|i| logistic(at(*i)) >= risk).unwrap_or(STEPS);
    let (x0, x1) = (at(above - 1), at(above));
    let (f0, f1) = (logistic(x0), logistic(x1));
    Some(if f1 > f0 { x0 + (x1 - x0) * ((risk - f0) / (f1 - f0)) } else { x0 })
}

#[cfg(test)]
#[path = "nomogram_tests.rs"]
mod tests;
