//! Linear axes: round ticks, scales, label placement.

use super::{Anchor, Chart, Rect, Role, Text, Weight, text};

/// A linear map from data to logical points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub domain: [f64; 2],
    pub range: [f32; 2],
}

impl Scale {
    pub fn new(domain: [f64; 2], range: [f32; 2]) -> Self {
        Self { domain, range }
    }

    /// Where a value stands; an empty domain maps everything to the middle.
    pub fn at(&self, value: f64) -> f32 {
        let [low, high] = self.domain;
        let share = if high == low { 0.5 } else { (value - low) / (high - low) };
        self.range[0] + (self.range[1] - self.range[0]) * share as f32
    }

    /// As [`Self::at`], held inside the range.
    pub fn clamped(&self, value: f64) -> f32 {
        let (a, b) = (self.range[0].min(self.range[1]), self.range[0].max(self.range[1]));
        self.at(value).clamp(a, b)
    }

    /// The value at a position; the inverse of [`Self::at`].
    pub fn value(&self, position: f32) -> f64 {
        let share = f64::from((position - self.range[0]) / (self.range[1] - self.range[0]));
        self.domain[0] + (self.domain[1] - self.domain[0]) * share
    }

    /// True where the value stands inside the domain, give or take rounding.
    pub fn holds(&self, value: f64) -> bool {
        let [low, high] = self.domain;
        let slack = 1e-9 * (high - low).abs();
        value >= low.min(high) - slack && value <= low.max(high) + slack
    }
}

/// Round values (steps of 1, 2 or 5 times a power of ten) that cover `low`…`high` with about `count` steps, as R's `pretty`.
pub fn pretty(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 || count == 0 {
        return vec![low];
    }
    let raw = span / count as f64;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = magnitude
        * match raw / magnitude {
            r if r < 1.5 => 1.0,
            r if r < 3.5 => 2.0,
            r if r < 7.5 => 5.0,
            _ => 10.0,
        };
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    // Multiples, not sums: 0.1 + 0.1 + 0.1 is not 0.3. Rounded so that 3 × 0.1 is.
    let decimals = (-step.log10().floor()).max(0.0) as i32 + 2;
    let unit = 10_f64.powi(decimals);
    (0..=(last - first) as usize).map(|i| ((first + i as f64) * step * unit).round() / unit).collect()
}

/// A label wanted at `x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub x: f32,
    pub text: String,
}

impl Label {
    fn span(&self, size: f32) -> [f32; 2] {
        let half = text::width(&self.text, size, Weight::Regular) / 2.0;
        [self.x - half, self.x + half]
    }
}

/// The smallest stride at which evenly meant labels keep `gap` between them.
pub fn stride(labels: &[Label], size: f32, gap: f32) -> usize {
    let fits = |stride: usize| {
        let kept: Vec<[f32; 2]> = labels.iter().step_by(stride).map(|l| l.span(size)).collect();
        kept.windows(2).all(|w| apart(w[0], w[1], gap))
    };
    (1..labels.len().max(2)).find(|&s| fits(s)).unwrap_or(labels.len().max(1))
}

/// Indices of labels to show where not all fit: in the order of `priority`, each that keeps `gap` from those already shown.
pub fn thin(labels: &[Label], priority: &[usize], size: f32, gap: f32) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for &i in priority {
        let span = labels[i].span(size);
        if kept.iter().all(|&k| apart(labels[k].span(size), span, gap)) {
            kept.push(i);
        }
    }
    kept.sort_unstable();
    kept
}

/// A lane for each label such that labels of one lane keep `gap`; lane 0 is used first.
pub fn lanes(labels: &[Label], size: f32, gap: f32) -> Vec<usize> {
    let mut taken: Vec<Vec<[f32; 2]>> = Vec::new();
    labels
        .iter()
        .map(|label| {
            let span = label.span(size);
            let free = taken.iter().position(|lane| lane.iter().all(|&other| apart(other, span, gap)));
            let lane = free.unwrap_or(taken.len());
            if lane == taken.len() {
                taken.push(Vec::new());
            }
            taken[lane].push(span);
            lane
        })
        .collect()
}

fn apart(a: [f32; 2], b: [f32; 2], gap: f32) -> bool {
    a[1] + gap <= b[0] || b[1] + gap <= a[0]
}

