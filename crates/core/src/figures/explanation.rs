//! Shapley values of the clinical branch as the charts' values.

use thoracast_chart::beeswarm::{Beeswarm, Dependence, Point, Row};
use thoracast_chart::text::{number, probability};
use thoracast_chart::waterfall::{Share, Waterfall};

use crate::clinical::importance::{ExplainedCohort, ExplainedPatient, Importance};
use crate::clinical::{Contribution, Explanation, Kind, Variable, variable};
use crate::stats::logistic::logistic;

/// From what the branch says of nobody in particular to what it says of one patient.
pub fn waterfall(explanation: &Explanation) -> Waterfall {
    let [base, end] =
        [explanation.base_log_odds, explanation.log_odds()].map(|log_odds| probability(logistic(log_odds)));
    Waterfall {
        base_log_odds: explanation.base_log_odds,
        shares: explanation.contributions.iter().map(share).collect(),
        title: format!("Why the clinical branch says {end}: each variable's share of the log-odds"),
        ends: [format!("average {base}"), format!("this patient {end}")],
        axis: "Probability of metastasis (spaced by log-odds)".to_owned(),
        note: "Exact Shapley values of the boosted trees; they explain the model, not the disease."
            .to_owned(),
    }
}

fn share(c: &Contribution) -> Share {
    let value = match (c.value, variable(&c.variable)) {
        (Some(value), Some(known)) => value_words(known, value),
        (Some(value), None) => number(value, 3),
        (None, _) => "missing".to_owned(),
    };
    Share { label: c.label.clone(), value, missing: c.value.is_none(), log_odds: c.log_odds }
}

/// A value as a person reads it, with unit or the code's word.
pub fn value_words(variable: &Variable, value: f64) -> String {
    match variable.kind {
        Kind::Number { decimals, .. } => {
            // A value given more finely than usual is not rounded away.
            let written = number(value, decimals.max(2));
            if variable.unit.is_empty() { written } else { format!("{written} {}", variable.unit) }
        }
        Kind::Code(codes) => {
            let word = codes.iter().find(|(code, _)| *code as f64 == value);
            word.map_or_else(|| number(value, 3), |(_, word)| (*word).to_owned())
        }
    }
}

/// What the branch depends on, patient by patient.
pub fn beeswarm(cohort: &ExplainedCohort, source: &str) -> Beeswarm {
    let row = |importance: &Importance| Row {
        label: importance.label.clone(),
        cases: contributions(cohort, &importance.variable).map(|(_, c)| (c.log_odds, c.value)).collect(),
        mean: importance.mean_abs_shap,
        auc_lost: importance.auc.map(|auc| [auc.mean, auc.low, auc.high]),
    };
    Beeswarm {
        title: "What the clinical branch depends on, patient by patient".to_owned(),
        axis: "Share of the log-odds of metastasis".to_owned(),
        rows: cohort.importance.iter().map(row).collect(),
        source: source.to_owned(),
    }
}

/// Each patient with what one variable contributed.
fn contributions<'a>(
    cohort: &'a ExplainedCohort,
    key: &str,
) -> impl Iterator<Item = (&'a ExplainedPatient, &'a Contribution)> {
    cohort
        .patients
        .iter()
        .filter_map(move |p| Some((p, p.explanation.contributions.iter().find(|c| c.variable == key)?)))
}

/// One variable's values against its shares; `None` where the study does not know the variable.
pub fn dependence(cohort: &ExplainedCohort, key: &str, source: &str) -> Option<Dependence> {
    let known = variable(key)?;
    let points: Vec<Point> = contributions(cohort, known.key)
        .filter_map(|(p, c)| Some(Point { value: c.value?, share: c.log_odds, event: p.outcome }))
        .collect();
    let mut note = "Orange: metastasis; blue: none".to_owned();
    if points.iter().all(|p| p.event.is_none()) {
        note = "Outcomes are not known".to_owned();
    }
    let lacking = cohort.patients.len() - points.len();
    if lacking > 0 {
        note += &format!("; {lacking} patients without a value are not shown");
    }
    let x_title = match known.unit {
        "" => known.label.to_owned(),
        unit => format!("{} ({unit})", known.label),
    };
    Some(Dependence {
        title: format!("{}: values and their shares", known.label),
        x_title,
        y_title: "Share of the log-odds".to_owned(),
        codes: matches!(known.kind, Kind::Code(_)).then(|| codes(known, &points)),
        points,
        notes: vec![note, source.to_owned()],
    })
}

/// The codes that occur, ascending, and their words.
fn codes(variable: &Variable, points: &[Point]) -> Vec<(f64, String)> {
    let mut codes: Vec<f64> = points.iter().map(|p| p.value).collect();
    codes.sort_by(f64::total_cmp);
    codes.dedup();
    codes.into_iter().map(|code| (code, value_words(variable, code))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contribution(key: &str, value: Option<f64>, log_odds: f64) -> Contribution {
        let label = variable(key).unwrap().label.to_owned();
        Contribution { variable: key.to_owned(), label, value, log_odds }
    }

    #[test]
    fn values_are_written_with_unit_or_word_and_missing_ones_are_said() {
        let contributions = vec![
            contribution("n_stage", Some(3.0), 1.7),
            contribution("pmi_t4", Some(12.34), -1.2),
            contribution("cea", None, -0.35),
        ];
        let explanation = Explanation { base_log_odds: -0.8, contributions };
        let chart = waterfall(&explanation);
        let values: Vec<&str> = chart.shares.iter().map(|s| s.value.as_str()).collect();
        assert_eq!(values, ["N3", "12.34 cm²/m²", "missing"]);
        assert_eq!(chart.ends[1], format!("this patient {}", probability(logistic(-0.65))));
        let patient = |id: &str, contributions: &[Contribution], outcome| ExplainedPatient {
            id: id.to_owned(),
            outcome,
            probability: 0.3,
            explanation: Explanation { base_log_odds: -0.8, contributions: contributions.to_vec() },
        };
        let cohort = ExplainedCohort {
            patients: vec![
                patient("1", &explanation.contributions, Some(true)),
                patient("2", &explanation.contributions[2..], Some(false)),
            ],
            importance: vec![],
            auc: None,
            log_loss: None,
            repeats: 1,
        };
        let drawn = dependence(&cohort, "n_stage", "made up").unwrap();
        assert_eq!(drawn.codes, Some(vec![(3.0, "N3".to_owned())]));
        assert_eq!(
            drawn.notes[0],
            "Orange: metastasis; blue: none; 1 patients without a value are not shown"
        );
        assert!(dependence(&cohort, "price", "").is_none());
    }
}
