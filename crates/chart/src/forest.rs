//! A forest plot: a table of ratios with their intervals on a logarithmic axis.

use super::text::{self, number};
use super::{Anchor, Chart, Rect, Role, Text, Weight};

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub term: String,
    /// Ratio with its 95 % limits; `None` for a heading, or where it could not be computed.
    pub ratio: Option<[f64; 3]>,
    pub p: Option<f64>,
    /// Patients and events the model was fitted on.
    pub counted: Option<[usize; 2]>,
    /// Instead of figures: a heading's nothing, or why there are none.
    pub remark: String,
}

/// What a forest plot is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    pub title: String,
    /// "Hazard ratio" or "Odds ratio".
    pub ratio: String,
    /// Headings and their rows.
    pub groups: Vec<(String, Vec<Row>)>,
    /// Data set, model, number of patients; empty for none.
    pub source: String,
}

/// Ratios beyond these are cut, with an arrow.
const WIDEST: [f64; 2] = [0.01, 100.0];

impl Forest {
    /// The table as CSV.
    pub fn csv(&self) -> String {
        let mut text = format!("model,term,{},low,high,p,n,events\n", self.ratio.to_lowercase());
        for (heading, rows) in &self.groups {
            for row in rows {
                let quoted = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
                let ratio = row.ratio.map_or_else(|| ",,".to_owned(), |[r, l, h]| format!("{r},{l},{h}"));
                let p = row.p.map_or_else(String::new, |p| p.to_string());
                let counted =
                    row.counted.map_or_else(|| ",".to_owned(), |[n, events]| format!("{n},{events}"));
                text += &format!("{},{},{ratio},{p},{counted}\n", quoted(heading), quoted(&row.term));
            }
        }
        text
    }

    /// The axis: from the lowest to the highest limit that is not cut, at least from ½ to 2.
    fn domain(&self) -> [f64; 2] {
        let limits = self.groups.iter().flat_map(|(_, rows)| rows).filter_map(|r| r.ratio);
        let (mut low, mut high) = (0.5f64, 2.0f64);
        for [_, l, h] in limits {
            low = low.min(l.clamp(WIDEST[0], 1.0));
            high = high.max(h.clamp(1.0, WIDEST[1]));
        }
        [low, high]
    }
}

/// A p value as journals print it.
pub fn p_words(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { text::fixed(p, 3) }
}

