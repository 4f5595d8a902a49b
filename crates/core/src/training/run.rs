//! One training run from the first epoch, or the last one a checkpoint knows, to the kept weights.

use std::path::Path;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::checkpoint::{self, Standing, State};
use super::sampler::{class_weights, epoch_order};
use super::{Keep, Onlooker, Plan, TrainingError, augment};
use crate::cohort::pictures::{LabelledPicture, PictureSets};
use crate::fusion::LogProb;
use crate::nn::card::Counts;
use crate::nn::familiarity::Familiarity;
use crate::nn::learn::{Examiner, Learner, Sample, StepOptions, Trainable, initial};
use crate::nn::state_dict::{Part, StateDict};
use crate::nn::weights::WeightsFile;
use crate::nn::{Arch, DeviceChoice, EpochPoint, Evaluation, TrainingRecord};
use crate::slice::{self, Normalised, Picture, Recipe};
use crate::stats::roc;

/// What is to be trained, on what, from what.
pub struct Job<'a> {
    pub arch: Arch,
    /// The study's window, size and normalisation; the plan's `shrink` is put in.
    pub recipe: Recipe,
    pub plan: &'a Plan,
    pub pictures: &'a PictureSets,
    /// A file to take the backbone from (ImageNet weights, or an earlier model); else random numbers.
    pub init: Option<&'a Path>,
    pub device: DeviceChoice,
    /// Written after every epoch.
    pub checkpoint: Option<&'a Path>,
    /// Go on from the checkpoint where there is one.
    pub resume: bool,
}

/// A trained network.
pub struct Trained {
    pub tensors: StateDict,
    pub recipe: Recipe,
    pub record: TrainingRecord,
}

/// Trains as the job says. The same seed gives the same weights on the same CPU with as many threads (matrix products are
/// shared out by their number, which moves the last digit); a run that was interrupted and resumed gives those of one that
/// was not.
///
/// # Errors
/// See [`TrainingError`].
pub fn train(job: &Job<'_>, onlooker: &dyn Onlooker) -> Result<Trained, TrainingError> {
    let _train = tracing::info_span!("train", epochs = job.plan.epochs, batch = job.plan.batch).entered();
    job.plan.check()?;
    let (first, start) = first_weights(job)?;
    let recipe = Recipe { shrink: job.plan.shrink, ..job.recipe.clone() };
    let resumed = match (job.resume, job.checkpoint) {
        (true, Some(path)) => checkpoint::read(path, job.plan, &job.pictures.sha256, &start)?,
        _ => None,
    };
    let mut run = Run::new(job, recipe, first, start, resumed)?;
    run.freeze_backbone(onlooker)?;
    while !run.finished() {
        let point = run.epoch(onlooker)?;
        run.save()?;
        onlooker.epoch(&point, run.standing.kept_epoch);
    }
    run.finish()
}

/// Loss, AUC and accuracy of a network on pictures, without augmentation.
///
/// # Errors
/// The network fails.
pub fn evaluate(
    examiner: &Examiner,
    pictures: &[LabelledPicture],
    recipe: &Recipe,
) -> Result<Evaluation, TrainingError> {
    let features = features_of(examiner, pictures.iter().map(|p| &p.picture), recipe)?;
    Ok(judge(examiner, &features, &events_of(pictures)))
}

fn judge(examiner: &Examiner, features: &[Vec<f32>], events: &[bool]) -> Evaluation {
    let said: Vec<[f64; 2]> = features.iter().map(|f| examiner.log_prob(f)).collect();
    let loss = said.iter().zip(events).map(|(p, event)| -p[usize::from(*event)]).sum::<f64>();
    let score: Vec<f64> = said.iter().map(|p| p[1] - p[0]).collect();
    let right = said.iter().zip(events).filter(|(p, event)| LogProb(**p).vote() == **event).count();
    let auc = roc::auc_with_interval(events, &score);
    let interval = auc.as_ref().and_then(|a| a.interval);
    Evaluation {
        patients: events.len(),
        events: events.iter().filter(|e| **e).count(),
        loss: loss / events.len() as f64,
        auc: auc.map_or(0.5, |a| a.auc),
        auc_low: interval.map(|i| i[0]),
        auc_high: interval.map(|i| i[1]),
        accuracy: right as f64 / events.len() as f64,
    }
}

fn events_of(pictures: &[LabelledPicture]) -> Vec<bool> {
    pictures.iter().map(|p| p.event).collect()
}

