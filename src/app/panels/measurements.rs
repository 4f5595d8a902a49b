//! The Measurements tab: what was measured on this series, and its key images.

use egui::{RichText, ScrollArea, Ui};

use super::super::command::{Action, Command};
use super::super::theme;
use super::Scene;
use super::views::marks::words;
use thoracast_dicom::{Orientation, Section};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let t = theme::tokens(ui);
    let Some(open) = &state.viewer.open else {
        ui.colored_label(t.muted, "Open a series to measure on it.");
        return;
    };
    ui.horizontal_wrapped(|ui| {
        for action in [Action::ExportMarks, Action::DeleteMarks, Action::NextKeyImage] {
            let help = state.keys.help(ui.ctx(), action);
            if ui.button(action.info().text).on_hover_text(help).clicked() {
                scene.send(Command::Do(action));
            }
        }
        ui.separator();
        ui.label("Key images:");
        if state.inputs.key_images.is_empty() {
            ui.colored_label(t.muted, "none yet (K marks the shown slice)");
        }
        for &slice in &state.inputs.key_images {
            if ui.link(slice.to_string()).on_hover_text("Show this slice").clicked() {
                scene.send(Command::ShowSlice(slice));
            }
        }
    });
    ui.separator();
    if state.inputs.marks.is_empty() {
        let help = "Nothing measured yet: take a tool above the views (D distance, A angle, E ellipse, O polygon, L freehand, P probe).";
        ui.colored_label(t.muted, help);
        return;
    }
    ScrollArea::both().auto_shrink([false, false]).show(ui, |ui| {
        egui::Grid::new("measurements").num_columns(5).striped(true).spacing([18.0, 5.0]).show(ui, |ui| {
            for (number, mark) in state.inputs.marks.iter().enumerate() {
                let Section { orientation, index } = mark.section;
                let chosen = state.viewer.selected == Some(number);
                let name = format!("{}  {}", number + 1, mark.shape.name());
                if ui.selectable_label(chosen, name).clicked() {
                    scene.send(Command::ShowSection(mark.section));
                    scene.send(Command::Activate(orientation));
                    scene.send(Command::SelectMark(Some(number)));
                }
                ui.label(RichText::new(format!("{} {index}", place(orientation))).color(t.muted));
                let figures = scene.pictures.statistics(open, mark);
                ui.label(words(&mark.shape, figures, open).join(",  "));
                ui.label(figures.map_or(String::new(), |s| format!("{} voxels", s.pixels)));
                let delete = ui.small_button("×").on_hover_text("Delete");
                let label = format!("Delete measurement {}", number + 1);
                delete.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
                if delete.clicked() {
                    scene.send(Command::DeleteMark(number));
                }
                ui.end_row();
            }
        });
    });
}

fn place(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Axial => "axial slice",
        Orientation::Sagittal => "sagittal column",
        Orientation::Coronal => "coronal row",
    }
}
