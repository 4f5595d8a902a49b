//! All tables of a cohort as one: columns matched by name, rows with their patient, split and outcome.

use std::collections::BTreeMap;

use crate::cohort::{CohortFolder, CohortTable, Split, Table, columns, decode, table::id_key};

/// Columns that are the outcome's consequence or a model's output; they stand in survival tables by right.
const RESULTS: [&str; 6] = ["os_days", "dmfs_days", "dead", "fused_log_prob", "total_points", "risk_group"];

/// A cohort's tables and pictures with the outcome of every patient.
pub struct Cohort<'a> {
    pub folder: &'a CohortFolder,
    pub clinical: Frame<'a>,
    pub survival: Frame<'a>,
    /// Every patient's outcome where it is known and is told alike.
    pub labels: BTreeMap<String, Option<bool>>,
}

/// Tables of one role.
#[derive(Default)]
pub struct Frame<'a> {
    pub tables: Vec<Source<'a>>,
    pub rows: Vec<Entry>,
    pub columns: Vec<Column>,
}

/// A table and its columns that matter.
pub struct Source<'a> {
    pub table: &'a Table,
    pub id: Option<usize>,
    pub outcome: Option<usize>,
}

impl Source<'_> {
    /// File name without its folder.
    pub fn file(&self) -> String {
        self.table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    }
}

/// One patient's row.
pub struct Entry {
    /// Which of the frame's tables, and which of its rows.
    pub table: usize,
    pub row: usize,
    pub split: Option<Split>,
    /// `row 12` where there is no ID.
    pub id: String,
    pub outcome: Option<bool>,
}

/// What a cell says.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// The row's table does not have this column.
    Absent,
    /// Blank, or a word for "no value".
    Missing,
    Number(f64),
    Text(String),
}

impl Cell {
    pub fn number(&self) -> Option<f64> {
        if let Cell::Number(v) = self { Some(*v) } else { None }
    }
}

/// One column through all tables of a frame.
pub struct Column {
    /// As the first table that has it writes it, before any mapping.
    pub name: String,
    /// Our key if it is a column we know.
    pub key: Option<&'static str>,
    /// One for each row of the frame.
    pub cells: Vec<Cell>,
    /// At least nine tenths of its values are numbers.
    pub numeric: bool,
    /// How many different values it takes.
    pub distinct: usize,
}

impl Column {
    /// What could be a predictor: not the ID, the outcome, nor a result.
    pub fn is_predictor(&self) -> bool {
        !matches!(self.key, Some("id" | "metastasis")) && !self.key.is_some_and(|k| RESULTS.contains(&k))
    }

    /// A result of the outcome or of a model, by its known name.
    pub fn is_result(&self) -> bool {
        self.key.is_some_and(|k| RESULTS.contains(&k))
    }
}

impl<'a> Frame<'a> {
    fn new(tables: &'a [CohortTable]) -> Self {
        let mut frame = Self::default();
        for CohortTable { split, table } in tables {
            frame.add(*split, table);
        }
        for column in &mut frame.columns {
            let numbers: Vec<f64> = column.cells.iter().filter_map(Cell::number).collect();
            let texts: Vec<&String> = column
                .cells
                .iter()
                .filter_map(|c| if let Cell::Text(t) = c { Some(t) } else { None })
                .collect();
            column.numeric = !numbers.is_empty() && numbers.len() >= 9 * texts.len();
            let mut different: Vec<String> = numbers.iter().map(f64::to_string).collect();
            different.extend(texts.into_iter().cloned());
            different.sort();
            different.dedup();
            column.distinct = different.len();
        }
        frame
    }

    fn add(&mut self, split: Option<Split>, table: &'a Table) {
        let (id, outcome) = (table.column("id"), table.column("metastasis"));
        let (at, before) = (self.tables.len(), self.rows.len());
        for row in 0..table.rows.len() {
            let named = id.and_then(|c| table.text(row, c));
            let id = named.map_or_else(|| format!("row {}", table.rows[row].number), id_key);
            let number = |c| table.text(row, c).and_then(|t| decode::number(t, table.decimal_comma));
            let outcome = match outcome.and_then(number) {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            };
            self.rows.push(Entry { table: at, row, split, id, outcome });
        }
        self.tables.push(Source { table, id, outcome });
        for (c, name) in table.header.iter().enumerate() {
            let key = columns::key_of(name);
            let wanted = columns::normalise(name);
            let same = |column: &&mut Column| {
                if key.is_some() { column.key == key } else { columns::normalise(&column.name) == wanted }
            };
            let fresh = |column: &&mut Column| column.cells.len() == before;
            let cells = (0..table.rows.len()).map(|row| cell(table, row, c));
            match self.columns.iter_mut().filter(fresh).find(same) {
                Some(column) => column.cells.extend(cells),
                None => {
                    let mut all = vec![Cell::Absent; before];
                    all.extend(cells);
                    let name = table.heading(c).to_owned();
                    self.columns.push(Column { name, key, cells: all, numeric: false, distinct: 0 });
                }
            }
        }
        for column in &mut self.columns {
            column.cells.resize(self.rows.len(), Cell::Absent);
        }
    }

