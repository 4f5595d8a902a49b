//! Evaluating the loaded models on a cohort folder from the window.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::Workstation;
use super::super::command::Finished;
use super::super::jobs::JobId;
use super::super::state::Severity;
use super::mapping::cohort_folder;
use crate::audit::{Code, Report};
use crate::clinical::PUBLISHED_COLUMNS;
use crate::cohort::{Split, columns};
use crate::evaluate::{self, Evaluation, Options};

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
        let options = Options { split: Split::Test, without, cross_validation: None, seed: 1 };
        let settings = self.options.settings.clone();
        let started = self.jobs.start(JobId::Evaluate, move |progress, reporter| {
            let result = cohort_folder(&folder, settings.as_deref()).and_then(|cohort| {
                evaluate::run(&cohort, &models, &options, progress).map_err(|e| e.to_string())
            });
            reporter.send(Finished::Evaluated(Box::new(result.map(Arc::new))));
        });
        if started {
            self.state.evaluation = None;
        }
    }

    pub(super) fn evaluated(&mut self, result: Result<Arc<Evaluation>, String>) {
        self.state.evaluation = Some(result);
    }
}
