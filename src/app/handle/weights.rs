//! The models: loading, importing weights, going back to the shipped ones.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::command::{Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::{Dialog, ImportForm, Level, Severity, Workspace};
use super::super::{ModelsState, Workstation};
use thoracast_core::assess::{self, AssessError, Models, Places};
use thoracast_core::library::{self, Candidate, LibraryError};
use thoracast_core::nn::weights;

/// Said where nothing can be imported.
const NAMED_FOLDER: &str = "the models come from the folder named at the start (--models or THORACAST_MODELS): put weights there as t4.safetensors or t11.safetensors, or start without it";

/// Dropped files that are network weights.
const WEIGHTS: [&str; 4] = ["safetensors", "pth", "pt", "bin"];

impl Workstation {
    pub(in super::super) fn load_models(&mut self) {
        let (asked, device) = (self.options.models.clone(), self.options.device);
        let library = self.options.library.clone();
        self.state.weights.can_import = library.is_some();
        self.jobs.cancel(JobId::Models);
        self.jobs.start(JobId::Models, move |progress, reporter| {
            let places = assess::models_folder(asked.as_deref()).map(|shipped| Places { shipped, library });
            let places = match places {
                Ok(places) => places,
                Err(error) => return reporter.send(Finished::Models(Err(error))),
            };
            let loaded = Models::load(&places, device, progress);
            let ready = loaded.is_ok();
            reporter.send(Finished::Models(loaded.map(Arc::new)));
            if ready {
                // The networks are at work already; the card's small print may follow.
                let info = Level::ALL.map(|level| weights::info(&places.weights(level)).ok().map(Arc::new));
                reporter.send(Finished::WeightsInfo(info));
            }
        });
    }

    pub(super) fn models_loaded(&mut self, result: Result<Arc<Models>, AssessError>) {
        // Overtaken by a later loading.
        if matches!(result, Err(AssessError::Cancelled)) && self.jobs.is_running(JobId::Models) {
            return;
        }
        let library = self.options.library.as_deref();
        self.state.weights.imported =
            Level::ALL.map(|level| library.is_some_and(|l| library::weights_path(l, level).exists()));
        self.state.weights.info = [None, None];
        self.models = match result {
            Ok(models) => {
                self.state.weights.failure = None;
                self.state.weights.key = key(&models);
                if let Some(notice) = models.t4.device_notice() {
                    self.state.tell(Severity::Warning, notice.to_owned());
                }
                ModelsState::Ready(models)
            }
            Err(error) => {
                self.state.tell(Severity::Error, error.to_string());
                self.state.weights.failure = Some(error.to_string());
                ModelsState::Failed(error)
            }
        };
        if self.state.stale() {
            self.inputs_changed();
        }
        self.predict_if_pending();
    }

