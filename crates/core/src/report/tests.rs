//! Made-up patients for the report's and the charts' tests.

use std::collections::BTreeMap;

use super::*;
use crate::assess::{
    ClinicalBranch, FusedResult, ImageBranch, NomogramResult, Placed, Reasons, Remark, Remarks, RiskGroup,
};
use crate::chart::{check, raster};
use crate::clinical::{Explanation, VARIABLES};
use crate::fusion::{LogProb, fuse};
use crate::identity::{Identity, Source, Subject};
use crate::level::Level;
use crate::nn::Heatmap;
use crate::slice::Picture;

fn branch(vote: bool, p: f64, trained: bool, slice: usize) -> ImageBranch {
    let probability = if vote { p } else { 1.0 - p };
    let log_prob = LogProb([(1.0 - probability).ln(), probability.ln()]);
    ImageBranch {
        slice: Some(slice),
        placed: Placed::ByPerson,
        log_prob,
        probability: log_prob.probability(),
        vote,
        trained,
        heads: vec![],
        distance: None,
    }
}

/// An ellipse of soft tissue with two dark lungs.
fn picture(width: usize, height: usize) -> Picture {
    let inside = |x: f64, y: f64, cx: f64, cy: f64, rx: f64, ry: f64| {
        ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
    };
    let grey = (0..width * height)
        .map(|i| {
            let (x, y) = ((i % width) as f64 / width as f64, (i / width) as f64 / height as f64);
            match () {
                () if inside(x, y, 0.32, 0.5, 0.13, 0.28) || inside(x, y, 0.68, 0.5, 0.13, 0.28) => 12,
                () if inside(x, y, 0.5, 0.5, 0.46, 0.44) => 120 + (x * 60.0) as u8,
                () => 0,
            }
        })
        .collect();
    Picture { width, height, grey }
}

fn heat(cx: f32, cy: f32) -> Heatmap {
    let value = |i: usize| {
        let (x, y) = ((i % 15) as f32 / 15.0 - cx, (i / 15) as f32 / 9.0 - cy);
        (-(x * x + y * y) / 0.03).exp()
    };
    Heatmap { width: 15, height: 9, values: (0..135).map(value).collect() }
}

fn study() -> Identity {
    Identity { source: Source::Study, study_uid: "1.2.826".to_owned(), ..Identity::typed("P-0460") }
}

/// A made-up patient with the given votes.
pub fn assessment(t4: bool, t11: bool, clinical: bool, trained: bool) -> Assessment {
    let untrained = !trained;
    let (t4, t11) = (branch(t4, 0.83, trained, 138), branch(t11, 0.71, true, 42));
    let fused = fuse(t4.log_prob, t11.log_prob, clinical);
    let (nomogram, patient) = crate::figures::nomogram::tests::sample();
    let hash = |c: &str| c.repeat(64);
    Assessment {
        id: "P-0460".to_owned(),
        t4,
        t11,
        clinical: ClinicalBranch {
            probability: if clinical { 0.62 } else { 0.18 },
            vote: clinical,
            missing: vec![],
            spread: None,
            missing_policy: crate::clinical::Missing::Median,
            explanation: Explanation::default(),
        },
        fused: FusedResult {
            log_prob: fused.log_prob,
            probability: fused.log_prob.probability(),
            source: Some(fused.source),
            votes: fused.votes,
            rule: crate::fusion::FusionRule::Vote,
        },
        nomogram: NomogramResult {
            points: patient.points.iter().cloned().collect(),
            total: Some(patient.total),
            risk: Some(patient.risk),
            group: Some(RiskGroup::High),
        },
        models: [("t4", "a"), ("t11", "b"), ("clinical", "c"), ("nomogram", "d")]
            .map(|(name, c)| (name.to_owned(), hash(c)))
            .into(),
        meaningful: trained,
        device: "CPU (2 threads)".to_owned(),
        subject: Subject::new(study(), Identity::typed("P-0460"), false).unwrap(),
        remarks: Remarks(untrained.then(|| Remark::Untrained(vec![Level::T4])).into_iter().collect()),
        reasons: Reasons {
            t4_picture: Some(picture(500, 300)),
            t11_picture: Some(picture(500, 400)),
            t4_cam: Some(heat(0.25, 0.4)),
            t11_cam: Some(heat(0.6, 0.6)),
            look: crate::cam::Look::default(),
            nomogram: Some(nomogram),
            patient_points: Some(patient),
            cutoff_points: Some(131.6),
        },
    }
}

