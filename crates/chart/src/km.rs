//! Kaplan–Meier curves: steps with bands and censor marks, and the numbers at risk aligned under the axis.

use super::axes::{Plot, pretty};
use super::text::{self, fixed, number};
use super::{Anchor, Chart, Fill, Rect, Role, Text, Weight};

/// One curve, as plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What the legend and the table call it.
    pub name: String,
    pub role: Role,
    /// From the first event or censoring on, times ascending.
    pub steps: Vec<Step>,
    /// Subjects at time 0.
    pub n: usize,
}

/// The estimate from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub time: f64,
    /// Subjects at risk just before this time.
    pub n_risk: usize,
    /// Events at this time, and censorings at it.
    pub n_event: usize,
    pub n_censor: usize,
    pub survival: f64,
    /// Limits of the interval, where they exist.
    pub limits: Option<[f64; 2]>,
}

/// What a Kaplan–Meier chart is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    pub curves: Vec<Curve>,
    /// E.g. "Time (days)".
    pub time_title: String,
    /// E.g. "Overall survival".
    pub survival_title: String,
    /// A sentence inside the plot, e.g. "log-rank p = 0.003"; empty for none.
    pub note: String,
    /// What takes from the note, inside the plot below it and in the CSV; empty for none.
    pub caveat: String,
    /// Data set, model, number of patients: printed under the chart; empty for none.
    pub source: String,
}

impl Survival {
    fn ticks(&self) -> Vec<f64> {
        let last = self.curves.iter().flat_map(|c| c.steps.last()).map(|p| p.time).fold(0.0, f64::max);
        pretty(0.0, if last > 0.0 { last } else { 1.0 }, 6)
    }

    /// The plot area at this width, as [`draw`] uses it: for reading values under the pointer.
    pub fn plot(&self, width: f32) -> Plot {
        let s = (width / 62.0).clamp(7.5, 12.0);
        let end = self.ticks().last().copied().unwrap_or(1.0);
        let names = self.curves.iter().map(|c| text::width(&c.name, s, Weight::SemiBold));
        let left = names.fold(5.2 * s, f32::max).min(0.3 * width) + 1.6 * s;
        let area = Rect::new(left, 1.0 * s, width - left - 2.0 * s, 0.48 * width);
        Plot::new(area, [0.0, end], [0.0, 1.0], s)
    }

    /// The groups at a time, one text a line.
    pub fn readout(&self, time: f64) -> Vec<String> {
        let group = |c: &Curve| {
            let step = c.steps.partition_point(|s| s.time <= time).checked_sub(1).map(|i| c.steps[i]);
            let interval = step
                .and_then(|s| s.limits)
                .map_or_else(String::new, |[low, high]| format!(" ({}–{})", fixed(low, 2), fixed(high, 2)));
            let survival = fixed(step.map_or(1.0, |s| s.survival), 2);
            format!("{}: {survival}{interval}, {} at risk", c.name, c.at_risk(time))
        };
        let here = format!("{} {}", self.time_title, number(time, 0));
        std::iter::once(here).chain(self.curves.iter().map(group)).collect()
    }

    /// The steps as CSV.
    pub fn csv(&self) -> String {
        // A column of its own, so that the caveat stays with the numbers and every reader of CSV still reads them.
        let (head, last) = match self.caveat.as_str() {
            "" => ("", String::new()),
            words => (",caveat", format!(",\"{}\"", words.replace('"', "\"\""))),
        };
        let mut text = format!("group,time,n_risk,n_event,n_censor,survival,low,high{head}\n");
        for curve in &self.curves {
            for s in &curve.steps {
                let limits = s.limits.map_or_else(|| ",".to_owned(), |[l, h]| format!("{l},{h}"));
                let counts = format!("{},{},{},{}", s.time, s.n_risk, s.n_event, s.n_censor);
                text += &format!("\"{}\",{counts},{},{limits}{last}\n", curve.name, s.survival);
            }
        }
        text
    }
}

impl Curve {
    /// How many are at risk at `time`: those not yet lost to an event or to censoring before it.
    pub fn at_risk(&self, time: f64) -> usize {
        let lost = |s: &Step| s.n_event + s.n_censor;
        let next = self.steps.iter().find(|s| s.time >= time);
        match (next, self.steps.last()) {
            (Some(step), _) => step.n_risk,
            (None, Some(last)) => last.n_risk.saturating_sub(lost(last)),
            (None, None) => self.n,
        }
    }
}

