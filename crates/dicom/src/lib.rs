//! DICOM files to series to volumes in Hounsfield units, and back to files.
//!
//! The only module that knows dicom-rs types. [`scan`] reads headers and sorts instances into series,
//! [`load`] decodes one series into a [`Volume`], plane by plane.

mod archive;
mod choose;
mod dataset;
pub mod deidentify;
mod encoding;
mod geometry;
pub mod hounsfield;
mod instance;
mod jpeg12;
mod load;
mod parts;
mod person;
mod pixels;
mod preview;
mod rle;
mod scan;
mod sections;
mod series;
mod sound;
mod source;
mod stacks;
mod tags;
mod unmeasured;
mod volume;
pub mod write;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

pub use choose::{Choice, choose, largest_usable, persons};
pub use geometry::orientation_letters;
pub use load::{load_pictures, physical_memory, read_planes, visit_planes};
pub use person::Person;
pub use preview::{Preview, preview};
pub use sections::{Axis, Orientation, Section, Sections, Voxel};
pub use tags::{TagText, tags};
use thoracast_files::progress::Progress;
pub use unmeasured::{RescaleFault, RescaleTag, SliceFault, Unmeasured, ValueFault};
pub use volume::{Geometry, HuStatistics, Plane, Volume};

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
#[derive(Debug, Clone, Default, Serialize)]
pub struct Series {
    pub uid: String,
    pub study_uid: String,
    pub patient_id: String,
    pub patient_name: String,
    /// IssuerOfPatientID (0010,0021).
    pub patient_id_issuer: String,
    /// PatientBirthDate (0010,0030), YYYYMMDD as in the file.
    pub patient_birth_date: String,
    /// FrameOfReferenceUID (0020,0052).
    pub frame_of_reference: String,
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
    /// Why a volume is looked at only, as far as its headers tell: nothing is predicted from it, and nothing on it is
    /// told in HU or cm². [`load`] finds what its values tell, see [`Volume::unmeasured`].
    pub unmeasured: Option<Unmeasured>,
    /// True if its pictures can be shown: localizers, scouts and other modalities too, where they are grey.
    pub viewable: bool,
    /// MONOCHROME1 pictures that are no volume: the lowest value is white.
    #[serde(skip)]
    pub inverted: bool,
    /// Between rows and between columns of one picture, mm, where stated.
    #[serde(skip)]
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Why not, in one sentence, when `usable` is false.
    pub unusable_reason: Option<String>,
    pub slices: usize,
    pub rows: usize,
    pub columns: usize,
    /// Between rows, between columns, between planes; mm.
    pub spacing_mm: Option<[f64; 3]>,
    pub z_range_mm: Option<[f64; 2]>,
    pub transfer_syntaxes: Vec<String>,
    /// SliceThickness (0018,0050), mm, where every slice states the same. Not the distance between slices.
    pub thickness_mm: Option<f64>,
    /// What the rescaled values are: "HU", another unit the file names (RescaleType), or "stored value".
    pub unit: String,
    /// PixelPaddingValue (0028,0120) on the rescaled scale, where it is one for all slices: pixels that were never
    /// measured, such as those around the scanner's field. They stay in every statistic (as in pydicom) and are left
    /// out of automatic windows. PixelPaddingRangeLimit (0028,0121) is not read.
    pub padding: Option<f64>,
    /// Angle between the slices' normal and the way from slice to slice, degrees, where the gantry was tilted.
    pub tilt_degrees: Option<f64>,
    /// Where slices are missing: the slice before the gap, and its width in mm.
    pub missing: Vec<(usize, f64)>,
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
    #[error("series {uid} can be looked at, but nothing is predicted from it or measured on it: {reason}")]
    Unmeasured { uid: String, reason: Unmeasured },
    #[error("{}: no series {uid}; `thoracast inspect` lists them", path.display())]
    NoSuchSeries { path: PathBuf, uid: String },
    #[error("{}: no usable CT series: {reason}", path.display())]
    NoUsableSeries { path: PathBuf, reason: String },
    #[error(
        "{}: CT series of {} patients lie here, {}; choose one with --series UID, or keep each patient in a folder of \
         their own", path.display(), persons.len(), name_persons(persons)
    )]
    SeveralPatients { path: PathBuf, persons: Vec<Person> },
    #[error(
        "{}: series {uid} holds pictures of {} patients under one UID, {}; keep each patient's files in a folder of \
         their own", path.display(), persons.len(), name_persons(persons)
    )]
    SeveralPatientsInSeries { path: PathBuf, uid: String, persons: Vec<Person> },
    #[error("cancelled")]
    Cancelled,
}

impl Series {
    /// Who its pictures are of.
    pub fn person(&self) -> Person {
        Person {
            id: self.patient_id.clone(),
            issuer: self.patient_id_issuer.clone(),
            name: self.patient_name.clone(),
            birth_date: self.patient_birth_date.clone(),
        }
    }

    /// Whether lengths on it are in doubt as well: its spacing is no scanner's.
    pub fn sizes_doubtful(&self) -> bool {
        matches!(self.unmeasured, Some(Unmeasured::Spacing(_) | Unmeasured::Field(_)))
    }

    /// Whether values are HU and sizes can be trusted, as far as the headers tell.
    pub fn measurable(&self) -> bool {
        self.usable && self.unmeasured.is_none()
    }
}

/// Most persons that are spelt out in one sentence.
const MOST_PERSONS_NAMED: usize = 4;

fn name_persons(persons: &[Person]) -> String {
    let mut names: Vec<String> = persons.iter().take(MOST_PERSONS_NAMED).map(ToString::to_string).collect();
    if persons.len() > names.len() {
        names.push(format!("{} more", persons.len() - names.len()));
    }
    names.join(" and ")
}

/// Reads the headers below `paths` (files, folders, ZIPs, DICOMDIRs) and sorts them into series. One bad file costs that file only.
///
/// # Errors
/// `NothingFound` when there is no DICOM object at all, `File` when a path does not exist, `Cancelled`.
pub fn scan(paths: &[PathBuf], progress: &dyn Progress) -> Result<Scan, DicomError> {
    let _scan = tracing::info_span!("scan", paths = paths.len()).entered();
    scan::scan(paths, progress)
}

/// Decodes a usable series. `start` is decoded first and every plane is handed to `on_plane` as soon as it is ready
/// (from several threads), so a picture can be shown before the rest is read.
///
/// # Errors
/// `Unusable`, `File` for a plane that can't be decoded, `Cancelled`.
pub fn load(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    on_plane: &(dyn Fn(usize, &Arc<Plane>) + Sync),
) -> Result<Volume, DicomError> {
    let (slices, rows, columns) = (series.slices, series.rows, series.columns);
    let _load = tracing::info_span!("load", slices, rows, columns).entered();
    load::load(series, start, progress, on_plane)
}

/// Name of a transfer syntax ("JPEG Lossless, …") for its UID; the UID itself if unknown.
pub fn transfer_syntax_name(uid: &str) -> String {
    pixels::transfer_syntax_name(uid)
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
