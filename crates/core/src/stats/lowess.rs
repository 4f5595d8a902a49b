//! Cleveland's locally weighted regression as R's `stats::lowess` computes it (Cleveland 1979, JASA 74:829).

use pulp::{Simd, WithSimd};

/// How wide and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lowess {
    /// Share of the points that each fit looks at.
    pub span: f64,
    /// Rounds that give outliers less weight; `rms` uses none for 0/1 outcomes.
    pub robust_rounds: usize,
    /// Points closer than this share of the range to the last fitted one are interpolated.
    pub delta: f64,
}

impl Default for Lowess {
    /// R's span and delta, without robust rounds.
    fn default() -> Self {
        Self { span: 2.0 / 3.0, robust_rounds: 0, delta: 0.01 }
    }
}

impl Lowess {
    /// The smoothed `y` at each `x`, which must ascend.
    pub fn smooth(&self, x: &[f64], y: &[f64]) -> Vec<f64> {
        self.smooth_counted(x, y, &vec![1; x.len()])
    }

    /// [`Lowess::smooth`] with each point as often as counted, which is at least once.
    pub fn smooth_counted(&self, x: &[f64], y: &[f64], times: &[usize]) -> Vec<f64> {
        if x.len() < 2 {
            return y.to_vec();
        }
        // Compiled once for each width of vectors, of which the widest that this processor has runs.
        pulp::Arch::new().dispatch(Smoothing { how: *self, x, y, times })
    }

    #[inline(always)]
    fn all_rounds<S: Simd>(&self, simd: S, mut points: Points) -> Vec<f64> {
        let all = points.place.len();
        let width = ((self.span * all as f64 + 1e-7) as usize).clamp(2, all);
        let delta = self.delta * points.range();
        let mut fitted = vec![0.0; points.n];
        for round in 0..=self.robust_rounds {
            pass(simd, &points, width, delta, &mut fitted);
            if round == self.robust_rounds || !points.weigh_by_residual(&fitted) {
                break;
            }
        }
        fitted
    }
}

struct Smoothing<'a> {
    how: Lowess,
    x: &'a [f64],
    y: &'a [f64],
    times: &'a [usize],
}

impl WithSimd for Smoothing<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
        self.how.all_rounds(simd, Points::of(self.x, self.y, self.times))
    }
}

/// More points than the widest processor sums at once.
const LANES: usize = 8;

/// The points, followed by [`LANES`] without weight.
struct Points {
    n: usize,
    x: Vec<f64>,
    y: Vec<f64>,
    /// How often the point is there, less what the robust rounds take.
    weight: Vec<f64>,
    /// The point that stands at each place if all are repeated as often as counted.
    place: Vec<u32>,
    /// The first place of each point.
    first: Vec<usize>,
}

impl Points {
    #[inline(always)]
    fn of(x: &[f64], y: &[f64], times: &[usize]) -> Self {
        let n = x.len();
        let (mut place, mut first) = (Vec::with_capacity(2 * n), Vec::with_capacity(n));
        for (i, times) in times.iter().enumerate() {
            first.push(place.len());
            place.extend(std::iter::repeat_n(i as u32, *times));
        }
        let weight = times.iter().map(|t| *t as f64).chain([0.0; LANES]).collect();
        let followed = |values: &[f64]| [values, &[values[n - 1]; LANES]].concat();
        Self { n, x: followed(x), y: followed(y), weight, place, first }
    }

    fn range(&self) -> f64 {
        self.x[self.n - 1] - self.x[0]
    }

    fn times(&self, i: usize) -> usize {
        self.first.get(i + 1).unwrap_or(&self.place.len()) - self.first[i]
    }

    /// Bisquare weights of the residuals; false where the fit is all but exact.
    fn weigh_by_residual(&mut self, fitted: &[f64]) -> bool {
        let residual: Vec<f64> = self.y.iter().zip(fitted).map(|(y, f)| (y - f).abs()).collect();
        let mut sorted: Vec<f64> = self.place.iter().map(|i| residual[*i as usize]).collect();
        sorted.sort_by(f64::total_cmp);
        let all = sorted.len();
        let scale = sorted.iter().sum::<f64>() / all as f64;
        let middle = 3.0 * (sorted[all / 2] + sorted[(all - 1) / 2]);
        if middle < 1e-7 * scale {
            return false;
        }
        for (i, r) in residual.iter().enumerate() {
            let share = if *r <= 0.001 * middle {
                1.0
            } else if *r <= 0.999 * middle {
                (1.0 - (r / middle).powi(2)).powi(2)
            } else {
                0.0
            };
            self.weight[i] = share * self.times(i) as f64;
        }
        true
    }
}

