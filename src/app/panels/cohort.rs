//! The cohort workspace's table: sorted by a click on a heading, filtered by terms, one column drawn beside it.

use egui::{RichText, TextEdit, Ui};
use egui_extras::{Column, TableBuilder};

use super::super::cohort::{Ask, CohortCommand};
use super::super::command::{Action, Command};
use super::super::theme;
use super::Scene;
use crate::app::state::patients;
use thoracast_core::cohort::values::label;

const FILTER_HELP: &str = "Any text, or terms that all hold: age>50 er=1 missing:cea present:lvi \"Tumor size\"<=2 (=, !=, <, <=, >, >=; names with spaces in quotation marks)";
/// Wider columns are cut; the whole text is in the tooltip.
const WIDEST: f32 = 260.0;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.state.table.is_none() {
        return empty(ui, scene);
    }
    toolbar(ui, scene);
    if let Some(problem) = &scene.state.cohort.arrangement.problem {
        let t = theme::tokens(ui);
        ui.add(
            egui::Label::new(
                RichText::new(format!("The filter is not applied: {problem}.")).color(t.warning),
            )
            .wrap(),
        );
    }
    ui.separator();
    if scene.state.cohort.chart.is_some() {
        egui::Panel::right("distribution")
            .resizable(true)
            .default_size(340.0)
            .size_range(260.0..=560.0)
            .show(ui, |ui| super::distribution::show(ui, scene));
    }
    egui::CentralPanel::no_frame().show(ui, |ui| rows(ui, scene));
}

fn empty(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).max(20.0));
        ui.heading("No clinical table open");
        ui.colored_label(t.muted, "One row a patient, CSV or XLSX, or a cohort folder. Drop it here, or");
        ui.add_space(8.0);
        for action in [Action::OpenClinical, Action::OpenCohort] {
            let info = action.info();
            if ui.add_sized([230.0, 28.0], egui::Button::new(info.text)).on_hover_text(info.help).clicked() {
                scene.send(Command::Do(action));
            }
        }
    });
}

fn toolbar(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(open) = &scene.state.table else { return };
    let t = theme::tokens(ui);
    let (mut filter, all) = (open.filter.clone(), open.table.rows.len());
    let shown = scene.state.cohort.arrangement.rows.as_ref().map_or(all, |rows| rows.len());
    let name = open.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let counts = if shown == all { patients(all) } else { format!("{shown} of {}", patients(all)) };
    ui.horizontal_wrapped(|ui| {
        ui.heading(name);
        ui.colored_label(t.muted, format!("{counts}, {} columns", open.table.header.len()));
        let caption = ui.label("Filter");
        let field =
            TextEdit::singleline(&mut filter).hint_text("age>50 er=1 missing:cea").desired_width(220.0);
        if ui.add(field).labelled_by(caption.id).on_hover_text(FILTER_HELP).changed() {
            scene.commands.push(Command::FilterRows(filter.clone()));
        }
        chart_choice(ui, scene);
        let info = Action::MapColumns.info();
        if ui.button(info.text).on_hover_text(info.help).clicked() {
            scene.send(Command::Do(Action::MapColumns));
        }
        let info = Action::OpenCohort.info();
        if ui.button(info.text).on_hover_text(info.help).clicked() {
            scene.send(Command::Cohort(CohortCommand::Ask(Ask::Folder)));
        }
    });
}

fn chart_choice(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(open) = &scene.state.table else { return };
    let caption = ui.label("Chart");
    let now = scene.state.cohort.chart;
    let name = |c: usize| open.table.header.get(c).map_or("", |h| label(h)).to_owned();
    let mut chosen = None;
    egui::ComboBox::from_id_salt("chart column")
        .selected_text(now.map_or("none".to_owned(), name))
        .width(120.0)
        .height(360.0)
        .show_ui(ui, |ui| {
            if ui.selectable_label(now.is_none(), "none").clicked() {
                chosen = Some(None);
            }
            for column in 0..open.table.header.len() {
                if ui.selectable_label(now == Some(column), name(column)).clicked() {
                    chosen = Some(Some(column));
                }
            }
        })
        .response
        .labelled_by(caption.id);
    if let Some(column) = chosen {
        scene.send(Command::Cohort(CohortCommand::Chart(column)));
    }
}

/// How wide a column must be so that no word of its heading is broken, with room for the sorting sign.
fn longest_word(ui: &Ui, heading: &str) -> f32 {
    let font = egui::FontId::new(egui::TextStyle::Button.resolve(ui.style()).size, theme::semibold());
    let width = |word: &str| {
        ui.painter().layout_no_wrap(word.to_owned(), font.clone(), egui::Color32::WHITE).size().x
    };
    heading.split_whitespace().map(width).fold(44.0, f32::max).min(WIDEST)
}

fn rows(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(open) = &scene.state.table else { return };
    let (table, headers) = (&open.table, &open.table.header);
    let arrangement = &scene.state.cohort.arrangement;
    let count = arrangement.rows.as_ref().map_or(table.rows.len(), |rows| rows.len());
    let current = scene.state.inputs.id.trim().to_owned();
    let id_column = table.column("id");
    let (mut picked, mut sorted) = (None, None);
    ui.spacing_mut().item_spacing.x = 14.0;
    egui::ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        let widths: Vec<f32> = headers.iter().map(|name| longest_word(ui, label(name))).collect();
        let columns = widths.into_iter().map(|width| Column::auto().at_least(width).at_most(WIDEST));
        columns
            .fold(TableBuilder::new(ui).id_salt(&open.path).striped(true), TableBuilder::column)
            .header(24.0, |mut header| {
                for (column, name) in headers.iter().enumerate() {
                    header.col(|ui| {
                        let sign = match arrangement.sorting {
                            Some(s) if s.column == column && s.descending => " ▼",
                            Some(s) if s.column == column => " ▲",
                            _ => "",
                        };
                        let heading = theme::strong(format!("{}{sign}", label(name)));
                        let button = egui::Button::new(heading).frame(false);
                        if ui.add(button).on_hover_text(format!("{name} – click to sort")).clicked() {
                            sorted = Some(column);
                        }
                    });
                }
            })
            .body(|body| {
                body.rows(22.0, count, |mut row| {
                    let at = row.index();
                    let index = arrangement.rows.as_ref().and_then(|r| r.get(at).copied()).unwrap_or(at);
                    let Some(cells) = table.rows.get(index).map(|r| &r.cells) else { return };
                    let own = id_column.and_then(|c| table.text(index, c)).is_some_and(|id| id == current);
                    row.set_selected(own && !current.is_empty());
                    for (column, cell) in cells.iter().enumerate() {
                        row.col(|ui| {
                            if Some(column) != id_column {
                                ui.label(cell);
                            } else if ui
                                .link(cell)
                                .on_hover_text("Open this patient: with the own series, or the row alone")
                                .clicked()
                            {
                                picked = Some(cell.trim().to_owned());
                            }
                        });
                    }
                });
            });
    });
    if let Some(column) = sorted {
        scene.send(Command::Cohort(CohortCommand::Sort(column)));
    }
    if let Some(id) = picked {
        scene.send(Command::OpenRow(id));
    }
}
