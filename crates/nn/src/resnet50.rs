//! ResNet50 (He et al. 2016, <https://arxiv.org/abs/1512.03385>; stride in the 3×3 convolution) in candle, as torchvision has it.
//!
//! The form for training, for CUDA and for checking the fast one; variable names are those of torchvision's state_dict.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::keys::{RESIDUAL_BLOCKS, RESIDUAL_STEM};
use super::layers::Convolution;
use super::ops::{Norm, Statistics, max_pool_3x3};

/// The backbone: everything up to the last feature map.
pub struct ResNet50 {
    conv1: Convolution,
    bn1: Norm,
    layers: Vec<Vec<Bottleneck>>,
}

impl ResNet50 {
    /// Takes the weights under torchvision's names from `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let mut layers = vec![];
        let mut channels = RESIDUAL_STEM;
        for (layer, count) in RESIDUAL_BLOCKS.into_iter().enumerate() {
            let planes = RESIDUAL_STEM << layer;
            let mut blocks = vec![];
            for block in 0..count {
                let stride = if layer > 0 && block == 0 { 2 } else { 1 };
                let vb = vb.pp(format!("layer{}.{block}", layer + 1));
                blocks.push(Bottleneck::new(channels, planes, stride, vb)?);
                channels = 4 * planes;
            }
            layers.push(blocks);
        }
        Ok(Self {
            conv1: Convolution::new(3, RESIDUAL_STEM, 7, 2, vb.pp("conv1"))?,
            bn1: Norm::new(RESIDUAL_STEM, vb.pp("bn1"))?,
            layers,
        })
    }

    /// Stage 0 is the stem, the others torchvision's layer1 to layer4.
    pub fn stage(&self, stage: usize, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        if stage == 0 {
            let x = self.bn1.forward(&self.conv1.forward(x)?, statistics, true)?;
            return max_pool_3x3(&x);
        }
        self.layers[stage - 1].iter().try_fold(x.clone(), |x, block| block.forward(&x, statistics))
    }
}

/// 1×1, 3×3 and 1×1 convolutions with a shortcut around them.
struct Bottleneck {
    conv1: Convolution,
    bn1: Norm,
    conv2: Convolution,
    bn2: Norm,
    conv3: Convolution,
    bn3: Norm,
    downsample: Option<(Convolution, Norm)>,
}

impl Bottleneck {
    fn new(channels: usize, planes: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        let downsample = match stride > 1 || channels != 4 * planes {
            true => Some((
                Convolution::new(channels, 4 * planes, 1, stride, vb.pp("downsample.0"))?,
                Norm::new(4 * planes, vb.pp("downsample.1"))?,
            )),
            false => None,
        };
        Ok(Self {
            conv1: Convolution::new(channels, planes, 1, 1, vb.pp("conv1"))?,
            bn1: Norm::new(planes, vb.pp("bn1"))?,
            conv2: Convolution::new(planes, planes, 3, stride, vb.pp("conv2"))?,
            bn2: Norm::new(planes, vb.pp("bn2"))?,
            conv3: Convolution::new(planes, 4 * planes, 1, 1, vb.pp("conv3"))?,
            bn3: Norm::new(4 * planes, vb.pp("bn3"))?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => bn.forward(&conv.forward(x)?, statistics, false)?,
            None => x.clone(),
        };
        let y = self.bn1.forward(&self.conv1.forward(x)?, statistics, true)?;
        let y = self.bn2.forward(&self.conv2.forward(&y)?, statistics, true)?;
        let y = self.bn3.forward(&self.conv3.forward(&y)?, statistics, false)?;
        (y + shortcut)?.relu()
    }
}
