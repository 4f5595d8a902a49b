//! A column of a table as values: measurements, levels, or texts that are neither; and patients in two groups.

use std::collections::BTreeMap;

use super::{Table, columns, decode};
use crate::study::{Kind, variable};

/// A column of numbers with no more different values than this is taken for a code.
const MOST_CODES: usize = 10;
/// A column of texts with more different ones than this is not counted by level.
const MOST_LEVELS: usize = 20;

/// A column with what its cells say.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnValues {
    /// As the table writes it.
    pub name: String,
    /// Our key if it is a column we know.
    pub key: Option<&'static str>,
    /// What a person reads: our word, else the table's.
    pub label: String,
    /// Empty where there is none or it is not known.
    pub unit: &'static str,
    pub values: Values,
    /// Rows without a value.
    pub missing: usize,
    /// Rows of a measurement with something that is no number; they count as missing in figures.
    pub unreadable: Vec<usize>,
}

/// What kind of column it is, and its values row by row (`None` = missing).
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Numbers(Vec<Option<f64>>),
    Levels {
        /// In order: codes by number, texts by the alphabet.
        names: Vec<String>,
        of_row: Vec<Option<usize>>,
    },
    /// Too many different texts to count each.
    Texts {
        different: usize,
    },
}

impl ColumnValues {
    /// Reads a column of the table.
    pub fn of(table: &Table, column: usize) -> Self {
        let name = table.header.get(column).cloned().unwrap_or_default();
        let key = columns::key_of(&name);
        let texts: Vec<Option<&str>> = (0..table.rows.len()).map(|r| table.text(r, column)).collect();
        let numbers: Vec<Option<f64>> =
            texts.iter().map(|t| t.and_then(|t| decode::number(t, table.decimal_comma))).collect();
        let missing = texts.iter().filter(|t| t.is_none()).count();
        let (values, unreadable) = if measured(key, &texts, &numbers) {
            let unreadable = (0..texts.len()).filter(|r| texts[*r].is_some() && numbers[*r].is_none());
            (Values::Numbers(numbers.clone()), unreadable.collect())
        } else {
            (levels(key, &texts, &numbers), Vec::new())
        };
        let unit = key.and_then(variable).map_or("", |v| v.unit);
        Self { label: label(&name).to_owned(), name, key, unit, values, missing, unreadable }
    }

    /// Label with its unit: `Age (years)`.
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.label.clone() } else { format!("{} ({})", self.label, self.unit) }
    }
}

/// What a person reads above a column: our own word where the column is known, else the file's.
pub fn label(name: &str) -> &str {
    match columns::key_of(name) {
        Some("id") => "ID",
        Some("metastasis") => "Metastasis",
        Some("os_days") => "Overall survival",
        Some("dmfs_days") => "Metastasis-free survival",
        Some("dead") => "Died",
        Some(key) => variable(key).map_or(name, |v| v.label),
        None => name,
    }
}

/// Whether a column holds measurements. A known variable is what it is unless most of its values are words.
fn measured(key: Option<&str>, texts: &[Option<&str>], numbers: &[Option<f64>]) -> bool {
    let values = texts.iter().flatten().count();
    let known = key.and_then(variable).map(|v| matches!(v.kind, Kind::Number { .. }));
    let read: Vec<f64> = numbers.iter().flatten().copied().collect();
    match (key, known) {
        (Some("id" | "metastasis" | "dead" | "risk_group"), _) | (_, Some(false)) => false,
        (_, Some(true)) | (Some("os_days" | "dmfs_days" | "total_points" | "fused_log_prob"), _) => {
            read.len() * 2 > values
        }
        _ => {
            let mut different = read.clone();
            different.sort_by(f64::total_cmp);
            different.dedup();
            let fractions = read.iter().any(|v| v.fract() != 0.0);
            read.len() * 10 >= values * 9 && !read.is_empty() && (fractions || different.len() > MOST_CODES)
        }
    }
}

/// What two equal cells share: `1` and `1.0` are one level.
fn level_key(text: &str, number: Option<f64>) -> (u64, String) {
    match number {
        // Numbers in their order before all texts; adding 0 makes 0 of −0.
        Some(v) => {
            let bits = (v + 0.0).to_bits();
            let rising = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            (rising, v.to_string())
        }
        None => (u64::MAX, text.to_owned()),
    }
}

fn levels(key: Option<&str>, texts: &[Option<&str>], numbers: &[Option<f64>]) -> Values {
    let keys: Vec<Option<(u64, String)>> =
        texts.iter().zip(numbers).map(|(t, n)| t.map(|t| level_key(t, *n))).collect();
    let mut places: BTreeMap<&(u64, String), usize> = keys.iter().flatten().map(|k| (k, 0)).collect();
    if places.len() > MOST_LEVELS {
        return Values::Texts { different: places.len() };
    }
    places.values_mut().enumerate().for_each(|(i, place)| *place = i);
    let names = places.keys().map(|(_, text)| word(key, text)).collect();
    let of_row = keys.iter().map(|k| k.as_ref().and_then(|k| places.get(k).copied())).collect();
    Values::Levels { names, of_row }
}

