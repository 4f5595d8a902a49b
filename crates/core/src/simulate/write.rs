//! The simulated cohort as tables.

use std::fmt::Write as _;
use std::path::Path;

use super::draw::{Population, SimulatedPatient, rounded_fused, rounded_pmi};
use crate::clinical::{Kind, VARIABLES};
use thoracast_files::{FileError, write_atomic};

/// Names of the splits as folders and files have them.
pub(super) const SPLITS: [&str; 3] = ["train", "valid", "test"];

pub(super) fn tables(population: &Population, folder: &Path) -> Result<(), FileError> {
    for (split, name) in SPLITS.iter().enumerate() {
        let patients: Vec<&SimulatedPatient> =
            population.patients.iter().filter(|p| p.split == split).collect();
        let write = |file: &str, text: String| {
            write_atomic(&folder.join(format!("{file}_{name}.csv")), text.as_bytes())
        };
        write("clinical", clinical(&patients))?;
        write("nomogram", nomogram(&patients))?;
        if *name == "test" {
            write_atomic(&folder.join("published_test_predictions.csv"), predictions(&patients).as_bytes())?;
        }
    }
    Ok(())
}

fn flag(yes: bool) -> u8 {
    u8::from(yes)
}

pub(super) fn clinical(patients: &[&SimulatedPatient]) -> String {
    let mut text = "ID".to_owned();
    for variable in VARIABLES {
        let _ = write!(text, ",{}", variable.column);
    }
    text.push_str(",metastasis\n");
    for patient in patients {
        text.push_str(&patient.id);
        for variable in VARIABLES {
            let decimals = match variable.kind {
                Kind::Number { decimals, .. } => decimals,
                Kind::Code(_) => 0,
            };
            let _ = write!(text, ",{:.decimals$}", patient.values[variable.key]);
        }
        let _ = writeln!(text, ",{}", flag(patient.metastasis));
    }
    text
}

pub(super) fn nomogram(patients: &[&SimulatedPatient]) -> String {
    let mut text =
        "ID,ki67,Histologic type,PMI/T4,late_fusion_probability,OS,DMFS,metastasis,dead\n".to_owned();
    for p in patients {
        let ki67 = if p.ki67_high() { "≥20%" } else { "<20%" };
        let histology = if p.values["histology"] > 0.5 { "Ductal" } else { "Others" };
        let _ = writeln!(
            text,
            "{},{ki67},{histology},{:.2},{:.4},{:.0},{:.0},{},{}",
            p.id,
            rounded_pmi(p),
            rounded_fused(p),
            p.os_days,
            p.dmfs_days,
            flag(p.metastasis),
            flag(p.dead)
        );
    }
    text
}

fn predictions(patients: &[&SimulatedPatient]) -> String {
    let mut text =
        "num,metastasis,t4_logp0,t4_logp1,t11_logp0,t11_logp1,fused_logp0,fused_logp1\n".to_owned();
    for p in patients {
        let _ = write!(text, "{},{}", p.id, flag(p.metastasis));
        for branch in [p.t4, p.t11, p.fused] {
            let _ = write!(text, ",{},{}", branch.0[0], branch.0[1]);
        }
        text.push('\n');
    }
    text
}
