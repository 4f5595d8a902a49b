//! Layout of made-up nomograms at many widths.

use super::*;
use crate::{Mark, check};

fn numbers(name: &str, values: &[f64], points: impl Fn(f64) -> f64) -> Axis {
    let tick = |&v: &f64| Tick { value: Value::Number(v), points: points(v) };
    axis(name, values.iter().map(tick).collect())
}

fn levels(name: &str, levels: &[(&str, f64)]) -> Axis {
    let tick =
        |(level, points): &(&str, f64)| Tick { value: Value::Level((*level).to_owned()), points: *points };
    axis(name, levels.iter().map(tick).collect())
}

fn axis(name: &str, ticks: Vec<Tick>) -> Axis {
    let (label, unit) = match name {
        "PMI.T4" | "pmi" => ("PMI at T4", "cm²/m²"),
        "Histologic.type" | "histology" => ("Histologic type", ""),
        "ki67" => ("Ki-67", "%"),
        "late_fusion_probability" | "fusion" => ("Image fusion, log-probability", ""),
        other => (other, ""),
    };
    Axis { name: name.to_owned(), label: label.to_owned(), unit: unit.to_owned(), ticks }
}

/// A made-up logistic nomogram: logit(risk) = (total − 140) / 12.
pub fn sample() -> (Nomogram, Person) {
    let pmi: Vec<f64> = (0..=15).map(|i| 5.0 * f64::from(i)).collect();
    let fusion: Vec<f64> = (0..=12).map(|i| -6.0 + 0.5 * f64::from(i)).collect();
    let at = |risk: f64| RiskTick { value: risk, total_points: 140.0 + 12.0 * (risk / (1.0 - risk)).ln() };
    let nomogram = Nomogram {
        axes: vec![
            levels("ki67", &[("<20%", 0.0), ("≥20%", 12.7)]),
            levels("Histologic.type", &[("Ductal", 0.0), ("Others", 14.4)]),
            numbers("PMI.T4", &pmi, |v| 79.3 * (75.0 - v) / 75.0),
            numbers("late_fusion_probability", &fusion, |v| 100.0 * (v + 6.0) / 6.0),
        ],
        total: (0..=12).map(|i| 20.0 * f64::from(i)).collect(),
        risk: [0.01, 0.1, 0.5, 0.9, 0.99].map(at).to_vec(),
    };
    let place = |axis: &str, points, value: Value, words: &str| Place {
        axis: axis.to_owned(),
        points,
        value: Some((value, words.to_owned())),
    };
    let places = vec![
        place("ki67", 12.7, Value::Level("≥20%".into()), "≥20%"),
        place("Histologic.type", 0.0, Value::Level("Ductal".into()), "Ductal"),
        place("PMI.T4", 63.4, Value::Number(15.04), "15.04 cm²/m²"),
        place("late_fusion_probability", 75.0, Value::Number(-1.5), "-1.5 (p = 0.223)"),
    ];
    let total: f64 = places.iter().map(|p| p.points).sum();
    let risk = 1.0 / (1.0 + (-(total - 140.0) / 12.0_f64).exp());
    let patient = Person { places, total, risk, risk_interval: Some([0.45, 0.93]) };
    (nomogram, patient)
}

fn drawn(nomogram: &Nomogram, person: Option<&Person>, cutoff_points: Option<f64>, width: f32) -> Chart {
    draw(&content(nomogram, person, cutoff_points), width)
}

fn content(nomogram: &Nomogram, person: Option<&Person>, cutoff_points: Option<f64>) -> Content {
    Content { person: person.cloned(), cutoff_points, ..Content::of(nomogram.clone()) }
}

