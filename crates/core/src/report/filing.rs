//! Where a report comes from and where it is filed.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Provenance, ReportError, json, pdf};
use crate::assess::{Assessment, Models};
use crate::clinical::Record;
use thoracast_dicom::Series;
use thoracast_files::FileSet;

/// What stands in a report about its origins, now: time, series, model cards.
pub fn provenance(models: &Models, series: Option<&Series>) -> Provenance {
    let description = [
        ("t4", models.t4.card.description.as_str()),
        ("t11", models.t11.card.description.as_str()),
        ("clinical", models.clinical.description()),
        ("nomogram", models.nomogram.description()),
    ];
    Provenance {
        created: super::flow::now(),
        study_uid: series.map(|s| s.study_uid.clone()),
        series_uid: series.map(|s| s.uid.clone()),
        series_description: series.map(|s| s.description.clone()),
        study_date: series.map(|s| date_words(&s.study_date)),
        inputs: Vec::new(),
        models: BTreeMap::from(description.map(|(name, words)| (name.to_owned(), words.to_owned()))),
    }
}

/// 20260131 as 2026-01-31; anything else as it is.
pub fn date_words(date: &str) -> String {
    if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    } else {
        date.to_owned()
    }
}

/// Writes the PDF and, beside it, the JSON of the same name: both or, where anything fails, neither.
///
/// # Errors
/// Where a page can't be drawn or a file can't be written; the message names it.
pub fn save(
    assessment: &Assessment,
    record: &Record,
    provenance: &Provenance,
    pdf_path: &Path,
) -> Result<(), ReportError> {
    let document = serde_json::to_vec_pretty(&json(assessment, provenance))?;
    let pages = pdf(assessment, record, provenance)?;
    let mut files = FileSet::default();
    files.add(&pdf_path.with_extension("json"), &document)?;
    files.add(pdf_path, &pages)?;
    Ok(files.put_in_place()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dicom_date_is_shown_in_parts_and_others_are_left_alone() {
        assert_eq!(date_words("20260131"), "2026-01-31");
        assert_eq!(date_words("2026é131"), "2026é131");
        assert_eq!(date_words(""), "");
    }
}
