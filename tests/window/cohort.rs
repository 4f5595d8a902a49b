//! Foreign tables mapped, a cohort folder opened, its table sorted and filtered, Table 1, a patient opened from the list.

use std::path::{Path, PathBuf};
use std::time::Instant;

use egui_kittest::kittest::Queryable;
use thoracast::app::Options;
use thoracast::app::cohort::{CohortCommand, MappingEdit};
use thoracast::app::command::{Action, Command};
use thoracast::app::state::{CohortTab, Dialog, Workspace};
use thoracast::app::statistics::Origin;
use thoracast_core::audit::Code;
use thoracast_core::cohort::matching::Group;
use thoracast_core::cohort::{Mapping, columns};
use thoracast_core::simulate::{self, Settings};
use thoracast_files::progress::Silent;

use super::{Window, last_error, on_screen, rest, send, study, window, window_with};

const THEIRS: &str = "Patient no.,Alter,Diameter of tumour (mm),ER status,Mets\n\
    P1,50,\"21,5\",positive,yes\nP2,61,15,negative,no\nP3,44,30,positive,no\n";

fn cohort(window: &mut Window, command: CohortCommand) {
    send(window, Command::Cohort(command));
}

fn edit(window: &mut Window, edit: MappingEdit) {
    cohort(window, CohortCommand::EditMapping(edit));
}

fn window_that_remembers(folder: &Path, paths: Vec<PathBuf>) -> Window {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let settings = Some(folder.join("config/settings.json"));
    window_with(Options { paths, models: Some(models), settings, ..Options::default() })
}

fn target(window: &Window, key: &str) -> usize {
    let form = window.state().state.cohort.mapping.as_ref().unwrap();
    form.drafts[0].choices.iter().position(|c| c.target.key == key).unwrap()
}

fn shown(window: &Window) -> Vec<usize> {
    window.state().state.cohort.arrangement.rows.as_ref().unwrap().to_vec()
}

#[test]
fn a_foreign_table_is_mapped_once_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("patients.csv");
    std::fs::write(&table, THEIRS).unwrap();
    let mut window = window_that_remembers(folder.path(), vec![table.clone()]);
    assert_eq!(window.state().state.dialog, Dialog::Mapping);
    assert!(on_screen(&window, "Columns of patients.csv are not recognised"));
    assert!(on_screen(&window, "Column for Tumour size: Diameter of tumour (mm)"));
    assert!(on_screen(&window, "2.15 · 1.5 · 3"), "the values as they will be read");
    let mapped = |window: &Window, key: &str| {
        let form = window.state().state.cohort.mapping.as_ref().unwrap();
        form.drafts[0].choices[target(window, key)].column
    };
    if mapped(&window, "id").is_none() {
        let id = target(&window, "id");
        edit(&mut window, MappingEdit::Column(id, Some(0)));
    }
    let (age, outcome) = (target(&window, "age"), target(&window, "metastasis"));
    edit(&mut window, MappingEdit::Column(age, Some(0)));
    assert!(on_screen(&window, "is chosen for Patient ID and for Age"));
    edit(&mut window, MappingEdit::Column(age, Some(1)));
    edit(&mut window, MappingEdit::Column(outcome, Some(4)));
    assert!(on_screen(&window, "Code for yes"), "the codes of what is looked at");
    let out = folder.path().join("mapping.json");
    cohort(&mut window, CohortCommand::ExportMappingTo(out.clone()));
    assert_eq!(Mapping::read(&out).unwrap().columns["Alter"].key, "age");
    window.get_by_label("Use these columns").click();
    rest(&mut window);
    assert_eq!(window.state().state.dialog, Dialog::None);
    let open = window.state().state.table.as_ref().unwrap();
    assert_eq!(open.table.header, ["id", "age", "tumor_size", "er", "metastasis"]);
    assert_eq!(open.table.number(0, 2).unwrap(), Some(2.15));

    // Opened anew the table needs no dialog.
    let window = window_that_remembers(folder.path(), vec![table]);
    assert_eq!(window.state().state.dialog, Dialog::None, "{}", last_error(&window));
    assert_eq!(window.state().state.table.as_ref().unwrap().table.text(1, 3), Some("0"));
}

