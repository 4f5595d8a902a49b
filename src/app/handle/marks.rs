//! Commands of measurements, key images, and the tag list.

use std::path::PathBuf;

use super::super::Workstation;
use super::super::state::{Dialog, Severity};
use thoracast_core::measure::{Mark, RegionStatistics};
use thoracast_dicom::{self as dicom, Orientation, Section};
use thoracast_files as files;

use super::super::viewer::OpenSeries;

/// HU statistics of a mark's voxels: those within a region, or the one under a probe. From the voxels in memory.
pub fn statistics(open: &OpenSeries, mark: &Mark) -> Option<RegionStatistics> {
    let value = |voxel| open.value(voxel);
    if let thoracast_core::measure::Shape::Probe(at) = mark.shape {
        return RegionStatistics::of(open.sections.voxel(mark.section, at).and_then(value).into_iter());
    }
    let mut values = Vec::new();
    if mark.shape.is_region() {
        // Pixels come row by row: a freehand line of a thousand points is cut once a row, not once a pixel.
        let (mut height, mut spans) = (f64::NAN, Vec::new());
        open.sections.visit(mark.section, mark.shape.bounds(), |[x, y], voxel| {
            if y != height {
                (height, spans) = (y, mark.shape.spans(y));
            }
            if spans.iter().any(|&[from, to]| x >= from && x < to) {
                values.extend(value(voxel));
            }
        });
    }
    RegionStatistics::of(values.into_iter())
}

impl Workstation {
    pub(super) fn add_mark(&mut self, mark: Mark) {
        self.state.viewer.sketch = None;
        self.state.last_change = None;
        self.change("mark", |inputs| inputs.marks.push(mark));
        self.state.last_change = None;
        self.state.viewer.selected = self.state.inputs.marks.len().checked_sub(1);
    }

    pub(super) fn replace_mark(&mut self, number: usize, mark: Mark) {
        self.change("mark moved", |inputs| {
            if let Some(place) = inputs.marks.get_mut(number) {
                *place = mark;
            }
        });
    }

    pub(super) fn delete_mark(&mut self, number: usize) {
        if number < self.state.inputs.marks.len() {
            self.state.viewer.selected = None;
            self.state.last_change = None;
            self.change("mark", |inputs| drop(inputs.marks.remove(number)));
        }
    }

    pub(super) fn delete_selected(&mut self) {
        match self.state.viewer.selected {
            Some(number) => self.delete_mark(number),
            None => {
                self.state.tell(Severity::Info, "select a measurement first: click its line with the pointer")
            }
        }
    }

    pub(super) fn toggle_key_image(&mut self) {
        if self.state.viewer.open.is_none() {
            return;
        }
        let slice = self.state.viewer.cross.slice;
        self.state.last_change = None;
        self.change("key image", |inputs| {
            if !inputs.key_images.remove(&slice) {
                inputs.key_images.insert(slice);
            }
        });
    }

    pub(super) fn next_key_image(&mut self) {
        let keys = &self.state.inputs.key_images;
        let after = keys.range(self.state.viewer.cross.slice + 1..).next();
        match after.or(keys.first()).copied() {
            Some(index) => self.show_section(Section { orientation: Orientation::Axial, index }),
            None => self.state.tell(Severity::Info, "no key image is marked yet (K marks one)"),
        }
    }

    /// Every measurement of the series as a row of CSV.
    pub(super) fn export_marks(&mut self, path: PathBuf) {
        let Some(open) = &self.state.viewer.open else { return };
        let written = marks_csv(open, &self.state.inputs.marks)
            .and_then(|bytes| files::write_atomic(&path, &bytes).map_err(|e| e.to_string()));
        match written {
            Ok(()) => self.state.tell(Severity::Info, format!("measurements saved: {}", path.display())),
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }

    /// Reads every tag of the shown slice's file.
    pub(super) fn list_tags(&mut self) {
        let viewer = &self.state.viewer;
        let Some(open) = &viewer.open else {
            return self.state.tell(Severity::Info, "open a series first");
        };
        let Some(source) = open.series.frames.get(viewer.cross.slice) else { return };
        let file = source.member.clone().unwrap_or_else(|| {
            source.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
        });
        match dicom::tags(&source.path, source.member.as_deref()) {
            Ok(tags) => self.state.dialog = Dialog::Tags { file, tags: tags.into() },
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }
}

fn marks_csv(open: &OpenSeries, marks: &[Mark]) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "series_uid",
        "plane",
        "index",
        "kind",
        "length_mm",
        "angle_degrees",
        "area_mm2",
        "pixels",
        "mean_hu",
        "sd_hu",
        "min_hu",
        "max_hu",
        "points_mm",
    ];
    writer.write_record(head).map_err(|e| e.to_string())?;
    // Without a pixel spacing there are no millimetres: left empty.
    let calibrated = open.series.pixel_spacing_mm.is_some();
    for mark in marks {
        let s = statistics(open, mark);
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let points: Vec<String> = mark.shape.points().iter().map(|[x, y]| format!("{x} {y}")).collect();
        let row = [
            open.series.uid.clone(),
            mark.section.orientation.name().to_lowercase(),
            mark.section.index.to_string(),
            mark.shape.name().to_lowercase(),
            number(mark.shape.length_mm().filter(|_| calibrated)),
            number(mark.shape.angle_degrees()),
            number(mark.shape.area_mm2().filter(|_| calibrated)),
            s.map(|s| s.pixels.to_string()).unwrap_or_default(),
            number(s.map(|s| s.mean_hu)),
            number(s.map(|s| s.sd_hu)),
            number(s.map(|s| s.min_hu)),
            number(s.map(|s| s.max_hu)),
            points.join("; "),
        ];
        writer.write_record(row).map_err(|e| e.to_string())?;
    }
    writer.into_inner().map_err(|e| e.to_string())
}
