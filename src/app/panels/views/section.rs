//! One view: a section of the volume, what lies over it, and the mouse.

use egui::{Align2, Color32, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

use super::super::super::command::Command;
use super::super::super::placement::Placement;
use super::super::super::theme;
use super::super::super::viewer::{OpenSeries, Viewer};
use super::super::Scene;
use super::{levels, marks, mouse, overlay};
use thoracast_dicom::Orientation;

const DIM: Color32 = Color32::from_rgb(170, 180, 190);
const CROSS: Color32 = Color32::from_rgba_premultiplied(60, 100, 128, 110);

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>, orientation: Orientation) {
    let state = scene.state;
    let viewer = &state.viewer;
    let Some(open) = &viewer.open else { return };
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let section = viewer.section(orientation);
    let last = open.sections.count(orientation).saturating_sub(1);
    let words = format!("{} view, {} {} of {last}", orientation.name(), unit(orientation), section.index);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::BLACK);
    let place = Placement::new(rect, viewer.view(orientation), &open.sections, orientation);
    match scene.viewport.and_then(|viewport| viewport.picture(viewer, orientation, &place)) {
        Some(picture) if problem(scene, open, orientation).is_none() => drop(painter.add(picture)),
        _ => {
            let text = problem(scene, open, orientation).unwrap_or_else(|| "drawing starts…".to_owned());
            let font = FontId::proportional(13.0);
            let galley = painter.layout(text, font, DIM, rect.width() - 40.0);
            painter.galley(rect.center() - galley.size() / 2.0, galley, DIM);
        }
    }
    gaps(&painter, open, orientation, &place);
    if viewer.show_crosshair {
        crosshair(&painter, viewer, open, orientation, &place);
    }
    levels::show(&painter, scene, open, orientation, &place);
    marks::show(&painter, scene, open, orientation, &place);
    if viewer.show_overlay {
        overlay::show(&painter, scene, open, orientation, &place, response.hover_pos());
    }
    if viewer.active == orientation {
        let edge = Stroke::new(1.0, theme::ON_PICTURE.accent.gamma_multiply(0.7));
        painter.rect_stroke(rect.shrink(0.5), 0.0, edge, egui::StrokeKind::Inside);
    }
    progress(&painter, rect, open, orientation);
    if viewer.one_to_one && viewer.active == orientation {
        let pixel = open.sections.pixel_mm(orientation)[0];
        let zoom = place.zoom_for_pixels(viewer.view(orientation), pixel, ui.pixels_per_point());
        scene.send(Command::SetZoom(orientation, zoom));
    }
    mouse::act(ui, &response, scene, open, orientation, &place);
    mouse::menu(&response, scene);
}

/// What a section of an orientation is counted in.
pub fn unit(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Axial => "slice",
        Orientation::Sagittal => "column",
        Orientation::Coronal => "row",
    }
}

/// Why there is nothing to see yet, or at all.
fn problem(scene: &Scene<'_>, open: &OpenSeries, orientation: Orientation) -> Option<String> {
    if let Some(reason) = scene.viewport.and_then(|v| v.refusal(open)) {
        return Some(reason.to_owned());
    }
    if scene.viewport.is_none() {
        return Some("no graphics adapter: pictures can't be drawn".to_owned());
    }
    let axial = orientation == Orientation::Axial;
    match (axial, open.volume.is_some()) {
        (true, _) if open.planes.get(scene.state.viewer.cross.slice).is_some_and(Option::is_none) => {
            Some("this slice is being read…".to_owned())
        }
        (false, false) => Some(format!("reading {} / {}", open.loaded(), open.planes.len())),
        _ => None,
    }
}

fn progress(painter: &egui::Painter, rect: Rect, open: &OpenSeries, orientation: Orientation) {
    if orientation == Orientation::Axial && open.loaded() < open.planes.len() {
        let share = open.loaded() as f32 / open.planes.len().max(1) as f32;
        let bar = Rect::from_min_size(rect.left_bottom() - vec2(0.0, 3.0), vec2(rect.width() * share, 3.0));
        painter.rect_filled(bar, 0.0, theme::ON_PICTURE.accent);
    }
}

/// Missing slices are shown as missing: a hatched band where they would lie.
fn gaps(painter: &egui::Painter, open: &OpenSeries, orientation: Orientation, place: &Placement) {
    if orientation == Orientation::Axial || open.volume.is_none() {
        return;
    }
    let s = &open.sections;
    let [_, vertical] = s.axes(orientation);
    let width = s.span_mm(orientation)[0];
    let ink = Stroke::new(1.0, theme::ON_PICTURE.warning.gamma_multiply(0.6));
    for below in s.gaps() {
        let edge = |height: f64| (height - vertical.start_mm) * vertical.sign;
        let (a, b) = (edge(s.heights_mm[below] + s.reach_mm()), edge(s.heights_mm[below + 1] - s.reach_mm()));
        let band = Rect::from_two_pos(place.screen([0.0, a]), place.screen([width, b]));
        let mut x = band.left();
        while x < band.right() {
            let end = pos2((x + band.height()).min(band.right()), band.top());
            painter.line_segment([pos2(x, band.bottom()), end], ink);
            x += 8.0;
        }
        if band.height() > 14.0 {
            let font = FontId::proportional(11.5);
            let text = "slices missing";
            painter.text(band.center(), Align2::CENTER_CENTER, text, font, theme::ON_PICTURE.warning);
        }
    }
}

/// Thin lines where the other two views lie; open in the middle so that the point itself stays visible.
fn crosshair(
    painter: &egui::Painter,
    viewer: &Viewer,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
) {
    if !open.series.usable {
        return;
    }
    let point = open.sections.point(orientation, viewer.cross);
    let (at, far) = (place.screen(point), 4000.0);
    // Screen directions of the section's axes, whatever its turns.
    let across = (place.screen([point[0] + 1.0, point[1]]) - at).normalized();
    let down = (place.screen([point[0], point[1] + 1.0]) - at).normalized();
    for direction in [across, -across, down, -down] {
        painter.line_segment([at + direction * 12.0, at + direction * far], Stroke::new(1.0, CROSS));
    }
}
