//! Grad-CAM for another class or layer than the assessment's own.

use std::sync::Arc;

use super::super::Workstation;
use super::super::command::Finished;
use super::super::jobs::JobId;
use super::super::state::{Explained, Severity};
use thoracast_core::assess::Assessment;
use thoracast_core::cam::Look;
use thoracast_core::nn::{Heatmap, NnError};
use thoracast_files::progress::Progress;

impl Workstation {
    pub(super) fn set_cam(&mut self, look: Look, keep: bool) {
        let look = look.sane();
        if look != self.state.cam {
            self.state.cam = look;
            self.state.outcome.report_pages.clear();
        }
        if keep {
            self.remember();
            self.explain();
            self.preview_report_if_shown();
        }
    }

    /// Computes Grad-CAM of what is asked for, unless it is there already.
    pub(super) fn explain(&mut self) {
        let (look, outcome) = (self.state.cam, &self.state.outcome);
        let Some(assessment) = outcome.assessment.clone() else { return };
        if outcome.heat(&look, 0).is_some() && outcome.heat(&look, 1).is_some() {
            return;
        }
        let Some(models) = self.models().cloned() else { return };
        let Some(pictures) =
            assessment.reasons.t4_picture.clone().zip(assessment.reasons.t11_picture.clone())
        else {
            return;
        };
        // Networks loaded since say nothing about this result.
        let same = |name: &str, sha256: &str| assessment.models.get(name).is_some_and(|s| s == sha256);
        if !same("t4", &models.t4.sha256) || !same("t11", &models.t11.sha256) {
            return;
        }
        let inputs = outcome.inputs;
        self.jobs.cancel(JobId::Explain);
        self.jobs.start(JobId::Explain, move |progress, reporter| {
            progress.report(0, 2);
            let t4 = models.t4.grad_cam_at(&pictures.0, look.class, look.layer);
            if progress.cancelled() {
                return;
            }
            progress.report(1, 2);
            let result =
                t4.and_then(|t4| Ok([t4, models.t11.grad_cam_at(&pictures.1, look.class, look.layer)?]));
            if !progress.cancelled() {
                reporter.send(Finished::Explained { inputs, look, result });
            }
        });
    }

    pub(super) fn explained(&mut self, inputs: u64, look: Look, result: Result<[Heatmap; 2], NnError>) {
        if self.state.outcome.assessment.is_none() || self.state.outcome.inputs != inputs {
            return;
        }
        match result {
            Ok(heat) => {
                self.state.outcome.explained.push(Explained { look, heat: Arc::new(heat) });
                self.state.outcome.report_pages.clear();
                self.preview_report_if_shown();
            }
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    /// The assessment with the Grad-CAM and colours on screen; its own where those asked for are not computed yet.
    pub(super) fn as_shown(&self, assessment: &Assessment) -> Assessment {
        let mut shown = assessment.clone();
        let (look, outcome) = (self.state.cam, &self.state.outcome);
        match (outcome.heat(&look, 0), outcome.heat(&look, 1)) {
            (Some(t4), Some(t11)) => {
                shown.reasons.t4_cam = Some(t4.clone());
                shown.reasons.t11_cam = Some(t11.clone());
                shown.reasons.look = look;
            }
            _ => {
                let Look { class, layer, .. } = shown.reasons.look;
                shown.reasons.look = Look { class, layer, ..look };
            }
        }
        shown
    }
}
