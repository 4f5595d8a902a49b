//! Closed outlines of a plane as polar curves about the body's centre line: skin, muscle envelope, rib cage.

use std::f32::consts::PI;

use super::canvas::{Grid, keyed};
use super::noise::texture;
use super::patient::Patient;

/// Chords of 1.5° stay within 0.02 mm of the curve.
const ANGLES: usize = 240;

/// Outline parameters at one level: half width, anterior y, posterior y, exponent in front, exponent behind, y of the widest place.
type Key = (f32, [f32; 6]);

/// Inner face of the rib cage (pleura, further down peritoneum), for a chest of scale 1.
const CAGE: [Key; 12] = [
    (0.0, [22.0, -22.0, 8.0, 2.0, 2.0, -2.0]),
    (0.7, [34.0, -28.0, 22.0, 2.0, 2.0, 0.0]),
    (1.5, [57.0, -38.0, 36.0, 2.0, 2.1, 4.0]),
    (2.5, [81.0, -49.0, 46.0, 2.0, 2.2, 8.0]),
    (4.0, [103.0, -66.0, 60.0, 2.1, 2.3, 10.0]),
    (6.0, [118.0, -84.0, 70.0, 2.2, 2.5, 8.0]),
    (8.0, [125.0, -95.0, 75.0, 2.3, 2.6, 4.0]),
    (10.0, [128.0, -99.0, 73.0, 2.3, 2.6, 0.0]),
    (11.0, [127.0, -98.0, 70.0, 2.3, 2.6, -2.0]),
    (12.0, [124.0, -96.0, 66.0, 2.3, 2.5, -4.0]),
    (13.0, [120.0, -92.0, 60.0, 2.3, 2.5, -6.0]),
    (14.0, [116.0, -88.0, 55.0, 2.3, 2.5, -8.0]),
];

/// Outer face of the musculature.
const MUSCLE: [Key; 11] = [
    (-0.5, [150.0, -66.0, 66.0, 1.55, 1.7, 18.0]),
    (1.0, [160.0, -66.0, 82.0, 1.75, 2.1, 22.0]),
    (2.0, [163.0, -70.0, 90.0, 2.0, 2.4, 24.0]),
    (3.0, [161.0, -76.0, 95.0, 2.2, 2.6, 24.0]),
    (4.0, [156.0, -83.0, 97.0, 2.3, 2.6, 22.0]),
    (5.0, [150.0, -91.0, 98.0, 2.3, 2.6, 16.0]),
    (6.0, [144.0, -99.0, 98.0, 2.3, 2.6, 12.0]),
    (8.0, [139.0, -110.0, 97.0, 2.3, 2.6, 5.0]),
    (10.0, [138.0, -113.0, 96.0, 2.3, 2.6, 0.0]),
    (12.0, [134.0, -109.0, 95.0, 2.3, 2.6, -4.0]),
    (14.0, [126.0, -101.0, 93.0, 2.3, 2.6, -8.0]),
];

/// A star-shaped outline: radius by angle, from the front (0) over the patient's left.
#[derive(Debug, Clone)]
pub struct Contour {
    radius: Vec<f32>,
    /// Factor that makes a radial difference a distance to the (in-plane slanted) outline.
    slant: Vec<f32>,
}

impl Contour {
    fn of(radius: Vec<f32>) -> Self {
        let step = 2.0 * PI / ANGLES as f32;
        let slant = (0..ANGLES)
            .map(|i| {
                let (a, b) = (radius[(i + ANGLES - 1) % ANGLES], radius[(i + 1) % ANGLES]);
                let tangent = (b - a) / (2.0 * step) / radius[i].max(1.0);
                1.0 / (1.0 + tangent * tangent).sqrt()
            })
            .collect();
        Self { radius, slant }
    }

    fn build(centre_y: f32, key: [f32; 6], extra: impl Fn(f32) -> f32) -> Self {
        let radius = (0..ANGLES)
            .map(|i| {
                let angle = angle_of(i);
                superellipse_radius(angle, centre_y, key) + extra(angle)
            })
            .collect();
        Self::of(radius)
    }

