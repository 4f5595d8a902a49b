//! Decoding a series into a volume, plane by plane, on all cores, the wanted plane first.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dataset::Dataset;
use super::encoding::{NOT_DICOM, OutlineError};
use super::geometry::Vector;
use super::hounsfield::{SliceSample, judge_values};
use super::instance::{FrameHeader, frame_headers};
use super::pixels::PixelReader;
use super::source::Location;
use super::volume::{Geometry, Plane, Volume};
use super::{DicomError, FrameSource, Series};
use rayon::prelude::*;
use thoracast_files::progress::Progress;

/// Share of the free memory a volume may take.
const MEMORY_SHARE: f64 = 0.8;

type Handler<'a> = &'a (dyn Fn(usize, &Arc<Plane>) + Sync);

/// A file whose header is read: its frames can be decoded.
struct Opened {
    reader: PixelReader,
    frames: Vec<FrameHeader>,
}

impl Opened {
    fn new(location: &Location) -> Result<Self, String> {
        let dataset = Dataset::read(location).map_err(|error| match error {
            OutlineError::NotDicom => NOT_DICOM.to_owned(),
            OutlineError::Broken(reason) => reason,
        })?;
        let reader = PixelReader::new(&dataset)?;
        let frames = frame_headers(&dataset.values, reader.format.frames);
        Ok(Self { reader, frames })
    }

    fn plane(&self, frame: usize) -> Result<Plane, String> {
        let header = self.frames.get(frame).ok_or_else(|| format!("frame {} does not exist", frame + 1))?;
        // Files without rescale are told about when scanned; their stored values are shown.
        self.reader.plane(frame, header.rescale.unwrap_or([1.0, 0.0]))
    }
}

/// Decodes every frame of one file, in the file's order, whatever its modality and place.
///
/// # Errors
/// `File` when it can't be read or decoded.
pub fn read_planes(path: &Path) -> Result<Vec<Plane>, DicomError> {
    let error = |reason| DicomError::File { path: path.to_owned(), reason };
    let opened = Opened::new(&Location::file(path)).map_err(error)?;
    (0..opened.frames.len()).map(|frame| opened.plane(frame).map_err(error)).collect()
}

/// See [`super::load`].
pub(super) fn load(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    on_plane: Handler,
) -> Result<Volume, DicomError> {
    let planes: Vec<OnceLock<Arc<Plane>>> = (0..series.frames.len()).map(|_| OnceLock::new()).collect();
    check_memory(series)?;
    let geometry = visit_planes(series, start, progress, &|slice, plane| {
        let plane = Arc::new(plane);
        on_plane(slice, &plane);
        // Each slice is visited once, so the cell is empty.
        let _ = planes[slice].set(plane);
    })?;
    let planes: Vec<Arc<Plane>> = planes.into_iter().filter_map(OnceLock::into_inner).collect();
    if planes.len() != series.frames.len() {
        return Err(unusable(series, "not every slice could be read".to_owned()));
    }
    let unmeasured = series.unmeasured.clone().or_else(|| {
        let samples: Vec<SliceSample> =
            planes.par_iter().map(|plane| SliceSample::new(plane, series.padding)).collect();
        judge_values(&samples)
    });
    Ok(Volume {
        series_uid: series.uid.clone(),
        rows: series.rows,
        columns: series.columns,
        planes,
        geometry,
        unmeasured,
    })
}

/// Decodes a usable series and hands every plane over instead of keeping it; memory use is a few planes.
/// Planes come from several threads, `start` first, then outward from it.
///
/// # Errors
/// As [`super::load`].
pub fn visit_planes(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    visit: &(dyn Fn(usize, Plane) + Sync),
) -> Result<Geometry, DicomError> {
    let geometry = geometry(series)?;
    visit_pictures(series, start, progress, visit)?;
    Ok(geometry)
}

