//! Measurements over a view, and the one being drawn.

use egui::{Color32, FontId, Painter, Pos2, Stroke, vec2};

use super::super::super::placement::Placement;
use super::super::super::theme;
use super::super::super::viewer::OpenSeries;
use super::super::Scene;
use thoracast_core::measure::{Mark, RegionStatistics, Shape};
use thoracast_dicom::{Orientation, Section};

/// How near the pointer must be to take hold, points.
const GRIP: f32 = 7.0;

/// What of a measurement the pointer is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grip {
    Point(usize),
    Whole,
}

pub fn show(
    painter: &Painter,
    scene: &mut Scene<'_>,
    open: &OpenSeries,
    orientation: Orientation,
    place: &Placement,
) {
    let state = scene.state;
    let section = state.viewer.section(orientation);
    let t = theme::ON_PICTURE;
    for (number, mark) in state.inputs.marks.iter().enumerate().filter(|(_, m)| m.section == section) {
        let chosen = state.viewer.selected == Some(number);
        let colour = if chosen { t.warning } else { t.good };
        outline(painter, &mark.shape, place, colour, chosen);
        let figures = scene.pictures.statistics(open, mark);
        label(painter, &words(&mark.shape, figures, open), mark, place, colour);
    }
    if let Some(sketch) = state.viewer.sketch.as_ref().filter(|s| s.section == section)
        && let Some(shape) = sketch.shape()
    {
        outline(painter, &shape, place, t.warning, true);
        let lines = words(&shape, None, open);
        label(painter, &lines, &Mark { section, shape }, place, t.warning);
    }
}

fn outline(painter: &Painter, shape: &Shape, place: &Placement, colour: Color32, handles: bool) {
    let line: Vec<Pos2> = shape.outline().into_iter().map(|p| place.screen(p)).collect();
    let stroke = Stroke::new(1.5, colour);
    if let (Shape::Probe(_), [at]) = (shape, &line[..]) {
        for arm in [vec2(5.0, 0.0), vec2(0.0, 5.0)] {
            painter.line_segment([*at - arm, *at + arm], stroke);
        }
        return;
    }
    if shape.is_region() {
        painter.add(egui::Shape::closed_line(line, stroke));
    } else {
        painter.add(egui::Shape::line(line, stroke));
    }
    // A freehand line would be all handles.
    if handles && !matches!(shape, Shape::Freehand(_)) {
        for &point in shape.points() {
            painter.circle(place.screen(point), 3.5, Color32::BLACK, Stroke::new(1.5, colour));
        }
    }
}

fn label(painter: &Painter, lines: &[String], mark: &Mark, place: &Placement, colour: Color32) {
    let points = mark.shape.outline().into_iter().map(|p| place.screen(p));
    // At the right end, where it covers least of the picture measured.
    let Some(at) = points.max_by(|a, b| a.x.total_cmp(&b.x)) else { return };
    let font = FontId::proportional(12.0);
    let galley = painter.layout_no_wrap(lines.join("\n"), font, colour);
    let room = place.rect.shrink(4.0);
    let size = galley.size();
    let corner = (at + vec2(9.0, -size.y / 2.0)).clamp(room.min, (room.max - size).max(room.min));
    let back = egui::Rect::from_min_size(corner, size).expand(3.0);
    painter.rect_filled(back, 3.0, Color32::from_black_alpha(150));
    painter.galley(corner, galley, colour);
}

/// What a measurement says of this series, line by line: in pixels where the file states no pixel spacing.
pub fn words(shape: &Shape, figures: Option<RegionStatistics>, open: &OpenSeries) -> Vec<String> {
    let calibrated = open.series.pixel_spacing_mm.is_some();
    // Where values can't be trusted, areas are not told in the unit of body composition either.
    let in_cm2 = calibrated && open.series.unmeasured.is_none();
    let unit = if open.series.unit.is_empty() { "HU" } else { &open.series.unit };
    let signed = |hu: f64| format!("{hu:.0}").replace('-', "−");
    let mut lines = Vec::new();
    match shape {
        Shape::Probe(_) => lines.extend(figures.map(|s| format!("{} {unit}", signed(s.mean_hu)))),
        Shape::Angle(_) => lines.extend(shape.angle_degrees().map(|a| format!("{a:.1}°"))),
        Shape::Distance(_) if open.series.sizes_doubtful() => {
            lines.push("no length: the spacing is in doubt".to_owned());
        }
        Shape::Distance(_) => {
            let length_unit = if calibrated { "mm" } else { "pixels" };
            lines.extend(shape.length_mm().map(|mm| format!("{mm:.1} {length_unit}")));
        }
        _ => {
            let pixel_mm2 = open.series.pixel_spacing_mm.filter(|_| open.series.unmeasured.is_some());
            let pixel_mm2 = pixel_mm2.map_or(1.0, |[row, column]| row * column);
            lines.extend(shape.area_mm2().map(|mm2| mm2 / pixel_mm2).map(|mm2| match in_cm2 {
                true => format!("{:.2} cm²", mm2 / 100.0),
                false => format!("{mm2:.0} square pixels"),
            }));
            if let Some(s) = figures {
                lines.push(format!("mean {} ± {:.0} {unit}", signed(s.mean_hu), s.sd_hu));
                lines.push(format!("{} … {} {unit}", signed(s.min_hu), signed(s.max_hu)));
            }
        }
    }
    if lines.is_empty() {
        lines.push("no voxel inside".to_owned());
    }
    lines
}

