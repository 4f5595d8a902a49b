//! The window as a person uses it: a study opened, levels set, a row picked, a prediction, wrong files.

#![allow(clippy::unwrap_used)] // a failed unwrap is how a test fails, in its helpers too

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use thoracast::app::command::{Action, Command};
use thoracast::app::state::{Level, Severity, Tab};
use thoracast::app::{Options, Workstation};
use thoracast_core::fusion::{FittedStacking, FusionRule, Stacking};
use thoracast_core::phantom::{self, Phantom};
use thoracast_files::progress::Silent;

#[path = "window/audit.rs"]
mod audit;
#[path = "window/cohort.rs"]
mod cohort;
#[path = "window/person.rs"]
mod person;
#[path = "window/statistics.rs"]
mod statistics;
#[path = "window/training.rs"]
mod training;

type Window = Harness<'static, Workstation>;

/// Longer than any step takes in a debug build.
const PATIENCE: Duration = Duration::from_secs(120);

/// A small synthetic study with its clinical table.
fn study(folder: &Path) -> PathBuf {
    let study = folder.join("study");
    let options = phantom::Options { size: Some(128), slice_mm: Some(8.0) };
    phantom::write_series(&Phantom::with(3, options), &study, &Silent).unwrap();
    study
}

fn window_with(options: Options) -> Window {
    let mut window =
        Harness::builder().with_size([1280.0, 800.0]).build_eframe(move |cc| Workstation::new(cc, options));
    rest(&mut window);
    window
}

fn window(paths: Vec<PathBuf>) -> Window {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    window_with(Options { paths, models: Some(models), ..Options::default() })
}

fn rest(window: &mut Window) {
    let start = Instant::now();
    window.run_steps(3);
    loop {
        while !window.state().idle() {
            assert!(start.elapsed() < PATIENCE, "the window does not come to rest");
            std::thread::sleep(Duration::from_millis(10));
            window.step();
        }
        window.run_steps(2);
        if window.state().idle() {
            return;
        }
    }
}

fn send(window: &mut Window, command: Command) {
    window.state().jobs.sender().send(command).unwrap();
    rest(window);
}

fn on_screen(window: &Window, part: &str) -> bool {
    window.root().children_recursive().any(|node| {
        let node = node.accesskit_node();
        node.label().is_some_and(|l| l.contains(part)) || node.value().is_some_and(|v| v.contains(part))
    })
}

fn last_error(window: &Window) -> String {
    let messages = &window.state().state.messages;
    messages.iter().rev().find(|m| m.severity == Severity::Error).map(|m| m.text.clone()).unwrap_or_default()
}

