//! Comparing a measurement between two groups: Mann–Whitney's rank sum (R's `wilcox.test`) and Welch's t test
//! (R's `t.test`).

use statrs::function::beta::beta_reg;

use super::normal_p;

/// Below this size of both groups, and without ties, the p is exact, as in R.
const EXACT_BELOW: usize = 50;

/// A test of two groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankSum {
    /// Pairs in which the first group's value is the larger one, ties counted half (R's `W`).
    pub w: f64,
    /// Two-sided.
    pub p: f64,
    /// Summed over all orders; otherwise the normal approximation with ties and continuity correction.
    pub exact: bool,
}

/// Mann–Whitney's test as R's `wilcox.test(x, y)` makes it. `None` for an empty group or if all values are the same.
pub fn rank_sum(x: &[f64], y: &[f64]) -> Option<RankSum> {
    let (n, m) = (x.len(), y.len());
    if n == 0 || m == 0 || x.iter().chain(y).any(|v| v.is_nan()) {
        return None;
    }
    let mut all: Vec<(f64, bool)> =
        x.iter().map(|v| (*v, true)).chain(y.iter().map(|v| (*v, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0usize);
    for run in all.chunk_by(|a, b| a.0 == b.0) {
        let size = run.len() as f64;
        let rank = before as f64 + (size + 1.0) / 2.0;
        ranks += rank * run.iter().filter(|v| v.1).count() as f64;
        ties += size.powi(3) - size;
        before += run.len();
    }
    let w = ranks - (n * (n + 1)) as f64 / 2.0;
    if ties == 0.0 && n < EXACT_BELOW && m < EXACT_BELOW {
        return Some(RankSum { w, p: exact_p(w, n, m), exact: true });
    }
    let (a, b) = (n as f64, m as f64);
    let total = a + b;
    let variance = a * b / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 0.0 {
        return None;
    }
    let away = w - a * b / 2.0;
    // Away from the middle it is half a pair at least, so the correction never turns the difference round.
    let z = if away == 0.0 { 0.0 } else { (away.abs() - 0.5) / variance.sqrt() };
    Some(RankSum { w, p: normal_p(z), exact: false })
}

/// Two-sided p of `w` when all orders of `n` and `m` values are equally likely.
fn exact_p(w: f64, n: usize, m: usize) -> f64 {
    let chances = order_chances(n, m);
    let at = (w.round() as usize).min(n * m);
    let tail: f64 =
        if w > (n * m) as f64 / 2.0 { chances[at..].iter().rev().sum() } else { chances[..=at].iter().sum() };
    (2.0 * tail).min(1.0)
}

/// The chance of each W from 0 to n·m. (The largest value of both groups is the first group's with chance n / (n + m);
/// it then beats all m of the second.)
fn order_chances(n: usize, m: usize) -> Vec<f64> {
    let size = n * m + 1;
    let certain = || {
        let mut chances = vec![0.0; size];
        chances[0] = 1.0;
        chances
    };
    let mut fewer: Vec<Vec<f64>> = vec![certain(); m + 1];
    for i in 1..=n {
        let mut rows = vec![certain()];
        for j in 1..=m {
            let ours = i as f64 / (i + j) as f64;
            let mut chances: Vec<f64> = rows[j - 1].iter().map(|c| c * (1.0 - ours)).collect();
            for w in j..=i * j {
                chances[w] += ours * fewer[j][w - j];
            }
            rows.push(chances);
        }
        fewer = rows;
    }
    fewer.pop().unwrap_or_default()
}

/// Welch's test of two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    pub t: f64,
    /// Degrees of freedom after Welch and Satterthwaite.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
}

/// Welch's test as R's `t.test(x, y)` makes it. `None` below two values in a group, or if no value varies.
pub fn welch(x: &[f64], y: &[f64]) -> Option<Welch> {
    let ((mx, vx), (my, vy)) = (moments(x)?, moments(y)?);
    let (sx, sy) = (vx / x.len() as f64, vy / y.len() as f64);
    let squared = sx + sy;
    // R calls data essentially constant where the error is lost in the rounding of the means.
    if squared.sqrt() < 10.0 * f64::EPSILON * mx.abs().max(my.abs()) || squared == 0.0 {
        return None;
    }
    let t = (mx - my) / squared.sqrt();
    let df = squared * squared / (sx * sx / (x.len() - 1) as f64 + sy * sy / (y.len() - 1) as f64);
    let p = beta_reg(df / 2.0, 0.5, df / (df + t * t));
    Some(Welch { t, df, p })
}

/// Mean and sample variance; `None` below two values.
pub fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some((mean, variance))
}

