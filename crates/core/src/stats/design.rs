//! From a table to what a regression takes: numbers and dummy columns, complete rows, a 0/1 outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::StatsError;
use super::nomogram::Value;
use crate::tables::{Table, decode, reading};

/// Above this many different texts a column is no covariate but an ID or a remark.
const MOST_LEVELS: usize = 50;
/// Numeric covariates with at most so many different values are shown value by value.
const DISCRETE: usize = 10;

/// A covariate as the rows used have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Covariate {
    pub name: String,
    pub kind: CovariateKind,
}

/// A number or a set of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CovariateKind {
    /// Smallest and largest value; all values where there are at most ten different ones.
    Number { low: f64, high: f64, distinct: Option<Vec<f64>> },
    /// The first level is the reference.
    Levels(Vec<String>),
}

impl Covariate {
    /// How many columns of the design it takes.
    pub fn width(&self) -> usize {
        match &self.kind {
            CovariateKind::Number { .. } => 1,
            CovariateKind::Levels(levels) => levels.len().saturating_sub(1),
        }
    }
}

impl Covariate {
    /// The value that a row's `columns` of the design stand for.
    pub fn value(&self, columns: &[f64]) -> Value {
        match &self.kind {
            CovariateKind::Number { .. } => Value::Number(columns[0]),
            CovariateKind::Levels(levels) => {
                let level = columns.iter().position(|x| *x == 1.0).map_or(0, |i| i + 1);
                Value::Level(levels[level].clone())
            }
        }
    }

    /// The median of a number, the commonest level of a category.
    pub fn typical(&self, rows: &[Vec<f64>], columns: std::ops::Range<usize>) -> Value {
        match &self.kind {
            CovariateKind::Number { .. } => {
                let mut values: Vec<f64> = rows.iter().map(|row| row[columns.start]).collect();
                values.sort_by(f64::total_cmp);
                Value::Number(values[values.len() / 2])
            }
            CovariateKind::Levels(levels) => {
                let of = |level: usize| {
                    let this = |row: &&Vec<f64>| {
                        self.value(&row[columns.clone()]) == Value::Level(levels[level].clone())
                    };
                    rows.iter().filter(this).count()
                };
                let commonest = (0..levels.len()).rev().max_by_key(|l| of(*l)).unwrap_or(0);
                Value::Level(levels[commonest].clone())
            }
        }
    }
}

/// Complete rows, ready for a regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    pub covariates: Vec<Covariate>,
    /// Names of the columns of `x`: `age`, `ki67=≥20%`.
    pub columns: Vec<String>,
    pub x: Vec<Vec<f64>>,
    /// Indices into the table's rows.
    pub used: Vec<usize>,
    /// Row numbers in the file of rows with a missing value.
    pub dropped: Vec<usize>,
}

/// How to read the columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DesignOptions {
    /// Reference level by column; makes a column of numbers categorical, too.
    pub reference: BTreeMap<String, String>,
}

/// Builds the design of `covariates`; a row is used where all of them and all of `also` have a value.
pub fn build(
    table: &Table,
    covariates: &[String],
    also: &[usize],
    options: &DesignOptions,
) -> Result<Design, StatsError> {
    let mut indices = Vec::new();
    for name in covariates {
        let index = table.require(name)?;
        if indices.contains(&index) || also.contains(&index) {
            return Err(StatsError::Input(format!("the column '{name}' is used twice; name it once")));
        }
        indices.push(index);
    }
    let complete = |r: &usize| indices.iter().chain(also).all(|c| table.text(*r, *c).is_some());
    let (used, incomplete): (Vec<usize>, Vec<usize>) = (0..table.rows.len()).partition(complete);
    if used.is_empty() {
        let file = table.path.display();
        return Err(StatsError::Input(format!(
            "{file}: no row has a value in all of {}",
            covariates.join(", ")
        )));
    }
    let mut design = Design {
        covariates: Vec::new(),
        columns: Vec::new(),
        x: vec![Vec::new(); used.len()],
        dropped: incomplete.iter().map(|r| table.rows[*r].number).collect(),
        used,
    };
    for (name, index) in covariates.iter().zip(indices) {
        design.add(table, name, index, options)?;
    }
    if let Some(unknown) = options.reference.keys().find(|k| !covariates.contains(k)) {
        return Err(StatsError::Input(format!(
            "a reference level is set for '{unknown}', which is no covariate"
        )));
    }
    Ok(design)
}

