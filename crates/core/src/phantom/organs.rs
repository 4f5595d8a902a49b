//! Solids of the chest's and upper belly's organs, placed once for a patient.

use super::canvas::{Label, Solid, tube};
use super::patient::Patient;

/// Solids of one tissue.
pub struct Part {
    pub label: Label,
    pub hu: f32,
    pub solids: Vec<Solid>,
    /// Thickness of its wall, mm, and the wall's HU; 0 none.
    pub wall_mm: f32,
    pub wall_hu: f32,
    /// Rounding of the seams between its solids, mm.
    pub blend_mm: f32,
    /// Amplitude of the HU texture.
    pub texture_hu: f32,
    /// Fat kept clear around it, mm.
    pub halo_mm: f32,
}

fn part(label: Label, hu: f32, solids: Vec<Solid>) -> Part {
    Part { label, hu, solids, wall_mm: 0.0, wall_hu: 0.0, blend_mm: 2.0, texture_hu: 3.0, halo_mm: 3.0 }
}

/// Everything inside the rib cage that is a union of solids, in painting order.
pub struct Organs {
    /// Mediastinum; its union, grown and blended, is where lung can't be.
    pub mediastinum: Vec<Part>,
    /// Below the diaphragm.
    pub abdomen: Vec<Part>,
    pub airway: Vec<Solid>,
}

impl Organs {
    pub fn build(p: &Patient) -> Self {
        let mut mediastinum = vec![soft_parts(p), oesophagus(p)];
        mediastinum.extend(heart(p));
        mediastinum.extend(great_vessels(p));
        Self { mediastinum, abdomen: abdomen(p), airway: airway(p) }
    }
}

/// Neck muscles, thyroid, thymic remnants, nodes, crura.
fn soft_parts(p: &Patient) -> Part {
    let mut solids = Vec::new();
    for side in [-1.0_f32, 1.0] {
        let s = |x: f32, dy: f32, level: f32| p.at_spine(side * x, dy, level);
        solids.extend(tube(&[
            (s(33.0, -30.0, -1.0), 8.0),
            (s(26.0, -42.0, 0.8), 6.5),
            (s(15.0, -46.0, 2.2), 4.0),
        ]));
        solids.extend(tube(&[
            (s(9.0, -13.0, -1.0), 5.5),
            (s(9.0, -13.0, 1.0), 4.5),
            (s(8.0, -13.0, 2.6), 2.0),
        ]));
        solids.extend(tube(&[(s(27.0, -8.0, -1.0), 8.0), (s(36.0, -4.0, 1.0), 7.0)]));
        solids.extend(tube(&[
            (s(7.0, -49.0, -1.0), 4.0),
            (s(8.0, -54.0, 1.5), 3.0),
            (s(8.0, -58.0, 2.6), 2.0),
        ]));
        solids.extend(tube(&[
            (s(8.0, -21.0, 10.3), 2.5),
            (s(11.0, -18.0, 11.4), 4.8),
            (s(11.0, -16.0, 13.2), 4.6),
            (s(9.0, -15.0, 14.4), 3.0),
        ]));
    }
    for (x, dy, level, r) in
        [(-10.0, -30.0, 5.3, 3.6), (7.0, -28.0, 5.9, 4.2), (-24.0, -36.0, 4.7, 3.0), (20.0, -36.0, 5.0, 3.2)]
    {
        let c = p.at_spine(x, dy, level);
        solids.push(Solid::upright(c, [r * 1.2, r * 0.8, r]));
    }
    part(Label::Muscle, 52.0, solids)
}

fn oesophagus(p: &Patient) -> Part {
    let s = |x: f32, dy: f32, level: f32| p.at_spine(x, dy, level);
    let solids = tube(&[
        (s(3.0, -18.0, -1.0), 6.0),
        (s(5.0, -19.0, 2.0), 6.2),
        (s(4.0, -20.0, 5.0), 6.5),
        (s(2.0, -25.0, 7.0), 6.8),
        (s(5.0, -34.0, 9.0), 7.4),
        (s(14.0, -42.0, 10.3), 7.4),
        (s(26.0, -46.0, 11.0), 8.0),
    ]);
    Part { texture_hu: 10.0, ..part(Label::Organ, 44.0, solids) }
}

