//! Columns that know too much: copies for one outcome, single columns that predict too well, columns from afterwards.

use super::frame::{Cell, Cohort, Column, Frame};
use super::test::{ALPHA, corrected, fisher, hanley_mcneil, median, separation};
use super::{Code, Finding, Severity, effect, some};
use crate::cohort::afterwards::{self, Afterwards};
use crate::stats::normal_p;

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let mut found = copies(&cohort.clinical);
    for frame in cohort.frames() {
        let own =
            |c: &&Column| c.is_predictor() && (std::ptr::eq(frame, &cohort.clinical) || !cohort.repeated(c));
        let predictors: Vec<&Column> = frame.columns.iter().filter(own).collect();
        found.extend(too_good(frame, &predictors));
        found.extend(afterwards(frame, &predictors));
    }
    found.extend(results(&cohort.clinical));
    found
}

// ---- copies ----

/// How far apart a copy may be, as a share; by how much the share of copies must then differ between the outcomes; and how
/// many copies there must be. Cells are rounded: two hundredths of a per cent apart is the same. Copies with noise are
/// told by how many there are, as figures of one body go together anyway.
const COPIED: [(f64, f64, usize); 3] = [(2e-4, 0.2, 5), (5e-3, 0.35, 10), (2e-2, 0.45, 15)];

/// Pairs of measured columns of which one is the other times a constant, for one outcome far more often.
fn copies(frame: &Frame) -> Vec<Finding> {
    let columns: Vec<&Column> = frame.predictors().filter(|c| c.numeric && c.distinct >= 10).collect();
    let pairs = columns.len() * columns.len().saturating_sub(1) / 2;
    let mut found = Vec::new();
    for (i, a) in columns.iter().enumerate() {
        for b in &columns[i + 1..] {
            found.extend(copy(frame, a, b, pairs));
        }
    }
    found
}

fn copy(frame: &Frame, a: &Column, b: &Column, pairs: usize) -> Option<Finding> {
    let rows: Vec<(usize, bool, f64, f64)> = (0..frame.rows.len())
        .filter_map(|r| {
            let (x, y) = (a.cells[r].number()?, b.cells[r].number()?);
            Some((r, frame.rows[r].outcome?, x, y))
        })
        .filter(|(_, _, x, y)| *x != 0.0 && *y != 0.0)
        .collect();
    let of = |event| rows.iter().filter(move |r| r.1 == event);
    let mut best: Option<(f64, f64, Vec<usize>, [usize; 4])> = None;
    for (tolerance, least_difference, fewest) in COPIED {
        for factor in factors(&rows, tolerance) {
            let same = |r: &&(usize, bool, f64, f64)| (r.3 - factor * r.2).abs() <= tolerance * r.3.abs();
            let (hit, n, other, m) = (
                of(true).filter(same).count(),
                of(true).count(),
                of(false).filter(same).count(),
                of(false).count(),
            );
            let p = corrected(fisher(hit, n, other, m), pairs * 2 * COPIED.len());
            let difference = (hit as f64 / n.max(1) as f64 - other as f64 / m.max(1) as f64).abs();
            let told = hit + other >= fewest && difference >= least_difference && p < ALPHA;
            if told && best.as_ref().is_none_or(|b| p < b.1) {
                best = Some((factor, p, rows.iter().filter(same).map(|r| r.0).collect(), [hit, n, other, m]));
            }
        }
    }
    let (factor, p, copied, [hit, n, other, m]) = best?;
    let (first, second) = (&a.name, &b.name);
    let relation =
        if (factor - 1.0).abs() < 1e-9 { "equals".to_owned() } else { format!("is {factor:.6} times") };
    let message = format!(
        "'{second}' {relation} '{first}' in {hit} of {n} patients with metastasis and in {other} of {m} without: one was \
         copied into the other for one outcome, so the pair tells the outcome. Restore the values from the source, or leave \
         '{second}' out; no figure made with it can be trusted."
    );
    let effect = [second, first].map(|name| effect::of_columns(frame, &[name]));
    // Either may be the copy: the one whose absence costs more is the one that tells.
    let effect = effect.into_iter().flatten().min_by(|a, b| a.auc_without.total_cmp(&b.auc_without));
    Some(
        Finding::new(Code::ConditionalCopy, Severity::High, message)
            .columns([first, second])
            .patients(frame.ids(copied))
            .evidence("factor", factor)
            .evidence("copied_with_metastasis", hit)
            .evidence("with_metastasis", n)
            .evidence("copied_without", other)
            .evidence("without", m)
            .evidence("p", p)
            .effect(effect),
    )
}

