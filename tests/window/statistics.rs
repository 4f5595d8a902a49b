//! The Statistics tab: figures without a cohort, a patient that moves, groups that part, files that are written.

use thoracast::app::command::Command;
use thoracast::app::state::CohortTab;
use thoracast::app::statistics::{Look, Origin, Tile, figures};
use thoracast_core::sheet::Kind;
use thoracast_core::stats::nomogram::Value;

use super::{on_screen, rest, send, window};

#[test]
fn without_a_cohort_simulated_patients_fill_every_chart_and_all_follows() {
    let mut window = window(vec![]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    let statistics = |w: &egui_kittest::Harness<'_, thoracast::app::Workstation>| {
        let s = &w.state().state.statistics;
        let risk = s.model().unwrap().linear.place(&s.patient).unwrap().risk;
        let high = s.groups[0].as_ref().unwrap().groups.last().unwrap().patients.len();
        (risk, high)
    };
    let endpoints = window.state().state.statistics.question.as_ref().unwrap().endpoints.len();
    assert_eq!(endpoints, 2);
    for tile in Tile::all(endpoints) {
        let sources = window.state().sources();
        if tile == Tile::Importance {
            // Nothing was evaluated yet.
            assert!(matches!(sources.figure(tile), figures::Figure::Nothing(_)));
            continue;
        }
        let chart = sources.chart(tile, 600.0).unwrap_or_else(|| panic!("{tile:?} is empty"));
        let says = chart.texts().any(|t| t.text.contains("simulated"));
        let of_weights = matches!(tile, Tile::Training(_));
        assert!(
            says != of_weights,
            "{tile:?} does not say, or says wrongly, that its patients are simulated"
        );
        assert!(sources.csv(tile).unwrap().lines().count() > 3, "{tile:?}");
    }
    assert!(on_screen(&window, "no patient lies behind these figures"));

    let page = window.state().sources().print_page().unwrap();
    assert!(page.texts().any(|t| t.text.contains("simulated")) && page.height >= 842.0);
    let points = page.texts().filter(|t| t.text == "points").count();
    assert!(points >= 5, "the page holds the points table: {points}");

    if let Ok(folder) = std::env::var("THORACAST_LOOK") {
        for (name, tile) in [
            ("all", None),
            ("nomogram", Some(Tile::Nomogram)),
            ("cox", Some(Tile::Hazards(0))),
            ("roc", Some(Tile::Roc)),
            ("decision", Some(Tile::Decision)),
            ("calibration", Some(Tile::Calibration)),
            ("survival", Some(Tile::Survival(0))),
        ] {
            send(&mut window, Command::EnlargeTile(tile));
            let picture = window.render().unwrap();
            picture.save(format!("{folder}/statistics-{name}.png")).unwrap();
        }
        send(&mut window, Command::EnlargeTile(None));
    }

    let (risk, high) = statistics(&window);
    let name = "late_fusion_probability".to_owned();
    send(&mut window, Command::MovePatient { name, value: Value::Number(-0.05) });
    assert!(statistics(&window).0 > risk, "a higher fused probability raises the risk");
    let cut = window.state().state.statistics.cut_now().unwrap();
    send(&mut window, Command::CutAt(Some(cut + 20.0)));
    assert!(statistics(&window).1 < high, "a higher cut leaves fewer patients above it");

    let folder = tempfile::tempdir().unwrap();
    for (name, begins) in [("a.svg", "<svg"), ("a.pdf", "%PDF"), ("a.csv", "line,")] {
        let path = folder.path().join(name);
        send(&mut window, Command::ExportFigure(Tile::Roc, path.clone()));
        assert!(std::fs::read(&path).unwrap().starts_with(begins.as_bytes()), "{name}");
    }
    send(&mut window, Command::ExportFigure(Tile::Roc, folder.path().join("a.docx")));
    assert!(on_screen(&window, "ends in .svg, .png, .pdf or .csv"));

    send(&mut window, Command::StatisticsFrom(Origin::Table));
    assert!(on_screen(&window, "no table is open"));
    // A table of one patient answers nothing, so the simulated ones fill the charts; one with both outcomes does.
    let one = folder.path().join("one.csv");
    std::fs::write(&one, "ID,age,metastasis\nA1,50,1\n").unwrap();
    send(&mut window, Command::OpenPaths(vec![one]));
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    assert!(window.state().state.statistics.origin == Origin::Simulated && statistics(&window).1 > 0);
    let many = folder.path().join("many.csv");
    let row = |i: usize| format!("A{i},{},{}\n", 40 + i * 7 % 31, usize::from(i * 5 % 7 > 3));
    std::fs::write(&many, format!("ID,age,metastasis\n{}", (0..60).map(row).collect::<String>())).unwrap();
    send(&mut window, Command::OpenPaths(vec![many]));
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    let s = &window.state().state.statistics;
    assert!(s.origin == Origin::Table && s.data.as_ref().unwrap().table.rows.len() == 60);
}

