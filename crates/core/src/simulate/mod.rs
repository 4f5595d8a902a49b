//! Cohorts with known truth: patients drawn from a stated model, so that fits and their intervals can be tested
//! against the coefficients that made the data, and so that no chart is empty where no cohort is at hand.
//!
//! The folder has the layout of a real cohort (see [`crate::cohort`]) plus [`TRUTH_FILE`], by which every reader knows
//! that the patients were never born.

mod draw;
mod pictures;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::phantom::Phantom;
use crate::slice::SliceError;
use thoracast_files::progress::Progress;
use thoracast_files::{FileError, FolderError, NewFolder};

pub use draw::{Population, SimulatedPatient, draw};

/// The file that makes a folder a simulated cohort.
pub const TRUTH_FILE: &str = "simulation.json";

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub patients: usize,
    /// The same seed gives the same patients.
    pub seed: u64,
    /// Pictures at T4 and T11, cut from a phantom of each patient; body composition is then measured on it.
    pub slices: bool,
}

/// The fewest patients that fill three splits with both outcomes nearly always.
pub const FEWEST: usize = 20;
/// More would be a mistyped number.
pub const MOST: usize = 1_000_000;

/// The model the patients were drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Always true: a chart of these patients must say so.
    pub simulated: bool,
    pub program: String,
    pub seed: u64,
    pub patients: usize,
    pub events: usize,
    pub deaths: usize,
    /// Log-odds of metastasis: coefficients by the names `stats logistic` prints for `nomogram_*.csv`.
    pub metastasis: BTreeMap<String, f64>,
    /// Logarithms of the hazard ratios of death, by the names `stats cox` prints.
    pub death: BTreeMap<String, f64>,
    /// How the rest was drawn, in words.
    pub notes: Vec<String>,
}

/// What keeps a cohort from being simulated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    #[error("{0} patients cannot be simulated; ask for {FEWEST} to {MOST}")]
    Patients(usize),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the simulated picture of patient {id}: {source}")]
    Picture { id: String, source: SliceError },
    #[error("the simulation's truth can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cancelled")]
    Cancelled,
}

/// Draws a cohort and writes it into `dir`: new, empty, or with an earlier simulation. Whole or not at all.
///
/// # Errors
/// A number of patients out of range, a folder with other things in it, files that cannot be written.
pub fn write(settings: &Settings, dir: &Path, progress: &dyn Progress) -> Result<Truth, SimulateError> {
    if !(FEWEST..=MOST).contains(&settings.patients) {
        return Err(SimulateError::Patients(settings.patients));
    }
    let folder = NewFolder::beside(dir, TRUTH_FILE, "simulated cohort")?;
    let phantoms = if settings.slices {
        progress.stage("Building the phantoms");
        pictures::bodies(settings, progress)?
    } else {
        vec![]
    };
    progress.stage("Drawing the patients");
    let bodies: Vec<_> = phantoms.iter().map(|(_, body)| *body).collect();
    let population = draw(settings.patients, settings.seed, (!bodies.is_empty()).then_some(&bodies));
    write::tables(&population, folder.path())?;
    if settings.slices {
        progress.stage("Cutting the pictures");
        let phantoms: Vec<&Phantom> = phantoms.iter().map(|(phantom, _)| phantom).collect();
        pictures::write(&population, &phantoms, folder.path(), progress)?;
    }
    let mut json = serde_json::to_vec_pretty(&population.truth)?;
    json.push(b'\n');
    thoracast_files::write_atomic(&folder.path().join(TRUTH_FILE), &json)?;
    folder.put_in_place()?;
    Ok(population.truth)
}

/// The clinical table of all drawn patients, as CSV.
pub fn clinical_csv(population: &Population) -> String {
    write::clinical(&population.patients.iter().collect::<Vec<_>>())
}

/// The survival table of all drawn patients, as CSV.
pub fn survival_csv(population: &Population) -> String {
    write::nomogram(&population.patients.iter().collect::<Vec<_>>())
}

/// Whether a cohort's folder was simulated.
pub fn is_simulated(cohort: &Path) -> bool {
    cohort.join(TRUTH_FILE).is_file()
}

#[cfg(test)]
mod tests;
