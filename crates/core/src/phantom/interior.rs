//! What the rib cage encloses: lungs, mediastinum, diaphragm and the organs below.

use rayon::prelude::*;

use super::canvas::{Bounds, Field, Grid, Label, Solid, smooth_max, smoothstep};
use super::frame::{Frame, fat_hu};
use super::noise::{texture, texture2};
use super::organs::{Organs, Part};
use super::patient::Patient;

/// Thickness of the diaphragm, mm.
const DIAPHRAGM_MM: f32 = 3.0;

/// Height of the diaphragm above a point of the transverse plane, mm.
pub fn diaphragm_z(patient: &Patient, x: f32, y: f32) -> f32 {
    let right = patient.spine.z(9.35 + 0.25 * patient.chance(60));
    let left = right - 11.0 - 4.0 * patient.chance(61);
    let share = smoothstep(-25.0, 30.0, x);
    let peak = right + (left - right) * share;
    let half_width = 128.0 * patient.width;
    let (front, back) = (-99.0 * patient.depth, 73.0);
    let widest = -8.0;
    let reach = if y < widest { widest - front } else { back - widest };
    let u = (x.abs() / half_width).powf(2.3);
    let v = ((y - widest).abs() / reach).powf(2.3);
    let rho = (u + v).powf(1.0 / 2.3);
    // It falls less in front than at the flanks and behind.
    let backness = smoothstep(-60.0, 45.0, y);
    let fall = 46.0 + 34.0 * backness;
    let t = ((rho - 0.30) / 0.70).max(0.0);
    let saddle = 9.0 * (-(x / 30.0).powi(2)).exp() * (1.0 - t.min(1.0));
    let wave = 1.5 * texture(patient.seed ^ 0x61, [x, y, 0.0], 40.0);
    peak - fall * (0.25 * t + 0.75 * t.powf(2.6)) - saddle + wave - 0.14 * (y + 40.0).max(-40.0)
}

/// Height of the diaphragm and the cosine of its slant, by pixel.
pub fn diaphragm(patient: &Patient, grid: Grid) -> Vec<[f32; 2]> {
    (0..grid.size * grid.size)
        .into_par_iter()
        .map(|i| {
            let (x, y) = (grid.mm(i % grid.size), grid.mm(i / grid.size));
            let h = diaphragm_z(patient, x, y);
            let (dx, dy) = (diaphragm_z(patient, x + 1.0, y) - h, diaphragm_z(patient, x, y + 1.0) - h);
            [h, 1.0 / (1.0 + dx * dx + dy * dy).sqrt()]
        })
        .collect()
}

/// Planes' constant inner anatomy.
pub struct Interior {
    pub organs: Organs,
    pub lung_vessels: Vec<Solid>,
    /// See [`diaphragm`].
    pub diaphragm: Vec<[f32; 2]>,
}

/// Paints lungs, mediastinum, diaphragm, belly.
pub fn paint(frame: &mut Frame, interior: &Interior) {
    let dome = dome_distances(frame, interior);
    let inside = cage_distances(frame);
    let media = mediastinum_field(frame, &interior.organs);
    paint_cavity(frame, &dome, &inside, &media);
    paint_lungs(frame, interior, &dome, &inside, &media);
    paint_belly(frame, interior, &dome, &inside);
    for part in &interior.organs.mediastinum {
        paint_part(frame, part, None);
    }
    paint_airway(frame, interior);
}

/// Distance to the diaphragm along its normal by pixel, positive above it; far where the plane can't meet it.
fn dome_distances(frame: &Frame, interior: &Interior) -> Vec<f32> {
    if frame.level < 8.4 {
        return vec![100.0; frame.polar.len()];
    }
    interior.diaphragm.iter().map(|[height, cosine]| (frame.z - height) * cosine).collect()
}

/// Distance to the inner face of the wall by pixel, negative inside.
fn cage_distances(frame: &Frame) -> Vec<f32> {
    frame.polar.iter().map(|p| frame.outlines.cage_distance(*p)).collect()
}

