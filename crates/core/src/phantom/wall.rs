//! The wall of the trunk: skin, fat, breasts, ribs, sternum, shoulder girdle, and the table below.

use std::f32::consts::PI;

use super::canvas::{Bounds, Label, Solid, keyed, smoothstep, tube};
use super::contour::{self, breast_thickness, centre_y};
use super::frame::{Frame, fat_hu};
use super::muscles;
use super::noise::{texture, texture2};
use super::patient::Patient;
use super::spine::bone;

const RIB_SAMPLES: usize = 256;
/// Depth of the layer of ribs and intercostal muscles, mm.
pub const WALL_MM: f32 = 9.2;
/// Radius of the ribs' middle above the pleura, mm.
const RIB_MIDDLE_MM: f32 = 4.7;

/// Where one rib runs: height by angle from the front, with its cartilage.
pub struct Rib {
    /// Number from 1.
    pub number: usize,
    /// Angle from the front where it leaves the vertebra, where bone ends, where cartilage ends.
    pub from: f32,
    pub bone_end: f32,
    pub end: f32,
    /// z by angle 0…π.
    z: Vec<f32>,
    /// Half of its height, mm.
    half_height: f32,
}

impl Rib {
    fn build(patient: &Patient, number: usize) -> Self {
        const DROP: [f32; 12] = [27.0, 44.0, 57.0, 66.0, 74.0, 80.0, 84.0, 84.0, 80.0, 70.0, 50.0, 28.0];
        const FROM: [f32; 12] = [0.95, 0.66, 0.54, 0.48, 0.46, 0.44, 0.43, 0.42, 0.42, 0.42, 0.44, 0.46];
        const BONE_END: [f32; 12] = [0.62, 0.55, 0.55, 0.58, 0.62, 0.68, 0.78, 0.92, 1.06, 1.22, 1.75, 2.3];
        const END: [f32; 12] = [0.3, 0.24, 0.22, 0.20, 0.18, 0.16, 0.14, 0.26, 0.40, 0.60, 1.68, 2.25];
        // Level at which the cartilage reaches the sternum or the arch.
        const MEETS: [f32; 12] = [2.9, 4.45, 5.5, 6.35, 7.1, 7.8, 8.4, 9.2, 10.0, 10.9, 13.2, 13.2];
        let i = number - 1;
        let drop = DROP[i] * patient.length * (1.0 + 0.05 * patient.chance(40 + number as u64));
        let (from, bone_end, end) = (PI - FROM[i], BONE_END[i], END[i]);
        let top = patient.spine.z(number as f32) + 2.5;
        let meets = patient.spine.z(MEETS[i]);
        let z = (0..=RIB_SAMPLES)
            .map(|s| {
                let a = s as f32 / RIB_SAMPLES as f32 * PI;
                let u = ((from - a) / (from - bone_end)).clamp(-0.3, 1.0);
                let bony = top - drop * (0.82 * u + 0.18 * u * u * u.signum());
                let v = ((bone_end - a) / (bone_end - end).max(0.05)).clamp(0.0, 1.2);
                bony + (meets - (top - drop)) * if number <= 10 { smoothstep(-0.1, 1.1, v) } else { 0.0 }
            })
            .collect();
        let half_height =
            [5.0, 5.4, 5.8, 6.2, 6.4, 6.5, 6.6, 6.5, 6.3, 6.0, 5.6, 4.8][i] * (0.5 + 0.5 * patient.length);
        Self { number, from, bone_end, end, z, half_height }
    }

    /// Height at an angle from the front (0…π) and its slope, mm per radian.
    #[inline]
    fn height(&self, a: f32) -> (f32, f32) {
        let at = (a / PI * RIB_SAMPLES as f32).clamp(0.0, RIB_SAMPLES as f32 - 0.001);
        let i = at as usize;
        let step = self.z[i + 1] - self.z[i];
        (self.z[i] + step * (at - i as f32), step * RIB_SAMPLES as f32 / PI)
    }

