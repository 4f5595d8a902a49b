//! What a person measures on a section of a volume: shapes in mm and the voxels within them.
//!
//! Points are mm to the section's right and down, see [`thoracast_dicom::Sections`].

use serde::{Deserialize, Serialize};

use thoracast_dicom::Section;

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

/// Height at which two segments cross or touch; `None` if they don't or are parallel.
fn crossing_height([a, b]: [Point; 2], [c, d]: [Point; 2]) -> Option<f64> {
    let (u, v, w) = (minus(b, a), minus(d, c), minus(c, a));
    let determinant = u[0] * v[1] - u[1] * v[0];
    let (s, t) = ((w[0] * v[1] - w[1] * v[0]) / determinant, (w[0] * u[1] - w[1] * u[0]) / determinant);
    // A determinant of 0 makes both NaN or infinite, which no range contains.
    ((0.0..=1.0).contains(&s) && (0.0..=1.0).contains(&t)).then(|| a[1] + s * u[1])
}

/// Area within a closed line that doesn't cross itself.
fn shoelace(points: &[Point]) -> f64 {
    let Some(&start) = points.first() else { return 0.0 };
    let next = points.iter().cycle().skip(1);
    // From the first point, so that a place far from the origin costs no digits.
    let cross = |a: Point, b: Point| a[0] * b[1] - b[0] * a[1];
    let twice: f64 = points.iter().zip(next).map(|(&a, &b)| cross(minus(a, start), minus(b, start))).sum();
    twice.abs() / 2.0
}

/// Area within a closed line by the even-odd rule, band by band between neighbouring corners and `crossings`: within a
/// band all sides are straight and none cross.
fn area_of_bands(points: &[Point], crossings: Vec<f64>) -> f64 {
    let mut heights: Vec<f64> = points.iter().map(|p| p[1]).chain(crossings).collect();
    heights.sort_by(f64::total_cmp);
    let next = points.iter().cycle().skip(1);
    let mut sides: Vec<[Point; 2]> =
        points.iter().zip(next).map(|(&a, &b)| if a[1] <= b[1] { [a, b] } else { [b, a] }).collect();
    sides.sort_by(|a, b| b[0][1].total_cmp(&a[0][1]));
    let (mut active, mut xs, mut area): (Vec<[Point; 2]>, Vec<f64>, f64) = (Vec::new(), Vec::new(), 0.0);
    for pair in heights.windows(2) {
        let y = (pair[0] + pair[1]) / 2.0;
        while let Some(side) = sides.pop_if(|side| side[0][1] <= y) {
            active.push(side);
        }
        active.retain(|[_, below]| below[1] > y);
        xs.clear();
        xs.extend(active.iter().map(|[a, b]| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])));
        xs.sort_by(f64::total_cmp);
        area += xs.chunks_exact(2).map(|span| span[1] - span[0]).sum::<f64>() * (pair[1] - pair[0]);
    }
    area
}

/// Heights at which a closed line crosses itself.
fn self_crossings(points: &[Point]) -> Vec<f64> {
    let count = points.len();
    let mut sides: Vec<(usize, [Point; 2])> =
        (0..count).map(|i| (i, [points[i], points[(i + 1) % count]])).collect();
    let left = |[a, b]: [Point; 2]| a[0].min(b[0]);
    // From left to right: a side is held against those only that begin before it ends.
    sides.sort_by(|a, b| left(a.1).total_cmp(&left(b.1)));
    let mut heights = Vec::new();
    for (place, &(i, side)) in sides.iter().enumerate() {
        let right = side[0][0].max(side[1][0]);
        for &(j, other) in sides[place + 1..].iter().take_while(|(_, other)| left(*other) <= right) {
            let neighbours = (i + 1) % count == j || (j + 1) % count == i;
            heights.extend(crossing_height(side, other).filter(|_| !neighbours));
        }
    }
    heights
}

