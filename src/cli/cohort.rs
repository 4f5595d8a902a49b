//! `thoracast cohort`: what a cohort folder or table holds, and its Table 1.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{print_json, print_line, print_page, warn};
use thoracast_core::cohort::table_one::{self, Style, TableOne};
use thoracast_core::cohort::values::{ColumnValues, Groups, Values};
use thoracast_core::cohort::{CohortFolder, CohortTable, Mapping, Table, columns};

/// What a cohort holds: columns, missing values, Table 1.
#[derive(Debug, clap::Args)]
pub struct CohortArgs {
    /// Cohort folder or clinical table
    path: PathBuf,
    /// Which column is what, where names, units or codes differ from ours
    #[arg(long, value_name = "FILE.json")]
    mapping: Option<PathBuf>,
    /// Characteristics by outcome with tests and standardised differences
    #[arg(long)]
    table_one: bool,
    /// Groups for Table 1: a column with two values
    #[arg(long, value_name = "COLUMN", default_value = "metastasis")]
    by: String,
    /// Mean and standard deviation with Welch's test instead of median and quartiles with Mann–Whitney's
    #[arg(long)]
    mean: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(args: CohortArgs) -> anyhow::Result<()> {
    let mapping = args.mapping.as_deref().map(Mapping::read).transpose()?;
    let (table, pictures) = read(&args, mapping.as_ref())?;
    warn(&table.warnings);
    let table_one = args.table_one.then(|| make_table_one(&args, &table)).transpose()?;
    if args.json {
        return print_json(&json!({
            "path": args.path,
            "patients": table.rows.len(),
            "columns": (0..table.header.len()).map(|c| column_json(&table, c)).collect::<Vec<_>>(),
            "pictures": pictures,
            "table_one": table_one,
        }));
    }
    match table_one {
        Some(t) => print_page(&t.markdown()),
        None => tell(&table),
    }
}

/// The clinical table, all splits together, and how many pictures each level has.
fn read(args: &CohortArgs, mapping: Option<&Mapping>) -> anyhow::Result<(Table, BTreeMap<String, usize>)> {
    if !args.path.is_dir() {
        let table = Table::read(&args.path)?;
        let table = match mapping {
            Some(mapping) => mapping.apply(&table, &BTreeMap::new(), &mut BTreeSet::new())?,
            None => table,
        };
        return Ok((table, BTreeMap::new()));
    }
    let folder = CohortFolder::open(&args.path, mapping)?;
    warn(&folder.warnings);
    let mut pictures = BTreeMap::new();
    folder.pictures.iter().for_each(|p| *pictures.entry(p.level.name().to_owned()).or_insert(0) += 1);
    let tables = if folder.clinical.is_empty() { &folder.survival } else { &folder.clinical };
    let Some(table) = CohortTable::stacked(tables) else {
        anyhow::bail!(
            "{}: the cohort has no clinical table; add clinical.csv or name it with --mapping",
            args.path.display()
        );
    };
    Ok((table, pictures))
}

fn make_table_one(args: &CohortArgs, table: &Table) -> anyhow::Result<TableOne> {
    let groups = Groups::by(table, table.require(&args.by)?).map_err(anyhow::Error::msg)?;
    let style = if args.mean { Style::Mean } else { Style::Median };
    Ok(table_one::table_one(table, &groups, style))
}

fn column_json(table: &Table, column: usize) -> Value {
    let values = ColumnValues::of(table, column);
    let (kind, levels) = match &values.values {
        Values::Numbers(_) => ("number", None),
        Values::Levels { names, .. } => ("levels", Some(names)),
        Values::Texts { .. } => ("text", None),
    };
    json!({
        "column": values.name,
        "key": columns::key_of(&values.name),
        "unit": values.unit,
        "kind": kind,
        "levels": levels,
        "missing": values.missing,
        "unreadable_rows": values.unreadable.iter().map(|r| table.rows[*r].number).collect::<Vec<_>>(),
    })
}

fn tell(table: &Table) -> anyhow::Result<()> {
    print_line(&format!("{}: {} patients", table.path.display(), table.rows.len()))?;
    for column in 0..table.header.len() {
        let values = ColumnValues::of(table, column);
        let kind = match &values.values {
            Values::Numbers(_) => "numbers".to_owned(),
            Values::Levels { names, .. } => names.join(", "),
            Values::Texts { different } => format!("{different} different texts"),
        };
        print_line(&format!("  {}: {kind}; {} missing", values.title(), values.missing))?;
    }
    Ok(())
}
