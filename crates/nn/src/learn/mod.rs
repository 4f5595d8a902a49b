//! Training of a network: one optimiser step at a time. What a training run is made of (data, sampling, schedule, stopping)
//! is no matter of this crate.

mod adam;
mod head;
pub mod initial;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::engine::{Engine, compute};
use super::head::{CLASSES, Head};
use super::keys::{self, Role};
use super::layers::{Backbone, STAGES};
use super::ops::Statistics;
use super::state_dict::{DType as RawType, RawTensor, StateDict};
use super::{Arch, DeviceChoice, NnError, device};
use adam::Adam;
use head::TrainableHead;

/// Which part of a network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trainable {
    /// The head on a frozen backbone in evaluation mode: the study's recipe.
    Head,
    /// Head and the last stages of the backbone (1 to 4); the others stay as they are, norms included.
    LastStages(usize),
    /// Everything.
    All,
}

impl Trainable {
    /// The first stage that learns.
    pub fn first_stage(self) -> usize {
        match self {
            Self::Head => STAGES,
            Self::LastStages(count) => STAGES - count.min(STAGES),
            Self::All => 0,
        }
    }

    /// Whether training moves a tensor.
    pub fn moves(self, arch: Arch, name: &str) -> bool {
        arch.stage_of(name).is_none_or(|stage| stage >= self.first_stage())
    }
}

/// How a step is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOptions {
    pub learning_rate: f64,
    /// Decoupled (AdamW); 0 is Adam.
    pub weight_decay: f64,
    /// Share of the head's units left out.
    pub dropout: f64,
    /// Loss below which training turns round (Ishida et al. 2020, <https://arxiv.org/abs/2002.08709>); 0 switches it off.
    pub flooding: f64,
    /// Weight of each class in the loss.
    pub class_weights: [f64; CLASSES],
    /// True: the learning stages' norms use the batch's own statistics; false: the running ones, which stay.
    pub batch_statistics: bool,
    /// Images that pass through the learning stages at once; more take memory. The gradient is that of the whole batch,
    /// except that batch statistics are of so many.
    pub at_once: usize,
    /// For the dropout's masks.
    pub seed: u64,
}

/// One image with its truth.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// (3, height, width), normalised.
    pub image: &'a [f32],
    /// 0 no metastasis, 1 metastasis.
    pub label: usize,
}

/// A network that learns. More than one head makes an ensemble on one backbone.
pub struct Learner {
    arch: Arch,
    trainable: Trainable,
    device: Device,
    choice: DeviceChoice,
    device_name: String,
    /// Every tensor; those that learn and the running statistics are variables.
    tensors: BTreeMap<String, Tensor>,
    learned: Vec<(String, Var)>,
    backbone: Backbone,
    heads: Vec<TrainableHead>,
    adam: Adam,
}

impl Learner {
    /// Takes a whole network with at least the study's head (see [`initial`] for one to start from).
    ///
    /// # Errors
    /// The device, or tensors that are missing.
    pub fn new(
        arch: Arch,
        dict: &StateDict,
        trainable: Trainable,
        choice: DeviceChoice,
    ) -> std::result::Result<Self, NnError> {
        let chosen = device::choose(choice)?;
        Self::build(arch, dict, trainable, chosen.device, choice, chosen.name).map_err(compute)
    }

    fn build(
        arch: Arch,
        dict: &StateDict,
        trainable: Trainable,
        device: Device,
        choice: DeviceChoice,
        device_name: String,
    ) -> Result<Self> {
        let roles: HashMap<String, Role> =
            keys::expected(arch).into_iter().map(|k| (k.name, k.role)).collect();
        let (mut tensors, mut learned) = (BTreeMap::new(), vec![]);
        for (name, raw) in dict {
            let tensor = Tensor::from_vec(raw.to_f32(), raw.shape.as_slice(), &device)?;
            let learns = trainable.moves(arch, name);
            let tensor = match roles.get(name).copied().unwrap_or(Role::Linear) {
                Role::BatchCount => tensor,
                Role::RunningMean | Role::RunningVariance => Var::from_tensor(&tensor)?.as_tensor().clone(),
                _ if learns => {
                    let var = Var::from_tensor(&tensor)?;
                    learned.push((name.clone(), var.clone()));
                    var.as_tensor().clone()
                }
                _ => tensor,
            };
            tensors.insert(name.clone(), tensor);
        }
        let all = tensors.iter().map(|(name, t)| (name.clone(), t.clone())).collect();
        let vb = VarBuilder::from_tensors(all, DType::F32, &device);
        let backbone = Backbone::new(arch, vb.clone())?;
        let heads = (0..super::head::count(dict, arch))
            .map(|number| {
                TrainableHead::new(
                    arch,
                    if number == 0 { vb.clone() } else { vb.pp(super::head::ensemble_prefix(number)) },
                )
            })
            .collect::<Result<Vec<_>>>()?;
        let adam = Adam::new(learned.len());
        Ok(Self { arch, trainable, device, choice, device_name, tensors, learned, backbone, heads, adam })
    }

