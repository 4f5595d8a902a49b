//! Grad-CAM (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74) on the last feature map.
//!
//! Behind the last feature map there is only the mean over pixels and the head, so the gradient is known in closed form:
//! the score's slope in a channel's mean, divided evenly among the pixels.

use super::Heatmap;
use super::head::Head;

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

/// Where the score of `class` before LogSoftmax comes from, min-max scaled to 0…1; all zero where nothing speaks for the class.
pub fn heatmap(map: &FeatureMap, head: &Head, class: usize) -> Heatmap {
    let pixels = map.height * map.width;
    let gradient = head.score_gradient(&map.pooled(), class);
    let mut sum = vec![0f64; pixels];
    for (channel, slope) in map.values.chunks_exact(pixels.max(1)).zip(&gradient) {
        let weight = f64::from(*slope) / pixels as f64;
        sum.iter_mut().zip(channel).for_each(|(s, v)| *s += weight * f64::from(*v));
    }
    let rectified: Vec<f64> = sum.into_iter().map(|v| v.max(0.0)).collect();
    let low = rectified.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rectified.iter().copied().fold(0.0, f64::max);
    let values = rectified.into_iter().map(|v| ((v - low) / (high - low + 1e-12)) as f32).collect();
    Heatmap { width: map.width, height: map.height, values }
}
