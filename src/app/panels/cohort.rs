//! The cohort workspace: the clinical table, a row for the open patient.

use egui::{RichText, TextEdit, Ui};
use egui_extras::{Column, TableBuilder};

use super::super::command::{Action, Command};
use super::super::state::Workspace;
use super::super::theme;
use super::Scene;
use crate::app::state::patients;
use crate::clinical::variable;
use crate::cohort::{Row, columns};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    let Some(open) = &scene.state.table else {
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.3).max(20.0));
            ui.heading("No clinical table open");
            ui.colored_label(t.muted, "One row a patient, CSV or XLSX, with an ID column. Drop it here, or");
            ui.add_space(8.0);
            let info = Action::OpenClinical.info();
            if ui.button(info.text).on_hover_text(info.help).clicked() {
                scene.send(Command::Do(Action::OpenClinical));
            }
        });
        return;
    };
    let ids = &open.ids;
    let mut filter = open.filter.clone();
    ui.horizontal(|ui| {
        let name = open.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        ui.heading(name);
        ui.colored_label(t.muted, format!("{}, {} columns", patients(ids.len()), open.table.header.len()));
        ui.add_space(12.0);
        let label = ui.label("Filter");
        let field = TextEdit::singleline(&mut filter).hint_text("ID or any value").desired_width(160.0);
        if ui.add(field).labelled_by(label.id).changed() {
            scene.commands.push(Command::FilterRows(filter.clone()));
        }
        ui.label(RichText::new("Click an ID to use its row for the open patient.").small().color(t.muted));
    });
    ui.separator();
    rows(ui, scene, &filter.to_lowercase());
}

/// What a person reads above a column: our own word where the column is known, else the file's.
fn heading(name: &str) -> &str {
    match columns::key_of(name) {
        Some("id") => "ID",
        Some("metastasis") => "Metastasis",
        Some(key) => variable(key).map_or(name, |v| v.label),
        None => name,
    }
}

fn rows(ui: &mut Ui, scene: &mut Scene<'_>, filter: &str) {
    let Some(open) = &scene.state.table else { return };
    let (ids, rows, headers) = (&open.ids, &open.table.rows, &open.table.header);
    let matches =
        |row: &Row| filter.is_empty() || row.cells.iter().any(|c| c.to_lowercase().contains(filter));
    let shown: Vec<usize> = (0..rows.len()).filter(|&i| matches(&rows[i])).collect();
    let current = scene.state.inputs.id.trim().to_owned();
    let id_column = open.table.column("id");
    let mut picked = None;
    ui.spacing_mut().item_spacing.x = 14.0;
    egui::ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        TableBuilder::new(ui)
            .striped(true)
            .columns(Column::auto().at_least(44.0), headers.len())
            .header(24.0, |mut header| {
                for name in headers {
                    header.col(|ui| drop(ui.label(theme::strong(heading(name))).on_hover_text(name)));
                }
            })
            .body(|body| {
                body.rows(22.0, shown.len(), |mut row| {
                    let index = shown[row.index()];
                    row.set_selected(ids.get(index).is_some_and(|id| *id == current));
                    for (column, cell) in rows[index].cells.iter().enumerate() {
                        row.col(|ui| {
                            if Some(column) != id_column {
                                ui.label(cell);
                            } else if ui.link(cell).clicked() {
                                picked = Some(cell.trim().to_owned());
                            }
                        });
                    }
                });
            });
    });
    if let Some(id) = picked {
        scene.send(Command::PickRow(id));
        scene.send(Command::ShowWorkspace(Workspace::Patient));
    }
}
