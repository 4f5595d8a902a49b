//! `thoracast`: the workstation, or one job from the shell.

fn main() -> std::process::ExitCode {
    thoracast::cli::main()
}
