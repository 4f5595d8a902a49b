//! Known answers: what PyTorch says of the pattern, to check this machine's arithmetic against.
//!
//! The constants were computed with PyTorch 2.15 and torchvision 0.29 (float32, CPU) on networks and images filled with
//! the pattern of [`super::pattern`], seed 1.

use std::time::Instant;

use serde::Serialize;

use super::engine::Engine;
use super::head::Head;
use super::{Arch, DeviceChoice, Heatmap, NnError, grad_cam, pattern};

/// What a network filled with the pattern says of an image filled with it.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    pub arch: Arch,
    pub seed: u64,
    /// 1, 3, height, width.
    pub shape: [usize; 4],
    /// The first 16 pooled features.
    pub pooled: Vec<f32>,
    /// L2 norm of all of them.
    pub pooled_norm: f64,
    pub log_prob: [f64; 2],
    /// Time of one pass through backbone and head, without loading.
    pub seconds: f64,
    pub device: String,
    #[serde(skip)]
    pub notice: Option<String>,
    /// Grad-CAM of class 1.
    #[serde(skip)]
    pub cam: Option<Heatmap>,
}

/// Fills network and image with the pattern and runs them.
pub fn answer(
    arch: Arch,
    seed: u64,
    height: usize,
    width: usize,
    device: DeviceChoice,
) -> Result<Answer, NnError> {
    let dict = pattern::state_dict(arch, seed);
    let engine = Engine::new(arch, &dict, device)?;
    let head = Head::new(&dict, arch).map_err(NnError::Compute)?;
    drop(dict);
    let image = pattern::input(3 * height * width, seed, "input");
    let start = Instant::now();
    let map = engine.feature_map(&image, height, width)?;
    let pooled = map.pooled();
    let log_prob = head.log_prob(&pooled).0;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Answer {
        arch,
        seed,
        shape: [1, 3, height, width],
        pooled_norm: pooled.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt(),
        pooled: pooled.iter().take(16).copied().collect(),
        log_prob,
        seconds,
        device: engine.device_name().to_owned(),
        notice: engine.notice().map(str::to_owned),
        cam: Some(grad_cam::heatmap(&map, std::slice::from_ref(&head), 1)),
    })
}

/// One comparison of the self-check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    pub name: String,
    pub expected: f64,
    pub got: f64,
    /// Largest difference that passes.
    pub tolerance: f64,
    pub passed: bool,
}

struct Known {
    arch: Arch,
    height: usize,
    width: usize,
    pooled: [f64; 4],
    pooled_norm: f64,
    log_prob: [f64; 2],
}

// Odd sizes on purpose: they exercise the borders of pooling and stride.
const KNOWN: [Known; 2] = [
    Known {
        arch: Arch::Densenet161,
        height: 96,
        width: 128,
        pooled: [1.699_866_9, 0.0, 1.195_387_5, 0.166_139_14],
        pooled_norm: 78.753_173_8,
        log_prob: [-0.739_487_469, -0.648_859_56],
    },
    Known {
        arch: Arch::Resnet50,
        height: 97,
        width: 131,
        pooled: [4.289_346_2, 1.737_997_4, 1.273_243, 0.206_375_67],
        pooled_norm: 173.451_797,
        log_prob: [-7.236_512_2, -0.000_720_122_36],
    },
];

