//! Dialogs over the window: path, command palette, keys, about.

use egui::{Id, Key, Modal, RichText, ScrollArea, TextEdit, Ui};

use super::super::command::{ACTIONS, ActionInfo, Command};
use super::super::state::Dialog;
use super::super::theme;
use super::Scene;
use thoracast_core::assess::RESEARCH_ONLY;

pub fn show(ctx: &egui::Context, scene: &mut Scene<'_>) {
    let dialog = scene.state.dialog.clone();
    if dialog == Dialog::None {
        return;
    }
    let modal = Modal::new(Id::unique("dialog")).show(ctx, |ui| match dialog {
        Dialog::Path { .. } => path(ui, scene),
        Dialog::Palette { .. } => palette(ui, scene),
        Dialog::Shortcuts => shortcuts(ui, scene),
        Dialog::Keys { waiting } => super::keys::show(ui, scene, waiting),
        Dialog::Anonymize(form) => super::anonymize::show(ui, scene, form),
        Dialog::Import(form) => super::import::show(ui, scene, form),
        Dialog::ForgetImport(level) => super::import::forget(ui, scene, level),
        Dialog::Tags { file, tags } => super::tags::show(ui, &file, &tags),
        Dialog::Mapping => super::mapping::show(ui, scene),
        Dialog::About => about(ui),
        Dialog::None => {}
    });
    if modal.should_close() {
        scene.send(Command::CloseDialogs);
    }
}

/// A text field whose content lives as long as its dialog.
pub fn dialog_text(ui: &mut Ui, name: &str, hint: &str) -> (String, egui::Response) {
    let id = Id::unique(("dialog-text", name));
    let fresh = ui.ctx().cumulative_pass_nr();
    let (mut text, last): (String, u64) = ui.data(|d| d.get_temp(id)).unwrap_or_default();
    // Not drawn in the last passes: the dialog was closed in between, so it starts empty.
    let reopened = fresh.saturating_sub(last) > 2;
    if reopened {
        text.clear();
    }
    let field = TextEdit::singleline(&mut text).hint_text(hint).desired_width(f32::INFINITY);
    let response = ui.add(field);
    if reopened {
        response.request_focus();
    }
    ui.data_mut(|d| d.insert_temp(id, (text.clone(), fresh)));
    (text, response)
}

fn path(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.set_width(520.0);
    ui.heading("Open path");
    ui.label("A folder, DICOM file, ZIP or DICOMDIR, or a clinical table (CSV, XLSX).");
    let (text, response) = dialog_text(ui, "path", "/path/to/study");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path"));
    let entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    ui.horizontal(|ui| {
        if ui.button("Open").clicked() || entered {
            scene.send(Command::TypePath(text));
        }
        if ui.button("Cancel").clicked() {
            scene.send(Command::CloseDialogs);
        }
    });
}

fn palette(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.set_width(480.0);
    let (text, response) = dialog_text(ui, "palette", "Type a command");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Command"));
    let words: Vec<String> = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let matches = |info: &&ActionInfo| {
        let text = format!("{} {}", info.text, info.help).to_lowercase();
        words.iter().all(|w| text.contains(w))
    };
    let found: Vec<&ActionInfo> = ACTIONS.iter().filter(matches).collect();
    if ui.input(|i| i.key_pressed(Key::Enter))
        && let Some(first) = found.first()
    {
        scene.send(Command::CloseDialogs);
        scene.send(Command::Do(first.action));
        return;
    }
    ScrollArea::vertical().max_height(360.0).auto_shrink([false, true]).show(ui, |ui| {
        for info in &found {
            let mut button =
                egui::Button::new(info.text).frame(false).min_size(egui::vec2(ui.available_width(), 22.0));
            button = button.shortcut_text(scene.state.keys.words(ui.ctx(), info.action));
            if ui.add(button).on_hover_text(info.help).clicked() {
                scene.send(Command::CloseDialogs);
                scene.send(Command::Do(info.action));
            }
        }
        if found.is_empty() {
            ui.colored_label(theme::tokens(ui).muted, "No such command.");
        }
    });
}

/// What the mouse does in the views.
const MOUSE: &[(&str, &str)] = &[
    ("Left drag", "Window width and centre, or what the tool does"),
    ("Middle drag", "Move the picture"),
    ("Right drag", "Zoom"),
    ("Right click", "Menu"),
    ("Wheel", "Slices"),
    ("Ctrl + wheel", "Zoom about the pointer"),
    ("Double click", "This view alone, or all views"),
    ("Shift + move", "The other views follow the pointer"),
    ("Drag a line in a reformat", "Move T4, T11 or the shown slice"),
];

fn shortcuts(ui: &mut Ui, scene: &Scene<'_>) {
    ui.set_width(620.0);
    ui.heading("Keys and mouse");
    ScrollArea::vertical().max_height(480.0).auto_shrink([false, true]).show(ui, |ui| {
        egui::Grid::new("keys").num_columns(3).striped(true).spacing([16.0, 4.0]).show(ui, |ui| {
            for (key, does) in MOUSE {
                ui.label(theme::strong(*key));
                ui.label(*does);
                ui.end_row();
            }
            for info in ACTIONS {
                let key = scene.state.keys.words(ui.ctx(), info.action);
                if !key.is_empty() {
                    ui.label(theme::strong(key));
                    ui.label(info.text);
                    ui.label(RichText::new(info.help).small().color(theme::tokens(ui).muted));
                    ui.end_row();
                }
            }
        });
    });
}

fn about(ui: &mut Ui) {
    ui.set_width(460.0);
    ui.heading(format!("Thoracast {}", env!("CARGO_PKG_VERSION")));
    ui.label("Predicts distant metastasis of breast cancer from a chest CT: DenseNet161 at T4, ResNet50 at T11, gradient boosting over the clinicopathological data, a vote, a nomogram.");
    ui.add_space(6.0);
    ui.label(theme::strong(RESEARCH_ONLY));
}
