//! Who is who: IDs given twice, patients in two splits, rows and pictures without each other, labels that disagree.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Cohort, Entry, Frame};
use super::same_person::{self, meaning};
use super::{Code, Effect, Finding, Severity, count, effect, some};
use crate::cohort::{Split, table::id_key};
use crate::level::Level;

pub fn check(cohort: &Cohort) -> Vec<Finding> {
    let mut found = Vec::new();
    for frame in cohort.frames() {
        found.extend((0..frame.tables.len()).flat_map(|t| ids_of(frame, t)));
    }
    found.extend(two_splits(cohort));
    found.extend(same_person::check(&cohort.clinical));
    found.extend(labels(cohort));
    found.extend(unmatched(cohort));
    found
}

/// IDs that stand twice in a table, and rows without one.
fn ids_of(frame: &Frame, table: usize) -> Vec<Finding> {
    let source = &frame.tables[table];
    let file = source.file();
    let Some(column) = source.id else {
        let message = format!(
            "{file} has no column with patient IDs, so its rows cannot be told apart or matched with pictures; add one called 'ID'."
        );
        return vec![Finding::new(Code::UnmatchedRows, Severity::Medium, message).evidence("file", file)];
    };
    let name = source.table.heading(column);
    let (mut rows, mut blank): (BTreeMap<String, Vec<usize>>, Vec<String>) = Default::default();
    for (r, row) in source.table.rows.iter().enumerate() {
        match source.table.text(r, column) {
            Some(id) => rows.entry(id_key(id)).or_default().push(row.number),
            None => blank.push(row.number.to_string()),
        }
    }
    let twice: Vec<(&String, &Vec<usize>)> = rows.iter().filter(|(_, at)| at.len() > 1).collect();
    let mut found = Vec::new();
    found.extend(written_twice(name, &file, rows.keys()));
    if !twice.is_empty() {
        let ids: Vec<&String> = twice.iter().map(|(id, _)| *id).collect();
        let (_, at) = twice[0];
        let message = format!(
            "In {file} {} more than one row (first: rows {} and {}): they count twice, and which row is right is not known; \
             keep one row each. IDs {}.",
            if ids.len() == 1 { "one ID has".to_owned() } else { format!("{} IDs have", ids.len()) },
            at[0],
            at[1],
            some(&ids)
        );
        found.push(
            Finding::new(Code::DuplicateId, Severity::High, message)
                .columns([name])
                .patients(ids.iter().map(|id| (*id).clone()))
                .evidence("file", file.clone())
                .evidence("rows", twice.iter().flat_map(|(_, at)| at.iter().copied()).collect::<Vec<_>>())
                .effect(without_again(frame, table)),
        );
    }
    if !blank.is_empty() {
        let message = format!(
            "In {file} the patient ID is blank in {} ({}); give each patient an ID.",
            count(blank.len(), "row"),
            some(&blank)
        );
        found.push(
            Finding::new(Code::UnmatchedRows, Severity::Medium, message)
                .columns([name])
                .evidence("file", file),
        );
    }
    found
}

/// With all rows of a table, and with an ID's first row alone to learn from.
fn without_again(frame: &Frame, table: usize) -> Option<Effect> {
    let mut seen = BTreeSet::new();
    let again = |r: &usize| frame.rows[*r].table == table && !seen.insert(&frame.rows[*r].id);
    let unlearned: Vec<usize> = (0..frame.rows.len()).filter(again).collect();
    effect::between(frame, &effect::View::default(), &effect::View { unlearned, ..Default::default() })
}

