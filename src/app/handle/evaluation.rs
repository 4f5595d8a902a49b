//! Evaluating the loaded models on a cohort folder from the window.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::Workstation;
use super::super::cohort::CohortFinished;
use super::super::command::{Evaluated, Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::Severity;
use super::mapping::cohort_folder;
use thoracast_core::assess::Models;
use thoracast_core::audit::{Code, Report};
use thoracast_core::clinical::importance::{ExplainedCohort, explain_cohort};
use thoracast_core::clinical::{self, PUBLISHED_COLUMNS};
use thoracast_core::cohort::{CohortFolder, Split, columns};
use thoracast_core::evaluate::{self, CrossValidation, Options};
use thoracast_core::report::flow;
use thoracast_core::sheet::{Facts, Kind, Sheet};
use thoracast_files::progress::Progress;

/// Findings whose columns a model had better do without.
const OBJECTIONS: [Code; 5] = [
    Code::ConditionalCopy,
    Code::MissingnessTellsOutcome,
    Code::FillValueTellsOutcome,
    Code::TooGoodSinglePredictor,
    Code::AfterOutcomeVariable,
];

/// The clinical variables that the audit objects to, by key.
pub fn objections(report: &Report) -> Vec<String> {
    let objected = report.findings.iter().filter(|f| OBJECTIONS.contains(&f.code)).flat_map(|f| &f.columns);
    let mut keys: Vec<String> = Vec::new();
    for key in objected
        .filter_map(|c| report.keys.get(c).map(String::as_str).or_else(|| columns::key_of(c)))
        .filter(|k| PUBLISHED_COLUMNS.contains(k))
    {
        if !keys.iter().any(|k| k == key) {
            keys.push(key.to_owned());
        }
    }
    keys
}

impl Workstation {
    /// Runs every branch on the cohort folder's test patients; where the folder was audited, also the clinical branch
    /// without what the audit objects to.
    pub(super) fn evaluate(&mut self) {
        let Some(models) = self.models().cloned() else {
            return self.state.tell(Severity::Info, "the models are not loaded yet");
        };
        let folder = PathBuf::from(self.state.audit.folder.trim());
        let without = match &self.state.audit.result {
            Some(Ok(report)) => objections(report),
            _ => Vec::new(),
        };
        let settings = self.options.settings.clone();
        let cross_validation = self.state.cross_validate.then_some(FOLDS);
        let options = Options { split: Split::Test, without, cross_validation, seed: 1 };
        let started = self.jobs.start(JobId::Evaluate, move |progress, reporter| {
            let result = cohort_folder(&folder, settings.as_deref()).and_then(|cohort| {
                let evaluation =
                    evaluate::run(&cohort, &models, &options, progress).map_err(|e| e.to_string())?;
                progress.stage("Explaining the clinical branch");
                let explained = explained(&cohort, &models, options.split)?;
                Ok(Evaluated { evaluation: Arc::new(evaluation), explained: explained.map(Arc::new) })
            });
            reporter.send(Finished::Evaluated(Box::new(result)));
        });
        if started {
            (self.state.evaluation, self.state.explained) = (None, None);
        }
    }

    pub(super) fn evaluated(&mut self, result: Result<Evaluated, String>) {
        self.state.evaluation = Some(result.map(|done| {
            self.state.explained = done.explained;
            done.evaluation
        }));
    }

    /// Asks where a reporting sheet goes; the ending decides what is written.
    pub(super) fn browse_sheet(&mut self, kind: Kind) {
        self.ask_for_one(PickPurpose::Sheet(kind), move |dialog| {
            dialog
                .set_title(format!("{} sheet", kind.name()))
                .set_file_name(format!("{}.pdf", kind.stem()))
                .add_filter("PDF or Markdown", &["pdf", "md"])
                .save_file()
        });
    }

    /// Fills a reporting sheet with what is known of the cohort folder, its audit and its evaluation, and writes it.
    pub(super) fn write_sheet(&mut self, kind: Kind, path: PathBuf) {
        let Some(models) = self.models().cloned() else {
            return self.state.tell(Severity::Info, "the models are not loaded yet");
        };
        let folder = PathBuf::from(self.state.audit.folder.trim());
        let settings = self.options.settings.clone();
        let evaluation = self.state.evaluation.as_ref().and_then(|e| e.as_ref().ok()).cloned();
        let report = self.state.audit.result.as_ref().and_then(|r| r.as_ref().ok()).cloned();
        self.jobs.start(JobId::Save, move |_, reporter| {
            let written = cohort_folder(&folder, settings.as_deref()).and_then(|cohort| {
                let facts = Facts {
                    cohort: &cohort,
                    models: &models,
                    evaluation: evaluation.as_deref(),
                    audit: report.as_ref(),
                    created: flow::now(),
                };
                Sheet::fill(kind, &facts).write(&path).map(|()| path).map_err(|e| e.to_string())
            });
            reporter.send(Finished::Cohort(CohortFinished::Exported(written)));
        });
    }
}

/// As usual: ten folds, five times.
const FOLDS: CrossValidation = CrossValidation { folds: 10, repeats: 5 };
/// Times that each variable is shuffled.
const REPEATS: usize = 30;

/// What the clinical branch depends on among the split's patients; `None` without a clinical table.
fn explained(
    cohort: &CohortFolder,
    models: &Models,
    split: Split,
) -> Result<Option<ExplainedCohort>, String> {
    let Some(table) = cohort.clinical(split) else { return Ok(None) };
    let (records, _) = clinical::read_records(table).map_err(|e| e.to_string())?;
    let outcome = clinical::outcomes(table).map_err(|e| e.to_string())?;
    Ok(Some(explain_cohort(&models.clinical, &records, &outcome, REPEATS, 0)))
}