/// Draws the curves `width` logical points wide.
pub fn draw(survival: &Survival, width: f32) -> Chart {
    let (plot, ticks) = (survival.plot(width), survival.ticks());
    let s = plot.size;
    let left = plot.area.x;
    let mut chart = Chart::new(width, 0.0, format!("Kaplan–Meier curves: {}", survival.survival_title));
    let title_x = left - 3.6 * s;
    plot.y_axis(&mut chart, &pretty(0.0, 1.0, 5), &survival.survival_title, title_x, |v| fixed(v, 1));
    plot.x_axis(&mut chart, &ticks, &survival.time_title, |v| number(v, 2));
    for curve in &survival.curves {
        band(&mut chart, &plot, curve);
    }
    for curve in &survival.curves {
        steps(&mut chart, &plot, curve);
    }
    legend(&mut chart, &plot, survival);
    let foot = at_risk(&mut chart, &plot, survival, &ticks);
    chart.height = source(&mut chart, survival, foot, s);
    chart
}

/// The interval in steps; where it has no limits it is interrupted.
fn band(chart: &mut Chart, plot: &Plot, curve: &Curve) {
    let fill = Fill { role: curve.role, opacity: 0.14 };
    let mut edges: Vec<[f32; 3]> = Vec::new();
    for (i, step) in curve.steps.iter().enumerate() {
        let until = curve.steps.get(i + 1).map_or(step.time, |next| next.time);
        match step.limits {
            Some([low, high]) if low.is_finite() && high.is_finite() => {
                let ([x, upper], [right, lower]) = (plot.at(step.time, high), plot.at(until, low));
                edges.extend([[x, upper, lower], [right, upper, lower]]);
            }
            _ => chart.band(std::mem::take(&mut edges), fill),
        }
    }
    chart.band(edges, fill);
}

fn steps(chart: &mut Chart, plot: &Plot, curve: &Curve) {
    let s = plot.size;
    let mut points = vec![plot.at(0.0, 1.0)];
    let mut level = 1.0;
    for step in &curve.steps {
        points.push(plot.at(step.time, level));
        if step.survival != level {
            level = step.survival;
            points.push(plot.at(step.time, level));
        }
    }
    chart.polyline(points, curve.role.stroke(0.15 * s));
    for step in curve.steps.iter().filter(|step| step.n_censor > 0) {
        let [x, y] = plot.at(step.time, step.survival);
        chart.line([x, y - 0.32 * s], [x, y + 0.32 * s], curve.role.stroke(0.09 * s));
    }
}

fn legend(chart: &mut Chart, plot: &Plot, survival: &Survival) {
    let s = plot.size;
    let curves = survival.curves.iter().map(|c| (c.name.clone(), Role::Ink, Some(c.role)));
    let mut lines: Vec<(String, Role, Option<Role>)> = curves.collect();
    lines.push(("Ticks: censored".to_owned(), Role::Muted, None));
    if !survival.note.is_empty() {
        lines.push((survival.note.clone(), Role::Muted, None));
    }
    let width = plot.area.width - 4.2 * s;
    if !survival.caveat.is_empty() {
        let caveat = text::wrap(&survival.caveat, width, s, Weight::Regular);
        lines.extend(caveat.into_iter().map(|line| (line, Role::Warning, None)));
    }
    let first = plot.area.bottom() - 1.4 * s * lines.len() as f32 + 0.5 * s;
    for (i, (words, ink, role)) in lines.into_iter().enumerate() {
        let y = first + 1.4 * s * i as f32;
        let x = plot.area.x + 1.0 * s;
        if let Some(role) = role {
            chart.line([x, y - 0.33 * s], [x + 1.6 * s, y - 0.33 * s], role.stroke(0.2 * s));
        }
        let words = text::fit(&words, width, s, Weight::Regular);
        chart.text(Text::new([x + 2.2 * s, y], words, s, ink));
    }
}

/// The table under the axis; each number stands under its tick. Returns where it ends.
fn at_risk(chart: &mut Chart, plot: &Plot, survival: &Survival, ticks: &[f64]) -> f32 {
    let s = plot.size;
    let mut y = plot.area.bottom() + 5.0 * s;
    chart.text(Text::new([0.0, y], "At risk", s, Role::Muted));
    let labels: Vec<super::axes::Label> = ticks
        .iter()
        .map(|&t| {
            let widest = survival.curves.iter().map(|c| c.n).max().unwrap_or(0).max(t.abs() as usize);
            super::axes::Label { x: plot.x.at(t), text: widest.to_string() }
        })
        .collect();
    let stride = super::axes::stride(&labels, s, 0.6 * s);
    for curve in &survival.curves {
        y += 1.4 * s;
        let name = text::fit(&curve.name, plot.area.x - 1.6 * s, s, Weight::SemiBold);
        chart.text(Text::new([0.0, y], name, s, curve.role).bold());
        for &tick in ticks.iter().step_by(stride) {
            let words = Text::new([plot.x.at(tick), y], curve.at_risk(tick).to_string(), s, Role::Ink);
            chart.text(words.anchored(Anchor::Middle));
        }
    }
    y
}

