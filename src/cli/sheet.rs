//! `thoracast sheet`: TRIPOD+AI and CLEAR, filled with what the program knows.

use std::path::PathBuf;

use anyhow::bail;

use super::{Stages, note, print_json, print_line};
use crate::assess::{self, Models};
use crate::audit;
use crate::cohort::{CohortFolder, Mapping, Split};
use crate::evaluate::{self, Options};
use crate::files;
use crate::nn::DeviceChoice;
use crate::sheet::{self, Facts, Kind, Sheet};

/// Writes a reporting sheet of a cohort and the models.
#[derive(Debug, clap::Args)]
pub struct SheetArgs {
    /// The checklist
    #[arg(value_enum)]
    kind: KindArg,
    /// Folder with the cohort's tables and pictures
    #[arg(long, value_name = "DIR")]
    cohort: PathBuf,
    /// Which file and column is what, where names, units or codes differ from ours
    #[arg(long, value_name = "FILE.json")]
    mapping: Option<PathBuf>,
    /// The patients whose figures the sheet tells
    #[arg(long, default_value = "test", value_parser = super::evaluate::split)]
    split: Split,
    /// Leave the figures of performance open instead of evaluating the cohort
    #[arg(long)]
    no_evaluation: bool,
    /// The sheet: .md or .pdf
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the networks run
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Folder with the models
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum KindArg {
    /// TRIPOD+AI: reports of prediction models
    Tripod,
    /// CLEAR: radiomics research
    Clear,
}

/// Fills, writes and prints.
pub fn run(args: &SheetArgs) -> anyhow::Result<()> {
    let ending = args.out.as_ref().map(|p| p.extension().map(|e| e.to_string_lossy().to_lowercase()));
    if let (Some(path), Some(ending)) = (&args.out, &ending)
        && !matches!(ending.as_deref(), Some("md" | "pdf"))
    {
        bail!("--out {} has no ending that says what to write; end it in .md or .pdf", path.display());
    }
    let mapping = args.mapping.as_deref().map(Mapping::read).transpose()?;
    let cohort = CohortFolder::open(&args.cohort, mapping.as_ref())?;
    let models = Models::load(&assess::Places::find(args.models.as_deref())?, args.device, &Stages)?;
    let report = audit::run(&cohort, &Stages)?;
    let evaluation = if args.no_evaluation {
        None
    } else {
        let options = Options { split: args.split, without: vec![], cross_validation: None, seed: 0 };
        match evaluate::run(&cohort, &models, &options, &Stages) {
            Ok(evaluation) => Some(evaluation),
            Err(e) => {
                note(&format!("warning: {e}; the figures of performance stay open"));
                None
            }
        }
    };
    let facts = Facts {
        cohort: &cohort,
        models: &models,
        evaluation: evaluation.as_ref(),
        audit: Some(&report),
        created: chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
    };
    let kind = match args.kind {
        KindArg::Tripod => Kind::Tripod,
        KindArg::Clear => Kind::Clear,
    };
    let sheet = Sheet::fill(kind, &facts);
    match (&args.out, ending.flatten().as_deref()) {
        (Some(path), Some("pdf")) => files::write_atomic(path, &sheet::pdf(&sheet)?)?,
        (Some(path), _) => files::write_atomic(path, sheet::markdown(&sheet).as_bytes())?,
        (None, _) => {}
    }
    if args.json {
        return print_json(&sheet);
    }
    let [filled, partly, open] = sheet.counts();
    match &args.out {
        Some(path) => print_line(&format!(
            "{}: {filled} items filled, {partly} partly, {open} open; written to {}",
            kind.name(),
            path.display()
        )),
        None => print_line(&sheet::markdown(&sheet)),
    }
}
