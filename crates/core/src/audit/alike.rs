//! One picture in two disguises: mirrored, turned upside down, or cropped or moved by a little.
//!
//! Small copies are brought onto one another by Lucas and Kanade's method (IJCAI 1981), with a shift, a scale and a
//! brightness; what is left of their difference tells one person's picture from another's.

use super::pictures::SMALL;

/// How a copy may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    AsIs,
    Mirrored,
    UpsideDown,
    /// By half a turn.
    Turned,
}

impl Lie {
    pub const ALL: [Self; 4] = [Self::AsIs, Self::Mirrored, Self::UpsideDown, Self::Turned];

    /// Where column `x` and row `y` of a picture come from.
    pub fn from(self, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> [f64; 2] {
        let (across, down) = (width - 1.0 - x, height - 1.0 - y);
        match self {
            Self::AsIs => [x, y],
            Self::Mirrored => [across, y],
            Self::UpsideDown => [x, down],
            Self::Turned => [across, down],
        }
    }

    /// A small copy that lies so.
    pub fn of(self, small: &[f32]) -> Vec<f32> {
        let at = |i: usize| {
            let side = SMALL as f64;
            let [x, y] = self.from([(i % SMALL) as f64, (i / SMALL) as f64], [side, side]);
            small[y as usize * SMALL + x as usize]
        };
        (0..small.len()).map(at).collect()
    }
}

/// How one small copy lies on another: shift in fields, and scale about the middle less one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fit {
    pub shift: [f64; 2],
    pub scale: f64,
}

impl Fit {
    /// Where a place of the first is in the second, both `side` long and wide.
    pub fn place(&self, [x, y]: [f64; 2], side: [f64; 2]) -> [f64; 2] {
        let unit = [side[0] / SMALL as f64, side[1] / SMALL as f64];
        let middle = [(side[0] - 1.0) / 2.0, (side[1] - 1.0) / 2.0];
        [
            x + self.scale * (x - middle[0]) + self.shift[0] * unit[0],
            y + self.scale * (y - middle[1]) + self.shift[1] * unit[1],
        ]
    }

    /// A copy is never moved or cropped by more, in fields.
    fn is_small(&self) -> bool {
        self.shift.iter().all(|s| s.abs() < FARTHEST) && self.scale.abs() < MOST_SCALED
    }
}

const ROUNDS: usize = 6;
const FARTHEST: f64 = 3.0;
const MOST_SCALED: f64 = 0.1;

/// Brings `b` onto `a`; returns how it lies and the root mean square of what differs still. `None` where it would have
/// to be moved far.
pub fn align(a: &[f32], b: &[f32]) -> Option<(Fit, f64)> {
    let mut fit = Fit::default();
    let mut left = f64::INFINITY;
    for _ in 0..ROUNDS {
        let step = Step::of(a, b, &fit);
        left = step.left;
        let Some([x, y, scale, _]) = step.solve() else { break };
        fit.shift[0] += x;
        fit.shift[1] += y;
        fit.scale += scale;
        if !fit.is_small() {
            return None;
        }
    }
    Some((fit, left.min(Step::of(a, b, &fit).left)))
}

/// Sums of one round: the normal equations of shift, scale and brightness.
struct Step {
    normal: [[f64; 4]; 4],
    right: [f64; 4],
    left: f64,
}

impl Step {
    fn of(a: &[f32], b: &[f32], fit: &Fit) -> Self {
        let side = SMALL as f64;
        let middle = (side - 1.0) / 2.0;
        let (mut normal, mut right) = ([[0.0; 4]; 4], [0.0; 4]);
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for (i, a) in a.iter().enumerate() {
            let (x, y) = ((i % SMALL) as f64, (i / SMALL) as f64);
            let at = fit.place([x, y], [side, side]);
            let Some(value) = sample(b, at) else { continue };
            let slope = |dx: f64, dy: f64| -> Option<f64> {
                Some((sample(b, [at[0] + dx, at[1] + dy])? - sample(b, [at[0] - dx, at[1] - dy])?) / 2.0)
            };
            let (Some(gx), Some(gy)) = (slope(1.0, 0.0), slope(0.0, 1.0)) else { continue };
            let error = f64::from(*a) - value;
            let moves = [gx, gy, gx * (x - middle) + gy * (y - middle), 1.0];
            for j in 0..4 {
                right[j] += moves[j] * error;
                for k in 0..=j {
                    normal[j][k] += moves[j] * moves[k];
                }
            }
            sum += error;
            squares += error * error;
            n += 1.0;
        }
        // Brightness apart.
        let left = if n > 0.0 { (squares / n - (sum / n).powi(2)).max(0.0).sqrt() } else { f64::INFINITY };
        Self { normal, right, left }
    }

