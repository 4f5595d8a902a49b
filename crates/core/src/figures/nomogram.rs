//! A nomogram and a patient on it as the chart's values.

use thoracast_chart::nomogram as drawn;
use thoracast_chart::text::number;

use crate::clinical::{VARIABLES, Variable};
use crate::stats::nomogram::{Axis, Cohort, Nomogram, PatientPoints, Value};

/// What a person reads at an axis: the study's label and unit where the name is a variable of the study.
pub fn axis_label(name: &str) -> (String, &'static str) {
    if let Some(variable) = study_variable(name) {
        return (variable.label.to_owned(), variable.unit);
    }
    let words = name.replace(['_', '.'], " ");
    if is_fusion(name) {
        return ("Image fusion, log-probability".to_owned(), "");
    }
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    (first + letters.as_str(), "")
}

/// The fused log-probability is named differently by tables and model files, always with "fusion" or "fused".
fn is_fusion(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("fusion") || name.contains("fused")
}

/// By key, column header or label, however punctuated; or by the first word of a key ("pmi" for `pmi_t4`).
fn study_variable(name: &str) -> Option<&'static Variable> {
    let plain = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let wanted = plain(name);
    let same = |v: &&Variable| [v.key, v.column, v.label].iter().any(|n| plain(n) == wanted);
    let begins = |v: &&Variable| wanted.len() >= 3 && v.key.split('_').next() == Some(wanted.as_str());
    VARIABLES.iter().find(same).or_else(|| VARIABLES.iter().find(begins))
}

/// The axes, named for a person.
pub fn axes(nomogram: &Nomogram) -> drawn::Nomogram {
    let tick =
        |t: &crate::stats::nomogram::Tick| drawn::Tick { value: drawn_value(&t.value), points: t.points };
    let axis = |axis: &Axis| {
        let (label, unit) = axis_label(&axis.name);
        let ticks = axis.ticks.iter().map(tick).collect();
        drawn::Axis { name: axis.name.clone(), label, unit: unit.to_owned(), ticks }
    };
    let risk = nomogram.risk.ticks.iter();
    drawn::Nomogram {
        axes: nomogram.axes.iter().map(axis).collect(),
        total: nomogram.total.ticks.clone(),
        risk: risk.map(|t| drawn::RiskTick { value: t.value, total_points: t.total_points }).collect(),
    }
}

/// A patient's places on the axes, each value written with its unit.
pub fn person(patient: &PatientPoints) -> drawn::Person {
    let place = |(axis, points): &(String, f64)| {
        let value = patient.values.iter().find(|(name, _)| name == axis);
        let value = value.map(|(name, value)| (drawn_value(value), value_words(name, value)));
        drawn::Place { axis: axis.clone(), points: *points, value }
    };
    drawn::Person {
        places: patient.points.iter().map(place).collect(),
        total: patient.total,
        risk: patient.risk,
        risk_interval: patient.risk_interval,
    }
}

/// The patients a model was fitted on.
pub fn cohort(cohort: &Cohort) -> drawn::Cohort {
    let Cohort { outcome, points, totals } = cohort.clone();
    drawn::Cohort { outcome, points, totals }
}

/// A nomogram with a patient and the cut between low and high risk, where these are known.
pub fn content(
    nomogram: &Nomogram,
    patient: Option<&PatientPoints>,
    cutoff_points: Option<f64>,
) -> drawn::Content {
    drawn::Content { person: patient.map(person), cutoff_points, ..drawn::Content::of(axes(nomogram)) }
}

/// The model's value at a place of a chart's axis.
pub fn model_value(value: drawn::Value) -> Value {
    match value {
        drawn::Value::Number(number) => Value::Number(number),
        drawn::Value::Level(level) => Value::Level(level),
    }
}

fn drawn_value(value: &Value) -> drawn::Value {
    match value {
        Value::Number(number) => drawn::Value::Number(*number),
        Value::Level(level) => drawn::Value::Level(level.clone()),
    }
}

