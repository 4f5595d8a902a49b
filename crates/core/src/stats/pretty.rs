//! Round tick positions, chosen as R's `pretty()` chooses them.

/// About `n` intervals of 1, 2 or 5 times a power of ten that cover `low` to `high`.
///
/// The rules are those of R's manual page: a unit is preferred to the next larger one by a bias of 1.5 (and 2.75 for
/// 5 over 2), and there are at least n/3 intervals.
pub fn pretty(low: f64, high: f64, n: usize) -> Vec<f64> {
    const BIAS: f64 = 1.5;
    const BIAS_5: f64 = 0.5 + 1.5 * BIAS;
    const ROUNDING: f64 = 1e-10;
    if !low.is_finite() || !high.is_finite() || high < low {
        return Vec::new();
    }
    let intervals = n.max(1) as f64;
    let least = (n / 3) as f64;
    let size = low.abs().max(high.abs());
    let width = high - low;
    let slack = (1.0 + 1.0 / (1.0 + BIAS)) * intervals * f64::EPSILON * 3.0;
    let cell = if width == 0.0 && size == 0.0 {
        0.75 / least.max(1.0)
    } else if width < size * slack {
        let size = if size > 10.0 { 9.0 + size / 10.0 } else { size };
        size * 0.75 / least.max(1.0)
    } else {
        width / intervals
    }
    .max(20.0 * f64::MIN_POSITIVE);
    let base = 10f64.powf(cell.log10().floor());
    let mut unit = base;
    for (multiple, bias) in [(2.0, BIAS), (5.0, BIAS_5), (10.0, BIAS)] {
        if multiple * base - cell < bias * (cell - unit) {
            unit = multiple * base;
        } else {
            break;
        }
    }
    let mut first = (low / unit + ROUNDING).floor();
    let mut last = (high / unit - ROUNDING).ceil();
    while first * unit > low + ROUNDING * unit {
        first -= 1.0;
    }
    while last * unit < high - ROUNDING * unit {
        last += 1.0;
    }
    let lacking = least - (0.5 + last - first).floor();
    if lacking > 0.0 {
        let (half, odd) = ((lacking / 2.0).floor(), lacking % 2.0);
        if low == 0.0 && first == 0.0 && high != 0.0 {
            last += lacking;
        } else if first >= 0.0 {
            (last, first) = (last + half, first - half - odd);
        } else {
            (first, last) = (first - half, last + half + odd);
        }
    }
    let count = (last - first).round().max(0.0) as usize;
    // From the first tick on, as a sequence of equal steps, with what is only rounding set to zero.
    let (start, end) = (first * unit, last * unit);
    let step = if count == 0 { 0.0 } else { (end - start) / count as f64 };
    let tick = |i: usize| if i == count { end } else { start + i as f64 * step };
    (0..=count).map(tick).map(|t| if t.abs() < 1e-14 * step { 0.0 } else { t }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len(), "{got:?}");
        for (a, b) in got.iter().zip(wanted) {
            assert!((a - b).abs() < 1e-12, "{got:?}");
        }
    }

    /// Figures printed by R 4.2's `pretty`.
    #[test]
    fn ticks_are_those_of_r() {
        close(&pretty(0.0, 1.0, 5), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close(&pretty(1.0, 10.0, 5), &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        close(&pretty(-5.7, -0.1, 10), &(0..13).map(|i| -6.0 + 0.5 * f64::from(i)).collect::<Vec<_>>());
        close(&pretty(4.99, 70.84, 10), &(0..16).map(|i| 5.0 * f64::from(i)).collect::<Vec<_>>());
    }

    #[test]
    fn ticks_cover_the_range_whatever_it_is() {
        for (low, high) in
            [(0.0, 0.0), (3.0, 3.0), (-1e-9, 1e-9), (1e6, 1e6 + 1.0), (-7.3, 1234.5), (0.0, 1e-300)]
        {
            let ticks = pretty(low, high, 10);
            let slack = 1e-9 * (high - low).abs().max(low.abs());
            assert!(ticks.first().unwrap() <= &(low + slack), "{low} {high}: {ticks:?}");
            assert!(ticks.last().unwrap() >= &(high - slack), "{low} {high}: {ticks:?}");
            assert!(ticks.len() < 40 && ticks.iter().all(|t| t.is_finite()));
        }
        assert!(pretty(f64::NAN, 1.0, 5).is_empty());
    }
}
