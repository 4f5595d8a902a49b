//! Painting of solids into one axial plane with soft (partial-volume) edges.

/// A point in the phantom's own coordinates, mm: x to the left, y to the back, z to the head.
pub type Point = [f32; 3];

/// Distance that stands for "nowhere near".
const FAR: f32 = 1.0e3;

/// Where pixels lie in the plane.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    pub size: usize,
    pub pixel_mm: f32,
}

impl Grid {
    /// Position of a column or row centre; the matrix is centred on the origin.
    #[inline]
    pub fn mm(&self, index: usize) -> f32 {
        (index as f32 - (self.size as f32 - 1.0) / 2.0) * self.pixel_mm
    }

    /// Half-open index range whose centres lie in `lo..=hi`.
    fn range(&self, lo: f32, hi: f32) -> (usize, usize) {
        let half = (self.size as f32 - 1.0) / 2.0;
        let first = (lo / self.pixel_mm + half).ceil().max(0.0) as usize;
        let last = ((hi / self.pixel_mm + half).floor() + 1.0).max(0.0) as usize;
        (first.min(self.size), last.min(self.size))
    }
}

/// What a pixel belongs to, for the ground truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    Air,
    Table,
    Fat,
    Skin,
    Gland,
    Muscle,
    PectoralisLeft,
    PectoralisRight,
    Bone,
    VertebralBody,
    Disc,
    Rib,
    Cartilage,
    Lung,
    Airway,
    Vessel,
    Heart,
    Mediastinum,
    VisceralFat,
    Liver,
    Spleen,
    Stomach,
    Bowel,
    Kidney,
    Organ,
    Canal,
}

/// An axis-aligned rectangle in the plane, mm.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub x: [f32; 2],
    pub y: [f32; 2],
}

impl Bounds {
    pub fn around(x: f32, y: f32, rx: f32, ry: f32) -> Self {
        Self { x: [x - rx, x + rx], y: [y - ry, y + ry] }
    }
}

/// Signed distance (mm, negative inside) to a union of solids, on the plane's pixels.
pub struct Field {
    grid: Grid,
    distance: Vec<f32>,
    columns: (usize, usize),
    rows: (usize, usize),
}

impl Field {
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            distance: vec![FAR; grid.size * grid.size],
            columns: (grid.size, 0),
            rows: (grid.size, 0),
        }
    }

    pub fn clear(&mut self) {
        for row in self.rows.0..self.rows.1 {
            let at = row * self.grid.size;
            self.distance[at + self.columns.0..at + self.columns.1].fill(FAR);
        }
        self.columns = (self.grid.size, 0);
        self.rows = (self.grid.size, 0);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.0 >= self.rows.1
    }

    /// Rectangle that the solids added so far can reach.
    pub fn bounds(&self) -> Bounds {
        let edge = |i: usize| self.grid.mm(i);
        Bounds {
            x: [edge(self.columns.0), edge(self.columns.1.saturating_sub(1))],
            y: [edge(self.rows.0), edge(self.rows.1.saturating_sub(1))],
        }
    }

    #[inline]
    pub fn at(&self, index: usize) -> f32 {
        self.distance[index]
    }

    /// Unites with a solid; `blend_mm` > 0 rounds the seam.
    pub fn add(&mut self, bounds: Bounds, blend_mm: f32, distance: impl Fn(f32, f32) -> f32) {
        let (c0, c1) = self.grid.range(bounds.x[0], bounds.x[1]);
        let (r0, r1) = self.grid.range(bounds.y[0], bounds.y[1]);
        if c0 >= c1 || r0 >= r1 {
            return;
        }
        self.columns = (self.columns.0.min(c0), self.columns.1.max(c1));
        self.rows = (self.rows.0.min(r0), self.rows.1.max(r1));
        for row in r0..r1 {
            let y = self.grid.mm(row);
            for column in c0..c1 {
                let cell = &mut self.distance[row * self.grid.size + column];
                *cell = smooth_min(*cell, distance(self.grid.mm(column), y), blend_mm);
            }
        }
    }

    pub fn add_solids<'a>(
        &mut self,
        solids: impl IntoIterator<Item = &'a Solid>,
        z: f32,
        blend_mm: f32,
        halo_mm: f32,
    ) {
        for solid in solids {
            if let Some(bounds) = solid.bounds(z, blend_mm + halo_mm + 1.0) {
                self.add(bounds, blend_mm, |x, y| solid.distance([x, y, z]));
            }
        }
    }
}

