//! The spinal canal, traced from plane to plane.
//!
//! The canal is a dark disc ringed by bone, with a vertebral body in front and laminae or a spinous process
//! behind. Looking for that ring, not for the brightest bone, keeps the trace from sliding onto laminae, ribs,
//! contrast or metal. Dynamic programming over heights finds the course with the best sum of ring scores and the
//! least bending.

use rayon::prelude::*;

use super::grid::{Grid, NO_DATA};

/// Distance between candidates in the plane and between planes, mm.
const STEP_MM: f32 = 3.0;
const PLANE_MM: f32 = 4.0;
/// Candidates that a course may move from plane to plane.
const REACH: isize = 2;
/// Cost of moving by one candidate, squared moves.
const BEND: f32 = 0.22;
/// Directions in which bone is looked for.
const DIRECTIONS: usize = 16;
/// Where the bone of the ring lies from the canal's middle, mm.
const RING_MM: [f32; 2] = [8.0, 18.0];

/// The canal's middle at each of many heights.
#[derive(Debug, Clone)]
pub struct Canal {
    /// Middle, mm of the grid, from low to high, `PLANE_MM` apart.
    pub points: Vec<[f32; 3]>,
    /// Ring score of each, 0…5.
    pub scores: Vec<f32>,
}

/// The pull to the midline costs one point of score at this distance, mm.
const MIDLINE_MM: f32 = 90.0;

/// Scores of one plane's candidates; NaN for no data.
struct Candidates {
    columns: usize,
    scores: Vec<f32>,
}

/// Finds the canal; `None` for a grid too small to hold one.
pub fn trace(grid: &Grid) -> Option<Canal> {
    let stride = (STEP_MM / grid.step_mm[0]).round().max(1.0) as usize;
    let lift = (PLANE_MM / grid.step_mm[2]).round().max(1.0) as usize;
    let planes: Vec<usize> = (0..grid.size[2]).step_by(lift).collect();
    let (columns, rows) = (grid.size[0] / stride, grid.size[1] / stride);
    if columns < 8 || rows < 8 {
        return None;
    }
    let middle = midline(grid);
    let scored: Vec<Candidates> =
        planes.par_iter().map(|z| score_plane(grid.plane(*z), grid, stride, columns, rows, middle)).collect();
    let best = best_course(&scored, columns, rows);
    let points: Vec<[f32; 3]> = best
        .iter()
        .zip(&planes)
        .map(|(at, z)| {
            let (row, column) = (at / columns, at % columns);
            let start = [column * stride, row * stride];
            refine(grid, *z, start)
        })
        .collect();
    let scores = best.iter().zip(&scored).map(|(at, c)| c.scores[*at].max(0.0)).collect();
    Some(Canal { points, scores })
}

/// Mean x of everything denser than lung, mm: the middle of the body.
fn midline(grid: &Grid) -> f32 {
    let (sum, count) = (0..grid.size[2])
        .into_par_iter()
        .step_by(4)
        .map(|z| {
            grid.plane(z).chunks_exact(grid.size[0]).step_by(2).fold((0_u64, 0_u64), |acc, row| {
                row.iter()
                    .enumerate()
                    .step_by(2)
                    .filter(|(_, v)| **v > -200)
                    .fold(acc, |(s, n), (x, _)| (s + x as u64, n + 1))
            })
        })
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    if count == 0 { 0.0 } else { sum as f32 / count as f32 * grid.step_mm[0] }
}

/// Offsets (pixels) of the ring's samples by direction.
fn ring_offsets(pixel_mm: f32) -> Vec<Vec<[isize; 2]>> {
    let samples = ((RING_MM[1] - RING_MM[0]) / pixel_mm).ceil() as usize;
    (0..DIRECTIONS)
        .map(|d| {
            let (s, c) = (d as f32 / DIRECTIONS as f32 * std::f32::consts::TAU).sin_cos();
            (0..=samples)
                .map(|i| {
                    let r = (RING_MM[0] + i as f32 * pixel_mm).min(RING_MM[1]) / pixel_mm;
                    [(c * r).round() as isize, (s * r).round() as isize]
                })
                .collect()
        })
        .collect()
}

