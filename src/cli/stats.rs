//! `thoracast stats`: the statistics for any table.

mod agreement;
mod patient;
mod survival;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use serde_json::{Map, json};

use super::{plot, print_json, print_line, warn};
use thoracast_core::chart::{forest, lines, nomogram as chart_of};
use thoracast_core::cohort::Table;
use thoracast_core::figures;
use thoracast_core::stats::design::{self, Design, DesignOptions, Recode};
use thoracast_core::stats::logistic::{self, Convergence, LogisticFit};
use thoracast_core::stats::nomogram::{LinearModel, PatientPoints, RISK_MARKS, Value};
use thoracast_core::stats::roc;
use thoracast_core::tables::reading::{self, Reading};

/// Statistics for any table.
#[derive(Debug, clap::Args)]
pub struct StatsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Logistic regression with odds ratios and tests
    Logistic(LogisticArgs),
    /// A nomogram as rms draws it, and a patient on it
    Nomogram(NomogramArgs),
    /// ROC curves with DeLong intervals and paired tests
    Roc(RocArgs),
    /// Kaplan–Meier curves and the log-rank test
    Km(survival::KmArgs),
    /// Cox regression with hazard ratios and the test of proportional hazards
    Cox(survival::CoxArgs),
    /// Calibration of a logistic model, corrected for optimism by the bootstrap
    Calibration(agreement::CalibrationArgs),
    /// How well given probabilities agree with outcomes
    Validate(agreement::ValidateArgs),
    /// Decision curves: what acting on a model's risk is worth
    Dca(agreement::DcaArgs),
}

#[derive(Debug, clap::Args)]
struct DataArgs {
    /// The table (CSV or spreadsheet); twice with --key to join two
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// The column that joins two tables
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Recodes a column: COL:from=to,from=to (an empty side is the empty cell)
    #[arg(long, value_name = "RECODE")]
    map: Vec<Recode>,
    /// How a column's numbers are read: COL=RULE with comma, point, percent, limit (joined by +), date-ymd, date-dmy or date-mdy
    #[arg(long, value_name = "COL=RULE")]
    read: Vec<ColumnReading>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    plot: plot::PlotArgs,
}

/// A column and how its numbers are read.
#[derive(Debug, Clone)]
struct ColumnReading {
    column: String,
    rule: Reading,
}

impl std::str::FromStr for ColumnReading {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, rule) =
            text.rsplit_once('=').ok_or_else(|| format!("'{text}' has no '='; write COL=RULE"))?;
        Ok(Self { column: column.trim().to_owned(), rule: rule.parse()? })
    }
}

#[derive(Debug, clap::Args)]
struct LogisticArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The 0/1 column
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// The predictors, separated by commas
    #[arg(long, value_name = "COLUMNS", required = true, value_delimiter = ',')]
    covariates: Vec<String>,
    /// Reference level of a column: COL=LEVEL
    #[arg(long = "ref", value_name = "COL=LEVEL")]
    reference: Vec<String>,
    /// Iterate to the very maximum of the likelihood instead of stopping where R's lrm stops
    #[arg(long)]
    full_convergence: bool,
}

#[derive(Debug, clap::Args)]
struct NomogramArgs {
    #[command(flatten)]
    model: LogisticArgs,
    /// Risks to mark on the risk axis
    #[arg(long, value_name = "RISKS", value_delimiter = ',', allow_hyphen_values = true)]
    risk_at: Vec<f64>,
    /// One patient: "a=1,b=x"
    #[arg(long, value_name = "VALUES")]
    patient: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RocArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The 0/1 column
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// Columns that are higher for events, separated by commas
    #[arg(long, value_name = "COLUMNS", required = true, value_delimiter = ',')]
    scores: Vec<String>,
}

