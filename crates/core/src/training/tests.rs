//! Runs on tiny generated pictures whose class shows.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cohort::pictures::{LabelledPicture, PictureSets};
use crate::nn::learn::{Examiner, Trainable};
use crate::nn::state_dict::Part;
use crate::nn::{Arch, DeviceChoice};
use crate::slice::{Picture, Recipe};
use thoracast_files::progress::Silent;

const SIDE: usize = 40;

fn recipe() -> Recipe {
    Recipe { width: SIDE, height: SIDE, ..Recipe::t11() }
}

/// Stripes across for one class, down for the other, with a phase of their own.
fn pictures(count: usize, first: usize) -> Vec<LabelledPicture> {
    (first..first + count)
        .map(|i| {
            let event = i % 2 == 0;
            let shade = |x: usize, y: usize| (((if event { x } else { y }) + i) % 6 / 3 * 150 + i % 40) as u8;
            let grey = (0..SIDE * SIDE).map(|p| shade(p % SIDE, p / SIDE)).collect();
            let picture = Picture { width: SIDE, height: SIDE, grey };
            LabelledPicture { id: format!("P{i}"), event, picture, path: PathBuf::new() }
        })
        .collect()
}

fn sets() -> PictureSets {
    PictureSets {
        train: pictures(16, 0),
        valid: pictures(8, 100),
        test: pictures(8, 200),
        sha256: "data".to_owned(),
    }
}

fn plan() -> Plan {
    Plan { epochs: 4, batch: 8, heads: 2, patience: None, ..Plan::preset(Preset::Features, Arch::Resnet50) }
}

fn job<'a>(plan: &'a Plan, pictures: &'a PictureSets) -> Job<'a> {
    Job {
        arch: Arch::Resnet50,
        recipe: recipe(),
        plan,
        pictures,
        init: None,
        device: DeviceChoice::Cpu,
        checkpoint: None,
        resume: false,
    }
}

#[test]
fn heads_on_a_random_backbone_learn_stripes_and_the_same_seed_gives_the_same_weights() {
    let (plan, sets) = (Plan { epochs: 30, ..plan() }, sets());
    let trained = train(&job(&plan, &sets), &Silent).unwrap();
    let record = &trained.record;
    assert_eq!(record.curve.len(), 30);
    assert_eq!(record.validation.auc, 1.0, "{:?}", record.validation);
    assert_eq!((record.train.patients, record.train.events, record.valid.patients), (16, 8, 8));
    let lowest = record.curve.iter().map(|p| p.valid_loss).fold(f64::INFINITY, f64::min);
    assert_eq!(record.curve[record.kept_epoch - 1].valid_loss, lowest);
    assert!((record.validation.loss - lowest).abs() < 1e-6);
    crate::nn::state_dict::check(&trained.tensors, Arch::Resnet50, Part::Whole).unwrap();
    assert_eq!(crate::nn::head::count(&trained.tensors, Arch::Resnet50), 2);

    let again = train(&job(&plan, &sets), &Silent).unwrap();
    assert!(again.tensors == trained.tensors, "the same seed gave other weights");
    let other = Plan { seed: 1, epochs: 1, ..plan };
    assert!(train(&job(&other, &sets), &Silent).unwrap().tensors != trained.tensors);

    let examiner = Examiner::new(Arch::Resnet50, &trained.tensors, DeviceChoice::Cpu).unwrap();
    assert_eq!(evaluate(&examiner, &sets.test, &trained.recipe).unwrap().auc, 1.0);
}

/// Cancels in the second step after so many epochs.
struct Impatient {
    epochs: usize,
    seen: AtomicUsize,
    stages: Mutex<Vec<String>>,
}

impl thoracast_files::progress::Progress for Impatient {
    fn stage(&self, name: &str) {
        self.stages.lock().unwrap().push(name.to_owned());
    }
    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.epochs
    }
}

impl Onlooker for Impatient {
    fn epoch(&self, _: &EpochPoint, _: usize) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_run_that_was_stopped_and_resumed_ends_like_one_that_was_not() {
    let sets = sets();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("x.checkpoint.safetensors");
    // Everything learns here, so that the optimiser's memory and the norms' statistics must come back too.
    let plan = Plan {
        learns: Trainable::LastStages(1),
        augment: Augment::STUDY,
        batch_statistics: true,
        keep: Keep::Auc,
        balance: Balance::Sampler,
        epochs: 3,
        ..plan()
    };
    let whole = train(&job(&plan, &sets), &Silent).unwrap();
    let stoppable = Job { checkpoint: Some(&checkpoint), resume: true, ..job(&plan, &sets) };
    let impatient = Impatient { epochs: 2, seen: AtomicUsize::new(0), stages: Mutex::new(vec![]) };
    let stopped = train(&stoppable, &impatient);
    assert!(matches!(stopped, Err(TrainingError::Cancelled)));
    let resumed = train(&stoppable, &Silent).unwrap();
    assert!(resumed.tensors == whole.tensors, "the resumed run ended elsewhere");
    let strip = |curve: &[EpochPoint]| -> Vec<EpochPoint> {
        curve.iter().map(|p| EpochPoint { seconds: 0.0, ..*p }).collect()
    };
    assert_eq!(strip(&resumed.record.curve), strip(&whole.record.curve));

    let other = Plan { learning_rate: 0.5, ..plan.clone() };
    let message = train(&Job { plan: &other, ..stoppable }, &Silent).err().unwrap().to_string();
    assert!(message.contains("other options") && message.contains("--resume"), "{message}");
}

#[test]
fn early_stopping_waits_as_long_as_it_is_told() {
    let (sets, plan) = (sets(), Plan { epochs: 200, patience: Some(3), keep: Keep::Auc, ..plan() });
    let trained = train(&job(&plan, &sets), &Silent).unwrap();
    let record = trained.record;
    assert!(
        record.curve.len() < 200 && record.curve.len() == record.kept_epoch + 3,
        "{}",
        record.curve.len()
    );
}

#[test]
fn options_out_of_range_are_named() {
    let sets = sets();
    for (plan, name) in [
        (Plan { batch: 0, ..plan() }, "batch is 0"),
        (Plan { learning_rate: f64::NAN, ..plan() }, "learning-rate is NaN"),
        (Plan { dropout: 1.0, ..plan() }, "dropout is 1"),
    ] {
        let message = train(&job(&plan, &sets), &Silent).err().unwrap().to_string();
        assert!(message.contains(name), "{message}");
    }
    let wild = Plan { learning_rate: 10.0, learns: Trainable::LastStages(1), epochs: 30, ..plan() };
    // Either it diverges and says so, or it learns nothing: never NaN in the record.
    if let Err(e) = train(&job(&wild, &sets), &Silent) {
        assert!(e.to_string().contains("learning rate"), "{e}");
    }
}

#[test]
fn the_cosine_rises_and_falls() {
    let plan = Plan { schedule: Schedule::Cosine, learning_rate: 1.0, ..plan() };
    let rates: Vec<f64> = (0..100).map(|step| plan.rate(step, 100)).collect();
    assert!(rates[0] < 0.3 && rates[5] > 0.9 && rates[99] < 0.001);
    assert!(rates.windows(2).skip(6).all(|w| w[1] < w[0]));
}
