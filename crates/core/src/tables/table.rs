//! A table as text cells, from CSV in any usual encoding or from a spreadsheet.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{columns, decode, reading, spreadsheet, title};
use thoracast_files::budget::{self, MOST_CELLS, MOST_COLUMNS};
use thoracast_files::words::{self, Remarks};
use thoracast_files::{self as files, FileError};

/// A header and rows of text cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Where it came from, for messages.
    pub path: PathBuf,
    pub header: Vec<String>,
    pub rows: Vec<Row>,
    /// `3,5` is three and a half here.
    pub decimal_comma: bool,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// Oddities that were tolerated, one sentence each.
    pub warnings: Vec<String>,
    /// Columns that a mapping renamed: our key, and the heading the file has.
    pub renamed: BTreeMap<String, String>,
}

/// One row; as many cells as the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line in the file or row in the sheet, counted from 1 with the header.
    pub number: usize,
    pub cells: Vec<String>,
}

/// Why a table or a cell of it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
    #[error("{}: there is no column '{column}'; the columns are {columns}", path.display())]
    NoColumn { path: PathBuf, column: String, columns: String },
    #[error("{}, row {row}, column '{column}': '{text}' {reason}", path.display())]
    Cell { path: PathBuf, row: usize, column: String, text: String, reason: String },
}

impl Table {
    /// Reads CSV (UTF-8, UTF-8 with BOM, UTF-16, GBK; comma, semicolon or tab) or a spreadsheet (XLSX, XLS, ODS).
    pub fn read(path: &Path) -> Result<Self, TableError> {
        Self::from_bytes(path, &files::read(path, budget::TABLE)?)
    }

