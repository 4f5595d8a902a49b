//! The nomogram: points, one axis a predictor, total points, risk; with one person's way through it.

mod cohort;
mod handles;
mod points_table;

pub use handles::{Handle, handles};
pub use points_table::points_table;

use super::axes::{self, Label, Scale};
use super::text::{fixed, number, percent, percent_range};
use super::{Anchor, Chart, Rect, Role, Text, Weight, text};

/// A number, or a level of a categorical predictor.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Level(String),
}

/// A value of a predictor and its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub value: Value,
    pub points: f64,
}

/// One predictor's axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Tells the axis from others; not shown.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// Of a number; empty for none.
    pub unit: String,
    pub ticks: Vec<Tick>,
}

/// A risk (probability of the outcome) and the total points it stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskTick {
    pub value: f64,
    pub total_points: f64,
}

/// The axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Nomogram {
    pub axes: Vec<Axis>,
    pub total: Vec<f64>,
    pub risk: Vec<RiskTick>,
}

/// Where one person stands on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The axis's name.
    pub axis: String,
    pub points: f64,
    /// The value that gave the points, and how it is written.
    pub value: Option<(Value, String)>,
}

/// One person on the nomogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub places: Vec<Place>,
    pub total: f64,
    /// Probability of the outcome.
    pub risk: f64,
    /// 95 % interval of the risk where it is known.
    pub risk_interval: Option<[f64; 2]>,
}

/// Where those a nomogram's model was fitted on stand on its axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// Whether each had the event.
    pub outcome: Vec<bool>,
    /// By axis name, a value each.
    pub points: Vec<(String, Vec<f64>)>,
    pub totals: Vec<f64>,
}

/// What a nomogram is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub nomogram: Nomogram,
    /// Markers on the axes with thin guides to the points, the sum and the risk written out.
    pub person: Option<Person>,
    /// Divides the total axis into low and high risk.
    pub cutoff_points: Option<f64>,
    /// Those the model was fitted on, as bars on the axes.
    pub cohort: Option<Cohort>,
    /// Data set, model, number of patients: printed below; empty for none.
    pub source: String,
    /// The person's group is written in grey: it is not to be relied on.
    pub doubtful: bool,
}

impl Content {
    /// The bare nomogram.
    pub fn of(nomogram: Nomogram) -> Self {
        Self {
            nomogram,
            person: None,
            cutoff_points: None,
            cohort: None,
            source: String::new(),
            doubtful: false,
        }
    }
}

/// Draws the nomogram `width` logical points wide.
pub fn draw(content: &Content, width: f32) -> Chart {
    let mut layout = Layout::new(content, width);
    layout.points_axis();
    for axis in &content.nomogram.axes {
        layout.predictor(axis);
    }
    layout.rule();
    layout.total_axis();
    layout.risk_axis();
    layout.finish()
}

/// Total points at a risk: exact for a logistic model, whose logit is linear in the points.
pub fn total_points_at(ticks: &[RiskTick], risk: f64) -> Option<f64> {
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let inside = |tick: &&RiskTick| tick.value > 0.0 && tick.value < 1.0;
    let (first, last) = (ticks.iter().find(inside)?, ticks.iter().rev().find(inside)?);
    let span = logit(last.value) - logit(first.value);
    if span == 0.0 || !(risk > 0.0 && risk < 1.0) {
        return None;
    }
    let share = (logit(risk) - logit(first.value)) / span;
    Some(first.total_points + share * (last.total_points - first.total_points))
}

struct Layout<'a> {
    chart: Chart,
    nomogram: &'a Nomogram,
    person: Option<&'a Person>,
    cutoff: Option<f64>,
    cohort: Option<&'a Cohort>,
    source: &'a str,
    doubtful: bool,
    /// Text size; every other measure is a multiple of it.
    s: f32,
    y: f32,
    points: Scale,
    total: Scale,
    points_y: f32,
    /// Of the predictors, in their order.
    axes_y: Vec<f32>,
    total_y: f32,
    /// Where the left column ends.
    names_right: f32,
    /// Guides lie under everything else.
    guides: Chart,
}