/// Computes what was asked for.
pub fn run(args: StatsArgs) -> anyhow::Result<()> {
    let (result, data) = match &args.what {
        What::Logistic(args) => (run_logistic(args), &args.data),
        What::Nomogram(args) => (run_nomogram(args), &args.model.data),
        What::Roc(args) => (run_roc(args), &args.data),
        What::Km(args) => (survival::run_km(args), &args.data),
        What::Cox(args) => (survival::run_cox(args), &args.data),
        What::Calibration(args) => (agreement::run_calibration(args), &args.model.data),
        What::Validate(args) => (agreement::run_validate(args), &args.data),
        What::Dca(args) => (agreement::run_dca(args), &args.data),
    };
    result.map_err(|error| data.named(error))
}

impl DataArgs {
    /// The tables' names before a sentence that names neither them nor an option.
    fn named(&self, error: anyhow::Error) -> anyhow::Error {
        let text = format!("{error:#}");
        let names: Vec<String> = self.data.iter().map(|p| p.display().to_string()).collect();
        let file = |p: &PathBuf| p.file_name().is_some_and(|n| text.contains(&*n.to_string_lossy()));
        if self.data.iter().any(file) || text.contains("--") || error.is::<super::OutputError>() {
            return error;
        }
        anyhow::anyhow!("{}: {text}", names.join(" and "))
    }

    fn table(&self) -> anyhow::Result<Table> {
        self.plot.check()?;
        let mut tables = self.data.iter().map(|p| Table::read(p)).collect::<Result<Vec<_>, _>>()?;
        let mut table = match (tables.len(), &self.key) {
            (1, _) => tables.remove(0),
            (2, Some(key)) => tables[0].join(&tables[1], key)?,
            (2, None) => bail!("two tables need --key COLUMN to be joined by"),
            (n, _) => bail!("--data may be given once or twice, not {n} times"),
        };
        for recode in &self.map {
            let unmatched = recode.apply(&mut table)?;
            if !unmatched.is_empty() {
                let cells = unmatched.iter().map(|t| format!("'{t}'")).collect::<Vec<_>>().join(", ");
                warn(&[format!("--map {}: no cell of the column is {cells}", recode.column)]);
            }
        }
        for ColumnReading { column, rule } in &self.read {
            rule.apply(&mut table, column)?;
        }
        warn(&reading::doubtful_commas(&table));
        warn(&table.warnings);
        Ok(table)
    }

    /// What a figure says it is made from: the files' names, patients and events, rows left out.
    fn source(&self, n: usize, events: usize, dropped: usize) -> String {
        let name = |p: &PathBuf| {
            p.file_name().map_or_else(|| p.display().to_string(), |n| n.to_string_lossy().into_owned())
        };
        let names: Vec<String> = self.data.iter().map(name).collect();
        let left_out = match dropped {
            0 => String::new(),
            rows => format!(", {rows} left out for missing values"),
        };
        format!("{} · {n} patients, {events} events{left_out}", names.join(" with "))
    }
}

struct Fitted {
    fit: LogisticFit,
    design: Design,
}

impl LogisticArgs {
    fn fit(&self) -> anyhow::Result<Fitted> {
        let (design, outcome) = self.design()?;
        let stop = if self.full_convergence { Convergence::Full } else { Convergence::LikeRms };
        let fit = logistic::fit(&design.x, &outcome, &design.columns, stop)?;
        Ok(Fitted { fit, design })
    }

    fn options(&self) -> anyhow::Result<DesignOptions> {
        design_options(&self.reference)
    }
}

/// Reference levels from `COL=LEVEL` texts.
fn design_options(reference: &[String]) -> anyhow::Result<DesignOptions> {
    let pair = |r: &String| {
        let (column, level) =
            r.split_once('=').ok_or_else(|| anyhow!("--ref '{r}' has no '='; write COL=LEVEL"))?;
        Ok((column.trim().to_owned(), level.trim().to_owned()))
    };
    let reference = reference.iter().map(pair).collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    Ok(DesignOptions { reference })
}

