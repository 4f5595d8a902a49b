//! Why a model said what it said: from what it says of nobody in particular, variable by variable, to one probability.
//! Lengths are log-odds, the axis is written in probabilities.

use super::axes::Scale;
use super::text;
use super::{Anchor, Chart, Rect, Role, Text, Weight};

/// Variables with a bar of their own; the rest share one.
const SHOWN: usize = 9;

/// Probabilities the axis may name.
const TICKS: [f64; 13] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.0001];

/// One variable's share.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub label: String,
    /// The variable's value, in words.
    pub value: String,
    pub missing: bool,
    /// How far it moves the log-odds.
    pub log_odds: f64,
}

/// What a waterfall is drawn from; its bars lead from `base_log_odds` by all shares to the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Waterfall {
    pub base_log_odds: f64,
    pub shares: Vec<Share>,
    pub title: String,
    /// Said where the bars start and where they end.
    pub ends: [String; 2],
    pub axis: String,
    /// Stands below the axis.
    pub note: String,
}

impl Waterfall {
    fn result(&self) -> f64 {
        self.base_log_odds + self.shares.iter().map(|c| c.log_odds).sum::<f64>()
    }
}

/// Draws the waterfall `width` logical points wide; `None` where there is nothing to explain.
pub fn draw(content: &Waterfall, width: f32) -> Option<Chart> {
    if content.shares.is_empty() {
        return None;
    }
    let s = (width / 52.0).clamp(7.5, 11.0);
    let rows = rows(&content.shares);
    let (base, end) = (content.base_log_odds, content.result());
    let (top, row, names) = (3.2 * s, 1.75 * s, name_width(&rows, s, width));
    let bottom = top + row * rows.len() as f32;
    let mut chart = Chart::new(width, bottom + 4.6 * s, content.title.as_str());
    let scale = scale(&rows, base, [names + 1.6 * s, width - 2.6 * s]);
    axis(&mut chart, content, &scale, top, bottom, s);
    ends(&mut chart, content, &scale, [base, end], [top, bottom], s);
    let mut at = base;
    for (i, r) in rows.iter().enumerate() {
        let y = top + row * (i as f32 + 0.5);
        name(&mut chart, r, y, names, s);
        bar(&mut chart, r, [scale.at(at), scale.at(at + r.log_odds)], y, row, s);
        at += r.log_odds;
        if i + 1 < rows.len() {
            let x = scale.at(at);
            chart.line([x, y + 0.3 * row], [x, y + 0.7 * row], Role::Muted.stroke(0.7));
        }
    }
    Some(chart)
}

/// The largest moves first, whichever way they go, then what is left as one.
fn rows(shares: &[Share]) -> Vec<Share> {
    let mut sorted: Vec<&Share> = shares.iter().collect();
    sorted.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
    sorted.retain(|c| c.log_odds != 0.0);
    // One variable left over gets its own bar instead of "1 other".
    let own = if sorted.len() <= SHOWN + 1 { sorted.len() } else { SHOWN };
    let mut rows: Vec<Share> = sorted[..own].iter().map(|c| (*c).clone()).collect();
    let rest = &sorted[own..];
    if !rest.is_empty() {
        rows.push(Share {
            label: format!("{} other variables", rest.len()),
            value: String::new(),
            missing: false,
            log_odds: rest.iter().map(|c| c.log_odds).sum(),
        });
    }
    rows
}

/// Room for names and values, at most half the chart.
fn name_width(rows: &[Share], s: f32, width: f32) -> f32 {
    let both = |r: &Share| {
        text::width(&r.label, s, Weight::Regular) + text::width(&r.value, s, Weight::Regular) + 1.2 * s
    };
    rows.iter().map(both).fold(8.0 * s, f32::max).min(0.5 * width)
}

/// Log-odds to points, with room for every bar and for the figures at their ends.
fn scale(rows: &[Share], base: f64, range: [f32; 2]) -> Scale {
    let (mut low, mut high, mut at) = (base, base, base);
    for row in rows {
        at += row.log_odds;
        (low, high) = (low.min(at), high.max(at));
    }
    let margin = 0.12 * (high - low).max(0.5);
    Scale::new([low - margin, high + margin], range)
}

