//! Table 1: the patients' characteristics by outcome, with tests and standardised differences.

use std::fmt::Write;

use serde::Serialize;

use super::afterwards;
use super::values::{ColumnValues, Groups, Values};
use super::{Table, columns};
use crate::stats::contingency::{self, FEWEST_EXPECTED};
use crate::stats::linalg::{cholesky, solve};
use crate::stats::rank_sum::{moments, quantile, rank_sum, welch};
use thoracast_files::words;

/// How measurements are summed up and tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Median with quartiles; Mann–Whitney's test.
    #[default]
    Median,
    /// Mean with standard deviation; Welch's t test.
    Mean,
}

/// The test behind a p.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    MannWhitney,
    Welch,
    ChiSquare,
    Fisher,
}

impl Test {
    pub fn name(self) -> &'static str {
        match self {
            Self::MannWhitney => "Mann–Whitney",
            Self::Welch => "Welch's t",
            Self::ChiSquare => "chi-square",
            Self::Fisher => "Fisher's exact",
        }
    }
}

/// A measurement in one group; `None` where the group has too few values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Centre {
    /// Patients with a value.
    pub n: usize,
    /// Median or mean.
    pub middle: Option<f64>,
    /// First quartile; with means: the standard deviation.
    pub low: Option<f64>,
    /// Third quartile; with means: absent.
    pub high: Option<f64>,
}

/// A level: patients with it overall and in each group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelCount {
    pub level: String,
    pub n: [usize; 3],
    /// Of the patients whose value is known, 0–1; `None` where there are none.
    pub share: [Option<f64>; 3],
}

/// What stands in a variable's columns: overall, first group, second group.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    Measured([Centre; 3]),
    Counted(Vec<LevelCount>),
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The table's own name of the column.
    pub column: String,
    /// With its unit.
    pub title: String,
    pub summary: Summary,
    /// Patients without a (readable) value: overall and in each group.
    pub missing: [usize; 3],
    pub test: Option<Test>,
    /// Two-sided, not corrected for the number of lines.
    pub p: Option<f64>,
    /// Standardised mean difference, never negative: the distance of the groups in pooled standard deviations
    /// (for levels after Yang and Dalton, SAS Global Forum 2012, paper 335).
    pub smd: Option<f64>,
    /// What to keep in mind with this line.
    pub remark: Option<String>,
}

/// Table 1 of a cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableOne {
    pub style: Style,
    /// The column that makes the groups.
    pub by: String,
    /// The groups' names, and how many patients they have.
    pub groups: [String; 2],
    pub sizes: [usize; 2],
    /// Patients without a group; they are in no figure.
    pub left_out: usize,
    pub lines: Vec<Line>,
    /// Columns without a line, one sentence each.
    pub skipped: Vec<String>,
}

/// Table 1 of all columns but the ID and the one that makes the groups.
pub fn table_one(table: &Table, groups: &Groups, style: Style) -> TableOne {
    let mut skipped = Vec::new();
    let mut lines = Vec::new();
    for column in 0..table.header.len() {
        let name = &table.header[column];
        if column == groups.column || name.is_empty() || columns::key_of(name) == Some("id") {
            continue;
        }
        let values = ColumnValues::of(table, column);
        match (&values.values, values.missing == table.rows.len()) {
            (_, true) => skipped.push(format!("'{name}' is empty.")),
            (Values::Texts { different }, _) => {
                skipped.push(format!("'{name}' has {different} different texts, too many to count each."));
            }
            (Values::Numbers(numbers), _) => lines.push(measured(&values, numbers, groups, style)),
            (Values::Levels { names, of_row }, _) => lines.push(counted(&values, names, of_row, groups)),
        }
    }
    let sizes = groups.sizes();
    TableOne {
        style,
        by: groups.by.clone(),
        groups: groups.names.clone(),
        sizes,
        left_out: groups.of_row.len() - sizes[0] - sizes[1],
        lines,
        skipped,
    }
}

/// How many patients of the groups have no value: overall, first, second.
fn missing<T>(values: &[Option<T>], groups: &Groups) -> [usize; 3] {
    let of = |group: usize| {
        values.iter().zip(&groups.of_row).filter(|(v, g)| v.is_none() && **g == Some(group)).count()
    };
    [of(0) + of(1), of(0), of(1)]
}

fn line(values: &ColumnValues, summary: Summary, missing: [usize; 3]) -> Line {
    let mut remarks: Vec<String> =
        afterwards::of(&values.name).map(|a| a.remark().to_owned()).into_iter().collect();
    match values.unreadable.len() {
        0 => {}
        1 => remarks.push("one cell is no number and counts as missing".to_owned()),
        n => remarks.push(format!("{n} cells are no numbers and count as missing")),
    }
    let remark = (!remarks.is_empty()).then(|| remarks.join("; "));
    let (column, title) = (values.name.clone(), values.title());
    Line { column, title, summary, missing, test: None, p: None, smd: None, remark }
}