fn run_logistic(args: &LogisticArgs) -> anyhow::Result<()> {
    let Fitted { fit, design } = args.fit()?;
    let (terms, lr) = (fit.table(), fit.likelihood_ratio());
    let source = format!(
        "{} · logistic regression, C {:.3} on the patients fitted",
        args.data.source(fit.n, fit.events, design.dropped.len()),
        fit.c
    );
    let figure = || figures::odds_ratios(&args.outcome, &terms, source);
    args.data.plot.write(|| forest::draw(&figure(), plot::WIDTH))?;
    if args.data.json {
        let document = json!({
            "n": fit.n, "events": fit.events,
            "dropped": design.dropped.len(), "dropped_rows": design.dropped,
            "terms": terms, "deviance": fit.deviance, "null_deviance": fit.null_deviance, "lr": lr,
            "c": fit.c, "r2_nagelkerke": fit.r2_nagelkerke, "brier": fit.brier,
        });
        print_json(&document)?;
        return Ok(());
    }
    print_line(&format!("{} rows, {} events{}", fit.n, fit.events, dropped_words(&design)))?;
    print_line(&format!("{:<32} {:>10} {:>9} {:>8} {:>9}   OR (95 %)", "", "coef", "se", "z", "p"))?;
    for t in &terms {
        print_line(&format!(
            "{:<32} {:>10.5} {:>9.5} {:>8.3} {:>9.3e}   {:.3} ({:.3} to {:.3})",
            t.term, t.coef, t.se, t.z, t.p, t.or, t.or_low, t.or_high
        ))?;
    }
    print_line(&format!("likelihood ratio {:.3} on {} df, p {:.3e}", lr.chisq, lr.df, lr.p))?;
    print_line(&format!(
        "C {:.4}, Nagelkerke R² {:.4}, Brier score {:.5}",
        fit.c, fit.r2_nagelkerke, fit.brier
    ))?;
    Ok(())
}

fn dropped_words(design: &Design) -> String {
    if design.dropped.is_empty() {
        return String::new();
    }
    let rows: Vec<String> = design.dropped.iter().map(usize::to_string).collect();
    format!("; {} left out for missing values (file rows {})", rows.len(), rows.join(", "))
}

fn run_nomogram(args: &NomogramArgs) -> anyhow::Result<()> {
    let Fitted { fit, design } = args.model.fit()?;
    let model = LinearModel::from_fit(&fit, &design.covariates)?;
    if let Some(risk) = args.risk_at.iter().find(|r| !(**r > 0.0 && **r < 1.0)) {
        bail!("--risk-at {risk} is no risk; write numbers between 0 and 1");
    }
    let marks = if args.risk_at.is_empty() { &RISK_MARKS[..] } else { &args.risk_at };
    let nomogram = model.nomogram(marks);
    let patient = match &args.patient {
        Some(text) => {
            let values = patient::read_patient(&model, text)?;
            warn(&model.outside(&values));
            Some(model.place(&values)?)
        }
        None => None,
    };
    args.model.data.plot.write(|| {
        let source = args.model.data.source(fit.n, fit.events, design.dropped.len());
        let source = format!("{source} · logistic regression of {}", args.model.outcome);
        let content = thoracast_core::figures::nomogram::content(&nomogram, patient.as_ref(), None);
        chart_of::draw(&chart_of::Content { source, ..content }, plot::NOMOGRAM_WIDTH)
    })?;
    if args.model.data.json {
        let document = json!({
            "n": fit.n, "events": fit.events,
            "dropped": design.dropped.len(), "dropped_rows": design.dropped,
            "axes": nomogram.axes, "total": nomogram.total, "risk": nomogram.risk,
            "patient": patient.as_ref().map(patient_json),
        });
        print_json(&document)?;
        return Ok(());
    }
    for axis in &nomogram.axes {
        print_line(&axis.name)?;
        for t in &axis.ticks {
            print_line(&format!("  {:>12}  {:>8.2} points", in_words(&t.value), t.points))?;
        }
    }
    print_line("risk")?;
    for t in &nomogram.risk.ticks {
        print_line(&format!("  {:>12}  {:>8.2} total points", t.value, t.total_points))?;
    }
    if let Some(p) = patient {
        print_line(&format!("patient: {:.2} total points, risk {:.4}", p.total, p.risk))?;
    }
    Ok(())
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Number(v) => v.to_string(),
        Value::Level(l) => l.clone(),
    }
}