impl<'a> Layout<'a> {
    fn new(content: &'a Content, width: f32) -> Self {
        let Content { nomogram, person, cutoff_points: cutoff, cohort, source, doubtful } = content;
        let (person, cohort) = (person.as_ref(), cohort.as_ref());
        let s = (width / 72.0).clamp(7.5, 13.0);
        let names = nomogram.axes.iter().map(|a| text::width(&a.label, s, Weight::SemiBold));
        let names_right = names.fold(10.5 * s, f32::max).min(0.26 * width);
        let right = if person.is_some() { 5.4 * s } else { 2.2 * s };
        let range = [names_right + 2.2 * s, width - right];
        let most = nomogram.axes.iter().flat_map(|a| &a.ticks).map(|t| t.points).fold(100.0, f64::max);
        let ticks = &nomogram.total;
        let ends = |pick: fn(f64, f64) -> f64, none: f64| ticks.iter().copied().reduce(pick).unwrap_or(none);
        Self {
            chart: Chart::new(width, 0.0, title(person)),
            guides: Chart::new(width, 0.0, ""),
            nomogram,
            person,
            cutoff: *cutoff,
            cohort,
            source,
            doubtful: *doubtful,
            s,
            y: 0.0,
            points: Scale::new([0.0, most], range),
            total: Scale::new([ends(f64::min, 0.0), ends(f64::max, 100.0)], range),
            points_y: 0.0,
            axes_y: Vec::new(),
            total_y: 0.0,
            names_right,
        }
    }

    fn finish(mut self) -> Chart {
        let size = 0.9 * self.s;
        for row in text::wrap(self.source, self.chart.width, size, Weight::Regular) {
            self.chart.text(Text::new([0.0, self.y + size], row, size, Role::Muted));
            self.y += 1.3 * size;
        }
        self.guides.marks.append(&mut self.chart.marks);
        Chart { height: self.y, marks: self.guides.marks, ..self.chart }
    }

    fn points_axis(&mut self) {
        let s = self.s;
        self.points_y = self.y + 2.6 * s;
        let y = self.points_y;
        self.name("Points", y);
        let most = self.points.domain[1];
        let step = if most > 200.0 { 20.0 } else { 10.0 };
        let count = (most / step).round() as usize;
        let labels: Vec<Label> = (0..=count)
            .map(|i| Label { x: self.points.at(step * i as f64), text: number(step * i as f64, 0) })
            .collect();
        self.chart.line([self.points.range[0], y], [self.points.range[1], y], Role::Ink.stroke(0.09 * s));
        self.minor(&labels, 5, y, -1.0);
        self.ticks_thinned(&labels, y, -1.0);
        if self.person.is_some() {
            self.right("points", y, 0.85 * s, Role::Muted, Weight::Regular);
        }
        self.y = y + 1.3 * s;
    }

