//! ResNet50 (He et al. 2016, <https://arxiv.org/abs/1512.03385>; stride in the 3×3 convolution) in candle, as torchvision has it.
//!
//! The form for training, for CUDA and for checking the fast one; variable names are those of torchvision's state_dict.

use candle_core::{Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Module, ModuleT, VarBuilder};

use super::keys::{RESIDUAL_BLOCKS, RESIDUAL_STEM};
use super::layers::{convolution, max_pool_3x3, norm};

/// The backbone: everything up to the last feature map.
pub struct ResNet50 {
    conv1: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Bottleneck>,
}

impl ResNet50 {
    /// Takes the weights under torchvision's names from `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let mut blocks = vec![];
        let mut channels = RESIDUAL_STEM;
        for (layer, count) in RESIDUAL_BLOCKS.into_iter().enumerate() {
            let planes = RESIDUAL_STEM << layer;
            for block in 0..count {
                let stride = if layer > 0 && block == 0 { 2 } else { 1 };
                let vb = vb.pp(format!("layer{}.{block}", layer + 1));
                blocks.push(Bottleneck::new(channels, planes, stride, vb)?);
                channels = 4 * planes;
            }
        }
        Ok(Self {
            conv1: convolution(3, RESIDUAL_STEM, 7, 2, vb.pp("conv1"))?,
            bn1: norm(RESIDUAL_STEM, vb.pp("bn1"))?,
            blocks,
        })
    }

    /// (n, 3, h, w) to the last feature map; `train` uses the batch's own statistics in the norms.
    pub fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        let x = max_pool_3x3(&x)?;
        self.blocks.iter().try_fold(x, |x, block| block.forward(&x, train))
    }
}

/// 1×1, 3×3 and 1×1 convolutions with a shortcut around them.
struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl Bottleneck {
    fn new(channels: usize, planes: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        let downsample = match stride > 1 || channels != 4 * planes {
            true => Some((
                convolution(channels, 4 * planes, 1, stride, vb.pp("downsample.0"))?,
                norm(4 * planes, vb.pp("downsample.1"))?,
            )),
            false => None,
        };
        Ok(Self {
            conv1: convolution(channels, planes, 1, 1, vb.pp("conv1"))?,
            bn1: norm(planes, vb.pp("bn1"))?,
            conv2: convolution(planes, planes, 3, stride, vb.pp("conv2"))?,
            bn2: norm(planes, vb.pp("bn2"))?,
            conv3: convolution(planes, 4 * planes, 1, 1, vb.pp("conv3"))?,
            bn3: norm(4 * planes, vb.pp("bn3"))?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => bn.forward_t(&conv.forward(x)?, train)?,
            None => x.clone(),
        };
        let y = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        let y = self.bn2.forward_t(&self.conv2.forward(&y)?, train)?.relu()?;
        let y = self.bn3.forward_t(&self.conv3.forward(&y)?, train)?;
        (y + shortcut)?.relu()
    }
}
