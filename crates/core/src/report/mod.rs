//! The patient's report as JSON, page charts, SVG and PDF.
//!
//! The pages are charts like any other, so the PDF, the preview in the window and the PNG of the
//! demonstration show the same thing.

mod filing;
pub mod flow;
mod sections;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::assess::{Assessment, RESEARCH_ONLY, UNTRAINED};
use crate::chart::{Chart, ChartError, Theme, pdf as chart_pdf, svg};
use crate::clinical::Record;

pub use crate::identity::date_words;
pub use filing::{provenance, save};

/// Where a result came from: what the assessment itself does not know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// When the report was made, RFC 3339 with zone, e.g. `2026-03-09T14:05:00+01:00`.
    pub created: String,
    /// Study Instance UID; None for already-cut pictures.
    pub study_uid: Option<String>,
    /// Series Instance UID; None for already-cut pictures.
    pub series_uid: Option<String>,
    /// Series description as the scanner wrote it.
    pub series_description: Option<String>,
    /// Study date as shown to a person, e.g. `2026-03-02`.
    pub study_date: Option<String>,
    /// Files that went in.
    pub inputs: Vec<Input>,
    /// Descriptions from the models' cards, by model: t4, t11, clinical, nomogram.
    pub models: BTreeMap<String, String>,
}

/// One file or folder that went into a result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Input {
    /// What it was used as, in words: "T4 picture", "clinical table".
    pub role: String,
    /// File name without its folder.
    pub name: String,
    /// SHA-256 in hexadecimal; None where nothing was hashed (a folder of slices).
    pub sha256: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    #[error("the report could not be drawn: {0}")]
    Chart(#[from] ChartError),
    #[error("the report could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    File(#[from] thoracast_files::FileError),
}

/// The assessment's own document plus a `report` block: program, time, inputs, model cards, and the sentences that
/// must stand beside a result.
pub fn json(assessment: &Assessment, provenance: &Provenance) -> Value {
    let models: BTreeMap<&String, Value> = assessment
        .models
        .iter()
        .map(|(name, sha256)| (name, json!({ "sha256": sha256, "description": provenance.models.get(name) })))
        .collect();
    let mut report = json!({
        "program": "thoracast",
        "version": env!("CARGO_PKG_VERSION"),
        "created": provenance.created,
        "notice": RESEARCH_ONLY,
        "study_uid": provenance.study_uid,
        "series_uid": provenance.series_uid,
        "series_description": provenance.series_description,
        "study_date": provenance.study_date,
        "slices": { "t4": assessment.t4.slice, "t11": assessment.t11.slice },
        "inputs": provenance.inputs,
        "models": models,
    });
    if !assessment.meaningful {
        report["untrained"] = json!(UNTRAINED);
    }
    let mut document = json!(assessment);
    document["report"] = report;
    document
}

/// The report's A4 pages as charts (595.28 × 841.89 points).
pub fn pages(assessment: &Assessment, record: &Record, provenance: &Provenance) -> Vec<Chart> {
    let id = &assessment.id;
    let made = flow::made(&provenance.created);
    let mut flow = flow::Flow::new(&format!("Report, patient {id}"), &format!("Patient {id}"), &made);
    sections::write(&mut flow, assessment, record, provenance);
    flow.finish()
}

/// The report's pages as SVG documents, for previews; [`crate::chart::raster::svg_to_png`] makes pictures of them.
///
/// # Errors
/// [`ReportError::Chart`] where a picture cannot be encoded.
pub fn page_svgs(
    assessment: &Assessment,
    record: &Record,
    provenance: &Provenance,
    theme: &Theme,
) -> Result<Vec<String>, ReportError> {
    let pages = pages(assessment, record, provenance);
    pages.iter().map(|page| svg::render(page, theme).map_err(ReportError::from)).collect()
}

/// The report as a PDF for print and filing: light, text selectable, fonts embedded.
///
/// # Errors
/// [`ReportError::Chart`] where the PDF cannot be made.
pub fn pdf(
    assessment: &Assessment,
    record: &Record,
    provenance: &Provenance,
) -> Result<Vec<u8>, ReportError> {
    let properties = chart_pdf::Properties {
        title: format!("Thoracast report, patient {}", assessment.id),
        subject: RESEARCH_ONLY.to_owned(),
        created: Some(provenance.created.clone()),
    };
    let pages = pages(assessment, record, provenance);
    Ok(chart_pdf::document(&pages, &Theme::light(), &properties)?)
}
