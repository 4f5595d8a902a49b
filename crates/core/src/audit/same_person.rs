//! One patient under two IDs: told by how the IDs are written, or by rows that agree.

use super::frame::{Cell, Column, Frame};
use super::{Code, Finding, Severity, count, effect, some};

/// What an ID means however it is written: small letters, no spaces, no zeros before a number, no sign between letters and
/// a number. `P-007`, `p 7` and `P7` are one; `1-2` and `12` are two.
pub fn meaning(id: &str) -> String {
    let mut plain = String::new();
    let mut sign = false;
    for c in id.trim().to_lowercase().chars() {
        if c.is_whitespace() {
            continue;
        }
        if !c.is_alphanumeric() {
            sign = !plain.is_empty();
            continue;
        }
        let after_digit = plain.ends_with(|p: char| p.is_ascii_digit());
        if sign && after_digit == c.is_ascii_digit() {
            plain.push('-');
        }
        sign = false;
        // A zero that begins a number goes as soon as a digit follows it.
        let digits = plain.chars().rev().take_while(char::is_ascii_digit).count();
        if c.is_ascii_digit() && digits == 1 && plain.ends_with('0') {
            plain.pop();
        }
        plain.push(c);
    }
    plain
}

/// Values that so few rows share tell a patient.
const RARE: usize = 5;
/// Shares of measured values, and of all cells, in which two rows of one person agree at least: one may be corrected later.
const MEASURED: f64 = 0.8;
const ALL: f64 = 0.85;

struct Pair {
    rows: [usize; 2],
    /// Columns that agree, and columns there are.
    agree: [usize; 2],
}

/// Rows of different IDs that agree in nearly every column.
pub fn check(frame: &Frame) -> Vec<Finding> {
    let pairs = alike(frame);
    let mut found = Vec::new();
    for (across, code) in [(true, Code::PatientInTwoSplits), (false, Code::DuplicateId)] {
        let split = |r: usize| frame.rows[r].split;
        let these: Vec<&Pair> =
            pairs.iter().filter(|p| (split(p.rows[0]) != split(p.rows[1])) == across).collect();
        if !these.is_empty() {
            found.push(told(frame, &these, across, code));
        }
    }
    found
}

fn told(frame: &Frame, pairs: &[&Pair], across: bool, code: Code) -> Finding {
    let names: Vec<String> = pairs.iter().map(|p| frame.ids(p.rows).join(" = ")).collect();
    let place = if across { "in two splits" } else { "in one split" };
    let agree = pairs.iter().map(|p| p.agree[0]).min().unwrap_or(0);
    let message = format!(
        "{} of rows {place} {} in {agree} or more of {} columns though their IDs differ: probably one patient under two \
         IDs. Find out, and keep one; {}.",
        count(pairs.len(), "pair"),
        if pairs.len() == 1 { "agrees" } else { "agree" },
        pairs.iter().map(|p| p.agree[1]).max().unwrap_or(0),
        some(&names)
    );
    let severity = if across { Severity::High } else { Severity::Medium };
    // Learnt from once, wherever the other stands.
    let unlearned =
        pairs.iter().flat_map(|p| if across { p.rows.to_vec() } else { vec![p.rows[1]] }).collect();
    let without = effect::View { unlearned, ..Default::default() };
    Finding::new(code, severity, message)
        .patients(pairs.iter().flat_map(|p| frame.ids(p.rows)))
        .evidence("pairs", names)
        .evidence("columns_agreeing", pairs.iter().map(|p| p.agree[0]).collect::<Vec<_>>())
        .effect(effect::between(frame, &effect::View::default(), &without))
}

fn alike(frame: &Frame) -> Vec<Pair> {
    let columns: Vec<&Column> = frame.predictors().collect();
    let measured: Vec<&Column> = columns.iter().copied().filter(|c| c.numeric && c.distinct >= 20).collect();
    // Few or coarse columns agree by chance.
    if columns.len() < 4 || measured.len() < 2 {
        return Vec::new();
    }
    let rare: Vec<Vec<Option<f64>>> = measured.iter().map(|c| rare_values(c)).collect();
    let ids: Vec<String> = frame.rows.iter().map(|e| meaning(&e.id)).collect();
    let mut found = Vec::new();
    for a in 0..frame.rows.len() {
        for b in a + 1..frame.rows.len() {
            let telling = rare.iter().filter(|v| v[a].is_some() && v[a] == v[b]).count();
            if telling < 2 || ids[a] == ids[b] {
                continue;
            }
            let share = |of: &[&Column]| {
                let both = of.iter().filter(|c| c.cells[a] != Cell::Absent && c.cells[b] != Cell::Absent);
                let agree = both.clone().filter(|c| c.cells[a] == c.cells[b]).count();
                [agree, both.count()]
            };
            let enough = |[agree, all]: [usize; 2], least: f64| agree as f64 >= least * all as f64;
            let agree = share(&columns);
            if enough(share(&measured), MEASURED) && enough(agree, ALL) {
                found.push(Pair { rows: [a, b], agree });
            }
        }
    }
    found
}

/// A column's values where few rows have them.
fn rare_values(column: &Column) -> Vec<Option<f64>> {
    let mut sorted: Vec<f64> = column.cells.iter().filter_map(Cell::number).collect();
    sorted.sort_by(f64::total_cmp);
    let few = |v: &f64| sorted.partition_point(|s| s <= v) - sorted.partition_point(|s| s < v) <= RARE;
    column.cells.iter().map(|c| c.number().filter(few)).collect()
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn one_id_in_several_spellings_means_one_patient() {
        for id in ["P7", "p007", "P-07", " p 7 ", "P_7"] {
            assert_eq!(meaning(id), "p7", "{id}");
        }
        let different = ["7", "70", "700", "1-2", "12", "0", "10", "a", "b1", "b10", "1-02-3", "1-23"];
        for (i, a) in different.iter().enumerate() {
            assert!(different[i + 1..].iter().all(|b| meaning(a) != meaning(b)), "{a}");
        }
        assert_eq!((meaning("000"), meaning("100")), ("0".to_owned(), "100".to_owned()));
    }
}
