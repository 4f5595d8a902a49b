//! One patient's values: from a row of a table, or from what a person typed.

use std::collections::BTreeMap;

use super::{ClinicalError, Kind, VARIABLES, Variable};
use crate::tables::{Table, TableError, columns, decode};

/// One patient's values, by variable key; an absent key is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub id: String,
    pub values: BTreeMap<&'static str, f64>,
}

impl Record {
    /// The variables without a value, in the study's order.
    pub fn missing(&self) -> Vec<&'static Variable> {
        VARIABLES.iter().filter(|v| !self.values.contains_key(v.key)).collect()
    }
}

/// The patient with this ID, and warnings about values that the study's codes do not know.
pub fn read_record(table: &Table, id: &str) -> Result<(Record, Vec<String>), ClinicalError> {
    let column = table.require("id")?;
    match table.rows_with(column, id)[..] {
        [row] => read_record_at(table, row),
        [] => Err(patient(table, unknown(table, column, id))),
        [first, second, ..] => {
            let (first, second) = (table.rows[first].number, table.rows[second].number);
            let reason = format!("two rows have this ID ({first} and {second}); keep one; ID {id}");
            Err(patient(table, reason))
        }
    }
}

/// The patient in row `row` (counted from 0 without the header).
pub fn read_record_at(table: &Table, row: usize) -> Result<(Record, Vec<String>), ClinicalError> {
    let (record, oddities) = record_of(table, row, &used_columns(table)?)?;
    let place = format!("{}, row {}", table.path.display(), table.rows[row].number);
    Ok((record, oddities.iter().map(|o| format!("{place}: {}", o.sentence())).collect()))
}

/// All patients in the table's order; warnings are gathered by variable.
pub fn read_records(table: &Table) -> Result<(Vec<Record>, Vec<String>), ClinicalError> {
    let columns = used_columns(table)?;
    let mut records = Vec::with_capacity(table.rows.len());
    let mut by_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in 0..table.rows.len() {
        let (record, oddities) = record_of(table, row, &columns)?;
        records.push(record);
        for o in oddities {
            by_kind.entry(o.sentence()).or_default().push(table.rows[row].number);
        }
    }
    // The name without its folder: these sentences travel in model cards.
    let file = table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let warnings = by_kind.iter().map(|(sentence, rows)| {
        let rows_word = if rows.len() == 1 { "row" } else { "rows" };
        format!("{file}, {rows_word} {}: {sentence}", row_ranges(rows))
    });
    Ok((records, warnings.collect()))
}

/// Rising row numbers as "3, 6–9, 12".
fn row_ranges(rows: &[usize]) -> String {
    let runs = rows.chunk_by(|a, b| a + 1 == *b);
    let words = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}–{last}"),
        [] => String::new(),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// One sentence for each code that the study's set does not know.
pub fn outside_codes(record: &Record) -> Vec<String> {
    let known = VARIABLES.iter().filter_map(|v| record.values.get(v.key).map(|value| (v, *value)));
    known.filter_map(|(v, value)| outside_code(v, value)).map(|o| o.sentence()).collect()
}

fn outside_code(variable: &'static Variable, value: f64) -> Option<Oddity> {
    let Kind::Code(codes) = &variable.kind else { return None };
    let known = codes.iter().any(|(code, _)| *code as f64 == value);
    (!known).then_some(Oddity::OutsideCodes { variable, value })
}

/// The IDs of a table, in its order.
pub fn ids(table: &Table) -> Result<Vec<String>, TableError> {
    let column = table.require("id")?;
    Ok((0..table.rows.len()).filter_map(|r| table.text(r, column)).map(str::to_owned).collect())
}

fn patient(table: &Table, reason: String) -> ClinicalError {
    ClinicalError::Patient { path: table.path.clone(), reason }
}

