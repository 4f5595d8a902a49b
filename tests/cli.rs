//! The shell as a person uses it: the binary, its JSON, its exit codes, its sentences.

#![allow(clippy::unwrap_used)] // a failed unwrap is how a test fails, in its helpers too

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use thoracast_core::phantom::{self, Phantom};
use thoracast_files::progress::Silent;

fn thoracast(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_thoracast"))
        .args(arguments)
        .env("THORACAST_MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))
        .output()
        .unwrap()
}

/// The JSON on stdout of a job that must succeed.
fn json(arguments: &[&str]) -> Value {
    let output = thoracast(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{arguments:?}: not one JSON document: {e}"))
}

/// The last line on stderr of a job that must fail with exit status 1.
fn sentence(arguments: &[&str]) -> String {
    let output = thoracast(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?} printed on stdout");
    assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    errors.lines().last().unwrap_or_default().to_owned()
}

fn small_phantom(folder: &Path) -> (PathBuf, phantom::Truth) {
    let study = folder.join("study");
    let options = phantom::Options { size: Some(128), slice_mm: Some(8.0) };
    let truth = phantom::write_series(&Phantom::with(2, options), &study, &Silent).unwrap();
    (study, truth)
}

/// `../shared/<part>`; absent it is an error under CI, else the test is left out with a reason.
fn shared(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(part);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent, but CI needs it", path.display());
    eprintln!("ignored: {} is absent", path.display());
    None
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn probability(value: &Value) -> bool {
    value.as_f64().is_some_and(|p| (0.0..=1.0).contains(&p))
}

#[test]
fn inspect_and_predict_agree_on_a_phantom() {
    let folder = tempfile::tempdir().unwrap();
    let (study, truth) = small_phantom(folder.path());
    let found = json(&["inspect", text(&study), "--json"]);
    let series = &found["series"][0];
    assert_eq!(series["usable"], true);
    assert_eq!(series["slices"], truth.slices);
    assert_eq!(series["rows"], truth.rows);
    assert_eq!(series["patient_id"], truth.patient_id);
    for (axis, spacing) in truth.spacing_mm.iter().enumerate() {
        assert!((series["spacing_mm"][axis].as_f64().unwrap() - spacing).abs() < 1e-4);
    }
    assert!(series["hu"]["min"].as_f64().unwrap() < -900.0);

    let clinical = study.join("clinical.csv");
    let clinical_table = clinical.clone();
    let (t4, t11) = (truth.slice_of("T4").unwrap(), truth.slice_of("T11").unwrap());
    let out = folder.path().join("report");
    let arguments = [
        "predict",
        text(&study),
        "--clinical",
        text(&clinical),
        "--t4",
        &t4.to_string(),
        "--t11",
        &t11.to_string(),
        "--out",
        text(&out),
        "--json",
    ];
    let result = json(&arguments);
    assert_eq!(result["id"], truth.patient_id);
    assert_eq!(result["t4"]["slice"], t4);
    for branch in ["t4", "t11"] {
        let p: Vec<f64> =
            result[branch]["log_prob"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert!((p[0].exp() + p[1].exp() - 1.0).abs() < 1e-5);
        assert!((result[branch]["probability"].as_f64().unwrap() - p[1].exp()).abs() < 1e-12);
        assert_eq!(result["models"][branch].as_str().unwrap().len(), 64);
    }
    assert!(probability(&result["clinical"]["probability"]));
    let clinical = &result["clinical"];
    let moved = clinical["contributions"].as_array().unwrap().iter().map(|c| c["log_odds"].as_f64().unwrap());
    let sum = clinical["base_log_odds"].as_f64().unwrap() + moved.sum::<f64>();
    let p = 1.0 / (1.0 + (-sum).exp());
    assert!((p - clinical["probability"].as_f64().unwrap()).abs() < 1e-9);
    let source = result["fused"]["source"].as_str().unwrap();
    assert_eq!(result["fused"]["log_prob"], result[source]["log_prob"]);
    assert!(probability(&result["nomogram"]["risk"]));
    let trained = result["t4"]["trained"] == true && result["t11"]["trained"] == true;
    assert_eq!(result["meaningful"], trained);
    let warned = result["warnings"].to_string().contains(thoracast_core::assess::UNTRAINED);
    assert_eq!(warned, !trained, "untrained weights are named, trained ones are not");

    // A missing value makes the result doubtful, in the shell's words too, and is named.
    let without = folder.path().join("without.csv");
    let full = std::fs::read_to_string(&clinical_table).unwrap();
    let (head, row) = full.trim_end().split_once('\n').unwrap();
    let age = head.split(',').position(|h| h.eq_ignore_ascii_case("age")).unwrap();
    let cells: Vec<&str> = row.split(',').enumerate().map(|(i, c)| if i == age { "" } else { c }).collect();
    std::fs::write(&without, format!("{head}\n{}\n", cells.join(","))).unwrap();
    let mut lacking = arguments[..8].to_vec();
    lacking[3] = text(&without);
    let doubtful = json(&[&lacking[..], &["--json"]].concat());
    let doubts = doubtful["doubts"].to_string();
    assert!(doubts.contains("missing clinical values") && doubts.contains("Age"), "{doubts}");
    let shown = String::from_utf8(thoracast(&lacking).stdout).unwrap();
    assert!(shown.contains("DOUBTFUL") && shown.contains("Age"), "{shown}");
    assert!(!shown.contains("votes none"));

    // Another fusion only when asked for; the nomogram keeps to the vote.
    let fused_by = |rule: &str| json(&[&arguments[..8], &["--fusion", rule, "--json"]].concat());
    let mean = fused_by("mean");
    let log_odds = |p: &Value| (p.as_f64().unwrap() / (1.0 - p.as_f64().unwrap())).ln();
    let branches = ["t4", "t11", "clinical"].map(|b| log_odds(&mean[b]["probability"]));
    let fused = log_odds(&mean["fused"]["probability"]);
    assert!((branches.iter().sum::<f64>() / 3.0 - fused).abs() < 1e-4, "{branches:?} {fused}");
    assert!(mean["fused"]["source"].is_null() && mean["nomogram"] == result["nomogram"]);
    assert!(mean["warnings"].to_string().contains("instead of the published vote"));
    let weights = folder.path().join("stacking.json");
    let fitted = |t4: &Value| {
        let models = serde_json::json!({"t4": t4, "t11": result["models"]["t11"], "clinical": result["models"]["clinical"]});
        let stacking = serde_json::json!({"intercept": 0.25, "weights": [0.0, 0.0, 1.0]});
        serde_json::json!({"stacking": stacking, "split": "test", "patients": 80, "events": 30, "models": models,
            "simulated": false})
    };
    std::fs::write(&weights, fitted(&result["models"]["t4"]).to_string()).unwrap();
    let stacked = fused_by(text(&weights));
    assert!((log_odds(&stacked["fused"]["probability"]) - branches[2] - 0.25).abs() < 1e-9);
    std::fs::write(&weights, fitted(&"0".into()).to_string()).unwrap();
    let said = sentence(&[&arguments[..8], &["--fusion", text(&weights)]].concat());
    assert!(said.contains("another t4 model"), "{said}");
    let said = sentence(&[&arguments[..8], &["--fusion", "median"]].concat());
    assert!(said.contains("median") && said.contains("vote, mean or a file"), "{said}");

    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["fused"], result["fused"]);
    assert!(std::fs::read(out.join("report.pdf")).unwrap().starts_with(b"%PDF"));
}

#[test]
fn already_cut_slices_of_the_cohort_are_predicted() {
    let Some(cohort) = shared("cohort") else { return };
    let t4 = cohort.join("images/T4/test/1/460.jpg");
    let t11 = cohort.join("images/T11/test/1/460.jpg");
    let clinical = cohort.join("clinical_test.csv");
    let base = ["predict", "--t4-image", text(&t4), "--t11-image", text(&t11), "--clinical", text(&clinical)];
    let result = json(&[&base[..], &["--id", "460", "--json"]].concat());
    assert_eq!(result["id"], "460");
    assert!(result["t4"]["slice"].is_null());
    assert!(probability(&result["fused"]["probability"]));

    let unknown = sentence(&[&base[..], &["--id", "9999", "--json"]].concat());
    assert!(unknown.contains("9999") && unknown.contains("clinical_test.csv"), "{unknown}");

    // The T4 picture has another size than the T11 network takes.
    let swapped = sentence(&[
        "predict",
        "--t4-image",
        text(&t4),
        "--t11-image",
        text(&t4),
        "--clinical",
        text(&clinical),
        "--id",
        "460",
    ]);
    assert!(swapped.contains("460.jpg") && swapped.contains("500×300"), "{swapped}");
}

#[test]
fn real_dicom_is_predicted_for_another_number_only_at_a_word() {
    let (Some(series), Some(cohort)) = (shared("dicom/chest_5mm"), shared("cohort")) else { return };
    let clinical = cohort.join("clinical_test.csv");
    let arguments = ["predict", text(&series), "--clinical", text(&clinical), "--id", "24"];
    let arguments = [&arguments[..], &["--t4", "50", "--t11", "24"]].concat();
    // Row 24 is another's by its number: a figure was made without a word.
    let refused = sentence(&arguments);
    assert!(refused.contains("--different-id") && refused.contains("row ID 24"), "{refused}");
    let out = tempfile::tempdir().unwrap();
    let said = [&arguments[..], &["--different-id", "--out", text(out.path()), "--json"]].concat();
    let result = json(&said);
    assert_eq!(result["t11"]["slice"], 24);
    // As the shipped models said when they were shipped, to what processors differ by.
    for (figure, known) in [
        ("/t4/log_prob/1", -0.100005),
        ("/t11/log_prob/1", -1.311238),
        ("/clinical/probability", 0.007428),
        ("/fused/log_prob/1", -1.311238),
        ("/nomogram/total", 149.5516),
        ("/nomogram/risk", 0.068326),
    ] {
        let got = result.pointer(figure).and_then(Value::as_f64).unwrap();
        assert!((got - known).abs() < 1e-3, "{figure} is {got}, not {known}");
    }
    assert_eq!(result["fused"]["source"], "t11", "the networks differ and the clinical vote is with T11");
    assert!(probability(&result["fused"]["probability"]));
    assert_eq!(result["subject"]["differs"], serde_json::json!(["id"]));
    assert!(result["warnings"].to_string().contains("said to be one patient"), "{}", result["warnings"]);
    let report: Value =
        serde_json::from_slice(&std::fs::read(out.path().join("report.json")).unwrap()).unwrap();
    let inputs = report["report"]["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 2, "{inputs:?}");
    assert!(inputs[0]["name"].as_str().unwrap().contains("slices in chest_5mm"));
    assert!(inputs[1]["name"].as_str().unwrap().starts_with("clinical_test.csv, row "));
    assert_eq!(inputs[1]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn wrong_input_gets_one_sentence_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (study, _) = small_phantom(folder.path());
    let clinical = study.join("clinical.csv");

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(sentence(&["inspect", text(&empty), "--json"]).contains("empty"));
    assert!(sentence(&["inspect", text(&folder.path().join("nowhere"))]).contains("nowhere"));

    let letter = folder.path().join("letter.csv");
    std::fs::write(&letter, "ID,age,CEA\nPHANTOM-2,50,abc\n").unwrap();
    let predict = |table: &Path, t4: &str, t11: &str| {
        sentence(&["predict", text(&study), "--clinical", text(table), "--t4", t4, "--t11", t11])
    };
    let error = predict(&letter, "5", "2");
    assert!(error.contains("letter.csv") && error.contains("CEA") && error.contains("abc"), "{error}");
    let error = predict(&clinical, "100000", "2");
    assert!(error.contains("100000"), "{error}");
    let error = predict(&folder.path().join("absent.csv"), "5", "2");
    assert!(error.contains("absent.csv"), "{error}");
}

#[test]
fn a_truncated_slice_and_a_gap_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (study, truth) = small_phantom(folder.path());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&study)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "dcm"))
        .collect();
    files.sort();
    // One slice cut short in its pixels, another gone.
    let whole = std::fs::read(&files[3]).unwrap();
    std::fs::write(&files[3], &whole[..whole.len() / 2]).unwrap();
    std::fs::remove_file(&files[10]).unwrap();
    let found = json(&["inspect", text(&study), "--json"]);
    let words = found.to_string();
    let cut = files[3].file_name().unwrap().to_str().unwrap();
    assert!(words.contains(cut), "the cut file is named: {words}");
    let series = &found["series"][0];
    assert!(series["slices"].as_u64().unwrap() < truth.slices as u64);
    let neighbour = files[9].file_name().unwrap().to_str().unwrap();
    assert!(series["warnings"].to_string().contains(neighbour), "the gap's neighbour is named: {words}");
}

#[test]
fn a_weights_file_cut_short_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (study, _) = small_phantom(folder.path());
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for name in ["clinical.json", "nomogram.json"] {
        std::fs::copy(from.join(name), models.join(name)).unwrap();
    }
    std::fs::write(models.join("t4.safetensors"), [200, 0, 0, 0, 0, 0, 0, 0, b'{']).unwrap();
    let clinical = study.join("clinical.csv");
    let error = sentence(&[
        "predict",
        text(&study),
        "--clinical",
        text(&clinical),
        "--t4",
        "5",
        "--t11",
        "2",
        "--models",
        text(&models),
    ]);
    assert!(error.contains("t4.safetensors"), "{error}");
}

