//! Codes and values that cannot be: outcome codes, ranges, units, and figures that contradict each other.

use std::collections::BTreeMap;

use super::frame::{Cell, Cohort, Column, Frame};
use super::test::median;
use super::{Code, Finding, Severity, count, effect, some};
use crate::clinical::{self, Kind};

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let mut found = Vec::new();
    for frame in cohort.frames() {
        found.extend(["metastasis", "dead"].iter().filter_map(|key| event_codes(frame, key)));
        for column in &frame.columns {
            found.extend(texts(frame, column));
            found.extend(ranges(frame, column));
            found.extend(units(frame, column));
            found.extend(mixed_units(frame, column));
        }
        found.extend(muscle(frame));
        found.extend(survival(frame));
    }
    found
}

/// One finding of a column and the rows concerned; `None` for no rows.
fn at(
    frame: &Frame,
    code: Code,
    severity: Severity,
    columns: &[&Column],
    rows: &[usize],
    message: impl Fn(&str) -> String,
) -> Option<Finding> {
    let first = rows.first()?;
    let ids = frame.ids(rows.iter().copied());
    let cells: Vec<String> = columns.iter().map(|c| shown(&c.cells[*first])).collect();
    let finding = Finding::new(code, severity, message(&some(&ids)))
        .columns(columns.iter().map(|c| c.name.clone()))
        .patients(ids)
        .evidence("rows", rows.len())
        .evidence("first_value", cells.join(", "))
        .evidence(
            "first_row",
            frame.tables[frame.rows[*first].table].table.rows[frame.rows[*first].row].number,
        )
        .evidence("first_file", frame.tables[frame.rows[*first].table].file());
    let blanked: Vec<(&str, &[usize])> =
        columns.iter().filter(|c| c.is_predictor()).map(|c| (c.name.as_str(), rows)).collect();
    if blanked.is_empty() {
        return Some(finding);
    }
    // These cells taken for missing.
    let without = effect::View { blanked, ..Default::default() };
    Some(finding.effect(effect::between(frame, &effect::View::default(), &without)))
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Number(v) => v.to_string(),
        Cell::Text(t) => t.clone(),
        Cell::Absent | Cell::Missing => String::new(),
    }
}

fn rows_where(frame: &Frame, fits: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..frame.rows.len()).filter(|r| fits(*r)).collect()
}

fn event_codes(frame: &Frame, key: &str) -> Option<Finding> {
    let column = frame.column(key)?;
    let good = |c: &Cell| matches!(c, Cell::Number(v) if *v == 0.0 || *v == 1.0);
    let blank = |c: &Cell| matches!(c, Cell::Absent | Cell::Missing);
    let odd = rows_where(frame, |r| !good(&column.cells[r]) && !blank(&column.cells[r]));
    let missing = rows_where(frame, |r| column.cells[r] == Cell::Missing);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    column.cells.iter().filter(|c| !blank(c)).for_each(|c| *counts.entry(shown(c)).or_default() += 1);
    let codes: Vec<String> = counts.iter().take(12).map(|(code, n)| format!("{code} ({n})")).collect();
    let name = &column.name;
    let finding = if odd.is_empty() {
        let severity = if key == "metastasis" { Severity::Medium } else { Severity::Low };
        at(frame, Code::EventCode, severity, &[column], &missing, |ids| {
            format!(
                "'{name}' is blank in {}, so it is not known whether the event happened: these patients cannot be used until \
                 it is; patients {ids}.",
                count(missing.len(), "row")
            )
        })
    } else {
        at(frame, Code::EventCode, Severity::High, &[column], &odd, |ids| {
            format!(
                "'{name}' must be 1 for the event and 0 for none, but its codes are {}: which of them is the event has to be \
                 said by those who made the table, and a program that guesses counts the wrong patients; recode it with a \
                 mapping. Patients with other codes: {ids}.",
                codes.join(", ")
            )
        })
    };
    let counts: serde_json::Map<_, _> = counts.into_iter().map(|(code, n)| (code, n.into())).collect();
    finding.map(|f| f.evidence("codes", counts))
}

