//! Lines over two linear axes with bands, a reference line, a legend under the plot and what the chart is made from:
//! the common ground of ROC, calibration and decision curves.

use super::axes::{Plot, pretty};
use super::text::{self, number};
use super::{Chart, Fill, Rect, Role, Text, Weight};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    pub role: Role,
    pub dashed: bool,
    pub points: Vec<[f64; 2]>,
    /// Lower and upper limit at each point; empty for none.
    pub band: Vec<[f64; 2]>,
    /// A point to mark, e.g. Youden's.
    pub marked: Option<[f64; 2]>,
    /// What the pointer reads at each point; empty: the value between the points.
    pub readout: Vec<String>,
}

impl Line {
    pub fn new(name: impl Into<String>, role: Role, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), role, dashed: false, points, band: vec![], marked: None, readout: vec![] }
    }
}

/// Bars below the plot: how the predictions are spread in each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    pub name: String,
    pub role: Role,
    pub values: Vec<f64>,
}

/// What such a chart is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    pub title: String,
    pub x_title: String,
    pub y_title: String,
    pub x_domain: [f64; 2],
    pub y_domain: [f64; 2],
    /// Ends of a thin dashed line to compare with, e.g. the diagonal.
    pub reference: Option<([f64; 2], [f64; 2])>,
    /// Whether both axes have the same scale.
    pub square: bool,
    pub lines: Vec<Line>,
    pub spread: Vec<Spread>,
    /// Figures worth reading, one a line, under the legend.
    pub notes: Vec<String>,
    /// Data set, model, number of patients, resampled or not; empty for none.
    pub source: String,
}

/// Bars of a spread over the whole axis.
const BARS: usize = 50;

impl Lines {
    /// The plot area at this width, as [`draw`] uses it: for reading values under the pointer.
    pub fn plot(&self, width: f32) -> Plot {
        let s = size(width);
        let left = 6.2 * s;
        let wide = (width - left - 1.5 * s).max(40.0);
        let (wide, high) = if self.square {
            let side = wide.min(0.72 * width);
            (side, side)
        } else {
            (wide, 0.5 * width)
        };
        Plot::new(Rect::new(left, 0.9 * s, wide, high), self.x_domain, self.y_domain, s)
    }

    /// The lines' values at `x`, one text a line: "name: value"; lines that do not reach there are left out.
    pub fn readout(&self, x: f64) -> Vec<String> {
        let at = |line: &Line| {
            let right = line.points.partition_point(|p| p[0] < x);
            if !line.readout.is_empty() {
                // The last point that is not beyond: the corner whose step goes on to here.
                let last = line.points.partition_point(|p| p[0] <= x).checked_sub(1)?;
                return line.readout.get(last).cloned();
            }
            let value = match (right.checked_sub(1).and_then(|l| line.points.get(l)), line.points.get(right))
            {
                (_, Some(b)) if b[0] == x => b[1],
                (Some(a), Some(b)) if b[0] > a[0] => a[1] + (x - a[0]) / (b[0] - a[0]) * (b[1] - a[1]),
                _ => return None,
            };
            Some(format!("{}: {}", line.name, number(value, 3)))
        };
        self.lines.iter().filter_map(at).collect()
    }

    /// The numbers behind the chart: line, x, y and the band's limits.
    pub fn csv(&self) -> String {
        let quoted = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
        let mut text = format!("line,{},{},low,high\n", quoted(&self.x_title), quoted(&self.y_title));
        for line in &self.lines {
            for (i, [x, y]) in line.points.iter().enumerate() {
                let band = line.band.get(i).map_or_else(|| ",".to_owned(), |[l, h]| format!("{l},{h}"));
                text += &format!("{},{x},{y},{band}\n", quoted(&line.name));
            }
        }
        text
    }
}

fn size(width: f32) -> f32 {
    (width / 52.0).clamp(7.5, 12.5)
}

