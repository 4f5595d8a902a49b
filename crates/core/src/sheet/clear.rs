//! CLEAR: 58 items.

use super::facts::Facts;
use super::{Answer, Section, item};

pub(super) fn sections(f: &Facts<'_>) -> Vec<Section> {
    vec![
        front(),
        study(f),
        data(f),
        segmentation(),
        preprocessing(f),
        modelling(f),
        evaluation(f),
        results(f),
        discussion(f),
        openness(f),
    ]
}

fn front() -> Section {
    Section {
        name: "Title, abstract, introduction",
        items: vec![
            item("1", "Title that names the radiomic method", Answer::open("the title")),
            item("2", "Structured summary", Answer::open("the abstract")),
            item("3", "Keywords", Answer::open("the keywords")),
            item("4", "Scientific or clinical background", Answer::open("the background")),
            item("5", "Why a radiomic approach", Answer::open("the rationale")),
            item("6", "Objectives", Answer::open("the objectives")),
        ],
    }
}

fn study(f: &Facts<'_>) -> Section {
    Section {
        name: "Method: study design",
        items: vec![
            item(
                "7",
                "Adherence to guidelines",
                Answer::filled("This sheet; the program writes TRIPOD+AI's, too"),
            ),
            item("8", "Ethics, consent, data protection", Answer::open("approval and consent")),
            item(
                "9",
                "Sample size",
                Answer::partly(f.events_per_variable(), "any calculation made beforehand"),
            ),
            item("10", "Retrospective or prospective", Answer::open("which")),
            item("11", "Eligibility criteria", Answer::open("who was included and who was not")),
            item(
                "12",
                "Flowchart of the technical pipeline",
                Answer::partly(
                    "Slices at T4 and T11 → DenseNet161 and ResNet50; clinical data → boosted trees; three votes → one probability; with Ki-67, histologic type and PMI → nomogram",
                    "the chart",
                ),
            ),
        ],
    }
}

fn data(f: &Facts<'_>) -> Section {
    Section {
        name: "Method: data",
        items: vec![
            item(
                "13",
                "Source of the data",
                Answer::partly(format!("Cohort '{}'", f.cohort_name()), "private or public, and from where"),
            ),
            item("14", "Overlap with earlier studies", Answer::open("which patients were published before")),
            item(
                "15",
                "How the data were split",
                Answer::known(f.participants(), "how patients were assigned to the splits"),
            ),
            item(
                "16",
                "Imaging protocol",
                Answer::open("scanners, voltage, slice thickness, kernel, contrast"),
            ),
            item("17", "Non-radiomic predictors", Answer::partly(f.predictors(), "how each was measured")),
            item(
                "18",
                "Reference standard",
                Answer::partly("Distant metastasis (yes or no)", "how and when it was established"),
            ),
        ],
    }
}

fn segmentation() -> Section {
    Section {
        name: "Method: segmentation",
        items: vec![
            item(
                "19",
                "Segmentation strategy",
                Answer::partly(
                    "The networks see whole slices; muscle and fat areas are regions with a range of Hounsfield units",
                    "how the regions of this cohort were outlined",
                ),
            ),
            item("20", "Who segmented", Answer::open("number, qualification, blinding")),
        ],
    }
}

fn preprocessing(f: &Facts<'_>) -> Section {
    Section {
        name: "Method: pre-processing and features",
        items: vec![
            item("21", "Pre-processing of the pictures", Answer::filled(f.preprocessing())),
            item(
                "22",
                "Resampling",
                Answer::partly(
                    "No resampling between pixels of the slice but for what item 21 says",
                    "resampling before the slices came to the program, if any",
                ),
            ),
            item(
                "23",
                "Discretisation",
                Answer::filled("Does not apply: the networks take continuous grey values"),
            ),
            item("24", "Image types", Answer::filled("Original CT slices in a fixed window")),
            item("25", "Extraction of features", Answer::filled(f.networks())),
            item(
                "26",
                "Classes of features",
                Answer::filled(
                    "Deep features of convolutional networks; areas and indices of muscle and fat",
                ),
            ),
            item(
                "27",
                "Number of features",
                Answer::filled(format!(
                    "Two pictures through one network each; {} clinical variables",
                    f.models.clinical.columns().count()
                )),
            ),
            item(
                "28",
                "Default settings",
                Answer::filled("What the models' cards do not name is as this version of the program has it"),
            ),
            item(
                "29",
                "Missing data",
                Answer::filled(format!(
                    "{}; in the clinical model missing values are {}",
                    f.missing().unwrap_or_else(|| "no clinical table".to_owned()),
                    f.models.clinical.card().missing_values
                )),
            ),
            item(
                "30",
                "Class imbalance",
                Answer::filled(match &f.models.clinical.card().smote {
                    Some(_) => format!(
                        "BorderlineSMOTE, {} synthetic patients (clinical model)",
                        f.models.clinical.card().synthetic_patients
                    ),
                    None => "none (clinical model)".to_owned(),
                }),
            ),
            item("31", "Reliability of the segmentation", Answer::open("agreement between readers")),
            item(
                "32",
                "Scaling of features",
                Answer::filled(
                    "Clinical variables standardised by the training patients' mean and deviation; pictures as item 21 says",
                ),
            ),
            item("33", "Reduction of dimension", Answer::filled("None beside the networks' own")),
        ],
    }
}