fn features_of<'a>(
    examiner: &Examiner,
    pictures: impl Iterator<Item = &'a Picture>,
    recipe: &Recipe,
) -> Result<Vec<Vec<f32>>, TrainingError> {
    pictures
        .map(|picture| {
            let Normalised { values, height, width } = slice::normalise(picture, recipe);
            Ok(examiner.pooled(&values, height, width)?)
        })
        .collect()
}

/// Backbone from a file or random numbers, heads from random numbers; and what to say of it.
fn first_weights(job: &Job<'_>) -> Result<(StateDict, String), TrainingError> {
    let seed = job.plan.seed;
    let (mut dict, start) = match job.init {
        None => (initial::backbone(job.arch, seed), format!("random numbers (seed {seed})")),
        Some(path) => {
            let file = WeightsFile::open(path)?;
            file.check(job.arch, Part::Backbone)?;
            let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let start = format!("{name} (SHA-256 {})", file.sha256);
            let mut dict = file.tensors;
            dict.retain(|name, _| job.arch.stage_of(name).is_some());
            (dict, start)
        }
    };
    for number in 0..job.plan.heads {
        dict.extend(initial::head(job.arch, number, seed));
    }
    Ok((dict, start))
}

struct Run<'a> {
    job: &'a Job<'a>,
    recipe: Recipe,
    events: Vec<bool>,
    learner: Learner,
    best: StateDict,
    standing: Standing,
    /// For a frozen backbone, which never changes: itself, the validation features and, without augmentation, those of the
    /// training pictures.
    frozen: Option<Frozen>,
}

struct Frozen {
    examiner: Examiner,
    /// What features are standardised by before the heads see them.
    scale: Option<Standard>,
    valid: Vec<Vec<f32>>,
    train: Option<Vec<Vec<f32>>>,
}

impl<'a> Run<'a> {
    fn new(
        job: &'a Job<'a>,
        recipe: Recipe,
        first: StateDict,
        start: String,
        resumed: Option<(Standing, State)>,
    ) -> Result<Self, TrainingError> {
        let (standing, network, best, optimiser) = match resumed {
            // A checkpoint holds what training moves; the rest is as it was at the start.
            Some((standing, state)) => {
                let whole = |moved: StateDict| first.clone().into_iter().chain(moved).collect();
                (standing, whole(state.network), whole(state.best), Some(state.optimiser))
            }
            None => {
                let standing = Standing {
                    plan: job.plan.clone(),
                    data_sha256: job.pictures.sha256.clone(),
                    start,
                    curve: vec![],
                    kept_epoch: 0,
                };
                (standing, first.clone(), first, None)
            }
        };
        let mut learner = Learner::new(job.arch, &network, job.plan.learns, job.device)?;
        if let Some(state) = optimiser {
            learner.restore_optimiser(&state)?;
        }
        let events = events_of(&job.pictures.train);
        Ok(Self { job, recipe, events, learner, best, standing, frozen: None })
    }

    fn finished(&self) -> bool {
        let done = self.standing.curve.len();
        let stale = |patience| done >= self.standing.kept_epoch + patience;
        done >= self.job.plan.epochs || (done > 0 && self.job.plan.patience.is_some_and(stale))
    }

    fn epoch(&mut self, onlooker: &dyn Onlooker) -> Result<EpochPoint, TrainingError> {
        let plan = self.job.plan;
        let (start, number) = (Instant::now(), self.standing.curve.len() + 1);
        onlooker.stage(&format!("Epoch {number} of {}", plan.epochs));
        // A generator for each epoch: a resumed run goes on with the same numbers.
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        rng.set_stream(number as u64);
        let order = epoch_order(&self.events, plan.balance, &mut rng);
        let batches = order.len().div_ceil(plan.batch);
        let (mut loss, mut rate) = (0.0, 0.0);
        for (index, batch) in order.chunks(plan.batch).enumerate() {
            wait(onlooker)?;
            let step = (number - 1) * batches + index;
            rate = plan.rate(step, plan.epochs * batches);
            loss += self.step(batch, number, step, rate)? * batch.len() as f64;
            onlooker.report(index + 1, batches);
        }
        let train_loss = loss / order.len() as f64;
        if !train_loss.is_finite() {
            return Err(TrainingError::Diverged(train_loss, number));
        }
        onlooker.stage(&format!("Epoch {number}: validation"));
        let valid = self.validate()?;
        if !valid.loss.is_finite() {
            return Err(TrainingError::Diverged(valid.loss, number));
        }
        let point = EpochPoint {
            epoch: number,
            train_loss,
            valid_loss: valid.loss,
            valid_auc: valid.auc,
            learning_rate: rate,
            seconds: start.elapsed().as_secs_f64(),
        };
        self.standing.curve.push(point);
        if self.is_best(&point) {
            self.standing.kept_epoch = number;
            self.best = self.learner.state_dict()?;
        }
        Ok(point)
    }

