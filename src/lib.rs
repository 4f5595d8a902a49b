//! Thoracast predicts distant metastasis of breast cancer from a chest CT. Research use only.
//!
//! The program: its window and its shell. What they show and run is in the crates under `crates/`
//! (see `ARCHITECTURE.md` for which way the arrows point).

/// The window: state, commands, background jobs, one file a panel.
pub mod app;
/// The command line, one file a subcommand.
pub mod cli;
