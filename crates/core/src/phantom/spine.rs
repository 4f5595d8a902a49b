//! Vertebrae, discs, canal and the necks of the ribs.

use super::canvas::{Bounds, Canvas, Field, Label, Solid, smooth_max, smoothstep};
use super::noise::texture2;
use super::patient::{Patient, Vertebra};

/// The bony parts of the column behind the bodies, and the canal.
pub struct Column {
    arches: Vec<Solid>,
    rib_necks: Vec<Solid>,
}

impl Column {
    pub fn build(patient: &Patient) -> Self {
        let vertebrae = &patient.spine.vertebrae;
        let arches = vertebrae.iter().enumerate().flat_map(|(i, v)| arch(i, v)).collect();
        let rib_necks = vertebrae
            .iter()
            .enumerate()
            .filter(|(i, _)| (1..=12).contains(i))
            .flat_map(|(_, v)| rib_neck(v))
            .collect();
        Self { arches, rib_necks }
    }
}

/// Pedicles, articular pillars, laminae, spinous and transverse processes.
fn arch(i: usize, v: &Vertebra) -> Vec<Solid> {
    let (w, d, h) = (v.half_width, v.half_depth, v.height);
    let level = i as f32;
    let lumbar = i >= 13;
    let spinous_deg: f32 =
        [18.0, 22.0, 30.0, 38.0, 46.0, 52.0, 55.0, 55.0, 52.0, 44.0, 32.0, 20.0, 12.0, 8.0, 8.0][i];
    let spinous_mm = if lumbar { 28.0 } else { 32.0 - 0.5 * level };
    let transverse_x =
        [33.0, 36.0, 34.0, 32.0, 31.0, 31.0, 30.5, 30.0, 29.5, 28.5, 27.0, 24.0, 21.0, 38.0, 42.0][i];
    let (s, c) = spinous_deg.to_radians().sin_cos();
    let cone = |a: [f32; 3], b: [f32; 3], ra, rb| Solid::Cone {
        a: v.point(a[0], a[1], a[2]),
        b: v.point(b[0], b[1], b[2]),
        ra,
        rb,
    };
    let mut parts = Vec::new();
    for side in [-1.0_f32, 1.0] {
        let x = |value: f32| side * value;
        for up in [0.12, 0.30] {
            parts.push(cone([x(w * 0.66), d - 3.0, h * up], [x(11.5), d + 10.0, h * up], 3.2, 3.4));
        }
        parts.push(cone([x(12.0), d + 11.0, h * 0.55], [x(12.5), d + 14.5, -h * 0.62], 4.2, 4.0));
        for up in [0.22, -0.05, -0.3] {
            parts.push(cone([x(11.5), d + 12.5, h * up], [x(2.0), d + 20.5, h * (up - 0.12)], 2.8, 2.8));
        }
        let (back, up) = if lumbar { (d + 12.0, h * 0.05) } else { (d + 21.0, h * 0.3) };
        parts.push(cone([x(12.0), d + 12.0, h * 0.15], [x(transverse_x - 3.0), back, up], 3.8, 3.4));
        if !lumbar {
            parts.push(cone([x(transverse_x - 3.0), back, up], [x(transverse_x), back, up], 4.3, 4.3));
        }
    }
    for drop in [0.0, 5.0, if lumbar { 10.0 } else { 7.0 }] {
        parts.push(cone(
            [0.0, d + 20.5, -h * 0.1 - drop * 0.6],
            [0.0, d + 20.5 + spinous_mm * c, -h * 0.15 - spinous_mm * s - drop],
            2.6,
            if drop > 5.5 { 3.4 } else { 2.4 },
        ));
    }
    parts
}

/// Head and neck of the rib, from the body's upper rim over the transverse process.
fn rib_neck(v: &Vertebra) -> Vec<Solid> {
    let (w, d, h) = (v.half_width, v.half_depth, v.height);
    [-1.0_f32, 1.0]
        .into_iter()
        .flat_map(|side| {
            let head = v.point(side * (w + 1.0), d * 0.55, h * 0.38);
            let neck = v.point(side * (w + 10.0), d + 11.0, h * 0.28);
            let tubercle = v.point(side * (w + 19.0), d + 17.0, h * 0.12);
            [
                Solid::Cone { a: head, b: neck, ra: 5.2, rb: 3.6 },
                Solid::Cone { a: neck, b: tubercle, ra: 3.6, rb: 4.4 },
            ]
        })
        .collect()
}

/// Outline of body or disc in the vertebra's axes, negative inside, mm.
fn cross_section(v: &Vertebra, x: f32, back: f32) -> f32 {
    // The dorsal face is flattened and slightly hollow where the canal lies.
    let depth = if back > 0.0 { v.half_depth * 0.96 } else { v.half_depth * 1.05 };
    let q = ((x / v.half_width).abs().powf(2.4) + (back / depth).abs().powf(2.4)).powf(1.0 / 2.4);
    let canal = 8.8 - (x * 0.8).hypot(back - v.half_depth - 7.2);
    smooth_max((q - 1.0) * v.half_depth.min(v.half_width), canal, 2.0)
}

