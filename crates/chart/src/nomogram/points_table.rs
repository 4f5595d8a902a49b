//! The nomogram as a table to print: points for each value, and the risk of total points.

use super::{Chart, Nomogram, Role, Text, Weight, value_words};
use crate::Anchor;
use crate::text::{self, fixed, percent};

/// One column of the table: a heading and its rows.
struct Block {
    heading: String,
    rows: Vec<(String, String)>,
}

/// Draws the table `width` logical points wide: a block for each predictor and one for the risk, in three columns.
pub fn points_table(nomogram: &Nomogram, width: f32) -> Chart {
    let s = (width / 62.0).clamp(7.0, 11.0);
    let mut blocks: Vec<Block> = nomogram
        .axes
        .iter()
        .map(|axis| {
            let heading = match axis.unit.as_str() {
                "" => axis.label.clone(),
                unit => format!("{} ({unit})", axis.label),
            };
            let rows = axis.ticks.iter().map(|t| (value_words(&t.value), fixed(t.points, 1))).collect();
            Block { heading, rows }
        })
        .collect();
    let mut risks = nomogram.risk.clone();
    risks.sort_by(|a, b| a.total_points.total_cmp(&b.total_points));
    let rows = risks.iter().map(|t| (percent(t.value), fixed(t.total_points, 1))).collect();
    blocks.push(Block { heading: "Risk (total points)".to_owned(), rows });
    let mut chart = Chart::new(width, 0.0, "Points table of the nomogram");
    let (gap, columns) = (2.5 * s, if width > 480.0 { 3 } else { 2 });
    let each = (width - gap * (columns - 1) as f32) / columns as f32;
    // Each block goes where there is most room left, so that the columns end about alike.
    let mut feet = vec![0.0f32; columns];
    for block in &blocks {
        let column = (0..columns).min_by(|a, b| feet[*a].total_cmp(&feet[*b])).unwrap_or(0);
        let left = column as f32 * (each + gap);
        feet[column] = block.draw(&mut chart, [left, feet[column]], each, s) + 1.4 * s;
    }
    chart.height = feet.iter().copied().fold(0.0, f32::max);
    chart
}

impl Block {
    /// Returns where it ends.
    fn draw(&self, chart: &mut Chart, [left, top]: [f32; 2], wide: f32, s: f32) -> f32 {
        let mut y = top + 1.2 * s;
        let points = "points";
        let room = wide - text::width(points, 0.9 * s, Weight::Regular) - s;
        let heading = text::fit(&self.heading, room, s, Weight::SemiBold);
        chart.text(Text::new([left, y], heading, s, Role::Ink).bold());
        chart.text(Text::new([left + wide, y], points, 0.9 * s, Role::Muted).anchored(Anchor::End));
        y += 0.45 * s;
        chart.line([left, y], [left + wide, y], Role::Ink.stroke(0.08 * s));
        for (value, points) in &self.rows {
            y += 1.35 * s;
            let value = text::fit(value, wide - 4.5 * s, s, Weight::Regular);
            chart.text(Text::new([left, y], value, s, Role::Ink));
            chart.text(Text::new([left + wide, y], points.as_str(), s, Role::Ink).anchored(Anchor::End));
        }
        y + 0.5 * s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::nomogram::tests::sample;

    #[test]
    fn every_tick_has_its_row_and_nothing_is_cut() {
        let (nomogram, _) = sample();
        for width in [420.0, 560.0, 900.0] {
            let chart = points_table(&nomogram, width);
            check::assert_sound(&chart);
            let ticks: usize = nomogram.axes.iter().map(|a| a.ticks.len()).sum();
            let rows = 2 * (ticks + nomogram.risk.len());
            assert_eq!(chart.texts().count(), rows + 2 * (nomogram.axes.len() + 1));
        }
    }
}
