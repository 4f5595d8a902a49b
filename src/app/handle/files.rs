//! Commands that open things: dialogs, studies, series, tables, the demonstration patient.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::super::Workstation;
use super::super::cohort::{CohortFinished, MappingForm};
use super::super::command::{Action, Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::shelf;
use super::super::state::{Demonstration, OpenSeries, Preset, Severity, Workspace, patients};
use super::mapping::{form_of_table, mapped, remembered};
use thoracast_core::clinical;
use thoracast_core::cohort::{Mapping, Table, draft, folder};
use thoracast_core::phantom;
use thoracast_dicom::{self as dicom, DicomError, Plane, Preview, Scan, Sections, Unmeasured, Volume};
use thoracast_files::progress::Progress;

impl Workstation {
    /// Opens the system's file dialog on a thread of its own.
    pub(super) fn ask_for_path(&mut self, action: Action) {
        if action == Action::SaveReport && self.state.outcome.assessment.is_none() {
            self.state.tell(Severity::Info, "predict first: there is no result to report");
            return;
        }
        if action == Action::ExportMarks && self.state.inputs.marks.is_empty() {
            self.state.tell(Severity::Info, "there are no measurements to export");
            return;
        }
        let id = self.state.inputs.id.trim().to_owned();
        self.jobs.start(JobId::Dialog, move |_, reporter| {
            let dialog = rfd::FileDialog::new();
            let (purpose, paths) = match action {
                Action::OpenFolder => {
                    (PickPurpose::Study, dialog.set_title("Open studies").pick_folder().map(|p| vec![p]))
                }
                Action::OpenFiles => (PickPurpose::Study, dialog.set_title("Open DICOM files").pick_files()),
                Action::SaveReport => {
                    let name =
                        if id.is_empty() { "report.pdf".to_owned() } else { format!("report-{id}.pdf") };
                    let dialog = dialog.set_title("Save report").set_file_name(name);
                    (PickPurpose::Report, dialog.add_filter("PDF", &["pdf"]).save_file().map(|p| vec![p]))
                }
                Action::ExportMarks => {
                    let dialog = dialog.set_title("Export measurements").set_file_name("measurements.csv");
                    (PickPurpose::Marks, dialog.add_filter("CSV", &["csv"]).save_file().map(|p| vec![p]))
                }
                _ => {
                    let dialog = dialog
                        .set_title("Open clinical table")
                        .add_filter("Tables", &["csv", "tsv", "txt", "xlsx"]);
                    (PickPurpose::Clinical, dialog.pick_file().map(|p| vec![p]))
                }
            };
            reporter.send(Finished::Picked { purpose, paths });
        });
    }

    /// Opens a file dialog on a thread of its own; what is chosen comes back under its purpose.
    pub(super) fn ask_for_one(
        &mut self,
        purpose: PickPurpose,
        ask: impl FnOnce(rfd::FileDialog) -> Option<PathBuf> + Send + 'static,
    ) {
        self.jobs.start(JobId::Dialog, move |_, reporter| {
            let paths = ask(rfd::FileDialog::new()).map(|path| vec![path]);
            reporter.send(Finished::Picked { purpose, paths });
        });
    }

    pub(super) fn picked(&mut self, purpose: PickPurpose, paths: Option<Vec<PathBuf>>) {
        let Some(paths) = paths else {
            if matches!(purpose, PickPurpose::Weights | PickPurpose::Converted) {
                let words = "no file chosen; if no dialog appeared, type the path into the field";
                return self.state.tell(Severity::Info, words);
            }
            // Without a desktop portal the dialog closes at once, which looks like Cancel.
            self.state.tell(
                Severity::Info,
                "no file chosen; if no dialog appeared, use “Open path…” in the File menu or drag files into the window",
            );
            return;
        };
        match (purpose, paths.into_iter().next()) {
            (PickPurpose::Report, Some(path)) => self.save_report(path),
            (PickPurpose::Marks, Some(path)) => self.export_marks(path),
            (PickPurpose::Weights, Some(path)) => self.weights_picked(path),
            (PickPurpose::Converted, Some(path)) => self.convert_weights(path),
            (
                PickPurpose::TrainingCohort | PickPurpose::TrainingInit | PickPurpose::TrainingOut,
                Some(path),
            ) => self.picked_for_training(purpose, &path),
            (PickPurpose::InCohort(what), Some(path)) => self.picked_in_cohort(what, path),
            (PickPurpose::Cohort, Some(folder)) => self.cohort_picked(&folder),
            (PickPurpose::Figure, Some(path)) => self.export_picked(&path),
            (PickPurpose::Sheet(kind), Some(path)) => self.write_sheet(kind, path),
            (PickPurpose::Stacking, Some(path)) => self.open_stacking(&path),
            (PickPurpose::StackingOut, Some(path)) => self.write_stacking(path),
            (PickPurpose::Clinical | PickPurpose::Study, Some(first)) => self.open_paths(vec![first]),
            (_, None) => {}
        }
    }

    /// Opens studies and clinical tables alike; which is which is told from the name.
    pub(super) fn open_paths(&mut self, paths: Vec<PathBuf>) {
        self.state.demonstration = None;
        self.state.pending_predict = false;
        let (tables, studies): (Vec<_>, Vec<_>) = paths.into_iter().partition(|p| is_table(p));
        if let Some(table) = tables.into_iter().next_back() {
            self.read_table(table);
        }
        let (cohorts, studies): (Vec<_>, Vec<_>) =
            studies.into_iter().partition(|p| folder::looks_like_a_cohort(p));
        if let Some(cohort) = cohorts.into_iter().next_back() {
            self.open_cohort(cohort);
        }
        if !studies.is_empty() {
            self.scan(studies);
        }
    }

    fn scan(&mut self, paths: Vec<PathBuf>) {
        self.opened(&paths);
        self.jobs.cancel(JobId::Scan);
        self.jobs.start(JobId::Scan, move |progress, reporter| {
            let result = dicom::scan(&paths, progress);
            reporter.send(Finished::Scanned { paths, result });
        });
    }

    pub(super) fn scanned(&mut self, paths: &[PathBuf], result: Result<Scan, DicomError>) {
        let scan = match result {
            Ok(scan) => scan,
            Err(DicomError::Cancelled) => return self.state.tell(Severity::Info, "opening cancelled"),
            Err(error) => return self.state.tell(Severity::Error, error.to_string()),
        };
        for file in &scan.unreadable {
            let sentence = format!("{}: {}", file.path.display(), file.reason);
            self.state.tell(Severity::Warning, sentence);
        }
        if scan.series.is_empty() {
            let place = paths.first().map(|p| p.display().to_string()).unwrap_or_default();
            self.state
                .tell(Severity::Error, format!("{place}: no readable DICOM series; choose another folder"));
            return;
        }
        let mut best = dicom::largest_usable(&scan.series);
        self.tell_of_several_persons(&scan, &paths.first().cloned().unwrap_or_default());
        if best.is_none() {
            let reason = scan.series.iter().find_map(|s| s.unusable_reason.clone()).unwrap_or_default();
            self.state.tell(Severity::Error, format!("no series here can be used as a volume: {reason}"));
            best = scan.series.iter().position(|s| s.viewable);
        }
        self.add_to_browser(scan, best);
    }

    /// Where a folder holds several persons' CT, the series shown first is one of them only.
    fn tell_of_several_persons(&mut self, scan: &Scan, path: &Path) {
        if let Err(error @ DicomError::SeveralPatients { .. }) = dicom::choose(&scan.series, None, path) {
            self.state.tell(Severity::Warning, error.to_string());
        }
    }

    /// New series stand above those already open, which stay.
    pub(super) fn add_to_browser(&mut self, scan: Scan, best: Option<usize>) {
        let chosen = best.map(|i| (scan.series[i].uid.clone(), scan.series[i].frames.clone()));
        let mut series = scan.series;
        let known = std::mem::take(&mut self.state.scan.series);
        let new = |old: &dicom::Series| !series.iter().any(|s| s.uid == old.uid && s.frames == old.frames);
        let kept: Vec<_> = known.into_iter().filter(new).collect();
        series.extend(kept);
        self.state.scan.series = series;
        self.draw_thumbnails();
        self.state.scan.unreadable.extend(scan.unreadable);
        self.state.workspace = Workspace::Patient;
        if let Some(index) = chosen.and_then(|(uid, frames)| {
            self.state.scan.series.iter().position(|s| s.uid == uid && s.frames == frames)
        }) {
            self.open_series(index);
        }
    }

    /// Shows a series: from the shelf at once, otherwise its planes arrive one by one, the middle one first.
    pub(super) fn open_series(&mut self, index: usize) {
        let Some(series) = self.state.scan.series.get(index).cloned() else { return };
        if !series.usable {
            let reason = series.unusable_reason.clone().unwrap_or_else(|| "it is not a CT volume".to_owned());
            let shown = if series.viewable { "shown as pictures only: " } else { "" };
            self.state.tell(Severity::Warning, format!("{shown}{reason}"));
            if !series.viewable {
                return;
            }
        }
        let already = self.state.viewer.open.as_ref();
        if already.is_some_and(|o| o.series.uid == series.uid && o.series.frames == series.frames) {
            return;
        }
        for warning in &series.warnings {
            self.state.tell(Severity::Warning, warning.clone());
        }
        self.jobs.cancel(JobId::Load);
        let before = self.values_without_series();
        self.park();
        let (desk, kept) = self.state.shelf.take(&series);
        self.seat(desk, &series, before);
        self.state.viewer.openings += 1;
        match kept {
            Some(open) => {
                self.state.viewer.open = Some(OpenSeries { opening: self.state.viewer.openings, ..open });
            }
            None => self.load_series(series),
        }
    }

    fn load_series(&mut self, series: dicom::Series) {
        let bytes = series.frames.len() * series.rows * series.columns * size_of::<i16>();
        for name in self.state.shelf.make_room(bytes as u64, shelf::budget()) {
            self.state.tell(Severity::Info, format!("“{name}” was taken out of memory to make room"));
        }
        let start = self.state.viewer.cross.slice;
        let pixel_mm = series.pixel_spacing_mm.unwrap_or([1.0; 2]);
        let Some(sections) = Sections::flat(series.rows, series.columns, series.frames.len(), pixel_mm)
        else {
            return;
        };
        let opening = self.state.viewer.openings;
        self.state.viewer.open = Some(OpenSeries {
            planes: vec![None; series.frames.len()],
            opening,
            asked_at: Instant::now(),
            volume: None,
            sections: Arc::new(sections),
            series: series.clone(),
        });
        self.jobs.start(JobId::Load, move |progress, reporter| {
            let on_plane = |number: usize, plane: &Arc<Plane>| {
                reporter.send(Finished::Plane { opening, number, plane: Arc::clone(plane) });
            };
            if series.usable {
                let result = dicom::load(&series, start, progress, &on_plane);
                reporter.send(Finished::Loaded { opening, result });
            } else {
                let result = dicom::load_pictures(&series, start, progress, &on_plane);
                reporter.send(Finished::PicturesLoaded { opening, result });
            }
        });
    }

    /// Takes the shown series out of memory; it stays in the browser's list.
    pub(super) fn close_series(&mut self) {
        self.jobs.cancel(JobId::Load);
        let closed = self.state.viewer.open.as_ref().map(|open| open.series.clone());
        self.park();
        if let Some(series) = closed {
            self.state.shelf.forget(&series);
        }
    }

    pub(super) fn plane_ready(&mut self, opening: u64, number: usize, plane: Arc<Plane>) {
        if let Some(open) = self.state.viewer.open.as_mut().filter(|o| o.opening == opening)
            && let Some(place) = open.planes.get_mut(number)
        {
            *place = Some(plane);
            if open.loaded() == 1 {
                tracing::info!("first slice after {} ms", open.asked_at.elapsed().as_millis());
            }
        }
    }

    /// Thumbnails of all series that have none yet, one after another in the background.
    fn draw_thumbnails(&mut self) {
        let wanted: Vec<dicom::Series> = self
            .state
            .scan
            .series
            .iter()
            .filter(|s| s.viewable && !self.pictures.has_thumbnail(&thumbnail_key(s)))
            .cloned()
            .collect();
        self.jobs.cancel(JobId::Thumbnails);
        self.jobs.start(JobId::Thumbnails, move |progress, reporter| {
            for (number, series) in wanted.iter().enumerate() {
                if progress.cancelled() {
                    return;
                }
                progress.report(number, wanted.len());
                // A picture that can't be decoded has no thumbnail; opening the series says why.
                let preview = dicom::preview(series, THUMBNAIL_SIDE).ok();
                reporter.send(Finished::Thumbnail { key: thumbnail_key(series), preview });
            }
        });
    }

    pub(super) fn thumbnail_ready(&mut self, ctx: &egui::Context, key: String, preview: Option<Preview>) {
        if let Some(preview) = preview {
            self.pictures.keep_thumbnail(ctx, key, &preview);
        }
    }

    pub(super) fn pictures_loaded(&mut self, opening: u64, result: Result<(), DicomError>) {
        let Some(open) = self.state.viewer.open.as_ref().filter(|o| o.opening == opening) else { return };
        match result {
            Ok(()) if open.series.windows.is_empty() => self.preset(Preset::Auto),
            Ok(()) => {}
            Err(DicomError::Cancelled) => self.state.tell(Severity::Info, "loading stopped"),
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    pub(super) fn series_loaded(&mut self, opening: u64, result: Result<Volume, DicomError>) {
        let Some(open) = self.state.viewer.open.as_mut().filter(|o| o.opening == opening) else {
            return;
        };
        match result {
            Ok(volume) => {
                open.planes = volume.planes.iter().cloned().map(Some).collect();
                let unmeasured = volume.unmeasured.clone();
                let volume = Arc::new(volume);
                if let Some(sections) = Sections::new(&volume.geometry, volume.rows, volume.columns) {
                    open.sections = Arc::new(sections);
                }
                open.volume = Some(volume);
                let (slices, ms) = (open.planes.len(), open.asked_at.elapsed().as_millis());
                tracing::info!("{slices} slices after {ms} ms");
                if let Some(reason) = unmeasured {
                    self.look_only(reason);
                }
                self.begin_demonstration();
                self.predict_if_pending();
            }
            // Another series was chosen meanwhile, or a person pressed Cancel: what was read stays on screen.
            Err(DicomError::Cancelled) => self.state.tell(Severity::Info, "loading stopped"),
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    /// T4 and T11 of the demonstration patient, once its own series stands; no other series gets them.
    fn begin_demonstration(&mut self) {
        let open = &self.state.person.identity;
        let Some(demonstration) = self.state.demonstration.take_if(|d| d.patient_id == open.id) else {
            return;
        };
        let [t4, t11] = demonstration.levels;
        self.change("demonstration", |inputs| {
            inputs.t4 = Some(t4);
            inputs.t11 = Some(t11);
        });
        self.show_slice(t4);
        self.state.pending_predict = true;
    }

    /// The open series is looked at only: its values are no HU, as its headers or its voxels tell.
    fn look_only(&mut self, reason: Unmeasured) {
        self.state.tell(
            Severity::Warning,
            format!(
                "this series is looked at only, nothing is predicted from it or measured on it: {reason}"
            ),
        );
        let Some(open) = self.state.viewer.open.as_mut() else { return };
        let mark = |series: &mut dicom::Series| {
            series.unit = "stored value".to_owned();
            series.unmeasured = Some(reason.clone());
        };
        mark(&mut open.series);
        let shown = &open.series;
        let same = |s: &&mut dicom::Series| s.uid == shown.uid && s.frames == shown.frames;
        self.state.scan.series.iter_mut().filter(same).for_each(mark);
    }

    fn read_table(&mut self, path: PathBuf) {
        self.read_table_with(path, None);
    }

    /// Reads a table under a mapping, or under the one remembered for it; the dialog opens where columns are not
    /// recognised.
    pub(super) fn read_table_with(&mut self, path: PathBuf, mapping: Option<Mapping>) {
        let settings = self.options.settings.clone();
        let started = self.jobs.start(JobId::Table, move |_, reporter| {
            let mut result = read_table(&path, mapping.as_ref());
            if mapping.is_none() {
                match mapped_otherwise(&path, settings.as_deref(), &result) {
                    Ok(Some(Otherwise::Remembered(table))) => result = Ok(table),
                    Ok(Some(Otherwise::Ask(form))) => {
                        let drafted = CohortFinished::Drafted(Box::new(Ok(*form)));
                        return reporter.send(Finished::Cohort(drafted));
                    }
                    Ok(None) => {}
                    Err(sentence) => result = Err(sentence),
                }
            }
            reporter.send(Finished::Table { path, result });
        });
        if !started {
            self.state.tell(Severity::Info, "a table is being read already");
        }
    }

    pub(super) fn table_read(&mut self, path: PathBuf, result: Result<(Table, Vec<String>), String>) {
        match result {
            Ok((table, ids)) => {
                let id = self.state.inputs.id.trim().to_owned();
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                self.state.tell(Severity::Info, format!("{name}: {}", patients(ids.len())));
                // Where nobody is open the only row there is will do; another patient's row is never taken unasked.
                let nobody = self.state.viewer.open.is_none() && self.state.person.identity.is_empty();
                let only = (nobody && id.is_empty() && ids.len() == 1).then(|| ids[0].clone());
                let row = if ids.contains(&id) { Some(id) } else { only };
                self.seat_table(path, table, ids);
                // A filled form is never overwritten.
                match row.filter(|_| self.state.inputs.filled() == 0) {
                    Some(row) => self.pick_row(&row),
                    None => self.take_own_row(),
                }
                self.predict_if_pending();
            }
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }

    /// Generates the demonstration patient (once a version) and opens it.
    pub(super) fn open_demo(&mut self) {
        self.jobs.start(JobId::Demo, move |progress, reporter| {
            let result = phantom::demonstration(progress).map_err(|e| e.to_string());
            reporter.send(Finished::Demo(result));
        });
    }

    pub(super) fn demo_ready(&mut self, result: Result<PathBuf, String>) {
        let folder = match result {
            Ok(folder) => folder,
            Err(sentence) => return self.state.tell(Severity::Error, sentence),
        };
        self.state.tell(
            Severity::Info,
            "synthetic patient: T4 and T11 come from its known truth, clinical values from its table",
        );
        self.open_paths(vec![folder.join("clinical.csv"), folder.clone()]);
        match phantom::read_truth(&folder) {
            Ok(truth) => {
                let levels = truth.slice_of("T4").zip(truth.slice_of("T11")).map(|(t4, t11)| [t4, t11]);
                let patient_id = truth.patient_id.clone();
                self.state.demonstration = levels.map(|levels| Demonstration { patient_id, levels });
            }
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }
}

/// Longest side of a thumbnail, pixels.
const THUMBNAIL_SIDE: usize = 96;

/// What a series' thumbnail is kept under: parts of one series differ in their first file.
pub fn thumbnail_key(series: &dicom::Series) -> String {
    let first = series.frames.first().map(|f| f.path.display().to_string()).unwrap_or_default();
    format!("{} {first}", series.uid)
}

/// A table and the IDs of its rows; without an ID column a row could not be found.
fn read_table(path: &Path, mapping: Option<&Mapping>) -> Result<(Table, Vec<String>), String> {
    let mut table = Table::read(path).map_err(|e| e.to_string())?;
    if let Some(mapping) = mapping {
        table = mapped(&table, mapping)?;
    }
    let ids = clinical::ids(&table).map_err(|e| e.to_string())?;
    Ok((table, ids))
}

/// How a table is to be read that was opened without a mapping.
enum Otherwise {
    Remembered((Table, Vec<String>)),
    /// Its columns are not recognised.
    Ask(Box<MappingForm>),
}

fn mapped_otherwise(
    path: &Path,
    settings: Option<&Path>,
    plain: &Result<(Table, Vec<String>), String>,
) -> Result<Option<Otherwise>, String> {
    // A file that is no table has been told of.
    let Ok(mut form) = form_of_table(path) else { return Ok(None) };
    if let Some(mapping) = remembered(settings, &form)? {
        return read_table(path, Some(&mapping)).map(|table| Some(Otherwise::Remembered(table)));
    }
    if plain.as_ref().is_ok_and(|(table, _)| draft::recognised(table)) {
        return Ok(None);
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    form.why = Some(format!("Columns of {name} are not recognised: say which is which."));
    Ok(Some(Otherwise::Ask(Box::new(form))))
}

fn is_table(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    matches!(extension.as_str(), "csv" | "tsv" | "txt" | "xlsx")
}
