//! The column straightened: planes across the canal, one below the other.
//!
//! Kyphosis and scoliosis bend the spine, so that slices cut vertebrae aslant. Here every plane stands
//! perpendicular to the canal; heights are lengths along it.

use rayon::prelude::*;

use super::canal::Canal;
use super::grid::{Grid, Point};

/// Distance between planes along the canal, mm.
pub const STEP_MM: f32 = 2.0;
/// Distance between samples in a plane, mm.
pub const PIXEL_MM: f32 = 2.0;
/// Samples from the right to the left, the canal in the middle.
pub const ACROSS: usize = 97;
/// Samples from the front to the back.
pub const DEEP: usize = 61;
/// The canal's place among them.
const CANAL_ACROSS: usize = 48;
const CANAL_DEEP: usize = 40;
/// A course whose scores average less than this over [`SMOOTH_MM`] is no spine.
const LEAST_SCORE: f32 = 3.0;
const SMOOTH_MM: f32 = 40.0;
/// Shorter spines are not looked at, mm.
const SHORTEST_MM: f32 = 60.0;
/// Planes lean; beyond the ends of the canal some still cut the slices.
const BEYOND_MM: f32 = 24.0;

/// A straightened spine, from the head down.
#[derive(Debug, Clone)]
pub struct Column {
    /// Middle of the canal in each plane, mm of the grid.
    pub centres: Vec<Point>,
    /// Unit vectors of each plane: to the left, to the front; and up along the canal.
    pub left: Vec<Point>,
    pub front: Vec<Point>,
    pub up: Vec<Point>,
    /// HU by plane, depth (front to back), across (right to left); NaN where nothing was measured.
    hu: Vec<f32>,
    /// Median ring score of the canal within.
    pub score: f32,
}

/// Weighted straight line through values at heights: value and slope at `z`.
fn local_line(z: f32, heights: &[f32], values: &[f32], weights: &[f32], sigma: f32) -> (f32, f32) {
    let (mut s0, mut s1, mut s2, mut t0, mut t1) = (0.0_f32, 0.0, 0.0, 0.0, 0.0);
    for ((h, v), w) in heights.iter().zip(values).zip(weights) {
        let d = h - z;
        let k = w * (-0.5 * (d / sigma) * (d / sigma)).exp();
        s0 += k;
        s1 += k * d;
        s2 += k * d * d;
        t0 += k * v;
        t1 += k * d * v;
    }
    let det = s0 * s2 - s1 * s1;
    if det.abs() < 1e-3 * s0 * s0 {
        return (t0 / s0.max(1e-12), 0.0);
    }
    ((s2 * t0 - s1 * t1) / det, (s0 * t1 - s1 * t0) / det)
}

