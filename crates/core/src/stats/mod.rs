//! The statistics: logistic and Cox regression, nomograms, ROC and Kaplan–Meier curves; calibration and decision curves have their rooms here.

pub mod calibration;
mod concordance;
pub mod contingency;
pub mod cox;
pub mod decision_curve;
pub mod design;
pub mod folds;
pub mod irls;
pub mod kaplan_meier;
pub mod linalg;
pub mod logistic;
pub mod lowess;
pub mod nomogram;
pub mod nomogram_cut;
pub mod pretty;
pub mod rank_sum;
pub mod resample;
pub mod roc;
mod times;
pub mod validate;

use statrs::function::{erf::erfc, gamma::gamma_ur};

use crate::tables::TableError;

/// The 97.5th percentile of the standard normal distribution: half-width of a 95 % interval in standard errors.
pub const Z_975: f64 = 1.959_963_984_540_054;

/// Two-sided p of a standard normal value.
pub fn normal_p(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Upper tail of the chi-square distribution.
pub fn chi_square_p(chisq: f64, df: f64) -> f64 {
    if chisq.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if chisq <= 0.0 || df <= 0.0 { 1.0 } else { gamma_ur(df / 2.0, chisq / 2.0) }
}

/// Why a statistic does not exist or cannot be computed; one sentence each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the outcome is the same in all {n} rows ({events} events); a regression needs both")]
    OneOutcome { n: usize, events: usize },
    #[error("{n} complete rows are too few for {terms} coefficients; leave covariates out")]
    TooFewRows { n: usize, terms: usize },
    #[error("'{term}' is {value} in every row used; leave it out")]
    Constant { term: String, value: f64 },
    #[error("'{term}' holds numbers too large to compute with; use other units")]
    TooLarge { term: String },
    #[error("'{term}' follows exactly from {others}; leave one of them out")]
    Collinear { term: String, others: String },
    #[error(
        "the outcome is separated by {terms}: some combination of them predicts it without error, so no finite coefficients exist; leave covariates out or merge levels"
    )]
    Separated { terms: String },
    #[error("{0}")]
    Input(String),
}