/// Draws the table and the plot `width` logical points wide.
pub fn draw(forest: &Forest, width: f32) -> Chart {
    let s = (width / 62.0).clamp(7.0, 12.0);
    let row_height = 1.75 * s;
    let terms =
        forest.groups.iter().flat_map(|(_, rows)| rows).map(|r| text::width(&r.term, s, Weight::Regular));
    let term = (terms.fold(9.0 * s, f32::max) + 1.0 * s).min(0.34 * width);
    let (figures, p) = (11.5 * s, 5.0 * s);
    let mut rows = forest.groups.iter().flat_map(|(_, rows)| rows);
    let counts = if rows.any(|r| r.counted.is_some()) { 6.5 * s } else { 0.0 };
    let left = term + counts + 1.5 * s;
    let area = Rect::new(left, 0.0, (width - left - figures - p - 2.0 * s).max(40.0), 0.0);
    let domain = forest.domain().map(f64::ln);
    let at = |ratio: f64| {
        let share = (ratio.ln() - domain[0]) / (domain[1] - domain[0]);
        area.x + area.width * share.clamp(0.0, 1.0) as f32
    };
    let mut chart = Chart::new(width, 0.0, forest.title.clone());
    let columns = [area.right() + 1.0 * s + figures / 2.0, width - 0.4 * s];
    let mut y = 1.4 * s;
    let head =
        |x: f32, words: String, anchor| Text::new([x, y], words, 0.95 * s, Role::Muted).anchored(anchor);
    chart.text(head(columns[0], format!("{} (95 % CI)", short(&forest.ratio)), Anchor::Middle));
    chart.text(head(columns[1], "p".to_owned(), Anchor::End));
    if counts > 0.0 {
        chart.text(head(term + counts, "n (events)".to_owned(), Anchor::End));
    }
    let top = y + 0.5 * s;
    let mut marks = Vec::new();
    for (heading, rows) in &forest.groups {
        y += row_height;
        chart.text(Text::new([0.0, y], text::fit(heading, width, s, Weight::SemiBold), s, Role::Ink).bold());
        for row in rows {
            y += row_height;
            let words = text::fit(&row.term, term - 0.8 * s, s, Weight::Regular);
            chart.text(Text::new([0.8 * s, y], words, s, Role::Ink));
            if let Some([n, events]) = row.counted {
                let words = Text::new([term + counts, y], format!("{n} ({events})"), s, Role::Ink);
                chart.text(words.anchored(Anchor::End));
            }
            match row.ratio {
                Some(ratio) => {
                    marks.push((y - 0.35 * s, ratio, row.p));
                    let words = ratio_words(ratio);
                    chart.text(Text::new([columns[0], y], words, s, Role::Ink).anchored(Anchor::Middle));
                }
                None => {
                    let room = width - area.x;
                    let words = text::fit(&row.remark, room, 0.9 * s, Weight::Regular);
                    chart.text(Text::new([area.x, y], words, 0.9 * s, Role::Muted));
                }
            }
            if let (Some(p), true) = (row.p, row.ratio.is_some()) {
                chart.text(Text::new([columns[1], y], p_words(p), s, Role::Ink).anchored(Anchor::End));
            }
        }
    }
    let foot = y + 0.8 * s;
    chart.line([at(1.0), top], [at(1.0), foot], Role::Muted.stroke(0.08 * s).dashed(0.4 * s, 0.35 * s));
    for (y, ratio, p) in marks {
        whisker(&mut chart, ratio, p.is_some_and(|p| p < 0.05), y, s, &at, domain.map(f64::exp));
    }
    chart.height = axis(&mut chart, forest, area, foot, s, &at);
    chart
}

fn short(ratio: &str) -> String {
    ratio.split(' ').filter_map(|w| w.chars().next()).collect::<String>().to_uppercase()
}

fn ratio_words([ratio, low, high]: [f64; 3]) -> String {
    let word = |v: f64| match v {
        v if v >= 1000.0 => ">999".to_owned(),
        v if v >= 100.0 => text::fixed(v, 0),
        v if v < 0.005 => "<0.01".to_owned(),
        v => text::fixed(v, 2),
    };
    format!("{} ({}–{})", word(ratio), word(low), word(high))
}

/// The interval with a box at the ratio; arrows where a limit is off the scale.
fn whisker(
    chart: &mut Chart,
    [ratio, low, high]: [f64; 3],
    significant: bool,
    y: f32,
    s: f32,
    at: &impl Fn(f64) -> f32,
    domain: [f64; 2],
) {
    let role = if significant { Role::Series(0) } else { Role::Muted };
    let stroke = role.stroke(0.13 * s);
    let (left, right) = (at(low), at(high));
    chart.line([left, y], [right, y], stroke);
    for (x, beyond, way) in [(left, low < domain[0] * 0.999, 1.0), (right, high > domain[1] * 1.001, -1.0)] {
        if beyond {
            let tip = 0.5 * s * way;
            chart.polyline(vec![[x + tip, y - 0.35 * s], [x, y], [x + tip, y + 0.35 * s]], stroke);
        } else {
            chart.line([x, y - 0.3 * s], [x, y + 0.3 * s], stroke);
        }
    }
    if ratio >= domain[0] && ratio <= domain[1] {
        let side = 0.72 * s;
        chart.fill_rect(Rect::new(at(ratio) - side / 2.0, y - side / 2.0, side, side), 0.0, role.fill());
    }
}