/// 1, and the commonest ratio within either outcome where at least a fifth of its patients have it.
fn factors(rows: &[(usize, bool, f64, f64)], tolerance: f64) -> Vec<f64> {
    let mut found = vec![1.0];
    for event in [false, true] {
        let mut ratios: Vec<f64> = rows.iter().filter(|r| r.1 == event).map(|r| r.3 / r.2).collect();
        ratios.sort_by(f64::total_cmp);
        let (mut best, mut start) = (0..0, 0);
        for end in 0..ratios.len() {
            while ratios[end] - ratios[start] > tolerance * ratios[end].abs() {
                start += 1;
            }
            if end + 1 - start > best.len() {
                best = start..end + 1;
            }
        }
        if best.len() >= 5 && best.len() * 5 >= ratios.len() {
            found.push(median(&ratios[best]));
        }
    }
    found
}

// ---- single columns ----

/// An area that ordinary clinical signals do not exceed.
const ORDINARY: f64 = 0.87;
/// However many patients there are, a finding needs at least this area.
const LEAST: f64 = 0.93;

/// From here on fewer patients are needed to say so.
const BEYOND: f64 = 0.95;

fn too_good(frame: &Frame, columns: &[&Column]) -> Vec<Finding> {
    let mut found = Vec::new();
    for column in columns {
        let told = [as_number(frame, column), by_level(frame, column)];
        let Some((area, events, others, how)) = told.into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0))
        else {
            continue;
        };
        let z = (area - ORDINARY) / hanley_mcneil(ORDINARY, events, others);
        let p = if z > 0.0 { normal_p(z) / 2.0 } else { 1.0 };
        // Few columns come near the ordinary limit at all, so that only those count as comparisons, not all.
        let complete = area >= 0.995;
        if events < 5
            || others < 5
            || !(complete || (p < 0.005 && area >= LEAST) || (p < 0.025 && area >= BEYOND))
        {
            continue;
        }
        let name = &column.name;
        let message = format!(
            "'{name}' alone separates patients with metastasis from those without (area under the ROC curve {area:.3}): no \
             single clinical measurement does that. It was probably made, filled in or chosen knowing the outcome; find out \
             when and by whom before it is used."
        );
        found.push(
            Finding::new(Code::TooGoodSinglePredictor, Severity::High, message)
                .columns([name])
                .evidence("auc", area)
                .evidence("read_as", how)
                .evidence("p_above_0.87", p)
                .evidence("events", events)
                .evidence("others", others)
                .effect(effect::of_columns(frame, &[name])),
        );
    }
    found
}