    fn predictor(&mut self, axis: &Axis) {
        let s = self.s;
        let mut ticks: Vec<(&Value, f64)> = axis.ticks.iter().map(|t| (&t.value, t.points)).collect();
        ticks.sort_by(|a, b| a.1.total_cmp(&b.1));
        let numeric = ticks.iter().all(|(value, _)| matches!(value, Value::Number(_)));
        let labels: Vec<Label> = ticks
            .iter()
            .map(|(value, points)| Label { x: self.points.at(*points), text: value_words(value) })
            .collect();
        let placed: Vec<Label> = labels.iter().map(|label| self.held_inside(label)).collect();
        let lanes = if numeric { vec![0; labels.len()] } else { axes::lanes(&placed, s, 0.7 * s) };
        let most = lanes.iter().copied().max().unwrap_or(0);
        let labels_above = 1.25 * s * most.div_ceil(2) as f32;
        let above = 0.9 * s + labels_above + self.bars_height();
        let below = 1.9 * s + 1.25 * s * (most / 2) as f32;
        let y = self.y + above;
        self.axes_y.push(y);
        self.bars(axis, y - labels_above - if most > 0 { 0.5 * s } else { 0.0 });
        self.guide(axis, y);
        self.name(&axis.label, y - 0.25 * s);
        self.person_value(axis, y + 1.0 * s);
        if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
            self.chart.line([first.x, y], [last.x, y], Role::Ink.stroke(0.09 * s));
        }
        if numeric {
            if evenly_spaced(&labels) {
                self.minor(&labels, 5, y, 1.0);
            }
            self.ticks_thinned(&labels, y, 1.0);
        } else {
            self.ticks_in_lanes(&labels, &placed, &lanes, y);
        }
        self.marker(axis, y);
        self.y = y + below.max(1.9 * s) + 0.55 * s;
    }

    /// A level's label moved, or shortened, to keep clear of the names at the left and the points at the right.
    fn held_inside(&self, label: &Label) -> Label {
        let s = self.s;
        let (left, right) = (self.names_right + 0.6 * s, self.points.range[1] + 1.6 * s);
        let text = text::fit(&label.text, right - left, s, Weight::Regular);
        let half = text::width(&text, s, Weight::Regular) / 2.0;
        Label { x: label.x.clamp(left + half, (right - half).max(left + half)), text }
    }

    /// A hairline between what is looked up and what is read off.
    fn rule(&mut self) {
        let y = self.y + 0.1 * self.s;
        self.chart.line([0.0, y], [self.chart.width, y], Role::Grid.stroke(0.08 * self.s));
        self.y = y + 0.6 * self.s;
    }

    fn total_axis(&mut self) {
        let s = self.s;
        let shading = if self.cutoff.is_some() { 3.2 * s } else { 1.2 * s };
        let y = self.y + shading + self.bars_height();
        self.total_y = y;
        self.total_bars(y - if self.cutoff.is_some() { 3.0 * s } else { 0.0 });
        self.shading(y);
        self.name("Total points", y - 0.25 * s);
        let [left, right] = self.total.range;
        self.chart.line([left, y], [right, y], Role::Ink.stroke(0.09 * s));
        let mut totals = self.nomogram.total.clone();
        totals.sort_by(f64::total_cmp);
        let labels: Vec<Label> =
            totals.iter().map(|&t| Label { x: self.total.at(t), text: number(t, 1) }).collect();
        self.minor(&labels, 5, y, 1.0);
        self.ticks_thinned(&labels, y, 1.0);
        if let Some(person) = self.person {
            let x = self.total.clamped(person.total);
            self.chart.ring([x, y], 0.48 * s, Some(Role::Accent.fill()), Role::Paper.stroke(0.14 * s));
            self.right(&fixed(person.total, 1), y, s, Role::Accent, Weight::SemiBold);
            if let Some(cutoff) = self.cutoff {
                let (words, role) =
                    if person.total >= cutoff { ("High risk", Role::High) } else { ("Low risk", Role::Low) };
                let role = if self.doubtful { Role::Muted } else { role };
                self.chart.text(Text::new([0.0, y + 1.0 * s], words, s, role).bold());
            }
        }
        self.y = y + 2.6 * s;
    }

    fn shading(&mut self, y: f32) {
        let Some(cutoff) = self.cutoff else { return };
        let s = self.s;
        let [left, right] = self.total.range;
        let x = self.total.clamped(cutoff);
        let (top, height) = (y - 1.5 * s, 1.5 * s);
        let parts = [(left, x, Role::Low, "low risk"), (x, right, Role::High, "high risk")];
        for (from, to, role, words) in parts {
            self.chart.fill_rect(Rect::new(from, top, to - from, height), 0.0, role.wash(0.16));
            if to - from > text::width(words, 0.85 * s, Weight::SemiBold) + 1.4 * s {
                let at = [(from + to) / 2.0, top + 0.98 * s];
                self.chart.text(Text::new(at, words, 0.85 * s, role).bold().anchored(Anchor::Middle));
            }
        }
        self.chart.line([x, top], [x, y], Role::Ink.stroke(0.11 * s));
        let words = format!("cut-off {}", number(cutoff, 1));
        let half = text::width(&words, 0.85 * s, Weight::Regular) / 2.0;
        let at = [x.clamp(left + half, right - half), top - 0.4 * s];
        self.chart.text(Text::new(at, words, 0.85 * s, Role::Ink).anchored(Anchor::Middle));
    }

    fn risk_axis(&mut self) {
        let s = self.s;
        let y = self.y + 1.1 * s;
        self.name("Predicted risk", y - 0.25 * s);
        let mut ticks: Vec<&RiskTick> =
            self.nomogram.risk.iter().filter(|t| self.total.holds(t.total_points)).collect();
        ticks.sort_by(|a, b| a.total_points.total_cmp(&b.total_points));
        let labels: Vec<Label> = ticks
            .iter()
            .map(|t| Label { x: self.total.at(t.total_points), text: percent(t.value) })
            .collect();
        self.risk_of_person(y, &labels);
        for label in &labels {
            self.chart.line([label.x, y], [label.x, y + 0.45 * s], Role::Ink.stroke(0.08 * s));
        }
        for i in axes::thin(&labels, &from_the_ends(&ticks), s, 0.7 * s) {
            self.tick_label(&labels[i], y + 1.5 * s);
        }
        self.risk_marker(y);
        self.y = y + 2.2 * s;
    }

    /// The axis line, the interval as a band on it, the figures beside it.
    fn risk_of_person(&mut self, y: f32, labels: &[Label]) {
        let s = self.s;
        let mut ends: Vec<f32> = labels.iter().map(|l| l.x).collect();
        if let Some(person) = self.person {
            ends.push(self.total.clamped(person.total));
            let figure = percent(person.risk);
            self.right(&figure, y + 0.15 * s, 1.3 * s, Role::Accent, Weight::SemiBold);
            if let Some([low, high]) = person.risk_interval {
                let words = format!("95 % CI {}", percent_range([low, high]));
                self.chart.text(Text::new([0.0, y + 1.0 * s], words, 0.95 * s, Role::Accent));
                let ticks = &self.nomogram.risk;
                if let (Some(from), Some(to)) = (total_points_at(ticks, low), total_points_at(ticks, high)) {
                    let (from, to) = (self.total.clamped(from), self.total.clamped(to));
                    let band = Rect::new(from.min(to), y - 0.4 * s, (to - from).abs(), 0.8 * s);
                    self.chart.fill_rect(band, 0.4 * s, Role::Accent.wash(0.25));
                }
            }
        }
        let (Some(left), Some(right)) =
            (ends.iter().copied().reduce(f32::min), ends.iter().copied().reduce(f32::max))
        else {
            return;
        };
        self.chart.line([left, y], [right, y], Role::Ink.stroke(0.09 * s));
    }

    fn risk_marker(&mut self, y: f32) {
        let Some(person) = self.person else { return };
        let s = self.s;
        let x = self.total.clamped(person.total);
        self.guides.line([x, self.total_y], [x, y], Role::Accent.stroke(0.11 * s).faint(0.7));
        self.chart.ring([x, y], 0.48 * s, Some(Role::Accent.fill()), Role::Paper.stroke(0.14 * s));
    }

    fn guide(&mut self, axis: &Axis, y: f32) {
        let Some(points) = self.points_of(axis) else { return };
        let s = self.s;
        let x = self.points.clamped(points);
        self.guides.line([x, y], [x, self.points_y], Role::Accent.stroke(0.08 * s).faint(0.5));
        self.chart.dot([x, self.points_y], 0.22 * s, Role::Accent.fill());
    }

    fn marker(&mut self, axis: &Axis, y: f32) {
        let Some(points) = self.points_of(axis) else { return };
        let s = self.s;
        let x = self.points.clamped(points);
        self.chart.ring([x, y], 0.42 * s, Some(Role::Accent.fill()), Role::Paper.stroke(0.14 * s));
        self.right(&fixed(points, 1), y, s, Role::Ink, Weight::Regular);
    }

    fn place_on(&self, axis: &Axis) -> Option<&'a Place> {
        self.person?.places.iter().find(|place| place.axis == axis.name)
    }

    fn points_of(&self, axis: &Axis) -> Option<f64> {
        self.place_on(axis).map(|place| place.points)
    }

    /// The person's value under the predictor's name; said where it lies beyond the axis.
    fn person_value(&mut self, axis: &Axis, y: f32) {
        let Some((value, words)) = self.place_on(axis).and_then(|place| place.value.as_ref()) else { return };
        let beyond = match value {
            Value::Number(v) => {
                let numbers = || {
                    axis.ticks.iter().filter_map(|t| match t.value {
                        Value::Number(n) => Some(n),
                        Value::Level(_) => None,
                    })
                };
                numbers().all(|n| n < *v) || numbers().all(|n| n > *v)
            }
            Value::Level(_) => false,
        };
        let role = if beyond { Role::Warning } else { Role::Accent };
        let words = if beyond { format!("{words} (beyond the axis)") } else { words.clone() };
        let words = text::fit(&words, self.names_right, self.s, Weight::SemiBold);
        self.chart.text(Text::new([0.0, y], words, self.s, role).bold());
    }

    fn name(&mut self, words: &str, y: f32) {
        let words = text::fit(words, self.names_right, self.s, Weight::Regular);
        let baseline = y + 0.36 * self.s * f32::from(u8::from(self.person.is_none()));
        self.chart.text(Text::new([0.0, baseline], words, self.s, Role::Ink));
    }

    fn right(&mut self, words: &str, y: f32, size: f32, role: Role, weight: Weight) {
        let mut words =
            Text::new([self.chart.width, y + 0.36 * size], words, size, role).anchored(Anchor::End);
        words.weight = weight;
        self.chart.text(words);
    }

    /// Short ticks that divide each gap into `parts`, where they would not be a grey smear.
    fn minor(&mut self, labels: &[Label], parts: usize, y: f32, direction: f32) {
        let s = self.s;
        for pair in labels.windows(2) {
            let step = (pair[1].x - pair[0].x) / parts as f32;
            if step < 0.3 * s {
                continue;
            }
            for i in 1..parts {
                let x = pair[0].x + step * i as f32;
                self.chart.line([x, y], [x, y + direction * 0.26 * s], Role::Muted.stroke(0.06 * s));
            }
        }
    }

    fn ticks_thinned(&mut self, labels: &[Label], y: f32, direction: f32) {
        let s = self.s;
        let stride = axes::stride(labels, s, 0.6 * s);
        for (i, label) in labels.iter().enumerate() {
            self.chart.line([label.x, y], [label.x, y + direction * 0.45 * s], Role::Ink.stroke(0.08 * s));
            if i % stride == 0 {
                self.tick_label(label, if direction > 0.0 { y + 1.5 * s } else { y - 0.8 * s });
            }
        }
    }

    /// Even lanes hang below the axis, odd ones stand above it.
    fn ticks_in_lanes(&mut self, labels: &[Label], placed: &[Label], lanes: &[usize], y: f32) {
        let s = self.s;
        let reach = |lane: usize| 0.45 * s + 1.25 * s * (lane / 2) as f32;
        for (label, &lane) in labels.iter().zip(lanes) {
            let end = if lane % 2 == 0 { y + reach(lane) } else { y - reach(lane) };
            self.chart.line([label.x, y], [label.x, end], Role::Ink.stroke(0.08 * s));
        }
        for (label, &lane) in placed.iter().zip(lanes) {
            let baseline =
                if lane % 2 == 0 { y + reach(lane) + 1.05 * s } else { y - reach(lane) - 0.35 * s };
            self.tick_label(label, baseline);
        }
    }

    /// A label on paper, so that guides and longer ticks pass behind it.
    fn tick_label(&mut self, label: &Label, baseline: f32) {
        let words =
            Text::new([label.x, baseline], label.text.clone(), self.s, Role::Ink).anchored(Anchor::Middle);
        let b = words.bounds();
        let ground = Rect::new(b.x - 0.15 * self.s, b.y, b.width + 0.3 * self.s, b.height);
        self.chart.fill_rect(ground, 0.0, Role::Paper.fill());
        self.chart.text(words);
    }
}

fn title(person: Option<&Person>) -> String {
    match person {
        Some(p) => {
            format!("Nomogram: {} total points, predicted risk {}", number(p.total, 1), percent(p.risk))
        }
        None => "Nomogram".to_owned(),
    }
}

fn value_words(value: &Value) -> String {
    match value {
        Value::Number(n) => number(*n, 3),
        Value::Level(level) => level.clone(),
    }
}

fn evenly_spaced(labels: &[Label]) -> bool {
    let gaps: Vec<f32> = labels.windows(2).map(|w| w[1].x - w[0].x).collect();
    gaps.windows(2).all(|g| (g[0] - g[1]).abs() < 0.02 * g[0].abs().max(g[1].abs()))
}

/// Risk labels by importance: both ends, then those nearest to even odds.
fn from_the_ends(ticks: &[&RiskTick]) -> Vec<usize> {
    let last = ticks.len().saturating_sub(1);
    let mut order: Vec<usize> = (0..ticks.len()).collect();
    let rank = |&i: &usize| if i == 0 || i == last { -1.0 } else { (ticks[i].value - 0.5).abs() };
    order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    order
}

#[cfg(test)]
mod tests;
