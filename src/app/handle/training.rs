//! Training from the window.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::super::Workstation;
use super::super::command::{Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::Severity;
use super::super::training::{TrainingForm, TrainingRun, Watcher};
use thoracast_core::cohort::pictures;
use thoracast_core::nn::{Card, DeviceChoice, EpochPoint, weights};
use thoracast_core::training::{self, Job, Onlooker, TrainingError, publish};

impl Workstation {
    /// Asks for one of the form's paths.
    pub(super) fn pick_for_training(&mut self, purpose: PickPurpose) {
        self.ask_for_one(purpose, move |dialog| match purpose {
            PickPurpose::TrainingInit => dialog
                .set_title("Start from weights")
                .add_filter("Weights", &["safetensors", "pth", "pt"])
                .pick_file(),
            PickPurpose::TrainingOut => dialog.set_title("Folder for the weights").pick_folder(),
            _ => dialog.set_title("Cohort folder").pick_folder(),
        });
    }

    pub(super) fn picked_for_training(&mut self, purpose: PickPurpose, path: &Path) {
        let (text, form) = (path.display().to_string(), &mut self.state.training.form);
        match purpose {
            PickPurpose::TrainingInit => form.init = text,
            PickPurpose::TrainingOut => form.out = text,
            _ => form.cohort = text,
        }
    }

    pub(super) fn train(&mut self) {
        let form = self.state.training.form.clone();
        if let Err(error) = form.plan.check() {
            return self.state.tell(Severity::Error, error.to_string());
        }
        let run = TrainingRun::new(form.clone());
        let (pause, device) = (run.pause.clone(), self.options.device);
        let started = self.jobs.start(JobId::Train, move |progress, reporter| {
            let watcher = Watcher { progress, reporter, pause };
            let result = work(&form, device, &watcher).map_err(|e| e.to_string());
            reporter.send(Finished::Trained(result.map(Box::new)));
        });
        match started {
            true => self.state.training.run = Some(run),
            false => self.state.tell(Severity::Info, "another training is still running; stop it first"),
        }
    }

    pub(super) fn pause_training(&mut self, pause: bool) {
        if let Some(run) = &self.state.training.run {
            run.pause.store(pause, Ordering::Relaxed);
        }
    }

    pub(super) fn epoch_over(&mut self, point: EpochPoint, kept: usize) {
        if let Some(run) = &mut self.state.training.run {
            run.add(point, kept);
        }
    }

    pub(super) fn trained(&mut self, result: Result<Box<(PathBuf, Card)>, String>) {
        match &result {
            Ok(done) => {
                self.state.tell(Severity::Info, format!("training is over: {}", done.0.display()));
            }
            Err(sentence) => self.state.tell(Severity::Warning, sentence.clone()),
        }
        if let Some(run) = &mut self.state.training.run {
            if let Ok(done) = &result
                && let Some(record) = &done.1.training
            {
                // Of a resumed run the epochs before it are known now.
                run.curve = record.curve.clone();
                run.kept = record.kept_epoch;
            }
            run.end = Some(result);
        }
    }
}

/// From the folder of pictures to the weights file; the same steps as `thoracast train`.
fn work(
    form: &TrainingForm,
    device: DeviceChoice,
    onlooker: &dyn Onlooker,
) -> Result<(PathBuf, Card), TrainingError> {
    let arch = form.level.arch();
    let recipe = weights::default_recipe(arch);
    onlooker.stage("Reading the pictures");
    let folder = Path::new(form.cohort.trim()).join("images").join(form.level.name());
    let pictures = pictures::read(&folder, &recipe)?;
    let path = form.weights();
    std::fs::create_dir_all(form.out.trim()).map_err(|e| {
        TrainingError::Plan(format!(
            "{}: the folder cannot be made ({e}); choose another for the weights",
            form.out.trim()
        ))
    })?;
    let checkpoint = training::checkpoint_path(&path);
    let init = Some(form.init.trim()).filter(|text| !text.is_empty()).map(Path::new);
    let job = Job {
        arch,
        recipe,
        plan: &form.plan,
        pictures: &pictures,
        init,
        device,
        checkpoint: Some(&checkpoint),
        resume: form.resume,
    };
    let trained = training::train(&job, onlooker)?;
    let name = format!("{} {}", form.level.name(), arch.title());
    let mut card = publish::write(&trained, arch, &name, &path, true, &[])?;
    if form.test && !pictures.test.is_empty() {
        onlooker.stage("Test pictures");
        card = publish::test(&path, card, &pictures.test, device)?;
    }
    // The weights are safe; what was needed to go on is not any more.
    let _ = std::fs::remove_file(&checkpoint);
    Ok((path, card))
}
