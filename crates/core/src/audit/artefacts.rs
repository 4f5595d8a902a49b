//! Pictures whose making tells the outcome: size, compression, noise, borders and burned-in labels.

use std::collections::BTreeMap;

use super::pictures::{Looked, Made};
use super::test::{ALPHA, corrected, fisher, separation};
use super::{Code, Finding, Severity};
use crate::cohort::Split;
use crate::level::Level;
use crate::stats::linalg::{cholesky, solve};
use crate::stats::normal_p;

/// How far the area must be from 0.5: noise in saturated areas has no anatomy, the others may have some.
const NOISE: f64 = 0.1;
const OTHERS: f64 = 0.2;
/// A size or coding must differ by such a share between the outcomes.
const DIFFERENCE: f64 = 0.15;
/// Measures and categories tried at each of two levels.
const COMPARISONS: usize = 2 * 8;

pub fn check(looked: &[Looked]) -> Vec<Finding> {
    let mut found = Vec::new();
    for level in Level::ALL {
        let pictures: Vec<Shot> = looked
            .iter()
            .filter(|l| l.file.level == level)
            .filter_map(|l| {
                Some(Shot {
                    split: l.file.split,
                    event: l.file.event,
                    id: &l.file.id,
                    made: &l.content.as_ref().ok()?.made,
                })
            })
            .collect();
        found.extend(measures(level, &pictures));
        found.extend(categories(level, &pictures));
    }
    found
}

struct Shot<'a> {
    split: Split,
    event: bool,
    id: &'a str,
    made: &'a Made,
}

fn measures(level: Level, pictures: &[Shot]) -> Vec<Finding> {
    let sizes = compressed(pictures);
    let of = |value: fn(&Made) -> Option<f64>| -> Vec<Option<f64>> {
        pictures.iter().map(|p| value(p.made)).collect()
    };
    let all: [(&str, &str, f64, Vec<Option<f64>>); 6] = [
        (
            "white_noise",
            "noise in the white areas (pixels of 254 among 254 and 255)",
            NOISE,
            of(|m| m.white_noise),
        ),
        ("black_noise", "noise in the black areas (pixels of 1 among 0 and 1)", NOISE, of(|m| m.black_noise)),
        (
            "sharpness",
            "sharpness (steps between neighbouring pixels against wider steps)",
            OTHERS,
            of(|m| Some(m.sharpness)),
        ),
        ("corners", "bright pixels in the corners", OTHERS, of(|m| Some(m.corners))),
        ("border", "brightness of the outermost pixels", OTHERS, of(|m| Some(m.border))),
        ("file_size", "file size for what the picture shows", OTHERS, sizes),
    ];
    let mut found = Vec::new();
    for (name, words, floor, values) in all {
        let Some((auc, p, by_split)) = stratified(pictures, &values) else { continue };
        let p = corrected(p, COMPARISONS);
        if (auc - 0.5).abs() < floor || p >= ALPHA {
            continue;
        }
        let strength = auc.max(1.0 - auc);
        let severity = match strength {
            s if s >= 0.85 => Severity::High,
            s if s >= 0.65 => Severity::Medium,
            _ => Severity::Low,
        };
        let more = if auc > 0.5 { "more" } else { "less" };
        let message = format!(
            "At {} pictures of patients with metastasis have {more} of this: {words} (area under the ROC curve \
             {strength:.3}). It comes from how the pictures were taken or saved, not from the illness, and a network can learn it \
             instead; export all pictures in one way, and compare scanners and years between the groups.",
            level.name()
        );
        found.push(
            Finding::new(Code::PictureArtefactTellsOutcome, severity, message)
                .evidence("level", level.name())
                .evidence("measure", name)
                .evidence("auc", auc)
                .evidence("p", p)
                .evidence("auc_by_split", by_split),
        );
    }
    found
}

