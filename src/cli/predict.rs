//! `thoracast predict`: one patient through everything, from a series or from already-cut slices.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::folder::ModelArgs;
use super::{Stages, note, print_json, print_lines, warn};
use thoracast_core::assess::{self, Assessment, LevelPicture, Models, RESEARCH_ONLY, UNTRAINED};
use thoracast_core::clinical::{self, Record};
use thoracast_core::cohort::Table;
use thoracast_core::figures::votes;
use thoracast_core::fusion::{FittedStacking, FusionRule};
use thoracast_core::report;
use thoracast_core::slice;
use thoracast_dicom::{self as dicom, Series};
use thoracast_files::words;

#[derive(Args)]
pub struct PredictArgs {
    /// Folder, file, ZIP or DICOMDIR with the CT series
    #[arg(required_unless_present_all = ["t4_image", "t11_image"], conflicts_with_all = ["t4_image", "t11_image"])]
    path: Option<PathBuf>,
    /// Clinical table (CSV or XLSX), one row a patient
    #[arg(long, value_name = "FILE")]
    clinical: PathBuf,
    /// The patient's ID in the clinical table (default: the patient ID of the series)
    #[arg(long)]
    id: Option<String>,
    /// Slice at vertebra T4, counted from 0 at the feet
    #[arg(long, value_name = "N")]
    t4: Option<usize>,
    /// Slice at vertebra T11, counted from 0 at the feet
    #[arg(long, value_name = "N")]
    t11: Option<usize>,
    /// Series to use where a study has several
    #[arg(long, value_name = "UID")]
    series: Option<String>,
    /// An already-cut T4 slice (PNG or JPEG)
    #[arg(long, value_name = "FILE", requires = "t11_image", requires = "id")]
    t4_image: Option<PathBuf>,
    /// An already-cut T11 slice (PNG or JPEG)
    #[arg(long, value_name = "FILE", requires = "t4_image", requires = "id")]
    t11_image: Option<PathBuf>,
    /// How the three branches become one probability: vote (the study's), mean (of their log-odds), or a file of
    /// stacking weights that `evaluate --stacking` wrote
    #[arg(long, value_name = "vote|mean|FILE", default_value = "vote")]
    fusion: String,
    /// Write report.json and report.pdf here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the result as one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    models: ModelArgs,
}

/// What the networks and trees are given.
struct Inputs {
    t4: LevelPicture,
    t11: LevelPicture,
    record: Record,
    series: Option<Series>,
    warnings: Vec<String>,
}

pub fn run(args: PredictArgs) -> anyhow::Result<()> {
    let table = Table::read(&args.clinical)?;
    // A wrong ID or cell is told before the networks are loaded, when the ID is known that early.
    if let Some(id) = &args.id {
        clinical::read_record(&table, id)?;
    }
    let rule = fusion_rule(&args.fusion)?;
    let models = args.models.load()?;
    let inputs = match (&args.path, &args.t4_image, &args.t11_image) {
        (Some(path), _, _) => from_series(path, &args, &table, &models)?,
        (None, Some(t4), Some(t11)) => from_pictures(t4, t11, &args, &table, &models)?,
        _ => bail!("give a study's path, or both --t4-image and --t11-image"),
    };
    let Inputs { t4, t11, record, series, warnings } = inputs;
    let warnings = words::capped(warnings);
    let assessment = assess::assess(&models, t4, t11, &record, &rule, warnings, &Stages)?;
    warn(&assessment.warnings);
    if let Some(folder) = &args.out {
        let provenance = report::provenance(&models, series.as_ref());
        report::save(&assessment, &record, &provenance, &folder.join("report.pdf"))?;
        note(&format!("report: {}", folder.join("report.pdf").display()));
    }
    if args.json { print_json(&assessment) } else { print_lines(&in_words(&assessment)) }
}

fn fusion_rule(asked: &str) -> anyhow::Result<FusionRule> {
    Ok(match asked {
        "vote" => FusionRule::Vote,
        "mean" => FusionRule::MeanLogOdds,
        file => FusionRule::Stacking(
            FittedStacking::read(Path::new(file)).context("--fusion takes vote, mean or a file")?,
        ),
    })
}