    pub fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.key == Some(key))
    }

    pub fn predictors(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.is_predictor())
    }

    /// Headings that a mapping gave a key of ours.
    pub fn headings(&self) -> impl Iterator<Item = (String, String)> {
        self.columns.iter().filter_map(|c| Some((c.name.clone(), c.key?.to_owned())))
    }

    /// Rows whose outcome is known, with what `value` makes of their cell where it makes something.
    pub fn known<'c, T>(
        &'c self,
        column: &'c Column,
        value: impl Fn(&'c Cell) -> Option<T>,
    ) -> (Vec<usize>, Vec<bool>, Vec<T>) {
        let mut known = (Vec::new(), Vec::new(), Vec::new());
        for (r, (entry, cell)) in self.rows.iter().zip(&column.cells).enumerate() {
            if let (Some(outcome), Some(value)) = (entry.outcome, value(cell)) {
                known.0.push(r);
                known.1.push(outcome);
                known.2.push(value);
            }
        }
        known
    }

    /// IDs of rows.
    pub fn ids(&self, rows: impl IntoIterator<Item = usize>) -> Vec<String> {
        rows.into_iter().map(|r| self.rows[r].id.clone()).collect()
    }
}

/// Texts that people write for "no value", besides those that reading a table knows.
pub fn says_nothing(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    decode::is_missing(&text)
        || matches!(
            text.as_str(),
            "?" | "."
                | "-"
                | "--"
                | "na"
                | "n/a"
                | "n.a."
                | "nan"
                | "null"
                | "nil"
                | "unknown"
                | "missing"
                | "not available"
                | "unk"
                | "#n/a"
                | "未知"
                | "不详"
                | "无数据"
        )
}

fn cell(table: &Table, row: usize, column: usize) -> Cell {
    match table.text(row, column) {
        None => Cell::Missing,
        Some(text) if says_nothing(text) => Cell::Missing,
        Some(text) => match decode::number(text, table.decimal_comma) {
            Some(value) => Cell::Number(value),
            None => Cell::Text(text.to_owned()),
        },
    }
}

impl<'a> Cohort<'a> {
    pub fn new(folder: &'a CohortFolder) -> Self {
        let (mut clinical, mut survival) = (Frame::new(&folder.clinical), Frame::new(&folder.survival));
        let mut labels: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let told = clinical.rows.iter().chain(&survival.rows).map(|e| (e.id.clone(), e.outcome));
        let shown = folder.pictures.iter().map(|p| (id_key(&p.id), Some(p.event)));
        for (id, outcome) in told.chain(shown) {
            let label = labels.entry(id).or_insert(outcome);
            *label = label.or(outcome);
        }
        // A table without the outcome borrows it; one that has it keeps its own, right or wrong.
        for frame in [&mut clinical, &mut survival] {
            for entry in &mut frame.rows {
                if frame.tables[entry.table].outcome.is_none() {
                    entry.outcome = labels.get(&entry.id).copied().flatten();
                }
            }
        }
        Self { folder, clinical, survival, labels }
    }

    pub fn events(&self) -> usize {
        self.labels.values().filter(|y| **y == Some(true)).count()
    }

    /// Both frames; survival tables only count for columns that the clinical ones do not have.
    pub fn frames(&self) -> [&Frame<'a>; 2] {
        [&self.clinical, &self.survival]
    }

    /// Whether a column of the survival frame merely repeats one of the clinical frame.
    pub fn repeated(&self, column: &Column) -> bool {
        self.clinical.columns.iter().any(|c| {
            !std::ptr::eq(c, column)
                && if c.key.is_some() { c.key == column.key } else { c.name == column.name }
        })
    }
}