fn source(chart: &mut Chart, survival: &Survival, foot: f32, s: f32) -> f32 {
    let mut y = foot + 0.6 * s;
    if survival.source.is_empty() {
        return y;
    }
    y += 0.6 * s;
    for line in text::wrap(&survival.source, chart.width, 0.9 * s, Weight::Regular) {
        y += 1.2 * s;
        chart.text(Text::new([0.0, y], line, 0.9 * s, Role::Muted));
    }
    y + 0.5 * s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    /// One event or censoring a step, evenly in time.
    fn curve(name: &str, role: Role, n: usize, every: usize) -> Curve {
        let mut survival = 1.0;
        let step = |i: usize| {
            let n_risk = n - i;
            let event = i.is_multiple_of(every);
            if event {
                survival *= 1.0 - 1.0 / n_risk as f64;
            }
            let half = 0.1 * (i as f64 / n as f64).sqrt();
            Step {
                time: 23.0 * (i + 1) as f64,
                n_risk,
                n_event: usize::from(event),
                n_censor: usize::from(!event),
                survival,
                limits: Some([(survival - half).max(0.0), (survival + half).min(1.0)]),
            }
        };
        Curve { name: name.to_owned(), role, steps: (0..n).map(step).collect(), n }
    }

    fn sample() -> Survival {
        Survival {
            curves: vec![curve("Low risk", Role::Low, 100, 9), curve("High risk", Role::High, 86, 2)],
            time_title: "Time (days)".to_owned(),
            survival_title: "Distant metastasis-free survival".to_owned(),
            note: "log-rank p < 0.001".to_owned(),
            caveat: String::new(),
            source: "Made-up data, 186 patients".to_owned(),
        }
    }

    #[test]
    fn the_interval_is_one_area_interrupted_where_there_is_none() {
        use crate::Mark;
        let bands = |survival: &Survival| -> Vec<usize> {
            let marks = draw(survival, 760.0).marks;
            marks
                .iter()
                .filter_map(|m| if let Mark::Band { edges, .. } = m { Some(edges.len()) } else { None })
                .collect()
        };
        let mut survival = sample();
        assert_eq!(bands(&survival), [200, 172]);
        survival.curves[0].steps[40].limits = None;
        assert_eq!(bands(&survival), [80, 118, 172]);
    }

    #[test]
    fn nothing_is_cut_or_covered_at_any_width() {
        for width in [360.0, 515.0, 760.0, 1000.0] {
            check::assert_sound(&draw(&sample(), width));
        }
        check::look(&draw(&sample(), 640.0), "km");
    }

    /// That the cut was chosen on the same patients stood in small print under the chart, and not in the CSV.
    #[test]
    fn a_caveat_stands_in_the_plot_and_with_the_numbers() {
        let caveat = "Cut chosen on these very patients: p is too small".to_owned();
        let survival = Survival { caveat: caveat.clone(), ..sample() };
        for width in [360.0, 515.0, 760.0] {
            let chart = draw(&survival, width);
            check::assert_sound(&chart);
            let warned = |t: &&Text| t.fill.role == Role::Warning;
            let words: Vec<String> = chart.texts().filter(warned).map(|t| t.text.clone()).collect();
            assert_eq!(words.join(" "), caveat);
        }
        check::look(&draw(&survival, 640.0), "km-caveat");
        let csv = survival.csv();
        assert!(csv.lines().all(|line| line.split(',').count() == 9), "{csv}");
        assert!(csv.lines().skip(1).all(|line| line.ends_with(&format!("\"{caveat}\""))));
        assert!(!sample().csv().contains("caveat"));
    }

    #[test]
    fn numbers_at_risk_fall_with_events_and_censorings() {
        let curve = curve("a", Role::Low, 10, 2);
        assert_eq!([0.0, 23.0, 23.5, 230.0, 1000.0].map(|t| curve.at_risk(t)), [10, 10, 9, 1, 0]);
        let empty = Curve { steps: vec![], ..curve };
        assert_eq!(empty.at_risk(5.0), 10);
    }

    #[test]
    fn no_curve_and_no_step_are_drawn_without_panic() {
        check::assert_sound(&draw(&Survival { curves: vec![], ..sample() }, 500.0));
        let lone = Curve { name: "all".into(), role: Role::Series(0), steps: vec![], n: 3 };
        check::assert_sound(&draw(&Survival { curves: vec![lone], ..sample() }, 500.0));
    }
}
