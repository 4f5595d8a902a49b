//! `thoracast levels`: proposed vertebral levels of a series.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::predict::choose;
use super::{Stages, print_json, print_lines, warn};
use thoracast_core::level::{CONFIDENT, Convention, Proposals, propose};
use thoracast_dicom as dicom;

#[derive(Args)]
pub struct LevelsArgs {
    /// Folder, file, ZIP or DICOMDIR with the CT series
    path: PathBuf,
    /// Series to use where a study has several
    #[arg(long, value_name = "UID")]
    series: Option<String>,
    /// Which part of the vertebral body a level's height means
    #[arg(long, value_enum, default_value = "middle")]
    convention: ConventionChoice,
    /// Print the result as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConventionChoice {
    Middle,
    Top,
    Bottom,
}

impl From<ConventionChoice> for Convention {
    fn from(choice: ConventionChoice) -> Self {
        match choice {
            ConventionChoice::Middle => Self::Middle,
            ConventionChoice::Top => Self::Top,
            ConventionChoice::Bottom => Self::Bottom,
        }
    }
}

/// The document `levels --json` prints.
#[derive(Debug, Serialize)]
struct Document {
    series: String,
    convention: Convention,
    levels: Vec<Level>,
    seconds: f64,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Level {
    label: &'static str,
    z_mm: f64,
    slice: usize,
    confidence: f32,
}

/// Runs `levels`.
///
/// # Errors
/// When nothing DICOM is found, the series asked for is not there, or its slices can't be read. A series that is no
/// CT volume, or shows no spine, is no error: it has no levels and a warning that says why.
pub fn run(args: &LevelsArgs) -> anyhow::Result<()> {
    let document = propose_levels(args)?;
    warn(&document.warnings);
    if args.json { print_json(&document) } else { print_lines(&in_words(&document)) }
}

fn propose_levels(args: &LevelsArgs) -> anyhow::Result<Document> {
    let scan = dicom::scan(std::slice::from_ref(&args.path), &Stages)?;
    let unreadable = scan.unreadable.iter().map(|file| format!("{}: {}", file.path.display(), file.reason));
    warn(&unreadable.collect::<Vec<_>>());
    let convention = args.convention.into();
    let mut warnings = Vec::new();
    // Nothing of it is a CT volume, an MR for example: no levels, and why.
    let asked = |s: &&dicom::Series| args.series.as_deref().is_none_or(|uid| s.uid == uid);
    let candidates: Vec<&dicom::Series> = scan.series.iter().filter(asked).collect();
    if let Some(first) = candidates.first().filter(|_| candidates.iter().all(|s| !s.usable)) {
        let reason = first.unusable_reason.clone();
        warnings.push(reason.unwrap_or_else(|| "the series is no CT volume".to_owned()));
        let proposals = Proposals { convention, ..Proposals::default() };
        return Ok(document(first.uid.clone(), proposals, 0.0, warnings));
    }
    let series = choose(&scan.series, args.series.as_deref(), &args.path, &mut warnings)?;
    warnings.extend(series.warnings.iter().cloned());
    let volume = dicom::load(series, 0, &Stages, &|_, _| ())?;
    let start = Instant::now();
    let proposals = propose(&volume, convention);
    Ok(document(series.uid.clone(), proposals, start.elapsed().as_secs_f64(), warnings))
}

fn document(series: String, proposals: Proposals, seconds: f64, mut warnings: Vec<String>) -> Document {
    warnings.extend(proposals.warnings);
    let levels = proposals.levels.iter().map(|p| Level {
        label: p.vertebra.name(),
        z_mm: p.z_mm,
        slice: p.slice,
        confidence: p.confidence,
    });
    Document { series, convention: proposals.convention, levels: levels.collect(), seconds, warnings }
}

fn in_words(document: &Document) -> Vec<String> {
    if document.levels.is_empty() {
        return vec!["No levels are proposed.".to_owned()];
    }
    let lines = document.levels.iter().map(|l| {
        let doubt = if l.confidence < CONFIDENT { "  not to be used without a person" } else { "" };
        format!(
            "{:<4} slice {:>4}  z {:>8.1} mm  confidence {:.2}{doubt}",
            l.label, l.slice, l.z_mm, l.confidence
        )
    });
    lines.collect()
}