/// Words in a column of numbers.
fn texts(frame: &Frame, column: &Column) -> Option<Finding> {
    if !column.numeric || matches!(column.key, Some("id" | "metastasis" | "dead")) {
        return None;
    }
    let rows = rows_where(frame, |r| matches!(column.cells[r], Cell::Text(_)));
    let name = &column.name;
    at(frame, Code::ImpossibleValue, Severity::Medium, &[column], &rows, |ids| {
        format!(
            "'{name}' is a column of numbers, but {} something else in it (first '{}'); write a number or leave the cell \
             empty; patients {ids}.",
            if rows.len() == 1 { "one row has".to_owned() } else { format!("{} rows have", rows.len()) },
            shown(&column.cells[rows[0]])
        )
    })
}

/// What hardly occurs, within what the clinical model takes at all: wider than any textbook, narrower than a slip of units.
fn plausible(key: &str) -> Option<(f64, f64)> {
    Some(match key {
        "age" => (18.0, 105.0),
        "tumor_size" => (0.05, 25.0),
        "bmi" => (11.0, 75.0),
        "pma_t4" => (3.0, 150.0),
        "pmi_t4" => (1.0, 60.0),
        _ => return None,
    })
}

fn ranges(frame: &Frame, column: &Column) -> Vec<Finding> {
    if matches!(column.key, Some("id" | "metastasis" | "dead")) {
        return Vec::new();
    }
    let name = &column.name;
    let mut found = Vec::new();
    let value = |r: usize| column.cells[r].number();
    let mut add = |severity, rows: Vec<usize>, what: &str| {
        found.extend(at(frame, Code::ImpossibleValue, severity, &[column], &rows, |ids| {
            format!("In {} '{name}' {what}; patients {ids}.", count(rows.len(), "row"))
        }));
    };
    let Some(variable) = column.key.and_then(clinical::variable) else {
        let beyond = outliers(column);
        let rows = rows_where(frame, |r| value(r).is_some_and(|v| beyond.contains(&v)));
        add(
            Severity::Medium,
            rows,
            "is more than twenty times what nearly all other patients have: a unit, a decimal point or a code for 'unknown' among measurements; check it against the source",
        );
        return found;
    };
    match &variable.kind {
        Kind::Code(codes) => {
            let known = |v: f64| codes.iter().any(|(code, _)| *code as f64 == v);
            let rows = rows_where(frame, |r| value(r).is_some_and(|v| !known(v)));
            let set: Vec<String> = codes.iter().map(|(c, _)| c.to_string()).collect();
            add(
                Severity::Medium,
                rows,
                &format!(
                    "has codes outside its set ({}); a model reads them as amounts. Find out what they mean",
                    set.join(", ")
                ),
            );
        }
        Kind::Number { low, high, .. } => {
            let impossible = |v: f64| v < *low || v > *high;
            let unit = variable.unit;
            let rows = rows_where(frame, |r| value(r).is_some_and(impossible));
            add(
                Severity::High,
                rows,
                &format!(
                    "is impossible (below {low} or above {high} {unit}): another unit, or a slip of the pen; correct it from the source"
                ),
            );
            if let Some((low, high)) = plausible(variable.key) {
                let rows =
                    rows_where(frame, |r| value(r).is_some_and(|v| !impossible(v) && (v < low || v > high)));
                add(
                    Severity::Medium,
                    rows,
                    &format!(
                        "is hardly possible (below {low} or above {high} {unit}); check it against the source"
                    ),
                );
            }
        }
    }
    found
}

