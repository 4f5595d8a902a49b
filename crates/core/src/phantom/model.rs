//! The patient as a whole: planes by number, and what one plane is made of.

use super::canvas::{Grid, Label};
use super::frame::Frame;
use super::interior::{self, Interior};
use super::lungs;
use super::noise::{blur, gaussian, grain, streaks};
use super::organs::Organs;
use super::patient::Patient;
use super::spine::{self, Column};
use super::wall::{self, Wall};

/// How finely the phantom is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Rows and columns; 512 if absent. The field of view stays the same.
    pub size: Option<usize>,
    /// Distance between planes, mm; the seed's choice if absent.
    pub slice_mm: Option<f64>,
}

/// A plane without scanner noise: Hounsfield units and what each pixel is.
pub struct CleanPlane {
    pub hu: Vec<f32>,
    pub label: Vec<Label>,
}

/// A synthetic patient in a synthetic scanner.
pub struct Phantom {
    pub(super) patient: Patient,
    pub(super) grid: Grid,
    pub(super) slice_mm: f64,
    pub(super) slices: usize,
    /// Phantom z of the lowest plane.
    first_z: f64,
    pub(super) wall: Wall,
    column: Column,
    interior: Interior,
}

impl Phantom {
    /// The patient of a seed at full resolution (512 × 512).
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Options::default())
    }

    /// The same patient, sampled otherwise (coarser for tests).
    pub fn with(seed: u64, options: Options) -> Self {
        let patient = Patient::draw(seed);
        let size = options.size.unwrap_or(512).max(16);
        let slice_mm = options.slice_mm.unwrap_or(f64::from(patient.slice_mm)).clamp(0.5, 10.0);
        let grid = Grid { size, pixel_mm: (f64::from(patient.pixel_mm) * 512.0 / size as f64) as f32 };
        let (top, bottom) = (f64::from(patient.spine.z(-0.55)), f64::from(patient.spine.z(14.45)));
        let slices = ((top - bottom) / slice_mm).floor() as usize + 1;
        let wall = Wall::build(&patient);
        let column = Column::build(&patient);
        let interior = Interior {
            organs: Organs::build(&patient),
            lung_vessels: lungs::vessels(&patient),
            diaphragm: interior::diaphragm(&patient, grid),
        };
        Self { patient, grid, slice_mm, slices, first_z: bottom, wall, column, interior }
    }

    /// Number of planes, feet to head.
    pub fn slices(&self) -> usize {
        self.slices
    }

    /// Rows and columns.
    pub fn size(&self) -> usize {
        self.grid.size
    }

    /// Distance between pixel centres, mm, in rows and columns.
    pub fn pixel_mm(&self) -> f64 {
        // The patient's spacing is a decimal of three digits; through f32 it would gain false ones.
        let full = (f64::from(self.patient.pixel_mm) * 1000.0).round() / 1000.0;
        full * 512.0 / self.grid.size as f64
    }

    /// Distance between planes, mm.
    pub fn slice_mm(&self) -> f64 {
        self.slice_mm
    }

    /// Centre of the first pixel of a plane in patient coordinates, mm.
    pub fn origin_mm(&self, slice: usize) -> [f64; 3] {
        let corner = -((self.grid.size - 1) as f64) / 2.0 * self.pixel_mm();
        [round_to(corner, 1e6), round_to(corner, 1e6), self.z_mm(slice)]
    }

    /// Patient z of a plane, mm.
    pub fn z_mm(&self, slice: usize) -> f64 {
        let start = round_to(self.first_z + f64::from(self.patient.z_offset_mm), 10.0);
        round_to(start + slice as f64 * self.slice_mm, 1e6)
    }

    /// z in the phantom's own coordinates.
    fn own_z(&self, slice: usize) -> f32 {
        (self.z_mm(slice) - f64::from(self.patient.z_offset_mm)) as f32
    }

    /// The plane nearest to a patient z.
    pub fn nearest_slice(&self, z_mm: f64) -> usize {
        let at = ((z_mm - self.z_mm(0)) / self.slice_mm).round().max(0.0) as usize;
        at.min(self.slices - 1)
    }

    /// A plane before the scanner: sharp labels, HU with the edges' partial volume and the scanner's blur.
    pub fn clean_plane(&self, slice: usize) -> CleanPlane {
        let mut frame = Frame::new(&self.patient, self.grid, self.own_z(slice));
        wall::paint_soft(&mut frame, &self.wall);
        interior::paint(&mut frame, &self.interior);
        wall::paint_bones(&mut frame, &self.wall);
        spine::paint(&mut frame.canvas, &mut frame.field, &self.patient, &self.column, frame.z);
        let mut hu = frame.canvas.hu;
        let sigma = 0.55 / self.grid.pixel_mm;
        let kernel = gaussian(sigma.max(0.3));
        blur(&mut hu, self.grid.size, &kernel, &kernel);
        CleanPlane { hu, label: frame.canvas.label }
    }

    /// A plane as the scanner gives it: Hounsfield units with noise, row-major.
    pub fn plane_hu(&self, slice: usize) -> Vec<i16> {
        let clean = self.clean_plane(slice);
        self.scan(slice, &clean)
    }

    /// Adds the scanner's noise.
    pub(super) fn scan(&self, slice: usize, clean: &CleanPlane) -> Vec<i16> {
        let size = self.grid.size;
        let pixel = self.grid.pixel_mm;
        let level = self.patient.spine.level(self.own_z(slice));
        let fine = grain(self.patient.seed, slice as u64, size, (0.72 / pixel).max(0.4));
        let shoulder = super::canvas::smoothstep(3.2, 0.8, level);
        let streak = if shoulder > 0.0 { streaks(self.patient.seed, slice as u64, size) } else { Vec::new() };
        let base = self.patient.noise_hu;
        let (cx, cy) = (150.0 * self.patient.width, 105.0 * self.patient.depth);
        clean
            .hu
            .iter()
            .enumerate()
            .map(|(i, hu)| {
                let (x, y) = (self.grid.mm(i % size), self.grid.mm(i / size));
                let r2 = (x / cx).powi(2) + (y / cy).powi(2);
                // Noise is highest where the rays are longest, the middle of the body.
                let amount = base * (0.5 + 0.65 * (-0.9 * r2).exp()) * (1.0 + 0.7 * shoulder);
                let mut value = hu + amount * fine[i];
                if let Some(s) = streak.get(i) {
                    value += 9.0 * shoulder * s * (-(y - 25.0).powi(2) / 1800.0).exp();
                }
                value.round().clamp(-1024.0, 3071.0) as i16
            })
            .collect()
    }
}

/// Rounds to a decimal grid.
pub(super) fn round_to(value: f64, per_unit: f64) -> f64 {
    (value * per_unit).round() / per_unit
}