fn record() -> Record {
    let values = [
        ("age", 57.0),
        ("tumor_size", 2.4),
        ("bmi", 24.2),
        ("cea", 1.93),
        ("pmi_t4", 15.04),
        ("menopause", 1.0),
        ("n_stage", 2.0),
        ("er", 1.0),
        ("her2", 0.0),
        ("ki67", 40.0),
        ("subtype", 7.0),
        ("histology", 1.0),
    ];
    Record { id: "P-0460".to_owned(), values: values.into_iter().collect() }
}

fn provenance() -> Provenance {
    let models = [
        ("t4", "DenseNet161, trained on 740 patients of the study's cohort; test AUC 0.81 (0.74–0.87)."),
        ("t11", "ResNet50, trained on 740 patients of the study's cohort; test AUC 0.79 (0.72–0.86)."),
        ("clinical", "Gradient boosting, 300 trees over 20 variables."),
        ("nomogram", "Logistic regression of four predictors."),
    ];
    Provenance {
        created: "2026-03-09T14:05:00+01:00".to_owned(),
        study_uid: Some("1.2.826.0.1.3680043.8.498.45787841905388114249480135640319346871".to_owned()),
        series_uid: Some("1.2.826.0.1.3680043.8.498.10338514903880424942240135640319346872".to_owned()),
        series_description: Some("Thorax venous 1.0 Br40".to_owned()),
        study_date: Some("2026-03-02".to_owned()),
        inputs: vec![Input {
            role: "clinical table".to_owned(),
            name: "clinical.csv".to_owned(),
            sha256: Some("e".repeat(64)),
        }],
        models: models.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }
}

/// Everything that can go wrong with a patient, at once.
fn troubled() -> (Assessment, Record, Provenance) {
    let mut a = assessment(false, true, true, false);
    a.id = "ANON-".to_owned() + &"7f3c9a".repeat(22);
    a.clinical.missing = vec!["CEA".to_owned(), "HER2".to_owned()];
    a.nomogram = NomogramResult { points: BTreeMap::new(), total: None, risk: None, group: None };
    a.reasons.patient_points = None;
    a.reasons.t11_cam = None;
    a.device =
        "CPU (2 threads), the CUDA device failed and the work was done on the processor instead".to_owned();
    let long = "one slice is missing between IM-0001-0042.dcm and IM-0001-0044.dcm (gap of 10.0 mm where 5.0 mm \
                stands elsewhere); volumes near it are not measured ";
    let mut said: Vec<String> = (0..30).map(|i| format!("{i}: {}", long.repeat(1 + i % 4))).collect();
    said.push("x".repeat(900));
    a.remarks.0.extend(said.into_iter().map(Remark::Input));
    let provenance = Provenance { created: "not a date".to_owned(), ..Provenance::default() };
    (a, Record::default(), provenance)
}

#[test]
fn no_page_has_cut_or_covered_text() {
    let good = (assessment(true, true, false, true), record(), provenance());
    let untrained = (assessment(false, true, true, false), record(), provenance());
    for (name, (a, record, provenance)) in
        [("good", good), ("untrained", untrained), ("troubled", troubled())]
    {
        let pages = pages(&a, &record, &provenance);
        for (i, page) in pages.iter().enumerate() {
            check::assert_sound(page);
            check::look(page, &format!("report-{name}-{}", i + 1));
            let footer = format!("Page {} of {}", i + 1, pages.len());
            assert!(page.texts().any(|t| t.text == footer), "{footer}");
        }
    }
}

fn words(pages: &[Chart]) -> String {
    pages.iter().flat_map(|p| p.texts()).map(|t| t.text.clone()).collect::<Vec<_>>().join(" ")
}

#[test]
fn untrained_weights_are_told_and_trained_ones_are_not_accused() {
    let untrained = words(&pages(&assessment(true, true, true, false), &record(), &provenance()));
    assert!(untrained.contains("Untrained weights: figures have no meaning"));
    let trained = words(&pages(&assessment(true, true, true, true), &record(), &provenance()));
    assert!(!trained.to_lowercase().contains("untrained"));
    assert!(trained.contains(RESEARCH_ONLY) && untrained.contains(RESEARCH_ONLY));
}

#[test]
fn values_stand_in_words_and_units_and_missing_ones_are_marked() {
    let text = words(&pages(&assessment(true, true, true, true), &record(), &provenance()));
    for wanted in ["57 years", "15.04 cm²/m²", "N2", "Positive", "Ductal", "2.4 cm", "40 %"] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(VARIABLES.iter().all(|v| text.contains(v.label)), "a label was shortened");
    assert_eq!(text.matches(" missing").count(), 8, "20 variables, 12 given");
}

