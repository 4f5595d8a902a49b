//! `stats calibration`, `stats validate` and `stats dca`: whether probabilities can be believed, and what they are
//! good for.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::super::plot::WIDTH;
use super::super::{count, print_json, print_line};
use super::{DataArgs, LogisticArgs, design_options};
use thoracast_core::chart::lines;
use thoracast_core::cohort::Table;
use thoracast_core::figures::{self, BenefitAs};
use thoracast_core::stats::decision_curve::{self, Band, DecisionCurves};
use thoracast_core::stats::design::{self, Design};
use thoracast_core::stats::folds::folds;
use thoracast_core::stats::logistic::{self, Convergence};
use thoracast_core::stats::{calibration, resample, validate};
use thoracast_files::budget;

#[derive(Debug, clap::Args)]
pub(super) struct CalibrationArgs {
    #[command(flatten)]
    pub(super) model: LogisticArgs,
    /// Number of bootstrap resamples
    #[arg(long, value_name = "B", default_value_t = 200, conflicts_with = "resamples", value_parser = count::<1, 100_000>)]
    bootstrap: usize,
    /// Resamples drawn elsewhere: one a line, row numbers among the complete rows, counted from 1
    #[arg(long, value_name = "FILE")]
    resamples: Option<PathBuf>,
    /// The same seed draws the same resamples
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run_calibration(args: &CalibrationArgs) -> anyhow::Result<()> {
    let (design, outcome) = args.model.design()?;
    // Refuses separation and collinearity with the columns' names.
    let fit = logistic::fit(&design.x, &outcome, &design.columns, Convergence::Full)?;
    let resamples = match &args.resamples {
        None => {
            check_resamples(args.bootstrap, outcome.len())?;
            resample::bootstrap(outcome.len(), args.bootstrap, args.seed)
        }
        Some(path) => {
            let text = budget::read_text(path, budget::RESAMPLES)
                .with_context(|| format!("{} cannot be read as resamples", path.display()))?;
            resample::read(&text, outcome.len()).map_err(|e| anyhow!("{}: {e}", path.display()))?
        }
    };
    let c = calibration::calibrate(&design.x, &outcome, &resamples)?;
    let data = &args.model.data;
    data.plot.write(|| {
        let probability: Vec<f64> = fit.linear_predictor.iter().map(|f| logistic::logistic(*f)).collect();
        let source = data.source(fit.n, fit.events, design.dropped.len());
        let source = format!("{source} · logistic regression of {}", args.model.outcome);
        lines::draw(&figures::calibration(&c, &probability, &outcome, source), WIDTH)
    })?;
    if args.model.data.json {
        let mut document = serde_json::to_value(&c)?;
        document["n"] = json!(outcome.len());
        document["events"] = json!(outcome.iter().filter(|y| **y).count());
        document["dropped"] = json!(design.dropped.len());
        document["dropped_rows"] = json!(design.dropped);
        return print_json(&document);
    }
    print_line(&format!("{} rows, {} of {} resamples used", outcome.len(), c.used, c.bootstrap))?;
    for (name, figure) in [("C", c.c), ("slope", c.slope), ("intercept", c.intercept), ("Brier", c.brier)] {
        let corrected = figure.corrected.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
        print_line(&format!("{name:<10} apparent {:.4}, corrected {corrected}", figure.apparent))?;
    }
    print_line(&format!("error: mean {:.4}, 90th percentile {:.4}, largest {:.4}", c.eavg, c.e90, c.emax))
}

#[derive(Debug, clap::Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// The 0/1 column
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// The column of probabilities
    #[arg(long, value_name = "COLUMN")]
    probability: String,
}

