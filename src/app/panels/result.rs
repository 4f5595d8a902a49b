//! Step 3: predict, and what came out.

use egui::{Color32, RichText, Ui};

use super::super::command::{Action, Command};
use super::super::jobs::JobId;
use super::super::theme;
use super::Scene;
use thoracast_core::assess::{Assessment, Gravity, RESEARCH_ONLY, Remark, RiskGroup, UNTRAINED};
use thoracast_core::chart::text::{capitalised, probability};
use thoracast_core::figures::votes;
use thoracast_core::fusion::FusionRule;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.add_space(6.0);
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.heading("3  Result");
        if let Some(assessment) = scene.state.outcome.assessment.clone() {
            figures(ui, scene, &assessment);
        }
        if let Some(failure) = &scene.state.outcome.failure {
            ui.colored_label(theme::tokens(ui).error, failure);
        }
        run(ui, scene);
        ui.label(RichText::new(RESEARCH_ONLY).small().color(theme::tokens(ui).muted));
    });
    ui.add_space(2.0);
}

/// What is missing, the button, progress.
fn run(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    if let Some((_, progress)) =
        scene.jobs.running().find(|(id, p)| *id == JobId::Assess && !p.is_cancelled())
    {
        let (stage, done, total) = progress.now();
        ui.horizontal(|ui| {
            let share = if total == 0 { 0.0 } else { done as f32 / total as f32 };
            ui.add(egui::ProgressBar::new(share).desired_width(ui.available_width() - 70.0).text(stage));
            if ui.button("Cancel").clicked() {
                scene.send(Command::CancelJob(JobId::Assess));
            }
        });
        return;
    }
    let missing = scene.state.missing_for_prediction();
    if !missing.is_empty() {
        let shown = missing.iter().take(2).cloned().collect::<Vec<_>>().join("; ");
        let more =
            if missing.len() > 2 { format!("; and {} more", missing.len() - 2) } else { String::new() };
        let label = egui::Label::new(RichText::new(format!("To do: {shown}{more}")).color(t.warning)).wrap();
        ui.add(label).on_hover_text(missing.join("\n"));
    }
    let again = scene.state.outcome.assessment.is_some();
    ui.horizontal(|ui| {
        let info = Action::Predict.info();
        let words = if again { "Predict again" } else { info.text };
        let width = if again { 140.0 } else { ui.available_width() };
        let button = egui::Button::new(theme::strong(words)).min_size(egui::vec2(width, 28.0));
        let button = if again { button } else { button.fill(t.accent.gamma_multiply(0.45)) };
        if ui.add_enabled(missing.is_empty(), button).on_hover_text(info.help).clicked() {
            scene.send(Command::Do(Action::Predict));
        }
        if again {
            let save = Action::SaveReport.info();
            let button = egui::Button::new(save.text).min_size(egui::vec2(ui.available_width(), 28.0));
            if ui.add_enabled(!scene.state.stale(), button).on_hover_text(save.help).clicked() {
                scene.send(Command::Do(Action::SaveReport));
            }
        }
    });
}

fn figures(ui: &mut Ui, scene: &mut Scene<'_>, a: &Assessment) {
    let t = theme::tokens(ui);
    if !a.meaningful {
        banner(ui, t.error, UNTRAINED);
    } else if a.doubtful() {
        banner(ui, t.warning, "doubtful: read the remarks below");
    }
    let stale = scene.state.stale();
    if stale {
        let updating = scene.state.outcome.changed_at.is_some() || scene.jobs.is_running(JobId::Assess);
        banner(ui, t.warning, if updating { "out of date – updating…" } else { "out of date" });
    }
    // A figure that is out of date or in doubt is grey.
    let grey = stale || a.doubtful();
    let ink = if grey { t.muted } else { ui.visuals().text_color() };
    egui::Grid::new("figures").num_columns(3).spacing([12.0, 2.0]).show(ui, |ui| {
        ui.label("Fused probability");
        ui.label(theme::strong(probability(a.fused.probability)).size(18.0).color(ink));
        fusion(ui, scene, a);
        ui.end_row();
        ui.label("Nomogram risk");
        match (a.nomogram.risk, a.nomogram.total) {
            (Some(risk), Some(total)) => {
                ui.label(theme::strong(probability(risk)).size(18.0).color(ink));
                ui.label(RichText::new(format!("{total:.1} points")).color(t.muted));
            }
            _ => {
                ui.label("–");
                ui.label(RichText::new("a value is missing").color(t.muted));
            }
        }
        ui.end_row();
        ui.label("Risk group");
        let (word, colour) = group(ui, a.nomogram.group);
        ui.label(theme::strong(word).size(16.0).color(if grey { t.muted } else { colour }));
        ui.label(RichText::new(interval(a)).color(t.muted));
        ui.end_row();
        for (name, p, vote, spread) in [
            ("T4 network", a.t4.probability, a.t4.vote, a.t4.spread()),
            ("T11 network", a.t11.probability, a.t11.vote, a.t11.spread()),
            ("Clinical", a.clinical.probability, a.clinical.vote, a.clinical.spread),
        ] {
            ui.label(RichText::new(name).color(t.muted));
            ui.label(RichText::new(probability(p)).color(ink));
            let mut words = if vote { "metastasis" } else { "no metastasis" }.to_owned();
            if let Some([low, high]) = spread {
                words.push_str(&format!(" {low:.2}–{high:.2}"));
            }
            let says = ui.label(RichText::new(words).color(t.muted));
            if spread.is_some() {
                says.on_hover_text("Lowest and highest probability of the models in the ensemble");
            }
            ui.end_row();
        }
    });
    remarks(ui, a);
}