/// Fat first: what is left of it between the organs is mediastinal above and visceral below.
fn paint_cavity(frame: &mut Frame, dome: &[f32], inside: &[f32], media: &Field) {
    let (seed, z) = (frame.patient.seed, frame.z);
    let body = frame.body;
    let chest = frame.level > 1.2;
    frame.canvas.paint(body, Label::Mediastinum, |i, x, y| {
        // Where lung will cover it, or outside, the texture need not be worked out.
        let hidden = inside[i] > 2.0 || (chest && dome[i] > 3.0 && media.at(i) > 8.0);
        (inside[i], if hidden { -100.0 } else { fat_hu(seed, x, y, z) + 8.0 })
    });
    if frame.level > 8.4 {
        let retro = frame.patient.spine.centre(frame.level);
        let behind = 9.0;
        frame.canvas.paint(body, Label::VisceralFat, |i, x, y| {
            // Beside the vertebral column the belly's hindmost fat belongs to the retroperitoneum too.
            let limit = (y - retro[1] - behind).min(30.0 - (x - retro[0]).abs());
            let d = smooth_max(inside[i] + 1.6, dome[i] + DIAPHRAGM_MM, 1.0).max(limit);
            (d, if d > 2.0 { -100.0 } else { fat_hu(seed, x, y, z) + 2.0 })
        });
        frame.canvas.paint(body, Label::Muscle, |i, x, y| {
            let sheet = dome[i].max(-DIAPHRAGM_MM - dome[i]).max(inside[i]);
            (sheet, if sheet > 2.0 { 0.0 } else { 52.0 + 6.0 * texture(seed ^ 0x62, [x, y, z], 4.0) })
        });
    }
}

/// Distances to the mediastinum with the fat that belongs to it.
fn mediastinum_field(frame: &Frame, organs: &Organs) -> Field {
    let grid = frame.canvas.grid;
    let mut field = Field::new(grid);
    let z = frame.z;
    for part in &organs.mediastinum {
        for solid in &part.solids {
            if let Some(bounds) = solid.bounds(z, 16.0 + part.halo_mm) {
                let blend = if part.halo_mm < 2.0 { 3.0 } else { 9.0 };
                field.add(bounds, blend, |x, y| solid.distance([x, y, z]) - part.halo_mm + 2.0);
            }
        }
    }
    field.add_solids(&organs.airway, z, 3.0, 8.0);
    let c = frame.patient.spine.centre(frame.level);
    let v = &frame.patient.spine.vertebrae[(frame.level.round().clamp(0.0, 14.0)) as usize];
    let (rx, ry) = (v.half_width + 1.5, v.half_depth + 1.0);
    field.add(Bounds::around(c[0], c[1], rx + 18.0, ry + 18.0), 7.0, |x, y| {
        (((x - c[0]) / rx).hypot((y - c[1]) / ry) - 1.0) * rx.min(ry)
    });
    // Behind the body the paravertebral soft tissue widens to the necks of the ribs.
    field.add(Bounds { x: [c[0] - 50.0, c[0] + 50.0], y: [c[1], c[1] + 70.0] }, 6.0, |x, y| {
        let half = v.half_width + 1.0 + 0.9 * (y - c[1] - v.half_depth * 0.8).max(0.0);
        ((x - c[0]).abs() - half).max(c[1] + 4.0 - y)
    });
    let front = frame.outlines.centre_y - frame.outlines.cage.radius(0.0);
    let fat = 0.4 + 0.8 * frame.patient.visceral;
    // Retrosternal fat, a wedge that narrows to the anterior junction line.
    let low = smoothstep(8.0, 9.2, frame.level);
    let wide = 12.0
        * fat
        * (1.0 + 1.2 * smoothstep(4.2, 2.6, frame.level) + 1.4 * smoothstep(7.0, 9.0, frame.level));
    let shift = 4.0 + 8.0 * smoothstep(6.5, 8.5, frame.level);
    field.add(Bounds { x: [-60.0, 70.0], y: [front - 5.0, front + 70.0] }, 9.0, |x, y| {
        let t = ((y - front) / 60.0).clamp(0.0, 1.0);
        ((x - shift * t + 5.0 * texture(frame.patient.seed ^ 0x6d, [x, y, frame.z], 22.0)).abs()
            - (2.0 + wide * (1.0 - t).powi(2) + 10.0 * t * t * (1.0 - low) - 14.0 * low * t))
            .max(y - front - 56.0)
    });
    // Pulmonary ligament and inferior mediastinum above the diaphragm.
    if frame.level > 8.5 {
        let rim = smoothstep(8.5, 10.0, frame.level);
        field.add(Bounds { x: [-46.0, 52.0], y: [c[1] - 62.0, c[1] + 8.0] }, 8.0, |x, y| {
            smooth_max(((x - 4.0) * 0.9).abs() - 11.0 - 5.0 * rim, (c[1] - 54.0 - y).max(y - c[1] + 4.0), 8.0)
        });
    }
    field
}

