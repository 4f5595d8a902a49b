use std::path::Path;

use super::super::variable;
use super::*;
use crate::testing::shared;

fn table(text: &str) -> Table {
    Table::from_bytes(Path::new("clinical.csv"), text.as_bytes()).unwrap()
}

fn refusal(text: &str, id: &str) -> String {
    read_record(&table(text), id).unwrap_err().to_string()
}

#[test]
fn a_row_is_read_by_its_id_and_words_are_codes() {
    let t =
        table("序号,年龄,CEA,Histologic type,ER,N,Ki-67\n7,46,2.5,Others,阳性,N2,30%\n8,50,,Ductal,0,3,5\n");
    let (record, warnings) = read_record(&t, "7").unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let expected =
        [("age", 46.0), ("cea", 2.5), ("histology", 0.0), ("er", 1.0), ("n_stage", 2.0), ("ki67", 30.0)];
    assert_eq!(record.values, BTreeMap::from(expected));
    let (second, _) = read_record(&t, "8").unwrap();
    assert_eq!(second.values.get("cea"), None);
    assert!(second.missing().iter().any(|v| v.key == "cea"));
    assert_eq!(second.values["histology"], 1.0);
}

#[test]
fn what_cannot_be_a_value_is_refused_with_its_place() {
    assert_eq!(
        refusal("id,CEA\n1,2\n2,abc\n", "2"),
        "clinical.csv, row 3, column 'CEA': 'abc' is not a number; write a number or leave the cell empty"
    );
    let bmi = refusal("id,BMI\n1,2.4\n", "1");
    assert!(
        bmi.starts_with("clinical.csv, row 2, column 'BMI': '2.4' is impossible (between 6 and 100 kg/m²)"),
        "{bmi}"
    );
    let er = refusal("id,ER\n1,maybe\n", "1");
    assert!(er.contains("column 'ER': 'maybe' is not one of 0 (Negative), 1 (Positive)"), "{er}");
    assert!(refusal("id,age\n1,50\n1,51\n", "1").contains("two rows have this ID (2 and 3)"));
    assert!(refusal("id,price\n1,50\n", "1").contains("none of its columns is a variable of the study"));
    assert!(refusal("age\n50\n", "1").contains("there is no column 'id'; the columns are age"));
    assert!(refusal("id,age\n", "1").contains("no patients"));
}

#[test]
fn an_unknown_id_is_told_the_near_ones() {
    let message = refusal("id,age\n10,50\n20,50\n30,50\n400,50\n", "22");
    assert_eq!(
        message,
        "clinical.csv: no patient among its 4 IDs has this one (near ones: 20, 30, 10); ID 22"
    );
    let text_ids = refusal("id,age\nBC-001,50\nXX-9,50\nBC-002,50\nBC-103,50\n", "BC-003");
    assert!(text_ids.contains("BC-001, BC-002, BC-103"), "{text_ids}");
}

#[test]
fn codes_outside_the_set_warn_and_stay() {
    let (record, warnings) = read_record(&table("id,HER2,PMA/T4,PMI/T4\n1,5,40,40\n"), "1").unwrap();
    assert_eq!(record.values["her2"], 5.0);
    assert_eq!(
        warnings[0],
        "clinical.csv, row 2: HER2 = 5 is outside the codes 0/1 the model was trained on"
    );
    assert!(warnings[1].contains("PMI/T4 is not smaller than PMA/T4"));
    let (grouped, warnings) = read_record(&table("id,ki67,age\n1,≥20%,50\n"), "1").unwrap();
    assert_eq!(grouped.values.get("ki67"), None);
    assert!(warnings[0].contains("'≥20%' is a group and not a number"), "{warnings:?}");
}

#[test]
fn the_form_takes_numbers_codes_and_words() {
    let check = |key: &str, text: &str| validate(variable(key).unwrap(), text);
    assert_eq!(check("cea", " 2,5 "), Ok(Some(2.5)));
    assert_eq!(check("cea", ""), Ok(None));
    assert_eq!(check("histology", "ductal"), Ok(Some(1.0)));
    assert_eq!(check("lvi", "yes"), Ok(Some(1.0)));
    assert_eq!(check("n_stage", "n3"), Ok(Some(3.0)));
    assert_eq!(check("her2", "5").unwrap_err(), "HER2: '5' is not one of 0 (Negative), 1 (Positive)");
    assert!(
        check("age", "500").unwrap_err().starts_with("Age: '500' is impossible (between 15 and 110 years)")
    );
    assert!(check("histology", "yes").is_err());
}

#[test]
fn all_published_patients_are_read_with_the_known_warnings() {
    let Some(cohort) = shared("cohort") else { return };
    for (name, patients) in [("clinical_train.csv", 185), ("clinical_test.csv", 186)] {
        let (records, warnings) = read_records(&Table::read(&cohort.join(name)).unwrap()).unwrap();
        assert_eq!(records.len(), patients);
        assert!(records.iter().all(|r| r.missing().is_empty() && !r.id.is_empty()));
        let outside: Vec<&String> = warnings.iter().filter(|w| w.contains("outside the codes")).collect();
        let expected = if name == "clinical_test.csv" { 6 } else { 0 }; // HER2 2–6, chemotherapy 2
        assert_eq!(outside.len(), expected, "{outside:?}");
    }
}

#[test]
fn rows_of_one_kind_are_told_as_ranges_without_the_folder() {
    let text = "id,age,HER2\n1,50,2\n2,50,1\n3,50,2\n4,50,2\n5,50,2\n";
    let table = Table::from_bytes(Path::new("/somewhere/patients.csv"), text.as_bytes()).unwrap();
    let (_, warnings) = read_records(&table).unwrap();
    assert_eq!(
        warnings,
        ["patients.csv, rows 2, 4–6: HER2 = 2 is outside the codes 0/1 the model was trained on"]
    );
}

#[test]
fn an_unknown_code_typed_or_read_is_remarked_on() {
    let record = Record { id: "1".into(), values: BTreeMap::from([("her2", 5.0), ("age", 50.0)]) };
    assert_eq!(outside_codes(&record), ["HER2 = 5 is outside the codes 0/1 the model was trained on"]);
}
