//! Every change of state: panels and jobs send commands, the handler carries them out.

use std::path::PathBuf;
use std::sync::Arc;

use egui::KeyboardShortcut;

pub use super::action::{ACTIONS, Action, ActionInfo, Menu};
use super::cohort::{Ask, CohortCommand, CohortFinished};
use super::jobs::JobId;
use super::sketch::Sketch;
use super::state::{AnonymizeForm, CohortTab, ImportForm, Level, Tab, Workspace};
use super::statistics::{Computed, Look as FigureLook, Origin, Tile};
use super::training::TrainingForm;
use thoracast_core::analysis::Question;
use thoracast_core::assess::{AssessError, Assessment, Models};
use thoracast_core::audit::Report;
use thoracast_core::cam::Look;
use thoracast_core::clinical::Record;
use thoracast_core::clinical::importance::ExplainedCohort;
use thoracast_core::cohort::Table;
use thoracast_core::evaluate::Evaluation;
use thoracast_core::fusion::FusionRule;
use thoracast_core::library::{Candidate, LibraryError};
use thoracast_core::measure::Mark;
use thoracast_core::nn::weights::Info;
use thoracast_core::nn::{Card, EpochPoint, Heatmap, NnError};
use thoracast_core::sheet::Kind;
use thoracast_core::stats::nomogram::Value;
use thoracast_dicom::deidentify::{DeidentifyError, Summary};
use thoracast_dicom::{DicomError, Orientation, Plane, Preview, Scan, Section, Volume, Voxel};

/// A change of state. Panels and jobs send them; only the handler carries them out.
pub enum Command {
    Do(Action),
    /// Studies, clinical tables, or folders of either.
    OpenPaths(Vec<PathBuf>),
    /// What was let go over the window: studies, tables or network weights.
    Dropped(Vec<PathBuf>),
    /// Opens the import dialog for a level, or for the one the weights belong to.
    AskImport(Option<Level>),
    FillImport(Box<ImportForm>),
    /// The system's file dialog for weights.
    BrowseWeights,
    /// Reads the file named in the import dialog.
    ExamineWeights,
    /// Puts what the import dialog shows in place.
    InstallWeights,
    /// The system's file dialog for a converted copy.
    BrowseConverted,
    ConvertWeightsTo(PathBuf),
    /// Asks whether a level's imported weights are to go.
    AskForget(Level),
    ForgetImport(Level),
    ChooseSeries(usize),
    ShowSlice(usize),
    SetWindow {
        centre: f32,
        width: f32,
    },
    /// Zoom a view by a factor about a point, in points from the view's centre.
    Zoom {
        view: Orientation,
        factor: f32,
        about: egui::Vec2,
    },
    Pan(Orientation, egui::Vec2),
    /// Make a view the one keys act on.
    Activate(Orientation),
    /// Show this section in its view.
    ShowSection(Section),
    /// The voxel all views go through.
    Cross(Voxel),
    /// Zoom at which the active view shows one voxel as one pixel.
    SetZoom(Orientation, f32),
    SetSlab(f32),
    SetCineRate(f32),
    Sketch(Option<Sketch>),
    AddMark(Mark),
    /// A measurement dragged to another shape.
    ReplaceMark(usize, Mark),
    SelectMark(Option<usize>),
    DeleteMark(usize),
    ExportMarksTo(PathBuf),
    /// The next key pressed becomes this action's.
    WaitForKey(Option<Action>),
    SetKey(Action, Option<KeyboardShortcut>),
    ResetKeys,
    FillTraining(Box<TrainingForm>),
    PickForTraining(PickPurpose),
    /// Asks for the folder of a cohort to audit.
    PickCohort,
    /// The folder as typed.
    NameCohort(String),
    Audit,
    Train,
    PauseTraining(bool),
    FillAnonymize(AnonymizeForm),
    Anonymize(AnonymizeForm),
    Mark(Level, usize),
    Unmark(Level),
    SetField {
        key: &'static str,
        text: String,
    },
    SetPatientId(String),
    /// How the branches become one probability.
    FuseBy(FusionRule),
    BrowseStacking,
    /// The ending of an evaluation: its stacking weights into a file.
    BrowseStackingOut,
    WriteStacking(PathBuf),
    /// Fuses by the stacking weights of a file.
    OpenStacking(PathBuf),
    ClearForm,
    /// Takes the row with this ID into the form, after a question where it is not certainly the open patient's.
    PickRow(String),
    /// Opens the patient of a row: with the own series, or the row alone.
    OpenRow(String),
    /// Whether the values that are asked about are the open patient's.
    AnswerIdentity {
        same: bool,
    },
    FilterRows(String),
    /// Something in the cohort workspace.
    Cohort(CohortCommand),
    ShowTab(Tab),
    ShowWorkspace(Workspace),
    ShowCohortTab(CohortTab),
    /// Runs the models on the cohort folder's test patients.
    Evaluate,
    /// Whether an evaluation cross-validates the clinical models as well.
    CrossValidate(bool),
    /// Where the Statistics tab's patients come from.
    StatisticsFrom(Origin),
    /// What the Statistics tab shall answer.
    Ask(Box<Question>),
    /// A value of the patient on the nomogram.
    MovePatient {
        name: String,
        value: Value,
    },
    LoadOpenPatient,
    /// Total points that part the risk groups; `None`: the largest Youden index.
    CutAt(Option<f64>),
    LookAtFigures(FigureLook),
    BrowseSheet(Kind),
    /// The ending decides what is written.
    WriteSheet(Kind, PathBuf),
    /// A page of the nomogram and its points table in the system's viewer.
    PrintNomogram,
    /// One chart of the Statistics tab alone, or all.
    EnlargeTile(Option<Tile>),
    BrowseExport(Tile),
    /// The ending decides what is written.
    ExportFigure(Tile, PathBuf),
    /// How Grad-CAM is shown; `keep` writes it to the settings (not while a slider is dragged).
    SetCam {
        look: Look,
        keep: bool,
    },
    SaveReportTo(PathBuf),
    CancelJob(JobId),
    DismissToast(usize),
    TypePath(String),
    CloseDialogs,
    Finished(Finished),
}