fn heart(p: &Patient) -> Vec<Part> {
    let k = p.heart;
    let c = p.contrast_hu;
    let at = |x: f32, y: f32, level: f32| p.at(x, y * p.depth, level + 0.25);
    let e = |centre: [f32; 3], semi: [f32; 3], along: [f32; 3]| {
        Solid::ellipsoid(centre, semi.map(|v| v * k), along)
    };
    let axis = [0.72, -0.55, -0.42];
    let myocardium = vec![
        e(at(38.0, -38.0, 8.0), [47.0, 33.0, 34.0], axis),
        e(at(2.0, -58.0, 8.0), [37.0, 23.0, 31.0], [0.75, -0.35, -0.35]),
        e(at(-34.0, -36.0, 7.7), [23.0, 26.0, 31.0], [1.0, 0.0, 0.0]),
        e(at(2.0, -12.0, 7.1), [34.0, 19.0, 22.0], [1.0, 0.1, 0.0]),
    ];
    let left = vec![e(at(37.0, -38.0, 7.95), [36.0, 21.5, 23.0], axis)];
    let right = vec![
        e(at(0.0, -59.0, 8.0), [32.0, 18.5, 26.5], [0.75, -0.35, -0.35]),
        e(at(14.0, -62.0, 6.9), [15.0, 15.0, 22.0], [1.0, 0.0, 0.0]),
        e(at(-34.0, -36.0, 7.7), [20.5, 23.5, 28.5], [1.0, 0.0, 0.0]),
    ];
    let atrium = vec![
        e(at(2.0, -12.0, 7.1), [32.0, 17.0, 20.0], [1.0, 0.1, 0.0]),
        e(at(38.0, -30.0, 6.7), [12.0, 8.0, 9.0], [0.6, -0.8, 0.2]),
    ];
    let papillary = vec![
        e(at(44.0, -30.0, 8.3), [11.0, 4.0, 4.5], axis),
        e(at(47.0, -47.0, 8.2), [11.0, 4.0, 4.5], axis),
    ];
    vec![
        Part { blend_mm: 9.0, halo_mm: 5.5, ..part(Label::Heart, 108.0, myocardium) },
        Part { blend_mm: 3.0, ..part(Label::Heart, 0.95 * c, left) },
        Part { blend_mm: 6.0, ..part(Label::Heart, 0.80 * c, right) },
        Part { blend_mm: 4.0, ..part(Label::Heart, 0.94 * c, atrium) },
        Part { halo_mm: 0.0, ..part(Label::Heart, 118.0, papillary) },
    ]
}

