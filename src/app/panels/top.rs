//! Menu bar and workspaces.

use egui::{Align, Layout, Ui};

use super::super::command::{ACTIONS, Action, Command, Menu};
use super::super::state::Workspace;
use super::super::theme;
use super::Scene;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        for menu in Menu::ALL {
            ui.menu_button(menu.name(), |ui| entries(ui, menu, scene));
        }
        ui.add_space(16.0);
        for workspace in Workspace::ALL {
            let chosen = scene.state.workspace == workspace;
            if ui.selectable_label(chosen, theme::strong(workspace.name())).clicked() {
                scene.send(Command::ShowWorkspace(workspace));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let other = if scene.state.dark { "Light" } else { "Dark" };
            let info = Action::ToggleTheme.info();
            if ui.button(other).on_hover_text(info.help).clicked() {
                scene.send(Command::Do(Action::ToggleTheme));
            }
            // At large scales the workspaces need the room; Ctrl+P and the result's own sentence remain.
            if ui.available_width() < 280.0 {
                return;
            }
            if ui.button("Find a command…").on_hover_text("Ctrl+P").clicked() {
                scene.send(Command::Do(Action::Palette));
            }
            let t = theme::tokens(ui);
            ui.label(egui::RichText::new("Research use only").color(t.warning).small());
        });
    });
}

fn entries(ui: &mut Ui, menu: Menu, scene: &mut Scene<'_>) {
    ui.set_min_width(260.0);
    if menu == Menu::File && !scene.state.recents.is_empty() {
        ui.menu_button("Recently opened", |ui| {
            for path in &scene.state.recents {
                if ui.button(path.display().to_string()).clicked() {
                    scene.commands.push(Command::OpenPaths(vec![path.clone()]));
                    ui.close();
                }
            }
        });
    }
    egui::ScrollArea::vertical().max_height(ui.ctx().content_rect().height() - 80.0).show(ui, |ui| {
        for info in ACTIONS.iter().filter(|info| info.menu == menu) {
            if super::entry(ui, scene, info.action) {
                ui.close();
            }
        }
    });
}
