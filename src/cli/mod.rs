//! The command line, one file a subcommand. Contract: JSON alone on stdout, progress and warnings on stderr,
//! exit 0 done, 1 wrong input (one sentence), 2 usage.

pub mod selfcheck;
pub mod weights;

/// Parses the arguments, runs the job, gives its exit code.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
