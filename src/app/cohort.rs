//! The cohort workspace's state: the table as it is arranged, its figures, the folder's patients, and the mapping in work.

use std::path::PathBuf;
use std::sync::Arc;

use thoracast_core::cohort::distribution::Distribution;
use thoracast_core::cohort::draft::{Draft, Problem};
use thoracast_core::cohort::matching::{Group, Matching};
use thoracast_core::cohort::query::Sorting;
use thoracast_core::cohort::table_one::{Style, TableOne};
use thoracast_core::cohort::{CohortFolder, Mapping, Table};
use thoracast_core::tables::reading::Reading;
use thoracast_dicom::Series;

/// What a person does in the cohort workspace.
pub enum CohortCommand {
    /// The system's dialog for a cohort folder, a DICOM folder, or where an export goes.
    Ask(Ask),
    OpenFolder(PathBuf),
    /// Looks for DICOM series of the open cohort's patients in a folder.
    AddDicom(PathBuf),
    /// A click on a column's heading.
    Sort(usize),
    /// The column drawn beside the table.
    Chart(Option<usize>),
    /// The column that makes the groups of Table 1 and of the chart.
    GroupBy(usize),
    Style(Style),
    /// CSV or Markdown by the name's ending.
    ExportTableOneTo(PathBuf),
    ExportMatchingTo(PathBuf),
    /// Shows one group of patients, or all.
    ShowGroup(Option<Group>),
    /// Series and clinical values of a patient.
    OpenPatient(String),
    /// Opens the mapping dialog for what is open.
    MapColumns,
    EditMapping(MappingEdit),
    UseMapping,
    /// Takes up a mapping file in the dialog.
    ImportMapping(PathBuf),
    ExportMappingTo(PathBuf),
}

/// What the system's dialog is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Folder,
    Dicom,
    TableOne,
    Matching,
    MappingIn,
    MappingOut,
}

/// One change in the mapping dialog; numbers are the targets' places.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingEdit {
    /// Clinical or survival tables.
    Sheet(usize),
    Select(usize),
    Column(usize, Option<usize>),
    Factor(usize, f64),
    /// How a target's numbers are read, or as plain ones.
    Reading(usize, Option<Reading>),
    /// A text's code, or none.
    Code(usize, String, Option<f64>),
    Comma(bool),
    /// Back to the guesses.
    Guesses,
}

/// What jobs of the cohort workspace bring back.
pub enum CohortFinished {
    /// Rows to show, for the arrangement with this number.
    Arranged {
        revision: u64,
        rows: Result<Vec<usize>, String>,
    },
    Figured(u64, Box<Figures>),
    Opened(Box<Result<OpenedFolder, String>>),
    Matched(Box<Result<(Vec<Series>, Matching), String>>),
    /// A table or folder whose columns are to be mapped, and why.
    Drafted(Box<Result<MappingForm, String>>),
    /// A table read with a mapping that is remembered from now on.
    Exported(Result<PathBuf, String>),
}

/// Table 1, the chart and what they can be grouped by.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Columns with two values.
    pub possible: Vec<usize>,
    pub table_one: Option<Result<TableOne, String>>,
    pub distribution: Option<Result<Distribution, String>>,
}

/// What there is in the opened folder.
pub struct OpenedFolder {
    pub folder: CohortFolder,
    /// All clinical (else survival) tables in one, and its IDs.
    pub table: Option<(Table, Vec<String>)>,
    pub series: Vec<Series>,
    pub matching: Matching,
    /// The dialog to open where columns are not recognised.
    pub unrecognised: Option<MappingForm>,
}

/// The rows of the open table in the order shown.
#[derive(Default)]
pub struct Arrangement {
    /// `None`: all rows as they stand.
    pub rows: Option<Arc<Vec<usize>>>,
    pub sorting: Option<Sorting>,
    /// What is wrong with the filter; it is then not applied.
    pub problem: Option<String>,
    /// Later arrangements have larger numbers.
    pub revision: u64,
}

