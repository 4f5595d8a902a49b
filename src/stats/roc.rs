//! ROC curves: area, DeLong's interval and paired test, Youden's threshold.

use super::Z_975;

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
