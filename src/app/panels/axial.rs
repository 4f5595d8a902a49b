//! The axial view: the picture, its overlay, and the mouse.

use egui::{
    Align2, Color32, FontId, PointerButton, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, pos2, vec2,
};

use super::super::command::{Action, Command};
use super::super::state::{Level, OpenSeries, Viewer};
use super::super::theme;
use super::Scene;
use crate::chart::{Weight, text::fit};
use crate::dicom::{Geometry, orientation_letters};
use crate::report::date_words;

/// Overlay text is white on the black picture in both themes.
const INK: Color32 = Color32::from_rgb(232, 236, 240);
/// Overlay text, points.
const OVERLAY_SIZE: f32 = 12.0;
const DIM: Color32 = Color32::from_rgb(170, 180, 190);

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let viewer = &scene.state.viewer;
    let Some(open) = &viewer.open else { return };
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let words = format!("Axial view, slice {} of {}", viewer.slice, open.last_slice());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::BLACK);
    let place = Placement::new(rect, viewer, open);
    if let Some(texture) = scene.pictures.axial(ui.ctx(), viewer) {
        painter.image(
            texture.id(),
            place.picture,
            Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)),
            Color32::WHITE,
        );
    } else {
        let text = "this slice is being read…";
        painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(14.0), DIM);
    }
    let column_x = place.picture.left() + (viewer.column as f32 + 0.5) * place.points_per_pixel.x;
    let line = Stroke::new(1.0, Color32::from_rgba_unmultiplied(120, 200, 255, 70));
    painter.line_segment([pos2(column_x, rect.top()), pos2(column_x, rect.bottom())], line);
    overlay(&painter, rect, scene, open, &place, response.hover_pos());
    let commands = mouse(ui, &response, viewer, open, &place);
    for command in commands {
        scene.send(command);
    }
    menu(&response, scene);
}

/// Where the picture lies in the view.
struct Placement {
    picture: Rect,
    /// View points a pixel, horizontally and vertically: pixels need not be square.
    points_per_pixel: Vec2,
    points_per_mm: f32,
}

impl Placement {
    fn new(rect: Rect, viewer: &Viewer, open: &OpenSeries) -> Self {
        let s = &open.series;
        let spacing = s.spacing_mm.unwrap_or([1.0; 3]);
        let size_mm = vec2(s.columns as f32 * spacing[1] as f32, s.rows as f32 * spacing[0] as f32);
        let fit = (rect.width() / size_mm.x).min(rect.height() / size_mm.y);
        let points_per_mm = fit * viewer.zoom;
        let picture = Rect::from_center_size(rect.center() + viewer.pan, size_mm * points_per_mm);
        let points_per_pixel = vec2(spacing[1] as f32, spacing[0] as f32) * points_per_mm;
        Self { picture, points_per_pixel, points_per_mm }
    }

    /// Column and row under a point.
    fn pixel(&self, at: Pos2, open: &OpenSeries) -> Option<(usize, usize)> {
        let p = (at - self.picture.min) / self.points_per_pixel;
        let inside =
            p.x >= 0.0 && p.y >= 0.0 && p.x < open.series.columns as f32 && p.y < open.series.rows as f32;
        inside.then_some((p.x as usize, p.y as usize))
    }
}

fn mouse(
    ui: &Ui,
    response: &Response,
    viewer: &Viewer,
    open: &OpenSeries,
    place: &Placement,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let drag = response.drag_delta();
    if drag != Vec2::ZERO {
        if response.dragged_by(PointerButton::Primary) {
            // A wide window moves in larger steps than a narrow one.
            let step = (viewer.window.width / 300.0).max(0.5);
            commands.push(Command::SetWindow {
                centre: viewer.window.centre + drag.y * step,
                width: viewer.window.width + drag.x * step,
            });
        } else if response.dragged_by(PointerButton::Middle) {
            commands.push(Command::Pan(drag));
        } else if response.dragged_by(PointerButton::Secondary) {
            commands.push(Command::Zoom { factor: (-drag.y * 0.01).exp(), about: Vec2::ZERO });
        }
    }
    if response.double_clicked() {
        commands.push(Command::Do(Action::MaximiseView));
    }
    let Some(pointer) = response.hover_pos() else { return commands };
    if ui.input(|i| i.modifiers.shift)
        && let Some((column, _)) = place.pixel(pointer, open)
    {
        commands.push(Command::SetSagittal(column));
    }
    commands.extend(wheel(ui, viewer, open, pointer - response.rect.center()));
    commands
}

