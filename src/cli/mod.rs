//! The command line, one file a subcommand. Contract: JSON alone on stdout, progress and warnings on stderr,
//! exit 0 done, 1 wrong input (one sentence), 2 usage.

mod anonymize;
mod audit;
mod choices;
mod cohort;
mod demo;
mod evaluate;
mod explain;
mod folder;
mod inspect;
mod levels;
mod phantom;
mod plot;
mod predict;
mod selfcheck;
mod sheet;
mod simulate;
mod stats;
mod train;
mod weights;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::Serialize;

use crate::app;
use thoracast_core::nn::DeviceChoice;
use thoracast_files::progress::Progress;
use thoracast_files::words;

/// Predicts distant metastasis of breast cancer from a chest CT. Research use only.
#[derive(Parser)]
#[command(name = "thoracast", version, about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    job: Option<Job>,
    /// Studies and clinical tables to open in the workstation
    paths: Vec<PathBuf>,
    /// Where networks run
    #[arg(long, value_parser = choices::device(), default_value = "auto")]
    device: DeviceChoice,
    /// Folder with the models (default: THORACAST_MODELS, or `models` beside the program)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Job {
    /// The demonstration patient, end to end
    Demo(demo::DemoArgs),
    /// De-identified copies of a study (DICOM PS3.15)
    Anonymize(anonymize::AnonymizeArgs),
    /// What is in a file, folder, ZIP or DICOMDIR
    Inspect(inspect::InspectArgs),
    /// Proposed vertebral levels of a series
    Levels(levels::LevelsArgs),
    /// One patient: three branches, the vote, the nomogram
    Predict(predict::PredictArgs),
    /// Write a synthetic thoracic CT as a DICOM series with its ground truth
    Phantom(phantom::PhantomArgs),
    /// A simulated cohort with known coefficients
    Simulate(simulate::SimulateArgs),
    /// Fit a model on a cohort folder
    Train(train::TrainArgs),
    /// What is wrong with a cohort before anyone trusts a figure made from it
    Audit(audit::AuditArgs),
    /// What a cohort folder or table holds, and its Table 1
    Cohort(cohort::CohortArgs),
    /// Every branch, fusion and alternative on a split of a cohort
    Evaluate(evaluate::EvaluateArgs),
    /// What the clinical branch depends on, patient by patient
    Explain(explain::ExplainArgs),
    /// A reporting sheet (TRIPOD+AI, CLEAR) filled with what the program knows
    Sheet(sheet::SheetArgs),
    /// Statistics of any table
    Stats(stats::StatsArgs),
    /// Look into or convert a weights file
    Weights(weights::WeightsArgs),
    /// Known-answer tests of this machine's numerics
    Selfcheck(selfcheck::SelfcheckArgs),
}