#[test]
fn every_button_of_the_mapping_dialog_is_on_a_small_screen() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("patients.csv");
    std::fs::write(&table, THEIRS).unwrap();
    let mut window = window(vec![table]);
    window.run_steps(3);
    for button in ["Use these columns", "Guess again", "Import…", "Export…", "Cancel"] {
        let rect = window.get_by_label(button).rect();
        assert!(rect.max.x <= 1280.0 && rect.max.y <= 800.0 && rect.min.y > 0.0, "{button}: {rect:?}");
    }
    window.key_press(egui::Key::Escape);
    window.run_steps(3);
    assert_eq!(window.state().state.dialog, Dialog::None);
}

#[test]
fn the_table_is_sorted_filtered_and_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40)
        .map(|i| {
            format!(
                "{i},{},{},{},{}\n",
                if i == 5 { String::new() } else { (20 + (i * 7) % 40).to_string() },
                i % 3 % 2,
                (i % 7) as f64 / 2.0,
                i % 2
            )
        })
        .collect();
    let table = folder.path().join("clinical.csv");
    std::fs::write(&table, format!("ID,age,ER,CEA,metastasis\n{rows}")).unwrap();
    let mut window = window(vec![table]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Table));
    window.get_by_label("Age").click();
    rest(&mut window);
    let rising = shown(&window);
    assert_eq!((rising[0], rising[39]), (0, 5), "the youngest first, the missing age last");
    window.get_by_label("Age ▲").click();
    rest(&mut window);
    assert_eq!(shown(&window)[39], 5);
    send(&mut window, Command::FilterRows("age>50 er=1".into()));
    assert!(shown(&window).len() < 10 && !shown(&window).is_empty());
    assert!(on_screen(&window, "of 40 patients"));
    send(&mut window, Command::FilterRows("shoe>3".into()));
    assert!(on_screen(&window, "the table has no column 'shoe'"));
    send(&mut window, Command::FilterRows(String::new()));

    cohort(&mut window, CohortCommand::Chart(Some(1)));
    assert!(on_screen(&window, "Distribution of Age (years)"));
    send(&mut window, Command::ShowCohortTab(CohortTab::TableOne));
    assert!(on_screen(&window, "Age (years), median (IQR)") && on_screen(&window, "Mann–Whitney"));
    window.get_by_label("Mean ± SD").click();
    rest(&mut window);
    assert!(on_screen(&window, "Age (years), mean ± SD"));
    let out = folder.path().join("table1.md");
    cohort(&mut window, CohortCommand::ExportTableOneTo(out.clone()));
    assert!(std::fs::read_to_string(out).unwrap().starts_with("| Characteristic | All (n = 40) |"));
    let csv = folder.path().join("table1.csv");
    cohort(&mut window, CohortCommand::ExportTableOneTo(csv.clone()));
    assert!(std::fs::read_to_string(csv).unwrap().starts_with("\"Characteristic\",\"All (n = 40)\""));
}

#[test]
fn a_cohort_folder_lists_who_has_what_and_opens_a_patient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohort");
    simulate::write(&Settings { patients: 60, seed: 4, slices: false }, &path, &Silent).unwrap();
    // Figures and notes beside the tables are no series, and no reason to refuse the cohort.
    std::fs::create_dir(path.join("figures")).unwrap();
    std::fs::write(path.join("figures/read me.txt"), "curves").unwrap();
    assert_eq!(
        window(vec![path.clone()]).state().state.cohort.patients.as_ref().unwrap().matching.patients.len(),
        60
    );
    let clinical = std::fs::read_to_string(path.join("clinical_train.csv")).unwrap();
    let id = clinical.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    // The patient's CT lies in a folder called after the ID.
    std::fs::create_dir_all(path.join("dicom")).unwrap();
    std::fs::rename(study(folder.path()), path.join("dicom").join(&id)).unwrap();
    let mut window = window(vec![path.clone()]);
    assert_eq!(window.state().state.workspace, Workspace::Cohort);
    let patients = window.state().state.cohort.patients.as_ref().expect("a cohort is open");
    assert_eq!(patients.matching.counts()[&Group::Matched], 1);
    assert_eq!(patients.matching.counts()[&Group::RowAlone], 59);
    assert!(on_screen(&window, "60 patients"));
    send(&mut window, Command::ShowCohortTab(CohortTab::Matching));
    cohort(&mut window, CohortCommand::ShowGroup(Some(Group::Matched)));
    assert!(on_screen(&window, "Row without pictures (59)"));
    let out = folder.path().join("patients.csv");
    cohort(&mut window, CohortCommand::ExportMatchingTo(out.clone()));
    assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 61);
    window.get_by_label(&id).click();
    rest(&mut window);
    assert_eq!(window.state().state.workspace, Workspace::Patient);
    assert!(window.state().state.viewer.open.as_ref().unwrap().volume.is_some());
    // The folder is called after the row, but the study states another PatientID: a person has to say.
    assert_eq!(window.state().state.inputs.filled(), 0);
    window.get_by_label("Same person under another number").click();
    rest(&mut window);
    assert_eq!(window.state().state.inputs.id, id);
    assert!(window.state().state.inputs.filled() > 15);

    // The mapping dialog opens on request, with all that was recognised.
    send(&mut window, Command::Do(Action::MapColumns));
    assert_eq!(window.state().state.dialog, Dialog::Mapping);
    assert!(!window.state().state.cohort.mapping.as_ref().unwrap().blocked());
    cohort(&mut window, CohortCommand::OpenFolder(folder.path().join("nowhere")));
    assert!(last_error(&window).contains("nowhere"), "{}", last_error(&window));
}

