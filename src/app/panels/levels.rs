//! Step 1: the slices at T4 and T11.

use egui::Ui;

use super::super::command::{Action, Command};
use super::super::state::Level;
use super::super::theme;
use super::Scene;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.heading("1  Slices");
        let t = theme::tokens(ui);
        if scene.state.viewer.open.is_none() {
            ui.colored_label(t.muted, "Open a CT series to choose T4 and T11.");
            return;
        }
        egui::Grid::new("levels").num_columns(3).spacing([8.0, 6.0]).show(ui, |ui| {
            for level in Level::ALL {
                row(ui, scene, level);
                ui.end_row();
            }
        });
        ui.add(
            egui::Label::new(
                egui::RichText::new(
                    "Scroll to the level and set it; in the sagittal view the lines can be dragged.",
                )
                .small()
                .color(t.muted),
            )
            .wrap(),
        );
    });
}

fn row(ui: &mut Ui, scene: &mut Scene<'_>, level: Level) {
    let t = theme::tokens(ui);
    let (mark, go) = match level {
        Level::T4 => (Action::MarkT4, Action::GoToT4),
        Level::T11 => (Action::MarkT11, Action::GoToT11),
    };
    let colour = if level == Level::T4 { t.t4 } else { t.t11 };
    ui.label(theme::strong(level.name()).color(colour));
    let chosen = scene.state.inputs.level(level);
    let open = scene.state.viewer.open.as_ref();
    match chosen {
        Some(slice) => {
            let z = open.and_then(|o| o.z_mm(slice)).map_or(String::new(), |z| format!("z {z:.1} mm"));
            let text = format!("slice {slice}  ·  {z}");
            if ui.link(text.replace('-', "−")).on_hover_text(go.info().help).clicked() {
                scene.send(Command::Do(go));
            }
        }
        None => {
            ui.colored_label(t.warning, "not set");
        }
    }
    ui.horizontal(|ui| {
        let info = mark.info();
        if ui.button(info.text).on_hover_text(scene.state.keys.help(ui.ctx(), mark)).clicked() {
            scene.send(Command::Do(mark));
        }
        if chosen.is_some() {
            let clear = ui.small_button("×").on_hover_text(format!("Clear {}", level.name()));
            let name = format!("Clear {}", level.name());
            clear.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if clear.clicked() {
                scene.send(Command::Unmark(level));
            }
        }
    });
}
