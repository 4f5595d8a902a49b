//! Training runs of the two networks: which pictures in which order, how they are varied, when to stop, what is kept.
//! The steps themselves are taken by [`crate::nn::learn`].

pub mod augment;
mod checkpoint;
mod plan;
pub mod publish;
mod run;
mod sampler;

use std::path::PathBuf;
use std::time::Duration;

pub use checkpoint::checkpoint_path;
pub use plan::{Augment, Balance, Keep, Plan, Preset, Schedule};
pub use run::{Job, Trained, evaluate, train};

use crate::nn::{EpochPoint, NnError};
use thoracast_files::progress::Progress;

/// Whoever looks on while a network learns.
pub trait Onlooker: Progress {
    /// An epoch is over.
    fn epoch(&self, _point: &EpochPoint, _kept: usize) {}
    /// True while the work should wait; asked between steps.
    fn paused(&self) -> bool {
        false
    }
}

impl Onlooker for thoracast_files::progress::Silent {}

/// What stops a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    #[error("{0}")]
    Plan(String),
    #[error(transparent)]
    Pictures(#[from] crate::cohort::pictures::PicturesError),
    #[error(transparent)]
    Network(#[from] NnError),
    #[error("{}: {reason}", path.display())]
    Checkpoint { path: PathBuf, reason: String },
    #[error(
        "the loss became {0} in epoch {1}; the learning rate is too high for this start: lower it (--learning-rate)"
    )]
    Diverged(f64, usize),
    #[error("cancelled; the last epoch is kept and --resume goes on from it")]
    Cancelled,
}

/// "40 s", "12 min", "3 h 5 min".
pub fn in_words(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3600 => format!("{} min", s / 60),
        s => format!("{} h {} min", s / 3600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