/// Decodes the pictures of a viewable series that is no volume: localizers, scouts, other modalities. Values are
/// rescaled stored values, in HU only where the object says so.
///
/// # Errors
/// `Unusable` when the series holds no grey pictures or they don't fit the memory; `File` for one that can't be
/// decoded; `Cancelled`.
pub fn load_pictures(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    on_plane: &(dyn Fn(usize, &Arc<Plane>) + Sync),
) -> Result<(), DicomError> {
    if !series.viewable || series.frames.is_empty() {
        return Err(unusable(series, "it holds no grey pictures".to_owned()));
    }
    check_memory(series)?;
    visit_pictures(series, start, progress, &|slice, plane| on_plane(slice, &Arc::new(plane)))
}

/// Decodes one picture of a viewable series.
pub(super) fn picture(series: &Series, number: usize) -> Result<Plane, DicomError> {
    let Some(source) = series.frames.get(number) else {
        return Err(unusable(series, format!("it has no picture {number}")));
    };
    let location = location(source);
    let plane = Opened::new(&location).and_then(|opened| opened.plane(source.frame));
    plane.map_err(|reason| DicomError::File { path: location.display_path(), reason })
}

fn visit_pictures(
    series: &Series,
    start: usize,
    progress: &dyn Progress,
    visit: &(dyn Fn(usize, Plane) + Sync),
) -> Result<(), DicomError> {
    progress.stage("Reading slices");
    let work = Work {
        series,
        order: outward(start, series.frames.len()),
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        error: Mutex::new(None),
        multi_frame: multi_frame_files(series),
    };
    // The wanted slice alone, so that no other comes before it; then all threads.
    work.step(progress, visit);
    // One worker a thread takes slice after slice: a parallel iterator would not keep the order.
    rayon::scope(|scope| {
        for _ in 0..rayon::current_num_threads() {
            scope.spawn(|_| while work.step(progress, visit) {});
        }
    });
    match work.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

type Shared = OnceLock<Result<Arc<Opened>, String>>;

/// What the workers share.
struct Work<'a> {
    series: &'a Series,
    order: Vec<usize>,
    next: AtomicUsize,
    done: AtomicUsize,
    stop: AtomicBool,
    error: Mutex<Option<DicomError>>,
    /// Files with several planes are opened once.
    multi_frame: HashMap<Location, Shared>,
}

impl Work<'_> {
    /// Decodes the next slice; false when there is nothing left to do.
    fn step(&self, progress: &dyn Progress, visit: &(dyn Fn(usize, Plane) + Sync)) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let Some(&slice) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return false };
        if progress.cancelled() {
            return self.fail(DicomError::Cancelled);
        }
        match self.plane(&self.series.frames[slice]) {
            Ok(plane) => visit(slice, plane),
            Err(error) => return self.fail(error),
        }
        progress.report(self.done.fetch_add(1, Ordering::Relaxed) + 1, self.order.len());
        true
    }

    fn fail(&self, error: DicomError) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        false
    }

    fn plane(&self, source: &FrameSource) -> Result<Plane, DicomError> {
        let location = location(source);
        let decode = || -> Result<Plane, String> {
            let plane = match self.multi_frame.get(&location) {
                Some(shared) => shared
                    .get_or_init(|| Opened::new(&location).map(Arc::new))
                    .clone()?
                    .plane(source.frame)?,
                None => Opened::new(&location)?.plane(source.frame)?,
            };
            if plane.stored.len() != self.series.rows * self.series.columns {
                return Err("its size changed since the folder was scanned; open the folder again".to_owned());
            }
            Ok(plane)
        };
        decode().map_err(|reason| DicomError::File { path: location.display_path(), reason })
    }
}

fn multi_frame_files(series: &Series) -> HashMap<Location, Shared> {
    let mut counts: HashMap<Location, usize> = HashMap::new();
    for source in &series.frames {
        *counts.entry(location(source)).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|&(_, count)| count > 1)
        .map(|(location, _)| (location, Shared::new()))
        .collect()
}