/// A hundred thousand patients: only the rows on screen are drawn, and sorting does not stop the window.
#[test]
fn a_hundred_thousand_rows_scroll() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("ID,age,CEA,ER,metastasis\n");
    for i in 0..100_000u32 {
        let noise = i.wrapping_mul(2_654_435_761) >> 8;
        text.push_str(&format!(
            "{i},{},{},{},{}\n",
            20 + noise % 60,
            f64::from(noise % 999) / 10.0,
            noise % 2,
            i % 5 / 4
        ));
    }
    let table = folder.path().join("large.csv");
    std::fs::write(&table, text).unwrap();
    let mut window = window(vec![table]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Table));
    cohort(&mut window, CohortCommand::Sort(2));
    assert_eq!(shown(&window).len(), 100_000);
    window.step();
    let frames = 30;
    let start = Instant::now();
    for _ in 0..frames {
        let wheel = egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Page,
            delta: egui::vec2(0.0, -1.0),
            phase: egui::TouchPhase::Move,
            modifiers: egui::Modifiers::NONE,
            source: egui::MouseWheelSource::Unknown,
        };
        window.event(egui::Event::PointerMoved(egui::pos2(600.0, 500.0)));
        window.event(wheel);
        window.step();
    }
    let each = start.elapsed().as_secs_f64() * 1000.0 / f64::from(frames);
    eprintln!("{each:.1} ms a frame");
    // A frame of all rows would take seconds; on a busy machine a frame of forty rows never takes a tenth of one.
    assert!(each < 100.0, "{each:.1} ms a frame");
}

/// Two tables in another's words: the ages under `Alter`, the outcome under `M1` as yes and no; one age is impossible.
fn foreign_cohort(path: &Path) {
    simulate::write(&Settings { patients: 160, seed: 12, slices: false }, path, &Silent).unwrap();
    std::fs::remove_file(path.join("nomogram_test.csv")).unwrap();
    for name in ["clinical_train.csv", "clinical_test.csv"] {
        let text = std::fs::read_to_string(path.join(name)).unwrap();
        let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
        let mut header = lines.next().unwrap();
        let at = |key: &str| header.iter().position(|h| columns::key_of(h) == Some(key)).unwrap();
        let (age, outcome) = (at("age"), at("metastasis"));
        (header[age], header[outcome]) = ("Alter".to_owned(), "M1".to_owned());
        let mut rows = vec![header];
        rows.extend(lines.map(|mut row| {
            row[outcome] = if row[outcome] == "1" { "yes" } else { "no" }.to_owned();
            row
        }));
        rows[3][age] = "430".to_owned();
        let lines: Vec<String> = rows.into_iter().map(|r| r.join(",")).collect();
        std::fs::write(path.join(name), lines.join("\n")).unwrap();
    }
}