fn measured(values: &ColumnValues, numbers: &[Option<f64>], groups: &Groups, style: Style) -> Line {
    let of = |group: usize| -> Vec<f64> {
        let both = numbers.iter().zip(&groups.of_row);
        let mut sorted: Vec<f64> = both.filter(|(_, g)| **g == Some(group)).filter_map(|(v, _)| *v).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (of(0), of(1));
    let mut all = [&a[..], &b[..]].concat();
    all.sort_by(f64::total_cmp);
    let summary = Summary::Measured([&all, &a, &b].map(|v| centre(v, style)));
    let mut line = line(values, summary, missing(numbers, groups));
    (line.test, line.p) = match style {
        Style::Median => (Some(Test::MannWhitney), rank_sum(&a, &b).map(|t| t.p)),
        Style::Mean => (Some(Test::Welch), welch(&a, &b).map(|t| t.p)),
    };
    line.test = line.test.filter(|_| line.p.is_some());
    line.smd = mean_difference(&a, &b);
    line
}

fn centre(sorted: &[f64], style: Style) -> Centre {
    let n = sorted.len();
    let at = |q: f64| (n > 0).then(|| quantile(sorted, q));
    match style {
        Style::Median => Centre { n, middle: at(0.5), low: at(0.25), high: at(0.75) },
        Style::Mean => {
            let middle = (n > 0).then(|| sorted.iter().sum::<f64>() / n as f64);
            Centre { n, middle, low: moments(sorted).map(|m| m.1.sqrt()), high: None }
        }
    }
}

fn mean_difference(a: &[f64], b: &[f64]) -> Option<f64> {
    let ((ma, va), (mb, vb)) = (moments(a)?, moments(b)?);
    let pooled = ((va + vb) / 2.0).sqrt();
    (pooled > 0.0).then(|| (ma - mb).abs() / pooled)
}

fn counted(values: &ColumnValues, names: &[String], of_row: &[Option<usize>], groups: &Groups) -> Line {
    let mut counts = vec![[0usize; 2]; names.len()];
    for (level, group) in of_row.iter().zip(&groups.of_row) {
        if let (Some(level), Some(group)) = (level, group) {
            counts[*level][*group] += 1;
        }
    }
    let known = [0, 1].map(|g| counts.iter().map(|c| c[g]).sum::<usize>());
    let share = |n: usize, of: usize| (of > 0).then(|| n as f64 / of as f64);
    let levels = names.iter().zip(&counts).map(|(level, [a, b])| LevelCount {
        level: level.clone(),
        n: [a + b, *a, *b],
        share: [share(a + b, known[0] + known[1]), share(*a, known[0]), share(*b, known[1])],
    });
    let mut line = line(values, Summary::Counted(levels.collect()), missing(of_row, groups));
    let chi = contingency::chi_square(&counts);
    if let Some(chi) = chi {
        (line.test, line.p) = (Some(Test::ChiSquare), Some(chi.p));
        if chi.least_expected < FEWEST_EXPECTED {
            match contingency::fisher(&counts) {
                Some(p) => (line.test, line.p) = (Some(Test::Fisher), Some(p)),
                None => {
                    let words = "expected counts are below 5 and the table is too large for the exact test";
                    line.remark = Some(line.remark.map_or(words.to_owned(), |r| format!("{r}; {words}")));
                }
            }
        }
    }
    line.smd = level_difference(&counts, known);
    line
}

/// Mahalanobis distance of the groups' shares. `None` where a share's variance is nought in both groups.
fn level_difference(counts: &[[usize; 2]], known: [usize; 2]) -> Option<f64> {
    if known.contains(&0) {
        return None;
    }
    let occurring: Vec<[f64; 2]> = counts
        .iter()
        .filter(|c| c[0] + c[1] > 0)
        .map(|c| [0, 1].map(|g| c[g] as f64 / known[g] as f64))
        .collect();
    // One level follows from the others.
    let shares = occurring.get(1..).filter(|s| !s.is_empty())?;
    let covariance: Vec<Vec<f64>> = (0..shares.len())
        .map(|i| {
            let with = |j: usize| {
                let of = |g: usize| {
                    let own = if i == j { shares[i][g] } else { 0.0 };
                    own - shares[i][g] * shares[j][g]
                };
                (of(0) + of(1)) / 2.0
            };
            (0..shares.len()).map(with).collect()
        })
        .collect();
    let apart: Vec<f64> = shares.iter().map(|s| s[0] - s[1]).collect();
    let solved = solve(&cholesky(&covariance).ok()?, &apart);
    Some(apart.iter().zip(&solved).map(|(a, b)| a * b).sum::<f64>().sqrt())
}

/// A p as journals print it.
pub fn p_text(p: Option<f64>) -> String {
    match p {
        None => "–".to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) => format!("{p:.3}"),
    }
}

/// A figure with as many decimals as its size needs.
pub fn figure(value: f64) -> String {
    format!("{value:.*}", most_decimals(value))
}

fn most_decimals(value: f64) -> usize {
    match value.abs() {
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        _ => 2,
    }
}

