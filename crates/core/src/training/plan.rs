//! How a network is to be trained.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::TrainingError;
use crate::nn::Arch;
use crate::nn::learn::Trainable;
use thoracast_files::bounds;

/// Every option of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub preset: Preset,
    pub learns: Trainable,
    pub epochs: usize,
    pub batch: usize,
    pub learning_rate: f64,
    pub schedule: Schedule,
    /// Decoupled weight decay (AdamW).
    pub weight_decay: f64,
    /// Share of the head's hidden units left out.
    pub dropout: f64,
    /// Loss below which training turns round; 0 is off.
    pub flooding: f64,
    pub balance: Balance,
    pub augment: Augment,
    /// On a frozen backbone: the head learns on features brought to mean 0 and spread 1 over the training pictures, which is
    /// folded into its weights at the end.
    pub standardise: bool,
    /// Norms of the learning stages use the batch's own statistics.
    pub batch_statistics: bool,
    /// Images in memory at once; the batch is made of such parts.
    pub at_once: usize,
    pub keep: Keep,
    /// Epochs without a better one after which training stops; none: never.
    pub patience: Option<usize>,
    /// Heads on the one backbone: an ensemble.
    pub heads: usize,
    /// The network sees the mean of every `shrink` × `shrink` pixels.
    pub shrink: usize,
    pub seed: u64,
}

/// Whole recipes to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The published recipe: frozen backbone, head, flooding, weighted sampler, rotation and flips
    Study,
    /// Frozen backbone without augmentation: features computed once, an ensemble of heads in minutes
    Features,
    /// The last two stages learn as well, norms fixed, cosine schedule, early stopping
    FineTune,
    /// Everything learns from random numbers on pictures of half the size
    Scratch,
}

/// How the learning rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Constant,
    /// Up over the first twentieth of the steps, then down along half a cosine to nothing
    Cosine,
}

/// What is done about the rarer class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Pictures are drawn with replacement, both classes equally often
    Sampler,
    /// Each class counts equally in the loss
    Loss,
    None,
}

/// Which epoch's weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Lowest loss on the validation pictures
    Loss,
    /// Highest area under the curve on the validation pictures, of equal ones the lowest loss
    Auc,
    /// The last
    Last,
}

/// How pictures are varied from epoch to epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// Turned by up to so much either way.
    pub rotation_deg: f64,
    pub flip_horizontal: bool,
    pub flip_vertical: bool,
    /// Shifted by up to this share of the size.
    pub shift: f64,
    /// Enlarged or made smaller by up to this share.
    pub zoom: f64,
    /// Grey multiplied by 1 ± and moved by ± this share of the range.
    pub grey: f64,
}

impl Augment {
    /// None at all.
    pub const NONE: Self = Self {
        rotation_deg: 0.0,
        flip_horizontal: false,
        flip_vertical: false,
        shift: 0.0,
        zoom: 0.0,
        grey: 0.0,
    };

    /// The study's: ±15°, both flips.
    pub const STUDY: Self =
        Self { rotation_deg: 15.0, flip_horizontal: true, flip_vertical: true, ..Self::NONE };

    /// Whether pictures change at all.
    pub fn any(&self) -> bool {
        *self != Self::NONE
    }
}

impl Plan {
    /// The published recipe; 1000 epochs at T4 (DenseNet161), 400 at T11 (ResNet50).
    pub fn study(arch: Arch) -> Self {
        Self {
            preset: Preset::Study,
            learns: Trainable::Head,
            epochs: match arch {
                Arch::Densenet161 => 1000,
                Arch::Resnet50 => 400,
            },
            batch: 32,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            dropout: 0.4,
            flooding: 0.1,
            balance: Balance::Sampler,
            augment: Augment::STUDY,
            standardise: false,
            batch_statistics: false,
            at_once: 8,
            keep: Keep::Loss,
            patience: None,
            heads: 1,
            shrink: 1,
            seed: 0,
        }
    }

    /// A preset's options.
    pub fn preset(preset: Preset, arch: Arch) -> Self {
        let study = Self::study(arch);
        // A rotated or upside-down chest never occurs; a little of everything else does.
        let gentle = Augment {
            rotation_deg: 10.0,
            flip_horizontal: true,
            flip_vertical: false,
            shift: 0.05,
            zoom: 0.1,
            grey: 0.1,
        };
        match preset {
            Preset::Study => study,
            Preset::Features => Self {
                preset,
                epochs: 300,
                schedule: Schedule::Cosine,
                weight_decay: 1e-2,
                flooding: 0.0,
                balance: Balance::Loss,
                augment: Augment::NONE,
                standardise: true,
                patience: Some(60),
                heads: 5,
                ..study
            },
            Preset::FineTune => Self {
                preset,
                learns: Trainable::LastStages(2),
                epochs: 40,
                batch: 16,
                learning_rate: 1e-4,
                schedule: Schedule::Cosine,
                weight_decay: 1e-2,
                flooding: 0.0,
                balance: Balance::Loss,
                augment: gentle,
                patience: Some(12),
                heads: 3,
                ..study
            },
            Preset::Scratch => Self {
                preset,
                learns: Trainable::All,
                epochs: 60,
                batch: 16,
                learning_rate: 3e-4,
                schedule: Schedule::Cosine,
                weight_decay: 5e-2,
                flooding: 0.0,
                balance: Balance::Sampler,
                augment: gentle,
                batch_statistics: true,
                at_once: 16,
                heads: 3,
                shrink: 2,
                ..study
            },
        }
    }

    /// Refuses what cannot be trained, in one sentence that names the option.
    ///
    /// # Errors
    /// The first option out of its range.
    pub fn check(&self) -> Result<(), TrainingError> {
        let limits = [
            ("epochs", self.epochs as f64, 1.0, 1e6),
            ("batch", self.batch as f64, 1.0, 1e4),
            ("at-once", self.at_once as f64, 1.0, 1e4),
            ("heads", self.heads as f64, 1.0, 100.0),
            ("shrink", self.shrink as f64, 1.0, 8.0),
            ("learning-rate", self.learning_rate, 1e-12, 10.0),
            ("weight-decay", self.weight_decay, 0.0, 1.0),
            ("dropout", self.dropout, 0.0, 0.95),
            ("flooding", self.flooding, 0.0, 10.0),
            ("rotation", self.augment.rotation_deg, 0.0, 180.0),
            ("shift", self.augment.shift, 0.0, 0.5),
            ("zoom", self.augment.zoom, 0.0, 0.5),
            ("grey", self.augment.grey, 0.0, 0.9),
        ];
        let outside =
            limits.iter().try_for_each(|&(name, value, low, high)| bounds::number(name, value, low..=high));
        outside.map_err(|e| TrainingError::Plan(e.to_string()))
    }

    /// Learning rate of a step.
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let (step, steps) = (step as f64, steps.max(1) as f64);
                let warm = (0.05 * steps).max(1.0);
                let rise = ((step + 1.0) / warm).min(1.0);
                let fall = 0.5 * (1.0 + (std::f64::consts::PI * step / steps).cos());
                self.learning_rate * rise * fall
            }
        }
    }

    /// Whether the backbone's features of each picture stay the same through the whole run.
    pub fn features_stay(&self) -> bool {
        self.learns == Trainable::Head && !self.augment.any()
    }
}
