//! Which small copies of pictures lie near which, without comparing every one with every other: a vantage-point tree
//! (Yianilos, SODA 1993) over their lowest spatial frequencies, whose distance is never more than that of the copies.

use std::f32::consts::PI;

use super::pictures::{SMALL, distance};

/// Frequencies across and down that are kept: most of what tells two bodies apart.
const WAVES: usize = 6;
type Signature = [f32; WAVES * WAVES];
/// What rounding may add to a signature's distance.
const ROUNDING: f64 = 1.0 - 1e-4;

/// Small copies, found by nearness.
pub(super) struct Nearest<'a> {
    copies: Vec<&'a [f32]>,
    signatures: Vec<Signature>,
    nodes: Vec<Node>,
}

/// A copy; the others below it lie `inside` its radius or `outside`.
struct Node {
    copy: usize,
    radius: f64,
    inside: Option<usize>,
    outside: Option<usize>,
}

impl<'a> Nearest<'a> {
    pub fn new(copies: Vec<&'a [f32]>) -> Self {
        let signatures: Vec<Signature> = copies.iter().map(|copy| signature(copy)).collect();
        let mut tree = Self { copies, signatures, nodes: Vec::new() };
        let mut order: Vec<usize> = (0..tree.copies.len()).collect();
        tree.grow(&mut order);
        tree
    }

    /// Makes a tree of these copies; halves at the median, so that it is never deeper than log₂ n.
    fn grow(&mut self, copies: &mut [usize]) -> Option<usize> {
        let (first, others) = copies.split_first_mut()?;
        let place = self.nodes.len();
        self.nodes.push(Node { copy: *first, radius: 0.0, inside: None, outside: None });
        if others.is_empty() {
            return Some(place);
        }
        let from = &self.signatures[*first];
        let mut far: Vec<(f64, usize)> =
            others.iter().map(|c| (apart(from, &self.signatures[*c]), *c)).collect();
        let half = far.len() / 2;
        far.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0));
        self.nodes[place].radius = far[half].0;
        others.iter_mut().zip(&far).for_each(|(other, (_, copy))| *other = *copy);
        let (near, far) = others.split_at_mut(half);
        let inside = self.grow(near);
        let outside = self.grow(far);
        (self.nodes[place].inside, self.nodes[place].outside) = (inside, outside);
        Some(place)
    }

    /// Calls `on` with every copy whose signature is within `limit`; what it returns is the limit from then on.
    fn visit(&self, from: &Signature, limit: f64, on: &mut dyn FnMut(usize) -> f64) {
        let mut limit = limit;
        if !self.nodes.is_empty() {
            self.descend(0, from, &mut limit, on);
        }
    }

    fn descend(&self, place: usize, from: &Signature, limit: &mut f64, on: &mut dyn FnMut(usize) -> f64) {
        let node = &self.nodes[place];
        let d = apart(from, &self.signatures[node.copy]);
        if d * ROUNDING <= *limit {
            *limit = on(node.copy);
        }
        let sides = [node.inside, node.outside];
        let first = usize::from(d > node.radius);
        for side in [first, 1 - first] {
            let gap = if side == 0 { d - node.radius } else { node.radius - d };
            if let Some(below) = sides[side]
                && gap * ROUNDING <= *limit
            {
                self.descend(below, from, limit, on);
            }
        }
    }

    /// The `count` copies nearest to copy `i`, nearest first, with their distance.
    pub fn nearest(&self, i: usize, count: usize) -> Vec<(f64, usize)> {
        let mut best: Vec<(f64, usize)> = Vec::with_capacity(count + 1);
        self.visit(&self.signatures[i], f64::INFINITY, &mut |j| {
            if j != i {
                let found = (distance(self.copies[i], self.copies[j]), j);
                let place = best.partition_point(|b| b.0.total_cmp(&found.0).then(b.1.cmp(&found.1)).is_lt());
                best.insert(place, found);
                best.truncate(count);
            }
            if best.len() < count { f64::INFINITY } else { best[count - 1].0 }
        });
        best
    }

    /// The copies from number `first` on that lie within `radius` of one that need not be among them: number and
    /// distance, in their order; no more than `most`.
    pub fn within(&self, copy: &[f32], first: usize, radius: f64, most: usize) -> Vec<(usize, f64)> {
        let mut found = Vec::new();
        self.visit(&signature(copy), radius, &mut |j| {
            if j >= first {
                let d = distance(copy, self.copies[j]);
                if d <= radius {
                    found.push((j, d));
                }
            }
            if found.len() < most { radius } else { f64::NEG_INFINITY }
        });
        found.sort_by_key(|(j, _)| *j);
        found
    }
}