#[test]
fn a_mistyped_command_is_named() {
    let error = sentence(&["predikt"]);
    assert!(error.contains("predikt") && error.contains("thoracast help"), "{error}");
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_eq!(thoracast(&["predict"]).status.code(), Some(2));
    assert_eq!(thoracast(&["inspect"]).status.code(), Some(2));
    assert_eq!(thoracast(&["phantom", "--seed", "x"]).status.code(), Some(2));
}

#[test]
fn the_same_seed_writes_the_same_phantom_and_an_occupied_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.doc"), "years of work").unwrap();
    let error = sentence(&["phantom", text(folder.path()), "--json"]);
    assert!(error.contains("not empty"), "{error}");
    assert!(folder.path().join("thesis.doc").exists());
}

#[test]
fn a_study_is_deidentified_and_a_full_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    let options = thoracast_core::phantom::Options { size: Some(64), slice_mm: Some(20.0) };
    let phantom = thoracast_core::phantom::Phantom::with(5, options);
    thoracast_core::phantom::write_series(&phantom, &study, &thoracast_files::progress::Silent).unwrap();
    let out = folder.path().join("out");
    let run = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_thoracast"))
            .args(["anonymize", &study.display().to_string(), &out.display().to_string(), "--json"])
            .output()
            .unwrap()
    };
    let first = run();
    let json: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert!(first.status.success() && json["written"].as_u64() > Some(0), "{json}");
    assert_eq!(json["patients"], 1);
    let second = run();
    let errors = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    assert!(errors.lines().any(|line| line.contains("not empty")) && second.stdout.is_empty(), "{errors}");
}

