//! ROC curves: area, DeLong's interval and paired test, Youden's threshold.

use serde::Serialize;

use super::{Z_975, normal_p};

/// Area under the ROC curve: the chance that an event scores higher than a non-event (ties count half).
/// `None` unless both outcomes occur.
pub fn auc(outcome: &[bool], score: &[f64]) -> Option<f64> {
    let placed = placements(outcome, score)?;
    Some(placed.events.iter().sum::<f64>() / placed.events.len() as f64)
}

/// For every event the share of non-events below it, for every non-event the share of events above it.
struct Placements {
    events: Vec<f64>,
    others: Vec<f64>,
}

fn placements(outcome: &[bool], score: &[f64]) -> Option<Placements> {
    let split = |wanted: bool| -> Vec<f64> {
        outcome.iter().zip(score).filter(|(y, _)| **y == wanted).map(|(_, s)| *s).collect()
    };
    let (events, others) = (split(true), split(false));
    if events.is_empty() || others.is_empty() || score.iter().any(|s| s.is_nan()) {
        return None;
    }
    let (mut sorted_events, mut sorted_others) = (events.clone(), others.clone());
    sorted_events.sort_by(f64::total_cmp);
    sorted_others.sort_by(f64::total_cmp);
    let below = |sorted: &[f64], s: f64| {
        let (less, less_or_equal) = (sorted.partition_point(|v| *v < s), sorted.partition_point(|v| *v <= s));
        (less as f64 + less_or_equal as f64) / 2.0 / sorted.len() as f64
    };
    Some(Placements {
        events: events.iter().map(|s| below(&sorted_others, *s)).collect(),
        others: others.iter().map(|s| 1.0 - below(&sorted_events, *s)).collect(),
    })
}

/// An area with DeLong's standard error and 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    pub auc: f64,
    pub se: f64,
    /// Cut at 0 and 1; `None` where one outcome has a single patient, so that no variance exists.
    pub interval: Option<[f64; 2]>,
}

/// Area under the curve with DeLong's interval (Biometrics 1988, 44:837). `None` unless both outcomes occur.
pub fn auc_with_interval(outcome: &[bool], score: &[f64]) -> Option<Auc> {
    let placed = placements(outcome, score)?;
    let auc = mean(&placed.events);
    let variance = covariance(&placed.events, &placed.events) / placed.events.len() as f64
        + covariance(&placed.others, &placed.others) / placed.others.len() as f64;
    let se = variance.sqrt();
    let half = Z_975 * se;
    let interval = variance.is_finite().then(|| [(auc - half).max(0.0), (auc + half).min(1.0)]);
    Some(Auc { auc, se, interval })
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

/// Sample covariance; not a number below two values.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>() / (a.len() as f64 - 1.0)
}

/// A whole curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roc {
    /// (1 − specificity, sensitivity) from (0, 0) to (1, 1), one point for each different score.
    pub points: Vec<[f64; 2]>,
    /// The threshold of each point, half-way between neighbouring scores; the two ends have none.
    #[serde(skip)]
    pub thresholds: Vec<Option<f64>>,
    pub youden: Youden,
}

/// The threshold with the largest sum of sensitivity and specificity; a score above it counts as positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Youden {
    /// Half-way between two neighbouring scores; of equally good ones the lowest.
    pub threshold: f64,
    pub sensitivity: f64,
    pub specificity: f64,
}

/// The curve of a score that is higher for events. `None` unless both outcomes occur and all scores are finite.
pub fn curve(outcome: &[bool], score: &[f64]) -> Option<Roc> {
    let events = outcome.iter().filter(|y| **y).count() as f64;
    let others = outcome.len() as f64 - events;
    if events == 0.0 || others == 0.0 || score.iter().any(|s| !s.is_finite()) {
        return None;
    }
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|a, b| score[*b].total_cmp(&score[*a]));
    let (mut true_positive, mut false_positive) = (0.0, 0.0);
    let (mut points, mut thresholds) = (vec![[0.0, 0.0]], vec![None]);
    let mut best: Option<(f64, Youden)> = None;
    for (k, i) in order.iter().enumerate() {
        if outcome[*i] {
            true_positive += 1.0
        } else {
            false_positive += 1.0
        }
        let next = order.get(k + 1).map(|j| score[*j]);
        if next == Some(score[*i]) {
            continue;
        }
        let (sensitivity, specificity) = (true_positive / events, 1.0 - false_positive / others);
        points.push([false_positive / others, sensitivity]);
        let threshold = next.map(|next| score[*i] / 2.0 + next / 2.0);
        thresholds.push(threshold);
        // The point behind the last score calls everyone positive: no threshold.
        let Some(threshold) = threshold else { break };
        let index = sensitivity + specificity;
        if best.as_ref().is_none_or(|(b, _)| index >= b - 1e-12) {
            best = Some((index, Youden { threshold, sensitivity, specificity }));
        }
    }
    let nobody = Youden { threshold: score[order[0]], sensitivity: 0.0, specificity: 1.0 };
    Some(Roc { points, thresholds, youden: best.map_or(nobody, |b| b.1) })
}

