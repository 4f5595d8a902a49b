//! The series resampled once to a coarse grid on which everything about the spine is looked for.

use rayon::prelude::*;

use thoracast_dicom::Volume;

/// Millimetres; x to the left, y to the back, z to the head, in the slices' own frame.
pub type Point = [f32; 3];

/// Stands for "never measured": padding, outside of the picture, a gap between slices.
pub const NO_DATA: i16 = i16::MIN;

/// Between rows and columns, mm, while the field is usual; larger fields are sampled coarser.
const PIXEL_MM: f64 = 1.5;
/// Between planes of the grid, mm.
const PLANE_MM: f64 = 2.0;
/// Most pixels a side.
const LARGEST: f64 = 340.0;
/// Most planes: 1.6 m of patient.
const MOST_PLANES: f64 = 800.0;
/// Stored values below this are padding, HU.
const PADDING_HU: f32 = -1100.0;
/// Values are cut off here, HU: metal has no say beyond.
const BRIGHTEST_HU: f32 = 2000.0;
/// Air outside of the body is set to this, HU, so that it is no lung.
pub const OUTSIDE_HU: i16 = -1024;
/// Air that touches the picture's edge through pixels below this is outside; lung is denser.
const OPEN_AIR_HU: i16 = -930;
/// Two slices farther apart than this leave a gap that is not bridged, mm and usual distances between slices.
const GAP_MM: f64 = 11.0;
const GAP_SPACINGS: f64 = 1.6;

/// HU on a regular grid whose axes are those of the slices, turned so that x is left, y back and z head.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Columns, rows, planes.
    pub size: [usize; 3],
    /// Distances between them, mm.
    pub step_mm: [f32; 3],
    hu: Vec<i16>,
    /// Patient position of the first voxel, and the unit vectors of the axes.
    origin_mm: [f64; 3],
    axes: [[f64; 3]; 3],
    /// Heights at which slices are missing: from, to, mm of the grid.
    pub gaps: Vec<[f32; 2]>,
    /// Height of every slice, mm of the grid.
    heights: Vec<f64>,
}

/// Why no grid can be laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    #[error("levels are proposed on axial series only: these slices do not lie across the body")]
    NotAxial,
    #[error("one slice alone shows no spine from which levels could be told")]
    TooFew,
    #[error("the slices have no size")]
    Empty,
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Where columns and rows of a picture lie in the grid.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// Rows of the picture run along x of the grid (else along y).
    along_x: bool,
    /// +1 where the picture's columns, and its rows, count the way of the grid.
    signs: [f64; 2],
}

impl Grid {
    /// Resamples a volume.
    ///
    /// # Errors
    /// `NotAxial` where the slices stand steeper than 45°, `TooFew` with one slice, `Empty` without pixels.
    pub fn of(volume: &Volume) -> Result<Self, GridError> {
        let g = &volume.geometry;
        let normal = g.normal();
        if volume.rows == 0 || volume.columns == 0 {
            return Err(GridError::Empty);
        }
        if normal[2].abs() < 0.7 {
            return Err(GridError::NotAxial);
        }
        if volume.slices() < 2 {
            return Err(GridError::TooFew);
        }
        let along = normal[2].signum();
        let turn = Turn {
            along_x: g.row_direction[0].abs() >= g.row_direction[1].abs(),
            signs: if g.row_direction[0].abs() >= g.row_direction[1].abs() {
                [g.row_direction[0].signum(), g.column_direction[1].signum()]
            } else {
                [g.row_direction[1].signum(), g.column_direction[0].signum()]
            },
        };
        let picture_axes =
            [g.row_direction.map(|v| v * turn.signs[0]), g.column_direction.map(|v| v * turn.signs[1])];
        let axes = if turn.along_x {
            [picture_axes[0], picture_axes[1], normal.map(|v| v * along)]
        } else {
            [picture_axes[1], picture_axes[0], normal.map(|v| v * along)]
        };
        let heights: Vec<f64> = g.origins_mm.iter().map(|o| dot(*o, axes[2])).collect();
        Ok(Self::fill(volume, turn, axes, heights))
    }