/// Gridlines at round probabilities as far as their labels have room.
fn axis(chart: &mut Chart, content: &Waterfall, scale: &Scale, top: f32, bottom: f32, s: f32) {
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
    let words = content.axis.as_str();
    chart.text(Text::new([middle, bottom + 2.9 * s], words, 0.9 * s, Role::Muted).anchored(Anchor::Middle));
    let place = [0.0, bottom + 4.2 * s];
    let words = text::fit(&content.note, chart.width, 0.85 * s, Weight::Regular);
    chart.text(Text::new(place, words, 0.85 * s, Role::Muted));
}

/// Where the bars start and end, in words above the rows.
fn ends(
    chart: &mut Chart,
    content: &Waterfall,
    scale: &Scale,
    [base, end]: [f64; 2],
    [top, bottom]: [f32; 2],
    s: f32,
) {
    let [from, to] = [scale.at(base), scale.at(end)];
    chart.line([from, top - 0.3 * s], [from, bottom], Role::Muted.stroke(0.9));
    chart.line([to, top - 0.3 * s], [to, bottom], Role::Accent.stroke(1.2));
    let words = [
        (from, 1.1 * s, content.ends[0].as_str(), Role::Muted),
        (to, 2.4 * s, content.ends[1].as_str(), Role::Accent),
    ];
    for (x, y, words, role) in words {
        let text = Text::new([x, y], words, s, role).bold().anchored(Anchor::Middle);
        let half = text.width() / 2.0;
        let x = x.clamp(half, chart.width - half);
        chart.text(Text { at: [x, y], ..text });
    }
}

fn name(chart: &mut Chart, row: &Share, y: f32, width: f32, s: f32) {
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

fn bar(chart: &mut Chart, row: &Share, [from, to]: [f32; 2], y: f32, height: f32, s: f32) {
    let role = if row.log_odds >= 0.0 { Role::High } else { Role::Low };
    let rect = Rect::new(from.min(to), y - 0.3 * height, (to - from).abs().max(0.6), 0.6 * height);
    chart.fill_rect(rect, 1.0, role.fill());
    let words = if row.log_odds >= 0.0 {
        format!("+{}", text::fixed(row.log_odds, 2))
    } else {
        text::fixed(row.log_odds, 2)
    };
    let (x, anchor) = if row.log_odds >= 0.0 {
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

    fn explanation(moves: &[(&str, &str, f64)]) -> Waterfall {
        let one = |(label, value, log_odds): &(&str, &str, f64)| Share {
            label: label.to_string(),
            value: value.to_string(),
            missing: *value == "missing",
            log_odds: *log_odds,
        };
        Waterfall {
            base_log_odds: -0.8,
            shares: moves.iter().map(one).collect(),
            title: "why".to_owned(),
            ends: ["average 31 %".to_owned(), "this one 80 %".to_owned()],
            axis: "Probability (spaced by log-odds)".to_owned(),
            note: "Exact Shapley values".to_owned(),
        }
    }

    fn usual() -> Waterfall {
        explanation(&[
            ("Age", "57 years", -0.21),
            ("Tumour size", "4 cm", 0.93),
            ("N stage", "N3", 1.7),
            ("Lymphovascular invasion", "Yes", 0.4),
            ("CEA", "missing", -0.35),
            ("Ki-67", "35 %", 0.3),
            ("PMI at T4", "12.34 cm²/m²", -1.2),
            ("BMI", "23.3 kg/m²", 0.05),
            ("Oestrogen receptor", "Positive", -0.04),
            ("Progesterone receptor", "Positive", 0.03),
            ("HER2", "Negative", 0.02),
            ("Molecular subtype", "2", 0.0),
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
            assert!(words.contains(&"this one 80 %"), "{words:?}");
        }
        check::look(&draw(&explanation, 620.0).unwrap(), "waterfall");
    }

    #[test]
    fn extremes_and_nothing_stay_drawable() {
        assert!(draw(&explanation(&[]), 400.0).is_none());
        let far = explanation(&[("Age", "57 years", 14.0), ("CEA", "1.0", -9.0)]);
        check::assert_sound(&draw(&far, 400.0).unwrap());
        let flat = explanation(&[("Age", "57 years", 0.0)]);
        check::assert_sound(&draw(&flat, 400.0).unwrap());
    }
}
