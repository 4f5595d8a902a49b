//! What the mouse does in a view.

use egui::{CursorIcon, PointerButton, Pos2, Response, Ui, Vec2};

use super::super::super::command::{Action, Command};
use super::super::super::placement::Placement;
use super::super::super::sketch::{Drawn, Stroke, draw};
use super::super::super::viewer::{OpenSeries, Tool};
use super::super::Scene;
use super::levels::{Line, line_at};
use super::marks::{Grip, grip_at};
use thoracast_core::measure::Mark;
use thoracast_dicom::{Orientation, Section};

/// What a drag that began in a view holds.
#[derive(Clone)]
enum Held {
    Line(Line),
    /// A measurement as it was, and where it was taken.
    Mark {
        number: usize,
        grip: Grip,
        before: Mark,
        from: [f64; 2],
    },
    Tool(Tool),
}

pub fn act(
    ui: &Ui,
    response: &Response,
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
) {
    let viewer = &scene.state.viewer;
    let section = viewer.section(orientation);
    if response.drag_started() || response.clicked() || response.secondary_clicked() {
        scene.send(Command::Activate(orientation));
    }
    if response.double_clicked() && viewer.tool != Tool::Polygon {
        scene.send(Command::Activate(orientation));
        scene.send(Command::Do(Action::MaximiseView));
    }
    wheel(ui, response, scene, open, section, place);
    middle_and_right(response, scene, orientation);
    let Some(pointer) = response.interact_pointer_pos().or(response.hover_pos()) else { return };
    let mm = place.mm(pointer);
    if ui.input(|i| i.modifiers.shift && !i.pointer.any_down())
        && response.hovered()
        && let Some(voxel) = open.sections.voxel(section, mm)
    {
        scene.send(Command::Cross(voxel));
    }
    left(ui, response, scene, open, section, place, pointer);
    cursor(ui, response, scene, open, orientation, place, pointer);
}

fn left(
    ui: &Ui,
    response: &Response,
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    section: Section,
    place: &Placement,
    pointer: Pos2,
) {
    let held_id = response.id.with("held");
    let (tool, mm) = (scene.state.viewer.tool, place.mm(pointer));
    let origin = ui.input(|i| i.pointer.press_origin()).unwrap_or(pointer);
    if response.drag_started_by(PointerButton::Primary) {
        let held = held(scene, open, section, place, origin);
        if matches!(held, Held::Tool(tool) if tool.measures()) {
            stroke(scene, section, Stroke::Start(place.mm(origin)));
        }
        ui.data_mut(|d| d.insert_temp(held_id, held));
    } else if response.dragged_by(PointerButton::Primary) {
        let held = ui.data(|d| d.get_temp::<Held>(held_id)).unwrap_or(Held::Tool(tool));
        drag(response, scene, open, section, place, &held, mm);
    } else if response.drag_stopped_by(PointerButton::Primary) {
        let held = ui.data(|d| d.get_temp::<Held>(held_id));
        if matches!(held, Some(Held::Tool(tool)) if tool.measures()) {
            stroke(scene, section, Stroke::End(mm));
        }
        ui.data_mut(|d| d.remove::<Held>(held_id));
    } else if response.double_clicked() && tool == Tool::Polygon {
        stroke(scene, section, Stroke::Close);
    } else if response.clicked() {
        click(scene, open, section, place, pointer);
    } else if scene.state.viewer.sketch.is_some() && response.hovered() {
        stroke(scene, section, Stroke::Move(mm));
    }
}

/// What the button took hold of.
fn held(scene: &Scene<'_>, open: &OpenSeries, section: Section, place: &Placement, at: Pos2) -> Held {
    let viewer = &scene.state.viewer;
    if viewer.tool != Tool::Pointer {
        return Held::Tool(viewer.tool);
    }
    if let Some((number, grip)) = grip_at(scene, section, place, at) {
        let before = scene.state.inputs.marks[number].clone();
        return Held::Mark { number, grip, before, from: place.mm(at) };
    }
    line_at(scene, open, section.orientation, place, at).map_or(Held::Tool(Tool::Pointer), Held::Line)
}

