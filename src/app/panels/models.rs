//! The models workspace: a card for each of the four models.

use egui::{RichText, Ui};

use super::super::theme;
use super::Scene;
use crate::nn::Network;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.heading("Models");
    let Some(models) = scene.models else {
        ui.colored_label(t.muted, "The models are not loaded; the log says why if it failed.");
        return;
    };
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        network(ui, "T4 network", &models.t4);
        network(ui, "T11 network", &models.t11);
        let card = models.clinical.card();
        let mut words = vec![card.summary.clone(), card.recipe.clone()];
        words.push(format!("Missing values: {}", card.missing_values));
        words.extend(card.warnings.iter().map(|w| format!("Remark: {w}")));
        model(ui, "Clinical branch", &words.join("\n"), &models.clinical.sha256, true);
        let card = models.nomogram.card();
        let mut words = vec![card.summary.clone()];
        words.extend(card.notes.iter().cloned());
        words.push(format!("Apparent C {:.3}, Brier {:.3}", card.apparent_c, card.brier));
        model(ui, "Nomogram", &words.join("\n"), &models.nomogram.sha256, true);
    });
}

fn network(ui: &mut Ui, title: &str, network: &Network) {
    let card = &network.card;
    let r = &card.recipe;
    let words = format!(
        "{}\n{:?} on {} × {} pixels, window {:.0} to {:.0} HU",
        card.description, card.arch, r.width, r.height, r.window_hu[0], r.window_hu[1]
    );
    model(ui, &format!("{title}: {}", card.name), &words.replace(" -", " −"), &network.sha256, card.trained);
}

fn model(ui: &mut Ui, title: &str, words: &str, sha256: &str, trained: bool) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width().min(900.0));
        ui.horizontal(|ui| {
            ui.label(theme::strong(title).size(15.0));
            if !trained {
                ui.colored_label(theme::tokens(ui).error, crate::assess::UNTRAINED);
            }
        });
        ui.add(egui::Label::new(words).wrap());
        let hash = RichText::new(format!("SHA-256 {sha256}")).monospace().small();
        ui.add(egui::Label::new(hash.color(theme::tokens(ui).muted)).wrap());
    });
    ui.add_space(8.0);
}
