//! DenseNet161's backbone. A dense block is one buffer that its layers fill from left to right, so nothing is concatenated.

use super::conv::{Conv, Finish};
use super::{Affine, Map, Weights, pool, reuse};
use crate::grad_cam::FeatureMap;
use crate::keys::{BOTTLENECK, DENSE_LAYERS, DENSE_STEM, GROWTH};

pub(super) struct DenseNet {
    stem: Conv,
    blocks: Vec<Block>,
    norm5: Affine,
}

struct Block {
    layers: Vec<Layer>,
    /// Batch norm (with ReLU and 2×2 mean) and 1×1 convolution to the next block.
    transition: Option<(Affine, Conv)>,
}

struct Layer {
    norm1: Affine,
    /// With norm2 folded in.
    conv1: Conv,
    conv2: Conv,
}

impl DenseNet {
    pub(super) fn new(weights: &Weights<'_>) -> Result<Self, String> {
        let blocks = (1..).zip(DENSE_LAYERS).map(|(number, layers)| {
            let layers = (1..=layers).map(|layer| {
                let name = format!("features.denseblock{number}.denselayer{layer}");
                Ok(Layer {
                    norm1: weights.norm(&format!("{name}.norm1"))?,
                    conv1: weights.conv(&format!("{name}.conv1"), Some(&format!("{name}.norm2")), 1)?,
                    conv2: weights.conv(&format!("{name}.conv2"), None, 1)?,
                })
            });
            let name = format!("features.transition{number}");
            let transition = match number < DENSE_LAYERS.len() {
                true => Some((
                    weights.norm(&format!("{name}.norm"))?,
                    weights.conv(&format!("{name}.conv"), None, 1)?,
                )),
                false => None,
            };
            Ok(Block { layers: layers.collect::<Result<_, String>>()?, transition })
        });
        Ok(Self {
            stem: weights.conv("features.conv0", Some("features.norm0"), 2)?,
            blocks: blocks.collect::<Result<_, String>>()?,
            norm5: weights.norm("features.norm5")?,
        })
    }

    pub(super) fn features(&self, image: Map<'_>) -> FeatureMap {
        // What a layer makes on its way, and the two buffers that blocks take turns in.
        let (mut between, mut block, mut next) = (vec![], vec![], vec![]);

        let (stem_height, stem_width) = self.stem.output_size(image.height, image.width);
        let stem = reuse(&mut between, DENSE_STEM * stem_height * stem_width);
        self.stem.run(image, None, Finish { relu: true, plus: None }, stem);
        let stem = Map { values: stem, channels: DENSE_STEM, height: stem_height, width: stem_width };
        let (mut height, mut width) = (pool::max_pool_size(stem_height), pool::max_pool_size(stem_width));
        let mut channels = DENSE_STEM;
        pool::max_pool(stem, reuse(&mut block, channels * height * width));

        for Block { layers, transition } in &self.blocks {
            let pixels = height * width;
            reuse(&mut block, (channels + layers.len() * GROWTH) * pixels);
            for layer in layers {
                let (before, after) = block.split_at_mut(channels * pixels);
                let input = Map { values: before, channels, height, width };
                layer.run(input, &mut between, &mut after[..GROWTH * pixels]);
                channels += GROWTH;
            }
            if let Some((norm, conv)) = transition {
                // The mean commutes with the 1×1 convolution; taken first it leaves a quarter of the work.
                let all = Map { values: &block[..channels * pixels], channels, height, width };
                (height, width) = (height / 2, width / 2);
                let small = reuse(&mut between, channels * height * width);
                pool::norm_relu_mean_pool(all, norm, small);
                let small = Map { values: small, channels, height, width };
                conv.run(small, None, Finish::default(), reuse(&mut next, conv.to * height * width));
                channels = conv.to;
                std::mem::swap(&mut block, &mut next);
            }
        }
        block.truncate(channels * height * width);
        pool::norm_relu(&mut block, height * width, &self.norm5);
        FeatureMap { channels, height, width, values: block }
    }
}

impl Layer {
    fn run(&self, input: Map<'_>, between: &mut Vec<f32>, out: &mut [f32]) {
        let Map { height, width, .. } = input;
        let bottleneck = reuse(between, BOTTLENECK * height * width);
        self.conv1.run(input, Some(&self.norm1), Finish { relu: true, plus: None }, bottleneck);
        let bottleneck = Map { values: bottleneck, channels: BOTTLENECK, height, width };
        self.conv2.run(bottleneck, None, Finish::default(), out);
    }
}
