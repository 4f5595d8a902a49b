//! `thoracast phantom DIR`: a synthetic thoracic CT as a DICOM series, with its ground truth.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::{note, print_json, print_line};
use thoracast_core::phantom::{Phantom, write_series};
use thoracast_files::progress::Progress;

/// Arguments of `thoracast phantom`.
#[derive(Debug, clap::Args)]
pub struct PhantomArgs {
    /// Folder to write into: new, empty, or with an earlier phantom
    pub dir: PathBuf,
    /// Which patient: each seed is another one
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the ground truth as JSON
    #[arg(long)]
    pub json: bool,
}

/// Writes the series; prints its truth or where it is.
///
/// # Errors
/// One sentence when the folder is occupied or can't be written.
pub fn run(args: PhantomArgs) -> anyhow::Result<()> {
    let phantom = Phantom::new(args.seed);
    let truth = write_series(&phantom, &args.dir, &OnStderr)?;
    if args.json {
        return print_json(&truth);
    }
    let (id, slices, dir) = (&truth.patient_id, truth.slices, args.dir.display());
    print_line(&format!(
        "{id}: a synthetic chest CT of {slices} slices is in {dir}, with truth.json and clinical.csv."
    ))
}

/// Stages as lines; a running count only where a person watches.
struct OnStderr;

impl Progress for OnStderr {
    fn stage(&self, name: &str) {
        note(&format!("{name} …"));
    }

    fn report(&self, done: usize, total: usize) {
        if std::io::stderr().is_terminal() && (done.is_multiple_of(10) || done == total) {
            let _ = write!(std::io::stderr(), "\r{done}/{total}{}", if done == total { "\n" } else { "" });
        }
    }
}
