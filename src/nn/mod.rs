//! The study's networks in candle: DenseNet161 (T4) and ResNet50 (T11), each with the study's head.
//!
//! The only module that knows candle types.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fusion::LogProb;
use crate::slice::{Picture, Recipe};

/// The two architectures of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    Densenet161,
    Resnet50,
}

/// Where a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[derive(clap::ValueEnum)]
pub enum DeviceChoice {
    /// CUDA if this build and machine have it, else the CPU.
    #[default]
    Auto,
    Cpu,
    Cuda,
}

/// What a weights file says about itself; stored beside the weights (`NAME.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub name: String,
    pub arch: Arch,
    pub recipe: Recipe,
    /// False for weights that were never trained on patients: their figures have no meaning.
    pub trained: bool,
    /// What it was trained on and how it did, in words.
    pub description: String,
}

/// A network ready to run.
pub struct Network {
    pub card: Card,
    /// SHA-256 of the weights file; for untrained weights, of their description.
    pub sha256: String,
}

/// What a network says about one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    pub log_prob: LogProb,
    /// Globally averaged features (2208 or 2048).
    pub pooled: Vec<f32>,
}

/// Grad-CAM, min-max scaled to 0…1, at the size of the last feature map.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    #[error("{}: {reason}", path.display())]
    Weights { path: PathBuf, reason: String },
    #[error("{0}")]
    Device(String),
    #[error("the network failed: {0}")]
    Compute(String),
}

impl Network {
    /// Loads weights (safetensors or `.pth`) with the card beside them.
    pub fn load(_path: &Path, _device: DeviceChoice) -> Result<Self, NnError> {
        unimplemented!()
    }

    /// The architecture with reproducible random weights: it runs, but its figures have no meaning (`card.trained` is false).
    pub fn untrained(_arch: Arch, _recipe: Recipe, _device: DeviceChoice) -> Result<Self, NnError> {
        unimplemented!()
    }

    /// Log-probabilities and pooled features of one picture.
    pub fn infer(&self, _picture: &Picture) -> Result<Inference, NnError> {
        unimplemented!()
    }

    /// Where the network looked for `class` (0 = no metastasis, 1 = metastasis).
    pub fn grad_cam(&self, _picture: &Picture, _class: usize) -> Result<Heatmap, NnError> {
        unimplemented!()
    }

    /// "CPU (2 threads)" or the CUDA device's name.
    pub fn device_name(&self) -> String {
        unimplemented!()
    }
}