fn paint_lungs(frame: &mut Frame, interior: &Interior, dome: &[f32], inside: &[f32], media: &Field) {
    let (seed, z, level) = (frame.patient.seed, frame.z, frame.level);
    if level < 0.55 {
        return;
    }
    let apex = frame.patient.spine.z(0.75) - z;
    let lung: Vec<f32> = (0..inside.len())
        .map(|i| {
            if inside[i] > 3.0 {
                return 9.0;
            }
            let lateral = inside[i] + 0.4;
            lateral.max(-dome[i]).max(2.2 - media.at(i)).max(-apex * 0.6)
        })
        .collect();
    let body = frame.body;
    frame.canvas.paint(body, Label::Lung, |i, x, y| {
        if lung[i] > 2.0 {
            return (9.0, 0.0);
        }
        let gravity = 26.0 * smoothstep(-60.0, 70.0, y);
        let n = 14.0 * texture2(seed ^ 0x63, [x, y, z], 2.6) + 16.0 * texture2(seed ^ 0x64, [x, y, z], 13.0);
        (lung[i], -872.0 + gravity + n)
    });
    let Frame { canvas, field, .. } = frame;
    field.clear();
    field.add_solids(&interior.lung_vessels, z, 0.6, 0.0);
    let half = canvas.grid.pixel_mm / 2.0;
    for (i, lung) in lung.iter().enumerate() {
        // Vessels end below the pleura.
        let d = field.at(i).max(lung + 0.2);
        if d < half {
            let hu = 0.72 * frame.patient.contrast_hu;
            canvas.cover(i, d, hu, Label::Vessel);
        }
    }
    paint_fissures(frame, &lung);
}

/// Oblique fissures: faint lines from high behind to low in front.
fn paint_fissures(frame: &mut Frame, lung: &[f32]) {
    let (z, patient) = (frame.z, frame.patient);
    let (high, low) = (patient.spine.z(4.0), patient.spine.z(9.6));
    let canvas = &mut frame.canvas;
    let grid = canvas.grid;
    for (i, d) in lung.iter().enumerate() {
        if *d > -0.5 {
            continue;
        }
        let (x, y) = (grid.mm(i % grid.size), grid.mm(i / grid.size));
        let t = (y + 75.0) / 135.0;
        let bow = 12.0 * (x.abs() / 110.0).powi(2);
        let sheet = low + (high - low) * t - bow + 5.0 * texture(patient.seed ^ 0x65, [x, y, 0.0], 45.0);
        let distance = (z - sheet).abs() * 0.62;
        if distance < 1.2 {
            canvas.hu[i] += 75.0 * (1.0 - distance / 1.2);
        }
    }
}

/// Paints a part with its wall and texture; `clip` limits it (distance by pixel).
fn paint_part(frame: &mut Frame, part: &Part, clip: Option<&[f32]>) {
    let (seed, z) = (frame.patient.seed, frame.z);
    let Frame { canvas, field, .. } = frame;
    field.clear();
    field.add_solids(&part.solids, z, part.blend_mm, 1.0);
    if field.is_empty() {
        return;
    }
    let wave = if part.halo_mm > 5.0 || part.texture_hu > 4.0 { 1.3 } else { 0.5 };
    let bounds = field.bounds();
    canvas.paint(bounds, part.label, |i, x, y| {
        let raw = field.at(i);
        if raw > 6.0 {
            return (9.0, 0.0);
        }
        let mut d = raw + wave * texture(seed ^ 0x66, [x, y, z], 16.0);
        if let Some(clip) = clip {
            d = smooth_max(d, clip[i], 6.0);
        }
        let n = texture2(seed ^ 0x67, [x, y, z], 6.0);
        let mut hu = part.hu + part.texture_hu * n;
        if part.wall_mm > 0.0 {
            hu = part.wall_hu + (hu - part.wall_hu) * smoothstep(-part.wall_mm + 0.6, -part.wall_mm - 0.6, d);
        }
        (d, hu)
    });
}