/// Values of a positive column far above all but a few of the others.
fn outliers(column: &Column) -> Vec<f64> {
    let mut values: Vec<f64> = column.cells.iter().filter_map(Cell::number).collect();
    values.sort_by(f64::total_cmp);
    if values.len() < 20 || values[0] < 0.0 || column.distinct < 10 {
        return Vec::new();
    }
    let most = values[(values.len() - 1) * 95 / 100];
    // Measurements may spread over powers of ten: eight standard deviations of the logarithm are beyond them all the same.
    let logs: Vec<f64> = values.iter().filter(|v| **v > 0.0).map(|v| v.ln()).collect();
    let middle = median(&logs);
    let spread = 1.4826 * median(&logs.iter().map(|l| (l - middle).abs()).collect::<Vec<_>>());
    let beyond = |v: f64| v > 20.0 * most && v.ln() > middle + 8.0 * spread;
    values.into_iter().filter(|v| most > 0.0 && beyond(*v)).collect()
}

/// The same column in another unit in one of the tables.
fn units(frame: &Frame, column: &Column) -> Option<Finding> {
    let measured = column.numeric && column.distinct >= 10 && !matches!(column.key, Some("id"));
    if !measured || column.is_result() {
        return None;
    }
    let of = |table: usize| -> Vec<f64> {
        let rows = frame.rows.iter().zip(&column.cells).filter(|(e, _)| e.table == table);
        rows.filter_map(|(_, c)| c.number()).collect()
    };
    let tables: Vec<(usize, f64)> = (0..frame.tables.len())
        .map(|t| (t, of(t)))
        .filter(|(_, v)| v.len() >= 10)
        .map(|(t, v)| (t, median(&v)))
        .collect();
    let (small, least) = *tables.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (large, most) = *tables.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    if least <= 0.0 || most / least < 6.0 {
        return None;
    }
    let (small, large) = (frame.tables[small].file(), frame.tables[large].file());
    let name = &column.name;
    let message = format!(
        "'{name}' is typically {least} in {small} but {most} in {large}: probably another unit. Bring both to one unit before \
         anything is fitted on one and tested on the other."
    );
    Some(
        Finding::new(Code::ImpossibleValue, Severity::High, message)
            .columns([name])
            .evidence("ratio_of_medians", most / least),
    )
}

/// One column in two units: two groups of values a power of ten apart, further from each other than either is wide.
fn mixed_units(frame: &Frame, column: &Column) -> Option<Finding> {
    let coded = column.key.and_then(clinical::variable).is_some_and(|v| matches!(v.kind, Kind::Code(_)));
    if !column.numeric || column.distinct < 10 || coded || column.is_result() || column.key == Some("id") {
        return None;
    }
    let mut values: Vec<f64> = column.cells.iter().filter_map(Cell::number).collect();
    values.sort_by(f64::total_cmp);
    if values.len() < 20 || values[0] <= 0.0 {
        return None;
    }
    let gap = |i: &usize| values[*i] / values[i - 1];
    let cut = (1..values.len()).max_by(|a, b| gap(a).total_cmp(&gap(b)))?;
    let (low, high) = values.split_at(cut);
    let wide = |part: &[f64]| part[part.len() - 1] / part[0];
    let ratio = median(high) / median(low);
    let tens = ratio.log10();
    // A single value repeated is a code for "unknown", not a unit.
    let groups = wide(low) > 1.0 && wide(high) > 1.0;
    if !groups || gap(&cut) <= wide(low).max(wide(high)) || tens < 0.9 || (tens - tens.round()).abs() > 0.1 {
        return None;
    }
    let fewer_above = high.len() * 2 <= values.len();
    let odd = |v: f64| (v >= high[0]) == fewer_above;
    let rows = rows_where(frame, |r| column.cells[r].number().is_some_and(odd));
    let name = &column.name;
    let finding = at(frame, Code::ImpossibleValue, Severity::High, &[column], &rows, |ids| {
        format!(
            "'{name}' is about {:.0} times {} in {} than in the others, with nothing between: probably two units in one \
             column. Bring all to one unit; patients {ids}.",
            10f64.powf(tens.round()),
            if fewer_above { "larger" } else { "smaller" },
            count(rows.len(), "row")
        )
    });
    finding.map(|f| f.evidence("ratio_of_medians", ratio))
}

