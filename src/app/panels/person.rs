//! Whom everything in the steps belongs to, and the question where two identities meet.

use egui::{RichText, Ui};

use super::super::command::Command;
use super::super::state::IdentityQuestion;
use super::super::theme;
use super::Scene;
use thoracast_core::identity::{Comparison, Identity, Source, field_words};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.add_space(4.0);
    let identity = &scene.state.person.identity;
    if identity.is_empty() {
        ui.colored_label(t.muted, "Nobody is open.");
    } else {
        let alone = if scene.state.viewer.open.is_none() { ", row alone, no series" } else { "" };
        let words = RichText::new(format!("{}{alone}", identity.words()));
        ui.add(egui::Label::new(words.strong()).wrap());
    }
    if let Some(question) = scene.state.identity_question() {
        ask(ui, scene, &question);
    }
    ui.add_space(4.0);
}

/// Both identities written out, and the two answers.
fn ask(ui: &mut Ui, scene: &mut Scene<'_>, question: &IdentityQuestion) {
    let t = theme::tokens(ui);
    let frame = egui::Frame::new()
        .fill(t.warning.gamma_multiply(0.12))
        .stroke(egui::Stroke::new(1.0, t.warning))
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(8, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(theme::strong(why(question)).color(t.warning)).wrap());
        for (place, identity) in
            [(study_place(&question.study), &question.study), (place(question), &question.values)]
        {
            ui.add(egui::Label::new(format!("{place}: {}", identity.words())).wrap());
        }
        ui.add(
            egui::Label::new(RichText::new("Nothing is computed until you say which.").color(t.muted)).wrap(),
        );
        ui.horizontal_wrapped(|ui| {
            let same = ui.button(same_words(question)).on_hover_text(
                "Both are one person. It is remembered until the program ends, and stands in the report",
            );
            if same.clicked() {
                scene.send(Command::AnswerIdentity { same: true });
            }
            let help = "The values stay out of this patient's form";
            if ui.button("Another patient").on_hover_text(help).clicked() {
                scene.send(Command::AnswerIdentity { same: false });
            }
        });
    });
}

fn why(question: &IdentityQuestion) -> String {
    match question.study.compare(&question.values) {
        Comparison::Different(fields) => format!("Is this one patient? The {} differ.", field_words(&fields)),
        Comparison::Same | Comparison::Unknown => {
            "Is this one patient? Nothing in the files tells.".to_owned()
        }
    }
}

fn study_place(study: &Identity) -> String {
    match study.source {
        Source::Study => "Study".to_owned(),
        _ => format!("Open, {}", study.source_words()),
    }
}

fn place(question: &IdentityQuestion) -> String {
    match (&question.values.source, question.offered) {
        (Source::Typed, true) => "Values typed before".to_owned(),
        (Source::Typed, false) => "ID in the form".to_owned(),
        _ => format!("Values, {}", question.values.source_words()),
    }
}

fn same_words(question: &IdentityQuestion) -> &'static str {
    match question.study.compare(&question.values) {
        Comparison::Different(_) => "Same person under another number",
        Comparison::Same | Comparison::Unknown => "Same person",
    }
}
