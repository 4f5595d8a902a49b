//! The Evaluation tab: every branch on the cohort's test patients beside the study's published figures.

use egui::{Grid, RichText, Ui};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::theme;
use super::Scene;
use thoracast_core::chart::forest::p_words;
use thoracast_core::chart::text::fixed;
use thoracast_core::evaluate::{self, Evaluation, Figures};
use thoracast_core::sheet::Kind;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    let running = scene.jobs.is_running(JobId::Evaluate);
    let folder = scene.state.audit.folder.trim().to_owned();
    ui.horizontal_wrapped(|ui| {
        ui.heading("Evaluation");
        let ready = !folder.is_empty() && !running && scene.models.is_some();
        let button = egui::Button::new(theme::strong("Evaluate the test patients"));
        if ui.add_enabled(ready, button).clicked() {
            scene.send(Command::Evaluate);
        }
        let mut cross_validate = scene.state.cross_validate;
        let words = "The clinical models, with and without what the audit objects to, over all patients: ten folds, five times";
        if ui.checkbox(&mut cross_validate, "Cross-validate").on_hover_text(words).changed() {
            scene.send(Command::CrossValidate(cross_validate));
        }
        if ui.button("Choose and audit a cohort…").clicked() {
            scene.send(Command::PickCohort);
        }
        let sheets = egui::Button::new("Reporting sheets");
        ui.add_enabled_ui(!folder.is_empty() && scene.models.is_some(), |ui| {
            egui::containers::menu::MenuButton::from_button(sheets).ui(ui, |ui| {
                for kind in Kind::ALL {
                    if ui.button(format!("{}…", kind.name())).clicked() {
                        scene.send(Command::BrowseSheet(kind));
                    }
                }
            });
        });
        let weights = matches!(&scene.state.evaluation, Some(Ok(e)) if e.stacking.is_some());
        let words = "The weights of the stacked fusion, to be chosen beside a patient's fused probability";
        let button = egui::Button::new("Save stacking weights…");
        if ui.add_enabled(weights, button).on_hover_text(words).clicked() {
            scene.send(Command::BrowseStackingOut);
        }
        ui.colored_label(t.muted, if folder.is_empty() { "no cohort folder is chosen" } else { &folder });
    });
    let words = "An audit beforehand decides which columns the second clinical model does without.";
    ui.label(RichText::new(words).small().color(t.muted));
    ui.separator();
    match &scene.state.evaluation {
        None if running => drop(ui.spinner()),
        None => drop(ui.colored_label(
            t.muted,
            "Every branch, fusion and the nomogram will stand here, beside the published figures.",
        )),
        Some(Err(sentence)) => drop(ui.colored_label(t.error, sentence)),
        Some(Ok(evaluation)) => {
            egui::ScrollArea::both().auto_shrink([false, false]).show(ui, |ui| result(ui, evaluation));
        }
    }
}

