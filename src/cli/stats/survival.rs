//! `stats km` and `stats cox`: survival curves by group, and what the hazard depends on.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Serialize;
use serde_json::json;

use super::super::plot::WIDTH;
use super::super::{note, print_json, print_line};
use super::{DataArgs, design_options};
use thoracast_core::chart::{Role, forest, km};
use thoracast_core::cohort::{Table, decode};
use thoracast_core::figures;
use thoracast_core::stats::cox::{self, CoxFit, Ties};
use thoracast_core::stats::design::{self, DesignOptions};
use thoracast_core::stats::kaplan_meier::{self, Curve, FollowUp, Interval, LogRank};

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Conf {
    Log,
    LogLog,
    Plain,
}

#[derive(Debug, clap::Args)]
pub(super) struct KmArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// The column with the follow-up time
    #[arg(long, value_name = "COLUMN")]
    time: String,
    /// The 0/1 column: 1 where the event happened at that time
    #[arg(long, value_name = "COLUMN")]
    event: String,
    /// One curve for each value of this column
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Scale of the 95 % intervals
    #[arg(long, value_enum, default_value = "log")]
    conf: Conf,
    /// Times at which to count who is at risk
    #[arg(long, value_name = "TIMES", value_delimiter = ',', allow_hyphen_values = true)]
    at: Vec<f64>,
}

/// The test, where one exists; without events the curves are right all the same, so that is said and no error.
fn log_rank(patients: &[Vec<FollowUp>]) -> Option<LogRank> {
    kaplan_meier::log_rank(patients).map_err(|e| note(&format!("warning: no log-rank test: {e}"))).ok()
}

pub(super) fn run_km(args: &KmArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let interval = match args.conf {
        Conf::Log => Interval::Log,
        Conf::LogLog => Interval::LogLog,
        Conf::Plain => Interval::Plain,
    };
    if let Some(time) = args.at.iter().find(|t| !(t.is_finite() && **t >= 0.0)) {
        bail!("--at {time} is no follow-up time; write numbers from 0");
    }
    let groups = groups(&table, args)?;
    if groups.patients.is_empty() {
        if let Some(group) = &args.group
            && groups.without_group == table.rows.len()
        {
            let file = table.path.display();
            bail!(
                "{file}: the group column '{group}' is empty in every row; name another, or leave --group out"
            );
        }
        bail!("{}: no row has a time and an event; check the columns", table.path.display());
    }
    let curves: Vec<Curve> = kaplan_meier::curves(&groups.patients, interval)?;
    let test = if groups.patients.len() > 1 { log_rank(&groups.patients) } else { None };
    args.data.plot.write(|| {
        let drawn = |(i, (name, curve)): (usize, (&String, _))| figures::Followed {
            name: name.clone(),
            role: Role::Series(i as u8),
            curve,
        };
        let named: Vec<figures::Followed<'_>> =
            groups.names.iter().zip(&curves).enumerate().map(drawn).collect();
        let (n, events) = curves.iter().fold((0, 0), |(n, e), c| (n + c.n, e + c.events));
        let source = args.data.source(n, events, groups.dropped.len());
        let figure = figures::survival(
            &named,
            test.as_ref(),
            [figures::time_title(&args.time), format!("Share without {}", args.event)],
            source,
        );
        km::draw(&figure, WIDTH)
    })?;
    if args.data.json {
        let stratum = |(name, curve): (&String, _)| Stratum {
            name: name.clone(),
            curve,
            at_risk: args.at.iter().map(|t| Curve::at_risk(curve, *t)).collect(),
        };
        return print_json(&Strata {
            strata: groups.names.iter().zip(&curves).map(stratum).collect(),
            logrank: test,
            at: &args.at,
            dropped: groups.dropped.len(),
            dropped_rows: &groups.dropped,
        });
    }
    let words = |t: Option<f64>| t.map_or_else(|| "not reached".to_owned(), |t| t.to_string());
    for (name, c) in groups.names.iter().zip(&curves) {
        let [median, low, high] = [c.median, c.median_low, c.median_high].map(words);
        print_line(&format!(
            "{name}: {} patients, {} events, median {median} ({low} to {high})",
            c.n, c.events
        ))?;
    }
    match test {
        Some(t) => {
            print_line(&format!("log-rank {:.3} on {} df, p {:.3e}", t.test.chisq, t.test.df, t.test.p))
        }
        None => Ok(()),
    }
}