fn drag(
    response: &Response,
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    section: Section,
    place: &Placement,
    held: &Held,
    mm: [f64; 2],
) {
    let moved = response.drag_delta();
    match held {
        Held::Line(line) => {
            let [_, vertical] = open.sections.axes(section.orientation);
            let Some(slice) = open.sections.slice_at(vertical.position(mm[1])) else { return };
            if let Line::Level(level) = line {
                scene.send(Command::Mark(*level, slice));
            }
            scene.send(Command::ShowSlice(slice));
        }
        Held::Mark { number, grip, before, from } => {
            let shape = match grip {
                Grip::Point(point) => before.shape.clone().with_point(*point, mm),
                Grip::Whole => before.shape.clone().moved([mm[0] - from[0], mm[1] - from[1]]),
            };
            scene.send(Command::SelectMark(Some(*number)));
            scene.send(Command::ReplaceMark(*number, Mark { section: before.section, shape }));
        }
        Held::Tool(tool) => with_tool(scene, open, section, place, *tool, moved, mm),
    }
}

fn with_tool(
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    section: Section,
    place: &Placement,
    tool: Tool,
    moved: Vec2,
    mm: [f64; 2],
) {
    let window = scene.state.viewer.window;
    match tool {
        Tool::Pointer | Tool::Window if moved != Vec2::ZERO => {
            // A wide window moves in larger steps than a narrow one.
            let step = (window.width / 300.0).max(0.5);
            scene.send(Command::SetWindow {
                centre: window.centre + moved.y * step,
                width: window.width + moved.x * step,
            });
        }
        Tool::Pan => scene.send(Command::Pan(section.orientation, moved)),
        Tool::Zoom => zoom(scene, section.orientation, moved),
        Tool::Scroll => {
            // The whole stack over the view's height.
            let count = open.sections.count(section.orientation) as f32;
            let from = mm_share(scene, place, moved.y, count);
            if from != 0 {
                let index = section.index.saturating_add_signed(from);
                scene.send(Command::ShowSection(Section { index, ..section }));
            }
        }
        Tool::Crosshair => {
            if let Some(voxel) = open.sections.voxel(section, mm) {
                scene.send(Command::Cross(voxel));
            }
        }
        Tool::Freehand | Tool::Distance | Tool::Ellipse | Tool::Angle | Tool::Polygon => {
            stroke(scene, section, Stroke::Move(mm));
        }
        _ => {}
    }
}

/// Sections for a vertical drag; at least one for each few points so that slow drags move too.
fn mm_share(_scene: &Scene<'_>, place: &Placement, moved: f32, count: f32) -> isize {
    let sections = -moved * (count / place.rect.height()).max(0.25);
    sections.round() as isize
}

fn click(scene: &mut Scene<'_>, open: &OpenSeries, section: Section, place: &Placement, at: Pos2) {
    let mm = place.mm(at);
    match scene.state.viewer.tool {
        Tool::Pointer => {
            let grip = grip_at(scene, section, place, at);
            scene.send(Command::SelectMark(grip.map(|(number, _)| number)));
            let reformat = section.orientation != Orientation::Axial;
            if let Some(voxel) = open.sections.voxel(section, mm).filter(|_| grip.is_none() && reformat) {
                scene.send(Command::ShowSlice(voxel.slice));
            }
        }
        Tool::Crosshair => {
            if let Some(voxel) = open.sections.voxel(section, mm) {
                scene.send(Command::Cross(voxel));
            }
        }
        tool if tool.measures() => stroke(scene, section, Stroke::Click(mm)),
        _ => {}
    }
}

fn stroke(scene: &mut Scene<'_>, section: Section, stroke: Stroke) {
    let viewer = &scene.state.viewer;
    match draw(viewer.sketch.as_ref(), viewer.tool, section, stroke) {
        Drawn::Nothing => {}
        Drawn::Sketch(sketch) => scene.send(Command::Sketch(Some(sketch))),
        Drawn::Mark(mark) => scene.send(Command::AddMark(mark)),
        Drawn::Dropped => scene.send(Command::Sketch(None)),
    }
}

fn zoom(scene: &mut Scene<'_>, view: Orientation, moved: Vec2) {
    scene.send(Command::Zoom { view, factor: (-moved.y * 0.01).exp(), about: Vec2::ZERO });
}

