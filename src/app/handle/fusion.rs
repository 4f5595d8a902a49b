//! How the branches become one probability: stacking weights are written by an evaluation and chosen for a patient.

use std::path::{Path, PathBuf};

use super::super::Workstation;
use super::super::cohort::CohortFinished;
use super::super::command::PickPurpose;
use super::super::state::Severity;
use thoracast_core::fusion::{FittedStacking, FusionRule};

impl Workstation {
    pub(super) fn browse_stacking(&mut self) {
        self.ask_for_one(PickPurpose::Stacking, |dialog| {
            dialog.set_title("Stacking weights").add_filter("JSON", &["json"]).pick_file()
        });
    }

    /// Fuses by a file's weights, if they belong to the models in use.
    pub(super) fn open_stacking(&mut self, path: &Path) {
        let Some(models) = self.models() else {
            return self.state.tell(Severity::Info, "the models are not loaded yet");
        };
        let fitted = FittedStacking::read(path).and_then(|f| f.check(&models.hashes()).map(|()| f));
        match fitted {
            Ok(fitted) => self.change("fusion", |inputs| inputs.fusion = FusionRule::Stacking(fitted)),
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    pub(super) fn browse_stacking_out(&mut self) {
        self.ask_for_one(PickPurpose::StackingOut, |dialog| {
            let dialog = dialog.set_title("Weights of the stacked fusion").set_file_name("stacking.json");
            dialog.add_filter("JSON", &["json"]).save_file()
        });
    }

    /// The evaluation's weights into a file.
    pub(super) fn write_stacking(&mut self, path: PathBuf) {
        let evaluation = self.state.evaluation.as_ref().and_then(|e| e.as_ref().ok());
        let Some(fitted) = evaluation.and_then(|e| e.stacking.clone()) else {
            return self
                .state
                .tell(Severity::Info, "evaluate a cohort whose patients have all three branches first");
        };
        let written = fitted.write(&path).map(|()| path).map_err(|e| e.to_string());
        self.cohort_finished(CohortFinished::Exported(written));
    }
}
