//! One patient at a time: what is known of one never stands with another unless a person says that both are one.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable;
use thoracast::app::cohort::CohortCommand;
use thoracast::app::command::{Action, Command};
use thoracast::app::state::{CohortTab, Level, Workspace};
use thoracast_core::phantom::{self, Phantom};
use thoracast_core::simulate::{self, Settings};
use thoracast_files::progress::Silent;

use super::{Window, on_screen, rest, send, window};

/// A small synthetic study of the patient PHANTOM-`seed`.
fn study_of(folder: &Path, seed: u64) -> PathBuf {
    let study = folder.join(format!("study-{seed}"));
    let options = phantom::Options { size: Some(64), slice_mm: Some(20.0) };
    phantom::write_series(&Phantom::with(seed, options), &study, &Silent).unwrap();
    study
}

/// A table with the demonstration's columns and one patient of another number.
fn table_of(folder: &Path, study: &Path, id: &str) -> PathBuf {
    let text = std::fs::read_to_string(study.join("clinical.csv")).unwrap();
    let (head, row) = text.trim_end().split_once('\n').unwrap();
    let (_, rest) = row.split_once(',').unwrap();
    let table = folder.join("others.csv");
    std::fs::write(&table, format!("{head}\n{id},{rest}\n")).unwrap();
    table
}

fn open_id(window: &Window) -> String {
    window.state().state.person.identity.id.clone()
}

fn choose(window: &mut Window, patient: &str) {
    let series = &window.state().state.scan.series;
    let index = series.iter().position(|s| s.patient_id == patient).unwrap();
    send(window, Command::ChooseSeries(index));
}

fn set_levels(window: &mut Window) {
    send(window, Command::Mark(Level::T4, 9));
    send(window, Command::Mark(Level::T11, 4));
}

/// A chest series, then the demonstration patient, then the chest again: its form held PHANTOM-1's values.
#[test]
fn the_demonstration_patient_leaves_nothing_on_another_series() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(vec![study_of(folder.path(), 7)]);
    assert_eq!(open_id(&window), "PHANTOM-7");
    send(&mut window, Command::Do(Action::OpenDemo));
    assert_eq!(open_id(&window), "PHANTOM-1");
    let state = &window.state().state;
    assert!(state.inputs.filled() > 15 && state.inputs.t4.is_some(), "the demonstration has its own values");
    assert!(state.outcome.assessment.is_some() && state.identity_question().is_none());
    choose(&mut window, "PHANTOM-7");
    let state = &window.state().state;
    assert_eq!((state.inputs.id.as_str(), state.inputs.filled()), ("PHANTOM-7", 0));
    assert!(state.inputs.t4.is_none() && state.outcome.assessment.is_none() && state.undo.is_empty());
    assert!(on_screen(&window, "ID PHANTOM-7"));
    choose(&mut window, "PHANTOM-1");
    assert!(window.state().state.inputs.filled() > 15, "and finds them again");
}

/// A click on a row of the Cohort table put that row's values onto the open CT, and the risk recomputed itself.
#[test]
fn a_row_of_another_patient_is_shown_alone() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_of(folder.path(), 7);
    let table = table_of(folder.path(), &study, "24");
    let mut window = window(vec![study.clone()]);
    send(&mut window, Command::OpenPaths(vec![study.join("clinical.csv")]));
    set_levels(&mut window);
    send(&mut window, Command::Do(Action::Predict));
    let before = window.state().state.outcome.assessment.clone().expect("a result");
    send(&mut window, Command::OpenPaths(vec![table]));
    send(&mut window, Command::ShowCohortTab(CohortTab::Table));
    window.get_by_label("24").click();
    rest(&mut window);
    let state = &window.state().state;
    assert_eq!(state.workspace, Workspace::Patient);
    assert!(state.viewer.open.is_none() && state.outcome.assessment.is_none());
    assert_eq!((state.inputs.id.as_str(), state.inputs.t4), ("24", None));
    assert!(state.inputs.filled() > 15 && on_screen(&window, "ID 24, row alone, no series"));
    choose(&mut window, "PHANTOM-7");
    let state = &window.state().state;
    assert_eq!(state.inputs.id, "PHANTOM-7");
    let after = state.outcome.assessment.clone().expect("the result is where it was left");
    assert_eq!(after.nomogram.risk, before.nomogram.risk);
    assert!(!state.stale());
}

