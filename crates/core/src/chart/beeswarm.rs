//! A cohort's Shapley values: one row a variable, one dot a patient, coloured by how high the patient's value is; and
//! one variable's shares against its values.

use super::axes::{Plot, Scale, pretty};
use super::text::{self, fixed, number};
use super::waterfall::value_words;
use super::{Anchor, Chart, Fill, Rect, Role, Text, Weight};
use crate::clinical::importance::{ExplainedCohort, Importance};
use crate::clinical::{Kind, variable};

/// Variables with a row of their own.
const SHOWN: usize = 15;

/// Draws the beeswarm `width` logical points wide; `None` where there is nobody to explain.
pub fn draw(cohort: &ExplainedCohort, source: &str, width: f32) -> Option<Chart> {
    let shown = &cohort.importance[..cohort.importance.len().min(SHOWN)];
    if shown.is_empty() || cohort.patients.is_empty() {
        return None;
    }
    let s = (width / 60.0).clamp(7.5, 11.0);
    let mut chart = Chart::new(width, 0.0, "What the clinical branch depends on, patient by patient");
    let names = shown.iter().map(|i| text::width(&i.label, s, Weight::Regular)).fold(6.0 * s, f32::max);
    let left = names.min(0.3 * width) + 1.6 * s;
    let right = if shown[0].auc.is_some() { 16.0 * s } else { 5.5 * s };
    let (row, top) = (2.6 * s, 3.4 * s);
    let area = Rect::new(left, top, width - left - right, row * shown.len() as f32);
    let scale = Scale::new(domain(cohort), [area.x, area.right()]);
    headings(&mut chart, shown, area, s);
    let zero = scale.at(0.0);
    chart.line([zero, area.y], [zero, area.bottom()], Role::Muted.stroke(0.1 * s));
    for (i, importance) in shown.iter().enumerate() {
        let y = area.y + row * (i as f32 + 0.5);
        chart.line([area.x, y], [area.right(), y], Role::Grid.stroke(0.07 * s));
        let label = text::fit(&importance.label, left - 1.2 * s, s, Weight::Regular);
        chart.text(Text::new([0.0, y + 0.36 * s], label, s, Role::Ink));
        swarm(&mut chart, &dots(cohort, importance), &scale, [y, row], s);
        figures(&mut chart, importance, [area.right(), y], s);
    }
    let foot = x_axis(&mut chart, &scale, area, s);
    chart.height = legend(&mut chart, source, foot, s);
    Some(chart)
}

/// A patient in a row: share of the log-odds, and the value's place from lowest to highest; `None` is missing.
type Dot = (f64, Option<f64>);

fn dots(cohort: &ExplainedCohort, importance: &Importance) -> Vec<Dot> {
    let found = |p: &crate::clinical::importance::ExplainedPatient| {
        let c = p.explanation.contributions.iter().find(|c| c.variable == importance.variable)?;
        Some((c.log_odds, c.value))
    };
    let all: Vec<(f64, Option<f64>)> = cohort.patients.iter().filter_map(found).collect();
    let mut values: Vec<f64> = all.iter().filter_map(|d| d.1).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let last = values.len().saturating_sub(1).max(1) as f64;
    // By rank, so that one extreme value does not leave all others one colour.
    let place = |v: f64| values.partition_point(|x| *x < v) as f64 / last;
    all.into_iter().map(|(share, value)| (share, value.map(place))).collect()
}

fn domain(cohort: &ExplainedCohort) -> [f64; 2] {
    let shares = || cohort.patients.iter().flat_map(|p| &p.explanation.contributions).map(|c| c.log_odds);
    let (low, high) = (shares().fold(0.0, f64::min), shares().fold(0.0, f64::max));
    let room = 0.03 * (high - low).max(1e-6);
    [low - room, high + room]
}

