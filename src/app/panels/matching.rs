//! Who of the cohort has which pictures: rows, T4 and T11 pictures and DICOM series by patient.

use egui::{Sense, Ui};
use egui_extras::{Column, TableBuilder};

use super::super::cohort::{Ask, CohortCommand, CohortPatients};
use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::theme;
use super::Scene;
use crate::app::state::patients;
use thoracast_core::cohort::Split;
use thoracast_core::cohort::matching::{Group, Patient};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    let Some(found) = &scene.state.cohort.patients else {
        ui.heading("Pictures and series");
        ui.colored_label(
            t.muted,
            "Open a cohort folder to see which patients have pictures at T4 and T11 or a DICOM series.",
        );
        if scene.jobs.is_running(JobId::CohortFolder) {
            ui.spinner();
        } else if ui.button("Open cohort folder…").clicked() {
            scene.send(Command::Cohort(CohortCommand::Ask(Ask::Folder)));
        }
        return;
    };
    let mut commands = Vec::new();
    toolbar(ui, found, &mut commands);
    remarks(ui, found);
    ui.separator();
    if scene.jobs.is_running(JobId::CohortFolder) {
        ui.spinner();
    }
    list(ui, found, scene.state.inputs.id.trim(), &mut commands);
    commands.into_iter().for_each(|c| scene.send(Command::Cohort(c)));
}

fn toolbar(ui: &mut Ui, found: &CohortPatients, commands: &mut Vec<CohortCommand>) {
    let counts = found.matching.counts();
    ui.horizontal_wrapped(|ui| {
        ui.heading(patients(found.matching.patients.len()));
        if ui.selectable_label(found.group.is_none(), "All").clicked() {
            commands.push(CohortCommand::ShowGroup(None));
        }
        for group in Group::ALL {
            let words = format!("{} ({})", group.name(), counts.get(&group).copied().unwrap_or(0));
            if ui.selectable_label(found.group == Some(group), words).clicked() {
                commands.push(CohortCommand::ShowGroup(Some(group)));
            }
        }
        if ui.button("Export list…").on_hover_text("All patients and what they have, as CSV").clicked() {
            commands.push(CohortCommand::Ask(Ask::Matching));
        }
        let help = "Looks for series whose PatientID or folder is a patient's ID";
        if ui.button("Add DICOM folder…").on_hover_text(help).clicked() {
            commands.push(CohortCommand::Ask(Ask::Dicom));
        }
    });
}

fn remarks(ui: &mut Ui, found: &CohortPatients) {
    let t = theme::tokens(ui);
    let matching = &found.matching;
    let mut words = vec!["Double-click a patient to open the series and the clinical values.".to_owned()];
    match matching.nameless {
        0 => {}
        1 => words.push("One row has no ID.".to_owned()),
        n => words.push(format!("{n} rows have no ID.")),
    }
    if !matching.strangers.is_empty() {
        let strangers = matching.strangers.iter().filter_map(|s| found.series.get(*s));
        let names: Vec<String> =
            strangers
                .map(|s| {
                    if s.patient_id.is_empty() {
                        format!("({})", s.description)
                    } else {
                        s.patient_id.clone()
                    }
                })
                .take(8)
                .collect();
        let count = matching.strangers.len();
        let who = if count == 1 {
            "One DICOM series belongs".to_owned()
        } else {
            format!("{count} DICOM series belong")
        };
        words.push(format!("{who} to nobody in the tables: {}.", names.join(", ")));
    }
    ui.add(egui::Label::new(egui::RichText::new(words.join(" ")).color(t.muted)).wrap());
}

const HEADINGS: [&str; 8] =
    ["ID", "Split", "Clinical row", "Survival row", "T4", "T11", "DICOM series", "Match"];

fn list(ui: &mut Ui, found: &CohortPatients, current: &str, commands: &mut Vec<CohortCommand>) {
    let t = theme::tokens(ui);
    TableBuilder::new(ui)
        .id_salt("patients of the cohort")
        .striped(true)
        .sense(Sense::click())
        .columns(Column::auto().at_least(70.0), HEADINGS.len() - 1)
        .column(Column::remainder())
        .header(24.0, |mut header| {
            for heading in HEADINGS {
                header.col(|ui| drop(ui.label(theme::strong(heading))));
            }
        })
        .body(|body| {
            body.rows(22.0, found.shown.len(), |mut row| {
                let Some(patient) = found.matching.patients.get(found.shown[row.index()]) else { return };
                row.set_selected(patient.id == current);
                for (column, text) in cells(patient).into_iter().enumerate() {
                    row.col(|ui| {
                        let whole = column == 7 && patient.group() == Group::Matched;
                        let colour = if whole {
                            t.good
                        } else if column == 7 {
                            t.warning
                        } else {
                            ui.visuals().text_color()
                        };
                        if column == 0 {
                            // Enter on the link opens, too.
                            if ui.link(&text).on_hover_text("Open this patient").clicked() {
                                commands.push(CohortCommand::OpenPatient(patient.id.clone()));
                            }
                        } else {
                            ui.add(
                                egui::Label::new(egui::RichText::new(text).color(colour)).selectable(false),
                            );
                        }
                    });
                }
                if row.response().double_clicked() {
                    commands.push(CohortCommand::OpenPatient(patient.id.clone()));
                }
            });
        });
}

fn cells(patient: &Patient) -> [String; 8] {
    let yes = |there: bool| if there { "yes" } else { "–" }.to_owned();
    let count = |n: usize| if n == 0 { "–".to_owned() } else { n.to_string() };
    [
        patient.id.clone(),
        patient.split.map_or("–", Split::name).to_owned(),
        yes(patient.in_clinical),
        yes(patient.in_survival),
        count(patient.pictures[0]),
        count(patient.pictures[1]),
        count(patient.series.len()),
        patient.group().name().to_owned(),
    ]
}
