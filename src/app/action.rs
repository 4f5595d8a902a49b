//! Every action of the window: one table carries words, help and first key; menus, palette, tooltips and keys derive from it.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::viewer::{Preset, Tool};

/// Where an action stands in the menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    View,
    Window,
    Tools,
    Patient,
    Help,
}

impl Menu {
    pub const ALL: [Self; 7] =
        [Self::File, Self::Edit, Self::View, Self::Window, Self::Tools, Self::Patient, Self::Help];

    pub fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::View => "View",
            Self::Window => "Window",
            Self::Tools => "Tools",
            Self::Patient => "Patient",
            Self::Help => "Help",
        }
    }
}

/// What a person is told of an action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    pub action: Action,
    pub menu: Menu,
    pub text: &'static str,
    pub help: &'static str,
    /// The key it has unless a person chose another.
    pub key: Option<KeyboardShortcut>,
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

macro_rules! actions {
    ($($menu:ident { $($action:ident $text:literal $help:literal [$($modifiers:ident $key:ident)?];)* })*) => {
        /// An action without data, offered in menus, palette and by key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($($action,)*)*
        }

        impl Action {
            /// The name the settings file knows it by.
            pub fn name(self) -> &'static str {
                match self {
                    $($(Self::$action => stringify!($action),)*)*
                }
            }
        }

        /// The table of actions, in menu order.
        pub const ACTIONS: &[ActionInfo] = &[
            $($(ActionInfo {
                action: Action::$action,
                menu: Menu::$menu,
                text: $text,
                help: $help,
                key: actions!(@key $($modifiers $key)?),
            },)*)*
        ];
    };
    (@key) => { None };
    (@key $modifiers:ident $key:ident) => { Some(KeyboardShortcut::new($modifiers, Key::$key)) };
}

