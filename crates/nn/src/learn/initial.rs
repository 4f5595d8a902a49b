//! Weights to start from.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Arch;
use crate::head::ensemble_prefix;
use crate::keys::{self, Key, Role};
use crate::state_dict::{DType, RawTensor, StateDict};

/// A backbone as torchvision begins one: Kaiming normal convolutions (by fan-out for ResNet50, by fan-in for DenseNet161),
/// norms of 1 and 0. The same seed gives the same numbers.
pub fn backbone(arch: Arch, seed: u64) -> StateDict {
    fill(keys::backbone(arch), seed, "", |key, rng| match key.role {
        Role::Convolution => {
            let &[to, from, side, _] = key.shape.as_slice() else { return vec![] };
            let fan = side * side * if arch == Arch::Resnet50 { to } else { from };
            let sd = (2.0 / fan as f64).sqrt();
            (0..to * from * side * side).map(|_| (sd * normal(rng)) as f32).collect()
        }
        Role::NormScale | Role::RunningVariance => vec![1.0; key.shape[0]],
        _ => vec![0.0; key.shape.iter().product()],
    })
}

/// Head number `number` of an ensemble (0 is the study's own) as PyTorch begins a Linear: uniform within 1/√fan-in.
pub fn head(arch: Arch, number: usize, seed: u64) -> StateDict {
    let prefix = ensemble_prefix(number);
    let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}.") };
    fill(keys::head(arch), seed ^ ((number as u64) << 32), &prefix, |key, rng| {
        let fan = if key.name.ends_with("0.weight") || key.name.ends_with("0.bias") {
            arch.features()
        } else {
            keys::HEAD_UNITS
        };
        let bound = 1.0 / (fan as f64).sqrt();
        (0..key.shape.iter().product()).map(|_| rng.random_range(-bound..bound) as f32).collect()
    })
}

/// Makes heads that learnt on standardised features take the features as they are: weight / sd, bias − weight · mean / sd.
pub fn fold_standard(dict: &mut StateDict, arch: Arch, mean: &[f64], sd: &[f64]) {
    for number in 0..crate::head::count(dict, arch) {
        let prefix = ensemble_prefix(number);
        let name = |part: &str| match prefix.is_empty() {
            true => format!("{}.0.{part}", arch.head_prefix()),
            false => format!("{prefix}.{}.0.{part}", arch.head_prefix()),
        };
        let (Some(weight), Some(bias)) = (dict.get(&name("weight")), dict.get(&name("bias"))) else {
            continue;
        };
        let (weight_shape, bias_shape) = (weight.shape.clone(), bias.shape.clone());
        let (mut weight, mut bias) = (weight.to_f32(), bias.to_f32());
        for (row, bias) in weight.chunks_exact_mut(mean.len().max(1)).zip(&mut bias) {
            let mut shift = 0.0;
            for (w, (mean, sd)) in row.iter_mut().zip(mean.iter().zip(sd)) {
                let scaled = f64::from(*w) / sd;
                shift += scaled * mean;
                *w = scaled as f32;
            }
            *bias = (f64::from(*bias) - shift) as f32;
        }
        dict.insert(name("weight"), RawTensor::from_f32(weight_shape, &weight));
        dict.insert(name("bias"), RawTensor::from_f32(bias_shape, &bias));
    }
}

fn fill(
    keys: Vec<Key>,
    seed: u64,
    prefix: &str,
    values: impl Fn(&Key, &mut ChaCha8Rng) -> Vec<f32>,
) -> StateDict {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    keys.into_iter()
        .map(|key| {
            let tensor = match key.role {
                Role::BatchCount => RawTensor { dtype: DType::I64, shape: vec![], bytes: vec![0; 8] },
                _ => RawTensor::from_f32(key.shape.clone(), &values(&key, &mut rng)),
            };
            (format!("{prefix}{}", key.name), tensor)
        })
        .collect()
}

/// One standard normal number (Box and Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
