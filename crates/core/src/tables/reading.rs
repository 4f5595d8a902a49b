//! How a column's cells become numbers where they are not plain ones: grouped thousands, another decimal sign, percent
//! signs, values beyond a limit, dates. A column's rule is proposed from its cells and applied only when asked for.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Table, TableError, decode};

/// A rule that makes numbers of one column's cells. As text its parts are joined by `+`: `comma+percent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reading {
    Number {
        /// The decimal sign, the other one and spaces grouping thousands; absent: the table's, nothing grouped.
        sign: Option<DecimalSign>,
        /// `81%` is 81.
        percent: bool,
        /// `<0.5` is 0.5, the limit itself.
        limit: bool,
    },
    /// Days since 1 January 1970.
    Date(DateOrder),
}

/// What stands between whole numbers and their fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalSign {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

/// The order of a date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

const DATES: [(&str, DateOrder); 3] = [
    ("date-ymd", DateOrder::YearMonthDay),
    ("date-dmy", DateOrder::DayMonthYear),
    ("date-mdy", DateOrder::MonthDayYear),
];

/// What a rule is written as, for messages.
pub const FORM: &str =
    "write comma, point, percent, limit (joined by + where several hold), date-ymd, date-dmy or date-mdy";

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(order) => f.write_str(DATES.iter().find(|(_, o)| o == order).map_or("", |d| d.0)),
            Self::Number { sign, percent, limit } => {
                let sign = sign.map(|s| if s == DecimalSign::Comma { "comma" } else { "point" });
                let parts = [sign, percent.then_some("percent"), limit.then_some("limit")];
                f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("+"))
            }
        }
    }
}

impl std::str::FromStr for Reading {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, order)) = DATES.iter().find(|(name, _)| *name == text.trim()) {
            return Ok(Self::Date(*order));
        }
        let (mut sign, mut percent, mut limit) = (None, false, false);
        for part in text.split('+').map(str::trim) {
            match part {
                "comma" if sign.is_none() => sign = Some(DecimalSign::Comma),
                "point" if sign.is_none() => sign = Some(DecimalSign::Point),
                "percent" if !percent => percent = true,
                "limit" if !limit => limit = true,
                _ => return Err(format!("'{text}' is no way to read numbers; {FORM}")),
            }
        }
        Ok(Self::Number { sign, percent, limit })
    }
}

impl TryFrom<String> for Reading {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Reading> for String {
    fn from(reading: Reading) -> Self {
        reading.to_string()
    }
}

impl Reading {
    /// The rules with one part each, as a person chooses among them.
    pub const SINGLE: [Self; 7] = [
        Self::number(Some(DecimalSign::Comma), false, false),
        Self::number(Some(DecimalSign::Point), false, false),
        Self::number(None, true, false),
        Self::number(None, false, true),
        Self::Date(DateOrder::YearMonthDay),
        Self::Date(DateOrder::DayMonthYear),
        Self::Date(DateOrder::MonthDayYear),
    ];

    const fn number(sign: Option<DecimalSign>, percent: bool, limit: bool) -> Self {
        Self::Number { sign, percent, limit }
    }

