//! The cohort workspace: arranging the table, its figures, folders and their patients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Workstation;
use super::super::cohort::{
    Arrangement, Ask, CohortCommand, CohortFinished, CohortPatients, CohortRoom, Figures, OpenedFolder,
};
use super::super::command::{Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::{CohortTab, OpenTable, Severity, Workspace, patients};
use super::mapping::{cohort_folder, form_of_folder};
use thoracast_core::clinical;
use thoracast_core::cohort::query::{Query, Sorting, sort};
use thoracast_core::cohort::table_one::{Style, table_one};
use thoracast_core::cohort::values::{ColumnValues, Groups};
use thoracast_core::cohort::{CohortTable, Table, distribution, draft, matching};
use thoracast_dicom::{self as dicom, DicomError, Scan, Series};
use thoracast_files as files;
use thoracast_files::progress::Progress;

/// Tables with no more cells than this are arranged at once; larger ones in a job.
const AT_ONCE: usize = 60_000;

impl Workstation {
    pub(super) fn cohort(&mut self, command: CohortCommand) {
        match command {
            CohortCommand::Ask(what) => self.ask_in_cohort(what),
            CohortCommand::OpenFolder(path) => self.open_cohort(path),
            CohortCommand::AddDicom(path) => self.add_dicom(path),
            CohortCommand::Sort(column) => {
                let sorting = &mut self.state.cohort.arrangement.sorting;
                *sorting = Sorting::clicked(*sorting, column);
                self.arrange();
            }
            CohortCommand::Chart(column) => {
                self.state.cohort.chart = column;
                self.figure();
            }
            CohortCommand::GroupBy(column) => {
                self.state.cohort.by = Some(column);
                self.figure();
            }
            CohortCommand::Style(style) => {
                self.state.cohort.style = style;
                self.figure();
            }
            CohortCommand::ExportTableOneTo(path) => self.export_table_one(path),
            CohortCommand::ExportMatchingTo(path) => self.export_matching(path),
            CohortCommand::ShowGroup(group) => {
                if let Some(patients) = &mut self.state.cohort.patients {
                    patients.show_group(group);
                }
            }
            CohortCommand::OpenPatient(id) => self.open_patient(&id),
            CohortCommand::MapColumns => self.map_columns(),
            CohortCommand::EditMapping(edit) => {
                if let Some(form) = &mut self.state.cohort.mapping {
                    form.edit(edit);
                }
            }
            CohortCommand::UseMapping => self.use_mapping(),
            CohortCommand::ImportMapping(path) => self.import_mapping(&path),
            CohortCommand::ExportMappingTo(path) => self.export_mapping(path),
        }
    }

    pub(super) fn cohort_finished(&mut self, finished: CohortFinished) {
        match finished {
            CohortFinished::Arranged { revision, rows } => self.arranged(revision, rows),
            CohortFinished::Figured(asked, figures) => {
                if asked == self.state.cohort.figures_asked {
                    self.state.cohort.figures = *figures;
                }
            }
            CohortFinished::Opened(result) => self.cohort_opened(*result),
            CohortFinished::Matched(result) => self.matched(*result),
            CohortFinished::Drafted(result) => self.drafted(*result),
            CohortFinished::Exported(Ok(path)) => {
                self.state.tell(Severity::Info, format!("written: {}", path.display()));
            }
            CohortFinished::Exported(Err(sentence)) => self.state.tell(Severity::Error, sentence),
        }
    }

    fn ask_in_cohort(&mut self, what: Ask) {
        self.ask_for_one(PickPurpose::InCohort(what), move |dialog| {
            let json = |d: rfd::FileDialog| d.add_filter("Mapping", &["json"]);
            match what {
                Ask::Folder => dialog.set_title("Cohort folder").pick_folder(),
                Ask::Dicom => dialog.set_title("Folder with DICOM series").pick_folder(),
                Ask::TableOne => dialog
                    .set_title("Export Table 1 (CSV or Markdown)")
                    .set_file_name("table1.csv")
                    .add_filter("CSV", &["csv"])
                    .add_filter("Markdown", &["md"])
                    .save_file(),
                Ask::Matching => {
                    let dialog =
                        dialog.set_title("Export the list of patients").set_file_name("patients.csv");
                    dialog.add_filter("CSV", &["csv"]).save_file()
                }
                Ask::MappingIn => json(dialog.set_title("Take up a mapping")).pick_file(),
                Ask::MappingOut => {
                    json(dialog.set_title("Save the mapping").set_file_name("mapping.json")).save_file()
                }
            }
        });
    }

    pub(super) fn picked_in_cohort(&mut self, what: Ask, path: PathBuf) {
        self.cohort(match what {
            Ask::Folder => CohortCommand::OpenFolder(path),
            Ask::Dicom => CohortCommand::AddDicom(path),
            Ask::TableOne => CohortCommand::ExportTableOneTo(path),
            Ask::Matching => CohortCommand::ExportMatchingTo(path),
            Ask::MappingIn => CohortCommand::ImportMapping(path),
            Ask::MappingOut => CohortCommand::ExportMappingTo(path),
        });
    }

    /// A new table is on the desk: as it stands, with its figures to come.
    pub(super) fn seat_table(&mut self, path: PathBuf, table: Table, ids: Vec<String>) {
        let room = &mut self.state.cohort;
        let revision = room.arrangement.revision + 1;
        room.arrangement = Arrangement { revision, ..Arrangement::default() };
        (room.figures, room.by, room.chart) = (Figures::default(), None, None);
        if room.patients.as_ref().is_some_and(|p| p.folder.path != path) {
            room.patients = None;
        }
        self.state.table = Some(OpenTable { path, table: Arc::new(table), ids, filter: String::new() });
        self.figure();
    }

    pub(super) fn filter_rows(&mut self, text: String) {
        if let Some(open) = &mut self.state.table {
            open.filter = text;
            self.arrange();
        }
    }

    /// Filters and sorts the rows; in a job where that may take longer than a frame.
    fn arrange(&mut self) {
        let Some(open) = &self.state.table else { return };
        let (table, filter) = (Arc::clone(&open.table), open.filter.clone());
        let arrangement = &mut self.state.cohort.arrangement;
        arrangement.revision += 1;
        let (revision, sorting) = (arrangement.revision, arrangement.sorting);
        if table.rows.len() * table.header.len() <= AT_ONCE {
            return self.arranged(revision, rows_of(&table, &filter, sorting));
        }
        self.jobs.cancel(JobId::Arrange);
        self.jobs.start(JobId::Arrange, move |_, reporter| {
            let rows = rows_of(&table, &filter, sorting);
            reporter.send(Finished::Cohort(CohortFinished::Arranged { revision, rows }));
        });
    }

    fn arranged(&mut self, revision: u64, rows: Result<Vec<usize>, String>) {
        let arrangement = &mut self.state.cohort.arrangement;
        if revision != arrangement.revision {
            return;
        }
        arrangement.problem = rows.as_ref().err().cloned();
        if let Ok(rows) = rows {
            arrangement.rows = Some(Arc::new(rows));
        }
    }

    /// Table 1 and the chart anew.
    fn figure(&mut self) {
        let Some(open) = &self.state.table else { return };
        let table = Arc::clone(&open.table);
        let room = &mut self.state.cohort;
        room.figures_asked += 1;
        let (asked, by, style, chart) = (room.figures_asked, room.by, room.style, room.chart);
        self.jobs.cancel(JobId::TableOne);
        self.jobs.start(JobId::TableOne, move |progress, reporter| {
            let figures = figures_of(&table, by, style, chart);
            if !progress.cancelled() {
                reporter.send(Finished::Cohort(CohortFinished::Figured(asked, Box::new(figures))));
            }
        });
    }

    fn export(&mut self, path: PathBuf, text: String) {
        self.jobs.start(JobId::Save, move |_, reporter| {
            let result = files::write_atomic(&path, text.as_bytes()).map_err(|e| e.to_string());
            reporter.send(Finished::Cohort(CohortFinished::Exported(result.map(|()| path))));
        });
    }

    fn export_table_one(&mut self, path: PathBuf) {
        let Some(Ok(table)) = &self.state.cohort.figures.table_one else {
            return self
                .state
                .tell(Severity::Info, "there is no Table 1 to export; open a table with two groups");
        };
        let markdown = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("md"));
        let text = if markdown { table.markdown() } else { table.csv() };
        self.export(path, text);
    }

    fn export_matching(&mut self, path: PathBuf) {
        if let Some(patients) = &self.state.cohort.patients {
            let text = patients.matching.csv(&patients.series);
            self.export(path, text);
        }
    }

    /// Opens a cohort folder: tables, pictures, DICOM series below it.
    pub(super) fn open_cohort(&mut self, path: PathBuf) {
        self.opened(std::slice::from_ref(&path));
        self.state.workspace = Workspace::Cohort;
        let settings = self.options.settings.clone();
        let started = self.jobs.start(JobId::CohortFolder, move |progress, reporter| {
            let result = open_folder(&path, settings.as_deref(), progress);
            reporter.send(Finished::Cohort(CohortFinished::Opened(Box::new(result))));
        });
        if !started {
            self.state.tell(Severity::Info, "a cohort folder is being read already");
        }
    }

    fn cohort_opened(&mut self, result: Result<OpenedFolder, String>) {
        let opened = match result {
            Ok(opened) => opened,
            Err(sentence) => return self.state.tell(Severity::Error, sentence),
        };
        for warning in &opened.folder.warnings {
            self.state.tell(Severity::Warning, warning.clone());
        }
        let folder = Arc::new(opened.folder);
        self.state.audit.folder = folder.path.display().to_string();
        let counted = opened.matching.patients.len();
        self.state.cohort.patients =
            Some(CohortPatients::new(Arc::clone(&folder), opened.series, opened.matching));
        match opened.table {
            Some((table, ids)) => {
                self.seat_table(folder.path.clone(), table, ids);
                self.state.cohort_tab = CohortTab::Table;
            }
            None => self.state.cohort_tab = CohortTab::Matching,
        }
        self.state.tell(Severity::Info, format!("{}: {}", folder.path.display(), patients(counted)));
        if let Some(form) = opened.unrecognised {
            self.drafted(Ok(form));
        }
    }

    fn add_dicom(&mut self, path: PathBuf) {
        let Some(patients) = &self.state.cohort.patients else {
            return self.state.tell(Severity::Info, "open a cohort folder first");
        };
        let (folder, mut series) = (Arc::clone(&patients.folder), patients.series.clone());
        self.jobs.cancel(JobId::CohortFolder);
        self.jobs.start(JobId::CohortFolder, move |progress, reporter| {
            let result = dicom::scan(&[path], progress).map_err(|e| e.to_string()).map(|scan| {
                let new = scan.series.into_iter();
                let known = |s: &Series| series.iter().any(|k| k.uid == s.uid && k.frames == s.frames);
                let new: Vec<Series> = new.filter(|s| !known(s)).collect();
                series.extend(new);
                let matching = matching::of(&folder, &series);
                (series, matching)
            });
            reporter.send(Finished::Cohort(CohortFinished::Matched(Box::new(result))));
        });
    }

    fn matched(&mut self, result: Result<(Vec<Series>, matching::Matching), String>) {
        match (result, self.state.cohort.patients.take()) {
            (Ok((series, matching)), Some(before)) => {
                let mut patients = CohortPatients::new(before.folder, series, matching);
                patients.show_group(before.group);
                self.state.cohort.patients = Some(patients);
            }
            (Err(sentence), before) => {
                self.state.cohort.patients = before;
                self.state.tell(Severity::Error, sentence);
            }
            (Ok(_), None) => {}
        }
    }

    /// Opens a patient's own series with the values of the row; without a series, the row alone. What is open on the desk
    /// is put away first, and nothing of it or for it changes.
    pub(super) fn open_patient(&mut self, id: &str) {
        let Some(patients) = &self.state.cohort.patients else { return };
        let Some(patient) = patients.matching.patients.iter().find(|p| p.id == id) else { return };
        let series: Vec<Series> =
            patient.series.iter().filter_map(|s| patients.series.get(*s)).cloned().collect();
        let has_row = patient.in_clinical;
        let best = dicom::largest_usable(&series);
        self.state.workspace = Workspace::Patient;
        let values = if has_row { self.read_row(id) } else { None };
        if !has_row {
            self.state.tell(Severity::Info, format!("no clinical table has a row of this patient; ID {id}"));
        }
        match (best, values) {
            (Some(best), values) => {
                self.add_to_browser(Scan { series, unreadable: Vec::new() }, Some(best));
                if let Some(values) = values {
                    self.offer_to_empty_form(values);
                }
            }
            (None, Some(values)) => {
                let words = format!(
                    "no usable DICOM series of this patient is here; the row is shown alone; ID {id}"
                );
                self.state.tell(Severity::Info, words);
                self.show_alone(values);
            }
            (None, None) => {}
        }
    }
}