/// Draws the chart `width` logical points wide.
pub fn draw(lines: &Lines, width: f32) -> Chart {
    let plot = lines.plot(width);
    let s = plot.size;
    let mut chart = Chart::new(width, 0.0, lines.title.clone());
    let (x_ticks, y_ticks) = (ticks(lines.x_domain), ticks(lines.y_domain));
    plot.y_axis(&mut chart, &y_ticks, &lines.y_title, 1.2 * s, |v| number(v, 2));
    let spread = spread(&mut chart, &plot, &lines.spread);
    let below =
        Plot { area: Rect { height: plot.area.height + spread, ..plot.area }, x: plot.x, y: plot.y, size: s };
    below.x_axis(&mut chart, &x_ticks, &lines.x_title, |v| number(v, 2));
    if let Some((from, to)) = lines.reference {
        let stroke = Role::Muted.stroke(0.1 * s).dashed(0.5 * s, 0.4 * s);
        clipped(&plot, &[from, to]).into_iter().for_each(|part| chart.polyline(part, stroke));
    }
    for line in &lines.lines {
        band(&mut chart, &plot, line);
    }
    for line in &lines.lines {
        let mut stroke = line.role.stroke(0.17 * s);
        if line.dashed {
            stroke = stroke.dashed(0.7 * s, 0.45 * s);
        }
        clipped(&plot, &line.points).into_iter().for_each(|part| chart.polyline(part, stroke));
        if let Some([x, y]) = line.marked {
            chart.ring(plot.at(x, y), 0.38 * s, Some(Role::Paper.fill()), line.role.stroke(0.16 * s));
        }
    }
    let foot = plot.area.bottom() + spread + 4.2 * s;
    chart.height = legend(&mut chart, lines, foot, s);
    chart
}

fn ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let inside = |t: &f64| *t >= low - 1e-9 && *t <= high + 1e-9;
    pretty(low, high, 5).into_iter().filter(inside).collect()
}

/// The parts of a line within the plot, cut at its upper and lower edge.
fn clipped(plot: &Plot, points: &[[f64; 2]]) -> Vec<Vec<[f32; 2]>> {
    let (low, high) = (plot.y.value(plot.area.bottom()), plot.y.value(plot.area.y));
    let (mut parts, mut part): (Vec<Vec<[f32; 2]>>, Vec<[f32; 2]>) = (vec![], vec![]);
    let inside = |p: &[f64; 2]| p[1] >= low - 1e-9 && p[1] <= high + 1e-9 && plot.x.holds(p[0]);
    let edge = |a: &[f64; 2], b: &[f64; 2]| {
        let bound = if a[1].min(b[1]) < low { low } else { high };
        let share = (bound - a[1]) / (b[1] - a[1]);
        let crosses = share.is_finite() && (0.0..=1.0).contains(&share);
        crosses.then(|| plot.at(a[0] + share * (b[0] - a[0]), bound))
    };
    for (i, point) in points.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| &points[j]);
        let was_inside = before.is_some_and(&inside);
        if inside(point) {
            if !was_inside {
                part.extend(before.and_then(|b| edge(b, point)));
            }
            part.push(plot.at(point[0], point[1]));
        } else if was_inside {
            part.extend(before.and_then(|b| edge(b, point)));
            parts.push(std::mem::take(&mut part));
        }
    }
    parts.push(part);
    parts.retain(|p| p.len() > 1);
    parts
}

/// The line's interval within the plot; where it has no limits it is interrupted.
fn band(chart: &mut Chart, plot: &Plot, line: &Line) {
    let fill = Fill { role: line.role, opacity: 0.13 };
    let mut edges: Vec<[f32; 3]> = Vec::new();
    for ([x, _], [low, high]) in line.points.iter().zip(&line.band) {
        let ([x, lower], [_, upper]) = (plot.at(*x, *low), plot.at(*x, *high));
        if [x, lower, upper].iter().all(|v| v.is_finite()) {
            let within = |y: f32| y.clamp(plot.area.y, plot.area.bottom());
            edges.push([x, within(upper), within(lower)]);
        } else {
            chart.band(std::mem::take(&mut edges), fill);
        }
    }
    chart.band(edges, fill);
}

/// Bars under the plot, one row a group; returns the height they take.
fn spread(chart: &mut Chart, plot: &Plot, groups: &[Spread]) -> f32 {
    let s = plot.size;
    let row = 2.6 * s;
    let bars = |group: &Spread| {
        let mut counts = [0usize; BARS];
        for value in group.values.iter().filter(|v| plot.x.holds(**v)) {
            let share = (plot.x.at(*value) - plot.area.x) / plot.area.width;
            counts[((share * BARS as f32) as usize).min(BARS - 1)] += 1;
        }
        counts
    };
    let most = groups.iter().flat_map(&bars).max().unwrap_or(0).max(1) as f32;
    for (i, group) in groups.iter().enumerate() {
        let foot = plot.area.bottom() + row * (i + 1) as f32;
        let wide = plot.area.width / BARS as f32;
        for (k, count) in bars(group).iter().enumerate().filter(|(_, c)| **c > 0) {
            // The square root lets single patients be seen beside a crowd.
            let high = (*count as f32 / most).sqrt() * (row - 0.7 * s);
            let bar = Rect::new(plot.area.x + wide * k as f32, foot - high, 0.85 * wide, high);
            chart.fill_rect(bar, 0.0, group.role.wash(0.75));
        }
        let name = text::fit(&group.name, plot.area.x - 0.8 * s, 0.85 * s, Weight::Regular);
        let words = Text::new([plot.area.x - 0.6 * s, foot - 0.4 * s], name, 0.85 * s, group.role);
        chart.text(words.anchored(super::Anchor::End));
    }
    row * groups.len() as f32
}

