//! DenseNet161 (Huang et al. 2017, <https://arxiv.org/abs/1608.06993>) in candle, as torchvision has it.
//!
//! The form for training, for CUDA and for checking the fast one; variable names are those of torchvision's state_dict.

use candle_core::{Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Module, ModuleT, VarBuilder};

use super::keys::{BOTTLENECK, DENSE_LAYERS, DENSE_STEM, GROWTH};
use super::layers::{convolution, max_pool_3x3, norm};

/// The backbone: everything up to the last feature map.
pub struct DenseNet161 {
    conv0: Conv2d,
    norm0: BatchNorm,
    blocks: Vec<(Vec<DenseLayer>, Option<Transition>)>,
    norm5: BatchNorm,
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
            conv0: convolution(3, DENSE_STEM, 7, 2, vb.pp("conv0"))?,
            norm0: norm(DENSE_STEM, vb.pp("norm0"))?,
            blocks,
            norm5: norm(channels, vb.pp("norm5"))?,
        })
    }

    /// (n, 3, h, w) to the last feature map after its ReLU; `train` uses the batch's own statistics in the norms.
    pub fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.norm0.forward_t(&self.conv0.forward(x)?, train)?.relu()?;
        let mut x = max_pool_3x3(&x)?;
        for (layers, transition) in &self.blocks {
            for layer in layers {
                x = Tensor::cat(&[&x, &layer.forward(&x, train)?], 1)?;
            }
            if let Some(transition) = transition {
                x = transition.forward(&x, train)?;
            }
        }
        self.norm5.forward_t(&x, train)?.relu()
    }
}

/// norm, ReLU, 1×1 convolution, norm, ReLU, 3×3 convolution: 48 new channels.
struct DenseLayer {
    norm1: BatchNorm,
    conv1: Conv2d,
    norm2: BatchNorm,
    conv2: Conv2d,
}

impl DenseLayer {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norm1: norm(channels, vb.pp("norm1"))?,
            conv1: convolution(channels, BOTTLENECK, 1, 1, vb.pp("conv1"))?,
            norm2: norm(BOTTLENECK, vb.pp("norm2"))?,
            conv2: convolution(BOTTLENECK, GROWTH, 3, 1, vb.pp("conv2"))?,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv1.forward(&self.norm1.forward_t(x, train)?.relu()?)?;
        self.conv2.forward(&self.norm2.forward_t(&x, train)?.relu()?)
    }
}

/// norm, ReLU, 1×1 convolution to half the channels, 2×2 mean.
struct Transition {
    norm: BatchNorm,
    conv: Conv2d,
}

impl Transition {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norm: norm(channels, vb.pp("norm"))?,
            conv: convolution(channels, channels / 2, 1, 1, vb.pp("conv"))?,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.conv.forward(&self.norm.forward_t(x, train)?.relu()?)?.avg_pool2d(2)
    }
}