    /// Where the bony rib is at an angle from the front, mm.
    pub fn z_mm(&self, a: f32) -> f32 {
        self.height(a).0
    }

    /// The rib's middle at an angle from the front on one side (−1 right, 1 left), mm.
    pub fn point(&self, patient: &Patient, side: f32, a: f32) -> [f32; 3] {
        let z = self.z_mm(a);
        let level = patient.spine.level(z);
        let r = contour::cage_radius(patient, level, side * a) + RIB_MIDDLE_MM;
        [side * a.sin() * r, centre_y(level) - a.cos() * r, z]
    }
}

/// What of the wall is the same for all planes.
pub struct Wall {
    pub ribs: Vec<Rib>,
    girdle: Vec<Solid>,
    humeri: Vec<Solid>,
    rib_roots: Vec<Solid>,
    shoulder_vessels: Vec<Solid>,
    table_y: f32,
}

impl Wall {
    pub fn build(patient: &Patient) -> Self {
        let ribs: Vec<Rib> = (1..=12).map(|n| Rib::build(patient, n)).collect();
        let rib_roots = ribs.iter().flat_map(|r| rib_root(patient, r)).collect();
        let mut girdle = Vec::new();
        let mut humeri = Vec::new();
        let mut shoulder_vessels = Vec::new();
        for side in [-1.0_f32, 1.0] {
            let at = |x: f32, y: f32, level: f32| patient.at(side * x, y, level);
            let front = contour::cage_radius(patient, 2.6, 0.0) - centre_y(2.6);
            let lift = 0.25 * patient.chance(if side > 0.0 { 30 } else { 31 });
            girdle.extend(tube(&[
                (at(15.0, -front - 4.0, 2.55 + lift), 8.5),
                (at(36.0, -front - 8.0, 2.1 + lift), 6.2),
                (at(66.0, -38.0, 1.4 + lift), 5.4),
                (at(98.0, -8.0, 0.75 + lift), 5.6),
                (at(128.0, 14.0, 0.25 + lift), 6.0),
            ]));
            girdle.extend(tube(&[
                (at(82.0, 84.0, 3.9), 2.6),
                (at(104.0, 82.0, 3.0), 3.4),
                (at(128.0, 64.0, 1.9), 4.5),
                (at(140.0, 40.0, 0.9), 5.5),
                (at(136.0, 18.0, 0.3), 6.0),
            ]));
            girdle.extend(tube(&[
                (at(114.0, 24.0, 1.9), 8.0),
                (at(108.0, 0.0, 1.1), 6.0),
                (at(110.0, -16.0, 1.6), 5.0),
            ]));
            girdle.extend(tube(&[(at(115.0, 28.0, 1.5), 8.0), (at(116.0, 30.0, 2.7), 7.0)]));
            humeri.push(Solid::upright(at(135.0, 14.0, 1.35), [20.5, 21.0, 22.0]));
            humeri.extend(tube(&[
                (at(138.0, 10.0, 1.0), 17.0),
                (at(146.0, 2.0, -0.3), 12.5),
                (at(152.0, -6.0, -1.6), 11.0),
            ]));
            shoulder_vessels.extend(tube(&[
                (at(30.0, -26.0, 1.3), 5.0),
                (at(62.0, -24.0, 1.4), 4.6),
                (at(100.0, -14.0, 2.2), 4.2),
                (at(126.0, -16.0, 1.5), 3.6),
                (at(142.0, -20.0, -0.5), 3.2),
            ]));
            shoulder_vessels.extend(tube(&[
                (at(104.0, -18.0, 2.6), 2.4),
                (at(118.0, 6.0, 4.2), 2.0),
                (at(131.0, 20.0, 5.5), 1.4),
            ]));
        }
        let back = (0..=28)
            .map(|i| {
                let level = i as f32 / 2.0;
                let o = contour::Outlines::at(patient, level);
                o.centre_y + o.skin.radius(PI - 0.3) * 0.3_f32.cos()
            })
            .fold(0.0, f32::max);
        Self { ribs, girdle, humeri, rib_roots, shoulder_vessels, table_y: back + 2.0 }
    }
}

