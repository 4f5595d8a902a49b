//! The sagittal view: where the shown slice, T4 and T11 lie along the spine.

use egui::{Align2, Color32, CursorIcon, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

use super::super::command::Command;
use super::super::state::{Level, OpenSeries};
use super::super::theme;
use super::Scene;
use super::axial::{scrolled, text};

/// How near the pointer must be to a level's line to take hold of it, points.
const GRIP: f32 = 6.0;

/// What a drag in this view moves.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Slice,
    Level(Level),
}

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let viewer = &scene.state.viewer;
    let Some(open) = &viewer.open else { return };
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Sagittal view"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::BLACK);
    let area = area(rect, open);
    if let Some(texture) = scene.pictures.sagittal(ui.ctx(), viewer) {
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture.id(), area, uv, Color32::WHITE);
    } else {
        let dim = Color32::from_rgb(170, 180, 190);
        let words = format!("reading {} / {}", open.loaded(), open.planes.len());
        painter.text(rect.center(), Align2::CENTER_CENTER, words, FontId::proportional(13.0), dim);
    }
    let rows = Rows { area, last: open.last_slice(), rises: open.rises_to_head() };
    let t = theme::ON_PICTURE;
    for level in Level::ALL {
        if let Some(slice) = scene.state.inputs.level(level) {
            let colour = if level == Level::T4 { t.t4 } else { t.t11 };
            line(&painter, rect, rows.y(slice), colour, level.name());
        }
    }
    line(&painter, rect, rows.y(viewer.slice), Color32::from_rgb(235, 240, 245), "");
    text(&painter, rect.shrink(8.0).left_top(), Align2::LEFT_TOP, &["Sagittal"]);
    if open.volume.is_some() {
        text(&painter, rect.shrink(8.0).center_top(), Align2::CENTER_TOP, &["H"]);
        text(&painter, rect.shrink(8.0).left_center(), Align2::LEFT_CENTER, &["A"]);
        text(&painter, rect.shrink(8.0).right_center(), Align2::RIGHT_CENTER, &["P"]);
    }
    mouse(ui, &response, scene, &rows);
}

/// The picture keeps its true proportions.
fn area(rect: Rect, open: &OpenSeries) -> Rect {
    let spacing = open.series.spacing_mm.unwrap_or([1.0; 3]);
    let size = vec2(
        (open.series.rows as f64 * spacing[0]) as f32,
        (open.planes.len() as f64 * spacing[2]).max(1.0) as f32,
    );
    let scale = (rect.width() / size.x).min(rect.height() / size.y);
    Rect::from_center_size(rect.center(), size * scale)
}

/// Slices and heights in the view; the head is on top.
struct Rows {
    area: Rect,
    last: usize,
    /// Slice numbers rise towards the head.
    rises: bool,
}

impl Rows {
    fn y(&self, slice: usize) -> f32 {
        let from_feet = if self.rises { slice } else { self.last - slice.min(self.last) };
        let share = (from_feet as f32 + 0.5) / (self.last + 1) as f32;
        self.area.bottom() - share * self.area.height()
    }

    fn slice(&self, y: f32) -> usize {
        let share = (self.area.bottom() - y) / self.area.height();
        let from_feet = ((share * (self.last + 1) as f32).max(0.0) as usize).min(self.last);
        if self.rises { from_feet } else { self.last - from_feet }
    }
}

fn line(painter: &egui::Painter, rect: Rect, y: f32, colour: Color32, label: &str) {
    painter.line_segment([pos2(rect.left(), y), pos2(rect.right(), y)], Stroke::new(1.5, colour));
    if !label.is_empty() {
        let chip = Rect::from_min_size(pos2(rect.right() - 40.0, y - 17.0), vec2(36.0, 16.0));
        painter.rect_filled(chip, 3.0, colour);
        painter.text(chip.center(), Align2::CENTER_CENTER, label, FontId::proportional(12.0), Color32::BLACK);
    }
}

fn mouse(ui: &Ui, response: &egui::Response, scene: &mut Scene<'_>, rows: &Rows) {
    let open = scene.state.viewer.open.as_ref().filter(|_| response.hovered());
    if let Some(slice) = open.and_then(|o| scrolled(ui, scene.state.viewer.slice, o)) {
        scene.send(Command::ShowSlice(slice));
    }
    let Some(pointer) = response.hover_pos().or(response.interact_pointer_pos()) else { return };
    let near = Level::ALL.into_iter().find(|&level| {
        scene.state.inputs.level(level).is_some_and(|s| (rows.y(s) - pointer.y).abs() <= GRIP)
    });
    let held_id = response.id.with("held");
    if response.drag_started() {
        let held = near.map_or(Held::Slice, Held::Level);
        ui.data_mut(|d| d.insert_temp(held_id, held));
    }
    if near.is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
    }
    let slice = rows.slice(pointer.y);
    if response.dragged_by(egui::PointerButton::Primary) {
        match ui.data(|d| d.get_temp(held_id)).unwrap_or(Held::Slice) {
            Held::Slice => scene.send(Command::ShowSlice(slice)),
            Held::Level(level) => {
                scene.send(Command::Mark(level, slice));
                scene.send(Command::ShowSlice(slice));
            }
        }
    } else if response.clicked() {
        scene.send(Command::ShowSlice(slice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_on_top_and_rows_and_slices_agree() {
        let area = Rect::from_min_size(pos2(0.0, 10.0), vec2(50.0, 300.0));
        for rises in [true, false] {
            let rows = Rows { area, last: 99, rises };
            assert_eq!(rows.y(99) < rows.y(0), rises);
            for slice in [0, 1, 50, 99] {
                assert_eq!(rows.slice(rows.y(slice)), slice);
            }
        }
        let rows = Rows { area, last: 99, rises: true };
        assert_eq!(rows.slice(-1000.0), 99);
        assert_eq!(rows.slice(1000.0), 0);
    }
}
