use std::path::Path;

use super::*;
use crate::stats::design::{self, DesignOptions, Recode};
use crate::tables::Table;
use crate::testing::shared;

/// The study's nomogram model on its published table; `as_published` reads the blank ki67 cell as the reference.
pub fn study_fit(
    as_published: bool,
    convergence: Convergence,
) -> Option<(LogisticFit, Vec<design::Covariate>)> {
    let mut table = Table::read(&shared("cohort")?.join("nomogram_test.csv")).unwrap();
    if as_published {
        "ki67:=<20%".parse::<Recode>().unwrap().apply(&mut table).unwrap();
    }
    let names = ["ki67", "Histologic type", "PMI/T4", "late_fusion_probability"].map(str::to_owned);
    let y = table.require("metastasis").unwrap();
    let design = design::build(&table, &names, &[y], &DesignOptions::default()).unwrap();
    let outcome = design::outcome(&table, y, &design.used).unwrap();
    Some((fit(&design.x, &outcome, &design.columns, convergence).unwrap(), design.covariates))
}

/// The list or object of numbers, in R's order.
fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Object(map) => map.values().map(|v| v.as_f64().unwrap()).collect(),
        list => list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect(),
    }
}

fn close(what: &str, ours: &[f64], theirs: &[f64], relative: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!(
            (a - b).abs() <= relative * b.abs().max(1e-12),
            "{what}: {a:e} is not {b:e}, {:e}",
            (a - b) / b
        );
    }
}

#[test]
fn the_studys_model_is_that_of_rms() {
    let Some(reference) = shared("reference") else { return };
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(reference.join(name)).unwrap()).unwrap()
    };
    let (reference, exact_c) = (read("r/lrm.json"), read("r/cindex.json"));
    for (name, as_published) in [("as_published", true), ("complete_case", false)] {
        let (fit, _) = study_fit(as_published, Convergence::LikeRms).unwrap();
        let theirs = &reference[name];
        let table = fit.table();
        let column = |f: fn(&Term) -> f64| table.iter().map(f).collect::<Vec<_>>();
        assert_eq!(
            (fit.n as u64, fit.events as u64),
            (theirs["n"].as_u64().unwrap(), theirs["events"].as_u64().unwrap())
        );
        close("coef", &column(|t| t.coef), &numbers(&theirs["coef"]), 1e-6);
        close("se", &column(|t| t.se), &numbers(&theirs["se"]), 1e-6);
        close("z", &column(|t| t.z), &numbers(&theirs["wald_z"]), 1e-6);
        close("p", &column(|t| t.p), &numbers(&theirs["p"]), 1e-6);
        close("or", &column(|t| t.or), &numbers(&theirs["odds_ratio"]), 1e-6);
        close("or_low", &column(|t| t.or_low), &numbers(&theirs["or_low"]), 1e-6);
        close("or_high", &column(|t| t.or_high), &numbers(&theirs["or_high"]), 1e-6);
        for (ours, theirs) in fit.vcov.iter().zip(theirs["vcov"].as_array().unwrap()) {
            close("vcov", ours, &numbers(theirs), 1e-6);
        }
        close("deviance", &[fit.null_deviance, fit.deviance], &numbers(&theirs["deviance"]), 1e-6);
        close("linear predictor", &fit.linear_predictor, &numbers(&theirs["linear_predictor"]), 1e-6);
        let stats = &theirs["stats"];
        let lr = fit.likelihood_ratio();
        let ours = [lr.chisq, lr.df, fit.r2_nagelkerke, fit.brier];
        let theirs = ["Model L.R.", "d.f.", "R2", "Brier"].map(|k| stats[k].as_f64().unwrap());
        close("stats", &ours, &theirs, 1e-6);
        // lrm counts C on probabilities rounded to bins; Hmisc::rcorr.cens, which the study reports, counts exactly.
        close("c", &[fit.c], &[exact_c[name]["c"].as_f64().unwrap()], 1e-10);
        assert!((fit.c - stats["C"].as_f64().unwrap()).abs() < 1e-3);
        assert!(lr.p < 1e-30);
    }
}