/// IDs of one table that differ only in how they are written.
fn written_twice<'i>(name: &str, file: &str, ids: impl Iterator<Item = &'i String>) -> Option<Finding> {
    let mut spellings: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    ids.for_each(|id| spellings.entry(meaning(id)).or_default().push(id));
    let twice: Vec<&Vec<&str>> = spellings.values().filter(|s| s.len() > 1).collect();
    if twice.is_empty() {
        return None;
    }
    let pairs: Vec<String> = twice.iter().map(|s| s.join(" = ")).collect();
    let message = format!(
        "In {file} {} differ only in leading zeros, capitals or spaces: probably one patient each, counted twice. Find out, \
         and write each patient's ID in one way; {}.",
        if twice.len() == 1 {
            "IDs of one patient".to_owned()
        } else {
            format!("IDs of {} patients", twice.len())
        },
        some(&pairs)
    );
    Some(
        Finding::new(Code::DuplicateId, Severity::Medium, message)
            .columns([name])
            .patients(twice.iter().flat_map(|s| s.iter().copied()))
            .evidence("file", file.to_owned())
            .evidence("patients", twice.len()),
    )
}

/// Splits an ID stands in, over clinical tables, survival tables and pictures.
fn two_splits(cohort: &Cohort) -> Option<Finding> {
    // By what an ID means: `007`, `7` and ` 7` are one patient.
    let mut places: BTreeMap<String, (BTreeSet<Split>, BTreeSet<String>)> = BTreeMap::new();
    let mut add = |id: &str, split: Option<Split>| {
        let place = places.entry(meaning(id)).or_default();
        place.0.extend(split);
        place.1.insert(id.to_owned());
    };
    for frame in cohort.frames() {
        let named = |e: &&Entry| frame.tables[e.table].id.is_some() && !e.id.starts_with("row ");
        frame.rows.iter().filter(named).for_each(|e| add(&e.id, e.split));
    }
    cohort.folder.pictures.iter().for_each(|p| add(&id_key(&p.id), Some(p.split)));
    let twice: Vec<&(BTreeSet<Split>, BTreeSet<String>)> =
        places.values().filter(|p| p.0.len() > 1).collect();
    if twice.is_empty() {
        return None;
    }
    let both: Vec<&String> = twice.iter().flat_map(|p| &p.1).collect();
    let written: Vec<String> =
        twice.iter().map(|p| p.1.iter().map(String::as_str).collect::<Vec<_>>().join(" = ")).collect();
    let message = format!(
        "{} in more than one of training, validation and test: what was learnt on a patient says nothing about how well others \
         are predicted. Keep each in one split; IDs {}.",
        if twice.len() == 1 { "One patient is".to_owned() } else { format!("{} patients are", twice.len()) },
        some(&written)
    );
    let frame = &cohort.clinical;
    let unlearned = (0..frame.rows.len()).filter(|r| both.contains(&&frame.rows[*r].id)).collect();
    let without = effect::View { unlearned, ..Default::default() };
    let concerned = frame.rows.iter().any(|e| both.contains(&&e.id));
    Some(
        Finding::new(Code::PatientInTwoSplits, Severity::High, message)
            .patients(both.iter().map(|id| (*id).clone()))
            .evidence("patients", twice.len())
            .evidence(
                "splits",
                twice
                    .iter()
                    .map(|p| p.0.iter().map(|s| s.name()).collect::<Vec<_>>().join("+"))
                    .collect::<Vec<_>>(),
            )
            .effect(effect::between(frame, &effect::View::default(), &without).filter(|_| concerned)),
    )
}

/// The outcome as each place tells it.
fn labels(cohort: &Cohort) -> Option<Finding> {
    let mut told: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for frame in cohort.frames() {
        for e in frame.rows.iter().filter(|e| !e.id.starts_with("row ")) {
            told.entry(e.id.clone()).or_default().extend(e.outcome);
        }
    }
    for picture in &cohort.folder.pictures {
        told.entry(id_key(&picture.id)).or_default().insert(picture.event);
    }
    let differ: Vec<&String> = told.iter().filter(|(_, y)| y.len() > 1).map(|(id, _)| id).collect();
    if differ.is_empty() {
        return None;
    }
    let column = cohort.clinical.tables.iter().find_map(|t| Some(t.table.heading(t.outcome?).to_owned()));
    let message = format!(
        "The outcome of {} differs between tables or picture folders: one of them is wrong. Correct it from the source; \
         patients {}.",
        count(differ.len(), "patient"),
        some(&differ)
    );
    Some(
        Finding::new(Code::UnmatchedRows, Severity::High, message)
            .columns(column)
            .patients(differ.iter().map(|id| (*id).clone()))
            .evidence("outcome_differs", differ.len()),
    )
}

