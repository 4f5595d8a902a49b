//! The Statistics tab: its data, its question, and what follows from both.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Workstation;
use super::super::command::{Finished, PickPurpose};
use super::super::jobs::JobId;
use super::super::state::Severity;
use super::super::statistics::figures::Sources;
use super::super::statistics::{self, AtHand, Computed, Look, Origin, Tile};
use super::mapping::cohort_folder;
use thoracast_core::analysis::{DataSet, Groups, Question, patient_values};
use thoracast_core::chart::{Theme, export};
use thoracast_core::cohort::Split;
use thoracast_core::stats::nomogram::Value;
use thoracast_files::write_atomic;

/// Patients and seed of the simulated cohort that fills the panels where there is none.
const SIMULATED: (usize, u64) = (300, 1);
/// Width of exported charts in points: a journal's full column.
const EXPORT_WIDTH: f32 = 640.0;
const EXPORT_DPI: f32 = 300.0;

impl Workstation {
    /// A look at the tab: where the table or the cohort folder is another than at the last look, the patients come from
    /// there; what a person chose meanwhile stays.
    pub(super) fn open_statistics(&mut self) {
        let s = &self.state.statistics;
        let known = s.data.is_some() || s.failure.is_some();
        if !(known && s.seen == self.at_hand()) {
            self.statistics_from(self.best_origin());
        }
    }

    fn at_hand(&self) -> AtHand {
        let table = self.state.table.as_ref().map(|open| Arc::downgrade(&open.table));
        AtHand { table, folder: self.state.audit.folder.trim().to_owned() }
    }

    /// The cohort folder that is open, a table in which something can be asked, a folder that is named; else patients who
    /// are simulated, as the tab then says.
    fn best_origin(&self) -> Origin {
        match &self.state.table {
            Some(open) if open.path.is_dir() => Origin::Cohort,
            Some(open) if Question::of(&open.table).is_ok() => Origin::Table,
            _ if !self.state.audit.folder.trim().is_empty() => Origin::Cohort,
            _ => Origin::Simulated,
        }
    }

    pub(super) fn statistics_from(&mut self, origin: Origin) {
        self.state.statistics.seen = self.at_hand();
        let found = match origin {
            Origin::Simulated => DataSet::simulated(SIMULATED.0, SIMULATED.1).map_err(|e| e.to_string()),
            Origin::Table => match &self.state.table {
                Some(open) => Ok(DataSet::of_table(&open.table)),
                None => Err("no table is open; open one in the Table tab".to_owned()),
            },
            Origin::Cohort => {
                let folder = PathBuf::from(self.state.audit.folder.trim());
                if folder.as_os_str().is_empty() {
                    Err("no cohort folder is named; choose one in the Audit tab".to_owned())
                } else {
                    let open = || -> Result<DataSet, String> {
                        let cohort = cohort_folder(&folder, self.options.settings.as_deref())?;
                        DataSet::of_cohort(&cohort, Split::Test).map_err(|e| e.to_string())
                    };
                    open()
                }
            }
        };
        let asked = found.and_then(|data| {
            let question = Question::of(&data.table).map_err(|e| e.to_string())?;
            Ok((data, question))
        });
        let s = &mut self.state.statistics;
        s.origin = origin;
        (s.computed, s.cut, s.failure, s.question) = (None, None, None, None);
        s.groups.clear();
        s.patient.clear();
        s.patient_placed = false;
        match asked {
            Ok((data, question)) => {
                s.data = Some(Arc::new(data));
                self.ask(question);
            }
            Err(sentence) => (s.data, s.failure) = (None, Some(sentence)),
        }
    }

    /// Computes the answers to another question; one asked meanwhile is answered next.
    pub(super) fn ask(&mut self, question: Question) {
        let s = &mut self.state.statistics;
        s.question = Some(question.clone());
        let Some(data) = s.data.clone() else { return };
        let look = s.look;
        let started = self.jobs.start(JobId::Statistics, move |progress, reporter| {
            let computed = statistics::compute(&data, &question, look, progress);
            reporter.send(Finished::Statistics(Arc::new(computed)));
        });
        self.state.statistics.outdated = !started;
    }

    pub(super) fn answered(&mut self, computed: Arc<Computed>) {
        let s = &mut self.state.statistics;
        s.computed = Some(computed);
        if let (true, Some(question)) = (s.outdated, s.question.clone()) {
            // The job that just reported may not have left its thread yet.
            self.jobs.sweep();
            self.ask(question);
        }
        self.place_typical();
        self.part_groups();
    }

    /// Keeps the patient's values that still fit the model, and fills the rest with the cohort's middle.
    fn place_typical(&mut self) {
        let s = &mut self.state.statistics;
        let Some(typical) = s.model().map(thoracast_core::analysis::Model::typical) else { return };
        let known = std::mem::take(&mut s.patient);
        let value = |(name, middle): (String, Value)| {
            let same = |(n, v): &&(String, Value)| {
                *n == name && std::mem::discriminant(v) == std::mem::discriminant(&middle)
            };
            let value = known.iter().find(same).map_or(middle.clone(), |(_, v)| v.clone());
            (name, value)
        };
        s.patient = typical.into_iter().map(value).collect();
    }