/// Names, notes and source under the plot; returns the chart's height.
fn legend(chart: &mut Chart, lines: &Lines, foot: f32, s: f32) -> f32 {
    let (left, mut y) = (1.0 * s, foot);
    for line in lines.lines.iter().filter(|l| !l.name.is_empty()) {
        y += 1.45 * s;
        let mut stroke = line.role.stroke(0.2 * s);
        if line.dashed {
            stroke = stroke.dashed(0.7 * s, 0.45 * s);
        }
        chart.line([left, y - 0.33 * s], [left + 2.4 * s, y - 0.33 * s], stroke);
        let words = text::fit(&line.name, chart.width - left - 3.4 * s, s, Weight::Regular);
        chart.text(Text::new([left + 3.0 * s, y], words, s, Role::Ink));
    }
    for (words, size) in lines.notes.iter().map(|n| (n, 0.95 * s)).chain([(&lines.source, 0.9 * s)]) {
        if words.is_empty() {
            continue;
        }
        y += 0.25 * s;
        for row in text::wrap(words, chart.width - 2.0 * left, size, Weight::Regular) {
            y += 1.3 * s;
            chart.text(Text::new([left, y], row, size, Role::Muted));
        }
    }
    y + 0.6 * s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    fn sample() -> Lines {
        let curve =
            |k: f64| (0..=20).map(|i| f64::from(i) / 20.0).map(|x| [x, x.powf(k)]).collect::<Vec<_>>();
        let mut first = Line::new("nomogram, out of fold: AUC 0.95 (0.92–0.98)", Role::Series(0), curve(0.2));
        first.band = first.points.iter().map(|p| [p[1] - 0.05, p[1] + 0.05]).collect();
        first.marked = Some(first.points[3]);
        let mut second = Line::new(
            "a name that is far too long for any legend that a person could want to read in one line",
            Role::Series(1),
            curve(0.6),
        );
        second.dashed = true;
        Lines {
            title: "ROC curves".to_owned(),
            x_title: "1 − specificity".to_owned(),
            y_title: "Sensitivity".to_owned(),
            x_domain: [0.0, 1.0],
            y_domain: [0.0, 1.0],
            reference: Some(([0.0, 0.0], [1.0, 1.0])),
            square: true,
            lines: vec![first, second],
            spread: vec![
                Spread { name: "event".to_owned(), role: Role::High, values: vec![0.9, 0.92, 0.7] },
                Spread { name: "none".to_owned(), role: Role::Low, values: vec![0.0, 0.02, 0.05, 1.0] },
            ],
            notes: vec!["slope 0.80, Brier 0.048".to_owned()],
            source: "made-up data · 186 patients, 50 events".to_owned(),
        }
    }

    #[test]
    fn nothing_is_cut_or_covered_at_any_width() {
        for width in [320.0, 515.0, 760.0, 1400.0] {
            check::assert_sound(&draw(&sample(), width));
            check::assert_sound(&draw(&Lines { square: false, lines: vec![], ..sample() }, width));
        }
        check::look(&draw(&sample(), 560.0), "lines");
    }

    #[test]
    fn what_leaves_the_plot_is_cut_at_its_edge() {
        let plot = sample().plot(600.0);
        let parts = clipped(&plot, &[[0.0, 0.5], [0.5, -0.5], [1.0, 0.5]]);
        assert_eq!(parts.len(), 2);
        let foot = plot.area.bottom();
        assert!((parts[0][1][1] - foot).abs() < 0.01 && (parts[1][0][1] - foot).abs() < 0.01);
    }

    #[test]
    fn the_readout_lies_between_the_points_and_the_table_holds_them() {
        let lines =
            Lines { lines: vec![Line::new("a", Role::Ink, vec![[0.0, 0.0], [1.0, 0.5]])], ..sample() };
        assert_eq!(lines.readout(0.5), ["a: 0.25"]);
        assert!(lines.readout(1.5).is_empty());
        assert_eq!(lines.csv().lines().count(), 3);
    }
}
