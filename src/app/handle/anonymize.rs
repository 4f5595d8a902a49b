//! De-identification from the window.

use std::path::{Path, PathBuf};

use super::super::Workstation;
use super::super::command::Finished;
use super::super::jobs::JobId;
use super::super::state::{AnonymizeForm, Dialog, Severity};
use thoracast_dicom::deidentify::{self, DeidentifyError, Options, Summary};

/// Files left out that are named one by one; the rest is counted.
const MOST_NAMED: usize = 10;

impl Workstation {
    /// Opens the dialog on the folder of the shown series.
    pub(super) fn ask_to_anonymize(&mut self) {
        let first = self.state.viewer.open.as_ref().and_then(|open| open.series.frames.first());
        let folder =
            first.map(|f| if f.member.is_some() { &*f.path } else { f.path.parent().unwrap_or(&f.path) });
        let text = |path: Option<&Path>| path.map(|p| p.display().to_string()).unwrap_or_default();
        let out = folder.map(beside);
        let form =
            AnonymizeForm { input: text(folder), out: text(out.as_deref()), ..AnonymizeForm::default() };
        self.state.dialog = Dialog::Anonymize(form);
    }

    pub(super) fn anonymize(&mut self, form: AnonymizeForm) {
        let (input, out) = (PathBuf::from(form.input.trim()), PathBuf::from(form.out.trim()));
        let options = Options {
            dates: form.dates,
            clean_descriptors: form.clean_descriptors,
            patient_characteristics: form.patient_characteristics,
            skip_burned_in: form.skip_burned_in,
            ..Options::default()
        };
        self.state.dialog = Dialog::None;
        let started = self.jobs.start(JobId::Anonymize, move |progress, reporter| {
            let result = deidentify::run(&[input], &out, &options, progress);
            reporter.send(Finished::Anonymized(result));
        });
        if !started {
            self.state.tell(Severity::Info, "another de-identification is still running");
        }
    }

    pub(super) fn anonymized(&mut self, result: Result<Summary, DeidentifyError>) {
        let summary = match result {
            Ok(summary) => summary,
            Err(DeidentifyError::Cancelled) => {
                return self.state.tell(Severity::Info, "de-identification cancelled; nothing was written");
            }
            Err(error) => return self.state.tell(Severity::Error, error.to_string()),
        };
        for skipped in summary.skipped.iter().take(MOST_NAMED) {
            self.state.tell(Severity::Warning, format!("{}: {}", skipped.path.display(), skipped.reason));
        }
        for warning in summary.warnings.iter().take(MOST_NAMED) {
            self.state.tell(Severity::Warning, warning.clone());
        }
        let more = summary.skipped.len().saturating_sub(MOST_NAMED)
            + summary.warnings.len().saturating_sub(MOST_NAMED);
        let more =
            if more > 0 { format!("; {more} more remarks are not listed here") } else { String::new() };
        let (written, files) = (summary.written, summary.files);
        let text = format!("{written} of {files} files de-identified and checked by reading back{more}");
        self.state.tell(Severity::Info, text);
    }
}

/// A folder beside another for the copies.
fn beside(folder: &Path) -> PathBuf {
    let name = folder.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    folder.with_file_name(format!("{name}-deidentified"))
}