pub(super) fn run_validate(args: &ValidateArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let (y, p) = (table.require(&args.outcome)?, table.require(&args.probability)?);
    let complete = |r: &usize| [y, p].iter().all(|c| table.text(*r, *c).is_some());
    let (used, dropped): (Vec<usize>, Vec<usize>) = (0..table.rows.len()).partition(complete);
    let outcome = design::outcome(&table, y, &used)?;
    let mut probability = Vec::with_capacity(used.len());
    for row in &used {
        match table.number(*row, p)? {
            Some(v) if (0.0..=1.0).contains(&v) => probability.push(v),
            _ => return Err(table.cell(*row, p, "is no probability; write numbers from 0 to 1").into()),
        }
    }
    let v = validate::validate(&probability, &outcome)?;
    args.data.plot.write(|| {
        let source = args.data.source(v.n, v.events, dropped.len());
        let source = format!("{source} · {} against {}", args.probability, args.outcome);
        lines::draw(&figures::agreement(&v, &probability, &outcome, source), WIDTH)
    })?;
    if args.data.json {
        let mut document = serde_json::to_value(&v)?;
        document["dropped"] = json!(dropped.len());
        document["dropped_rows"] = json!(dropped.iter().map(|r| table.rows[*r].number).collect::<Vec<_>>());
        return print_json(&document);
    }
    print_line(&format!("{} rows, {} events, {} left out", v.n, v.events, dropped.len()))?;
    print_line(&format!("AUC {:.4}, Brier {:.5}, R² {:.4}", v.auc_exact, v.brier, v.r2))?;
    print_line(&format!("intercept {:.4}, slope {:.4}", v.intercept, v.slope))?;
    print_line(&format!("error: mean {:.4}, 90th percentile {:.4}, largest {:.4}", v.eavg, v.e90, v.emax))?;
    match &v.hosmer_lemeshow {
        Some(h) => print_line(&format!(
            "Hosmer–Lemeshow {:.3}: p {:.3e} on {} df (patients of the fit), {:.3e} on {} df (new patients)",
            h.test.chisq, h.test.p, h.test.df, h.new_patients.p, h.new_patients.df
        )),
        None => Ok(()),
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct DcaArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// The 0/1 column
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// A logistic model, NAME=a,b; may be given several times. A single column of probabilities: NAME=@COLUMN
    #[arg(long, value_name = "NAME=COLUMNS", required = true)]
    model: Vec<String>,
    /// Reference level of a column: COL=LEVEL
    #[arg(long = "ref", value_name = "COL=LEVEL")]
    reference: Vec<String>,
    /// Thresholds as FROM:TO:STEP
    #[arg(long, value_name = "FROM:TO:STEP", allow_hyphen_values = true, default_value = "0:0.99:0.01")]
    thresholds: String,
    /// Prevalence of the outcome where the sample's is not the population's (case-control data)
    #[arg(long, value_name = "SHARE")]
    prevalence: Option<f64>,
    /// Predict each patient by a model fitted on the other folds
    #[arg(long, value_name = "FOLDS", value_parser = count::<2, 1000>)]
    folds: Option<usize>,
    /// Resamples for a 95 % band of the net benefit
    #[arg(long, value_name = "B", default_value_t = 0, value_parser = count::<0, 100_000>)]
    bootstrap: usize,
    /// The same seed draws the same folds and resamples
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const MOST_THRESHOLDS: f64 = 100_000.0;

/// Resamples are held in memory as row numbers; more than this many would take gigabytes.
const MOST_DRAWN: usize = 250_000_000;

fn check_resamples(resamples: usize, rows: usize) -> anyhow::Result<()> {
    let most = MOST_DRAWN / rows.max(1);
    if resamples > most {
        bail!("--bootstrap {resamples} of {rows} rows does not fit into memory; write {most} or fewer");
    }
    Ok(())
}

/// A model as asked for.
struct Asked {
    name: String,
    /// Covariates of a logistic model, or a column of probabilities.
    columns: Result<Vec<String>, String>,
}

pub(super) fn run_dca(args: &DcaArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let thresholds = thresholds(&args.thresholds)?;
    let y = table.require(&args.outcome)?;
    let asked = args.model.iter().map(|m| asked(m)).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(twice) = (1..asked.len()).find(|i| asked[..*i].iter().any(|m| m.name == asked[*i].name)) {
        bail!("--model: two models are called '{}'; give each a name of its own", asked[twice].name);
    }
    let rows = Rows::complete(&table, y, &asked, &args.reference)?;
    let outcome = design::outcome(&table, y, &rows.used)?;
    let models = asked
        .iter()
        .map(|model| Ok((model.name.clone(), rows.probabilities(&table, model, &outcome, args)?)))
        .collect::<anyhow::Result<Vec<(String, Vec<f64>)>>>()?;
    let curves = decision_curve::decision_curves(&models, &outcome, &thresholds, args.prevalence)?;
    let events = outcome.iter().filter(|y| **y).count();
    check_resamples(args.bootstrap, outcome.len())?;
    let bands = args.bands(&models, &outcome, &thresholds);
    let predictions = match args.folds {
        _ if asked.iter().all(|m| m.columns.is_err()) => "as given".to_owned(),
        Some(folds) => format!("{folds}-fold, out of fold"),
        None => "of the patients the models were fitted on".to_owned(),
    };
    args.data.plot.write(|| {
        let source = args.data.source(outcome.len(), events, rows.dropped.len());
        let predicted = format!("Predictions {predictions}");
        lines::draw(&figures::decision(&curves, &bands, BenefitAs::Net, &predicted, source), WIDTH)
    })?;
    if !args.data.json {
        return tell(&curves, &outcome, rows.dropped.len());
    }
    let mut document = serde_json::to_value(&curves)?;
    for (i, band) in bands.iter().enumerate() {
        document["models"][i]["band"] = json!(band.net_benefit);
    }
    document["n"] = json!(outcome.len());
    document["events"] = json!(events);
    document["dropped"] = json!(rows.dropped.len());
    document["dropped_rows"] = json!(rows.dropped);
    document["predictions"] = json!(predictions);
    print_json(&document)
}

impl DcaArgs {
    /// Each model's band where resamples are asked for and someone sees it.
    fn bands(&self, models: &[(String, Vec<f64>)], outcome: &[bool], thresholds: &[f64]) -> Vec<Band> {
        if self.bootstrap == 0 || !(self.data.json || self.data.plot.wanted()) {
            return vec![];
        }
        let resamples = resample::bootstrap(outcome.len(), self.bootstrap, self.seed);
        let band = |(_, p): &(String, Vec<f64>)| {
            decision_curve::band(p, outcome, thresholds, self.prevalence, &resamples)
        };
        models.iter().map(band).collect()
    }
}

fn tell(curves: &DecisionCurves, outcome: &[bool], dropped: usize) -> anyhow::Result<()> {
    let prevalence = curves.prevalence;
    print_line(&format!("{} rows, {dropped} left out, prevalence {prevalence:.4}", outcome.len()))?;
    let names: Vec<String> = curves.models.iter().map(|m| format!("{:>14}", m.name)).collect();
    print_line(&format!("threshold {:>10} {}", "all", names.join(" ")))?;
    for (i, all) in curves.all.iter().enumerate().filter(|(i, _)| i % 10 == 0) {
        let values: Vec<String> =
            curves.models.iter().map(|m| format!("{:>14.4}", m.curve[i].net_benefit)).collect();
        print_line(&format!("{:>9.2} {:>10.4} {}", all.threshold, all.net_benefit, values.join(" ")))?;
    }
    Ok(())
}

fn asked(text: &str) -> anyhow::Result<Asked> {
    let form = "write NAME=a,b (columns of a logistic model) or NAME=@COLUMN (a column of probabilities)";
    let (name, columns) =
        text.split_once('=').ok_or_else(|| anyhow!("--model '{text}' has no '='; {form}"))?;
    let columns = match columns.trim().strip_prefix('@') {
        Some(column) => Err(column.trim().to_owned()),
        None => Ok(columns.split(',').map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect()),
    };
    if columns.as_ref().is_ok_and(Vec::is_empty) || columns.as_ref().is_err_and(String::is_empty) {
        bail!("--model '{text}' names no column; {form}");
    }
    Ok(Asked { name: name.trim().to_owned(), columns })
}

fn thresholds(text: &str) -> anyhow::Result<Vec<f64>> {
    let wrong =
        || anyhow!("--thresholds '{text}' is not understood; write FROM:TO:STEP, such as 0:0.99:0.01");
    let parts: Vec<f64> =
        text.split(':').map(|p| p.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let [from, to, step] = parts[..] else { return Err(wrong()) };
    if !(step > 0.0 && to >= from) {
        return Err(wrong());
    }
    if (to - from) / step >= MOST_THRESHOLDS {
        bail!("--thresholds '{text}' are more than {MOST_THRESHOLDS}; write a larger STEP");
    }
    // As R's seq: the last one is not lost to rounding.
    let count = ((to - from) / step + 1e-10).floor() as usize;
    Ok((0..=count).map(|i| from + i as f64 * step).collect())
}

/// The rows on which all models stand, so that their curves can be compared.
struct Rows {
    used: Vec<usize>,
    /// Row numbers in the file.
    dropped: Vec<usize>,
}

impl Rows {
    fn complete(table: &Table, y: usize, asked: &[Asked], reference: &[String]) -> anyhow::Result<Self> {
        let options = design_options(reference)?;
        let mut columns = vec![y];
        let mut named = Vec::new();
        for model in asked {
            match &model.columns {
                Ok(names) => {
                    for name in names {
                        columns.push(table.require(name)?);
                        named.push(name.clone());
                    }
                }
                Err(name) => columns.push(table.require(name)?),
            }
        }
        if let Some(unknown) = options.reference.keys().find(|c| !named.contains(c)) {
            bail!("--ref names '{unknown}', which is in no model");
        }
        let complete = |r: &usize| columns.iter().all(|c| table.text(*r, *c).is_some());
        let (used, dropped): (Vec<usize>, Vec<usize>) = (0..table.rows.len()).partition(complete);
        Ok(Self { used, dropped: dropped.iter().map(|r| table.rows[*r].number).collect() })
    }

    fn probabilities(
        &self,
        table: &Table,
        model: &Asked,
        outcome: &[bool],
        args: &DcaArgs,
    ) -> anyhow::Result<Vec<f64>> {
        let names = match &model.columns {
            Err(column) => return self.given(table, column),
            Ok(names) => names,
        };
        let mut options = design_options(&args.reference)?;
        options.reference.retain(|c, _| names.contains(c));
        // Only the rows used, so that levels and ranges are theirs.
        let table =
            Table { rows: self.used.iter().map(|r| table.rows[*r].clone()).collect(), ..table.clone() };
        let y = table.require(&args.outcome)?;
        let design = design::build(&table, names, &[y], &options)?;
        let within = |e: thoracast_core::stats::StatsError| anyhow!("model '{}': {e}", model.name);
        let Some(count) = args.folds else {
            let fit =
                logistic::fit(&design.x, outcome, &design.columns, Convergence::Full).map_err(within)?;
            return Ok(fit.linear_predictor.iter().map(|f| logistic::logistic(*f)).collect());
        };
        if count < 2 {
            bail!("--folds {count} are too few; write 2 or more");
        }
        let fold = folds(outcome, count, args.seed)
            .ok_or_else(|| anyhow!("--folds {count}: fewer patients than folds have one of the outcomes"))?;
        logistic::out_of_fold(&design.x, outcome, &design.columns, &fold).map_err(within)
    }

    fn given(&self, table: &Table, column: &str) -> anyhow::Result<Vec<f64>> {
        let c = table.require(column)?;
        let of = |row: &usize| match table.number(*row, c)? {
            Some(v) if (0.0..=1.0).contains(&v) => Ok(v),
            _ => Err(table.cell(*row, c, "is no probability; write numbers from 0 to 1")),
        };
        Ok(self.used.iter().map(of).collect::<Result<_, _>>()?)
    }
}

impl LogisticArgs {
    /// Complete rows and their outcomes.
    pub(super) fn design(&self) -> anyhow::Result<(Design, Vec<bool>)> {
        let table = self.data.table()?;
        let outcome = table.require(&self.outcome)?;
        let covariates: Vec<String> = self.covariates.iter().map(|c| c.trim().to_owned()).collect();
        let design = design::build(&table, &covariates, &[outcome], &self.options()?)?;
        let outcome = design::outcome(&table, outcome, &design.used)?;
        Ok((design, outcome))
    }
}
