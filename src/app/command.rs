//! Every action of the window: one table carries words, key and help, and menus, palette, tooltips and keys derive from it.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::jobs::JobId;
use super::state::{Level, Preset, Tab, Workspace};
use crate::assess::{AssessError, Assessment, Models};
use crate::clinical::Record;
use crate::cohort::Table;
use crate::dicom::{DicomError, Plane, Scan, Volume};

/// An action without data, offered in menus, palette and by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    OpenFolder,
    OpenFiles,
    OpenPath,
    OpenClinical,
    OpenDemo,
    SaveReport,
    Quit,
    Undo,
    Redo,
    SliceUp,
    SliceDown,
    SliceUpTen,
    SliceDownTen,
    SliceFirst,
    SliceLast,
    SeriesPrevious,
    SeriesNext,
    PresetAuto,
    PresetFile,
    PresetMediastinum,
    PresetAbdomen,
    PresetLung,
    PresetBone,
    PresetMuscle,
    PresetFat,
    Invert,
    Fit,
    ResetView,
    MaximiseView,
    MaximiseFigures,
    MarkT4,
    MarkT11,
    GoToT4,
    GoToT11,
    Predict,
    WorkspacePatient,
    WorkspaceCohort,
    WorkspaceModels,
    TabPictures,
    TabNomogram,
    TabReasons,
    TabReport,
    ToggleBrowser,
    ToggleLog,
    ToggleTheme,
    ScaleUp,
    ScaleDown,
    ScaleReset,
    Fullscreen,
    Palette,
    Shortcuts,
    About,
}

/// Where an action stands in the menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    View,
    Patient,
    Help,
}

/// What a person is told of an action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    pub action: Action,
    pub menu: Menu,
    pub text: &'static str,
    pub help: &'static str,
    pub key: Option<KeyboardShortcut>,
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const fn a(
    action: Action,
    menu: Menu,
    text: &'static str,
    help: &'static str,
    key: Option<(Modifiers, Key)>,
) -> ActionInfo {
    let key = match key {
        Some((modifiers, key)) => Some(KeyboardShortcut::new(modifiers, key)),
        None => None,
    };
    ActionInfo { action, menu, text, help, key }
}