#[test]
fn one_patient_from_folder_to_risk_group() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path());
    let truth = phantom::read_truth(&study).unwrap();
    let mut window = window(vec![study.clone()]);
    let open = window.state().state.viewer.open.as_ref().expect("the series is on screen");
    assert!(open.volume.is_some());
    assert!(on_screen(&window, "Axial view"));

    // Set the levels with the buttons, at the slices the phantom knows.
    for (level, button) in [(Level::T4, "Set T4 here"), (Level::T11, "Set T11 here")] {
        let slice = truth.slice_of(level.name()).unwrap();
        send(&mut window, Command::ShowSlice(slice));
        window.get_by_label(button).click();
        rest(&mut window);
        assert_eq!(window.state().state.inputs.level(level), Some(slice));
    }
    assert!(on_screen(&window, "T4 picture"), "the network's picture is shown");

    // Without clinical values Predict is not offered.
    assert!(on_screen(&window, "enter clinical values or pick a row"));
    send(&mut window, Command::OpenPaths(vec![study.join("clinical.csv")]));
    assert!(window.state().state.inputs.filled() > 15, "the open patient's own row is taken");

    window.get_by_label("Predict").click();
    rest(&mut window);
    let assessment = window.state().state.outcome.assessment.clone().expect("a result");
    assert_eq!(window.state().state.tab, Tab::Nomogram);
    assert!(assessment.nomogram.risk.is_some_and(|r| (0.0..=1.0).contains(&r)));
    assert!(on_screen(&window, "Fused probability"));
    if !assessment.meaningful {
        assert!(on_screen(&window, thoracast_core::assess::UNTRAINED));
    }

    // A changed value marks the result, and the update follows by itself.
    let before = assessment.nomogram.risk;
    window.state().jobs.sender().send(Command::SetField { key: "pmi_t4", text: "40".into() }).unwrap();
    window.run_steps(2);
    assert!(window.state().state.stale());
    assert!(on_screen(&window, "out of date"));
    rest(&mut window);
    assert!(!window.state().state.stale());
    let after = window.state().state.outcome.assessment.clone().unwrap().nomogram.risk;
    assert_ne!(before, after);

    // Undo brings the value and, after its update, the risk back.
    send(&mut window, Command::Do(Action::Undo));
    assert_eq!(window.state().state.outcome.assessment.clone().unwrap().nomogram.risk, before);

    // Another fusion is chosen, never slipped in; the nomogram keeps to the vote, and undo brings the vote back.
    send(&mut window, Command::FuseBy(FusionRule::MeanLogOdds));
    let mean = window.state().state.outcome.assessment.clone().unwrap();
    assert_eq!((mean.fused.source, mean.nomogram.risk), (None, before));
    assert!(on_screen(&window, "by mean log-odds"));
    let mut models = mean.models.clone();
    models.remove("nomogram");
    let fitted = FittedStacking {
        stacking: Stacking { intercept: 0.5, weights: [0.0, 0.0, 1.0] },
        split: "test".to_owned(),
        patients: 80,
        events: 30,
        models,
        simulated: true,
    };
    let file = folder.path().join("stacking.json");
    fitted.write(&file).unwrap();
    send(&mut window, Command::OpenStacking(file.clone()));
    let stacked = window.state().state.outcome.assessment.clone().unwrap();
    let log_odds = |p: f64| (p / (1.0 - p)).ln();
    let moved = log_odds(stacked.fused.probability) - log_odds(stacked.clinical.probability);
    assert!((moved - 0.5).abs() < 1e-9, "{moved}");
    let mut foreign = fitted;
    foreign.models.insert("t11".to_owned(), "0".repeat(64));
    foreign.write(&file).unwrap();
    send(&mut window, Command::OpenStacking(file));
    assert!(last_error(&window).contains("another t11 model"), "{}", last_error(&window));
    send(&mut window, Command::FuseBy(FusionRule::Vote));

    // The report is written whole, as PDF and JSON.
    let report = folder.path().join("report.pdf");
    send(&mut window, Command::SaveReportTo(report.clone()));
    assert!(std::fs::read(&report).unwrap().starts_with(b"%PDF"));
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report.with_extension("json")).unwrap()).unwrap();
    assert_eq!(json["t4"]["slice"], truth.slice_of("T4").unwrap());
}

#[test]
fn wrong_files_are_named_and_everything_open_stays() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path());
    let mut window = window(vec![study]);
    let uid = window.state().state.viewer.open.as_ref().unwrap().series.uid.clone();

    let empty = folder.path().join("empty-folder");
    std::fs::create_dir(&empty).unwrap();
    send(&mut window, Command::OpenPaths(vec![empty]));
    assert!(last_error(&window).contains("empty-folder"), "{}", last_error(&window));
    assert!(on_screen(&window, "empty-folder"), "the sentence is on screen");

    send(&mut window, Command::OpenPaths(vec![folder.path().join("nowhere")]));
    assert!(last_error(&window).contains("nowhere"), "{}", last_error(&window));

    let letters = folder.path().join("letters.csv");
    std::fs::write(&letters, "ID,age,CEA\nA1,50,abc\nA2,51,2\n").unwrap();
    send(&mut window, Command::OpenPaths(vec![letters]));
    send(&mut window, Command::PickRow("A1".into()));
    let error = last_error(&window);
    assert!(error.contains("letters.csv") && error.contains("CEA") && error.contains("abc"), "{error}");
    send(&mut window, Command::PickRow("B7".into()));
    assert!(last_error(&window).contains("B7"), "{}", last_error(&window));

    let open = window.state().state.viewer.open.as_ref().unwrap();
    assert_eq!(open.series.uid, uid);
    assert!(open.volume.is_some());
}

#[test]
fn a_letter_in_a_number_field_is_named_and_blocks_the_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    send(&mut window, Command::SetField { key: "age", text: "fifty".into() });
    let missing = window.state().state.missing_for_prediction();
    assert!(missing.iter().any(|m| m.contains("Age") && m.contains("fifty")), "{missing:?}");
}

#[test]
fn keys_and_palette_lead_to_the_same_actions() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    let slice = window.state().state.viewer.cross.slice;
    window.key_press(egui::Key::ArrowUp);
    window.run_steps(2);
    assert_eq!(window.state().state.viewer.cross.slice, slice + 1);
    window.key_press(egui::Key::Num4);
    window.run_steps(2);
    assert_eq!(window.state().state.viewer.window.width, 1500.0);
    window.key_press(egui::Key::F1);
    window.run_steps(3);
    assert!(on_screen(&window, "Keys and mouse"));
    send(&mut window, Command::CloseDialogs);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::P);
    window.run_steps(3);
    window.event(egui::Event::Text("invert".into()));
    window.run_steps(3);
    window.key_press(egui::Key::Enter);
    window.run_steps(3);
    assert!(window.state().state.viewer.invert);
}

