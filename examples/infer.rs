//! Times a network on the known-answer pattern and prints one line of JSON: a whole process to hold against PyTorch and
//! ONNX Runtime (`benches/peers/compare_networks.py`).
//! `cargo run --release --example infer -- densenet161 300 500 [RUNS] [infer|train] [BATCH]`

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use std::process::ExitCode;
use std::time::Instant;

use thoracast_core::nn::learn::{Learner, Sample, StepOptions, Trainable};
use thoracast_core::nn::{Arch, DeviceChoice, learn::Examiner, pattern};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((arch, height, width, rest)) = parse(&arguments) else {
        eprintln!("usage: infer densenet161|resnet50 HEIGHT WIDTH [RUNS] [infer|train] [BATCH]");
        return ExitCode::from(2);
    };
    let runs = rest.first().and_then(|n| n.parse().ok()).unwrap_or(20);
    let batch = rest.get(2).and_then(|n| n.parse().ok()).unwrap_or(1);
    let done = match rest.get(1).map(String::as_str) {
        Some("train") => train(arch, height, width, runs, batch),
        _ => infer(arch, height, width, runs),
    };
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(Arch, usize, usize, &[String])> {
    let arch = match arguments.first()?.as_str() {
        "densenet161" => Arch::Densenet161,
        "resnet50" => Arch::Resnet50,
        _ => return None,
    };
    Some((arch, arguments.get(1)?.parse().ok()?, arguments.get(2)?.parse().ok()?, &arguments[3..]))
}

fn infer(arch: Arch, height: usize, width: usize, runs: usize) -> Result<String, String> {
    let examiner = {
        let dict = pattern::state_dict(arch, 1);
        Examiner::new(arch, &dict, DeviceChoice::Cpu).map_err(|e| e.to_string())?
    };
    let image = pattern::input(3 * height * width, 1, "input");
    let (mut seconds, mut said) = (vec![], [0.0; 2]);
    for _ in 0..runs + 2 {
        let start = Instant::now();
        let pooled = examiner.pooled(&image, height, width).map_err(|e| e.to_string())?;
        said = examiner.log_prob(&pooled);
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(line(&seconds[2..], said[1]))
}

/// Whole training steps (all weights, the batch's own statistics); seconds an image.
fn train(arch: Arch, height: usize, width: usize, runs: usize, batch: usize) -> Result<String, String> {
    let dict = pattern::state_dict(arch, 1);
    let mut learner =
        Learner::new(arch, &dict, Trainable::All, DeviceChoice::Cpu).map_err(|e| e.to_string())?;
    drop(dict);
    let images: Vec<Vec<f32>> =
        (0..batch).map(|i| pattern::input(3 * height * width, 1, &format!("input{i}"))).collect();
    let samples: Vec<Sample<'_>> =
        images.iter().enumerate().map(|(i, image)| Sample { image, label: i % 2 }).collect();
    let options = StepOptions {
        learning_rate: 1e-3,
        weight_decay: 0.0,
        dropout: 0.0,
        flooding: 0.0,
        class_weights: [1.0; 2],
        batch_statistics: true,
        at_once: batch,
        seed: 0,
    };
    let (mut seconds, mut first) = (vec![], None);
    for _ in 0..runs + 1 {
        let start = Instant::now();
        let loss = learner.step(&samples, height, width, &options).map_err(|e| e.to_string())?;
        first.get_or_insert(loss);
        seconds.push(start.elapsed().as_secs_f64() / batch as f64);
    }
    Ok(line(&seconds[1..], first.unwrap_or_default()))
}

fn line(seconds: &[f64], answer: f64) -> String {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied();
    serde_json::json!({
        "median_s": median, "least_s": sorted.first(), "answer": answer, "peak_kib": peak_kib(),
    })
    .to_string()
}

/// Largest resident size of this process so far, where the system tells it (Linux).
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