fn unit(v: Point) -> Point {
    let n = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt().max(1e-6);
    v.map(|c| c / n)
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The longest stretch of the canal that looks like one, as indices into its points.
fn spine_of(canal: &Canal) -> Option<(usize, usize)> {
    let points = &canal.points;
    let step = points.get(1)?[2] - points[0][2];
    let half = (SMOOTH_MM / 2.0 / step).round() as usize;
    let n = points.len();
    let good: Vec<bool> = (0..n)
        .map(|i| {
            let (a, b) = (i.saturating_sub(half), (i + half + 1).min(n));
            canal.scores[a..b].iter().sum::<f32>() / (b - a) as f32 >= LEAST_SCORE
        })
        .collect();
    let mut best: Option<(usize, usize)> = None;
    let mut start = 0;
    // An end that is not good closes the last stretch.
    for (i, good) in good.into_iter().chain([false]).enumerate() {
        if !good {
            if i > start && best.is_none_or(|(a, b)| i - start > b - a) {
                best = Some((start, i));
            }
            start = i + 1;
        }
    }
    best.filter(|(a, b)| (b - a) as f32 * step >= SHORTEST_MM)
}

impl Column {
    /// Straightens the spine around a canal; `None` where no stretch of it looks like one.
    pub fn of(grid: &Grid, canal: &Canal) -> Option<Self> {
        let (from, to) = spine_of(canal)?;
        let points = &canal.points[from..to];
        let heights: Vec<f32> = points.iter().map(|p| p[2]).collect();
        let weights: Vec<f32> = canal.scores[from..to].iter().map(|s| (s - 1.5).clamp(0.05, 3.5)).collect();
        let xs: Vec<f32> = points.iter().map(|p| p[0]).collect();
        let ys: Vec<f32> = points.iter().map(|p| p[1]).collect();
        let (bottom, top) = (heights[0], heights[heights.len() - 1]);
        let mut column = Self {
            centres: Vec::new(),
            left: Vec::new(),
            front: Vec::new(),
            up: Vec::new(),
            hu: Vec::new(),
            score: median(&canal.scores[from..to]),
        };
        let mut z = top + BEYOND_MM;
        while z > bottom - BEYOND_MM {
            // Beyond the ends the course goes straight on.
            let inner = z.clamp(bottom, top);
            let (x, _) = local_line(inner, &heights, &xs, &weights, 10.0);
            let (y, _) = local_line(inner, &heights, &ys, &weights, 10.0);
            let (_, sx) = local_line(inner, &heights, &xs, &weights, 16.0);
            let (_, sy) = local_line(inner, &heights, &ys, &weights, 16.0);
            let up = unit([sx, sy, 1.0]);
            let left = unit(cross([0.0, 1.0, 0.0], up));
            column.centres.push([x + sx * (z - inner), y + sy * (z - inner), z]);
            column.up.push(up);
            column.left.push(left);
            column.front.push(cross(left, up).map(|v| if v == 0.0 { 0.0 } else { v }));
            z -= STEP_MM * up[2];
        }
        column.fix_front();
        column.sample(grid);
        Some(column)
    }

    /// The front points against y.
    fn fix_front(&mut self) {
        for f in &mut self.front {
            if f[1] > 0.0 {
                *f = f.map(|v| -v);
            }
        }
    }

    fn sample(&mut self, grid: &Grid) {
        let mut hu = vec![f32::NAN; self.len() * ACROSS * DEEP];
        hu.par_chunks_mut(ACROSS * DEEP).enumerate().for_each(|(plane, out)| {
            for (i, cell) in out.iter_mut().enumerate() {
                let p = self.point(plane, depth_mm(i / ACROSS), across_mm(i % ACROSS));
                *cell = grid.at(p).unwrap_or(f32::NAN);
            }
        });
        self.hu = hu;
    }

    /// Planes.
    pub fn len(&self) -> usize {
        self.centres.len()
    }

    /// HU of one plane by depth and across.
    pub fn plane(&self, plane: usize) -> &[f32] {
        &self.hu[plane * ACROSS * DEEP..(plane + 1) * ACROSS * DEEP]
    }

    /// Point of the grid in a plane: mm ahead of the canal's middle and mm to the left of it.
    pub fn point(&self, plane: usize, ahead: f32, left: f32) -> Point {
        let (c, l, f) = (self.centres[plane], self.left[plane], self.front[plane]);
        std::array::from_fn(|i| c[i] + ahead * f[i] + left * l[i])
    }
}

impl Column {
    /// Point of the grid ahead of the canal's middle at a fraction of planes; outside of the column it goes straight on.
    pub fn body_point(&self, plane: f32, ahead: f32) -> Point {
        let last = self.len().saturating_sub(2);
        let i = (plane.max(0.0) as usize).min(last);
        let t = plane - i as f32;
        let (a, b) = (self.point(i, ahead, 0.0), self.point((i + 1).min(self.len() - 1), ahead, 0.0));
        std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t)
    }
}

/// Distance ahead of the canal of a row of a plane, mm.
pub fn depth_mm(row: usize) -> f32 {
    (CANAL_DEEP as f32 - row as f32) * PIXEL_MM
}

/// Distance to the left of the canal of a column of a plane, mm.
pub fn across_mm(column: usize) -> f32 {
    (column as f32 - CANAL_ACROSS as f32) * PIXEL_MM
}

/// Rows whose distance ahead of the canal lies within, mm.
pub fn rows_within(from_mm: f32, to_mm: f32) -> std::ops::Range<usize> {
    let row = |mm: f32| CANAL_DEEP as f32 - mm / PIXEL_MM;
    (row(to_mm).round().max(0.0) as usize)..((row(from_mm).round() + 1.0).max(0.0) as usize).min(DEEP)
}

/// Columns whose distance to the left of the canal lies within, mm.
pub fn columns_within(from_mm: f32, to_mm: f32) -> std::ops::Range<usize> {
    let column = |mm: f32| CANAL_ACROSS as f32 + mm / PIXEL_MM;
    (column(from_mm).round().max(0.0) as usize)..((column(to_mm).round() + 1.0).max(0.0) as usize).min(ACROSS)
}

fn median(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
