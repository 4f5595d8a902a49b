//! Many cohorts of many kinds, with one fault each and with none: how often the audit is right.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use image::{GrayImage, imageops};

use super::simulated::{Simulated, clean, save};
use super::*;
use crate::cohort::Split;
use thoracast_files::progress::Silent;

/// A clean cohort of random size, event rate, gaps, columns, kind of ID and order of rows.
fn cohort(seed: u64) -> (Simulated, bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5EED);
    let sizes = [60, 100, 160, 250, 431, 700, 1000];
    let rates = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6];
    let pick = |rng: &mut ChaCha8Rng, n: usize| rng.random_range(0..n);
    let (n, rate) = (sizes[pick(&mut rng, sizes.len())], rates[pick(&mut rng, rates.len())]);
    let mut s = clean(seed, n, rate);
    let gaps = [0.0, 0.05, 0.1, 0.2][pick(&mut rng, 4)];
    let prefix = ["", "", "P", "BC-", "2019-"][pick(&mut rng, 5)];
    let padded = rng.random_bool(0.3);
    let words = rng.random_bool(0.4);
    let outcome = s.at("metastasis");
    for row in &mut s.rows {
        let id = row.1[0].clone();
        row.1[0] = if padded { format!("{prefix}{id:0>5}") } else { format!("{prefix}{id}") };
        for (c, cell) in row.1.iter_mut().enumerate().skip(1) {
            if c != outcome && rng.random_bool(gaps) {
                cell.clear();
            }
        }
        for c in [9, 10, 12].into_iter().filter(|_| words) {
            let word = match row.1[c].as_str() {
                "1" => "positive",
                "0" => "negative",
                _ => "",
            };
            row.1[c] = word.to_owned();
        }
    }
    for name in ["Marker", "Ferritin", "Density", "Grade", "N", "LVI", "Tumor size"] {
        if rng.random_bool(0.2) {
            s.remove(name);
        }
    }
    match rng.random_range(0..3) {
        0 => s.rows.sort_by(|a, b| a.1[0].cmp(&b.1[0])),
        1 => s.rows.sort_by(|a, b| a.1[1].cmp(&b.1[1])),
        _ => {}
    }
    (s, rng.random_bool(0.7))
}

/// What may stand in a clean cohort because it is true.
fn alarm(f: &Finding) -> bool {
    f.severity > Severity::Low && f.code != Code::FewEvents
}

fn alarms(seeds: std::ops::Range<u64>) -> (usize, Vec<(u64, Finding)>) {
    let all = seeds.end - seeds.start;
    let mut found = Vec::new();
    for seed in seeds {
        let (s, splits) = cohort(seed);
        let report = run(&s.folder(splits), &Silent).unwrap();
        found.extend(report.findings.into_iter().filter(alarm).map(|f| (seed, f)));
    }
    (all as usize, found)
}

#[test]
fn clean_cohorts_of_many_kinds_raise_no_alarm() {
    let (_, found) = alarms(0..8);
    assert!(found.is_empty(), "{found:#?}");
}

