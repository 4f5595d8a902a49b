//! Missing values, values filled in for them, and blanks among categories.

use super::frame::{Cell, Cohort, Column, Frame};
use super::test::{ALPHA, corrected, fisher, median, separation};
use super::{Code, Finding, Severity, count, effect, some};

/// A missing or filled share must differ by so much between the outcomes to matter.
const DIFFERENCE: f64 = 0.1;
/// Fewer gaps or equal values say nothing.
const FEWEST: usize = 5;

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let mut found = Vec::new();
    for frame in cohort.frames() {
        let own: Vec<&Column> = frame
            .columns
            .iter()
            .filter(|c| std::ptr::eq(frame, &cohort.clinical) || !cohort.repeated(c))
            .collect();
        let predictors: Vec<&Column> = own.iter().copied().filter(|c| c.is_predictor()).collect();
        found.extend(missing(frame, &predictors));
        found.extend(filled(frame, &predictors));
        // A survival table's own way of writing a column counts for itself.
        found.extend(frame.columns.iter().filter(|c| c.key != Some("id")).filter_map(|c| blank(frame, c)));
    }
    found
}

fn missing(frame: &Frame, columns: &[&Column]) -> Vec<Finding> {
    let gap = |c: &Cell| (*c != Cell::Absent).then_some(*c == Cell::Missing);
    let any = |c: &&&Column| c.cells.contains(&Cell::Missing);
    let with_gaps: Vec<&Column> = columns.iter().filter(any).copied().collect();
    let mut found = Vec::new();
    for column in &with_gaps {
        let (rows, outcome, gaps) = frame.known(column, gap);
        let of = |event| counted(&outcome, &gaps, event);
        let ((a, n), (b, m)) = (of(true), of(false));
        let p = corrected(fisher(a, n, b, m), with_gaps.len());
        let (rate_events, rate_others) = (share(a, n), share(b, m));
        let difference = (rate_events - rate_others).abs();
        if a + b < FEWEST || p >= level(difference) || difference < DIFFERENCE {
            continue;
        }
        let name = &column.name;
        let message = format!(
            "'{name}' is missing in {a} of {n} patients with metastasis and in {b} of {m} without: that it is missing tells \
             the outcome. A model that fills or marks gaps learns who was followed up, not who is ill. Find out why it is \
             missing, and leave the column out until it is known."
        );
        let severity = if difference >= 0.3 { Severity::High } else { Severity::Medium };
        let indicator = column.cells.iter().map(|c| f64::from(u8::from(*c == Cell::Missing))).collect();
        let with = effect::View { extra: vec![indicator], ..Default::default() };
        let without = effect::View { without: vec![name], ..Default::default() };
        found.push(
            Finding::new(Code::MissingnessTellsOutcome, severity, message)
                .columns([name])
                .patients(frame.ids(rows.into_iter().zip(gaps).filter(|(_, g)| *g).map(|(r, _)| r)))
                .evidence("missing_with_metastasis", a)
                .evidence("with_metastasis", n)
                .evidence("missing_without", b)
                .evidence("without", m)
                .evidence("p", p)
                .effect(effect::between(frame, &with, &without)),
        );
    }
    if found.is_empty() {
        found.extend(pattern(frame, &with_gaps));
    }
    found
}

/// No single column, but the number of gaps in a row.
fn pattern(frame: &Frame, columns: &[&Column]) -> Option<Finding> {
    let known: Vec<usize> = (0..frame.rows.len()).filter(|r| frame.rows[*r].outcome.is_some()).collect();
    let outcome: Vec<bool> = known.iter().map(|r| frame.rows[*r].outcome == Some(true)).collect();
    let gaps = |r: &usize| columns.iter().filter(|c| c.cells[*r] == Cell::Missing).count() as f64;
    let told = separation(&outcome, &known.iter().map(gaps).collect::<Vec<_>>())?;
    if columns.len() < 2 || told.p >= ALPHA || told.strength < 0.62 {
        return None;
    }
    let more = if told.auc > 0.5 { "more" } else { "fewer" };
    let with =
        effect::View { extra: vec![(0..frame.rows.len()).map(|r| gaps(&r)).collect()], ..Default::default() };
    let message = format!(
        "Patients with metastasis have {more} missing values than the others (area under the ROC curve {:.3}): how completely \
         a row was filled in tells the outcome. Find out who filled in the table and when.",
        told.strength
    );
    Some(
        Finding::new(Code::MissingnessTellsOutcome, Severity::Medium, message)
            .columns(columns.iter().map(|c| c.name.clone()))
            .evidence("auc", told.auc)
            .evidence("p", told.p)
            .effect(effect::between(frame, &with, &effect::View::default())),
    )
}

/// The p below which a difference counts: small cohorts may show a large one only.
fn level(difference: f64) -> f64 {
    if difference >= 0.2 { 0.01 } else { ALPHA }
}

/// How many of the outcome have it, and how many there are.
fn counted(outcome: &[bool], has: &[bool], event: bool) -> (usize, usize) {
    let of = outcome.iter().zip(has).filter(|(y, _)| **y == event);
    (of.clone().filter(|(_, h)| **h).count(), of.count())
}

fn share(a: usize, n: usize) -> f64 {
    if n == 0 { 0.0 } else { a as f64 / n as f64 }
}

