//! TRIPOD+AI: 27 items, 52 with their parts.

use super::facts::Facts;
use super::{Answer, Section, item};

const PREDICTS: &str = "distant metastasis of breast cancer from a chest CT at the vertebral levels T4 and T11 and from clinicopathological data";

pub(super) fn sections(f: &Facts<'_>) -> Vec<Section> {
    vec![
        Section {
            name: "Title and abstract",
            items: vec![
                item(
                    "1",
                    "Title: development or evaluation, target population, outcome predicted",
                    Answer::partly(
                        format!("A multivariable model that predicts {PREDICTS}"),
                        "the title itself, with the target population and whether the model is developed, evaluated or both",
                    ),
                ),
                item("2", "Abstract: as TRIPOD+AI for Abstracts asks", Answer::open("the abstract")),
            ],
        },
        introduction(),
        data(f),
        outcome_and_predictors(f),
        analysis(f),
        open_science(f),
        results(f),
        discussion(f),
    ]
}

fn introduction() -> Section {
    Section {
        name: "Introduction",
        items: vec![
            item(
                "3a",
                "Healthcare context, rationale, existing models",
                Answer::open("context and rationale, with references to existing models"),
            ),
            item(
                "3b",
                "Target population, purpose in the care pathway, intended users",
                Answer::partly(
                    "Intended for research by radiologists and research staff; not for clinical decisions",
                    "target population and place in the care pathway",
                ),
            ),
            item(
                "3c",
                "Known health inequalities between sociodemographic groups",
                Answer::open("what is known of inequalities"),
            ),
            item("4", "Objectives: development, validation or both", Answer::open("the objectives")),
        ],
    }
}

fn data(f: &Facts<'_>) -> Section {
    let partition = f.participants();
    Section {
        name: "Methods: data and participants",
        items: vec![
            item(
                "5a",
                "Sources of data, for development and for evaluation; how representative",
                Answer::known(
                    partition.map(|p| format!("Cohort '{}'. {p}", f.cohort_name())),
                    "where the data come from and whom they represent",
                ),
            ),
            item("5b", "Dates of accrual and end of follow-up", Answer::known(f.follow_up(), "the dates")),
            item("6a", "Setting, number and place of centres", Answer::open("the centres")),
            item("6b", "Eligibility criteria", Answer::open("who was included and who was not")),
            item(
                "6c",
                "Treatments received and how they were handled",
                Answer::known(
                    f.treatments(),
                    "which treatments were given, and why they may stand among the predictors",
                ),
            ),
            item(
                "7",
                "Data preparation and quality checks",
                Answer::known(
                    Some(match f.findings() {
                        Some(found) => format!("{}. Quality: {found}", f.preprocessing()),
                        None => f.preprocessing(),
                    }),
                    "whether preparation was alike across sociodemographic groups, and what was done about the findings",
                ),
            ),
        ],
    }
}

fn outcome_and_predictors(f: &Facts<'_>) -> Section {
    Section {
        name: "Methods: outcome, predictors, size, missing data",
        items: vec![
            item(
                "8a",
                "Outcome, time horizon, how and when it was assessed",
                Answer::partly(
                    "Distant metastasis (yes or no)",
                    "how it was assessed, by when, and why this outcome",
                ),
            ),
            item(
                "8b",
                "Who assessed an outcome that needs judgement",
                Answer::open("qualification and number of the assessors"),
            ),
            item("8c", "Blinding of the assessment", Answer::open("what was blinded")),
            item(
                "9a",
                "Choice of the initial predictors, selection before modelling",
                Answer::known(
                    Some(match f.other_columns() {
                        Some(others) => format!(
                            "Predictors of the clinical model: {}. Not used: {others}",
                            f.predictors()
                        ),
                        None => format!("Predictors of the clinical model: {}", f.predictors()),
                    }),
                    "why these",
                ),
            ),
            item(
                "9b",
                "Definition of all predictors, how and when measured",
                Answer::partly(
                    format!("{}; the CT slices at T4 and T11", f.predictors()),
                    "how and when each was measured, and what was blinded",
                ),
            ),
            item(
                "9c",
                "Who assessed predictors that need judgement",
                Answer::open("who chose the slices and outlined muscle and fat"),
            ),
            item(
                "10",
                "Study size and its justification",
                Answer::partly(f.events_per_variable(), "how the size was arrived at, with any calculation"),
            ),
            item(
                "11",
                "How missing data were handled; reasons for omitting data",
                Answer::partly(
                    format!(
                        "{}. In the clinical model missing values are {}",
                        f.missing().unwrap_or_else(|| "There is no clinical table".to_owned()),
                        f.models.clinical.card().missing_values
                    ),
                    "why values are missing, and whom that left out",
                ),
            ),
        ],
    }
}