/// Dots that would cover one another stand above and below.
fn swarm(chart: &mut Chart, dots: &[Dot], scale: &Scale, [y, row]: [f32; 2], s: f32) {
    let radius = 0.24 * s;
    let mut sorted: Vec<(f32, Option<f64>)> = dots.iter().map(|d| (scale.at(d.0), d.1)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut start = 0;
    while start < sorted.len() {
        let end = start + sorted[start..].iter().take_while(|d| d.0 - sorted[start].0 < 1.6 * radius).count();
        let count = end - start;
        let step = (1.5 * radius).min((row - 2.0 * radius) / count.max(1) as f32);
        for (k, (x, place)) in sorted[start..end].iter().enumerate() {
            // Middle first, then by turns above and below.
            let side = if k % 2 == 0 { 1.0 } else { -1.0 };
            dot(chart, [*x, y + side * k.div_ceil(2) as f32 * step], radius, *place);
        }
        start = end;
    }
}

/// From the colour of low over pale to that of high values; a ring where the value is missing.
fn dot(chart: &mut Chart, at: [f32; 2], radius: f32, place: Option<f64>) {
    let Some(place) = place else {
        return chart.ring(at, 0.8 * radius, Some(Role::Paper.fill()), Role::Muted.stroke(0.35 * radius));
    };
    let role = if place < 0.5 { Role::Low } else { Role::High };
    let opacity = (2.0 * place - 1.0).abs() as f32;
    chart.dot(at, radius, Role::Grid.fill());
    chart.dot(at, radius, Fill { role, opacity });
}

fn headings(chart: &mut Chart, shown: &[Importance], area: Rect, s: f32) {
    let right =
        |x: f32, words: &str, y: f32| Text::new([x, y], words, 0.85 * s, Role::Muted).anchored(Anchor::End);
    chart.text(right(area.right() + 5.0 * s, "mean", area.y - 1.7 * s));
    chart.text(right(area.right() + 5.0 * s, "share", area.y - 0.6 * s));
    if shown[0].auc.is_some() {
        chart.text(right(chart.width, "AUC lost when", area.y - 1.7 * s));
        chart.text(right(chart.width, "shuffled (95 %)", area.y - 0.6 * s));
    }
}

fn figures(chart: &mut Chart, importance: &Importance, [x, y]: [f32; 2], s: f32) {
    let y = y + 0.36 * s;
    let mean = fixed(importance.mean_abs_shap, 2);
    chart.text(Text::new([x + 5.0 * s, y], mean, 0.95 * s, Role::Ink).anchored(Anchor::End));
    if let Some(auc) = importance.auc {
        let words = format!("{} ({} to {})", fixed(auc.mean, 3), fixed(auc.low, 3), fixed(auc.high, 3));
        let words = text::fit(&words, 10.6 * s, 0.8 * s, Weight::Regular);
        chart.text(Text::new([chart.width, y], words, 0.8 * s, Role::Ink).anchored(Anchor::End));
    }
}

fn x_axis(chart: &mut Chart, scale: &Scale, area: Rect, s: f32) -> f32 {
    let y = area.bottom();
    chart.line([area.x, y], [area.right(), y], Role::Ink.stroke(0.09 * s));
    let ticks = pretty(scale.domain[0], scale.domain[1], 5);
    for tick in ticks.into_iter().filter(|t| scale.holds(*t)) {
        let x = scale.at(tick);
        chart.line([x, y], [x, y + 0.4 * s], Role::Ink.stroke(0.08 * s));
        chart.text(Text::new([x, y + 1.5 * s], number(tick, 2), s, Role::Ink).anchored(Anchor::Middle));
    }
    let middle = (area.x + area.right()) / 2.0;
    let words = "Share of the log-odds of metastasis";
    chart.text(Text::new([middle, y + 3.0 * s], words, s, Role::Ink).anchored(Anchor::Middle));
    y + 3.6 * s
}

/// What the colours mean, and what the chart is made from.
fn legend(chart: &mut Chart, source: &str, foot: f32, s: f32) -> f32 {
    let mut y = foot + 1.2 * s;
    let mut x = 0.0;
    for (words, place) in
        [("low value", Some(0.0)), ("middle", Some(0.5)), ("high", Some(1.0)), ("missing", None)]
    {
        dot(chart, [x + 0.4 * s, y - 0.33 * s], 0.32 * s, place);
        chart.text(Text::new([x + 1.1 * s, y], words, 0.9 * s, Role::Muted));
        x += 2.6 * s + text::width(words, 0.9 * s, Weight::Regular);
    }
    for row in text::wrap(source, chart.width, 0.9 * s, Weight::Regular) {
        y += 1.3 * s;
        chart.text(Text::new([0.0, y], row, 0.9 * s, Role::Muted));
    }
    y + 0.6 * s
}

/// One variable's values against its shares of the log-odds, patients with and without the event in their colours;
/// `None` where the model does not use the variable or nobody has a value.
pub fn dependence(cohort: &ExplainedCohort, key: &str, source: &str, width: f32) -> Option<Chart> {
    let known = variable(key)?;
    let found = |p: &crate::clinical::importance::ExplainedPatient| {
        let c = p.explanation.contributions.iter().find(|c| c.variable == known.key)?;
        Some(([c.value?, c.log_odds], p.outcome))
    };
    let points: Vec<([f64; 2], Option<bool>)> = cohort.patients.iter().filter_map(found).collect();
    let values = || points.iter().map(|p| p.0[0]);
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let shares = || points.iter().map(|p| p.0[1]);
    let (bottom, top) = (shares().fold(0.0, f64::min), shares().fold(0.0, f64::max));
    let s = (width / 56.0).clamp(7.5, 11.5);
    let mut chart = Chart::new(width, 0.0, format!("{}: values and their shares", known.label));
    let codes = matches!(known.kind, Kind::Code(_));
    let room = if codes { 0.5 } else { 0.03 * (high - low).max(1e-9) };
    let y_ticks = pretty(bottom, top.max(bottom + 1e-6), 5);
    let y_domain = [bottom.min(y_ticks[0]), top.max(y_ticks[y_ticks.len() - 1])];
    let area = Rect::new(6.2 * s, 1.0 * s, width - 8.0 * s, 0.5 * width);
    let plot = Plot::new(area, [low - room, high + room], y_domain, s);
    plot.y_axis(&mut chart, &y_ticks, "Share of the log-odds", 1.2 * s, |v| number(v, 2));
    let x_title = if known.unit.is_empty() {
        known.label.to_owned()
    } else {
        format!("{} ({})", known.label, known.unit)
    };
    if codes {
        let mut levels: Vec<f64> = values().collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let widest = 0.95 * area.width / levels.len() as f32;
        let words = |v: f64| text::fit(&value_words(known, v), widest, s, Weight::Regular);
        plot.x_axis(&mut chart, &levels, &x_title, words);
    } else {
        let inside = |t: &f64| *t >= low - room && *t <= high + room;
        let ticks: Vec<f64> = pretty(low, high.max(low + 1e-9), 6).into_iter().filter(inside).collect();
        plot.x_axis(&mut chart, &ticks, &x_title, |v| number(v, 2));
    }
    let zero = plot.y.at(0.0);
    let stroke = Role::Muted.stroke(0.1 * s).dashed(0.5 * s, 0.4 * s);
    chart.line([area.x, zero], [area.right(), zero], stroke);
    for (i, ([value, share], outcome)) in points.iter().enumerate() {
        // Patients with one code stand beside one another.
        let aside = if codes { ((i as f64 * 0.618_033_988_749_895).fract() - 0.5) * 0.5 } else { 0.0 };
        let role = match outcome {
            Some(true) => Role::High,
            Some(false) => Role::Low,
            None => Role::Series(0),
        };
        chart.dot(plot.at(value + aside, *share), 0.3 * s, Fill { role, opacity: 0.7 });
    }
    let mut y = area.bottom() + 4.6 * s;
    let lacking = cohort.patients.len() - points.len();
    let mut note = "Orange: metastasis; blue: none".to_owned();
    if points.iter().all(|p| p.1.is_none()) {
        note = "Outcomes are not known".to_owned();
    }
    if lacking > 0 {
        note += &format!("; {lacking} patients without a value are not shown");
    }
    for words in [note.as_str(), source] {
        for row in text::wrap(words, width, 0.9 * s, Weight::Regular) {
            chart.text(Text::new([0.0, y], row, 0.9 * s, Role::Muted));
            y += 1.3 * s;
        }
    }
    chart.height = y - 0.4 * s;
    Some(chart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check;
    use crate::clinical::importance::{ExplainedPatient, Worse};
    use crate::clinical::{Contribution, Explanation, VARIABLES};

    fn cohort(n: usize, outcomes: bool) -> ExplainedCohort {
        let fraction = |i: usize, j: usize| (i as f64 * (j as f64 + 2.3).sqrt()).fract();
        let patient = |i: usize| {
            let contribution = |(j, v): (usize, &crate::clinical::Variable)| {
                let place = fraction(i, j);
                let value = match v.kind {
                    Kind::Code(codes) => codes[(place * codes.len() as f64) as usize].0 as f64,
                    Kind::Number { .. } => 20.0 + 60.0 * place,
                };
                Contribution {
                    variable: v.key.to_owned(),
                    label: v.label.to_owned(),
                    value: (i % 17 != j).then_some(value),
                    log_odds: (place - 0.5) * 3.0 / (j as f64 + 1.0),
                }
            };
            let contributions = VARIABLES.iter().enumerate().map(contribution).collect();
            ExplainedPatient {
                id: i.to_string(),
                outcome: outcomes.then_some(i.is_multiple_of(3)),
                probability: 0.3,
                explanation: Explanation { base_log_odds: -1.0, contributions },
            }
        };
        let importance = VARIABLES.iter().enumerate().map(|(j, v)| Importance {
            variable: v.key.to_owned(),
            label: v.label.to_owned(),
            mean_abs_shap: 0.7 / (j as f64 + 1.0),
            missing: 0,
            auc: outcomes.then_some(Worse { mean: 0.04, low: -0.01, high: 0.09 }),
            log_loss: None,
        });
        ExplainedCohort {
            patients: (0..n).map(patient).collect(),
            importance: importance.collect(),
            auc: None,
            log_loss: None,
            repeats: 10,
        }
    }

    #[test]
    fn nothing_is_cut_or_covered_and_every_patient_has_a_dot() {
        for (n, outcomes) in [(186, true), (30, false), (1, true)] {
            for width in [420.0, 680.0, 1000.0] {
                let chart = draw(&cohort(n, outcomes), "made-up cohort · patients of the test split", width);
                check::assert_sound(&chart.unwrap());
            }
        }
        let chart = draw(&cohort(186, true), "made-up cohort · 186 patients", 720.0).unwrap();
        let circles = chart.marks.iter().filter(|m| matches!(m, crate::chart::Mark::Circle { .. })).count();
        assert!(circles >= 186 * SHOWN);
        check::look(&chart, "beeswarm");
        assert!(draw(&cohort(0, true), "", 600.0).is_none());
    }

    #[test]
    fn a_measured_and_a_coded_variable_are_drawn_against_their_shares() {
        for key in ["age", "n_stage"] {
            for width in [420.0, 720.0] {
                let chart = dependence(&cohort(186, true), key, "made-up cohort", width).unwrap();
                check::assert_sound(&chart);
            }
            check::look(
                &dependence(&cohort(186, true), key, "made-up", 680.0).unwrap(),
                &format!("dependence-{key}"),
            );
        }
        assert!(dependence(&cohort(5, true), "price", "", 600.0).is_none());
    }
}