/// One pass over all points.
#[inline(always)]
fn pass<S: Simd>(simd: S, points: &Points, width: usize, delta: f64, fitted: &mut [f64]) {
    let (n, all, x) = (points.n, points.place.len(), &points.x);
    let at_place = |place: usize| x[points.place[place] as usize];
    let (mut left, mut right) = (0, width - 1);
    let mut last: Option<usize> = None;
    let mut i = 0;
    loop {
        while right + 1 < all && x[i] - at_place(left) > at_place(right + 1) - x[i] {
            left += 1;
            right += 1;
        }
        fitted[i] = local(simd, points, x[i], left..right + 1).unwrap_or(points.y[i]);
        let before = last.map_or(0, |l| l + 1);
        if let Some(l) = last {
            let denominator = x[i] - x[l];
            for j in before..i {
                let share = (x[j] - x[l]) / denominator;
                fitted[j] = share * fitted[i] + (1.0 - share) * fitted[l];
            }
        }
        let mut done = i;
        let cut = x[done] + delta;
        i = done + 1;
        while i < n && x[i] <= cut {
            if x[i] == x[done] {
                fitted[i] = fitted[done];
                done = i;
            }
            i += 1;
        }
        last = Some(done);
        if done + 1 >= n {
            break;
        }
        i = (done + 1).max(i - 1);
    }
}

/// The weighted line at `at`, through the points on the window's places and those that tie with its right end.
#[inline(always)]
fn local<S: Simd>(simd: S, points: &Points, at: f64, window: std::ops::Range<usize>) -> Option<f64> {
    let x = &points.x;
    let (from, to) = (points.place[window.start] as usize, points.place[window.end - 1] as usize + 1);
    let h = (at - x[from]).max(x[to - 1] - at);
    let tied = x[to..points.n].iter().take_while(|x| **x - at <= 0.999 * h).count();
    let mut sums = Moments::of(simd, points, from..to + tied, at, h);
    sums.leave_out(points, from, window.start - points.first[from], at, h);
    let total = sums.weight;
    if total <= 0.0 {
        return None;
    }
    let (mean, level) = (sums.distance / total, sums.y / total);
    let spread = sums.distance_squared / total - mean * mean;
    if h <= 0.0 || spread <= (0.001 * points.range()).powi(2) {
        return Some(level);
    }
    Some(level - mean / spread * (sums.distance_y / total - mean * level))
}

/// Weighted sums over the points near `at`: all that a line through them needs.
struct Moments {
    weight: f64,
    distance: f64,
    distance_squared: f64,
    y: f64,
    distance_y: f64,
}

impl Moments {
    /// With tricube weights of half-width `h`; after the last of the points named, farther ones only.
    #[inline(always)]
    fn of<S: Simd>(s: S, points: &Points, near: std::ops::Range<usize>, at: f64, h: f64) -> Self {
        let until = near.start + near.len().next_multiple_of(S::F64_LANES);
        let (x, _) = S::as_simd_f64s(&points.x[near.start..until]);
        let (y, _) = S::as_simd_f64s(&points.y[near.start..until]);
        let (times, _) = S::as_simd_f64s(&points.weight[near.start..until]);
        let (at, one, none) = (s.splat_f64s(at), s.splat_f64s(1.0), s.splat_f64s(0.0));
        let (flat, reach) = (s.splat_f64s(0.001 * h), s.splat_f64s(0.999 * h));
        let inverse = s.splat_f64s(if h > 0.0 { 1.0 / h } else { 0.0 });
        let mut sums = [none; 5];
        for ((x, y), times) in x.iter().zip(y).zip(times) {
            let signed = s.sub_f64s(*x, at);
            let distance = s.abs_f64s(signed);
            let share = s.mul_f64s(distance, inverse);
            let cube = s.sub_f64s(one, s.mul_f64s(share, s.mul_f64s(share, share)));
            let tricube = s.mul_f64s(cube, s.mul_f64s(cube, cube));
            let tricube = s.select_f64s(s.less_than_or_equal_f64s(distance, flat), one, tricube);
            let weight = s.mul_f64s(*times, tricube);
            let weight = s.select_f64s(s.less_than_or_equal_f64s(distance, reach), weight, none);
            let of_distance = s.mul_f64s(weight, signed);
            sums[0] = s.add_f64s(sums[0], weight);
            sums[1] = s.add_f64s(sums[1], of_distance);
            sums[2] = s.mul_add_e_f64s(of_distance, signed, sums[2]);
            sums[3] = s.mul_add_e_f64s(weight, *y, sums[3]);
            sums[4] = s.mul_add_e_f64s(of_distance, *y, sums[4]);
        }
        Self {
            weight: s.reduce_sum_f64s(sums[0]),
            distance: s.reduce_sum_f64s(sums[1]),
            distance_squared: s.reduce_sum_f64s(sums[2]),
            y: s.reduce_sum_f64s(sums[3]),
            distance_y: s.reduce_sum_f64s(sums[4]),
        }
    }