/// A code's word beside it where it has one: `1 (Yes)`.
fn word(key: Option<&str>, text: &str) -> String {
    let known = |code: i64| -> Option<&str> {
        match key? {
            "metastasis" | "dead" => [(0, "No"), (1, "Yes")].iter().find(|c| c.0 == code).map(|c| c.1),
            key => match variable(key)?.kind {
                Kind::Code(codes) => codes.iter().find(|c| c.0 == code).map(|c| c.1),
                Kind::Number { .. } => None,
            },
        }
    };
    match text.parse::<i64>().ok().and_then(known) {
        Some(word) if word != text => format!("{text} ({word})"),
        _ => text.to_owned(),
    }
}

/// Patients in two groups by a column with two different values.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    pub column: usize,
    /// The column as a person reads it.
    pub by: String,
    pub names: [String; 2],
    /// Row by row; `None` where the column is missing.
    pub of_row: Vec<Option<usize>>,
}

impl Groups {
    /// The groups by a column. Err: one sentence when it does not divide the patients in two.
    pub fn by(table: &Table, column: usize) -> Result<Self, String> {
        let values = ColumnValues::of(table, column);
        let different = match values.values {
            Values::Levels { names, of_row } => match <[String; 2]>::try_from(names) {
                Ok(names) => return Ok(Self { column, by: values.label, names, of_row }),
                Err(names) => names.len(),
            },
            Values::Texts { different } => different,
            Values::Numbers(numbers) => {
                let mut all: Vec<f64> = numbers.into_iter().flatten().collect();
                all.sort_by(f64::total_cmp);
                all.dedup();
                all.len()
            }
        };
        let name = values.name;
        Err(format!(
            "{}: column '{name}' has {different} different values, but groups need a column with two; choose another",
            table.path.display()
        ))
    }

    /// The groups by distant metastasis.
    pub fn by_outcome(table: &Table) -> Result<Self, String> {
        Self::by(table, table.require("metastasis").map_err(|e| e.to_string())?)
    }

    /// How many patients each group has.
    pub fn sizes(&self) -> [usize; 2] {
        [0, 1].map(|g| self.of_row.iter().filter(|r| **r == Some(g)).count())
    }

    /// Columns by which this table's patients fall into two groups.
    pub fn possible(table: &Table) -> Vec<usize> {
        (0..table.header.len())
            .filter(|c| !table.header[*c].is_empty() && Self::by(table, *c).is_ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn table(text: &str) -> Table {
        Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap()
    }

    #[test]
    fn columns_are_measurements_levels_or_texts() {
        let rows: Vec<String> = (0..30)
            .map(|i| format!("{i},{},{},{},note {i},{}", 40 + i, i % 2, i % 4, 0.5 * i as f64))
            .collect();
        let t = table(&format!("ID,age,ER,grade,remark,dose\n{}\n", rows.join("\n")));
        let kind = |name: &str| ColumnValues::of(&t, t.column(name).unwrap()).values;
        assert!(matches!(kind("age"), Values::Numbers(v) if v[3] == Some(43.0)));
        assert!(
            matches!(kind("er"), Values::Levels { names, .. } if names == ["0 (Negative)", "1 (Positive)"])
        );
        assert!(matches!(kind("grade"), Values::Levels { names, .. } if names == ["0", "1", "2", "3"]));
        assert!(matches!(kind("remark"), Values::Texts { different: 30 }));
        assert!(matches!(kind("dose"), Values::Numbers(_)));
    }

    #[test]
    fn words_in_a_measurement_are_counted_and_one_code_written_two_ways_is_one_level() {
        let t = table("ID,CEA,LVI\n1,2.5,1\n2,abc,1.0\n3,,0\n4,3,-1\n5,4,NA\n");
        let cea = ColumnValues::of(&t, 1);
        assert_eq!((cea.missing, &cea.unreadable[..]), (1, &[1][..]));
        assert_eq!(cea.title(), "CEA (ng/mL)");
        let Values::Levels { names, of_row } = ColumnValues::of(&t, 2).values else { panic!("levels") };
        assert_eq!(names, ["-1", "0 (No)", "1 (Yes)"]);
        assert_eq!(of_row, [Some(2), Some(2), Some(1), Some(0), None]);
    }

    #[test]
    fn a_number_written_as_groups_is_levels() {
        let t = table("num,ki67\n1,≥20%\n2,＜20%\n");
        assert!(matches!(ColumnValues::of(&t, 1).values, Values::Levels { .. }));
    }

    #[test]
    fn groups_need_two_values() {
        let t = table("ID,metastasis,age,grade\n1,1,50,1\n2,0,51,2\n3,,52,3\n4,0,53,1\n");
        let groups = Groups::by_outcome(&t).unwrap();
        assert_eq!(groups.of_row, [Some(1), Some(0), None, Some(0)]);
        assert_eq!((groups.names[1].as_str(), groups.sizes()), ("1 (Yes)", [2, 1]));
        let refused = Groups::by(&t, 3).unwrap_err();
        assert!(refused.contains("'grade' has 3 different values"), "{refused}");
        assert_eq!(Groups::possible(&t), [1]);
    }
}