fn great_vessels(p: &Patient) -> Vec<Part> {
    let c = p.contrast_hu;
    let at = |x: f32, y: f32, level: f32| p.at(x, y * p.depth, level);
    let s = |x: f32, dy: f32, level: f32| p.at_spine(x, dy, level);
    let k = 0.94 + (p.age as f32 - 50.0) / 350.0;
    let scaled = |list: &[([f32; 3], f32)]| tube(&list.iter().map(|(q, r)| (*q, r * k)).collect::<Vec<_>>());
    let mut aorta = scaled(&[
        (at(4.0, -36.0, 7.35), 13.5),
        (at(-8.0, -42.0, 6.8), 16.0),
        (at(-19.0, -43.0, 5.9), 15.0),
        (at(-18.0, -38.0, 4.9), 14.6),
        (at(-6.0, -28.0, 4.15), 13.8),
        (at(12.0, -13.0, 4.05), 13.0),
        (s(25.0, -14.0, 4.7), 12.4),
        (s(26.0, -15.0, 5.7), 12.0),
        (s(23.0, -22.0, 7.2), 11.6),
        (s(17.0, -27.0, 9.0), 11.2),
        (s(8.0, -30.0, 11.0), 10.6),
        (s(4.0, -31.0, 12.5), 9.8),
        (s(3.0, -31.0, 15.0), 9.0),
    ]);
    let root = |x: f32, y: f32, level: f32| at(x, y, level);
    aorta.extend(scaled(&[
        (root(-9.0, -32.0, 4.2), 6.6),
        (root(-14.0, -32.0, 3.2), 6.2),
        (s(-20.0, -30.0, 1.7), 5.4),
    ]));
    aorta.extend(tube(&[
        (s(-20.0, -30.0, 1.8), 4.6),
        (s(-22.0, -26.0, 0.5), 3.6),
        (s(-22.0, -24.0, -1.5), 3.4),
    ]));
    aorta.extend(tube(&[
        (s(-20.0, -30.0, 1.8), 4.6),
        (s(-36.0, -22.0, 1.0), 4.2),
        (s(-58.0, -22.0, 1.4), 4.0),
    ]));
    aorta.extend(scaled(&[
        (root(2.0, -23.0, 4.1), 4.2),
        (s(14.0, -34.0, 2.6), 4.0),
        (s(22.0, -24.0, 0.5), 3.6),
        (s(22.0, -24.0, -1.5), 3.4),
    ]));
    aorta.extend(scaled(&[
        (root(12.0, -14.0, 4.0), 5.0),
        (s(24.0, -20.0, 2.6), 4.8),
        (s(30.0, -16.0, 1.4), 4.6),
        (s(58.0, -20.0, 1.3), 4.2),
    ]));
    aorta.extend(tube(&[
        (s(4.0, -38.0, 12.2), 3.6),
        (s(4.0, -54.0, 12.4), 3.2),
        (s(22.0, -60.0, 12.2), 2.6),
        (s(55.0, -38.0, 11.6), 2.4),
    ]));
    aorta.extend(tube(&[(s(3.0, -38.0, 12.9), 3.8), (s(3.0, -50.0, 13.6), 3.6), (s(2.0, -52.0, 15.0), 3.4)]));
    let mut veins = tube(&[
        (at(-27.0, -44.0, 3.4), 8.0),
        (at(-30.0, -38.0, 4.6), 9.2),
        (at(-31.0, -33.0, 6.0), 9.4),
        (at(-32.0, -32.0, 7.0), 10.5),
    ]);
    veins.extend(tube(&[
        (s(32.0, -28.0, 1.2), 6.0),
        (at(24.0, -48.0, 2.7), 6.4),
        (at(-4.0, -52.0, 3.1), 6.2),
        (at(-27.0, -44.0, 3.5), 6.6),
    ]));
    veins.extend(tube(&[
        (at(-27.0, -44.0, 3.5), 7.0),
        (s(-30.0, -34.0, 1.8), 6.6),
        (s(-30.0, -29.0, 0.4), 5.6),
        (s(-29.0, -27.0, -1.5), 5.4),
    ]));
    veins.extend(tube(&[
        (s(30.0, -30.0, 1.4), 5.4),
        (s(29.0, -27.0, 0.0), 4.6),
        (s(29.0, -26.0, -1.5), 4.4),
    ]));
    let cava = tube(&[
        (at(-30.0, -24.0, 8.3), 12.0),
        (s(-27.0, -38.0, 9.6), 12.0),
        (s(-25.0, -36.0, 11.0), 11.0),
        (s(-23.0, -33.0, 12.6), 10.5),
        (s(-20.0, -31.0, 15.0), 10.5),
    ]);
    let azygos = tube(&[
        (s(-6.0, -15.5, 13.0), 2.0),
        (s(-7.0, -18.0, 9.0), 3.2),
        (s(-8.0, -17.0, 6.2), 3.8),
        (s(-14.0, -18.0, 4.8), 4.0),
        (at(-27.0, -20.0, 4.6), 4.2),
        (at(-30.0, -34.0, 4.8), 4.6),
    ]);
    let mut pulmonary = tube(&[
        (at(17.0, -64.0, 6.7), 14.0),
        (at(24.0, -54.0, 6.0), 14.0),
        (at(27.0, -36.0, 5.6), 12.5),
        (at(38.0, -12.0, 5.6), 10.5),
        (at(47.0, 2.0, 6.0), 8.5),
        (at(50.0, 8.0, 6.9), 7.0),
    ]);
    pulmonary.extend(tube(&[
        (at(24.0, -40.0, 5.7), 11.0),
        (at(4.0, -25.0, 5.95), 10.5),
        (at(-22.0, -18.0, 6.05), 10.0),
        (at(-42.0, -12.0, 6.2), 8.8),
        (at(-52.0, -4.0, 6.9), 7.2),
    ]));
    let mut lung_veins = Vec::new();
    for side in [-1.0_f32, 1.0] {
        lung_veins.extend(tube(&[
            (at(side * 24.0, -16.0, 6.9), 7.0),
            (at(side * 42.0, -28.0, 6.5), 6.0),
            (at(side * 56.0, -36.0, 6.0), 4.4),
        ]));
        lung_veins.extend(tube(&[
            (at(side * 26.0, -6.0, 7.4), 7.0),
            (at(side * 46.0, 6.0, 7.6), 5.4),
            (at(side * 60.0, 14.0, 7.9), 4.2),
        ]));
    }
    vec![
        Part { blend_mm: 3.0, ..part(Label::Vessel, 0.62 * c, veins) },
        Part { blend_mm: 3.0, ..part(Label::Vessel, 0.60 * c, cava) },
        part(Label::Vessel, 0.66 * c, azygos),
        Part { blend_mm: 4.0, halo_mm: 1.2, ..part(Label::Vessel, 0.94 * c, pulmonary) },
        Part { blend_mm: 4.0, halo_mm: 0.8, ..part(Label::Vessel, 0.90 * c, lung_veins) },
        Part { blend_mm: 3.0, ..part(Label::Vessel, c, aorta) },
    ]
}