fn apart(a: &Signature, b: &Signature) -> f64 {
    f64::from(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()).sqrt()
}

/// The lowest frequencies of a copy (orthonormal DCT-II), in the unit of [`distance`].
fn signature(copy: &[f32]) -> Signature {
    let side = SMALL as f32;
    let wave = |u: usize, x: usize| {
        let height = if u == 0 { (1.0 / side).sqrt() } else { (2.0 / side).sqrt() };
        height * (PI * (x as f32 + 0.5) * u as f32 / side).cos()
    };
    let mut across = [[0f32; WAVES]; SMALL];
    let waves: [[f32; SMALL]; WAVES] = std::array::from_fn(|u| std::array::from_fn(|x| wave(u, x)));
    for (row, sums) in copy.chunks_exact(SMALL).zip(&mut across) {
        for (sum, wave) in sums.iter_mut().zip(&waves) {
            *sum = row.iter().zip(wave).map(|(v, w)| v * w).sum();
        }
    }
    // The root mean square over all fields, as `distance` has it.
    std::array::from_fn(|i| {
        let (u, v) = (i % WAVES, i / WAVES);
        across.iter().zip(&waves[v]).map(|(sums, w)| sums[u] * w).sum::<f32>() / side
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Smooth pictures of a few waves, some nearly the same, some exactly.
    fn copies(n: usize) -> Vec<Vec<f32>> {
        (0..n)
            .map(|i| {
                let seed = if i % 7 == 3 { i - 1 } else { i } as f32;
                let field = |place: usize| {
                    let (x, y) = ((place % SMALL) as f32, (place / SMALL) as f32);
                    (0..5)
                        .map(|k| {
                            let k = k as f32 + 1.0;
                            let phase = (seed * 0.618 * k).fract() * 2.0 * PI;
                            40.0 / k * (x * k * 0.06 + phase).sin() * (y * k * 0.05 - phase).cos()
                        })
                        .sum::<f32>()
                        + if i % 14 == 3 { 0.01 * x } else { 0.0 }
                };
                (0..SMALL * SMALL).map(field).collect()
            })
            .collect()
    }

    #[test]
    fn what_is_near_is_found_as_by_comparing_all() {
        let copies = copies(150);
        let tree = Nearest::new(copies.iter().map(Vec::as_slice).collect());
        for i in 0..copies.len() {
            let mut all: Vec<(f64, usize)> = (0..copies.len())
                .filter(|j| *j != i)
                .map(|j| (distance(&copies[i], &copies[j]), j))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let near: Vec<f64> = tree.nearest(i, 9).iter().map(|n| n.0).collect();
            assert_eq!(near, all.iter().take(9).map(|n| n.0).collect::<Vec<_>>());
            let radius = all[20].0;
            let mut want: Vec<usize> = all.iter().filter(|n| n.0 <= radius && n.1 > i).map(|n| n.1).collect();
            want.sort_unstable();
            let found: Vec<usize> =
                tree.within(&copies[i], i + 1, radius, usize::MAX).iter().map(|f| f.0).collect();
            assert_eq!(found, want);
        }
    }

    #[test]
    fn a_signature_is_never_farther_than_the_copies_and_the_tree_is_shallow_for_equal_ones() {
        let copies = copies(40);
        for (a, b) in copies.iter().zip(&copies[1..]) {
            assert!(apart(&signature(a), &signature(b)) * ROUNDING <= distance(a, b));
        }
        let same = vec![copies[0].as_slice(); 3000];
        let tree = Nearest::new(same);
        assert_eq!(tree.within(&copies[0], 0, 0.0, 50).len(), 50);
    }
}
