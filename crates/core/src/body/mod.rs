//! Body composition: the HU ranges of tissues. Regions, areas and indices will live here.
//!
//! A range alone is never a measurement: a figure is a region AND a named range.

/// A named range of Hounsfield units, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HuRange {
    pub name: &'static str,
    pub low_hu: f32,
    pub high_hu: f32,
}

impl HuRange {
    /// Skeletal muscle, −29…150 HU: also the window of the study's T4 picture.
    pub const MUSCLE: Self = Self { name: "muscle", low_hu: -29.0, high_hu: 150.0 };
    /// Visceral fat as this study (slice-O-matic) takes it, −150…−50 HU: also the window of its T11 picture.
    pub const VISCERAL_FAT: Self = Self { name: "visceral fat", low_hu: -150.0, high_hu: -50.0 };
}
