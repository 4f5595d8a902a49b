//! The backbones for one image on the CPU, without autograd: batch norm folded into the convolutions, ReLU and shortcut
//! in their epilogue, dense blocks grown in place. The same numbers as the candle form, several times faster.

mod conv;
mod densenet;
mod pool;
mod resnet;

use super::Arch;
use super::grad_cam::FeatureMap;
use super::state_dict::{RawTensor, StateDict};
use conv::Conv;
pub(super) use conv::shifted;

/// torchvision's batch norm constant.
const NORM_EPS: f64 = 1e-5;

/// Either backbone, its weights folded.
pub struct FastBackbone(Net);

enum Net {
    DenseNet161(densenet::DenseNet),
    ResNet50(resnet::ResNet),
}

impl FastBackbone {
    /// Folds the weights of a checked dictionary; the error names a tensor that is missing.
    pub fn new(arch: Arch, dict: &StateDict) -> Result<Self, String> {
        let weights = Weights(dict);
        Ok(Self(match arch {
            Arch::Densenet161 => Net::DenseNet161(densenet::DenseNet::new(&weights)?),
            Arch::Resnet50 => Net::ResNet50(resnet::ResNet::new(&weights)?),
        }))
    }

    /// The last feature map of one image (3, height, width).
    pub fn feature_map(&self, image: &[f32], height: usize, width: usize) -> FeatureMap {
        let image = Map { values: image, channels: 3, height, width };
        match &self.0 {
            Net::DenseNet161(net) => net.features(image),
            Net::ResNet50(net) => net.features(image),
        }
    }
}

/// Channel-first planes of one image.
#[derive(Clone, Copy)]
struct Map<'a> {
    values: &'a [f32],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Map<'a> {
    fn pixels(&self) -> usize {
        self.height * self.width
    }

    fn plane(&self, channel: usize) -> &'a [f32] {
        &self.values[channel * self.pixels()..(channel + 1) * self.pixels()]
    }
}

/// The first `length` values of a buffer that is kept from layer to layer; it grows where needed.
pub(super) fn reuse(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

/// Batch norm with fixed statistics: `scale · x + shift` by channel.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Weights under torchvision's names.
struct Weights<'a>(&'a StateDict);

impl Weights<'_> {
    fn tensor(&self, name: &str) -> Result<&RawTensor, String> {
        self.0.get(name).ok_or_else(|| format!("tensor {name} is missing"))
    }

    /// The batch norm `name`.
    fn norm(&self, name: &str) -> Result<Affine, String> {
        let get = |part: &str| Ok::<_, String>(self.tensor(&format!("{name}.{part}"))?.to_f32());
        let (weight, bias, mean, variance) =
            (get("weight")?, get("bias")?, get("running_mean")?, get("running_var")?);
        let scale: Vec<f64> = weight
            .iter()
            .zip(&variance)
            .map(|(w, v)| f64::from(*w) / (f64::from(*v) + NORM_EPS).sqrt())
            .collect();
        let shift = scale.iter().zip(bias.iter().zip(&mean));
        Ok(Affine {
            shift: shift.map(|(s, (b, m))| (f64::from(*b) - f64::from(*m) * s) as f32).collect(),
            scale: scale.into_iter().map(|s| s as f32).collect(),
        })
    }

    /// The convolution `name`, with the batch norm behind it folded in.
    fn conv(&self, name: &str, norm: Option<&str>, stride: usize) -> Result<Conv, String> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        let &[to, from, side, _] = tensor.shape.as_slice() else {
            return Err(format!("tensor {name}.weight is no convolution"));
        };
        let mut weights = tensor.to_f32();
        let bias = match norm {
            None => vec![0.0; to],
            Some(norm) => {
                let affine = self.norm(norm)?;
                for (row, scale) in weights.chunks_exact_mut(from * side * side).zip(&affine.scale) {
                    row.iter_mut().for_each(|w| *w *= scale);
                }
                affine.shift
            }
        };
        Ok(Conv { from, to, side, stride, weights, bias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Backbone;
    use crate::pattern;
    use candle_core::Device;

    #[test]
    fn the_fast_form_gives_the_candle_forms_numbers_at_odd_sizes() {
        for arch in [Arch::Densenet161, Arch::Resnet50] {
            let dict = pattern::state_dict(arch, 7);
            let fast = FastBackbone::new(arch, &dict).unwrap();
            let slow = Backbone::from_dict(arch, &dict, &Device::Cpu).unwrap();
            for (height, width) in [(32, 32), (33, 70), (61, 47)] {
                let image = pattern::input(3 * height * width, 7, "input");
                let got = fast.feature_map(&image, height, width);
                let want = slow.feature_map(&image, height, width, &Device::Cpu).unwrap();
                assert_eq!((got.channels, got.height, got.width), (want.channels, want.height, want.width));
                let high = want.values.iter().copied().fold(0.0, f32::max);
                let off = got.values.iter().zip(&want.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(high > 0.0 && off <= 1e-5 * high.max(1.0), "{} {height}×{width}: {off}", arch.name());
            }
        }
    }
}