actions! {
    File {
        OpenFolder "Open folder…" "Open every DICOM study below a folder" [CTRL O];
        OpenFiles "Open files…" "Open DICOM files, a ZIP or a DICOMDIR" [CTRL_SHIFT O];
        OpenPath "Open path…" "Type or paste the path of a study or a clinical table" [CTRL L];
        OpenClinical "Open clinical table…" "Pick a CSV or XLSX file with one row a patient" [CTRL T];
        OpenCohort "Open cohort folder…" "Open a folder with tables, pictures and DICOM series of many patients" [];
        MapColumns "Map columns…" "Say which column of the open table is what, in which unit and code" [];
        AuditCohort "Audit a cohort…" "Find what makes a cohort's figures untrustworthy" [];
        OpenDemo "Open demonstration patient" "Generate and open the synthetic patient" [];
        CloseSeries "Close series" "Take the shown series out of memory; it stays in the list" [CTRL W];
        ForgetRecents "Forget recent files" "Empty the list of recently opened files" [];
        ImportWeights "Import network weights…" "Take weights for T4 or T11 from a safetensors or .pth file" [];
        SaveReport "Save report…" "Write the report of this patient as PDF and JSON" [CTRL S];
        ExportMarks "Export measurements…" "Write all measurements of this series as CSV" [CTRL E];
        Anonymize "De-identify…" "Write copies without the patient's identity (DICOM PS3.15)" [];
        Quit "Quit" "Close the program" [CTRL Q];
    }
    Edit {
        Undo "Undo" "Take back the last change of slices, measurements or clinical values" [CTRL Z];
        Redo "Redo" "Make the undone change again" [CTRL Y];
        DeleteMark "Delete measurement" "Delete the selected measurement" [NONE Delete];
        DeleteMarks "Delete all measurements" "Delete every measurement of this series" [SHIFT Delete];
        KeyImage "Key image" "Mark the shown picture as a key image, or take the mark away" [NONE K];
        NextKeyImage "Next key image" "Show the next key image" [SHIFT K];
        Keys "Change keys…" "Choose other keys for the commands" [];
    }
    View {
        SliceUp "Slice towards head" "One slice up" [NONE ArrowUp];
        SliceDown "Slice towards feet" "One slice down" [NONE ArrowDown];
        SliceUpTen "Ten slices towards head" "Ten slices up" [SHIFT ArrowUp];
        SliceDownTen "Ten slices towards feet" "Ten slices down" [SHIFT ArrowDown];
        SliceFirst "First slice" "The slice nearest the head" [NONE Home];
        SliceLast "Last slice" "The slice nearest the feet" [NONE End];
        SeriesPrevious "Previous series" "Open the series above in the browser" [NONE PageUp];
        SeriesNext "Next series" "Open the series below in the browser" [NONE PageDown];
        Cine "Cine" "Play the slices of the active view, or stop" [NONE C];
        CineFaster "Cine faster" "Five pictures a second more" [SHIFT Period];
        CineSlower "Cine slower" "Five pictures a second fewer" [SHIFT Comma];
        Fit "Fit to view" "Show the whole picture in the active view" [NONE F];
        ActualPixels "One pixel to one" "Each voxel of the active view as one pixel of the screen" [NONE X];
        ResetView "Reset views" "Window, zoom, position and turns as at opening" [NONE Space];
        RotateRight "Rotate right" "Turn the active view by 90° clockwise" [NONE R];
        RotateLeft "Rotate left" "Turn the active view by 90° counter-clockwise" [SHIFT R];
        FlipHorizontal "Flip left and right" "Mirror the active view; the letters follow" [SHIFT H];
        FlipVertical "Flip top and bottom" "Turn the active view upside down; the letters follow" [SHIFT V];
        SlabThicker "Thicker slab" "Average or project more sections into the reformats" [NONE CloseBracket];
        SlabThinner "Thinner slab" "Average or project fewer sections into the reformats" [NONE OpenBracket];
        SlabProjection "Slab: mean or maximum" "What a slab shows of the voxels it goes through" [NONE Backslash];
        Smooth "Smooth pixels" "Interpolate between voxels, or show them as squares" [NONE N];
        ToggleOverlay "Texts on pictures" "Show or hide patient, position, letters and scale" [NONE V];
        ToggleCrosshair "Crosshair lines" "Show or hide where the views cross" [SHIFT X];
        MaximiseView "Maximise view" "The active view alone, or all views" [NONE M];
        MaximiseFigures "Enlarge figures" "Nomogram, reasons or report alone, or all views" [NONE G];
        Tags "DICOM tags" "Every element of the shown slice's file, with search" [CTRL I];
        WorkspacePatient "Patient workspace" "One patient: views, steps, result" [NONE F2];
        WorkspaceCohort "Cohort workspace" "The clinical table" [NONE F3];
        WorkspaceModels "Models workspace" "Cards of the four models" [NONE F4];
        WorkspaceTraining "Training workspace" "Train a network on a folder of slices" [NONE F5];
        TabPictures "Show network pictures" "T4 and T11 as the networks see them" [];
        TabNomogram "Show nomogram" "The nomogram with this patient" [];
        TabReasons "Show reasons" "Votes and Grad-CAM" [];
        TabReport "Show report" "The report as it will be filed" [];
        TabMarks "Show measurements" "Measurements and key images of this series" [];
        ToggleBrowser "Series browser" "Show or hide the series browser" [CTRL B];
        ToggleLog "Log" "Show or hide the messages of this session" [CTRL J];
        ToggleTheme "Light or dark" "Dark for the reading room, light for bright rooms" [CTRL_SHIFT L];
        ScaleUp "Larger interface" "Up to 200 %" [CTRL Plus];
        ScaleDown "Smaller interface" "Down to 100 %" [CTRL Minus];
        ScaleReset "Interface at 100 %" "The standard size" [CTRL Num0];
        Fullscreen "Full screen" "Use the whole screen" [NONE F11];
    }
    Window {
        PresetAuto "Window: auto" "All but the darkest and brightest 0.1 %" [NONE Num0];
        PresetFile "Window: the file's own" "Centre and width from the DICOM file" [NONE Num1];
        PresetMediastinum "Window: mediastinum" "Width 400, centre 40 HU" [NONE Num2];
        PresetAbdomen "Window: abdomen" "Width 320, centre 50 HU" [NONE Num3];
        PresetLung "Window: lung" "Width 1500, centre −500 HU" [NONE Num4];
        PresetBone "Window: bone" "Width 2000, centre 350 HU" [NONE Num5];
        PresetMuscle "Window: muscle" "−29 to 150 HU, what the T4 network sees" [NONE Num6];
        PresetFat "Window: visceral fat" "−150 to −50 HU, what the T11 network sees" [NONE Num7];
        Invert "Invert grey" "White on black or black on white" [NONE I];
    }
    Tools {
        ToolPointer "Pointer" "Window by dragging; select and move measurements" [NONE Escape];
        ToolWindow "Window tool" "Drag: width sideways, centre up and down" [NONE W];
        ToolPan "Pan tool" "Drag the picture" [NONE T];
        ToolZoom "Zoom tool" "Drag up to enlarge" [NONE Z];
        ToolScroll "Scroll tool" "Drag through the slices" [NONE S];
        ToolCrosshair "Crosshair tool" "Drag the point all views go through" [NONE H];
        ToolProbe "Probe" "Pin the HU value of a voxel" [NONE P];
        ToolDistance "Distance" "Drag from one point to the other" [NONE D];
        ToolAngle "Angle" "Three points, the apex second" [NONE A];
        ToolEllipse "Ellipse region" "Drag from corner to corner: area and HU" [NONE E];
        ToolPolygon "Polygon region" "Click the corners, double-click to close" [NONE O];
        ToolFreehand "Freehand region" "Draw around it: area and HU" [NONE L];
    }
    Patient {
        MarkT4 "Set T4 here" "Take the shown slice as vertebra T4" [CTRL Num4];
        MarkT11 "Set T11 here" "Take the shown slice as vertebra T11" [CTRL Num1];
        GoToT4 "Go to T4" "Show the slice chosen for T4" [ALT Num4];
        GoToT11 "Go to T11" "Show the slice chosen for T11" [ALT Num1];
        Predict "Predict" "Run the networks, the clinical branch, the vote and the nomogram" [CTRL Enter];
    }
    Help {
        Palette "Find a command…" "Every command by name" [CTRL P];
        Shortcuts "Keys and mouse" "All keys and mouse actions" [NONE F1];
        About "About Thoracast" "Version, purpose, limits" [];
    }
}

impl Action {
    /// This action's row in the table.
    pub fn info(self) -> &'static ActionInfo {
        &ACTIONS[self as usize]
    }

    /// The action of this name, as the settings file writes it.
    pub fn named(name: &str) -> Option<Self> {
        ACTIONS.iter().map(|info| info.action).find(|action| action.name() == name)
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

    /// The tool this action takes in hand.
    pub fn tool(self) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.action() == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_words_and_its_own_row() {
        for info in ACTIONS {
            assert!(!info.text.is_empty() && !info.help.is_empty());
            assert_eq!(info.action.info().text, info.text);
            assert_eq!(Action::named(info.action.name()), Some(info.action));
        }
    }

    #[test]
    fn every_tool_has_an_action() {
        for tool in Tool::ALL {
            assert_eq!(tool.action().tool(), Some(tool));
        }
    }
}