fn middle_and_right(response: &Response, scene: &mut Scene<'_>, orientation: Orientation) {
    let moved = response.drag_delta();
    if moved == Vec2::ZERO {
        return;
    }
    if response.dragged_by(PointerButton::Middle) {
        scene.send(Command::Pan(orientation, moved));
    } else if response.dragged_by(PointerButton::Secondary) {
        zoom(scene, orientation, moved);
    }
}

/// Wheel scrolls sections; with Ctrl it zooms about the pointer.
fn wheel(
    ui: &Ui,
    response: &Response,
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    section: Section,
    place: &Placement,
) {
    let Some(pointer) = response.hover_pos() else { return };
    let factor = ui.input(egui::InputState::zoom_delta);
    if (factor - 1.0).abs() > 1e-4 {
        let about = pointer - place.rect.center();
        return scene.send(Command::Zoom { view: section.orientation, factor, about });
    }
    let turned = turned(ui);
    if turned != 0 {
        // Up is towards the head.
        let falls = section.orientation == Orientation::Axial && !open.rises_to_head();
        let index = section.index.saturating_add_signed(if falls { -turned } else { turned });
        scene.send(Command::Activate(section.orientation));
        scene.send(Command::ShowSection(Section { index, ..section }));
    }
}

/// Sections asked for by the wheel in this frame: one a notch, or one per 24 points of a touchpad.
fn turned(ui: &Ui) -> isize {
    let (mut lines, mut points) = (0.0, 0.0);
    ui.input(|i| {
        for event in &i.events {
            if let egui::Event::MouseWheel { unit, delta, modifiers, .. } = event
                && !modifiers.command
            {
                match unit {
                    egui::MouseWheelUnit::Line => lines += delta.y,
                    egui::MouseWheelUnit::Page => lines += delta.y * 10.0,
                    egui::MouseWheelUnit::Point => points += delta.y,
                }
            }
        }
    });
    let id = egui::Id::unique("wheel-rest");
    let rest: f32 = ui.data(|d| d.get_temp(id)).unwrap_or(0.0);
    let total = rest + points / 24.0;
    let whole = total.trunc();
    if points != 0.0 {
        ui.data_mut(|d| d.insert_temp(id, total - whole));
    }
    // A notch of a high-resolution wheel may be a fraction of a line.
    let notches = if lines == 0.0 { 0.0 } else { lines.abs().max(1.0).round().copysign(lines) };
    (notches + whole) as isize
}

fn cursor(
    ui: &Ui,
    response: &Response,
    scene: &Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
    at: Pos2,
) {
    if !response.hovered() {
        return;
    }
    let viewer = &scene.state.viewer;
    let icon = match viewer.tool {
        Tool::Pointer if grip_at(scene, viewer.section(orientation), place, at).is_some() => CursorIcon::Move,
        Tool::Pointer if line_at(scene, open, orientation, place, at).is_some() => CursorIcon::ResizeVertical,
        Tool::Pointer => return,
        Tool::Pan => CursorIcon::Grab,
        Tool::Zoom => CursorIcon::ZoomIn,
        Tool::Scroll => CursorIcon::ResizeVertical,
        Tool::Window => CursorIcon::ResizeHorizontal,
        _ => CursorIcon::Crosshair,
    };
    ui.ctx().set_cursor_icon(icon);
}

/// Right click without drag.
pub fn menu(response: &Response, scene: &mut Scene<'_>) {
    response.context_menu(|ui| {
        for action in [
            Action::MarkT4,
            Action::MarkT11,
            Action::KeyImage,
            Action::PresetAuto,
            Action::PresetFile,
            Action::PresetMediastinum,
            Action::PresetAbdomen,
            Action::PresetLung,
            Action::PresetBone,
            Action::PresetMuscle,
            Action::PresetFat,
            Action::Invert,
            Action::RotateRight,
            Action::FlipHorizontal,
            Action::Fit,
            Action::ResetView,
            Action::Tags,
        ] {
            if super::super::entry(ui, scene, action) {
                ui.close();
            }
        }
    });
}