/// The plane being painted.
pub struct Canvas {
    pub grid: Grid,
    pub hu: Vec<f32>,
    pub label: Vec<Label>,
}

impl Canvas {
    pub fn new(grid: Grid) -> Self {
        let n = grid.size * grid.size;
        Self { grid, hu: vec![-1000.0; n], label: vec![Label::Air; n] }
    }

    /// Lays `hu` over a pixel with the coverage that its distance to the edge means.
    #[inline]
    pub fn cover(&mut self, index: usize, distance: f32, hu: f32, label: Label) {
        let alpha = (0.5 - distance / self.grid.pixel_mm).clamp(0.0, 1.0);
        if alpha > 0.0 {
            self.hu[index] += alpha * (hu - self.hu[index]);
            if alpha > 0.5 {
                self.label[index] = label;
            }
        }
    }

    /// Paints where `shape(index, x, y)` is inside: it gives distance, HU.
    pub fn paint(&mut self, bounds: Bounds, label: Label, shape: impl Fn(usize, f32, f32) -> (f32, f32)) {
        let (c0, c1) = self.grid.range(bounds.x[0], bounds.x[1]);
        let (r0, r1) = self.grid.range(bounds.y[0], bounds.y[1]);
        for row in r0..r1 {
            let y = self.grid.mm(row);
            for column in c0..c1 {
                let index = row * self.grid.size + column;
                let (distance, hu) = shape(index, self.grid.mm(column), y);
                self.cover(index, distance, hu, label);
            }
        }
    }

    /// Paints a field grown by `grow_mm`; `hu` sees position and distance.
    pub fn paint_field(
        &mut self,
        field: &Field,
        grow_mm: f32,
        label: Label,
        hu: impl Fn(f32, f32, f32) -> f32,
    ) {
        for row in field.rows.0..field.rows.1 {
            let y = self.grid.mm(row);
            for column in field.columns.0..field.columns.1 {
                let index = row * self.grid.size + column;
                let distance = field.distance[index] - grow_mm;
                if distance < self.grid.pixel_mm {
                    self.cover(index, distance, hu(self.grid.mm(column), y, distance), label);
                }
            }
        }
    }
}

/// Minimum of two distances with a seam rounded over `k` mm.
#[inline]
pub fn smooth_min(a: f32, b: f32, k: f32) -> f32 {
    if k <= 0.0 {
        return a.min(b);
    }
    let h = (k - (a - b).abs()).max(0.0);
    a.min(b) - h * h / (4.0 * k)
}

/// Maximum with a rounded edge: intersection.
#[inline]
pub fn smooth_max(a: f32, b: f32, k: f32) -> f32 {
    -smooth_min(-a, -b, k)
}

