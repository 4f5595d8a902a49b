//! `thoracast train t4|t11`: trains a network on a folder of already-cut slices.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::{count, note, print_json, print_line};
use thoracast_core::cohort::pictures;
use thoracast_core::level::Level;
use thoracast_core::nn::learn::Trainable;
use thoracast_core::nn::weights;
use thoracast_core::nn::{DeviceChoice, EpochPoint};
use thoracast_core::training::{self, Balance, Job, Keep, Onlooker, Plan, Preset, Schedule, publish};
use thoracast_files::progress::Progress;

/// Options of a training run; what is not given is as the preset has it.
#[derive(Debug, clap::Args)]
pub struct NetworkArgs {
    /// Folder with the cohort (images/T4/{train,valid,test}/{0,1}/ID.jpg)
    #[arg(long, value_name = "DIR")]
    cohort: PathBuf,
    /// Folder the weights and their card are written to
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// Take the backbone from this file (ImageNet weights from torchvision, or an earlier model)
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// The recipe to start from
    #[arg(long, value_enum, default_value = "study")]
    preset: Preset,
    /// The same seed gives the same weights on the same CPU
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long, value_parser = count::<1, 100_000>)]
    epochs: Option<usize>,
    #[arg(long, value_parser = count::<1, 4096>)]
    batch: Option<usize>,
    /// Pictures in memory at once; batch norm's own statistics are of so many
    #[arg(long, value_parser = count::<1, 4096>)]
    at_once: Option<usize>,
    #[arg(long)]
    learning_rate: Option<f64>,
    #[arg(long, value_enum)]
    schedule: Option<Schedule>,
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Loss below which training turns round; 0 switches it off
    #[arg(long)]
    flooding: Option<f64>,
    #[arg(long)]
    dropout: Option<f64>,
    #[arg(long, value_enum)]
    balance: Option<Balance>,
    /// What learns: `head`, `all`, or the number of last stages (1 to 4)
    #[arg(long, value_parser = learns)]
    learns: Option<Trainable>,
    /// Degrees
    #[arg(long)]
    rotation: Option<f64>,
    /// Share of the picture's size
    #[arg(long)]
    shift: Option<f64>,
    #[arg(long)]
    zoom: Option<f64>,
    #[arg(long)]
    grey: Option<f64>,
    #[arg(long)]
    flip_horizontal: Option<bool>,
    #[arg(long)]
    flip_vertical: Option<bool>,
    /// Norms of what learns use the batch's own statistics
    #[arg(long)]
    batch_statistics: Option<bool>,
    /// Which epoch's weights are kept
    #[arg(long, value_enum)]
    keep: Option<Keep>,
    /// Epochs without a better one after which training stops; 0: never
    #[arg(long, value_parser = count::<0, 100_000>)]
    patience: Option<usize>,
    /// Heads on the one backbone, an ensemble
    #[arg(long, value_parser = count::<1, 64>)]
    heads: Option<usize>,
    /// The network sees the mean of so many pixels squared
    #[arg(long, value_parser = count::<1, 16>)]
    shrink: Option<usize>,
    /// Go on from the last epoch of an interrupted run with the same options
    #[arg(long)]
    resume: bool,
    /// Evaluate once on the test split when done, and put it into the card
    #[arg(long)]
    test: bool,
    /// Store kernels in 16 bits: half the file
    #[arg(long)]
    half: bool,
    /// A sentence for the card, such as how these options were chosen; may be given more than once
    #[arg(long, value_name = "TEXT")]
    remark: Vec<String>,
    /// Where the network runs
    #[arg(long, value_parser = crate::cli::choices::device(), default_value = "auto")]
    device: DeviceChoice,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl NetworkArgs {
    /// What the other models need of these options.
    pub(super) fn common(&self) -> super::Common {
        super::Common {
            folder: super::FolderArgs { cohort: self.cohort.clone(), mapping: None },
            out: self.out.clone(),
            seed: self.seed,
            json: self.json,
        }
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }
}

fn learns(text: &str) -> Result<Trainable, String> {
    match text {
        "head" => Ok(Trainable::Head),
        "all" => Ok(Trainable::All),
        _ => match text.parse() {
            Ok(stages @ 1..=4) => Ok(Trainable::LastStages(stages)),
            _ => Err("give head, all, or the number of last stages, 1 to 4".to_owned()),
        },
    }
}

