//! A chart as data: marks in logical points with colour roles, and painters that show them.
//!
//! A layout (`nomogram`, `km`, …) makes a [`Chart`]; a painter (`svg`, `raster`, `pdf`, `egui`) shows it in
//! a [`Theme`]. Screen, export and report come from one description and cannot disagree. What is drawn comes as plain
//! values and words; patients, models and the study are not known here.

/// Linear axes: ticks, scales, gridlines, legend.
pub mod axes;
/// Shares of many by variable, and one variable's against its values.
pub mod beeswarm;
/// The only painter with egui types.
#[cfg(feature = "egui")]
pub mod egui;
/// Charts as files, by extension.
pub mod export;
/// The bundled typeface.
pub mod fonts;
/// Ratios with intervals on a logarithmic axis.
pub mod forest;
/// A heat map over a grey picture.
pub mod heatmap;
/// Kaplan–Meier curves with numbers at risk.
pub mod km;
/// ROC, calibration and decision curves: lines over two axes.
pub mod lines;
/// What marks are made of.
pub mod mark;
/// The nomogram with a person on it.
pub mod nomogram;
/// Vector PDF with selectable text.
pub mod pdf;
/// PNG by way of SVG.
pub mod raster;
/// SVG text.
pub mod svg;
/// Text widths, wrapping, number formats.
pub mod text;
/// Roles to colours.
pub mod theme;
/// Loss and AUC by epoch.
pub mod training;
/// Shares that lead from an average to one result.
pub mod waterfall;

pub use mark::{Anchor, Chart, Fill, Mark, Rect, Rgba, Role, Stroke, Text, Weight};
pub use theme::{Rgb, Theme};

/// Why a chart could not be turned into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    #[error("the chart's SVG is not valid: {0}")]
    Svg(String),
    #[error(
        "a chart of {width}×{height} points at {dpi} dpi is not a picture that can be made; choose a lower resolution"
    )]
    Size { width: f32, height: f32, dpi: f32 },
    #[error("the PNG could not be encoded: {0}")]
    Png(String),
    #[error("the PDF could not be made: {0}")]
    Pdf(String),
}

/// What tests of this crate and of those above ask of a chart.
#[cfg(any(test, feature = "testing"))]
pub mod check;
