//! `inspect`: what is in a file, folder, ZIP or DICOMDIR.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{note, print_json, print_lines};
use thoracast_dicom::hounsfield::{SliceSample, judge_values};
use thoracast_dicom::{self as dicom, HuStatistics, Scan, Series, Unmeasured, Unreadable};
use thoracast_files::progress::Progress;

/// Shorter work says nothing of its progress.
const TOLD_EVERY: Duration = Duration::from_secs(2);

#[derive(clap::Args, Debug)]
pub struct InspectArgs {
    /// File, folder, ZIP archive or DICOMDIR.
    path: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// The document `inspect --json` prints.
#[derive(Debug, Serialize)]
struct Inspection {
    series: Vec<InspectedSeries>,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize)]
struct InspectedSeries {
    uid: String,
    patient_id: String,
    study_uid: String,
    modality: String,
    description: String,
    usable: bool,
    viewable: bool,
    slices: usize,
    rows: usize,
    columns: usize,
    spacing_mm: Option<[f64; 3]>,
    thickness_mm: Option<f64>,
    tilt_degrees: Option<f64>,
    z_range_mm: Option<[f64; 2]>,
    transfer_syntaxes: Vec<String>,
    transfer_syntax_names: Vec<String>,
    hu: Option<Hu>,
    /// Pixels of this value, if there are any, were never measured; they count in `hu`, as in pydicom.
    padding_hu: Option<f64>,
    /// Why a volume is looked at only; its `hu` are rescaled stored values then. Null where it can be measured.
    unmeasured: Option<String>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Hu {
    min: f64,
    max: f64,
    mean: f64,
}

/// Progress on stderr, only where the work takes long: the stage and how far it is.
struct Paced {
    state: Mutex<(String, Instant)>,
}

impl Paced {
    fn new() -> Self {
        Self { state: Mutex::new((String::new(), Instant::now())) }
    }
}

impl Progress for Paced {
    fn stage(&self, name: &str) {
        name.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).0);
    }

    fn report(&self, done: usize, total: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1.elapsed() >= TOLD_EVERY {
            state.1 = Instant::now();
            note(&format!("{}: {done} of {total}", state.0));
        }
    }
}

/// Runs `inspect`.
///
/// # Errors
/// When nothing DICOM is found, or nothing of it can be read.
pub fn run(args: InspectArgs) -> anyhow::Result<()> {
    let progress = Paced::new();
    let scan = dicom::scan(std::slice::from_ref(&args.path), &progress)?;
    let inspection = inspect(scan, &progress);
    if args.json {
        print_json(&inspection)?
    } else {
        print_lines(&in_words(&inspection))?
    }
    match inspection.unreadable.first() {
        Some(first) if inspection.series.is_empty() => {
            anyhow::bail!("{}: {}", first.path.display(), first.reason)
        }
        None if inspection.series.is_empty() => {
            anyhow::bail!(dicom::DicomError::NothingFound { path: args.path })
        }
        _ => Ok(()),
    }
}

fn inspect(scan: Scan, progress: &dyn Progress) -> Inspection {
    let series = scan.series.iter().map(|series| inspect_series(series, progress)).collect();
    Inspection { series, unreadable: scan.unreadable }
}

fn inspect_series(series: &Series, progress: &dyn Progress) -> InspectedSeries {
    let mut warnings = series.warnings.clone();
    warnings.extend(series.unusable_reason.clone());
    let (statistics, unmeasured) = match read_values(series, progress) {
        Ok(read) => read,
        Err(error) => {
            warnings.push(error.to_string());
            (None, series.unmeasured.clone())
        }
    };
    let hu = statistics.map(|s| Hu { min: s.min, max: s.max, mean: s.mean });
    if let Some(reason) = &unmeasured {
        warnings.insert(0, format!("looked at only, not measured or predicted from: {reason}"));
    }
    InspectedSeries {
        uid: series.uid.clone(),
        patient_id: series.patient_id.clone(),
        study_uid: series.study_uid.clone(),
        modality: series.modality.clone(),
        description: series.description.clone(),
        usable: series.usable && unmeasured.is_none(),
        viewable: series.viewable,
        slices: series.slices,
        rows: series.rows,
        columns: series.columns,
        spacing_mm: series.spacing_mm,
        thickness_mm: series.thickness_mm,
        tilt_degrees: series.tilt_degrees,
        z_range_mm: series.z_range_mm,
        transfer_syntaxes: series.transfer_syntaxes.clone(),
        transfer_syntax_names: series
            .transfer_syntaxes
            .iter()
            .map(|uid| dicom::transfer_syntax_name(uid))
            .collect(),
        hu,
        padding_hu: series.padding.filter(|_| series.usable),
        unmeasured: unmeasured.map(|reason| reason.to_string()),
        warnings,
    }
}

/// HU over all slices of a volume, and why they are not to be trusted; `None` for other series. A few slices are in
/// memory at a time.
fn read_values(
    series: &Series,
    progress: &dyn Progress,
) -> Result<(Option<HuStatistics>, Option<Unmeasured>), dicom::DicomError> {
    if !series.usable {
        return Ok((None, None));
    }
    let of_slices: Vec<OnceLock<(Option<HuStatistics>, SliceSample)>> =
        (0..series.slices).map(|_| OnceLock::new()).collect();
    dicom::visit_planes(series, 0, progress, &|slice, plane| {
        // Each slice comes once, so the cell is empty.
        let _ = of_slices[slice].set((HuStatistics::of(&plane), SliceSample::new(&plane, series.padding)));
    })?;
    // In the order of slices, so that the mean does not depend on which thread was faster.
    let (statistics, samples): (Vec<_>, Vec<_>) =
        of_slices.into_iter().filter_map(OnceLock::into_inner).unzip();
    let unmeasured = series.unmeasured.clone().or_else(|| judge_values(&samples));
    Ok((statistics.into_iter().flatten().reduce(HuStatistics::and), unmeasured))
}