#[test]
fn a_model_file_cut_short_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let whole = std::fs::read(from.join("clinical.json")).unwrap();
    std::fs::write(models.join("clinical.json"), &whole[..whole.len() / 2]).unwrap();
    std::fs::copy(from.join("nomogram.json"), models.join("nomogram.json")).unwrap();
    let window = window_with(Options { models: Some(models), ..Options::default() });
    assert!(last_error(&window).contains("clinical.json"), "{}", last_error(&window));
}

/// A path let go over the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

#[test]
fn a_folder_and_its_table_dropped_on_the_window_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path());
    let mut window = window(Vec::new());
    assert!(on_screen(&window, "No study open"));
    let dropped = [study.clone(), study.join("clinical.csv")];
    window.input_mut().dropped_files =
        dropped.into_iter().map(|p| std::sync::Arc::new(Dropped(p)) as _).collect();
    window.step();
    rest(&mut window);
    let state = &window.state().state;
    assert!(state.viewer.open.as_ref().is_some_and(|o| o.volume.is_some()));
    assert!(state.inputs.filled() > 15);
}

/// A child process that is ended with its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An X server of the test's own and its display's name; `None` (with the reason printed) where Xvfb is not installed.
fn x_server() -> Option<(Ended, String)> {
    use std::io::BufRead;
    use std::process::{Command, Stdio};
    let arguments = ["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"];
    let started = Command::new("Xvfb").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut server) = started else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "Xvfb is absent, but CI needs it");
        eprintln!("ignored: Xvfb is absent");
        return None;
    };
    let mut number = String::new();
    std::io::BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    Some((Ended(server), format!(":{}", number.trim())))
}

#[test]
fn the_real_window_opens_on_a_display() {
    let Some((_server, display)) = x_server() else { return };
    let runtime = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_thoracast"));
    program.env("DISPLAY", &display).env_remove("WAYLAND_DISPLAY").env("XDG_RUNTIME_DIR", runtime.path());
    program.env("XDG_CONFIG_HOME", runtime.path());
    let mut program = Ended(program.stderr(std::process::Stdio::null()).spawn().unwrap());
    let start = Instant::now();
    loop {
        let tree = std::process::Command::new("xwininfo")
            .args(["-root", "-tree", "-display", &display])
            .output()
            .expect("xwininfo (Debian: x11-utils)");
        if String::from_utf8_lossy(&tree.stdout).contains("Thoracast") {
            break;
        }
        assert!(program.0.try_wait().unwrap().is_none(), "the program ended before its window was there");
        assert!(start.elapsed() < PATIENCE, "no window appeared");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_a_display_one_sentence_says_what_to_do() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_thoracast"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("demo --headless") && !errors.contains("panicked"), "{errors}");
}

#[test]
fn measuring_key_images_and_undo() {
    use thoracast_core::measure::{Mark, Shape};
    use thoracast_dicom::{Orientation, Section};
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    let section = Section { orientation: Orientation::Coronal, index: 60 };
    send(&mut window, Command::ShowSection(section));
    let shape = Shape::Ellipse([[40.0, 40.0], [90.0, 80.0]]);
    send(&mut window, Command::AddMark(Mark { section, shape }));
    send(&mut window, Command::Do(Action::KeyImage));
    send(&mut window, Command::ShowTab(Tab::Marks));
    assert!(on_screen(&window, "1  Ellipse") && on_screen(&window, "HU"), "the measurement is listed");
    let csv = folder.path().join("measurements.csv");
    send(&mut window, Command::ExportMarksTo(csv.clone()));
    let text = std::fs::read_to_string(&csv).unwrap();
    let row: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((row[1], row[2], row[3]), ("coronal", "60", "ellipse"));
    let area: f64 = row[6].parse().unwrap();
    assert!((area - std::f64::consts::PI * 25.0 * 20.0).abs() < 1e-9);
    assert!(row[7].parse::<usize>().unwrap() > 10);
    let slice = window.state().state.viewer.cross.slice;
    assert!(window.state().state.inputs.key_images.contains(&slice));
    send(&mut window, Command::Do(Action::Undo));
    send(&mut window, Command::Do(Action::Undo));
    assert!(
        window.state().state.inputs.key_images.is_empty() && window.state().state.inputs.marks.is_empty()
    );
    send(&mut window, Command::Do(Action::Redo));
    assert_eq!(window.state().state.inputs.marks.len(), 1);
}

#[test]
fn what_was_done_on_a_series_waits_for_its_return() {
    let folder = tempfile::tempdir().unwrap();
    let options = phantom::Options { size: Some(128), slice_mm: Some(8.0) };
    let other = folder.path().join("other");
    phantom::write_series(&Phantom::with(9, options), &other, &Silent).unwrap();
    let mut window = window(vec![study(folder.path())]);
    send(&mut window, Command::Mark(Level::T4, 7));
    let first = window.state().state.viewer.open.as_ref().unwrap().series.uid.clone();
    send(&mut window, Command::OpenPaths(vec![other]));
    assert_ne!(window.state().state.viewer.open.as_ref().unwrap().series.uid, first);
    assert_eq!(window.state().state.inputs.t4, None);
    let index = window.state().state.scan.series.iter().position(|s| s.uid == first).unwrap();
    window.state().jobs.sender().send(Command::ChooseSeries(index)).unwrap();
    // Its voxels were kept: one frame shows it, nothing is read again.
    window.step();
    let open = window.state().state.viewer.open.as_ref().unwrap();
    assert!(open.series.uid == first && open.volume.is_some());
    assert_eq!(window.state().state.inputs.t4, Some(7));
    rest(&mut window);
}

#[test]
fn a_key_is_changed_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    let options = || Options { settings: Some(settings.clone()), ..Options::default() };
    let mut first = window_with(options());
    send(&mut first, Command::Do(Action::Keys));
    send(&mut first, Command::WaitForKey(Some(Action::Invert)));
    first.key_press(egui::Key::F);
    first.run_steps(3);
    let said =
        |window: &Window| window.state().state.messages.last().map(|m| m.text.clone()).unwrap_or_default();
    assert!(said(&first).contains("Fit to view"), "{}", said(&first));
    send(&mut first, Command::WaitForKey(Some(Action::Invert)));
    first.key_press(egui::Key::J);
    first.run_steps(3);
    drop(first);
    let second = window_with(options());
    assert_eq!(second.state().state.keys.key(Action::Invert).unwrap().logical_key, egui::Key::J);
}