/// What `km --json` prints.
#[derive(Serialize)]
struct Strata<'a> {
    strata: Vec<Stratum<'a>>,
    logrank: Option<LogRank>,
    at: &'a [f64],
    dropped: usize,
    dropped_rows: &'a [usize],
}

#[derive(Serialize)]
struct Stratum<'a> {
    name: String,
    #[serde(flatten)]
    curve: &'a Curve,
    at_risk: Vec<usize>,
}

struct Groups {
    /// `group=1`, `all`, in order of the group's value.
    names: Vec<String>,
    patients: Vec<Vec<FollowUp>>,
    /// Row numbers in the file of rows with a missing value.
    dropped: Vec<usize>,
    /// How many rows have no group.
    without_group: usize,
}

fn groups(table: &Table, args: &KmArgs) -> anyhow::Result<Groups> {
    let (time, event) = (table.require(&args.time)?, table.require(&args.event)?);
    let group = args.group.as_ref().map(|g| table.require(g)).transpose()?;
    let mut by_group: BTreeMap<(u64, String), Vec<FollowUp>> = BTreeMap::new();
    let (mut dropped, mut without_group) = (Vec::new(), 0);
    for r in 0..table.rows.len() {
        let label = match group {
            Some(c) => table.text(r, c).map(|t| label(t, table.decimal_comma)),
            None => Some((0, "all".to_owned())),
        };
        without_group += usize::from(label.is_none());
        let (Some(label), Some(at), Some(event_text)) = (label, table.number(r, time)?, table.text(r, event))
        else {
            dropped.push(table.rows[r].number);
            continue;
        };
        if at < 0.0 {
            return Err(table
                .cell(r, time, "is no follow-up time; correct it or leave the cell empty")
                .into());
        }
        let event = match decode::number(event_text, table.decimal_comma) {
            Some(0.0) => false,
            Some(1.0) => true,
            _ => {
                let reason = "is not an event code; write 0 or 1, or recode it with --map COL:from=to";
                return Err(table.cell(r, event, reason).into());
            }
        };
        by_group.entry(label).or_default().push(FollowUp { time: at, event });
    }
    let name = |(_, value): (u64, String)| match &args.group {
        Some(column) => format!("{column}={value}"),
        None => value,
    };
    let (names, patients) = by_group.into_iter().map(|(k, p)| (name(k), p)).unzip();
    Ok(Groups { names, patients, dropped, without_group })
}

/// A group's value with a key that sorts numbers by size, before texts.
fn label(text: &str, decimal_comma: bool) -> (u64, String) {
    match decode::number(text, decimal_comma) {
        // The bits of a float sort like the float once negative ones are turned round.
        Some(v) => {
            let bits = v.to_bits();
            (if v < 0.0 { !bits } else { bits | 1 << 63 }, v.to_string())
        }
        None => (u64::MAX, text.to_owned()),
    }
}

/// Covariates with a smaller p in their own model enter the multivariate one.
const SIGNIFICANT: f64 = 0.05;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum TiesArg {
    Efron,
    Breslow,
}