    /// Where only heads learn, what does not change is computed once.
    fn freeze_backbone(&mut self, onlooker: &dyn Onlooker) -> Result<(), TrainingError> {
        if self.job.plan.learns == Trainable::Head {
            onlooker.stage("Features of the pictures");
            self.frozen = Some(self.freeze(onlooker)?);
        }
        Ok(())
    }

    fn freeze(&self, onlooker: &dyn Onlooker) -> Result<Frozen, TrainingError> {
        let examiner = self.learner.examiner()?;
        let pictures = self.job.pictures;
        let total = pictures.valid.len() + pictures.train.len();
        let run = |set: &[LabelledPicture], before: usize| -> Result<Vec<Vec<f32>>, TrainingError> {
            set.iter()
                .enumerate()
                .map(|(i, p)| {
                    wait(onlooker)?;
                    onlooker.report(before + i, total);
                    Ok(features_of(&examiner, std::iter::once(&p.picture), &self.recipe)?.remove(0))
                })
                .collect()
        };
        let plan = self.job.plan;
        let mut valid = run(&pictures.valid, 0)?;
        let mut train = match plan.features_stay() || plan.standardise {
            true => run(&pictures.train, valid.len())?,
            false => vec![],
        };
        let scale = plan.standardise.then(|| Standard::of(&train));
        if let Some(scale) = &scale {
            valid.iter_mut().chain(&mut train).for_each(|line| scale.apply(line));
        }
        Ok(Frozen { examiner, scale, valid, train: plan.features_stay().then_some(train) })
    }

    fn step(&mut self, batch: &[usize], epoch: usize, step: usize, rate: f64) -> Result<f64, TrainingError> {
        let plan = self.job.plan;
        let options = StepOptions {
            learning_rate: rate,
            weight_decay: plan.weight_decay,
            dropout: plan.dropout,
            flooding: plan.flooding,
            class_weights: class_weights(&self.events, plan.balance),
            batch_statistics: plan.batch_statistics,
            at_once: plan.at_once,
            seed: plan.seed.wrapping_mul(0x9E37_79B9).wrapping_add(step as u64),
        };
        let labels: Vec<usize> = batch.iter().map(|&i| usize::from(self.events[i])).collect();
        if let Some(train) = self.frozen.as_ref().and_then(|f| f.train.as_ref()) {
            let features: Vec<&[f32]> = batch.iter().map(|&i| train[i].as_slice()).collect();
            return Ok(self.learner.step_on_features(&features, &labels, &options)?);
        }
        let images = self.varied(batch, epoch, step);
        if let Some(frozen) = &self.frozen {
            let mut features = images
                .iter()
                .map(|n| frozen.examiner.pooled(&n.values, n.height, n.width))
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(scale) = &frozen.scale {
                features.iter_mut().for_each(|line| scale.apply(line));
            }
            let features: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
            return Ok(self.learner.step_on_features(&features, &labels, &options)?);
        }
        let (height, width) = images.first().map_or((0, 0), |n| (n.height, n.width));
        let samples: Vec<Sample<'_>> =
            images.iter().zip(labels).map(|(n, label)| Sample { image: &n.values, label }).collect();
        Ok(self.learner.step(&samples, height, width, &options)?)
    }

    /// The batch's pictures, each varied by a generator of its own: the result does not hang on who gets done first.
    fn varied(&self, batch: &[usize], epoch: usize, step: usize) -> Vec<Normalised> {
        let plan = self.job.plan;
        let one = |(place, &i): (usize, &usize)| {
            let picture = &self.job.pictures.train[i].picture;
            if !plan.augment.any() {
                return slice::normalise(picture, &self.recipe);
            }
            let mut rng =
                ChaCha8Rng::seed_from_u64(plan.seed ^ ((epoch as u64) << 40) ^ ((step as u64) << 16));
            rng.set_stream(place as u64 + 1);
            slice::normalise(&augment::vary(picture, &plan.augment, &mut rng), &self.recipe)
        };
        batch.par_iter().enumerate().map(one).collect()
    }

