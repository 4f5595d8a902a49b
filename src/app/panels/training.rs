//! The training workspace: the form on the left, the run on the right.

use egui::{Color32, ComboBox, DragValue, ProgressBar, RichText, TextEdit, Ui};

use super::super::command::{Command, PickPurpose};
use super::super::jobs::JobId;
use super::super::theme;
use super::super::training::{TrainingForm, TrainingRun};
use super::Scene;
use super::lower::chart_in;
use thoracast_core::chart::training::draw;
use thoracast_core::level::Level;
use thoracast_core::nn::EpochPoint;
use thoracast_core::nn::learn::Trainable;
use thoracast_core::training::{Balance, Keep, Plan, Preset, Schedule, checkpoint_path, in_words, publish};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    egui::Panel::left("training form").resizable(true).default_size(360.0).size_range(320.0..=460.0).show(
        ui,
        |ui| {
            let mut form = scene.state.training.form.clone();
            // Start, pause and stop stay in sight however far the options are scrolled.
            egui::Panel::bottom("training start").resizable(false).show(ui, |ui| start(ui, scene, &mut form));
            egui::CentralPanel::no_frame().show(ui, |ui| {
                egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                    fill(ui, scene, &mut form);
                });
            });
            if form != scene.state.training.form {
                scene.send(Command::FillTraining(Box::new(form)));
            }
        },
    );
    egui::CentralPanel::default().show(ui, |ui| run(ui, scene));
}

fn fill(ui: &mut Ui, scene: &mut Scene<'_>, form: &mut TrainingForm) {
    let t = theme::tokens(ui);
    ui.heading("Training");
    ui.colored_label(
        t.muted,
        "A network learns from already-cut slices in images/T4 or T11, train, valid and test, 0 and 1.",
    );
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        for level in Level::ALL {
            let words = format!("{}: {}", level.name(), level.arch().title());
            if ui.selectable_label(form.level == level, words).clicked() {
                form.choose(level, form.plan.preset);
            }
        }
    });
    path(ui, scene, "Cohort folder", &mut form.cohort, PickPurpose::TrainingCohort);
    path(ui, scene, "Start from weights", &mut form.init, PickPurpose::TrainingInit);
    ui.label(
        RichText::new("Empty: random numbers. ImageNet weights from torchvision (.pth) fit here.")
            .small()
            .color(t.muted),
    );
    path(ui, scene, "Folder for the weights", &mut form.out, PickPurpose::TrainingOut);
    ui.add_space(6.0);
    ui.label(theme::strong("Recipe"));
    for (preset, name, words) in PRESETS {
        let chosen = form.plan.preset == preset;
        if ui.radio(chosen, name).on_hover_text(words).clicked() && !chosen {
            form.choose(form.level, preset);
        }
    }
    ui.add_space(4.0);
    options(ui, &mut form.plan);
}

const PRESETS: [(Preset, &str, &str); 4] = [
    (
        Preset::Study,
        "As published",
        "Frozen backbone, head, flooding at 0.1, Adam, weighted sampler, rotation and flips; needs ImageNet weights to mean anything",
    ),
    (
        Preset::Features,
        "Heads on fixed features",
        "Features computed once, an ensemble of heads in minutes; needs a trained backbone",
    ),
    (Preset::FineTune, "Fine-tuning", "The last two stages learn as well, cosine schedule, early stopping"),
    (Preset::Scratch, "From scratch", "Everything learns, from random numbers, on pictures of half the size"),
];

fn path(ui: &mut Ui, scene: &mut Scene<'_>, name: &str, text: &mut String, purpose: PickPurpose) {
    ui.add_space(4.0);
    let label = ui.label(name);
    let row = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if ui.button("Choose…").clicked() {
            scene.send(Command::PickForTraining(purpose));
        }
        ui.add(TextEdit::singleline(text).desired_width(ui.available_width())).labelled_by(label.id);
    });
}