/// Parses the arguments, runs the job, gives its exit code.
pub fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("THORACAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(parse_arguments()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("thoracast: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// The arguments; a number behind an option may be negative, so that the option itself says what it takes.
fn parse_arguments() -> Arguments {
    let matches = with_negative_numbers(Arguments::command()).get_matches();
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn with_negative_numbers(mut command: clap::Command) -> clap::Command {
    command = command.mut_args(|arg| {
        let takes_value = arg.get_action().takes_values() && !arg.is_positional();
        if takes_value { arg.allow_negative_numbers(true) } else { arg }
    });
    command.mut_subcommands(with_negative_numbers)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.job {
        None => open(app::Options {
            paths: arguments.paths,
            demo: false,
            library: thoracast_core::assess::Places::usual_library(arguments.models.as_deref()),
            models: arguments.models,
            device: arguments.device,
            settings: app::settings::Settings::usual_place(),
        }),
        Some(Job::Demo(args)) => demo::run(args),
        Some(Job::Anonymize(args)) => anonymize::run(args),
        Some(Job::Inspect(args)) => inspect::run(args),
        Some(Job::Levels(args)) => levels::run(&args),
        Some(Job::Predict(args)) => predict::run(args),
        Some(Job::Phantom(args)) => phantom::run(args),
        Some(Job::Simulate(args)) => simulate::run(&args),
        Some(Job::Train(args)) => train::run(args),
        Some(Job::Audit(args)) => audit::run(args),
        Some(Job::Cohort(args)) => cohort::run(args),
        Some(Job::Evaluate(args)) => evaluate::run(&args),
        Some(Job::Explain(args)) => explain::run(&args),
        Some(Job::Sheet(args)) => sheet::run(&args),
        Some(Job::Stats(args)) => stats::run(args),
        Some(Job::Weights(args)) => weights::run(args),
        Some(Job::Selfcheck(args)) => selfcheck::run(args),
    }
}

/// Opens the workstation on paths that must exist: a mistyped command looks like a path.
fn open(options: app::Options) -> anyhow::Result<()> {
    if let Some(path) = options.paths.iter().find(|path| !path.exists()) {
        anyhow::bail!(
            "{}: no such file or folder, and no such command; `thoracast help` lists the commands",
            path.display()
        );
    }
    window(options)
}

/// Opens the workstation.
fn window(options: app::Options) -> anyhow::Result<()> {
    Ok(app::run(options)?)
}

/// Standard output took no more. `main` ends quietly where its reader has gone away.
#[derive(Debug, thiserror::Error)]
#[error("standard output can't be written ({0}); what was printed is not whole")]
struct OutputError(io::Error);

/// Whether an error is that of a reader who has seen enough (`| head`).
fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<OutputError>().is_some_and(|e| e.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes to stdout and sees to it that all has arrived.
fn write_out(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    // Curves of a million patients are hundreds of megabytes: they are written as they are made.
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| {
        // What is left must not be tried again when the buffer is dropped.
        let _ = out.into_parts();
        OutputError(error).into()
    })
}

/// One JSON document on stdout.
pub(crate) fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    write_out(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}

/// One JSON document in one line on stdout.
pub(crate) fn print_json_line(document: &impl Serialize) -> anyhow::Result<()> {
    write_out(|out| {
        serde_json::to_writer(&mut *out, document)?;
        writeln!(out)
    })
}

/// A line on stdout, whatever characters its values bring (see [`words::clean`]).
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    write_out(|out| writeln!(out, "{}", words::clean(text)))
}

/// Lines on stdout, each as [`print_line`] has it.
pub(crate) fn print_lines<T: AsRef<str>>(lines: &[T]) -> anyhow::Result<()> {
    lines.iter().try_for_each(|line| print_line(line.as_ref()))
}

/// A document of several lines on stdout, such as a Markdown table, that its maker has kept clean.
pub(crate) fn print_page(text: &str) -> anyhow::Result<()> {
    write_out(|out| writeln!(out, "{}", words::clean_page(text)))
}

/// A line on stderr: progress and warnings. A closed stderr leaves nobody to tell.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", words::clean(text));
}

/// Warnings on stderr; beyond the first they are counted.
pub(crate) fn warn(warnings: &[String]) {
    warnings.iter().take(words::MOST_REMARKS + 1).for_each(|w| note(&format!("warning: {w}")));
    let more = warnings.len().saturating_sub(words::MOST_REMARKS + 1);
    if more > 0 {
        note(&format!("warning: and {more} more, which are not listed"));
    }
}

/// A count an option may have, from `LOW` to `HIGH`; anything else is told with that range.
pub(crate) fn count<const LOW: usize, const HIGH: usize>(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|n| (LOW..=HIGH).contains(n));
    count.ok_or_else(|| format!("give a whole number from {LOW} to {HIGH}"))
}

/// Names each stage on stderr.
pub(crate) struct Stages;

impl Progress for Stages {
    fn stage(&self, name: &str) {
        note(&format!("{name}…"));
    }
}
