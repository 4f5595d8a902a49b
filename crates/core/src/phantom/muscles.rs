//! Muscles of the trunk's wall and the fat between them.

use std::f32::consts::PI;
use std::rc::Rc;

use super::canvas::{Bounds, Label, keyed, smoothstep};
use super::frame::{Frame, fat_hu};
use super::noise::texture2;
use super::wall::WALL_MM;

/// Muscles of back, shoulder and belly wall as one marbled mass with fat planes, outside the ribs.
pub fn paint_back(frame: &mut Frame) {
    let (patient, level) = (frame.patient, frame.level);
    let outlines = Rc::clone(&frame.outlines);
    // From this angle backwards the space outside the ribs is muscle.
    let edge = keyed(
        &[
            (-0.5, [0.95]),
            (1.0, [1.05]),
            (2.5, [1.42]),
            (4.0, [1.55]),
            (6.0, [1.62]),
            (8.0, [1.45]),
            (10.0, [1.3]),
            (12.0, [0.9]),
            (13.0, [0.0]),
        ],
        level,
    )[0];
    let marbling = keyed(&[(0.0, [1.5]), (4.0, [1.1]), (9.0, [0.8]), (14.0, [0.6])], level)[0];
    frame.band(
        [edge - 0.3, PI],
        |_| Label::Muscle,
        marbling,
        |angle| {
            let a = angle.abs();
            let cage = outlines.cage.radius(angle) + WALL_MM - 1.0;
            let shape = smoothstep(edge - 0.28, edge + 0.1, a);
            let outer = outlines.muscle.radius(angle);
            // In front of its edge the mass thins out upon the ribs.
            let thin = (outer - cage) * (1.0 - shape);
            (cage + thin * 0.15, outer - thin * 0.85)
        },
    );
    let seed = patient.seed;
    let z = frame.z;
    let depth = |cage: f32, muscle: f32, part: f32| cage + WALL_MM + (muscle - cage - WALL_MM) * part;
    // Fat planes: under trapezius and latissimus, and between scapular muscles and chest wall.
    for (part, from, to, thickness) in [(0.70, 1.5, 3.0, 1.3), (0.16, 1.45, 2.45, 1.6)] {
        let Frame { canvas, polar, body, .. } = frame;
        canvas.paint(*body, Label::Fat, |i, x, y| {
            let p = polar[i];
            let a = p.angle.abs();
            if a < from || a > to {
                return (9.0, 0.0);
            }
            let (cage, muscle) = (outlines.cage.radius(p.angle), outlines.muscle.radius(p.angle));
            if p.radius < cage || p.radius > muscle {
                return (9.0, 0.0);
            }
            let n = texture2(seed ^ 0x35, [x, y, z * 0.4], 38.0);
            let space = muscle - cage - WALL_MM;
            let r = depth(cage, muscle, part) + (0.22 * space).min(7.0) * n;
            let fade =
                smoothstep(from, from + 0.2, a) * smoothstep(to, to - 0.2, a) * smoothstep(5.0, 11.0, space);
            ((p.radius - r).abs() - thickness * fade * (0.55 + 1.1 * n), fat_hu(seed, x, y, z))
        });
    }
    paint_shoulder_fat(frame);
    paint_erectors(frame);
}

/// Fat between the muscles of neck and shoulder.
fn paint_shoulder_fat(frame: &mut Frame) {
    let amount = smoothstep(3.4, 0.6, frame.level);
    if amount <= 0.0 {
        return;
    }
    let (seed, z) = (frame.patient.seed, frame.z);
    let Frame { canvas, outlines, polar, body, .. } = frame;
    canvas.paint(*body, Label::Fat, |i, x, y| {
        let depth = outlines.muscle.distance(polar[i]) + 9.0;
        if depth > 2.0 || outlines.cage.distance(polar[i]) < -2.0 {
            return (9.0, 0.0);
        }
        let n = texture2(seed ^ 0x39, [x, y * 1.5, z * 0.7], 27.0);
        // More of it in front of the trapezius than behind.
        let d = (0.50 - 0.26 * amount - 0.10 * smoothstep(30.0, -20.0, y) - n) * 22.0;
        (d.max(depth), fat_hu(seed, x, y, z))
    });
}