#[test]
fn the_full_maximum_has_no_gradient_and_lies_close_to_where_rms_stops() {
    let Some((full, _)) = study_fit(true, Convergence::Full) else { return };
    let (rms, _) = study_fit(true, Convergence::LikeRms).unwrap();
    assert!(full.deviance <= rms.deviance && rms.deviance - full.deviance < 1e-6);
    for (a, b) in full.table().iter().zip(rms.table()) {
        assert!((a.coef - b.coef).abs() < 1e-4 * a.se, "{}", a.term);
    }
    // With an intercept the fitted events sum up to the observed ones at the maximum, and only there.
    let fitted: f64 = full.linear_predictor.iter().map(|f| logistic(*f)).sum();
    assert!((fitted - full.events as f64).abs() < 1e-9);
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("x{i}")).collect()
}

/// Pseudo-random numbers in 0…1 that need no crate.
fn noise(i: usize) -> f64 {
    ((i as f64 * 12.9898).sin() * 43758.5453).fract().abs()
}

#[test]
fn a_two_by_two_table_gives_its_own_odds_ratio() {
    // 10/30 events without, 24/40 with the factor: odds ratio (24·20)/(16·10) = 3, variance Σ 1/cell.
    let rows: Vec<Vec<f64>> = (0..70).map(|i| vec![f64::from(u8::from(i >= 30))]).collect();
    let outcome: Vec<bool> = (0..70).map(|i| i < 10 || (30..54).contains(&i)).collect();
    let fit = fit(&rows, &outcome, &names(1), Convergence::Full).unwrap();
    assert!((fit.coef[1] - 3f64.ln()).abs() < 1e-10);
    assert!((fit.coef[0] - 0.5f64.ln()).abs() < 1e-10);
    let variance = 1.0 / 10.0 + 1.0 / 20.0 + 1.0 / 24.0 + 1.0 / 16.0;
    assert!((fit.vcov[1][1] - variance).abs() < 1e-10);
}

#[test]
fn units_do_not_matter() {
    let rows: Vec<Vec<f64>> = (0..200).map(|i| vec![noise(i), noise(i + 1000)]).collect();
    let outcome: Vec<bool> = (0..200).map(|i| noise(i) + noise(i + 5000) > 1.0).collect();
    let plain = fit(&rows, &outcome, &names(2), Convergence::Full).unwrap();
    let scaled: Vec<Vec<f64>> = rows.iter().map(|r| vec![r[0] * 1e8 + 1e9, r[1] * 1e-8]).collect();
    let other = fit(&scaled, &outcome, &names(2), Convergence::Full).unwrap();
    assert!((other.coef[1] * 1e8 / plain.coef[1] - 1.0).abs() < 1e-6);
    assert!((other.coef[2] * 1e-8 / plain.coef[2] - 1.0).abs() < 1e-6);
    assert!((other.deviance - plain.deviance).abs() < 1e-8);
}

#[test]
fn what_has_no_solution_is_said_in_words() {
    let rows: Vec<Vec<f64>> =
        (0..60).map(|i| vec![noise(i), noise(i + 100), noise(i) * 2.0 - 3.0 * noise(i + 100)]).collect();
    let mixed: Vec<bool> = (0..60).map(|i| noise(i + 7) > 0.5).collect();
    let refusal = |rows: &[Vec<f64>], outcome: &[bool]| {
        fit(rows, outcome, &names(rows[0].len()), Convergence::Full).unwrap_err().to_string()
    };
    assert_eq!(refusal(&rows, &mixed), "'x2' follows exactly from 'x0', 'x1'; leave one of them out");
    let two: Vec<Vec<f64>> = rows.iter().map(|r| r[..2].to_vec()).collect();
    let separated: Vec<bool> = two.iter().map(|r| r[0] > 0.4).collect();
    assert!(
        refusal(&two, &separated).starts_with("the outcome is separated by 'x0'"),
        "{}",
        refusal(&two, &separated)
    );
    // Only one side: every patient with the factor has the event (quasi-complete).
    let factor: Vec<Vec<f64>> = (0..60).map(|i| vec![f64::from(u8::from(i % 10 == 0)), noise(i)]).collect();
    let quasi: Vec<bool> = (0..60).map(|i| i % 10 == 0 || noise(i + 7) > 0.5).collect();
    assert!(refusal(&factor, &quasi).starts_with("the outcome is separated by 'x0'"));
    let constant: Vec<Vec<f64>> = rows.iter().map(|r| vec![r[0], 5.0]).collect();
    assert_eq!(refusal(&constant, &mixed), "'x1' is 5 in every row used; leave it out");
    assert!(refusal(&two, &[false; 60]).contains("the same in all 60 rows (0 events)"));
    assert!(
        refusal(&two[..3], &[true, false, true]).contains("3 complete rows are too few for 3 coefficients")
    );
    let large: Vec<Vec<f64>> = (0..60).map(|i| vec![1e300 * noise(i)]).collect();
    assert!(refusal(&large, &mixed).contains("too large"));
}

