//! What a person's columns can become: our columns with their units, codes and usual sizes.

use super::columns;
use crate::study::{Kind, VARIABLES, variable};

/// One of our columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    pub key: &'static str,
    /// What a person reads.
    pub label: &'static str,
    /// Empty where there is none.
    pub unit: &'static str,
    pub what: What,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// The patients' names.
    Id,
    /// Values outside `low..high` are impossible; medians of cohorts lie in `usual`.
    Number { low: f64, high: f64, usual: [f64; 2] },
    /// Codes and their words.
    Code(&'static [(i64, &'static str)]),
    /// Taken as it is.
    Any,
}

const NO_YES: &[(i64, &str)] = &[(0, "No"), (1, "Yes")];

/// Days of a long life.
const LONGEST_DAYS: f64 = 40_000.0;

/// Where the median of a cohort of breast cancer lies, generously: outside, the unit is doubtful.
const USUAL: [(&str, [f64; 2]); 9] = [
    ("age", [25.0, 85.0]),
    ("tumor_size", [0.4, 9.0]),
    ("bmi", [16.0, 45.0]),
    ("cea", [0.2, 60.0]),
    ("pma_t4", [8.0, 100.0]),
    ("pmi_t4", [3.0, 60.0]),
    ("ki67", [2.0, 90.0]),
    ("vfa_t11", [5.0, 350.0]),
    ("os_days", [90.0, 7500.0]),
];

/// All targets in the order of the dialog: ID, outcome, the study's variables, survival, and the rest.
pub fn all() -> Vec<Target> {
    let first = ["id", "metastasis"];
    let variables = VARIABLES.iter().map(|v| v.key);
    let listed: Vec<&'static str> = first.into_iter().chain(variables).collect();
    let rest = columns::keys().filter(|key| !listed.contains(key));
    listed.iter().copied().chain(rest).map(of).collect()
}

fn of(key: &'static str) -> Target {
    let (label, unit, what) = match key {
        "id" => ("Patient ID", "", What::Id),
        "metastasis" => ("Distant metastasis (outcome)", "", What::Code(NO_YES)),
        "os_days" => ("Overall survival", "days", days()),
        "dmfs_days" => ("Metastasis-free survival", "days", days()),
        "dead" => ("Died", "", What::Code(NO_YES)),
        "fused_log_prob" => ("Fused log-probability", "", What::Any),
        "total_points" => ("Total points", "", What::Any),
        "risk_group" => ("Risk group", "", What::Any),
        key => match variable(key) {
            Some(v) => (v.label, v.unit, of_variable(key, v.kind)),
            None => (key, "", What::Any),
        },
    };
    Target { key, label, unit, what }
}

fn days() -> What {
    What::Number { low: 0.0, high: LONGEST_DAYS, usual: usual("os_days").unwrap_or([0.0, LONGEST_DAYS]) }
}

fn usual(key: &str) -> Option<[f64; 2]> {
    USUAL.iter().find(|(k, _)| *k == key).map(|(_, range)| *range)
}

fn of_variable(key: &str, kind: Kind) -> What {
    match kind {
        Kind::Number { low, high, .. } => {
            What::Number { low, high, usual: usual(key).unwrap_or([low, high]) }
        }
        Kind::Code(codes) => What::Code(codes),
    }
}

/// Units in which others keep a column, and what makes ours of them; ours first.
pub fn units(target: &Target) -> Vec<(&'static str, f64)> {
    let others: &[(&str, f64)] = match target.unit {
        "cm" => &[("mm", 0.1), ("m", 100.0), ("in", 2.54)],
        "cm²" => &[("mm²", 0.01), ("m²", 10_000.0)],
        "cm²/m²" => &[("mm²/m²", 0.01)],
        "years" => &[("months", 1.0 / 12.0), ("days", 1.0 / 365.25)],
        "ng/mL" => &[("µg/L", 1.0), ("pg/mL", 0.001)],
        "%" => &[("share 0–1", 100.0)],
        "days" => &[("weeks", 7.0), ("months", 30.4375), ("years", 365.25)],
        _ => &[],
    };
    std::iter::once((target.unit, 1.0)).chain(others.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_a_target_once_and_has_its_own_unit_first() {
        let targets = all();
        let mut keys: Vec<&str> = targets.iter().map(|t| t.key).collect();
        assert_eq!(keys[..3], ["id", "metastasis", "age"]);
        keys.sort();
        let mut known: Vec<&str> = columns::keys().collect();
        known.sort();
        assert_eq!(keys, known);
        assert!(targets.iter().all(|t| units(t)[0] == (t.unit, 1.0)));
        for target in &targets {
            if let What::Number { low, high, usual } = target.what {
                assert!(low <= usual[0] && usual[1] <= high && usual[0] < usual[1], "{}", target.key);
            }
        }
    }
}
