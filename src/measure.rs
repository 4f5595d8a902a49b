//! What a person measures on a section of a volume: shapes in mm and the voxels within them.
//!
//! Points are mm to the section's right and down, see [`crate::dicom::Sections`].

use serde::{Deserialize, Serialize};

use crate::dicom::Section;

/// A point of a section, mm.
pub type Point = [f64; 2];

/// One measurement's outline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    Distance([Point; 2]),
    /// The apex is the second point.
    Angle([Point; 3]),
    /// Opposite corners of the upright box around it.
    Ellipse([Point; 2]),
    Polygon(Vec<Point>),
    Freehand(Vec<Point>),
    Probe(Point),
}

/// A measurement and the section it lies on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub section: Section,
    pub shape: Shape,
}

/// The voxels whose centres lie within a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionStatistics {
    pub pixels: usize,
    pub mean_hu: f64,
    /// With n − 1; 0 for a single pixel.
    pub sd_hu: f64,
    pub min_hu: f64,
    pub max_hu: f64,
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn length(a: Point) -> f64 {
    a[0].hypot(a[1])
}

fn distance_to_segment(p: Point, a: Point, b: Point) -> f64 {
    let (along, to) = (minus(b, a), minus(p, a));
    let squared = along[0].powi(2) + along[1].powi(2);
    let share = if squared == 0.0 { 0.0 } else { (to[0] * along[0] + to[1] * along[1]) / squared };
    let share = share.clamp(0.0, 1.0);
    length(minus(to, along.map(|x| x * share)))
}

