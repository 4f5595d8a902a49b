//! Where a report comes from and where it is filed.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Input, Provenance, ReportError, json, pdf};
use crate::assess::{Assessment, Models};
use crate::clinical::Record;
use crate::identity::{Identity, Source, date_words};
use thoracast_dicom::Series;
use thoracast_files::FileSet;

/// What stands in a report about its origins, now: time, series, what went in, model cards.
pub fn provenance(models: &Models, series: Option<&Series>, inputs: Vec<Input>) -> Provenance {
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
        inputs,
        models: BTreeMap::from(description.map(|(name, words)| (name.to_owned(), words.to_owned()))),
    }
}

impl Input {
    /// The slices of a series: their folder or archive, and how many.
    pub fn of_series(series: &Series) -> Self {
        let first = series.frames.first();
        let place = first.and_then(|f| match f.member {
            Some(_) => f.path.file_name(),
            None => f.path.parent().and_then(Path::file_name).or_else(|| f.path.file_name()),
        });
        let place = place.map_or_else(String::new, |name| format!(" in {}", name.to_string_lossy()));
        let slices = if series.slices == 1 { "slice" } else { "slices" };
        Self {
            role: "CT series".to_owned(),
            name: format!("{} {slices}{place}", series.slices),
            sha256: None,
        }
    }

    /// Where clinical values come from; `changed` are the labels of those that a person typed over.
    pub fn of_values(values: &Identity, changed: &[&str]) -> Self {
        let Source::Row { table, number, sha256 } = &values.source else {
            return Self { role: "Clinical values".to_owned(), name: "typed".to_owned(), sha256: None };
        };
        let changed = match changed {
            [] => String::new(),
            labels => format!("; changed by hand: {}", labels.join(", ")),
        };
        Self {
            role: "Clinical table".to_owned(),
            name: format!("{table}, row {number}{changed}"),
            sha256: Some(sha256.clone()),
        }
    }

    /// A file, hashed now; without a hash where it cannot be read any more.
    pub fn of_file(role: &str, path: &Path) -> Self {
        Self {
            role: role.to_owned(),
            name: path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            sha256: thoracast_files::sha256(path).ok(),
        }
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

    /// The report's Inputs section was always empty.
    #[test]
    fn what_went_in_is_named_and_hashed() {
        let table =
            crate::cohort::Table::from_bytes(Path::new("a/clinical.csv"), b"ID,age\n24,50\n").unwrap();
        let row = Input::of_values(&Identity::of_row(&table, "24"), &["CEA"]);
        assert_eq!(row.name, "clinical.csv, row 2; changed by hand: CEA");
        assert_eq!(row.sha256.as_ref(), Some(&table.sha256));
        assert_eq!(Input::of_values(&Identity::typed("24"), &[]).name, "typed");
        let frame = thoracast_dicom::FrameSource {
            path: "studies/chest/IM-1.dcm".into(),
            member: None,
            frame: 0,
            origin_mm: [0.0; 3],
        };
        let zipped = thoracast_dicom::FrameSource {
            path: "studies/all.zip".into(),
            member: Some("IM-1.dcm".to_owned()),
            ..frame.clone()
        };
        let series = |frame| Series { frames: vec![frame], slices: 64, ..Series::default() };
        assert_eq!(Input::of_series(&series(frame)).name, "64 slices in chest");
        assert_eq!(Input::of_series(&series(zipped)).name, "64 slices in all.zip");
    }
}
