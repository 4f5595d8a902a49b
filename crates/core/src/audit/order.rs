//! Patient numbers and row order that give the outcome away.

use super::frame::{Cohort, Entry, Frame};
use super::test::{ALPHA, corrected, runs, separation};
use super::{Code, Finding, Severity, count, effect};

/// Below this area an order is no more than a trend over the years of recruitment.
const AREA: f64 = 0.75;
/// Fewer runs of equal outcomes than this share of what chance gives are blocks.
const BLOCKS: f64 = 0.5;

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(ids(cohort));
    for frame in cohort.frames() {
        for table in 0..frame.tables.len() {
            found.extend(rows(frame, table));
        }
    }
    found
}

/// Whether a sequence separates the outcomes, and the numbers that say so.
struct Told {
    strength: f64,
    auc: f64,
    runs: usize,
    expected: f64,
    p: f64,
}

/// `value` has one number a patient; equal numbers are ties.
fn told(outcome: &[bool], value: &[f64], comparisons: usize) -> Option<Told> {
    let area = separation(outcome, value)?;
    let mut order: Vec<usize> = (0..value.len()).collect();
    order.sort_by(|a, b| value[*a].total_cmp(&value[*b]));
    let different = order.windows(2).all(|w| value[w[0]] < value[w[1]]);
    let sequence: Vec<bool> = order.iter().map(|i| outcome[*i]).collect();
    // With ties the sequence is not one.
    let runs = runs(&sequence).filter(|_| different);
    let by_area = area.strength >= AREA && corrected(area.p, comparisons) < ALPHA;
    let by_runs =
        runs.filter(|r| (r.runs as f64) < BLOCKS * r.expected && corrected(r.p, comparisons) < ALPHA);
    (by_area || by_runs.is_some()).then(|| Told {
        strength: area.strength,
        auc: area.auc,
        runs: runs.map_or(0, |r| r.runs),
        expected: runs.map_or(0.0, |r| r.expected),
        p: corrected(area.p.min(runs.map_or(1.0, |r| r.p)), comparisons),
    })
}

fn severity(told: &Told) -> Severity {
    let blocks = told.expected > 0.0 && (told.runs as f64) < 0.25 * told.expected;
    if told.strength >= 0.9 || blocks { Severity::High } else { Severity::Medium }
}

/// What an ID consists of, as numbers: its digits, its length, its letters in alphabetical order, its last digit odd.
fn features(id: &str, prefixes: &[String]) -> [Option<f64>; 4] {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    let number = digits.get(..digits.len().min(17)).and_then(|d| d.parse::<f64>().ok());
    let letters = prefixes.iter().position(|p| *p == prefix(id)).map(|i| i as f64);
    [number, Some(id.chars().count() as f64), letters, number.map(|n| n % 2.0)]
}

fn prefix(id: &str) -> String {
    id.chars().take_while(|c| !c.is_ascii_digit()).collect()
}

/// Over all tables and pictures: IDs are given once for the whole cohort.
fn ids(cohort: &Cohort) -> Option<Finding> {
    let known: Vec<(&String, bool)> = cohort
        .labels
        .iter()
        .filter(|(id, _)| !id.starts_with("row "))
        .filter_map(|(id, y)| y.map(|y| (id, y)))
        .collect();
    let mut prefixes: Vec<String> = known.iter().map(|(id, _)| prefix(id)).collect();
    prefixes.sort();
    prefixes.dedup();
    let names = ["number", "length", "letters before the number", "odd or even last digit"];
    let all: Vec<[Option<f64>; 4]> = known.iter().map(|(id, _)| features(id, &prefixes)).collect();
    let mut best: Option<(&str, Told)> = None;
    for (f, name) in names.into_iter().enumerate() {
        let kept: Vec<usize> = (0..known.len()).filter(|i| all[*i][f].is_some()).collect();
        if kept.len() * 10 < known.len() * 9 {
            continue;
        }
        let outcome: Vec<bool> = kept.iter().map(|i| known[*i].1).collect();
        let value: Vec<f64> = kept.iter().filter_map(|i| all[*i][f]).collect();
        if let Some(t) = told(&outcome, &value, names.len())
            && best.as_ref().is_none_or(|(_, b)| t.strength > b.strength)
        {
            best = Some((name, t));
        }
    }
    let (what, told) = best?;
    let frame = &cohort.clinical;
    let column = frame
        .tables
        .iter()
        .chain(&cohort.survival.tables)
        .find_map(|t| Some(t.table.heading(t.id?).to_owned()));
    let number: Vec<f64> = frame
        .rows
        .iter()
        .map(|e| {
            features(&e.id, &prefixes)[names.iter().position(|n| *n == what).unwrap_or(0)].unwrap_or(0.0)
        })
        .collect();
    let with = effect::View { extra: vec![number], ..Default::default() };
    let how = if told.strength >= 0.999 {
        "separates patients with metastasis from those without completely".to_owned()
    } else {
        format!(
            "separates patients with metastasis from those without (area under the ROC curve {:.3})",
            told.strength
        )
    };
    let message = format!(
        "The patient ID ({what}) {how}: the patients were numbered by outcome, so the groups may differ in year, scanner or \
         source, too. Never use the ID or the order as a predictor, and find out how the groups were recruited."
    );
    Some(
        Finding::new(Code::IdSeparatesOutcome, severity(&told), message)
            .columns(column)
            .evidence("feature", what)
            .evidence("auc", told.auc)
            .evidence("p", told.p)
            .evidence("runs", told.runs)
            .evidence("runs_expected", told.expected)
            .evidence("n", known.len())
            .effect(effect::between(frame, &with, &effect::View::default())),
    )
}

/// Within one table: rows of one outcome stand together.
fn rows(frame: &Frame, table: usize) -> Option<Finding> {
    let known: Vec<(f64, bool)> = frame
        .rows
        .iter()
        .filter(|e| e.table == table)
        .filter_map(|e| Some((e.row as f64, e.outcome?)))
        .collect();
    let (position, outcome): (Vec<f64>, Vec<bool>) = known.into_iter().unzip();
    let told = told(&outcome, &position, frame.tables.len())?;
    let (source, runs) = (&frame.tables[table], told.runs);
    let file = source.file();
    // How far down its own table each row stands, so that what is learnt in one table can be tried in another.
    let depth = |e: &Entry| e.row as f64 / frame.tables[e.table].table.rows.len() as f64;
    let place = frame.rows.iter().map(depth).collect();
    let with = effect::View { extra: vec![place], ..Default::default() };
    let message = format!(
        "In {file} the rows are sorted by outcome: {} of equal outcome where chance would give about {:.0}. Folds and \
         batches cut from such a table in its order are no fair samples, and anything filled in down the table differs \
         between the groups; shuffle the rows with a stated seed before any split.",
        count(runs, "run"),
        told.expected
    );
    Some(
        Finding::new(Code::OrderSeparatesOutcome, severity(&told), message)
            .evidence("file", file)
            .evidence("auc", told.auc)
            .evidence("p", told.p)
            .evidence("runs", runs)
            .evidence("runs_expected", told.expected)
            .evidence("n", outcome.len())
            .effect(effect::between(frame, &with, &effect::View::default())),
    )
}
