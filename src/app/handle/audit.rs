//! Auditing a cohort folder from the window.

use std::path::{Path, PathBuf};

use super::super::Workstation;
use super::super::command::{Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::{CohortTab, Severity, Workspace};
use super::mapping::cohort_folder;
use thoracast_core::audit::{self, Report};

impl Workstation {
    /// Asks for the cohort's folder.
    pub(super) fn pick_cohort(&mut self) {
        self.ask_for_one(PickPurpose::Cohort, |dialog| dialog.set_title("Cohort folder").pick_folder());
    }

    pub(super) fn cohort_picked(&mut self, folder: &Path) {
        self.state.audit.folder = folder.display().to_string();
        self.audit();
    }

    pub(super) fn audit(&mut self) {
        let folder = PathBuf::from(self.state.audit.folder.trim());
        self.state.workspace = Workspace::Cohort;
        self.state.cohort_tab = CohortTab::Audit;
        let settings = self.options.settings.clone();
        let started = self.jobs.start(JobId::Audit, move |progress, reporter| {
            let result = cohort_folder(&folder, settings.as_deref())
                .and_then(|cohort| audit::run(&cohort, progress).map_err(|e| e.to_string()));
            reporter.send(Finished::Audited(result));
        });
        if started {
            self.state.audit.result = None;
        }
    }

    pub(super) fn audited(&mut self, result: Result<Report, String>) {
        if let Ok(report) = &result {
            let words = match report.findings.len() {
                0 => "the audit found nothing".to_owned(),
                1 => "the audit found one thing".to_owned(),
                n => format!("the audit found {n} things"),
            };
            self.state.tell(Severity::Info, words);
        }
        self.state.audit.result = Some(result);
    }
}