/// The table of actions, in menu order.
pub const ACTIONS: &[ActionInfo] = &[
    a(
        Action::OpenFolder,
        Menu::File,
        "Open folder…",
        "Open every DICOM study below a folder",
        Some((CTRL, Key::O)),
    ),
    a(
        Action::OpenFiles,
        Menu::File,
        "Open files…",
        "Open DICOM files, a ZIP or a DICOMDIR",
        Some((CTRL_SHIFT, Key::O)),
    ),
    a(
        Action::OpenPath,
        Menu::File,
        "Open path…",
        "Type or paste the path of a study or a clinical table",
        Some((CTRL, Key::L)),
    ),
    a(
        Action::OpenClinical,
        Menu::File,
        "Open clinical table…",
        "Pick a CSV or XLSX file with one row a patient",
        Some((CTRL, Key::T)),
    ),
    a(
        Action::OpenDemo,
        Menu::File,
        "Open demonstration patient",
        "Generate and open the synthetic patient",
        None,
    ),
    a(
        Action::SaveReport,
        Menu::File,
        "Save report…",
        "Write the report of this patient as PDF and JSON",
        Some((CTRL, Key::S)),
    ),
    a(Action::Quit, Menu::File, "Quit", "Close the program", Some((CTRL, Key::Q))),
    a(
        Action::Undo,
        Menu::Edit,
        "Undo",
        "Take back the last change of slices or clinical values",
        Some((CTRL, Key::Z)),
    ),
    a(Action::Redo, Menu::Edit, "Redo", "Make the undone change again", Some((CTRL, Key::Y))),
    a(Action::SliceUp, Menu::View, "Slice towards head", "One slice up", Some((NONE, Key::ArrowUp))),
    a(Action::SliceDown, Menu::View, "Slice towards feet", "One slice down", Some((NONE, Key::ArrowDown))),
    a(
        Action::SliceUpTen,
        Menu::View,
        "Ten slices towards head",
        "Ten slices up",
        Some((SHIFT, Key::ArrowUp)),
    ),
    a(
        Action::SliceDownTen,
        Menu::View,
        "Ten slices towards feet",
        "Ten slices down",
        Some((SHIFT, Key::ArrowDown)),
    ),
    a(Action::SliceFirst, Menu::View, "First slice", "The slice nearest the head", Some((NONE, Key::Home))),
    a(Action::SliceLast, Menu::View, "Last slice", "The slice nearest the feet", Some((NONE, Key::End))),
    a(
        Action::SeriesPrevious,
        Menu::View,
        "Previous series",
        "Open the series above in the browser",
        Some((NONE, Key::PageUp)),
    ),
    a(
        Action::SeriesNext,
        Menu::View,
        "Next series",
        "Open the series below in the browser",
        Some((NONE, Key::PageDown)),
    ),
    a(
        Action::PresetAuto,
        Menu::View,
        "Window: auto",
        "All but the darkest and brightest 0.1 %",
        Some((NONE, Key::Num0)),
    ),
    a(
        Action::PresetFile,
        Menu::View,
        "Window: the file's own",
        "Centre and width from the DICOM file",
        Some((NONE, Key::Num1)),
    ),
    a(
        Action::PresetMediastinum,
        Menu::View,
        "Window: mediastinum",
        "Width 400, centre 40 HU",
        Some((NONE, Key::Num2)),
    ),
    a(
        Action::PresetAbdomen,
        Menu::View,
        "Window: abdomen",
        "Width 320, centre 50 HU",
        Some((NONE, Key::Num3)),
    ),
    a(Action::PresetLung, Menu::View, "Window: lung", "Width 1500, centre −500 HU", Some((NONE, Key::Num4))),
    a(Action::PresetBone, Menu::View, "Window: bone", "Width 2000, centre 350 HU", Some((NONE, Key::Num5))),
    a(
        Action::PresetMuscle,
        Menu::View,
        "Window: muscle",
        "−29 to 150 HU, what the T4 network sees",
        Some((NONE, Key::Num6)),
    ),
    a(
        Action::PresetFat,
        Menu::View,
        "Window: visceral fat",
        "−150 to −50 HU, what the T11 network sees",
        Some((NONE, Key::Num7)),
    ),
    a(Action::Invert, Menu::View, "Invert grey", "White on black or black on white", Some((NONE, Key::I))),
    a(Action::Fit, Menu::View, "Fit to view", "Show the whole picture", Some((NONE, Key::F))),
    a(
        Action::ResetView,
        Menu::View,
        "Reset view",
        "Window, zoom and position as at opening",
        Some((NONE, Key::Space)),
    ),
    a(
        Action::MaximiseView,
        Menu::View,
        "Maximise axial view",
        "The axial view alone, or all views",
        Some((NONE, Key::M)),
    ),
    a(
        Action::MaximiseFigures,
        Menu::View,
        "Enlarge figures",
        "Nomogram, reasons or report alone, or all views",
        Some((NONE, Key::G)),
    ),
    a(
        Action::MarkT4,
        Menu::Patient,
        "Set T4 here",
        "Take the shown slice as vertebra T4",
        Some((CTRL, Key::Num4)),
    ),
    a(
        Action::MarkT11,
        Menu::Patient,
        "Set T11 here",
        "Take the shown slice as vertebra T11",
        Some((CTRL, Key::Num1)),
    ),
    a(Action::GoToT4, Menu::Patient, "Go to T4", "Show the slice chosen for T4", Some((ALT, Key::Num4))),
    a(Action::GoToT11, Menu::Patient, "Go to T11", "Show the slice chosen for T11", Some((ALT, Key::Num1))),
    a(
        Action::Predict,
        Menu::Patient,
        "Predict",
        "Run the networks, the clinical branch, the vote and the nomogram",
        Some((CTRL, Key::Enter)),
    ),
    a(
        Action::WorkspacePatient,
        Menu::View,
        "Patient workspace",
        "One patient: views, steps, result",
        Some((NONE, Key::F2)),
    ),
    a(Action::WorkspaceCohort, Menu::View, "Cohort workspace", "The clinical table", Some((NONE, Key::F3))),
    a(
        Action::WorkspaceModels,
        Menu::View,
        "Models workspace",
        "Cards of the four models",
        Some((NONE, Key::F4)),
    ),
    a(Action::TabPictures, Menu::View, "Show network pictures", "T4 and T11 as the networks see them", None),
    a(Action::TabNomogram, Menu::View, "Show nomogram", "The nomogram with this patient", None),
    a(Action::TabReasons, Menu::View, "Show reasons", "Votes and Grad-CAM", None),
    a(Action::TabReport, Menu::View, "Show report", "The report as it will be filed", None),
    a(
        Action::ToggleBrowser,
        Menu::View,
        "Series browser",
        "Show or hide the series browser",
        Some((CTRL, Key::B)),
    ),
    a(
        Action::ToggleLog,
        Menu::View,
        "Log",
        "Show or hide the messages of this session",
        Some((CTRL, Key::J)),
    ),
    a(
        Action::ToggleTheme,
        Menu::View,
        "Light or dark",
        "Dark for the reading room, light for bright rooms",
        Some((CTRL_SHIFT, Key::L)),
    ),
    a(Action::ScaleUp, Menu::View, "Larger interface", "Up to 200 %", Some((CTRL, Key::Plus))),
    a(Action::ScaleDown, Menu::View, "Smaller interface", "Down to 100 %", Some((CTRL, Key::Minus))),
    a(Action::ScaleReset, Menu::View, "Interface at 100 %", "The standard size", Some((CTRL, Key::Num0))),
    a(Action::Fullscreen, Menu::View, "Full screen", "Use the whole screen", Some((NONE, Key::F11))),
    a(Action::Palette, Menu::Help, "Find a command…", "Every command by name", Some((CTRL, Key::P))),
    a(Action::Shortcuts, Menu::Help, "Keys and mouse", "All keys and mouse actions", Some((NONE, Key::F1))),
    a(Action::About, Menu::Help, "About Thoracast", "Version, purpose, limits", None),
];

