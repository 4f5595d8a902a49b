//! The trainer against PyTorch's training step.

use serde::Deserialize;

use super::*;
use crate::pattern;
use thoracast_files::testing::shared;

#[derive(Deserialize)]
struct Reference {
    loss: f64,
    flooded: f64,
    head_grad_norm: f64,
    first_conv_grad_norm: Option<f64>,
    first_bn_running_mean: Vec<f64>,
    loss_after_one_adam_step: f64,
}

fn options(batch_statistics: bool) -> StepOptions {
    StepOptions {
        learning_rate: 1e-3,
        weight_decay: 0.0,
        dropout: 0.0,
        flooding: 0.1,
        class_weights: [1.0; 2],
        batch_statistics,
        at_once: 32,
        seed: 0,
    }
}

const SIZE: (usize, usize) = (96, 128);

fn images() -> [Vec<f32>; 2] {
    ["input0", "input1"].map(|name| pattern::input(3 * SIZE.0 * SIZE.1, 1, name))
}

/// Loss and slopes of one batch, without a step.
fn slopes(learner: &Learner, statistics: bool) -> Gradients {
    let options = options(statistics);
    let images = images();
    let x = Tensor::from_vec(images.concat(), (2, 3, SIZE.0, SIZE.1), &Device::Cpu).unwrap();
    let mut sum = Gradients::new(learner, &options, [0, 1].into_iter());
    sum.add(learner, &learner.pooled(&x, statistics).unwrap(), &[0, 1], &options).unwrap();
    sum
}

fn norm_of(learner: &Learner, sum: &Gradients, name: &str) -> f64 {
    let at = learner.learned.iter().position(|(n, _)| n == name).unwrap();
    let slope = sum.slopes[at].as_ref().unwrap();
    slope.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt().into()
}

fn near(what: &str, got: f64, want: f64, relative: f64) {
    eprintln!("{what}: {got} ({want}), off by {:.1e}", (got - want).abs() / want.abs());
    assert!((got - want).abs() <= relative * want.abs(), "{what}: {got} instead of {want}");
}

fn meets(arch: Arch, fine_tune: bool, want: &Reference) {
    let trainable = if fine_tune { Trainable::All } else { Trainable::Head };
    let dict = pattern::state_dict(arch, 1);
    let mut learner = Learner::new(arch, &dict, trainable, DeviceChoice::Cpu).unwrap();
    let what = |part: &str| format!("{} {part}, {}", arch.name(), if fine_tune { "all" } else { "head" });

    let sum = slopes(&learner, fine_tune);
    near(&what("loss"), sum.loss, want.loss, 1e-4);
    near(&what("flooded loss"), (sum.loss - 0.1).abs() + 0.1, want.flooded, 1e-4);
    let head = format!("{}.0.weight", arch.head_prefix());
    near(&what("head's gradient"), norm_of(&learner, &sum, &head), want.head_grad_norm, 1e-3);
    let (conv, norm) = match arch {
        Arch::Densenet161 => ("features.conv0.weight", "features.norm0.running_mean"),
        Arch::Resnet50 => ("conv1.weight", "bn1.running_mean"),
    };
    match want.first_conv_grad_norm {
        Some(norm) => near(&what("first convolution's gradient"), norm_of(&learner, &sum, conv), norm, 1e-3),
        None => assert!(learner.learned.iter().all(|(name, _)| name != conv)),
    }
    let running: Vec<f32> = learner.tensors[norm].to_vec1().unwrap();
    for (got, want) in running.iter().zip(&want.first_bn_running_mean) {
        assert!((f64::from(*got) - want).abs() < 1e-5, "{}: {got} {want}", what("running mean"));
    }

    // A learner of its own: the slopes above already moved the running statistics.
    learner = Learner::new(arch, &dict, trainable, DeviceChoice::Cpu).unwrap();
    let images = images();
    let batch = [Sample { image: &images[0], label: 0 }, Sample { image: &images[1], label: 1 }];
    learner.step(&batch, SIZE.0, SIZE.1, &options(fine_tune)).unwrap();
    let after = slopes(&learner, fine_tune).loss;
    near(&what("loss after a step"), after, want.loss_after_one_adam_step, 2e-2);
}

#[test]
fn one_step_meets_pytorch() {
    let Some(folder) = shared("reference/networks") else { return };
    let text = std::fs::read_to_string(folder.join("train_step.json")).unwrap();
    let all: BTreeMap<String, BTreeMap<String, Reference>> = serde_json::from_str(&text).unwrap();
    for arch in [Arch::Densenet161, Arch::Resnet50] {
        meets(arch, false, &all[arch.name()]["head_only"]);
        meets(arch, true, &all[arch.name()]["fine_tune"]);
    }
}

#[test]
#[ignore = "prints the time of a training step; run by hand with --release"]
fn time_of_a_step() {
    for (arch, height, width, count) in
        [(Arch::Densenet161, 150, 250, 8), (Arch::Resnet50, 200, 250, 8), (Arch::Densenet161, 300, 500, 2)]
    {
        let dict = pattern::state_dict(arch, 1);
        let mut learner = Learner::new(arch, &dict, Trainable::All, DeviceChoice::Cpu).unwrap();
        let image = pattern::input(3 * height * width, 1, "input");
        let batch: Vec<Sample<'_>> = (0..count).map(|i| Sample { image: &image, label: i % 2 }).collect();
        for _ in 0..3 {
            let start = std::time::Instant::now();
            learner.step(&batch, height, width, &options(true)).unwrap();
            eprintln!("{} {height}×{width}: {:?} an image", arch.name(), start.elapsed() / count as u32);
        }
    }
}
