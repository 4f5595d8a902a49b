use super::super::boosting::{self, BoostingSettings};
use super::super::file;
use super::super::training::{ClinicalTraining, PUBLISHED_COLUMNS, Trained, train, train_with_losses};
use super::*;
use crate::testing::shared;

fn tiny() -> Table {
    let mut text = String::from("id,age,CEA,metastasis\n");
    for i in 0..60 {
        let event = i % 3 == 0;
        let cea = if i == 7 {
            String::new()
        } else {
            format!("{}", f64::from(i % 11) + if event { 4.0 } else { 0.0 })
        };
        text += &format!("{i},{},{cea},{}\n", 40 + i % 30, u8::from(event));
    }
    Table::from_bytes(Path::new("tiny.csv"), text.as_bytes()).unwrap()
}

fn settings() -> ClinicalTraining {
    let columns = vec!["age".to_owned(), "cea".to_owned()];
    let boosting = BoostingSettings { trees: 20, ..Default::default() };
    ClinicalTraining { columns, boosting, ..Default::default() }
}

#[test]
fn a_model_survives_its_file_and_names_what_is_missing() {
    let model = train(&tiny(), &settings()).unwrap().with_test(&tiny()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinical.json");
    files::write_atomic(&path, &model.to_json().unwrap()).unwrap();
    let read = ClinicalModel::load(&path).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.sha256, files::sha256(&path).unwrap());
    assert_eq!(
        train(&tiny(), &settings()).unwrap().with_test(&tiny()).unwrap(),
        model,
        "training is reproducible"
    );

    let empty = read.predict(&Record::default());
    assert_eq!(empty.missing, ["Age", "CEA"]);
    assert!((0.0..=1.0).contains(&empty.probability));
    let known = Record { values: [("age", 50.0), ("cea", 13.0)].into(), ..Default::default() };
    let high = read.predict(&known);
    assert!(high.missing.is_empty() && high.vote && high.probability > 0.5, "{high:?}");
    let far = Record { values: [("age", 90.0)].into(), ..Default::default() };
    let outside: Vec<String> = read.outside_training(&far).iter().map(Outside::words).collect();
    assert_eq!(outside, ["Age = 90 is outside the training patients' 40 to 69"]);
    assert!(
        read.description()
            .starts_with("Gradient boosting, 20 trees on 2 variables, trained on 60 patients (20")
    );
    assert!(!String::from_utf8(model.to_json().unwrap()).unwrap().contains("\"id\""));
}