    fn solve(&self) -> Option<[f64; 4]> {
        let rows: Vec<Vec<f64>> = self.normal.iter().map(|r| r.to_vec()).collect();
        let factor = crate::stats::linalg::cholesky(&rows).ok()?;
        crate::stats::linalg::solve(&factor, &self.right).try_into().ok()
    }
}

/// Between the fields around a place; `None` outside.
fn sample(small: &[f32], [x, y]: [f64; 2]) -> Option<f64> {
    let last = (SMALL - 1) as f64;
    if !(0.0..=last).contains(&x) || !(0.0..=last).contains(&y) {
        return None;
    }
    let (left, top) = ((x as usize).min(SMALL - 2), (y as usize).min(SMALL - 2));
    let (fx, fy) = (x - left as f64, y - top as f64);
    let at = |dx: usize, dy: usize| f64::from(small[(top + dy) * SMALL + left + dx]);
    let upper = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
    let lower = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
    Some(upper * (1.0 - fy) + lower * fy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body-like blob with organs, moved and scaled.
    fn picture(seed: f64, shift: [f64; 2], scale: f64) -> Vec<f32> {
        let side = SMALL as f64;
        let blob = |x: f64, y: f64| -> f64 {
            (0..6)
                .map(|k| {
                    let k = f64::from(k);
                    let place = |r: f64| 12.0 + 24.0 * ((k + 1.0) * r + seed).fract();
                    let d = ((x - place(0.618)).powi(2) + (y - place(0.414)).powi(2)) / (9.0 + 4.0 * k);
                    80.0 * (-d).exp() * if k % 2.0 == 0.0 { 1.0 } else { -0.6 }
                })
                .sum()
        };
        let middle = (side - 1.0) / 2.0;
        (0..SMALL * SMALL)
            .map(|i| {
                let (x, y) = ((i % SMALL) as f64, (i / SMALL) as f64);
                let place = |v: f64, shift: f64| v + scale * (v - middle) + shift;
                blob(place(x, shift[0]), place(y, shift[1])) as f32
            })
            .collect()
    }

    #[test]
    fn a_moved_or_cropped_copy_comes_to_lie_on_its_original_and_another_does_not() {
        let a = picture(0.1, [0.0, 0.0], 0.0);
        let apart = |b: &[f32]| {
            let sum: f32 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
            f64::from(sum / a.len() as f32).sqrt()
        };
        for (shift, scale) in [([0.6, -0.4], 0.0), ([0.0, 0.0], 0.03), ([-1.1, 0.7], -0.02)] {
            let b = picture(0.1, shift, scale);
            let (fit, left) = align(&a, &b).unwrap();
            assert!(left < 0.2 * apart(&b), "{left} of {}", apart(&b));
            assert!((fit.shift[0] + shift[0]).abs() < 0.15 && (fit.scale + scale).abs() < 0.01, "{fit:?}");
        }
        let other = picture(0.45, [0.0, 0.0], 0.0);
        assert!(align(&a, &other).is_none_or(|(_, left)| left > 0.5 * apart(&other)));
    }

    #[test]
    fn every_lie_undoes_itself() {
        let a = picture(0.3, [0.0, 0.0], 0.0);
        for lie in Lie::ALL {
            assert_eq!(lie.of(&lie.of(&a)), a);
            assert_eq!(lie.of(&a) == a, lie == Lie::AsIs);
        }
    }
}