fn modelling(f: &Facts<'_>) -> Section {
    Section {
        name: "Method: modelling",
        items: vec![
            item(
                "34",
                "Algorithms",
                Answer::filled(format!("{}; {}", f.models.clinical.card().recipe, f.networks())),
            ),
            item(
                "35",
                "Training and tuning",
                Answer::known(
                    f.network_training()
                        .map(|t| format!("Clinical: {}. {t}", f.models.clinical.card().recipe)),
                    "how hyperparameters were chosen",
                ),
            ),
            item("36", "Confounders", Answer::known(f.findings(), "what was done about confounding")),
            item("37", "Selection of the model", Answer::open("how the final models were chosen")),
        ],
    }
}

fn evaluation(f: &Facts<'_>) -> Section {
    Section {
        name: "Method: evaluation",
        items: vec![
            item(
                "38",
                "Internal or external testing",
                Answer::known(
                    f.evaluation
                        .map(|e| format!("{} patients of the {} split of the same cohort", e.n, e.split)),
                    "whether any test was external",
                ),
            ),
            item(
                "39",
                "Metrics and why",
                Answer::partly(
                    "AUC, sensitivity, specificity, predictive values, accuracy, Brier score, calibration slope and intercept, net benefit",
                    "why these",
                ),
            ),
            item(
                "40",
                "Uncertainty",
                Answer::filled(
                    "95 % intervals: DeLong (AUC), Wilson (shares), bootstrap (calibration, net benefit)",
                ),
            ),
            item(
                "41",
                "Statistical comparison",
                Answer::all_or(f.comparisons(), "the comparison; evaluate the cohort first"),
            ),
            item(
                "42",
                "Comparison with non-radiomic and combined methods",
                Answer::filled(
                    "The clinical model alone, each network alone, the vote, the mean of log-odds, stacking and the nomogram are evaluated side by side",
                ),
            ),
            item(
                "43",
                "Explainability",
                Answer::filled(
                    "Grad-CAM of both networks, exact Shapley values of the clinical model, the nomogram's points",
                ),
            ),
        ],
    }
}

fn results(f: &Facts<'_>) -> Section {
    Section {
        name: "Results",
        items: vec![
            item(
                "44",
                "Baseline characteristics",
                Answer::known(
                    f.participants().map(|p| format!("{p}. Table 1: `thoracast cohort --table-one`")),
                    "the table",
                ),
            ),
            item("45", "Flowchart of eligibility", Answer::open("the chart")),
            item(
                "46",
                "Statistics of features",
                Answer::partly(
                    "Importance and Shapley values: `thoracast explain`",
                    "reproducibility of the features",
                ),
            ),
            item(
                "47",
                "Performance",
                Answer::all_or(f.performance(), "the figures; evaluate the cohort first"),
            ),
            item(
                "48",
                "Against non-radiomic and combined approaches",
                Answer::all_or(
                    match (f.branch("clinical"), f.branch("fusion")) {
                        (Some(clinical), Some(fusion)) => Some(format!("{clinical}. {fusion}")),
                        (one, other) => one.or(other),
                    },
                    "the figures; evaluate the cohort first",
                ),
            ),
        ],
    }
}

fn discussion(f: &Facts<'_>) -> Section {
    Section {
        name: "Discussion",
        items: vec![
            item("49", "Important findings", Answer::open("the findings")),
            item("50", "Previous works", Answer::open("what they found, and what differs")),
            item(
                "51",
                "Practical implications",
                Answer::open("the implications; the program is for research use only"),
            ),
            item(
                "52",
                "Strengths and limitations",
                Answer::known(f.findings(), "strengths, and what these limits mean"),
            ),
        ],
    }
}

fn openness(f: &Facts<'_>) -> Section {
    Section {
        name: "Open science",
        items: vec![
            item("53", "Sharing of images with segmentations", Answer::open("whether and where")),
            item("54", "Sharing of features", Answer::open("whether and where")),
            item(
                "55",
                "Sharing of pre-processing settings",
                Answer::partly(f.preprocessing(), "where the settings can be had as files"),
            ),
            item("56", "Sharing of the modelling code", Answer::partly(f.software(), "where it can be had")),
            item("57", "Sharing of the final models", Answer::open("whether and where")),
            item(
                "58",
                "Sharing of a ready-to-use system",
                Answer::partly(
                    "This program reads the models and runs on a workstation",
                    "where it can be had",
                ),
            ),
        ],
    }
}