#[derive(Debug, clap::Args)]
pub(super) struct CoxArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// The column with the follow-up time
    #[arg(long, value_name = "COLUMN")]
    time: String,
    /// The 0/1 column: 1 where the event happened at that time
    #[arg(long, value_name = "COLUMN")]
    event: String,
    /// The predictors, separated by commas
    #[arg(long, value_name = "COLUMNS", required = true, value_delimiter = ',')]
    covariates: Vec<String>,
    /// Reference level of a column: COL=LEVEL
    #[arg(long = "ref", value_name = "COL=LEVEL")]
    reference: Vec<String>,
    /// One model for each covariate, then one of those with p < 0.05
    #[arg(long)]
    univariate: bool,
    /// How events at the same time are treated
    #[arg(long, value_enum, default_value = "efron")]
    ties: TiesArg,
}

/// A model and the rows it could not use.
struct Model {
    fit: CoxFit,
    dropped: Vec<usize>,
}

pub(super) fn run_cox(args: &CoxArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let options = design_options(&args.reference)?;
    let covariates: Vec<String> = args.covariates.iter().map(|c| c.trim().to_owned()).collect();
    if !args.univariate {
        let model = cox_model(&table, args, &covariates, &options)?;
        args.draw(&[("All together".to_owned(), Some(vec![&model.fit]))], &model)?;
        return if args.data.json { print_json(&cox_json(&model)) } else { tell_cox(&model) };
    }
    let own_options = |name: &String| DesignOptions {
        reference: options
            .reference
            .iter()
            .filter(|(c, _)| *c == name)
            .map(|(c, l)| (c.clone(), l.clone()))
            .collect(),
    };
    // A covariate without a model of its own (separated, constant) is named and passed over.
    let each: Vec<(&String, anyhow::Result<Model>)> = covariates
        .iter()
        .map(|name| (name, cox_model(&table, args, std::slice::from_ref(name), &own_options(name))))
        .collect();
    let refused: Vec<_> = each
        .iter()
        .filter_map(|(name, model)| {
            Some(json!({"covariate": name, "reason": model.as_ref().err()?.to_string()}))
        })
        .collect();
    for r in &refused {
        note(&format!(
            "warning: {}: {}",
            r["covariate"].as_str().unwrap_or(""),
            r["reason"].as_str().unwrap_or("")
        ));
    }
    if refused.len() == each.len() {
        return each.into_iter().next().map_or(Ok(()), |(_, model)| model.map(drop));
    }
    let (covariates, models): (Vec<String>, Vec<Model>) =
        each.into_iter().filter_map(|(name, model)| Some((name.clone(), model.ok()?))).unzip();
    let chosen: Vec<String> = covariates
        .iter()
        .zip(&models)
        .filter(|(_, m)| m.fit.wald.p < SIGNIFICANT)
        .map(|(c, _)| c.clone())
        .collect();
    let chosen_options = DesignOptions {
        reference: options.reference.into_iter().filter(|(c, _)| chosen.contains(c)).collect(),
    };
    let multivariate =
        if chosen.is_empty() { None } else { Some(cox_model(&table, args, &chosen, &chosen_options)?) };
    if let Some(of) = multivariate.as_ref().or(models.first()) {
        let each = models.iter().map(|m| &m.fit).collect();
        let together = multivariate.as_ref().map(|m| vec![&m.fit]);
        let heading = format!("Together, of those with p < {SIGNIFICANT}");
        args.draw(&[("Each by itself".to_owned(), Some(each)), (heading, together)], of)?;
    }
    if args.data.json {
        let univariate: Vec<_> = models.iter().map(cox_json).collect();
        return print_json(&json!({
            "univariate": univariate, "multivariate": multivariate.as_ref().map(cox_json), "significant": chosen, "refused": refused,
        }));
    }
    for model in &models {
        tell_cox(model)?;
    }
    match multivariate {
        Some(model) => {
            print_line(&format!("multivariate, of those with p < {SIGNIFICANT}:"))?;
            tell_cox(&model)
        }
        None => print_line("no covariate has p < 0.05"),
    }
}

