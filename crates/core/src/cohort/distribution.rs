//! How a column's values are distributed in the outcome's groups: bins of a measurement, counts of levels.

use serde::Serialize;

use super::values::{ColumnValues, Groups, Values};
use crate::stats::pretty::pretty;
use crate::stats::rank_sum::quantile;

/// No more bins than this, however long a tail is.
const MOST_BINS: f64 = 40.0;

/// Counts of one column by group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// The column with its unit.
    pub title: String,
    pub bars: Vec<Bar>,
    /// Bins lie side by side on a scale; levels stand apart.
    pub binned: bool,
    /// Patients without a value: first group, second group.
    pub missing: [usize; 2],
    /// Median of each group's measurements.
    pub medians: [Option<f64>; 2],
}

/// A bin or a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// `20–30`, or the level's name.
    pub label: String,
    /// Limits of a bin; a value on the upper one belongs to the next, but for the last bin's.
    pub limits: Option<[f64; 2]>,
    /// Patients of the first and second group.
    pub counts: [usize; 2],
}

/// The distribution of a column. Err: one sentence for a column of texts or without a value.
pub fn of(column: &ColumnValues, groups: &Groups) -> Result<Distribution, String> {
    let name = &column.name;
    match &column.values {
        Values::Texts { different } => {
            Err(format!("'{name}' has {different} different texts, too many for a chart."))
        }
        Values::Levels { names, of_row } if !names.is_empty() => Ok(of_levels(column, names, of_row, groups)),
        Values::Numbers(numbers) if numbers.iter().any(Option::is_some) => {
            Ok(of_numbers(column, numbers, groups))
        }
        _ => Err(format!("'{name}' is empty.")),
    }
}

fn of_levels(
    column: &ColumnValues,
    names: &[String],
    of_row: &[Option<usize>],
    groups: &Groups,
) -> Distribution {
    let mut bars: Vec<Bar> =
        names.iter().map(|n| Bar { label: n.clone(), limits: None, counts: [0, 0] }).collect();
    let mut missing = [0, 0];
    for (level, group) in of_row.iter().zip(&groups.of_row) {
        match (level, group) {
            (Some(level), Some(group)) => bars[*level].counts[*group] += 1,
            (None, Some(group)) => missing[*group] += 1,
            _ => {}
        }
    }
    Distribution { title: column.title(), bars, binned: false, missing, medians: [None, None] }
}

fn of_numbers(column: &ColumnValues, numbers: &[Option<f64>], groups: &Groups) -> Distribution {
    let mut by_group: [Vec<f64>; 2] = Default::default();
    let mut missing = [0, 0];
    for (value, group) in numbers.iter().zip(&groups.of_row) {
        match (value, group) {
            (Some(value), Some(group)) => by_group[*group].push(*value),
            (None, Some(group)) => missing[*group] += 1,
            _ => {}
        }
    }
    by_group.iter_mut().for_each(|values| values.sort_by(f64::total_cmp));
    let mut all = by_group.concat();
    all.sort_by(f64::total_cmp);
    let edges = edges(&all);
    let mut bars: Vec<Bar> = edges
        .windows(2)
        .map(|e| Bar {
            label: format!("{}–{}", tidy(e[0]), tidy(e[1])),
            limits: Some([e[0], e[1]]),
            counts: [0, 0],
        })
        .collect();
    let last = bars.len().saturating_sub(1);
    for (group, values) in by_group.iter().enumerate() {
        for value in values {
            let at = edges.partition_point(|e| e <= value).saturating_sub(1).min(last);
            bars[at].counts[group] += 1;
        }
    }
    let medians = [0, 1].map(|g| (!by_group[g].is_empty()).then(|| quantile(&by_group[g], 0.5)));
    Distribution { title: column.title(), bars, binned: true, missing, medians }
}

/// Round bin limits of about Freedman and Diaconis' width (Z Wahrscheinlichkeitstheorie 1981, 57:453).
fn edges(sorted: &[f64]) -> Vec<f64> {
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    if low == high {
        return vec![low - 0.5, low + 0.5];
    }
    let spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    let width = 2.0 * spread / (sorted.len() as f64).cbrt();
    let sturges = (sorted.len() as f64).log2().ceil() + 1.0;
    let bins = if width > 0.0 { (high - low) / width } else { sturges };
    pretty(*low, *high, bins.clamp(1.0, MOST_BINS).ceil() as usize)
}

/// A limit without what binary fractions add.
fn tidy(value: f64) -> f64 {
    format!("{value:.9e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cohort::Table;

    fn distribution(text: &str, column: &str) -> Result<Distribution, String> {
        let table = Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap();
        let groups = Groups::by_outcome(&table).unwrap();
        of(&ColumnValues::of(&table, table.column(column).unwrap()), &groups)
    }

    #[test]
    fn every_patient_is_in_exactly_one_bar() {
        let rows: String = (0..100)
            .map(|i| {
                format!(
                    "{i},{},{}\n",
                    if i % 10 == 3 { String::new() } else { (i * i % 97).to_string() },
                    i % 2
                )
            })
            .collect();
        let d = distribution(&format!("ID,age,metastasis\n{rows}"), "age").unwrap();
        let sum = |g: usize| d.bars.iter().map(|b| b.counts[g]).sum::<usize>() + d.missing[g];
        assert_eq!((sum(0), sum(1)), (50, 50));
        assert_eq!(d.missing, [0, 10]);
        assert!(d.binned && (4..=41).contains(&d.bars.len()), "{}", d.bars.len());
        let limits: Vec<[f64; 2]> = d.bars.iter().filter_map(|b| b.limits).collect();
        assert!(limits.windows(2).all(|w| w[0][1] == w[1][0]));
    }

    #[test]
    fn levels_are_counted_and_what_cannot_be_drawn_is_a_sentence() {
        let text = "ID,ER,CEA,note,metastasis\n1,1,,x,0\n2,0,,y,1\n3,1,,z,1\n4,NA,,u,1\n";
        let d = distribution(text, "ER").unwrap();
        assert_eq!(d.bars.iter().map(|b| b.counts).collect::<Vec<_>>(), [[0, 1], [1, 1]]);
        assert_eq!(d.missing, [0, 1]);
        assert!(distribution(text, "CEA").unwrap_err().contains("is empty"));
        let constant = distribution("ID,age,metastasis\n1,50,0\n2,50,1\n", "age").unwrap();
        assert_eq!(constant.bars[0].counts, [1, 1]);
    }
}
