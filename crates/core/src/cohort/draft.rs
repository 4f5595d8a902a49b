//! A mapping while a person makes it: guesses, what the values will be, and what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::CohortError;
use super::mapping::{IGNORE, MappedColumn, MappedFile, Mapping, Role};
use super::targets::{self, Target, What};
use super::{CohortFolder, CohortTable, Split, Table, columns, decode, guess, table::id_key};
use crate::study::VARIABLES;
use crate::tables::reading::{self, Reading};

/// So many first values are shown.
const SHOWN: usize = 5;
/// A column with more different texts than this has no code table.
const MOST_CODES: usize = 24;
/// A share of impossible values above this speaks against the unit.
const IMPOSSIBLE: f64 = 0.05;

/// The tables of one role, mapped alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub role: Role,
    /// Path within the cohort folder with its split; empty for a table opened by itself.
    files: Vec<(PathBuf, Option<Split>, Vec<String>)>,
    /// As read, all splits together.
    pub table: Arc<Table>,
    pub choices: Vec<Choice>,
    /// Whether `3,5` is three and a half.
    pub decimal_comma: bool,
}

/// Which column becomes a target, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub target: Target,
    pub column: Option<usize>,
    /// Numbers are multiplied by this.
    pub factor: f64,
    /// Their text to our code.
    pub codes: BTreeMap<String, f64>,
    /// How their numbers are read where they are not plain ones.
    pub read: Option<Reading>,
    /// What the choice makes of the values.
    pub preview: Preview,
}

/// A column as it will be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// The first values.
    pub first: Vec<String>,
    pub missing: usize,
    /// Values that are neither a number nor a code: how many, and the first with its row in the file.
    pub unreadable: usize,
    pub first_unreadable: Option<(usize, String)>,
    /// Different texts with how often they stand; of a code's column only, where they are few.
    pub texts: Vec<(String, usize)>,
    /// Rules under which the values of a measurement would be numbers; empty where they are.
    pub readings: Vec<Reading>,
    /// Median and share of impossible values of a measurement.
    pub median: Option<f64>,
    pub impossible: f64,
}

/// Something wrong with the mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub key: &'static str,
    /// The mapping can't be used with it.
    pub blocking: bool,
    /// One sentence.
    pub sentence: String,
}

impl Draft {
    /// Guesses for a table opened by itself.
    pub fn of_table(table: Table) -> Self {
        Self::new(Role::Clinical, Vec::new(), table)
    }

    /// Guesses for the clinical and the survival tables of a folder, whatever role has some. A single table of another
    /// name is taken for the clinical one.
    ///
    /// # Errors
    /// A folder without any table, or with several that are not called as they should.
    pub fn of_folder(dir: &Path) -> Result<Vec<Self>, CohortError> {
        let mut folder = match CohortFolder::open(dir, None) {
            Err(CohortError::Empty { path }) => Self::only_table(dir)?.ok_or(CohortError::Empty { path })?,
            other => other?,
        };
        if folder.clinical.is_empty() && folder.survival.is_empty() {
            folder = Self::only_table(dir)?.unwrap_or(folder);
        }
        let of_role = |role: Role, tables: &[CohortTable]| {
            let within = |t: &CohortTable| {
                let path = t.table.path.strip_prefix(dir).unwrap_or(&t.table.path).to_owned();
                (path, t.split, t.table.header.clone())
            };
            Some(Self::new(role, tables.iter().map(within).collect(), CohortTable::stacked(tables)?))
        };
        let both = [of_role(Role::Clinical, &folder.clinical), of_role(Role::Survival, &folder.survival)];
        Ok(both.into_iter().flatten().collect())
    }

    /// A folder whose only table has a name we don't know.
    fn only_table(dir: &Path) -> Result<Option<CohortFolder>, CohortError> {
        let fail = |e: std::io::Error| CohortError::NoFolder { path: dir.to_owned(), reason: e.to_string() };
        let files = super::pictures::visible_files(dir).map_err(fail)?;
        let mut tables = files.into_iter().filter(|p| p.is_file() && super::folder::is_table(p));
        let (Some(file), None) = (tables.next(), tables.next()) else { return Ok(None) };
        let file = file.strip_prefix(dir).unwrap_or(&file).to_owned();
        let mapped = MappedFile { file, role: Role::Clinical, split: None, columns: BTreeMap::new() };
        let mapping = Mapping { files: vec![mapped], ..Mapping::default() };
        CohortFolder::open(dir, Some(&mapping)).map(Some)
    }