/// Wheel scrolls slices; with Ctrl it zooms about the pointer.
fn wheel(ui: &Ui, viewer: &Viewer, open: &OpenSeries, about: Vec2) -> Option<Command> {
    let zoom = ui.input(egui::InputState::zoom_delta);
    if (zoom - 1.0).abs() > 1e-4 {
        return Some(Command::Zoom { factor: zoom, about });
    }
    scrolled(ui, viewer.slice, open).map(Command::ShowSlice)
}

/// The slice the wheel leads to in this frame, if it turned; up is towards the head.
pub fn scrolled(ui: &Ui, slice: usize, open: &OpenSeries) -> Option<usize> {
    let turned = wheel_slices(ui);
    let steps = if open.rises_to_head() { turned } else { -turned };
    (steps != 0).then(|| slice.saturating_add_signed(steps))
}

/// Slices asked for by the wheel in this frame: one a notch, or one per 24 points of a touchpad.
fn wheel_slices(ui: &Ui) -> isize {
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

/// Right click without drag.
fn menu(response: &Response, scene: &mut Scene<'_>) {
    response.context_menu(|ui| {
        for action in [
            Action::MarkT4,
            Action::MarkT11,
            Action::PresetAuto,
            Action::PresetFile,
            Action::PresetMediastinum,
            Action::PresetAbdomen,
            Action::PresetLung,
            Action::PresetBone,
            Action::PresetMuscle,
            Action::PresetFat,
            Action::Invert,
            Action::Fit,
            Action::ResetView,
        ] {
            let info = action.info();
            let mut button = egui::Button::new(info.text);
            if let Some(key) = info.key {
                button = button.shortcut_text(ui.ctx().format_shortcut(&key));
            }
            if ui.add(button).clicked() {
                scene.send(Command::Do(action));
                ui.close();
            }
        }
    });
}

fn overlay(
    painter: &egui::Painter,
    rect: Rect,
    scene: &Scene<'_>,
    open: &OpenSeries,
    place: &Placement,
    pointer: Option<Pos2>,
) {
    let viewer = &scene.state.viewer;
    let inner = rect.shrink(8.0);
    let s = &open.series;
    let z = open.z_mm(viewer.slice).map_or(String::new(), |z| format!("z {z:.1} mm").replace('-', "−"));
    let thickness = s.spacing_mm.map_or(String::new(), |m| format!("spacing {:.2} mm", m[2]));
    // Up to the orientation letter in the middle, not into it.
    let fit = |words: &str| fit(words.trim(), inner.width() / 2.0 - 24.0, OVERLAY_SIZE, Weight::Regular);
    let study = format!("{} {}", date_words(&s.study_date), s.description);
    text(painter, inner.left_top(), Align2::LEFT_TOP, &[&fit(&s.patient_id), &fit(&study)]);
    let slice = format!("Slice {} / {}", viewer.slice, open.last_slice());
    text(painter, inner.right_top(), Align2::RIGHT_TOP, &[&slice, &z, &thickness]);
    let window = format!("W {:.0}  L {:.0}", viewer.window.width, viewer.window.centre);
    let zoom = format!("Zoom {:.0} %", viewer.zoom * 100.0);
    text(painter, inner.left_bottom(), Align2::LEFT_BOTTOM, &[&window, &zoom]);
    let under =
        pointer.and_then(|at| place.pixel(at, open)).map(|(c, r)| under_cursor(open, viewer.slice, c, r));
    text(painter, inner.right_bottom(), Align2::RIGHT_BOTTOM, &[&under.unwrap_or_default()]);
    if let Some(volume) = &open.volume {
        letters(painter, inner, &volume.geometry);
    }
    scale_bar(painter, inner, place.points_per_mm);
    level_chip(painter, inner, scene);
    if open.volume.is_none() {
        let share = open.loaded() as f32 / open.planes.len().max(1) as f32;
        let bar = Rect::from_min_size(rect.left_bottom() - vec2(0.0, 3.0), vec2(rect.width() * share, 3.0));
        painter.rect_filled(bar, 0.0, theme::ON_PICTURE.accent);
    }
}

/// "−62 HU at 250, 131".
fn under_cursor(open: &OpenSeries, slice: usize, column: usize, row: usize) -> String {
    let plane = open.planes.get(slice).and_then(Option::as_ref);
    plane.map_or(String::new(), |p| {
        let hu = p.hu(row * open.series.columns + column);
        format!("{} HU  at {column}, {row}", signed(hu))
    })
}

/// A HU figure with a real minus sign.
pub fn signed(hu: f32) -> String {
    format!("{hu:.0}").replace('-', "−")
}

/// Lines of text with a dark rim, so that they can be read over bone too.
pub fn text(painter: &egui::Painter, at: Pos2, anchor: Align2, lines: &[&str]) {
    let font = FontId::proportional(OVERLAY_SIZE);
    let lines: Vec<&str> = lines.iter().copied().filter(|l| !l.is_empty()).collect();
    let bottom = anchor.y() == egui::Align::Max;
    for (i, line) in lines.iter().enumerate() {
        let steps = if bottom { i as f32 - (lines.len() - 1) as f32 } else { i as f32 };
        let at = at + vec2(0.0, steps * 15.0);
        painter.text(at + vec2(1.0, 1.0), anchor, line, font.clone(), Color32::from_black_alpha(200));
        painter.text(at, anchor, line, font.clone(), INK);
    }
}

fn letters(painter: &egui::Painter, inner: Rect, geometry: &Geometry) {
    let opposite = |d: [f64; 3]| d.map(|x| -x);
    let (row, column) = (geometry.row_direction, geometry.column_direction);
    for (at, anchor, direction) in [
        (inner.left_center(), Align2::LEFT_CENTER, opposite(row)),
        (inner.right_center(), Align2::RIGHT_CENTER, row),
        (inner.center_top(), Align2::CENTER_TOP, opposite(column)),
        (inner.center_bottom(), Align2::CENTER_BOTTOM, column),
    ] {
        text(painter, at, anchor, &[&orientation_letters(direction)]);
    }
}

/// A bar of a round length near a quarter of the view.
fn scale_bar(painter: &egui::Painter, inner: Rect, points_per_mm: f32) {
    let longest = inner.height() * 0.3 / points_per_mm;
    let length = [200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0].into_iter().find(|l| *l <= longest);
    let Some(length) = length else { return };
    let x = inner.left() + 4.0;
    let middle = inner.center().y + inner.height() * 0.2;
    let half = length * points_per_mm / 2.0;
    let stroke = Stroke::new(1.5, INK);
    painter.line_segment([pos2(x, middle - half), pos2(x, middle + half)], stroke);
    for end in [middle - half, middle + half] {
        painter.line_segment([pos2(x, end), pos2(x + 5.0, end)], stroke);
    }
    text(painter, pos2(x + 8.0, middle), Align2::LEFT_CENTER, &[&format!("{length:.0} mm")]);
}

/// Says when the shown slice is the chosen T4 or T11.
fn level_chip(painter: &egui::Painter, inner: Rect, scene: &Scene<'_>) {
    let t = theme::ON_PICTURE;
    let mut x = inner.center().x;
    for level in Level::ALL {
        if scene.state.inputs.level(level) == Some(scene.state.viewer.slice) {
            let chip = Rect::from_center_size(pos2(x, inner.top() + 30.0), vec2(44.0, 20.0));
            painter.rect_filled(chip, 4.0, if level == Level::T4 { t.t4 } else { t.t11 });
            painter.text(
                chip.center(),
                Align2::CENTER_CENTER,
                level.name(),
                FontId::proportional(13.0),
                Color32::BLACK,
            );
            x += 50.0;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn hu_are_shown_with_a_minus_sign() {
        assert_eq!(super::signed(-62.4), "−62");
        assert_eq!(super::signed(30.0), "30");
    }
}
