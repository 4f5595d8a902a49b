//! Grad-CAM (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74) on the last feature map.
//!
//! Also on the maps further forward, which are finer but mean less.
//!
//! Behind the last feature map there is only the mean over pixels and the head, so the gradient is known in closed form:
//! the score's slope in a channel's mean, divided evenly among the pixels.

use candle_core::{Device, Tensor, Var};

use super::engine::compute;
use super::head::Head;
use super::layers::{Backbone, STAGES, to_map};
use super::ops::Statistics;
use super::state_dict::StateDict;
use super::{Arch, Heatmap, NnError};
use crate::picture::Normalised;

/// A feature map, channel-first.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

impl FeatureMap {
    /// The mean of every channel.
    pub fn pooled(&self) -> Vec<f32> {
        let pixels = self.height * self.width;
        let mean =
            |channel: &[f32]| (channel.iter().map(|v| f64::from(*v)).sum::<f64>() / pixels as f64) as f32;
        self.values.chunks_exact(pixels.max(1)).map(mean).collect()
    }
}

/// Where the score of `class` before LogSoftmax comes from (of an ensemble the heads' mean), min-max scaled to 0…1; all
/// zero where nothing speaks for the class.
pub fn heatmap(map: &FeatureMap, heads: &[Head], class: usize) -> Heatmap {
    let pixels = map.height * map.width;
    let weights: Vec<f64> = mean_slope(heads, &map.pooled(), class)
        .iter()
        .map(|slope| f64::from(*slope) / pixels as f64)
        .collect();
    weigh(map, &weights)
}

/// Grad-CAM on the map after stage `layer`: the gradient runs back through the stages behind it.
pub fn heatmap_at(
    dict: &StateDict,
    arch: Arch,
    heads: &[Head],
    input: &Normalised,
    class: usize,
    layer: usize,
) -> Result<Heatmap, NnError> {
    let run = || -> candle_core::Result<Heatmap> {
        let device = Device::Cpu;
        let net = Backbone::from_dict(arch, dict, &device)?;
        let x = Tensor::from_slice(&input.values, (1, 3, input.height, input.width), &device)?;
        let map = Var::from_tensor(&net.run(&x, 0..layer + 1, Statistics::Running)?)?;
        let last = net.run(map.as_tensor(), layer + 1..STAGES, Statistics::Running)?;
        let pooled = last.flatten_from(2)?.mean(2)?;
        // The head's slope is known; as a constant weight it makes the score's gradient in the pooled features.
        let slope = mean_slope(heads, &pooled.flatten_all()?.to_vec1::<f32>()?, class);
        let slope = Tensor::from_vec(slope, pooled.shape(), &device)?;
        let grads = (pooled * slope)?.sum_all()?.backward()?;
        let Some(gradient) = grads.get(&map) else { candle_core::bail!("no gradient reached the layer") };
        let weights: Vec<f32> = gradient.flatten_from(2)?.mean(2)?.flatten_all()?.to_vec1()?;
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        Ok(weigh(&to_map(&map.as_detached_tensor())?, &weights))
    };
    run().map_err(compute)
}

fn mean_slope(heads: &[Head], pooled: &[f32], class: usize) -> Vec<f32> {
    let mut sum = vec![0f32; pooled.len()];
    for head in heads {
        let slope = head.score_gradient(pooled, class);
        sum.iter_mut().zip(slope).for_each(|(s, v)| *s += v / heads.len() as f32);
    }
    sum
}

/// The channels' weighted sum, rectified and scaled.
fn weigh(map: &FeatureMap, weights: &[f64]) -> Heatmap {
    let pixels = map.height * map.width;
    let mut sum = vec![0f64; pixels];
    for (channel, weight) in map.values.chunks_exact(pixels.max(1)).zip(weights) {
        sum.iter_mut().zip(channel).for_each(|(s, v)| *s += weight * f64::from(*v));
    }
    let rectified: Vec<f64> = sum.into_iter().map(|v| v.max(0.0)).collect();
    let low = rectified.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rectified.iter().copied().fold(0.0, f64::max);
    let values = rectified.into_iter().map(|v| ((v - low) / (high - low + 1e-12)) as f32).collect();
    Heatmap { width: map.width, height: map.height, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty map once passed every test of Grad-CAM.
    #[test]
    fn the_map_is_the_channels_sum_by_slope_rectified_and_scaled() {
        let values = vec![0.0, 1.0, 2.0, 4.0, /* second channel */ 1.0, 1.0, 1.0, 1.0];
        let map = FeatureMap { channels: 2, height: 2, width: 2, values };
        // 2a − 2b: −2, 0, 2, 6; nothing under zero, then from 0 to 1.
        let heat = weigh(&map, &[2.0, -2.0]);
        assert_eq!((heat.width, heat.height), (2, 2));
        for (got, want) in heat.values.iter().zip([0.0, 0.0, 1.0 / 3.0, 1.0]) {
            assert!((got - want).abs() < 1e-6, "{:?}", heat.values);
        }
        assert!(weigh(&map, &[-1.0, -1.0]).values.iter().all(|v| *v == 0.0), "nothing speaks for the class");
    }
}
