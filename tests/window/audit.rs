//! A cohort audited from the window.

use thoracast::app::command::Command;
use thoracast::app::state::{CohortTab, Workspace};
use thoracast_core::simulate::{self, Settings};
use thoracast_files::progress::Silent;

use super::{on_screen, send, window};

#[test]
fn a_cohorts_faults_are_shown_and_a_wrong_folder_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let cohort = folder.path().join("cohort");
    simulate::write(&Settings { patients: 200, seed: 8, slices: false }, &cohort, &Silent).unwrap();
    // One patient of the test table is also in the training table.
    let text = |name: &str| std::fs::read_to_string(cohort.join(name)).unwrap();
    let (train, test) = (text("clinical_train.csv"), text("clinical_test.csv"));
    let both = test.lines().nth(1).unwrap();
    std::fs::write(cohort.join("clinical_train.csv"), format!("{train}{both}\n")).unwrap();
    let id = both.split(',').next().unwrap();

    let mut window = window(vec![]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Audit));
    assert!(on_screen(&window, "What makes a cohort's figures untrustworthy"));
    send(&mut window, Command::NameCohort(folder.path().join("nothing").display().to_string()));
    send(&mut window, Command::Audit);
    assert!(on_screen(&window, "the cohort folder cannot be read"));
    send(&mut window, Command::NameCohort(cohort.display().to_string()));
    send(&mut window, Command::Audit);
    assert_eq!(window.state().state.workspace, Workspace::Cohort);
    let report = window.state().state.audit.result.as_ref().unwrap().as_ref().unwrap();
    assert!(report.findings.iter().any(|f| f.patients == [id]), "{:?}", report.findings);
    assert!(on_screen(&window, "200 patients"));
    assert!(on_screen(&window, report.findings[0].code.title()) && on_screen(&window, id));
}