#[test]
fn the_cohort_stands_on_the_axes_and_every_patient_is_counted() {
    let (nomogram, patient) = sample();
    let n = 200;
    let spread = |i: usize, most: f64| most * (i as f64 / n as f64).powi(2);
    let cohort = Cohort {
        outcome: (0..n).map(|i| i % 4 == 0).collect(),
        points: vec![
            ("ki67".to_owned(), (0..n).map(|i| if i % 3 == 0 { 0.0 } else { 12.7 }).collect()),
            ("PMI.T4".to_owned(), (0..n).map(|i| spread(i, 79.0)).collect()),
            ("late_fusion_probability".to_owned(), (0..n).map(|i| spread(i, 100.0)).collect()),
        ],
        totals: (0..n).map(|i| spread(i, 190.0)).collect(),
    };
    let content = |person: Option<&Person>, cutoff_points| Content {
        cohort: Some(cohort.clone()),
        source: "simulated cohort · 200 patients, 50 events".to_owned(),
        ..content(&nomogram, person, cutoff_points)
    };
    for width in [380.0, 760.0, 1100.0] {
        for cutoff in [None, Some(131.6)] {
            check::assert_sound(&draw(&content(Some(&patient), cutoff), width));
        }
    }
    let chart = draw(&content(Some(&patient), Some(131.6)), 900.0);
    let bare = drawn(&nomogram, Some(&patient), Some(131.6), 900.0);
    let bars = |c: &Chart| c.marks.iter().filter(|m| matches!(m, Mark::Rect { .. })).count();
    // Ki-67's two levels alone have two bars of two parts.
    assert!(bars(&chart) > bars(&bare) + 4);
    check::look(&chart, "nomogram-cohort");
    // The markers stay on their axes.
    let handles = handles(&content(Some(&patient), Some(131.6)), 900.0);
    assert_eq!(handles.len(), nomogram.axes.len());
    assert!(handles.windows(2).all(|p| p[0].y < p[1].y));
}

#[test]
fn nothing_is_cut_or_covered_at_any_width() {
    let (nomogram, patient) = sample();
    for width in [380.0, 515.0, 760.0, 1100.0] {
        for patient in [None, Some(&patient)] {
            for cutoff in [None, Some(131.6), Some(0.0), Some(239.0)] {
                let chart = drawn(&nomogram, patient, cutoff, width);
                check::assert_sound(&chart);
            }
        }
    }
    check::look(&drawn(&nomogram, Some(&patient), Some(131.6), 900.0), "nomogram");
    check::look(&drawn(&nomogram, None, None, 515.0), "nomogram-plain");
}

#[test]
fn markers_stand_at_the_patients_points() {
    let (nomogram, patient) = sample();
    let all = content(&nomogram, Some(&patient), None);
    let layout = Layout::new(&all, 900.0);
    let wanted: Vec<f32> = patient
        .places
        .iter()
        .map(|place| layout.points.at(place.points))
        .chain([layout.total.at(patient.total), layout.total.at(patient.total)])
        .collect();
    let chart = drawn(&nomogram, Some(&patient), None, 900.0);
    let rings: Vec<f32> = chart
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Circle { centre, stroke: Some(_), .. } => Some(centre[0]),
            _ => None,
        })
        .collect();
    assert_eq!(rings, wanted);
}

#[test]
fn crowded_levels_take_more_lanes() {
    let (mut nomogram, _) = sample();
    let names: Vec<(String, f64)> =
        (0..6).map(|i| (format!("Molecular subtype number {i}"), 3.0 * f64::from(i))).collect();
    let borrowed: Vec<(&str, f64)> = names.iter().map(|(n, p)| (n.as_str(), *p + 40.0)).collect();
    nomogram.axes.push(levels("subtype", &borrowed));
    let chart = drawn(&nomogram, None, None, 800.0);
    check::assert_sound(&chart);
    let shown = chart.texts().filter(|t| t.text.starts_with("Molecular subtype number")).count();
    assert_eq!(shown, 6);
    check::look(&chart, "nomogram-lanes");
}

