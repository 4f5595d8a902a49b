//! Texts over a view: who, where, how; orientation letters, scale bar, the value under the pointer.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, pos2, vec2};

use super::super::super::placement::Placement;
use super::super::super::theme;
use super::super::super::viewer::{OpenSeries, Viewer};
use super::super::Scene;
use super::section::unit;
use thoracast_core::chart::{Weight, text::fit};
use thoracast_core::level::Level;
use thoracast_core::report::date_words;
use thoracast_dicom::{Orientation, orientation_letters};

/// Overlay text is white on the black picture in both themes.
const INK: Color32 = Color32::from_rgb(232, 236, 240);
/// Overlay text, points.
const SIZE: f32 = 12.0;

pub fn show(
    painter: &Painter,
    scene: &Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
    pointer: Option<Pos2>,
) {
    let viewer = &scene.state.viewer;
    let inner = place.rect.shrink(8.0);
    // Up to the orientation letter in the middle, not into it.
    let fit = |words: &str| fit(words.trim(), inner.width() / 2.0 - 24.0, SIZE, Weight::Regular);
    let s = &open.series;
    if orientation == Orientation::Axial {
        let study = format!("{} {}", date_words(&s.study_date), s.study_description);
        let series = s.series_number.map_or(String::new(), |n| format!("Series {n} "));
        let lines = [s.patient_id.clone(), study, format!("{series}{}", s.description)];
        text(painter, inner.left_top(), Align2::LEFT_TOP, &lines.each_ref().map(|l| fit(l).to_string()));
    } else {
        text(painter, inner.left_top(), Align2::LEFT_TOP, &[orientation.name().to_owned()]);
    }
    text(painter, inner.right_top(), Align2::RIGHT_TOP, &position(viewer, open, orientation));
    let mut lines = vec![format!("Zoom {:.0} %", viewer.view(orientation).zoom * 100.0)];
    if orientation == Orientation::Axial {
        lines.insert(0, format!("W {:.0}  L {}", viewer.window.width, signed(viewer.window.centre)));
    }
    text(painter, inner.left_bottom(), Align2::LEFT_BOTTOM, &lines);
    if let Some(at) = pointer {
        let under = under_pointer(viewer, open, orientation, place.mm(at));
        text(painter, inner.right_bottom(), Align2::RIGHT_BOTTOM, &under);
    }
    if open.volume.is_some() {
        letters(painter, inner, place.screen_directions(open.sections.directions(orientation)));
    }
    if s.spacing_mm.is_some() && !s.sizes_doubtful() {
        scale_bar(painter, inner, place.points_per_mm);
    }
    if orientation == Orientation::Axial {
        chips(painter, inner, scene);
    }
}

/// "Slice 40 / 123", place, thickness.
fn position(viewer: &Viewer, open: &OpenSeries, orientation: Orientation) -> Vec<String> {
    let s = &open.sections;
    let number = viewer.cross.index(orientation);
    let name = unit(orientation);
    let title = format!("{}{} {number} / {}", name[..1].to_uppercase(), &name[1..], s.count(orientation) - 1);
    let mut lines = vec![title];
    if orientation == Orientation::Axial {
        lines.extend(open.z_mm(number).map(|z| format!("z {z:.1} mm").replace('-', "−")));
        lines.extend(open.series.spacing_mm.map(|m| format!("spacing {:.2} mm", m[2])));
    } else if viewer.slab.thickness_mm > 0.0 {
        lines.push(format!("slab {:.0} mm, {}", viewer.slab.thickness_mm, viewer.slab.projection.name()));
    }
    lines
}

/// The voxel's value and place, from the voxels in memory.
fn under_pointer(viewer: &Viewer, open: &OpenSeries, orientation: Orientation, mm: [f64; 2]) -> Vec<String> {
    let Some(voxel) = open.sections.voxel(viewer.section(orientation), mm) else { return Vec::new() };
    let Some(value) = open.value(voxel) else { return Vec::new() };
    let unit = if open.series.measurable() { " HU".to_owned() } else { format!(" {}", open.series.unit) };
    let mut lines =
        vec![format!("{}{unit}  at {}, {}, {}", signed(value), voxel.column, voxel.row, voxel.slice)];
    if let Some(volume) = &open.volume {
        let [x, y, z] = volume.geometry.position_mm(voxel.column, voxel.row, voxel.slice);
        lines.push(format!("{x:.1}, {y:.1}, {z:.1} mm").replace('-', "−"));
    }
    lines
}

/// A figure with a real minus sign.
pub fn signed(value: f32) -> String {
    format!("{value:.0}").replace('-', "−")
}

/// Lines of text with a dark rim, so that they can be read over bone too.
pub fn text(painter: &Painter, at: Pos2, anchor: Align2, lines: &[String]) {
    let font = FontId::proportional(SIZE);
    let lines: Vec<&String> = lines.iter().filter(|l| !l.is_empty()).collect();
    let bottom = anchor.y() == egui::Align::Max;
    for (i, line) in lines.iter().enumerate() {
        let steps = if bottom { i as f32 - (lines.len() - 1) as f32 } else { i as f32 };
        let at = at + vec2(0.0, steps * 15.0);
        painter.text(at + vec2(1.0, 1.0), anchor, line, font.clone(), Color32::from_black_alpha(200));
        painter.text(at, anchor, line, font.clone(), INK);
    }
}

fn letters(painter: &Painter, inner: Rect, [right, down]: [[f64; 3]; 2]) {
    let opposite = |d: [f64; 3]| d.map(|x| -x);
    for (at, anchor, direction) in [
        (inner.left_center(), Align2::LEFT_CENTER, opposite(right)),
        (inner.right_center(), Align2::RIGHT_CENTER, right),
        (inner.center_top(), Align2::CENTER_TOP, opposite(down)),
        (inner.center_bottom(), Align2::CENTER_BOTTOM, down),
    ] {
        text(painter, at, anchor, &[orientation_letters(direction)]);
    }
}

/// A bar of a round length near a quarter of the view.
fn scale_bar(painter: &Painter, inner: Rect, points_per_mm: f32) {
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
    text(painter, pos2(x + 8.0, middle), Align2::LEFT_CENTER, &[format!("{length:.0} mm")]);
}

/// Says when the shown slice is the chosen T4 or T11, or a key image.
fn chips(painter: &Painter, inner: Rect, scene: &Scene<'_>) {
    let t = theme::ON_PICTURE;
    let (inputs, slice) = (&scene.state.inputs, scene.state.viewer.cross.slice);
    let levels = Level::ALL.into_iter().filter(|&level| inputs.level(level) == Some(slice));
    let mut chips: Vec<(&str, Color32)> =
        levels.map(|level| (level.name(), if level == Level::T4 { t.t4 } else { t.t11 })).collect();
    if inputs.key_images.contains(&slice) {
        chips.push(("Key image", t.good));
    }
    // Below the three lines of text.
    let mut y = inner.top() + 62.0;
    for (words, colour) in chips {
        let width = 16.0 + 7.0 * words.len() as f32;
        let chip = Rect::from_min_size(pos2(inner.left(), y - 10.0), vec2(width.max(44.0), 20.0));
        painter.rect_filled(chip, 4.0, colour);
        let font = FontId::proportional(13.0);
        painter.text(chip.center(), Align2::CENTER_CENTER, words, font, Color32::BLACK);
        y += 24.0;
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
