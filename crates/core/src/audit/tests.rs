use super::simulated::{Simulated, clean, save};
use super::*;
use crate::cohort::Split;
use rand::RngExt;
use thoracast_files::progress::{CancelFlag, Silent};

/// What is true of a clean simulated cohort: small ones have few events.
const TRUE: [Code; 1] = [Code::FewEvents];

fn audit(s: &Simulated, splits: bool) -> Report {
    run(&s.folder(splits), &Silent).unwrap()
}

fn find(report: &Report, code: Code) -> &Finding {
    let codes: Vec<_> = report.findings.iter().map(|f| (f.code, &f.columns)).collect();
    report.findings.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("no {code:?} in {codes:?}"))
}

/// No other finding than the planted one and what is true anyway.
fn only(report: &Report, codes: &[Code]) {
    for f in &report.findings {
        assert!(codes.contains(&f.code) || TRUE.contains(&f.code), "{f:#?}");
    }
}

fn times(usual: u64) -> u64 {
    std::env::var("THORACAST_AUDIT_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// False alarms on clean cohorts: `THORACAST_AUDIT_SEEDS=100` measures them on as many of each kind.
#[test]
fn clean_cohorts_raise_no_alarm() {
    let (mut cohorts, mut alarms) = (0, Vec::new());
    for seed in 0..times(2) {
        for n in [60, 120, 250, 431, 1000] {
            for rate in [0.1, 0.25, 0.5] {
                let splits = !(seed + n as u64).is_multiple_of(3);
                let report = audit(&clean(seed * 1000 + n as u64 + (rate * 100.0) as u64, n, rate), splits);
                cohorts += 1;
                alarms.extend(
                    report
                        .findings
                        .into_iter()
                        .filter(|f| !TRUE.contains(&f.code))
                        .map(|f| (seed, n, rate, f)),
                );
            }
        }
    }
    println!("{} false alarms in {cohorts} clean cohorts", alarms.len());
    assert!(alarms.is_empty(), "{alarms:#?}");
}

/// Plants a fault in cohorts of several sizes and wants it found, alone and with its column and patients.
fn planted(code: Code, columns: &[&str], also: &[Code], plant: impl Fn(&mut Simulated) -> Vec<String>) {
    let (mut found, mut tried) = (0, 0);
    for seed in 0..times(2) {
        for (n, rate) in [(200, 0.3), (431, 0.28), (150, 0.4)] {
            let mut s = clean(7_000 + seed * 31 + n as u64, n, rate);
            let ids = plant(&mut s);
            let report = audit(&s, seed % 2 == 0);
            tried += 1;
            let hit = report
                .findings
                .iter()
                .find(|f| f.code == code && columns.iter().all(|c| f.columns.iter().any(|x| x == c)));
            if let Some(hit) = hit {
                found += 1;
                let missed = ids.iter().filter(|id| !hit.patients.contains(id)).count();
                assert!(
                    missed == 0 || hit.patients.is_empty(),
                    "{code:?} misses {missed} of {} patients",
                    ids.len()
                );
                if !ids.is_empty() {
                    assert!(!hit.patients.is_empty(), "{code:?} names no patients");
                }
            }
            let mut allowed = also.to_vec();
            allowed.push(code);
            only(&report, &allowed);
        }
    }
    println!("{code:?}: found in {found} of {tried}");
    assert_eq!(found, tried, "{code:?}");
}

#[test]
fn ids_and_order_by_outcome_are_found() {
    planted(Code::IdSeparatesOutcome, &["id"], &[Code::OrderSeparatesOutcome], |s| {
        s.rows.sort_by_key(|r| r.1[19].clone());
        for (i, row) in s.rows.iter_mut().enumerate() {
            row.1[0] = (1000 + i).to_string();
        }
        vec![]
    });
    planted(Code::OrderSeparatesOutcome, &[], &[Code::IdSeparatesOutcome], |s| {
        let c = s.at("metastasis");
        // Only the order, with IDs given at random before.
        let mut ids: Vec<String> = s.rows.iter().map(|r| r.1[0].clone()).collect();
        ids.sort_by_key(|id| id.parse::<u64>().unwrap().wrapping_mul(2_654_435_761) % 1009);
        s.rows.iter_mut().zip(ids).for_each(|(r, id)| r.1[0] = id);
        s.rows.sort_by_key(|r| r.1[c].clone());
        vec![]
    });
    planted(Code::IdSeparatesOutcome, &["id"], &[], |s| {
        for r in 0..s.rows.len() {
            let prefix = if s.event(r) { "M" } else { "C" };
            s.rows[r].1[0] = format!("{prefix}{}", s.rows[r].1[0]);
        }
        vec![]
    });
}

#[test]
fn conditional_copies_are_found() {
    // A copy of a larger figure separates the outcomes by itself, too.
    let also = [Code::ImpossibleValue, Code::TooGoodSinglePredictor];
    planted(Code::ConditionalCopy, &["PMA/T4", "PMI/T4"], &also, |s| {
        s.change("PMI/T4", |_, row, event, _| event.then(|| row[5].clone()))
    });
    planted(Code::ConditionalCopy, &["Marker", "CEA"], &[Code::TooGoodSinglePredictor], |s| {
        s.change("CEA", |_, row, event, rng| {
            let marker: f64 = row[14].parse().ok()?;
            (!event && rng.random_bool(0.6)).then(|| format!("{:.6}", marker * 0.31))
        })
    });
}

#[test]
fn gaps_and_fillings_that_tell_the_outcome_are_found() {
    planted(Code::MissingnessTellsOutcome, &["Ferritin"], &[], |s| {
        s.change("Ferritin", |_, _, event, rng| (event && rng.random_bool(0.45)).then(String::new))
    });
    planted(Code::FillValueTellsOutcome, &["CEA"], &[], |s| {
        s.change("CEA", |_, _, event, rng| (event && rng.random_bool(0.4)).then(|| "2.37".to_owned()))
    });
    planted(Code::FillValueTellsOutcome, &["Ferritin"], &[], |s| {
        s.change("Ferritin", |_, _, event, rng| (!event && rng.random_bool(0.35)).then(|| "-1".to_owned()))
    });
}

#[test]
fn a_column_that_knows_too_much_is_found() {
    planted(Code::TooGoodSinglePredictor, &["Density"], &[], |s| {
        s.change("Density", |_, _, event, rng| {
            Some(if event != rng.random_bool(0.01) { "x" } else { "y" }.to_owned())
        });
        vec![]
    });
    planted(Code::TooGoodSinglePredictor, &["Index"], &[], |s| {
        s.add("Index", |event, rng| format!("{:.3}", rng.random::<f64>() + if event { 0.93 } else { 0.0 }));
        vec![]
    });
    planted(Code::AfterOutcomeVariable, &["Chemotherapy"], &[], |s| {
        s.add("Chemotherapy", |_, rng| u8::from(rng.random_bool(0.5)).to_string());
        vec![]
    });
    planted(Code::AfterOutcomeVariable, &["Time to relapse"], &[Code::TooGoodSinglePredictor], |s| {
        s.add("Time to relapse", |_, rng| format!("{:.0}", 100.0 + 500.0 * rng.random::<f64>()));
        vec![]
    });
}

#[test]
fn impossible_values_and_codes_are_found_with_their_patients() {
    planted(Code::ImpossibleValue, &["BMI"], &[], |s| {
        s.change("BMI", |r, _, _, _| (r == 11).then(|| "2.4".to_owned()))
    });
    planted(Code::ImpossibleValue, &["CEA"], &[], |s| {
        s.change("CEA", |r, _, _, _| (r == 5).then(|| "high".to_owned()))
    });
    planted(Code::EventCode, &["metastasis"], &[], |s| {
        s.change("metastasis", |r, _, _, _| (r % 40 == 5).then(|| "2".to_owned()))
    });
    planted(Code::BlankLevel, &["Grade"], &[], |s| {
        s.change("Grade", |r, _, _, _| (r == 17).then(String::new))
    });
}

#[test]
fn patients_that_stand_twice_are_found() {
    for splits in [true, false] {
        let mut s = clean(3, 200, 0.3);
        let again = s.rows[8].clone();
        s.rows.push(again);
        let report = audit(&s, splits);
        assert_eq!(find(&report, Code::DuplicateId).patients, [s.id(8)]);
        only(&report, &[Code::DuplicateId]);
    }
    let mut s = clean(4, 200, 0.3);
    let (mut same, mut renamed) = (s.rows[0].clone(), s.rows[2].clone());
    same.0 = Split::Test;
    (renamed.0, renamed.1[0]) = (Split::Test, "9999".to_owned());
    s.rows.extend([same, renamed]);
    let report = audit(&s, true);
    let twice: Vec<&Finding> =
        report.findings.iter().filter(|f| f.code == Code::PatientInTwoSplits).collect();
    assert!(twice.iter().any(|f| f.patients == [s.id(0)] && f.effect.is_some()), "{twice:?}");
    assert!(
        twice.iter().any(|f| f.patients.contains(&s.id(2)) && f.patients.contains(&"9999".to_owned())),
        "{twice:?}"
    );
    only(&report, &[Code::PatientInTwoSplits]);
}

fn with_pictures(
    seed: u64,
    spoil: impl FnMut(usize, bool, image::GrayImage, &std::path::Path),
) -> (Report, Simulated) {
    let mut s = clean(seed, 90, 0.35);
    let dir = tempfile::tempdir().unwrap();
    let mut folder = s.folder(true);
    folder.pictures = s.pictures(dir.path(), spoil);
    (run(&folder, &Silent).unwrap(), s)
}

#[test]
fn pictures_of_different_patients_are_no_copies_and_tell_nothing() {
    for seed in 0..times(2) {
        let (report, _) = with_pictures(50 + seed, |_, _, p, path| save(&p, path, 90));
        only(&report, &[]);
    }
}

#[test]
fn a_recompressed_picture_in_another_split_is_found() {
    let mut kept = None;
    // Rows 4 and 7 are in different splits.
    let (report, s) = with_pictures(60, |r, _, p, path| {
        if r == 4 {
            kept = Some(p.clone());
        }
        match &kept {
            Some(first) if r == 7 => save(first, path, 40),
            _ => save(&p, path, 90),
        }
    });
    let mut ids = find(&report, Code::PictureInTwoSplits).patients.clone();
    ids.sort();
    let mut expected = vec![s.id(4), s.id(7)];
    expected.sort();
    assert_eq!(ids, expected);
    only(&report, &[Code::PictureInTwoSplits]);
}

#[test]
fn pictures_saved_another_way_for_one_outcome_are_found() {
    for seed in 0..times(1) {
        let (report, _) =
            with_pictures(70 + seed, |_, event, p, path| save(&p, path, if event { 70 } else { 90 }));
        assert_eq!(find(&report, Code::PictureArtefactTellsOutcome).severity, Severity::High);
        let (report, _) = with_pictures(71 + seed, |_, event, mut p, path| {
            if event {
                p.pixels_mut().filter(|v| v.0[0] >= 250).for_each(|v| v.0[0] = 255);
            }
            p.save_with_format(path, image::ImageFormat::Png).unwrap();
        });
        find(&report, Code::PictureArtefactTellsOutcome);
        let (report, _) = with_pictures(72 + seed, |_, event, mut p, path| {
            if event {
                (0..8).for_each(|x| p.put_pixel(x, 2, image::Luma([255])));
            }
            save(&p, path, 90);
        });
        find(&report, Code::PictureArtefactTellsOutcome);
        only(&report, &[Code::PictureArtefactTellsOutcome]);
    }
}

#[test]
fn a_wrong_folder_and_a_missing_picture_are_found() {
    let mut s = clean(80, 90, 0.35);
    let dir = tempfile::tempdir().unwrap();
    let mut folder = s.folder(true);
    folder.pictures = s.pictures(dir.path(), |_, _, p, path| save(&p, path, 90));
    folder.pictures[3].event ^= true;
    let gone = folder.pictures.remove(10);
    std::fs::write(&folder.pictures[20].path, b"no picture").unwrap();
    let report = run(&folder, &Silent).unwrap();
    let all: Vec<&Finding> = report.findings.iter().filter(|f| f.code == Code::UnmatchedRows).collect();
    assert!(all.iter().any(|f| f.patients == [s.id(3)] && f.severity == Severity::High), "{all:?}");
    assert!(all.iter().any(|f| f.patients == [gone.id.clone()]), "{all:?}");
    assert!(all.iter().any(|f| f.evidence.contains_key("unreadable")), "{all:?}");
}

#[test]
fn an_audit_can_be_cancelled() {
    struct Stop(CancelFlag);
    impl thoracast_files::progress::Progress for Stop {
        fn cancelled(&self) -> bool {
            self.0.is_cancelled()
        }
    }
    let stop = Stop(CancelFlag::default());
    stop.0.cancel();
    assert_eq!(run(&clean(1, 60, 0.3).folder(true), &stop), Err(Cancelled));
}

#[test]
fn the_published_cohort_has_the_faults_it_has() {
    let Some(dir) = crate::testing::shared("cohort") else { return };
    let report = run(&CohortFolder::open(&dir, None).unwrap(), &Silent).unwrap();
    assert_eq!((report.patients, report.events), (431, 122));
    assert_eq!(find(&report, Code::IdSeparatesOutcome).severity, Severity::High);
    let copy = find(&report, Code::ConditionalCopy);
    assert_eq!((copy.columns.join(" "), copy.patients.len()), ("PMA/T4 PMI/T4".to_owned(), 146));
    assert_eq!(find(&report, Code::BlankLevel).columns, ["ki67"]);
    assert_eq!(find(&report, Code::EventCode).columns, ["dead"]);
    assert_eq!(find(&report, Code::AfterOutcomeVariable).severity, Severity::Low);
    assert!(find(&report, Code::PictureInTwoSplits).patients.contains(&"309".to_owned()));
    assert!(report.findings.iter().any(|f| f.code == Code::ImpossibleValue && f.columns == ["HER2"]));
    let noise =
        |f: &&Finding| f.code == Code::PictureArtefactTellsOutcome && f.evidence["measure"] == "white_noise";
    assert_eq!(report.findings.iter().filter(noise).count(), 2);
    for code in
        [Code::DuplicateId, Code::PatientInTwoSplits, Code::UnmatchedRows, Code::MissingnessTellsOutcome]
    {
        let wrong = |f: &&Finding| f.code == code && !f.evidence.contains_key("pairs");
        assert_eq!(report.findings.iter().filter(wrong).count(), 0, "{code:?}");
    }
}
