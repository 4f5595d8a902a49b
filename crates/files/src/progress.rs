//! Progress and cancellation of long work, free of any window or thread.

use std::sync::atomic::{AtomicBool, Ordering};

/// What long-running functions report to and ask whether to go on.
pub trait Progress: Sync {
    /// Names the stage that begins now ("Reading headers").
    fn stage(&self, _name: &str) {}
    /// `done` of `total` units of the current stage are finished.
    fn report(&self, _done: usize, _total: usize) {}
    /// True once the person has pressed Cancel; the work should end soon with its `Cancelled` error.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Reports to nobody, is never cancelled.
pub struct Silent;

impl Progress for Silent {}

/// A flag that several threads can share to cancel one piece of work.
#[derive(Default, Debug)]
pub struct CancelFlag(AtomicBool);

impl CancelFlag {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether `cancel` was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
