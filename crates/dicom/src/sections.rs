//! Axial, sagittal and coronal sections of a volume: one place for what is where on screen.
//!
//! All three lie in the slices' own frame: along rows, along columns, along the slice normal. Slices stand at their
//! measured heights, so gaps stay gaps; with a tilted gantry each slice is shifted back to where it lay, so that
//! reformats show true shapes, obliquely to the table.

use serde::{Deserialize, Serialize};

use super::geometry::{Vector, dot, minus};
use super::volume::Geometry;

/// A gap between slices of more than this many spacings is shown as a gap.
const GAP_SPACINGS: f64 = 1.5;

/// How a section lies in the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orientation {
    /// A slice as it was taken, whatever its true orientation.
    Axial,
    /// Through one column of every slice.
    Sagittal,
    /// Through one row of every slice.
    Coronal,
}

impl Orientation {
    pub const ALL: [Self; 3] = [Self::Axial, Self::Sagittal, Self::Coronal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "Axial",
            Self::Sagittal => "Sagittal",
            Self::Coronal => "Coronal",
        }
    }
}

/// One section: slice, column or row number by orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Section {
    pub orientation: Orientation,
    pub index: usize,
}

/// A voxel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Voxel {
    pub column: usize,
    pub row: usize,
    pub slice: usize,
}

impl Voxel {
    /// The number of the section through this voxel.
    pub fn index(self, orientation: Orientation) -> usize {
        match orientation {
            Orientation::Axial => self.slice,
            Orientation::Sagittal => self.column,
            Orientation::Coronal => self.row,
        }
    }

    /// This voxel moved to another section of an orientation.
    pub fn with_index(mut self, orientation: Orientation, index: usize) -> Self {
        match orientation {
            Orientation::Axial => self.slice = index,
            Orientation::Sagittal => self.column = index,
            Orientation::Coronal => self.row = index,
        }
        self
    }
}

/// Upright or turned: one axis of a reformat in mm, as `start + sign * position`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    pub start_mm: f64,
    pub sign: f64,
}

impl Axis {
    fn new(low: f64, high: f64, turned: bool) -> Self {
        if turned { Self { start_mm: high, sign: -1.0 } } else { Self { start_mm: low, sign: 1.0 } }
    }

    /// Place in the picture of a position in the volume.
    fn picture(self, position: f64) -> f64 {
        (position - self.start_mm) * self.sign
    }

    /// Position in the volume of a place in the picture.
    pub fn position(self, picture: f64) -> f64 {
        self.start_mm + picture * self.sign
    }
}

/// The sections of one volume. Points on a section are mm to the picture's right and down; the centre of the first
/// pixel shown is at 0, 0. Sagittal sections have the front at the left, coronal ones the patient's right, and both
/// the head on top, wherever the acquisition's own directions point; axial ones lie as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Sections {
    pub columns: usize,
    pub rows: usize,
    /// Between rows, between columns, between slices; mm.
    pub spacing_mm: [f64; 3],
    /// Height of each slice above the first along the normal, mm, ascending.
    pub heights_mm: Vec<f64>,
    /// How far each slice lies from the first along its rows and along its columns, mm: not zero with a tilted gantry.
    pub shifts_mm: Vec<[f64; 2]>,
    directions: [Vector; 3],
    /// The picture's x of sagittal and of coronal sections, and their common y.
    sagittal_x: Axis,
    coronal_x: Axis,
    upright_y: Axis,
}