/// The open cohort folder.
pub struct CohortPatients {
    pub folder: Arc<CohortFolder>,
    pub series: Vec<Series>,
    pub matching: Matching,
    pub group: Option<Group>,
    /// Places of the patients shown.
    pub shown: Vec<usize>,
}

impl CohortPatients {
    pub fn new(folder: Arc<CohortFolder>, series: Vec<Series>, matching: Matching) -> Self {
        let mut patients = Self { folder, series, matching, group: None, shown: Vec::new() };
        patients.show_group(None);
        patients
    }

    /// Shows one group, or all.
    pub fn show_group(&mut self, group: Option<Group>) {
        let all = self.matching.patients.iter().enumerate();
        let fits = |(place, p): (usize, &thoracast_core::cohort::matching::Patient)| {
            group.is_none_or(|g| p.group() == g).then_some(place)
        };
        self.shown = all.filter_map(fits).collect();
        self.group = group;
    }
}

/// What the mapping dialog holds.
#[derive(Debug, Clone, PartialEq)]
pub struct MappingForm {
    pub path: PathBuf,
    pub is_folder: bool,
    pub drafts: Vec<Draft>,
    /// As guessed, without what was remembered.
    pub guesses: Vec<Draft>,
    /// Which of the drafts is shown, and which of its targets is looked at.
    pub sheet: usize,
    pub selected: usize,
    /// Why the dialog opened by itself.
    pub why: Option<String>,
    pub problems: Vec<Problem>,
}

impl MappingForm {
    pub fn new(path: PathBuf, is_folder: bool, drafts: Vec<Draft>) -> Self {
        let guesses = drafts.clone();
        let mut form =
            Self { path, is_folder, drafts, guesses, sheet: 0, selected: 0, why: None, problems: Vec::new() };
        form.look();
        form
    }

    /// Takes up a mapping made before.
    pub fn take_up(&mut self, mapping: &Mapping) {
        self.drafts.iter_mut().for_each(|draft| draft.take_up(mapping));
        self.look();
    }

    /// Carries out a change.
    pub fn edit(&mut self, edit: MappingEdit) {
        if edit == MappingEdit::Guesses {
            self.drafts.clone_from(&self.guesses);
        }
        if let MappingEdit::Sheet(sheet) = edit {
            self.sheet = sheet.min(self.drafts.len().saturating_sub(1));
        }
        if let Some(draft) = self.drafts.get_mut(self.sheet) {
            match edit {
                MappingEdit::Select(target) => self.selected = target,
                MappingEdit::Column(target, column) => {
                    self.selected = target;
                    draft.choose(target, column);
                }
                MappingEdit::Factor(target, factor) => {
                    self.selected = target;
                    if factor.is_finite() && factor != 0.0 {
                        draft.set_factor(target, factor);
                    }
                }
                MappingEdit::Reading(target, rule) => {
                    self.selected = target;
                    draft.set_reading(target, rule);
                }
                MappingEdit::Code(target, text, code) => draft.set_code(target, text, code),
                MappingEdit::Comma(comma) => draft.set_decimal_comma(comma),
                MappingEdit::Sheet(_) | MappingEdit::Guesses => {}
            }
        }
        self.look();
    }

    fn look(&mut self) {
        self.problems = self.drafts.get(self.sheet).map(Draft::problems).unwrap_or_default();
    }

    /// Whether something forbids to use it.
    pub fn blocked(&self) -> bool {
        self.drafts.iter().any(|draft| draft.problems().iter().any(|p| p.blocking))
    }
}

/// The cohort workspace's own state.
#[derive(Default)]
pub struct CohortRoom {
    pub arrangement: Arrangement,
    pub figures: Figures,
    /// Later figures have larger numbers.
    pub figures_asked: u64,
    pub style: Style,
    /// The column that makes the groups; `None`: the outcome.
    pub by: Option<usize>,
    pub chart: Option<usize>,
    pub patients: Option<CohortPatients>,
    pub mapping: Option<MappingForm>,
}