/// Height from which remarks are scrolled, points: the card must not push the steps off a small screen.
const REMARKS_HEIGHT: f32 = 132.0;

/// What stands beside the figures in plain text, and the rest to open.
fn remarks(ui: &mut Ui, a: &Assessment) {
    let t = theme::tokens(ui);
    let small =
        |words: String, colour: Color32| egui::Label::new(RichText::new(words).small().color(colour)).wrap();
    egui::ScrollArea::vertical().id_salt("remarks").max_height(REMARKS_HEIGHT).show(ui, |ui| {
        // The banner says of untrained weights what is to be said.
        let told = |r: &&Remark| r.gravity() >= Gravity::Beside && !matches!(r, Remark::Untrained(_));
        for remark in a.remarks.0.iter().filter(told) {
            let colour =
                if remark.gravity() == Gravity::Doubt { t.warning } else { ui.visuals().text_color() };
            ui.add(small(format!("{}.", capitalised(&remark.words())), colour));
        }
        let notes: Vec<String> =
            a.remarks.0.iter().filter(|r| r.gravity() < Gravity::Beside).map(Remark::words).collect();
        if notes.is_empty() {
            return;
        }
        let words = if notes.len() == 1 { "1 remark".to_owned() } else { format!("{} remarks", notes.len()) };
        egui::CollapsingHeader::new(RichText::new(words).small().color(t.muted))
            .id_salt("notes")
            .show(ui, |ui| notes.iter().for_each(|note| drop(ui.add(small(note.clone(), t.muted)))));
    });
}

/// Where the fused figure comes from, and the choice of another rule.
fn fusion(ui: &mut Ui, scene: &mut Scene<'_>, a: &Assessment) {
    let chosen = scene.state.inputs.fusion.clone();
    let menu =
        egui::ComboBox::from_id_salt("fusion").selected_text(votes::origin(&a.fused)).width(132.0).truncate();
    let menu = menu.show_ui(ui, |ui| {
        for rule in [FusionRule::Vote, FusionRule::MeanLogOdds] {
            let label = ui.selectable_label(chosen == rule, capitalised(rule.name()));
            if label.on_hover_text(rule.words()).clicked() {
                scene.send(Command::FuseBy(rule));
            }
        }
        let stacked = matches!(chosen, FusionRule::Stacking(_));
        let label = ui.selectable_label(stacked, "Stacking: weights from a file…");
        let words = if stacked {
            chosen.words()
        } else {
            "Weights that an evaluation of a cohort wrote (Cohort, Evaluation)".to_owned()
        };
        if label.on_hover_text(words).clicked() {
            scene.send(Command::BrowseStacking);
        }
    });
    menu.response.on_hover_text("How the three branches become one probability");
}

/// 95 % interval of the nomogram risk.
fn interval(a: &Assessment) -> String {
    let interval = a.reasons.patient_points.as_ref().and_then(|p| p.risk_interval);
    interval
        .map_or(String::new(), |[low, high]| format!("95 % CI {} to {}", probability(low), probability(high)))
}

fn group(ui: &Ui, group: Option<RiskGroup>) -> (&'static str, Color32) {
    let t = theme::tokens(ui);
    match group {
        Some(RiskGroup::High) => ("high", t.error),
        Some(RiskGroup::Low) => ("low", t.good),
        None => ("–", t.muted),
    }
}

fn banner(ui: &mut Ui, colour: Color32, words: &str) {
    egui::Frame::new()
        .fill(colour.gamma_multiply(0.16))
        .stroke(egui::Stroke::new(1.0, colour))
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(8, 3))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(words).color(colour));
        });
}
