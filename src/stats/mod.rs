//! The statistics: logistic regression, nomograms and ROC curves; Cox, Kaplan–Meier, calibration and decision curves have their rooms here.

pub mod nomogram;
pub mod roc;

/// The 97.5th percentile of the standard normal distribution: half-width of a 95 % interval in standard errors.
pub const Z_975: f64 = 1.959_963_984_540_054;
