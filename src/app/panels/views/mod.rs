//! The views of the open series: toolbar, axial large, sagittal and coronal beside it.

mod icons;
mod levels;
pub mod marks;
mod mouse;
mod overlay;
mod section;
mod toolbar;

use egui::{CentralPanel, Panel, Ui};

use super::super::viewer::Layout;
use super::Scene;
use thoracast_dicom::Orientation;

/// Below this width of the middle (points) the axial view stands alone.
const SIDE_VIEWS_NEED: f32 = 380.0;
/// Below this height (points) only the sagittal view stands beside the axial one.
const BOTH_SIDE_VIEWS_NEED: f32 = 240.0;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    Panel::top("view-tools").show(ui, |ui| toolbar::show(ui, scene));
    let black = egui::Frame::new().fill(egui::Color32::BLACK);
    let size = ui.available_size();
    let usable = scene.state.viewer.open.as_ref().is_some_and(|open| open.series.usable);
    if let Layout::View(orientation) = scene.state.viewer.layout {
        CentralPanel::no_frame().show(ui, |ui| section::show(ui, scene, orientation));
        return;
    }
    if usable && size.x >= SIDE_VIEWS_NEED {
        Panel::right("side-views")
            .resizable(true)
            .default_size((size.x * 0.42).clamp(150.0, 480.0))
            .size_range(120.0..=(size.x * 0.6))
            .frame(black)
            .show(ui, |ui| {
                if ui.available_height() >= BOTH_SIDE_VIEWS_NEED {
                    let half = ui.available_height() / 2.0;
                    Panel::bottom("coronal-view")
                        .resizable(true)
                        .default_size(half)
                        .size_range(60.0..=(half * 2.0 - 60.0))
                        .frame(black)
                        .show(ui, |ui| section::show(ui, scene, Orientation::Coronal));
                }
                CentralPanel::no_frame().show(ui, |ui| section::show(ui, scene, Orientation::Sagittal));
            });
    }
    CentralPanel::no_frame().show(ui, |ui| section::show(ui, scene, Orientation::Axial));
}