    fn new(role: Role, files: Vec<(PathBuf, Option<Split>, Vec<String>)>, table: Table) -> Self {
        let targets = targets::all();
        let found = guess::columns(&table.header, &targets);
        let decimal_comma = table.decimal_comma || guess_comma(&table);
        let choices = targets.into_iter().zip(found).map(|(target, column)| Choice {
            target,
            column,
            factor: 1.0,
            codes: BTreeMap::new(),
            read: None,
            preview: Preview::default(),
        });
        let mut draft =
            Self { role, files, table: Arc::new(table), choices: choices.collect(), decimal_comma };
        for number in 0..draft.choices.len() {
            draft.choose(number, draft.choices[number].column);
        }
        draft
    }

    /// Takes a column (or none) for a target, with the unit and codes its name and texts suggest.
    pub fn choose(&mut self, number: usize, column: Option<usize>) {
        let name = column.and_then(|c| self.table.header.get(c)).cloned().unwrap_or_default();
        let Some(choice) = self.choices.get_mut(number) else { return };
        choice.column = column;
        choice.factor = guess::factor(&name, &choice.target);
        choice.codes.clear();
        choice.read = None;
        self.read(number);
        if let Some(choice) = self.choices.get_mut(number) {
            let texts: Vec<String> = choice.preview.texts.iter().map(|(t, _)| t.clone()).collect();
            choice.codes = guess::codes(&texts, &choice.target);
        }
        self.read(number);
    }

    /// Multiplies a target's numbers by another factor.
    pub fn set_factor(&mut self, number: usize, factor: f64) {
        if let Some(choice) = self.choices.get_mut(number) {
            choice.factor = factor;
        }
        self.read(number);
    }

    /// Reads a target's numbers by another rule.
    pub fn set_reading(&mut self, number: usize, read: Option<Reading>) {
        if let Some(choice) = self.choices.get_mut(number) {
            choice.read = read;
        }
        self.read(number);
    }

    /// Gives a text of a target's column a code, or takes it away.
    pub fn set_code(&mut self, number: usize, text: String, code: Option<f64>) {
        if let Some(choice) = self.choices.get_mut(number) {
            match code {
                Some(code) => drop(choice.codes.insert(text, code)),
                None => drop(choice.codes.remove(&text)),
            }
        }
        self.read(number);
    }

    /// Reads a target's values anew.
    fn read(&mut self, number: usize) {
        let preview = self.choices.get(number).map(|c| preview(&self.table, c, self.decimal_comma));
        if let (Some(choice), Some(preview)) = (self.choices.get_mut(number), preview) {
            choice.preview = preview;
        }
    }

    /// Reads commas as decimal signs or not.
    pub fn set_decimal_comma(&mut self, comma: bool) {
        self.decimal_comma = comma;
        (0..self.choices.len()).for_each(|number| self.read(number));
    }

