//! Training curves: loss and area under the curve by epoch, the kept epoch marked.

use super::axes::{Plot, pretty};
use super::text::{self, number};
use super::{Anchor, Chart, Rect, Role, Text, Weight};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    pub role: Role,
    /// (epoch, value), epochs ascending.
    pub points: Vec<[f64; 2]>,
}

/// What a training chart is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    pub loss: Vec<Line>,
    pub auc: Vec<Line>,
    /// The epoch whose weights are kept, if any yet.
    pub kept: Option<f64>,
    /// Epochs the axis must hold.
    pub epochs: f64,
    /// Data set and model, printed under the chart; empty for none.
    pub source: String,
}

impl Training {
    /// The numbers behind the chart: figure, line, epoch, value.
    pub fn csv(&self) -> String {
        let mut text = "figure,line,epoch,value\n".to_owned();
        for (figure, lines) in [("loss", &self.loss), ("auc", &self.auc)] {
            for line in lines {
                for [epoch, value] in &line.points {
                    text += &format!("{figure},{},{epoch},{value}\n", line.name);
                }
            }
        }
        text
    }
}

/// Draws both plots side by side, `width` logical points wide.
pub fn draw(training: &Training, width: f32) -> Chart {
    let s = (width / 76.0).clamp(7.0, 12.0);
    let (gap, left, height) = (6.5 * s, 5.6 * s, 0.30 * width);
    let each = (width - 2.0 * left - gap + 3.0 * s) / 2.0 - 1.5 * s;
    let mut chart = Chart::new(width, 0.0, "Training curves: loss and AUC by epoch");
    let areas = [Rect::new(left, 1.2 * s, each, height), Rect::new(left + each + gap, 1.2 * s, each, height)];
    let high = training.loss.iter().flat_map(|l| &l.points).map(|p| p[1]).fold(0.0, f64::max);
    let high = if high > 0.0 { high } else { 1.0 };
    panel(&mut chart, training, areas[0], &training.loss, &pretty(0.0, high, 5), "Loss", s);
    panel(&mut chart, training, areas[1], &training.auc, &pretty(0.0, 1.0, 5), "AUC (validation)", s);
    let foot = 1.2 * s + height + 3.6 * s;
    chart.height = foot + 0.6 * s;
    if !training.source.is_empty() {
        let words = text::fit(&training.source, width - left, 0.9 * s, Weight::Regular);
        chart.text(Text::new([left, foot + 1.4 * s], words, 0.9 * s, Role::Muted));
        chart.height = foot + 2.2 * s;
    }
    chart
}

fn panel(
    chart: &mut Chart,
    training: &Training,
    area: Rect,
    lines: &[Line],
    ticks: &[f64],
    title: &str,
    s: f32,
) {
    let epochs = pretty(0.0, training.epochs.max(1.0), 5);
    let domain = [0.0, epochs.last().copied().unwrap_or(1.0).max(training.epochs)];
    let top = ticks.last().copied().unwrap_or(1.0);
    let plot = Plot::new(area, domain, [0.0, top], s);
    plot.y_axis(chart, ticks, title, area.x - 4.2 * s, |v| number(v, 2));
    plot.x_axis(chart, &epochs, "Epoch", |v| number(v, 0));
    if let Some(kept) = training.kept {
        let x = plot.x.at(kept);
        chart.line([x, area.y], [x, area.bottom()], Role::Muted.stroke(0.1 * s).dashed(0.5 * s, 0.4 * s));
        let right = x < area.centre()[0];
        let anchor = if right { Anchor::Start } else { Anchor::End };
        let at = [if right { x + 0.4 * s } else { x - 0.4 * s }, area.y + 0.9 * s];
        chart
            .text(Text::new(at, format!("kept: {}", number(kept, 0)), 0.9 * s, Role::Muted).anchored(anchor));
    }
    for line in lines {
        let points: Vec<[f32; 2]> = line.points.iter().map(|p| plot.at(p[0], p[1].clamp(0.0, top))).collect();
        match points.as_slice() {
            [one] => {
                chart.line([one[0] - 0.2 * s, one[1]], [one[0] + 0.2 * s, one[1]], line.role.stroke(0.3 * s))
            }
            _ => chart.polyline(points, line.role.stroke(0.15 * s)),
        }
    }
    if lines.len() > 1 {
        legend(chart, area, lines, s);
    }
}

/// At the foot on the left, where losses rarely are.
fn legend(chart: &mut Chart, area: Rect, lines: &[Line], s: f32) {
    for (i, line) in lines.iter().enumerate() {
        let y = area.bottom() - 1.0 * s - 1.4 * s * (lines.len() - 1 - i) as f32;
        let x = area.x + 1.0 * s;
        chart.line([x, y - 0.33 * s], [x + 1.6 * s, y - 0.33 * s], line.role.stroke(0.2 * s));
        chart.text(Text::new([x + 2.2 * s, y], line.name.as_str(), s, Role::Ink));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mark;

    fn line(name: &str, role: Role, points: Vec<[f64; 2]>) -> Line {
        Line { name: name.to_owned(), role, points }
    }

    #[test]
    fn every_value_stands_inside_its_plot_and_the_kept_epoch_is_named() {
        let curve: Vec<[f64; 2]> = (1..=40).map(|e| [f64::from(e), 2.5 / f64::from(e)]).collect();
        let training = Training {
            loss: vec![
                line("Training", Role::Series(0), curve.clone()),
                line("Validation", Role::Series(1), curve),
            ],
            auc: vec![line("Validation", Role::Series(1), vec![[1.0, 0.5]])],
            kept: Some(12.0),
            epochs: 40.0,
            source: "T4 densenet161, 185 patients".to_owned(),
        };
        let chart = draw(&training, 700.0);
        assert!(chart.height > 200.0 && chart.height < 400.0, "{}", chart.height);
        let mut named = false;
        for mark in &chart.marks {
            match mark {
                Mark::Polyline { points, .. } => assert!(
                    points
                        .iter()
                        .all(|p| p[0] >= 0.0 && p[0] <= 700.0 && p[1] >= 0.0 && p[1] <= chart.height)
                ),
                Mark::Text(text) => named |= text.text.contains("kept: 12"),
                _ => {}
            }
        }
        assert!(named);
        // Nothing known yet draws empty axes.
        let empty = Training { loss: vec![], auc: vec![], kept: None, epochs: 0.0, source: String::new() };
        assert!(draw(&empty, 700.0).height.is_finite());
    }
}
