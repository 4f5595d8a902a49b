//! The nomogram: points, one axis a predictor, total points, risk; with one patient's way through it.

mod cohort;
mod handles;
mod points_table;

pub use handles::{Handle, handles};
pub use points_table::points_table;

use super::axes::{self, Label, Scale};
use super::text::{fixed, number, percent, percent_range};
use super::{Anchor, Chart, Rect, Role, Text, Weight, text};
use crate::clinical::{Kind, VARIABLES, Variable};
use crate::stats::nomogram::{Axis, Cohort, Nomogram, PatientPoints, RiskTick, Value};

/// What a nomogram is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    pub nomogram: &'a Nomogram,
    /// Markers on the axes with thin guides to the points, the sum and the risk written out.
    pub patient: Option<&'a PatientPoints>,
    /// Divides the total axis into low and high risk.
    pub cutoff_points: Option<f64>,
    /// The patients the model was fitted on, as bars on the axes.
    pub cohort: Option<&'a Cohort>,
    /// Data set, model, number of patients: printed below; empty for none.
    pub source: &'a str,
    /// The patient's group is written in grey: it is not to be relied on.
    pub doubtful: bool,
}

impl<'a> Content<'a> {
    /// The bare nomogram.
    pub fn of(nomogram: &'a Nomogram) -> Self {
        Self { nomogram, patient: None, cutoff_points: None, cohort: None, source: "", doubtful: false }
    }
}