impl Sections {
    /// The sections of a volume with `rows` × `columns` pixels a slice; `None` without slices.
    pub fn new(geometry: &Geometry, rows: usize, columns: usize) -> Option<Self> {
        let first = *geometry.origins_mm.first()?;
        let (row, column, normal) = (geometry.row_direction, geometry.column_direction, geometry.normal());
        let offsets: Vec<Vector> = geometry.origins_mm.iter().map(|&o| minus(o, first)).collect();
        let heights_mm: Vec<f64> = offsets.iter().map(|&o| dot(o, normal)).collect();
        let shifts_mm: Vec<[f64; 2]> = offsets.iter().map(|&o| [dot(o, row), dot(o, column)]).collect();
        let [row_mm, column_mm, _] = geometry.spacing_mm;
        let range = |axis: usize, length: f64| {
            let low = shifts_mm.iter().map(|s| s[axis]).fold(f64::INFINITY, f64::min);
            let high = shifts_mm.iter().map(|s| s[axis]).fold(f64::NEG_INFINITY, f64::max);
            (low, high + length)
        };
        let (left, right) = range(0, columns.saturating_sub(1) as f64 * column_mm);
        let (front, back) = range(1, rows.saturating_sub(1) as f64 * row_mm);
        let top = *heights_mm.last()?;
        Some(Self {
            columns,
            rows,
            spacing_mm: geometry.spacing_mm,
            directions: [row, column, normal],
            // Front to back is +y, right to left +x, feet to head +z.
            sagittal_x: Axis::new(front, back, column[1] < 0.0),
            coronal_x: Axis::new(left, right, row[0] < 0.0),
            upright_y: Axis::new(0.0, top, normal[2] >= 0.0),
            heights_mm,
            shifts_mm,
        })
    }

    /// A stack of pictures without a place in the patient: only its axial sections mean anything.
    pub fn flat(rows: usize, columns: usize, slices: usize, pixel_mm: [f64; 2]) -> Option<Self> {
        let geometry = Geometry {
            origins_mm: (0..slices).map(|slice| [0.0, 0.0, slice as f64]).collect(),
            row_direction: [1.0, 0.0, 0.0],
            column_direction: [0.0, 1.0, 0.0],
            spacing_mm: [pixel_mm[0], pixel_mm[1], 1.0],
        };
        Self::new(&geometry, rows, columns)
    }

    pub fn slices(&self) -> usize {
        self.heights_mm.len()
    }

    /// How many sections there are of an orientation.
    pub fn count(&self, orientation: Orientation) -> usize {
        match orientation {
            Orientation::Axial => self.slices(),
            Orientation::Sagittal => self.columns,
            Orientation::Coronal => self.rows,
        }
    }

    /// Distance between neighbouring sections of an orientation, mm.
    pub fn step_mm(&self, orientation: Orientation) -> f64 {
        match orientation {
            Orientation::Axial => self.spacing_mm[2],
            Orientation::Sagittal => self.spacing_mm[1],
            Orientation::Coronal => self.spacing_mm[0],
        }
    }

    /// Size of a pixel of the section, horizontally and vertically, mm.
    pub fn pixel_mm(&self, orientation: Orientation) -> [f64; 2] {
        let [row, column, slice] = self.spacing_mm;
        match orientation {
            Orientation::Axial => [column, row],
            Orientation::Sagittal => [row, slice],
            Orientation::Coronal => [column, slice],
        }
    }