/// The measurement under a point of the screen: the selected one's handles first.
pub fn grip_at(scene: &Scene<'_>, section: Section, place: &Placement, at: Pos2) -> Option<(usize, Grip)> {
    let state = scene.state;
    let here: Vec<(usize, &Mark)> =
        state.inputs.marks.iter().enumerate().filter(|(_, m)| m.section == section).collect();
    for &(number, mark) in here.iter().rev() {
        if matches!(mark.shape, Shape::Freehand(_)) {
            continue;
        }
        let near = |&p: &[f64; 2]| place.screen(p).distance(at) <= GRIP;
        if let Some(point) = mark.shape.points().iter().position(near) {
            return Some((number, Grip::Point(point)));
        }
    }
    let reach = f64::from(GRIP / place.points_per_mm);
    let near = |(_, mark): &&(usize, &Mark)| mark.shape.distance_to(place.mm(at)) <= reach;
    here.iter().rev().find(near).map(|&(number, _)| (number, Grip::Whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(pixel_spacing_mm: Option<[f64; 2]>, unit: &str) -> OpenSeries {
        OpenSeries {
            series: thoracast_dicom::Series { pixel_spacing_mm, unit: unit.to_owned(), ..Default::default() },
            planes: Vec::new(),
            opening: 1,
            asked_at: std::time::Instant::now(),
            volume: None,
            sections: std::sync::Arc::new(thoracast_dicom::Sections::flat(4, 4, 1, [1.0, 1.0]).unwrap()),
        }
    }

    #[test]
    fn a_measurement_says_what_it_is() {
        let ct = open(Some([0.7, 0.7]), "HU");
        let distance = Shape::Distance([[0.0, 0.0], [3.0, 4.0]]);
        assert_eq!(words(&distance, None, &ct), ["5.0 mm"]);
        let s = RegionStatistics { pixels: 9, mean_hu: -62.4, sd_hu: 11.2, min_hu: -90.0, max_hu: 5.0 };
        let region = Shape::Polygon(vec![[0.0, 0.0], [20.0, 0.0], [20.0, 20.0], [0.0, 20.0]]);
        assert_eq!(words(&region, Some(s), &ct), ["4.00 cm²", "mean −62 ± 11 HU", "−90 … 5 HU"]);
        assert_eq!(words(&Shape::Probe([0.0, 0.0]), None, &ct), ["no voxel inside"]);
    }

    #[test]
    fn what_is_not_to_be_measured_has_no_hu_and_no_cm2() {
        let mut ct = open(Some([0.5, 0.5]), "stored value");
        ct.series.unmeasured = Some(thoracast_dicom::Unmeasured::Scattered { places: 4 });
        let s = RegionStatistics { pixels: 9, mean_hu: 962.0, sd_hu: 11.2, min_hu: 900.0, max_hu: 1005.0 };
        let region = Shape::Polygon(vec![[0.0, 0.0], [20.0, 0.0], [20.0, 20.0], [0.0, 20.0]]);
        let expected = ["1600 square pixels", "mean 962 ± 11 stored value", "900 … 1005 stored value"];
        assert_eq!(words(&region, Some(s), &ct), expected);
        let distance = Shape::Distance([[0.0, 0.0], [3.0, 4.0]]);
        assert_eq!(words(&distance, None, &ct), ["5.0 mm"]);
        ct.series.unmeasured = Some(thoracast_dicom::Unmeasured::Spacing([1e9, 1e9, 5.0]));
        assert_eq!(words(&distance, None, &ct), ["no length: the spacing is in doubt"]);
    }

    #[test]
    fn without_a_pixel_spacing_nothing_is_said_in_millimetres() {
        let capture = open(None, "stored value");
        let distance = Shape::Distance([[0.0, 0.0], [3.0, 4.0]]);
        assert_eq!(words(&distance, None, &capture), ["5.0 pixels"]);
        let s = RegionStatistics { pixels: 1, mean_hu: 7.0, sd_hu: 0.0, min_hu: 7.0, max_hu: 7.0 };
        assert_eq!(words(&Shape::Probe([0.0, 0.0]), Some(s), &capture), ["7 stored value"]);
    }
}
