//! Grad-CAM over the pictures of both levels: what is explained, in which colours.

use std::sync::Arc;

use egui::{ComboBox, RichText, Slider, Ui, vec2};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::state::Level;
use super::super::theme;
use super::Scene;
use super::lower::{framed, placeholder};
use thoracast_core::assess::Assessment;
use thoracast_core::cam::{ColourMap, LAST_LAYER, Look, class_words};
use thoracast_core::nn::head::CLASSES;

/// Height of the words above a picture, points.
const CAPTION: f32 = 22.0;

/// Narrower than this (points) the legend has a row of its own.
const ONE_ROW: f32 = 650.0;

/// The controls and the legend.
pub fn bar(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut look = scene.state.cam;
    let mut keep = true;
    let narrow = ui.available_width() < ONE_ROW;
    ui.horizontal(|ui| {
        choice(ui, "Class", class_words(look.class), 108.0, |ui| {
            for class in (0..CLASSES).rev() {
                ui.selectable_value(&mut look.class, class, class_words(class));
            }
        });
        choice(ui, "Layer", layer_words(look.layer), 112.0, |ui| {
            for layer in (0..=LAST_LAYER).rev() {
                ui.selectable_value(&mut look.layer, layer, layer_words(layer)).on_hover_text(stages(layer));
            }
        });
        choice(ui, "Colours", look.map.name(), 92.0, |ui| {
            for map in ColourMap::ALL {
                ui.selectable_value(&mut look.map, map, map.name());
            }
        });
        ui.spacing_mut().slider_width = 56.0;
        let slider = Slider::new(&mut look.opacity, 0.0..=1.0).text("opacity").fixed_decimals(2);
        let response = ui.add(slider);
        keep = !response.dragged();
        // The end of a drag changes nothing any more, but is when the value is worth keeping.
        if response.drag_stopped() {
            scene.send(Command::SetCam { look, keep });
        }
        if !narrow {
            legend(ui, scene, &look);
        }
    });
    if narrow {
        ui.horizontal(|ui| legend(ui, scene, &look));
    }
    if look != scene.state.cam {
        scene.send(Command::SetCam { look, keep });
    }
}

fn choice(ui: &mut Ui, name: &str, chosen: &str, width: f32, entries: impl FnOnce(&mut Ui)) {
    let combo = ComboBox::from_id_salt(("cam", name)).selected_text(chosen).width(width);
    let response = combo.show_ui(ui, entries).response;
    let words = format!("{name}: {chosen}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &words));
    response.on_hover_text(name);
}

/// "last layer", "1 before the last".
fn layer_words(layer: usize) -> &'static str {
    const WORDS: [&str; 5] = ["last layer", "1 before last", "2 before last", "3 before last", "first layer"];
    WORDS.get(LAST_LAYER.saturating_sub(layer)).copied().unwrap_or("last layer")
}

/// The layer's name in either network.
fn stages(layer: usize) -> String {
    let names: Vec<String> = Level::ALL
        .into_iter()
        .map(|level| format!("{}: {}", level.name(), level.arch().stages()[layer.min(LAST_LAYER)]))
        .collect();
    names.join(", ")
}

fn legend(ui: &mut Ui, scene: &mut Scene<'_>, look: &Look) {
    let t = theme::tokens(ui);
    ui.label(RichText::new("low").small().color(t.muted));
    if let Some(texture) = scene.pictures.ramp(ui.ctx(), look.map) {
        let words = format!("Legend: {} from low to high", look.map.name());
        ui.add(egui::Image::from_texture((texture.id(), vec2(60.0, 10.0))).alt_text(words));
    }
    ui.label(RichText::new("high").small().color(t.muted));
}

/// One level's picture with the heat map over it.
pub fn picture(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    assessment: &Arc<Assessment>,
    number: usize,
    level: Level,
    cell: egui::Vec2,
) {
    let look = scene.state.cam;
    let stage = level.arch().stages()[look.layer.min(LAST_LAYER)];
    let outcome = &scene.state.outcome;
    let words = match outcome.heat(&look, number) {
        Some(heat) if heat.is_empty() => format!("{} {}", level.name(), look.empty_words(level.arch())),
        _ => format!("{}: {}, {stage}", level.name(), class_words(look.class)),
    };
    ui.set_max_width(cell.x);
    ui.add(egui::Label::new(RichText::new(words).small()).truncate());
    let space = cell - vec2(0.0, CAPTION);
    let reasons = &assessment.reasons;
    let picture = if number == 0 { &reasons.t4_picture } else { &reasons.t11_picture };
    let Some(picture) = picture else { return placeholder(ui, space, "no picture") };
    let Some(heatmap) = outcome.heat(&look, number) else {
        let computing = scene.jobs.is_running(JobId::Explain);
        return placeholder(ui, space, if computing { "computing Grad-CAM…" } else { "not computed" });
    };
    let key = outcome.inputs ^ Arc::as_ptr(assessment) as u64;
    let drawn = scene.pictures.cam(ui.ctx(), number, key, picture, heatmap, &look);
    let Some(texture) = drawn else { return placeholder(ui, space, "no Grad-CAM") };
    let size = vec2(picture.width as f32, picture.height as f32);
    framed(ui, texture.id(), size, space, &format!("{} {}", level.name(), look.words(level.arch())));
}
