//! Commands of the steps: levels, clinical values, prediction, report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Workstation;
use super::super::command::Finished;
use super::super::jobs::JobId;
use super::super::state::{Inputs, Level, Severity, Tab};
use super::super::{ModelsState, State};
use thoracast_core::assess::{self, AssessError, Assessment, Case, Models, Remark};
use thoracast_core::clinical::{self, Record, VARIABLES};
use thoracast_core::report::{self, Input, Provenance};

/// A changed value is assessed anew after this pause, so that typing does not start a run a letter.
const UPDATE_PAUSE: Duration = Duration::from_millis(700);

/// Changes of one thing nearer than this are one step of undo.
const ONE_STROKE: Duration = Duration::from_millis(1000);

/// Steps of undo kept.
const UNDO_STEPS: usize = 200;

impl Workstation {
    /// Changes the inputs and marks the result for an update. Changes of the same thing in quick
    /// succession (a drag, a word typed) are one step of undo.
    pub(super) fn change(&mut self, what: &'static str, edit: impl FnOnce(&mut Inputs)) {
        let before = self.state.inputs.clone();
        edit(&mut self.state.inputs);
        if before == self.state.inputs {
            return;
        }
        let goes_on =
            self.state.last_change.is_some_and(|(last, at)| last == what && at.elapsed() < ONE_STROKE);
        self.state.last_change = Some((what, Instant::now()));
        if !goes_on {
            self.state.undo.push(before);
            if self.state.undo.len() > UNDO_STEPS {
                self.state.undo.remove(0);
            }
        }
        self.state.redo.clear();
        self.inputs_changed();
    }

    pub(super) fn undo(&mut self) {
        if let Some(earlier) = self.state.undo.pop() {
            self.state.viewer.selected = None;
            let now = std::mem::replace(&mut self.state.inputs, earlier);
            self.state.redo.push(now);
            self.state.last_change = None;
            self.inputs_changed();
        }
    }

    pub(super) fn redo(&mut self) {
        if let Some(later) = self.state.redo.pop() {
            self.state.viewer.selected = None;
            let now = std::mem::replace(&mut self.state.inputs, later);
            self.state.undo.push(now);
            self.inputs_changed();
        }
    }

    pub(super) fn inputs_changed(&mut self) {
        self.state.outcome.failure = None;
        if self.state.outcome.assessment.is_some() {
            self.state.outcome.changed_at = Some(Instant::now());
        }
    }

    pub(super) fn mark(&mut self, level: Level, slice: Option<usize>) {
        self.change(level.name(), |inputs| inputs.set_level(level, slice));
    }

    pub(super) fn mark_here(&mut self, level: Level) {
        if self.state.viewer.open.is_none() {
            self.state.tell(Severity::Info, "open a CT series first");
            return;
        }
        self.mark(level, Some(self.state.viewer.cross.slice));
    }

    /// Starts the prediction asked for before everything was loaded.
    pub(super) fn predict_if_pending(&mut self) {
        let waits = self.state.pending_predict;
        if waits && self.models().is_some() && self.state.missing_for_prediction().is_empty() {
            self.state.pending_predict = false;
            self.predict();
        }
    }

    pub(super) fn predict(&mut self) {
        let missing = self.state.missing_for_prediction();
        if let Some(first) = missing.first() {
            self.state.tell(Severity::Info, format!("before predicting: {first}"));
            return;
        }
        match &self.models {
            ModelsState::Ready(models) => {
                let models = Arc::clone(models);
                self.start_assessment(models);
            }
            ModelsState::Waiting => {
                self.state.pending_predict = true;
                self.load_models();
            }
            ModelsState::Failed(error) => {
                let sentence = error.to_string();
                self.state.tell(Severity::Error, sentence);
            }
        }
    }

    fn start_assessment(&mut self, models: Arc<Models>) {
        let subject = match self.state.subject() {
            Ok(subject) => subject,
            Err(other) => return self.state.tell(Severity::Error, other.to_string()),
        };
        let State { viewer, inputs, outcome, .. } = &mut self.state;
        let volume = viewer.open.as_ref().and_then(|o| o.volume.clone());
        let (Some(volume), Some(t4), Some(t11), Ok(record)) =
            (volume, inputs.t4, inputs.t11, inputs.record())
        else {
            return;
        };
        let rule = inputs.fusion.clone();
        let mut warnings = viewer.open.as_ref().map(|o| o.series.warnings.clone()).unwrap_or_default();
        warnings.extend(clinical::outside_codes(&record));
        let remarks: Vec<Remark> = warnings.into_iter().map(Remark::Input).collect();
        outcome.failure = None;
        outcome.changed_at = None;
        let fingerprint = self.state.fingerprint();
        self.state.outcome.attempted = Some(fingerprint);
        self.jobs.cancel(JobId::Assess);
        self.jobs.start(JobId::Assess, move |progress, reporter| {
            let result = assess::cut_pictures(&models, &volume, t4, t11).and_then(|(t4, t11)| {
                let case = Case { subject, record: record.clone(), t4, t11, remarks };
                assess::assess(&models, case, &rule, progress)
            });
            let result = Box::new(result);
            reporter.send(Finished::Assessed { inputs: fingerprint, record, result });
        });
    }