fn result(ui: &mut Ui, evaluation: &Evaluation) {
    let t = theme::tokens(ui);
    let simulated = if evaluation.simulated { " (simulated)" } else { "" };
    let words = format!(
        "{} {} patients{simulated}, {} with metastasis",
        evaluation.n, evaluation.split, evaluation.events
    );
    ui.label(theme::strong(words));
    for warning in &evaluation.warnings {
        ui.add(egui::Label::new(RichText::new(warning).color(t.warning)).wrap());
    }
    ui.add_space(6.0);
    // The study's figures say nothing of patients that were never born.
    let reported = |name: &str| {
        let found = evaluation.published.reported.iter().find(|r| r.name == name && !evaluation.simulated);
        found.map(|r| r.auc)
    };
    Grid::new("branches").striped(true).spacing([18.0, 6.0]).show(ui, |ui| {
        heads(ui, &FIGURES);
        for branch in &evaluation.branches {
            row(ui, &branch.name, &branch.what, &branch.figures, reported(&branch.name));
        }
    });
    if !evaluation.published.recounted.is_empty() {
        ui.add_space(10.0);
        ui.label(theme::strong("The predictions that came with the cohort, counted again"));
        Grid::new("recounted").striped(true).spacing([18.0, 6.0]).show(ui, |ui| {
            heads(ui, &FIGURES);
            for branch in &evaluation.published.recounted {
                row(
                    ui,
                    branch.name,
                    "the log-probabilities of published_test_predictions",
                    &branch.figures,
                    reported(branch.name),
                );
            }
        });
    }
    if let Some(models) = &evaluation.cross_validation {
        ui.add_space(10.0);
        ui.label(theme::strong(
            "Cross-validated over all patients, each predicted by models that never saw them",
        ));
        Grid::new("cross-validated").striped(true).spacing([18.0, 6.0]).show(ui, |ui| {
            heads(ui, &["Model", "AUC (standard deviation)", "Folds", "Repeats", "n", "Events"]);
            for model in models {
                ui.label(evaluate::words(&model.name));
                ui.label(format!("{} ({})", fixed(model.auc, 3), fixed(model.auc_sd, 3)));
                for count in [model.folds, model.repeats, model.n, model.events] {
                    ui.label(count.to_string());
                }
                ui.end_row();
            }
        });
    }
    ui.add_space(10.0);
    ui.label(theme::strong("Paired tests of the areas (DeLong)"));
    Grid::new("tests").striped(true).spacing([18.0, 4.0]).show(ui, |ui| {
        heads(ui, &["", "against", "z", "p", "n"]);
        for test in &evaluation.tests {
            ui.label(evaluate::words(&test.a));
            ui.label(evaluate::words(&test.b));
            ui.label(test.z.map_or_else(|| "–".to_owned(), |z| fixed(z, 2)));
            ui.label(test.p.map_or_else(|| "–".to_owned(), p_words));
            ui.label(test.n.to_string());
            ui.end_row();
        }
    });
}

/// Heads of the tables of figures.
const FIGURES: [&str; 13] = [
    "Branch",
    "AUC (95 % CI)",
    "Published",
    "Sensitivity",
    "Specificity",
    "PPV",
    "NPV",
    "Accuracy",
    "TP FP FN TN",
    "Brier",
    "Slope",
    "Intercept",
    "n",
];

fn heads(ui: &mut Ui, names: &[&str]) {
    names.iter().for_each(|name| drop(ui.label(theme::strong(*name))));
    ui.end_row();
}

fn row(ui: &mut Ui, name: &str, what: &str, f: &Figures, published: Option<f64>) {
    let number = |v: Option<f64>, digits| v.map_or_else(|| "–".to_owned(), |v| fixed(v, digits));
    let share = |v: Option<f64>, interval: Option<[f64; 2]>| match (v, interval) {
        (Some(v), Some([low, high])) => format!("{} ({}–{})", fixed(v, 2), fixed(low, 2), fixed(high, 2)),
        (v, _) => number(v, 2),
    };
    ui.label(evaluate::words(name)).on_hover_text(what);
    ui.label(match (f.auc, f.auc_low, f.auc_high) {
        (Some(auc), Some(low), Some(high)) => {
            format!("{} ({}–{})", fixed(auc, 3), fixed(low, 3), fixed(high, 3))
        }
        (auc, _, _) => number(auc, 3),
    });
    ui.label(number(published, 3));
    let i = &f.intervals;
    ui.label(share(f.sensitivity, i.sensitivity));
    ui.label(share(f.specificity, i.specificity));
    ui.label(share(f.ppv, i.ppv));
    ui.label(share(f.npv, i.npv));
    ui.label(share(f.accuracy, i.accuracy));
    let c = &f.confusion;
    ui.label(format!("{} {} {} {}", c.tp, c.fp, c.missed, c.tn));
    ui.label(fixed(f.brier, 3));
    ui.label(number(f.calibration.map(|c| c.slope), 2));
    ui.label(number(f.calibration.map(|c| c.intercept), 2));
    ui.label(f.n.to_string());
    ui.end_row();
}