/// A fault's code, its columns, and how it is put into a cohort; gives the patients concerned.
type Fault = (&'static str, Code, &'static [&'static str], fn(&mut Simulated) -> Vec<String>);

fn rewritten(s: &mut Simulated, again: fn(&str) -> String) -> Vec<String> {
    let train = s.rows.iter().position(|r| r.0 == Split::Train).unwrap();
    let mut row = s.rows[train].clone();
    let id = row.1[0].clone();
    (row.0, row.1[0]) = (Split::Test, again(&id));
    s.rows.push(row);
    vec![id]
}

fn noisy(cell: &str, rng: &mut ChaCha8Rng, noise: f64) -> Option<String> {
    let value: f64 = cell.parse().ok()?;
    Some(format!("{:.4}", value * (1.0 + noise * (rng.random::<f64>() * 2.0 - 1.0))))
}

const FAULTS: [Fault; 30] = [
    ("numbered by outcome, nearly", Code::IdSeparatesOutcome, &["id"], |s| {
        for r in 0..s.rows.len() {
            let late = if s.event(r) { 400 } else { 0 };
            s.rows[r].1[0] = (10_000 + r * 2_000 / s.rows.len() + late * 2).to_string();
        }
        // Numbers are unique.
        (0..s.rows.len()).for_each(|r| s.rows[r].1[0] += &format!("{r:04}"));
        vec![]
    }),
    ("rows sorted by outcome within tables", Code::OrderSeparatesOutcome, &[], |s| {
        let c = s.at("metastasis");
        s.rows.sort_by_key(|r| r.1[c].clone());
        vec![]
    }),
    ("copy for half the events", Code::ConditionalCopy, &["CEA", "BMI"], |s| {
        let c = s.at("BMI");
        s.change("CEA", |_, row, event, rng| {
            (event && rng.random_bool(0.5) && !row[c].is_empty()).then(|| row[c].clone())
        })
    }),
    ("copy with one per cent noise", Code::ConditionalCopy, &["VFA/T11", "PMA/T4"], |s| {
        let c = s.at("PMA/T4");
        s.change("VFA/T11", |_, row, event, rng| event.then(|| noisy(&row[c], rng, 0.01)).flatten())
    }),
    ("muscle copied for events", Code::ConditionalCopy, &["PMA/T4", "PMI/T4"], |s| {
        let c = s.at("PMA/T4");
        s.change("PMI/T4", |_, row, event, _| (event && !row[c].is_empty()).then(|| row[c].clone()))
    }),
    ("gaps for a third of events", Code::MissingnessTellsOutcome, &["CEA"], |s| {
        s.change("CEA", |_, _, event, rng| (event && rng.random_bool(0.45)).then(String::new))
    }),
    ("gaps for the others", Code::MissingnessTellsOutcome, &["BMI"], |s| {
        s.change("BMI", |_, _, event, rng| (!event && rng.random_bool(0.6)).then(String::new))
    }),
    ("0 for events", Code::FillValueTellsOutcome, &["CEA"], |s| {
        s.change("CEA", |_, _, event, rng| (event && rng.random_bool(0.4)).then(|| "0".to_owned()))
    }),
    ("99 for events", Code::FillValueTellsOutcome, &["ki67"], |s| {
        s.change("ki67", |_, _, event, rng| (event && rng.random_bool(0.4)).then(|| "99".to_owned()))
    }),
    ("-1 for events", Code::FillValueTellsOutcome, &["VFA/T11"], |s| {
        s.change("VFA/T11", |_, _, event, rng| (event && rng.random_bool(0.4)).then(|| "-1".to_owned()))
    }),
    ("median for events", Code::FillValueTellsOutcome, &["age"], |s| {
        s.change("age", |_, _, event, rng| (event && rng.random_bool(0.45)).then(|| "52".to_owned()))
    }),
    ("median of a measurement for events", Code::FillValueTellsOutcome, &["BMI"], |s| {
        s.change("BMI", |_, _, event, rng| (event && rng.random_bool(0.35)).then(|| "23.51".to_owned()))
    }),
    ("too good", Code::TooGoodSinglePredictor, &["Score"], |s| {
        s.add("Score", |event, rng| format!("{:.3}", rng.random::<f64>() + if event { 0.85 } else { 0.0 }));
        vec![]
    }),
    ("too good in words", Code::TooGoodSinglePredictor, &["Stage"], |s| {
        s.add("Stage", |event, rng| if event == rng.random_bool(0.97) { "IV" } else { "II" }.to_owned());
        vec![]
    }),
    ("same ID in two splits", Code::PatientInTwoSplits, &[], |s| rewritten(s, str::to_owned)),
    ("padded ID in two splits", Code::PatientInTwoSplits, &[], |s| {
        rewritten(s, |id| {
            let at = id.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |p| p + 1);
            format!("{}00{}", &id[..at], &id[at..])
        })
    }),
    ("ID in other letters in two splits", Code::PatientInTwoSplits, &[], |s| {
        s.rows.iter_mut().for_each(|r| r.1[0] = format!("Pat{}", r.1[0]));
        rewritten(s, |id| id.to_lowercase().replace("pat", "PAT "))
    }),
    ("another ID, one cell corrected", Code::PatientInTwoSplits, &[], |s| {
        let ids = rewritten(s, |_| "88888".to_owned());
        let (c, last) = (s.at("HER2"), s.rows.len() - 1);
        s.rows[last].1[c].clear();
        ids
    }),
    ("row twice", Code::DuplicateId, &["id"], |s| {
        let row = s.rows[5].clone();
        let id = row.1[0].clone();
        s.rows.push(row);
        vec![id]
    }),
    ("code 2", Code::EventCode, &["metastasis"], |s| {
        s.change("metastasis", |r, _, _, _| (r % 30 == 7).then(|| "2".to_owned()))
    }),
    ("code yes", Code::EventCode, &["metastasis"], |s| {
        s.change("metastasis", |r, _, _, _| (r == 9).then(|| "yes".to_owned()))
    }),
    ("code 1.5", Code::EventCode, &["metastasis"], |s| {
        s.change("metastasis", |r, _, _, _| (r == 9).then(|| "1.5".to_owned()))
    }),
    ("BMI 2.4", Code::ImpossibleValue, &["BMI"], |s| {
        s.change("BMI", |r, _, _, _| (r == 9).then(|| "2.4".to_owned()))
    }),
    ("age 430", Code::ImpossibleValue, &["age"], |s| {
        s.change("age", |r, _, _, _| (r == 9).then(|| "430".to_owned()))
    }),
    ("muscle not smaller", Code::ImpossibleValue, &["PMI/T4", "PMA/T4"], |s| {
        let c = s.at("PMA/T4");
        s.change("PMI/T4", |r, row, _, _| {
            let area: f64 = row[c].parse().ok()?;
            (r % 50 == 9).then(|| format!("{:.2}", area * 1.1))
        })
    }),
    ("height in two units", Code::ImpossibleValue, &["Height"], |s| {
        let mut n = 0;
        s.add("Height", |_, rng| {
            n += 1;
            let metres = 1.5 + 0.3 * rng.random::<f64>();
            if n % 6 == 0 { format!("{:.1}", metres * 100.0) } else { format!("{metres:.3}") }
        });
        vec![]
    }),
    ("treatment", Code::AfterOutcomeVariable, &["Adjuvant chemotherapy"], |s| {
        s.add("Adjuvant chemotherapy", |_, rng| u8::from(rng.random_bool(0.5)).to_string());
        vec![]
    }),
    ("site", Code::AfterOutcomeVariable, &["Metastasis site"], |s| {
        s.add("Metastasis site", |event, rng| {
            if event { ["bone", "liver", "lung"][rng.random_range(0..3)].to_owned() } else { String::new() }
        });
        vec![]
    }),
    ("follow-up", Code::AfterOutcomeVariable, &["Follow-up months"], |s| {
        s.add("Follow-up months", |_, rng| format!("{:.1}", 10.0 + 60.0 * rng.random::<f64>()));
        vec![]
    }),
    ("blank in words", Code::BlankLevel, &["Site"], |s| {
        s.add("Site", |_, rng| {
            ["left", "right", "left", "right", "left", "right", ""][rng.random_range(0..7)].to_owned()
        });
        vec![]
    }),
];

/// Whether a fault put into the cohort of a seed is found with columns and patients; the cohort, where it is not.
fn found(fault: &Fault, seed: u64) -> Option<bool> {
    let (_, code, columns, plant) = fault;
    let (mut s, splits) = cohort(seed);
    let events = (0..s.rows.len()).filter(|r| s.event(*r)).count();
    // A pattern needs patients to show in.
    if events < 30
        || s.rows.len() - events < 30
        || columns.iter().any(|c| is_ours(c) && !s.header.contains(&(*c).to_owned()))
    {
        return None;
    }
    let ids = plant(&mut s);
    let across = *code == Code::PatientInTwoSplits;
    let report = run(&s.folder(splits || across), &Silent).unwrap();
    let fits = |f: &&Finding| {
        let named = ids.iter().filter(|id| f.patients.contains(id)).count();
        f.code == *code
            && columns.iter().all(|c| f.columns.iter().any(|x| x == c))
            && named * 10 >= ids.len() * 9
            && !f.message.is_empty()
            && (f.effect.is_some() || f.evidence.contains_key("no_refit"))
    };
    Some(report.findings.iter().any(|f| fits(&f)))
}

/// How a picture is disguised before it is put into another split.
type Disguise = (&'static str, fn(&GrayImage) -> GrayImage);

const DISGUISES: [Disguise; 5] = [
    ("as it is", GrayImage::clone),
    ("mirrored", imageops::flip_horizontal),
    ("resized", |p| imageops::resize(p, 130, 83, imageops::FilterType::Triangle)),
    ("cropped", |p| imageops::crop_imm(p, 2, 1, p.width() - 4, p.height() - 2).to_image()),
    ("brighter", |p| imageops::brighten(p, 14)),
];

#[test]
fn disguised_pictures_in_two_splits_are_found() {
    for (i, (name, disguise)) in DISGUISES.iter().enumerate() {
        let mut s = clean(300 + i as u64, 70, 0.4);
        let dir = tempfile::tempdir().unwrap();
        let mut folder = s.folder(true);
        let mut first = None;
        // Rows 6 and 9 are in different splits.
        folder.pictures = s.pictures(dir.path(), |r, _, p, path| {
            if r == 6 {
                first = Some(p.clone());
            }
            match &first {
                Some(first) if r == 9 => save(&disguise(first), path, 80),
                _ => save(&p, path, 90),
            }
        });
        let report = run(&folder, &Silent).unwrap();
        let hit = report.findings.iter().find(|f| f.code == Code::PictureInTwoSplits);
        let mut patients = hit.unwrap_or_else(|| panic!("{name} is not found")).patients.clone();
        patients.sort();
        let mut two = [s.id(6), s.id(9)];
        two.sort();
        assert_eq!(patients, two, "{name}");
        let others: Vec<&Finding> =
            report.findings.iter().filter(|f| alarm(f) && f.code != Code::PictureInTwoSplits).collect();
        assert!(others.is_empty(), "{name}: {others:#?}");
    }
}

/// How pictures of one outcome are made otherwise.
type Way = (&'static str, fn(&mut GrayImage));

#[test]
fn pictures_made_otherwise_for_one_outcome_are_found() {
    let ways: [Way; 2] = [
        ("frame", |p| {
            let (w, h) = p.dimensions();
            for (x, y, pixel) in p.enumerate_pixels_mut() {
                if x < 3 || y < 3 || x + 3 >= w || y + 3 >= h {
                    pixel.0[0] = 255;
                }
            }
        }),
        ("size", |p| *p = imageops::resize(p, 90, 58, imageops::FilterType::Triangle)),
    ];
    for (name, spoil) in ways {
        let mut s = clean(400, 70, 0.4);
        let dir = tempfile::tempdir().unwrap();
        let mut folder = s.folder(true);
        folder.pictures = s.pictures(dir.path(), |r, event, mut p, path| {
            // Nine in ten.
            if event && r % 10 < 9 {
                spoil(&mut p);
            }
            save(&p, path, 90);
        });
        let report = run(&folder, &Silent).unwrap();
        assert!(report.findings.iter().any(|f| f.code == Code::PictureArtefactTellsOutcome), "{name}");
        let pair = report.findings.iter().find(|f| f.code == Code::PictureInTwoSplits);
        assert!(pair.is_none(), "{name}: {pair:?}");
    }
}

/// Columns that every simulated cohort begins with.
fn is_ours(name: &str) -> bool {
    ["Marker", "Ferritin", "Density", "Grade", "N", "LVI", "Tumor size"].contains(&name)
}

#[test]
fn every_planted_fault_is_found() {
    for (i, fault) in FAULTS.iter().enumerate() {
        let tried = (i as u64 * 50..).find_map(|seed| Some((seed, found(fault, seed)?)));
        let (seed, hit) = tried.unwrap();
        assert!(hit, "{} is not found in the cohort of seed {seed}", fault.0);
    }
}

/// The big run: `cargo test --release --lib audit::stress -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; run by hand"]
fn figures_of_many_cohorts() {
    let (cohorts, wrong) = alarms(0..200);
    let mut by_code: BTreeMap<String, usize> = BTreeMap::new();
    for (seed, f) in &wrong {
        *by_code.entry(format!("{:?}", f.code)).or_default() += 1;
        println!("seed {seed}: {:?} {:?} {}", f.code, f.columns, f.message);
    }
    println!("{} alarms in {cohorts} clean cohorts: {by_code:?}", wrong.len());
    for fault in &FAULTS {
        let tried: Vec<(u64, bool)> =
            (1000..1030).filter_map(|seed| Some((seed, found(fault, seed)?))).collect();
        let missed: Vec<u64> = tried.iter().filter(|t| !t.1).map(|t| t.0).collect();
        println!(
            "{}: {} of {} found; missed in {missed:?}",
            fault.0,
            tried.len() - missed.len(),
            tried.len()
        );
    }
    assert!(wrong.len() * 50 <= cohorts, "more than 2 alarms in 100 clean cohorts");
}
