use super::*;
use crate::cohort::{CohortFolder, Split, Table};
use crate::stats::nomogram::Value;
use crate::testing::shared;
use thoracast_files::progress::Silent;

fn simulated() -> (DataSet, Question) {
    let data = DataSet::simulated(400, 3).unwrap();
    let question = Question::of(&data.table).unwrap();
    (data, question)
}

#[test]
fn a_simulated_cohort_suggests_the_studys_question() {
    let (data, question) = simulated();
    assert_eq!(question.outcome, "metastasis");
    assert_eq!(question.predictors, ["Ki-67 group", "Histology group", "PMI/T4", "late_fusion_probability"]);
    let names: Vec<&str> = question.endpoints.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["Distant metastasis-free survival", "Overall survival"]);
    assert!(
        question.candidates.contains(&"age".to_owned()) && question.candidates.contains(&"ki67".to_owned())
    );
    let never = ["ID", "OS", "DMFS", "metastasis", "dead", "late_fusion_probability"];
    assert!(never.iter().all(|n| !question.candidates.iter().any(|c| c == n)), "{:?}", question.candidates);
    assert!(data.source().contains("simulated"));
}

#[test]
fn known_headings_in_foreign_letters_are_named_by_their_keys() {
    let text = "序号,年龄,肿块,metastasis\n1,50,3,1\n2,61,2,0\n";
    let table = Table::from_bytes(std::path::Path::new("a.csv"), text.as_bytes()).unwrap();
    assert_eq!(DataSet::of_table(&table).table.header, ["id", "age", "肿块", "metastasis"]);
}

#[test]
fn predictions_out_of_fold_are_those_of_a_model_without_the_patient() {
    let (data, question) = simulated();
    let model = Model::fit(&data, &question).unwrap();
    let out = model.out_of_fold.as_ref().unwrap();
    assert_eq!(out.len(), model.apparent.len());
    assert!(out.iter().zip(&model.apparent).any(|(a, b)| (a - b).abs() > 1e-6));
    let auc = |p: &[f64]| crate::stats::roc::auc(&model.outcome, p).unwrap();
    assert!(auc(out) < auc(&model.apparent), "an honest figure is lower than one of the fitted patients");
}

#[test]
fn the_groups_part_at_the_cut_and_differ_in_their_hazard() {
    let (data, question) = simulated();
    let model = Model::fit(&data, &question).unwrap();
    let endpoint = &question.endpoints[0];
    let groups = Groups::split(&data, &question, &model, endpoint, model.youden_cut).unwrap();
    let high = model.totals.iter().filter(|t| **t >= model.youden_cut).count();
    assert_eq!(groups.groups[1].patients.len() + groups.without_follow_up, high);
    assert!(groups.log_rank.as_ref().unwrap().test.p < 0.01);
    let one = Groups::split(&data, &question, &model, endpoint, f64::INFINITY).unwrap();
    assert_eq!((one.groups.len(), one.log_rank.is_none()), (1, true));
}

#[test]
fn what_matters_alone_enters_the_model_together() {
    let (data, mut question) = simulated();
    let hazards = Hazards::fit(&data, &question, &question.endpoints[1].clone(), &Silent).unwrap();
    assert_eq!(hazards.univariate.len(), question.candidates.len());
    for one in &hazards.univariate {
        let p = one.fit.as_ref().unwrap().wald.p;
        assert_eq!(hazards.chosen.contains(&one.name), p < 0.05, "{}", one.name);
    }
    question.significant = 0.0;
    let none = Hazards::fit(&data, &question, &question.endpoints[1].clone(), &Silent).unwrap();
    assert!(none.chosen.is_empty() && none.multivariate.is_none());
}

#[test]
fn a_typical_patient_has_a_value_for_every_predictor() {
    let (data, question) = simulated();
    let model = Model::fit(&data, &question).unwrap();
    let typical = model.typical();
    assert_eq!(typical.len(), 4);
    assert!(matches!(&typical[0].1, Value::Level(l) if l == "≥20%" || l == "<20%"));
    let risk = model.linear.place(&typical).unwrap().risk;
    assert!(risk > 0.0 && risk < 1.0);
}

#[test]
fn as_published_a_blank_is_a_level_and_two_is_dead() {
    let Some(cohort) = shared("cohort") else { return };
    let table = Table::read(&cohort.join("nomogram_test.csv")).unwrap();
    let data = DataSet::of_table(&table);
    let mut question = Question::of(&table).unwrap();
    assert_eq!(Model::fit(&data, &question).unwrap().fit.n, 185);
    let overall = question.endpoints[1].clone();
    let model = Model::fit(&data, &question).unwrap();
    let refused = Groups::split(&data, &question, &model, &overall, 50.0).unwrap_err().to_string();
    assert!(refused.contains("as published"), "{refused}");

    question.as_published = true;
    let model = Model::fit(&data, &question).unwrap();
    assert_eq!(model.fit.n, 186);
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(cohort.join("../reference/r/lrm.json")).unwrap()).unwrap();
    let want = expected["as_published"]["coef"]["pmi"].as_f64().unwrap();
    let got = model.fit.coef[model.fit.terms.iter().position(|t| t == "PMI/T4").unwrap()];
    assert!(((got - want) / want).abs() < 1e-4, "{got} is not {want}");
    assert!(Groups::split(&data, &question, &model, &overall, model.youden_cut).is_ok());
}

#[test]
fn a_cohorts_tables_are_brought_together_by_id() {
    let Some(folder) = shared("cohort") else { return };
    let cohort = CohortFolder::open(&folder, None).unwrap();
    let data = DataSet::of_cohort(&cohort, Split::Test).unwrap();
    assert_eq!(data.table.rows.len(), 186);
    let question = Question::of(&data.table).unwrap();
    assert_eq!(question.predictors.len(), 4);
    let hazards = Hazards::fit(&data, &question, &question.endpoints[0].clone(), &Silent).unwrap();
    assert!(hazards.multivariate.is_some());
    assert!(DataSet::of_cohort(&cohort, Split::Valid).unwrap_err().to_string().contains("no table"));
}
