//! Shares of many: one row a variable, one dot a case, coloured by how high the case's value is; and one variable's shares
//! against its values.

use super::axes::{Plot, Scale, pretty};
use super::text::{self, fixed, number};
use super::{Anchor, Chart, Fill, Rect, Role, Text, Weight};

/// Variables with a row of their own.
const SHOWN: usize = 15;

/// One variable among all cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub label: String,
    /// Each case's share of the log-odds, and its value; `None` is missing.
    pub cases: Vec<(f64, Option<f64>)>,
    /// Mean size of the shares.
    pub mean: f64,
    /// What the AUC loses without the variable: mean, lowest and highest of the middle 95 %.
    pub auc_lost: Option<[f64; 3]>,
}

/// What a beeswarm is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Beeswarm {
    pub title: String,
    /// What a share is.
    pub axis: String,
    /// The most important first; the first fifteen are shown, all of them span the axis.
    pub rows: Vec<Row>,
    /// Data set, model, number of cases: printed below.
    pub source: String,
}

/// Draws the beeswarm `width` logical points wide; `None` where there is nobody to explain.
pub fn draw(content: &Beeswarm, width: f32) -> Option<Chart> {
    let shown = &content.rows[..content.rows.len().min(SHOWN)];
    if shown.iter().all(|row| row.cases.is_empty()) {
        return None;
    }
    let s = (width / 60.0).clamp(7.5, 11.0);
    let mut chart = Chart::new(width, 0.0, content.title.as_str());
    let names = shown.iter().map(|i| text::width(&i.label, s, Weight::Regular)).fold(6.0 * s, f32::max);
    let left = names.min(0.3 * width) + 1.6 * s;
    let right = if shown[0].auc_lost.is_some() { 16.0 * s } else { 5.5 * s };
    let (row, top) = (2.6 * s, 3.4 * s);
    let area = Rect::new(left, top, width - left - right, row * shown.len() as f32);
    let scale = Scale::new(domain(&content.rows), [area.x, area.right()]);
    headings(&mut chart, shown, area, s);
    let zero = scale.at(0.0);
    chart.line([zero, area.y], [zero, area.bottom()], Role::Muted.stroke(0.1 * s));
    for (i, variable) in shown.iter().enumerate() {
        let y = area.y + row * (i as f32 + 0.5);
        chart.line([area.x, y], [area.right(), y], Role::Grid.stroke(0.07 * s));
        let label = text::fit(&variable.label, left - 1.2 * s, s, Weight::Regular);
        chart.text(Text::new([0.0, y + 0.36 * s], label, s, Role::Ink));
        swarm(&mut chart, &dots(variable), &scale, [y, row], s);
        figures(&mut chart, variable, [area.right(), y], s);
    }
    let foot = x_axis(&mut chart, &scale, area, &content.axis, s);
    chart.height = legend(&mut chart, &content.source, foot, s);
    Some(chart)
}

/// A case in a row: share of the log-odds, and the value's place from lowest to highest; `None` is missing.
type Dot = (f64, Option<f64>);

fn dots(row: &Row) -> Vec<Dot> {
    let mut values: Vec<f64> = row.cases.iter().filter_map(|d| d.1).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let last = values.len().saturating_sub(1).max(1) as f64;
    // By rank, so that one extreme value does not leave all others one colour.
    let place = |v: f64| values.partition_point(|x| *x < v) as f64 / last;
    row.cases.iter().map(|(share, value)| (*share, value.map(place))).collect()
}

