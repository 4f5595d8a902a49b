//! The models workspace and Grad-CAM as a person uses them: weights brought in and taken away, classes, layers, colours.

#![allow(clippy::unwrap_used)] // a failed unwrap is how a test fails, in its helpers too

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use thoracast::app::command::{Action, Command};
use thoracast::app::settings::Settings;
use thoracast::app::state::{Dialog, Level, Severity, Tab};
use thoracast::app::{Options, Workstation};
use thoracast_core::cam::{ColourMap, Look};
use thoracast_core::nn::state_dict::{RawTensor, StateDict};
use thoracast_core::nn::{Arch, pattern, weights};
use thoracast_core::phantom::{self, Phantom};
use thoracast_files::progress::Silent;

type Window = Harness<'static, Workstation>;

/// Longer than any step takes in a debug build.
const PATIENCE: Duration = Duration::from_secs(120);

/// The shipped clinical model and nomogram without network weights: what is imported is then the only trained network.
fn shipped(folder: &Path) -> PathBuf {
    let models = folder.join("shipped");
    std::fs::create_dir_all(&models).unwrap();
    for name in ["clinical.json", "nomogram.json"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
        std::fs::copy(from, models.join(name)).unwrap();
    }
    models
}

fn window(folder: &Path, paths: Vec<PathBuf>) -> Window {
    let options = Options {
        paths,
        models: Some(shipped(folder)),
        library: Some(folder.join("library")),
        settings: Some(folder.join("settings.json")),
        ..Options::default()
    };
    let mut window =
        Harness::builder().with_size([1280.0, 800.0]).build_eframe(move |cc| Workstation::new(cc, options));
    rest(&mut window);
    window
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

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    rest(window);
}

fn on_screen(window: &Window, part: &str) -> bool {
    window.root().children_recursive().any(|node| {
        let node = node.accesskit_node();
        node.label().is_some_and(|l| l.contains(part)) || node.value().is_some_and(|v| v.contains(part))
    })
}

/// A small synthetic patient, open and predicted.
fn predicted(folder: &Path) -> Window {
    let study = folder.join("study");
    let options = phantom::Options { size: Some(128), slice_mm: Some(8.0) };
    phantom::write_series(&Phantom::with(3, options), &study, &Silent).unwrap();
    let truth = phantom::read_truth(&study).unwrap();
    let mut window = window(folder, vec![study.clone()]);
    for level in Level::ALL {
        send(&mut window, Command::Mark(level, truth.slice_of(level.name()).unwrap()));
    }
    send(&mut window, Command::OpenPaths(vec![study.join("clinical.csv")]));
    send(&mut window, Command::Do(Action::Predict));
    assert!(window.state().state.outcome.assessment.is_some());
    window
}

fn write(folder: &Path, name: &str, dict: &StateDict) -> PathBuf {
    let path = folder.join(name);
    weights::save(dict, &path).unwrap();
    path
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
fn dropped_weights_are_imported_used_and_taken_away_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "hospital.safetensors", &pattern::state_dict(Arch::Resnet50, 5));
    let mut window = predicted(folder.path());
    let sha256_of = |window: &Window| {
        let state = &window.state().state;
        state.outcome.assessment.as_ref().map(|a| a.models["t11"].clone()).unwrap()
    };
    let shipped = sha256_of(&window);

    window.input_mut().dropped_files = vec![std::sync::Arc::new(Dropped(file.clone())) as _];
    window.step();
    rest(&mut window);
    assert!(on_screen(&window, "There is no card beside the file"));
    assert!(on_screen(&window, "To do: say what it was trained on"));
    let field = window.get_by_role_and_label(Role::TextInput, "Trained on");
    field.focus();
    window.run_steps(2);
    window.event(egui::Event::Text("740 patients of one hospital".into()));
    window.run_steps(2);
    assert!(!on_screen(&window, "To do:"));
    // Not before the preprocessing is confirmed.
    click(&mut window, "Import for T11");
    assert!(matches!(window.state().state.dialog, Dialog::Import(_)));
    click(&mut window, "This is the preprocessing the weights were trained with");
    window.get_by_label("Import for T11").click();
    window.run_steps(2);
    rest(&mut window);
    assert_eq!(window.state().state.dialog, Dialog::None);

    let card = window.state().models().unwrap().t11.card.clone();
    assert_eq!((card.name.as_str(), card.trained), ("hospital", true));
    assert_eq!(card.description, "740 patients of one hospital");
    for words in ["imported", "740 patients of one hospital", "safetensors, 9", "hospital", "−150 to −50 HU"]
    {
        assert!(on_screen(&window, words), "{words}");
    }
    // The open patient's result followed the new network.
    let imported = sha256_of(&window);
    assert_ne!(imported, shipped);
    assert!(on_screen(&window, &imported), "the hash is on the card");

    click(&mut window, "Use the shipped T11 network again…");
    click(&mut window, "Remove the import");
    assert!(!window.state().models().unwrap().t11.card.trained);
    assert_eq!(sha256_of(&window), shipped);
    assert!(file.exists(), "the file it came from stays");
}

