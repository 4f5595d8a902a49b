//! How the templates are learnt, and how right the proposals are when the series judged was not learnt from.
//!
//! `cargo test --release -p thoracast-core --lib level::accuracy_tests -- --ignored --nocapture` prints the tables of
//! `benches/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::canal;
use super::chain::{SACRUM, STATES, body_ahead_mm};
use super::column::Column;
use super::cues::{CUES, Cue, Cues};
use super::grid::Grid;
use super::proposal::{CONFIDENT, Convention, Proposals, propose_with, vertebra_of};
use super::templates::{BINS, Templates};
use super::tests::phantom;
use crate::phantom::Options;
use crate::testing::shared;
use thoracast_dicom::{Volume, load, scan};
use thoracast_files::progress::Silent;

const SERIES: [&str; 6] =
    ["chest_1.25mm", "chest_5mm", "chest_contrast_5mm", "chest_8mm", "chest_upper_2mm", "abdomen_pelvis_5mm"];
/// Phantoms that templates are learnt from; together they count like one person.
const PHANTOMS: u64 = 6;
/// A level is inside the scan from here, mm.
const MARGIN_MM: f64 = 13.0;

/// One scan with the heights of its vertebrae, head to feet.
struct Case {
    name: String,
    volume: Volume,
    truth: Vec<(String, f64)>,
}

/// Cues of one scan by labelled segment: state, first and last plane.
struct Sample {
    name: String,
    weight: f32,
    cues: Cues,
    segments: Vec<(usize, f32, f32)>,
}

fn read_case(folder: &Path, name: &str, centres: &serde_json::Value) -> Case {
    let scan = scan(&[folder.join(name)], &Silent).unwrap();
    let series = scan.series.iter().filter(|s| s.usable).max_by_key(|s| s.slices).unwrap();
    let volume = load(series, 0, &Silent, &|_, _| ()).unwrap();
    let centres = centres[name]["centres"].as_object().unwrap();
    let mut truth: Vec<(String, f64)> =
        centres.iter().map(|(k, v)| (k.clone(), v.as_f64().unwrap())).collect();
    truth.sort_by(|a, b| b.1.total_cmp(&a.1));
    Case { name: name.to_owned(), volume, truth }
}

/// The six series; `None` where they are absent.
fn real_cases() -> Option<Vec<Case>> {
    let folder = shared("dicom")?;
    let levels = std::fs::read(folder.join("levels.json")).unwrap();
    let levels: serde_json::Value = serde_json::from_slice(&levels).unwrap();
    Some(SERIES.iter().map(|name| read_case(&folder, name, &levels)).collect())
}

fn phantom_case(seed: u64) -> Case {
    let (volume, truth) = phantom(seed, Options { size: Some(256), slice_mm: None }, 0..usize::MAX);
    Case { name: format!("phantom {seed}"), volume, truth }
}

fn sample(case: &Case) -> Sample {
    let grid = Grid::of(&case.volume).unwrap();
    let column = Column::of(&grid, &canal::trace(&grid).unwrap()).unwrap();
    let state = |name: &str| (0..STATES).find(|s| vertebra_of(*s).is_some_and(|v| v.name() == name)).unwrap();
    let plane = |state: usize, z: f64| -> f32 {
        let height = |i: usize| grid.normal_mm(column.point(i, body_ahead_mm(state), 0.0)[2]);
        let below = (1..column.len()).find(|i| height(*i) < z).unwrap_or(column.len() - 1);
        (below - 1) as f32 + ((height(below - 1) - z) / (height(below - 1) - height(below))) as f32
    };
    let places: Vec<(usize, f32)> =
        case.truth.iter().map(|(name, z)| (state(name), plane(state(name), *z))).collect();
    let half = |i: usize| (places[i + 1].1 - places[i].1) / 2.0;
    let last = places.len() - 1;
    let mut segments: Vec<(usize, f32, f32)> = (0..=last)
        .map(|i| {
            let (up, down) = (half(i.max(1) - 1), half(i.min(last - 1)));
            (places[i].0, places[i].1 + 0.5 - up, places[i].1 + 0.5 + down)
        })
        .collect();
    if segments[0].0 == 1 {
        segments.insert(0, (0, 0.0, segments[0].1));
    }
    if case.name.starts_with("abdomen") {
        segments.push((SACRUM, segments[segments.len() - 1].2, column.len() as f32));
    }
    let weight = if case.name.starts_with("phantom") { 1.0 / PHANTOMS as f32 } else { 1.0 };
    Sample { name: case.name.clone(), weight, cues: Cues::of(&column), segments }
}

