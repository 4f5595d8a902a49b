//! What a fault is worth: the clinical model refitted with and without it.

use std::collections::BTreeSet;

use super::Effect;
use super::frame::{Cell, Column, Frame};
use crate::clinical::boosting::{self, BoostingSettings};
use crate::cohort::Split;
use crate::stats::roc;

/// Few and shallow trees: enough to see what a column is worth, quick enough to refit for every finding.
const SETTINGS: BoostingSettings =
    BoostingSettings { trees: 60, min_samples_leaf: 5, ..BoostingSettings::published() };
const FOLDS: usize = 5;

/// What the model may look at.
#[derive(Default, Clone)]
pub struct View<'c> {
    /// By name; left out.
    pub without: Vec<&'c str>,
    /// Columns of the model's own making, one value a row of the frame.
    pub extra: Vec<Vec<f64>>,
    /// Cells taken for missing: a column's name and rows of the frame.
    pub blanked: Vec<(&'c str, &'c [usize])>,
    /// Rows left out of training.
    pub unlearned: Vec<usize>,
}

/// The area with and without; `None` where one of them does not exist.
pub fn between(frame: &Frame, with: &View, without: &View) -> Option<Effect> {
    Some(Effect { auc_with: auc(frame, with)?, auc_without: auc(frame, without)? })
}

/// With all columns, and without these.
pub fn of_columns(frame: &Frame, names: &[&str]) -> Option<Effect> {
    between(frame, &View::default(), &View { without: names.to_vec(), ..View::default() })
}

/// Area of boosted trees on the test split, cross-validated where there is none.
fn auc(frame: &Frame, view: &View) -> Option<f64> {
    let columns: Vec<&Column> =
        frame.predictors().filter(|c| c.distinct > 1 && !view.without.contains(&c.name.as_str())).collect();
    let mut features: Vec<Vec<f64>> = columns
        .iter()
        .flat_map(|c| {
            let blanked = view.blanked.iter().filter(|b| b.0 == c.name).flat_map(|b| b.1.iter().copied());
            encoded(c, &blanked.collect())
        })
        .collect();
    features.extend(view.extra.iter().cloned());
    if features.is_empty() {
        return Some(0.5); // nothing to look at: a coin
    }
    let known: Vec<usize> = (0..frame.rows.len()).filter(|r| frame.rows[*r].outcome.is_some()).collect();
    let outcome = |r: &usize| frame.rows[*r].outcome == Some(true);
    let row = |r: usize| -> Vec<f64> { features.iter().map(|f| f[r]).collect() };
    let score = |train: &[usize], test: &[usize]| -> Option<Vec<f64>> {
        let learned: Vec<usize> = train.iter().copied().filter(|r| !view.unlearned.contains(r)).collect();
        let rows: Vec<Vec<f64>> = learned.iter().map(|r| row(*r)).collect();
        let model =
            boosting::fit(&rows, &learned.iter().map(outcome).collect::<Vec<_>>(), &SETTINGS).ok()?.model;
        Some(test.iter().map(|r| model.log_odds(&row(*r))).collect())
    };
    let of =
        |split| known.iter().copied().filter(|r| frame.rows[*r].split == Some(split)).collect::<Vec<_>>();
    let (train, test) = (of(Split::Train), of(Split::Test));
    let enough = |rows: &[usize]| {
        let events = rows.iter().filter(|r| outcome(r)).count();
        events >= 5 && rows.len() - events >= 5
    };
    if enough(&train) && enough(&test) {
        let y: Vec<bool> = test.iter().map(outcome).collect();
        return roc::auc(&y, &score(&train, &test)?);
    }
    if !enough(&known) {
        return None;
    }
    // Every fifth event and every fifth other patient: the same folds whichever columns are looked at.
    let (mut fold, mut seen) = (vec![0; frame.rows.len()], [0usize; 2]);
    for r in &known {
        let class = &mut seen[usize::from(outcome(r))];
        fold[*r] = *class % FOLDS;
        *class += 1;
    }
    // Areas are averaged over folds: scores of different models share no scale.
    let mut areas = Vec::new();
    for f in 0..FOLDS {
        let (test, train): (Vec<usize>, Vec<usize>) = known.iter().partition(|r| fold[**r] == f);
        let y: Vec<bool> = test.iter().map(outcome).collect();
        areas.push(roc::auc(&y, &score(&train, &test)?)?);
    }
    Some(areas.iter().sum::<f64>() / areas.len() as f64)
}

/// A column as numbers, some rows taken for missing: a number itself with gaps at the median, texts as one column a level.
pub fn encoded(column: &Column, blanked: &BTreeSet<usize>) -> Vec<Vec<f64>> {
    let cells: Vec<&Cell> = column
        .cells
        .iter()
        .enumerate()
        .map(|(r, cell)| if blanked.contains(&r) { &Cell::Missing } else { cell })
        .collect();
    if column.numeric {
        let values: Vec<f64> = cells.iter().filter_map(|c| c.number()).collect();
        let middle = super::test::median(&values);
        return vec![cells.iter().map(|c| c.number().unwrap_or(middle)).collect()];
    }
    if column.distinct > 20 {
        return Vec::new(); // names and remarks
    }
    let mut levels: Vec<&Cell> = Vec::new();
    for cell in &cells {
        if !matches!(cell, Cell::Absent | Cell::Missing) && !levels.contains(cell) {
            levels.push(cell);
        }
    }
    levels.into_iter().map(|l| cells.iter().map(|c| f64::from(u8::from(*c == l))).collect()).collect()
}
