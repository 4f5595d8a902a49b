use super::*;
use crate::stats::design::{self, DesignOptions};
use crate::tables::Table;
use crate::testing::shared;

/// Joins the two published test tables; R's names of the clinical columns against the tables' own.
const NAMES: [(&str, &str); 4] = [
    ("ki67", "ki67"),
    ("ductal", "Histologic type"),
    ("pmi", "PMI/T4"),
    ("fusion", "late_fusion_probability"),
];

fn published(names: &[&str], ties: Ties) -> Option<CoxFit> {
    let cohort = shared("cohort")?;
    let clinical = Table::read(&cohort.join("clinical_test.csv")).unwrap();
    let table = clinical.join(&Table::read(&cohort.join("nomogram_test.csv")).unwrap(), "id").unwrap();
    let names: Vec<String> = names.iter().map(|s| s.to_string()).collect();
    let (time, event) =
        (table.require("DMFS").unwrap(), table.header.iter().position(|h| h == "metastasis").unwrap());
    let design = design::build(&table, &names, &[time, event], &DesignOptions::default()).unwrap();
    let number = |r: usize, c: usize| table.number(r, c).unwrap().unwrap();
    let follow_up: Vec<FollowUp> = design
        .used
        .iter()
        .map(|r| FollowUp { time: number(*r, time), event: number(*r, event) == 1.0 })
        .collect();
    let groups: Vec<(String, usize)> =
        design.covariates.iter().map(|c| (c.name.clone(), c.width())).collect();
    Some(fit(&design.x, &follow_up, &design.columns, &groups, ties).unwrap())
}

fn compare(what: &str, fit: &CoxFit, theirs: &serde_json::Value) {
    let list = |key: &str| -> Vec<f64> {
        match &theirs[key] {
            serde_json::Value::Object(map) => map.values().map(|v| v.as_f64().unwrap()).collect(),
            serde_json::Value::Array(list) => list.iter().map(|v| v.as_f64().unwrap()).collect(),
            one => vec![one.as_f64().unwrap()],
        }
    };
    let close = |name: &str, ours: &[f64], theirs: &[f64], relative: f64| {
        assert_eq!(ours.len(), theirs.len(), "{what} {name}");
        for (a, b) in ours.iter().zip(theirs) {
            assert!(
                (a - b).abs() <= relative * b.abs(),
                "{what} {name}: {a:e} is not {b:e} ({:e})",
                a / b - 1.0
            );
        }
    };
    let table = fit.table();
    let column = |f: fn(&CoxTerm) -> f64| table.iter().map(f).collect::<Vec<_>>();
    close("coef", &column(|t| t.coef), &list("coef"), 1e-6);
    close("se", &column(|t| t.se), &list("se"), 1e-6);
    close("hr", &column(|t| t.hr), &list("hr"), 1e-6);
    close("low", &column(|t| t.hr_low), &list("low"), 1e-6);
    close("high", &column(|t| t.hr_high), &list("high"), 1e-6);
    close("p", &column(|t| t.p), &list("p"), 1e-6);
    close("loglik", &fit.loglik, &list("loglik"), 1e-9);
    close("concordance", &[fit.concordance.c, fit.concordance.se], &list("concordance"), 1e-6);
    let test = |t: ChiSquare| [t.chisq, t.df, t.p];
    close("lr", &test(fit.lr), &list("lr"), 1e-6);
    close("score", &test(fit.score), &list("score"), 1e-6);
    // R prints the Wald statistic with two decimals and stores that.
    assert!((fit.wald.chisq - list("wald")[0]).abs() < 0.00501, "{what} wald");
    let zph = &theirs["zph"];
    for (i, ours) in fit.zph.iter().enumerate() {
        close(
            "zph",
            &[ours.test.chisq, ours.test.p],
            &[zph["chisq"][i].as_f64().unwrap(), zph["p"][i].as_f64().unwrap()],
            1e-6,
        );
    }
}

#[test]
fn the_published_models_are_those_of_r() {
    let Some(folder) = shared("reference") else { return };
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("r/cox.json")).unwrap()).unwrap();
    let columns = NAMES.map(|(_, column)| column);
    compare("efron", &published(&columns, Ties::Efron).unwrap(), &json["four_predictors"]);
    compare("breslow", &published(&columns, Ties::Breslow).unwrap(), &json["four_predictors_breslow"]);
    // All candidates, by their place in the table, and the model of those with p < 0.05.
    let header = Table::read(&shared("cohort").unwrap().join("clinical_test.csv")).unwrap().header;
    let univariate = json["univariate"].as_object().unwrap();
    assert_eq!(univariate.len(), 20);
    let mut significant = Vec::new();
    for ((name, theirs), column) in univariate.iter().zip(&header[1..21]) {
        let fit = published(&[column], Ties::Efron).unwrap();
        compare(name, &fit, theirs);
        if fit.wald.p < 0.05 {
            significant.push((name.as_str(), column.as_str()));
        }
    }
    let names: Vec<&str> = significant.iter().map(|s| s.0).collect();
    assert_eq!(serde_json::json!(names), json["significant_at_0.05"]);
    let columns: Vec<&str> = significant.iter().map(|s| s.1).collect();
    compare("multivariate", &published(&columns, Ties::Efron).unwrap(), &json["multivariate"]);
}