fn score_plane(
    plane: &[i16],
    grid: &Grid,
    stride: usize,
    columns: usize,
    rows: usize,
    middle: f32,
) -> Candidates {
    let pixel = grid.step_mm[0];
    let ring = ring_offsets(pixel);
    let half = (3.75 / pixel).round() as isize;
    let ahead = (22.0 / pixel).round() as isize;
    let behind = [(11.0 / pixel).round() as isize, (30.0 / pixel).round() as isize];
    let (width, height) = (grid.size[0] as isize, grid.size[1] as isize);
    let at = |x: isize, y: isize| -> f32 {
        if x < 0 || y < 0 || x >= width || y >= height {
            return f32::from(NO_DATA);
        }
        f32::from(plane[(y * width + x) as usize])
    };
    // Mean over a square; NaN where part of it was not measured.
    let mean = |x: isize, y: isize, half: isize| -> f32 {
        if x < half || y < half || x + half >= width || y + half >= height {
            return f32::NAN;
        }
        let mut sum = 0_i32;
        for row in y - half..=y + half {
            let from = (row * width + x - half) as usize;
            for v in &plane[from..=from + 2 * half as usize] {
                if *v == NO_DATA {
                    return f32::NAN;
                }
                sum += i32::from(*v);
            }
        }
        sum as f32 / ((2 * half + 1) * (2 * half + 1)) as f32
    };
    let mut scores = vec![0.0; columns * rows];
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = ((column * stride) as isize, (row * stride) as isize);
            let inside = mean(x, y, half);
            let darkness = within(inside, [-90.0, -30.0, 140.0, 220.0]);
            if darkness.is_nan() || darkness <= 0.0 {
                if inside.is_nan() {
                    scores[row * columns + column] = 0.0;
                }
                continue;
            }
            let sides: f32 = ring
                .iter()
                .map(|samples| {
                    let most = samples.iter().map(|[dx, dy]| at(x + dx, y + dy)).fold(f32::MIN, f32::max);
                    ((most - 110.0) / 80.0).clamp(0.0, 1.0)
                })
                .sum::<f32>()
                / DIRECTIONS as f32;
            if sides < 0.3 {
                continue;
            }
            let front = mean(x, y - ahead, half);
            let front = if front.is_nan() { 0.0 } else { ((front - 40.0) / 80.0).clamp(0.0, 1.0) };
            let back = (behind[0]..=behind[1]).map(|d| at(x, y + d)).fold(f32::MIN, f32::max);
            let back = ((back - 110.0) / 80.0).clamp(0.0, 1.0);
            let away = (x as f32 * pixel - middle) / MIDLINE_MM;
            scores[row * columns + column] = darkness * (3.0 * sides + front + back) - away * away;
        }
    }
    Candidates { columns, scores }
}

/// 1 between the inner two limits, falling to 0 at the outer two.
fn within(v: f32, limits: [f32; 4]) -> f32 {
    let [a, b, c, d] = limits;
    ((v - a) / (b - a)).min((d - v) / (d - c)).clamp(0.0, 1.0)
}

/// For each plane the index of the candidate on the best course.
fn best_course(planes: &[Candidates], columns: usize, rows: usize) -> Vec<usize> {
    let count = columns * rows;
    let mut sums = planes.first().map(|p| p.scores.clone()).unwrap_or_default();
    let mut from: Vec<Vec<i8>> = vec![Vec::new()];
    let moves: Vec<(isize, isize, f32)> = (-REACH..=REACH)
        .flat_map(|dy| (-REACH..=REACH).map(move |dx| (dx, dy, BEND * (dx * dx + dy * dy) as f32)))
        .collect();
    for plane in planes.iter().skip(1) {
        let mut next = vec![0.0; count];
        let mut back = vec![0_i8; count];
        next.par_chunks_mut(columns).zip(back.par_chunks_mut(columns)).enumerate().for_each(
            |(row, (next, back))| {
                for column in 0..columns {
                    let mut best = (f32::MIN, 0_i8);
                    for (i, (dx, dy, cost)) in moves.iter().enumerate() {
                        let (c, r) = (column as isize + dx, row as isize + dy);
                        if c < 0 || r < 0 || c >= columns as isize || r >= rows as isize {
                            continue;
                        }
                        let sum = sums[r as usize * columns + c as usize] - cost;
                        if sum > best.0 {
                            best = (sum, i as i8);
                        }
                    }
                    next[column] = best.0 + plane.scores[row * plane.columns + column];
                    back[column] = best.1;
                }
            },
        );
        sums = next;
        from.push(back);
    }
    let mut at = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
    let mut course = vec![at; planes.len()];
    for plane in (1..planes.len()).rev() {
        let (dx, dy, _) = moves[from[plane][at] as usize];
        at = (at as isize + dy * columns as isize + dx) as usize;
        course[plane - 1] = at;
    }
    course
}

/// The middle of the dark disc around a candidate: the balance of what is not bone within 9 mm, found twice.
fn refine(grid: &Grid, z: usize, start: [usize; 2]) -> [f32; 3] {
    let pixel = grid.step_mm[0];
    let plane = grid.plane(z);
    let reach = (9.0 / pixel).ceil() as isize;
    let mut centre = [start[0] as f32, start[1] as f32];
    for _ in 0..2 {
        let (mut sum, mut x, mut y) = (1e-6_f32, 0.0, 0.0);
        let middle = centre.map(|c| c.round() as isize);
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (px, py) = (middle[0] + dx, middle[1] + dy);
                if px < 0 || py < 0 || px >= grid.size[0] as isize || py >= grid.size[1] as isize {
                    continue;
                }
                let r = (dx as f32).hypot(dy as f32) * pixel;
                let v = f32::from(plane[py as usize * grid.size[0] + px as usize]);
                let weight = (1.0 - r / 11.0).max(0.0) * within(v, [-150.0, -60.0, 100.0, 180.0]);
                sum += weight;
                x += weight * px as f32;
                y += weight * py as f32;
            }
        }
        if sum > 0.5 {
            centre = [x / sum, y / sum];
        }
    }
    [centre[0] * pixel, centre[1] * pixel, z as f32 * grid.step_mm[2]]
}