    pub(super) fn assessed(&mut self, inputs: u64, record: Record, result: Result<Assessment, AssessError>) {
        // A run that was overtaken by a newer one, or by another patient, has nothing to say any more.
        if self.state.outcome.attempted != Some(inputs) {
            return;
        }
        match result {
            Ok(assessment) => {
                let first = self.state.outcome.assessment.is_none();
                self.state.outcome.assessment = Some(Arc::new(assessment));
                self.state.outcome.record = record;
                self.state.outcome.inputs = inputs;
                self.state.outcome.report_pages.clear();
                self.state.outcome.explained.clear();
                self.explain();
                if first && self.state.tab == Tab::Pictures {
                    self.state.tab = Tab::Nomogram;
                }
                self.preview_report_if_shown();
            }
            Err(AssessError::Cancelled) => self.state.tell(Severity::Info, "prediction cancelled"),
            Err(error) => {
                self.state.outcome.failure = Some(error.to_string());
                self.state.tell(Severity::Error, error.to_string());
            }
        }
    }

    /// Runs the prediction again once a changed input has rested for a moment.
    pub(in super::super) fn update_stale_result(&mut self) {
        let Some(since) = self.state.outcome.changed_at else { return };
        if !self.state.stale() {
            self.state.outcome.changed_at = None;
        } else if since.elapsed() >= UPDATE_PAUSE {
            self.state.outcome.changed_at = None;
            // While something is missing the old result stays, marked as out of date.
            if self.state.missing_for_prediction().is_empty() && self.models().is_some() {
                self.predict();
            }
        }
    }

    /// What a report is made from, when a result stands that belongs to what is on screen.
    fn report_parts(&mut self) -> Option<(Arc<Assessment>, Record, Provenance)> {
        if self.state.outcome.assessment.is_none() {
            self.state.tell(Severity::Info, "predict first: there is no result to report");
            return None;
        }
        if self.state.stale() {
            self.state.tell(
                Severity::Warning,
                "the result is out of date: wait for its update, or complete the inputs and predict again",
            );
            return None;
        }
        let assessment = self.state.outcome.assessment.clone()?;
        let models = Arc::clone(self.models()?);
        let assessment = Arc::new(self.as_shown(&assessment));
        let series = self.state.viewer.open.as_ref().map(|o| &o.series);
        let inputs = &self.state.inputs;
        let values = inputs.row.as_ref().map_or_else(|| inputs.identity(), |row| row.identity.clone());
        let went_in = series.map(Input::of_series).into_iter();
        let went_in = went_in.chain([Input::of_values(&values, &inputs.changed_since_row())]).collect();
        let provenance = report::provenance(&models, series, went_in);
        Some((assessment, self.state.outcome.record.clone(), provenance))
    }

    /// Lays out the report's pages for the Report tab.
    pub(super) fn preview_report(&mut self) {
        if !self.state.outcome.report_pages.is_empty()
            || self.state.outcome.assessment.is_none()
            || self.state.stale()
        {
            return;
        }
        if let Some((assessment, record, provenance)) = self.report_parts() {
            self.state.outcome.report_pages = report::pages(&assessment, &record, &provenance);
        }
    }

    pub(super) fn preview_report_if_shown(&mut self) {
        if self.state.tab == Tab::Report {
            self.preview_report();
        }
    }

    /// Writes `NAME.pdf` and `NAME.json`.
    pub(super) fn save_report(&mut self, path: PathBuf) {
        let Some((assessment, record, provenance)) = self.report_parts() else { return };
        let started = self.jobs.start(JobId::Save, move |_, reporter| {
            let pdf = path.with_extension("pdf");
            let saved = report::save(&assessment, &record, &provenance, &pdf);
            reporter.send(Finished::Saved(saved.map(|()| pdf).map_err(|e| e.to_string())));
        });
        if !started {
            self.state.tell(Severity::Info, "a report is being saved already");
        }
    }

    pub(super) fn report_saved(&mut self, result: Result<PathBuf, String>) {
        match result {
            Ok(path) => self.state.tell(Severity::Info, format!("report saved: {}", path.display())),
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }
}

/// The form's texts for a record's values.
pub(super) fn form_texts(record: &Record) -> std::collections::BTreeMap<&'static str, String> {
    VARIABLES
        .iter()
        .filter_map(|variable| {
            // Not rounded: the trees must see the table's value.
            Some((variable.key, record.values.get(variable.key)?.to_string()))
        })
        .collect()
}
