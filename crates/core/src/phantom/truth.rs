//! What is known about the phantom, as it is written beside its series.

use serde::{Deserialize, Serialize};

use super::canvas::Label;
use super::model::{CleanPlane, Phantom, round_to};
use super::patient::{LEVELS, T4, T11};

/// The ground truth of one phantom. Lengths in mm, areas in cm², slices from 0 in order of ascending z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    pub seed: u64,
    pub patient_id: String,
    pub age_years: u32,
    pub height_cm: f64,
    pub bmi_kg_m2: f64,
    pub rows: usize,
    pub columns: usize,
    pub slices: usize,
    /// Between rows, between columns, between planes.
    pub spacing_mm: [f64; 3],
    /// Centre of the first pixel of slice 0 in patient coordinates.
    pub origin_mm: [f64; 3],
    /// C7…L2, head to feet.
    pub vertebrae: Vec<VertebraTruth>,
    /// Twelve pairs: right and left of each number.
    pub ribs: Vec<RibTruth>,
    pub pectoralis_t4: Pectoralis,
    pub visceral_fat_t11: FatTruth,
    /// Total pectoralis area at T4 / height², cm²/m².
    pub pmi_cm2_m2: f64,
}

/// Centre of a vertebral body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VertebraTruth {
    pub name: String,
    pub centre_mm: [f64; 3],
    pub slice: usize,
    pub height_mm: f64,
}

/// Where a rib's bone begins at the spine and where it ends in front.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RibTruth {
    pub number: usize,
    /// `L` or `R`.
    pub side: char,
    pub spinal_end_mm: [f64; 3],
    pub anterior_end_mm: [f64; 3],
}

/// Both pectoral muscles at T4: areas of the region, and of its part within −29…150 HU of the noisy picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pectoralis {
    pub slice: usize,
    pub left_cm2: f64,
    pub right_cm2: f64,
    pub total_cm2: f64,
    pub within_minus29_150_hu_cm2: f64,
}

/// Visceral fat at T11: area of the region, and of its parts within two usual ranges of the noisy picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FatTruth {
    pub slice: usize,
    pub region_cm2: f64,
    pub within_minus150_minus50_hu_cm2: f64,
    pub within_minus190_minus30_hu_cm2: f64,
}

fn area_cm2(phantom: &Phantom, pixels: usize) -> f64 {
    pixels as f64 * phantom.pixel_mm() * phantom.pixel_mm() / 100.0
}

fn count(plane: &CleanPlane, labels: &[Label]) -> usize {
    plane.label.iter().filter(|l| labels.contains(l)).count()
}

fn count_within(
    plane: &CleanPlane,
    hu: &[i16],
    labels: &[Label],
    range: std::ops::RangeInclusive<i16>,
) -> usize {
    plane.label.iter().zip(hu).filter(|(l, v)| labels.contains(l) && range.contains(v)).count()
}

impl Phantom {
    /// What is known about this phantom. Paints the T4 and T11 planes to measure them.
    pub fn truth(&self) -> Truth {
        let vertebrae = self.vertebrae();
        let pectoralis_t4 = self.pectoralis(vertebrae[T4].slice);
        let visceral_fat_t11 = self.visceral_fat(vertebrae[T11].slice);
        let height_cm = f64::from(self.patient.height_cm);
        Truth {
            seed: self.patient.seed,
            patient_id: self.patient_id(),
            age_years: self.patient.age,
            height_cm,
            bmi_kg_m2: self.bmi(),
            rows: self.size(),
            columns: self.size(),
            slices: self.slices(),
            spacing_mm: [self.pixel_mm(), self.pixel_mm(), self.slice_mm()],
            origin_mm: self.origin_mm(0),
            ribs: self.ribs(),
            pmi_cm2_m2: pectoralis_t4.total_cm2 / (height_cm / 100.0).powi(2),
            vertebrae,
            pectoralis_t4,
            visceral_fat_t11,
        }
    }

    /// `PHANTOM-seed`.
    pub fn patient_id(&self) -> String {
        format!("PHANTOM-{}", self.patient.seed)
    }

    /// Body mass index that goes with the outline, kg/m².
    pub fn bmi(&self) -> f64 {
        let p = &self.patient;
        round_to(
            f64::from(13.2 + 0.48 * p.fat_mm + 2.4 * p.visceral + 1.2 * p.muscle + 8.0 * (p.width - 0.95)),
            10.0,
        )
    }

    fn to_patient(&self, own: [f32; 3]) -> [f64; 3] {
        let z = f64::from(own[2]) + f64::from(self.patient.z_offset_mm);
        [f64::from(own[0]), f64::from(own[1]), z].map(|v| round_to(v, 1000.0))
    }

    /// The slice through the centre of each vertebra, by name. Paints nothing.
    pub fn vertebra_slices(&self) -> Vec<(String, usize)> {
        self.vertebrae().into_iter().map(|v| (v.name, v.slice)).collect()
    }

    fn vertebrae(&self) -> Vec<VertebraTruth> {
        LEVELS
            .iter()
            .zip(&self.patient.spine.vertebrae)
            .map(|(name, v)| {
                let centre_mm = self.to_patient(v.centre);
                VertebraTruth {
                    name: (*name).to_owned(),
                    centre_mm,
                    slice: self.nearest_slice(centre_mm[2]),
                    height_mm: round_to(f64::from(v.height), 1000.0),
                }
            })
            .collect()
    }

    fn ribs(&self) -> Vec<RibTruth> {
        let mut list = Vec::with_capacity(24);
        for rib in &self.wall.ribs {
            for (side, sign) in [('R', -1.0_f32), ('L', 1.0)] {
                list.push(RibTruth {
                    number: rib.number,
                    side,
                    spinal_end_mm: self.to_patient(rib.point(&self.patient, sign, rib.from)),
                    anterior_end_mm: self.to_patient(rib.point(&self.patient, sign, rib.bone_end)),
                });
            }
        }
        list
    }

    fn pectoralis(&self, slice: usize) -> Pectoralis {
        let plane = self.clean_plane(slice);
        let hu = self.scan(slice, &plane);
        let [left, right] =
            [Label::PectoralisLeft, Label::PectoralisRight].map(|l| area_cm2(self, count(&plane, &[l])));
        let both = [Label::PectoralisLeft, Label::PectoralisRight];
        Pectoralis {
            slice,
            left_cm2: left,
            right_cm2: right,
            total_cm2: area_cm2(self, count(&plane, &both)),
            within_minus29_150_hu_cm2: area_cm2(self, count_within(&plane, &hu, &both, -29..=150)),
        }
    }

    fn visceral_fat(&self, slice: usize) -> FatTruth {
        let plane = self.clean_plane(slice);
        let hu = self.scan(slice, &plane);
        let fat = [Label::VisceralFat];
        FatTruth {
            slice,
            region_cm2: area_cm2(self, count(&plane, &fat)),
            within_minus150_minus50_hu_cm2: area_cm2(self, count_within(&plane, &hu, &fat, -150..=-50)),
            within_minus190_minus30_hu_cm2: area_cm2(self, count_within(&plane, &hu, &fat, -190..=-30)),
        }
    }
}
