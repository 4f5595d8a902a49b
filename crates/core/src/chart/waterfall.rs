//! Why the clinical branch said what it said: from what is known of nobody in particular, variable by variable, to this
//! patient's probability. Lengths are log-odds, the axis is written in probabilities.

use super::axes::Scale;
use super::nomogram::code_words;
use super::text::{self, number, probability};
use super::{Anchor, Chart, Rect, Role, Text, Weight};
use crate::clinical::{Contribution, Explanation, Kind, Variable, variable};
use crate::stats::logistic::logistic;

/// Variables with a bar of their own; the rest share one.
const SHOWN: usize = 9;

/// Probabilities the axis may name.
const TICKS: [f64; 13] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.0001];

struct Row {
    label: String,
    value: String,
    missing: bool,
    move_by: f64,
}

/// Draws the waterfall `width` logical points wide; `None` where there is nothing to explain.
pub fn draw(explanation: &Explanation, width: f32) -> Option<Chart> {
    if explanation.contributions.is_empty() {
        return None;
    }
    let s = (width / 52.0).clamp(7.5, 11.0);
    let rows = rows(explanation);
    let (base, end) = (explanation.base_log_odds, explanation.log_odds());
    let (top, row, names) = (3.2 * s, 1.75 * s, name_width(&rows, s, width));
    let bottom = top + row * rows.len() as f32;
    let title = format!(
        "Why the clinical branch says {}: each variable's share of the log-odds",
        probability(logistic(end))
    );
    let mut chart = Chart::new(width, bottom + 4.6 * s, title);
    let scale = scale(&rows, base, [names + 1.6 * s, width - 2.6 * s]);
    axis(&mut chart, &scale, top, bottom, s);
    ends(&mut chart, &scale, [base, end], [top, bottom], s);
    let mut at = base;
    for (i, r) in rows.iter().enumerate() {
        let y = top + row * (i as f32 + 0.5);
        name(&mut chart, r, y, names, s);
        bar(&mut chart, r, [scale.at(at), scale.at(at + r.move_by)], y, row, s);
        at += r.move_by;
        if i + 1 < rows.len() {
            let x = scale.at(at);
            chart.line([x, y + 0.3 * row], [x, y + 0.7 * row], Role::Muted.stroke(0.7));
        }
    }
    Some(chart)
}

/// The largest moves first, then what is left as one.
fn rows(explanation: &Explanation) -> Vec<Row> {
    let sorted: Vec<&Contribution> =
        explanation.by_size().into_iter().filter(|c| c.log_odds != 0.0).collect();
    // One variable left over gets its own bar instead of "1 other".
    let own = if sorted.len() <= SHOWN + 1 { sorted.len() } else { SHOWN };
    let mut rows: Vec<Row> = sorted[..own].iter().map(|c| of(c)).collect();
    let rest = &sorted[own..];
    if !rest.is_empty() {
        rows.push(Row {
            label: format!("{} other variables", rest.len()),
            value: String::new(),
            missing: false,
            move_by: rest.iter().map(|c| c.log_odds).sum(),
        });
    }
    rows
}

fn of(c: &Contribution) -> Row {
    let words = match (c.value, variable(&c.variable)) {
        (Some(value), Some(known)) => value_words(known, value),
        (Some(value), None) => number(value, 3),
        (None, _) => "missing".to_owned(),
    };
    Row { label: c.label.clone(), value: words, missing: c.value.is_none(), move_by: c.log_odds }
}

/// A value as a person reads it, with unit or the code's word.
pub fn value_words(variable: &Variable, value: f64) -> String {
    match variable.kind {
        Kind::Number { decimals, .. } => {
            // A value given more finely than usual is not rounded away.
            let written = number(value, decimals.max(2));
            if variable.unit.is_empty() { written } else { format!("{written} {}", variable.unit) }
        }
        Kind::Code(_) => {
            code_words(variable, value).map_or_else(|| number(value, 3), |words| words.to_owned())
        }
    }
}

/// Room for names and values, at most half the chart.
fn name_width(rows: &[Row], s: f32, width: f32) -> f32 {
    let both = |r: &Row| {
        text::width(&r.label, s, Weight::Regular) + text::width(&r.value, s, Weight::Regular) + 1.2 * s
    };
    rows.iter().map(both).fold(8.0 * s, f32::max).min(0.5 * width)
}

/// Log-odds to points, with room for every bar and for the figures at their ends.
fn scale(rows: &[Row], base: f64, range: [f32; 2]) -> Scale {
    let (mut low, mut high, mut at) = (base, base, base);
    for row in rows {
        at += row.move_by;
        (low, high) = (low.min(at), high.max(at));
    }
    let margin = 0.12 * (high - low).max(0.5);
    Scale::new([low - margin, high + margin], range)
}

/// Gridlines at round probabilities as far as their labels have room.
fn axis(chart: &mut Chart, scale: &Scale, top: f32, bottom: f32, s: f32) {
    let mut taken: Vec<f32> = Vec::new();
    // One half is the vote's border and comes first.
    let mut ticks = TICKS;
    ticks.sort_by(|a, b| (a - 0.5).abs().total_cmp(&(b - 0.5).abs()));
    for p in ticks {
        let log_odds = (p / (1.0 - p)).ln();
        if !scale.holds(log_odds) {
            continue;
        }
        let x = scale.at(log_odds);
        if taken.iter().any(|t| (t - x).abs() < 3.6 * s) {
            continue;
        }
        taken.push(x);
        let stroke = if p == 0.5 { Role::Muted.stroke(0.9).dashed(3.0, 2.0) } else { Role::Grid.stroke(0.8) };
        chart.line([x, top], [x, bottom], stroke);
        let label = Text::new([x, bottom + 1.3 * s], text::percent(p), 0.9 * s, Role::Muted);
        chart.text(label.anchored(Anchor::Middle));
    }
    let middle = (scale.range[0] + scale.range[1]) / 2.0;
    let words = "Probability of metastasis (spaced by log-odds)";
    chart.text(Text::new([middle, bottom + 2.9 * s], words, 0.9 * s, Role::Muted).anchored(Anchor::Middle));
    let place = [0.0, bottom + 4.2 * s];
    let words = "Exact Shapley values of the boosted trees; they explain the model, not the disease.";
    let words = text::fit(words, chart.width, 0.85 * s, Weight::Regular);
    chart.text(Text::new(place, words, 0.85 * s, Role::Muted));
}

