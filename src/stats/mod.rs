//! The statistics: logistic regression and nomograms first; Cox, Kaplan–Meier, ROC, calibration and decision curves have their rooms here.

pub mod nomogram;