/// Runs every built-in known answer.
pub fn run_all(device: DeviceChoice) -> Result<Vec<Check>, NnError> {
    let mut checks = vec![];
    for known in &KNOWN {
        let got = answer(known.arch, 1, known.height, known.width, device)?;
        let mut check = |what: String, expected: f64, value: f64, tolerance: f64| {
            let name = format!("{} {}×{} {what}", known.arch.name(), known.height, known.width);
            let passed = (value - expected).abs() <= tolerance;
            checks.push(Check { name, expected, got: value, tolerance, passed });
        };
        for (i, (expected, value)) in known.pooled.iter().zip(&got.pooled).enumerate() {
            check(format!("feature {i}"), *expected, f64::from(*value), 1e-4 * expected.abs() + 1e-5);
        }
        check(
            "norm of the features".to_owned(),
            known.pooled_norm,
            got.pooled_norm,
            1e-4 * known.pooled_norm,
        );
        for (class, (expected, value)) in known.log_prob.iter().zip(got.log_prob).enumerate() {
            check(format!("log-probability {class}"), *expected, value, 1e-3);
        }
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use thoracast_files::testing::shared;

    #[derive(Deserialize)]
    struct Reference {
        arch: Arch,
        seed: u64,
        shape: [usize; 4],
        pooled: Vec<f64>,
        pooled_norm: f64,
        log_prob: [f64; 2],
        cam: Vec<Vec<f32>>,
    }

    fn references() -> Vec<Reference> {
        let Some(folder) = shared("reference/networks") else { return vec![] };
        serde_json::from_slice(&std::fs::read(folder.join("forward.json")).unwrap()).unwrap()
    }

    fn meets(reference: &Reference) {
        let [_, _, height, width] = reference.shape;
        let got = answer(reference.arch, reference.seed, height, width, DeviceChoice::Cpu).unwrap();
        let label = format!("{} seed {} {height}×{width}", reference.arch.name(), reference.seed);
        let mut worst = 0f64;
        for (want, have) in reference.pooled.iter().zip(&got.pooled) {
            // Relative to the value; a mean over thousands of near-zero activations also gets float32's own noise.
            let error = (f64::from(*have) - want).abs() / want.abs().max(0.1);
            worst = worst.max(error);
        }
        let norm = (got.pooled_norm - reference.pooled_norm).abs() / reference.pooled_norm;
        let logs = (0..2).map(|i| (got.log_prob[i] - reference.log_prob[i]).abs()).fold(0.0, f64::max);
        let cam = got.cam.unwrap();
        assert_eq!((cam.height, cam.width), (reference.cam.len(), reference.cam[0].len()), "{label}");
        let cams = reference.cam.concat();
        let off = cam.values.iter().zip(&cams).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        eprintln!(
            "{label}: pooled {worst:.1e}, norm {norm:.1e}, log-prob {logs:.1e}, cam {off:.1e}, {:.2} s",
            got.seconds
        );
        assert!(worst <= 1e-4 && norm <= 1e-4 && logs <= 1e-3 && off <= 1e-3, "{label}");
    }

    #[test]
    fn small_images_meet_pytorch() {
        references().iter().filter(|r| r.shape[2] < 200).for_each(meets);
    }

    #[test]
    fn full_images_meet_pytorch() {
        references().iter().filter(|r| r.shape[2] >= 200).for_each(meets);
    }

    /// The fast form runs on the CPU everywhere else; candle's, which CUDA and training use, is held to the same numbers.
    #[test]
    fn candles_form_meets_pytorch_too() {
        use crate::layers::Backbone;
        use candle_core::Device;
        for reference in references().iter().filter(|r| r.shape[2] < 200) {
            let [_, _, height, width] = reference.shape;
            let dict = pattern::state_dict(reference.arch, reference.seed);
            let net = Backbone::from_dict(reference.arch, &dict, &Device::Cpu).unwrap();
            let image = pattern::input(3 * height * width, reference.seed, "input");
            let pooled = net.feature_map(&image, height, width, &Device::Cpu).unwrap().pooled();
            for (want, have) in reference.pooled.iter().zip(&pooled) {
                assert!((f64::from(*have) - want).abs() <= 1e-4 * want.abs().max(0.1), "{have} {want}");
            }
            let log_prob = Head::new(&dict, reference.arch).unwrap().log_prob(&pooled).0;
            assert!((0..2).all(|i| (log_prob[i] - reference.log_prob[i]).abs() <= 1e-3));
        }
    }

    #[test]
    fn the_built_in_answers_pass() {
        let checks = run_all(DeviceChoice::Cpu).unwrap();
        assert_eq!(checks.len(), 14);
        let failed: Vec<_> = checks.iter().filter(|c| !c.passed).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }
}