/// The area within splits, weighted by pairs compared (van Elteren), with its p; a split may be noisier as a whole.
fn stratified(
    pictures: &[Shot],
    values: &[Option<f64>],
) -> Option<(f64, f64, serde_json::Map<String, serde_json::Value>)> {
    let (mut sum, mut weight, mut variance) = (0.0, 0.0, 0.0);
    let mut by_split = serde_json::Map::new();
    for split in Split::ALL {
        let known = pictures
            .iter()
            .zip(values)
            .filter(|(p, _)| p.split == split)
            .filter_map(|(p, v)| Some((p.event, (*v)?)));
        let (outcome, value): (Vec<bool>, Vec<f64>) = known.unzip();
        let Some(told) = separation(&outcome, &value) else { continue };
        let n = outcome.len() as f64;
        let events = outcome.iter().filter(|y| **y).count() as f64;
        let others = n - events;
        if events < 3.0 || others < 3.0 {
            continue;
        }
        let w = events * others / n;
        sum += w * (told.auc - 0.5);
        weight += w;
        variance += w * w * (n + 1.0) / (12.0 * events * others);
        by_split.insert(split.name().to_owned(), told.auc.into());
    }
    (weight > 0.0).then(|| (0.5 + sum / weight, normal_p(sum / variance.sqrt()), by_split))
}

/// Bytes a pixel beyond what the picture's contents explain (least squares on how busy it is).
fn compressed(pictures: &[Shot]) -> Vec<Option<f64>> {
    let rows: Vec<[f64; 4]> =
        pictures.iter().map(|p| [1.0, p.made.busy[0], p.made.busy[1], p.made.busy[2]]).collect();
    let mut information = vec![vec![0.0; 4]; 4];
    let mut right = vec![0.0; 4];
    for (row, p) in rows.iter().zip(pictures) {
        for i in 0..4 {
            right[i] += row[i] * p.made.bytes_per_pixel;
            for j in 0..4 {
                information[i][j] += row[i] * row[j];
            }
        }
    }
    // Pictures all alike leave nothing to solve; a trace of ridge keeps it solvable.
    (0..4).for_each(|i| information[i][i] += 1e-6 * (1.0 + information[i][i]));
    let Ok(l) = cholesky(&information) else { return vec![None; pictures.len()] };
    let beta = solve(&l, &right);
    let expected = |row: &[f64; 4]| row.iter().zip(&beta).map(|(x, b)| x * b).sum::<f64>();
    rows.iter().zip(pictures).map(|(row, p)| Some(p.made.bytes_per_pixel - expected(row))).collect()
}

fn categories(level: Level, pictures: &[Shot]) -> Vec<Finding> {
    let kinds: [(&str, &str, Vec<String>); 2] = [
        (
            "size",
            "size in pixels",
            pictures.iter().map(|p| format!("{}×{}", p.made.size.0, p.made.size.1)).collect(),
        ),
        ("coding", "file format or compression", pictures.iter().map(|p| p.made.coding.clone()).collect()),
    ];
    let mut found = Vec::new();
    for (name, words, values) in kinds {
        let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
        for (value, p) in values.iter().zip(pictures) {
            counts.entry(value).or_default()[usize::from(p.event)] += 1;
        }
        let events = pictures.iter().filter(|p| p.event).count();
        let others = pictures.len() - events;
        let share = |[o, e]: [usize; 2]| e as f64 / events.max(1) as f64 - o as f64 / others.max(1) as f64;
        let Some((value, [o, e])) = counts
            .iter()
            .max_by(|a, b| share(*a.1).abs().total_cmp(&share(*b.1).abs()))
            .map(|(v, c)| (*v, *c))
        else {
            continue;
        };
        let p = corrected(fisher(e, events, o, others), COMPARISONS * counts.len());
        let difference = share([o, e]).abs();
        if p >= ALPHA || difference < DIFFERENCE {
            continue;
        }
        // The rarer kind of picture is the odd one.
        let odd = (o + e) * 2 <= pictures.len();
        let ids = pictures
            .iter()
            .zip(&values)
            .filter(|(_, v)| (v.as_str() == value) == odd)
            .map(|(p, _)| p.id.to_owned());
        let message = format!(
            "At {} the {words} '{value}' belongs to {e} of {events} pictures with metastasis and {o} of {others} without: how \
             pictures were saved tells the outcome, and a network can learn it instead of the illness. Export all pictures in \
             one way.",
            level.name()
        );
        let severity = if difference >= 0.5 { Severity::High } else { Severity::Medium };
        found.push(
            Finding::new(Code::PictureArtefactTellsOutcome, severity, message)
                .patients(ids)
                .evidence("level", level.name())
                .evidence("measure", name)
                .evidence("with_metastasis", e)
                .evidence("without", o)
                .evidence("p", p),
        );
    }
    found
}