    /// Like [`Table::read`], from bytes already in memory; `path` is only named in messages.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, TableError> {
        let raw = if spreadsheet::is_spreadsheet(bytes) {
            spreadsheet::read_rows(bytes).map(|rows| Raw { rows, decimal_comma: true })
        } else {
            text_rows(bytes)
        };
        let raw = raw.map_err(|reason| TableError::Format { path: path.to_owned(), reason })?;
        let mut table = Self {
            path: path.to_owned(),
            header: Vec::new(),
            rows: Vec::new(),
            decimal_comma: raw.decimal_comma,
            sha256: files::sha256_of(bytes),
            warnings: Vec::new(),
            renamed: BTreeMap::new(),
        };
        table.fill(raw.rows)?;
        Ok(table)
    }

    fn fill(&mut self, raw: Vec<Row>) -> Result<(), TableError> {
        let raw: Vec<Row> =
            raw.into_iter().filter(|r| r.cells.iter().any(|c| !c.trim().is_empty())).collect();
        let titles = title::count_title_rows(&raw, self.decimal_comma);
        self.warnings.extend(raw[..titles].iter().map(|row| title::say(&self.path, row)));
        let mut rows = raw.into_iter().skip(titles);
        let header = rows.next().ok_or_else(|| self.format("the table is empty; it needs a header row"))?;
        self.header =
            header.cells.iter().map(|c| c.trim().trim_start_matches('\u{feff}').to_owned()).collect();
        while self.header.last().is_some_and(String::is_empty) {
            self.header.pop();
        }
        if self.header.len() > MOST_COLUMNS {
            let n = self.header.len();
            return Err(self.format(&format!("the header has {n} columns, more than {MOST_COLUMNS}")));
        }
        let mut seen = HashSet::new();
        if let Some(name) = self.header.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
            let name = words::clean_value(name);
            return Err(self.format(&format!("the column '{name}' stands twice in the header; rename one")));
        }
        let mut short = Remarks::default();
        for row in rows {
            let row = self.fitted(row, &mut short)?;
            self.rows.push(row);
        }
        self.warnings.extend(short.into_list());
        Ok(())
    }

    /// The row with as many cells as the header: spreadsheets leave out empty cells at a row's end.
    fn fitted(&self, mut row: Row, short: &mut Remarks) -> Result<Row, TableError> {
        let width = self.header.len();
        if row.cells.iter().skip(width).any(|c| !c.trim().is_empty()) {
            return Err(self.format(&format!(
                "row {} has {} cells, but the header has {width}; quote cells that contain the separator",
                row.number,
                row.cells.len()
            )));
        }
        if row.cells.len() < width {
            short.add(|| {
                let (file, number, cells) = (self.path.display(), row.number, row.cells.len());
                format!("{file}, row {number}: only {cells} of {width} cells; the rest counts as missing")
            });
        }
        row.cells.resize(width, String::new());
        Ok(row)
    }

    fn format(&self, reason: &str) -> TableError {
        TableError::Format { path: self.path.clone(), reason: reason.to_owned() }
    }

    /// The column a person means by `name` (see [`columns::find`]).
    pub fn column(&self, name: &str) -> Option<usize> {
        columns::find(&self.header, name)
    }

    /// The column a person means by `name`, or an error that lists the columns there are.
    pub fn require(&self, name: &str) -> Result<usize, TableError> {
        self.column(name).ok_or_else(|| TableError::NoColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            columns: words::joined(&self.header, 60),
        })
    }

    /// The column's heading as the file has it, whatever a mapping made of it; empty where there is no such column.
    pub fn heading(&self, column: usize) -> &str {
        let name = self.header.get(column).map_or("", String::as_str);
        self.renamed.get(name).map_or(name, String::as_str)
    }

    /// The cell's text without surrounding spaces; `None` where it is missing.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        let text = self.rows.get(row)?.cells.get(column)?.trim();
        (!decode::is_missing(text)).then_some(text)
    }

    /// The cell's number; `None` where it is missing, an error where it is something else.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>, TableError> {
        let Some(text) = self.text(row, column) else { return Ok(None) };
        match decode::number(text, self.decimal_comma) {
            Some(value) => Ok(Some(value)),
            None => Err(self.cell(row, column, &self.not_a_number(text, column))),
        }
    }

    /// Why a text is no number, and how its column might be read.
    fn not_a_number(&self, text: &str, column: usize) -> String {
        let rules = reading::propose(std::iter::once(text), self.decimal_comma);
        if rules.is_empty() {
            return "is not a number; write a number or leave the cell empty".to_owned();
        }
        let (rules, name) = (reading::in_words(&rules, text, self.decimal_comma), self.heading(column));
        format!(
            "is not a plain number; read the column as {rules}, with --read {name}=RULE or in the column mapping"
        )
    }

    /// An error about one cell; `reason` continues the sentence after the quoted text.
    pub fn cell(&self, row: usize, column: usize, reason: &str) -> TableError {
        TableError::Cell {
            path: self.path.clone(),
            row: self.rows.get(row).map_or(0, |r| r.number),
            column: self.heading(column).to_owned(),
            text: words::clean_value(self.text(row, column).unwrap_or("")).into_owned(),
            reason: reason.to_owned(),
        }
    }

    /// Index of the row whose `column` holds `id`; numbers written differently (`24`, `24.0`) are the same ID.
    pub fn rows_with(&self, column: usize, id: &str) -> Vec<usize> {
        let id = id.trim();
        (0..self.rows.len()).filter(|r| self.text(*r, column).is_some_and(|t| same_id(t, id))).collect()
    }

    /// Takes columns away.
    pub(crate) fn drop_columns(&mut self, places: &std::collections::BTreeSet<usize>) {
        if places.is_empty() {
            return;
        }
        let mut place = 0..;
        self.header.retain(|_| place.next().is_none_or(|c| !places.contains(&c)));
        for row in &mut self.rows {
            let mut place = 0..;
            row.cells.retain(|_| place.next().is_none_or(|c| !places.contains(&c)));
        }
    }

    /// This table with the other's columns added where `key` is the same; rows without a partner are left out and
    /// named in the warnings. Columns that both have keep this table's cells.
    pub fn join(&self, other: &Table, key: &str) -> Result<Table, TableError> {
        let (ours, theirs) = (self.require(key)?, other.require(key)?);
        let added: Vec<usize> = (0..other.header.len())
            .filter(|c| {
                *c != theirs && !other.header[*c].is_empty() && !self.header.contains(&other.header[*c])
            })
            .collect();
        let mut joined = Table { rows: Vec::new(), ..self.clone() };
        joined.header.extend(added.iter().map(|c| other.header[*c].clone()));
        joined.warnings.extend(other.warnings.iter().cloned());
        let partners = other.index_by(theirs)?;
        let mut alone = Vec::new();
        for (r, row) in self.rows.iter().enumerate() {
            let Some(partner) = self.text(r, ours).and_then(|id| partners.get(&id_key(id))) else {
                alone.push(row.number.to_string());
                continue;
            };
            let mut cells = row.cells.clone();
            cells.extend(added.iter().map(|c| self.localised(other, *partner, *c)));
            joined.rows.push(Row { number: row.number, cells });
        }
        if joined.rows.is_empty() {
            return Err(self.format(&format!("no '{key}' of it stands in {}", other.path.display())));
        }
        if !alone.is_empty() {
            let (file, others) = (self.path.display(), other.path.display());
            let alone = words::joined(&alone, 60);
            joined.warnings.push(format!("{file}: rows {alone} have no partner in {others}"));
        }
        Ok(joined)
    }

    /// The other table's cell with the decimal sign this table uses.
    pub(crate) fn localised(&self, other: &Table, row: usize, column: usize) -> String {
        let text = other.text(row, column).unwrap_or("");
        if other.decimal_comma && !self.decimal_comma && decode::number(text, true).is_some() {
            return text.replace(',', ".");
        }
        text.to_owned()
    }

    fn index_by(&self, column: usize) -> Result<std::collections::HashMap<String, usize>, TableError> {
        let mut index = std::collections::HashMap::new();
        for r in 0..self.rows.len() {
            let Some(id) = self.text(r, column) else { continue };
            if let Some(first) = index.insert(id_key(id), r) {
                let reason = format!("stands in row {} too; each may stand once", self.rows[first].number);
                return Err(self.cell(r, column, &reason));
            }
        }
        Ok(index)
    }
}

fn same_id(a: &str, b: &str) -> bool {
    a == b || id_key(a) == id_key(b)
}

/// `24` and `24.0` are one ID; `007` is not `7`.
pub fn id_key(id: &str) -> String {
    match id.split_once('.') {
        Some((whole, zeros)) if !whole.is_empty() && zeros.chars().all(|c| c == '0') => whole.to_owned(),
        _ => id.to_owned(),
    }
}

struct Raw {
    rows: Vec<Row>,
    decimal_comma: bool,
}

fn text_rows(bytes: &[u8]) -> Result<Raw, String> {
    let text = decode::to_text(bytes)
        .map_err(|encoding| format!("the text could not be read as {encoding}; save the table as UTF-8"))?;
    if text.contains('\0') {
        return Err("this is not a table of text; save it as CSV or XLSX".to_owned());
    }
    let separator = decode::separator(&text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut cells = 0;
    for record in reader.records() {
        let record = record.map_err(|e| format!("the text is not CSV: {e}"))?;
        cells += record.len();
        if cells > MOST_CELLS {
            return Err(format!(
                "the table has more than {} million cells; split it",
                MOST_CELLS / 1_000_000
            ));
        }
        let number = record.position().map_or(0, |p| p.line() as usize);
        rows.push(Row { number, cells: record.iter().map(str::to_owned).collect() });
    }
    Ok(Raw { rows, decimal_comma: separator != b',' })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