#[test]
fn another_question_is_answered_and_one_without_answer_is_a_sentence() {
    let mut window = window(vec![]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    let mut question = window.state().state.statistics.question.clone().unwrap();
    question.predictors = vec!["age".to_owned(), "BMI".to_owned()];
    question.bootstrap = 20;
    send(&mut window, Command::Ask(Box::new(question.clone())));
    let s = &window.state().state.statistics;
    assert_eq!(s.patient.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["age", "BMI"]);
    question.predictors.clear();
    send(&mut window, Command::Ask(Box::new(question)));
    assert!(on_screen(&window, "choose at least one predictor"));
}

#[test]
fn a_cohort_is_evaluated_without_what_the_audit_objects_to() {
    let folder = tempfile::tempdir().unwrap();
    let cohort = folder.path().join("cohort");
    let settings = thoracast_core::simulate::Settings { patients: 240, seed: 5, slices: false };
    thoracast_core::simulate::write(&settings, &cohort, &thoracast_files::progress::Silent).unwrap();
    let mut window = window(vec![]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Evaluation));
    assert!(on_screen(&window, "no cohort folder is chosen"));
    send(&mut window, Command::NameCohort(cohort.display().to_string()));
    send(&mut window, Command::Audit);
    send(&mut window, Command::CrossValidate(true));
    send(&mut window, Command::Evaluate);
    send(&mut window, Command::ShowCohortTab(CohortTab::Evaluation));
    let evaluation = window.state().state.evaluation.as_ref().unwrap().as_ref().unwrap().clone();
    assert!(evaluation.simulated && on_screen(&window, "(simulated)"));
    let names: Vec<&str> = evaluation.branches.iter().map(|b| b.name.as_str()).collect();
    // Treatments are known only after the outcome's risk was judged: the audit objects to them.
    assert!(names.contains(&"clinical") && names.contains(&"clinical_without"), "{names:?}");
    assert!(on_screen(&window, "Clinical model without"));

    let validated = evaluation.cross_validation.as_ref().unwrap();
    assert!(validated.len() == 2 && validated.iter().all(|m| (m.folds, m.repeats, m.n) == (10, 5, 240)));
    assert!(on_screen(&window, "Cross-validated over all patients"));
    // The evaluated patients explain what the branch depends on, and their curves stand among the ROC curves.
    let explained = window.state().state.explained.as_ref().unwrap().clone();
    assert_eq!(explained.patients.len(), evaluation.n);
    let sources = window.state().sources();
    let chart = sources.chart(Tile::Importance, 700.0).unwrap();
    assert!(chart.texts().any(|t| t.text.contains("(simulated)")));
    assert!(sources.csv(Tile::Importance).unwrap().lines().count() > evaluation.n);
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    send(&mut window, Command::EnlargeTile(Some(Tile::Importance)));
    if let Ok(folder) = std::env::var("THORACAST_LOOK") {
        window.render().unwrap().save(format!("{folder}/statistics-importance.png")).unwrap();
    }
    let look = Look { variable: Some(0), ..window.state().state.statistics.look };
    send(&mut window, Command::LookAtFigures(look));
    let chart = window.state().sources().chart(Tile::Importance, 700.0).unwrap();
    assert!(chart.texts().any(|t| t.text == "Share of the log-odds"));
    let roc = window.state().sources().chart(Tile::Roc, 700.0).unwrap();
    assert!(roc.texts().any(|t| t.text.starts_with("clinical: AUC")));

    // Both reporting sheets, filled with all that.
    for (kind, name, begins) in [(Kind::Tripod, "a.pdf", "%PDF"), (Kind::Clear, "b.md", "# CLEAR")] {
        let path = folder.path().join(name);
        send(&mut window, Command::WriteSheet(kind, path.clone()));
        assert!(std::fs::read(&path).unwrap().starts_with(begins.as_bytes()), "{name}");
    }
    send(&mut window, Command::WriteSheet(Kind::Clear, folder.path().join("c.odt")));
    assert!(on_screen(&window, "ends in .pdf or .md"));
}

#[test]
fn a_marker_follows_the_pointer_along_its_axis() {
    use egui_kittest::kittest::NodeT;
    let mut window = window(vec![]);
    send(&mut window, Command::ShowCohortTab(CohortTab::Statistics));
    send(&mut window, Command::EnlargeTile(Some(Tile::Nomogram)));
    let title = |n: &egui_kittest::Node<'_>| {
        n.accesskit_node().label().is_some_and(|l| l.starts_with("Nomogram:") || l.starts_with("Nomogram "))
    };
    let rect = window.root().children_recursive().find(title).expect("the nomogram's picture").rect();
    let sources = window.state().sources();
    let chart = sources.chart(Tile::Nomogram, rect.width().clamp(300.0, 900.0)).unwrap();
    let patient = sources.patient().unwrap();
    let content = sources.nomogram_content(Some(&patient)).unwrap();
    let handles = thoracast_core::chart::nomogram::handles(&content, chart.width);
    let handle = handles.iter().find(|h| h.name == "PMI/T4").unwrap().clone();
    let scale = rect.height() / chart.height;
    let size = egui::vec2(chart.width, chart.height) * scale;
    let place = egui::Rect::from_center_size(rect.center(), size);
    let at = |x: f32| thoracast_core::chart::egui::to_screen(place, &chart, [x, handle.y]);
    let (from, to) = (0.5 * chart.width, 0.7 * chart.width);
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    for event in [
        egui::Event::PointerMoved(at(from)),
        button(at(from), true),
        egui::Event::PointerMoved(at(0.6 * chart.width)),
        egui::Event::PointerMoved(at(to)),
        button(at(to), false),
    ] {
        window.event(event);
        window.step();
    }
    rest(&mut window);
    let value = window.state().state.statistics.patient.iter().find(|p| p.0 == "PMI/T4").unwrap().1.clone();
    let wanted = handle.value_at(to).map(thoracast_core::figures::nomogram::model_value);
    let (Value::Number(got), Some(Value::Number(want))) = (value, wanted) else { panic!() };
    assert!((got - want).abs() < 0.1, "{got} is not {want}");
}
