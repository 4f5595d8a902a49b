//! `thoracast demo`: the synthetic patient in the window, or headless with a report and a picture of every panel.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Stages, note, print_line, print_lines, warn};
use crate::app::{self, gallery};
use thoracast_core::assess::{self, Case, Models, Remark};
use thoracast_core::clinical;
use thoracast_core::cohort::Table;
use thoracast_core::fusion::FusionRule;
use thoracast_core::identity::{Identity, Subject};
use thoracast_core::nn::DeviceChoice;
use thoracast_core::{phantom, report};
use thoracast_dicom as dicom;

#[derive(Args)]
pub struct DemoArgs {
    /// Without a window: write report.json, report.pdf and a PNG of every panel
    #[arg(long)]
    headless: bool,
    /// Where the headless demonstration writes
    #[arg(long, value_name = "DIR", default_value = "thoracast-demo")]
    out: PathBuf,
    /// Where the networks run
    #[arg(long, value_parser = super::choices::device(), default_value = "auto")]
    device: DeviceChoice,
    /// Folder with the models
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    let options =
        app::Options { demo: true, models: args.models.clone(), device: args.device, ..Default::default() };
    if !args.headless {
        return super::window(app::Options {
            settings: app::settings::Settings::usual_place(),
            library: assess::Places::usual_library(args.models.as_deref()),
            ..options
        });
    }
    report_of_demo(&args)?;
    note("Drawing the panels…");
    for file in gallery::draw(options, &args.out)? {
        note(&format!("  {}", file.display()));
    }
    print_line(&format!("The demonstration patient's report is in {}", args.out.display()))
}

/// The report through the same functions as `predict`.
fn report_of_demo(args: &DemoArgs) -> anyhow::Result<()> {
    // Without a person's imports: the demonstration is the same everywhere.
    let places = assess::Places { shipped: assess::models_folder(args.models.as_deref())?, library: None };
    let models = Models::load(&places, args.device, &Stages)?;
    let folder = phantom::demonstration(&Stages)?;
    let truth = phantom::read_truth(&folder)?;
    let level = |name: &str| truth.slice_of(name).with_context(|| format!("the phantom has no {name}"));
    let (t4, t11) = (level("T4")?, level("T11")?);
    let scan = dicom::scan(std::slice::from_ref(&folder), &Stages)?;
    let series = scan.series.iter().find(|s| s.usable).context("the phantom's series can't be read")?;
    let volume = dicom::load(series, t4, &Stages, &|_, _| ())?;
    let table = Table::read(&folder.join("clinical.csv"))?;
    let (record, warnings) = clinical::read_record(&table, &series.patient_id)?;
    let values = Identity::of_row(&table, &series.patient_id);
    let inputs = vec![report::Input::of_series(series), report::Input::of_values(&values, &[])];
    let subject = Subject::new(Identity::of_series(series), values, false)?;
    let (t4, t11) = assess::cut_pictures(&models, &volume, t4, t11)?;
    let remarks = warnings.into_iter().map(Remark::Input).collect();
    let case = Case { subject, record: record.clone(), t4, t11, remarks };
    let assessment = assess::assess(&models, case, &FusionRule::Vote, &Stages)?;
    warn(&assessment.remarks.words());
    let provenance = report::provenance(&models, Some(series), inputs);
    report::save(&assessment, &record, &provenance, &args.out.join("report.pdf"))?;
    print_lines(&super::predict::in_words(&assessment))
}