    /// Radius at an angle (−π…π).
    #[inline]
    pub fn radius(&self, angle: f32) -> f32 {
        let (i, j, t) = position(angle);
        self.radius[i] + (self.radius[j] - self.radius[i]) * t
    }

    /// Signed distance of a point in polar coordinates, negative inside.
    #[inline]
    pub fn distance(&self, polar: Polar) -> f32 {
        let (i, j, t) = position(polar.angle);
        let r = self.radius[i] + (self.radius[j] - self.radius[i]) * t;
        (polar.radius - r) * self.slant[i]
    }

    /// The largest extent, mm.
    pub fn reach(&self) -> f32 {
        self.radius.iter().copied().fold(0.0, f32::max)
    }
}

/// A pixel's place about the centre of the outlines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Polar {
    /// From the front over the patient's left, −π…π.
    pub angle: f32,
    pub radius: f32,
}

fn angle_of(index: usize) -> f32 {
    let a = index as f32 * 2.0 * PI / ANGLES as f32;
    if a > PI { a - 2.0 * PI } else { a }
}

#[inline]
fn position(angle: f32) -> (usize, usize, f32) {
    let at = (angle / (2.0 * PI) * ANGLES as f32 + ANGLES as f32) % ANGLES as f32;
    let i = (at as usize).min(ANGLES - 1);
    (i, (i + 1) % ANGLES, at - i as f32)
}

/// Distance from (0, `centre_y`) to a superellipse along a direction, by bisection.
fn superellipse_radius(angle: f32, centre_y: f32, key: [f32; 6]) -> f32 {
    let [half_width, front, back, n_front, n_back, widest_y] = key;
    let (s, c) = angle.sin_cos();
    let outside = |r: f32| {
        let (x, y) = (s * r, centre_y - c * r - widest_y);
        let (height, n) = if y < 0.0 { (widest_y - front, n_front) } else { (back - widest_y, n_back) };
        (x.abs() / half_width).powf(n) + (y.abs() / height).powf(n) > 1.0
    };
    let (mut lo, mut hi) = (0.0, 400.0);
    for _ in 0..22 {
        let mid = (lo + hi) / 2.0;
        if outside(mid) { hi = mid } else { lo = mid }
    }
    (lo + hi) / 2.0
}

/// All outlines of one plane.
pub struct Outlines {
    pub centre_y: f32,
    pub cage: Contour,
    /// Cosine of the cage's slant against the z axis, by angle.
    pub cage_slope: Vec<f32>,
    pub muscle: Contour,
    pub skin: Contour,
}

/// Where the outlines' centre lies: inside all of them at every level.
pub fn centre_y(level: f32) -> f32 {
    keyed(&[(0.0, [-2.0]), (4.0, [0.0]), (9.0, [-8.0]), (14.0, [-14.0])], level)[0]
}

fn scaled(patient: &Patient, key: [f32; 6]) -> [f32; 6] {
    let [w, front, back, a, b, widest] = key;
    [w * patient.width, front * patient.depth, back, a, b, widest]
}

/// Slow waves of an outline, about −1…1: no two sides of a body are alike.
fn unevenness(seed: u64, level: f32, angle: f32) -> f32 {
    let (s, c) = angle.sin_cos();
    texture(seed, [1.6 * s, 1.6 * c, 0.3 * level], 1.0)
}

fn cage_key(patient: &Patient, level: f32) -> [f32; 6] {
    let mut key = scaled(patient, keyed(&CAGE, level));
    key[2] *= 0.5 + 0.5 * patient.depth;
    key
}

fn cage_extra(patient: &Patient, level: f32, angle: f32) -> f32 {
    1.8 * unevenness(patient.seed ^ 0x51, level, angle)
}

/// The cage's outline at a level.
fn cage(patient: &Patient, level: f32) -> Contour {
    let extra = |angle| cage_extra(patient, level, angle);
    Contour::build(centre_y(level), cage_key(patient, level), extra)
}

