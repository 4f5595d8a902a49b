use std::path::Path;

use super::*;
use crate::cohort::Table;
use crate::stats::kaplan_meier::FollowUp;
use crate::stats::{cox, logistic};
use thoracast_files::progress::Silent;

fn settings(patients: usize, seed: u64) -> Settings {
    Settings { patients, seed, slices: false }
}

/// The design of the outcome's model, as `stats` would make it from the table.
fn rows(population: &Population) -> Vec<Vec<f64>> {
    let row = |p: &SimulatedPatient| {
        vec![
            f64::from(u8::from(p.ki67_high())),
            1.0 - p.values["histology"],
            draw::rounded_pmi(p),
            draw::rounded_fused(p),
        ]
    };
    population.patients.iter().map(row).collect()
}

#[test]
fn the_same_seed_gives_the_same_folder_and_another_seed_others() {
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        let truth = write(&settings(60, seed), &at(name), &Silent).unwrap();
        assert!(truth.simulated && is_simulated(&at(name)) && truth.patients == 60);
    }
    let file = |name: &str, file: &str| std::fs::read(at(name).join(file)).unwrap();
    for table in ["clinical_train.csv", "nomogram_test.csv", "published_test_predictions.csv", TRUTH_FILE] {
        assert_eq!(file("a", table), file("b", table), "{table}");
    }
    assert_ne!(file("a", "clinical_train.csv"), file("c", "clinical_train.csv"));
    let sizes = ["clinical_train.csv", "clinical_valid.csv", "clinical_test.csv"]
        .map(|name| Table::read(&at("a").join(name)).unwrap().rows.len());
    assert_eq!(sizes, [25, 8, 27]);
}

#[test]
fn a_folder_with_other_things_and_odd_sizes_are_refused_in_a_sentence() {
    let temporary = tempfile::tempdir().unwrap();
    std::fs::write(temporary.path().join("notes.txt"), "mine").unwrap();
    let error = write(&settings(60, 1), temporary.path(), &Silent).unwrap_err().to_string();
    assert!(error.contains("is not empty") && error.contains("simulated cohort"), "{error}");
    assert!(temporary.path().join("notes.txt").exists());
    let error = write(&settings(3, 1), Path::new("nowhere"), &Silent).unwrap_err().to_string();
    assert!(error.contains("20 to"), "{error}");
}

#[test]
fn records_of_simulated_patients_are_possible_and_times_are_in_order() {
    let population = draw(2000, 7, None);
    for p in &population.patients {
        for variable in crate::clinical::VARIABLES {
            let text = format!("{}", p.values[variable.key]);
            crate::clinical::validate(variable, &text).unwrap();
        }
        assert!(p.dmfs_days >= 1.0 && p.dmfs_days <= p.os_days);
        assert!(p.metastasis || p.dmfs_days == p.os_days);
        assert!(p.values["pmi_t4"] < p.values["pma_t4"]);
    }
    let share = population.truth.events as f64 / 2000.0;
    assert!((share - 0.29).abs() < 0.04, "{share}");
}

/// 95 % intervals of a fit must hold the coefficients that made the data in about 95 of 100 cohorts.
#[test]
fn intervals_cover_the_true_coefficients_as_often_as_they_say() {
    const COHORTS: u64 = 150;
    let names = ["ki67=≥20%", "Histologic type=Others", "PMI/T4", "late_fusion_probability"];
    let columns: Vec<String> = names.iter().map(|n| n.to_string()).collect();
    let mut covered = [0; 4];
    for seed in 0..COHORTS {
        let population = draw(400, seed, None);
        let outcome: Vec<bool> = population.patients.iter().map(|p| p.metastasis).collect();
        let fit = logistic::fit(&rows(&population), &outcome, &columns, Default::default()).unwrap();
        for (i, term) in fit.table().iter().skip(1).enumerate() {
            let off = (term.coef - population.truth.metastasis[names[i]]) / term.se;
            covered[i] += u64::from(off.abs() < 1.96);
        }
    }
    for (name, covered) in names.iter().zip(covered) {
        // Three standard errors of a binomial with 150 cohorts are 5 %.
        let share = covered as f64 / COHORTS as f64;
        assert!((0.90..=0.995).contains(&share), "{name}: {share}");
    }
}

#[test]
fn cox_regression_finds_the_hazards_of_death() {
    let population = draw(6000, 3, None);
    let patients = &population.patients;
    let rows: Vec<Vec<f64>> = patients
        .iter()
        .map(|p| {
            vec![f64::from(u8::from(p.metastasis)), f64::from(u8::from(p.ki67_high())), draw::rounded_pmi(p)]
        })
        .collect();
    let names = ["metastasis", "ki67=≥20%", "PMI/T4"].map(str::to_owned);
    let follow_up: Vec<FollowUp> =
        patients.iter().map(|p| FollowUp { time: p.os_days, event: p.dead }).collect();
    let covariates = names.clone().map(|name| (name, 1));
    let fit = cox::fit(&rows, &follow_up, &names, &covariates, cox::Ties::Efron).unwrap();
    for (term, coef, se) in fit.table().into_iter().map(|t| (t.term, t.coef, t.se)) {
        let off = (coef - population.truth.death[&term]) / se;
        assert!(off.abs() < 3.5, "{term}: {coef} ± {se}");
    }
}

#[test]
fn pictures_belong_to_their_patients() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("with slices");
    // Full phantoms are slow in tests: the fewest patients.
    let truth = write(&Settings { patients: FEWEST, seed: 4, slices: true }, &folder, &Silent).unwrap();
    let mut events = 0;
    for split in ["train", "valid", "test"] {
        for class in ["0", "1"] {
            let Ok(files) = std::fs::read_dir(folder.join("images/T4").join(split).join(class)) else {
                continue;
            };
            for file in files {
                events += usize::from(class == "1");
                let path = file.unwrap().path();
                let t11 = folder.join("images/T11").join(split).join(class).join(path.file_name().unwrap());
                assert!(t11.exists(), "{}", t11.display());
                crate::slice::read_picture(&path, &crate::slice::Recipe::t4()).unwrap();
                crate::slice::read_picture(&t11, &crate::slice::Recipe::t11()).unwrap();
            }
        }
    }
    assert_eq!(events, truth.events);
}
