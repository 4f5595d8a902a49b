//! Sagittal and coronal views through a volume of axial planes.

use super::volume::Volume;

/// A plane across the slices, in HU, row-major: the head at the top; sagittal from front to back, coronal from the
/// patient's right to left (as radiologists look at them), wherever the acquisition's own directions point.
#[derive(Debug, Clone, PartialEq)]
pub struct Reformat {
    pub width: usize,
    pub height: usize,
    pub hu: Vec<f32>,
    /// Distance between rows (that is between slices) and between columns, mm.
    pub spacing_mm: [f64; 2],
    /// Slice shown in each row, from the top. Missing slices are not filled in.
    pub slices: Vec<usize>,
    /// Whether the picture's columns run against the volume's rows or columns.
    pub mirrored: bool,
}

impl Volume {
    /// The view through one column of every slice; `None` if the column does not exist.
    pub fn sagittal(&self, column: usize) -> Option<Reformat> {
        if column >= self.columns {
            return None;
        }
        // Front to back is +y.
        let mirrored = self.geometry.column_direction[1] < 0.0;
        Some(
            self.reformat(self.rows, self.geometry.spacing_mm[0], mirrored, |row| {
                row * self.columns + column
            }),
        )
    }

    /// The view through one row of every slice; `None` if the row does not exist.
    pub fn coronal(&self, row: usize) -> Option<Reformat> {
        if row >= self.rows {
            return None;
        }
        // The patient's right stands at the picture's left: columns run along +x.
        let mirrored = self.geometry.row_direction[0] < 0.0;
        Some(self.reformat(self.columns, self.geometry.spacing_mm[1], mirrored, |column| {
            row * self.columns + column
        }))
    }

    fn reformat(
        &self,
        width: usize,
        spacing_mm: f64,
        mirrored: bool,
        pixel: impl Fn(usize) -> usize,
    ) -> Reformat {
        let ascending = self.geometry.normal()[2] >= 0.0;
        let slices: Vec<usize> =
            if ascending { (0..self.slices()).rev().collect() } else { (0..self.slices()).collect() };
        let at = |x: usize| pixel(if mirrored { width - 1 - x } else { x });
        let mut hu = Vec::with_capacity(width * slices.len());
        for &slice in &slices {
            let plane = &self.planes[slice];
            hu.extend((0..width).map(|x| plane.hu(at(x))));
        }
        Reformat {
            width,
            height: slices.len(),
            hu,
            spacing_mm: [self.geometry.spacing_mm[2], spacing_mm],
            slices,
            mirrored,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dicom::{Geometry, Plane};

    /// 2 rows, 3 columns, 2 slices; HU = 100 slice + 10 row + column.
    fn volume(row_direction: [f64; 3], column_direction: [f64; 3]) -> Volume {
        let plane = |slice: i16| {
            let stored =
                (0..2).flat_map(|row| (0..3).map(move |column| slice * 100 + row * 10 + column)).collect();
            Arc::new(Plane { stored, slope: 1.0, intercept: 0.0 })
        };
        let geometry = Geometry {
            origins_mm: vec![[0.0, 0.0, 10.0], [0.0, 0.0, 13.0]],
            row_direction,
            column_direction,
            spacing_mm: [0.5, 0.75, 3.0],
        };
        Volume { series_uid: String::new(), rows: 2, columns: 3, planes: vec![plane(0), plane(1)], geometry }
    }

    #[test]
    fn the_head_is_at_the_top_and_the_front_at_the_left() {
        let supine = volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
        let view = supine.sagittal(2).unwrap();
        assert_eq!((view.width, view.height, view.spacing_mm), (2, 2, [3.0, 0.5]));
        assert_eq!(view.hu, [102.0, 112.0, 2.0, 12.0]);
        assert_eq!(view.slices, [1, 0]);
        assert_eq!(supine.coronal(1).unwrap().hu, [110.0, 111.0, 112.0, 10.0, 11.0, 12.0]);
        assert!(supine.sagittal(3).is_none() && supine.coronal(2).is_none());
    }

    #[test]
    fn a_prone_acquisition_is_turned_so_that_the_front_stays_at_the_left() {
        let prone = volume([-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]);
        let view = prone.sagittal(0).unwrap();
        assert!(view.mirrored);
        assert_eq!(view.hu, [110.0, 100.0, 10.0, 0.0]);
        assert_eq!(prone.coronal(0).unwrap().hu, [102.0, 101.0, 100.0, 2.0, 1.0, 0.0]);
    }

    #[test]
    fn the_nearest_slice_is_found_by_patient_z() {
        let volume = volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
        assert_eq!(volume.nearest_slice(11.4), Some(0));
        assert_eq!(volume.nearest_slice(99.0), Some(1));
    }
}