    /// Weights lead to the import dialog, everything else is opened.
    pub(super) fn dropped_paths(&mut self, paths: Vec<PathBuf>) {
        let (brought, rest): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_weights(path));
        if !rest.is_empty() {
            self.open_paths(rest);
        }
        if let Some(first) = brought.into_iter().next() {
            self.ask_import(None, Some(&first));
        }
    }

    /// Opens the import dialog, on a file if there is one already.
    pub(super) fn ask_import(&mut self, level: Option<Level>, path: Option<&Path>) {
        if self.options.library.is_none() {
            return self.state.tell(Severity::Warning, NAMED_FOLDER);
        }
        self.state.workspace = Workspace::Models;
        let text = path.map(|p| p.display().to_string()).unwrap_or_default();
        self.state.dialog =
            Dialog::Import(Box::new(ImportForm { level, path: text, ..ImportForm::default() }));
        if path.is_some() {
            self.examine_weights();
        }
    }

    fn import_form(&mut self) -> Option<&mut ImportForm> {
        match &mut self.state.dialog {
            Dialog::Import(form) => Some(form),
            _ => None,
        }
    }

    /// What a person typed; what was found belongs to the path it was found at.
    pub(super) fn fill_import(&mut self, mut form: Box<ImportForm>) {
        let Some(before) = self.import_form() else { return };
        if before.path != form.path {
            *form = ImportForm { level: form.level, path: form.path, ..ImportForm::default() };
            self.jobs.cancel(JobId::Weights);
        }
        self.state.dialog = Dialog::Import(form);
    }

    pub(super) fn browse_weights(&mut self) {
        self.ask_for_one(PickPurpose::Weights, |dialog| {
            dialog.set_title("Import network weights").add_filter("Weights", &WEIGHTS).pick_file()
        });
    }

    pub(super) fn weights_picked(&mut self, path: PathBuf) {
        let Some(level) = self.import_form().map(|form| form.level) else { return };
        self.ask_import(level, Some(&path));
    }

    pub(super) fn examine_weights(&mut self) {
        let Some(form) = self.import_form() else { return };
        let path = PathBuf::from(form.path.trim().trim_matches('"'));
        let level = form.level;
        (form.refusal, form.found, form.card, form.confirmed) = (None, None, None, false);
        self.jobs.cancel(JobId::Weights);
        self.jobs.start(JobId::Weights, move |progress, reporter| {
            reporter.send(Finished::Examined(library::examine(&path, level, progress).map(Box::new)));
        });
    }

    pub(super) fn examined(&mut self, result: Result<Box<Candidate>, LibraryError>) {
        // Cancelled with its dialog, or overtaken by another file.
        if matches!(result, Err(LibraryError::Cancelled)) {
            return;
        }
        let Some(form) = self.import_form() else { return };
        match result {
            Ok(found) if found.file.path == Path::new(form.path.trim().trim_matches('"')) => {
                form.card = Some(found.card.clone());
                form.found = Some(Arc::from(found));
            }
            Ok(_) => {}
            Err(error) => form.refusal = Some(error.to_string()),
        }
    }

    pub(super) fn install_weights(&mut self) {
        let Some(library) = self.options.library.clone() else {
            return self.state.tell(Severity::Warning, NAMED_FOLDER);
        };
        let Some(form) = self.import_form() else { return };
        let Some((found, card)) = form.found.clone().zip(form.card.clone()) else { return };
        self.jobs.start(JobId::Weights, move |_, reporter| {
            let result = library::install(&found, &card, &library);
            reporter.send(Finished::Installed(found.level, result));
        });
    }

    pub(super) fn installed(&mut self, level: Level, result: Result<PathBuf, LibraryError>) {
        match result {
            Ok(path) => {
                self.state.dialog = Dialog::None;
                let words = format!("{} network imported: {}", level.name(), path.display());
                self.state.tell(Severity::Info, words);
                self.load_models();
            }
            Err(error) => match self.import_form() {
                Some(form) => form.refusal = Some(error.to_string()),
                None => self.state.tell(Severity::Error, error.to_string()),
            },
        }
    }

    pub(super) fn browse_converted(&mut self) {
        let Some(found) = self.import_form().and_then(|form| form.found.clone()) else { return };
        let stem = found.file.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        self.ask_for_one(PickPurpose::Converted, move |dialog| {
            let dialog = dialog.set_title("Save as safetensors").set_file_name(format!("{stem}.safetensors"));
            dialog.add_filter("safetensors", &["safetensors"]).save_file()
        });
    }

    pub(super) fn convert_weights(&mut self, path: PathBuf) {
        let Some(found) = self.import_form().and_then(|form| form.found.clone()) else { return };
        self.jobs.start(JobId::Weights, move |_, reporter| {
            reporter.send(Finished::Converted(library::save_as(&found, &path).map(|()| path)));
        });
    }

    pub(super) fn converted(&mut self, result: Result<PathBuf, LibraryError>) {
        match result {
            Ok(path) => self.state.tell(Severity::Info, format!("weights saved: {}", path.display())),
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    pub(super) fn forget_import(&mut self, level: Level) {
        self.state.dialog = Dialog::None;
        let Some(library) = self.options.library.clone() else { return };
        self.jobs.start(JobId::Weights, move |_, reporter| {
            reporter.send(Finished::Forgotten(level, library::remove(&library, level)));
        });
    }

    pub(super) fn import_forgotten(&mut self, level: Level, result: Result<(), LibraryError>) {
        match result {
            Ok(()) => {
                let words = format!("the imported {} network is gone; the shipped one is used", level.name());
                self.state.tell(Severity::Info, words);
                self.load_models();
            }
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    /// Closes whatever dialog is open; a file being read for it is read for nobody.
    pub(super) fn close_dialogs(&mut self) {
        if matches!(self.state.dialog, Dialog::Import(_)) {
            self.jobs.cancel(JobId::Weights);
        }
        self.state.dialog = Dialog::None;
    }
}

/// Tells sets of models apart.
fn key(models: &Models) -> u64 {
    let mut hasher = DefaultHasher::new();
    for sha256 in [&models.t4.sha256, &models.t11.sha256, &models.clinical.sha256, &models.nomogram.sha256] {
        sha256.hash(&mut hasher);
    }
    // The same weights with another card cut other pictures.
    for card in [&models.t4.card, &models.t11.card] {
        format!("{:?}", card.recipe).hash(&mut hasher);
    }
    hasher.finish()
}

fn is_weights(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    WEIGHTS.contains(&extension.as_str())
}