/// Each was silent, a usage page, or a misleading sentence.
#[test]
fn odd_numbers_names_and_recodings_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("odd.csv");
    let rows: Vec<String> = (0..40)
        .map(|i: u32| {
            let (p, x) = ((i * 29) % 97, (i * 7) % 11);
            format!(
                "{i},{},{p}%,{x},{},\"{}\",{}",
                u32::from((i * 5) % 8 < 3),
                2 * x,
                ["a, b", "c"][(i % 2) as usize],
                ""
            )
        })
        .collect();
    std::fs::write(&table, format!("Cohort\nid,y,p,x,x2,kind,empty\n{}\n", rows.join("\n"))).unwrap();
    let stats = |command: &[&'static str]| -> Vec<String> {
        let start = ["stats", command[0], "--data", text(&table)];
        start.iter().chain(&command[1..]).map(|s| s.to_string()).collect()
    };
    let refused = |command: &[&'static str]| {
        let arguments = stats(command);
        sentence(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let answered = |command: &[&'static str]| {
        let arguments = stats(&[command, &["--json"]].concat());
        json(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let km = ["km", "--time", "x", "--event", "y"];
    let said = refused(&[&km[..], &["--at", "-5,300"]].concat());
    assert!(said.contains("--at -5 is no follow-up time; write numbers from 0"), "{said}");
    let said = refused(&[&km[..], &["--group", "empty"]].concat());
    assert!(said.contains("the group column 'empty' is empty in every row"), "{said}");
    let said = refused(&["dca", "--outcome", "y", "--model", "m=x", "--model", "m=x2"]);
    assert!(said.contains("two models are called 'm'"), "{said}");
    let said = refused(&["dca", "--outcome", "y", "--model", "m=x", "--prevalence", "-0.5"]);
    assert!(said.contains("-0.5 is no prevalence"), "{said}");
    let percent = ["logistic", "--outcome", "y", "--covariates", "p"];
    let said = refused(&percent);
    assert!(said.contains("row 3, column 'p': '0%' looks like a number"), "{said}");
    assert_eq!(answered(&[&percent[..], &["--read", "p=percent"]].concat())["terms"][1]["term"], "p");
    let same = answered(&["roc", "--outcome", "y", "--scores", "x,x2"]);
    assert_eq!((&same["tests"][0]["z"], &same["tests"][0]["p"]), (&0.0.into(), &1.0.into()));
    let patient = ["nomogram", "--outcome", "y", "--covariates", "x,kind", "--patient", "kind=a, b,x=3"];
    assert!(answered(&patient)["patient"]["total"].is_f64());
    let arguments = stats(&[&percent[..4], &["x", "--map", "x:99=1"]].concat());
    let output = thoracast(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && warned.contains("--map x: no cell of the column is '99'"), "{warned}");
    assert!(warned.contains("row 1: 'Cohort' is a title above the header"), "{warned}");
}

/// A full disk, here a limit on a file's length: the run counted as done and left cut-off files.
#[cfg(target_os = "linux")]
#[test]
fn copies_that_do_not_fit_on_the_disk_are_an_error_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    let options = thoracast_core::phantom::Options { size: Some(64), slice_mm: Some(20.0) };
    let phantom = thoracast_core::phantom::Phantom::with(5, options);
    thoracast_core::phantom::write_series(&phantom, &study, &thoracast_files::progress::Silent).unwrap();
    let out = folder.path().join("out");
    // Files end at 4 KiB; without its signal a longer one is written up to there and then fails.
    let run = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_thoracast"),
            "anonymize",
        ])
        .args([&study, &out])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{errors}");
    assert!(errors.lines().any(|line| line.contains("out: the copies can't be written")), "{errors}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [study]);
}

#[test]
fn a_simulated_cohort_is_written_fitted_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("cohort");
    let truth = json(&["simulate", text(&dir), "--patients", "300", "--seed", "3", "--json"]);
    assert_eq!((truth["patients"].as_u64(), truth["simulated"].as_bool()), (Some(300), Some(true)));
    // The terms of the truth are those `stats` prints.
    let table = dir.join("nomogram_test.csv");
    let fit = json(&[
        "stats",
        "logistic",
        "--data",
        text(&table),
        "--outcome",
        "metastasis",
        "--covariates",
        "ki67,Histologic type,PMI/T4,late_fusion_probability",
        "--json",
    ]);
    for term in fit["terms"].as_array().unwrap() {
        assert!(truth["metastasis"][term["term"].as_str().unwrap()].is_f64(), "{term}");
    }
    let result = json(&["evaluate", "--cohort", text(&dir), "--json"]);
    let clinical = &result["branches"][0];
    assert_eq!(clinical["name"], "clinical");
    let counts: u64 =
        ["tn", "fp", "fn", "tp"].iter().map(|k| clinical["confusion"][k].as_u64().unwrap()).sum();
    assert_eq!(counts, result["n"].as_u64().unwrap());
    for figure in ["auc", "auc_low", "auc_high", "sensitivity", "specificity", "npv", "accuracy", "brier"] {
        assert!(probability(&clinical[figure]), "{figure}: {}", clinical[figure]);
    }
    assert!(sentence(&["evaluate", "--cohort", text(folder.path())]).contains("there is neither a table"));
    assert!(sentence(&["simulate", text(folder.path()), "--patients", "50"]).contains("is not empty"));
}

