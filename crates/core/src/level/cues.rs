//! What the straightened column shows plane by plane, as numbers that tell vertebrae apart.

use rayon::prelude::*;

use super::column::{ACROSS, Column, columns_within, rows_within};

/// What is looked at. Each is one number a plane, 0…1, or nothing where too little was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cue {
    /// Necks of the ribs and transverse processes beside and behind the canal: once a vertebra.
    Necks,
    /// Ribs farther out: none below the last rib.
    Ribs,
    /// Bone beside the bodies: the first rib, which alone lies in their plane; later the pelvis.
    FirstRib,
    /// Whether lung was met from above: begins at the apex, and stays.
    Lung,
    /// The vertebral body wider than its surroundings, as it is at its end plates. It counts, never names.
    Width,
}

impl Cue {
    /// All cues.
    pub const ALL: [Self; 5] = [Self::Necks, Self::Ribs, Self::FirstRib, Self::Lung, Self::Width];
}

/// Number of cues.
pub const CUES: usize = Cue::ALL.len();

/// Cues by plane of the column; NaN where too little was measured.
#[derive(Debug, Clone)]
pub struct Cues {
    /// By plane.
    pub values: Vec<[f32; CUES]>,
}

/// Bone begins here, HU, and is certain from there.
const BONE_HU: [f32; 2] = [110.0, 260.0];
/// Lung, HU: above air outside of the body, below fat.
const LUNG_HU: [f32; 2] = [-990.0, -420.0];

impl Cues {
    /// Measures every plane.
    pub fn of(column: &Column) -> Self {
        let mut values: Vec<[f32; CUES]> = (0..column.len())
            .into_par_iter()
            .map(|i| {
                let plane = column.plane(i);
                [
                    strongest(plane, 24.0, 44.0, -22.0, -2.0),
                    strongest(plane, 46.0, 66.0, -26.0, -2.0),
                    bone_beside(plane),
                    lung_beside(plane),
                    body_width(plane),
                ]
            })
            .collect();
        accumulate_lung(&mut values);
        flatten_width(&mut values);
        Self { values }
    }
}

fn is_bone(hu: f32) -> f32 {
    ((hu - BONE_HU[0]) / (BONE_HU[1] - BONE_HU[0])).clamp(0.0, 1.0)
}

/// Mean of both sides that were measured; NaN with none.
fn of_sides(sides: [f32; 2]) -> f32 {
    match sides.map(f32::is_nan) {
        [false, false] => (sides[0] + sides[1]) / 2.0,
        [true, false] => sides[1],
        [false, true] => sides[0],
        [true, true] => f32::NAN,
    }
}

/// Columns of both sides that lie between two distances from the canal, mm.
fn sides(from_mm: f32, to_mm: f32) -> [std::ops::Range<usize>; 2] {
    [columns_within(-to_mm, -from_mm), columns_within(from_mm, to_mm)]
}

/// How much bone lies behind the canal's front and beside it: the strongest over depth, its mean sideways.
fn strongest(plane: &[f32], from_mm: f32, to_mm: f32, behind_mm: f32, ahead_mm: f32) -> f32 {
    let rows = rows_within(behind_mm, ahead_mm);
    of_sides(sides(from_mm, to_mm).map(|columns| {
        let (mut sum, mut count, all) = (0.0, 0, columns.len());
        for column in columns {
            let most = rows.clone().map(|r| plane[r * ACROSS + column]).fold(f32::NAN, f32::max);
            if !most.is_nan() {
                sum += is_bone(most);
                count += 1;
            }
        }
        if 2 * count > all { sum / count as f32 } else { f32::NAN }
    }))
}

/// Share of bone 30 to 55 mm beside and 6 to 26 mm ahead of the canal.
fn bone_beside(plane: &[f32]) -> f32 {
    let rows = rows_within(6.0, 26.0);
    let bone = of_sides(sides(30.0, 55.0).map(|columns| share(plane, rows.clone(), columns, is_bone)));
    // A rib fills a third at most; `min` would make a number of a NaN.
    (3.0 * bone).clamp(0.0, 1.0)
}

/// Share of lung 18 to 70 mm beside the canal.
fn lung_beside(plane: &[f32]) -> f32 {
    let rows = rows_within(-24.0, 50.0);
    let lung = |hu: f32| f32::from(u8::from(hu > LUNG_HU[0] && hu < LUNG_HU[1]));
    of_sides(sides(18.0, 70.0).map(|columns| share(plane, rows.clone(), columns, lung)))
}

/// Mean of `what` over a rectangle; NaN where less than half of it was measured.
fn share(
    plane: &[f32],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    what: impl Fn(f32) -> f32,
) -> f32 {
    let all = rows.len() * columns.len();
    let (mut sum, mut count) = (0.0, 0);
    for row in rows {
        for hu in &plane[row * ACROSS + columns.start..row * ACROSS + columns.end] {
            if !hu.is_nan() {
                sum += what(*hu);
                count += 1;
            }
        }
    }
    if 2 * count > all { sum / count as f32 } else { f32::NAN }
}

/// Width of bone 12 to 24 mm ahead of the canal, mm.
fn body_width(plane: &[f32]) -> f32 {
    let rows = rows_within(12.0, 24.0);
    let (mut sum, mut count) = (0.0, 0);
    for row in rows.clone() {
        let line = &plane[row * ACROSS..(row + 1) * ACROSS];
        let bone = columns_within(-30.0, 30.0).filter(|c| line[*c] > BONE_HU[0]).count();
        if columns_within(-30.0, 30.0).all(|c| !line[c].is_nan()) {
            sum += bone as f32 * super::column::PIXEL_MM;
            count += 1;
        }
    }
    if 2 * count > rows.len() { sum / count as f32 } else { f32::NAN }
}

/// Turns shares of lung into "lung was met above or here", 0…1.
fn accumulate_lung(values: &mut [[f32; CUES]]) {
    let lung = Cue::Lung as usize;
    let mut most = f32::NAN;
    for v in values {
        if !v[lung].is_nan() {
            let seen = ((v[lung] - 0.06) / 0.14).clamp(0.0, 1.0);
            most = if most.is_nan() { seen } else { most.max(seen) };
            v[lung] = most;
        }
    }
}

/// Widths of the body against the mean within 18 mm up and down: 0 much narrower, 0.5 the same, 1 much wider.
fn flatten_width(values: &mut [[f32; CUES]]) {
    let width = Cue::Width as usize;
    let reach = (18.0 / super::column::STEP_MM) as usize;
    let raw: Vec<f32> = values.iter().map(|v| v[width]).collect();
    for (i, v) in values.iter_mut().enumerate() {
        let near = &raw[i.saturating_sub(reach)..(i + reach + 1).min(raw.len())];
        let (sum, count) = near.iter().filter(|w| !w.is_nan()).fold((0.0, 0), |(s, n), w| (s + w, n + 1));
        // A NaN stays one.
        v[width] = (0.5 + (raw[i] - sum / count.max(1) as f32) / 16.0).clamp(0.0, 1.0);
    }
}
