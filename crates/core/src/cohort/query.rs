//! Finding rows of a table: what a person types into the filter, and sorting by a column.

use std::cmp::Ordering;

use super::{Table, decode};

/// What a row must fulfil; all terms hold together.
///
/// `age>50 er=1 missing:cea "Tumor size"<=2 ductal`: comparisons with a column, columns without a value, and texts that
/// stand in any cell. Names and texts with spaces are quoted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// In lower case.
    Contains(String),
    Missing {
        column: usize,
        is_missing: bool,
    },
    Compare {
        column: usize,
        how: Comparison,
        /// In lower case.
        text: String,
        number: Option<f64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// As typed; two characters before one.
const COMPARISONS: [(&str, Comparison); 8] = [
    ("!=", Comparison::Unequal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("≤", Comparison::AtMost),
    ("≥", Comparison::AtLeast),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Query {
    /// Understands what a person typed. Err: one sentence on the term that is wrong.
    pub fn parse(text: &str, table: &Table) -> Result<Self, String> {
        let terms: Result<Vec<Term>, String> = words(text).iter().map(|word| term(word, table)).collect();
        Ok(Self { terms: terms? })
    }

    /// Whether a row fulfils it.
    pub fn holds(&self, table: &Table, row: usize) -> bool {
        self.terms.iter().all(|term| term.holds(table, row))
    }

    /// The rows that fulfil it, in the table's order.
    pub fn rows(&self, table: &Table) -> Vec<usize> {
        (0..table.rows.len()).filter(|row| self.holds(table, *row)).collect()
    }
}

/// Words at spaces, but for those between quotation marks, which stay in the word for [`term`].
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if c.is_whitespace() && !quoted {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    words.push(word);
    words.retain(|w| !w.is_empty());
    words
}

fn term(word: &str, table: &Table) -> Result<Term, String> {
    let column = |name: &str| {
        let name = unquoted(name);
        let unknown = || {
            format!(
                "the table has no column '{name}', or more than one that is called so; put names with spaces in quotation marks"
            )
        };
        table.column(&name).ok_or_else(unknown)
    };
    for (start, is_missing) in [("missing:", true), ("present:", false)] {
        if let Some(name) = word.strip_prefix(start) {
            return Ok(Term::Missing { column: column(name)?, is_missing });
        }
    }
    let Some((at, sign, how)) = comparison(word) else {
        return Ok(Term::Contains(unquoted(word).to_lowercase()));
    };
    let (name, value) = (&word[..at], unquoted(&word[at + sign.len()..]));
    if name.is_empty() {
        // `≥20%` is a text that tables hold.
        return Ok(Term::Contains(unquoted(word).to_lowercase()));
    }
    let column = column(name)?;
    if value.is_empty() {
        return Err(format!("'{word}' compares with nothing; write a value after {sign}, or missing:{name}"));
    }
    let number = decode::number(&value, table.decimal_comma);
    if number.is_none() && !matches!(how, Comparison::Equal | Comparison::Unequal) {
        return Err(format!("'{value}' in '{word}' is no number; texts can only be compared with = and !="));
    }
    Ok(Term::Compare { column, how, text: value.to_lowercase(), number })
}

/// The first comparison sign outside quotation marks: its place, as typed, and what it means.
fn comparison(word: &str) -> Option<(usize, &'static str, Comparison)> {
    let mut quoted = false;
    for (at, c) in word.char_indices() {
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && let Some((sign, how)) = COMPARISONS.iter().find(|(s, _)| word[at..].starts_with(s)) {
            return Some((at, sign, *how));
        }
    }
    None
}

fn unquoted(text: &str) -> String {
    text.replace('"', "").trim().to_owned()
}

impl Term {
    fn holds(&self, table: &Table, row: usize) -> bool {
        match self {
            Term::Contains(part) => table.rows[row].cells.iter().any(|cell| contains(cell, part)),
            Term::Missing { column, is_missing } => table.text(row, *column).is_none() == *is_missing,
            Term::Compare { column, how, text, number } => {
                let Some(cell) = table.text(row, *column) else { return false };
                let both = number.zip(decode::number(cell, table.decimal_comma));
                match both {
                    Some((wanted, value)) => how.holds(value.total_cmp(&wanted)),
                    None => match how {
                        Comparison::Equal => cell.to_lowercase() == *text,
                        Comparison::Unequal => cell.to_lowercase() != *text,
                        _ => false,
                    },
                }
            }
        }
    }
}

/// Whether a cell contains a text that is in lower case; most cells are ASCII and need no copy.
fn contains(cell: &str, part: &str) -> bool {
    if cell.len() < part.len() && cell.is_ascii() {
        return false;
    }
    if cell.is_ascii() && part.is_ascii() {
        return part.is_empty()
            || cell.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part.as_bytes()));
    }
    cell.to_lowercase().contains(part)
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// Which column a table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sorting {
    pub column: usize,
    pub descending: bool,
}

impl Sorting {
    /// The sorting after a click on a column's heading: rising, falling, none.
    pub fn clicked(now: Option<Self>, column: usize) -> Option<Self> {
        match now {
            Some(Self { column: same, descending }) if same == column => {
                (!descending).then_some(Self { column, descending: true })
            }
            _ => Some(Self { column, descending: false }),
        }
    }
}

/// Sorts rows by a column: numbers by value, then texts; missing values last in either direction. Equal rows keep their
/// order.
pub fn sort(table: &Table, rows: &mut [usize], by: Sorting) {
    let mut keyed: Vec<(SortKey<'_>, usize)> =
        rows.iter().map(|row| (SortKey::of(table, *row, by.column), *row)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0, by.descending));
    rows.iter_mut().zip(keyed).for_each(|(place, (_, row))| *place = row);
}

enum SortKey<'a> {
    Number(f64),
    Text(&'a str),
    Missing,
}

impl<'a> SortKey<'a> {
    fn of(table: &'a Table, row: usize, column: usize) -> Self {
        match table.text(row, column) {
            None => Self::Missing,
            Some(text) => decode::number(text, table.decimal_comma).map_or(Self::Text(text), Self::Number),
        }
    }

    fn cmp(&self, other: &Self, descending: bool) -> Ordering {
        let turned = |order: Ordering| if descending { order.reverse() } else { order };
        match (self, other) {
            (Self::Missing, Self::Missing) => Ordering::Equal,
            (Self::Missing, _) => Ordering::Greater,
            (_, Self::Missing) => Ordering::Less,
            (Self::Number(a), Self::Number(b)) => turned(a.total_cmp(b)),
            (Self::Text(a), Self::Text(b)) => turned(a.cmp(b)),
            (Self::Number(_), Self::Text(_)) => turned(Ordering::Less),
            (Self::Text(_), Self::Number(_)) => turned(Ordering::Greater),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn table() -> Table {
        let text = "ID,age,Tumor size,ER,CEA,note\n1,50,2,1,,Ductal\n2,9,3.5,0,1.5,other\n3,,2.5,1,NA,ductal\n4,61,x,1,20,≥20%\n";
        Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap()
    }

    fn found(text: &str) -> Vec<usize> {
        let table = table();
        Query::parse(text, &table).unwrap().rows(&table)
    }

    #[test]
    fn terms_hold_together() {
        for (text, rows) in [
            ("", vec![0, 1, 2, 3]),
            ("ductal", vec![0, 2]),
            ("age>9", vec![0, 3]),
            ("age>=9 er=1", vec![0, 3]),
            ("er=1 missing:cea", vec![0, 2]),
            ("present:CEA", vec![1, 3]),
            ("\"Tumor size\"<=2.5", vec![0, 2]),
            ("\"tumor size\"=x", vec![3]),
            ("note!=ductal", vec![1, 3]),
            ("≥20%", vec![3]),
            ("age≥61", vec![3]),
        ] {
            assert_eq!(found(text), rows, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_one_sentence() {
        let table = table();
        let refused = |text: &str| Query::parse(text, &table).unwrap_err();
        assert!(refused("shoe>3").contains("no column 'shoe'"));
        assert!(refused("age>old").contains("'old' in 'age>old' is no number"));
        assert!(refused("age=").contains("compares with nothing"));
        assert!(refused("missing:shoe").contains("no column 'shoe'"));
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_missing_values_stay_last() {
        let table = table();
        let sorted = |column: usize, descending: bool| {
            let mut rows = vec![0, 1, 2, 3];
            sort(&table, &mut rows, Sorting { column, descending });
            rows
        };
        assert_eq!(sorted(1, false), [1, 0, 3, 2]);
        assert_eq!(sorted(1, true), [3, 0, 1, 2]);
        assert_eq!(sorted(2, false), [0, 2, 1, 3]);
        // Equal rows keep their order.
        assert_eq!(sorted(3, true), [0, 2, 3, 1]);
        let up = Sorting::clicked(None, 1);
        let down = Sorting::clicked(up, 1);
        assert_eq!(down, Some(Sorting { column: 1, descending: true }));
        assert_eq!(Sorting::clicked(down, 1), None);
    }
}