fn location(source: &FrameSource) -> Location {
    Location { path: source.path.clone(), member: source.member.clone() }
}

fn unusable(series: &Series, reason: String) -> DicomError {
    DicomError::Unusable { uid: series.uid.clone(), reason }
}

/// Where the planes lie; directions come from the first file, as all planes of a stack share them.
fn geometry(series: &Series) -> Result<Geometry, DicomError> {
    if let Some(reason) = &series.unusable_reason {
        return Err(unusable(series, reason.clone()));
    }
    let (Some(first), Some(spacing_mm)) = (series.frames.first(), series.spacing_mm) else {
        return Err(unusable(series, "its slices can't be placed in the patient".to_owned()));
    };
    let [row_direction, column_direction] = directions(first)?;
    let origins_mm = series.frames.iter().map(|f| f.origin_mm).collect();
    Ok(Geometry { origins_mm, row_direction, column_direction, spacing_mm })
}

fn directions(source: &FrameSource) -> Result<[Vector; 2], DicomError> {
    let location = location(source);
    let error = |reason: String| DicomError::File { path: location.display_path(), reason };
    let dataset = Dataset::read(&location).map_err(|e| match e {
        OutlineError::NotDicom => error(NOT_DICOM.to_owned()),
        OutlineError::Broken(reason) => error(reason),
    })?;
    let frames = frame_headers(&dataset.values, source.frame + 1);
    let found = frames.get(source.frame).and_then(|f| f.directions);
    found.ok_or_else(|| error("ImageOrientationPatient (0020,0037) is missing".to_owned()))
}

/// `start`, then alternately the next above and below, as far as there are slices.
fn outward(start: usize, count: usize) -> Vec<usize> {
    let start = start.min(count.saturating_sub(1));
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&slice| (slice.abs_diff(start), slice < start));
    order
}

/// Refuses a volume that would not fit instead of being killed by the system.
fn check_memory(series: &Series) -> Result<(), DicomError> {
    let needed = (series.frames.len() as f64) * (series.rows as f64) * (series.columns as f64) * 2.0;
    // Where the system doesn't tell its free memory there is nothing to hold the volume against.
    let Some(available) = available_memory().map(|bytes| bytes as f64) else { return Ok(()) };
    if needed <= available * MEMORY_SHARE {
        return Ok(());
    }
    let gib = |bytes: f64| bytes / f64::from(1u32 << 30);
    Err(unusable(
        series,
        format!(
            "its {} slices need {:.1} GiB of memory and {:.1} GiB are free; close other series or programs",
            series.frames.len(),
            gib(needed),
            gib(available)
        ),
    ))
}

/// The computer's memory in bytes, or a container's limit where that is less; `None` where the system doesn't tell.
pub fn physical_memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let total = system.total_memory();
    Some(system.cgroup_limits().map_or(total, |limits| total.min(limits.total_memory)))
}

/// Free memory in bytes, a container's limit included.
fn available_memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let free = system.available_memory();
    Some(system.cgroup_limits().map_or(free, |limits| free.min(limits.free_memory)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_taken_outward_from_the_wanted_one() {
        assert_eq!(outward(2, 6), [2, 3, 1, 4, 0, 5]);
        assert_eq!(outward(0, 3), [0, 1, 2]);
        assert_eq!(outward(9, 3), [2, 1, 0]);
        assert!(outward(0, 0).is_empty());
    }

    #[test]
    fn a_volume_beyond_the_memory_is_refused_with_both_figures() {
        let source = FrameSource { path: "a".into(), member: None, frame: 0, origin_mm: [0.0; 3] };
        let series =
            Series { rows: 65535, columns: 65535, frames: vec![source; 100_000], ..Series::default() };
        let message = check_memory(&series).unwrap_err().to_string();
        assert!(message.contains("GiB of memory"), "{message}");
    }
}
