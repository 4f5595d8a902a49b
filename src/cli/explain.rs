//! `thoracast explain`: what the clinical branch depends on, for a cohort and for each of its patients.

use std::path::PathBuf;

use anyhow::{anyhow, bail};

use super::folder::FolderArgs;
use super::plot::PlotArgs;
use super::{print_json, print_line, warn};
use thoracast_core::assess::Places;
use thoracast_core::chart::{Chart, beeswarm, waterfall};
use thoracast_core::clinical::importance::{ExplainedCohort, explain_cohort};
use thoracast_core::clinical::{self, ClinicalModel, Kind, variable};
use thoracast_core::cohort::Split;
use thoracast_core::figures::explanation;

/// Logical points of a figure's width.
const WIDTH: f32 = 720.0;

/// Shapley values of every patient, and the importance of every variable.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// The patients to explain
    #[arg(long, default_value = "test", value_parser = super::evaluate::split)]
    split: Split,
    /// The clinical model (default: the program's)
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// One patient only
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The figure shows this variable's shares against its values
    #[arg(long, value_name = "KEY", conflicts_with = "id")]
    variable: Option<String>,
    /// How often each variable is shuffled
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeats: u32,
    /// The same seed shuffles alike
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    plot: PlotArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Explains and prints.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    args.plot.check()?;
    let path = match &args.model {
        Some(path) => path.clone(),
        None => Places::find(None)?.shipped.join("clinical.json"),
    };
    let model = ClinicalModel::load(&path)?;
    if let Some(key) = &args.variable {
        check_variable(&model, key)?;
    }
    let cohort = args.folder.open()?;
    let table = cohort.clinical(args.split).ok_or_else(|| {
        anyhow!("{}: there is no clinical table of the {} patients", args.folder.cohort.display(), args.split)
    })?;
    let (mut records, warnings) = clinical::read_records(table)?;
    warn(&warnings);
    let mut outcome = match table.column("metastasis") {
        Some(_) => clinical::outcomes(table)?,
        None => Vec::new(),
    };
    if let Some(id) = &args.id {
        let Some(at) = records.iter().position(|r| r.id == *id) else {
            bail!("{}: there is no patient '{id}' in the {} split", table.path.display(), args.split);
        };
        records = vec![records.swap_remove(at)];
        outcome = outcome.get(at).map(|y| vec![*y]).unwrap_or_default();
    }
    let explained = explain_cohort(&model, &records, &outcome, args.repeats as usize, args.seed);
    let name = table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let source = format!("{name} · {} patients · {}", records.len(), model.description());
    if let Some(chart) = args.chart(&explained, &source) {
        args.plot.write(|| chart)?;
    } else if args.plot.wanted() {
        bail!("there is nothing to draw: no patient has a value");
    }
    if args.json { print_json(&explained) } else { tell(&explained) }
}

fn check_variable(model: &ClinicalModel, key: &str) -> anyhow::Result<()> {
    if model.columns().any(|c| c == key) {
        return Ok(());
    }
    let keys: Vec<&str> = model.columns().collect();
    bail!("--variable {key} is not used by the model; it uses {}", keys.join(", "))
}

impl ExplainArgs {
    fn chart(&self, explained: &ExplainedCohort, source: &str) -> Option<Chart> {
        if !self.plot.wanted() {
            return None;
        }
        match (&self.id, &self.variable) {
            (Some(_), _) => {
                let patient = explained.patients.first()?;
                waterfall::draw(&explanation::waterfall(&patient.explanation), WIDTH)
            }
            (_, Some(key)) => beeswarm::dependence(&explanation::dependence(explained, key, source)?, WIDTH),
            _ => beeswarm::draw(&explanation::beeswarm(explained, source), WIDTH),
        }
    }
}

fn tell(explained: &ExplainedCohort) -> anyhow::Result<()> {
    if let [patient] = explained.patients.as_slice() {
        print_line(&format!(
            "{}: probability {:.4}; from {:+.3} log-odds of nobody in particular:",
            patient.id, patient.probability, patient.explanation.base_log_odds
        ))?;
        return patient.explanation.by_size().into_iter().try_for_each(|c| {
            let value = c.value.map_or_else(|| "missing".to_owned(), |v| in_words(&c.variable, v));
            print_line(&format!("  {:+.3}  {} = {value}", c.log_odds, c.label))
        });
    }
    if let (Some(auc), Some(loss)) = (explained.auc, explained.log_loss) {
        let n = explained.patients.len();
        print_line(&format!("{n} patients, AUC {auc:.4}, log-loss {loss:.4}"))?;
    }
    print_line("mean share of the log-odds; AUC lost when shuffled (95 %)")?;
    explained.importance.iter().try_for_each(|i| {
        let auc =
            i.auc.map_or_else(String::new, |a| format!("{:>8.4} ({:.4} to {:.4})", a.mean, a.low, a.high));
        let missing = if i.missing > 0 { format!("  {} missing", i.missing) } else { String::new() };
        print_line(&format!("  {:>7.4}  {auc:<28} {}{missing}", i.mean_abs_shap, i.label))
    })
}

fn in_words(key: &str, value: f64) -> String {
    match variable(key) {
        Some(known) if matches!(known.kind, Kind::Code(_)) || !known.unit.is_empty() => {
            explanation::value_words(known, value)
        }
        _ => value.to_string(),
    }
}