#[test]
fn long_levels_at_the_ends_stay_clear_of_names_and_points() {
    let (mut nomogram, mut patient) = sample();
    let low = "Invasive carcinoma of no special type, well differentiated";
    nomogram.axes[1] = levels("Histologic.type", &[(low, 0.0), (&low.repeat(4), 100.0)]);
    patient.places[1].value = Some((Value::Level(low.to_owned()), low.to_owned()));
    for width in [380.0, 900.0] {
        check::assert_sound(&drawn(&nomogram, Some(&patient), Some(131.6), width));
    }
}

#[test]
fn a_patient_beyond_the_axes_is_held_at_their_ends_and_told() {
    let (nomogram, mut patient) = sample();
    patient.places[2].points = -31.0;
    patient.places[2].value = Some((Value::Number(104.0), "104 cm²/m²".to_owned()));
    patient.total = -56.0;
    let chart = drawn(&nomogram, Some(&patient), Some(131.6), 900.0);
    check::assert_sound(&chart);
    assert!(chart.texts().any(|t| t.text.contains("beyond")));
}

#[test]
fn an_empty_nomogram_is_drawn_without_panic() {
    let empty = Nomogram { axes: vec![axis("", vec![])], total: vec![], risk: vec![] };
    check::assert_sound(&drawn(&empty, None, Some(3.0), 500.0));
}

#[test]
fn risks_between_ticks_lie_on_the_logit_line() {
    let (nomogram, _) = sample();
    let total = total_points_at(&nomogram.risk, 0.3).unwrap();
    assert!((total - (140.0 + 12.0 * (0.3_f64 / 0.7).ln())).abs() < 1e-9);
    assert_eq!(total_points_at(&nomogram.risk, 1.0), None);
    assert_eq!(total_points_at(&[], 0.3), None);
}

/// The nomogram rms made of the study's cohort: named after `as_published` of the reference.
fn of_rms() -> Option<Nomogram> {
    let folder = thoracast_files::testing::shared("reference/r")?;
    let text = std::fs::read_to_string(folder.join("nomogram.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let from = &all["as_published"];
    let floats = |v: &serde_json::Value| -> Vec<f64> {
        v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let made = |name: &str| {
        let value = |v: &serde_json::Value| match v.as_f64() {
            Some(number) => Value::Number(number),
            None => Value::Level(v.as_str().unwrap().to_owned()),
        };
        let values = from[name]["values"].as_array().unwrap().iter().map(value);
        let ticks = values.zip(floats(&from[name]["points"]));
        axis(name, ticks.map(|(value, points)| Tick { value, points }).collect())
    };
    let risks: Vec<String> = serde_json::from_value(from["risk"]["at"].clone()).unwrap();
    let totals = floats(&from["risk"]["total_points"]);
    let risk =
        |(value, total_points): (&String, f64)| RiskTick { value: value.parse().unwrap(), total_points };
    Some(Nomogram {
        axes: ["ki67", "histology", "pmi", "fusion"].map(made).to_vec(),
        total: floats(&from["total_points"]["x"]),
        risk: risks.iter().zip(totals).map(risk).collect(),
    })
}

#[test]
fn the_nomogram_of_rms_is_drawn_and_its_risks_lie_on_one_logit_line() {
    let Some(nomogram) = of_rms() else { return };
    // rms finds its marks by interpolating a table, so they stray from the line by some 1e-4 points.
    for tick in &nomogram.risk {
        let total = total_points_at(&nomogram.risk, tick.value).unwrap();
        assert!((total - tick.total_points).abs() < 1e-3, "{}: {total} {}", tick.value, tick.total_points);
    }
    for width in [380.0, 515.0, 900.0, 1400.0] {
        let chart = drawn(&nomogram, None, Some(131.6), width);
        check::assert_sound(&chart);
        for wanted in ["PMI at T4", "Histologic type", "1 %", "99 %", "50 %"] {
            assert!(chart.texts().any(|t| t.text == wanted), "{wanted} at {width}");
        }
    }
    check::look(&drawn(&nomogram, None, Some(131.6), 900.0), "nomogram-rms");
}