/// Muscle index = area / height²: nobody treated here is under 1.2 m or over 2.2 m tall.
fn muscle(frame: &Frame) -> Vec<Finding> {
    let (Some(area), Some(index)) = (frame.column("pma_t4"), frame.column("pmi_t4")) else {
        return Vec::new();
    };
    let ratio = |r: usize| {
        let (a, i) = (area.cells[r].number()?, index.cells[r].number()?);
        (a > 0.0 && i > 0.0).then_some(a / i)
    };
    let (a, i) = (&area.name, &index.name);
    let not_smaller = rows_where(frame, |r| ratio(r).is_some_and(|q| q <= 1.0));
    let odd = rows_where(frame, |r| ratio(r).is_some_and(|q| q > 1.0 && !(1.44..=4.84).contains(&q)));
    let first = at(frame, Code::ImpossibleValue, Severity::High, &[area, index], &not_smaller, |ids| {
        format!(
            "'{i}' is not smaller than '{a}' in {}, though it is that area divided by height squared: the division was not \
             done. Divide by height² in all patients or in none; patients {ids}.",
            count(not_smaller.len(), "row")
        )
    });
    let second = at(frame, Code::ImpossibleValue, Severity::Medium, &[area, index], &odd, |ids| {
        format!(
            "'{a}' divided by '{i}' gives a height below 1.2 m or above 2.2 m in {}; check both; patients {ids}.",
            count(odd.len(), "row")
        )
    });
    first.into_iter().chain(second).collect()
}

fn survival(frame: &Frame) -> Vec<Finding> {
    let (os, dmfs) = (frame.column("os_days"), frame.column("dmfs_days"));
    let mut found = Vec::new();
    for column in [os, dmfs].into_iter().flatten() {
        let rows =
            rows_where(frame, |r| column.cells[r].number().is_some_and(|v| !(0.0..=25_000.0).contains(&v)));
        let name = &column.name;
        found.extend(at(frame, Code::ImpossibleValue, Severity::High, &[column], &rows, |ids| {
            format!(
                "'{name}' is below 0 or beyond 68 years of days in {}; patients {ids}.",
                count(rows.len(), "row")
            )
        }));
    }
    let (Some(os), Some(dmfs)) = (os, dmfs) else { return found };
    let times = |r: usize| Some((os.cells[r].number()?, dmfs.cells[r].number()?));
    let (o, d) = (&os.name, &dmfs.name);
    let reversed = rows_where(frame, |r| times(r).is_some_and(|(os, dmfs)| dmfs > os));
    found.extend(at(frame, Code::ImpossibleValue, Severity::High, &[os, dmfs], &reversed, |ids| {
        format!(
            "'{d}' is longer than '{o}' in {}: nobody is free of metastasis for longer than followed up; patients {ids}.",
            count(reversed.len(), "row")
        )
    }));
    // Without metastasis the time free of it ends by the last visit or by death, perhaps of something else: not before,
    // if one clock was used for nearly all.
    let without = |r: usize| frame.rows[r].outcome == Some(false);
    let all = rows_where(frame, |r| without(r) && times(r).is_some());
    let earlier = rows_where(frame, |r| without(r) && times(r).is_some_and(|(os, dmfs)| dmfs < os));
    if earlier.len() * 10 <= all.len() {
        found.extend(at(frame, Code::ImpossibleValue, Severity::Medium, &[os, dmfs], &earlier, |ids| {
            format!(
                "'{d}' ends before '{o}' in {} without metastasis, though in nearly all others both end together: the \
                 metastasis may be missing in the outcome; patients {ids}.",
                count(earlier.len(), "patient")
            )
        }));
    }
    found
}
