//! ResNet50's backbone; every batch norm is folded, the shortcut is added in the last convolution's epilogue.

use super::conv::{Conv, Finish};
use super::{Map, Weights, pool, reuse};
use crate::grad_cam::FeatureMap;
use crate::keys::{RESIDUAL_BLOCKS, RESIDUAL_STEM};

pub(super) struct ResNet {
    stem: Conv,
    blocks: Vec<Bottleneck>,
}

struct Bottleneck {
    conv1: Conv,
    conv2: Conv,
    conv3: Conv,
    downsample: Option<Conv>,
}

impl ResNet {
    pub(super) fn new(weights: &Weights<'_>) -> Result<Self, String> {
        let mut blocks = vec![];
        for (layer, count) in (1..).zip(RESIDUAL_BLOCKS) {
            for block in 0..count {
                let name = format!("layer{layer}.{block}");
                let stride = if layer > 1 && block == 0 { 2 } else { 1 };
                let conv = |number: u8, stride: usize| {
                    weights.conv(&format!("{name}.conv{number}"), Some(&format!("{name}.bn{number}")), stride)
                };
                let downsample = match block {
                    0 => Some(weights.conv(
                        &format!("{name}.downsample.0"),
                        Some(&format!("{name}.downsample.1")),
                        stride,
                    )?),
                    _ => None,
                };
                blocks.push(Bottleneck {
                    conv1: conv(1, 1)?,
                    conv2: conv(2, stride)?,
                    conv3: conv(3, 1)?,
                    downsample,
                });
            }
        }
        Ok(Self { stem: weights.conv("conv1", Some("bn1"), 2)?, blocks })
    }

    pub(super) fn features(&self, image: Map<'_>) -> FeatureMap {
        let mut buffers = Buffers::default();
        let (stem_height, stem_width) = self.stem.output_size(image.height, image.width);
        let stem = reuse(&mut buffers.first, RESIDUAL_STEM * stem_height * stem_width);
        self.stem.run(image, None, Finish { relu: true, plus: None }, stem);
        let stem = Map { values: stem, channels: RESIDUAL_STEM, height: stem_height, width: stem_width };
        let (mut height, mut width) = (pool::max_pool_size(stem_height), pool::max_pool_size(stem_width));
        let mut channels = RESIDUAL_STEM;
        let (mut x, mut y) = (vec![], vec![]);
        pool::max_pool(stem, reuse(&mut x, channels * height * width));

        for block in &self.blocks {
            let input = Map { values: &x[..channels * height * width], channels, height, width };
            (channels, height, width) = block.run(input, &mut buffers, &mut y);
            std::mem::swap(&mut x, &mut y);
        }
        x.truncate(channels * height * width);
        FeatureMap { channels, height, width, values: x }
    }
}

/// What a block makes on its way.
#[derive(Default)]
struct Buffers {
    first: Vec<f32>,
    second: Vec<f32>,
    shortcut: Vec<f32>,
}

impl Bottleneck {
    /// Channels, height and width of what it wrote to `out`.
    fn run(&self, x: Map<'_>, buffers: &mut Buffers, out: &mut Vec<f32>) -> (usize, usize, usize) {
        let relu = Finish { relu: true, plus: None };
        let first = reuse(&mut buffers.first, self.conv1.to * x.pixels());
        self.conv1.run(x, None, relu, first);
        let first = Map { values: first, channels: self.conv1.to, ..x };
        let (height, width) = self.conv2.output_size(x.height, x.width);
        let second = reuse(&mut buffers.second, self.conv2.to * height * width);
        self.conv2.run(first, None, relu, second);
        let second = Map { values: second, channels: self.conv2.to, height, width };
        let size = self.conv3.to * height * width;
        let shortcut = match &self.downsample {
            Some(conv) => {
                let shortcut = reuse(&mut buffers.shortcut, size);
                conv.run(x, None, Finish::default(), shortcut);
                &*shortcut
            }
            None => x.values,
        };
        self.conv3.run(second, None, Finish { relu: true, plus: Some(shortcut) }, reuse(out, size));
        (self.conv3.to, height, width)
    }
}