/// Where the bars start and end, in words above the rows.
fn ends(chart: &mut Chart, scale: &Scale, [base, end]: [f64; 2], [top, bottom]: [f32; 2], s: f32) {
    let [from, to] = [scale.at(base), scale.at(end)];
    chart.line([from, top - 0.3 * s], [from, bottom], Role::Muted.stroke(0.9));
    chart.line([to, top - 0.3 * s], [to, bottom], Role::Accent.stroke(1.2));
    let words = [
        (from, 1.1 * s, format!("average {}", probability(logistic(base))), Role::Muted),
        (to, 2.4 * s, format!("this patient {}", probability(logistic(end))), Role::Accent),
    ];
    for (x, y, words, role) in words {
        let text = Text::new([x, y], words, s, role).bold().anchored(Anchor::Middle);
        let half = text.width() / 2.0;
        let x = x.clamp(half, chart.width - half);
        chart.text(Text { at: [x, y], ..text });
    }
}

fn name(chart: &mut Chart, row: &Row, y: f32, width: f32, s: f32) {
    let role = if row.missing { Role::Warning } else { Role::Muted };
    let label_width = text::width(&row.label, s, Weight::Regular);
    let room = (width - label_width - 0.8 * s).max(0.4 * width);
    let value = text::fit(&row.value, room, s, Weight::Regular);
    let value = Text::new([width, y + 0.36 * s], value, s, role).anchored(Anchor::End);
    let room = width - value.width() - 0.8 * s;
    let label = text::fit(&row.label, room, s, Weight::Regular);
    chart.text(Text::new([0.0, y + 0.36 * s], label, s, Role::Ink));
    chart.text(value);
}

fn bar(chart: &mut Chart, row: &Row, [from, to]: [f32; 2], y: f32, height: f32, s: f32) {
    let role = if row.move_by >= 0.0 { Role::High } else { Role::Low };
    let rect = Rect::new(from.min(to), y - 0.3 * height, (to - from).abs().max(0.6), 0.6 * height);
    chart.fill_rect(rect, 1.0, role.fill());
    let words = if row.move_by >= 0.0 {
        format!("+{}", text::fixed(row.move_by, 2))
    } else {
        text::fixed(row.move_by, 2)
    };
    let (x, anchor) = if row.move_by >= 0.0 {
        (rect.right() + 0.35 * s, Anchor::Start)
    } else {
        (rect.x - 0.35 * s, Anchor::End)
    };
    chart.text(Text::new([x, y + 0.32 * s], words, 0.9 * s, role).anchored(anchor));
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn explanation(moves: &[(&str, Option<f64>, f64)]) -> Explanation {
        let one = |(key, value, log_odds): &(&str, Option<f64>, f64)| Contribution {
            variable: key.to_string(),
            label: variable(key).unwrap().label.to_owned(),
            value: *value,
            log_odds: *log_odds,
        };
        Explanation { base_log_odds: -0.8, contributions: moves.iter().map(one).collect() }
    }

    fn usual() -> Explanation {
        explanation(&[
            ("age", Some(57.0), -0.21),
            ("tumor_size", Some(4.0), 0.93),
            ("n_stage", Some(3.0), 1.7),
            ("lvi", Some(1.0), 0.4),
            ("cea", None, -0.35),
            ("ki67", Some(35.0), 0.3),
            ("pmi_t4", Some(12.34), -1.2),
            ("bmi", Some(23.3), 0.05),
            ("er", Some(1.0), -0.04),
            ("pr", Some(1.0), 0.03),
            ("her2", Some(0.0), 0.02),
            ("subtype", Some(2.0), 0.0),
        ])
    }

    #[test]
    fn bars_lead_from_the_average_to_the_patient() {
        let explanation = usual();
        for width in [320.0, 520.0, 900.0] {
            let chart = draw(&explanation, width).unwrap();
            check::assert_sound(&chart);
            let words: Vec<&str> = chart.texts().map(|t| t.text.as_str()).collect();
            assert!(
                words.contains(&"N stage") && words.contains(&"N3") && words.contains(&"+1.70"),
                "{words:?}"
            );
            assert!(words.contains(&"missing"), "{words:?}");
            assert!(words.contains(&"2 other variables"), "{words:?}");
            let patient = format!("this patient {}", probability(logistic(explanation.log_odds())));
            assert!(words.contains(&patient.as_str()), "{words:?}");
        }
        check::look(&draw(&explanation, 620.0).unwrap(), "waterfall");
    }

    #[test]
    fn extremes_and_nothing_stay_drawable() {
        assert!(draw(&Explanation::default(), 400.0).is_none());
        let far = explanation(&[("age", Some(57.0), 14.0), ("cea", Some(1.0), -9.0)]);
        check::assert_sound(&draw(&far, 400.0).unwrap());
        let flat = explanation(&[("age", Some(57.0), 0.0)]);
        check::assert_sound(&draw(&flat, 400.0).unwrap());
    }
}