/// A cohort of 120 patients in two tables, written so that a column repeats another for events only.
fn cohort_with_a_copy(folder: &Path) -> Vec<String> {
    let mut copied = vec![];
    for (split, first) in [("train", 1), ("test", 61)] {
        let mut rows = String::from("Case;Age;Size (mm);BMI;CEA;M1\n");
        for i in first..first + 60u32 {
            let noise = |k: u32| {
                f64::from(i.wrapping_mul(2_654_435_761).wrapping_mul(k).rotate_left(9) % 1000) / 1000.0
            };
            let event = noise(3) < 0.4;
            let (bmi, size) = (20.0 + 10.0 * noise(5), 10.0 + 30.0 * noise(7));
            let cea = if event { bmi } else { 1.0 + 5.0 * noise(11) };
            if event {
                copied.push(i.to_string());
            }
            let (age, outcome) = (40 + (30.0 * noise(13)) as u32, if event { "yes" } else { "no" });
            rows += &format!("{i};{age};{size:.1};{bmi:.3};{cea:.3};{outcome}\n");
        }
        std::fs::write(folder.join(format!("clinical_{split}.csv")), rows).unwrap();
    }
    copied
}

/// What the columns of [`cohort_with_a_copy`] are.
fn mapping_beside(folder: &Path) -> PathBuf {
    let mapping = folder.join("mapping.json");
    let text_of = r#"{"columns": {"Case": {"key": "id"}, "Size (mm)": {"key": "tumor_size", "factor": 0.1},
        "M1": {"key": "metastasis", "codes": {"yes": 1, "no": 0}}}}"#;
    std::fs::write(&mapping, text_of).unwrap();
    mapping
}

