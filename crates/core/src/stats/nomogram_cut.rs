//! Where to cut total points in two risk groups.

/// A cut and what it gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Patients with at least so many points are of the high group.
    pub total_points: f64,
    /// The criterion's value there.
    pub gain: f64,
}

/// The cut with the largest Youden index (sensitivity + specificity − 1); `totals` must not be empty.
pub fn youden(totals: &[f64], outcome: &[bool]) -> Cut {
    let events = outcome.iter().filter(|y| **y).count() as f64;
    let others = outcome.len() as f64 - events;
    let weight = |i: usize, high: bool| match (outcome[i], high) {
        (true, true) => 1.0 / events,
        (false, false) => 1.0 / others,
        _ => 0.0,
    };
    let cut = best_cut(totals, weight);
    Cut { gain: cut.gain - 1.0, ..cut }
}

/// The cut between two neighbouring totals with the largest sum of `gain(patient, called high)`, and that sum; of
/// equally good cuts the widest gap.
pub(crate) fn best_cut(totals: &[f64], gain: impl Fn(usize, bool) -> f64) -> Cut {
    let mut order: Vec<usize> = (0..totals.len()).collect();
    order.sort_by(|a, b| totals[*a].total_cmp(&totals[*b]));
    let mut sum: f64 = order.iter().map(|i| gain(*i, true)).sum();
    let mut best = (totals[order[0]], sum, 0.0);
    for pair in order.windows(2) {
        sum += gain(pair[0], false) - gain(pair[0], true);
        let (low, high) = (totals[pair[0]], totals[pair[1]]);
        let gap = high - low;
        let better = sum > best.1 + 1e-12 || (sum > best.1 - 1e-12 && gap > best.2);
        if gap > 0.0 && better {
            best = (low + gap / 2.0, sum, gap);
        }
    }
    Cut { total_points: best.0, gain: best.1 }
}
