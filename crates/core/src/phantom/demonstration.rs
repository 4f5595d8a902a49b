//! The demonstration patient: one phantom, kept in the user's cache.

use std::path::{Path, PathBuf};

use super::series::{PhantomError, TRUTH_FILE, failed, write_series};
use super::{Phantom, Truth};
use thoracast_files::budget;
use thoracast_files::progress::Progress;

/// The demonstration patient's seed.
const SEED: u64 = 1;

/// The folder with the demonstration patient's series, `truth.json` and `clinical.csv`; made when it is not there
/// or older than this program.
///
/// # Errors
/// As [`write_series`].
pub fn demonstration(progress: &dyn Progress) -> Result<PathBuf, PhantomError> {
    let folder = directories::ProjectDirs::from("", "", "thoracast")
        .map_or_else(|| std::env::temp_dir().join("thoracast"), |dirs| dirs.cache_dir().to_owned())
        .join("demonstration");
    if is_current(&folder) {
        return Ok(folder);
    }
    progress.stage("Generating the demonstration patient");
    write_series(&Phantom::new(SEED), &folder, progress)?;
    Ok(folder)
}

/// A newer program may draw the patient differently.
fn is_current(folder: &Path) -> bool {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let program = std::env::current_exe().ok().and_then(|p| modified(&p));
    match (modified(&folder.join(TRUTH_FILE)), program) {
        (Some(made), Some(built)) => made >= built && read_truth(folder).is_ok(),
        _ => false,
    }
}

/// The truth beside a phantom's slices.
///
/// # Errors
/// Where `truth.json` is absent or is not a phantom's truth.
pub fn read_truth(folder: &Path) -> Result<Truth, PhantomError> {
    let path = folder.join(TRUTH_FILE);
    let bytes = budget::read(&path, budget::DOCUMENT).map_err(failed(&path, "reading"))?;
    Ok(serde_json::from_slice(&bytes)?)
}

impl Truth {
    /// The slice through a vertebra's centre.
    pub fn slice_of(&self, vertebra: &str) -> Option<usize> {
        self.vertebrae.iter().find(|v| v.name == vertebra).map(|v| v.slice)
    }
}
