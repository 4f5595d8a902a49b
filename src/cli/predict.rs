//! `thoracast predict`: one patient through everything, from a series or from already-cut slices.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::folder::ModelArgs;
use super::{Stages, note, print_json, print_lines, warn};
use thoracast_core::assess::{
    self, Assessment, Case, Gravity, LevelPicture, Models, Placed, RESEARCH_ONLY, Remark, UNTRAINED,
};
use thoracast_core::clinical::{self, Record};
use thoracast_core::cohort::Table;
use thoracast_core::figures::votes;
use thoracast_core::fusion::{FittedStacking, FusionRule};
use thoracast_core::identity::{self, Identity, OtherPatient, Subject};
use thoracast_core::level::{self, Convention, Level};
use thoracast_core::nn::Network;
use thoracast_core::report::{self, Input};
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
    /// The table knows this patient under another number than the study: without this a row whose ID is not the
    /// study's PatientID is refused
    #[arg(long, conflicts_with_all = ["t4_image", "t11_image"])]
    different_id: bool,
    /// Slice at vertebra T4, counted from 0 at the feet (default: as `levels` proposes it, where that is certain)
    #[arg(long, value_name = "N")]
    t4: Option<usize>,
    /// Slice at vertebra T11, counted from 0 at the feet (default: likewise)
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

/// A patient as found on the disk, before any model is loaded.
struct Found<'a> {
    subject: Subject,
    record: Record,
    pictures: Pictures<'a>,
    remarks: Vec<Remark>,
    inputs: Vec<Input>,
}

/// Where the pictures at T4 and T11 come from.
enum Pictures<'a> {
    /// Slices of a series; those not given are proposed from its spine.
    Series {
        series: Box<Series>,
        t4: Option<usize>,
        t11: Option<usize>,
    },
    Cut {
        t4: &'a Path,
        t11: &'a Path,
    },
}

pub fn run(args: PredictArgs) -> anyhow::Result<()> {
    let table = Table::read(&args.clinical)?;
    // A wrong ID or cell is told before anything else is read, when the ID is known that early.
    if let Some(id) = &args.id {
        clinical::read_record(&table, id)?;
    }
    let rule = fusion_rule(&args.fusion)?;
    let mut found = match (&args.path, &args.t4_image, &args.t11_image) {
        (Some(path), _, _) => in_study(path, &args, &table)?,
        (None, Some(t4), Some(t11)) => in_pictures(t4, t11, &args, &table)?,
        _ => bail!("give a study's path, or both --t4-image and --t11-image"),
    };
    if matches!(rule, FusionRule::Stacking(_)) {
        found.inputs.push(Input::of_file("Stacking weights", Path::new(&args.fusion)));
    }
    let models = args.models.load()?;
    let (t4, t11) = cut(&found.pictures, &models)?;
    let record = found.record;
    let case = Case { subject: found.subject, record: record.clone(), t4, t11, remarks: found.remarks };
    let assessment = assess::assess(&models, case, &rule, &Stages)?;
    warn(&assessment.remarks.words());
    if let Some(folder) = &args.out {
        let series = match &found.pictures {
            Pictures::Series { series, .. } => Some(series.as_ref()),
            Pictures::Cut { .. } => None,
        };
        let provenance = report::provenance(&models, series, found.inputs);
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

fn in_pictures<'a>(
    t4: &'a Path,
    t11: &'a Path,
    args: &PredictArgs,
    table: &Table,
) -> anyhow::Result<Found<'a>> {
    let id = args.id.as_deref().context("--id names the patient's row in the clinical table")?;
    let (record, warnings) = clinical::read_record(table, id)?;
    let values = Identity::of_row(table, id);
    let inputs = vec![
        Input::of_file("T4 picture", t4),
        Input::of_file("T11 picture", t11),
        Input::of_values(&values, &[]),
    ];
    Ok(Found {
        subject: Subject::of_pictures(values),
        record,
        pictures: Pictures::Cut { t4, t11 },
        remarks: words::capped(warnings).into_iter().map(Remark::Input).collect(),
        inputs,
    })
}

