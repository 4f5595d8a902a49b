//! The open patient in the words of a data set.

use super::Model;
use crate::clinical::Record;
use crate::cohort::{columns, decode};
use crate::nomogram::train::{histology_level, ki67_level};
use crate::stats::design::CovariateKind;
use crate::stats::nomogram::Value;

/// The model's predictors that this patient has a value for; `fused_log_prob` is the fused log-probability of
/// metastasis, where it was computed. A level that the data set does not know is left out.
pub fn patient_values(model: &Model, record: &Record, fused_log_prob: Option<f64>) -> Vec<(String, Value)> {
    let value = |name: &str, kind: &CovariateKind| -> Option<Value> {
        let key = columns::key_of(name).or(match name {
            "Ki-67 group" => Some("ki67"),
            "Histology group" => Some("histology"),
            _ => None,
        })?;
        let number = match key {
            "fused_log_prob" => fused_log_prob?,
            key => *record.values.get(key)?,
        };
        match kind {
            CovariateKind::Number { .. } => Some(Value::Number(number)),
            CovariateKind::Levels(levels) => {
                let text = number.to_string();
                let group = match key {
                    "ki67" => ki67_level(&text, false),
                    "histology" => histology_level(&text),
                    _ => None,
                };
                let same = |level: &&String| {
                    group == Some(level.as_str()) || decode::number(level, false) == Some(number)
                };
                levels.iter().find(same).map(|level| Value::Level(level.clone()))
            }
        }
    };
    model.design.covariates.iter().filter_map(|c| Some((c.name.clone(), value(&c.name, &c.kind)?))).collect()
}