    /// From the first to the last pixel's centre, horizontally and vertically, mm.
    pub fn span_mm(&self, orientation: Orientation) -> [f64; 2] {
        let [row, column, _] = self.spacing_mm;
        let height = self.heights_mm.last().copied().unwrap_or(0.0);
        let range = |axis: usize, count: usize, step: f64| {
            let shifts = self.shifts_mm.iter().map(|s| s[axis]);
            let (low, high) =
                shifts.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), s| (lo.min(s), hi.max(s)));
            high - low + count.saturating_sub(1) as f64 * step
        };
        match orientation {
            Orientation::Axial => {
                [self.columns.saturating_sub(1) as f64 * column, self.rows.saturating_sub(1) as f64 * row]
            }
            Orientation::Sagittal => [range(1, self.rows, row), height],
            Orientation::Coronal => [range(0, self.columns, column), height],
        }
    }

    /// Patient directions of the picture's right and down.
    pub fn directions(&self, orientation: Orientation) -> [Vector; 2] {
        let [row, column, normal] = self.directions;
        let times = |v: Vector, sign: f64| v.map(|x| x * sign);
        match orientation {
            Orientation::Axial => [row, column],
            Orientation::Sagittal => {
                [times(column, self.sagittal_x.sign), times(normal, self.upright_y.sign)]
            }
            Orientation::Coronal => [times(row, self.coronal_x.sign), times(normal, self.upright_y.sign)],
        }
    }

    /// The picture's horizontal axis (in the volume: along columns or rows) and its vertical one (height) of a reformat.
    pub fn axes(&self, orientation: Orientation) -> [Axis; 2] {
        match orientation {
            Orientation::Axial => [Axis { start_mm: 0.0, sign: 1.0 }; 2],
            Orientation::Sagittal => [self.sagittal_x, self.upright_y],
            Orientation::Coronal => [self.coronal_x, self.upright_y],
        }
    }

    /// Position of a reformat's section across the volume, mm from the first slice's first column or row.
    pub fn across_mm(&self, section: Section) -> f64 {
        section.index as f64 * self.step_mm(section.orientation)
    }

    /// The voxel under a point of a section; `None` outside the volume and in gaps.
    pub fn voxel(&self, section: Section, point_mm: [f64; 2]) -> Option<Voxel> {
        let [row_mm, column_mm, _] = self.spacing_mm;
        let [x, y] = point_mm;
        let number = |position: f64, step: f64, count: usize| {
            let number = (position / step).round();
            (number >= 0.0 && number < count as f64).then_some(number as usize)
        };
        if section.orientation == Orientation::Axial {
            return Some(Voxel {
                column: number(x, column_mm, self.columns)?,
                row: number(y, row_mm, self.rows)?,
                slice: section.index,
            });
        }
        let [horizontal, vertical] = self.axes(section.orientation);
        let slice = self.slice_at(vertical.position(y))?;
        let [along_row, along_column] = self.shifts_mm[slice];
        let across = self.across_mm(section);
        let along = horizontal.position(x);
        let (u, v) =
            if section.orientation == Orientation::Sagittal { (across, along) } else { (along, across) };
        Some(Voxel {
            column: number(u - along_row, column_mm, self.columns)?,
            row: number(v - along_column, row_mm, self.rows)?,
            slice,
        })
    }

    /// Where a voxel's centre stands on a section of an orientation through it, mm.
    pub fn point(&self, orientation: Orientation, voxel: Voxel) -> [f64; 2] {
        let [row_mm, column_mm, _] = self.spacing_mm;
        let (u, v) = (voxel.column as f64 * column_mm, voxel.row as f64 * row_mm);
        if orientation == Orientation::Axial {
            return [u, v];
        }
        let slice = voxel.slice.min(self.slices().saturating_sub(1));
        let [along_row, along_column] = self.shifts_mm[slice];
        let [horizontal, vertical] = self.axes(orientation);
        let along = if orientation == Orientation::Sagittal { v + along_column } else { u + along_row };
        [horizontal.picture(along), vertical.picture(self.heights_mm[slice])]
    }

    /// The slice nearest to a height; `None` in gaps and beyond half a spacing above or below the volume.
    pub fn slice_at(&self, height_mm: f64) -> Option<usize> {
        let after = self.heights_mm.partition_point(|&h| h < height_mm);
        let candidates = after.saturating_sub(1)..(after + 1).min(self.slices());
        let distance = |&slice: &usize| (self.heights_mm[slice] - height_mm).abs();
        let nearest = candidates.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        // Half of the widest step that still counts as one: uneven slices leave no holes.
        (distance(&nearest) <= self.reach_mm()).then_some(nearest)
    }

    /// How far above and below itself a slice is drawn, at most, mm.
    pub fn reach_mm(&self) -> f64 {
        self.spacing_mm[2] * GAP_SPACINGS / 2.0
    }

    /// Pairs of neighbouring slices between which slices are missing.
    pub fn gaps(&self) -> Vec<usize> {
        let wide = |w: &[f64]| w[1] - w[0] >= GAP_SPACINGS * self.spacing_mm[2];
        self.heights_mm.windows(2).enumerate().filter(|(_, w)| wide(w)).map(|(slice, _)| slice).collect()
    }

    /// Calls `visit` with the centre (mm) and the voxel of every pixel of a section that lies within `bounds`
    /// (left, top, right, bottom; mm). A section through a shifted slice leaves out pixels beside the volume.
    pub fn visit(&self, section: Section, bounds: [f64; 4], mut visit: impl FnMut([f64; 2], Voxel)) {
        let [left, top, right, bottom] = bounds;
        let (row_mm, column_mm) = (self.spacing_mm[0], self.spacing_mm[1]);
        let inside = |[x, y]: [f64; 2]| x >= left && x <= right && y >= top && y <= bottom;
        let numbers = |low: f64, high: f64, step: f64, count: usize| {
            let first = (low / step).ceil().max(0.0) as usize;
            let end = ((high / step).floor() + 1.0).max(0.0) as usize;
            first..end.min(count).max(first)
        };
        if section.orientation == Orientation::Axial {
            for row in numbers(top, bottom, row_mm, self.rows) {
                for column in numbers(left, right, column_mm, self.columns) {
                    let voxel = Voxel { column, row, slice: section.index };
                    visit(self.point(Orientation::Axial, voxel), voxel);
                }
            }
            return;
        }
        let across = self.across_mm(section);
        for slice in 0..self.slices() {
            let sagittal = section.orientation == Orientation::Sagittal;
            let [along_row, along_column] = self.shifts_mm[slice];
            let (shift, step, count) = if sagittal {
                (along_row, column_mm, self.columns)
            } else {
                (along_column, row_mm, self.rows)
            };
            let number = ((across - shift) / step).round();
            if number < 0.0 || number >= count as f64 {
                continue;
            }
            let fixed = number as usize;
            for other in 0..if sagittal { self.rows } else { self.columns } {
                let voxel = if sagittal {
                    Voxel { column: fixed, row: other, slice }
                } else {
                    Voxel { column: other, row: fixed, slice }
                };
                let point = self.point(section.orientation, voxel);
                if inside(point) {
                    visit(point, voxel);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUPINE: [Vector; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

    fn sections([row_direction, column_direction]: [Vector; 2], origins_mm: Vec<Vector>) -> Sections {
        let geometry = Geometry { origins_mm, row_direction, column_direction, spacing_mm: [0.5, 0.75, 3.0] };
        Sections::new(&geometry, 20, 30).unwrap()
    }

    fn upright(count: usize) -> Vec<Vector> {
        (0..count).map(|i| [0.0, 0.0, i as f64 * 3.0]).collect()
    }

    /// A gantry tilted so that every slice moves towards the back by 1 mm.
    fn tilted() -> Sections {
        let angle = (1.0f64 / 3.0).atan();
        let column = [0.0, angle.cos(), -angle.sin()];
        let origins = (0..8).map(|i| [0.0, 0.0, f64::from(i) * 10f64.sqrt()]).collect();
        sections([[1.0, 0.0, 0.0], column], origins)
    }

    #[test]
    fn the_head_is_on_top_and_the_front_and_the_right_side_at_the_left() {
        let supine = sections(SUPINE, upright(10));
        let head = Voxel { column: 0, row: 0, slice: 9 };
        assert_eq!(supine.point(Orientation::Sagittal, head), [0.0, 0.0]);
        assert_eq!(supine.point(Orientation::Coronal, head), [0.0, 0.0]);
        let prone = sections([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], upright(10));
        let last = Voxel { column: 29, row: 19, slice: 9 };
        assert_eq!(prone.point(Orientation::Sagittal, last), [0.0, 0.0]);
        assert_eq!(prone.point(Orientation::Coronal, last), [0.0, 0.0]);
        let letters = |s: &Sections, o| s.directions(o).map(super::super::orientation_letters);
        for s in [&supine, &prone] {
            assert_eq!(letters(s, Orientation::Sagittal), ["P", "F"]);
            assert_eq!(letters(s, Orientation::Coronal), ["L", "F"]);
        }
        assert_eq!(letters(&prone, Orientation::Axial), ["R", "A"]);
    }

    #[test]
    fn feet_first_stands_upright_too() {
        // Rows to the right side, columns to the back: the normal points to the feet.
        let feet_first = sections(
            [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            (0..10).map(|i| [0.0, 0.0, -3.0 * f64::from(i)]).collect(),
        );
        let head = Voxel { column: 29, row: 0, slice: 0 };
        assert_eq!(feet_first.point(Orientation::Coronal, head), [0.0, 0.0]);
        assert_eq!(super::super::orientation_letters(feet_first.directions(Orientation::Coronal)[1]), "F");
    }

    #[test]
    fn points_lead_back_to_their_voxels_tilted_or_not() {
        for s in [sections(SUPINE, upright(8)), tilted()] {
            for voxel in
                [(0, 0, 0), (29, 19, 7), (13, 7, 4)].map(|(column, row, slice)| Voxel { column, row, slice })
            {
                for orientation in [Orientation::Axial, Orientation::Sagittal] {
                    let section = Section { orientation, index: voxel.index(orientation) };
                    let found = s.voxel(section, s.point(orientation, voxel));
                    assert_eq!(found, Some(voxel), "{orientation:?}");
                }
            }
        }
    }

    #[test]
    fn a_tilted_stack_is_put_back_in_its_place() {
        let s = tilted();
        // Straight up in the patient is not straight up in the slices' frame: each slice is shifted.
        assert!((s.shifts_mm[1][1] + 1.0).abs() < 1e-9, "{:?}", s.shifts_mm[1]);
        assert!((s.heights_mm[1] - 3.0).abs() < 1e-9);
        let a = s.point(Orientation::Sagittal, Voxel { column: 0, row: 10, slice: 0 });
        let b = s.point(Orientation::Sagittal, Voxel { column: 0, row: 10, slice: 1 });
        assert!((a[0] - b[0] - 1.0).abs() < 1e-9 && (a[1] - b[1] - 3.0).abs() < 1e-9);
        // A row's coronal section leaves the shifted slices where they are not.
        let coronal = Section { orientation: Orientation::Coronal, index: 0 };
        let top = s.point(Orientation::Coronal, Voxel { column: 3, row: 2, slice: 1 });
        assert_eq!(s.voxel(coronal, top), Some(Voxel { column: 3, row: 2, slice: 1 }));
    }

    #[test]
    fn missing_slices_stay_missing() {
        let mut origins = upright(10);
        origins.drain(4..7);
        let s = sections(SUPINE, origins);
        assert_eq!(s.gaps(), [3]);
        assert_eq!(s.span_mm(Orientation::Sagittal)[1], 27.0);
        assert_eq!(s.slice_at(9.0), Some(3));
        assert_eq!(s.slice_at(15.0), None);
        assert_eq!(s.slice_at(21.0), Some(4));
        assert_eq!((s.slice_at(-3.0), s.slice_at(30.0)), (None, None));
    }

    #[test]
    fn every_pixel_within_the_bounds_is_visited_once() {
        for s in [sections(SUPINE, upright(8)), tilted()] {
            for orientation in Orientation::ALL {
                let section = Section { orientation, index: 5 };
                let mut seen = std::collections::HashSet::new();
                let bounds = [2.0, 3.0, 8.0, 12.0];
                s.visit(section, bounds, |point, voxel| {
                    assert!(seen.insert(voxel));
                    assert_eq!(s.voxel(section, point), Some(voxel));
                });
                assert!(!seen.is_empty());
                if orientation == Orientation::Axial {
                    // Columns at 0.75 mm from 2.25 to 7.5, rows at 0.5 mm from 3 to 9.5 (the last there is).
                    assert_eq!(seen.len(), 8 * 14);
                }
            }
        }
    }
}