    fn fill(volume: &Volume, turn: Turn, axes: [[f64; 3]; 3], heights: Vec<f64>) -> Self {
        let g = &volume.geometry;
        // Each picture's extent along x and y of the grid: its first pixel's place, spacing and count.
        let (spacing, count) = if turn.along_x {
            ([g.spacing_mm[1], g.spacing_mm[0]], [volume.columns, volume.rows])
        } else {
            ([g.spacing_mm[0], g.spacing_mm[1]], [volume.rows, volume.columns])
        };
        let signs = if turn.along_x { turn.signs } else { [turn.signs[1], turn.signs[0]] };
        let lowest = |slice: usize, axis: usize| {
            let first = dot(g.origins_mm[slice], axes[axis]);
            if signs[axis] > 0.0 { first } else { first - (count[axis] - 1) as f64 * spacing[axis] }
        };
        let starts: Vec<[f64; 2]> = (0..volume.slices()).map(|s| [lowest(s, 0), lowest(s, 1)]).collect();
        let bounds = |axis: usize| {
            let length = (count[axis] - 1) as f64 * spacing[axis];
            starts.iter().fold((f64::MAX, f64::MIN), |b, s| (b.0.min(s[axis]), b.1.max(s[axis] + length)))
        };
        let ((x0, x1), (y0, y1)) = (bounds(0), bounds(1));
        let z0 = heights.iter().copied().fold(f64::MAX, f64::min);
        let z1 = heights.iter().copied().fold(f64::MIN, f64::max);
        let pixel = PIXEL_MM.max((x1 - x0).max(y1 - y0) / LARGEST);
        let plane = PLANE_MM.max((z1 - z0) / MOST_PLANES);
        let cells = |length: f64, step: f64| (length / step).floor() as usize + 1;
        let size = [cells(x1 - x0, pixel), cells(y1 - y0, pixel), cells(z1 - z0, plane)];
        let order = order_of(&heights);
        let usual = usual_distance(&heights, &order);
        let mixes = mixes(&heights, &order, usual, z0, plane, size[2]);
        let reduced = |slice: usize| {
            let weights = [0, 1].map(|axis| {
                let start = starts[slice][axis] - if axis == 0 { x0 } else { y0 };
                cells_of(start, spacing[axis], count[axis], signs[axis], pixel, size[axis])
            });
            reduce(volume, slice, turn.along_x, &weights, size)
        };
        let mut hu = vec![NO_DATA; size[0] * size[1] * size[2]];
        let area = size[0] * size[1];
        // A few planes at a time: neighbours share slices, and memory stays small.
        const BAND: usize = 8;
        hu.par_chunks_mut(area * BAND).enumerate().for_each(|(band, out)| {
            let mut known: Vec<(usize, Vec<f32>)> = Vec::new();
            for (i, plane) in out.chunks_mut(area).enumerate() {
                let mix = &mixes[band * BAND + i];
                known.retain(|(slice, _)| mix.iter().any(|m| m.0 == *slice));
                for (slice, _) in mix {
                    if !known.iter().any(|(s, _)| s == slice) {
                        known.push((*slice, reduced(*slice)));
                    }
                }
                blend(plane, mix, &known);
            }
        });
        hu.par_chunks_mut(area).for_each(|plane| clear_outside(plane, size[0], size[1]));
        let gaps = order
            .windows(2)
            .filter(|p| heights[p[1]] - heights[p[0]] > gap_limit(usual))
            .map(|p| [(heights[p[0]] - z0) as f32, (heights[p[1]] - z0) as f32])
            .collect();
        let origin_mm: [f64; 3] =
            std::array::from_fn(|i| x0 * axes[0][i] + y0 * axes[1][i] + z0 * axes[2][i]);
        Self {
            size,
            step_mm: [pixel as f32, pixel as f32, plane as f32],
            hu,
            origin_mm,
            axes,
            gaps,
            heights: heights.iter().map(|h| h - z0).collect(),
        }
    }

    /// Voxels of one plane, row-major.
    pub fn plane(&self, z: usize) -> &[i16] {
        let area = self.size[0] * self.size[1];
        &self.hu[z * area..(z + 1) * area]
    }

    /// Height of the highest plane, mm of the grid.
    pub fn top_mm(&self) -> f32 {
        (self.size[2] - 1) as f32 * self.step_mm[2]
    }

    /// HU at a point by trilinear interpolation; `None` where nothing was measured.
    #[inline]
    pub fn at(&self, p: Point) -> Option<f32> {
        let mut index = [0_usize; 3];
        let mut t = [0.0_f32; 3];
        for i in 0..3 {
            let v = p[i] / self.step_mm[i];
            if !(v >= 0.0 && v <= (self.size[i] - 1) as f32) {
                return None;
            }
            index[i] = (v as usize).min(self.size[i].saturating_sub(2));
            t[i] = v - index[i] as f32;
        }
        let [nx, ny, _] = self.size;
        let base = (index[2] * ny + index[1]) * nx + index[0];
        let next = [
            usize::from(self.size[0] > 1),
            if self.size[1] > 1 { nx } else { 0 },
            if self.size[2] > 1 { nx * ny } else { 0 },
        ];
        let mut sum = 0.0;
        for corner in 0..8_usize {
            let mut weight = 1.0;
            let mut at = base;
            for (i, step) in next.iter().enumerate() {
                if corner >> i & 1 == 1 {
                    weight *= t[i];
                    at += step;
                } else {
                    weight *= 1.0 - t[i];
                }
            }
            if weight > 0.0 {
                let v = self.hu[at];
                if v == NO_DATA {
                    return None;
                }
                sum += weight * f32::from(v);
            }
        }
        Some(sum)
    }