#[test]
fn a_table_made_from_known_coefficients_gives_them_back() {
    let truth = [-1.0, 0.8, -0.5];
    let n = 20_000;
    let rows: Vec<Vec<f64>> = (0..n).map(|i| vec![noise(i) * 4.0, noise(i + 77_777) * 4.0]).collect();
    let log_odds = |r: &[f64]| truth[0] + truth[1] * r[0] + truth[2] * r[1];
    let outcome: Vec<bool> =
        rows.iter().enumerate().map(|(i, r)| noise(i + 333_333) < logistic(log_odds(r))).collect();
    let fit = fit(&rows, &outcome, &names(2), Convergence::Full).unwrap();
    for (term, truth) in fit.table().iter().zip(truth) {
        assert!(
            (term.coef - truth).abs() < 4.0 * term.se,
            "{} is {} ± {}, not {truth}",
            term.term,
            term.coef,
            term.se
        );
    }
}

#[test]
fn an_outcome_column_read_from_a_file_works_end_to_end() {
    let text = "y,x\n".to_owned()
        + &(0..40).map(|i| format!("{},{}\n", u8::from(noise(i) > 0.5), i % 7)).collect::<String>();
    let table = Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap();
    let design = design::build(&table, &["x".to_owned()], &[0], &DesignOptions::default()).unwrap();
    let outcome = design::outcome(&table, 0, &design.used).unwrap();
    assert_eq!(
        fit(&design.x, &outcome, &design.columns, Convergence::Full).unwrap().terms,
        ["Intercept", "x"]
    );
}

/// Out-of-fold predictions once were only held to differ from the fitted ones, which a wrong fold passes too.
#[test]
fn a_folds_predictions_are_those_of_a_model_refitted_without_it() {
    let n = 120;
    let rows: Vec<Vec<f64>> = (0..n).map(|i| vec![noise(i) * 4.0, noise(i + 77_777)]).collect();
    let outcome: Vec<bool> = (0..n).map(|i| noise(i + 333_333) < logistic(rows[i][0])).collect();
    let fold: Vec<usize> = (0..n).map(|i| (i * 7) % 5).collect();
    let predicted = out_of_fold(&rows, &outcome, &names(2), &fold).unwrap();
    for held_out in [0, 3] {
        let (others, theirs): (Vec<_>, Vec<_>) =
            (0..n).filter(|i| fold[*i] != held_out).map(|i| (rows[i].clone(), outcome[i])).unzip();
        let refitted = fit(&others, &theirs, &names(2), Convergence::Full).unwrap();
        for i in (0..n).filter(|i| fold[*i] == held_out) {
            let [b0, b1, b2] = refitted.coef[..] else { panic!("three coefficients") };
            let p = 1.0 / (1.0 + (-(b0 + b1 * rows[i][0] + b2 * rows[i][1])).exp());
            assert!((predicted[i] - p).abs() < 1e-9, "patient {i}: {} is not {p}", predicted[i]);
        }
    }
    let on_all = fit(&rows, &outcome, &names(2), Convergence::Full).unwrap();
    let differ = |i: usize| (predicted[i] - logistic(on_all.linear_predictor[i])).abs() > 1e-6;
    assert!(
        (0..n).filter(|i| differ(*i)).count() > n * 9 / 10,
        "nobody is predicted by a model fitted on them"
    );
}