    /// What is wrong, the blocking things first.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.of_all();
        problems.extend(self.choices.iter().flat_map(|choice| self.of_choice(choice)));
        problems.sort_by_key(|p| !p.blocking);
        problems
    }

    fn of_all(&self) -> Vec<Problem> {
        let problem = |key, blocking, sentence: String| Problem { key, blocking, sentence };
        let mut found = Vec::new();
        let chosen = |key: &str| self.choices.iter().find(|c| c.target.key == key).and_then(|c| c.column);
        match chosen("id") {
            None => found.push(problem(
                "id",
                true,
                "Choose the column with the patients' IDs: without it rows can't be told apart or matched with pictures.".to_owned(),
            )),
            Some(column) => found.extend(self.twice(column).map(|s| problem("id", false, s))),
        }
        if chosen("metastasis").is_none() {
            let words = "No column is chosen for the outcome: without it there are no groups, no Table 1 and no audit.";
            found.push(problem("metastasis", false, words.to_owned()));
        }
        for (i, choice) in self.choices.iter().enumerate() {
            let first = self.choices[..i].iter().find(|c| c.column.is_some() && c.column == choice.column);
            if let (Some(first), Some(column)) = (first, choice.column) {
                let (a, b, name) = (first.target.label, choice.target.label, &self.table.header[column]);
                let words = format!("The column '{name}' is chosen for {a} and for {b}; keep one.");
                found.push(problem(choice.target.key, true, words));
            }
        }
        found
    }

    /// A sentence on IDs that stand twice.
    fn twice(&self, column: usize) -> Option<String> {
        let mut seen = BTreeSet::new();
        let ids = (0..self.table.rows.len()).filter_map(|r| self.table.text(r, column));
        let twice: Vec<&str> = ids.filter(|id| !seen.insert(id_key(id))).collect();
        let first = twice.first()?;
        let many =
            if twice.len() == 1 { "One ID stands".to_owned() } else { format!("{} IDs stand", twice.len()) };
        Some(format!(
            "{many} in more than one row (first: {first}); is '{}' the right column?",
            self.table.header[column]
        ))
    }

    fn of_choice(&self, choice: &Choice) -> Vec<Problem> {
        let Some(column) = choice.column else { return Vec::new() };
        let (label, p) = (choice.target.label, &choice.preview);
        let mut sentences = Vec::new();
        if let Some((row, text)) = &p.first_unreadable {
            let count = if p.unreadable == 1 {
                "one value is".to_owned()
            } else {
                format!("{} values are", p.unreadable)
            };
            let what = match choice.target.what {
                What::Code(codes) => format!("none of our codes ({})", code_list(codes)),
                _ => "no number".to_owned(),
            };
            let advice = if p.readings.is_empty() {
                String::new()
            } else {
                let rules = reading::in_words(&p.readings, text, self.decimal_comma);
                format!(" They look like numbers: read them as {rules}.")
            };
            sentences.push(format!("{label}: {count} {what}; first: row {row}, '{text}'.{advice}"));
        }
        if p.missing == self.table.rows.len() {
            sentences.push(format!("{label}: the column '{}' is empty.", self.table.header[column]));
        }
        sentences.extend(unit_doubt(choice));
        let of = |sentence| Problem { key: choice.target.key, blocking: false, sentence };
        sentences.into_iter().map(of).collect()
    }

    fn mapped(&self) -> BTreeMap<String, MappedColumn> {
        let mut mapped = BTreeMap::new();
        for choice in &self.choices {
            let Some(name) = choice.column.and_then(|c| self.table.header.get(c)) else { continue };
            let factor = (choice.factor != 1.0).then_some(choice.factor);
            let column = MappedColumn {
                key: choice.target.key.to_owned(),
                factor,
                codes: choice.codes.clone(),
                read: choice.read,
            };
            mapped.insert(name.clone(), column);
        }
        // What bears one of our names and was not chosen is not what it says.
        for name in &self.table.header {
            if !mapped.contains_key(name) && columns::key_of(name).is_some() {
                let ignored =
                    MappedColumn { key: IGNORE.to_owned(), factor: None, codes: BTreeMap::new(), read: None };
                mapped.insert(name.clone(), ignored);
            }
        }
        mapped
    }

    /// Takes up what an earlier mapping says about this draft's columns; columns that are not here are passed over.
    pub fn take_up(&mut self, mapping: &Mapping) {
        let of_file = |file: &MappedFile| self.files.iter().any(|(path, ..)| *path == file.file);
        let mut columns = mapping.columns.clone();
        mapping.files.iter().filter(|f| of_file(f)).for_each(|f| columns.extend(f.columns.clone()));
        self.decimal_comma = mapping.decimal_comma.unwrap_or(self.decimal_comma);
        let place = |name: &str| columns::find(&self.table.header, name);
        let placed: Vec<(usize, MappedColumn)> =
            columns.iter().filter_map(|(name, column)| Some((place(name)?, column.clone()))).collect();
        for number in 0..self.choices.len() {
            let choice = &mut self.choices[number];
            let said = placed.iter().find(|(_, column)| column.key == choice.target.key);
            if let Some((at, column)) = said {
                choice.column = Some(*at);
                choice.factor = column.factor.unwrap_or(1.0);
                choice.codes = column.codes.clone();
                choice.read = column.read;
            } else if choice.column.is_some_and(|c| placed.iter().any(|(at, _)| *at == c)) {
                choice.column = None;
            }
            self.read(number);
        }
    }
}

/// The mapping of one table, or of all tables of a folder.
pub fn mapping(drafts: &[Draft]) -> Mapping {
    let mut mapping = Mapping::default();
    for draft in drafts {
        let columns = draft.mapped();
        if draft.decimal_comma != draft.table.decimal_comma {
            mapping.decimal_comma = Some(draft.decimal_comma);
        }
        for (file, split, header) in &draft.files {
            let own = columns.iter().filter(|(name, _)| header.contains(name));
            let columns = own.map(|(name, column)| (name.clone(), column.clone())).collect();
            let (file, split) = (file.clone(), *split);
            mapping.files.push(MappedFile { file, role: draft.role, split, columns });
        }
        if draft.files.is_empty() {
            mapping.columns = columns;
        }
    }
    mapping
}