    /// What the rule does, for a list to choose from.
    pub fn describe(self) -> String {
        let words = match self {
            Self::Date(DateOrder::YearMonthDay) => return "dates 2021-03-05, as days since 1970".to_owned(),
            Self::Date(DateOrder::DayMonthYear) => return "dates 5.3.2021, as days since 1970".to_owned(),
            Self::Date(DateOrder::MonthDayYear) => return "dates 3/5/2021, as days since 1970".to_owned(),
            Self::Number { sign, percent, limit } => [
                sign.map(|s| match s {
                    DecimalSign::Comma => "1.234,5 is 1234.5",
                    DecimalSign::Point => "1,234.5 is 1234.5",
                }),
                percent.then_some("81% is 81"),
                limit.then_some("<0.5 is 0.5"),
            ],
        };
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The number that a cell's text stands for; `None` where the rule does not read it.
    pub fn value(self, text: &str, decimal_comma: bool) -> Option<f64> {
        let text = text.trim();
        let (sign, percent, limit) = match self {
            Self::Date(order) => return days(text, order),
            Self::Number { sign, percent, limit } => (sign, percent, limit),
        };
        let text = if limit { without_limit(text).unwrap_or(text) } else { text };
        let text = if percent { text.strip_suffix(['%', '％']).unwrap_or(text).trim_end() } else { text };
        match sign {
            None => decode::number(text, decimal_comma),
            Some(sign) => grouped(text, sign),
        }
    }

    /// Makes numbers of a column's cells.
    ///
    /// # Errors
    /// A column that is not there; the first cell that the rule does not read.
    pub fn apply(self, table: &mut Table, column: &str) -> Result<(), TableError> {
        let column = table.require(column)?;
        let comma = table.decimal_comma;
        for r in 0..table.rows.len() {
            let Some(text) = table.text(r, column) else { continue };
            let Some(value) = self.value(text, comma) else {
                let reason = format!("cannot be read as '{self}'; correct it, or leave the cell empty");
                return Err(table.cell(r, column, &reason));
            };
            table.rows[r].cells[column] = value.to_string();
        }
        Ok(())
    }

    /// How many parts the rule has.
    fn parts(self) -> usize {
        match self {
            Self::Date(_) => 1,
            Self::Number { sign, percent, limit } => {
                usize::from(sign.is_some()) + usize::from(percent) + usize::from(limit)
            }
        }
    }

    /// Every rule there is.
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = DATES.iter().map(|(_, order)| Self::Date(*order)).collect();
        for sign in [None, Some(DecimalSign::Point), Some(DecimalSign::Comma)] {
            for (percent, limit) in [(false, false), (true, false), (false, true), (true, true)] {
                all.push(Self::number(sign, percent, limit));
            }
        }
        all
    }
}

/// Of ten cells at least so many must be numbers under a rule that is proposed.
const NEARLY_ALL: usize = 9;

/// The simplest rules under which nearly all texts of a column are numbers, where more of them are than without. Several
/// where they read the texts differently (`81,000`). None for groups such as `<20%` and `≥20%`, which are levels.
pub fn propose<'a>(texts: impl Iterator<Item = &'a str>, decimal_comma: bool) -> Vec<Reading> {
    let texts: Vec<&str> = texts.collect();
    let plain = texts.iter().filter(|t| decode::number(t, decimal_comma).is_some()).count();
    if plain == texts.len() {
        return Vec::new();
    }
    let single: BTreeSet<&str> = texts.iter().copied().filter(|t| without_limit(t).is_none()).collect();
    if single.len() < 2.min(texts.len()) {
        return Vec::new();
    }
    let read = |rule: &Reading| texts.iter().filter(|t| rule.value(t, decimal_comma).is_some()).count();
    let counted: Vec<(usize, Reading)> = Reading::all().into_iter().map(|r| (read(&r), r)).collect();
    let most = counted.iter().map(|(count, _)| *count).max().unwrap_or(0);
    if most <= plain || most * 10 < texts.len() * NEARLY_ALL {
        return Vec::new();
    }
    let best: Vec<Reading> = counted.into_iter().filter(|(n, _)| *n == most).map(|(_, r)| r).collect();
    let fewest = best.iter().map(|r| r.parts()).min().unwrap_or(0);
    best.into_iter().filter(|r| r.parts() == fewest).collect()
}

/// The rules with what they make of `text`: `point (81000) or comma (81)`.
pub fn in_words(rules: &[Reading], text: &str, decimal_comma: bool) -> String {
    let one = |rule: &Reading| match rule.value(text, decimal_comma) {
        Some(value) => format!("{rule} ({value})"),
        None => rule.to_string(),
    };
    rules.iter().map(one).collect::<Vec<_>>().join(" or ")
}