/// One number that stands in a column far oftener than the numbers around it, and for one outcome.
fn filled(frame: &Frame, columns: &[&Column]) -> Vec<Finding> {
    let numeric: Vec<&&Column> = columns.iter().filter(|c| c.numeric).collect();
    let mut candidates = Vec::new();
    for column in numeric {
        let (rows, outcome, values) = frame.known(column, Cell::number);
        for value in spikes(&values, column.distinct) {
            candidates.push((*column, rows.clone(), outcome.clone(), values.clone(), value));
        }
    }
    let comparisons = candidates.len();
    let mut worst: Vec<(f64, Finding)> = Vec::new();
    for (column, rows, outcome, values, value) in candidates {
        let has: Vec<bool> = values.iter().map(|v| *v == value).collect();
        let ((a, n), (b, m)) = (counted(&outcome, &has, true), counted(&outcome, &has, false));
        // A column that rises with the outcome has values that are commoner for one: compare with the values around, too.
        let around = neighbours(&values, value);
        let (near, distant): (usize, usize) =
            around.iter().fold((0, 0), |(y, k), i| (y + usize::from(outcome[*i]), k + 1));
        let against_all = corrected(fisher(a, n, b, m), comparisons);
        let sentinel = is_beyond(&values, value);
        let against_near =
            if sentinel { 0.0 } else { corrected(fisher(a, a + b, near, distant), comparisons) };
        let difference = (share(a, n) - share(b, m)).abs();
        let level = level(difference);
        if against_all >= level || against_near >= level || difference < DIFFERENCE {
            continue;
        }
        let name = &column.name;
        let message = format!(
            "'{name}' is exactly {value} in {a} of {n} patients with metastasis and in {b} of {m} without, far more often than \
             the values around it: it looks filled in, and for one outcome only. Mark these cells as missing and fill all gaps \
             by one rule that does not know the outcome."
        );
        let severity = if difference >= 0.3 { Severity::High } else { Severity::Medium };
        let finding = Finding::new(Code::FillValueTellsOutcome, severity, message)
            .columns([name])
            .patients(frame.ids(rows.iter().zip(&has).filter(|(_, h)| **h).map(|(r, _)| *r)))
            .evidence("value", value)
            .evidence("filled_with_metastasis", a)
            .evidence("with_metastasis", n)
            .evidence("filled_without", b)
            .evidence("without", m)
            .evidence("p", against_all)
            .effect(effect::of_columns(frame, &[name]));
        worst.push((difference, finding));
    }
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    worst.into_iter().map(|(_, finding)| finding).collect()
}

/// Values that stand out by how often they occur; in columns of few values, those far from all others.
fn spikes(values: &[f64], distinct: usize) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let counts: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    let mut found = Vec::new();
    for (i, (value, n)) in counts.iter().enumerate() {
        if *n < FEWEST {
            continue;
        }
        let (low, high) = (i.saturating_sub(5), (i + 6).min(counts.len()));
        let around: Vec<f64> = (low..high).filter(|j| *j != i).map(|j| counts[j].1 as f64).collect();
        let outstanding = distinct > 10
            && *n as f64 >= 2.5 * median(&around)
            && *n as f64 >= 1.3 * around.iter().copied().fold(0.0, f64::max);
        if outstanding || is_beyond(values, *value) {
            found.push(*value);
        }
    }
    found
}

/// Whether a value lies apart from all others by more than their whole range: −1, 99, 999 for "unknown".
fn is_beyond(values: &[f64], value: f64) -> bool {
    let others = values.iter().copied().filter(|v| *v != value);
    let (low, high) = others.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let range = high - low;
    // A negative number among figures that cannot be negative is a code, however near it lies.
    let negative = value < 0.0 && low >= 0.0;
    range > 0.0 && (value > high + 1.5 * range || value < low - range || negative)
}

/// The patients nearest to a value on either side of it, as many as are needed for a fair comparison.
fn neighbours(values: &[f64], value: f64) -> Vec<usize> {
    let mut others: Vec<usize> = (0..values.len()).filter(|i| values[*i] != value).collect();
    others.sort_by(|a, b| (values[*a] - value).abs().total_cmp(&(values[*b] - value).abs()));
    others.truncate((values.len() / 4).max(30));
    others
}

/// A column of words with blanks among them: a program may take the blank for a word.
fn blank(frame: &Frame, column: &Column) -> Option<Finding> {
    if column.numeric || column.distinct < 2 || column.distinct > 20 {
        return None;
    }
    let rows: Vec<usize> = (0..frame.rows.len()).filter(|r| column.cells[*r] == Cell::Missing).collect();
    let values = column.cells.iter().filter(|c| matches!(c, Cell::Text(_) | Cell::Number(_))).count();
    // Mostly empty is no category with a slip but a remark.
    if rows.is_empty() || values < rows.len() {
        return None;
    }
    let (name, ids) = (&column.name, frame.ids(rows.iter().copied()));
    // The blank as a level of its own, against blanks that are no level.
    let level = column.cells.iter().map(|c| f64::from(u8::from(*c == Cell::Missing))).collect();
    let with = effect::View { extra: vec![level], ..Default::default() };
    let message = format!(
        "'{name}' has words for its categories but is blank in {}: many programs take the blank for a category of its own. \
         Write what is known or leave these patients out; patients {}.",
        count(rows.len(), "row"),
        some(&ids)
    );
    Some(
        Finding::new(Code::BlankLevel, Severity::Low, message)
            .columns([name])
            .patients(ids)
            .evidence("blank", rows.len())
            .evidence("rows", frame.rows.len())
            .effect(
                effect::between(frame, &with, &effect::View::default()).filter(|_| column.is_predictor()),
            ),
    )
}