impl CohortRoom {
    /// The file's own table of a patient of the open folder: messages then name the right file and row.
    pub(super) fn source_of(&self, open: &OpenTable, id: &str) -> Option<&Table> {
        let patients = self.patients.as_ref().filter(|p| p.folder.path == open.path)?;
        let has =
            |t: &&CohortTable| t.table.column("id").is_some_and(|c| !t.table.rows_with(c, id).is_empty());
        patients.folder.clinical.iter().find(has).map(|t| &t.table)
    }
}

fn rows_of(table: &Table, filter: &str, sorting: Option<Sorting>) -> Result<Vec<usize>, String> {
    let mut rows = Query::parse(filter, table)?.rows(table);
    if let Some(sorting) = sorting {
        sort(table, &mut rows, sorting);
    }
    Ok(rows)
}

fn figures_of(table: &Table, by: Option<usize>, style: Style, chart: Option<usize>) -> Figures {
    let groups = match by {
        Some(column) => Groups::by(table, column),
        None => Groups::by_outcome(table),
    };
    let distribution = chart.map(|column| {
        groups.clone().and_then(|groups| distribution::of(&ColumnValues::of(table, column), &groups))
    });
    Figures {
        possible: Groups::possible(table),
        table_one: Some(groups.map(|groups| table_one(table, &groups, style))),
        distribution,
    }
}