/// A log-probability is written with its probability, a number with its unit.
fn value_words(axis: &str, value: &Value) -> String {
    let value = match value {
        Value::Level(level) => return level.clone(),
        Value::Number(value) => *value,
    };
    if is_fusion(axis) && value <= 0.0 {
        return format!("{} (p = {})", number(value, 2), number(value.exp(), 3));
    }
    match axis_label(axis).1 {
        "" => number(value, 3),
        unit => format!("{} {unit}", number(value, 3)),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::stats::nomogram::{RiskAxis, RiskTick, Tick, TotalAxis};

    fn numbers(name: &str, values: &[f64], points: impl Fn(f64) -> f64) -> Axis {
        let tick = |&v: &f64| Tick { value: Value::Number(v), points: points(v) };
        Axis { name: name.to_owned(), ticks: values.iter().map(tick).collect() }
    }

    fn levels(name: &str, levels: &[(&str, f64)]) -> Axis {
        let tick = |(level, points): &(&str, f64)| Tick {
            value: Value::Level((*level).to_owned()),
            points: *points,
        };
        Axis { name: name.to_owned(), ticks: levels.iter().map(tick).collect() }
    }

    /// A made-up logistic nomogram: logit(risk) = (total − 140) / 12.
    pub fn sample() -> (Nomogram, PatientPoints) {
        let pmi: Vec<f64> = (0..=15).map(|i| 5.0 * f64::from(i)).collect();
        let fusion: Vec<f64> = (0..=12).map(|i| -6.0 + 0.5 * f64::from(i)).collect();
        let at =
            |risk: f64| RiskTick { value: risk, total_points: 140.0 + 12.0 * (risk / (1.0 - risk)).ln() };
        let nomogram = Nomogram {
            axes: vec![
                levels("ki67", &[("<20%", 0.0), ("≥20%", 12.7)]),
                levels("Histologic.type", &[("Ductal", 0.0), ("Others", 14.4)]),
                numbers("PMI.T4", &pmi, |v| 79.3 * (75.0 - v) / 75.0),
                numbers("late_fusion_probability", &fusion, |v| 100.0 * (v + 6.0) / 6.0),
            ],
            total: TotalAxis { ticks: (0..=12).map(|i| 20.0 * f64::from(i)).collect() },
            risk: RiskAxis { ticks: [0.01, 0.1, 0.5, 0.9, 0.99].map(at).to_vec() },
        };
        let value = |n: &str, v: Value| (n.to_owned(), v);
        let points =
            [("ki67", 12.7), ("Histologic.type", 0.0), ("PMI.T4", 63.4), ("late_fusion_probability", 75.0)];
        let total: f64 = points.iter().map(|p| p.1).sum();
        let risk = 1.0 / (1.0 + (-(total - 140.0) / 12.0_f64).exp());
        let patient = PatientPoints {
            points: points.map(|(n, p)| (n.to_owned(), p)).to_vec(),
            values: vec![
                value("ki67", Value::Level("≥20%".into())),
                value("Histologic.type", Value::Level("Ductal".into())),
                value("PMI.T4", Value::Number(15.04)),
                value("late_fusion_probability", Value::Number(-1.5)),
            ],
            total,
            risk,
            risk_interval: Some([0.45, 0.93]),
        };
        (nomogram, patient)
    }

    #[test]
    fn a_patient_stands_on_the_axes_with_values_in_words() {
        let (nomogram, patient) = sample();
        let content = content(&nomogram, Some(&patient), Some(131.6));
        let words: Vec<String> =
            content.person.as_ref().unwrap().places.iter().map(|p| p.value.clone().unwrap().1).collect();
        assert_eq!(words, ["≥20%", "Ductal", "15.04 cm²/m²", "−1.5 (p = 0.223)"]);
        thoracast_chart::check::assert_sound(&drawn::draw(&content, 760.0));
    }

    #[test]
    fn names_become_words() {
        assert_eq!(axis_label("PMI.T4"), ("PMI at T4".to_owned(), "cm²/m²"));
        assert_eq!(axis_label("pmi_t4").0, "PMI at T4");
        assert_eq!(axis_label("tumour_grade").0, "Tumour grade");
        assert!(axis_label("late_fusion_probability").0.contains("log-probability"));
    }
}