#[test]
fn every_warning_and_the_whole_id_reach_the_reader() {
    let (a, record, provenance) = troubled();
    let pages = pages(&a, &record, &provenance);
    assert!(pages.len() > 2);
    let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let all = squeeze(&pages.iter().flat_map(|p| p.texts()).map(|t| t.text.clone()).collect::<String>());
    for warning in a.remarks.words().iter().filter(|w| w.len() < 300 && !w.starts_with(UNTRAINED)) {
        assert!(all.contains(&squeeze(warning)), "{warning}");
    }
    assert!(all.contains(&"x".repeat(100)) && all.contains(&a.id));
    assert!(words(&pages).contains("–"), "an unknown risk is a dash");
}

#[test]
fn times_are_written_for_people() {
    assert_eq!(flow::when("2026-03-09T14:05:31.5+01:00"), "2026-03-09 14:05 +01:00");
    assert_eq!(flow::when("2026-03-09T14:05:31Z"), "2026-03-09 14:05 UTC");
    assert_eq!(flow::when("µµµµµ"), "µµµµµ");
}

#[test]
fn json_is_the_assessment_plus_where_it_came_from() {
    let a = assessment(true, false, true, false);
    let document = json(&a, &provenance());
    assert_eq!(document["fused"]["source"], "t4");
    assert_eq!(document["report"]["untrained"], UNTRAINED);
    assert_eq!(document["report"]["notice"], RESEARCH_ONLY);
    assert_eq!(document["report"]["slices"]["t11"], 42);
    assert_eq!(document["report"]["models"]["t4"]["sha256"], "a".repeat(64));
    assert_eq!(document["report"]["inputs"][0]["name"], "clinical.csv");
    let trained = json(&assessment(true, false, true, true), &provenance());
    assert!(trained["report"].get("untrained").is_none());
}

#[test]
fn the_pdf_has_the_pages_and_the_fonts() {
    let (a, record, provenance) = (assessment(true, true, true, true), record(), provenance());
    let bytes = pdf(&a, &record, &provenance).unwrap();
    assert!(bytes.starts_with(b"%PDF-"));
    let count = pages(&a, &record, &provenance).len();
    let holds = |words: &str| bytes.windows(words.len()).any(|w| w == words.as_bytes());
    assert!(holds(&format!("/Count {count}")) && holds("InterTabular-SemiBold"));
    assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    if let Some(folder) = std::env::var_os("THORACAST_LOOK") {
        std::fs::write(std::path::Path::new(&folder).join("report.pdf"), bytes).unwrap();
    }
}

#[test]
fn previews_are_pictures_of_the_pages() {
    let (a, record, provenance) = (assessment(true, true, true, true), record(), provenance());
    let svgs = page_svgs(&a, &record, &provenance, &Theme::dark()).unwrap();
    let png = raster::svg_to_png(&svgs[0], 36.0).unwrap();
    let picture = image::load_from_memory(&png).unwrap();
    assert_eq!((picture.width(), picture.height()), (298, 421));
}

/// A doubt stood behind a hover in the window and at the end of the report.
#[test]
fn doubt_stands_under_the_figures_and_greys_them() {
    let mut a = assessment(true, true, true, true);
    let labels = vec!["CEA".to_owned(), "HER2".to_owned()];
    let policy = crate::clinical::Missing::Median;
    let good = pages(&a, &record(), &provenance());
    a.remarks.0.push(Remark::FilledIn { labels, policy });
    let row = Identity::typed("24");
    a.subject = Subject::new(study(), row.clone(), true).unwrap();
    a.remarks.0.push(Remark::SaidToBeOne {
        study: Box::new(study()),
        values: Box::new(row),
        differs: a.subject.differs().to_vec(),
    });
    let pages = pages(&a, &record(), &provenance());
    check::look(&pages[0], "report-doubtful-1");
    pages.iter().for_each(check::assert_sound);
    let first = words(&pages[..1]);
    assert!(first.contains("this result is doubtful") && first.contains("CEA, HER2"), "{first}");
    assert!(first.contains("said to be the same patient") && first.contains("Study's ID"), "{first}");
    let role = |pages: &[Chart]| pages[0].texts().find(|t| t.text == "High").map(|t| t.fill.role);
    assert_eq!(
        (role(&good), role(&pages)),
        (Some(crate::chart::Role::High), Some(crate::chart::Role::Muted))
    );
    let document = json(&a, &provenance());
    assert_eq!(document["doubts"].as_array().unwrap().len(), 1);
    assert_eq!(document["subject"]["differs"], serde_json::json!(["id"]));
    assert_eq!(document["warnings"].as_array().unwrap().len(), 2);
}