    /// Takes `count` repetitions of a point at the window's left end out again.
    #[inline(always)]
    fn leave_out(&mut self, points: &Points, i: usize, count: usize, at: f64, h: f64) {
        let signed = points.x[i] - at;
        let distance = signed.abs();
        if count == 0 || distance > 0.999 * h {
            return;
        }
        let tricube = if distance <= 0.001 * h { 1.0 } else { (1.0 - (distance / h).powi(3)).powi(3) };
        let weight = points.weight[i] * tricube * count as f64 / points.times(i) as f64;
        self.weight -= weight;
        self.distance -= weight * signed;
        self.distance_squared -= weight * signed * signed;
        self.y -= weight * points.y[i];
        self.distance_y -= weight * signed * points.y[i];
    }
}

/// Interpolates ascending points (equal ones averaged, as `approx(ties = mean)`) at `at`; `None` outside them.
pub fn interpolate(points: &Averaged, at: f64) -> Option<f64> {
    let (x, y) = (&points.x, &points.y);
    let right = x.partition_point(|v| *v < at);
    if right < x.len() && x[right] == at {
        return Some(y[right]);
    }
    if right == 0 || right == x.len() {
        return None;
    }
    let share = (at - x[right - 1]) / (x[right] - x[right - 1]);
    Some(y[right - 1] + share * (y[right] - y[right - 1]))
}

/// Ascending points with one value each.
#[derive(Debug, Clone, PartialEq)]
pub struct Averaged {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
}

impl Averaged {
    /// Of points whose `x` ascends; the values of equal ones are averaged.
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let mut points = Self { x: Vec::with_capacity(x.len()), y: Vec::with_capacity(x.len()) };
        let mut i = 0;
        while i < x.len() {
            let end = i + x[i..].iter().take_while(|v| **v == x[i]).count().max(1);
            points.x.push(x[i]);
            points.y.push(y[i..end].iter().sum::<f64>() / (end - i) as f64);
            i = end;
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_rs_lowess() {
        // R: lowess(c(1,2,3,3,5,8,9,12), c(2,1,4,3,7,6,9,8), iter = 0)$y, then with iter = 3.
        let (x, y) = ([1., 2., 3., 3., 5., 8., 9., 12.], [2., 1., 4., 3., 7., 6., 9., 8.]);
        for (rounds, want) in [(0, PLAIN), (3, ROBUST)] {
            let got = Lowess { robust_rounds: rounds, ..Lowess::default() }.smooth(&x, &y);
            for (got, want) in got.iter().zip(want) {
                assert!((got - want).abs() < 1e-9, "{got} is not {want}");
            }
        }
    }

    const PLAIN: [f64; 8] = [
        1.41076164435949,
        2.23243362366458,
        3.50000000000000,
        3.50000000000000,
        7.00000000000000,
        7.41570830528953,
        7.59186597187185,
        8.27823322287348,
    ];
    const ROBUST: [f64; 8] = [
        1.56764787318353,
        2.36842863591797,
        3.50000000000000,
        3.50000000000000,
        7.00000000000000,
        7.46046242344479,
        7.58833060558918,
        8.17060004981113,
    ];

    #[test]
    fn counted_points_equal_repeated_ones() {
        let (x, y) = ([1., 2., 3., 3., 5., 8., 9., 12.], [2., 1., 4., 3., 7., 6., 9., 8.]);
        let times = [2, 1, 3, 1, 4, 1, 2, 3];
        let repeat = |v: &[f64]| -> Vec<f64> {
            v.iter().zip(times).flat_map(|(v, t)| std::iter::repeat_n(*v, t)).collect()
        };
        for (span, robust_rounds) in [(2.0 / 3.0, 0), (0.3, 0), (0.5, 3)] {
            let how = Lowess { span, robust_rounds, ..Lowess::default() };
            let want = how.smooth(&repeat(&x), &repeat(&y));
            let got = how.smooth_counted(&x, &y, &times);
            for (got, want) in repeat(&got).iter().zip(want) {
                assert!((got - want).abs() < 1e-9, "span {span}: {got} is not {want}");
            }
        }
    }

    #[test]
    fn one_point_and_equal_points_are_themselves() {
        assert_eq!(Lowess::default().smooth(&[1.0], &[5.0]), [5.0]);
        let same = Lowess::default().smooth(&[2.0; 4], &[0.0, 1.0, 0.0, 1.0]);
        assert!(same.iter().all(|v| v.is_finite()), "{same:?}");
    }

    #[test]
    fn interpolation_averages_ties_and_ends_at_the_ends() {
        let points = Averaged::of(&[0.0, 1.0, 1.0, 3.0], &[0.0, 1.0, 3.0, 4.0]);
        assert_eq!(interpolate(&points, 1.0), Some(2.0));
        assert_eq!(interpolate(&points, 2.0), Some(3.0));
        assert_eq!((interpolate(&points, -0.1), interpolate(&points, 3.1)), (None, None));
    }
}
