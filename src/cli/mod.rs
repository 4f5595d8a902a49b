//! The command line, one file a subcommand. Contract: JSON alone on stdout, progress and warnings on stderr,
//! exit 0 done, 1 wrong input (one sentence), 2 usage.

pub mod stats;
pub mod train;

use std::io::Write;

use clap::Parser;
use serde::Serialize;

#[derive(Debug, Parser)]
#[command(name = "thoracast", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Fit the models from a cohort folder
    Train(train::TrainArgs),
    /// Statistics for any table
    Stats(stats::StatsArgs),
}

/// Parses the arguments, runs the job, gives its exit code.
pub fn main() -> std::process::ExitCode {
    let done = match Cli::parse().command {
        Command::Train(args) => train::run(args),
        Command::Stats(args) => stats::run(args),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// One JSON document on stdout. A reader that has gone away is not an error.
pub(crate) fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    print_line(&text)
}

/// A line on stdout. A reader that has gone away is not an error.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A line on stderr: progress and warnings.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
