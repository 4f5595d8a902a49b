//! What a person wants to know of a data set.

use std::collections::{BTreeMap, BTreeSet};

use super::AnalysisError;
use crate::cohort::{Table, columns, decode};
use crate::stats::design::DesignOptions;

/// Time and event columns of one kind of follow-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// E.g. "Overall survival".
    pub name: String,
    /// E.g. "OS".
    pub short: String,
    /// Column of the follow-up time.
    pub time: String,
    /// Column with 1 where the event happened at that time.
    pub event: String,
}

/// All that the figures depend on beside the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The 0/1 column that the nomogram predicts.
    pub outcome: String,
    /// The nomogram's predictors.
    pub predictors: Vec<String>,
    pub endpoints: Vec<Endpoint>,
    /// What the hazard may depend on.
    pub candidates: Vec<String>,
    /// Candidates with a smaller p of their own enter the multivariate model.
    pub significant: f64,
    /// Resamples of the calibration.
    pub bootstrap: usize,
    pub seed: u64,
    /// Treat the cells as the study's authors did: a blank category counts as the reference level, and events coded 0, 1, 2
    /// are read as R reads them (0 missing, 1 alive, 2 dead).
    pub as_published: bool,
}

/// Resamples where nobody asked for another number.
const RESAMPLES: usize = 200;
/// The study's predictors: column names to look for, the first that there is.
const PUBLISHED: [&[&str]; 4] =
    [&["Ki-67 group", "ki67"], &["Histology group", "histology"], &["pmi_t4"], &["fused_log_prob"]];
/// Neither predictors nor candidates by themselves.
const NOT_PREDICTORS: [&str; 8] =
    ["id", "metastasis", "os_days", "dmfs_days", "dead", "total_points", "risk_group", "fused_log_prob"];
/// The most predictors taken without being asked for.
const MOST_GUESSED: usize = 4;

impl Question {
    /// What the table's columns suggest: the study's four predictors where they are there, else the first columns
    /// that can be predictors.
    ///
    /// # Errors
    /// A table without any column of zeros and ones.
    pub fn of(table: &Table) -> Result<Self, AnalysisError> {
        let outcome = outcome(table).ok_or_else(|| {
            AnalysisError::Question(format!(
                "{} has no column of zeros and ones that could be the outcome",
                file_name(table)
            ))
        })?;
        let mut question = Self {
            predictors: Vec::new(),
            endpoints: endpoints(table),
            candidates: Vec::new(),
            outcome,
            significant: 0.05,
            bootstrap: RESAMPLES,
            seed: 1,
            as_published: false,
        };
        question.candidates = question.possible(table);
        question.predictors = Self::published(table);
        if question.predictors.is_empty() {
            question.predictors = question.candidates.iter().take(MOST_GUESSED).cloned().collect();
        }
        Ok(question)
    }

    /// The study's four predictors; none where the table lacks one.
    pub fn published(table: &Table) -> Vec<String> {
        let found = |names: &&[&str]| {
            let column = names.iter().find_map(|name| table.column(name))?;
            Some(table.header[column].clone())
        };
        let all: Vec<String> = PUBLISHED.iter().filter_map(found).collect();
        if all.len() == PUBLISHED.len() { all } else { Vec::new() }
    }

    /// Columns that can be covariates: of numbers, or of few texts; neither the outcome nor follow-up.
    pub fn possible(&self, table: &Table) -> Vec<String> {
        let taken = |name: &str| {
            name == self.outcome || self.endpoints.iter().any(|e| e.time == name || e.event == name)
        };
        let group_of = |name: &str| name == "Ki-67 group" || name == "Histology group";
        let named = |name: &str| columns::key_of(name).is_some_and(|key| NOT_PREDICTORS.contains(&key));
        let column = |(i, name): (usize, &String)| {
            (!taken(name) && !named(name) && !group_of(name) && is_covariate(table, i)).then(|| name.clone())
        };
        table.header.iter().enumerate().filter_map(column).collect()
    }

    /// The table as this question reads it.
    pub fn table(&self, table: &Table) -> Table {
        let mut table = table.clone();
        if !self.as_published {
            return table;
        }
        for name in &self.predictors {
            let Some(column) = table.column(name) else { continue };
            let categorical = (0..table.rows.len())
                .filter_map(|r| table.text(r, column))
                .any(|t| decode::number(t, table.decimal_comma).is_none());
            let reference = texts(&table, column).first().map(|t| (*t).to_owned());
            if let (true, Some(reference)) = (categorical, reference) {
                for row in &mut table.rows {
                    if decode::is_missing(&row.cells[column]) {
                        row.cells[column].clone_from(&reference);
                    }
                }
            }
        }
        for endpoint in &self.endpoints {
            let Some(column) = table.column(&endpoint.event) else { continue };
            if texts(&table, column).contains("2") {
                for row in &mut table.rows {
                    row.cells[column] = match row.cells[column].trim() {
                        "1" => "0".to_owned(),
                        "2" => "1".to_owned(),
                        _ => String::new(),
                    };
                }
            }
        }
        table
    }

    /// Reference levels: by themselves the first in sorted order.
    pub fn design_options(&self) -> DesignOptions {
        DesignOptions { reference: BTreeMap::new() }
    }
}

fn file_name(table: &Table) -> String {
    table.path.file_name().map_or_else(|| "the table".to_owned(), |n| n.to_string_lossy().into_owned())
}

fn texts(table: &Table, column: usize) -> BTreeSet<&str> {
    (0..table.rows.len()).filter_map(|r| table.text(r, column)).collect()
}

fn is_binary(table: &Table, column: usize) -> bool {
    let texts = texts(table, column);
    texts.len() == 2
        && texts.iter().all(|t| matches!(decode::number(t, table.decimal_comma), Some(0.0 | 1.0)))
}

/// Numbers that vary, or at most a dozen texts of which each stands for several rows.
fn is_covariate(table: &Table, column: usize) -> bool {
    let texts = texts(table, column);
    let numbers = texts.iter().filter(|t| decode::number(t, table.decimal_comma).is_some()).count();
    texts.len() >= 2 && (numbers == texts.len() || (texts.len() <= 12 && texts.len() * 4 <= table.rows.len()))
}

fn outcome(table: &Table) -> Option<String> {
    let known = table.column("metastasis").filter(|c| is_binary(table, *c));
    let column = known.or_else(|| (0..table.header.len()).find(|c| is_binary(table, *c)))?;
    Some(table.header[column].clone())
}

fn endpoints(table: &Table) -> Vec<Endpoint> {
    let endpoint = |name: &str, short: &str, time: &str, event: &str| {
        let (time, event) = (table.column(time)?, table.column(event)?);
        let header = |c: usize| table.header[c].clone();
        Some(Endpoint {
            name: name.to_owned(),
            short: short.to_owned(),
            time: header(time),
            event: header(event),
        })
    };
    [
        endpoint("Distant metastasis-free survival", "DMFS", "dmfs_days", "metastasis"),
        endpoint("Overall survival", "OS", "os_days", "dead"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