impl CoxArgs {
    /// Models under their headings, where a figure is asked for; its source tells of the patients of `of`.
    fn draw(&self, models: &[(String, Option<Vec<&CoxFit>>)], of: &Model) -> anyhow::Result<()> {
        self.data.plot.write(|| {
            let source = self.data.source(of.fit.n, of.fit.n_event, of.dropped.len());
            let ties = match self.ties {
                TiesArg::Efron => "Efron's ties",
                TiesArg::Breslow => "Breslow's ties",
            };
            let source = format!("{source} · {ties}, C-index {:.3}", of.fit.concordance.c);
            let rows = |fits: &Option<Vec<&CoxFit>>| match fits {
                Some(fits) => fits.iter().flat_map(|fit| figures::hazards(fit)).collect(),
                None => vec![figures::remark("", "no covariate is significant by itself")],
            };
            let groups = models.iter().map(|(heading, fits)| (heading.clone(), rows(fits))).collect();
            let title = format!("Hazard ratios: {}", self.event);
            forest::draw(&figures::hazard_ratios(title, groups, source), WIDTH)
        })
    }
}

fn cox_model(
    table: &Table,
    args: &CoxArgs,
    covariates: &[String],
    options: &DesignOptions,
) -> anyhow::Result<Model> {
    let (time, event) = (table.require(&args.time)?, table.require(&args.event)?);
    let design = design::build(table, covariates, &[time, event], options)?;
    let events = design::outcome(table, event, &design.used)?;
    let mut follow_up = Vec::with_capacity(design.used.len());
    for (row, event) in design.used.iter().zip(events) {
        match table.number(*row, time)? {
            Some(at) if at >= 0.0 => follow_up.push(FollowUp { time: at, event }),
            _ => {
                let reason = "is no follow-up time; correct it or leave the cell empty";
                return Err(table.cell(*row, time, reason).into());
            }
        }
    }
    let widths: Vec<(String, usize)> =
        design.covariates.iter().map(|c| (c.name.clone(), c.width())).collect();
    let ties = match args.ties {
        TiesArg::Efron => Ties::Efron,
        TiesArg::Breslow => Ties::Breslow,
    };
    let fit = cox::fit(&design.x, &follow_up, &design.columns, &widths, ties)?;
    Ok(Model { fit, dropped: design.dropped })
}

fn cox_json(model: &Model) -> serde_json::Value {
    let fit = &model.fit;
    json!({
        "n": fit.n, "n_event": fit.n_event,
        "dropped": model.dropped.len(), "dropped_rows": model.dropped,
        "terms": fit.table(), "loglik": fit.loglik,
        "lr": fit.lr, "wald": fit.wald, "score": fit.score,
        "concordance": fit.concordance, "zph": fit.zph,
    })
}

fn tell_cox(model: &Model) -> anyhow::Result<()> {
    let fit = &model.fit;
    let left_out = model.dropped.len();
    print_line(&format!("{} rows, {} events, {left_out} left out for missing values", fit.n, fit.n_event))?;
    for t in fit.table() {
        print_line(&format!(
            "{:<32} {:>10.5} {:>9.5} {:>8.3} {:>9.3e}   HR {:.3} ({:.3} to {:.3})",
            t.term, t.coef, t.se, t.z, t.p, t.hr, t.hr_low, t.hr_high
        ))?;
    }
    let c = fit.concordance;
    print_line(&format!(
        "concordance {:.4} (se {:.4}), likelihood ratio {:.3} on {} df",
        c.c, c.se, fit.lr.chisq, fit.lr.df
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups in which nobody had the event ended in an error instead of their flat curves.
    #[test]
    fn no_events_means_no_test_and_not_no_curves() {
        let patient = |time: f64, event| FollowUp { time, event };
        let spared = [vec![patient(1.0, false)], vec![patient(2.0, false)]];
        assert_eq!(log_rank(&spared), None);
        let mixed = [vec![patient(1.0, true), patient(4.0, false)], vec![patient(2.0, true)]];
        assert!(log_rank(&mixed).is_some_and(|t| t.test.df == 1.0));
    }
}
