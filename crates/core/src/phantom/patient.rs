//! Who the synthetic patient is: everything that chance decides, drawn once from the seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::canvas::{Point, keyed};

/// Names of the vertebrae in the volume, head to feet.
pub const LEVELS: [&str; 15] =
    ["C7", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2"];

/// Index of T4 and of T11 in [`LEVELS`].
pub const T4: usize = 4;
pub const T11: usize = 11;

/// Heights of the vertebral bodies and of the discs below them before scaling, mm.
const BODY_HEIGHT_MM: [f32; 15] =
    [14.5, 16.8, 17.5, 18.0, 18.5, 19.0, 19.6, 20.2, 20.8, 21.6, 22.5, 23.4, 24.4, 25.8, 26.6];
const DISC_HEIGHT_MM: [f32; 15] = [5.0, 4.6, 4.2, 4.0, 4.0, 4.2, 4.4, 4.6, 4.8, 5.0, 5.2, 5.6, 6.2, 7.4, 8.4];

/// Body habitus and the scan's settings.
#[derive(Debug, Clone)]
pub struct Patient {
    pub seed: u64,
    pub age: u32,
    pub height_cm: f32,
    /// Transverse and sagittal scale of the chest around 1.
    pub width: f32,
    pub depth: f32,
    /// Scale of vertebral heights around 1.
    pub length: f32,
    /// Mean subcutaneous fat, mm.
    pub fat_mm: f32,
    /// 0 lean … 1 much visceral fat.
    pub visceral: f32,
    /// Thickness of muscles around 1.
    pub muscle: f32,
    /// Thickness of the supine breast, mm, and its share of gland 0…1.
    pub breast_mm: f32,
    pub gland: f32,
    /// Cancellous bone, HU (falls with age).
    pub marrow_hu: f32,
    /// Opacified aorta, HU.
    pub contrast_hu: f32,
    /// Scanner noise in soft tissue, HU.
    pub noise_hu: f32,
    pub heart: f32,
    pub pixel_mm: f32,
    pub slice_mm: f32,
    /// Added to the phantom's z for patient coordinates (0 in the middle of T7).
    pub z_offset_mm: f32,
    pub spine: Spine,
}

impl Patient {
    pub fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut between = |lo: f32, hi: f32| rng.random_range(lo..hi);
        let age = between(34.0, 76.0) as u32;
        let height_cm = (between(150.0, 174.0) * 2.0).round() / 2.0;
        // Two draws averaged: middling habitus is commoner than the extremes.
        let habitus = (between(0.0, 1.0) + between(0.0, 1.0)) / 2.0;
        let stature = (height_cm - 162.0) / 24.0;
        let width = 0.955 + 0.05 * stature + 0.09 * (habitus - 0.4) + between(-0.025, 0.025);
        let fat_mm = 7.0 + 17.0 * habitus + between(-1.5, 1.5);
        let length = 0.935 + 0.085 * stature + between(-0.015, 0.015);
        let kyphosis = between(0.8, 1.25);
        let scoliosis_mm = between(-5.0, 5.0);
        let visceral = (habitus * 0.8 + between(-0.1, 0.3) + (age as f32 - 55.0) / 120.0).clamp(0.05, 1.0);
        let slice_mm = (between(1.5, 2.5) * 4.0).round() / 4.0;
        let spine = Spine::build(length, width, kyphosis, scoliosis_mm);
        // The field of view is set around the patient, as radiographers do.
        let needed = 2.0 * (163.0 * width + fat_mm * 0.8 + 6.0) / 500.0;
        let pixel_mm = ((needed + between(0.0, 0.02)).clamp(0.70, 0.90) * 1000.0).round() / 1000.0;
        Self {
            seed,
            age,
            height_cm,
            width,
            depth: 0.95 + 0.09 * (habitus - 0.4) + between(-0.02, 0.04),
            length,
            fat_mm,
            visceral,
            muscle: between(0.74, 1.24),
            breast_mm: 12.0 + 34.0 * habitus + between(-5.0, 10.0),
            gland: (between(0.25, 1.0) - (age as f32 - 50.0) / 90.0).clamp(0.1, 1.0),
            marrow_hu: 265.0 - 1.9 * age as f32 + between(-10.0, 35.0) + 30.0,
            contrast_hu: between(245.0, 300.0),
            noise_hu: between(9.0, 13.0),
            heart: between(0.93, 1.06),
            pixel_mm,
            slice_mm,
            z_offset_mm: (between(-300.0, 300.0) * 2.0).round() / 2.0,
            spine,
        }
    }

    /// A chance number in −1…1 that belongs to `what`, the same whenever asked.
    pub fn chance(&self, what: u64) -> f32 {
        (super::noise::mix(self.seed ^ super::noise::mix(what)) >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// Point from x (scaled with the chest's width), y and level.
    pub fn at(&self, x: f32, y: f32, level: f32) -> Point {
        [x * self.width, y, self.spine.z(level)]
    }

    /// As [`Self::at`], y counted from the vertebral column's centre line.
    pub fn at_spine(&self, x: f32, dy: f32, level: f32) -> Point {
        let c = self.spine.centre(level);
        [x * self.width + c[0], c[1] + dy, c[2]]
    }
}

/// One vertebra: centre of its body, its axes and measures.
#[derive(Debug, Clone, Copy)]
pub struct Vertebra {
    pub centre: Point,
    /// Sine and cosine of the tilt: the body's upward axis is (0, −sin, cos).
    pub tilt: (f32, f32),
    pub height: f32,
    pub half_width: f32,
    pub half_depth: f32,
    /// Disc below.
    pub disc: f32,
}

impl Vertebra {
    /// Point given in the vertebra's axes: x, back, up.
    pub fn point(&self, x: f32, back: f32, up: f32) -> Point {
        let (s, c) = self.tilt;
        [self.centre[0] + x, self.centre[1] + back * c - up * s, self.centre[2] + back * s + up * c]
    }

    /// x, back, up of a point.
    #[inline]
    pub fn local(&self, p: Point) -> Point {
        let (s, c) = self.tilt;
        let (y, z) = (p[1] - self.centre[1], p[2] - self.centre[2]);
        [p[0] - self.centre[0], y * c + z * s, z * c - y * s]
    }
}

/// The column from C7 to L2, kyphotic above and slightly lordotic below.
#[derive(Debug, Clone)]
pub struct Spine {
    pub vertebrae: Vec<Vertebra>,
}

impl Spine {
    fn build(length: f32, width: f32, kyphosis: f32, scoliosis_mm: f32) -> Self {
        let tilt_keys = [
            (0.0, [25.0]),
            (3.0, [20.0]),
            (6.0, [7.0]),
            (8.0, [-1.0]),
            (11.0, [-8.0]),
            (13.0, [-11.0]),
            (14.0, [-9.0]),
        ];
        let size_keys = [
            (0.0, [13.5, 8.5]),
            (1.0, [14.5, 8.8]),
            (4.0, [13.5, 10.5]),
            (8.0, [15.5, 13.8]),
            (12.0, [19.5, 15.6]),
            (14.0, [21.5, 16.6]),
        ];
        let mut at = [0.0_f32, 0.0, 0.0];
        let mut vertebrae = Vec::with_capacity(LEVELS.len());
        for i in 0..LEVELS.len() {
            let angle = (keyed(&tilt_keys, i as f32)[0] * kyphosis).to_radians();
            let (s, c) = angle.sin_cos();
            let (h, d) = (BODY_HEIGHT_MM[i] * length, DISC_HEIGHT_MM[i] * length);
            let [w, depth] = keyed(&size_keys, i as f32);
            let half = h / 2.0;
            at[1] += half * s;
            at[2] -= half * c;
            let bend = scoliosis_mm * ((i as f32 - 1.0) / 12.0 * std::f32::consts::PI).sin();
            vertebrae.push(Vertebra {
                centre: [bend, at[1], at[2]],
                tilt: (s, c),
                height: h,
                half_width: w * width * 1.02,
                half_depth: depth * (0.5 + 0.5 * width),
                disc: d,
            });
            at[1] += (half + d) * s;
            at[2] -= (half + d) * c;
        }
        let (y, z) = (vertebrae[8].centre[1] - 36.0, vertebrae[7].centre[2]);
        for v in &mut vertebrae {
            v.centre[1] -= y;
            v.centre[2] -= z;
        }
        Self { vertebrae }
    }

    /// Centre line at a level (0 C7 … 14 L2, fractions between, extrapolated outside).
    pub fn centre(&self, level: f32) -> Point {
        let last = self.vertebrae.len() - 2;
        let i = (level.floor().max(0.0) as usize).min(last);
        let t = level - i as f32;
        let (a, b) = (self.vertebrae[i].centre, self.vertebrae[i + 1].centre);
        std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t)
    }

    pub fn z(&self, level: f32) -> f32 {
        self.centre(level)[2]
    }

    /// Level of a height: the inverse of [`Self::z`].
    pub fn level(&self, z: f32) -> f32 {
        let last = self.vertebrae.len() - 2;
        let i = self.vertebrae[1..=last].iter().take_while(|v| v.centre[2] > z).count();
        let (a, b) = (self.vertebrae[i].centre[2], self.vertebrae[i + 1].centre[2]);
        i as f32 + (z - a) / (b - a)
    }
}