impl Design {
    fn add(
        &mut self,
        table: &Table,
        name: &str,
        index: usize,
        options: &DesignOptions,
    ) -> Result<(), StatsError> {
        let wanted = options.reference.get(name);
        let text = |r: &usize| table.text(*r, index).unwrap_or("");
        let not_numbers: Vec<usize> = self
            .used
            .iter()
            .copied()
            .filter(|r| decode::number(text(r), table.decimal_comma).is_none())
            .collect();
        if wanted.is_none() && not_numbers.is_empty() {
            return self.add_number(table, name, index);
        }
        let rules = match wanted {
            None => reading::propose(self.used.iter().map(text), table.decimal_comma),
            Some(_) => Vec::new(),
        };
        if !rules.is_empty() {
            let first = not_numbers[0];
            let rules = reading::in_words(&rules, text(&first), table.decimal_comma);
            let heading = table.heading(index);
            let reason = format!(
                "looks like a number; read the column as {rules}, with --read {heading}=RULE or in the column mapping, or keep its texts as levels with --ref {heading}=LEVEL"
            );
            return Err(table.cell(first, index, &reason).into());
        }
        if wanted.is_none() && not_numbers.len() * 2 < self.used.len() {
            let reason =
                "stands among numbers; write a number, leave the cell empty, or recode it with --map";
            return Err(table.cell(not_numbers[0], index, reason).into());
        }
        let mut levels: Vec<String> =
            self.used.iter().map(text).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect();
        if levels.len() > MOST_LEVELS {
            let reason = format!("'{name}' has {} different texts; it cannot be a covariate", levels.len());
            return Err(StatsError::Input(reason));
        }
        if levels.len() < 2 {
            return Err(StatsError::Input(format!(
                "'{name}' is '{}' in every row used; leave it out",
                levels.join("")
            )));
        }
        if let Some(wanted) = wanted {
            let at = levels.iter().position(|l| l == wanted).ok_or_else(|| {
                StatsError::Input(format!(
                    "'{name}' has no level '{wanted}'; its levels are {}",
                    levels.join(", ")
                ))
            })?;
            let reference = levels.remove(at);
            levels.insert(0, reference);
        }
        for (row, r) in self.x.iter_mut().zip(&self.used) {
            let own = text(r);
            row.extend(levels[1..].iter().map(|l| f64::from(u8::from(l == own))));
        }
        self.columns.extend(levels[1..].iter().map(|l| format!("{name}={l}")));
        self.covariates.push(Covariate { name: name.to_owned(), kind: CovariateKind::Levels(levels) });
        Ok(())
    }

    fn add_number(&mut self, table: &Table, name: &str, index: usize) -> Result<(), StatsError> {
        let mut values = Vec::with_capacity(self.used.len());
        for (row, r) in self.x.iter_mut().zip(&self.used) {
            let value = table.number(*r, index)?.ok_or_else(|| table.cell(*r, index, "is missing"))?;
            row.push(value);
            values.push(value);
        }
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[0], values[values.len() - 1]);
        values.dedup();
        let distinct = (values.len() <= DISCRETE).then_some(values);
        self.columns.push(name.to_owned());
        self.covariates
            .push(Covariate { name: name.to_owned(), kind: CovariateKind::Number { low, high, distinct } });
        Ok(())
    }
}

/// The 0/1 column of the rows used.
pub fn outcome(table: &Table, column: usize, used: &[usize]) -> Result<Vec<bool>, StatsError> {
    let one = |r: &usize| match table.text(*r, column).and_then(|t| decode::number(t, table.decimal_comma)) {
        Some(0.0) => Ok(false),
        Some(1.0) => Ok(true),
        _ => Err(table
            .cell(*r, column, "is not an outcome; write 0 or 1, or recode it with --map COL:from=to")
            .into()),
    };
    used.iter().map(one).collect()
}

/// Recodes one column: `dead:0=,1=0,2=1`. Texts that are not named stay; an empty side is the empty cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Recode {
    pub column: String,
    pub pairs: Vec<(String, String)>,
}

impl std::str::FromStr for Recode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let form = "write COLUMN:from=to,from=to";
        let (column, pairs) = s.split_once(':').ok_or(format!("'{s}' has no ':'; {form}"))?;
        let pair = |p: &str| {
            let (from, to) = p.split_once('=').ok_or(format!("'{p}' has no '='; {form}"))?;
            Ok((from.trim().to_owned(), to.trim().to_owned()))
        };
        let pairs = pairs.split(',').map(pair).collect::<Result<Vec<_>, String>>()?;
        Ok(Self { column: column.trim().to_owned(), pairs })
    }
}

impl Recode {
    /// Changes the table's cells; gives the texts that no cell has.
    ///
    /// # Errors
    /// A column that is not there.
    pub fn apply(&self, table: &mut Table) -> Result<Vec<String>, StatsError> {
        let column = table.require(&self.column)?;
        let comma = table.decimal_comma;
        let same = |cell: &str, from: &str| {
            if decode::is_missing(cell) || from.is_empty() {
                return decode::is_missing(cell) && from.is_empty();
            }
            let numbers = (decode::number(cell, comma), decode::number(from, comma));
            cell == from || matches!(numbers, (Some(a), Some(b)) if a == b)
        };
        let mut found = vec![false; self.pairs.len()];
        for row in &mut table.rows {
            let cell = row.cells[column].trim();
            if let Some(pair) = self.pairs.iter().position(|(from, _)| same(cell, from)) {
                found[pair] = true;
                row.cells[column] = self.pairs[pair].1.clone();
            }
        }
        let unmatched = self.pairs.iter().zip(found).filter(|(_, found)| !found);
        Ok(unmatched.map(|((from, _), _)| from.clone()).collect())
    }
}

#[cfg(test)]
#[path = "design_tests.rs"]
mod tests;
