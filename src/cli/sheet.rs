//! `thoracast sheet`: TRIPOD+AI and CLEAR, filled with what the program knows.

use std::path::PathBuf;

use super::folder::{FolderArgs, ModelArgs};
use super::{Stages, note, print_json, print_line};
use thoracast_core::audit;
use thoracast_core::cohort::Split;
use thoracast_core::evaluate::{self, Options};
use thoracast_core::report::flow;
use thoracast_core::sheet::{self, Facts, Format, Kind, Sheet};

/// Writes a reporting sheet of a cohort and the models.
#[derive(Debug, clap::Args)]
pub struct SheetArgs {
    /// The checklist
    #[arg(value_enum)]
    kind: KindArg,
    #[command(flatten)]
    folder: FolderArgs,
    /// The patients whose figures the sheet tells
    #[arg(long, default_value = "test", value_parser = super::evaluate::split)]
    split: Split,
    /// Leave the figures of performance open instead of evaluating the cohort
    #[arg(long)]
    no_evaluation: bool,
    /// The sheet: .md or .pdf
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    models: ModelArgs,
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
    // Before the work, not after it.
    args.out.as_deref().map(Format::of).transpose()?;
    let cohort = args.folder.open()?;
    let models = args.models.load()?;
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
        created: flow::now(),
    };
    let kind = match args.kind {
        KindArg::Tripod => Kind::Tripod,
        KindArg::Clear => Kind::Clear,
    };
    let sheet = Sheet::fill(kind, &facts);
    if let Some(path) = &args.out {
        sheet.write(path)?;
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