    /// Patient position of a point of the grid, mm.
    pub fn patient_mm(&self, p: Point) -> [f64; 3] {
        std::array::from_fn(|i| {
            self.origin_mm[i]
                + f64::from(p[0]) * self.axes[0][i]
                + f64::from(p[1]) * self.axes[1][i]
                + f64::from(p[2]) * self.axes[2][i]
        })
    }

    /// Patient direction of a direction of the grid.
    pub fn patient_direction(&self, d: Point) -> [f64; 3] {
        std::array::from_fn(|i| {
            f64::from(d[0]) * self.axes[0][i]
                + f64::from(d[1]) * self.axes[1][i]
                + f64::from(d[2]) * self.axes[2][i]
        })
    }

    /// Position along the slices' normal (towards the head) of a height of the grid, mm.
    pub fn normal_mm(&self, z: f32) -> f64 {
        dot(self.origin_mm, self.axes[2]) + f64::from(z)
    }

    /// The slice nearest to a height of the grid.
    pub fn slice(&self, z: f32) -> usize {
        let distance = |s: &usize| (self.heights[*s] - f64::from(z)).abs();
        (0..self.heights.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    }
}

/// Slices from low to high.
fn order_of(heights: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    order
}

/// Median distance between neighbours that are not at the same place, mm.
fn usual_distance(heights: &[f64], order: &[usize]) -> f64 {
    let mut distances: Vec<f64> =
        order.windows(2).map(|p| heights[p[1]] - heights[p[0]]).filter(|d| *d > 0.05).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(1.0)
}

fn gap_limit(usual: f64) -> f64 {
    GAP_MM.max(GAP_SPACINGS * usual)
}

/// Which slices make each plane of the grid, with weights that sum to 1; none within a gap.
fn mixes(
    heights: &[f64],
    order: &[usize],
    usual: f64,
    z0: f64,
    plane: f64,
    count: usize,
) -> Vec<Vec<(usize, f32)>> {
    (0..count)
        .map(|k| {
            let z = z0 + k as f64 * plane;
            // Thin slices: all within half a plane's distance are averaged.
            let near: Vec<usize> =
                order.iter().copied().filter(|s| (heights[*s] - z).abs() <= plane / 2.0).collect();
            if near.len() > 1 {
                return near.iter().map(|s| (*s, 1.0 / near.len() as f32)).collect();
            }
            let above = order.partition_point(|s| heights[*s] < z);
            let Some(&high) = order.get(above) else {
                return order.last().map(|s| vec![(*s, 1.0)]).unwrap_or_default();
            };
            if above == 0 {
                return vec![(high, 1.0)];
            }
            let low = order[above - 1];
            let distance = heights[high] - heights[low];
            if distance > gap_limit(usual) {
                // Beside the gap the nearest slice still stands for itself.
                let nearer = if z - heights[low] < heights[high] - z { low } else { high };
                return if (heights[nearer] - z).abs() <= usual { vec![(nearer, 1.0)] } else { Vec::new() };
            }
            let t = if distance > 0.0 { ((z - heights[low]) / distance) as f32 } else { 0.0 };
            [(low, 1.0 - t), (high, t)].into_iter().filter(|m| m.1 > 0.0).collect()
        })
        .collect()
}

/// For each pixel of the picture along one axis: the cell of the grid it belongs to; `usize::MAX` for none.
fn cells_of(start: f64, spacing: f64, count: usize, sign: f64, step: f64, size: usize) -> Vec<usize> {
    (0..count)
        .map(|i| {
            let along = if sign > 0.0 { i } else { count - 1 - i };
            let cell = ((start + along as f64 * spacing) / step).round();
            if cell >= 0.0 && (cell as usize) < size { cell as usize } else { usize::MAX }
        })
        .collect()
}

/// One slice on the grid's pixels: the mean of the picture's pixels nearest to each, then holes filled sideways
/// (coarse pictures have fewer pixels than the grid). NaN where nothing was measured.
fn reduce(
    volume: &Volume,
    slice: usize,
    along_x: bool,
    cells: &[Vec<usize>; 2],
    size: [usize; 3],
) -> Vec<f32> {
    let plane = &volume.planes[slice];
    let mut sum = vec![0.0_f32; size[0] * size[1]];
    let mut number = vec![0_u16; size[0] * size[1]];
    let (slope, intercept) = (plane.slope, plane.intercept);
    for (row, values) in plane.stored.chunks_exact(volume.columns).enumerate() {
        let (fixed, moving) = if along_x { (cells[1][row], &cells[0]) } else { (cells[0][row], &cells[1]) };
        if fixed == usize::MAX {
            continue;
        }
        let (base, stride) = if along_x { (fixed * size[0], 1) } else { (fixed, size[0]) };
        for (value, cell) in values.iter().zip(moving) {
            let hu = f32::from(*value) * slope + intercept;
            if *cell != usize::MAX && hu >= PADDING_HU {
                sum[base + cell * stride] += hu.min(BRIGHTEST_HU);
                number[base + cell * stride] += 1;
            }
        }
    }
    for (s, n) in sum.iter_mut().zip(&number) {
        *s = if *n > 0 { *s / f32::from(*n) } else { f32::NAN };
    }
    fill_holes(&mut sum, size[0], &cells[0], 1, size[1], size[0]);
    fill_holes(&mut sum, size[1], &cells[1], size[0], size[0], 1);
    sum
}

/// Cells of the grid between pixels of a coarser picture take the value between their neighbours.
fn fill_holes(values: &mut [f32], length: usize, cells: &[usize], step: usize, lines: usize, pitch: usize) {
    let mut hit = vec![false; length];
    for c in cells.iter().filter(|c| **c < length) {
        hit[*c] = true;
    }
    let (Some(first), Some(last)) = (hit.iter().position(|h| *h), hit.iter().rposition(|h| *h)) else {
        return;
    };
    for hole in (first..=last).filter(|i| !hit[*i]) {
        let low = (0..hole).rev().find(|i| hit[*i]).unwrap_or(first);
        let high = (hole..length).find(|i| hit[*i]).unwrap_or(last);
        let t = (hole - low) as f32 / (high - low) as f32;
        for line in 0..lines {
            let at = |i: usize| line * pitch + i * step;
            values[at(hole)] = values[at(low)] * (1.0 - t) + values[at(high)] * t;
        }
    }
}

/// Sets the air that reaches the picture's edge, or padding, to [`OUTSIDE_HU`].
fn clear_outside(plane: &mut [i16], columns: usize, rows: usize) {
    let open = |v: i16| v < OPEN_AIR_HU;
    let mut todo: Vec<usize> = Vec::new();
    let reach = |plane: &mut [i16], i: usize, todo: &mut Vec<usize>| {
        if plane[i] != NO_DATA && plane[i] != OUTSIDE_HU && open(plane[i]) {
            plane[i] = OUTSIDE_HU;
            todo.push(i);
        }
    };
    for row in 0..rows {
        for column in 0..columns {
            let i = row * columns + column;
            let edge = row == 0 || column == 0 || row + 1 == rows || column + 1 == columns;
            let beside_padding = plane[i] == NO_DATA;
            if edge {
                reach(plane, i, &mut todo);
            }
            if beside_padding {
                for n in neighbours(i, columns, rows).into_iter().flatten() {
                    reach(plane, n, &mut todo);
                }
            }
        }
    }
    while let Some(i) = todo.pop() {
        for n in neighbours(i, columns, rows).into_iter().flatten() {
            reach(plane, n, &mut todo);
        }
    }
}

fn neighbours(i: usize, columns: usize, rows: usize) -> [Option<usize>; 4] {
    let (row, column) = (i / columns, i % columns);
    [
        (column > 0).then(|| i - 1),
        (column + 1 < columns).then(|| i + 1),
        (row > 0).then(|| i - columns),
        (row + 1 < rows).then(|| i + columns),
    ]
}

fn blend(out: &mut [i16], mix: &[(usize, f32)], known: &[(usize, Vec<f32>)]) {
    let parts: Vec<(&[f32], f32)> = mix
        .iter()
        .filter_map(|(slice, weight)| {
            known.iter().find(|(s, _)| s == slice).map(|(_, v)| (v.as_slice(), *weight))
        })
        .collect();
    if parts.is_empty() {
        return;
    }
    for (i, cell) in out.iter_mut().enumerate() {
        let sum: f32 = parts.iter().map(|(v, w)| v[i] * w).sum();
        *cell = if sum.is_nan() { NO_DATA } else { sum.round() as i16 };
    }
}