    /// "CPU (2 threads)" or the CUDA device's name.
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    /// One step on a batch of images of one size; the loss before the step, without flooding, mean over the heads.
    ///
    /// # Errors
    /// Images of another size than said, or what candle says of the device.
    pub fn step(
        &mut self,
        batch: &[Sample<'_>],
        height: usize,
        width: usize,
        options: &StepOptions,
    ) -> std::result::Result<f64, NnError> {
        self.step_candle(batch, height, width, options).map_err(compute)
    }

    fn step_candle(
        &mut self,
        batch: &[Sample<'_>],
        height: usize,
        width: usize,
        options: &StepOptions,
    ) -> Result<f64> {
        let mut sum = Gradients::new(self, options, batch.iter().map(|s| s.label));
        for part in batch.chunks(options.at_once.max(1)) {
            let images = part.iter().map(|s| Tensor::from_slice(s.image, (3, height, width), &self.device));
            let x = Tensor::stack(&images.collect::<Result<Vec<_>>>()?, 0)?;
            let pooled = self.pooled(&x, options.batch_statistics)?;
            let labels: Vec<usize> = part.iter().map(|s| s.label).collect();
            sum.add(self, &pooled, &labels, options)?;
        }
        self.apply(sum, options)
    }

    /// One step of the heads alone on pooled features (one line each), for a frozen backbone.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn step_on_features(
        &mut self,
        features: &[&[f32]],
        labels: &[usize],
        options: &StepOptions,
    ) -> std::result::Result<f64, NnError> {
        let run = |learner: &mut Self| -> Result<f64> {
            let lines: Vec<f32> = features.concat();
            let pooled = Tensor::from_vec(lines, (features.len(), learner.arch.features()), &learner.device)?;
            let mut sum = Gradients::new(learner, options, labels.iter().copied());
            sum.add(learner, &pooled, labels, options)?;
            learner.apply(sum, options)
        };
        run(self).map_err(compute)
    }

    /// The pooled features; a graph only through the stages that learn.
    fn pooled(&self, x: &Tensor, batch_statistics: bool) -> Result<Tensor> {
        let first = self.trainable.first_stage();
        let frozen = self.backbone.run(x, 0..first, Statistics::Running)?.detach();
        let statistics = if batch_statistics { Statistics::Batch } else { Statistics::Running };
        let map = self.backbone.run(&frozen, first..STAGES, statistics)?;
        map.flatten_from(2)?.mean(2)
    }

    fn apply(&mut self, sum: Gradients, options: &StepOptions) -> Result<f64> {
        // Below the flood the loss is climbed: |loss − b| + b has the opposite slope there.
        let up = options.flooding > 0.0 && sum.loss < options.flooding;
        let sign = if up { -1.0 } else { 1.0 };
        self.adam.step(&self.learned, &sum.slopes, sign, options.learning_rate, options.weight_decay)?;
        Ok(sum.loss)
    }

    /// The network as it stands, for a file or for evaluation.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn state_dict(&self) -> std::result::Result<StateDict, NnError> {
        self.part(|_| true)
    }

    /// What training moves: the learning stages with their running statistics, and the heads.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn moving(&self) -> std::result::Result<StateDict, NnError> {
        self.part(|name| self.trainable.moves(self.arch, name))
    }

    fn part(&self, wanted: impl Fn(&str) -> bool) -> std::result::Result<StateDict, NnError> {
        let chosen = self.tensors.iter().filter(|(name, _)| wanted(name));
        chosen.map(|(name, t)| Ok((name.clone(), raw(name, t)?))).collect::<Result<_>>().map_err(compute)
    }

    /// The optimiser's moments and count of steps, to go on from later.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn optimiser_state(&self) -> std::result::Result<StateDict, NnError> {
        self.adam.state(&self.learned).map_err(compute)
    }

    /// Goes on from a state written by [`Self::optimiser_state`].
    ///
    /// # Errors
    /// One sentence where the state is of another network.
    pub fn restore_optimiser(&mut self, state: &StateDict) -> std::result::Result<(), NnError> {
        self.adam.restore(&self.learned, state).map_err(NnError::Compute)
    }

    /// The heads as they stand on an examiner's backbone, which they were frozen with.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn heads_of(&self, frozen: &Examiner) -> std::result::Result<Examiner, NnError> {
        let is_head = |name: &str| self.arch.stage_of(name).is_none();
        let heads = Head::all(&self.part(is_head)?, self.arch).map_err(NnError::Compute)?;
        Ok(Examiner { engine: frozen.engine.clone(), heads })
    }

    /// The network as it stands in evaluation mode.
    ///
    /// # Errors
    /// What candle says of the device.
    pub fn examiner(&self) -> std::result::Result<Examiner, NnError> {
        Examiner::new(self.arch, &self.state_dict()?, self.choice)
    }
}

