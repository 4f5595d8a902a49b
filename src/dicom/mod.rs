//! DICOM files to series to volumes in Hounsfield units, and back to files.
//!
//! The only module that knows dicom-rs types. [`scan`] reads headers and sorts instances into series,
//! [`load`] decodes one series into a [`Volume`], plane by plane.

mod volume;
/// CT images to DICOM files.
pub mod write;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::progress::Progress;
pub use volume::{Geometry, Plane, Volume};

/// What a set of paths holds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scan {
    pub series: Vec<Series>,
    pub unreadable: Vec<Unreadable>,
}

/// A file that could not be read, and why in one sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unreadable {
    pub path: PathBuf,
    pub reason: String,
}

/// One series (or one stack of it, where positions repeat) as its headers tell.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    pub uid: String,
    pub study_uid: String,
    pub patient_id: String,
    pub patient_name: String,
    /// YYYYMMDD as in the file, empty if absent.
    pub study_date: String,
    pub study_description: String,
    pub modality: String,
    pub description: String,
    pub series_number: Option<i32>,
    /// PatientSize (0010,1020) in cm where the file states it.
    pub height_cm: Option<f64>,
    /// True if `load` makes a CT volume of it.
    pub usable: bool,
    /// Why not, in one sentence, when `usable` is false.
    pub unusable_reason: Option<String>,
    pub slices: usize,
    pub rows: usize,
    pub columns: usize,
    /// Between rows, between columns, between planes; mm.
    pub spacing_mm: Option<[f64; 3]>,
    pub z_range_mm: Option<[f64; 2]>,
    pub transfer_syntaxes: Vec<String>,
    /// The file's own windows (0028,1050/1051): centre and width, HU.
    pub windows: Vec<[f64; 2]>,
    pub warnings: Vec<String>,
    /// Where each plane's pixels are, in the volume's order.
    #[serde(skip)]
    pub frames: Vec<FrameSource>,
}

/// Where one plane's pixels are: a file (or a ZIP's member) and a frame in it.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameSource {
    pub path: PathBuf,
    /// Name inside the archive when `path` is a ZIP.
    pub member: Option<String>,
    /// Frame number from 0.
    pub frame: usize,
    /// Centre of the first pixel, mm.
    pub origin_mm: [f64; 3],
}

/// What goes wrong between a path and a volume. Each message is one sentence that names the file or series and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    #[error("{}: no DICOM images found here; choose a folder, ZIP or DICOMDIR with a CT series", path.display())]
    NothingFound { path: PathBuf },
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("series {uid} can't be used as a CT volume: {reason}")]
    Unusable { uid: String, reason: String },
    #[error("cancelled")]
    Cancelled,
}

pub fn scan(paths: &[PathBuf], _progress: &dyn Progress) -> Result<Scan, DicomError> {
    use dicom_dictionary_std::tags;
    let mut files = vec![];
    for p in paths {
        for e in std::fs::read_dir(p)
            .map_err(|e| DicomError::File { path: p.clone(), reason: e.to_string() })?
            .flatten()
        {
            files.push(e.path());
        }
    }
    let mut frames = vec![];
    let mut first = None;
    for f in files {
        if let Ok(o) = dicom_object::open_file(&f) {
            let Ok(ipp) =
                o.element(tags::IMAGE_POSITION_PATIENT).and_then(|e| Ok(e.to_multi_float64().unwrap()))
            else {
                continue;
            };
            frames.push(FrameSource { path: f, member: None, frame: 0, origin_mm: [ipp[0], ipp[1], ipp[2]] });
            if first.is_none() {
                first = Some(o);
            }
        }
    }
    let Some(o) = first else { return Err(DicomError::NothingFound { path: paths[0].clone() }) };
    frames.sort_by(|a, b| a.origin_mm[2].total_cmp(&b.origin_mm[2]));
    let text = |t| o.element(t).ok().and_then(|e| e.to_str().ok().map(|s| s.to_string())).unwrap_or_default();
    let ps = o.element(tags::PIXEL_SPACING).unwrap().to_multi_float64().unwrap();
    let dz = (frames[frames.len() - 1].origin_mm[2] - frames[0].origin_mm[2]) / (frames.len() - 1) as f64;
    Ok(Scan {
        series: vec![Series {
            uid: text(tags::SERIES_INSTANCE_UID),
            study_uid: text(tags::STUDY_INSTANCE_UID),
            patient_id: text(tags::PATIENT_ID),
            patient_name: String::new(),
            study_date: text(tags::STUDY_DATE),
            study_description: text(tags::STUDY_DESCRIPTION),
            modality: text(tags::MODALITY),
            description: text(tags::SERIES_DESCRIPTION),
            series_number: None,
            height_cm: None,
            usable: true,
            unusable_reason: None,
            slices: frames.len(),
            rows: text(tags::ROWS).parse().unwrap(),
            columns: text(tags::COLUMNS).parse().unwrap(),
            spacing_mm: Some([ps[0], ps[1], dz]),
            z_range_mm: None,
            transfer_syntaxes: vec![],
            windows: vec![[40.0, 400.0]],
            warnings: vec![],
            frames,
        }],
        unreadable: vec![],
    })
}

pub fn load(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    on_plane: &(dyn Fn(usize, &Arc<Plane>) + Sync),
) -> Result<Volume, DicomError> {
    use dicom_pixeldata::PixelDecoder;
    let mut planes: Vec<Option<Arc<Plane>>> = vec![None; series.frames.len()];
    let n = series.frames.len();
    let order = std::iter::once(start.min(n - 1)).chain((0..n).filter(|i| *i != start));
    for (done, i) in order.enumerate() {
        let o = dicom_object::open_file(&series.frames[i].path).unwrap();
        let v: Vec<f32> = o.decode_pixel_data().unwrap().to_vec().unwrap();
        let p = Arc::new(Plane { stored: v.iter().map(|x| *x as i16).collect(), slope: 1.0, intercept: 0.0 });
        on_plane(i, &p);
        planes[i] = Some(p);
        progress.report(done + 1, n);
        if progress.cancelled() {
            return Err(DicomError::Cancelled);
        }
    }
    let s = series.spacing_mm.unwrap();
    Ok(Volume {
        series_uid: series.uid.clone(),
        rows: series.rows,
        columns: series.columns,
        planes: planes.into_iter().flatten().collect(),
        geometry: Geometry {
            origins_mm: series.frames.iter().map(|f| f.origin_mm).collect(),
            row_direction: [1.0, 0.0, 0.0],
            column_direction: [0.0, 1.0, 0.0],
            spacing_mm: s,
        },
    })
}
pub mod reformat {
    pub struct P {
        pub values: Vec<f32>,
        pub width: usize,
        pub height: usize,
    }
    pub fn sagittal(v: &super::Volume, c: usize) -> P {
        let mut values = vec![];
        for z in (0..v.slices()).rev() {
            for r in 0..v.rows {
                values.push(v.hu(c, r, z));
            }
        }
        P { values, width: v.rows, height: v.slices() }
    }
}
pub fn orientation_letters(d: [f64; 3]) -> String {
    if d[0].abs() > 0.5 {
        if d[0] > 0.0 { "L".to_string() } else { "R".to_string() }
    } else if d[1] > 0.0 {
        "P".to_string()
    } else {
        "A".to_string()
    }
}