/// 0 below `lo`, 1 above `hi`, smooth between.
#[inline]
pub fn smoothstep(lo: f32, hi: f32, x: f32) -> f32 {
    let t = ((x - lo) / (hi - lo)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A solid of revolution or an ellipsoid in space.
#[derive(Debug, Clone)]
pub enum Solid {
    /// Rounded cone from `a` to `b`.
    Cone { a: Point, b: Point, ra: f32, rb: f32 },
    /// Ellipsoid with its own unit axes.
    Ellipsoid { centre: Point, axes: [Point; 3], semi: [f32; 3] },
}

impl Solid {
    /// Ellipsoid whose first axis points along `along`, the second as near to +y as can be.
    pub fn ellipsoid(centre: Point, semi: [f32; 3], along: Point) -> Self {
        let first = unit(along);
        let up = if first[2].abs() > 0.9 { [0.0, 1.0, 0.0] } else { [0.0, 0.0, 1.0] };
        let second = unit(cross(up, first));
        Self::Ellipsoid { centre, axes: [first, second, cross(first, second)], semi }
    }

    /// Ellipsoid along x, y, z.
    pub fn upright(centre: Point, semi: [f32; 3]) -> Self {
        Self::Ellipsoid { centre, axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], semi }
    }

    /// Signed distance, mm (exact for equal radii, a close estimate for ellipsoids).
    #[inline]
    pub fn distance(&self, p: Point) -> f32 {
        match self {
            Self::Cone { a, b, ra, rb } => {
                let (pa, ba) = (sub(p, *a), sub(*b, *a));
                let t = (dot(pa, ba) / dot(ba, ba).max(1e-6)).clamp(0.0, 1.0);
                let d = [pa[0] - ba[0] * t, pa[1] - ba[1] * t, pa[2] - ba[2] * t];
                dot(d, d).sqrt() - (ra + (rb - ra) * t)
            }
            Self::Ellipsoid { centre, axes, semi } => {
                let q = sub(p, *centre);
                let (mut k0, mut k1) = (0.0, 0.0);
                for i in 0..3 {
                    let e = dot(q, axes[i]) / semi[i];
                    k0 += e * e;
                    k1 += (e / semi[i]) * (e / semi[i]);
                }
                let (k0, k1) = (k0.sqrt(), k1.sqrt());
                if k1 < 1e-6 { -semi[0].min(semi[1]).min(semi[2]) } else { k0 * (k0 - 1.0) / k1 }
            }
        }
    }

    /// Rectangle in the plane `z` outside of which the distance exceeds `margin`; `None` where the plane misses it.
    pub fn bounds(&self, z: f32, margin: f32) -> Option<Bounds> {
        match self {
            Self::Cone { a, b, ra, rb } => {
                let r = ra.max(*rb) + margin;
                if z < a[2].min(b[2]) - r || z > a[2].max(b[2]) + r {
                    return None;
                }
                Some(Bounds {
                    x: [a[0].min(b[0]) - r, a[0].max(b[0]) + r],
                    y: [a[1].min(b[1]) - r, a[1].max(b[1]) + r],
                })
            }
            Self::Ellipsoid { centre, axes, semi } => {
                let extent =
                    |i: usize| (0..3).map(|k| (axes[k][i] * semi[k]).powi(2)).sum::<f32>().sqrt() + margin;
                ((z - centre[2]).abs() <= extent(2))
                    .then(|| Bounds::around(centre[0], centre[1], extent(0), extent(1)))
            }
        }
    }
}

/// A tube through points with radii, as rounded cones along a Catmull–Rom curve.
pub fn tube(stations: &[(Point, f32)]) -> Vec<Solid> {
    const STEPS: usize = 5;
    let n = stations.len();
    let mut path: Vec<(Point, f32)> = Vec::with_capacity(n * STEPS);
    for i in 0..n.saturating_sub(1) {
        let p0 = stations[i.saturating_sub(1)];
        let (p1, p2) = (stations[i], stations[i + 1]);
        let p3 = stations[(i + 2).min(n - 1)];
        for s in 0..STEPS {
            let t = s as f32 / STEPS as f32;
            let point = std::array::from_fn(|k| catmull_rom(p0.0[k], p1.0[k], p2.0[k], p3.0[k], t));
            path.push((point, p1.1 + (p2.1 - p1.1) * t));
        }
    }
    if let Some(last) = stations.last() {
        path.push(*last);
    }
    path.windows(2).map(|w| Solid::Cone { a: w[0].0, b: w[1].0, ra: w[0].1, rb: w[1].1 }).collect()
}

#[inline]
fn catmull_rom(a: f32, b: f32, c: f32, d: f32, t: f32) -> f32 {
    0.5 * (2.0 * b
        + (c - a) * t
        + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
        + (3.0 * b - a - 3.0 * c + d) * t * t * t)
}

/// A smooth curve through `(position, values)` keys in ascending position, held constant outside.
pub fn keyed<const N: usize>(keys: &[(f32, [f32; N])], at: f32) -> [f32; N] {
    let n = keys.len();
    if n == 0 {
        return [0.0; N];
    }
    if at <= keys[0].0 {
        return keys[0].1;
    }
    if at >= keys[n - 1].0 {
        return keys[n - 1].1;
    }
    let i = keys.partition_point(|k| k.0 <= at) - 1;
    let span = keys[i + 1].0 - keys[i].0;
    let t = (at - keys[i].0) / span;
    // Hermite with finite-difference tangents, so that uneven key distances do not overshoot.
    std::array::from_fn(|k| {
        let slope = |j: usize| {
            let (lo, hi) = (j.saturating_sub(1), (j + 1).min(n - 1));
            (keys[hi].1[k] - keys[lo].1[k]) / (keys[hi].0 - keys[lo].0)
        };
        let (p, q) = (keys[i].1[k], keys[i + 1].1[k]);
        let (m, o) = (slope(i) * span, slope(i + 1) * span);
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * p + (t3 - 2.0 * t2 + t) * m + (3.0 * t2 - 2.0 * t3) * q + (t3 - t2) * o
    })
}

pub fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: Point) -> Point {
    let n = dot(a, a).sqrt().max(1e-9);
    a.map(|v| v / n)
}