/// Trachea and main bronchi: their lumen.
fn airway(p: &Patient) -> Vec<Solid> {
    let s = |x: f32, dy: f32, level: f32| p.at_spine(x, dy, level);
    let at = |x: f32, y: f32, level: f32| p.at(x, y * p.depth, level);
    let mut solids = tube(&[
        (s(0.0, -33.0, -1.5), 7.8),
        (s(-1.0, -32.0, 1.0), 7.8),
        (s(-4.0, -31.0, 3.4), 7.9),
        (s(-5.0, -30.0, 5.0), 8.2),
    ]);
    solids.extend(tube(&[
        (s(-5.0, -30.0, 5.0), 7.0),
        (at(-24.0, -6.0, 5.6), 6.6),
        (at(-40.0, -1.0, 6.2), 5.6),
        (at(-47.0, 4.0, 7.0), 4.4),
        (at(-56.0, 18.0, 8.2), 2.8),
    ]));
    solids.extend(tube(&[
        (at(-32.0, -4.0, 5.8), 4.6),
        (at(-50.0, -8.0, 5.4), 3.4),
        (at(-64.0, -14.0, 4.6), 2.2),
    ]));
    solids.extend(tube(&[
        (s(-3.0, -30.0, 5.1), 6.6),
        (at(20.0, -4.0, 5.8), 5.8),
        (at(40.0, 2.0, 6.4), 5.2),
        (at(47.0, 10.0, 7.2), 4.2),
        (at(56.0, 22.0, 8.4), 2.6),
    ]));
    solids.extend(tube(&[
        (at(40.0, 1.0, 6.4), 4.2),
        (at(52.0, -12.0, 6.0), 3.2),
        (at(66.0, -22.0, 5.4), 2.1),
    ]));
    solids
}

