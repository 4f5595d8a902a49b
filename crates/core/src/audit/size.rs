//! Whether there are enough events for what is to be learnt.

use super::frame::{Cohort, Entry};
use super::{Code, Finding, Severity};
use crate::cohort::Split;

/// Events for each coefficient below which models overfit (Peduzzi, J Clin Epidemiol 1996, 49:1373).
const PER_VARIABLE: f64 = 10.0;
/// Below so many events in the smaller outcome no area under a curve is worth printing.
const FEWEST: usize = 10;

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let frame = if cohort.clinical.rows.is_empty() { &cohort.survival } else { &cohort.clinical };
    let has_training = frame.rows.iter().any(|e| e.split == Some(Split::Train));
    let learned = |e: &&Entry| !has_training || e.split == Some(Split::Train);
    let smaller = |rows: &mut dyn Iterator<Item = &Entry>| {
        let (mut events, mut others) = (0usize, 0usize);
        rows.filter_map(|e| e.outcome).for_each(|y| if y { events += 1 } else { others += 1 });
        (events.min(others), events, others)
    };
    let mut found = Vec::new();
    if frame.rows.iter().any(|e| e.outcome.is_some()) {
        let (least, events, others) = smaller(&mut frame.rows.iter().filter(learned));
        let coefficients: usize = frame
            .predictors()
            .filter(|c| c.distinct > 1 && (c.numeric || c.distinct <= 20))
            .map(|c| if c.numeric { 1 } else { c.distinct - 1 })
            .sum();
        let per = least as f64 / coefficients.max(1) as f64;
        if coefficients > 0 && per < PER_VARIABLE {
            let severity = match per {
                _ if least < FEWEST => Severity::High,
                p if p < 5.0 => Severity::Medium,
                _ => Severity::Low,
            };
            let message = format!(
                "{events} patients with and {others} without metastasis are there to learn from, for {coefficients} \
                 predictors: {per:.1} of the rarer outcome each, where 10 are the usual least. A model with all of them \
                 fits this cohort better than any other; choose few predictors beforehand, or shrink and validate elsewhere."
            );
            found.push(
                Finding::new(Code::FewEvents, severity, message)
                    .evidence("events", events)
                    .evidence("others", others)
                    .evidence("predictors", coefficients)
                    .evidence("events_per_variable", per),
            );
        }
    }
    let test = frame.rows.iter().filter(|e| e.split == Some(Split::Test));
    let (least, events, others) = smaller(&mut test.clone());
    if test.count() > 0 && events + others > 0 && least < FEWEST {
        let message = format!(
            "The test patients are {events} with and {others} without metastasis: an area under the ROC curve from so few \
             has an interval too wide to tell a good model from none."
        );
        let severity = if least < 5 { Severity::High } else { Severity::Medium };
        found.push(
            Finding::new(Code::FewEvents, severity, message)
                .evidence("test_events", events)
                .evidence("test_others", others),
        );
    }
    found
}