/// Circumference of an ellipse from its half axes, by the arithmetic-geometric mean (Gauss); exact to rounding.
fn ellipse_circumference(half: [f64; 2]) -> f64 {
    let (mut a, mut g) = (half[0].max(half[1]), half[0].min(half[1]));
    if g <= 0.0 {
        return 4.0 * a;
    }
    let (mut sum, mut weight) = (a * a - (a - g) * (a + g) / 2.0, 1.0);
    // Each step doubles the number of right digits.
    for _ in 0..40 {
        let half_difference = (a - g) / 2.0;
        (a, g) = ((a + g) / 2.0, (a * g).sqrt());
        sum -= weight * half_difference * half_difference;
        weight *= 2.0;
        if half_difference <= a * 1e-17 {
            break;
        }
    }
    std::f64::consts::TAU * sum / a
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
            Self::Ellipse([a, b]) => {
                Some(ellipse_circumference([(a[0] - b[0]).abs() / 2.0, (a[1] - b[1]).abs() / 2.0]))
            }
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

    /// Area enclosed, the same that [`Self::contains`] tells: where a line crosses itself, by the even-odd rule.
    pub fn area_mm2(&self) -> Option<f64> {
        match self {
            Self::Ellipse([a, b]) => Some(std::f64::consts::PI * ((a[0] - b[0]) * (a[1] - b[1])).abs() / 4.0),
            Self::Polygon(points) | Self::Freehand(points) => {
                let crossings = self_crossings(points);
                Some(if crossings.is_empty() { shoelace(points) } else { area_of_bands(points, crossings) })
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
        assert!((circle.length_mm().unwrap() - std::f64::consts::TAU).abs() < 1e-12);
        // Complete elliptic integral, half axes 3 and 1 (mpmath: 12 * ellipe(8/9)).
        let ellipse = Shape::Ellipse([[-3.0, -1.0], [3.0, 1.0]]);
        assert!((ellipse.length_mm().unwrap() - 13.364_893_220_555_258).abs() < 1e-12);
        assert_eq!(Shape::Ellipse([[0.0, 0.0], [5.0, 0.0]]).length_mm(), Some(10.0));
    }

    #[test]
    fn a_line_that_crosses_itself_encloses_what_it_is_said_to_contain() {
        // A bow tie of two triangles of 4 mm² each: its signed area would be 0.
        let bow = Shape::Freehand(vec![[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]);
        assert_eq!(bow.area_mm2(), Some(8.0));
        assert!(!bow.is_degenerate() && bow.contains([0.5, 2.0]) && !bow.contains([2.0, 0.5]));
        // A five-pointed star: by the even-odd rule its middle is outside.
        let corner = |i: usize| {
            let (sin, cos) = (i as f64 * 0.8 * std::f64::consts::PI).sin_cos();
            [10.0 * cos, 10.0 * sin]
        };
        let star = Shape::Polygon((0..5).map(corner).collect());
        assert!(!star.contains([0.0, 0.0]));
        // Five times the tip: isosceles, 36° at the apex, base the side of the inner pentagon.
        let (side, degrees) =
            (10.0 * 36f64.to_radians().sin() * 2.0 * 0.618_033_988_749_895_f64.powi(2), 72f64);
        let tips = 5.0 * side * side * degrees.to_radians().tan() / 4.0;
        assert!((star.area_mm2().unwrap() - tips).abs() < 1e-9, "{:?} {tips}", star.area_mm2());
    }

    /// On a plane whose HU rise evenly to the right a disc has the HU of its centre, and an SD of slope × radius / 2.
    #[test]
    fn a_disc_on_a_slope_has_its_centres_mean() {
        let (step, radius, slope, centre) = (0.25, 20.0, 3.0, [31.0, 27.0]);
        let disc = Shape::Ellipse([
            [centre[0] - radius, centre[1] - radius],
            [centre[0] + radius, centre[1] + radius],
        ]);
        let [left, top, right, bottom] = disc.bounds();
        let places = |from: f64, to: f64| {
            (0..).map(move |i| from + (f64::from(i) + 0.5) * step).take_while(move |&p| p < to)
        };
        let inside = places(top, bottom)
            .flat_map(|y| places(left, right).map(move |x| [x, y]))
            .filter(|&p| disc.contains(p));
        let s = RegionStatistics::of(inside.map(|[x, _]| (slope * x - 900.0) as f32)).unwrap();
        assert!((s.mean_hu - (slope * centre[0] - 900.0)).abs() < 1e-3, "{s:?}");
        assert!((s.sd_hu - slope * radius / 2.0).abs() < 0.02, "{s:?}");
        let area = s.pixels as f64 * step * step;
        assert!((area / disc.area_mm2().unwrap() - 1.0).abs() < 1e-3, "{area}");
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

        /// Against the winding of another ray: upward instead of to the left.
        #[test]
        fn inside_is_the_same_along_another_ray(points in prop::collection::vec([-9.0..9.0f64, -9.0..9.0], 3..20), p in [-9.0..9.0f64, -9.0..9.0]) {
            let sides = points.iter().zip(points.iter().cycle().skip(1));
            let above = sides.filter(|(a, b)| (a[0] > p[0]) != (b[0] > p[0])).filter(|(a, b)| {
                a[1] + (p[0] - a[0]) / (b[0] - a[0]) * (b[1] - a[1]) < p[1]
            });
            prop_assert_eq!(Shape::Polygon(points.clone()).contains(p), above.count() % 2 == 1);
        }

        /// However a line crosses itself, its area is that of a fine grid's points within.
        #[test]
        fn area_is_what_is_inside(points in prop::collection::vec([0.0..8.0f64, 0.0..8.0], 3..9)) {
            let shape = Shape::Freehand(points);
            let step = 0.05;
            let place = |i: i32| (f64::from(i) + 0.5) * step;
            let inside = (0..160).flat_map(|y| (0..160).map(move |x| [x, y])).filter(|p| shape.contains(p.map(place)));
            let counted = inside.count() as f64 * step * step;
            let length = shape.length_mm().unwrap();
            prop_assert!((shape.area_mm2().unwrap() - counted).abs() < 0.2 + step * length / 2.0);
        }

        #[test]
        fn a_triangle_has_the_area_of_its_cross_product(p in [[-9.0..9.0f64, -9.0..9.0], [-9.0..9.0, -9.0..9.0], [-9.0..9.0, -9.0..9.0]]) {
            let (u, v) = (minus(p[1], p[0]), minus(p[2], p[0]));
            let expected = (u[0] * v[1] - u[1] * v[0]).abs() / 2.0;
            prop_assert!((Shape::Polygon(p.to_vec()).area_mm2().unwrap() - expected).abs() < 1e-9);
        }
    }
}
