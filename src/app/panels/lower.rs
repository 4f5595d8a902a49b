//! The tabs under the views: network pictures, nomogram, reasons, report.

use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{Align2, FontId, Rect, RichText, Sense, Ui, vec2};

use super::super::command::{Action, Command};
use super::super::state::{Layout, Level, Tab};
use super::super::theme;
use super::Scene;
use thoracast_core::assess::Assessment;
use thoracast_core::chart::{self, Chart};
use thoracast_core::figures;
use thoracast_core::slice;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    // The panel keeps its height whatever the tab shows.
    ui.set_min_size(ui.available_size());
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            if ui.selectable_label(scene.state.tab == tab, tab.name()).clicked() {
                scene.send(Command::ShowTab(tab));
            }
        }
        let alone = scene.state.viewer.layout == Layout::Figures;
        let info = Action::MaximiseFigures.info();
        if ui.button(if alone { "All views" } else { "Enlarge" }).on_hover_text(info.help).clicked() {
            scene.send(Command::Do(Action::MaximiseFigures));
        }
        remark(ui, scene);
    });
    ui.separator();
    match scene.state.tab {
        Tab::Pictures => pictures(ui, scene),
        Tab::Nomogram => nomogram(ui, scene),
        Tab::Reasons => reasons(ui, scene),
        Tab::Report => report(ui, scene),
        Tab::Marks => super::measurements::show(ui, scene),
    }
}

/// What must be known of the figures below; in full on hovering where the panel is narrow.
fn remark(ui: &mut Ui, scene: &Scene<'_>) {
    let t = theme::tokens(ui);
    let untrained = scene.state.outcome.assessment.as_ref().is_some_and(|a| !a.meaningful);
    let (words, colour) = match (scene.state.stale(), untrained && scene.state.tab != Tab::Pictures) {
        (true, _) => ("out of date", t.warning),
        (false, true) => (thoracast_core::assess::UNTRAINED, t.error),
        (false, false) => return,
    };
    ui.add(egui::Label::new(RichText::new(words).small().color(colour)).truncate());
}

/// T4 and T11 as the networks will see them.
fn pictures(ui: &mut Ui, scene: &mut Scene<'_>) {
    let size = ui.available_size();
    let caption = 20.0;
    ui.horizontal_top(|ui| {
        for (number, level) in Level::ALL.into_iter().enumerate() {
            let width = (size.x - 8.0) / 2.0;
            ui.allocate_ui(vec2(width, size.y), |ui| {
                ui.vertical(|ui| {
                    ui.label(RichText::new(picture_caption(scene, level)).small());
                    let space = vec2(width, size.y - caption);
                    match network_picture(ui, scene, number, level) {
                        Some((texture, size)) => framed(ui, texture.id(), size, space, level.name()),
                        None => placeholder(ui, space, &format!("{} is not set", level.name())),
                    }
                });
            });
        }
    });
}

fn picture_caption(scene: &Scene<'_>, level: Level) -> String {
    let Some(models) = scene.models else { return format!("{} picture", level.name()) };
    let network = match level {
        Level::T4 => &models.t4,
        Level::T11 => &models.t11,
    };
    let r = &network.card.recipe;
    let [low, high] = r.window_hu;
    let words = format!("{}: {low:.0} to {high:.0} HU, {} × {} pixels", level.name(), r.width, r.height);
    words.replace('-', "−")
}

fn network_picture(
    ui: &Ui,
    scene: &mut Scene<'_>,
    number: usize,
    level: Level,
) -> Option<(egui::TextureHandle, egui::Vec2)> {
    let models = scene.models?;
    let volume = scene.state.viewer.open.as_ref()?.volume.as_ref()?;
    let slice = scene.state.inputs.level(level)?;
    let recipe = match level {
        Level::T4 => &models.t4.card.recipe,
        Level::T11 => &models.t11.card.recipe,
    };
    let mut key = DefaultHasher::new();
    (&volume.series_uid, std::sync::Arc::as_ptr(volume) as usize, slice).hash(&mut key);
    (recipe.window_hu.map(f32::to_bits), recipe.width, recipe.height).hash(&mut key);
    let make = || slice::cut(volume, slice, recipe).ok();
    let texture = scene.pictures.network(ui.ctx(), number, key.finish(), make)?;
    let size = vec2(recipe.width as f32, recipe.height as f32);
    Some((texture, size))
}

/// A picture in its true proportions, with a name for screen readers.
pub fn framed(ui: &mut Ui, texture: egui::TextureId, size: egui::Vec2, space: egui::Vec2, name: &str) {
    let scale = (space.x / size.x).min(space.y / size.y).clamp(0.05, 2.0);
    let image = egui::Image::from_texture((texture, size * scale)).alt_text(format!("{name} picture"));
    ui.add(image);
}

pub fn placeholder(ui: &mut Ui, space: egui::Vec2, words: &str) {
    let t = theme::tokens(ui);
    let (rect, _) = ui.allocate_exact_size(space.max(vec2(10.0, 10.0)), Sense::hover());
    ui.painter().rect_filled(rect, 4.0, t.card);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, FontId::proportional(13.5), t.muted);
}

