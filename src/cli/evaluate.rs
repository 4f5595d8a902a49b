//! `thoracast evaluate`: every branch, fusion and alternative on a split of a cohort.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::folder::{FolderArgs, ModelArgs};
use super::{Stages, count, note, print_json, print_lines, warn};
use thoracast_core::assess::RESEARCH_ONLY;
use thoracast_core::cohort::Split;
use thoracast_core::evaluate::{self, Branch, CrossValidation, Evaluation, Options};

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Whose patients
    #[arg(long, default_value = "test", value_parser = split)]
    split: Split,
    /// A second clinical model, fitted on the training table without these variables (age,n_stage,…)
    #[arg(long, value_name = "VARIABLES", value_delimiter = ',')]
    without: Vec<String>,
    /// Cross-validate the clinical models over all patients: so many folds
    #[arg(long, value_name = "K", value_parser = count::<2, 1000>)]
    folds: Option<usize>,
    /// So many times, dealt out anew
    #[arg(long, default_value_t = 1, requires = "folds", value_name = "R", value_parser = count::<1, 1000>)]
    repeats: usize,
    /// Also write the stacked fusion's weights here, for `predict --fusion FILE`
    #[arg(long, value_name = "FILE")]
    stacking: Option<PathBuf>,
    /// The same seed gives the same folds and the same fits
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    models: ModelArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn split(text: &str) -> Result<Split, String> {
    let found = Split::ALL.into_iter().find(|s| s.name() == text);
    found.ok_or_else(|| "give train, valid or test".to_owned())
}

pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let cohort = args.folder.open()?;
    let models = args.models.load()?;
    let options = Options {
        split: args.split,
        without: args.without.clone(),
        cross_validation: args.folds.map(|folds| CrossValidation { folds, repeats: args.repeats }),
        seed: args.seed,
    };
    let result = evaluate::run(&cohort, &models, &options, &Stages)?;
    warn(&result.warnings);
    if let Some(path) = &args.stacking {
        let fitted = result
            .stacking
            .as_ref()
            .context("there are no stacking weights: no patient has all three branches")?;
        fitted.write(path)?;
        note(&format!("stacking weights: {}", path.display()));
    }
    if args.json { print_json(&result) } else { print_lines(&in_words(&result)) }
}

fn in_words(result: &Evaluation) -> Vec<String> {
    let mut lines = vec![format!(
        "{} patients of the {} split, {} with metastasis{}",
        result.n,
        result.split,
        result.events,
        if result.simulated { " (simulated)" } else { "" }
    )];
    lines.push(format!(
        "{:<17} {:>4}  {:<21} {:>11} {:>11} {:>5} {:>5} {:>8} {:>6}",
        "", "n", "AUC (95 % interval)", "sensitivity", "specificity", "PPV", "NPV", "accuracy", "Brier"
    ));
    lines.extend(result.branches.iter().map(row));
    for c in result.cross_validation.iter().flatten() {
        lines.push(format!(
            "{}: cross-validated AUC {:.3} (standard deviation {:.3} over {} times {} folds), {} patients, {} with metastasis",
            c.name, c.auc, c.auc_sd, c.repeats, c.folds, c.n, c.events
        ));
    }
    let reported: Vec<String> =
        result.published.reported.iter().map(|r| format!("{} {:.3}", r.name, r.auc)).collect();
    lines.push(format!("AUC the study reported for its own test patients: {}", reported.join(", ")));
    for r in &result.published.recounted {
        lines.push(format!(
            "from its published predictions, {}: {}",
            r.name,
            auc(r.figures.auc, r.figures.auc_low, r.figures.auc_high)
        ));
    }
    lines.push(RESEARCH_ONLY.to_owned());
    lines
}

fn row(branch: &Branch) -> String {
    let f = &branch.figures;
    let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
    format!(
        "{:<17} {:>4}  {:<21} {:>11} {:>11} {:>5} {:>5} {:>8} {:>6.3}",
        branch.name,
        f.n,
        auc(f.auc, f.auc_low, f.auc_high),
        share(f.sensitivity),
        share(f.specificity),
        share(f.ppv),
        share(f.npv),
        share(f.accuracy),
        f.brier
    )
}

fn auc(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    match (value, low, high) {
        (Some(auc), Some(low), Some(high)) => format!("{auc:.3} ({low:.3}–{high:.3})"),
        (Some(auc), ..) => format!("{auc:.3}"),
        _ => "–".to_owned(),
    }
}