#[test]
fn a_broken_or_foreign_model_file_is_one_sentence_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinical.json");
    let whole = train(&tiny(), &settings()).unwrap().to_json().unwrap();
    let foreign =
        String::from_utf8(whole.clone()).unwrap().replace("thoracast clinical model", "something else");
    let loop_back = String::from_utf8(whole.clone()).unwrap().replacen("\"left\":[1,", "\"left\":[0,", 1);
    let outside = String::from_utf8(whole.clone()).unwrap().replace("\"key\":\"cea\"", "\"key\":\"price\"");
    for (bytes, says) in [
        (whole[..whole.len() / 2].to_vec(), "not a whole clinical model"),
        (b"{}".to_vec(), "not a whole clinical model"),
        (foreign.into_bytes(), "this is 'something else' version 2"),
        (loop_back.into_bytes(), "damaged"),
        (outside.into_bytes(), "damaged"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let message = ClinicalModel::load(&path).unwrap_err().to_string();
        assert!(message.contains("clinical.json: ") && message.contains(says), "{message}");
        assert!(!message.contains('\n'));
    }
    let absent = ClinicalModel::load(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(absent.contains("none.json") && absent.contains("train clinical"), "{absent}");
}

#[test]
fn training_tables_that_cannot_teach_are_refused() {
    let refusal = |text: &str| {
        let table = Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap();
        train(&table, &settings()).unwrap_err().to_string()
    };
    assert!(refusal("id,age,metastasis\n1,50,0\n2,51,1\n").contains("the column 'CEA' is missing or empty"));
    assert!(
        refusal("id,age,CEA,metastasis\n1,50,1,2\n")
            .contains("row 2, column 'metastasis': '2' is not an outcome")
    );
    assert!(refusal("id,age,CEA\n1,50,1\n").contains("there is no column 'metastasis'"));
    assert!(
        refusal("id,age,CEA,metastasis\n1,50,1,0\n2,51,3,1\n").contains("BorderlineSMOTE needs more than 10")
    );
}

#[test]
fn the_published_recipe_does_as_scikit_learn_does_over_its_seeds() {
    let Some(cohort) = shared("cohort") else { return };
    let train_table = Table::read(&cohort.join("clinical_train.csv")).unwrap();
    let test_table = Table::read(&cohort.join("clinical_test.csv")).unwrap();
    let model = train(&train_table, &ClinicalTraining::default()).unwrap();
    let test = model.evaluate(&test_table).unwrap();
    println!("{test:?}");
    // scikit-learn with imbalanced-learn over 30 seeds: mean 0.889, 0.879 to 0.903.
    assert!(test.auc > 0.87 && test.auc < 0.91, "{}", test.auc);
    assert_eq!((test.on.patients, test.on.events), (186, 50));
    assert_eq!(model.card().synthetic_patients, 73);
}

#[test]
fn an_explanation_adds_up_to_the_prediction_and_says_what_was_missing() {
    let model = train(&tiny(), &settings()).unwrap();
    let record = Record::default();
    let told = model.explain(&record);
    let p = 1.0 / (1.0 + (-told.log_odds()).exp());
    assert!((p - model.predict(&record).probability).abs() < 1e-12);
    assert_eq!(told.contributions.len(), model.columns().count());
    assert!(told.contributions.iter().all(|c| c.value.is_none()));
}

#[test]
fn an_ensemble_averages_log_odds_and_tells_its_spread() {
    let ensemble = ClinicalTraining { seeds: 4, ..settings() };
    let Trained { model, losses } = train_with_losses(&tiny(), &ensemble).unwrap();
    assert_eq!(losses.iter().map(|l| l.seed).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(losses.iter().all(|l| l.train.len() == 20 && l.train[19] < l.train[0]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinical.json");
    files::write_atomic(&path, &model.to_json().unwrap()).unwrap();
    assert_eq!(ClinicalModel::load(&path).unwrap(), model);
    assert!(model.description().contains("80 trees in 4 models"), "{}", model.description());

    let record = Record { values: [("age", 50.0), ("cea", 7.5)].into(), ..Default::default() };
    let said = model.predict(&record);
    let [low, high] = said.spread.unwrap();
    assert!(low <= said.probability && said.probability <= high && low < high, "{said:?}");
    let log_odds = (said.probability / (1.0 - said.probability)).ln();
    assert!((model.explain(&record).log_odds() - log_odds).abs() < 1e-9);
    // The largest seed is followed by the smallest.
    let losses = train_with_losses(&tiny(), &ensemble.seeded(u64::MAX)).unwrap().losses;
    assert_eq!(losses.iter().map(|l| l.seed).collect::<Vec<_>>(), [u64::MAX, 0, 1, 2]);
    // One model has no spread; its first member is the first of the ensemble.
    let single = train(&tiny(), &settings()).unwrap();
    assert_eq!(single.predict(&record).spread, None);
    assert_eq!(single, train(&tiny(), &ClinicalTraining { seeds: 1, ..settings() }).unwrap());
}

#[test]
fn a_model_with_a_missing_branch_says_so_and_explains_itself() {
    let branch = ClinicalTraining { missing: Missing::Branch, ..settings() };
    let model = train(&tiny(), &branch).unwrap();
    assert_eq!(model.missing(), Missing::Branch);
    assert!(model.card().missing_values.contains("branch"));
    let lacking = Record { values: [("age", 50.0)].into(), ..Default::default() };
    let said = model.predict(&lacking);
    assert_eq!(said.missing, ["CEA"]);
    let log_odds = (said.probability / (1.0 - said.probability)).ln();
    let why = model.explain(&lacking);
    assert!((why.log_odds() - log_odds).abs() < 1e-9, "{why:?}");
    assert_eq!(why.contributions[1].value, None);
    let read = file::ModelFile::read(&model.to_json().unwrap()).unwrap();
    assert_eq!(ClinicalModel::finish(read).unwrap(), model);
}

#[test]
fn patients_held_back_stay_whole_and_stop_the_training() {
    let mut table = tiny();
    // Two rows a patient: 30 patients, 20 of them with an event in one of their rows.
    for (i, row) in table.rows.iter_mut().enumerate() {
        row.cells[0] = (i / 2).to_string();
    }
    let mut early = settings();
    early.boosting.trees = 300;
    early.boosting.early_stopping = Some(boosting::EarlyStopping { share: 0.2, ..Default::default() });
    early.smote = None;
    let Trained { model, losses } = train_with_losses(&table, &early).unwrap();
    assert!(losses[0].train.len() < 300 && losses[0].held_back.len() == losses[0].train.len());
    assert!(
        model.card().held_back >= 10 && model.card().held_back.is_multiple_of(2),
        "{}",
        model.card().held_back
    );
    assert!(model.card().recipe.contains("stopped early") && model.card().recipe.contains("no synthetic"));
    // A share too small for a single patient would silently never stop.
    early.boosting.early_stopping = Some(boosting::EarlyStopping { share: 0.001, ..Default::default() });
    let refused = train(&table, &early).unwrap_err().to_string();
    assert!(refused.contains("none of the 60 rows") && refused.contains("larger share"), "{refused}");
}

#[test]
fn the_shipped_model_of_the_first_version_says_what_it_always_said() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/clinical.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let model = ClinicalModel::load(&path).unwrap();
    assert_eq!(model.sha256, files::sha256_of(text.as_bytes()));
    assert_eq!([model.card().seeds, model.card().held_back], [1, 0]);
    let said = model.predict(&Record::default());
    assert_eq!(said.missing.len(), PUBLISHED_COLUMNS.len());
    // Walked through the file's trees by another program.
    assert!((said.probability - 0.02404354144107214).abs() < 1e-15, "{}", said.probability);
}