fn paint_belly(frame: &mut Frame, interior: &Interior, dome: &[f32], inside: &[f32]) {
    if frame.level < 8.4 {
        return;
    }
    let patient = frame.patient;
    let gap = 0.5 + 15.0 * patient.visceral;
    let cavity: Vec<f32> =
        (0..inside.len()).map(|i| smooth_max(inside[i] + 3.2, dome[i] + DIAPHRAGM_MM + 0.6, 6.0)).collect();
    paint_psoas(frame);
    paint_liver(frame, &cavity);
    let inset: Vec<f32> = cavity.iter().map(|d| d + gap * 0.6).collect();
    for part in &interior.organs.abdomen {
        // The spleen lies on the diaphragm however much fat there is.
        let room = if part.label == Label::Spleen { &cavity } else { &inset };
        paint_part(frame, part, Some(room));
        if matches!(part.label, Label::Stomach | Label::Bowel) {
            paint_gas(frame, part, &inset);
        }
    }
}

fn paint_psoas(frame: &mut Frame) {
    let grow = smoothstep(12.4, 14.0, frame.level);
    if grow <= 0.0 {
        return;
    }
    let c = frame.patient.spine.centre(frame.level);
    let (seed, z) = (frame.patient.seed, frame.z);
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (c[0] + side * (24.0 + 4.0 * grow), c[1] + 6.0);
        let (rx, ry) = (4.0 + 8.0 * grow, 5.0 + 10.0 * grow);
        frame.canvas.paint(Bounds::around(cx, cy, rx + 2.0, ry + 2.0), Label::Muscle, |_, x, y| {
            let d = (((x - cx) / rx).hypot((y - cy) / ry) - 1.0) * rx;
            (d, 56.0 + 7.0 * texture2(seed ^ 0x31, [x, y, z * 0.5], 5.0))
        });
        let (qx, qy) = (c[0] + side * 50.0, c[1] + 30.0);
        frame.canvas.paint(Bounds::around(qx, qy, 20.0, 10.0), Label::Muscle, |_, x, y| {
            let d = (((x - qx) / (16.0 * grow).max(0.5)).hypot((y - qy) / (6.0 * grow).max(0.5)) - 1.0) * 6.0;
            (d, 54.0 + 7.0 * texture2(seed ^ 0x31, [x, y, z * 0.5], 5.0))
        });
    }
}