    pub(super) fn move_patient(&mut self, name: &str, value: Value) {
        if let Some(place) = self.state.statistics.patient.iter_mut().find(|(n, _)| n == name) {
            place.1 = value;
            self.state.statistics.patient_placed = true;
        }
    }

    /// The open patient's values on the nomogram.
    pub(super) fn load_open_patient(&mut self) {
        let record = match self.state.inputs.record() {
            Ok(record) => record,
            Err(wrong) => return self.state.tell(Severity::Warning, wrong.join("; ")),
        };
        let fused = self.state.outcome.assessment.as_ref().map(|a| a.fused.log_prob.0[1]);
        let Some(model) = self.state.statistics.model() else { return };
        let values = patient_values(model, &record, fused);
        let missing: Vec<String> = model
            .design
            .covariates
            .iter()
            .filter(|c| !values.iter().any(|(n, _)| *n == c.name))
            .map(|c| c.name.clone())
            .collect();
        for (name, value) in values {
            self.move_patient(&name, value);
        }
        if !missing.is_empty() {
            let words = format!(
                "the open patient has no value for {}; the cohort's stands there",
                missing.join(", ")
            );
            self.state.tell(Severity::Warning, words);
        }
    }

    pub(super) fn cut_at(&mut self, cut: Option<f64>) {
        self.state.statistics.cut = cut;
        self.part_groups();
    }

    /// Quick enough for a slider: a thousandth of a second for hundreds of patients.
    fn part_groups(&mut self) {
        let s = &mut self.state.statistics;
        let (Some(data), Some(question), Some(cut)) = (s.data.clone(), s.question.clone(), s.cut_now())
        else {
            return s.groups.clear();
        };
        let Some(model) = s.model() else { return };
        let part = |e| Groups::split(&data, &question, model, e, cut).map_err(|e| e.to_string());
        s.groups = question.endpoints.iter().map(part).collect();
    }

    pub(super) fn look_at_figures(&mut self, look: Look) {
        let s = &mut self.state.statistics;
        let recompute = s.look.prevalence_percent != look.prevalence_percent;
        s.look = look;
        if let (true, Some(question)) = (recompute, s.question.clone()) {
            self.ask(question);
        }
    }

    /// Asks where a chart, or its numbers, shall be written; the ending decides which.
    pub(super) fn browse_export(&mut self, tile: Tile) {
        self.state.statistics.exporting = Some(tile);
        let stem = tile.file_stem(self.state.statistics.question.as_ref());
        self.ask_for_one(PickPurpose::Figure, move |dialog| {
            dialog
                .set_title("Export chart (SVG, PNG, PDF) or its numbers (CSV)")
                .set_file_name(format!("{stem}.svg"))
                .add_filter("Chart or numbers", &["svg", "png", "pdf", "csv"])
                .save_file()
        });
    }

    pub(super) fn export_picked(&mut self, path: &Path) {
        if let Some(tile) = self.state.statistics.exporting.take() {
            self.export_figure(tile, path);
        }
    }

    /// What the Statistics tab is drawn from.
    pub fn sources(&self) -> Sources<'_> {
        Sources::of(&self.state, self.models().map(Arc::as_ref))
    }

    pub(super) fn export_figure(&mut self, tile: Tile, path: &Path) {
        let written = figure_bytes(self.sources(), tile, path)
            .and_then(|bytes| write_atomic(path, &bytes).map_err(|e| e.to_string()));
        match written {
            Ok(()) => {
                let name = tile.name(self.state.statistics.question.as_ref());
                self.state.tell(Severity::Info, format!("{name} saved as {}", path.display()));
            }
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }

    /// Writes the nomogram with its points table as a page and opens it in the system's viewer, which prints it.
    pub(super) fn print_nomogram(&mut self) {
        let path = std::env::temp_dir().join("thoracast-nomogram.pdf");
        let Some(page) = self.sources().print_page() else {
            return self.state.tell(Severity::Info, "there is no nomogram to print yet");
        };
        let written = export::bytes(&page, &Theme::light(), export::Format::Pdf, EXPORT_DPI)
            .map_err(|e| e.to_string())
            .and_then(|bytes| write_atomic(&path, &bytes).map_err(|e| e.to_string()));
        let shown = written.and_then(|()| {
            open::that_detached(&path).map_err(|e| {
                format!("no viewer opens {} ({e}); print that file from another program", path.display())
            })
        });
        match shown {
            Ok(()) => {
                self.state.tell(Severity::Info, "the nomogram is in the PDF viewer; print it from there")
            }
            Err(sentence) => self.state.tell(Severity::Error, sentence),
        }
    }
}

fn figure_bytes(sources: Sources<'_>, tile: Tile, path: &Path) -> Result<Vec<u8>, String> {
    let question = sources.statistics.question.as_ref();
    let nothing = || format!("there is no {} to export yet", tile.name(question));
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return sources.csv(tile).map(String::into_bytes).ok_or_else(nothing);
    }
    let format = export::Format::of(path)
        .ok_or_else(|| format!("{}: write a name that ends in .svg, .png, .pdf or .csv", path.display()))?;
    let chart = sources.chart(tile, EXPORT_WIDTH).ok_or_else(nothing)?;
    export::bytes(&chart, &Theme::light(), format, EXPORT_DPI).map_err(|e| e.to_string())
}