fn abdomen(p: &Patient) -> Vec<Part> {
    let c = p.contrast_hu;
    let d = p.depth;
    // Visceral fat spreads the organs apart: they are drawn smaller where there is more of it.
    let k = 1.06 - 0.40 * p.visceral;
    let at = |x: f32, y: f32, level: f32| p.at(x, y * d, level);
    let s = |x: f32, dy: f32, level: f32| p.at_spine(x, dy, level);
    let up = |centre: [f32; 3], semi: [f32; 3]| Solid::upright(centre, semi.map(|v| v * k));
    let mut kidney = Vec::new();
    let mut sinus = Vec::new();
    let mut adrenal = Vec::new();
    for (side, level) in [(1.0_f32, 13.1), (-1.0, 13.6)] {
        let axis = [side * 0.25, 0.1, -1.0];
        kidney.push(Solid::ellipsoid(s(side * 58.0, 6.0, level), [52.0, 26.0, 24.0], axis));
        sinus.push(Solid::ellipsoid(s(side * 47.0, -1.0, level + 0.3), [27.0, 10.0, 13.0], axis));
        let x = if side > 0.0 { 31.0 } else { -36.0 };
        let tip = s(x, -24.0, level - 1.55);
        for (dx, dy) in [(6.0, 12.0), (-5.0, 13.0)] {
            adrenal.extend(tube(&[(tip, 2.6), (s(x + side * dx, -24.0 + dy, level - 1.2), 1.7)]));
        }
    }
    let ks = 1.05 - 0.12 * p.visceral;
    let spleen = vec![
        Solid::ellipsoid(at(99.0, 34.0, 11.2), [52.0 * ks, 29.0 * ks, 40.0 * ks], [0.35, -1.0, -0.15]),
        Solid::ellipsoid(at(74.0, 50.0, 11.1), [44.0 * ks, 23.0 * ks, 36.0 * ks], [1.0, 0.3, 0.0]),
    ];
    let stomach = vec![
        up(at(58.0, -14.0, 10.7), [37.0, 39.0, 33.0]),
        up(at(56.0, -50.0, 12.0), [31.0, 27.0, 36.0]),
        up(at(24.0, -62.0, 13.4), [36.0, 19.0, 19.0]),
    ];
    let colon = tube(&[
        (at(84.0, -66.0, 11.9), 15.0 * k),
        (at(100.0, -38.0, 12.0), 17.0 * k),
        (at(105.0, -8.0, 12.8), 16.0 * k),
        (at(103.0, 8.0, 15.0), 15.0 * k),
    ]);
    let pancreas = tube(&[
        (s(72.0, -30.0, 12.2), 8.0),
        (s(42.0, -46.0, 12.8), 8.5),
        (s(10.0, -58.0, 13.3), 7.5),
        (s(-18.0, -52.0, 13.8), 10.5),
        (s(-22.0, -48.0, 14.6), 12.0),
    ]);
    let portal = {
        let mut v = tube(&[
            (s(62.0, -30.0, 12.0), 3.6),
            (s(34.0, -40.0, 12.7), 4.2),
            (s(2.0, -48.0, 13.2), 5.4),
            (s(-20.0, -54.0, 12.4), 6.2),
            (s(-40.0, -52.0, 11.5), 6.0),
        ]);
        v.extend(tube(&[(s(2.0, -50.0, 13.2), 5.4), (s(-4.0, -52.0, 15.0), 5.0)]));
        v
    };
    // Jejunal loops: short bent tubes, scattered by the seed in the left and middle belly.
    let mut bowel = vec![up(at(-34.0, -58.0, 14.2), [20.0, 16.0, 24.0])];
    let mut mesentery = Vec::new();
    for n in 0..13_u64 {
        let c = |k: u64| p.chance(0x500 + n * 16 + k);
        let start = at(38.0 + 44.0 * c(0), -48.0 + 26.0 * c(1), 13.75 + 0.75 * c(2));
        let bend = [start[0] + 16.0 * c(3), start[1] + 12.0 * c(4), start[2] - 9.0 - 8.0 * c(5)];
        let end = [bend[0] + 20.0 * c(6), bend[1] + 14.0 * c(7), bend[2] - 12.0];
        let r = (9.5 + 2.0 * c(8)) * k;
        bowel.extend(tube(&[(start, r), (bend, r * 1.08), (end, r)]));
        let way = at(20.0 + 14.0 * c(9), -40.0, 14.0 + 0.4 * c(10));
        mesentery.extend(tube(&[(s(2.0, -52.0, 14.0), 2.2), (way, 1.5), (start, 0.8)]));
    }
    for n in 0..14_u64 {
        let c = |k: u64| p.chance(0x900 + n * 16 + k);
        let a = at(45.0 + 40.0 * c(0), -62.0 + 18.0 * c(1), 12.9 + 1.5 * c(2));
        let b = [a[0] + 22.0 * c(3), a[1] + 12.0 * c(4), a[2] + 16.0 * c(5)];
        let d = [b[0] + 20.0 * c(6), b[1] + 12.0 * c(7), b[2] + 14.0 * c(8)];
        mesentery.extend(tube(&[(a, 1.4), (b, 1.1), (d, 0.7)]));
    }
    vec![
        Part { blend_mm: 12.0, texture_hu: 6.0, ..part(Label::Spleen, 122.0, spleen) },
        Part {
            blend_mm: 14.0,
            wall_mm: 3.6,
            wall_hu: 72.0,
            texture_hu: 5.0,
            ..part(Label::Stomach, 14.0, stomach)
        },
        Part {
            blend_mm: 6.0,
            wall_mm: 2.2,
            wall_hu: 62.0,
            texture_hu: 60.0,
            ..part(Label::Bowel, -30.0, colon)
        },
        Part { wall_mm: 2.4, wall_hu: 84.0, texture_hu: 14.0, ..part(Label::Bowel, 24.0, bowel) },
        Part { texture_hu: 16.0, blend_mm: 5.0, ..part(Label::Organ, 96.0, pancreas) },
        Part { wall_mm: 5.5, wall_hu: 195.0, texture_hu: 10.0, ..part(Label::Kidney, 158.0, kidney) },
        Part { ..part(Label::VisceralFat, -88.0, sinus) },
        part(Label::Organ, 74.0, adrenal),
        part(Label::Vessel, 0.5 * c, mesentery),
        Part { blend_mm: 3.0, ..part(Label::Vessel, 0.66 * c, portal) },
    ]
}