#[test]
fn values_under_another_number_wait_for_a_word_that_stands_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_of(folder.path(), 7);
    let table = table_of(folder.path(), &study, "24");
    let mut window = window(vec![study, table]);
    rest(&mut window);
    choose(&mut window, "PHANTOM-7");
    set_levels(&mut window);
    // The ID typed is not the study's: both are written out, and nothing is computed.
    send(&mut window, Command::AnswerIdentity { same: false });
    send(&mut window, Command::SetPatientId("24".into()));
    assert!(on_screen(&window, "ID in the form: ID 24") && on_screen(&window, "Study: ID PHANTOM-7"));
    send(&mut window, Command::PickRow("24".into()));
    assert!(on_screen(&window, "Values, row 2 of others.csv: ID 24"));
    assert_eq!(window.state().state.inputs.filled(), 0, "the values wait outside the form");
    let missing = window.state().state.missing_for_prediction();
    assert!(missing[0].contains("this patient's"), "{missing:?}");
    window.get_by_label("Another patient").click();
    rest(&mut window);
    assert_eq!(window.state().state.inputs.filled(), 0);
    send(&mut window, Command::PickRow("24".into()));
    window.get_by_label("Same person under another number").click();
    rest(&mut window);
    assert!(window.state().state.inputs.filled() > 15);
    send(&mut window, Command::SetField { key: "cea", text: String::new() });
    send(&mut window, Command::Do(Action::Predict));
    let assessment = window.state().state.outcome.assessment.clone().expect("a result");
    assert_eq!(assessment.subject.study().unwrap().id, "PHANTOM-7");
    assert_eq!(assessment.subject.values().id, "24");
    // What takes from the figure is read without hovering: the number, and which value was filled in.
    assert!(assessment.doubtful());
    assert!(on_screen(&window, "both were said to be one patient") && on_screen(&window, ": CEA."));
    let report = folder.path().join("report.pdf");
    send(&mut window, Command::SaveReportTo(report.clone()));
    let json = std::fs::read_to_string(report.with_extension("json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["subject"]["study"]["id"], "PHANTOM-7");
    let inputs = json["report"]["inputs"].to_string();
    assert!(inputs.contains("others.csv, row 2; changed by hand: CEA"), "{inputs}");
}

/// Values typed under no ID, or a row shown alone, became those of whatever series was opened next.
#[test]
fn what_was_entered_before_a_series_is_offered_and_not_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_of(folder.path(), 7);
    let mut window = window(Vec::new());
    send(&mut window, Command::SetField { key: "age", text: "50".into() });
    send(&mut window, Command::OpenPaths(vec![study]));
    assert_eq!(window.state().state.inputs.filled(), 0);
    assert!(on_screen(&window, "Values typed before: no patient ID"));
    window.get_by_label("Same person").click();
    rest(&mut window);
    assert_eq!(window.state().state.inputs.filled(), 1);
    assert_eq!(window.state().state.inputs.id, "PHANTOM-7");
    assert!(window.state().state.identity_question().is_none());
}

/// A double click in Pictures put the row onto the open CT where the patient had no series.
#[test]
fn a_patient_without_series_is_opened_alone_from_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohort");
    simulate::write(&Settings { patients: 60, seed: 4, slices: false }, &path, &Silent).unwrap();
    let mut window = window(vec![study_of(folder.path(), 7)]);
    send(&mut window, Command::Cohort(CohortCommand::OpenFolder(path)));
    let patients = window.state().state.cohort.patients.as_ref().unwrap();
    let id = patients.matching.patients.iter().find(|p| p.in_clinical).unwrap().id.clone();
    send(&mut window, Command::Cohort(CohortCommand::OpenPatient(id.clone())));
    let state = &window.state().state;
    assert!(state.viewer.open.is_none() && state.inputs.id == id && state.inputs.filled() > 15);
    choose(&mut window, "PHANTOM-7");
    assert_eq!(window.state().state.inputs.filled(), 0);
}
