//! Background work: named, with progress and Cancel, never two of one name at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::command::{Command, Finished};
use thoracast_files::progress::{CancelFlag, Progress};

/// What kinds of work there are; at most one of each runs at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobId {
    Dialog,
    Scan,
    Load,
    Thumbnails,
    Anonymize,
    Table,
    Models,
    /// Reading, installing or converting weights.
    Weights,
    Assess,
    Explain,
    Demo,
    Save,
    Train,
    Audit,
    Statistics,
    Evaluate,
    /// Filtering and sorting a large table.
    Arrange,
    TableOne,
    CohortFolder,
}

impl JobId {
    /// What a person reads in the status bar.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dialog => "File dialog",
            Self::Scan => "Reading headers",
            Self::Load => "Loading series",
            Self::Thumbnails => "Drawing thumbnails",
            Self::Anonymize => "De-identifying",
            Self::Table => "Reading table",
            Self::Models => "Loading models",
            Self::Weights => "Importing weights",
            Self::Assess => "Predicting",
            Self::Explain => "Computing Grad-CAM",
            Self::Demo => "Generating demonstration patient",
            Self::Save => "Saving report",
            Self::Train => "Training",
            Self::Audit => "Auditing",
            Self::Statistics => "Computing figures",
            Self::Evaluate => "Evaluating",
            Self::Arrange => "Sorting",
            Self::TableOne => "Computing Table 1",
            Self::CohortFolder => "Reading cohort",
        }
    }

    /// Whether stopping midway makes sense.
    pub fn can_cancel(self) -> bool {
        matches!(
            self,
            Self::Scan
                | Self::Load
                | Self::Thumbnails
                | Self::Anonymize
                | Self::Audit
                | Self::Statistics
                | Self::Evaluate
                | Self::CohortFolder
                | Self::Assess
                | Self::Explain
                | Self::Demo
                | Self::Models
                | Self::Weights
                | Self::Train
        )
    }
}

/// Progress as a job writes it and the status bar reads it.
pub struct JobProgress {
    stage: Mutex<String>,
    done: AtomicUsize,
    total: AtomicUsize,
    cancel: CancelFlag,
    ctx: egui::Context,
}

impl Progress for JobProgress {
    fn stage(&self, name: &str) {
        *self.stage.lock().unwrap_or_else(|e| e.into_inner()) = name.to_owned();
        self.ctx.request_repaint();
    }

    fn report(&self, done: usize, total: usize) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.ctx.request_repaint_after(std::time::Duration::from_millis(30));
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl JobProgress {
    /// The stage in words, and done / total (total 0 = unknown).
    pub fn now(&self) -> (String, usize, usize) {
        let stage = self.stage.lock().unwrap_or_else(|e| e.into_inner()).clone();
        (stage, self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// Sends what a job finds to the window and wakes it.
#[derive(Clone)]
pub struct Reporter {
    sender: Sender<Command>,
    ctx: egui::Context,
}

impl Reporter {
    pub fn send(&self, finished: Finished) {
        // A closed channel means the window is gone; then nobody waits for the result.
        let _ = self.sender.send(Command::Finished(finished));
        self.ctx.request_repaint();
    }
}

struct Job {
    id: JobId,
    progress: Arc<JobProgress>,
    thread: std::thread::JoinHandle<()>,
}

/// The running jobs and the one channel by which everything reaches the handler.
pub struct Jobs {
    running: Vec<Job>,
    sender: Sender<Command>,
    receiver: Receiver<Command>,
    ctx: egui::Context,
}

impl Jobs {
    pub fn new(ctx: egui::Context) -> Self {
        let (sender, receiver) = channel();
        Self { running: Vec::new(), sender, receiver, ctx }
    }

    /// For panels: send a command to the handler.
    pub fn sender(&self) -> Sender<Command> {
        self.sender.clone()
    }

    /// All commands sent since the last call.
    pub fn take_commands(&self) -> Vec<Command> {
        self.receiver.try_iter().collect()
    }

    /// Starts a job; false if one of this name still runs (and was not cancelled).
    pub fn start(&mut self, id: JobId, work: impl FnOnce(&JobProgress, &Reporter) + Send + 'static) -> bool {
        self.sweep();
        if self.running.iter().any(|j| j.id == id && !j.progress.is_cancelled()) {
            return false;
        }
        let progress = Arc::new(JobProgress {
            stage: Mutex::new(id.name().to_owned()),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            cancel: CancelFlag::default(),
            ctx: self.ctx.clone(),
        });
        let reporter = Reporter { sender: self.sender.clone(), ctx: self.ctx.clone() };
        let shared = Arc::clone(&progress);
        let spawned = std::thread::Builder::new().name(id.name().to_owned()).spawn(move || {
            // Its end, with how long it took, stands in the log (THORACAST_LOG=info); names alone, no patient data.
            let _job = tracing::info_span!("job", name = id.name()).entered();
            work(&shared, &reporter);
            reporter.ctx.request_repaint();
        });
        match spawned {
            Ok(thread) => self.running.push(Job { id, progress, thread }),
            Err(error) => {
                tracing::error!("could not start a thread for {}: {error}", id.name());
                return false;
            }
        }
        true
    }

    /// Asks a job to stop.
    pub fn cancel(&mut self, id: JobId) {
        for job in self.running.iter().filter(|j| j.id == id) {
            job.progress.cancel.cancel();
        }
    }

    /// Forgets finished jobs.
    pub fn sweep(&mut self) {
        self.running.retain(|job| !job.thread.is_finished());
    }

    pub fn is_running(&self, id: JobId) -> bool {
        self.running.iter().any(|j| j.id == id && !j.progress.is_cancelled() && !j.thread.is_finished())
    }

    /// True while anything runs, cancelled or not.
    pub fn busy(&self) -> bool {
        self.running.iter().any(|j| !j.thread.is_finished())
    }

    /// For the status bar.
    pub fn running(&self) -> impl Iterator<Item = (JobId, &JobProgress)> {
        self.running.iter().filter(|j| !j.thread.is_finished()).map(|j| (j.id, &*j.progress))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_second_job_of_one_name_is_refused_until_the_first_is_cancelled() {
        let mut jobs = Jobs::new(egui::Context::default());
        let (go, wait) = mpsc::channel::<()>();
        assert!(jobs.start(JobId::Scan, move |_, _| {
            let _ = wait.recv();
        }));
        assert!(!jobs.start(JobId::Scan, |_, _| ()));
        assert!(jobs.is_running(JobId::Scan));
        jobs.cancel(JobId::Scan);
        assert!(!jobs.is_running(JobId::Scan));
        assert!(jobs.start(JobId::Scan, |_, _| ()));
        drop(go);
    }

    #[test]
    fn what_a_job_finds_arrives_as_a_command() {
        let mut jobs = Jobs::new(egui::Context::default());
        jobs.start(JobId::Demo, |_, reporter| reporter.send(Finished::Demo(Err("no room".into()))));
        while jobs.busy() {
            std::thread::yield_now();
        }
        let commands = jobs.take_commands();
        assert!(matches!(&commands[..], [Command::Finished(Finished::Demo(Err(e)))] if e == "no room"));
    }
}
