//! The models workspace: a card for each of the four models, and where network weights come in.

use egui::{RichText, Ui};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::state::Level;
use super::super::theme;
use super::Scene;
use thoracast_core::assess::UNTRAINED;
use thoracast_core::nn::Network;
use thoracast_core::nn::weights::Info;
use thoracast_core::slice::Recipe;

/// Cards wider than this are hard to read.
const WIDEST: f32 = 900.0;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.heading("Models");
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        let Some(models) = scene.models.cloned() else {
            match &scene.state.weights.failure {
                Some(failure) => ui.colored_label(t.error, failure),
                None => ui.colored_label(t.muted, "The models are being loaded."),
            };
            // A broken import must not lock anyone out.
            for (number, level) in Level::ALL.into_iter().enumerate() {
                buttons(ui, scene, number, level);
            }
            return;
        };
        for (number, level) in Level::ALL.into_iter().enumerate() {
            let of_level = if number == 0 { &models.t4 } else { &models.t11 };
            network(ui, scene, number, level, of_level);
        }
        let card = models.clinical.card();
        let mut words = vec![card.summary.clone(), card.recipe.clone()];
        words.push(format!("Missing values: {}", card.missing_values));
        words.extend(card.warnings.iter().map(|w| format!("Remark: {w}")));
        model(ui, "Clinical branch", &words.join("\n"), &models.clinical.sha256);
        let card = models.nomogram.card();
        let mut words = vec![card.summary.clone()];
        words.extend(card.notes.iter().cloned());
        words.push(format!("Apparent C {:.3}, Brier {:.3}", card.apparent_c, card.brier));
        model(ui, "Nomogram", &words.join("\n"), &models.nomogram.sha256);
    });
}

/// What a recipe does to a picture, in words.
pub fn preprocessing(recipe: &Recipe) -> String {
    let [low, high] = recipe.window_hu;
    let each = |values: [f32; 3]| values.map(|v| format!("{v}")).join(", ");
    let shrunk = if recipe.shrink > 1 {
        let side = recipe.shrink;
        format!(", shrunk {side}-fold to {} × {}", recipe.width / side, recipe.height / side)
    } else {
        String::new()
    };
    let words = format!(
        "Window {low:.0} to {high:.0} HU, {} × {} pixels{shrunk}, mean {}, SD {}",
        recipe.width,
        recipe.height,
        each(recipe.mean),
        each(recipe.sd)
    );
    words.replace(" -", " −")
}

fn network(ui: &mut Ui, scene: &mut Scene<'_>, number: usize, level: Level, network: &Network) {
    let t = theme::tokens(ui);
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width().min(WIDEST));
        ui.horizontal_wrapped(|ui| {
            ui.label(theme::strong(format!("{} network", level.name())).size(15.0));
            ui.label(RichText::new(&network.card.name).color(t.muted));
            if network.card.trained {
                ui.colored_label(t.good, "trained");
            } else {
                ui.colored_label(t.error, UNTRAINED);
            }
            if scene.state.weights.imported[number] {
                ui.colored_label(t.accent, "imported");
            }
        });
        let info = scene.state.weights.info[number].clone();
        egui::Grid::new(("model", number)).num_columns(2).spacing([14.0, 4.0]).show(ui, |ui| {
            row(ui, "Architecture", network.card.arch.title());
            row(ui, "Trained on", &network.card.description);
            for remark in &network.card.remarks {
                row(ui, "Remark", remark);
            }
            row(ui, "Preprocessing", &preprocessing(&network.card.recipe));
            if let Some(record) = &network.card.training {
                let words = format!(
                    "seed {}, epoch {} of {} kept, {}, program {}, from {}",
                    record.seed,
                    record.kept_epoch,
                    record.curve.len(),
                    record.device,
                    record.program,
                    record.start
                );
                row(ui, "Training", &words);
                hash(ui, "Data SHA-256", &record.data_sha256);
            }
            file_rows(ui, info.as_deref(), scene.jobs.is_running(JobId::Models));
            hash(ui, "SHA-256", &network.sha256);
            row(ui, "Runs on", &network.device_name());
        });
        buttons(ui, scene, number, level);
    });
    ui.add_space(8.0);
}

fn file_rows(ui: &mut Ui, info: Option<&Info>, loading: bool) {
    let Some(info) = info else {
        let words = if loading { "being read" } else { "none: the known-answer pattern takes its place" };
        return row(ui, "File", words);
    };
    row(ui, "File", &info.path.display().to_string());
    let types: Vec<String> = info.dtypes.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    let words = format!(
        "{}, {:.1} MB; {} tensors ({}), {:.1} million values",
        info.format,
        info.bytes as f64 / 1e6,
        info.tensors,
        types.join(", "),
        info.values as f64 / 1e6
    );
    row(ui, "Format", &words);
}

fn row(ui: &mut Ui, name: &str, words: &str) {
    ui.label(RichText::new(name).color(theme::tokens(ui).muted));
    ui.add(egui::Label::new(words).wrap());
    ui.end_row();
}

/// A hash to be read and copied.
fn hash(ui: &mut Ui, name: &str, sha256: &str) {
    ui.label(RichText::new(name).color(theme::tokens(ui).muted));
    ui.horizontal_wrapped(|ui| {
        ui.add(egui::Label::new(RichText::new(sha256).monospace().small()).wrap());
        let copy = ui.small_button("Copy");
        if copy.on_hover_text(format!("Copy the {name} of this model")).clicked() {
            ui.ctx().copy_text(sha256.to_owned());
        }
    });
    ui.end_row();
}

fn buttons(ui: &mut Ui, scene: &mut Scene<'_>, number: usize, level: Level) {
    let weights = &scene.state.weights;
    let (can_import, imported) = (weights.can_import, weights.imported[number]);
    ui.horizontal(|ui| {
        let words = format!("Import weights for {}…", level.name());
        let button = ui.add_enabled(can_import, egui::Button::new(words));
        let why =
            "The models come from the folder named with --models or THORACAST_MODELS; put the weights there";
        if button.on_disabled_hover_text(why).clicked() {
            scene.send(Command::AskImport(Some(level)));
        }
        if imported {
            let words = format!("Use the shipped {} network again…", level.name());
            if ui.button(words).clicked() {
                scene.send(Command::AskForget(level));
            }
        }
    });
}

fn model(ui: &mut Ui, title: &str, words: &str, sha256: &str) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width().min(WIDEST));
        ui.label(theme::strong(title).size(15.0));
        ui.add(egui::Label::new(words).wrap());
        egui::Grid::new(title).num_columns(2).show(ui, |ui| hash(ui, "SHA-256", sha256));
    });
    ui.add_space(8.0);
}
