//! Choosing other keys for the commands.

use egui::{Key, KeyboardShortcut, RichText, ScrollArea, Ui};

use super::super::action::{ACTIONS, Action};
use super::super::command::Command;
use super::super::theme;
use super::Scene;
use super::dialogs::dialog_text;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>, waiting: Option<Action>) {
    ui.set_width(640.0);
    ui.heading("Keys");
    if let Some(action) = waiting {
        return wait(ui, scene, action);
    }
    ui.horizontal(|ui| {
        if ui.button("Usual keys for all").clicked() {
            scene.send(Command::ResetKeys);
        }
        ui.colored_label(theme::tokens(ui).muted, "Press a command's key to change it.");
    });
    let (text, response) = dialog_text(ui, "keys", "Find a command");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find a command"));
    let text = text.to_lowercase();
    ScrollArea::vertical().max_height(440.0).auto_shrink([false, true]).show(ui, |ui| {
        egui::Grid::new("key-list").num_columns(3).striped(true).spacing([16.0, 4.0]).show(ui, |ui| {
            for info in ACTIONS.iter().filter(|info| info.text.to_lowercase().contains(&text)) {
                row(ui, scene, info.action);
                ui.end_row();
            }
        });
    });
}

fn row(ui: &mut Ui, scene: &mut Scene<'_>, action: Action) {
    let text = action.info().text;
    ui.label(text);
    let words = scene.state.keys.words(ui.ctx(), action);
    let shown = if words.is_empty() { "none" } else { &words };
    let button = ui.add(egui::Button::new(RichText::new(shown)).min_size(egui::vec2(120.0, 0.0)));
    let name = format!("Key of {text}: {shown}");
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if button.clicked() {
        scene.send(Command::WaitForKey(Some(action)));
    }
    ui.horizontal(|ui| {
        if !words.is_empty() && ui.small_button("Take away").clicked() {
            scene.send(Command::SetKey(action, None));
        }
        if scene.state.keys.is_changed(action) && ui.small_button("Usual").clicked() {
            scene.send(Command::SetKey(action, action.info().key));
        }
    });
}

fn wait(ui: &mut Ui, scene: &mut Scene<'_>, action: Action) {
    ui.label(format!("Press the new key for “{}”, with Ctrl, Alt or Shift if you like.", action.info().text));
    if ui.button("Cancel").clicked() {
        return scene.send(Command::WaitForKey(None));
    }
    let pressed = ui.input(|input| {
        input.events.iter().find_map(|event| match event {
            egui::Event::Key { key, pressed: true, repeat: false, modifiers, .. } => Some((*modifiers, *key)),
            _ => None,
        })
    });
    if let Some((modifiers, key)) = pressed {
        let mut held = egui::Modifiers::NONE;
        for (is, modifier) in [
            (modifiers.command || modifiers.ctrl, egui::Modifiers::COMMAND),
            (modifiers.alt, egui::Modifiers::ALT),
            (modifiers.shift, egui::Modifiers::SHIFT),
        ] {
            if is {
                held = held.plus(modifier);
            }
        }
        // Tab moves between the controls everywhere.
        if key != Key::Tab {
            scene.send(Command::SetKey(action, Some(KeyboardShortcut::new(held, key))));
        }
    }
}