impl Action {
    /// This action's row in the table.
    pub fn info(self) -> &'static ActionInfo {
        // Every action stands in the table: the test below proves it, so the first row is never a wrong answer.
        ACTIONS.iter().find(|info| info.action == self).unwrap_or(&ACTIONS[0])
    }

    /// The window preset this action chooses.
    pub fn preset(self) -> Option<Preset> {
        Some(match self {
            Self::PresetAuto => Preset::Auto,
            Self::PresetFile => Preset::File,
            Self::PresetMediastinum => Preset::Mediastinum,
            Self::PresetAbdomen => Preset::Abdomen,
            Self::PresetLung => Preset::Lung,
            Self::PresetBone => Preset::Bone,
            Self::PresetMuscle => Preset::Muscle,
            Self::PresetFat => Preset::Fat,
            _ => return None,
        })
    }
}

/// A change of state. Panels and jobs send them; only the handler carries them out.
pub enum Command {
    Do(Action),
    /// Studies, clinical tables, or folders of either.
    OpenPaths(Vec<PathBuf>),
    ChooseSeries(usize),
    ShowSlice(usize),
    SetWindow {
        centre: f32,
        width: f32,
    },
    /// Zoom by a factor about a point, in view points from the view's centre.
    Zoom {
        factor: f32,
        about: egui::Vec2,
    },
    Pan(egui::Vec2),
    /// Column (pixels) of the sagittal view.
    SetSagittal(usize),
    Mark(Level, usize),
    Unmark(Level),
    SetField {
        key: &'static str,
        text: String,
    },
    SetPatientId(String),
    ClearForm,
    PickRow(String),
    FilterRows(String),
    ShowTab(Tab),
    ShowWorkspace(Workspace),
    SetCamOpacity(f32),
    SaveReportTo(PathBuf),
    CancelJob(JobId),
    DismissToast(usize),
    TypePath(String),
    CloseDialogs,
    Finished(Finished),
}

/// What background jobs bring back.
pub enum Finished {
    Picked { purpose: PickPurpose, paths: Option<Vec<PathBuf>> },
    Scanned { paths: Vec<PathBuf>, result: Result<Scan, DicomError> },
    Plane { opening: u64, number: usize, plane: Arc<Plane> },
    Loaded { opening: u64, result: Result<Volume, DicomError> },
    Table { path: PathBuf, result: Result<(Table, Vec<String>), String> },
    Models(Result<Arc<Models>, AssessError>),
    Assessed { inputs: u64, record: Record, result: Box<Result<Assessment, AssessError>> },
    Demo(Result<PathBuf, String>),
    Saved(Result<PathBuf, String>),
}

/// What a file dialog was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickPurpose {
    Study,
    Clinical,
    Report,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_action_stands_once_in_the_table_with_words() {
        let mut seen = HashMap::new();
        for info in ACTIONS {
            assert!(seen.insert(info.action, info.text).is_none(), "{} stands twice", info.text);
            assert!(!info.text.is_empty() && !info.help.is_empty());
            assert_eq!(info.action.info().text, info.text);
        }
        // The last variant's number + 1 is the count of variants.
        assert_eq!(seen.len(), Action::About as usize + 1);
    }

    #[test]
    fn no_two_actions_share_a_key() {
        let mut seen: Vec<(KeyboardShortcut, &str)> = Vec::new();
        for info in ACTIONS {
            let Some(key) = info.key else { continue };
            if let Some((_, other)) = seen.iter().find(|(k, _)| *k == key) {
                panic!("{} and {other} share a key", info.text);
            }
            seen.push((key, info.text));
        }
    }
}
