use std::path::Path;

use super::*;
use crate::stats::design::{self, DesignOptions};
use crate::stats::resample;
use crate::tables::Table;
use crate::testing::shared;

fn cohort(folder: &Path) -> (Vec<Vec<f64>>, Vec<bool>) {
    let table = Table::read(&folder.join("nomogram_test.csv")).unwrap();
    let names = ["ki67", "Histologic type", "PMI/T4", "late_fusion_probability"];
    let names = names.map(|n| table.header[table.require(n).unwrap()].clone());
    let y = table.require("metastasis").unwrap();
    let design = design::build(&table, &names, &[y], &DesignOptions::default()).unwrap();
    let outcome = design::outcome(&table, y, &design.used).unwrap();
    (design.x, outcome)
}

fn close(got: f64, want: f64, relative: f64, what: &str) {
    assert!((got - want).abs() <= relative * want.abs().max(1e-3), "{what}: {got} is not {want}");
}

#[test]
fn the_given_resamples_give_rs_curve() {
    let Some(folder) = shared("cohort") else { return };
    let reference = folder.join("../reference/r");
    let (rows, outcome) = cohort(&folder);
    let text = std::fs::read_to_string(reference.join("bootstrap_indices.csv")).unwrap();
    let resamples = resample::read(&text, rows.len()).unwrap();
    let got = calibrate(&rows, &outcome, &resamples).unwrap();
    let want: serde_json::Value =
        serde_json::from_slice(&std::fs::read(reference.join("calibration.json")).unwrap()).unwrap();
    let number = |name: &str| want[name].as_f64().unwrap();
    assert_eq!(got.used, want["used"].as_array().unwrap().len());
    for k in 0..POINTS {
        close(got.predicted[k], want["predy"][k].as_f64().unwrap(), 1e-6, "predicted");
        close(got.apparent[k], want["apparent"][k].as_f64().unwrap(), 1e-4, "apparent");
        close(got.corrected[k].unwrap(), want["corrected"][k].as_f64().unwrap(), 1e-4, "corrected");
    }
    close(got.c.apparent, number("c_apparent"), 1e-6, "C");
    close(got.c.corrected.unwrap(), number("c_apparent") - number("c_optimism"), 1e-4, "corrected C");
    close(got.brier.apparent, number("brier_apparent"), 1e-6, "Brier");
    close(
        got.brier.corrected.unwrap(),
        number("brier_apparent") - number("brier_optimism"),
        1e-4,
        "corrected Brier",
    );
    close(got.slope.corrected.unwrap(), number("slope_corrected"), 1e-4, "slope");
    assert!((got.intercept.corrected.unwrap() - number("intercept_corrected")).abs() < 1e-4);
}

#[test]
fn a_thousand_resamples_lie_beside_those_of_rms() {
    let Some(folder) = shared("cohort") else { return };
    let (rows, outcome) = cohort(&folder);
    let got = calibrate(&rows, &outcome, &resample::bootstrap(rows.len(), 1000, 5)).unwrap();
    let path = folder.join("../reference/r/calibration_rms_b1000.json");
    let want: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (k, p) in want["predy"].as_array().unwrap().iter().enumerate() {
        let (p, want) = (p.as_f64().unwrap(), want["corrected"][k].as_f64().unwrap());
        let line: Vec<(f64, f64)> =
            got.predicted.iter().zip(&got.corrected).filter_map(|(p, c)| Some((*p, (*c)?))).collect();
        // Monte-Carlo error of both: the optimism's standard deviation is about 0.1, over √1000.
        let at = extrapolate(&line, p).unwrap();
        assert!((at - want).abs() < 0.015, "at {p}: {at} is not {want}");
    }
}

#[test]
fn without_resamples_only_the_apparent_figures_exist() {
    let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 10)]).collect();
    let outcome: Vec<bool> = (0..40).map(|i| (i * 7) % 10 < 4 + i % 3).collect();
    let got = calibrate(&rows, &outcome, &[]).unwrap();
    assert!(got.c.corrected.is_none() && got.corrected.iter().all(Option::is_none));
    assert!(got.eavg.is_finite() && got.emax >= got.e90 && got.e90 >= 0.0);
}

#[test]
fn a_separated_table_is_refused() {
    let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i)]).collect();
    let outcome: Vec<bool> = (0..20).map(|_| true).collect();
    assert!(calibrate(&rows, &outcome, &[]).is_err());
}

#[test]
fn counted_areas_equal_those_of_repeated_rows() {
    let score = [0.1, 0.4, 0.4, 0.8, 0.3];
    let outcome = [false, true, false, true, false];
    let times = [2.0, 1.0, 3.0, 2.0, 0.0];
    let (mut s, mut y) = (vec![], vec![]);
    for i in 0..5 {
        for _ in 0..times[i] as usize {
            s.push(score[i]);
            y.push(outcome[i]);
        }
    }
    assert!(
        (area(&ascending(&score), &score, &outcome, &times).unwrap() - roc::auc(&y, &s).unwrap()).abs()
            < 1e-15
    );
}