fn analysis(f: &Facts<'_>) -> Section {
    let card = f.models.clinical.card();
    Section {
        name: "Methods: analysis",
        items: vec![
            item(
                "12a",
                "How the data were used: partition, size",
                Answer::all_or(f.participants(), "how the data were split"),
            ),
            item(
                "12b",
                "How predictors were handled: form, scaling",
                Answer::filled(format!(
                    "Clinical: {}; codes as numbers. Pictures: {}",
                    card.recipe,
                    f.preprocessing()
                )),
            ),
            item(
                "12c",
                "Type of model, building, tuning, internal validation",
                Answer::partly(
                    format!(
                        "Clinical: {}. Networks: {}. Fusion: where T4 and T11 vote alike the T4 probability stands, else the clinical vote decides. Nomogram: {}",
                        card.recipe,
                        f.network_training().unwrap_or_else(|| f.networks()),
                        f.models.nomogram.description()
                    ),
                    "why these models, and how hyperparameters were chosen",
                ),
            ),
            item(
                "12d",
                "Heterogeneity across clusters",
                Answer::open("centres or scanners, if there are several"),
            ),
            item(
                "12e",
                "Measures and plots of performance and comparison",
                Answer::filled(
                    "AUC with DeLong's interval, sensitivity, specificity, predictive values and accuracy with Wilson intervals, Brier score, calibration slope and intercept, bootstrap-corrected calibration curves, decision curves, Kaplan–Meier curves with log-rank test; DeLong's paired test between models",
                ),
            ),
            item("12f", "Updating of the model", Answer::open("none, unless you recalibrated the model")),
            item(
                "12g",
                "How predictions were calculated in the evaluation",
                Answer::filled(format!(
                    "By this program: {}; models by SHA-256: clinical {}, T4 {}, T11 {}, nomogram {}",
                    f.software(),
                    short(&f.models.clinical.sha256),
                    short(&f.models.t4.sha256),
                    short(&f.models.t11.sha256),
                    short(&f.models.nomogram.sha256)
                )),
            ),
            item("13", "Class imbalance methods, recalibration after them", Answer::filled(imbalance(f))),
            item(
                "14",
                "Approaches to fairness",
                Answer::open("what was done for fairness, or that nothing was"),
            ),
            item(
                "15",
                "Output, classification and thresholds",
                Answer::filled(format!(
                    "Probabilities; a branch votes for metastasis above 0.5; high risk from {:.1} total points of the nomogram ({})",
                    f.models.nomogram.cutoff_points(),
                    f.models.nomogram.cutoff().how
                )),
            ),
            item(
                "16",
                "Differences between development and evaluation data",
                Answer::open("differences of setting, eligibility, outcome and predictors"),
            ),
            item("17", "Ethical approval and consent", Answer::open("committee, number, consent or waiver")),
        ],
    }
}