/// Columns of a table with decimal commas in which every comma might as well group thousands, one sentence each.
pub fn doubtful_commas(table: &Table) -> Vec<String> {
    if !table.decimal_comma {
        return Vec::new();
    }
    let grouped = |text: &str| grouped(text, DecimalSign::Point).is_some() && !text.contains('.');
    let sentence = |column: usize| {
        let mut with_comma = (0..table.rows.len())
            .filter_map(|r| table.text(r, column))
            .filter(|t| t.contains(',') && decode::number(t, true).is_some())
            .peekable();
        let first = *with_comma.peek()?;
        let whole = decode::number(first, true)?;
        let (file, name) = (table.path.display(), table.heading(column));
        with_comma.all(|t| grouped(t) && !t.trim_start_matches('-').starts_with('0')).then(|| {
            format!(
                "{file}, column '{name}': '{first}' is read as {whole}; where the comma groups thousands, add --read {name}=point"
            )
        })
    };
    (0..table.header.len()).filter_map(sentence).collect()
}

/// The text behind `<`, `≤`, `>`, `≥`; `None` without such a sign.
fn without_limit(text: &str) -> Option<&str> {
    let rest = text.trim().strip_prefix(['<', '>', '≤', '≥', '＜', '＞'])?;
    Some(rest.strip_prefix('=').unwrap_or(rest).trim_start())
}

/// A number whose thousands may be grouped: by the other sign, spaces or apostrophes, always the same one.
fn grouped(text: &str, sign: DecimalSign) -> Option<f64> {
    let (decimal, group) = match sign {
        DecimalSign::Point => ('.', ','),
        DecimalSign::Comma => (',', '.'),
    };
    let (whole, fraction) = text.split_once(decimal).map_or((text, None), |(w, f)| (w, Some(f)));
    let is_group = |c: char| c == group || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    let whole = match whole.chars().find(|c| is_group(*c)) {
        None => whole.to_owned(),
        Some(separator) => {
            let mut parts = whole.split(separator);
            let first = parts.next()?.trim_start_matches(['-', '+']);
            let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
            if !(1..=3).contains(&first.len()) || !digits(first) || !parts.all(|p| p.len() == 3 && digits(p))
            {
                return None;
            }
            whole.replace(separator, "")
        }
    };
    let text = fraction.map_or(whole.clone(), |f| format!("{whole}.{f}"));
    (!text.contains(',')).then(|| decode::number(&text, false)).flatten()
}