/// What background jobs bring back.
pub enum Finished {
    Picked {
        purpose: PickPurpose,
        paths: Option<Vec<PathBuf>>,
    },
    Scanned {
        paths: Vec<PathBuf>,
        result: Result<Scan, DicomError>,
    },
    Plane {
        opening: u64,
        number: usize,
        plane: Arc<Plane>,
    },
    Loaded {
        opening: u64,
        result: Result<Volume, DicomError>,
    },
    /// Pictures that are no volume have all been read.
    PicturesLoaded {
        opening: u64,
        result: Result<(), DicomError>,
    },
    Anonymized(Result<Summary, DeidentifyError>),
    Thumbnail {
        key: String,
        preview: Option<Preview>,
    },
    Table {
        path: PathBuf,
        result: Result<(Table, Vec<String>), String>,
    },
    Models(Result<Arc<Models>, AssessError>),
    /// What the weights files of T4 and T11 hold, once the networks run.
    WeightsInfo([Option<Arc<Info>>; 2]),
    Examined(Result<Box<Candidate>, LibraryError>),
    Installed(Level, Result<PathBuf, LibraryError>),
    Forgotten(Level, Result<(), LibraryError>),
    Converted(Result<PathBuf, LibraryError>),
    Assessed {
        inputs: u64,
        record: Record,
        result: Box<Result<Assessment, AssessError>>,
    },
    /// Grad-CAM for another class or layer, of the result with this fingerprint.
    Explained {
        inputs: u64,
        look: Look,
        result: Result<[Heatmap; 2], NnError>,
    },
    /// A training run has finished an epoch; the second figure is the one kept.
    Epoch {
        point: EpochPoint,
        kept: usize,
    },
    /// The weights file and its card.
    Trained(Result<Box<(PathBuf, Card)>, String>),
    Audited(Result<Report, String>),
    Statistics(Arc<Computed>),
    Evaluated(Box<Result<Evaluated, String>>),
    Cohort(CohortFinished),
    Demo(Result<PathBuf, String>),
    /// What was saved, and where.
    Saved(Result<PathBuf, String>),
}

/// What an evaluation brought.
pub struct Evaluated {
    pub evaluation: Arc<Evaluation>,
    /// Absent without a clinical table.
    pub explained: Option<Arc<ExplainedCohort>>,
}

/// What a file dialog was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickPurpose {
    Study,
    Clinical,
    Report,
    Marks,
    /// Weights to import.
    Weights,
    /// Where a converted copy goes.
    Converted,
    TrainingCohort,
    TrainingInit,
    TrainingOut,
    /// A cohort to audit.
    Cohort,
    /// Where a chart is exported to.
    Figure,
    /// Where a reporting sheet goes.
    Sheet(Kind),
    /// Stacking weights to fuse by.
    Stacking,
    /// Where stacking weights go.
    StackingOut,
    /// Folders and exports of the cohort workspace.
    InCohort(Ask),
}
