//! What the study knows, one sentence a module (see `ARCHITECTURE.md` for which way the arrows point).
/// The figures of one data set: nomogram, risk groups, survival, hazards.
pub mod analysis;
/// One patient through everything: the function the panels, `predict` and `batch` call.
pub mod assess;
/// What is wrong with a cohort before anyone trusts a figure made from it.
pub mod audit;
/// Regions of pectoralis muscle and visceral fat, their areas and indices.
pub mod body;
/// What Grad-CAM explains, and its heat map over a picture.
pub mod cam;
/// The clinicopathological variables and the boosted trees over them.
pub mod clinical;
/// Tables and image folders of many patients.
pub mod cohort;
/// How well the branches, their fusion and alternatives do on a cohort.
pub mod evaluate;
/// Results of the statistics as chart data, the same on screen and for `--plot`.
pub mod figures;
/// Three votes, one probability.
pub mod fusion;
/// Whom something belongs to, and whether two of them are one person.
pub mod identity;
/// Where the vertebral levels T4 and T11 are.
pub mod level;
/// Weights a person imported, checked and kept in a folder of their own.
pub mod library;
/// Lengths, angles and regions on a section, and the voxels within them.
pub mod measure;
/// The study's nomogram: fitted, kept, and a patient's way onto it.
pub mod nomogram;
/// A synthetic thoracic CT with known truth.
pub mod phantom;
/// The patient's report as JSON, SVG and PDF.
pub mod report;
/// Reporting sheets, filled with what the program knows.
pub mod sheet;
/// Cohorts with known truth.
pub mod simulate;
/// What a network sees: window, crop, normalised values.
pub mod slice;
/// Logistic regression, nomograms and the other statistics.
pub mod stats;
/// The study's variables: keys, words, units, codes.
pub mod study;
/// Tables whatever program wrote them.
pub mod tables;
#[cfg(test)]
mod testing;
/// Training runs of the two networks.
pub mod training;

pub use thoracast_chart as chart;
pub use thoracast_nn as nn;
