use super::*;
use crate::chart::check;
use crate::cohort::CohortFolder;
use thoracast_files::progress::Silent;

/// A simulated cohort with the program's own models.
fn with_facts(check: impl FnOnce(&Facts<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made up | cohort");
    let settings = crate::simulate::Settings { patients: 120, seed: 3, slices: false };
    crate::simulate::write(&settings, &path, &Silent).unwrap();
    let cohort = CohortFolder::open(&path, None).unwrap();
    let models = crate::testing::models();
    let report = crate::audit::run(&cohort, &Silent).unwrap();
    let options = crate::evaluate::Options {
        split: crate::cohort::Split::Test,
        without: vec![],
        cross_validation: None,
        seed: 0,
    };
    let evaluation = crate::evaluate::run(&cohort, models, &options, &Silent).unwrap();
    check(&Facts {
        cohort: &cohort,
        models,
        evaluation: Some(&evaluation),
        audit: Some(&report),
        created: "2026-03-09T14:05:31+01:00".to_owned(),
    });
}

#[test]
fn every_item_of_both_checklists_is_there_once_and_in_order() {
    with_facts(|facts| {
        let tripod = Sheet::fill(Kind::Tripod, facts);
        assert_eq!(tripod.items().count(), 52);
        let number = |n: &str| n.trim_end_matches(char::is_alphabetic).parse::<u32>().unwrap();
        let numbers: Vec<u32> = tripod.items().map(|i| number(i.number)).collect();
        assert!(numbers.windows(2).all(|p| p[1] == p[0] || p[1] == p[0] + 1), "{numbers:?}");
        assert_eq!((numbers[0], numbers[51]), (1, 27));
        let clear = Sheet::fill(Kind::Clear, facts);
        let numbers: Vec<u32> = clear.items().map(|i| number(i.number)).collect();
        assert_eq!(numbers, (1..=58).collect::<Vec<_>>());
    });
}

#[test]
fn figures_stand_with_their_intervals_and_what_is_not_known_is_open() {
    with_facts(|facts| {
        let find = |sheet: &Sheet, number: &str| {
            sheet.items().find(|i| i.number == number).map(|i| i.answer.clone()).unwrap()
        };
        let tripod = Sheet::fill(Kind::Tripod, facts);
        assert!(tripod.title.contains("(simulated patients)"));
        let performance = find(&tripod, "23a");
        let text = performance.text().unwrap();
        assert!(
            text.contains("Clinical model (n ") && text.contains("95 % CI") && text.contains("Brier"),
            "{text}"
        );
        for open in ["5b", "17", "18a", "6a"] {
            assert!(find(&tripod, open).todo().is_some(), "{open}");
        }
        assert_eq!(find(&tripod, "17").text(), None);
        let clear = Sheet::fill(Kind::Clear, facts);
        assert!(find(&clear, "47").text().unwrap().contains("AUC"));

        // Without an evaluation its items are open and say what to do.
        let without = Facts {
            evaluation: None,
            audit: None,
            created: facts.created.clone(),
            cohort: facts.cohort,
            models: facts.models,
        };
        let bare = Sheet::fill(Kind::Tripod, &without);
        assert_eq!(find(&bare, "23a").text(), None);
        assert!(find(&bare, "23a").todo().unwrap().contains("evaluate the cohort first"));
        assert!(bare.counts()[2] > tripod.counts()[2]);
    });
}

#[test]
fn both_sheets_fit_their_pages_and_their_tables() {
    with_facts(|facts| {
        for kind in Kind::ALL {
            let sheet = Sheet::fill(kind, facts);
            for page in pages(&sheet) {
                check::assert_sound(&page);
            }
            assert!(pdf(&sheet).unwrap().starts_with(b"%PDF"));
            let text = markdown(&sheet);
            let rows = text.lines().filter(|l| l.starts_with("| "));
            // A bar in the cohort's name does not make another column.
            for row in rows {
                assert_eq!(row.replace("\\|", "").matches('|').count(), 4, "{row}");
            }
            assert!(text.contains("Research use only") && text.contains("**OPEN**"));
        }
    });
}
