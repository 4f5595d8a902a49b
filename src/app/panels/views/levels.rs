//! T4 and T11 as lines across the sagittal and coronal views.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, vec2};

use super::super::super::placement::Placement;
use super::super::super::theme;
use super::super::super::viewer::OpenSeries;
use super::super::Scene;
use thoracast_core::level::Level;
use thoracast_dicom::{Orientation, Voxel};

/// How near the pointer must be to a line to take hold of it, points.
const GRIP: f32 = 6.0;

/// A line that can be dragged in the reformats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    Slice,
    Level(Level),
}

/// The ends of a slice's line on screen.
fn ends(open: &OpenSeries, orientation: Orientation, place: &Placement, slice: usize) -> [Pos2; 2] {
    let height = open.sections.point(orientation, Voxel { slice, ..Voxel::default() })[1];
    let width = open.sections.span_mm(orientation)[0];
    [place.screen([0.0, height]), place.screen([width, height])]
}

pub fn show(
    painter: &Painter,
    scene: &Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
) {
    if orientation == Orientation::Axial || open.volume.is_none() {
        return;
    }
    let t = theme::ON_PICTURE;
    for level in Level::ALL {
        let Some(slice) = scene.state.inputs.level(level) else { continue };
        let colour = if level == Level::T4 { t.t4 } else { t.t11 };
        let ends = ends(open, orientation, place, slice);
        painter.line_segment(ends, Stroke::new(1.5, colour));
        let right = if ends[0].x > ends[1].x { ends[0] } else { ends[1] };
        let right = right.min(place.rect.right_bottom());
        let chip = Rect::from_min_size(right - vec2(38.0, 17.0), vec2(36.0, 16.0));
        painter.rect_filled(chip, 3.0, colour);
        let font = FontId::proportional(12.0);
        painter.text(chip.center(), Align2::CENTER_CENTER, level.name(), font, Color32::BLACK);
    }
}

/// The line under a point: levels before the shown slice.
pub fn line_at(
    scene: &Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
    at: Pos2,
) -> Option<Line> {
    if orientation == Orientation::Axial || open.volume.is_none() {
        return None;
    }
    let near = |slice: usize| {
        let [a, b] = ends(open, orientation, place, slice);
        let along = (b - a).normalized();
        let across = vec2(-along.y, along.x);
        (at - a).dot(across).abs() <= GRIP
    };
    let levels = Level::ALL.into_iter().find(|&level| scene.state.inputs.level(level).is_some_and(near));
    let slice = || near(scene.state.viewer.cross.slice).then_some(Line::Slice);
    levels.map(Line::Level).or_else(slice)
}
