//! Tools, window, slab and cine above the views.

use egui::{Button, Color32, DragValue, Ui, vec2};

use super::super::super::command::{Action, Command};
use super::super::super::theme;
use super::super::super::viewer::{Cine, Slab, Tool};
use super::super::Scene;
use super::icons;
use super::overlay::signed;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let viewer = &scene.state.viewer;
    let usable = viewer.open.as_ref().is_some_and(|open| open.series.usable);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for tool in Tool::ALL {
            if matches!(tool, Tool::Crosshair | Tool::Distance) {
                ui.separator();
            }
            button(ui, scene, tool.action(), viewer.tool == tool);
        }
        ui.separator();
        let key = viewer.cross.slice;
        button(ui, scene, Action::KeyImage, scene.state.inputs.key_images.contains(&key));
        button(ui, scene, Action::Invert, viewer.invert);
        button(ui, scene, Action::RotateRight, false);
        button(ui, scene, Action::FlipHorizontal, viewer.view(viewer.active).mirrored);
        ui.separator();
        window(ui, scene);
        if usable {
            slab(ui, scene);
        }
        button(ui, scene, Action::Cine, viewer.cine.playing);
        // Only while it plays: at 1280 points the row is full.
        if viewer.cine.playing {
            let mut rate = viewer.cine.rate;
            let field = ui.add(DragValue::new(&mut rate).range(Cine::RATES).fixed_decimals(0).suffix(" /s"));
            if field.on_hover_text("Pictures a second").changed() {
                scene.send(Command::SetCineRate(rate));
            }
        }
    });
}

fn button(ui: &mut Ui, scene: &mut Scene<'_>, action: Action, chosen: bool) {
    let response = ui.add(Button::selectable(chosen, "").min_size(vec2(26.0, 24.0)));
    let name = action.info().text;
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, chosen, name));
    let colour: Color32 = if chosen { theme::tokens(ui).accent } else { ui.visuals().text_color() };
    icons::paint(ui.painter(), response.rect, action, colour, chosen);
    let clicked = response.clicked();
    response.on_hover_text(scene.state.keys.help(ui.ctx(), action));
    if clicked {
        scene.send(Command::Do(action));
    }
}

fn window(ui: &mut Ui, scene: &mut Scene<'_>) {
    let window = scene.state.viewer.window;
    let words = format!("W {:.0}  L {}", window.width, signed(window.centre));
    ui.menu_button(words, |ui| {
        for action in [
            Action::PresetAuto,
            Action::PresetFile,
            Action::PresetMediastinum,
            Action::PresetAbdomen,
            Action::PresetLung,
            Action::PresetBone,
            Action::PresetMuscle,
            Action::PresetFat,
        ] {
            if super::super::entry(ui, scene, action) {
                ui.close();
            }
        }
    })
    .response
    .on_hover_text("Window width and centre: presets");
}

fn slab(ui: &mut Ui, scene: &mut Scene<'_>) {
    let slab = scene.state.viewer.slab;
    let words = match slab.thickness_mm {
        0.0 => "Slab off".to_owned(),
        mm => format!("Slab {mm:.0} mm {}", slab.projection.name()),
    };
    ui.menu_button(words, |ui| {
        for mm in Slab::STEPS_MM {
            let words = if mm == 0.0 { "One voxel".to_owned() } else { format!("{mm:.0} mm") };
            if ui.selectable_label(slab.thickness_mm == mm, words).clicked() {
                scene.send(Command::SetSlab(mm));
                ui.close();
            }
        }
        ui.separator();
        for action in [Action::SlabProjection, Action::SlabThicker, Action::SlabThinner] {
            super::super::entry(ui, scene, action);
        }
    })
    .response
    .on_hover_text("How thick the sagittal and coronal sections are");
}