/// Rows without pictures, pictures without rows, pictures of one level only, survival without clinical rows.
fn unmatched(cohort: &Cohort) -> Vec<Finding> {
    let mut found = Vec::new();
    for split in Split::ALL {
        let pictures = |level: Option<Level>| -> BTreeSet<String> {
            let of = cohort
                .folder
                .pictures
                .iter()
                .filter(|p| p.split == split && level.is_none_or(|l| l == p.level));
            of.map(|p| id_key(&p.id)).collect()
        };
        let rows = |frame: &Frame| -> BTreeSet<String> {
            let of = frame.rows.iter().filter(|e| e.split == Some(split) && !e.id.starts_with("row "));
            of.map(|e| e.id.clone()).collect()
        };
        let all_rows: BTreeSet<String> =
            cohort.clinical.rows.iter().filter(|e| e.split.is_none()).map(|e| e.id.clone()).collect();
        let (clinical, survival, any) = (rows(&cohort.clinical), rows(&cohort.survival), pictures(None));
        let [t4, t11] = Level::ALL.map(|l| pictures(Some(l)));
        let listed: BTreeSet<String> = clinical.union(&all_rows).cloned().collect();
        let pairs: [(&BTreeSet<String>, &BTreeSet<String>, &str, &str); 6] = [
            (&clinical, &any, "rows of the clinical table", "picture"),
            (&any, &listed, "pictures", "row in the clinical table"),
            (&t4, &t11, "pictures at T4", "picture at T11"),
            (&t11, &t4, "pictures at T11", "picture at T4"),
            (&survival, &clinical, "rows of the survival table", "row in the clinical table"),
            (&clinical, &survival, "rows of the clinical table", "row in the survival table"),
        ];
        for (these, those, what, which) in pairs {
            found.extend(without_partner(split, these, those, what, which));
        }
    }
    found.extend(without_any_picture(cohort));
    found
}

/// A table for all splits against the pictures of all splits.
fn without_any_picture(cohort: &Cohort) -> Option<Finding> {
    let rows = cohort.clinical.rows.iter().filter(|e| e.split.is_none() && !e.id.starts_with("row "));
    let these: BTreeSet<String> = rows.map(|e| e.id.clone()).collect();
    let those: BTreeSet<String> = cohort.folder.pictures.iter().map(|p| id_key(&p.id)).collect();
    unpaired(&these, &those, "of the rows of the clinical table", "picture")
        .map(|f| f.evidence("split", "all"))
}

fn without_partner(
    split: Split,
    these: &BTreeSet<String>,
    those: &BTreeSet<String>,
    what: &str,
    which: &str,
) -> Option<Finding> {
    unpaired(these, those, &format!("of the {what} ({split})"), which)
        .map(|f| f.evidence("split", split.name()))
}

fn unpaired(these: &BTreeSet<String>, those: &BTreeSet<String>, what: &str, which: &str) -> Option<Finding> {
    let alone: Vec<&String> = these.difference(those).collect();
    // A part that the cohort does not have at all is no mismatch.
    if alone.is_empty() || those.is_empty() {
        return None;
    }
    let nearly_all = alone.len() * 2 > these.len();
    let advice = if nearly_all {
        "probably the IDs are written differently; bring them to one form"
    } else {
        "they drop out of every figure that needs both; find the missing part or say who was left out and why"
    };
    let message = format!("{} {what} have no {which}: {advice}. IDs {}.", alone.len(), some(&alone));
    let severity = if nearly_all { Severity::High } else { Severity::Medium };
    Some(
        Finding::new(Code::UnmatchedRows, severity, message)
            .patients(alone.iter().map(|id| (*id).clone()))
            .evidence("unmatched", alone.len())
            .evidence("of", these.len()),
    )
}
