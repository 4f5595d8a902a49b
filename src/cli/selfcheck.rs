//! `thoracast selfcheck`: known-answer tests of this machine's numerics.

use serde_json::json;

use super::{note, print_json_line, print_line, print_lines};
use thoracast_core::nn::known_answers::{self, Check};
use thoracast_core::nn::{Arch, DeviceChoice};

/// Known-answer tests of this machine's numerics.
#[derive(Debug, clap::Args)]
pub struct SelfcheckArgs {
    /// Print the numbers of this network filled with the known pattern; without it, the built-in answers are checked.
    #[arg(long, value_parser = super::choices::arch())]
    arch: Option<Arch>,
    /// Seed of the pattern.
    #[arg(long, default_value_t = 1, requires = "arch")]
    seed: u64,
    /// Height of the image, pixels; the study's by default.
    #[arg(long, requires = "arch", value_parser = clap::value_parser!(u32).range(32..=4096))]
    height: Option<u32>,
    /// Width of the image, pixels; the study's by default.
    #[arg(long, requires = "arch", value_parser = clap::value_parser!(u32).range(32..=4096))]
    width: Option<u32>,
    /// Where the network runs.
    #[arg(long, value_parser = super::choices::device(), default_value = "auto")]
    device: DeviceChoice,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Runs the self-check; an answer outside its tolerance is an error.
pub fn run(args: SelfcheckArgs) -> anyhow::Result<()> {
    match args.arch {
        Some(arch) => print_answer(arch, &args),
        None => check_all(&args),
    }
}

fn print_answer(arch: Arch, args: &SelfcheckArgs) -> anyhow::Result<()> {
    let recipe = thoracast_core::nn::weights::default_recipe(arch);
    let height = args.height.map_or(recipe.height, |n| n as usize);
    let width = args.width.map_or(recipe.width, |n| n as usize);
    let answer = known_answers::answer(arch, args.seed, height, width, args.device)?;
    if let Some(notice) = &answer.notice {
        note(notice);
    }
    if args.json {
        return print_json_line(&answer);
    }
    print_lines(&[
        format!("{} seed {} image {height}×{width} on {}", arch.name(), answer.seed, answer.device),
        format!("pooled features (first 16 of {}): {:?}", arch.features(), answer.pooled),
        format!("their norm: {}", answer.pooled_norm),
        format!("log-probabilities: {:?}", answer.log_prob),
        format!("time: {:.3} s", answer.seconds),
    ])
}

fn check_all(args: &SelfcheckArgs) -> anyhow::Result<()> {
    let (device, notice) = thoracast_core::nn::device_for(args.device)?;
    if let Some(notice) = notice {
        note(&notice);
    }
    let checks = known_answers::run_all(args.device)?;
    let failed: Vec<&Check> = checks.iter().filter(|c| !c.passed).collect();
    if args.json {
        print_json_line(&json!({ "passed": failed.is_empty(), "device": device, "checks": checks }))?;
    } else {
        print_line(&format!("on {device}"))?;
        for check in &checks {
            let verdict = if check.passed { "pass" } else { "FAIL" };
            print_line(&format!(
                "{verdict}  {}: {} (expected {} ± {:.1e})",
                check.name, check.got, check.expected, check.tolerance
            ))?;
        }
    }
    match failed.first() {
        None => Ok(()),
        Some(first) => anyhow::bail!(
            "{} of {} known answers are wrong on this machine, the first is {}: do not use its predictions",
            failed.len(),
            checks.len(),
            first.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: SelfcheckArgs,
    }

    #[test]
    fn the_contracts_arguments_parse_and_wrong_ones_do_not() {
        let line = "x --arch densenet161 --seed 2 --height 96 --width 128 --device cpu --json";
        let args = Cli::try_parse_from(line.split(' ')).unwrap().args;
        assert_eq!(
            (args.arch, args.seed, args.height, args.width),
            (Some(Arch::Densenet161), 2, Some(96), Some(128))
        );
        for wrong in ["x --arch vgg", "x --height 96", "x --arch resnet50 --height 8", "x --device tpu"] {
            assert!(Cli::try_parse_from(wrong.split(' ')).is_err(), "{wrong}");
        }
    }

    #[test]
    fn asking_for_cuda_without_it_fails_in_one_sentence() {
        if thoracast_core::nn::cuda_is_built_in() {
            return;
        }
        let args = Cli::try_parse_from("x --device cuda".split(' ')).unwrap().args;
        assert!(run(args).unwrap_err().to_string().contains("no CUDA support"));
    }
}