/// A plot area with a linear axis at its foot and its left.
pub struct Plot {
    pub area: Rect,
    pub x: Scale,
    pub y: Scale,
    /// Text size of tick labels.
    pub size: f32,
}

impl Plot {
    pub fn new(area: Rect, x_domain: [f64; 2], y_domain: [f64; 2], size: f32) -> Self {
        let x = Scale::new(x_domain, [area.x, area.right()]);
        let y = Scale::new(y_domain, [area.bottom(), area.y]);
        Self { area, x, y, size }
    }

    /// Position of a data point.
    pub fn at(&self, x: f64, y: f64) -> [f32; 2] {
        [self.x.at(x), self.y.at(y)]
    }

    /// Foot axis with ticks and title.
    pub fn x_axis(&self, chart: &mut Chart, ticks: &[f64], title: &str, write: impl Fn(f64) -> String) {
        let (s, foot) = (self.size, self.area.bottom());
        chart.line([self.area.x, foot], [self.area.right(), foot], Role::Ink.stroke(0.09 * s));
        let labels: Vec<Label> = ticks.iter().map(|&t| Label { x: self.x.at(t), text: write(t) }).collect();
        let stride = stride(&labels, s, 0.6 * s);
        for (i, label) in labels.into_iter().enumerate() {
            let major = i % stride == 0;
            let length = if major { 0.4 * s } else { 0.25 * s };
            chart.line([label.x, foot], [label.x, foot + length], Role::Ink.stroke(0.08 * s));
            if major {
                let words = Text::new([label.x, foot + 1.4 * s], label.text, s, Role::Ink);
                chart.text(words.anchored(Anchor::Middle));
            }
        }
        let at = [self.area.centre()[0], foot + 2.9 * s];
        chart.text(Text::new(at, title, 1.05 * s, Role::Ink).anchored(Anchor::Middle));
    }

    /// Left axis with ticks, gridlines and a turned title centred at `title_x`.
    pub fn y_axis(
        &self,
        chart: &mut Chart,
        ticks: &[f64],
        title: &str,
        title_x: f32,
        write: impl Fn(f64) -> String,
    ) {
        let (s, left) = (self.size, self.area.x);
        for &tick in ticks {
            let y = self.y.at(tick);
            chart.line([left, y], [self.area.right(), y], Role::Grid.stroke(0.06 * s));
            chart.line([left - 0.4 * s, y], [left, y], Role::Ink.stroke(0.08 * s));
            let words = Text::new([left - 0.65 * s, y + 0.36 * s], write(tick), s, Role::Ink);
            chart.text(words.anchored(Anchor::End));
        }
        chart.line([left, self.area.y], [left, self.area.bottom()], Role::Ink.stroke(0.09 * s));
        let at = [title_x, self.area.centre()[1]];
        let words = Text::new(at, title, 1.05 * s, Role::Ink).rotated(-90.0);
        chart.text(words.anchored(Anchor::Middle));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_data() {
        assert_eq!(pretty(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(pretty(0.0, 0.3, 3), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(pretty(-6.0, 0.0, 6), [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0]);
        assert_eq!(pretty(0.0, 1834.0, 4), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(pretty(3.0, 3.0, 5), [3.0]);
        assert_eq!(pretty(f64::NAN, 3.0, 5).len(), 1);
    }

    #[test]
    fn a_scale_goes_there_and_back() {
        let scale = Scale::new([-6.0, 0.0], [100.0, 400.0]);
        assert_eq!(scale.at(-3.0), 250.0);
        assert!((scale.value(250.0) + 3.0).abs() < 1e-6);
        assert_eq!(scale.clamped(5.0), 400.0);
        assert!(scale.holds(0.0) && !scale.holds(0.1));
    }

    #[test]
    fn crowded_labels_are_thinned_or_stacked() {
        let labels: Vec<Label> =
            (0..10).map(|i| Label { x: 8.0 * i as f32, text: "100".to_owned() }).collect();
        let step = stride(&labels, 10.0, 4.0);
        assert!((3..=4).contains(&step), "{step}");
        let lanes = lanes(&labels[..3], 10.0, 4.0);
        assert_eq!(lanes, [0, 1, 2]);
        assert_eq!(thin(&labels, &[0, 9, 1, 5], 10.0, 4.0), [0, 5, 9]);
    }
}
