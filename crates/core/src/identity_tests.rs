use std::path::Path;

use super::*;

fn study(id: &str, name: &str, born: &str) -> Identity {
    let series = Series {
        patient_id: id.to_owned(),
        patient_name: name.to_owned(),
        patient_birth_date: born.to_owned(),
        study_uid: "1.2.3".to_owned(),
        ..Series::default()
    };
    Identity::of_series(&series)
}

fn table() -> Table {
    Table::from_bytes(Path::new("some/clinical.csv"), b"ID,age\n24,50\nA7,61\n").unwrap()
}

#[test]
fn one_number_written_in_two_ways_is_one_person() {
    let row = Identity::of_row(&table(), "24");
    assert_eq!(row.source_words(), "row 2 of clinical.csv");
    assert_eq!(study("24.0 ", "", "").compare(&row), Comparison::Same);
    assert_eq!(study("024", "", "").compare(&row), Comparison::Different(vec![Field::Id]));
}

#[test]
fn what_differs_is_named() {
    let a = study("1", "Zhang^San", "19610302");
    assert!(a.is_same(&study("1", "ZHANG SAN^^", "19610302")), "case, carets and spaces do not matter");
    let b = study("1", "Li^Si", "19610303");
    assert_eq!(a.compare(&b), Comparison::Different(vec![Field::Name, Field::BirthDate]));
    let other_hospital = Identity { issuer: "B".to_owned(), ..a.clone() };
    let first_hospital = Identity { issuer: "A".to_owned(), ..a.clone() };
    assert_eq!(first_hospital.compare(&other_hospital), Comparison::Different(vec![Field::Issuer]));
    assert!(a.is_same(&first_hospital), "an issuer that one does not state is no difference");
}

#[test]
fn without_an_id_only_the_study_tells() {
    let nameless = study("", "", "");
    assert_eq!(nameless.compare(&Identity::typed("24")), Comparison::Unknown);
    assert!(nameless.is_same(&study("", "", "")), "one study is one person");
    let elsewhere = Identity { study_uid: "9".to_owned(), ..nameless.clone() };
    // Two series without a PatientID were one patient to the window, which let values cross.
    assert_eq!(nameless.compare(&elsewhere), Comparison::Unknown);
    assert_eq!(Identity::default().compare(&Identity::default()), Comparison::Unknown);
    assert!(Identity::default().is_empty() && !nameless.is_empty());
}

#[test]
fn a_result_of_two_persons_needs_a_word() {
    let row = Identity::of_row(&table(), "A7");
    let refused = Subject::new(study("24", "", ""), row.clone(), false).unwrap_err();
    let sentence = refused.to_string();
    assert!(
        sentence.contains("ID differs") && sentence.ends_with("values of ID A7, study of ID 24"),
        "{sentence}"
    );
    let said = Subject::new(study("24", "", ""), row.clone(), true).unwrap();
    assert_eq!(said.differs(), [Field::Id]);
    let own = Subject::new(study("A7", "", ""), row, true).unwrap();
    assert!(own.differs().is_empty(), "where nothing differs there is nothing to say");
}

#[test]
fn a_person_is_written_out_and_files_hold_no_name() {
    let person = study("24", "Zhang^San=张^三", "19610302");
    assert_eq!(person.words(), "ID 24, Zhang San (张 三), born 1961-03-02");
    assert_eq!(study("", "", "").words(), "no patient ID");
    let written = serde_json::to_string(&person).unwrap();
    assert!(written.contains("24") && !written.contains("Zhang") && !written.contains("1961"), "{written}");
}

#[test]
fn a_dicom_date_is_shown_in_parts_and_others_are_left_alone() {
    assert_eq!(date_words("20260131"), "2026-01-31");
    assert_eq!(date_words("2026é131"), "2026é131");
    assert_eq!(date_words(""), "");
}