    fn validate(&self) -> Result<Evaluation, TrainingError> {
        let pictures = &self.job.pictures.valid;
        match &self.frozen {
            Some(frozen) => {
                let now = self.learner.heads_of(&frozen.examiner)?;
                Ok(judge(&now, &frozen.valid, &events_of(pictures)))
            }
            None => evaluate(&self.learner.examiner()?, pictures, &self.recipe),
        }
    }

    fn is_best(&self, point: &EpochPoint) -> bool {
        let Some(best) = self.standing.curve.get(self.standing.kept_epoch.wrapping_sub(1)) else {
            return true;
        };
        match self.job.plan.keep {
            Keep::Last => true,
            Keep::Loss => point.valid_loss < best.valid_loss,
            Keep::Auc => {
                point.valid_auc > best.valid_auc
                    || (point.valid_auc == best.valid_auc && point.valid_loss < best.valid_loss)
            }
        }
    }

    fn save(&self) -> Result<(), TrainingError> {
        let Some(path) = self.job.checkpoint else { return Ok(()) };
        let moves = |name: &str| self.job.plan.learns.moves(self.job.arch, name);
        let state = State {
            network: self.learner.moving()?,
            best: self
                .best
                .iter()
                .filter(|(name, _)| moves(name))
                .map(|(n, t)| (n.clone(), t.clone()))
                .collect(),
            optimiser: self.learner.optimiser_state()?,
        };
        checkpoint::write(path, &self.standing, state)
    }

    /// The kept weights with what they know of their training pictures, and the record.
    fn finish(mut self) -> Result<Trained, TrainingError> {
        let pictures = self.job.pictures;
        if let Some(scale) = self.frozen.as_ref().and_then(|f| f.scale.as_ref()) {
            initial::fold_standard(&mut self.best, self.job.arch, &scale.mean, &scale.sd);
        }
        let examiner = Examiner::new(self.job.arch, &self.best, self.job.device)?;
        let features =
            |set: &[LabelledPicture]| features_of(&examiner, set.iter().map(|p| &p.picture), &self.recipe);
        let valid = features(&pictures.valid)?;
        let validation = judge(&examiner, &valid, &events_of(&pictures.valid));
        let mut tensors = self.best;
        if let Some(familiarity) = Familiarity::fit(&features(&pictures.train)?, &valid) {
            tensors.extend(familiarity.to_dict());
        }
        let counts = |set: &[LabelledPicture]| Counts {
            patients: set.len(),
            events: set.iter().filter(|p| p.event).count(),
        };
        let record = TrainingRecord {
            program: format!("thoracast {}", env!("CARGO_PKG_VERSION")),
            device: self.learner.device_name().to_owned(),
            seed: self.job.plan.seed,
            data_sha256: pictures.sha256.clone(),
            train: counts(&pictures.train),
            valid: counts(&pictures.valid),
            start: self.standing.start,
            plan: serde_json::to_value(self.job.plan).unwrap_or_default(),
            kept_epoch: self.standing.kept_epoch,
            curve: self.standing.curve,
            validation,
            test: None,
        };
        Ok(Trained { tensors, recipe: self.recipe, record })
    }
}

/// Mean and spread of each feature over the training pictures.
struct Standard {
    mean: Vec<f64>,
    /// 1 for a feature that never varies.
    sd: Vec<f64>,
}

impl Standard {
    fn of(lines: &[Vec<f32>]) -> Self {
        let n = lines.len() as f64;
        let width = lines.first().map_or(0, Vec::len);
        let column = |i: usize| lines.iter().map(move |line| f64::from(line[i]));
        let mean: Vec<f64> = (0..width).map(|i| column(i).sum::<f64>() / n).collect();
        let spread = |i: usize| (column(i).map(|v| (v - mean[i]).powi(2)).sum::<f64>() / n).sqrt();
        let sd = (0..width).map(|i| Some(spread(i)).filter(|sd| *sd > 1e-9).unwrap_or(1.0)).collect();
        Self { mean, sd }
    }

    fn apply(&self, line: &mut [f32]) {
        for (value, (mean, sd)) in line.iter_mut().zip(self.mean.iter().zip(&self.sd)) {
            *value = ((f64::from(*value) - mean) / sd) as f32;
        }
    }
}

/// Waits while paused, ends when cancelled.
fn wait(onlooker: &dyn Onlooker) -> Result<(), TrainingError> {
    loop {
        if onlooker.cancelled() {
            return Err(TrainingError::Cancelled);
        }
        if !onlooker.paused() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