#[test]
fn a_closed_series_gives_its_memory_back_and_keeps_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    send(&mut window, Command::Mark(Level::T11, 4));
    send(&mut window, Command::Do(Action::CloseSeries));
    let state = &window.state().state;
    assert!(state.viewer.open.is_none() && state.shelf.bytes() == 0 && state.inputs.t11.is_none());
    send(&mut window, Command::ChooseSeries(0));
    let state = &window.state().state;
    assert!(state.viewer.open.as_ref().is_some_and(|open| open.volume.is_some()), "read again");
    assert_eq!(state.inputs.t11, Some(4));
}

#[test]
fn cine_plays_the_slices_and_escape_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    let slice = window.state().state.viewer.cross.slice;
    window.key_press(egui::Key::C);
    window.run_steps(2);
    let start = Instant::now();
    while window.state().state.viewer.cross.slice == slice {
        assert!(start.elapsed() < PATIENCE, "no picture follows");
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
    window.key_press(egui::Key::Escape);
    window.run_steps(2);
    assert!(!window.state().state.viewer.cine.playing);
}

#[test]
fn a_distance_is_drawn_with_the_mouse_and_turned_views_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study(folder.path())]);
    let view = window.get_by(|node| node.label().is_some_and(|l| l.starts_with("Axial view"))).rect();
    window.key_press(egui::Key::D);
    window.run_steps(2);
    let [a, b] = [view.center() - egui::vec2(60.0, 0.0), view.center() + egui::vec2(60.0, 0.0)];
    window.event(egui::Event::PointerMoved(a));
    window.run_steps(1);
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    window.event(button(a, true));
    window.run_steps(1);
    for i in 1..=6 {
        window.event(egui::Event::PointerMoved(a + (b - a) * (i as f32 / 6.0)));
        window.run_steps(1);
    }
    window.event(button(b, false));
    window.run_steps(3);
    let length = |window: &Window| {
        let marks = &window.state().state.inputs.marks;
        assert_eq!(marks.len(), 1);
        marks[0].shape.length_mm().unwrap()
    };
    let drawn = length(&window);
    let open = window.state().state.viewer.open.as_ref().unwrap();
    let span = open.sections.span_mm(thoracast_dicom::Orientation::Axial)[0];
    assert!(drawn > 0.05 * span && drawn < span, "{drawn} mm");
    for action in [Action::RotateRight, Action::FlipHorizontal] {
        send(&mut window, Command::Do(action));
    }
    assert_eq!(length(&window), drawn);
}