fn open_folder(
    path: &Path,
    settings: Option<&Path>,
    progress: &dyn Progress,
) -> Result<OpenedFolder, String> {
    let folder = cohort_folder(path, settings)?;
    let tables = if folder.clinical.is_empty() { &folder.survival } else { &folder.clinical };
    let table = CohortTable::stacked(tables);
    let recognised = table.as_ref().is_none_or(draft::recognised);
    // The tables are read once more only where a person has to say what they hold.
    let unrecognised = if recognised { None } else { form_of_folder(path).ok() }.map(|mut form| {
        form.why = Some("Some columns of this cohort are not recognised: say which is which.".to_owned());
        form
    });
    let table = table.and_then(|table| clinical::ids(&table).ok().map(|ids| (table, ids)));
    progress.stage("Looking for DICOM series");
    let series = series_below(path, progress)?;
    let matching = matching::of(&folder, &series);
    Ok(OpenedFolder { folder, table, series, matching, unrecognised })
}

/// DICOM series in the folder's subfolders, but for its pictures.
fn series_below(path: &Path, progress: &dyn Progress) -> Result<Vec<Series>, String> {
    let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let folders = entries.flatten().map(|e| e.path());
    let own = |p: &PathBuf| p.is_dir() && p.file_name().is_none_or(|n| n != "images");
    let folders: Vec<PathBuf> = folders.filter(own).collect();
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    match dicom::scan(&folders, progress) {
        Ok(scan) => Ok(scan.series),
        // A cohort may hold figures or notes and no DICOM at all.
        Err(DicomError::NothingFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}