#[test]
fn a_remembered_mapping_serves_audit_evaluation_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohort");
    foreign_cohort(&path);
    let mapping = folder.path().join("mapping.json");
    let theirs = r#"{"columns": {"Alter": {"key": "age"}, "M1": {"key": "metastasis", "codes": {"yes": 1, "no": 0}}}}"#;
    std::fs::write(&mapping, theirs).unwrap();
    let mut window = window_that_remembers(folder.path(), vec![path.clone()]);
    send(&mut window, Command::Do(Action::MapColumns));
    cohort(&mut window, CohortCommand::ImportMapping(mapping));
    assert!(!window.state().state.cohort.mapping.as_ref().unwrap().blocked());
    window.get_by_label("Use these columns").click();
    rest(&mut window);
    send(&mut window, Command::NameCohort(path.display().to_string()));

    send(&mut window, Command::Audit);
    let report = window.state().state.audit.result.as_ref().unwrap().as_ref().unwrap();
    assert!(report.events > 0 && report.patients == 160, "{} {}", report.events, report.patients);
    let age = report.findings.iter().find(|f| f.code == Code::ImpossibleValue).unwrap();
    assert_eq!((&age.columns[..], age.patients.len()), (&["Alter".to_owned()][..], 2));
    assert!(age.message.contains("'Alter'") && report.keys["Alter"] == "age", "{}", age.message);
    assert!(!report.findings.iter().any(|f| f.code == Code::EventCode), "{:?}", report.findings);

    send(&mut window, Command::Evaluate);
    let evaluation = window.state().state.evaluation.as_ref().unwrap();
    let refused = evaluation.as_ref().err().cloned().unwrap_or_default();
    // The age of 430 is refused, and under the heading that the file has.
    assert!(refused.contains("'Alter'"), "{refused}");

    send(&mut window, Command::StatisticsFrom(Origin::Cohort));
    let data = window.state().state.statistics.data.as_ref().unwrap();
    assert!(data.table.column("age").is_some() && data.table.column("metastasis").is_some());
}

#[test]
fn a_cohort_in_their_words_is_mapped_audited_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohort");
    simulate::write(&Settings { patients: 240, seed: 6, slices: false }, &path, &Silent).unwrap();
    // The same cohort with a heading of their own: no test figure exists without the mapping.
    for name in ["clinical_train.csv", "clinical_valid.csv", "clinical_test.csv"] {
        let file = path.join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, rows) = text.split_once('\n').unwrap();
        let head = head.replace("metastasis", "Spread after surgery").replace("BMI", "Quetelet");
        std::fs::write(&file, format!("{head}\n{rows}")).unwrap();
    }
    let mut window = window_that_remembers(folder.path(), vec![path.clone()]);
    cohort(&mut window, CohortCommand::MapColumns);
    assert_eq!(window.state().state.dialog, Dialog::Mapping);
    let drafts = window.state().state.cohort.mapping.as_ref().unwrap().drafts.len();
    for draft in 0..drafts {
        let place = |window: &Window, key: &str| {
            let form = window.state().state.cohort.mapping.as_ref().unwrap();
            let choices = &form.drafts[draft].choices;
            let column = form.drafts[draft].table.header.iter();
            let at = choices.iter().position(|c| c.target.key == key).unwrap();
            (
                at,
                column
                    .clone()
                    .position(|h| h == if key == "bmi" { "Quetelet" } else { "Spread after surgery" }),
            )
        };
        edit(&mut window, MappingEdit::Sheet(draft));
        for key in ["metastasis", "bmi"] {
            let (at, column) = place(&window, key);
            if let Some(column) = column {
                edit(&mut window, MappingEdit::Column(at, Some(column)));
            }
        }
    }
    cohort(&mut window, CohortCommand::UseMapping);
    send(&mut window, Command::NameCohort(path.display().to_string()));
    send(&mut window, Command::Audit);
    let report = window.state().state.audit.result.as_ref().unwrap().as_ref().unwrap();
    assert!(report.events > 20, "{} events are known", report.events);
    send(&mut window, Command::Evaluate);
    let evaluation = window.state().state.evaluation.as_ref().unwrap().as_ref().unwrap().clone();
    assert!(evaluation.branches.iter().any(|b| b.name == "clinical"));
    send(&mut window, Command::StatisticsFrom(Origin::Cohort));
    let question = window.state().state.statistics.question.as_ref().unwrap();
    assert!(question.candidates.iter().any(|c| c == "bmi"), "{:?}", question.candidates);
}