/// Radius of the cage's outline in one direction only.
pub fn cage_radius(patient: &Patient, level: f32, angle: f32) -> f32 {
    superellipse_radius(angle, centre_y(level), cage_key(patient, level)) + cage_extra(patient, level, angle)
}

impl Outlines {
    pub fn at(patient: &Patient, level: f32) -> Self {
        let centre = centre_y(level);
        let cage_now = cage(patient, level);
        let dz = patient.spine.z(level - 0.1) - patient.spine.z(level + 0.1);
        let (above, below) = (cage(patient, level - 0.1), cage(patient, level + 0.1));
        let cage_slope = (0..ANGLES)
            .map(|i| {
                let slope = (below.radius[i] - above.radius[i]) / dz.max(0.1);
                1.0 / (1.0 + slope * slope).sqrt()
            })
            .collect();
        let key = scaled(patient, keyed(&MUSCLE, level));
        let muscle = Contour::build(centre, key, |angle| 2.6 * unevenness(patient.seed ^ 0x52, level, angle));
        let radius = (0..ANGLES)
            .map(|i| {
                let angle = angle_of(i);
                muscle.radius[i] + skin_thickness(patient, level, angle)
            })
            .collect();
        Self { centre_y: centre, cage: cage_now, cage_slope, muscle, skin: Contour::of(radius) }
    }

    #[inline]
    pub fn polar(&self, x: f32, y: f32) -> Polar {
        let dy = self.centre_y - y;
        Polar { angle: x.atan2(dy), radius: x.hypot(dy) }
    }

    /// Distance to the cage in space, not only in the plane.
    #[inline]
    pub fn cage_distance(&self, polar: Polar) -> f32 {
        let (i, _, _) = position(polar.angle);
        self.cage.distance(polar) * self.cage_slope[i]
    }

    /// The outlines' columns and rows can't lie beyond this half extent.
    pub fn reach(&self, grid: Grid) -> f32 {
        self.skin.reach().min(grid.size as f32 * grid.pixel_mm)
    }
}

/// Fat, breast and skin over the muscles, mm.
fn skin_thickness(patient: &Patient, level: f32, angle: f32) -> f32 {
    let a = angle.abs();
    let [front, side, back] = keyed(
        &[
            (0.0, [0.55, 0.7, 0.9]),
            (2.0, [0.5, 0.6, 0.7]),
            (5.0, [0.55, 0.95, 0.7]),
            (8.0, [0.6, 0.9, 0.75]),
            (11.0, [1.0, 1.05, 0.95]),
            (14.0, [1.45, 1.25, 1.2]),
        ],
        level,
    );
    let weight_front = (0.5 + 0.5 * a.cos()).powi(2);
    let weight_back = (0.5 - 0.5 * a.cos()).powi(2);
    let weight_side = 1.0 - weight_front - weight_back;
    let mut fat = patient.fat_mm * (front * weight_front + side * weight_side + back * weight_back) + 2.0;
    // The spinous furrow and the median furrow over the sternum.
    fat -= 0.28 * patient.fat_mm * ((-(a / 0.16).powi(2)).exp() + (-((PI - a) / 0.10).powi(2)).exp());
    fat.max(2.2) + breast_thickness(patient, level, angle)
}

/// How far the supine breast lifts the skin, mm.
pub fn breast_thickness(patient: &Patient, level: f32, angle: f32) -> f32 {
    let side = if angle > 0.0 { 1.0 } else { -1.0 };
    let size = patient.breast_mm * (1.0 + side * 0.05 * patient.chance(11));
    let middle = 6.5 + 0.25 * patient.chance(12);
    let dl = level - middle;
    // Flat towards the head, steeper below the nipple.
    let along = (-(dl / if dl < 0.0 { 1.75 } else { 1.25 }).powi(2)).exp();
    let da = angle.abs() - 0.84;
    let around = (-(da / if da < 0.0 { 0.36 } else { 0.52 }).powi(2)).exp();
    let nipple = 5.0 * (-(da / 0.035).powi(2) - ((dl - 0.15) / 0.22).powi(2)).exp();
    size * along * around + nipple
}
