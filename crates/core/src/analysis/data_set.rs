//! The rows that figures are made of, and what must be said of them on every chart.

use std::path::Path;

use super::AnalysisError;
use crate::cohort::{CohortFolder, Split, Table, columns};
use crate::simulate;

/// A table with a name that a reader of a chart understands.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// E.g. "nomogram_test.csv", "cohort, test patients", "simulated cohort".
    pub name: String,
    /// True: the patients were never born, and every chart must say so.
    pub simulated: bool,
    pub table: Table,
}

impl DataSet {
    /// A table as a person opened it.
    pub fn of_table(table: &Table) -> Self {
        let name = table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let simulated = table.path.parent().is_some_and(simulate::is_simulated);
        Self { name, simulated, table: in_latin(table.clone()) }
    }

    /// Clinical and survival tables of one split, joined by ID; either alone where the other is absent.
    ///
    /// # Errors
    /// A split with neither, or tables whose ID columns do not bring them together.
    pub fn of_cohort(cohort: &CohortFolder, split: Split) -> Result<Self, AnalysisError> {
        let name = cohort.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let table = match (cohort.clinical(split), cohort.survival(split)) {
            (Some(clinical), Some(survival)) => joined(clinical, survival)?,
            (Some(table), None) | (None, Some(table)) => table.clone(),
            (None, None) => {
                return Err(AnalysisError::Question(format!(
                    "the cohort '{name}' has no table of the {split} patients"
                )));
            }
        };
        Ok(Self {
            name: format!("{name}, {split} patients"),
            simulated: simulate::is_simulated(&cohort.path),
            table: in_latin(table),
        })
    }

    /// Patients drawn from the model of [`simulate`], for panels without a cohort.
    ///
    /// # Errors
    /// Never for the numbers of patients that [`simulate::write`] takes.
    pub fn simulated(patients: usize, seed: u64) -> Result<Self, AnalysisError> {
        let population = simulate::draw(patients, seed, None);
        let read = |file: &str, text: String| Table::from_bytes(Path::new(file), text.as_bytes());
        let clinical = read("simulated clinical table", simulate::clinical_csv(&population))?;
        let survival = read("simulated survival table", simulate::survival_csv(&population))?;
        Ok(Self {
            name: "simulated cohort".to_owned(),
            simulated: true,
            table: joined(&clinical, &survival)?,
        })
    }

    /// What stands under a chart: the data set, and that it is simulated.
    pub fn source(&self) -> String {
        if self.simulated && !self.name.contains("simulated") {
            return format!("{} (simulated patients)", self.name);
        }
        self.name.clone()
    }
}

/// Known headings in letters that the charts' typeface lacks, by their keys; others stay as they are.
fn in_latin(mut table: Table) -> Table {
    let foreign = |name: &str| name.chars().any(|c| c.is_alphabetic() && c > '\u{24f}');
    for column in 0..table.header.len() {
        let key = columns::key_of(&table.header[column]).filter(|_| foreign(&table.header[column]));
        if let Some(key) = key.filter(|key| table.header.iter().all(|h| h != key)) {
            table.header[column] = key.to_owned();
        }
    }
    table
}

/// Both tables as one. A variable that both have in different words, as Ki-67 in percent and in groups, is kept twice.
fn joined(clinical: &Table, survival: &Table) -> Result<Table, AnalysisError> {
    let mut survival = survival.clone();
    for name in &mut survival.header {
        let in_both = clinical.column(name).is_some();
        match columns::key_of(name) {
            Some("ki67") if in_both => *name = "Ki-67 group".to_owned(),
            Some("histology") if in_both => *name = "Histology group".to_owned(),
            _ => {}
        }
    }
    let mut table = clinical.join(&survival, "id")?;
    table.path = survival.path.with_file_name(format!(
        "{} and {}",
        file_name(&clinical.path),
        file_name(&survival.path)
    ));
    Ok(table)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}