#[test]
fn a_cohort_is_audited_through_a_mapping() {
    let dir = tempfile::tempdir().unwrap();
    let copied = cohort_with_a_copy(dir.path());
    let mapping = mapping_beside(dir.path());
    let arguments = ["audit", "--cohort", text(dir.path()), "--mapping", text(&mapping)];
    let report = json(&[&arguments[..], &["--json"]].concat());
    assert_eq!(
        (report["patients"].as_u64(), report["events"].as_u64()),
        (Some(120), Some(copied.len() as u64))
    );
    let findings = report["findings"].as_array().unwrap();
    let copy = findings.iter().find(|f| f["code"] == "conditional_copy").unwrap();
    assert_eq!(
        (&copy["severity"], &copy["columns"]),
        (&Value::from("high"), &serde_json::json!(["BMI", "CEA"]))
    );
    assert_eq!(copy["patients"].as_array().unwrap().len(), copied.len());
    assert!(copy["effect"]["auc_with"].as_f64() > copy["effect"]["auc_without"].as_f64(), "{copy}");
    assert!(copy["evidence"].is_object() && copy["message"].is_string());
    assert!(!findings.iter().any(|f| f["code"] == "impossible_value"), "{findings:?}");
    let words = thoracast(&arguments);
    assert!(
        String::from_utf8_lossy(&words.stdout).contains("HIGH  A column repeats another for one outcome")
    );
    std::fs::write(&mapping, r#"{"columns": {"Case": {"key": "number of the case"}}}"#).unwrap();
    assert!(sentence(&arguments).contains("'Case' is mapped to 'number of the case', which is no key"));
    assert!(
        sentence(&["audit", "--cohort", text(&dir.path().join("x"))])
            .contains("the cohort folder cannot be read")
    );
}

#[test]
fn a_cohort_is_described_explained_trained_on_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let cohort = folder.path().join("cohort");
    json(&["simulate", text(&cohort), "--patients", "160", "--seed", "8", "--json"]);

    let described = json(&["cohort", text(&cohort), "--table-one", "--json"]);
    assert_eq!(described["patients"], 160);
    assert!(!described["table_one"].is_null());

    // Options of the boosted trees: an ensemble with a missing branch, stopped early, without synthetic patients.
    let out = folder.path().join("models");
    let options = [
        "--trees",
        "60",
        "--depth",
        "2",
        "--learning-rate",
        "0.2",
        "--subsample",
        "0.7",
        "--min-leaf",
        "3",
        "--early-stopping",
        "--seeds",
        "3",
        "--missing",
        "branch",
        "--no-smote",
        "--json",
    ];
    let trained = json(
        &[&["train", "clinical", "--cohort", text(&cohort), "--out", text(&out)], &options[..]].concat(),
    );
    assert_eq!(trained["card"]["seeds"], 3);
    assert_eq!(trained["card"]["missing"], "branch");
    assert!(trained["card"]["held_back"].as_u64().unwrap() > 0 && trained["card"]["smote"].is_null());
    for member in trained["losses"].as_array().unwrap() {
        let [train, held] = ["train", "held_back"].map(|k| member[k].as_array().unwrap().len());
        assert!(train == held && (1..=60).contains(&train));
    }
    // Everything the folder has the data for: it holds no pictures.
    let all = json(&[
        "train",
        "all",
        "--cohort",
        text(&cohort),
        "--out",
        text(&folder.path().join("all")),
        "--json",
    ]);
    let names: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(names, ["clinical", "fusion"]);

    let model = out.join("clinical.json");
    for (wrong, says) in
        [("--depth=0", "0 is no depth"), ("--subsample=2", "2 is no share"), ("--without=price", "price")]
    {
        let said = sentence(&["train", "clinical", "--cohort", text(&cohort), "--out", text(&out), wrong]);
        assert!(said.contains(says), "{said}");
    }

    let explained =
        json(&["explain", "--cohort", text(&cohort), "--model", text(&model), "--repeats", "5", "--json"]);
    let patients = explained["patients"].as_array().unwrap();
    for p in patients {
        let sum: f64 =
            p["contributions"].as_array().unwrap().iter().map(|c| c["log_odds"].as_f64().unwrap()).sum();
        let log_odds = p["base_log_odds"].as_f64().unwrap() + sum;
        let probability = p["probability"].as_f64().unwrap();
        assert!((1.0 / (1.0 + (-log_odds).exp()) - probability).abs() < 1e-12);
    }
    let id = patients[0]["id"].as_str().unwrap();
    let figure = folder.path().join("why.svg");
    for option in [vec![], vec!["--id", id], vec!["--variable", "age"]] {
        let call =
            [&["explain", "--cohort", text(&cohort), "--repeats", "2", "--plot", text(&figure)], &option[..]];
        assert!(thoracast(&call.concat()).status.success(), "{option:?}");
        assert!(std::fs::read_to_string(&figure).unwrap().starts_with("<svg"));
    }
    let said = sentence(&["explain", "--cohort", text(&cohort), "--id", "nobody"]);
    assert!(said.contains("there is no patient 'nobody'"), "{said}");

    for (kind, items) in [("tripod", 52), ("clear", 58)] {
        let file = folder.path().join(format!("{kind}.md"));
        let sheet = json(&[
            "sheet",
            kind,
            "--cohort",
            text(&cohort),
            "--no-evaluation",
            "--out",
            text(&file),
            "--json",
        ]);
        let sections = sheet["sections"].as_array().unwrap();
        let count: usize = sections.iter().map(|s| s["items"].as_array().unwrap().len()).sum();
        assert_eq!(count, items);
        assert!(std::fs::read_to_string(&file).unwrap().contains("(simulated patients)"));
    }
    let said = sentence(&["sheet", "clear", "--cohort", text(&cohort), "--out", "sheet.odt"]);
    assert!(said.contains("sheet.odt") && said.contains(".pdf"), "{said}");
}