/// The inspection in lines for a person.
fn in_words(inspection: &Inspection) -> Vec<String> {
    let mut lines = Vec::new();
    for series in &inspection.series {
        let state = match (series.usable, series.viewable) {
            (true, _) => "usable",
            (false, true) if series.unmeasured.is_some() => "not usable, looked at only",
            (false, true) => "not usable, pictures only",
            (false, false) => "not usable",
        };
        let description =
            if series.description.is_empty() { "(no description)" } else { &series.description };
        let modality = if series.modality.is_empty() { "?" } else { &series.modality };
        lines.push(format!("{modality}  {description}  [{state}]"));
        let mut row = |name: &str, value: String| lines.push(format!("  {name:<16}{value}"));
        row("series", series.uid.clone());
        row("study", series.study_uid.clone());
        row("patient", series.patient_id.clone());
        if series.rows > 0 && series.columns > 0 {
            row(
                "slices",
                format!("{} of {} × {} (rows × columns)", series.slices, series.rows, series.columns),
            );
        } else {
            row("objects", format!("{} without pictures", series.slices));
        }
        if let Some([rows, columns, planes]) = series.spacing_mm {
            row("spacing", format!("{rows:.4} × {columns:.4} × {planes:.4} mm"));
        }
        if let Some([low, high]) = series.z_range_mm {
            row("z", format!("{low:.2} to {high:.2} mm"));
        }
        row("encoding", series.transfer_syntax_names.join(", "));
        if let Some(hu) = &series.hu {
            let is_padding = series.padding_hu.is_some_and(|padding| padding == hu.min);
            let padding = if is_padding { "; the lowest is padding, not measured" } else { "" };
            let name = if series.unmeasured.is_some() { "values" } else { "HU" };
            row(name, format!("{:.0} to {:.0}, mean {:.2}{padding}", hu.min, hu.max, hu.mean));
        }
        for warning in &series.warnings {
            row("!", warning.clone());
        }
        lines.push(String::new());
    }
    if !inspection.unreadable.is_empty() {
        lines.push("Unreadable".to_owned());
    }
    for file in &inspection.unreadable {
        lines.push(format!("  {}: {}", file.path.display(), file.reason));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use thoracast_files::progress::Silent;

    fn shared(path: &str) -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/dicom");
        if folder.is_dir() {
            return Some(folder.join(path));
        }
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "../shared/dicom is absent");
        eprintln!("skipped: ../shared/dicom is absent");
        None
    }

    fn document(path: PathBuf) -> serde_json::Value {
        serde_json::to_value(inspect(dicom::scan(&[path], &Silent).unwrap(), &Silent)).unwrap()
    }

    #[test]
    fn the_document_has_the_contracts_keys_and_pydicoms_figures() {
        let Some(folder) = shared("awkward/one-defect-each/00-reference") else { return };
        let found = document(folder);
        let series = &found["series"][0];
        let contract = [
            "uid",
            "patient_id",
            "study_uid",
            "modality",
            "description",
            "usable",
            "viewable",
            "slices",
            "rows",
            "columns",
            "spacing_mm",
            "z_range_mm",
            "transfer_syntaxes",
            "hu",
            "warnings",
        ];
        for key in contract {
            assert!(series.get(key).is_some(), "{key}");
        }
        assert_eq!(found["unreadable"], serde_json::json!([]));
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(shared("expected.json").unwrap()).unwrap()).unwrap();
        let of_slice = |i: usize, key: &str| {
            expected[format!("awkward/one-defect-each/00-reference/{i:03}.dcm")]["hu"][key].as_f64().unwrap()
        };
        let mean = (0..10).map(|i| of_slice(i, "mean")).sum::<f64>() / 10.0;
        let max = (0..10).map(|i| of_slice(i, "max")).fold(f64::MIN, f64::max);
        assert_eq!((series["hu"]["min"].as_f64(), series["hu"]["max"].as_f64()), (Some(-1024.0), Some(max)));
        assert!((series["hu"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    }

    #[test]
    fn an_unusable_series_has_no_hu_and_carries_its_reason_in_the_warnings() {
        let Some(folder) = shared("awkward/one-defect-each/05-no-ipp-no-iop") else { return };
        let found = document(folder);
        let series = &found["series"][0];
        assert_eq!((&series["usable"], &series["hu"]), (&false.into(), &serde_json::Value::Null));
        assert!(series["warnings"][0].as_str().unwrap().contains("(0020,0032)"));
    }

    #[test]
    fn the_table_names_series_warnings_and_unreadable_files() {
        let Some(folder) = shared("awkward/one-defect-each/20-broken-files") else { return };
        let text = in_words(&inspect(dicom::scan(&[folder], &Silent).unwrap(), &Silent)).join("\n");
        for part in [
            "[usable]",
            "3.3672 × 3.3672",
            "only 1 slice",
            "truncated-in-pixeldata.dcm: the file is cut short",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