/// Draws a chart as large as the space allows.
pub fn chart_in(ui: &mut Ui, chart: &Chart) {
    let space = ui.available_size();
    let scale = (space.x / chart.width).min(space.y / chart.height).clamp(0.1, 1.6);
    let size = vec2(chart.width, chart.height) * scale;
    let (rect, response) = ui.allocate_exact_size(vec2(space.x, size.y), Sense::hover());
    let title = chart.title.clone();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &title));
    let place = Rect::from_center_size(rect.center(), size);
    chart::egui::paint(ui.painter(), place, chart, &theme::chart_theme(ui));
}

fn nomogram(ui: &mut Ui, scene: &mut Scene<'_>) {
    let space = ui.available_size();
    let assessment = scene.state.outcome.assessment.as_ref();
    let reasons = assessment.map(|a| &a.reasons);
    let chart = match (reasons.and_then(|r| r.nomogram.as_ref()), scene.models) {
        (Some(nomogram), _) => {
            let patient = reasons.and_then(|r| r.patient_points.as_ref());
            let cutoff_points = reasons.and_then(|r| r.cutoff_points);
            let content = figures::nomogram::content(nomogram, patient, cutoff_points);
            let doubtful = assessment.is_some_and(|a| a.doubtful());
            let content = chart::nomogram::Content { doubtful, ..content };
            chart::nomogram::draw(&content, nomogram_width(space))
        }
        (None, Some(models)) => {
            let (model, nomogram) = (&models.nomogram, models.nomogram.nomogram());
            let content = figures::nomogram::content(&nomogram, None, Some(model.cutoff_points()));
            chart::nomogram::draw(&content, nomogram_width(space))
        }
        (None, None) => return placeholder(ui, space, "the models are being loaded"),
    };
    chart_in(ui, &chart);
}

/// Wide enough for the labels, not so wide that a high chart would be scaled down.
fn nomogram_width(space: egui::Vec2) -> f32 {
    space.x.clamp(560.0, 1000.0)
}

fn reasons(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(assessment) = scene.state.outcome.assessment.clone() else {
        return placeholder(
            ui,
            ui.available_size(),
            "predict to see the votes and where the networks looked",
        );
    };
    super::cam::bar(ui, scene);
    let size = ui.available_size();
    ui.horizontal_top(|ui| {
        // The votes carry text, so they get the wider part.
        let votes = (size.x * 0.42).max(300.0);
        ui.allocate_ui(vec2(votes, size.y), |ui| {
            ui.vertical(|ui| why(ui, &assessment, votes, size.y));
        });
        // Where there is more height than width the pictures stand one above the other.
        let (space, side) = (ui.available_size(), size.y <= 0.7 * size.x);
        let gap = ui.spacing().item_spacing;
        let cell = if side {
            vec2((space.x - gap.x) / 2.0, space.y)
        } else {
            vec2(space.x, (space.y - gap.y) / 2.0)
        };
        let layout = if side {
            egui::Layout::left_to_right(egui::Align::Min)
        } else {
            egui::Layout::top_down(egui::Align::Min)
        };
        ui.with_layout(layout, |ui| {
            for (number, level) in Level::ALL.into_iter().enumerate() {
                ui.allocate_ui(cell, |ui| {
                    ui.vertical(|ui| super::cam::picture(ui, scene, &assessment, number, level, cell));
                });
            }
        });
    });
}

/// Votes, and below them what the clinical branch went by; scrolled where both are too high.
fn why(ui: &mut Ui, assessment: &Assessment, width: f32, height: f32) {
    let drawn = (width * 0.8).clamp(280.0, 520.0);
    egui::ScrollArea::vertical().id_salt("reasons").max_height(height).auto_shrink([false, false]).show(
        ui,
        |ui| {
            let votes = figures::votes::draw(assessment, drawn);
            let waterfall = chart::waterfall::draw(
                &figures::explanation::waterfall(&assessment.clinical.explanation),
                drawn,
            );
            for chart in std::iter::once(votes).chain(waterfall) {
                // In a scrolled area height is endless: the width decides.
                ui.allocate_ui(vec2(width, chart.height * width / chart.width), |ui| chart_in(ui, &chart));
                ui.add_space(12.0);
            }
        },
    );
}

fn report(ui: &mut Ui, scene: &mut Scene<'_>) {
    let outcome = &scene.state.outcome;
    if outcome.report_pages.is_empty() || scene.state.stale() {
        let words = match outcome.assessment {
            None => "predict to see the report",
            Some(_) => "the result is out of date; the report follows its update",
        };
        return placeholder(ui, ui.available_size(), words);
    }
    let width = (ui.available_width() - 24.0).min(820.0);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            for (number, page) in outcome.report_pages.iter().enumerate() {
                let (rect, response) =
                    ui.allocate_exact_size(vec2(width, page.height * width / page.width), Sense::hover());
                let name = format!("Report page {}", number + 1);
                response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
                // Paper is white in both themes, as it will be printed.
                ui.painter().rect_filled(rect, 2.0, egui::Color32::WHITE);
                chart::egui::paint(ui.painter(), rect, page, &chart::Theme::light());
                ui.add_space(8.0);
            }
        });
    });
}
