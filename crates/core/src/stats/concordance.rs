//! Harrell's concordance of a risk score with censored times.

use serde::Serialize;

use super::kaplan_meier::FollowUp;

/// The share of comparable pairs in which the patient with the higher risk fails first (equal risks count half),
/// and its standard error (infinitesimal jackknife). Not numbers where no pair can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Concordance {
    pub c: f64,
    pub se: f64,
}

/// Counts of risks, by rank.
struct Counts(Vec<u32>);

impl Counts {
    fn add(&mut self, rank: usize) {
        let mut i = rank + 1;
        while i < self.0.len() {
            self.0[i] += 1;
            i += i & i.wrapping_neg();
        }
    }

    /// How many have a rank below `rank`.
    fn below(&self, rank: usize) -> u32 {
        let (mut i, mut sum) = (rank, 0);
        while i > 0 {
            sum += self.0[i];
            i -= i & i.wrapping_neg();
        }
        sum
    }
}

/// Concordance of `risk` (higher = earlier) with follow-up in order of falling time. A pair can be compared where the
/// earlier of the two had the event; at the same time an event comes before a censoring.
pub fn concordance(falling: &[FollowUp], risk: &[f64]) -> Concordance {
    let n = falling.len();
    let mut values = risk.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let rank: Vec<usize> = risk.iter().map(|r| values.partition_point(|v| v < r)).collect();
    // For each patient: pairs won (ties half) and pairs in all, as the one and as the other of a pair.
    let (mut won, mut pairs) = (vec![0.0; n], vec![0.0; n]);
    let mut longer = Counts(vec![0; values.len() + 1]);
    let (mut seen, mut start) = (0u32, 0);
    for same_time in falling.chunk_by(|a, b| a.time == b.time) {
        let here = start..start + same_time.len();
        let enter = |wanted: bool, seen: &mut u32, longer: &mut Counts| {
            here.clone().filter(|i| falling[*i].event == wanted).for_each(|i| {
                longer.add(rank[i]);
                *seen += 1;
            });
        };
        enter(false, &mut seen, &mut longer);
        for i in here.clone().filter(|i| falling[*i].event) {
            let (less, up_to) = (longer.below(rank[i]), longer.below(rank[i] + 1));
            won[i] += f64::from(less) + f64::from(up_to - less) / 2.0;
            pairs[i] += f64::from(seen);
        }
        enter(true, &mut seen, &mut longer);
        start = here.end;
    }
    let total: f64 = pairs.iter().sum();
    let c = won.iter().sum::<f64>() / total;
    // The same pairs from the side of the patient who is observed longer.
    let mut failed = Counts(vec![0; values.len() + 1]);
    let (mut events, mut end) = (0u32, n);
    for same_time in falling.chunk_by(|a, b| a.time == b.time).rev() {
        let here = end - same_time.len()..end;
        let mut add_pairs = |wanted: bool, failed: &Counts, events: u32| {
            for i in here.clone().filter(|i| falling[*i].event == wanted) {
                let (less, up_to) = (failed.below(rank[i]), failed.below(rank[i] + 1));
                won[i] += f64::from(events - up_to) + f64::from(up_to - less) / 2.0;
                pairs[i] += f64::from(events);
            }
        };
        add_pairs(true, &failed, events);
        for i in here.clone().filter(|i| falling[*i].event) {
            failed.add(rank[i]);
            events += 1;
        }
        add_pairs(false, &failed, events);
        end = here.start;
    }
    let square: f64 = won.iter().zip(&pairs).map(|(w, p)| ((w - c * p) / total).powi(2)).sum();
    Concordance { c, se: square.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_as_by_hand() {
        let f = |time: f64, event| FollowUp { time, event };
        // Falling time; events at 1 and 3, censored at 3 and 5.
        let follow_up = [f(5.0, false), f(3.0, true), f(3.0, false), f(1.0, true)];
        // Event at 1 is compared with all three (risk 4 above all): 3 won. Event at 3 with both censored: 1 won, 1 tie.
        let c = concordance(&follow_up, &[1.0, 2.0, 2.0, 4.0]);
        assert!((c.c - 4.5 / 5.0).abs() < 1e-15);
        assert!(concordance(&[f(1.0, false), f(0.5, false)], &[1.0, 2.0]).c.is_nan());
    }
}