fn domain(rows: &[Row]) -> [f64; 2] {
    let shares = || rows.iter().flat_map(|row| &row.cases).map(|c| c.0);
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

fn headings(chart: &mut Chart, shown: &[Row], area: Rect, s: f32) {
    let right =
        |x: f32, words: &str, y: f32| Text::new([x, y], words, 0.85 * s, Role::Muted).anchored(Anchor::End);
    chart.text(right(area.right() + 5.0 * s, "mean", area.y - 1.7 * s));
    chart.text(right(area.right() + 5.0 * s, "share", area.y - 0.6 * s));
    if shown[0].auc_lost.is_some() {
        chart.text(right(chart.width, "AUC lost when", area.y - 1.7 * s));
        chart.text(right(chart.width, "shuffled (95 %)", area.y - 0.6 * s));
    }
}

fn figures(chart: &mut Chart, row: &Row, [x, y]: [f32; 2], s: f32) {
    let y = y + 0.36 * s;
    let mean = fixed(row.mean, 2);
    chart.text(Text::new([x + 5.0 * s, y], mean, 0.95 * s, Role::Ink).anchored(Anchor::End));
    if let Some([mean, low, high]) = row.auc_lost {
        let words = format!("{} ({} to {})", fixed(mean, 3), fixed(low, 3), fixed(high, 3));
        let words = text::fit(&words, 10.6 * s, 0.8 * s, Weight::Regular);
        chart.text(Text::new([chart.width, y], words, 0.8 * s, Role::Ink).anchored(Anchor::End));
    }
}

fn x_axis(chart: &mut Chart, scale: &Scale, area: Rect, title: &str, s: f32) -> f32 {
    let y = area.bottom();
    chart.line([area.x, y], [area.right(), y], Role::Ink.stroke(0.09 * s));
    let ticks = pretty(scale.domain[0], scale.domain[1], 5);
    for tick in ticks.into_iter().filter(|t| scale.holds(*t)) {
        let x = scale.at(tick);
        chart.line([x, y], [x, y + 0.4 * s], Role::Ink.stroke(0.08 * s));
        chart.text(Text::new([x, y + 1.5 * s], number(tick, 2), s, Role::Ink).anchored(Anchor::Middle));
    }
    let middle = (area.x + area.right()) / 2.0;
    chart.text(Text::new([middle, y + 3.0 * s], title, s, Role::Ink).anchored(Anchor::Middle));
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

/// One case of a [`Dependence`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub value: f64,
    pub share: f64,
    /// True takes the colour of high, false that of low.
    pub event: Option<bool>,
}

/// What one variable's values against its shares are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    pub title: String,
    /// The variable, with its unit.
    pub x_title: String,
    pub y_title: String,
    pub points: Vec<Point>,
    /// The codes that occur and their words, ascending; `None` for a measured number.
    pub codes: Option<Vec<(f64, String)>>,
    /// Printed below, a paragraph each.
    pub notes: Vec<String>,
}

