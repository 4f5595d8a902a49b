//! One plane while it is painted: canvas, scratch field, outlines and every pixel's polar place.

use std::rc::Rc;

use super::canvas::{Bounds, Canvas, Field, Grid, Label};
use super::contour::{Outlines, Polar};
use super::noise::texture2;
use super::patient::Patient;

pub struct Frame<'a> {
    pub patient: &'a Patient,
    pub z: f32,
    pub level: f32,
    pub canvas: Canvas,
    pub field: Field,
    pub outlines: Rc<Outlines>,
    pub polar: Vec<Polar>,
    /// Pixels that can belong to the body.
    pub body: Bounds,
}

impl<'a> Frame<'a> {
    pub fn new(patient: &'a Patient, grid: Grid, z: f32) -> Self {
        let level = patient.spine.level(z);
        let outlines = Rc::new(Outlines::at(patient, level));
        let polar = (0..grid.size * grid.size)
            .map(|i| outlines.polar(grid.mm(i % grid.size), grid.mm(i / grid.size)))
            .collect();
        let reach = outlines.reach(grid) + 2.0;
        let body = Bounds::around(0.0, outlines.centre_y, reach, reach);
        Self { patient, z, level, canvas: Canvas::new(grid), field: Field::new(grid), outlines, polar, body }
    }

    /// HU of muscle with fat between its bundles, more of it the less muscular the patient.
    #[inline]
    pub fn muscle_hu(&self, x: f32, y: f32, marbling: f32) -> f32 {
        let p = [x, y * 1.3, self.z * 0.45];
        let seed = self.patient.seed;
        let fibre = 7.0 * texture2(seed ^ 0x31, p, 5.0);
        // Sheets of fat where a smooth noise crosses zero, but only in some places.
        let septum = texture2(seed ^ 0x32, p, 24.0).abs();
        let place = (0.5 + texture2(seed ^ 0x34, p, 31.0)).clamp(0.0, 1.0);
        let streak = 0.045 * marbling;
        let fat = (1.0 - septum / streak.max(1e-4)).clamp(0.0, 1.0) * place;
        let fine = (texture2(seed ^ 0x38, p, 6.5) - 0.42).max(0.0) * marbling;
        57.0 + fibre - 125.0 * fat - 120.0 * fine
    }

    /// HU of fat with faint septa.
    #[inline]
    pub fn fat_hu(&self, x: f32, y: f32) -> f32 {
        fat_hu(self.patient.seed, x, y, self.z)
    }

    /// Paints a band of muscle `inner..outer` (radii at an angle) where the angle is within `reach`.
    pub fn band(
        &mut self,
        reach: [f32; 2],
        label_of: impl Fn(f32) -> Label,
        marbling: f32,
        radii: impl Fn(f32) -> (f32, f32),
    ) {
        let (seed, z) = (self.patient.seed, self.z);
        let size = self.canvas.grid.size;
        let pixel = self.canvas.grid.pixel_mm;
        for index in 0..size * size {
            let polar = self.polar[index];
            let a = polar.angle.abs();
            if a < reach[0] || a > reach[1] {
                continue;
            }
            if polar.radius < self.outlines.cage.radius(polar.angle) - 2.0
                || polar.radius > self.outlines.muscle.radius(polar.angle) + 2.0
            {
                continue;
            }
            let (inner, outer) = radii(polar.angle);
            if outer - inner < 0.4 || polar.radius > outer + pixel || polar.radius < inner - pixel {
                continue;
            }
            let (x, y) = (self.canvas.grid.mm(index % size), self.canvas.grid.mm(index / size));
            let wave = 0.7 * texture2(seed ^ 0x33, [x, y, z * 0.5], 9.0);
            let d = (polar.radius - outer).max(inner - polar.radius) + wave;
            let hu = self.muscle_hu(x, y, marbling);
            self.canvas.cover(index, d, hu, label_of(polar.angle));
        }
    }
}

/// HU of fat at a place: −105 with faint, oriented septa.
#[inline]
pub fn fat_hu(seed: u64, x: f32, y: f32, z: f32) -> f32 {
    let n = texture2(seed ^ 0x21, [x, y, z * 0.7], 8.0);
    let strand = (1.0 - (n - 0.12).abs() / 0.035).max(0.0);
    -107.0 + 5.0 * n + 38.0 * strand * texture2(seed ^ 0x22, [x, y, z], 21.0).max(0.0)
}
