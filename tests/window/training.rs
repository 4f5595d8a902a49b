//! A network trained from the window, on tiny made-up pictures.

use std::path::Path;
use std::sync::atomic::Ordering;

use egui_kittest::kittest::Queryable;
use thoracast::app::command::{Action, Command};
use thoracast::app::training::TrainingForm;
use thoracast_core::level::Level;
use thoracast_core::nn::weights::WeightsFile;
use thoracast_core::slice::{Picture, write_png};
use thoracast_core::training::{Plan, Preset};

use super::{on_screen, rest, send, window};

/// Pictures of T11's size; stripes tell the class.
fn cohort(folder: &Path) {
    for (number, (split, count)) in [("train", 4), ("valid", 2), ("test", 2)].into_iter().enumerate() {
        for class in 0..2usize {
            for i in 0..count {
                let at = folder.join("images/T11").join(split).join(class.to_string());
                std::fs::create_dir_all(&at).unwrap();
                let shade = |p: usize| {
                    let along = if class == 1 { p % 500 } else { p / 500 };
                    (along / 24 % 2 * 180 + i * 9 + number) as u8
                };
                let picture = Picture { width: 500, height: 400, grey: (0..500 * 400).map(shade).collect() };
                let name = format!("{split}{class}{i}.png");
                std::fs::write(at.join(name), write_png(&picture).unwrap()).unwrap();
            }
        }
    }
}

fn form(cohort: &Path, out: &Path) -> TrainingForm {
    let level = Level::T11;
    // Small pictures and two heads: the run takes a second.
    let plan =
        Plan { shrink: 8, epochs: 3, batch: 4, heads: 2, ..Plan::preset(Preset::Features, level.arch()) };
    let text = |path: &Path| path.display().to_string();
    TrainingForm { level, cohort: text(cohort), out: text(out), plan, test: true, ..TrainingForm::default() }
}

#[test]
fn a_network_is_trained_from_the_form_and_its_curves_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    cohort(folder.path());
    let mut window = window(vec![]);
    send(&mut window, Command::Do(Action::WorkspaceTraining));
    assert!(on_screen(&window, "Choose the cohort's folder."));
    assert!(on_screen(&window, "No training yet"));

    let out = folder.path().join("weights");
    send(&mut window, Command::FillTraining(Box::new(form(folder.path(), &out))));
    window.get_by_label("Start training").click();
    rest(&mut window);
    let run = window.state().state.training.run.as_ref().expect("a run");
    let (path, card) = &**run.end.as_ref().expect("it is over").as_ref().unwrap();
    assert_eq!(run.curve.len(), 3);
    assert!(on_screen(&window, "Training curves") && on_screen(&window, "done"));
    assert!(on_screen(&window, "looked at once"), "the description says how the test went");
    let file = WeightsFile::open(path).unwrap();
    assert_eq!(file.card(Level::T11.arch()).unwrap(), *card);
    assert!(card.trained && card.recipe.shrink == 8 && card.training.as_ref().unwrap().test.is_some());
}

#[test]
fn a_bad_folder_is_named_and_a_run_can_be_paused_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    cohort(folder.path());
    let bad = folder.path().join("images/T11/valid/0/train00.png");
    std::fs::copy(folder.path().join("images/T11/train/0/train00.png"), &bad).unwrap();
    let mut window = window(vec![]);
    send(&mut window, Command::Do(Action::WorkspaceTraining));
    let out = folder.path().join("weights");
    send(&mut window, Command::FillTraining(Box::new(form(folder.path(), &out))));
    send(&mut window, Command::Train);
    assert!(
        on_screen(&window, "train00 (train/0) = train00 (valid/0)"),
        "the patient in two splits is named"
    );
    std::fs::remove_file(bad).unwrap();

    let mut long = form(folder.path(), &out);
    long.plan.epochs = 100_000;
    long.plan.patience = None;
    send(&mut window, Command::FillTraining(Box::new(long.clone())));
    let jobs = window.state().jobs.sender();
    jobs.send(Command::Train).unwrap();
    let epochs =
        |window: &super::Window| window.state().state.training.run.as_ref().map_or(0, |r| r.curve.len());
    let start = std::time::Instant::now();
    while epochs(&window) < 2 && start.elapsed() < super::PATIENCE {
        std::thread::sleep(std::time::Duration::from_millis(10));
        window.step();
    }
    window.get_by_label("Pause").click();
    window.run_steps(3);
    let run = window.state().state.training.run.as_ref().unwrap();
    assert!(run.pause.load(Ordering::Relaxed) && on_screen(&window, "paused"));
    window.get_by_label("Stop").click();
    rest(&mut window);
    assert!(on_screen(&window, "--resume") || on_screen(&window, "cancelled"));
    // What the last epoch left is offered again.
    assert!(on_screen(&window, "Go on from the interrupted run"));
}
