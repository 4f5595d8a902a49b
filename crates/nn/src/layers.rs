//! The candle form of the backbones: for training, for CUDA, for Grad-CAM inside the network and to check the fast form.

use std::collections::HashMap;
use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::Arch;
use super::densenet161::DenseNet161;
use super::grad_cam::FeatureMap;
use super::ops::{self, Statistics};
use super::resnet50::ResNet50;
use super::state_dict::StateDict;

/// A convolution without bias, padded so that stride 1 keeps the size.
pub struct Convolution {
    weight: Tensor,
    stride: usize,
}

impl Convolution {
    /// Takes the kernel (to, from, side, side) from `vb`.
    pub fn new(from: usize, to: usize, side: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self { weight: vb.get((to, from, side, side), "weight")?, stride })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::convolve(x, &self.weight, self.stride)
    }
}

/// Either backbone in candle.
pub enum Backbone {
    DenseNet161(DenseNet161),
    ResNet50(ResNet50),
}

/// Number of stages of either backbone: the stem and four groups of layers.
pub const STAGES: usize = 5;

impl Arch {
    /// The backbone's stages from the picture to the last feature map, under torchvision's names. A transition counts to
    /// the dense block before it, the last norm to the last block.
    pub const fn stages(self) -> &'static [&'static str; STAGES] {
        match self {
            Arch::Densenet161 => &["conv0", "denseblock1", "denseblock2", "denseblock3", "denseblock4"],
            Arch::Resnet50 => &["conv1", "layer1", "layer2", "layer3", "layer4"],
        }
    }

    /// The stage a tensor of the backbone belongs to; `None` for the head's.
    pub fn stage_of(self, name: &str) -> Option<usize> {
        match self {
            Arch::Densenet161 => {
                let part = name.strip_prefix("features.")?.split('.').next()?;
                match part {
                    "conv0" | "norm0" => Some(0),
                    "norm5" => Some(4),
                    _ => part.trim_start_matches("denseblock").trim_start_matches("transition").parse().ok(),
                }
            }
            Arch::Resnet50 => match name.split('.').next()? {
                "conv1" | "bn1" => Some(0),
                part => part.strip_prefix("layer")?.parse().ok(),
            },
        }
    }
}

impl Backbone {
    /// Takes the weights under torchvision's names from `vb`.
    pub fn new(arch: Arch, vb: VarBuilder) -> Result<Self> {
        Ok(match arch {
            Arch::Densenet161 => Self::DenseNet161(DenseNet161::new(vb)?),
            Arch::Resnet50 => Self::ResNet50(ResNet50::new(vb)?),
        })
    }

    /// The backbone with a file's weights, as constants on `device`.
    pub fn from_dict(arch: Arch, dict: &StateDict, device: &Device) -> Result<Self> {
        let tensors = dict
            .iter()
            .map(|(name, t)| Ok((name.clone(), Tensor::from_vec(t.to_f32(), t.shape.as_slice(), device)?)))
            .collect::<Result<HashMap<_, _>>>()?;
        Self::new(arch, VarBuilder::from_tensors(tensors, DType::F32, device))
    }

    /// (n, 3, h, w) to the last feature map, after its ReLU.
    pub fn features(&self, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        self.run(x, 0..STAGES, statistics)
    }

    /// Runs some stages one after the other; each takes what the one before it gave.
    pub fn run(&self, x: &Tensor, mut stages: Range<usize>, statistics: Statistics) -> Result<Tensor> {
        stages.try_fold(x.clone(), |x, stage| match self {
            Self::DenseNet161(net) => net.stage(stage, &x, statistics),
            Self::ResNet50(net) => net.stage(stage, &x, statistics),
        })
    }

    /// The last feature map of one image of three channels; no graph is kept.
    pub fn feature_map(
        &self,
        image: &[f32],
        height: usize,
        width: usize,
        device: &Device,
    ) -> Result<FeatureMap> {
        let x = Tensor::from_slice(image, (1, 3, height, width), device)?;
        to_map(&self.features(&x, Statistics::Running)?)
    }
}

/// A batch of one as a plain feature map.
pub fn to_map(y: &Tensor) -> Result<FeatureMap> {
    let (_, channels, height, width) = y.dims4()?;
    Ok(FeatureMap { channels, height, width, values: y.flatten_all()?.to_vec1()? })
}