/// Days since 1970 of a date, whatever stands behind it as a time of day.
fn days(text: &str, order: DateOrder) -> Option<f64> {
    let date = text.split([' ', 'T']).next()?;
    let plain = date.replace(['年', '月'], "-").replace('日', "");
    let sign = plain.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/' | '.'))?;
    let parts: Vec<&str> = plain.split(sign).collect();
    let [a, b, c] = parts[..] else { return None };
    let (year, month, day) = match order {
        DateOrder::YearMonthDay => (a, b, c),
        DateOrder::DayMonthYear => (c, b, a),
        // Nobody writes months first with points.
        DateOrder::MonthDayYear if sign != '.' => (c, a, b),
        DateOrder::MonthDayYear => return None,
    };
    if year.len() != 4 || !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return None;
    }
    let date = chrono::NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    Some((date - chrono::NaiveDate::default()).num_days() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str], comma: bool) -> String {
        let rules: Vec<String> =
            propose(texts.iter().copied(), comma).iter().map(|r| r.to_string()).collect();
        rules.join(" ")
    }

    #[test]
    fn rules_read_what_they_say_and_nothing_else() {
        for (rule, text, comma, want) in [
            ("comma", "1.234,5", false, Some(1234.5)),
            ("comma", "3,5", false, Some(3.5)),
            ("comma", "12.34,5", false, None),
            ("comma", "3.5", false, None),
            ("point", "81,000", false, Some(81000.0)),
            ("point", "-1,234,567.25", true, Some(-1_234_567.25)),
            ("point", "1 234.5", false, Some(1234.5)),
            ("point", "8,1", false, None),
            ("point", "1,2345", false, None),
            ("percent", "81 %", false, Some(81.0)),
            ("percent", "81,5%", true, Some(81.5)),
            ("percent", "81,5%", false, None),
            ("comma+percent", "81,5%", false, Some(81.5)),
            ("limit", "<0.5", false, Some(0.5)),
            ("limit", ">= 20", false, Some(20.0)),
            ("percent+limit", "≥20%", false, Some(20.0)),
            ("limit", "20%", false, None),
            ("date-ymd", "1970-01-02", false, Some(1.0)),
            ("date-ymd", "2021-03-05 00:00:00", false, Some(18691.0)),
            ("date-ymd", "2021年3月5日", false, Some(18691.0)),
            ("date-dmy", "5.3.2021", false, Some(18691.0)),
            ("date-mdy", "3/5/2021", false, Some(18691.0)),
            ("date-mdy", "3.5.2021", false, None),
            ("date-ymd", "2021-02-30", false, None),
        ] {
            let reading: Reading = rule.parse().unwrap();
            assert_eq!(reading.value(text, comma), want, "{rule} {text}");
            assert_eq!(reading.to_string(), rule);
        }
        assert!("percent+percent".parse::<Reading>().is_err() && "".parse::<Reading>().is_err());
    }

    #[test]
    fn the_simplest_rule_that_reads_a_column_is_proposed() {
        for (texts, comma, want) in [
            (&["1.234,5", "12,5", "7"][..], false, "comma"),
            (&["1.234,5", "12,5", "7"], true, "comma"),
            (&["81%", "7 %", "12.5%"], false, "percent"),
            (&["81,000", "7,500"], false, "point comma"),
            (&["1,234,567", "7,500"], false, "point"),
            (&["<0.5", "0.7", "12", "3"], false, "limit"),
            (&["<20%", "≥20%", "<20%"], false, ""),
            (&["<20%", "30%", "45%"], false, "percent+limit"),
            (&["2021-03-05", "2020-12-31"], false, "date-ymd"),
            (&["3/5/2021", "4/5/2021"], false, "date-dmy date-mdy"),
            (&["3/5/2021", "4/25/2021"], false, "date-mdy"),
            (&["Ductal", "Others"], false, ""),
            (&["1", "2", "x"], false, ""),
            (&["1-3", "4+", "0"], false, ""),
            (&["1", "2.5"], false, ""),
            (&["0", "1+", "2+", "3+"], false, ""),
        ] {
            assert_eq!(rules(texts, comma), want, "{texts:?}");
        }
    }

    #[test]
    fn a_column_is_read_as_asked_or_its_first_other_cell_is_named() {
        let read = |text: &str| Table::from_bytes(std::path::Path::new("t.csv"), text.as_bytes()).unwrap();
        let mut table = read("p\n81%\n\n7%\n");
        let percent: Reading = "percent".parse().unwrap();
        percent.apply(&mut table, "p").unwrap();
        assert_eq!((table.number(0, 0).unwrap(), table.number(1, 0).unwrap()), (Some(81.0), Some(7.0)));
        let said = percent.apply(&mut read("p\n81%\nmany\n"), "p").unwrap_err().to_string();
        assert!(said.starts_with("t.csv, row 3, column 'p': 'many' cannot be read as 'percent'"), "{said}");
        let doubts = doubtful_commas(&read("a;b;c\n81,000;1,5;0,125\n7,500;2,125;7,500\n"));
        assert_eq!(doubts.len(), 1, "{doubts:?}");
        assert!(doubts[0].contains("column 'a': '81,000' is read as 81;"), "{doubts:?}");
    }
}