/// Joins the tubercle to the rib's course along the cage.
fn rib_root(patient: &Patient, rib: &Rib) -> Vec<Solid> {
    let v = &patient.spine.vertebrae[rib.number];
    let mut solids = Vec::new();
    for side in [-1.0_f32, 1.0] {
        let tubercle = v.point(side * (v.half_width + 19.0), v.half_depth + 17.0, v.height * 0.12);
        let (a, b) = (rib.point(patient, side, rib.from), rib.point(patient, side, rib.from - 0.16));
        let middle = std::array::from_fn(|k| (tubercle[k] + a[k]) / 2.0);
        solids.extend(tube(&[(tubercle, 4.2), (middle, 4.0), (a, 3.9), (b, 3.6)]));
    }
    solids
}

/// Table, skin, fat, glands and muscles: everything that lies outside the ribs.
pub fn paint_soft(frame: &mut Frame, wall: &Wall) {
    paint_table(frame, wall);
    paint_skin_and_fat(frame);
    muscles::paint_back(frame);
    muscles::paint_chest_muscles(frame);
    muscles::paint_intercostals(frame);
}

fn paint_table(frame: &mut Frame, wall: &Wall) {
    let top = wall.table_y;
    let half = 208.0;
    frame.canvas.paint(Bounds { x: [-half, half], y: [top - 60.0, top + 40.0] }, Label::Table, |_, x, y| {
        let u = x / half;
        let upper = top - 34.0 * u * u;
        let lower = top + 26.0 - 62.0 * u.abs().powf(2.4);
        let d = (upper - y).max(y - lower);
        let shell = -d;
        (d, if shell < 1.8 { 330.0 } else { -958.0 })
    });
}

fn paint_skin_and_fat(frame: &mut Frame) {
    let (seed, z, level, patient) = (frame.patient.seed, frame.z, frame.level, frame.patient);
    let Frame { canvas, outlines, polar, body, .. } = frame;
    let skin = |i: usize, x: f32, y: f32| {
        let d = outlines.skin.distance(polar[i]);
        if d.abs() > 4.0 { d } else { d + 0.4 * texture(seed ^ 0x20, [x, y, z], 17.0) }
    };
    canvas.paint(*body, Label::Fat, |i, x, y| {
        let d = skin(i, x, y);
        // What the cage encloses is painted later.
        let hidden = d > 2.0 || outlines.cage.distance(polar[i]) < -4.0;
        (d, if hidden { -105.0 } else { fat_hu(seed, x, y, z) })
    });
    canvas.paint(*body, Label::Skin, |i, x, y| {
        let d = skin(i, x, y);
        (d.max(-1.7 - d), 28.0)
    });
    if !(3.5..10.0).contains(&level) {
        return;
    }
    // Fibroglandular tissue: a disc behind the nipple with fingers of fat.
    canvas.paint(*body, Label::Gland, |i, x, y| {
        let p = polar[i];
        if p.radius < outlines.muscle.radius(p.angle) || p.radius > outlines.skin.radius(p.angle) {
            return (9.0, 0.0);
        }
        let breast = breast_thickness(patient, level, p.angle);
        if breast < 6.0 {
            return (9.0, 0.0);
        }
        let height = p.radius - outlines.muscle.radius(p.angle);
        let cover = outlines.skin.radius(p.angle) - p.radius;
        let n = texture2(seed ^ 0x24, [x, y, z * 0.8], 9.0);
        let cone = (breast / patient.breast_mm - 0.62 + 0.3 * patient.gland) * 18.0;
        let d = -(cone.min(height - 4.0).min(cover - 4.5)) + 9.0 * n + 4.5 - 5.0 * patient.gland;
        (d * 0.6, 28.0 + 14.0 * n)
    });
}

