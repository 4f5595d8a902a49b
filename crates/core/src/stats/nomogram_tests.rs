use std::path::Path;

use super::super::logistic::Convergence;
use super::super::logistic::tests::study_fit;
use super::*;
use crate::clinical::Record;
use crate::nomogram::{NomogramModel, train};
use crate::tables::Table;
use crate::testing::shared;

fn close(what: &str, ours: f64, theirs: &serde_json::Value) {
    let theirs = theirs.as_f64().unwrap();
    assert!((ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0), "{what}: {ours} is not {theirs}");
}

#[test]
fn the_studys_nomogram_is_that_of_rms() {
    let Some(folder) = shared("reference") else { return };
    let bytes = std::fs::read(folder.join("r/nomogram.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    for (name, as_published) in [("as_published", true), ("complete_case", false)] {
        let (fit, covariates) = study_fit(as_published, Convergence::LikeRms).unwrap();
        let nomogram = LinearModel::from_fit(&fit, &covariates).unwrap().nomogram(&RISK_MARKS);
        let theirs = &reference[name];
        for (axis, key) in nomogram.axes.iter().zip(["ki67", "histology", "pmi", "fusion"]) {
            let (values, points) = (&theirs[key]["values"], &theirs[key]["points"]);
            assert_eq!(axis.ticks.len(), values.as_array().unwrap().len(), "{key}");
            for (i, tick) in axis.ticks.iter().enumerate() {
                match &tick.value {
                    Value::Number(v) => close(key, *v, &values[i]),
                    Value::Level(l) => assert_eq!(l, values[i].as_str().unwrap()),
                }
                close(key, tick.points, &points[i]);
            }
        }
        let totals = theirs["total_points"]["x"].as_array().unwrap();
        assert_eq!(nomogram.total.ticks.len(), totals.len());
        nomogram.total.ticks.iter().zip(totals).for_each(|(a, b)| close("total", *a, b));
        let marks = theirs["risk"]["total_points"].as_array().unwrap();
        assert_eq!(nomogram.risk.ticks.len(), marks.len());
        for (tick, mark) in nomogram.risk.ticks.iter().zip(marks) {
            assert!((tick.total_points / mark.as_f64().unwrap() - 1.0).abs() < 1e-6, "risk {}", tick.value);
        }
    }
}

/// Risk = logistic(−2 + x + 2·[g = b]), x in 0…4.
fn known() -> LinearModel {
    let number = CovariateKind::Number { low: 0.3, high: 3.9, distinct: None };
    let levels = CovariateKind::Levels(vec!["a".to_owned(), "b".to_owned()]);
    let predictor =
        |name: &str, kind, coef| Predictor { covariate: Covariate { name: name.to_owned(), kind }, coef };
    LinearModel {
        intercept: -2.0,
        predictors: vec![predictor("x", number, vec![1.0]), predictor("g", levels, vec![2.0])],
        vcov: vec![vec![0.04, 0.0, 0.0], vec![0.0, 0.01, 0.0], vec![0.0, 0.0, 0.09]],
        log_odds_range: [-1.7, 3.9],
    }
}

fn patient(x: f64, g: &str) -> Vec<(String, Value)> {
    vec![("x".to_owned(), Value::Number(x)), ("g".to_owned(), Value::Level(g.to_owned()))]
}

#[test]
fn a_patient_gets_the_points_risk_and_interval_worked_out_by_hand() {
    let model = known();
    let p = model.place(&patient(3.0, "b")).unwrap();
    // The x axis runs from 0 to 4 and has 100 points: 25 a unit; b is worth 2 units.
    let expected = [("x".to_owned(), 75.0), ("g".to_owned(), 50.0)];
    assert!(
        p.points.iter().zip(&expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9),
        "{:?}",
        p.points
    );
    assert!((p.total - 125.0).abs() < 1e-9 && (p.risk - logistic(3.0)).abs() < 1e-12);
    let se = (0.04f64 + 9.0 * 0.01 + 0.09).sqrt();
    let [low, high] = p.risk_interval.unwrap();
    assert!(
        (low - logistic(3.0 - 1.959964 * se)).abs() < 1e-6
            && (high - logistic(3.0 + 1.959964 * se)).abs() < 1e-6
    );
    assert!((model.risk_at(p.total) - p.risk).abs() < 1e-12);
}

#[test]
fn values_outside_the_axis_are_computed_on_and_said() {
    let model = known();
    let far = model.place(&patient(10.0, "a")).unwrap();
    assert!((far.points[0].1 - 250.0).abs() < 1e-9);
    assert_eq!(
        model.outside(&patient(10.0, "a")),
        ["x = 10 lies outside the patients the nomogram was fitted on (0.3 to 3.9)"]
    );
    assert!(model.outside(&patient(1.0, "a")).is_empty());
}

#[test]
fn what_cannot_be_placed_is_said() {
    let refusal = |values: &[(String, Value)]| known().place(values).unwrap_err().to_string();
    assert_eq!(refusal(&patient(1.0, "c")), "'g' must be one of a, b");
    assert_eq!(refusal(&patient(f64::NAN, "a")), "'x' needs a number");
    assert_eq!(refusal(&patient(1.0, "a")[..1]), "the nomogram needs a value of 'g'");
    let extra = [patient(1.0, "a"), vec![("h".to_owned(), Value::Number(1.0))]].concat();
    assert_eq!(refusal(&extra), "'h' is no predictor; the predictors are x, g");
}

fn cohort_model() -> Option<NomogramModel> {
    let table = Table::read(&shared("cohort")?.join("nomogram_test.csv")).unwrap();
    Some(train(&table).unwrap())
}

#[test]
fn the_studys_model_places_its_own_patients_and_keeps_their_groups() {
    let Some(model) = cohort_model() else { return };
    assert_eq!((model.card().trained_on.patients, model.card().trained_on.events), (185, 49));
    assert_eq!(model.card().dropped_rows.len(), 1);
    println!("{:?}", model.cutoff());
    assert!(model.cutoff().how.contains("of 185 patients in the risk groups that nomogram_test.csv gives"));
    assert!((model.model().risk_at(model.cutoff_points()) - model.cutoff().risk).abs() < 1e-12);
    let record = Record {
        values: [("ki67", 20.0), ("histology", 0.0), ("pmi_t4", 15.0)].into(),
        ..Default::default()
    };
    let values = model.values_from(&record, -0.2).unwrap();
    assert_eq!(values[0].1, Value::Level("≥20%".to_owned()));
    assert_eq!(values[1].1, Value::Level("Others".to_owned()));
    let high = model.place(&values).unwrap();
    assert!(model.high_risk(&high) && high.risk > 0.9, "{high:?}");
    let [low, up] = high.risk_interval.unwrap();
    assert!(low < high.risk && high.risk < up && up < 1.0);
    let drawn: f64 = high.points.iter().map(|(_, p)| p).sum();
    assert!((drawn - high.total).abs() < 1e-9);
}

#[test]
fn missing_inputs_are_named() {
    let Some(model) = cohort_model() else { return };
    let record = Record { values: [("histology", 7.0), ("pmi_t4", 15.0)].into(), ..Default::default() };
    let missing = model.values_from(&record, f64::NEG_INFINITY).unwrap_err();
    assert_eq!(
        missing,
        ["Ki-67", "Histologic type (code 7 has no level)", "Fused log-probability of metastasis"]
    );
}

/// A small table in the study's form; `group` and Ki-67 in percent if asked for.
fn small(with_groups: bool) -> Table {
    let mut text = format!(
        "id,ki67,Histologic type,PMI/T4,fusion,metastasis{}\n",
        if with_groups { ",group" } else { "" }
    );
    for i in 0..80 {
        let noise = ((f64::from(i) * 12.9898).sin() * 43758.5453).fract().abs();
        let event = noise + 0.005 * f64::from(i) > 0.7;
        let fused = -3.0
            + 2.5 * ((f64::from(i) * 78.233).sin() * 9631.7).fract().abs()
            + if event { 0.4 } else { 0.0 };
        let group = if with_groups { format!(",{}", u8::from(i % 2 == 0)) } else { String::new() };
        let histology = if i % 3 == 0 { "Others" } else { "Ductal" };
        text += &format!(
            "{i},{},{histology},{},{fused},{}{group}\n",
            (i * 7) % 90,
            8 + (i * 5) % 40,
            u8::from(event)
        );
    }
    Table::from_bytes(Path::new("small.csv"), text.as_bytes()).unwrap()
}

#[test]
fn without_usable_groups_the_cutoff_is_youdens() {
    for with_groups in [false, true] {
        let model = train(&small(with_groups)).unwrap();
        assert!(model.cutoff().how.starts_with("largest Youden index"), "{}", model.cutoff().how);
    }
}

#[test]
fn a_nomogram_file_survives_and_a_broken_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nomogram.json");
    let model = train(&small(false)).unwrap();
    let whole = model.to_json().unwrap();
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(NomogramModel::load(&path).unwrap(), model);
    let text = String::from_utf8(whole).unwrap();
    for (broken, says) in [
        (text[..text.len() / 3].to_owned(), "not a whole nomogram"),
        (text.replace("thoracast nomogram", "another thing"), "this is 'another thing' version 1"),
        (text.replacen("\"coef\": [", "\"coef\": [1.0, ", 1), "damaged"),
        ("[]".to_owned(), "not a whole nomogram"),
    ] {
        std::fs::write(&path, broken).unwrap();
        let message = NomogramModel::load(&path).unwrap_err().to_string();
        assert!(message.contains("nomogram.json: ") && message.contains(says), "{message}");
    }
}

#[test]
fn tables_that_are_not_the_studys_are_refused() {
    let refusal = |text: &str| {
        train(&Table::from_bytes(Path::new("n.csv"), text.as_bytes()).unwrap()).unwrap_err().to_string()
    };
    let header = "ki67,Histologic type,PMI/T4,fusion,metastasis\n";
    assert!(refusal("ki67,metastasis\n1,0\n").contains("there is no column 'histology'"));
    let ki67 = refusal(&format!("{header}<30%,Ductal,10,-1,0\n"));
    assert!(ki67.starts_with("n.csv, row 2, column 'ki67': '<30%' is not understood"), "{ki67}");
    assert!(refusal(&format!("{header}5,Mucinous,10,-1,0\n")).contains("'Mucinous' is not understood"));
    assert!(refusal(&format!("{header}5,Ductal,10,0.4,0\n")).contains("'0.4' is not a log-probability"));
}