/// Whether a table has patients' IDs and at least one variable of the study under names we know.
pub fn recognised(table: &Table) -> bool {
    let known = |key: &str| table.header.iter().any(|name| columns::key_of(name) == Some(key));
    table.column("id").is_some() && VARIABLES.iter().any(|v| known(v.key))
}

/// Codes and words in one line.
pub fn code_list(codes: &[(i64, &str)]) -> String {
    let one = |(code, word): &(i64, &str)| {
        if code.to_string() == *word { (*word).to_owned() } else { format!("{code} {word}") }
    };
    codes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Whether cells look like `3,5` and none like `3.5`, in a table whose separator is the comma.
fn guess_comma(table: &Table) -> bool {
    let cells = || table.rows.iter().take(200).flat_map(|r| r.cells.iter().map(|c| c.trim()));
    let comma = |c: &str| decode::number(c, false).is_none() && decode::number(c, true).is_some();
    let point = |c: &str| c.contains('.') && decode::number(c, false).is_some();
    cells().any(comma) && !cells().any(point)
}

fn preview(table: &Table, choice: &Choice, decimal_comma: bool) -> Preview {
    let mut preview = Preview::default();
    let Some(column) = choice.column else { return preview };
    let recode = MappedColumn {
        key: choice.target.key.to_owned(),
        factor: (choice.factor != 1.0).then_some(choice.factor),
        codes: choice.codes.clone(),
        read: choice.read,
    };
    let coded = matches!(choice.target.what, What::Code(_));
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut numbers = Vec::new();
    for (r, row) in table.rows.iter().enumerate() {
        let Some(theirs) = table.text(r, column) else {
            preview.missing += 1;
            continue;
        };
        if coded && texts.len() <= MOST_CODES {
            *texts.entry(theirs).or_default() += 1;
        }
        let ours = recode.recoded(theirs, decimal_comma).unwrap_or_else(|| theirs.to_owned());
        let number = decode::number(&ours, decimal_comma);
        let readable = match choice.target.what {
            What::Id | What::Any => true,
            What::Number { .. } => number.is_some(),
            What::Code(codes) => number.is_some_and(|n| codes.iter().any(|(code, _)| *code as f64 == n)),
        };
        if !readable {
            preview.unreadable += 1;
            preview.first_unreadable.get_or_insert_with(|| (row.number, theirs.to_owned()));
        }
        if preview.first.len() < SHOWN {
            preview.first.push(ours);
        }
        numbers.extend(number);
    }
    if texts.len() <= MOST_CODES {
        preview.texts = texts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
    }
    let measured = matches!(choice.target.what, What::Number { .. });
    if measured && preview.unreadable > 0 && choice.read.is_none() {
        let texts = (0..table.rows.len()).filter_map(|r| table.text(r, column));
        preview.readings = reading::propose(texts, decimal_comma);
    }
    if let What::Number { low, high, .. } = choice.target.what
        && !numbers.is_empty()
    {
        numbers.sort_by(f64::total_cmp);
        preview.median = Some(numbers[numbers.len() / 2]);
        let outside = numbers.iter().filter(|v| !(low..=high).contains(*v)).count();
        preview.impossible = outside as f64 / numbers.len() as f64;
    }
    preview
}

/// A sentence where the unit can't be right, with a unit that would be.
fn unit_doubt(choice: &Choice) -> Option<String> {
    let What::Number { low, high, usual } = choice.target.what else { return None };
    let (label, unit, median) = (choice.target.label, choice.target.unit, choice.preview.median?);
    let fits = |v: f64| (usual[0]..=usual[1]).contains(&v);
    let impossible = choice.preview.impossible > IMPOSSIBLE;
    if fits(median) && !impossible {
        return None;
    }
    let shown = super::table_one::figure(median);
    let why = if impossible {
        let percent = choice.preview.impossible * 100.0;
        format!("{percent:.0} % of the values are outside {low}–{high} {unit}")
    } else {
        format!("half of the values are below {shown} {unit}, which is unusual")
    };
    let other = targets::units(&choice.target)
        .into_iter()
        .find(|(_, factor)| *factor != choice.factor && fits(median / choice.factor * factor));
    let advice = match other {
        Some((name, _)) => format!("are they in {name}?"),
        None => "check the unit and the column".to_owned(),
    };
    Some(format!("{label}: {why}; {advice}"))
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