/// A quantile as R's `quantile(x, q)` gives it (type 7); `sorted` must rise. Not a number for no values.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(last);
    sorted[low] + share * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() <= 1e-10 * theirs.abs().max(1e-3), "{ours} {theirs}");
    }

    fn sequence(from: f64, step: f64, count: usize) -> Vec<f64> {
        (0..count).map(|i| from + step * i as f64).collect()
    }

    const A: [f64; 7] = [1.1, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7];
    const B: [f64; 5] = [0.9, 1.8, 2.7, 3.6, 8.1];
    const TIED_A: [f64; 10] = [1., 2., 2., 3., 4., 5., 5., 6., 7., 9.];
    const TIED_B: [f64; 8] = [2., 3., 3., 1., 0., 2., 4., 1.];

    #[test]
    fn rank_sums_are_those_of_r() {
        // wilcox.test(c(1.1,2.2,3.3,4.4,5.5,6.6,7.7), c(0.9,1.8,2.7,3.6,8.1))
        let small = rank_sum(&A, &B).unwrap();
        assert_eq!((small.w, small.exact), (22.0, true));
        near(small.p, 0.530_303_030_303_03);
        // wilcox.test(1:49, seq(10.5, by = 2, length.out = 40)): the largest size with an exact p
        let large = rank_sum(&sequence(1.0, 1.0, 49), &sequence(10.5, 2.0, 40)).unwrap();
        assert_eq!((large.w, large.exact), (400.0, true));
        near(large.p, 6.616_040_929_491_84e-7);
        // wilcox.test(1:60, 31:85 + 0.5)
        let normal = rank_sum(&sequence(1.0, 1.0, 60), &sequence(31.5, 1.0, 55)).unwrap();
        assert_eq!((normal.w, normal.exact), (435.0, false));
        near(normal.p, 1.046_957_585_499_73e-11);
        // wilcox.test(c(1,2,2,3,4,5,5,6,7,9), c(2,3,3,1,0,2,4,1))
        let tied = rank_sum(&TIED_A, &TIED_B).unwrap();
        assert_eq!((tied.w, tied.exact), (63.5, false));
        near(tied.p, 0.038_920_574_785_106_5);
        // wilcox.test(c(1,2,3,4), c(5,6,7,8,9))
        near(rank_sum(&[1., 2., 3., 4.], &[5., 6., 7., 8., 9.]).unwrap().p, 0.015_873_015_873_015_9);
    }

    #[test]
    fn welch_tests_are_those_of_r() {
        // t.test(c(1.1,2.2,3.3,4.4,5.5,6.6,7.7), c(0.9,1.8,2.7,3.6,8.1))
        let one = welch(&A, &B).unwrap();
        near(one.t, 0.635_497_816_880_605);
        near(one.df, 7.791_933_609_576_75);
        near(one.p, 0.543_311_489_778_955);
        // t.test(c(1,2,2,3,4,5,5,6,7,9), c(2,3,3,1,0,2,4,1))
        near(welch(&TIED_A, &TIED_B).unwrap().p, 0.020_206_372_191_149_8);
    }

    #[test]
    fn groups_that_cannot_be_compared_have_no_test() {
        assert_eq!(rank_sum(&[], &[1.0]), None);
        // wilcox.test(c(1,1,1), c(1,1)) gives NaN
        assert_eq!(rank_sum(&[1.0; 3], &[1.0; 2]), None);
        assert_eq!(welch(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(welch(&[1.0; 3], &[1.0; 2]), None);
    }

    #[test]
    fn quantiles_are_those_of_r() {
        // quantile(c(1, 2, 4, 8), c(0, .25, .5, .75, 1)): 1, 1.75, 3, 5, 8
        let values = [1.0, 2.0, 4.0, 8.0];
        let ours: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0].iter().map(|q| quantile(&values, *q)).collect();
        assert_eq!(ours, [1.0, 1.75, 3.0, 5.0, 8.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
