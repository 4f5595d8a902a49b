//! `thoracast train clinical`: the boosted trees.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::Common;
use crate::cli::{print_json, print_line, warn};
use thoracast_core::clinical::boosting::EarlyStopping;
use thoracast_core::clinical::smote::SmoteSettings;
use thoracast_core::clinical::{self, ClinicalTraining, Missing};
use thoracast_core::cohort::Split;
use thoracast_files as files;

/// What may be changed of the published recipe.
#[derive(Debug, clap::Args)]
pub struct ClinicalArgs {
    #[command(flatten)]
    common: Common,
    /// Trees at most
    #[arg(long, value_name = "N", default_value_t = 300)]
    trees: usize,
    /// Splits on the longest way through a tree
    #[arg(long, value_name = "N", default_value_t = 3)]
    depth: usize,
    /// Share of each tree's say
    #[arg(long, value_name = "RATE", default_value_t = 0.1)]
    learning_rate: f64,
    /// Share of the patients that each tree sees
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    subsample: f64,
    /// Patients a leaf must hold
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_leaf: usize,
    /// Stop once patients held back are predicted no better
    #[arg(long)]
    early_stopping: bool,
    /// Share of the patients held back for that
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, requires = "early_stopping")]
    held_back: f64,
    /// Trees without improvement after which to stop
    #[arg(long, value_name = "N", default_value_t = 10, requires = "early_stopping")]
    patience: usize,
    /// Models with seeds that follow one another; their log-odds are averaged, their spread is told
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: usize,
    /// What is done with missing values
    #[arg(long, value_enum, default_value = "median")]
    missing: MissingArg,
    /// Leave out BorderlineSMOTE's synthetic patients
    #[arg(long)]
    no_smote: bool,
    /// A variable to leave out, by key; may be given several times
    #[arg(long, value_name = "KEY")]
    without: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum MissingArg {
    /// The training patients' median takes the place
    Median,
    /// Every split learns which way missing values go
    Branch,
}

impl ClinicalArgs {
    /// The published recipe.
    pub(super) fn published(common: Common) -> Self {
        Self {
            common,
            trees: 300,
            depth: 3,
            learning_rate: 0.1,
            subsample: 1.0,
            min_leaf: 1,
            early_stopping: false,
            held_back: 0.1,
            patience: 10,
            seeds: 1,
            missing: MissingArg::Median,
            no_smote: false,
            without: Vec::new(),
        }
    }

    fn training(&self) -> anyhow::Result<ClinicalTraining> {
        let mut training = ClinicalTraining::default();
        if let Some(unknown) = self.without.iter().find(|key| !training.columns.contains(key)) {
            let keys = training.columns.join(", ");
            return Err(anyhow!("--without {unknown} is not among the branch's variables: {keys}"));
        }
        training.columns.retain(|key| !self.without.contains(key));
        training.boosting.trees = self.trees;
        training.boosting.max_depth = self.depth;
        training.boosting.learning_rate = self.learning_rate;
        training.boosting.subsample = self.subsample;
        training.boosting.min_samples_leaf = self.min_leaf;
        training.boosting.early_stopping = self.early_stopping.then(|| EarlyStopping {
            share: self.held_back,
            rounds: self.patience,
            ..EarlyStopping::default()
        });
        training.smote = (!self.no_smote).then(SmoteSettings::default);
        training.seeds = self.seeds;
        training.missing = match self.missing {
            MissingArg::Median => Missing::Median,
            MissingArg::Branch => Missing::Branch,
        };
        Ok(training.seeded(self.common.seed))
    }
}

/// Trains, evaluates on the test table where there is one, writes the model; returns the JSON document.
pub fn train(args: &ClinicalArgs) -> anyhow::Result<Value> {
    let cohort = args.common.folder.open()?;
    let table = cohort.clinical(Split::Train).ok_or_else(|| {
        anyhow!("{}: there is no table clinical_train to train on", args.common.folder.cohort.display())
    })?;
    let clinical::Trained { mut model, losses } = clinical::train_with_losses(table, &args.training()?)?;
    if let Some(test) = cohort.clinical(Split::Test) {
        let (_, warnings) = clinical::read_records(test)?;
        warn(&warnings);
        model = model.with_test(test)?;
    }
    warn(&model.card().warnings);
    let path = args.common.out.join("clinical.json");
    files::write_atomic(&path, &model.to_json().context("writing the clinical model")?)?;
    Ok(json!({
        "model": path, "sha256": model.sha256,
        "n": model.card().trained_on.patients, "events": model.card().trained_on.events,
        "trees": losses.iter().map(|l| l.train.len()).collect::<Vec<_>>(),
        "losses": losses, "card": model.card(),
    }))
}

/// Trains and tells.
pub fn run(args: &ClinicalArgs) -> anyhow::Result<()> {
    let document = train(args)?;
    if args.common.json { print_json(&document) } else { tell(&document) }
}

/// The document in lines.
pub fn tell(document: &Value) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    print_line(&text(&document["card"]["summary"]))?;
    print_line(&text(&document["card"]["recipe"]))?;
    print_line(&format!("missing values: {}", text(&document["card"]["missing_values"])))?;
    let path = text(&document["model"]);
    print_line(&format!("written to {} (SHA-256 {})", Path::new(&path).display(), text(&document["sha256"])))
}
