//! `thoracast train`: fits the models from a cohort folder and writes them with their cards.

mod networks;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::{note, print_json, print_line};
use crate::clinical::{self, ClinicalTraining};
use crate::cohort::{Table, published};
use crate::files;
use crate::level::Level;
use crate::stats::nomogram::{self, NomogramModel};

/// Trains a model from a cohort folder.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The boosted trees, from clinical_train.csv; evaluated on clinical_test.csv where present
    Clinical(Common),
    /// The network at T4 (DenseNet161), from images/T4
    T4(networks::NetworkArgs),
    /// The network at T11 (ResNet50), from images/T11
    T11(networks::NetworkArgs),
    /// The nomogram, from nomogram_test.csv; checks the fusion rule on published_test_predictions.csv where present
    Fusion(Common),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Folder with the cohort's tables
    #[arg(long, value_name = "DIR")]
    cohort: PathBuf,
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
        What::Clinical(common) => train_clinical(&common),
        What::Fusion(common) => train_fusion(&common),
    }
}

fn train_clinical(args: &Common) -> anyhow::Result<()> {
    let table = Table::read(&args.cohort.join("clinical_train.csv"))?;
    let mut training = ClinicalTraining::default();
    training.smote.seed = args.seed;
    let mut model = clinical::train(&table, &training)?;
    if let Some(test) = read_if_there(&args.cohort.join("clinical_test.csv"))? {
        let (_, warnings) = clinical::read_records(&test)?;
        warn(&warnings);
        model = model.with_test(&test)?;
    }
    warn(&model.card().warnings);
    let path = args.out.join("clinical.json");
    files::write_atomic(&path, &model.to_json().context("writing the clinical model")?)?;
    if args.json {
        let document = json!({"model": path, "sha256": model.sha256, "card": model.card()});
        print_json(&document)?;
    } else {
        print_line(model.description())?;
        print_line(&model.card().recipe)?;
        print_line(&format!("written to {} (SHA-256 {})", path.display(), model.sha256))?;
    }
    Ok(())
}

fn train_fusion(args: &Common) -> anyhow::Result<()> {
    let table = Table::read(&args.cohort.join("nomogram_test.csv"))?;
    warn(&table.warnings);
    let model = nomogram::train(&table)?;
    let check = match read_if_there(&args.cohort.join("published_test_predictions.csv"))? {
        Some(predictions) => Some(published::check_fusion(&predictions)?),
        None => None,
    };
    let path = args.out.join("nomogram.json");
    files::write_atomic(&path, &model.to_json().context("writing the nomogram")?)?;
    if args.json {
        let document = json!({
            "model": path,
            "sha256": model.sha256,
            "card": model.card(),
            "intercept": model.model().intercept,
            "predictors": model.model().predictors,
            "cutoff": model.cutoff(),
            "fusion_rule": check,
        });
        print_json(&document)?;
    } else {
        tell_nomogram(&model)?;
        if let Some(check) = check {
            print_line(&format!(
                "Fusion rule: {} of {} published fusions reproduced (T4 and T11 agree in {}, the vote decided {} for T4 and {} for T11)",
                check.reproduced, check.patients, check.agree, check.decided_for_t4, check.decided_for_t11
            ))?;
        }
        print_line(&format!("written to {} (SHA-256 {})", path.display(), model.sha256))?;
    }
    Ok(())
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

fn read_if_there(path: &Path) -> anyhow::Result<Option<Table>> {
    Ok(if path.exists() { Some(Table::read(path)?) } else { None })
}

fn warn(warnings: &[String]) {
    warnings.iter().for_each(|w| note(&format!("warning: {w}")));
}