fn noise(i: usize) -> f64 {
    ((i as f64 * 12.9898).sin() * 43758.5453).fract().abs()
}

/// Exponential times with log-hazard x0 − ½ x1, a third censored at random.
fn simulated(n: usize, round: f64) -> (Vec<Vec<f64>>, Vec<FollowUp>) {
    let rows: Vec<Vec<f64>> = (0..n).map(|i| vec![noise(i) * 2.0, noise(i + 70_001) * 2.0]).collect();
    let follow_up = rows.iter().enumerate().map(|(i, r)| {
        let time = -noise(i + 140_003).max(1e-12).ln() / (r[0] - 0.5 * r[1]).exp();
        let leaves = noise(i + 210_007) * 3.0;
        FollowUp { time: (time.min(leaves) * round).ceil() / round, event: time <= leaves }
    });
    let follow_up = follow_up.collect();
    (rows, follow_up)
}

fn fit_plain(rows: &[Vec<f64>], follow_up: &[FollowUp], ties: Ties) -> Result<CoxFit, StatsError> {
    let names: Vec<String> = (0..rows[0].len()).map(|i| format!("x{i}")).collect();
    let groups: Vec<(String, usize)> = names.iter().map(|n| (n.clone(), 1)).collect();
    fit(rows, follow_up, &names, &groups, ties)
}

#[test]
fn known_hazard_ratios_come_back_also_with_many_ties() {
    for round in [1e6, 20.0] {
        let (rows, follow_up) = simulated(5000, round);
        let fit = fit_plain(&rows, &follow_up, Ties::Efron).unwrap();
        for (t, truth) in fit.table().iter().zip([1.0, -0.5]) {
            assert!((t.coef - truth).abs() < 4.0 * t.se, "{} is {} ± {}", t.term, t.coef, t.se);
        }
    }
}

#[test]
fn without_ties_both_methods_agree() {
    let (rows, follow_up) = simulated(300, 1e9);
    let efron = fit_plain(&rows, &follow_up, Ties::Efron).unwrap();
    let breslow = fit_plain(&rows, &follow_up, Ties::Breslow).unwrap();
    assert!((efron.coef[0] - breslow.coef[0]).abs() < 1e-9);
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let (rows, follow_up) = simulated(60, 1e6);
    let censored: Vec<FollowUp> = follow_up.iter().map(|f| FollowUp { event: false, ..*f }).collect();
    let refusal =
        |rows: &[Vec<f64>], f: &[FollowUp]| fit_plain(rows, f, Ties::Efron).unwrap_err().to_string();
    assert!(refusal(&rows, &censored).contains("no row has the event"));
    let double: Vec<Vec<f64>> = rows.iter().map(|r| vec![r[0], r[0] * 3.0 - 1.0]).collect();
    assert!(refusal(&double, &follow_up).starts_with("'x1' follows exactly from"));
    let constant: Vec<Vec<f64>> = rows.iter().map(|r| vec![r[0], 7.0]).collect();
    assert_eq!(refusal(&constant, &follow_up), "'x1' is 7 in every row used; leave it out");
    // Whoever has the factor fails before everyone else: the likelihood rises for ever.
    let factor: Vec<Vec<f64>> = (0..60).map(|i| vec![f64::from(u8::from(i < 10))]).collect();
    let first: Vec<FollowUp> = (0..60).map(|i| FollowUp { time: f64::from(i), event: i < 30 }).collect();
    assert!(refusal(&factor, &first).starts_with("the outcome is separated by 'x0'"));
}

/// Nobody with `x0` ever fails: the likelihood flattened out at exp(−35) and a standard error of 10⁸ was given as fit.
#[test]
fn a_group_without_events_has_no_hazard_ratio() {
    let x1 = [3.0, 1.0, 2.0, 5.0, 2.0, 4.0, 1.0, 3.0, 2.0, 2.0, 5.0, 1.0];
    let spared = |i: usize| i % 3 == 1;
    let rows: Vec<Vec<f64>> =
        x1.iter().enumerate().map(|(i, b)| vec![f64::from(u8::from(spared(i))), *b]).collect();
    let follow_up: Vec<FollowUp> =
        (0..12).map(|i| FollowUp { time: (i + 1) as f64, event: !spared(i) }).collect();
    for ties in [Ties::Efron, Ties::Breslow] {
        let message = fit_plain(&rows, &follow_up, ties).unwrap_err().to_string();
        assert!(message.starts_with("the outcome is separated by 'x0'"), "{message}");
    }
    let alone: Vec<Vec<f64>> = rows.iter().map(|r| vec![r[1]]).collect();
    assert!(fit_plain(&alone, &follow_up, Ties::Efron).is_ok());
}