/// Ribs, cartilage, sternum, clavicles, scapulae, humeri.
pub fn paint_bones(frame: &mut Frame, wall: &Wall) {
    paint_girdle(frame, wall);
    paint_ribs(frame, wall);
    paint_sternum(frame);
}

fn paint_ribs(frame: &mut Frame, wall: &Wall) {
    let (seed, z) = (frame.patient.seed, frame.z);
    let Frame { canvas, field, outlines, polar, body, patient, .. } = frame;
    let marrow = patient.marrow_hu;
    let age_calcium = ((patient.age as f32 - 45.0) / 40.0).clamp(0.0, 0.6);
    let near: Vec<&Rib> = wall.ribs.iter().filter(|r| r.z.iter().any(|h| (h - z).abs() < 14.0)).collect();
    let mut cover = |label: Label, cartilage: bool| {
        canvas.paint(*body, label, |i, x, y| {
            let p = polar[i];
            let u = outlines.cage.distance(p) - RIB_MIDDLE_MM;
            if !(-8.0..8.0).contains(&u) {
                return (9.0, 0.0);
            }
            let a = p.angle.abs();
            let mut best = 9.0_f32;
            for rib in &near {
                let (lo, hi) = if cartilage { (rib.end, rib.bone_end) } else { (rib.bone_end, rib.from) };
                let (h, slope) = rib.height(a);
                // Across the rib in the wall's surface.
                let v = (z - h) / (1.0 + (slope / p.radius.max(20.0)).powi(2)).sqrt();
                let half = if cartilage { rib.half_height + 0.6 } else { rib.half_height };
                let q = ((u / 3.6).abs().powf(2.4) + (v / half).abs().powf(2.4)).powf(1.0 / 2.4);
                let along = (a - hi).max(lo - a) * p.radius;
                best = best.min(((q - 1.0) * 3.6).max(along));
            }
            let n = texture2(seed ^ 0x41, [x, y, z], 3.0);
            if cartilage {
                let calcium =
                    smoothstep(-1.6, -0.3, best) * smoothstep(0.35, 0.6, n + age_calcium * 0.8 - 0.15);
                (best, 98.0 + 10.0 * n + 330.0 * calcium)
            } else {
                (best, bone(best, marrow + 40.0 * n, 850.0, 0.9))
            }
        });
    };
    cover(Label::Cartilage, true);
    cover(Label::Rib, false);
    field.clear();
    field.add_solids(&wall.rib_roots, z, 1.0, 0.0);
    canvas.paint_field(field, 0.0, Label::Rib, |x, y, d| {
        bone(d, marrow + 40.0 * texture(seed ^ 0x41, [x, y, z], 3.0), 800.0, 1.0)
    });
}

fn paint_sternum(frame: &mut Frame) {
    let (patient, level, z) = (frame.patient, frame.level, frame.z);
    let keys = [
        (2.45, [0.0, 7.0]),
        (2.7, [22.0, 7.5]),
        (3.2, [33.0, 7.5]),
        (3.9, [28.0, 6.8]),
        (4.45, [18.0, 5.6]),
        (4.7, [17.0, 5.8]),
        (6.0, [17.0, 5.6]),
        (7.5, [19.0, 5.4]),
        (8.3, [14.0, 4.8]),
        (9.2, [7.0, 3.2]),
        (9.6, [0.0, 2.5]),
    ];
    if !(2.45..9.6).contains(&level) {
        return;
    }
    let [half_width, half_depth] = keyed(&keys, level);
    let half_width = half_width * patient.width;
    let front = frame.outlines.cage.radius(0.0);
    let cy = frame.outlines.centre_y - front - 6.0;
    // The joint of manubrium and body, a dark cleft at the angle of Louis.
    let joint = (level - 4.45).abs() * 20.0;
    let seed = patient.seed;
    let marrow = patient.marrow_hu - 40.0;
    frame.canvas.paint(Bounds::around(0.0, cy, half_width + 3.0, 14.0), Label::Bone, |_, x, y| {
        let bow = 0.0035 * x * x;
        let q = ((x / half_width.max(0.5)).abs().powf(3.4) + ((y - cy - bow) / half_depth).abs().powf(3.0))
            .powf(1.0 / 3.2);
        let d = (q - 1.0) * half_depth;
        let n = texture2(seed ^ 0x42, [x, y, z], 2.6);
        let value = bone(d, marrow + 45.0 * n, 520.0, 1.0);
        (d, if joint < 1.6 { 120.0 + (value - 120.0) * joint / 1.6 } else { value })
    });
}