type Area = (f64, usize, usize, &'static str);

fn as_number(frame: &Frame, column: &Column) -> Option<Area> {
    let (_, outcome, values) = frame.known(column, Cell::number);
    let told = separation(&outcome, &values).filter(|_| column.numeric)?;
    let events = outcome.iter().filter(|y| **y).count();
    Some((told.strength, events, outcome.len() - events, "number"))
}

/// Each patient scored by the other patients of the same level (numbers: the same eighth), so that many levels gain nothing.
fn by_level(frame: &Frame, column: &Column) -> Option<Area> {
    let (_, outcome, cells) = frame.known(column, |c| (*c != Cell::Absent).then_some(c));
    let levels: Vec<String> = if column.numeric && column.distinct > 12 {
        let mut sorted: Vec<f64> = cells.iter().filter_map(|c| c.number()).collect();
        sorted.sort_by(f64::total_cmp);
        let eighth = |v: f64| sorted.partition_point(|s| *s < v) * 8 / sorted.len().max(1);
        cells.iter().map(|c| c.number().map_or_else(String::new, |v| eighth(v).to_string())).collect()
    } else if column.distinct <= 30 {
        cells
            .iter()
            .map(|c| match c {
                Cell::Number(v) => v.to_string(),
                Cell::Text(t) => t.clone(),
                Cell::Absent | Cell::Missing => String::new(),
            })
            .collect()
    } else {
        return None;
    };
    let mut tally: std::collections::BTreeMap<&str, (f64, f64)> = std::collections::BTreeMap::new();
    for (level, y) in levels.iter().zip(&outcome) {
        let (events, all) = tally.entry(level).or_default();
        *events += f64::from(u8::from(*y));
        *all += 1.0;
    }
    let events = outcome.iter().filter(|y| **y).count();
    let rate = events as f64 / outcome.len().max(1) as f64;
    let score = levels.iter().zip(&outcome).map(|(level, y)| {
        let (hits, all) = tally[level.as_str()];
        (hits - f64::from(u8::from(*y)) + rate) / all
    });
    let told = separation(&outcome, &score.collect::<Vec<_>>())?;
    Some((told.auc, events, outcome.len() - events, "categories"))
}

// ---- afterwards ----

fn afterwards(frame: &Frame, columns: &[&Column]) -> Vec<Finding> {
    let named = |when: Afterwards| -> Vec<&str> {
        columns.iter().filter(|c| afterwards::of(&c.name) == Some(when)).map(|c| c.name.as_str()).collect()
    };
    let late = named(Afterwards::FollowUp);
    let mut treatment = named(Afterwards::Treatment);
    treatment.sort();
    treatment.dedup();
    let mut found = Vec::new();
    if !treatment.is_empty() {
        let message = format!(
            "{} {} treatment: decided after diagnosis, partly because of how the illness went, and not known when the \
             prediction is wanted. Leave it out, or say that the model predicts after treatment was chosen.",
            quoted(&treatment),
            if treatment.len() == 1 { "is" } else { "are" }
        );
        found.push(
            Finding::new(Code::AfterOutcomeVariable, Severity::Low, message)
                .columns(treatment.iter().copied())
                .effect(effect::of_columns(frame, &treatment)),
        );
    }
    if !late.is_empty() {
        found.push(late_finding(frame, &late));
    }
    found
}

fn late_finding(frame: &Frame, late: &[&str]) -> Finding {
    let message = format!(
        "{} can only be known from follow-up, after the outcome. A predictor must be known when the prediction is made: leave \
         it out of the clinical table.",
        quoted(late)
    );
    Finding::new(Code::AfterOutcomeVariable, Severity::High, message)
        .columns(late.iter().copied())
        .effect(effect::of_columns(frame, late))
}

/// Survival columns and model outputs that stand in the clinical table.
fn results(frame: &Frame) -> Option<Finding> {
    let late: Vec<&str> = frame.columns.iter().filter(|c| c.is_result()).map(|c| c.name.as_str()).collect();
    if late.is_empty() {
        return None;
    }
    // No model of ours looks at them: added, they show what they would do to one that does.
    let columns = frame.columns.iter().filter(|c| c.is_result());
    let extra = columns.flat_map(|c| effect::encoded(c, &Default::default())).collect();
    let with = effect::View { extra, ..Default::default() };
    Some(late_finding(frame, &late).effect(effect::between(frame, &with, &effect::View::default())))
}

fn quoted(names: &[&str]) -> String {
    some(&names.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>())
}