#[test]
fn what_does_not_fit_is_refused_on_screen_and_a_backbone_can_only_be_converted() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = pattern::state_dict(Arch::Resnet50, 0);
    let whole = write(folder.path(), "whole.safetensors", &dict);
    let bytes = std::fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.safetensors");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    dict.retain(|name, _| !name.starts_with("fc."));
    dict.insert("fc.weight".into(), RawTensor::from_f32(vec![1000, 2048], &vec![0.0; 2_048_000]));
    dict.insert("fc.bias".into(), RawTensor::from_f32(vec![1000], &vec![0.0; 1000]));
    let imagenet = write(folder.path(), "imagenet.safetensors", &dict);

    let mut window = window(folder.path(), Vec::new());
    send(&mut window, Command::Do(Action::WorkspaceModels));
    let mut read = |level: &str, path: &Path| {
        click(&mut window, &format!("Import weights for {level}…"));
        let field = window.get_by_role_and_label(Role::TextInput, "Weights file");
        field.focus();
        window.run_steps(2);
        window.event(egui::Event::Text(path.display().to_string()));
        window.run_steps(2);
        click(&mut window, "Read");
        let Dialog::Import(form) = window.state().state.dialog.clone() else { panic!("the dialog closed") };
        if let Some(refusal) = &form.refusal {
            assert!(on_screen(&window, refusal));
            click(&mut window, "Cancel");
        }
        (form.refusal.unwrap_or_default(), on_screen(&window, "Only a backbone: it can't predict"))
    };
    let (words, _) = read("T4", &whole);
    assert!(words.contains("whole.safetensors") && words.contains("import them for T11"), "{words}");
    let (words, _) = read("T11", &cut);
    assert!(words.contains("cut.safetensors") && words.contains("cut short"), "{words}");
    let (words, _) = read("T11", &folder.path().join("nowhere.pth"));
    assert!(words.contains("nowhere.pth"), "{words}");
    let (words, backbone) = read("T11", &imagenet);
    assert!(words.is_empty() && backbone, "{words}");
    assert!(on_screen(&window, "thoracast train t11 --init"));
    let start = folder.path().join("start.safetensors");
    send(&mut window, Command::ConvertWeightsTo(start.clone()));
    assert_eq!(weights::WeightsFile::open(&start).unwrap().tensors, dict);
    // Even when asked past the dialog, a backbone is not put in place.
    send(&mut window, Command::InstallWeights);
    assert!(on_screen(&window, "can't predict"));
    assert!(!folder.path().join("library/t11").exists());
}

#[test]
fn without_a_library_importing_says_why_not() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let options = Options { models: Some(models), ..Options::default() };
    let mut window =
        Harness::builder().with_size([1280.0, 800.0]).build_eframe(move |cc| Workstation::new(cc, options));
    rest(&mut window);
    send(&mut window, Command::Do(Action::ImportWeights));
    let state = &window.state().state;
    assert_eq!(state.dialog, Dialog::None);
    let told = state.messages.iter().any(|m| m.severity == Severity::Warning && m.text.contains("--models"));
    assert!(told);
}

#[test]
fn grad_cam_follows_class_layer_and_colours_and_they_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = predicted(folder.path());
    send(&mut window, Command::ShowTab(Tab::Reasons));
    assert!(on_screen(&window, "T4 Grad-CAM for metastasis at denseblock4"));
    assert!(on_screen(&window, "Legend: Turbo"));
    let heat = |window: &Window, number| {
        let state = &window.state().state;
        state.outcome.heat(&state.cam, number).cloned().expect("computed")
    };
    let before = [heat(&window, 0), heat(&window, 1)];

    click(&mut window, "Class: metastasis");
    // The branches' votes say the same words beside the menu.
    window.get_by_role_and_label(Role::Button, "no metastasis").click();
    rest(&mut window);
    assert!(on_screen(&window, "T4 Grad-CAM for no metastasis at denseblock4"));
    assert!(on_screen(&window, "T11 Grad-CAM for no metastasis at layer4"));
    let words = match heat(&window, 1).is_empty() {
        true => "T11 layer4: nothing speaks for no metastasis",
        false => "T11: no metastasis, layer4",
    };
    assert!(on_screen(&window, words), "{words}");
    assert_ne!(heat(&window, 0), before[0]);

    click(&mut window, "Layer: last layer");
    click(&mut window, "1 before last");
    assert!(on_screen(&window, "T11 Grad-CAM for no metastasis at layer3"));
    assert!(heat(&window, 1).width > before[1].width, "a map further forward is finer");

    click(&mut window, "Colours: Turbo");
    click(&mut window, "Inferno");
    assert!(on_screen(&window, "Legend: Inferno"));

    // The report shows and says the same.
    send(&mut window, Command::ShowTab(Tab::Report));
    let said = |window: &Window, words: &str| {
        let pages = &window.state().state.outcome.report_pages;
        pages.iter().flat_map(|p| p.texts()).any(|t| t.text.contains(words))
    };
    let words = match heat(&window, 1).is_empty() {
        true => "layer3: nothing speaks for no metastasis",
        false => "Grad-CAM for no metastasis at layer3",
    };
    assert!(said(&window, words) && said(&window, "Inferno"), "{words}");
    let pages = window.state().state.outcome.report_pages.clone();
    let look = Look { opacity: 0.2, ..window.state().state.cam };
    send(&mut window, Command::SetCam { look, keep: true });
    assert_ne!(window.state().state.outcome.report_pages, pages, "opacity reaches the report");

    let kept = Settings::read(&folder.path().join("settings.json")).unwrap().cam;
    assert_eq!(kept, Look { map: ColourMap::Inferno, opacity: 0.2, class: 0, layer: 3 });
    drop(window);
    let again = self::window(folder.path(), Vec::new());
    assert_eq!(again.state().state.cam, kept);
}
