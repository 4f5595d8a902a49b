//! Vessels of the lungs: a branching tree grown from each hilum towards points spread through the lung.

use super::canvas::{Point, Solid, dot, sub};
use super::contour::{self, centre_y};
use super::patient::Patient;

/// Leaves of one side's tree.
const LEAVES: usize = 750;

/// Vessels of both lungs as cones.
pub fn vessels(patient: &Patient) -> Vec<Solid> {
    let mut solids = Vec::new();
    for (tree, side) in [(0_u64, -1.0_f32), (1, 1.0)] {
        let hilum = patient.at(side * 52.0, 0.0, 6.4);
        let leaves = spread(patient, tree, side, hilum);
        solids.extend(grow(patient, tree, hilum, &leaves));
    }
    solids
}

/// Points through one lung, nearest to the hilum first.
fn spread(patient: &Patient, tree: u64, side: f32, hilum: Point) -> Vec<Point> {
    let mut points = Vec::with_capacity(LEAVES);
    let mut draw = 0_u64;
    while points.len() < LEAVES && draw < 40_000 {
        let c = |k: u64| patient.chance(0x1000_0000 + tree * 0x100_0000 + draw * 4 + k);
        let level = 6.9 + 5.4 * c(0);
        let angle = side * (std::f32::consts::FRAC_PI_2 * (1.0 + c(1)));
        let depth = (0.5 + 0.5 * c(2)).sqrt() * 0.985;
        draw += 1;
        let r = contour::cage_radius(patient, level, angle) * depth;
        let p = [angle.sin() * r, centre_y(level) - angle.cos() * r, patient.spine.z(level)];
        if p[0] * side > 26.0 {
            points.push(p);
        }
    }
    let far = |p: &Point| {
        let d = sub(*p, hilum);
        dot(d, d)
    };
    points.sort_by(|a, b| far(a).total_cmp(&far(b)));
    points
}

struct Node {
    at: Point,
    parent: usize,
    /// Distance from the hilum along the tree, mm.
    path: f32,
}

/// Joins each point to the tree where that keeps its way from the hilum short, then gives radii by Murray's law.
fn grow(patient: &Patient, tree: u64, hilum: Point, leaves: &[Point]) -> Vec<Solid> {
    let mut nodes = vec![Node { at: hilum, parent: 0, path: 0.0 }];
    for (n, leaf) in leaves.iter().enumerate() {
        let cost = |node: &Node| {
            let d = sub(*leaf, node.at);
            dot(d, d).sqrt() + 0.45 * node.path
        };
        let Some(parent) = (0..nodes.len()).min_by(|a, b| cost(&nodes[*a]).total_cmp(&cost(&nodes[*b])))
        else {
            continue;
        };
        let from = nodes[parent].at;
        let way = sub(*leaf, from);
        let length = dot(way, way).sqrt();
        // Two bends, so that branches curve.
        let mut last = parent;
        for step in 1..=3 {
            let t = step as f32 / 3.0;
            let bend = |k: u64| {
                0.10 * length
                    * patient.chance(0x2000_0000 + tree * 0x100_0000 + n as u64 * 8 + k)
                    * (1.0 - (2.0 * t - 1.0).powi(2))
            };
            let at = [
                from[0] + way[0] * t + bend(0),
                from[1] + way[1] * t + bend(1),
                from[2] + way[2] * t + bend(2),
            ];
            nodes.push(Node { at, parent: last, path: nodes[last].path + length / 3.0 });
            last = nodes.len() - 1;
        }
    }
    let mut flow = vec![0.0_f32; nodes.len()];
    let mut children = vec![0_u32; nodes.len()];
    nodes.iter().skip(1).for_each(|n| children[n.parent] += 1);
    for i in (1..nodes.len()).rev() {
        if children[i] == 0 {
            flow[i] += 1.0;
        }
        flow[nodes[i].parent] += flow[i];
    }
    // Exponent 2.7 and a terminal radius of 0.7 mm give 7–8 mm at the hilum.
    let radius = |f: f32| 0.70 * f.max(1.0).powf(1.0 / 2.7);
    (1..nodes.len())
        .map(|i| {
            let n = &nodes[i];
            let start = radius(flow[n.parent]).min(radius(flow[i]) * 1.25);
            Solid::Cone {
                a: nodes[n.parent].at,
                b: n.at,
                ra: start,
                rb: radius(flow[i]) * if children[i] == 0 { 0.6 } else { 1.0 },
            }
        })
        .collect()
}