fn patient_json(p: &PatientPoints) -> serde_json::Value {
    let points: Map<_, _> = p.points.iter().map(|(name, v)| (name.clone(), json!(v))).collect();
    json!({"points": points, "total": p.total, "risk": p.risk, "risk_interval": p.risk_interval})
}

fn run_roc(args: &RocArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let outcome = table.require(&args.outcome)?;
    let scores: Vec<String> = args.scores.iter().map(|s| s.trim().to_owned()).collect();
    let columns = scores.iter().map(|s| table.require(s)).collect::<Result<Vec<_>, _>>()?;
    let complete = |r: &usize| columns.iter().chain([&outcome]).all(|c| table.text(*r, *c).is_some());
    let (used, dropped): (Vec<usize>, Vec<usize>) = (0..table.rows.len()).partition(complete);
    let dropped: Vec<usize> = dropped.iter().map(|r| table.rows[*r].number).collect();
    let y = design::outcome(&table, outcome, &used)?;
    let one_outcome =
        || anyhow!("'{}' is the same in all {} rows used; a ROC curve needs both", args.outcome, y.len());
    let (mut values, mut curves, mut scored) = (Vec::new(), Vec::new(), Vec::new());
    for (name, column) in scores.iter().zip(&columns) {
        let score: Vec<f64> = used
            .iter()
            .map(|r| table.number(*r, *column).map(|v| v.unwrap_or(f64::NAN)))
            .collect::<Result<_, _>>()?;
        let area = roc::auc_with_interval(&y, &score).ok_or_else(one_outcome)?;
        let curve = roc::curve(&y, &score).ok_or_else(one_outcome)?;
        curves.push(json!({
            "score": name, "auc": area.auc, "se": area.se,
            "low": area.interval.map(|i| i[0]), "high": area.interval.map(|i| i[1]),
            "youden": curve.youden, "points": curve.points,
        }));
        if !args.data.json {
            let interval = area.interval.map_or_else(String::new, |[a, b]| format!(" ({a:.4} to {b:.4})"));
            print_line(&format!(
                "{name}: AUC {:.4}{interval}, best threshold {:.4}",
                area.auc, curve.youden.threshold
            ))?;
        }
        values.push(score);
        scored.push(figures::Scored { name: name.clone(), auc: area, curve, apparent: false });
    }
    let mut tests = Vec::new();
    let mut compared = Vec::new();
    for a in 0..scores.len() {
        for b in a + 1..scores.len() {
            let test = roc::paired_test(&y, &values[a], &values[b]);
            tests.push(
                json!({"a": scores[a], "b": scores[b], "z": test.map(|t| t.z), "p": test.map(|t| t.p)}),
            );
            if let (false, Some(t)) = (args.data.json, test) {
                print_line(&format!("{} against {}: z {:.3}, p {:.3e}", scores[a], scores[b], t.z, t.p))?;
            }
            compared.extend(test.map(|t| (scores[a].clone(), scores[b].clone(), t)));
        }
    }
    let events = y.iter().filter(|y| **y).count();
    args.data.plot.write(|| {
        let source = args.data.source(y.len(), events, dropped.len());
        lines::draw(&figures::roc(&scored, &compared, source), plot::WIDTH)
    })?;
    if args.data.json {
        let document = json!({
            "n": y.len(), "events": events, "dropped": dropped.len(), "dropped_rows": dropped,
            "curves": curves, "tests": tests,
        });
        print_json(&document)?;
    }
    Ok(())
}