/// DeLong's test of two areas of the same patients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedTest {
    pub z: f64,
    pub p: f64,
}

/// Tests whether two scores of the same patients have the same area. `None` unless both outcomes occur at least
/// twice, or where a difference has no variance. Scores that rank the patients alike differ by nothing: z is 0, p is 1.
pub fn paired_test(outcome: &[bool], a: &[f64], b: &[f64]) -> Option<PairedTest> {
    let (first, second) = (placements(outcome, a)?, placements(outcome, b)?);
    let difference_of = |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x - y).collect() };
    let events = difference_of(&first.events, &second.events);
    let others = difference_of(&first.others, &second.others);
    if events.iter().chain(&others).all(|d| *d == 0.0) {
        return Some(PairedTest { z: 0.0, p: 1.0 });
    }
    let variance = covariance(&events, &events) / events.len() as f64
        + covariance(&others, &others) / others.len() as f64;
    let z = mean(&events) / variance.sqrt();
    z.is_finite().then(|| PairedTest { z, p: normal_p(z) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Table;
    use crate::testing::shared;

    #[test]
    fn the_published_scores_give_proc_s_figures() {
        let (Some(cohort), Some(reference)) = (shared("cohort"), shared("reference")) else { return };
        let table = Table::read(&cohort.join("published_test_predictions.csv")).unwrap();
        let column = |name: &str| -> Vec<f64> {
            let c = table.require(name).unwrap();
            (0..table.rows.len()).map(|r| table.number(r, c).unwrap().unwrap()).collect()
        };
        let outcome: Vec<bool> = column("metastasis").iter().map(|y| *y == 1.0).collect();
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(reference.join("r/roc.json")).unwrap()).unwrap();
        let close = |a: f64, b: &serde_json::Value| {
            let b = b.as_f64().unwrap();
            assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
        };
        for (key, name) in [("t4", "t4_logp1"), ("t11", "t11_logp1"), ("fused", "fused_logp1")] {
            let (score, theirs) = (column(name), &json[key]);
            let ours = auc_with_interval(&outcome, &score).unwrap();
            close(ours.auc, &theirs["auc"]);
            close(ours.interval.unwrap()[0], &theirs["low"]);
            close(ours.interval.unwrap()[1], &theirs["high"]);
            let youden = curve(&outcome, &score).unwrap().youden;
            close(youden.threshold, &theirs["youden"]["threshold"]);
            close(youden.sensitivity, &theirs["youden"]["sensitivity"]);
            close(youden.specificity, &theirs["youden"]["specificity"]);
        }
        let test = paired_test(&outcome, &column("fused_logp1"), &column("t4_logp1")).unwrap();
        close(test.z, &json["fused_vs_t4"]["z"]);
        close(test.p, &json["fused_vs_t4"]["p"]);
    }

    #[test]
    fn ties_count_half_and_edges_are_said_by_none() {
        assert_eq!(auc(&[true, false], &[0.5, 0.5]), Some(0.5));
        assert_eq!(auc(&[true, false, false], &[0.9, 0.1, 0.9]), Some(0.75));
        assert_eq!(auc(&[true, true], &[0.1, 0.2]), None);
        assert_eq!(auc(&[true, false], &[f64::NAN, 0.2]), None);
        assert_eq!(auc_with_interval(&[true, false], &[0.9, 0.1]).unwrap().interval, None);
        let same = [0.1, 0.4, 0.3, 0.8];
        assert_eq!(
            paired_test(&[false, true, false, true], &same, &same),
            Some(PairedTest { z: 0.0, p: 1.0 })
        );
        let doubled = same.map(|s| 2.0 * s);
        assert_eq!(paired_test(&[false, true, false, true], &same, &doubled).unwrap().p, 1.0);
        assert_eq!(paired_test(&[false, true], &[0.1, 0.2], &[0.2, 0.1]), None);
    }

    #[test]
    fn the_area_under_the_points_is_the_auc() {
        let score: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 23)).collect();
        let outcome: Vec<bool> = (0..200).map(|i| (i * 53) % 7 < 3).collect();
        let roc = curve(&outcome, &score).unwrap();
        let area: f64 = roc.points.windows(2).map(|w| (w[1][0] - w[0][0]) * (w[1][1] + w[0][1]) / 2.0).sum();
        assert!((area - auc(&outcome, &score).unwrap()).abs() < 1e-12);
        assert_eq!((roc.points[0], roc.points[roc.points.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
    }
}