fn options(ui: &mut Ui, plan: &mut Plan) {
    egui::Grid::new("training options").num_columns(2).spacing([12.0, 4.0]).show(ui, |ui| {
        number(ui, "Epochs", DragValue::new(&mut plan.epochs).range(1..=100_000));
        number(ui, "Batch", DragValue::new(&mut plan.batch).range(1..=1024));
        let speed = plan.learning_rate * 0.02;
        number(
            ui,
            "Learning rate",
            DragValue::new(&mut plan.learning_rate)
                .range(1e-7..=1.0)
                .speed(speed)
                .custom_formatter(|v, _| format!("{v:.2e}"))
                .custom_parser(|text| text.trim().parse().ok()),
        );
        choice(
            ui,
            "Schedule",
            &mut plan.schedule,
            &[(Schedule::Constant, "constant"), (Schedule::Cosine, "cosine")],
        );
        number(ui, "Flooding", DragValue::new(&mut plan.flooding).range(0.0..=1.0).speed(0.01));
        number(ui, "Dropout", DragValue::new(&mut plan.dropout).range(0.0..=0.9).speed(0.01));
        number(ui, "Weight decay", DragValue::new(&mut plan.weight_decay).range(0.0..=1.0).speed(0.001));
        let balances = [
            (Balance::Sampler, "drawn equally often"),
            (Balance::Loss, "weighed in the loss"),
            (Balance::None, "as they come"),
        ];
        choice(ui, "Classes", &mut plan.balance, &balances);
        let learns = [
            (Trainable::Head, "the head"),
            (Trainable::LastStages(1), "head and last stage"),
            (Trainable::LastStages(2), "head and last two stages"),
            (Trainable::LastStages(3), "head and last three stages"),
            (Trainable::All, "everything"),
        ];
        choice(ui, "Learns", &mut plan.learns, &learns);
        let kept = [
            (Keep::Loss, "lowest validation loss"),
            (Keep::Auc, "highest validation AUC"),
            (Keep::Last, "the last"),
        ];
        choice(ui, "Kept epoch", &mut plan.keep, &kept);
        let mut patience = plan.patience.unwrap_or(0);
        let stop =
            DragValue::new(&mut patience).range(0..=10_000).custom_formatter(|v, _| match v as usize {
                0 => "never".to_owned(),
                n => format!("after {n} epochs without a better one"),
            });
        number(ui, "Stops early", stop);
        plan.patience = (patience > 0).then_some(patience);
        number(ui, "Heads (ensemble)", DragValue::new(&mut plan.heads).range(1..=50));
        number(ui, "Pixels taken together", DragValue::new(&mut plan.shrink).range(1..=8));
        number(
            ui,
            "Turned by up to",
            DragValue::new(&mut plan.augment.rotation_deg).range(0.0..=180.0).suffix("°"),
        );
        flag(ui, "Flipped left to right", &mut plan.augment.flip_horizontal);
        flag(ui, "Flipped front to back", &mut plan.augment.flip_vertical);
        share(ui, "Shifted by up to", &mut plan.augment.shift);
        share(ui, "Zoomed by up to", &mut plan.augment.zoom);
        share(ui, "Shaded by up to", &mut plan.augment.grey);
        number(ui, "Seed", DragValue::new(&mut plan.seed));
    });
}

fn number(ui: &mut Ui, name: &str, value: DragValue<'_>) {
    let label = ui.label(name);
    ui.add(value).labelled_by(label.id);
    ui.end_row();
}

fn share(ui: &mut Ui, name: &str, value: &mut f64) {
    let mut percent = *value * 100.0;
    number(ui, name, DragValue::new(&mut percent).range(0.0..=50.0).suffix(" %"));
    *value = percent / 100.0;
}

fn flag(ui: &mut Ui, name: &str, value: &mut bool) {
    let label = ui.label(name);
    ui.checkbox(value, "").labelled_by(label.id);
    ui.end_row();
}

fn choice<T: PartialEq + Copy>(ui: &mut Ui, name: &str, value: &mut T, all: &[(T, &str)]) {
    let label = ui.label(name);
    let shown = all.iter().find(|(v, _)| v == value).map_or("", |(_, words)| words);
    let combo = ComboBox::from_id_salt(name).width(190.0).selected_text(shown).show_ui(ui, |ui| {
        for (option, words) in all {
            ui.selectable_value(value, *option, *words);
        }
    });
    combo.response.labelled_by(label.id);
    ui.end_row();
}