#[test]
fn a_cohort_is_summed_up_with_its_table_one() {
    let dir = tempfile::tempdir().unwrap();
    let copied = cohort_with_a_copy(dir.path());
    let mapping = mapping_beside(dir.path());
    let arguments = ["cohort", text(dir.path()), "--mapping", text(&mapping), "--table-one"];
    let held = json(&[&arguments[..], &["--json"]].concat());
    assert_eq!(held["patients"].as_u64(), Some(120));
    let column = |key: &str| {
        let all = held["columns"].as_array().unwrap();
        all.iter().find(|c| c["key"] == key).unwrap_or_else(|| panic!("no {key} in {all:?}")).clone()
    };
    assert_eq!(
        (&column("tumor_size")["kind"], &column("tumor_size")["missing"]),
        (&"number".into(), &0.into())
    );
    assert!(held["table_one"].is_object());
    // The groups of Table 1 are the outcome's, as recoded.
    let words = thoracast(&arguments);
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    for n in [copied.len(), 120 - copied.len()] {
        assert!(words.contains(&n.to_string()), "{n} is not in {words}");
    }
    // A table by itself, without a mapping, keeps its own headings.
    let own = thoracast(&["cohort", text(&dir.path().join("clinical_train.csv"))]);
    assert!(String::from_utf8_lossy(&own.stdout).contains("Size (mm)"));
    let wrong = [&arguments[..], &["--by", "colour"]].concat();
    assert!(sentence(&wrong).contains("there is no column 'colour'"));
    assert!(sentence(&["cohort", text(&dir.path().join("x"))]).contains("x"));
}

#[test]
fn a_sentence_about_a_table_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("nobody ill.csv");
    std::fs::write(&table, "a,y\n1,0\n2,0\n3,0\n").unwrap();
    for command in [["logistic", "--covariates"], ["roc", "--scores"], ["calibration", "--covariates"]] {
        let said =
            sentence(&["stats", command[0], "--data", text(&table), "--outcome", "y", command[1], "a"]);
        assert!(said.contains("nobody ill.csv") && said.contains("the same in all 3 rows"), "{said}");
    }
}
