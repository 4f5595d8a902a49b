//! DenseNet161 (Huang et al. 2017, <https://arxiv.org/abs/1608.06993>) in candle, as torchvision has it.
//!
//! The form for training, for CUDA and for checking the fast one; variable names are those of torchvision's state_dict.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::keys::{BOTTLENECK, DENSE_LAYERS, DENSE_STEM, GROWTH};
use super::layers::Convolution;
use super::ops::{Norm, Statistics, max_pool_3x3, mean_pool_2x2};

/// The backbone: everything up to the last feature map.
pub struct DenseNet161 {
    conv0: Convolution,
    norm0: Norm,
    blocks: Vec<(Vec<DenseLayer>, Option<Transition>)>,
    norm5: Norm,
}

impl DenseNet161 {
    /// Takes the weights under torchvision's names from `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let vb = vb.pp("features");
        let mut channels = DENSE_STEM;
        let mut blocks = vec![];
        for (number, count) in (1..).zip(DENSE_LAYERS) {
            let block = vb.pp(format!("denseblock{number}"));
            let layers = (0..count)
                .map(|i| DenseLayer::new(channels + i * GROWTH, block.pp(format!("denselayer{}", i + 1))))
                .collect::<Result<Vec<_>>>()?;
            channels += count * GROWTH;
            let transition = match number < DENSE_LAYERS.len() {
                true => Some(Transition::new(channels, vb.pp(format!("transition{number}")))?),
                false => None,
            };
            if transition.is_some() {
                channels /= 2;
            }
            blocks.push((layers, transition));
        }
        Ok(Self {
            conv0: Convolution::new(3, DENSE_STEM, 7, 2, vb.pp("conv0"))?,
            norm0: Norm::new(DENSE_STEM, vb.pp("norm0"))?,
            blocks,
            norm5: Norm::new(channels, vb.pp("norm5"))?,
        })
    }

    /// Stage 0 is the stem, the others a dense block each with what follows it; the last ends after the last ReLU.
    pub fn stage(&self, stage: usize, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        if stage == 0 {
            let x = self.norm0.forward(&self.conv0.forward(x)?, statistics, true)?;
            return max_pool_3x3(&x);
        }
        let (layers, transition) = &self.blocks[stage - 1];
        let x = layers
            .iter()
            .try_fold(x.clone(), |x, layer| Tensor::cat(&[&x, &layer.forward(&x, statistics)?], 1))?;
        match transition {
            Some(transition) => transition.forward(&x, statistics),
            None => self.norm5.forward(&x, statistics, true),
        }
    }
}

/// norm, ReLU, 1×1 convolution, norm, ReLU, 3×3 convolution: 48 new channels.
struct DenseLayer {
    norm1: Norm,
    conv1: Convolution,
    norm2: Norm,
    conv2: Convolution,
}

impl DenseLayer {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norm1: Norm::new(channels, vb.pp("norm1"))?,
            conv1: Convolution::new(channels, BOTTLENECK, 1, 1, vb.pp("conv1"))?,
            norm2: Norm::new(BOTTLENECK, vb.pp("norm2"))?,
            conv2: Convolution::new(BOTTLENECK, GROWTH, 3, 1, vb.pp("conv2"))?,
        })
    }

    fn forward(&self, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        let x = self.conv1.forward(&self.norm1.forward(x, statistics, true)?)?;
        self.conv2.forward(&self.norm2.forward(&x, statistics, true)?)
    }
}

/// norm, ReLU, 1×1 convolution to half the channels, 2×2 mean.
struct Transition {
    norm: Norm,
    conv: Convolution,
}

impl Transition {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norm: Norm::new(channels, vb.pp("norm"))?,
            conv: Convolution::new(channels, channels / 2, 1, 1, vb.pp("conv"))?,
        })
    }

    /// The mean is taken before the convolution, with which it commutes: a quarter of the work.
    fn forward(&self, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        self.conv.forward(&mean_pool_2x2(&self.norm.forward(x, statistics, true)?)?)
    }
}