fn paint_erectors(frame: &mut Frame) {
    let centre = frame.patient.spine.centre(frame.level);
    let level = frame.level;
    let [x, dy, rx, ry] = keyed(
        &[
            (0.0, [20.0, 44.0, 18.0, 14.0]),
            (4.0, [22.0, 44.0, 17.0, 11.0]),
            (8.0, [24.0, 50.0, 19.0, 11.0]),
            (11.0, [26.0, 52.0, 22.0, 14.0]),
            (14.0, [30.0, 54.0, 26.0, 19.0]),
        ],
        level,
    );
    let k = 0.75 + 0.25 * frame.patient.muscle;
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (centre[0] + side * x, centre[1] + dy);
        for (grow, muscle) in [(1.4, false), (0.0, true)] {
            let (rx, ry) = (rx * k + grow, ry * k + grow);
            let (seed, z) = (frame.patient.seed, frame.z);
            let bounds = Bounds::around(cx, cy, rx + 2.0, ry + 2.0);
            let shape = |x: f32, y: f32| {
                let n = 1.2 * texture2(seed ^ 0x36, [x, y, z * 0.4], 11.0);
                (((x - cx) / rx).hypot((y - cy) / ry) - 1.0) * ry + n
            };
            let marbling = 0.9 + 0.5 * smoothstep(45.0, 75.0, frame.patient.age as f32);
            let paint: Vec<(usize, f32, f32)> = collect(frame, bounds, &shape, muscle, marbling);
            let label = if muscle { Label::Muscle } else { Label::Fat };
            for (i, d, hu) in paint {
                frame.canvas.cover(i, d, hu, label);
            }
        }
    }
}

/// Pixels inside a shape that lie within the musculature, with muscle or fat values.
fn collect(
    frame: &Frame,
    bounds: Bounds,
    shape: &dyn Fn(f32, f32) -> f32,
    muscle: bool,
    marbling: f32,
) -> Vec<(usize, f32, f32)> {
    let grid = frame.canvas.grid;
    let mut out = Vec::new();
    for index in 0..grid.size * grid.size {
        let (x, y) = (grid.mm(index % grid.size), grid.mm(index / grid.size));
        if x < bounds.x[0] || x > bounds.x[1] || y < bounds.y[0] || y > bounds.y[1] {
            continue;
        }
        let inside = frame.outlines.muscle.distance(frame.polar[index]) + 2.0;
        let d = shape(x, y).max(inside);
        if d < grid.pixel_mm {
            out.push((index, d, if muscle { frame.muscle_hu(x, y, marbling) } else { frame.fat_hu(x, y) }));
        }
    }
    out
}

