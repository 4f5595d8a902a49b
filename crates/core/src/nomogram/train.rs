//! Fits the study's nomogram: metastasis on Ki-67 (below 20 %, 20 % and more), histologic type, PMI/T4 and the fused
//! log-probability of metastasis.

use super::model::{Cutoff, Input, InputSource, ModelFile, NomogramCard, NomogramModel};
use crate::clinical::TrainedOn;
use crate::stats::StatsError;
use crate::stats::design::{self, DesignOptions};
use crate::stats::logistic::{self, Convergence};
use crate::stats::nomogram::{LinearModel, NomogramError, RISK_MARKS};
use crate::stats::nomogram_cut::{Cut, best_cut, youden};
use crate::tables::{Row, Table, TableError, decode};

const KI67: &str = "Ki-67";
const HISTOLOGY: &str = "Histologic type";
const PMI: &str = "PMI/T4";
const FUSED: &str = "Fused log-probability";
const METASTASIS: &str = "metastasis";
const GROUP: &str = "risk group";

/// Percent of proliferating cells from which Ki-67 counts as high.
const KI67_HIGH: f64 = 20.0;
const KI67_LEVELS: [&str; 2] = ["<20%", "≥20%"];
const HISTOLOGY_LEVELS: [&str; 2] = ["Ductal", "Others"];

/// Share of patients that must keep their published risk group for a cut-off to be taken from it.
const GROUPS_AGREE: f64 = 0.9;

/// Fits the nomogram on the complete rows of a table with the columns Ki-67 (group or percent), histologic type,
/// PMI/T4, fused log-probability and metastasis; a column of risk groups, if there, sets the cut-off.
pub fn train(source: &Table) -> Result<NomogramModel, NomogramError> {
    let table = study_table(source).map_err(StatsError::from)?;
    let names = [KI67, HISTOLOGY, PMI, FUSED].map(str::to_owned);
    let y = table.require(METASTASIS).map_err(StatsError::from)?;
    let options = DesignOptions {
        reference: [(KI67, KI67_LEVELS[0]), (HISTOLOGY, HISTOLOGY_LEVELS[0])]
            .map(|(c, l)| (c.to_owned(), l.to_owned()))
            .into(),
    };
    let design = design::build(&table, &names, &[y], &options)?;
    let outcome = design::outcome(&table, y, &design.used)?;
    let fit = logistic::fit(&design.x, &outcome, &design.columns, Convergence::Full)?;
    let model = LinearModel::from_fit(&fit, &design.covariates)?;
    let totals: Vec<f64> = fit.linear_predictor.iter().map(|f| model.total_points(*f)).collect();
    let cutoff = cutoff(&table, &design.used, &totals, &outcome, &model).map_err(StatsError::from)?;
    let file_name = source.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let card = NomogramCard {
        summary: format!(
            "Logistic regression of metastasis on {}, fitted on {} complete patients ({} with metastasis) of {file_name}",
            names.join(", "),
            fit.n,
            fit.events
        ),
        trained_on: TrainedOn {
            file: file_name,
            sha256: source.sha256.clone(),
            patients: fit.n,
            events: fit.events,
        },
        dropped_rows: design.dropped.clone(),
        apparent_c: fit.c,
        brier: fit.brier,
        notes: vec![
            "The published table holds the study's own TEST patients with the authors' fused log-probabilities; none were published for the training patients. C and Brier score are apparent: they say nothing about new patients."
                .to_owned(),
            "Rows with a missing value were left out; the published analysis kept a blank Ki-67 as the reference level."
                .to_owned(),
        ],
        program: format!("thoracast {}", env!("CARGO_PKG_VERSION")),
    };
    let file = ModelFile {
        format: String::new(),
        version: 0,
        card,
        inputs: inputs(),
        model,
        risk_marks: RISK_MARKS.to_vec(),
        cutoff,
    };
    NomogramModel::new(file)
}

fn inputs() -> Vec<Input> {
    let input =
        |name: &str, label: &str, source| Input { name: name.to_owned(), label: label.to_owned(), source };
    let [low, high] = KI67_LEVELS.map(str::to_owned);
    let [ductal, others] = HISTOLOGY_LEVELS.map(str::to_owned);
    vec![
        input(
            KI67,
            "Ki-67",
            InputSource::Group { key: "ki67".to_owned(), at: KI67_HIGH, below: low, at_or_above: high },
        ),
        input(
            HISTOLOGY,
            "Histologic type",
            InputSource::Codes { key: "histology".to_owned(), levels: vec![(1.0, ductal), (0.0, others)] },
        ),
        input(PMI, "PMI at T4", InputSource::Variable { key: "pmi_t4".to_owned() }),
        input(FUSED, "Fused log-probability of metastasis", InputSource::FusedLogProb),
    ]
}

