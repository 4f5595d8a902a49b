//! The mapping dialog: drafts, files, and what is remembered for a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::Workstation;
use super::super::cohort::{CohortFinished, MappingForm};
use super::super::command::Finished;
use super::super::jobs::JobId;
use super::super::state::{Dialog, Severity, Workspace};
use thoracast_core::cohort::draft::{self, Draft};
use thoracast_core::cohort::{CohortFolder, Mapping, Table};
use thoracast_files as files;

impl Workstation {
    /// Reads what is open once more, as it is, and opens the dialog on it.
    pub(super) fn map_columns(&mut self) {
        let Some(open) = &self.state.table else {
            return self.state.tell(Severity::Info, "open a clinical table or a cohort folder first");
        };
        let (path, settings) = (open.path.clone(), self.options.settings.clone());
        self.jobs.start(JobId::Table, move |_, reporter| {
            let form = if path.is_dir() { form_of_folder(&path) } else { form_of_table(&path) };
            let form = form.and_then(|mut form| {
                if let Some(mapping) = remembered(settings.as_deref(), &form)? {
                    form.take_up(&mapping);
                }
                Ok(form)
            });
            reporter.send(Finished::Cohort(CohortFinished::Drafted(Box::new(form))));
        });
    }

    pub(super) fn drafted(&mut self, form: Result<MappingForm, String>) {
        match form {
            Ok(form) => {
                self.state.workspace = Workspace::Cohort;
                self.state.cohort.mapping = Some(form);
                self.state.dialog = Dialog::Mapping;
            }
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }

    /// Remembers the dialog's mapping and opens the table or folder anew with it.
    pub(super) fn use_mapping(&mut self) {
        let Some(form) = self.state.cohort.mapping.take() else { return };
        if form.blocked() {
            self.state.cohort.mapping = Some(form);
            return;
        }
        self.state.dialog = Dialog::None;
        let mapping = draft::mapping(&form.drafts);
        let place = place(self.options.settings.as_deref(), &form);
        if let Some(place) = &place
            && let Err(error) = mapping.write(place)
        {
            self.state.tell(Severity::Warning, format!("the mapping can't be remembered: {error}"));
        }
        if form.is_folder && place.is_some() {
            return self.open_cohort(form.path);
        }
        if form.is_folder {
            let words = "the mapping can't be used: this window keeps no settings; save it and use --mapping in the shell";
            return self.state.tell(Severity::Warning, words);
        }
        self.read_table_with(form.path, Some(mapping));
    }

    pub(super) fn import_mapping(&mut self, path: &Path) {
        match Mapping::read(path) {
            Ok(mapping) => {
                if let Some(form) = &mut self.state.cohort.mapping {
                    form.take_up(&mapping);
                }
            }
            Err(error) => self.state.tell(Severity::Error, error.to_string()),
        }
    }

    pub(super) fn export_mapping(&mut self, path: PathBuf) {
        let Some(form) = &self.state.cohort.mapping else { return };
        let mapping = draft::mapping(&form.drafts);
        self.jobs.start(JobId::Save, move |_, reporter| {
            let result = mapping.write(&path).map(|()| path).map_err(|e| e.to_string());
            reporter.send(Finished::Cohort(CohortFinished::Exported(result)));
        });
    }
}

/// The dialog for a table opened by itself.
pub(super) fn form_of_table(path: &Path) -> Result<MappingForm, String> {
    let table = Table::read(path).map_err(|e| e.to_string())?;
    Ok(MappingForm::new(path.to_owned(), false, vec![Draft::of_table(table)]))
}

/// The dialog for a cohort folder.
pub(super) fn form_of_folder(path: &Path) -> Result<MappingForm, String> {
    let drafts = Draft::of_folder(path).map_err(|e| e.to_string())?;
    if drafts.is_empty() {
        return Err(format!("{}: this cohort has no table whose columns could be mapped", path.display()));
    }
    Ok(MappingForm::new(path.to_owned(), true, drafts))
}

/// What was remembered for a table or folder with these very columns.
pub(super) fn remembered(settings: Option<&Path>, form: &MappingForm) -> Result<Option<Mapping>, String> {
    match place(settings, form).filter(|p| p.exists()) {
        Some(place) => Mapping::read(&place).map(Some).map_err(|e| e.to_string()),
        None => Ok(None),
    }
}

/// A cohort folder as the window reads it everywhere: under what was remembered for its columns; where a table's name
/// says nothing, under what its columns look like.
pub(super) fn cohort_folder(path: &Path, settings: Option<&Path>) -> Result<CohortFolder, String> {
    let form = form_of_folder(path);
    let mapping = match &form {
        Ok(form) => remembered(settings, form)?,
        // A folder with pictures alone has nothing to map; what else is wrong is told below.
        Err(_) => None,
    };
    match (CohortFolder::open(path, mapping.as_ref()), &form) {
        (Ok(folder), _) => Ok(folder),
        // The only table has a name of its own: its draft's mapping names it.
        (Err(_), Ok(form)) if mapping.is_none() => {
            CohortFolder::open(path, Some(&draft::mapping(&form.drafts))).map_err(|e| e.to_string())
        }
        (Err(error), _) => Err(error.to_string()),
    }
}

/// Where a mapping is remembered: beside the settings, by path and columns. `None` where nothing is remembered.
fn place(settings: Option<&Path>, form: &MappingForm) -> Option<PathBuf> {
    let path = std::path::absolute(&form.path).unwrap_or_else(|_| form.path.clone());
    let headers: Vec<&[String]> = form.drafts.iter().map(|d| &d.table.header[..]).collect();
    let key = files::sha256_of(format!("{}\n{headers:?}", path.display()).as_bytes());
    Some(settings?.parent()?.join("mappings").join(format!("{key}.json")))
}

/// A table under a mapping.
pub(super) fn mapped(table: &Table, mapping: &Mapping) -> Result<Table, String> {
    mapping.apply(table, &BTreeMap::new(), &mut BTreeSet::new()).map_err(|e| e.to_string())
}