fn from_pictures(
    t4: &Path,
    t11: &Path,
    args: &PredictArgs,
    table: &Table,
    models: &Models,
) -> anyhow::Result<Inputs> {
    let id = args.id.as_deref().context("--id names the patient's row in the clinical table")?;
    let (record, warnings) = clinical::read_record(table, id)?;
    let picture = |path: &Path, network: &thoracast_core::nn::Network| -> anyhow::Result<LevelPicture> {
        Ok(LevelPicture { slice: None, picture: slice::read_picture(path, &network.card.recipe)? })
    };
    Ok(Inputs {
        t4: picture(t4, &models.t4)?,
        t11: picture(t11, &models.t11)?,
        record,
        series: None,
        warnings,
    })
}

fn from_series(path: &Path, args: &PredictArgs, table: &Table, models: &Models) -> anyhow::Result<Inputs> {
    let (Some(t4), Some(t11)) = (args.t4, args.t11) else {
        bail!(
            "give the slices with --t4 N and --t11 N (counted from 0 at the feet): levels are not proposed yet"
        );
    };
    let scan = dicom::scan(&[path.to_owned()], &Stages)?;
    let unreadable = scan.unreadable.iter().map(|file| format!("{}: {}", file.path.display(), file.reason));
    warn(&unreadable.collect::<Vec<_>>());
    let mut warnings = Vec::new();
    let series = choose(&scan.series, args.series.as_deref(), path, &mut warnings)?;
    let id = args.id.clone().unwrap_or_else(|| series.patient_id.clone());
    let (record, of_record) = clinical::read_record(table, &id)?;
    warnings.extend(series.warnings.iter().cloned());
    warnings.extend(of_record);
    let volume = dicom::load(series, t4, &Stages, &|_, _| ())?;
    let (t4, t11) = assess::cut_pictures(models, &volume, t4, t11)?;
    Ok(Inputs { t4, t11, record, series: Some(series.clone()), warnings })
}

/// The series asked for, or the one with most slices (said aloud where there was a choice).
fn choose<'a>(
    series: &'a [Series],
    uid: Option<&str>,
    path: &Path,
    warnings: &mut Vec<String>,
) -> Result<&'a Series, dicom::DicomError> {
    let choice = dicom::choose(series, uid, path)?;
    if choice.usable > 1 && uid.is_none() {
        warnings.push(format!(
            "{} usable series; the one with most slices was taken: {} (choose with --series)",
            choice.usable, choice.series.uid
        ));
    }
    Ok(choice.series)
}

/// The result for a person at a terminal.
pub(super) fn in_words(a: &Assessment) -> Vec<String> {
    let mut lines = Vec::new();
    if !a.meaningful {
        lines.push(UNTRAINED.to_uppercase());
    }
    let vote = |v: bool| if v { "metastasis" } else { "none" };
    lines.push(format!("Patient {}", a.id));
    for (name, probability, says, spread) in [
        ("T4", a.t4.probability, a.t4.vote, a.t4.spread()),
        ("T11", a.t11.probability, a.t11.vote, a.t11.spread()),
        ("clinical", a.clinical.probability, a.clinical.vote, a.clinical.spread),
    ] {
        let members = spread.map_or_else(String::new, |[low, high]| {
            format!(" (the models of the ensemble: {low:.3} to {high:.3})")
        });
        lines.push(format!("  {name:<9} {probability:.3}  votes {}{members}", vote(says)));
    }
    lines.push(format!("  fused     {:.3}  {}", a.fused.probability, votes::origin(&a.fused)));
    match (a.nomogram.risk, a.nomogram.total, a.nomogram.group) {
        (Some(risk), Some(total), Some(group)) => {
            let group = format!("{group:?}").to_lowercase();
            lines.push(format!("  nomogram  {risk:.3}  {total:.1} points, {group} risk"));
        }
        _ => lines.push("  nomogram  no risk: a predictor is missing".to_owned()),
    }
    lines.push(RESEARCH_ONLY.to_owned());
    lines
}