/// A network in evaluation mode, all its heads side by side.
pub struct Examiner {
    engine: Arc<Engine>,
    heads: Vec<Head>,
}

impl Examiner {
    /// Takes the weights out of a dictionary.
    ///
    /// # Errors
    /// The device, or a tensor that is missing.
    pub fn new(arch: Arch, dict: &StateDict, device: DeviceChoice) -> std::result::Result<Self, NnError> {
        Ok(Self {
            engine: Arc::new(Engine::new(arch, dict, device)?),
            heads: Head::all(dict, arch).map_err(NnError::Compute)?,
        })
    }

    /// Pooled features of one normalised image (3, height, width).
    ///
    /// # Errors
    /// An image of another size, or the device.
    pub fn pooled(
        &self,
        image: &[f32],
        height: usize,
        width: usize,
    ) -> std::result::Result<Vec<f32>, NnError> {
        Ok(self.engine.feature_map(image, height, width)?.pooled())
    }

    /// Log-probabilities from pooled features: the logarithm of the heads' mean probability.
    pub fn log_prob(&self, pooled: &[f32]) -> [f64; CLASSES] {
        Head::mean_log_prob(&self.heads, pooled).0
    }
}

/// What a batch's parts add up to.
struct Gradients {
    /// Of the batch, mean over the heads.
    loss: f64,
    slopes: Vec<Option<Tensor>>,
    /// Sum of the class weights of the whole batch.
    weight: f64,
    part: u64,
}

impl Gradients {
    fn new(learner: &Learner, options: &StepOptions, labels: impl Iterator<Item = usize>) -> Self {
        let weight = labels.map(|label| options.class_weights[label]).sum();
        Self { loss: 0.0, slopes: vec![None; learner.learned.len()], weight, part: 0 }
    }

    fn add(
        &mut self,
        learner: &Learner,
        pooled: &Tensor,
        labels: &[usize],
        options: &StepOptions,
    ) -> Result<()> {
        let weights: Vec<f32> = labels
            .iter()
            .flat_map(|&label| {
                let mut row = [0f32; CLASSES];
                row[label] = -(options.class_weights[label] / self.weight) as f32;
                row
            })
            .collect();
        let weights = Tensor::from_vec(weights, (labels.len(), CLASSES), &learner.device)?;
        let mut total: Option<Tensor> = None;
        for (number, head) in learner.heads.iter().enumerate() {
            let seed = options.seed ^ (self.part << 32) ^ ((number as u64) << 48);
            let log_prob = head.log_prob(pooled, options.dropout, seed)?;
            let loss = (log_prob * &weights)?.sum_all()?;
            total = Some(match total {
                Some(sum) => (sum + loss)?,
                None => loss,
            });
        }
        let Some(total) = total else { candle_core::bail!("a network without a head") };
        self.loss += f64::from(total.to_scalar::<f32>()?) / learner.heads.len() as f64;
        self.part += 1;
        let grads = total.backward()?;
        for (slope, (_, var)) in self.slopes.iter_mut().zip(&learner.learned) {
            if let Some(new) = grads.get(var) {
                *slope = Some(match slope.take() {
                    Some(old) => (old + new)?,
                    None => new.clone(),
                });
            }
        }
        Ok(())
    }
}

fn raw(name: &str, tensor: &Tensor) -> Result<RawTensor> {
    if name.ends_with("num_batches_tracked") {
        let count = tensor.flatten_all()?.to_vec1::<f32>()?.first().copied().unwrap_or(0.0) as i64;
        return Ok(RawTensor { dtype: RawType::I64, shape: vec![], bytes: count.to_le_bytes().to_vec() });
    }
    Ok(RawTensor::from_f32(tensor.dims().to_vec(), &tensor.flatten_all()?.to_vec1::<f32>()?))
}

#[cfg(test)]
mod tests;
