//! The dialog that takes network weights from a file.

use egui::{DragValue, RichText, TextEdit, Ui};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::state::{ImportForm, Level};
use super::super::theme;
use super::Scene;
use thoracast_core::library::{self, Candidate, Use};
use thoracast_core::nn::Card;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>, mut form: Box<ImportForm>) {
    ui.set_width(620.0);
    let before = form.clone();
    match form.level {
        Some(level) => ui.heading(format!("Import weights for {}", level.name())),
        None => ui.heading("Import network weights"),
    };
    ui.label("A safetensors or PyTorch .pth file of DenseNet161 (T4) or ResNet50 (T11) with the study's head. No code in it is run.");
    ui.add_space(4.0);
    let sent = file(ui, scene, &mut form);
    ui.add_space(4.0);
    state(ui, scene, &mut form);
    // A button's command refers to the form as it was; typing waits for no button.
    if !sent && form != before {
        scene.send(Command::FillImport(form));
    }
}

/// Path, Browse and Read; true if one was pressed.
fn file(ui: &mut Ui, scene: &mut Scene<'_>, form: &mut ImportForm) -> bool {
    let mut sent = false;
    ui.horizontal(|ui| {
        let width = ui.available_width() - 142.0;
        let field =
            TextEdit::singleline(&mut form.path).hint_text("/path/to/weights.pth").desired_width(width);
        let response = ui.add(field);
        let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Weights file"));
        // Nothing else to do yet: typing goes here.
        if form.path.is_empty() && ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
        if ui.button("Browse…").clicked() {
            scene.send(Command::BrowseWeights);
            sent = true;
        }
        let ready = !form.path.trim().is_empty();
        if ui.add_enabled(ready, egui::Button::new("Read")).clicked() || (entered && ready) {
            scene.send(Command::FillImport(Box::new(form.clone())));
            scene.send(Command::ExamineWeights);
            sent = true;
        }
    });
    sent
}

fn state(ui: &mut Ui, scene: &mut Scene<'_>, form: &mut ImportForm) {
    let t = theme::tokens(ui);
    let busy = scene.jobs.running().find(|(id, p)| *id == JobId::Weights && !p.is_cancelled());
    if let Some((_, progress)) = busy {
        let (stage, done, total) = progress.now();
        let share = if total == 0 { 0.0 } else { done as f32 / total as f32 };
        ui.add(egui::ProgressBar::new(share).text(stage));
    }
    if let Some(refusal) = &form.refusal {
        ui.add(egui::Label::new(RichText::new(refusal).color(t.error)).wrap());
    }
    let busy = busy.is_some();
    match (form.found.clone(), &mut form.card) {
        (Some(found), Some(card)) => match &found.usable_for {
            Use::Predict => network(ui, scene, &found, card, &mut form.confirmed, busy),
            Use::StartOnly(why) => backbone(ui, scene, &found, why, busy),
        },
        _ => {
            if ui.button("Cancel").clicked() {
                scene.send(Command::CloseDialogs);
            }
        }
    }
}

fn summary(ui: &mut Ui, found: &Candidate) {
    let t = theme::tokens(ui);
    let values: usize = found.file.tensors.values().map(|x| x.shape.iter().product::<usize>()).sum();
    let words = format!(
        "{}: {}, {:.1} million values, for {}",
        found.file.format,
        found.level.arch().title(),
        values as f64 / 1e6,
        found.level.name()
    );
    ui.label(theme::strong(words));
    let hash = format!("SHA-256 {}", found.file.sha256);
    ui.add(egui::Label::new(RichText::new(hash).monospace().small().color(t.muted)).wrap());
    ui.separator();
}

