//! `stats km`: survival curves by group.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::json;

use super::super::{print_json, print_line};
use super::DataArgs;
use crate::cohort::{Table, decode};
use crate::stats::kaplan_meier::{self, Curve, FollowUp, Interval};

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Conf {
    Log,
    LogLog,
    Plain,
}

#[derive(Debug, clap::Args)]
pub(super) struct KmArgs {
    #[command(flatten)]
    data: DataArgs,
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
    #[arg(long, value_name = "TIMES", value_delimiter = ',')]
    at: Vec<f64>,
}

pub(super) fn run_km(args: &KmArgs) -> anyhow::Result<()> {
    let table = args.data.table()?;
    let interval = match args.conf {
        Conf::Log => Interval::Log,
        Conf::LogLog => Interval::LogLog,
        Conf::Plain => Interval::Plain,
    };
    if let Some(time) = args.at.iter().find(|t| !t.is_finite()) {
        bail!("--at {time} is no time; write numbers");
    }
    let groups = groups(&table, args)?;
    if groups.followed.is_empty() {
        bail!("{}: no row has a time and an event; check the columns", table.path.display());
    }
    let curves: Vec<Curve> =
        groups.followed.iter().map(|(_, p)| kaplan_meier::curve(p, interval)).collect::<Result<_, _>>()?;
    let patients: Vec<Vec<FollowUp>> = groups.followed.iter().map(|(_, p)| p.clone()).collect();
    let test = if patients.len() > 1 { Some(kaplan_meier::log_rank(&patients)?) } else { None };
    if args.data.json {
        let strata = groups.followed.iter().zip(&curves).map(|((name, p), c)| {
            json!({
                "name": name, "n": c.n, "events": c.events,
                "median": c.median, "median_low": c.median_low, "median_high": c.median_high,
                "steps": c.steps, "at_risk": kaplan_meier::at_risk(p, &args.at),
            })
        });
        return print_json(&json!({
            "strata": strata.collect::<Vec<_>>(), "logrank": test,
            "at": args.at, "dropped": groups.dropped.len(), "dropped_rows": groups.dropped,
        }));
    }
    let words = |t: Option<f64>| t.map_or_else(|| "not reached".to_owned(), |t| t.to_string());
    for ((name, _), c) in groups.followed.iter().zip(&curves) {
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

struct Groups {
    /// Name (`group=1`, `all`) and patients, in order of the group's value.
    followed: Vec<(String, Vec<FollowUp>)>,
    /// Row numbers in the file of rows with a missing value.
    dropped: Vec<usize>,
}

fn groups(table: &Table, args: &KmArgs) -> anyhow::Result<Groups> {
    let (time, event) = (table.require(&args.time)?, table.require(&args.event)?);
    let group = args.group.as_ref().map(|g| table.require(g)).transpose()?;
    let mut by_group: BTreeMap<(u64, String), Vec<FollowUp>> = BTreeMap::new();
    let mut dropped = Vec::new();
    for r in 0..table.rows.len() {
        let label = match group {
            Some(c) => table.text(r, c).map(|t| label(t, table.decimal_comma)),
            None => Some((0, "all".to_owned())),
        };
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
    Ok(Groups { followed: by_group.into_iter().map(|(k, p)| (name(k), p)).collect(), dropped })
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
