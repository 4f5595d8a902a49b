//! `thoracast phantom DIR`: a synthetic thoracic CT as a DICOM series, with its ground truth.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;

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
    let mut out = std::io::stdout().lock();
    let printed = if args.json {
        serde_json::to_writer_pretty(&mut out, &truth)?;
        writeln!(out)
    } else {
        let (id, slices, dir) = (&truth.patient_id, truth.slices, args.dir.display());
        writeln!(
            out,
            "{id}: a synthetic chest CT of {slices} slices is in {dir}, with truth.json and clinical.csv."
        )
    };
    printed.context("the result could not be printed")
}

/// Stages as lines; a running count only where a person watches.
struct OnStderr;

impl Progress for OnStderr {
    fn stage(&self, name: &str) {
        eprintln!("{name} …");
    }

    fn report(&self, done: usize, total: usize) {
        if std::io::stderr().is_terminal() && (done.is_multiple_of(10) || done == total) {
            eprint!("\r{done}/{total}{}", if done == total { "\n" } else { "" });
        }
    }
}