fn start(ui: &mut Ui, scene: &mut Scene<'_>, form: &mut TrainingForm) {
    ui.add_space(4.0);
    ui.checkbox(&mut form.test, "Evaluate once on the test split when done");
    if !form.out.trim().is_empty() && checkpoint_path(&form.weights()).exists() {
        ui.checkbox(&mut form.resume, "Go on from the interrupted run in that folder");
    } else {
        form.resume = false;
    }
    let running = scene.jobs.is_running(JobId::Train);
    let missing = form.missing();
    ui.horizontal(|ui| {
        let words = if form.resume { "Go on training" } else { "Start training" };
        if ui.add_enabled(missing.is_none() && !running, egui::Button::new(theme::strong(words))).clicked() {
            scene.send(Command::FillTraining(Box::new(form.clone())));
            scene.send(Command::Train);
        }
        if let Some(run) = scene.state.training.run.as_ref().filter(|_| running) {
            let paused = run.paused();
            if ui.button(if paused { "Go on" } else { "Pause" }).clicked() {
                scene.send(Command::PauseTraining(!paused));
            }
            if ui
                .button("Stop")
                .on_hover_text("The last epoch stays on disk; the run can go on from it")
                .clicked()
            {
                scene.send(Command::CancelJob(JobId::Train));
            }
        }
    });
    if let Some(words) = missing {
        ui.colored_label(theme::tokens(ui).muted, words);
    }
    ui.add_space(4.0);
}

fn run(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    let Some(run) = &scene.state.training.run else {
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.3).max(20.0));
            ui.heading("No training yet");
            ui.colored_label(
                t.muted,
                "Choose a cohort folder and a recipe; loss and AUC appear here epoch by epoch.",
            );
        });
        return;
    };
    ui.horizontal(|ui| {
        ui.heading(format!("{} {}", run.form.level.name(), run.form.level.arch().title()));
        let (words, colour) = standing(run, scene, t.muted, t.error);
        ui.colored_label(colour, words);
    });
    if let Some((_, progress)) = scene.jobs.running().find(|(id, _)| *id == JobId::Train) {
        let (stage, done, total) = progress.now();
        let share = if total > 0 { done as f32 / total as f32 } else { 0.0 };
        ui.add(ProgressBar::new(share).text(stage).desired_width(ui.available_width().min(700.0)));
    }
    ui.add_space(6.0);
    let space = ui.available_size();
    let chart = draw(&run.chart(), space.x.clamp(420.0, 980.0));
    ui.allocate_ui(egui::vec2(space.x, (space.y - 150.0).max(160.0).min(chart.height * 1.6)), |ui| {
        chart_in(ui, &chart)
    });
    ui.add_space(8.0);
    last_epoch(ui, run);
    if let Some(Ok(done)) = &run.end {
        ui.add(egui::Label::new(&done.1.description).wrap());
        ui.horizontal_wrapped(|ui| {
            ui.label("Written to");
            ui.monospace(done.0.display().to_string());
        });
        let path = done.0.clone();
        if ui.button("Use these weights…").on_hover_text("Import them for this user's predictions").clicked()
        {
            scene.commands.push(Command::Dropped(vec![path]));
        }
        if let Some(record) = &done.1.training {
            ui.colored_label(t.muted, format!("Validation: {}", publish::figures(&record.validation)));
        }
    }
}

fn standing(run: &TrainingRun, scene: &Scene<'_>, muted: Color32, error: Color32) -> (String, Color32) {
    match &run.end {
        None if run.paused() => ("paused".to_owned(), muted),
        None if !scene.jobs.is_running(JobId::Train) => ("stopping".to_owned(), muted),
        None => match run.seconds_left() {
            Some(left) => {
                let left = in_words(std::time::Duration::from_secs_f64(left));
                (format!("at most {left} left"), muted)
            }
            None => ("the first epoch is running".to_owned(), muted),
        },
        Some(Ok(_)) => ("done".to_owned(), muted),
        Some(Err(sentence)) => (sentence.clone(), error),
    }
}

fn last_epoch(ui: &mut Ui, run: &TrainingRun) {
    let Some(last) = run.curve.last() else { return };
    let kept = run.curve.iter().find(|p| p.epoch == run.kept);
    let words = |name: &str, p: &EpochPoint| {
        format!(
            "{name} {} of {}: training loss {:.3}, validation loss {:.3}, validation AUC {:.3}",
            p.epoch, run.form.plan.epochs, p.train_loss, p.valid_loss, p.valid_auc
        )
    };
    ui.label(words("Epoch", last));
    if let Some(kept) = kept {
        ui.label(words("Kept so far: epoch", kept));
    }
}
