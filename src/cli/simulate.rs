//! `thoracast simulate DIR`: a cohort folder with known coefficients.

use std::path::PathBuf;

use clap::Args;

use super::{Stages, count, print_json, print_line};
use thoracast_core::simulate::{self, Settings, TRUTH_FILE};

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Folder to write into: new, empty, or with an earlier simulation
    dir: PathBuf,
    /// How many patients
    #[arg(long, value_name = "N", value_parser = count::<1, 1_000_000>)]
    patients: usize,
    /// The same seed gives the same patients
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Pictures at T4 and T11 as well, cut from a phantom of each patient
    #[arg(long)]
    slices: bool,
    /// Print the truth as one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    let settings = Settings { patients: args.patients, seed: args.seed, slices: args.slices };
    let truth = simulate::write(&settings, &args.dir, &Stages)?;
    if args.json {
        return print_json(&truth);
    }
    print_line(&format!(
        "{} simulated patients ({} with metastasis, {} died) are in {}; the coefficients that made them are in {TRUTH_FILE}.",
        truth.patients,
        truth.events,
        truth.deaths,
        args.dir.display()
    ))
}
