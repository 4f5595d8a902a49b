//! Building blocks of the candle networks, and the backbone they make.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, VarBuilder};

use super::Arch;
use super::densenet161::DenseNet161;
use super::grad_cam::FeatureMap;
use super::resnet50::ResNet50;
use super::state_dict::StateDict;

/// torchvision's batch norm constant.
pub const NORM_EPS: f64 = 1e-5;

/// A convolution without bias, padded so that stride 1 keeps the size.
pub fn convolution(from: usize, to: usize, side: usize, stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { padding: side / 2, stride, ..Default::default() };
    candle_nn::conv2d_no_bias(from, to, side, config, vb)
}

/// A batch norm with torchvision's constants.
pub fn norm(channels: usize, vb: VarBuilder) -> Result<BatchNorm> {
    candle_nn::batch_norm(channels, BatchNormConfig { eps: NORM_EPS, ..Default::default() }, vb)
}

/// 3×3 maximum, stride 2, padding 1. Its input comes from a ReLU, so zeros are as good a border as minus infinity.
pub fn max_pool_3x3(x: &Tensor) -> Result<Tensor> {
    x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 2)
}

/// Either backbone in candle.
pub enum Backbone {
    DenseNet161(DenseNet161),
    ResNet50(ResNet50),
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
    pub fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::DenseNet161(net) => net.features(x, train),
            Self::ResNet50(net) => net.features(x, train),
        }
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
        let y = self.features(&x, false)?.detach();
        let (_, channels, height, width) = y.dims4()?;
        Ok(FeatureMap { channels, height, width, values: y.flatten_all()?.to_vec1()? })
    }
}