impl Shape {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Distance(_) => "Distance",
            Self::Angle(_) => "Angle",
            Self::Ellipse(_) => "Ellipse",
            Self::Polygon(_) => "Polygon",
            Self::Freehand(_) => "Freehand",
            Self::Probe(_) => "Probe",
        }
    }

    /// The points a person set.
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Distance(points) | Self::Ellipse(points) => points,
            Self::Angle(points) => points,
            Self::Polygon(points) | Self::Freehand(points) => points,
            Self::Probe(point) => std::slice::from_ref(point),
        }
    }

    fn points_mut(&mut self) -> &mut [Point] {
        match self {
            Self::Distance(points) | Self::Ellipse(points) => points,
            Self::Angle(points) => points,
            Self::Polygon(points) | Self::Freehand(points) => points,
            Self::Probe(point) => std::slice::from_mut(point),
        }
    }

    /// With one of its points elsewhere.
    pub fn with_point(mut self, number: usize, to: Point) -> Self {
        if let Some(point) = self.points_mut().get_mut(number) {
            *point = to;
        }
        self
    }

    /// The whole shape moved.
    pub fn moved(mut self, by: Point) -> Self {
        for point in self.points_mut() {
            *point = [point[0] + by[0], point[1] + by[1]];
        }
        self
    }

    /// True for shapes that enclose something.
    pub fn is_region(&self) -> bool {
        matches!(self, Self::Ellipse(_) | Self::Polygon(_) | Self::Freehand(_))
    }

    /// Too small to mean anything: a click where a drag was needed.
    pub fn is_degenerate(&self) -> bool {
        match self {
            Self::Probe(_) => false,
            Self::Distance([a, b]) => length(minus(*a, *b)) < 0.1,
            Self::Angle([a, b, c]) => length(minus(*a, *b)) < 0.1 || length(minus(*c, *b)) < 0.1,
            Self::Polygon(points) | Self::Freehand(points) if points.len() < 3 => true,
            _ => self.area_mm2().is_none_or(|area| area < 0.1),
        }
    }

    /// Length of a distance; of the outline of a region.
    pub fn length_mm(&self) -> Option<f64> {
        let closed = |points: &[Point]| -> f64 {
            points.iter().zip(points.iter().cycle().skip(1)).map(|(a, b)| length(minus(*a, *b))).sum()
        };
        match self {
            Self::Distance([a, b]) => Some(length(minus(*a, *b))),
            Self::Polygon(points) | Self::Freehand(points) => Some(closed(points)),
            Self::Ellipse(_) => Some(closed(&self.outline())),
            Self::Angle(_) | Self::Probe(_) => None,
        }
    }

    /// The angle at the apex, 0–180°.
    pub fn angle_degrees(&self) -> Option<f64> {
        let Self::Angle([a, apex, b]) = self else { return None };
        let (u, v) = (minus(*a, *apex), minus(*b, *apex));
        let (cross, dot) = (u[0] * v[1] - u[1] * v[0], u[0] * v[0] + u[1] * v[1]);
        Some(cross.abs().atan2(dot).to_degrees())
    }

    /// Area enclosed; of a polygon by the shoelace formula (parts of a self-crossing one that turn the other way count
    /// against the rest).
    pub fn area_mm2(&self) -> Option<f64> {
        match self {
            Self::Ellipse([a, b]) => Some(std::f64::consts::PI * ((a[0] - b[0]) * (a[1] - b[1])).abs() / 4.0),
            Self::Polygon(points) | Self::Freehand(points) => {
                let next = points.iter().cycle().skip(1);
                let twice: f64 = points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
                Some(twice.abs() / 2.0)
            }
            _ => None,
        }
    }

    /// Left, top, right, bottom.
    pub fn bounds(&self) -> [f64; 4] {
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        self.points().iter().fold(start, |[l, t, r, b], &[x, y]| [l.min(x), t.min(y), r.max(x), b.max(y)])
    }

    /// True within a region (even-odd rule for polygons).
    pub fn contains(&self, [x, y]: Point) -> bool {
        self.spans(y).iter().any(|&[from, to]| x >= from && x < to)
    }

    /// Where a region is cut by the horizontal at `y`: pairs of x from the left, the right ends not included.
    pub fn spans(&self, y: f64) -> Vec<[f64; 2]> {
        match self {
            Self::Ellipse([a, b]) => {
                let half = [(a[0] - b[0]).abs() / 2.0, (a[1] - b[1]).abs() / 2.0];
                let middle = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
                let v = (y - middle[1]) / half[1];
                let reach = half[0] * (1.0 - v * v).sqrt();
                if v.abs() <= 1.0 { vec![[middle[0] - reach, middle[0] + reach]] } else { Vec::new() }
            }
            Self::Polygon(points) | Self::Freehand(points) => {
                let next = points.iter().cycle().skip(1);
                let mut crossings: Vec<f64> = points
                    .iter()
                    .zip(next)
                    .filter(|(a, b)| (a[1] > y) != (b[1] > y))
                    .map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
                    .collect();
                crossings.sort_by(f64::total_cmp);
                crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The line to draw; closed for regions.
    pub fn outline(&self) -> Vec<Point> {
        const CORNERS: usize = 72;
        let Self::Ellipse([a, b]) = self else { return self.points().to_vec() };
        let half = [(a[0] - b[0]).abs() / 2.0, (a[1] - b[1]).abs() / 2.0];
        let middle = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let corner = |i: usize| {
            let (sin, cos) = (i as f64 * std::f64::consts::TAU / CORNERS as f64).sin_cos();
            [middle[0] + half[0] * cos, middle[1] + half[1] * sin]
        };
        (0..CORNERS).map(corner).collect()
    }

    /// Distance of a point to the line drawn, mm.
    pub fn distance_to(&self, p: Point) -> f64 {
        let line = self.outline();
        let closing = self.is_region().then(|| (line[line.len() - 1], line[0]));
        let segments = line.windows(2).map(|w| (w[0], w[1])).chain(closing);
        let nearest = segments.map(|(a, b)| distance_to_segment(p, a, b)).fold(f64::INFINITY, f64::min);
        line.first().map_or(nearest, |&first| nearest.min(length(minus(p, first))))
    }
}

impl RegionStatistics {
    /// Of the values of all pixels inside; `None` when there are none. Welford's algorithm.
    pub fn of(values: impl Iterator<Item = f32>) -> Option<Self> {
        let mut s =
            Self { pixels: 0, mean_hu: 0.0, sd_hu: 0.0, min_hu: f64::INFINITY, max_hu: f64::NEG_INFINITY };
        let mut squares = 0.0;
        for value in values.map(f64::from) {
            s.pixels += 1;
            let from_mean = value - s.mean_hu;
            s.mean_hu += from_mean / s.pixels as f64;
            squares += from_mean * (value - s.mean_hu);
            s.min_hu = s.min_hu.min(value);
            s.max_hu = s.max_hu.max(value);
        }
        s.sd_hu = if s.pixels > 1 { (squares / (s.pixels - 1) as f64).sqrt() } else { 0.0 };
        (s.pixels > 0).then_some(s)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_angles_and_areas_are_those_of_school() {
        assert_eq!(Shape::Distance([[1.0, 1.0], [4.0, 5.0]]).length_mm(), Some(5.0));
        let right = Shape::Angle([[2.0, 0.0], [0.0, 0.0], [0.0, 3.0]]);
        assert!((right.angle_degrees().unwrap() - 90.0).abs() < 1e-12);
        let square = Shape::Polygon(vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]);
        assert_eq!((square.area_mm2(), square.length_mm()), (Some(16.0), Some(16.0)));
        let circle = Shape::Ellipse([[0.0, 0.0], [2.0, 2.0]]);
        assert!((circle.area_mm2().unwrap() - std::f64::consts::PI).abs() < 1e-12);
        assert!((circle.length_mm().unwrap() - std::f64::consts::TAU).abs() < 0.01);
    }

    #[test]
    fn inside_is_inside() {
        let arrow = Shape::Polygon(vec![[0.0, 0.0], [4.0, 2.0], [0.0, 4.0], [1.0, 2.0]]);
        assert!(arrow.contains([2.0, 2.0]) && !arrow.contains([0.5, 2.0]) && !arrow.contains([5.0, 2.0]));
        let ellipse = Shape::Ellipse([[0.0, 0.0], [10.0, 4.0]]);
        assert!(
            ellipse.contains([5.0, 2.0]) && ellipse.contains([0.1, 2.0]) && !ellipse.contains([0.5, 0.5])
        );
    }

    #[test]
    fn statistics_equal_the_textbook_formula() {
        let values = [-30.0f32, 12.0, 55.0, 60.0];
        let s = RegionStatistics::of(values.into_iter()).unwrap();
        let sum: f64 = values.iter().map(|v| (f64::from(*v) - 24.25).powi(2)).sum();
        assert_eq!((s.pixels, s.min_hu, s.max_hu, s.mean_hu), (4, -30.0, 60.0, 24.25));
        assert!((s.sd_hu - (sum / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(RegionStatistics::of(std::iter::empty()), None);
    }

    proptest! {
        #[test]
        fn moving_changes_no_measure(points in prop::collection::vec([-50.0..50.0f64, -50.0..50.0], 3..12), by in [-9.0..9.0f64, -9.0..9.0]) {
            let shape = Shape::Polygon(points);
            let moved = shape.clone().moved(by);
            prop_assert!((shape.area_mm2().unwrap() - moved.area_mm2().unwrap()).abs() < 1e-6);
            prop_assert!((shape.length_mm().unwrap() - moved.length_mm().unwrap()).abs() < 1e-9);
        }

        #[test]
        fn a_triangle_has_the_area_of_its_cross_product(p in [[-9.0..9.0f64, -9.0..9.0], [-9.0..9.0, -9.0..9.0], [-9.0..9.0, -9.0..9.0]]) {
            let (u, v) = (minus(p[1], p[0]), minus(p[2], p[0]));
            let expected = (u[0] * v[1] - u[1] * v[0]).abs() / 2.0;
            prop_assert!((Shape::Polygon(p.to_vec()).area_mm2().unwrap() - expected).abs() < 1e-9);
        }
    }
}