fn imbalance(f: &Facts<'_>) -> String {
    let card = f.models.clinical.card();
    match &card.smote {
        Some(_) => format!(
            "Clinical: {} synthetic patients of the rarer outcome by BorderlineSMOTE; probabilities were not recalibrated afterwards",
            card.synthetic_patients
        ),
        None => "Clinical: none".to_owned(),
    }
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

fn open_science(f: &Facts<'_>) -> Section {
    Section {
        name: "Open science, patient and public involvement",
        items: vec![
            item("18a", "Funding and role of the funders", Answer::open("the funders")),
            item("18b", "Conflicts of interest", Answer::open("of all authors")),
            item("18c", "Protocol", Answer::open("where it is, or that there was none")),
            item("18d", "Registration", Answer::open("register and number, or that there was none")),
            item("18e", "Data sharing", Answer::open("whether and where the data can be had")),
            item(
                "18f",
                "Code sharing",
                Answer::partly(
                    format!("Analysed with {}", f.software()),
                    "where code and settings can be had",
                ),
            ),
            item("19", "Patient and public involvement", Answer::open("in what, or that there was none")),
        ],
    }
}

fn results(f: &Facts<'_>) -> Section {
    let followed = f.participants().map(|p| match f.follow_up() {
        Some(follow_up) => format!("{p}; {follow_up}"),
        None => p,
    });
    Section {
        name: "Results",
        items: vec![
            item(
                "20a",
                "Flow of participants, with and without the outcome, follow-up",
                Answer::known(followed, "who was excluded at which step; a diagram"),
            ),
            item(
                "20b",
                "Characteristics, events, missing data",
                Answer::partly(
                    format!(
                        "Table 1 of the program (`thoracast cohort --table-one`). {}",
                        f.missing().unwrap_or_default()
                    ),
                    "the table, with differences across demographic groups",
                ),
            ),
            item(
                "20c",
                "Evaluation against development data",
                Answer::partly("Table 1 by split from the same command", "the comparison in words"),
            ),
            item(
                "21",
                "Participants and events in each analysis",
                Answer::filled(match f.evaluation {
                    Some(e) => format!(
                        "{}; evaluated: {} patients, {} events",
                        f.events_per_variable(),
                        e.n,
                        e.events
                    ),
                    None => f.events_per_variable(),
                }),
            ),
            item(
                "22",
                "Full model, restrictions of use",
                Answer::partly(
                    "Models as files with cards, read by the program; the nomogram prints as axes and points table. Research use only",
                    "where the files can be had, and under what licence",
                ),
            ),
            item(
                "23a",
                "Performance with intervals, by subgroups",
                Answer::known(
                    f.performance().map(|p| match f.comparisons() {
                        Some(tests) => format!("{p}. {tests}"),
                        None => p,
                    }),
                    if f.evaluation.is_some() {
                        "key subgroups"
                    } else {
                        "the figures; evaluate the cohort first"
                    },
                ),
            ),
            item(
                "23b",
                "Heterogeneity across clusters",
                Answer::open("centres or scanners, if there are several"),
            ),
            item("24", "Results of updating", Answer::open("none, unless the model was updated")),
        ],
    }
}

fn discussion(f: &Facts<'_>) -> Section {
    Section {
        name: "Discussion",
        items: vec![
            item(
                "25",
                "Interpretation, with fairness",
                Answer::open("what the results mean beside earlier studies"),
            ),
            item(
                "26",
                "Limitations",
                Answer::known(f.findings(), "what these and other limits do to bias and generality"),
            ),
            item(
                "27a",
                "Poor or missing inputs in use",
                Answer::filled(format!(
                    "Missing clinical values are {}; slices unlike those of the training are remarked on, and so are values outside its range",
                    f.models.clinical.card().missing_values
                )),
            ),
            item(
                "27b",
                "What users must do and know",
                Answer::filled(
                    "A radiologist confirms the slices at T4 and T11 and the clinical values before each prediction",
                ),
            ),
            item("27c", "Next steps", Answer::open("what should follow, for use elsewhere")),
        ],
    }
}