/// Columns that hold a variable of the study.
fn used_columns(table: &Table) -> Result<Vec<(&'static Variable, usize)>, ClinicalError> {
    let found = VARIABLES.iter().filter_map(|v| {
        let by_key = table.column(v.key).filter(|c| columns::key_of(&table.header[*c]) == Some(v.key));
        by_key.or_else(|| table.column(v.column)).map(|c| (v, c))
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        let reason =
            "none of its columns is a variable of the study (age, Tumor size, BMI, CEA …)".to_owned();
        return Err(patient(table, reason));
    }
    Ok(found)
}

/// Something strange about a value that does not stop the work.
enum Oddity {
    OutsideCodes { variable: &'static Variable, value: f64 },
    Group { variable: &'static Variable, text: String },
    HeightBelowOneMetre,
}

impl Oddity {
    fn sentence(&self) -> String {
        match self {
            Oddity::OutsideCodes { variable, value } => format!(
                "{} = {value} is outside the codes {} the model was trained on",
                variable.column,
                code_list(variable)
            ),
            Oddity::Group { variable, text } => {
                format!("{} '{text}' is a group and not a number, so it counts as missing", variable.column)
            }
            Oddity::HeightBelowOneMetre => {
                "PMI/T4 is not smaller than PMA/T4, which would be a patient of at most one metre".to_owned()
            }
        }
    }
}

fn record_of(
    table: &Table,
    row: usize,
    columns: &[(&'static Variable, usize)],
) -> Result<(Record, Vec<Oddity>), TableError> {
    let id = table.column("id").and_then(|c| table.text(row, c)).unwrap_or("").to_owned();
    let mut record = Record { id, values: BTreeMap::new() };
    let mut oddities = Vec::new();
    for (variable, column) in columns {
        let Some(text) = table.text(row, *column) else { continue };
        match parse(variable, text, table.decimal_comma) {
            Ok(value) => {
                oddities.extend(outside_code(variable, value));
                record.values.insert(variable.key, value);
            }
            Err(_) if is_group(text) => oddities.push(Oddity::Group { variable, text: text.to_owned() }),
            Err(reason) => return Err(table.cell(row, *column, &reason)),
        }
    }
    if let (Some(pma), Some(pmi)) = (record.values.get("pma_t4"), record.values.get("pmi_t4"))
        && pmi >= pma
    {
        oddities.push(Oddity::HeightBelowOneMetre);
    }
    Ok((record, oddities))
}

/// "≥20%", "<20": a share that was cut into groups.
fn is_group(text: &str) -> bool {
    let rest = text.trim_start_matches(['≥', '≤', '<', '>', '=']);
    rest.len() < text.len() && decode::number(rest.trim_end_matches('%'), false).is_some()
}

/// What a person typed for this variable: a number with point or comma, a code or its word; empty is missing.
/// The error says what is wrong and what can be written instead.
pub fn validate(variable: &Variable, text: &str) -> Result<Option<f64>, String> {
    if decode::is_missing(text) {
        return Ok(None);
    }
    let value = parse(variable, text.trim(), true)
        .map_err(|reason| format!("{}: '{}' {reason}", variable.label, text.trim()))?;
    match &variable.kind {
        Kind::Code(codes) if !codes.iter().any(|(code, _)| *code as f64 == value) => {
            Err(format!("{}: '{}' is not one of {}", variable.label, text.trim(), code_words(codes)))
        }
        _ => Ok(Some(value)),
    }
}

/// The value; codes outside the set are passed on. The error continues "'text' …".
fn parse(variable: &Variable, text: &str, decimal_comma: bool) -> Result<f64, String> {
    match &variable.kind {
        Kind::Number { low, high, .. } => {
            let plain = if variable.unit == "%" { text.trim_end_matches(['%', '％']) } else { text };
            let value = decode::number(plain, decimal_comma)
                .ok_or("is not a number; write a number or leave the cell empty")?;
            if (*low..=*high).contains(&value) {
                return Ok(value);
            }
            let unit = if variable.unit.is_empty() { String::new() } else { format!(" {}", variable.unit) };
            Err(format!("is impossible (between {low} and {high}{unit}); correct it or leave the cell empty"))
        }
        Kind::Code(codes) => {
            decode::number(text, decimal_comma).or_else(|| word(codes, text)).ok_or_else(|| {
                format!("is not one of {}; write one of them or leave the cell empty", code_words(codes))
            })
        }
    }
}

/// The code of a word: the variable's own words, or the usual ones for no and yes.
fn word(codes: &[(i64, &str)], text: &str) -> Option<f64> {
    let plain = |s: &str| s.trim().to_lowercase().trim_end_matches('s').to_owned();
    if let Some((code, _)) = codes.iter().find(|(_, w)| plain(w) == plain(text)) {
        return Some(*code as f64);
    }
    let words: Vec<&str> = codes.iter().map(|(_, w)| *w).collect();
    if words != ["No", "Yes"] && words != ["Negative", "Positive"] {
        return None;
    }
    match text.trim().to_lowercase().as_str() {
        "no" | "n" | "false" | "negative" | "neg" | "-" | "−" | "否" | "无" | "阴性" => Some(0.0),
        "yes" | "y" | "true" | "positive" | "pos" | "+" | "是" | "有" | "阳性" => Some(1.0),
        _ => None,
    }
}

fn code_words(codes: &[(i64, &str)]) -> String {
    let one = |(code, word): &(i64, &str)| {
        if *word == code.to_string() { word.to_string() } else { format!("{code} ({word})") }
    };
    codes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn code_list(variable: &Variable) -> String {
    let Kind::Code(codes) = &variable.kind else { return String::new() };
    let mut codes: Vec<i64> = codes.iter().map(|(c, _)| *c).collect();
    codes.sort_unstable();
    codes.iter().map(i64::to_string).collect::<Vec<_>>().join("/")
}

fn unknown(table: &Table, column: usize, id: &str) -> String {
    let all: Vec<&str> = (0..table.rows.len()).filter_map(|r| table.text(r, column)).collect();
    if all.is_empty() {
        return "it has no patients; add one row a patient below the header".to_owned();
    }
    let near = nearest(&all, id.trim()).join(", ");
    format!("no patient among its {} IDs has this one (near ones: {near}); ID {}", all.len(), id.trim())
}

/// Three IDs like the wanted one: the closest numbers, or the longest common beginning.
fn nearest<'a>(all: &[&'a str], id: &str) -> Vec<&'a str> {
    let common = |other: &str| id.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let far = |other: &str| match (id.parse::<f64>(), other.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs(),
        _ => 1e12 - common(other) as f64,
    };
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| far(a).total_cmp(&far(b)));
    sorted.truncate(3);
    sorted
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
