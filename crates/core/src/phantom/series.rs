//! The phantom as files: a DICOM series, its truth and its clinical row.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::model::{Phantom, round_to};
use super::truth::Truth;
use crate::clinical::{Kind, VARIABLES};
use thoracast_dicom::write::{CtImage, CtSeries, WriteError, ct_image, uid_from};
use thoracast_files::progress::Progress;
use thoracast_files::{FolderError, NewFolder};

/// Names of what stands beside the slices.
pub(super) const TRUTH_FILE: &str = "truth.json";
const CLINICAL_FILE: &str = "clinical.csv";

/// What keeps a phantom from being written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("{}: {doing} failed: {source}", path.display())]
    File { path: PathBuf, doing: &'static str, source: io::Error },
    #[error(transparent)]
    Dicom(#[from] WriteError),
    #[error("the phantom's truth can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cancelled")]
    Cancelled,
}

pub(super) fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> PhantomError {
    move |source| PhantomError::File { path: path.to_owned(), doing, source }
}

/// Writes `IM0001.dcm` …, `truth.json` and `clinical.csv` into `dir`.
///
/// Everything is written into a temporary folder beside it and renamed at the end. An earlier phantom in `dir` is
/// replaced; a folder with anything else is refused.
///
/// # Errors
/// `Folder`, `File`, `Dicom`, `Cancelled`; in each case `dir` stays as it was.
pub fn write_series(phantom: &Phantom, dir: &Path, progress: &dyn Progress) -> Result<Truth, PhantomError> {
    let folder = NewFolder::beside(dir, TRUTH_FILE, "phantom")?;
    progress.stage("Writing slices");
    write_slices(phantom, folder.path(), progress)?;
    progress.stage("Measuring the truth");
    let truth = phantom.truth();
    let mut json = serde_json::to_vec_pretty(&truth)?;
    json.push(b'\n');
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(failed(&path, "writing"))
    };
    write(TRUTH_FILE, &json)?;
    write(CLINICAL_FILE, clinical_csv(phantom, &truth).as_bytes())?;
    if progress.cancelled() {
        return Err(PhantomError::Cancelled);
    }
    folder.put_in_place()?;
    Ok(truth)
}

fn write_slices(phantom: &Phantom, folder: &Path, progress: &dyn Progress) -> Result<(), PhantomError> {
    let header = header(phantom);
    let total = phantom.slices();
    let done = AtomicUsize::new(0);
    (0..total).into_par_iter().try_for_each(|slice| {
        if progress.cancelled() {
            return Err(PhantomError::Cancelled);
        }
        let hu = phantom.plane_hu(slice);
        // Scanners count from the head, where the scan begins.
        let number = total - slice;
        let image = CtImage {
            sop_instance_uid: uid_from(&format!("{}/{number}", header.series_uid)),
            instance_number: number as i32,
            position_mm: phantom.origin_mm(slice),
            hu: &hu,
        };
        let path = folder.join(format!("IM{number:04}.dcm"));
        std::fs::write(&path, ct_image(&header, &image)?).map_err(failed(&path, "writing"))?;
        progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        Ok(())
    })
}

fn header(phantom: &Phantom) -> CtSeries {
    let p = &phantom.patient;
    // The sampling is part of the name: a coarse variant is another series of the same patient.
    let study = format!("thoracast phantom {}", p.seed);
    let series = format!("{study} {} {}", phantom.size(), phantom.slice_mm());
    let height_m = f64::from(p.height_cm) / 100.0;
    CtSeries {
        study_uid: uid_from(&format!("{study} study")),
        series_uid: uid_from(&format!("{series} series")),
        frame_of_reference_uid: uid_from(&format!("{study} frame")),
        patient_name: format!("Phantom^Seed {}", p.seed),
        patient_id: phantom.patient_id(),
        patient_sex: "F".into(),
        age_years: p.age,
        height_cm: f64::from(p.height_cm),
        weight_kg: round_to(phantom.bmi() * height_m * height_m, 10.0),
        date: "20240101".into(),
        time: "120000".into(),
        study_id: "1".into(),
        study_description: "Synthetic chest CT, not a patient".into(),
        series_description: "Synthetic chest, contrast, axial".into(),
        series_number: 2,
        body_part: "CHEST".into(),
        manufacturer: "Thoracast".into(),
        model: "Phantom".into(),
        software: env!("CARGO_PKG_VERSION").into(),
        kvp: 120.0,
        kernel: "STANDARD".into(),
        contrast_agent: Some("Synthetic".into()),
        synthetic: true,
        rows: phantom.size(),
        columns: phantom.size(),
        pixel_spacing_mm: [phantom.pixel_mm(); 2],
        slice_thickness_mm: phantom.slice_mm(),
    }
}

/// The synthetic patient's clinical row under the study's columns, preceded by `ID`.
fn clinical_csv(phantom: &Phantom, truth: &Truth) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(truth.seed ^ 0xc11_41ca1);
    let postmenopausal = truth.age_years > 50;
    let (mut head, mut row) = ("ID".to_owned(), truth.patient_id.clone());
    for variable in VARIABLES {
        // Every variable takes one draw, whether used or not, so that a known value shifts no other.
        let u: f64 = rng.random_range(0.0..1.0);
        let value = match variable.key {
            "age" => f64::from(truth.age_years),
            "bmi" => phantom.bmi(),
            "pma_t4" => truth.pectoralis_t4.total_cm2,
            "pmi_t4" => truth.pmi_cm2_m2,
            "vfa_t11" => truth.visceral_fat_t11.within_minus150_minus50_hu_cm2,
            "menopause" => f64::from(u8::from(postmenopausal)),
            "tumor_size" => 0.8 + 4.0 * u * u,
            "cea" => 0.5 + 4.0 * u * u,
            "ki67" => (5.0 + 60.0 * u).round(),
            "n_stage" => [0.0, 0.0, 1.0, 2.0, 3.0][(u * 5.0) as usize],
            "er" | "pr" => f64::from(u8::from(u < 0.7)),
            "lvi" | "multifocal" | "her2" => f64::from(u8::from(u < 0.25)),
            "histology" => f64::from(u8::from(u < 0.88)),
            _ => drawn_code(variable.kind, u),
        };
        let decimals = match variable.kind {
            Kind::Number { decimals, .. } => decimals,
            Kind::Code(_) => 0,
        };
        let _ = write!(head, ",{}", variable.column);
        let _ = write!(row, ",{value:.decimals$}");
    }
    format!("{head}\n{row}\n")
}

/// One of a variable's codes, or a number from the lower part of its range.
fn drawn_code(kind: Kind, u: f64) -> f64 {
    match kind {
        Kind::Code(codes) => codes.get((u * codes.len() as f64) as usize).map_or(0.0, |c| c.0 as f64),
        Kind::Number { low, high, .. } => low + (high - low) * 0.2 * u,
    }
}