/// The liver fills the right dome and reaches over the midline; portal and hepatic veins run in it.
fn paint_liver(frame: &mut Frame, cavity: &[f32]) {
    let (patient, z) = (frame.patient, frame.z);
    let seed = patient.seed;
    let k = 1.03 - 0.20 * patient.visceral;
    let right = Solid::upright(patient.at(-72.0, -4.0, 11.4), [74.0 * k, 92.0 * k, 88.0]);
    let left =
        Solid::ellipsoid(patient.at(4.0, -52.0, 10.7), [78.0 * k, 40.0 * k, 36.0 * k], [1.0, -0.12, 0.25]);
    let caudate = Solid::upright(patient.at(-18.0, -16.0, 11.3), [20.0, 15.0, 28.0]);
    let c = patient.spine.centre(frame.level);
    let bare = Solid::upright([c[0] - 8.0, c[1] + 4.0, c[2]], [30.0, 24.0, 60.0]);
    let low = patient.spine.z(14.9);
    let portal = 0.66 * patient.contrast_hu;
    let vein = |a: [f32; 3], b: [f32; 3], ra: f32, rb: f32| Solid::Cone { a, b, ra, rb };
    let at = |x: f32, y: f32, level: f32| patient.at(x, y, level);
    let hilum = at(-38.0, -16.0, 11.5);
    let cava = at(-28.0, -2.0, 9.9);
    let branches = [
        vein(hilum, at(-66.0, -12.0, 11.3), 5.6, 4.6),
        vein(at(-66.0, -12.0, 11.3), at(-96.0, 16.0, 11.8), 4.2, 2.0),
        vein(at(-66.0, -12.0, 11.3), at(-98.0, -40.0, 10.9), 4.0, 1.8),
        vein(at(-66.0, -12.0, 11.3), at(-90.0, -2.0, 13.4), 3.4, 1.6),
        vein(hilum, at(-22.0, -44.0, 11.0), 4.8, 4.0),
        vein(at(-22.0, -44.0, 11.0), at(14.0, -56.0, 10.6), 3.6, 1.8),
        vein(at(-22.0, -44.0, 11.0), at(-40.0, -70.0, 11.6), 3.2, 1.6),
        vein(cava, at(-66.0, 6.0, 10.4), 5.6, 4.2),
        vein(at(-66.0, 6.0, 10.4), at(-104.0, 22.0, 11.2), 4.0, 1.8),
        vein(cava, at(-52.0, -42.0, 10.3), 5.2, 3.8),
        vein(at(-52.0, -42.0, 10.3), at(-70.0, -74.0, 10.9), 3.6, 1.6),
        vein(cava, at(2.0, -48.0, 10.1), 4.6, 2.0),
    ];
    let gallbladder = Solid::ellipsoid(at(-44.0, -58.0, 13.4), [31.0, 14.0, 15.0], [-0.1, -0.6, -1.0]);
    frame.canvas.paint(frame.body, Label::Liver, |i, x, y| {
        if cavity[i] > 2.0 {
            return (9.0, 0.0);
        }
        let p = [x, y, z];
        let mut d = super::canvas::smooth_min(right.distance(p), left.distance(p), 22.0);
        d = super::canvas::smooth_min(d, caudate.distance(p), 10.0);
        d += 2.2 * texture2(seed ^ 0x68, p, 26.0);
        // The visceral face slants up to the left; the falciform fissure is cut into the front.
        let under = (low + 0.32 * (x + 90.0) + 0.25 * (y - 20.0) - z) * 0.9;
        let fissure = 3.2
            - ((x + 4.0 + 0.2 * (y + 60.0)).abs()
                + ((-58.0 - y) * -0.35).max(0.0)
                + smoothstep(11.2, 10.2, frame.level) * 4.0);
        d = smooth_max(d, under, 14.0);
        d = smooth_max(d, 2.0 - bare.distance(p), 6.0);
        d = smooth_max(d, cavity[i], 8.0).max(fissure).max(1.5 - gallbladder.distance(p));
        if d > 2.0 {
            return (9.0, 0.0);
        }
        let mut hu = 111.0 + 5.0 * texture2(seed ^ 0x69, p, 7.0);
        let vessels = branches.iter().map(|b| b.distance(p)).fold(9.0_f32, f32::min)
            + 0.5 * texture(seed ^ 0x6a, p, 9.0);
        hu += (portal - hu) * smoothstep(0.6, -0.8, vessels);
        (d, hu)
    });
    if let Some(bounds) = gallbladder.bounds(z, 3.0) {
        frame.canvas.paint(bounds, Label::Organ, |i, x, y| {
            let d = gallbladder.distance([x, y, z]);
            (d.max(cavity[i]), 10.0 + 50.0 * smoothstep(-1.8, -0.8, d))
        });
    }
}

/// Gas rises to the front of a hollow organ and ends in a level.
fn paint_gas(frame: &mut Frame, part: &Part, clip: &[f32]) {
    let (patient, z) = (frame.patient, frame.z);
    let stomach = part.label == Label::Stomach;
    if !stomach && part.blend_mm < 3.0 {
        return;
    }
    let seed = patient.seed;
    let surface = patient.depth * -52.0 + 5.0 * patient.chance(70);
    let Frame { canvas, field, .. } = frame;
    let bounds = field.bounds();
    canvas.paint(bounds, part.label, |i, x, y| {
        let wall = field.at(i).max(clip[i]) + part.wall_mm;
        if wall > 2.0 {
            return (9.0, 0.0);
        }
        let free = if stomach {
            y - surface
        } else {
            // Stool fills the colon in clumps.
            2.5 + 13.0 * texture2(seed ^ 0x6b, [x, y, z], 13.0)
        };
        (wall.max(free), -960.0)
    });
}

fn paint_airway(frame: &mut Frame, interior: &Interior) {
    let z = frame.z;
    let Frame { canvas, field, .. } = frame;
    field.clear();
    field.add_solids(&interior.organs.airway, z, 3.0, 3.0);
    canvas.paint_field(field, 1.5, Label::Airway, |_, _, _| 38.0);
    canvas.paint_field(field, 0.0, Label::Airway, |_, _, _| -985.0);
    if (0.0..9.5).contains(&frame.level) {
        // A little swallowed air.
        let c = frame.patient.at_spine(4.0, -19.0 - 14.0 * smoothstep(5.5, 9.0, frame.level), frame.level);
        let r = 2.4 * texture(frame.patient.seed ^ 0x6c, [0.0, 0.0, z], 14.0);
        if r > 0.2 {
            canvas.paint(Bounds::around(c[0], c[1], 5.0, 5.0), Label::Organ, |_, x, y| {
                ((x - c[0]).hypot((y - c[1]) * 1.6) - r, -700.0)
            });
        }
    }
}