/// Pectorales, serratus, latissimus, rectus.
pub fn paint_chest_muscles(frame: &mut Frame) {
    let (patient, level) = (frame.patient, frame.level);
    let outlines = Rc::clone(&frame.outlines);
    let bulk = patient.muscle;
    let chest = |angle: f32| outlines.cage.radius(angle) + WALL_MM;
    let side = |angle: f32| if angle > 0.0 { Label::PectoralisLeft } else { Label::PectoralisRight };
    if (2.6..10.0).contains(&level) {
        let t = 7.0 * bulk * smoothstep(2.6, 4.0, level) * smoothstep(10.0, 8.5, level);
        frame.band(
            [1.05, 2.35],
            |_| Label::Muscle,
            0.7,
            |angle| {
                let a = angle.abs();
                let digit = 1.0 + 0.35 * (a * 26.0 + level * 5.0).sin();
                let t = t * smoothstep(1.05, 1.4, a) * smoothstep(2.35, 1.9, a) * digit;
                let inner = chest(angle) + 0.8;
                (inner, (inner + t).min(outlines.muscle.radius(angle) - 0.5))
            },
        );
    }
    if (4.0..14.9).contains(&level) {
        let [from, t] = keyed(
            &[
                (4.0, [1.5, 15.0]),
                (5.5, [1.42, 14.0]),
                (8.0, [1.55, 9.0]),
                (11.0, [1.75, 6.5]),
                (14.0, [2.0, 6.0]),
            ],
            level,
        );
        frame.band(
            [from, 2.75],
            |_| Label::Muscle,
            0.6,
            |angle| {
                let a = angle.abs();
                let t = t * bulk * smoothstep(from, from + 0.25, a) * smoothstep(2.75, 2.3, a);
                let outer = outlines.muscle.radius(angle) - 0.5;
                ((outer - t).max(chest(angle) + 0.5), outer)
            },
        );
    }
    if level > 8.8 {
        let t = 8.5 * bulk * smoothstep(8.8, 10.0, level);
        frame.band(
            [0.06, 0.62],
            |_| Label::Muscle,
            0.5,
            |angle| {
                let a = angle.abs();
                let t = t * smoothstep(0.06, 0.13, a) * smoothstep(0.62, 0.5, a);
                let outer = outlines.muscle.radius(angle) - 0.5;
                (outer - t, outer)
            },
        );
    }
    // Pectoralis minor: ribs 3–5 to the coracoid.
    let [from, to, t] = keyed(
        &[
            (1.3, [1.05, 1.35, 0.0]),
            (1.9, [0.95, 1.4, 7.0]),
            (3.0, [0.8, 1.38, 8.5]),
            (4.0, [0.68, 1.3, 8.5]),
            (5.2, [0.62, 1.1, 6.0]),
            (6.0, [0.6, 0.9, 0.0]),
        ],
        level,
    );
    let major = keyed(
        &[
            (0.9, [0.60, 1.0, 0.0]),
            (1.5, [0.42, 1.12, 8.0]),
            (2.5, [0.30, 1.42, 11.5]),
            (3.5, [0.27, 1.50, 12.5]),
            (4.5, [0.26, 1.46, 12.0]),
            (5.5, [0.28, 1.28, 10.0]),
            (6.5, [0.34, 1.05, 6.5]),
            (7.4, [0.45, 0.8, 0.0]),
        ],
        level,
    );
    let thickness = |a: f32, [from, to, t]: [f32; 3]| {
        let u = ((a - from) / (to - from)).clamp(0.0, 1.0);
        1.4 * t * bulk * (0.62 + 0.5 * u) * smoothstep(0.0, 0.2, u) * smoothstep(1.0, 0.74, u)
    };
    let surface = |angle: f32| {
        let a = angle.abs();
        // Medially the muscle lies on the ribs, laterally it spans to the arm.
        let free = outlines.muscle.radius(angle) - 1.0;
        let lie = chest(angle) + 3.0 + thickness(a, major) + thickness(a, [from, to, t]) * 1.2;
        let lift = smoothstep(0.75, 1.45, a) * 0.75 + 0.12;
        free * lift + lie.min(free) * (1.0 - lift)
    };
    frame.band([from, to], side, 0.35, |angle| {
        let a = angle.abs();
        let outer = surface(angle) - thickness(a, major) - 2.4;
        let inner = outer - thickness(a, [from, to, t]);
        let base = chest(angle) + 1.0;
        let shift = (base - inner).max(0.0);
        (inner + shift, outer + shift.min(0.0))
    });
    frame.band([major[0], major[1]], side, 0.45, |angle| {
        let outer = surface(angle);
        (outer - thickness(angle.abs(), major), outer)
    });
}

/// The layer between the ribs, with extrapleural fat.
pub fn paint_intercostals(frame: &mut Frame) {
    let (patient, level) = (frame.patient, frame.level);
    let outlines = Rc::clone(&frame.outlines);
    let seed = patient.seed;
    let z = frame.z;
    let lumbar = smoothstep(12.4, 13.2, level);
    let fade = smoothstep(0.9, 1.6, level);
    let hus = frame.muscle_layer();
    frame.canvas.paint(frame.body, Label::Muscle, |i, x, y| {
        let p = frame.polar[i];
        let d = outlines.cage_distance(p);
        if !(-1.0..WALL_MM + 2.0).contains(&d) || fade <= 0.0 {
            return (9.0, 0.0);
        }
        let n = texture2(seed ^ 0x37, [x, y, z * 0.5], 10.0);
        let outside = d - (WALL_MM - 1.6 + 2.2 * lumbar + 0.8 * n);
        let inside = 1.2 + 0.5 * n - d;
        // Three sheets with thin fat between them.
        let sheet = ((d * (0.62 + 0.1 * n)).fract() - 0.5).abs();
        let fat = smoothstep(0.12, 0.0, sheet) * (0.45 + 0.35 * n);
        (outside.max(inside), hus(x, y) - 90.0 * fat.max(0.0))
    });
}

impl Frame<'_> {
    /// Muscle values as a function free of the frame.
    fn muscle_layer(&self) -> impl Fn(f32, f32) -> f32 + use<> {
        let (seed, z) = (self.patient.seed, self.z);
        move |x, y| 50.0 + 8.0 * texture2(seed ^ 0x31, [x, y * 1.3, z * 0.45], 5.0)
    }
}
