//! Table 1: characteristics by outcome.

use egui::{RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBuilder};

use super::super::cohort::{Ask, CohortCommand};
use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::theme;
use super::Scene;
use thoracast_core::cohort::table_one::{Style, TableOne};
use thoracast_core::cohort::values::label;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    if scene.state.table.is_none() {
        ui.heading("Table 1");
        ui.colored_label(
            t.muted,
            "Open a clinical table or a cohort folder to see its patients' characteristics by outcome.",
        );
        return;
    }
    toolbar(ui, scene);
    ui.separator();
    match &scene.state.cohort.figures.table_one {
        Some(Ok(table)) => table_of(ui, table),
        Some(Err(sentence)) => drop(ui.add(egui::Label::new(RichText::new(sentence).color(t.error)).wrap())),
        None if scene.jobs.is_running(JobId::TableOne) => drop(ui.spinner()),
        None => {}
    }
}

fn toolbar(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(open) = &scene.state.table else { return };
    let room = &scene.state.cohort;
    let mut commands = Vec::new();
    ui.horizontal_wrapped(|ui| {
        ui.heading("Table 1");
        let caption = ui.label("Groups by");
        let name = |column: usize| open.table.header.get(column).map_or("", |h| label(h)).to_owned();
        let now = room.by.or_else(|| open.table.column("metastasis"));
        egui::ComboBox::from_id_salt("groups by")
            .selected_text(now.map_or("choose".to_owned(), name))
            .show_ui(ui, |ui| {
                for column in &room.figures.possible {
                    if ui.selectable_label(now == Some(*column), name(*column)).clicked() {
                        commands.push(CohortCommand::GroupBy(*column));
                    }
                }
            })
            .response
            .labelled_by(caption.id);
        for (style, words) in [(Style::Median, "Median (IQR)"), (Style::Mean, "Mean ± SD")] {
            if ui.radio(room.style == style, words).clicked() {
                commands.push(CohortCommand::Style(style));
            }
        }
        let table = room.figures.table_one.as_ref().and_then(|t| t.as_ref().ok());
        ui.add_enabled_ui(table.is_some(), |ui| {
            if ui.button("Copy").on_hover_text("As a Markdown table").clicked()
                && let Some(table) = table
            {
                ui.ctx().copy_text(table.markdown());
            }
            if ui.button("Export…").on_hover_text("As CSV or Markdown").clicked() {
                commands.push(CohortCommand::Ask(Ask::TableOne));
            }
        });
    });
    commands.into_iter().for_each(|c| scene.send(Command::Cohort(c)));
}

fn table_of(ui: &mut Ui, table: &TableOne) {
    let t = theme::tokens(ui);
    let rows = table.printed();
    ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        let notes = 20.0 * table.notes().len() as f32 + 8.0;
        let height = (ui.available_height() - notes - 40.0).max(120.0);
        TableBuilder::new(ui)
            .striped(true)
            .min_scrolled_height(height)
            .max_scroll_height(height)
            .column(Column::auto().at_least(180.0))
            .columns(Column::auto().at_least(60.0), 7)
            .column(Column::remainder().at_least(160.0))
            .header(24.0, |mut header| {
                for heading in table.headings() {
                    header.col(|ui| drop(ui.label(theme::strong(heading))));
                }
            })
            .body(|body| {
                body.rows(21.0, rows.len(), |mut row| {
                    let cells = &rows[row.index()];
                    let own = !cells[0].starts_with(' ');
                    for cell in cells {
                        row.col(|ui| {
                            if own {
                                ui.label(cell).on_hover_text(cell);
                            } else {
                                ui.colored_label(t.muted, cell);
                            }
                        });
                    }
                });
            });
        for note in table.notes() {
            ui.label(RichText::new(note).small().color(t.muted));
        }
    });
}