/// Draws the points `width` logical points wide, those of either event in their colours; `None` where there are none.
pub fn dependence(content: &Dependence, width: f32) -> Option<Chart> {
    let points = &content.points;
    let values = || points.iter().map(|p| p.value);
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let shares = || points.iter().map(|p| p.share);
    let (bottom, top) = (shares().fold(0.0, f64::min), shares().fold(0.0, f64::max));
    let s = (width / 56.0).clamp(7.5, 11.5);
    let mut chart = Chart::new(width, 0.0, content.title.as_str());
    let room = if content.codes.is_some() { 0.5 } else { 0.03 * (high - low).max(1e-9) };
    let y_ticks = pretty(bottom, top.max(bottom + 1e-6), 5);
    let y_domain = [bottom.min(y_ticks[0]), top.max(y_ticks[y_ticks.len() - 1])];
    let area = Rect::new(6.2 * s, 1.0 * s, width - 8.0 * s, 0.5 * width);
    let plot = Plot::new(area, [low - room, high + room], y_domain, s);
    plot.y_axis(&mut chart, &y_ticks, &content.y_title, 1.2 * s, |v| number(v, 2));
    if let Some(codes) = &content.codes {
        let ticks: Vec<f64> = codes.iter().map(|(code, _)| *code).collect();
        let widest = 0.95 * area.width / ticks.len().max(1) as f32;
        let words = |v: f64| {
            let known = codes.iter().find(|(code, _)| *code == v);
            known.map_or_else(String::new, |(_, words)| text::fit(words, widest, s, Weight::Regular))
        };
        plot.x_axis(&mut chart, &ticks, &content.x_title, words);
    } else {
        let inside = |t: &f64| *t >= low - room && *t <= high + room;
        let ticks: Vec<f64> = pretty(low, high.max(low + 1e-9), 6).into_iter().filter(inside).collect();
        plot.x_axis(&mut chart, &ticks, &content.x_title, |v| number(v, 2));
    }
    let zero = plot.y.at(0.0);
    let stroke = Role::Muted.stroke(0.1 * s).dashed(0.5 * s, 0.4 * s);
    chart.line([area.x, zero], [area.right(), zero], stroke);
    for (i, point) in points.iter().enumerate() {
        // Cases with one code stand beside one another.
        let coded = content.codes.is_some();
        let aside = if coded { ((i as f64 * 0.618_033_988_749_895).fract() - 0.5) * 0.5 } else { 0.0 };
        let role = match point.event {
            Some(true) => Role::High,
            Some(false) => Role::Low,
            None => Role::Series(0),
        };
        chart.dot(plot.at(point.value + aside, point.share), 0.3 * s, Fill { role, opacity: 0.7 });
    }
    let mut y = area.bottom() + 4.6 * s;
    for words in &content.notes {
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
    use crate::check;

    fn fraction(i: usize, j: usize) -> f64 {
        (i as f64 * (j as f64 + 2.3).sqrt()).fract()
    }

    fn swarm_of(n: usize, outcomes: bool) -> Beeswarm {
        let row = |j: usize| {
            let case = |i: usize| {
                let place = fraction(i, j);
                ((place - 0.5) * 3.0 / (j as f64 + 1.0), (i % 17 != j).then_some(20.0 + 60.0 * place))
            };
            Row {
                label: format!("Variable number {j}"),
                cases: (0..n).map(case).collect(),
                mean: 0.7 / (j as f64 + 1.0),
                auc_lost: outcomes.then_some([0.04, -0.01, 0.09]),
            }
        };
        Beeswarm {
            title: "made up".to_owned(),
            axis: "Share of the log-odds".to_owned(),
            rows: (0..20).map(row).collect(),
            source: format!("made-up data set · {n} cases of the test split"),
        }
    }

    #[test]
    fn nothing_is_cut_or_covered_and_every_case_has_a_dot() {
        for (n, outcomes) in [(186, true), (30, false), (1, true)] {
            for width in [420.0, 680.0, 1000.0] {
                check::assert_sound(&draw(&swarm_of(n, outcomes), width).unwrap());
            }
        }
        let chart = draw(&swarm_of(186, true), 720.0).unwrap();
        let circles = chart.marks.iter().filter(|m| matches!(m, crate::Mark::Circle { .. })).count();
        assert!(circles >= 186 * SHOWN);
        check::look(&chart, "beeswarm");
        assert!(draw(&swarm_of(0, true), 600.0).is_none());
    }

    #[test]
    fn a_measured_and_a_coded_variable_are_drawn_against_their_shares() {
        for coded in [false, true] {
            let value = |i: usize| {
                let place = fraction(i, 3);
                if coded { (place * 4.0).floor() } else { 20.0 + 60.0 * place }
            };
            let content = Dependence {
                title: "N stage: values and their shares".to_owned(),
                x_title: "N stage".to_owned(),
                y_title: "Share of the log-odds".to_owned(),
                points: (0..186)
                    .map(|i| Point { value: value(i), share: fraction(i, 1) - 0.5, event: Some(i % 3 == 0) })
                    .collect(),
                codes: coded.then(|| (0..4).map(|n| (f64::from(n), format!("N{n}"))).collect()),
                notes: vec!["Orange: event; blue: none".to_owned(), "made up".to_owned()],
            };
            for width in [420.0, 720.0] {
                check::assert_sound(&dependence(&content, width).unwrap());
            }
            check::look(
                &dependence(&content, 680.0).unwrap(),
                if coded { "dependence-codes" } else { "dependence" },
            );
            assert!(dependence(&Dependence { points: vec![], ..content }, 600.0).is_none());
        }
    }
}