/// A whole network: its card, and the button.
fn network(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    found: &Candidate,
    card: &mut Card,
    confirmed: &mut bool,
    busy: bool,
) {
    let t = theme::tokens(ui);
    summary(ui, found);
    if found.has_card {
        ui.label(format!("The card beside the file: {}", card.name));
        ui.add(egui::Label::new(&card.description).wrap());
        ui.label(super::models::preprocessing(&card.recipe));
    } else {
        ui.label("There is no card beside the file. Say what the weights are:");
        edit(ui, card);
    }
    let words = "This is the preprocessing the weights were trained with";
    ui.checkbox(confirmed, words);
    let faults = library::faults(card);
    if let Some(fault) = faults.first() {
        ui.label(RichText::new(format!("To do: {fault}")).color(t.warning));
    }
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let ready = faults.is_empty() && *confirmed && !busy;
        let words = format!("Import for {}", found.level.name());
        let button = ui.add_enabled(ready, egui::Button::new(words));
        if button.on_disabled_hover_text("Complete the card and confirm the preprocessing").clicked() {
            scene.send(Command::InstallWeights);
        }
        if ui.button("Cancel").clicked() {
            scene.send(Command::CloseDialogs);
        }
    });
}

/// Only a backbone: what it is good for.
fn backbone(ui: &mut Ui, scene: &mut Scene<'_>, found: &Candidate, why: &str, busy: bool) {
    let t = theme::tokens(ui);
    summary(ui, found);
    ui.add(egui::Label::new(RichText::new("Only a backbone: it can't predict").color(t.warning)).wrap());
    ui.add(egui::Label::new(RichText::new(why).color(t.muted)).wrap());
    let level = found.level.name().to_lowercase();
    let words = format!("It can be the start of training: thoracast train {level} --init FILE");
    ui.add(egui::Label::new(words).wrap());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        if ui.add_enabled(!busy, egui::Button::new("Save as safetensors…")).clicked() {
            scene.send(Command::BrowseConverted);
        }
        if ui.button("Close").clicked() {
            scene.send(Command::CloseDialogs);
        }
    });
}

/// Normalisations met in published networks: name, mean, standard deviation of each channel.
const NORMALISATIONS: [(&str, [f32; 3], [f32; 3]); 3] = [
    ("ImageNet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ("−1 to 1", [0.5; 3], [0.5; 3]),
    ("0 to 1", [0.0; 3], [1.0; 3]),
];

fn edit(ui: &mut Ui, card: &mut Card) {
    egui::Grid::new("card").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
        let width = 470.0;
        ui.label("Name");
        let field = ui.add(TextEdit::singleline(&mut card.name).desired_width(width));
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Name"));
        ui.end_row();
        ui.label("Trained on");
        let hint = "How many patients, from where, how it did on others";
        let field =
            TextEdit::multiline(&mut card.description).hint_text(hint).desired_rows(2).desired_width(width);
        let field = ui.add(field);
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Trained on"));
        ui.end_row();
        ui.label("");
        ui.checkbox(&mut card.trained, "Trained on patients (otherwise its figures have no meaning)");
        ui.end_row();
        let recipe = &mut card.recipe;
        ui.label("Window");
        ui.horizontal(|ui| {
            ui.add(DragValue::new(&mut recipe.window_hu[0]).suffix(" HU").range(-2000.0..=4000.0));
            ui.label("to");
            ui.add(DragValue::new(&mut recipe.window_hu[1]).suffix(" HU").range(-2000.0..=4000.0));
        });
        ui.end_row();
        ui.label("Picture");
        ui.horizontal(|ui| {
            ui.add(DragValue::new(&mut recipe.width).range(32..=2048));
            ui.label("×");
            ui.add(DragValue::new(&mut recipe.height).suffix(" pixels").range(32..=2048));
            ui.label("shrunk by");
            ui.add(DragValue::new(&mut recipe.shrink).range(1..=8));
        });
        ui.end_row();
        ui.label("Normalisation");
        ui.horizontal(|ui| {
            for (name, mean, sd) in NORMALISATIONS {
                let chosen = recipe.mean == mean && recipe.sd == sd;
                if ui.radio(chosen, name).clicked() {
                    (recipe.mean, recipe.sd) = (mean, sd);
                }
            }
        });
        ui.end_row();
    });
}

/// Whether the imported weights of a level are to go.
pub fn forget(ui: &mut Ui, scene: &mut Scene<'_>, level: Level) {
    ui.set_width(440.0);
    ui.heading(format!("Use the shipped {} network again?", level.name()));
    ui.label(
        "The imported copy is removed from this program's folder; the file it came from stays as it is.",
    );
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        if ui.button("Remove the import").clicked() {
            scene.send(Command::ForgetImport(level));
        }
        if ui.button("Cancel").clicked() {
            scene.send(Command::CloseDialogs);
        }
    });
}