fn paint_girdle(frame: &mut Frame, wall: &Wall) {
    let (patient, level, z) = (frame.patient, frame.level, frame.z);
    let (seed, marrow) = (patient.seed, patient.marrow_hu);
    let contrast = patient.contrast_hu;
    let Frame { canvas, field, .. } = frame;
    field.clear();
    field.add_solids(&wall.shoulder_vessels, z, 0.0, 3.0);
    canvas.paint_field(field, 2.5, Label::Fat, |x, y, _| fat_hu(seed, x, y, z));
    canvas.paint_field(field, 0.0, Label::Vessel, |_, _, _| 0.62 * contrast);
    field.clear();
    // Scapular blade: a thin plate between its lateral and medial borders.
    if (1.6..8.2).contains(&level) {
        let [lx, ly, mx, my] = keyed(
            &[
                (1.6, [116.0, 26.0, 100.0, 54.0]),
                (2.4, [118.0, 28.0, 84.0, 74.0]),
                (4.0, [127.0, 38.0, 74.0, 82.0]),
                (6.0, [127.0, 58.0, 84.0, 88.0]),
                (7.4, [121.0, 72.0, 98.0, 88.0]),
                (8.2, [112.0, 80.0, 106.0, 84.0]),
            ],
            level,
        );
        let ends = smoothstep(8.2, 7.6, level);
        for side in [-1.0_f32, 1.0] {
            let place = |t: f32| {
                // Slightly hollow towards the ribs.
                let bow = 0.2 * (lx - mx).hypot(ly - my) * t * (1.0 - t);
                let [dx, dy] = if side > 0.0 { [32, 33] } else { [34, 35] }.map(|k| 3.5 * patient.chance(k));
                [
                    side * ((lx + (mx - lx) * t + bow * 0.5) * patient.width + dx),
                    ly + (my - ly) * t + bow + dy,
                ]
            };
            for s in 0..10 {
                let (t0, t1) = (s as f32 / 10.0, (s as f32 + 1.0) / 10.0);
                let radius =
                    |t: f32| (1.5 + 3.6 * smoothstep(0.3, 0.0, t) + 1.2 * smoothstep(0.8, 1.0, t)) * ends;
                let (a, b) = (place(t0), place(t1));
                let solid = Solid::Cone {
                    a: [a[0], a[1], 0.0],
                    b: [b[0], b[1], 0.0],
                    ra: radius(t0),
                    rb: radius(t1),
                };
                if let Some(bounds) = solid.bounds(0.0, 2.0) {
                    field_add(field, bounds, &solid);
                }
            }
        }
    }
    let mut bones = |solids: &[Solid], cortex_mm: f32, spongy: f32| {
        field.add_solids(solids, z, 3.0, 0.0);
        canvas.paint_field(field, 0.0, Label::Bone, |x, y, d| {
            bone(d, spongy + 45.0 * texture2(seed ^ 0x43, [x, y, z], 2.8), 820.0, cortex_mm)
        });
        field.clear();
    };
    // The blade already in the field unites with the rest of the scapula.
    bones(&wall.girdle, 1.4, marrow + 40.0);
    bones(&wall.humeri, 1.6, marrow - 20.0);
}

fn field_add(field: &mut super::canvas::Field, bounds: Bounds, solid: &Solid) {
    field.add(bounds, 0.5, |x, y| solid.distance([x, y, 0.0]));
}