impl NetworkArgs {
    fn plan(&self, level: Level) -> Plan {
        let mut plan = Plan::preset(self.preset, level.arch());
        plan.seed = self.seed;
        fn set<T: Copy>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        set(&mut plan.epochs, self.epochs);
        set(&mut plan.batch, self.batch);
        set(&mut plan.at_once, self.at_once);
        set(&mut plan.learning_rate, self.learning_rate);
        set(&mut plan.schedule, self.schedule);
        set(&mut plan.weight_decay, self.weight_decay);
        set(&mut plan.flooding, self.flooding);
        set(&mut plan.dropout, self.dropout);
        set(&mut plan.balance, self.balance);
        set(&mut plan.learns, self.learns);
        set(&mut plan.augment.rotation_deg, self.rotation);
        set(&mut plan.augment.shift, self.shift);
        set(&mut plan.augment.zoom, self.zoom);
        set(&mut plan.augment.grey, self.grey);
        set(&mut plan.augment.flip_horizontal, self.flip_horizontal);
        set(&mut plan.augment.flip_vertical, self.flip_vertical);
        set(&mut plan.batch_statistics, self.batch_statistics);
        set(&mut plan.keep, self.keep);
        set(&mut plan.heads, self.heads);
        set(&mut plan.shrink, self.shrink);
        if let Some(patience) = self.patience {
            plan.patience = (patience > 0).then_some(patience);
        }
        plan
    }
}

/// Trains the network of a level.
pub fn run(level: Level, args: &NetworkArgs) -> anyhow::Result<()> {
    let document = train(level, args)?;
    if args.json {
        return print_json(&document);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    print_line(&text(&document["card"]["description"]))?;
    print_line(&format!("written to {} (SHA-256 {})", text(&document["model"]), text(&document["sha256"])))
}

/// Trains and writes one network; returns the JSON document.
pub(super) fn train(level: Level, args: &NetworkArgs) -> anyhow::Result<Value> {
    let plan = args.plan(level);
    plan.check()?;
    let recipe = weights::default_recipe(level.arch());
    note("Reading the pictures…");
    let pictures = pictures::read(&args.cohort.join("images").join(level.name()), &recipe)?;
    let counts = |set: &[pictures::LabelledPicture]| {
        format!("{} ({} with metastasis)", set.len(), set.iter().filter(|p| p.event).count())
    };
    note(&format!(
        "{} pictures to train on, {} for validation, {} for the test",
        counts(&pictures.train),
        counts(&pictures.valid),
        counts(&pictures.test)
    ));
    if args.test && pictures.test.is_empty() {
        anyhow::bail!("{}: there is no test split; leave --test out", args.cohort.display());
    }
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: the folder cannot be made", args.out.display()))?;
    let path = args.out.join(level.file_name());
    let checkpoint = training::checkpoint_path(&path);
    let job = Job {
        arch: level.arch(),
        recipe,
        plan: &plan,
        pictures: &pictures,
        init: args.init.as_deref(),
        device: args.device,
        checkpoint: Some(&checkpoint),
        resume: args.resume,
    };
    let trained = training::train(&job, &Terminal::new(plan.epochs))?;
    let name = format!("{} {}", level.name(), level.arch().title());
    let mut card = publish::write(&trained, level.arch(), &name, &path, args.half, &args.remark)?;
    if args.test {
        note("Test pictures…");
        card = publish::test(&path, card, &pictures.test, args.device)?;
    }
    // The weights are safe; what was needed to go on is not any more.
    let _ = std::fs::remove_file(&checkpoint);
    Ok(json!({"model": path, "sha256": thoracast_files::sha256(&path)?, "card": card}))
}

/// A line an epoch on stderr.
struct Terminal {
    epochs: usize,
    start: Instant,
    first: Mutex<Option<usize>>,
}

impl Terminal {
    fn new(epochs: usize) -> Self {
        Self { epochs, start: Instant::now(), first: Mutex::new(None) }
    }
}

impl Progress for Terminal {
    fn stage(&self, name: &str) {
        // Epochs tell of themselves when they are over.
        if !name.starts_with("Epoch") {
            note(&format!("{name}…"));
        }
    }
}

impl Onlooker for Terminal {
    fn epoch(&self, point: &EpochPoint, kept: usize) {
        let first = match self.first.lock() {
            Ok(mut first) => *first.get_or_insert(point.epoch),
            Err(_) => point.epoch,
        };
        let each = self.start.elapsed().as_secs_f64() / (point.epoch + 1 - first) as f64;
        let left = Duration::from_secs_f64(each * self.epochs.saturating_sub(point.epoch) as f64);
        note(&format!(
            "epoch {:>4} of {}: training loss {:.4}, validation loss {:.4}, AUC {:.4}{} ({:.1} s; at most {} left)",
            point.epoch,
            self.epochs,
            point.train_loss,
            point.valid_loss,
            point.valid_auc,
            if kept == point.epoch { ", kept" } else { "" },
            point.seconds,
            training::in_words(left)
        ));
    }
}