/// How much a vertebra tells of another: much of its neighbours of the same kind, next to nothing of others.
fn kinship(a: usize, b: usize) -> f32 {
    let kind = |state: usize| match state {
        0..=3 => state,
        4..=11 => 4,
        12 => 5,
        13 | 14 => 6,
        15..=18 => 7,
        19 | 20 => 8,
        _ => 9,
    };
    let apart = a.abs_diff(b) as f32;
    match (a == b, kind(a) == kind(b)) {
        (true, _) => 1.0,
        (false, true) => (-0.9 * apart).exp(),
        (false, false) => 0.02 * (-2.5 * apart).exp(),
    }
}

/// What anatomy says of loin and pelvis, where one series shows it.
fn anatomy(cue: Cue, state: usize, bin: usize) -> Option<f32> {
    match (cue, state) {
        (Cue::FirstRib, SACRUM) => Some(0.9),
        (Cue::Ribs | Cue::Necks, SACRUM) => Some(0.6),
        (Cue::FirstRib, 19 | 20) => Some(if bin > 3 { 0.7 } else { 0.4 }),
        (Cue::Ribs, 19 | 20) => Some(0.4),
        (Cue::FirstRib, 18) => Some(0.2),
        (Cue::FirstRib, 15..=17) => Some(0.15),
        (Cue::Ribs, 15..=18) => Some(0.06),
        _ => None,
    }
}

/// Count, sum and sum of squares of each cue by state and bin.
type Sums = Vec<[[f32; 3]; CUES]>;

fn sums(sample: &Sample) -> Sums {
    let mut sums = vec![[[0.0; 3]; CUES]; STATES * BINS];
    for (state, from, to) in &sample.segments {
        for (i, values) in sample.cues.values.iter().enumerate() {
            let t = (i as f32 + 0.5 - from) / (to - from);
            if !(0.0..1.0).contains(&t) {
                continue;
            }
            let cell = &mut sums[state * BINS + bin_of(*state, (t * BINS as f32) as usize)];
            for (s, v) in cell.iter_mut().zip(values).filter(|(_, v)| !v.is_nan()) {
                *s = [s[0] + 1.0, s[1] + v, s[2] + v * v];
            }
        }
    }
    sums
}

fn bin_of(state: usize, bin: usize) -> usize {
    if state == 0 || state == SACRUM { 0 } else { bin }
}

