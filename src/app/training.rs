//! What the window knows of a training run: the form, and the run itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thoracast_core::chart::{Role, training};
use thoracast_core::level::Level;
use thoracast_core::nn::card::Counts;
use thoracast_core::nn::{Card, Curve, EpochPoint, TrainingRecord};
use thoracast_core::training::{Onlooker, Plan, Preset};
use thoracast_files::progress::Progress;

use super::command::Finished;
use super::jobs::{JobProgress, Reporter};

/// What is to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingForm {
    pub level: Level,
    /// Folder with images/T4/train/0 and so on.
    pub cohort: String,
    /// Weights to start from; empty: random numbers.
    pub init: String,
    /// Folder the weights go to.
    pub out: String,
    pub plan: Plan,
    pub test: bool,
    pub resume: bool,
}

impl Default for TrainingForm {
    fn default() -> Self {
        let level = Level::T4;
        Self {
            level,
            cohort: String::new(),
            init: String::new(),
            out: String::new(),
            plan: Plan::preset(Preset::Study, level.arch()),
            test: false,
            resume: false,
        }
    }
}

impl TrainingForm {
    /// Takes another preset or level with all its options; the seed stays.
    pub fn choose(&mut self, level: Level, preset: Preset) {
        self.level = level;
        self.plan = Plan { seed: self.plan.seed, ..Plan::preset(preset, level.arch()) };
    }

    /// Where the weights will stand.
    pub fn weights(&self) -> PathBuf {
        PathBuf::from(self.out.trim()).join(self.level.file_name())
    }

    /// Why training cannot start yet, in words.
    pub fn missing(&self) -> Option<&'static str> {
        if self.cohort.trim().is_empty() {
            Some("Choose the cohort's folder.")
        } else if self.out.trim().is_empty() {
            Some("Choose a folder for the weights.")
        } else {
            None
        }
    }
}

/// A run that is going on or is over.
pub struct TrainingRun {
    /// As it was started.
    pub form: TrainingForm,
    pub curve: Curve,
    /// 0 before the first epoch is over.
    pub kept: usize,
    pub pause: Arc<AtomicBool>,
    /// `None` while it runs.
    pub end: Option<Result<Box<(PathBuf, Card)>, String>>,
}

impl TrainingRun {
    pub fn new(form: TrainingForm) -> Self {
        Self { form, curve: vec![], kept: 0, pause: Arc::default(), end: None }
    }

    pub fn paused(&self) -> bool {
        self.pause.load(Ordering::Relaxed)
    }

    /// An epoch is over. A resumed run tells of later ones only.
    pub fn add(&mut self, point: EpochPoint, kept: usize) {
        self.curve.push(point);
        self.kept = kept;
    }

    /// Seconds until the last epoch at the pace of the latest ten, at most.
    pub fn seconds_left(&self) -> Option<f64> {
        let last = self.curve.last()?;
        let recent = &self.curve[self.curve.len().saturating_sub(10)..];
        let each = recent.iter().map(|p| p.seconds).sum::<f64>() / recent.len() as f64;
        Some(each * self.form.plan.epochs.saturating_sub(last.epoch) as f64)
    }
}

impl TrainingRun {
    /// The run as it stands.
    pub fn chart(&self) -> training::Training {
        let (form, last) = (&self.form, self.curve.last().map_or(0, |p| p.epoch));
        // A long recipe would squeeze its first epochs into the axis: the axis grows with the run.
        let epochs = if self.end.is_some() { last.max(1) } else { form.plan.epochs.min((last * 2).max(10)) };
        let source = format!("{} {}, seed {}", form.level.name(), form.level.arch().title(), form.plan.seed);
        chart(&self.curve, self.kept, epochs, source)
    }
}

/// The training that a card remembers.
pub fn curves_of(card: &Card, record: &TrainingRecord) -> training::Training {
    let epochs = record.curve.last().map_or(1, |p| p.epoch);
    let count = |c: &Counts| format!("{} patients, {} events", c.patients, c.events);
    let source = format!(
        "{}, seed {}: trained on {}, validated on {}",
        card.arch.title(),
        record.seed,
        count(&record.train),
        count(&record.valid)
    );
    chart(&record.curve, record.kept_epoch, epochs, source)
}

fn chart(curve: &Curve, kept: usize, epochs: usize, source: String) -> training::Training {
    let line = |name: &str, role: Role, value: fn(&EpochPoint) -> f64| training::Line {
        name: name.to_owned(),
        role,
        points: curve.iter().map(|p| [p.epoch as f64, value(p)]).collect(),
    };
    training::Training {
        loss: vec![
            line("Training", Role::Series(0), |p| p.train_loss),
            line("Validation", Role::Series(1), |p| p.valid_loss),
        ],
        auc: vec![line("Validation", Role::Series(1), |p| p.valid_auc)],
        kept: (kept > 0).then_some(kept as f64),
        epochs: epochs as f64,
        source,
    }
}

/// Passes a run's news to the window.
pub struct Watcher<'a> {
    pub progress: &'a JobProgress,
    pub reporter: &'a Reporter,
    pub pause: Arc<AtomicBool>,
}

impl Progress for Watcher<'_> {
    fn stage(&self, name: &str) {
        self.progress.stage(name);
    }
    fn report(&self, done: usize, total: usize) {
        self.progress.report(done, total);
    }
    fn cancelled(&self) -> bool {
        self.progress.cancelled()
    }
}

impl Onlooker for Watcher<'_> {
    fn epoch(&self, point: &EpochPoint, kept: usize) {
        self.reporter.send(Finished::Epoch { point: *point, kept });
    }
    fn paused(&self) -> bool {
        self.pause.load(Ordering::Relaxed)
    }
}