/// Distance to a vertebral body: waisted, with rounded rims.
fn body_distance(v: &Vertebra, p: [f32; 3]) -> f32 {
    let [x, back, up] = v.local(p);
    let rim = (up / (v.height / 2.0)).abs().min(1.0);
    let waist = 1.5 * (1.0 - rim * rim);
    // End plates are hollow by a millimetre in the middle.
    let r = (x / v.half_width).hypot(back / v.half_depth).min(1.0);
    let end = up.abs() - (v.height / 2.0 - 1.0 * (1.0 - r * r));
    smooth_max(cross_section(v, x, back) + waist, end, 1.6)
}

fn body_bounds(v: &Vertebra) -> Bounds {
    Bounds::around(v.centre[0], v.centre[1], v.half_width + 4.0, v.half_depth + 12.0)
}

fn near(v: &Vertebra, z: f32) -> bool {
    (z - v.centre[2]).abs() < v.height / 2.0 + v.disc + 8.0
}

/// Paints column, canal and rib necks of the plane `z`.
pub fn paint(canvas: &mut Canvas, field: &mut Field, patient: &Patient, column: &Column, z: f32) {
    let seed = patient.seed;
    let vertebrae = &patient.spine.vertebrae;
    for pair in vertebrae.windows(2).filter(|p| near(&p[0], z) || near(&p[1], z)) {
        paint_disc(canvas, &pair[0], &pair[1], z);
    }
    field.clear();
    for v in vertebrae.iter().filter(|v| near(v, z)) {
        field.add(body_bounds(v), 0.0, |x, y| body_distance(v, [x, y, z]));
    }
    canvas.paint_field(field, 0.0, Label::VertebralBody, |x, y, d| {
        let trabeculae =
            38.0 * texture2(seed ^ 0x71, [x, y, z * 0.6], 1.9) + 22.0 * texture2(seed ^ 0x72, [x, y, z], 7.0);
        bone(d, patient.marrow_hu + trabeculae, 560.0, 1.1)
    });
    field.clear();
    field.add_solids(&column.arches, z, 2.5, 0.0);
    field.add_solids(&column.rib_necks, z, 1.0, 0.0);
    canvas.paint_field(field, 0.0, Label::Bone, |x, y, d| {
        bone(d, patient.marrow_hu + 60.0 + 60.0 * texture2(seed ^ 0x73, [x, y, z], 2.2), 760.0, 1.3)
    });
    paint_canal(canvas, patient, z);
}

/// Shell and marrow by depth below the surface.
#[inline]
pub fn bone(distance: f32, marrow_hu: f32, cortex_hu: f32, cortex_mm: f32) -> f32 {
    marrow_hu + (cortex_hu - marrow_hu) * smoothstep(-cortex_mm - 0.8, -cortex_mm, distance)
}

fn paint_disc(canvas: &mut Canvas, above: &Vertebra, below: &Vertebra, z: f32) {
    let middle = Vertebra {
        centre: above.point(0.0, 0.0, -(above.height + above.disc) / 2.0),
        tilt: ((above.tilt.0 + below.tilt.0) / 2.0, (above.tilt.1 + below.tilt.1) / 2.0),
        height: above.disc + 2.4,
        half_width: (above.half_width + below.half_width) / 2.0,
        half_depth: (above.half_depth + below.half_depth) / 2.0,
        disc: 0.0,
    };
    canvas.paint(body_bounds(&middle), Label::Disc, |_, x, y| {
        let [lx, back, up] = middle.local([x, y, z]);
        let d = cross_section(&middle, lx, back).max(up.abs() - middle.height / 2.0);
        (d, 82.0 + 12.0 * smoothstep(-6.0, -1.0, d))
    });
}

fn paint_canal(canvas: &mut Canvas, patient: &Patient, z: f32) {
    let level = patient.spine.level(z).clamp(0.0, 13.99);
    let i = level as usize;
    let t = level - i as f32;
    let (a, b) = (&patient.spine.vertebrae[i], &patient.spine.vertebrae[i + 1]);
    let depth = a.half_depth + (b.half_depth - a.half_depth) * t;
    let centre = patient.spine.centre(level);
    // In the plane, the canal lies behind the body along the tilted axis.
    let (cx, cy) = (centre[0], centre[1] + (depth + 8.6) / (a.tilt.1 + (b.tilt.1 - a.tilt.1) * t));
    let wide = 1.0 + 0.16 * smoothstep(10.0, 14.0, level) + 0.2 * smoothstep(2.0, 0.0, level);
    canvas.paint(Bounds::around(cx, cy, 14.0, 12.0), Label::Canal, |_, x, y| {
        let ring = |rx: f32, ry: f32| (((x - cx) / rx).hypot((y - cy) / ry) - 1.0) * ry;
        let outer = ring(8.6 * wide, 7.9);
        let sac = ring(7.2 * wide, 6.7);
        let cord = ring(4.4 * wide, 3.5);
        let fluid = -70.0 + 86.0 * smoothstep(0.5, -0.6, sac);
        (outer, fluid + 26.0 * smoothstep(0.5, -0.5, cord))
    });
}