/// Draws the nomogram `width` logical points wide.
pub fn draw(content: Content<'_>, width: f32) -> Chart {
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

/// What a person reads at an axis: the study's label and unit where the name is a variable of the study.
pub fn axis_label(name: &str) -> (String, &'static str) {
    if let Some(variable) = study_variable(name) {
        return (variable.label.to_owned(), variable.unit);
    }
    let words = name.replace(['_', '.'], " ");
    if is_fusion(name) {
        return ("Image fusion, log-probability".to_owned(), "");
    }
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    (first + letters.as_str(), "")
}

/// The fused log-probability is named differently by tables and model files, always with "fusion" or "fused".
fn is_fusion(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("fusion") || name.contains("fused")
}

/// By key, column header or label, however punctuated; or by the first word of a key ("pmi" for `pmi_t4`).
fn study_variable(name: &str) -> Option<&'static Variable> {
    let plain = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let wanted = plain(name);
    let same = |v: &&Variable| [v.key, v.column, v.label].iter().any(|n| plain(n) == wanted);
    let begins = |v: &&Variable| wanted.len() >= 3 && v.key.split('_').next() == Some(wanted.as_str());
    VARIABLES.iter().find(same).or_else(|| VARIABLES.iter().find(begins))
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
    patient: Option<&'a PatientPoints>,
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
    fn new(content: Content<'a>, width: f32) -> Self {
        let Content { nomogram, patient, cutoff_points: cutoff, cohort, source, doubtful } = content;
        let s = (width / 72.0).clamp(7.5, 13.0);
        let names = nomogram.axes.iter().map(|a| text::width(&axis_label(&a.name).0, s, Weight::SemiBold));
        let names_right = names.fold(10.5 * s, f32::max).min(0.26 * width);
        let right = if patient.is_some() { 5.4 * s } else { 2.2 * s };
        let range = [names_right + 2.2 * s, width - right];
        let most = nomogram.axes.iter().flat_map(|a| &a.ticks).map(|t| t.points).fold(100.0, f64::max);
        let ticks = &nomogram.total.ticks;
        let ends = |pick: fn(f64, f64) -> f64, none: f64| ticks.iter().copied().reduce(pick).unwrap_or(none);
        Self {
            chart: Chart::new(width, 0.0, title(patient)),
            guides: Chart::new(width, 0.0, ""),
            nomogram,
            patient,
            cutoff,
            cohort,
            source,
            doubtful,
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
        if self.patient.is_some() {
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
        self.name(&axis_label(&axis.name).0, y - 0.25 * s);
        self.patient_value(axis, y + 1.0 * s);
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
        let mut totals = self.nomogram.total.ticks.clone();
        totals.sort_by(f64::total_cmp);
        let labels: Vec<Label> =
            totals.iter().map(|&t| Label { x: self.total.at(t), text: number(t, 1) }).collect();
        self.minor(&labels, 5, y, 1.0);
        self.ticks_thinned(&labels, y, 1.0);
        if let Some(patient) = self.patient {
            let x = self.total.clamped(patient.total);
            self.chart.ring([x, y], 0.48 * s, Some(Role::Accent.fill()), Role::Paper.stroke(0.14 * s));
            self.right(&fixed(patient.total, 1), y, s, Role::Accent, Weight::SemiBold);
            if let Some(cutoff) = self.cutoff {
                let (words, role) =
                    if patient.total >= cutoff { ("High risk", Role::High) } else { ("Low risk", Role::Low) };
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
            self.nomogram.risk.ticks.iter().filter(|t| self.total.holds(t.total_points)).collect();
        ticks.sort_by(|a, b| a.total_points.total_cmp(&b.total_points));
        let labels: Vec<Label> = ticks
            .iter()
            .map(|t| Label { x: self.total.at(t.total_points), text: percent(t.value) })
            .collect();
        self.risk_of_patient(y, &labels);
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
    fn risk_of_patient(&mut self, y: f32, labels: &[Label]) {
        let s = self.s;
        let mut ends: Vec<f32> = labels.iter().map(|l| l.x).collect();
        if let Some(patient) = self.patient {
            ends.push(self.total.clamped(patient.total));
            let figure = percent(patient.risk);
            self.right(&figure, y + 0.15 * s, 1.3 * s, Role::Accent, Weight::SemiBold);
            if let Some([low, high]) = patient.risk_interval {
                let words = format!("95 % CI {}", percent_range([low, high]));
                self.chart.text(Text::new([0.0, y + 1.0 * s], words, 0.95 * s, Role::Accent));
                let ticks = &self.nomogram.risk.ticks;
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
        let Some(patient) = self.patient else { return };
        let s = self.s;
        let x = self.total.clamped(patient.total);
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

    fn points_of(&self, axis: &Axis) -> Option<f64> {
        self.patient?.points.iter().find(|(name, _)| *name == axis.name).map(|(_, points)| *points)
    }

    /// The patient's value under the predictor's name; said where it lies beyond the axis.
    fn patient_value(&mut self, axis: &Axis, y: f32) {
        let Some(patient) = self.patient else { return };
        let Some((_, value)) = patient.values.iter().find(|(name, _)| *name == axis.name) else { return };
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
        let unit = axis_label(&axis.name).1;
        let mut words = value_words(value);
        if let Value::Number(log_prob) = value
            && is_fusion(&axis.name)
            && *log_prob <= 0.0
        {
            words = format!("{} (p = {})", number(*log_prob, 2), number(log_prob.exp(), 3));
        }
        if matches!(value, Value::Number(_)) && !unit.is_empty() {
            words = format!("{words} {unit}");
        }
        let role = if beyond { Role::Warning } else { Role::Accent };
        if beyond {
            words.push_str(" (beyond the axis)");
        }
        let words = text::fit(&words, self.names_right, self.s, Weight::SemiBold);
        self.chart.text(Text::new([0.0, y], words, self.s, role).bold());
    }

    fn name(&mut self, words: &str, y: f32) {
        let words = text::fit(words, self.names_right, self.s, Weight::Regular);
        let baseline = y + 0.36 * self.s * f32::from(u8::from(self.patient.is_none()));
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

fn title(patient: Option<&PatientPoints>) -> String {
    match patient {
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

/// Words for a coded value of the study, e.g. "Positive".
pub fn code_words(variable: &Variable, value: f64) -> Option<&'static str> {
    match variable.kind {
        Kind::Code(codes) => codes.iter().find(|(code, _)| *code as f64 == value).map(|(_, words)| *words),
        Kind::Number { .. } => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
