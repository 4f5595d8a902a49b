//! The study's head: Linear(n, 256), ReLU, Dropout(0.4), Linear(256, 2), LogSoftmax. In plain Rust: it is tiny, and
//! Grad-CAM needs its gradient.

use super::Arch;
use super::keys::HEAD_UNITS;
use super::state_dict::StateDict;
use crate::log_prob::LogProb;

/// Number of classes: 0 = no metastasis, 1 = metastasis.
pub const CLASSES: usize = 2;

/// The head's weights.
pub struct Head {
    /// 256 × n, row-major.
    hidden: Vec<f32>,
    hidden_bias: Vec<f32>,
    /// 2 × 256, row-major.
    output: Vec<f32>,
    output_bias: Vec<f32>,
}

/// Where head `number` of an ensemble stands in a state_dict: the first is the study's own, under its own name.
pub fn ensemble_prefix(number: usize) -> String {
    if number == 0 { String::new() } else { format!("ensemble.{number}") }
}

/// Number of heads a dictionary holds.
pub fn count(dict: &StateDict, arch: Arch) -> usize {
    let is_there = |number: &usize| {
        dict.contains_key(&format!("{}.{}.0.weight", ensemble_prefix(*number), arch.head_prefix()))
    };
    1 + (1..).take_while(is_there).count()
}

impl Head {
    /// Takes the head out of a checked dictionary; the error names the tensor that is missing.
    pub fn new(dict: &StateDict, arch: Arch) -> Result<Self, String> {
        Self::numbered(dict, arch, 0)
    }

    /// Every head of an ensemble.
    pub fn all(dict: &StateDict, arch: Arch) -> Result<Vec<Self>, String> {
        (0..count(dict, arch)).map(|number| Self::numbered(dict, arch, number)).collect()
    }

    /// The logarithm of the heads' mean probability.
    pub fn mean_log_prob(heads: &[Self], pooled: &[f32]) -> LogProb {
        match heads {
            [one] => one.log_prob(pooled),
            _ => {
                let each: Vec<[f64; CLASSES]> = heads.iter().map(|h| h.log_prob(pooled).0).collect();
                LogProb(std::array::from_fn(|class| {
                    (each.iter().map(|p| p[class].exp()).sum::<f64>() / each.len() as f64).ln()
                }))
            }
        }
    }

    fn numbered(dict: &StateDict, arch: Arch, number: usize) -> Result<Self, String> {
        let prefix = ensemble_prefix(number);
        let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}.") };
        let get = |part: &str| {
            let name = format!("{prefix}{}.{part}", arch.head_prefix());
            dict.get(&name)
                .map(super::state_dict::RawTensor::to_f32)
                .ok_or(format!("tensor {name} is missing"))
        };
        Ok(Self {
            hidden: get("0.weight")?,
            hidden_bias: get("0.bias")?,
            output: get("3.weight")?,
            output_bias: get("3.bias")?,
        })
    }

    /// The class scores before LogSoftmax.
    pub fn scores(&self, pooled: &[f32]) -> [f64; CLASSES] {
        let hidden = self.hidden_units(pooled);
        std::array::from_fn(|class| {
            let row = &self.output[class * HEAD_UNITS..(class + 1) * HEAD_UNITS];
            f64::from(self.output_bias[class]) + dot(row, &hidden)
        })
    }

    /// Log-probabilities of the classes.
    pub fn log_prob(&self, pooled: &[f32]) -> LogProb {
        let [a, b] = self.scores(pooled);
        let high = a.max(b);
        let log_sum = high + ((a - high).exp() + (b - high).exp()).ln();
        LogProb([a - log_sum, b - log_sum])
    }

    /// Gradient of a class's score before LogSoftmax with respect to the pooled features.
    pub fn score_gradient(&self, pooled: &[f32], class: usize) -> Vec<f32> {
        let hidden = self.hidden_units(pooled);
        let mut gradient = vec![0.0; pooled.len()];
        for (unit, value) in hidden.iter().enumerate() {
            // ReLU's derivative at zero is zero, as in PyTorch.
            if *value > 0.0 {
                let weight = self.output[class * HEAD_UNITS + unit];
                let row = &self.hidden[unit * pooled.len()..(unit + 1) * pooled.len()];
                gradient.iter_mut().zip(row).for_each(|(g, w)| *g += weight * w);
            }
        }
        gradient
    }

    fn hidden_units(&self, pooled: &[f32]) -> Vec<f32> {
        let rows = self.hidden.chunks_exact(pooled.len().max(1));
        rows.zip(&self.hidden_bias)
            .map(|(row, bias)| (f64::from(*bias) + dot(row, pooled)).max(0.0) as f32)
            .collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern;

    #[test]
    fn the_gradient_is_the_slope_of_the_score() {
        let head = Head::new(&pattern::state_dict(Arch::Resnet50, 3), Arch::Resnet50).unwrap();
        let pooled: Vec<f32> = pattern::pattern("pooled", 2048, 3).iter().map(|v| v.abs()).collect();
        for class in 0..CLASSES {
            let gradient = head.score_gradient(&pooled, class);
            for unit in [0, 7, 2047] {
                let step = |by: f32| {
                    let mut moved = pooled.clone();
                    moved[unit] += by;
                    head.scores(&moved)[class]
                };
                let slope = (step(0.01) - step(-0.01)) / 0.02;
                assert!((slope - f64::from(gradient[unit])).abs() < 1e-4, "{slope} {}", gradient[unit]);
            }
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        let head = Head::new(&pattern::state_dict(Arch::Resnet50, 3), Arch::Resnet50).unwrap();
        let [a, b] = head.log_prob(&vec![50.0; 2048]).0;
        assert!((a.exp() + b.exp() - 1.0).abs() < 1e-12);
    }
}