/// The study's columns under their own names, Ki-67 and histologic type as levels.
fn study_table(source: &Table) -> Result<Table, TableError> {
    let columns = [
        (KI67, source.require("ki67")?),
        (HISTOLOGY, source.require("histology")?),
        (PMI, source.require("pmi_t4")?),
        (FUSED, source.require("fused_log_prob")?),
        (METASTASIS, source.require("metastasis")?),
    ];
    let group = source.column("risk_group").map(|c| (GROUP, c));
    let columns: Vec<(&str, usize)> = columns.into_iter().chain(group).collect();
    let mut table = Table {
        rows: Vec::new(),
        header: columns.iter().map(|c| c.0.to_owned()).collect(),
        ..source.clone()
    };
    for r in 0..source.rows.len() {
        let cells = columns.iter().map(|(name, c)| cell(source, name, r, *c)).collect::<Result<_, _>>()?;
        table.rows.push(Row { number: source.rows[r].number, cells });
    }
    Ok(table)
}

fn cell(source: &Table, name: &str, row: usize, column: usize) -> Result<String, TableError> {
    let Some(text) = source.text(row, column) else { return Ok(String::new()) };
    let level = match name {
        KI67 => ki67_level(text, source.decimal_comma),
        HISTOLOGY => histology_level(text),
        FUSED => {
            let value = source.number(row, column)?;
            if value.is_some_and(|v| v > 0.0) {
                return Err(source.cell(row, column, "is not a log-probability, which is never above 0"));
            }
            Some(text)
        }
        _ => Some(text),
    };
    let expected = if name == KI67 { "percent, <20% or ≥20%" } else { "1 (Ductal) or 0 (Others)" };
    let reason = format!("is not understood; write {expected}, or leave the cell empty");
    level.map(str::to_owned).ok_or_else(|| source.cell(row, column, &reason))
}

pub(crate) fn ki67_level(text: &str, decimal_comma: bool) -> Option<&'static str> {
    let number = |t: &str| decode::number(t.trim_end_matches(['%', '％']), decimal_comma);
    let [low, high] = KI67_LEVELS;
    if let Some(percent) = number(text) {
        return (0.0..=100.0).contains(&percent).then_some(if percent < KI67_HIGH { low } else { high });
    }
    let below = text.strip_prefix('<');
    let above = text.strip_prefix('≥').or_else(|| text.strip_prefix(">="));
    let limit = number(below.or(above)?.trim())?;
    (limit == KI67_HIGH).then_some(if below.is_some() { low } else { high })
}

pub(crate) fn histology_level(text: &str) -> Option<&'static str> {
    match text.to_lowercase().as_str() {
        "ductal" | "1" | "1.0" => Some(HISTOLOGY_LEVELS[0]),
        "others" | "other" | "0" | "0.0" => Some(HISTOLOGY_LEVELS[1]),
        _ => None,
    }
}

/// The total points that keep most patients in the table's own risk groups; without such groups, or where they
/// follow something else, the point of the largest Youden index.
fn cutoff(
    table: &Table,
    used: &[usize],
    totals: &[f64],
    outcome: &[bool],
    model: &LinearModel,
) -> Result<Cutoff, TableError> {
    let n = totals.len();
    if let Some(groups) = groups(table, used)? {
        let Cut { total_points, gain: right } =
            best_cut(totals, |i, high| u32::from(groups[i] == high).into());
        if right >= GROUPS_AGREE * n as f64 {
            let how = format!(
                "keeps {right} of {n} patients in the risk groups that {} gives",
                table.path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned())
            );
            return Ok(Cutoff { total_points, risk: model.risk_at(total_points), how });
        }
    }
    let Cut { total_points, gain: youden } = youden(totals, outcome);
    let how = format!("largest Youden index ({youden:.3}) on the patients it was fitted on");
    Ok(Cutoff { total_points, risk: model.risk_at(total_points), how })
}

/// Published risk groups of the rows used, true = high; `None` without the column or where one is missing.
fn groups(table: &Table, used: &[usize]) -> Result<Option<Vec<bool>>, TableError> {
    let Some(column) = table.column(GROUP) else { return Ok(None) };
    let mut groups = Vec::with_capacity(used.len());
    for row in used {
        match table.number(*row, column)? {
            Some(0.0) => groups.push(false),
            Some(1.0) => groups.push(true),
            None => return Ok(None),
            Some(_) => {
                return Err(table.cell(*row, column, "is not a risk group; write 0 (low) or 1 (high)"));
            }
        }
    }
    let both = groups.contains(&true) && groups.contains(&false);
    Ok(both.then_some(groups))
}
