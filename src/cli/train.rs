//! `thoracast train`: fits the models from a cohort folder and writes them with their cards.

mod clinical;
mod networks;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::folder::FolderArgs;
use super::{note, print_json, print_line, warn};
use thoracast_core::cohort::Split;
use thoracast_core::cohort::published::{self, FusionCheck};
use thoracast_core::level::Level;
use thoracast_core::nomogram::{self, NomogramModel};
use thoracast_files as files;

/// Trains a model from a cohort folder.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The boosted trees, from clinical_train.csv; evaluated on clinical_test.csv where present
    Clinical(clinical::ClinicalArgs),
    /// The network at T4 (DenseNet161), from images/T4
    T4(networks::NetworkArgs),
    /// The network at T11 (ResNet50), from images/T11
    T11(networks::NetworkArgs),
    /// The nomogram, from nomogram_test.csv; checks the fusion rule on published_test_predictions.csv where present
    Fusion(Common),
    /// All of these that the cohort has the data for; the options are the networks'
    All(networks::NetworkArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct Common {
    #[command(flatten)]
    folder: FolderArgs,
    /// Folder the model file is written to
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// The same seed gives the same model
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Trains what was asked for.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    match args.what {
        What::T4(args) => networks::run(Level::T4, &args),
        What::T11(args) => networks::run(Level::T11, &args),
        What::Clinical(args) => clinical::run(&args),
        What::Fusion(common) => run_fusion(&common),
        What::All(args) => train_all(&args),
    }
}

/// The nomogram's model and how the fusion rule did; the JSON document of the two.
fn train_fusion(args: &Common) -> anyhow::Result<(NomogramModel, Option<FusionCheck>, Value)> {
    let cohort = args.folder.open()?;
    let table = cohort.survival(Split::Test).ok_or_else(|| {
        anyhow!("{}: there is no table nomogram_test to fit the nomogram on", args.folder.cohort.display())
    })?;
    warn(&table.warnings);
    let model = nomogram::train(table)?;
    let check = cohort.predictions.as_ref().map(published::check_fusion).transpose()?;
    let path = args.out.join("nomogram.json");
    files::write_atomic(&path, &model.to_json().context("writing the nomogram")?)?;
    let document = json!({
        "model": path,
        "sha256": model.sha256,
        "card": model.card(),
        "intercept": model.model().intercept,
        "predictors": model.model().predictors,
        "cutoff": model.cutoff(),
        "fusion_rule": check,
    });
    Ok((model, check, document))
}

fn run_fusion(args: &Common) -> anyhow::Result<()> {
    let (model, check, document) = train_fusion(args)?;
    if args.json {
        return print_json(&document);
    }
    tell_nomogram(&model)?;
    if let Some(check) = check {
        print_line(&format!(
            "Fusion rule: {} of {} published fusions reproduced (T4 and T11 agree in {}, the vote decided {} for T4 and {} for T11)",
            check.reproduced, check.patients, check.agree, check.decided_for_t4, check.decided_for_t11
        ))?;
    }
    print_line(&format!("written to {} (SHA-256 {})", args.out.join("nomogram.json").display(), model.sha256))
}

/// Everything the cohort has the data for, in the order in which one needs the other.
fn train_all(args: &networks::NetworkArgs) -> anyhow::Result<()> {
    let common = args.common();
    let cohort = common.folder.open()?;
    let mut done = serde_json::Map::new();
    let mut step = |name: &str, document: Value| -> anyhow::Result<()> {
        if !args.json() {
            let text = document["card"]["summary"].as_str().or(document["card"]["description"].as_str());
            print_line(&format!("{name}: {}", text.unwrap_or("done")))?;
        }
        done.insert(name.to_owned(), document);
        Ok(())
    };
    if cohort.clinical(Split::Train).is_some() {
        note("Clinical branch…");
        step("clinical", clinical::train(&clinical::ClinicalArgs::published(common.clone()))?)?;
    }
    if cohort.survival(Split::Test).is_some() {
        note("Nomogram…");
        step("fusion", train_fusion(&common)?.2)?;
    }
    for level in Level::ALL {
        if cohort.pictures.iter().any(|p| p.level == level && p.split == Split::Train) {
            note(&format!("Network at {}…", level.name()));
            step(&level.name().to_lowercase(), networks::train(level, args)?)?;
        }
    }
    if done.is_empty() {
        return Err(anyhow!(
            "{}: there is neither a table clinical_train or nomogram_test nor a training picture",
            common.folder.cohort.display()
        ));
    }
    if args.json() { print_json(&done) } else { Ok(()) }
}

fn tell_nomogram(model: &NomogramModel) -> anyhow::Result<()> {
    print_line(model.description())?;
    let card = model.card();
    print_line(&format!("apparent C {:.4}, Brier score {:.4}", card.apparent_c, card.brier))?;
    let cutoff = model.cutoff();
    print_line(&format!(
        "high risk from {:.2} points (risk {:.3}): {}",
        cutoff.total_points, cutoff.risk, cutoff.how
    ))?;
    for line in &card.notes {
        print_line(line)?;
    }
    Ok(())
}
