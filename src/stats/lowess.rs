//! Cleveland's locally weighted regression as R's `stats::lowess` computes it (Cleveland 1979, JASA 74:829).

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
        let n = x.len();
        if n < 2 {
            return y.to_vec();
        }
        let width = ((self.span * n as f64 + 1e-7) as usize).clamp(2, n);
        let delta = self.delta * (x[n - 1] - x[0]);
        let mut fitted = vec![0.0; n];
        let mut weights = vec![0.0; n];
        let mut robust: Option<Vec<f64>> = None;
        for round in 0..=self.robust_rounds {
            pass(x, y, width, delta, robust.as_deref(), &mut weights, &mut fitted);
            if round == self.robust_rounds {
                break;
            }
            match robust_weights(y, &fitted) {
                Some(new) => robust = Some(new),
                None => break,
            }
        }
        fitted
    }
}

/// One pass over all points.
fn pass(
    x: &[f64],
    y: &[f64],
    width: usize,
    delta: f64,
    robust: Option<&[f64]>,
    weights: &mut [f64],
    fitted: &mut [f64],
) {
    let n = x.len();
    let (mut left, mut right) = (0, width - 1);
    let mut last: Option<usize> = None;
    let mut i = 0;
    loop {
        while right + 1 < n && x[i] - x[left] > x[right + 1] - x[i] {
            left += 1;
            right += 1;
        }
        fitted[i] = local(x, y, x[i], left..right + 1, robust, weights).unwrap_or(y[i]);
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

/// The weighted line at `at`, through the points of the window and those that tie with its right end.
fn local(
    x: &[f64],
    y: &[f64],
    at: f64,
    window: std::ops::Range<usize>,
    robust: Option<&[f64]>,
    weights: &mut [f64],
) -> Option<f64> {
    let n = x.len();
    let range = x[n - 1] - x[0];
    let h = (at - x[window.start]).max(x[window.end - 1] - at);
    let (h9, h1) = (0.999 * h, 0.001 * h);
    let mut sum = 0.0;
    let mut end = window.start;
    while end < n {
        let distance = (x[end] - at).abs();
        weights[end] = 0.0;
        if distance <= h9 {
            let mut w = 1.0;
            if distance > h1 {
                let r = distance / h;
                let c = 1.0 - r * r * r;
                w = c * c * c;
            }
            if let Some(robust) = robust {
                w *= robust[end];
            }
            weights[end] = w;
            sum += w;
        } else if x[end] > at {
            break;
        }
        end += 1;
    }
    if sum <= 0.0 {
        return None;
    }
    let (x, y, w) = (&x[window.start..end], &y[window.start..end], &mut weights[window.start..end]);
    let (mut centre, mut level) = (0.0, 0.0);
    for ((w, x), y) in w.iter_mut().zip(x).zip(y) {
        *w /= sum;
        centre += *w * x;
        level += *w * y;
    }
    if h <= 0.0 {
        return Some(level);
    }
    let (mut spread, mut tilt) = (0.0, 0.0);
    for ((w, x), y) in w.iter().zip(x).zip(y) {
        let d = x - centre;
        spread += w * d * d;
        tilt += w * d * y;
    }
    if spread.sqrt() > 0.001 * range { Some(level + (at - centre) / spread * tilt) } else { Some(level) }
}

/// Bisquare weights of the residuals; `None` where the fit is all but exact.
fn robust_weights(y: &[f64], fitted: &[f64]) -> Option<Vec<f64>> {
    let n = y.len();
    let residuals: Vec<f64> = y.iter().zip(fitted).map(|(y, f)| (y - f).abs()).collect();
    let scale = residuals.iter().sum::<f64>() / n as f64;
    let mut sorted = residuals.clone();
    sorted.sort_by(f64::total_cmp);
    let middle =
        if n.is_multiple_of(2) { 3.0 * (sorted[n / 2] + sorted[n / 2 - 1]) } else { 6.0 * sorted[n / 2] };
    if middle < 1e-7 * scale {
        return None;
    }
    let weight = |r: &f64| {
        if *r <= 0.001 * middle {
            1.0
        } else if *r <= 0.999 * middle {
            (1.0 - (r / middle).powi(2)).powi(2)
        } else {
            0.0
        }
    };
    Some(residuals.iter().map(weight).collect())
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