/// Templates of samples: means and spreads over people, shrunk towards what a few of them can't tell.
fn learn(samples: &[&Sample]) -> Templates {
    const LEAST_SPREAD: f32 = 0.12;
    const DOUBT: f32 = 0.5;
    const DOUBTFUL_SPREAD: f32 = 0.3;
    let all: Vec<(f32, Sums)> = samples.iter().map(|s| (s.weight, sums(s))).collect();
    let cell = |state: usize, bin: usize, cue: usize| -> [f32; 2] {
        let (mut w, mut x, mut xx) = (0.0, 0.0, 0.0);
        for (weight, sums) in &all {
            for other in 0..STATES {
                let k = kinship(state, other) * weight;
                let [n, sum, squares] = sums[other * BINS + bin_of(other, bin)][cue];
                if n > 0.0 {
                    (w, x, xx) = (w + k, x + k * sum / n, xx + k * squares / n);
                }
            }
        }
        if let Some(p) = anatomy(Cue::ALL[cue], state, bin) {
            (w, x, xx) = (w + 0.5, x + 0.5 * p, xx + 0.5 * (p * p + 0.09));
        }
        if Cue::ALL[cue] == Cue::Lung {
            // Where lung ends below differs so much between people that its absence says nothing there.
            let met = match state {
                11.. => 0.7,
                4..=10 => 0.97,
                _ => (x + 0.15) / (w + 0.3),
            };
            return [met.clamp(0.03, 0.97), 0.0];
        }
        let mean = x / w;
        let variance = (xx / w - mean * mean).max(0.0);
        let shrunk = (variance * w + DOUBTFUL_SPREAD * DOUBTFUL_SPREAD * DOUBT) / (w + DOUBT);
        [mean, (shrunk * (1.0 + 1.0 / (w + 0.5))).sqrt().max(LEAST_SPREAD)]
    };
    let cells =
        (0..STATES * BINS).map(|i| std::array::from_fn(|cue| cell(i / BINS, i % BINS, cue))).collect();
    Templates { cells }
}

/// Slices of a volume.
fn pick(volume: &Volume, keep: impl Iterator<Item = usize>) -> Volume {
    let keep: Vec<usize> = keep.collect();
    let mut geometry = volume.geometry.clone();
    geometry.origins_mm = keep.iter().map(|i| volume.geometry.origins_mm[*i]).collect();
    Volume { planes: keep.iter().map(|i| volume.planes[*i].clone()).collect(), geometry, ..volume.clone() }
}

/// Crops of a volume by kind: whole, cut at the top, the bottom, both, thinned, and at random.
fn crops(volume: &Volume, seed: u64) -> Vec<(&'static str, Volume)> {
    use rand::{RngExt, SeedableRng};
    let n = volume.slices();
    let at = |share: f64| (share * n as f64) as usize;
    let mut all = vec![("full", volume.clone())];
    for tenths in 1..=7 {
        let cut = f64::from(tenths) / 10.0;
        all.push(("top cut", pick(volume, 0..at(1.0 - cut))));
        all.push(("bottom cut", pick(volume, at(cut)..n)));
        if tenths <= 3 {
            all.push(("middle", pick(volume, at(cut)..at(1.0 - cut))));
        }
    }
    for step in (2..=4).filter(|k| *k as f64 * volume.geometry.spacing_mm[2] <= 16.1) {
        all.push(("thinned", pick(volume, (0..n).step_by(step))));
    }
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..14 {
        let length: f64 = rng.random_range(60.0..300.0);
        let slices = ((length / volume.geometry.spacing_mm[2]) as usize).clamp(3, n);
        let from = rng.random_range(0..=n - slices);
        all.push(("random", pick(volume, from..from + slices)));
    }
    all
}

/// Claims of one level in one kind of crop.
#[derive(Default)]
struct Tally {
    claimed: usize,
    inside: usize,
    wrong: usize,
    error_mm: f64,
    worst_mm: f64,
}

fn judge(tally: &mut Tally, proposals: &Proposals, case: &Case, volume: &Volume, label: &str) {
    let ends = volume.geometry.origins_mm.iter().map(|o| o[2]);
    let (low, high) = ends.fold((f64::MAX, f64::MIN), |(a, b), z| (a.min(z), b.max(z)));
    let want = case.truth.iter().find(|t| t.0 == label).map(|t| t.1);
    tally.inside += usize::from(want.is_some_and(|z| z > low + MARGIN_MM && z < high - MARGIN_MM));
    let claims = proposals.levels.iter().filter(|p| p.vertebra.name() == label && p.confidence >= CONFIDENT);
    for claim in claims {
        tally.claimed += 1;
        let apart = |t: &(String, f64)| (t.1 - claim.z_mm).abs();
        let nearest = case.truth.iter().min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap();
        match want {
            Some(want) if nearest.0 == label => {
                tally.error_mm += (claim.z_mm - want).abs();
                tally.worst_mm = tally.worst_mm.max((claim.z_mm - want).abs());
            }
            _ => tally.wrong += 1,
        }
    }
}