/// Decimals that a line's medians and quartiles need, two at most: those of whole numbers need none.
fn decimals(centres: &[Centre; 3]) -> usize {
    let values = centres.iter().flat_map(|c| [c.middle, c.low, c.high]).flatten();
    let needed = |v: f64| match (v * 100.0).round() as i64 {
        hundredths if hundredths % 100 == 0 => 0,
        hundredths if hundredths % 10 == 0 => 1,
        _ => 2,
    };
    values.map(|v| needed(v).min(most_decimals(v))).max().unwrap_or(0)
}

impl Centre {
    /// `53 (46–61)`, medians and quartiles with so many decimals, or `53.1 ± 9.8`.
    fn text(&self, style: Style, decimals: usize) -> String {
        match (self.middle, self.low, self.high, style) {
            (Some(m), Some(low), Some(high), Style::Median) => {
                format!("{m:.decimals$} ({low:.decimals$}–{high:.decimals$})")
            }
            (Some(m), Some(sd), _, Style::Mean) => format!("{} ± {}", figure(m), figure(sd)),
            (Some(m), ..) => figure(m),
            _ => "–".to_owned(),
        }
    }
}

impl LevelCount {
    /// `12 (34.3 %)`: overall (0), first (1) or second group (2).
    pub fn text(&self, group: usize) -> String {
        match self.share[group] {
            Some(share) => format!("{} ({:.1} %)", self.n[group], share * 100.0),
            None => self.n[group].to_string(),
        }
    }
}

/// One printed row: variable or level, three columns, missing, p, test, SMD, remark.
pub type PrintedRow = [String; 9];

impl TableOne {
    /// The columns' headings.
    pub fn headings(&self) -> PrintedRow {
        let group = |g: usize| format!("{} {} (n = {})", self.by, self.groups[g], self.sizes[g]);
        let all = self.sizes[0] + self.sizes[1];
        [
            "Characteristic".to_owned(),
            format!("All (n = {all})"),
            group(0),
            group(1),
            "Missing".to_owned(),
            "p".to_owned(),
            "Test".to_owned(),
            "SMD".to_owned(),
            "Remark".to_owned(),
        ]
    }

    /// The rows as printed: a variable's own, then one a level.
    pub fn printed(&self) -> Vec<PrintedRow> {
        self.lines.iter().flat_map(|line| self.printed_line(line)).collect()
    }

    fn printed_line(&self, line: &Line) -> Vec<PrintedRow> {
        let [all, a, b] = line.missing;
        let missing = if all == 0 { "0".to_owned() } else { format!("{all} ({a} / {b})") };
        let (what, centres) = match &line.summary {
            Summary::Measured(centres) => {
                let words = if self.style == Style::Mean { "mean ± SD" } else { "median (IQR)" };
                let decimals = decimals(centres);
                (words, centres.map(|c| c.text(self.style, decimals)))
            }
            Summary::Counted(_) => ("n (%)", Default::default()),
        };
        let [all, a, b] = centres;
        let smd = line.smd.map_or("–".to_owned(), |v| format!("{v:.2}"));
        let test = line.test.map_or("–", Test::name).to_owned();
        let remark = line.remark.clone().unwrap_or_default();
        let title = format!("{}, {what}", line.title);
        let mut rows = vec![[title, all, a, b, missing, p_text(line.p), test, smd, remark]];
        if let Summary::Counted(levels) = &line.summary {
            rows.extend(levels.iter().map(|level| {
                let mut row = PrintedRow::default();
                row[0] = format!("  {}", level.level);
                (0..3).for_each(|g| row[g + 1] = level.text(g));
                row
            }));
        }
        rows
    }

    /// What stands below the table.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "p values are two-sided and not corrected for the number of lines; SMD is the standardised mean difference.".to_owned(),
        ];
        match self.left_out {
            0 => {}
            1 => notes.push(format!("One patient without '{}' is left out.", self.by)),
            n => notes.push(format!("{n} patients without '{}' are left out.", self.by)),
        }
        notes.extend(self.skipped.iter().cloned());
        notes
    }

    /// As CSV with a header.
    pub fn csv(&self) -> String {
        let quoted = |cell: &String| format!("\"{}\"", cell.trim_end().replace('"', "\"\""));
        let line = |row: &PrintedRow| row.iter().map(quoted).collect::<Vec<_>>().join(",");
        let mut text = String::new();
        for row in std::iter::once(self.headings()).chain(self.printed()) {
            // Writing into a String does not fail.
            let _ = writeln!(text, "{}", line(&row));
        }
        text
    }

    /// As a Markdown table with its notes.
    pub fn markdown(&self) -> String {
        let cell = |c: &String| {
            let c = words::clean(c);
            let indented = c.strip_prefix("  ").map_or(c.to_string(), |c| format!("&nbsp;&nbsp;{c}"));
            indented.replace('|', "\\|").replace('<', "&lt;")
        };
        let line =
            |row: &PrintedRow| format!("| {} |\n", row.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let mut text = line(&self.headings());
        text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | --- |\n");
        self.printed().iter().for_each(|row| text.push_str(&line(row)));
        for note in self.notes() {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }
}

#[cfg(test)]
#[path = "table_one_tests.rs"]
mod tests;