/// Ticks at round ratios and the source; returns the chart's height.
fn axis(chart: &mut Chart, forest: &Forest, area: Rect, foot: f32, s: f32, at: &impl Fn(f64) -> f32) -> f32 {
    chart.line([area.x, foot], [area.right(), foot], Role::Ink.stroke(0.09 * s));
    let domain = forest.domain();
    let round = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
    let mut taken: Option<f32> = None;
    // 1 always stands; others where there is room.
    let mut ticks: Vec<f64> =
        round.into_iter().filter(|t| *t >= domain[0] * 0.999 && *t <= domain[1] * 1.001).collect();
    let room = |t: f64| text::width(&number(t, 2), s, Weight::Regular);
    ticks.retain(|t| {
        let (x, half) = (at(*t), room(*t) / 2.0);
        let near_one = *t != 1.0 && (x - at(1.0)).abs() < half + room(1.0) / 2.0 + 0.6 * s;
        if near_one || (*t != 1.0 && taken.is_some_and(|end| x - half < end + 0.6 * s)) {
            return false;
        }
        taken = Some(x + half);
        true
    });
    for tick in ticks {
        let x = at(tick);
        chart.line([x, foot], [x, foot + 0.4 * s], Role::Ink.stroke(0.08 * s));
        chart.text(Text::new([x, foot + 1.5 * s], number(tick, 2), s, Role::Ink).anchored(Anchor::Middle));
    }
    let title = text::fit(&format!("{} (log scale)", forest.ratio), area.width, s, Weight::Regular);
    chart.text(Text::new([area.centre()[0], foot + 3.0 * s], title, s, Role::Ink).anchored(Anchor::Middle));
    let mut y = foot + 3.4 * s;
    for line in text::wrap(&forest.source, chart.width, 0.9 * s, Weight::Regular) {
        y += 1.25 * s;
        chart.text(Text::new([0.0, y], line, 0.9 * s, Role::Muted));
    }
    y + 0.5 * s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    fn sample() -> Forest {
        let row = |term: &str, ratio: [f64; 3], p: f64| Row {
            term: term.to_owned(),
            ratio: Some(ratio),
            p: Some(p),
            counted: Some([186, 50]),
            remark: String::new(),
        };
        Forest {
            title: "Hazard ratios".to_owned(),
            ratio: "Hazard ratio".to_owned(),
            groups: vec![
                (
                    "Univariate".to_owned(),
                    vec![
                        row("age", [1.01, 0.98, 1.04], 0.41),
                        row("ki67=≥20%", [18.3, 2.1, 2400.0], 0.0004),
                        row(
                            "a covariate whose name is longer than the table is wide, by far and for no good reason",
                            [0.2, 0.0001, 0.9],
                            0.03,
                        ),
                        Row {
                            term: "radiotherapy".to_owned(),
                            ratio: None,
                            p: None,
                            counted: None,
                            remark: "'radiotherapy' is 1 in every row used; leave it out".to_owned(),
                        },
                    ],
                ),
                ("Multivariate".to_owned(), vec![row("PMI/T4", [0.81, 0.7, 0.92], 0.002)]),
            ],
            source: "made-up data, 186 patients, 50 events, Efron's ties".to_owned(),
        }
    }

    #[test]
    fn nothing_is_cut_or_covered_at_any_width() {
        for width in [380.0, 515.0, 760.0, 1400.0] {
            check::assert_sound(&draw(&sample(), width));
        }
        check::assert_sound(&draw(&Forest { groups: vec![], ..sample() }, 600.0));
        check::look(&draw(&sample(), 720.0), "forest");
    }

    #[test]
    fn the_table_holds_every_row_and_p_values_are_a_journals() {
        assert_eq!(sample().csv().lines().count(), 6);
        assert_eq!([p_words(0.00004), p_words(0.0421)], ["<0.001", "0.042"]);
        assert_eq!(ratio_words([18.3, 2.1, 2400.0]), "18.30 (2.10–>999)");
    }
}