fn print(table: &BTreeMap<(String, &'static str, String), Tally>) {
    for ((series, kind, label), t) in table.iter().filter(|(_, t)| t.inside + t.claimed > 0) {
        let right = (t.claimed - t.wrong).max(1) as f64;
        println!(
            "{series:<20} {kind:<10} {label:<4} claimed {}/{} wrong {} mean {:.1} worst {:.1} mm",
            t.claimed,
            t.inside,
            t.wrong,
            t.error_mm / right,
            t.worst_mm
        );
    }
}

#[test]
#[ignore = "minutes; prints accuracy on the six series and their crops, each judged by the others and by the table"]
fn real_series() {
    let Some(cases) = real_cases() else { return };
    let learnt: Vec<Case> = (1..=PHANTOMS).map(phantom_case).collect();
    let samples: Vec<Sample> = cases.iter().chain(&learnt).map(sample).collect();
    for others_only in [true, false] {
        println!("{}", if others_only { "templates of the other series" } else { "templates as shipped" });
        let mut table = BTreeMap::new();
        for (i, case) in cases.iter().enumerate() {
            let others: Vec<&Sample> = samples.iter().filter(|s| s.name != case.name).collect();
            let templates = if others_only { learn(&others) } else { Templates::default() };
            let judged: Vec<_> = crops(&case.volume, i as u64)
                .into_par_iter()
                .map(|(kind, v)| (kind, propose_with(&v, Convention::Middle, &templates), v))
                .collect();
            for (kind, proposals, volume) in &judged {
                for (label, _) in &case.truth {
                    let tally = table.entry((case.name.clone(), *kind, label.clone())).or_default();
                    judge(tally, proposals, case, volume, label);
                }
            }
        }
        print(&table);
        let wrong: usize = table.values().map(|t: &Tally| t.wrong).sum();
        assert_eq!(wrong, 0, "wrong vertebrae at {CONFIDENT} or more");
    }
}

#[test]
#[ignore = "minutes; prints accuracy on fifty phantoms"]
fn fifty_phantoms() {
    let (mut right, mut claimed) = (0, 0);
    for seed in 1..=50 {
        let case = phantom_case(seed);
        let proposals = propose_with(&case.volume, Convention::Middle, &Templates::default());
        for label in ["T4", "T11"] {
            let want = case.truth.iter().find(|t| t.0 == label).unwrap().1;
            let found = proposals.levels.iter().find(|p| p.vertebra.name() == label);
            let error = found.map(|p| p.z_mm - want);
            claimed += usize::from(found.is_some_and(|p| p.confidence >= CONFIDENT));
            right += usize::from(error.is_some_and(|e| e.abs() <= 3.0));
            println!("{seed:>3} {label:<4} {error:.1?} {:.2?}", found.map(|p| p.confidence));
        }
    }
    println!("{right} of 100 within 3 mm, {claimed} at {CONFIDENT} or more");
    assert!(right >= 98);
}

#[test]
#[ignore = "prints the table of templates for table.rs"]
fn print_templates() {
    let Some(cases) = real_cases() else { return };
    let phantoms: Vec<Case> = (1..=PHANTOMS).map(phantom_case).collect();
    let samples: Vec<Sample> = cases.iter().chain(&phantoms).map(sample).collect();
    let templates = learn(&samples.iter().collect::<Vec<_>>());
    for (i, cells) in templates.cells.iter().enumerate() {
        if i % BINS == 0 {
            println!("    // {}", vertebra_of(i / BINS).map_or("neck or sacrum", |v| v.name()));
        }
        println!("    [{}],", cells.map(|c| format!("[{:.2}, {:.2}]", c[0], c[1])).join(", "));
    }
}
