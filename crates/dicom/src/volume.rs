//! A CT volume: planes of stored values with their rescale, and where they lie in the patient.

use std::sync::Arc;

use super::DicomError;
use super::unmeasured::Unmeasured;

/// One decoded image plane. Hounsfield units are `stored * slope + intercept`, per plane.
///
/// Values that do not fit i16 (unsigned 16 bit) are stored minus 32768 with the intercept moved accordingly.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Row-major, `rows * columns` values.
    pub stored: Vec<i16>,
    pub slope: f32,
    pub intercept: f32,
}

impl Plane {
    /// Hounsfield units of the pixel at `index` (row-major).
    #[inline]
    pub fn hu(&self, index: usize) -> f32 {
        f32::from(self.stored[index]) * self.slope + self.intercept
    }
}

/// Where a volume's voxels lie in the patient (DICOM patient coordinates: x to the left, y to the back, z to the head).
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Centre of the first pixel of every plane, mm, in the volume's order.
    pub origins_mm: Vec<[f64; 3]>,
    /// Unit vector along a row (towards higher columns).
    pub row_direction: [f64; 3],
    /// Unit vector along a column (towards higher rows).
    pub column_direction: [f64; 3],
    /// Distance between rows, between columns (PixelSpacing's order), and between planes along their normal; mm.
    pub spacing_mm: [f64; 3],
}

impl Geometry {
    /// Unit normal of the planes: row direction × column direction.
    pub fn normal(&self) -> [f64; 3] {
        let (r, c) = (self.row_direction, self.column_direction);
        [r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]]
    }

    /// Patient position of a voxel centre, mm.
    pub fn position_mm(&self, column: usize, row: usize, slice: usize) -> [f64; 3] {
        let o = self.origins_mm[slice];
        let (along_row, along_column) = (column as f64 * self.spacing_mm[1], row as f64 * self.spacing_mm[0]);
        std::array::from_fn(|i| {
            o[i] + self.row_direction[i] * along_row + self.column_direction[i] * along_column
        })
    }
}

/// A series as one block of voxels. Never changes after loading.
///
/// Planes are in order of increasing position along their normal; for axial planes of a patient
/// lying head first that is from the feet to the head. Slice numbers everywhere count from 0 in this order.
#[derive(Debug, Clone)]
pub struct Volume {
    pub series_uid: String,
    pub rows: usize,
    pub columns: usize,
    pub planes: Vec<Arc<Plane>>,
    pub geometry: Geometry,
    /// Why it is looked at only: nothing is predicted from it, and nothing on it is told in HU or cm².
    pub unmeasured: Option<Unmeasured>,
}

impl Volume {
    /// The volume, where its values are HU and its sizes can be trusted.
    ///
    /// # Errors
    /// `Unmeasured` with the reason.
    pub fn measurable(&self) -> Result<&Self, DicomError> {
        match &self.unmeasured {
            None => Ok(self),
            Some(reason) => {
                Err(DicomError::Unmeasured { uid: self.series_uid.clone(), reason: reason.clone() })
            }
        }
    }

    pub fn slices(&self) -> usize {
        self.planes.len()
    }

    /// Hounsfield units at a voxel.
    #[inline]
    pub fn hu(&self, column: usize, row: usize, slice: usize) -> f32 {
        self.planes[slice].hu(row * self.columns + column)
    }

    /// Patient z of a plane's first pixel, mm.
    pub fn z_mm(&self, slice: usize) -> f64 {
        self.geometry.origins_mm[slice][2]
    }

    /// Smallest, largest and mean HU of all slices; `None` for an empty volume.
    pub fn hu_statistics(&self) -> Option<HuStatistics> {
        self.planes.iter().filter_map(|plane| HuStatistics::of(plane)).reduce(HuStatistics::and)
    }

    /// The slice whose first pixel is nearest to a patient z, mm; `None` for an empty volume.
    pub fn nearest_slice(&self, z_mm: f64) -> Option<usize> {
        let distance = |slice: &usize| (self.z_mm(*slice) - z_mm).abs();
        (0..self.slices()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

/// Smallest, largest and mean HU of any number of planes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HuStatistics {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Pixels counted.
    pub count: u64,
}

impl HuStatistics {
    /// Statistics of one plane; `None` if it has no pixels.
    pub fn of(plane: &Plane) -> Option<Self> {
        let count = plane.stored.len() as u64;
        let (min, max) =
            plane.stored.iter().fold((i16::MAX, i16::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        // The sum of stored values is exact; scale once.
        let sum: i64 = plane.stored.iter().map(|&v| i64::from(v)).sum();
        let hu = |stored: f64| stored * f64::from(plane.slope) + f64::from(plane.intercept);
        let ends = [hu(f64::from(min)), hu(f64::from(max))];
        (count > 0).then(|| Self {
            min: ends[0].min(ends[1]),
            max: ends[0].max(ends[1]),
            mean: hu(sum as f64 / count as f64),
            count,
        })
    }

    /// Statistics of both sets of pixels together.
    pub fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        let sum = self.mean * self.count as f64 + other.mean * other.count as f64;
        Self { min: self.min.min(other.min), max: self.max.max(other.max), mean: sum / count as f64, count }
    }
}
