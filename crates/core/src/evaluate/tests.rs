use std::path::Path;

use super::*;
use crate::assess::Places;
use crate::nn::DeviceChoice;
use crate::simulate;
use crate::stats::folds::folds;
use thoracast_files::progress::Silent;

/// The repository's clinical model and nomogram with untrained networks: no pictures are looked at here.
fn models() -> Models {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let folder = tempfile::tempdir().unwrap();
    for name in ["clinical.json", "nomogram.json"] {
        std::fs::copy(shipped.join(name), folder.path().join(name)).unwrap();
    }
    Models::load(&Places { shipped: folder.path().to_owned(), library: None }, DeviceChoice::Cpu, &Silent)
        .unwrap()
}

fn options() -> Options {
    Options { split: Split::Test, without: vec![], cross_validation: None, seed: 0 }
}

fn simulated(patients: usize, slices: bool) -> (tempfile::TempDir, CohortFolder) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("cohort");
    simulate::write(&simulate::Settings { patients, seed: 5, slices }, &dir, &Silent).unwrap();
    let cohort = CohortFolder::open(&dir, None).unwrap();
    (folder, cohort)
}

#[test]
fn tables_alone_give_the_clinical_branch_and_refits_of_it() {
    let (_keep, cohort) = simulated(400, false);
    let options = Options {
        without: vec!["endocrine".into(), "radiotherapy".into(), "chemotherapy".into()],
        cross_validation: Some(CrossValidation { folds: 4, repeats: 1 }),
        ..options()
    };
    let result = run(&cohort, &models(), &options, &Silent).unwrap();
    let names: Vec<&str> = result.branches.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["clinical", "clinical_without"]);
    assert!(result.simulated && result.n == cohort.clinical(Split::Test).unwrap().rows.len());
    assert_ne!(result.branches[0].figures, result.branches[1].figures);
    assert_eq!(result.tests.len(), 1);
    assert!(result.tests[0].n == result.n && result.tests[0].p.is_some());
    let validated = result.cross_validation.unwrap();
    assert_eq!((validated.len(), validated[0].n), (2, 400));
    assert!(validated[0].auc > 0.48 && validated[0].auc < 0.9, "{}", validated[0].auc);
    assert_eq!(result.published.recounted.len(), 3);
}

/// The figures of the published predictions are those pROC gives.
#[test]
fn published_predictions_are_recounted_row_by_row() {
    let Some(dir) = crate::testing::shared("cohort") else { return };
    let mut cohort = CohortFolder::open(&dir, None).unwrap();
    cohort.pictures.clear();
    let result = run(&cohort, &models(), &options(), &Silent).unwrap();
    let Some(reference) = crate::testing::shared("reference/r/roc.json") else { return };
    let proc: serde_json::Value = serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap();
    for (recounted, name) in result.published.recounted.iter().zip(["t4", "t11", "fused"]) {
        let figures = &recounted.figures;
        for (ours, theirs) in [(figures.auc, "auc"), (figures.auc_low, "low"), (figures.auc_high, "high")] {
            assert!((ours.unwrap() - proc[name][theirs].as_f64().unwrap()).abs() < 1e-9, "{name} {theirs}");
        }
    }
    assert_eq!((result.n, result.events), (186, 50));
    let clinical = &result.branches[0];
    assert!((clinical.figures.auc.unwrap() - 0.889).abs() < 0.001);
}

#[test]
fn all_branches_and_fusions_are_matched_by_id() {
    let (_keep, mut cohort) = simulated(simulate::FEWEST, true);
    let models = models();
    let result = run(&cohort, &models, &options(), &Silent).unwrap();
    let names: Vec<&str> = result.branches.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(
        names,
        ["t4", "t11", "clinical", "fusion", "mean_log_odds", "nomogram"],
        "{:?}",
        result.warnings
    );
    assert!(result.warnings.iter().any(|w| w.contains("no stacked fusion")), "{:?}", result.warnings);
    assert!(result.branches.iter().all(|b| b.figures.n == result.n));
    assert_eq!(result.stacking, None, "weights that could not be tried are not handed out");
    // Rows in another order change nothing: patients are matched by ID.
    let test = cohort.clinical.iter_mut().find(|t| t.split == Some(Split::Test)).unwrap();
    test.table.rows.reverse();
    let again = run(&cohort, &models, &options(), &Silent).unwrap();
    assert_eq!(again.branches, result.branches);
}

#[test]
fn stacking_weights_follow_the_branch_that_knows() {
    let (_keep, cohort) = simulated(300, false);
    let models = models();
    let mut cases = branches::cases(&cohort, Split::Test, &mut vec![]).unwrap();
    for (i, case) in cases.values_mut().enumerate() {
        // T4 knows the outcome of four patients in five, T11 knows nothing.
        let t4 = if case.outcome == (i % 5 != 0) { 1.2 } else { -1.2 };
        case.t4 = Some(LogProb::from_log_odds(t4));
        case.t11 = Some(LogProb::from_log_odds(if i % 2 == 0 { 1.2 } else { -1.2 }));
    }
    let (list, weights) = alternatives::all(&models.clinical, &cases, 3, &mut vec![]);
    assert_eq!(list.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["mean_log_odds", "stacking"]);
    let weights = weights.unwrap();
    assert_eq!(weights.patients, cases.len());
    assert_eq!(weights.events, cases.values().filter(|c| c.outcome).count());
    let [t4, t11, _] = weights.stacking.weights;
    assert!(t4 > 0.5 && t11.abs() < t4 / 2.0, "{:?}", weights.stacking);
}

#[test]
fn what_cannot_be_evaluated_is_one_sentence() {
    let (_keep, mut cohort) = simulated(60, false);
    let test = cohort.clinical.iter_mut().find(|t| t.split == Some(Split::Test)).unwrap();
    let twice = test.table.rows[0].clone();
    test.table.rows.push(twice);
    let error = run(&cohort, &models(), &options(), &Silent).unwrap_err().to_string();
    assert!(error.contains("two rows have the ID") && error.contains("clinical_test.csv"), "{error}");
    let (_keep, cohort) = simulated(60, false);
    let unknown = Options { without: vec!["mood".into()], ..options() };
    let error = run(&cohort, &models(), &unknown, &Silent).unwrap_err().to_string();
    assert!(error.contains("'mood'"), "{error}");
}

#[test]
fn folds_hold_both_outcomes_in_even_parts() {
    let outcomes: Vec<bool> = (0..103).map(|i| i % 4 == 0).collect();
    let fold = folds(&outcomes, 10, 1).unwrap();
    for f in 0..10 {
        let members = fold.iter().filter(|x| **x == f).count();
        let events = fold.iter().zip(&outcomes).filter(|(x, y)| **x == f && **y).count();
        assert!((10..=11).contains(&members) && (2..=3).contains(&events), "{f}: {members} {events}");
    }
    assert_eq!(folds(&outcomes[..20], 10, 1), None);
}
