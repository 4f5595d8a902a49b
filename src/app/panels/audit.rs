//! What is wrong with a cohort, beside its table.

use egui::{Color32, RichText, TextEdit, Ui};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::theme;
use super::Scene;
use thoracast_core::audit::{Finding, Severity};

/// More patients than this are named in the tooltip alone.
const MOST_NAMED: usize = 12;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.heading("Audit");
    ui.colored_label(t.muted, "What makes a cohort's figures untrustworthy, before anyone trusts them.");
    ui.add_space(4.0);
    folder(ui, scene);
    ui.separator();
    match &scene.state.audit.result {
        None if scene.jobs.is_running(JobId::Audit) => drop(ui.spinner()),
        None => drop(ui.colored_label(
            t.muted,
            "Choose a folder with clinical_train.csv, clinical_test.csv, images/T4/train/0 and so on; any part may be absent.",
        )),
        Some(Err(sentence)) => drop(ui.colored_label(t.error, sentence)),
        Some(Ok(report)) => {
            ui.label(theme::strong(format!("{} patients, {} with metastasis", report.patients, report.events)));
            if report.findings.is_empty() {
                ui.colored_label(t.good, "Nothing was found that makes figures of this cohort untrustworthy.");
            }
            egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                report.findings.iter().for_each(|finding| one(ui, finding));
            });
        }
    }
}

fn folder(ui: &mut Ui, scene: &mut Scene<'_>) {
    let running = scene.jobs.is_running(JobId::Audit);
    let mut folder = scene.state.audit.folder.clone();
    let ready = !folder.trim().is_empty() && !running;
    let row = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if ui.add_enabled(ready, egui::Button::new(theme::strong("Audit this cohort"))).clicked() {
            scene.send(Command::Audit);
        }
        if ui.button("Choose…").clicked() {
            scene.send(Command::PickCohort);
        }
        let field = TextEdit::singleline(&mut folder).hint_text("Cohort folder");
        let field = ui.add(field.desired_width(ui.available_width()));
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Cohort folder"));
        if field.changed() {
            scene.send(Command::NameCohort(folder.clone()));
        }
    });
}

fn one(ui: &mut Ui, finding: &Finding) {
    let t = theme::tokens(ui);
    let (word, colour): (&str, Color32) = match finding.severity {
        Severity::High => ("high", t.error),
        Severity::Medium => ("medium", t.warning),
        Severity::Low => ("low", t.muted),
    };
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.colored_label(colour, theme::strong(word));
            ui.label(theme::strong(finding.code.title()));
        });
        ui.add(egui::Label::new(&finding.message).wrap());
        if let Some(effect) = finding.effect {
            let words = format!(
                "AUC of the clinical model: {:.3} as it is, {:.3} without",
                effect.auc_with, effect.auc_without
            );
            ui.colored_label(t.accent, words);
        }
        if !finding.patients.is_empty() {
            let shown = &finding.patients[..finding.patients.len().min(MOST_NAMED)];
            let rest = finding.patients.len() - shown.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let words = RichText::new(format!("Patients {}{more}", shown.join(", "))).small().color(t.muted);
            ui.add(egui::Label::new(words).wrap()).on_hover_text(finding.patients.join(", "));
        }
    });
    ui.add_space(6.0);
}
