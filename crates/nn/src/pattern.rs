//! The known-answer pattern: reproducible numbers that fill a network and its input, so that two programs can
//! compare their arithmetic without exchanging a hundred megabytes.
//!
//! Tensor `name` with a seed: `base = fnv1a64(name) xor seed · φ`; value i is splitmix64's finaliser of
//! `base + (i + 1) · φ`, its top 24 bits scaled to [-1, 1).

use super::Arch;
use super::keys::{self, Role};
use super::state_dict::{DType, RawTensor, StateDict};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// `count` numbers in [-1, 1) that depend only on `name` and `seed`.
pub fn pattern(name: &str, count: usize, seed: u64) -> Vec<f32> {
    let base = fnv1a(name.as_bytes()) ^ seed.wrapping_mul(GOLDEN);
    (1..=count as u64).map(|i| to_unit(splitmix(base.wrapping_add(i.wrapping_mul(GOLDEN))))).collect()
}

/// The pattern's input image, NCHW with three channels: values in [-2, 2).
pub fn input(count: usize, seed: u64, name: &str) -> Vec<f32> {
    pattern(name, count, seed).into_iter().map(|v| 2.0 * v).collect()
}

/// Every tensor of `arch` with the study's head, filled with the pattern.
pub fn state_dict(arch: Arch, seed: u64) -> StateDict {
    let mut dict = StateDict::default();
    for key in keys::expected(arch) {
        let tensor = match key.role {
            Role::BatchCount => RawTensor { dtype: DType::I64, shape: vec![], bytes: vec![0; 8] },
            role => {
                let count = key.shape.iter().product();
                let values: Vec<f32> =
                    pattern(&key.name, count, seed).into_iter().map(|v| fill(role, &key, v)).collect();
                RawTensor::from_f32(key.shape.clone(), &values)
            }
        };
        dict.insert(key.name.clone(), tensor);
    }
    dict
}

fn fill(role: Role, key: &keys::Key, v: f32) -> f32 {
    let fan_in = || key.shape[1..].iter().product::<usize>() as f64;
    match role {
        Role::Convolution => v * (6.0 / fan_in()).sqrt() as f32,
        Role::Linear => v * (3.0 / fan_in()).sqrt() as f32,
        Role::RunningVariance => 1.0 + 0.1 * v,
        // Keeps ResNet's residual sums from growing.
        Role::NormScale if key.name.ends_with("bn3.weight") => 0.25 * (1.0 + 0.1 * v),
        Role::NormScale => 1.0 + 0.1 * v,
        Role::Bias | Role::RunningMean => 0.1 * v,
        Role::BatchCount => 0.0,
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn to_unit(z: u64) -> f32 {
    // 24 bits fit an f32 exactly, and so does the quotient minus one.
    ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_splitmix_over_fnv() {
        // Both constants from the algorithms' own publications: FNV-1a 64 of "a"; splitmix64's first output from seed 0.
        assert_eq!(fnv1a(b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(splitmix(GOLDEN), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn values_stay_in_range_and_depend_on_name_and_seed() {
        let a = pattern("conv1.weight", 1000, 1);
        assert!(a.iter().all(|v| (-1.0..1.0).contains(v)));
        assert!(a.iter().sum::<f32>().abs() < 60.0);
        assert_ne!(a, pattern("conv1.weight", 1000, 2));
        assert_ne!(a, pattern("conv2.weight", 1000, 1));
    }
}
