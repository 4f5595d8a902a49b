//! `anonymize`: de-identified copies.

use std::path::PathBuf;

use crate::cli::{Stages, note, print_json, print_line, warn};
use thoracast_dicom::deidentify::{self, Dates, Options, Summary};

#[derive(clap::Args, Debug)]
pub struct AnonymizeArgs {
    /// File, folder, ZIP archive or DICOMDIR
    input: PathBuf,
    /// New or empty folder for the copies
    out: PathBuf,
    /// Keep dates as they are, or moved back by the same number of days for all of a patient
    #[arg(long, value_enum, value_name = "HOW")]
    retain_dates: Option<RetainDates>,
    /// Keep the anatomical and technical words of descriptions
    #[arg(long)]
    clean_descriptors: bool,
    /// Keep sex, age, size and weight (body indices need the size)
    #[arg(long)]
    retain_patient_characteristics: bool,
    /// New patient ID and name (default: a pseudonym for each patient)
    #[arg(long, value_name = "NEW")]
    patient_id: Option<String>,
    /// Repeatable identifiers; whoever knows the seed can test guesses of the originals
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Leave out images whose pixels may carry names
    #[arg(long)]
    skip_burned_in: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum RetainDates {
    Full,
    Shifted,
}

/// Runs `anonymize`.
///
/// # Errors
/// When nothing could be written, or a written file did not pass the check.
pub fn run(args: AnonymizeArgs) -> anyhow::Result<()> {
    let options = Options {
        dates: match args.retain_dates {
            None => Dates::Removed,
            Some(RetainDates::Full) => Dates::Full,
            Some(RetainDates::Shifted) => Dates::Shifted,
        },
        clean_descriptors: args.clean_descriptors,
        patient_characteristics: args.retain_patient_characteristics,
        patient_id: args.patient_id,
        seed: args.seed,
        skip_burned_in: args.skip_burned_in,
    };
    let summary = deidentify::run(std::slice::from_ref(&args.input), &args.out, &options, &Stages)?;
    tell(&summary);
    if args.json {
        print_json(&summary)?;
    } else {
        print_line(&format!(
            "{} of {} files written: {} patients, {} studies, {} series ({})",
            summary.written,
            summary.files,
            summary.patients,
            summary.studies,
            summary.series,
            summary.profile
        ))?;
    }
    match summary.failed_verification {
        0 => Ok(()),
        n => anyhow::bail!(
            "{n} files did not pass the check after writing and were deleted; the list names them"
        ),
    }
}

fn tell(summary: &Summary) {
    warn(&summary.warnings);
    for skipped in &summary.skipped {
        note(&format!("left out: {}: {}", skipped.path.display(), skipped.reason));
    }
}