fn in_study<'a>(path: &Path, args: &PredictArgs, table: &Table) -> anyhow::Result<Found<'a>> {
    let scan = dicom::scan(&[path.to_owned()], &Stages)?;
    let unreadable = scan.unreadable.iter().map(|file| format!("{}: {}", file.path.display(), file.reason));
    warn(&unreadable.collect::<Vec<_>>());
    let mut warnings = Vec::new();
    let series = choose(&scan.series, args.series.as_deref(), path, &mut warnings)?;
    let study = Identity::of_series(series);
    let id = match &args.id {
        Some(id) => id.clone(),
        None if study.id.is_empty() => bail!(
            "{}: the study states no PatientID (0010,0020); name the patient's row in the clinical table with --id",
            path.display()
        ),
        None => study.id.clone(),
    };
    let (record, of_record) = clinical::read_record(table, &id)?;
    let values = Identity::of_row(table, &id);
    let inputs = vec![Input::of_series(series), Input::of_values(&values, &[])];
    let subject = Subject::new(study, values, args.different_id).map_err(|other| refused(&other))?;
    warnings.extend(series.warnings.iter().cloned());
    warnings.extend(of_record);
    Ok(Found {
        subject,
        record,
        pictures: Pictures::Series { series: Box::new(series.clone()), t4: args.t4, t11: args.t11 },
        remarks: words::capped(warnings).into_iter().map(Remark::Input).collect(),
        inputs,
    })
}

/// The sentence for a row that is not the study's patient.
fn refused(other: &OtherPatient) -> anyhow::Error {
    anyhow::anyhow!(
        "the clinical row's {} is not the study's: take the row of the study's patient, or add --different-id where the \
         table knows this patient under another number; row {}, study {}",
        identity::field_words(&other.fields),
        other.values.words(),
        other.study.words()
    )
}

/// The pictures that the networks see.
fn cut(pictures: &Pictures<'_>, models: &Models) -> anyhow::Result<(LevelPicture, LevelPicture)> {
    match pictures {
        Pictures::Series { series, t4, t11 } => {
            let volume = dicom::load(series, t4.unwrap_or(0), &Stages, &|_, _| ())?;
            let places = places(&volume, [*t4, *t11])?;
            let (mut t4, mut t11) = assess::cut_pictures(models, &volume, places[0].0, places[1].0)?;
            (t4.placed, t11.placed) = (places[0].1, places[1].1);
            Ok((t4, t11))
        }
        Pictures::Cut { t4, t11 } => {
            let read = |path: &Path, network: &Network| -> anyhow::Result<LevelPicture> {
                let picture = slice::read_picture(path, &network.card.recipe)?;
                Ok(LevelPicture { slice: None, placed: Placed::ByPerson, picture })
            };
            Ok((read(t4, &models.t4)?, read(t11, &models.t11)?))
        }
    }
}

/// The slices of T4 and T11: as given, else as proposed from the spine where that is certain enough.
fn places(volume: &dicom::Volume, given: [Option<usize>; 2]) -> anyhow::Result<Vec<(usize, Placed)>> {
    let proposals = if given.contains(&None) {
        level::propose(volume, Convention::default())
    } else {
        level::Proposals::default()
    };
    let place = |(level, given): (Level, Option<usize>)| {
        if let Some(slice) = given {
            return Ok((slice, Placed::ByPerson));
        }
        let vertebra = level.vertebra();
        let Some(proposed) = proposals.confident(vertebra) else {
            let name = level.name();
            let flag = name.to_lowercase();
            let why = match (proposals.level(vertebra), proposals.warnings.last()) {
                (Some(p), _) => {
                    format!("slice {} is a guess with a confidence of only {:.2}", p.slice, p.confidence)
                }
                (None, Some(why)) => why.clone(),
                (None, None) => "it is not in the scan, or too near to its end".to_owned(),
            };
            bail!("{name} was not found with certainty ({why}); give its slice with --{flag} N");
        };
        Ok((proposed.slice, Placed::Proposed { confidence: f64::from(proposed.confidence) }))
    };
    Level::ALL.into_iter().zip(given).map(place).collect()
}

/// The series asked for, or the one with most slices (said aloud where there was a choice).
pub(super) fn choose<'a>(
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
    let vote = |v: bool| if v { "metastasis" } else { "no metastasis" };
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
    if a.doubtful() {
        lines.push("  DOUBTFUL  not to be relied on:".to_owned());
    }
    lines.extend(a.remarks.words_from(Gravity::Beside).iter().map(|words| format!("  – {words}")));
    lines.push(RESEARCH_ONLY.to_owned());
    lines
}
