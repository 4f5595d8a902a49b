//! What the window knows. Panels read it; only the handler changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::action::Action;
use super::cohort::CohortRoom;
use super::keymap::Keymap;
use super::shelf::Shelf;
use super::statistics::Statistics;
use super::training::{TrainingForm, TrainingRun};
pub use super::viewer::{Layout, OpenSeries, Preset, Viewer, Window};
use thoracast_core::assess::Assessment;
use thoracast_core::audit::Report;
use thoracast_core::cam::Look;
use thoracast_core::chart::Chart;
use thoracast_core::clinical::importance::ExplainedCohort;
use thoracast_core::clinical::{self, Kind, Record, VARIABLES, Variable};
use thoracast_core::cohort::Table;
use thoracast_core::evaluate::Evaluation;
use thoracast_core::fusion::{FusionRule, Stacking};
use thoracast_core::identity::{Comparison, Identity, OtherPatient, Subject};
pub use thoracast_core::level::Level;
use thoracast_core::library::Candidate;
use thoracast_core::measure::Mark;
use thoracast_core::nn::weights::Info;
use thoracast_core::nn::{Card, Heatmap};
use thoracast_dicom::deidentify::Dates;
use thoracast_dicom::{Scan, TagText};
use thoracast_files::words;

/// The workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workspace {
    #[default]
    Patient,
    Cohort,
    Models,
    Training,
}

impl Workspace {
    pub const ALL: [Self; 4] = [Self::Patient, Self::Cohort, Self::Models, Self::Training];

    pub fn name(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Cohort => "Cohort",
            Self::Models => "Models",
            Self::Training => "Training",
        }
    }
}

/// The tabs of the cohort workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CohortTab {
    #[default]
    Table,
    TableOne,
    Matching,
    Audit,
    Statistics,
    Evaluation,
}

impl CohortTab {
    pub const ALL: [Self; 6] =
        [Self::Table, Self::TableOne, Self::Matching, Self::Audit, Self::Statistics, Self::Evaluation];

    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "Table",
            Self::TableOne => "Table 1",
            Self::Matching => "Pictures",
            Self::Audit => "Audit",
            Self::Statistics => "Statistics",
            Self::Evaluation => "Evaluation",
        }
    }
}

/// The tabs under the views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Pictures,
    Nomogram,
    Reasons,
    Report,
    Marks,
}

impl Tab {
    pub const ALL: [Self; 5] = [Self::Pictures, Self::Nomogram, Self::Reasons, Self::Report, Self::Marks];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pictures => "Network pictures",
            Self::Nomogram => "Nomogram",
            Self::Reasons => "Reasons",
            Self::Report => "Report",
            Self::Marks => "Measurements",
        }
    }
}

/// What a person decides or types for one patient; one step of undo.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    pub t4: Option<usize>,
    pub t11: Option<usize>,
    pub id: String,
    /// Text by variable key; an absent or empty text is missing.
    pub fields: BTreeMap<&'static str, String>,
    /// The table's row that the form was filled from.
    pub row: Option<FilledRow>,
    /// How the branches become one probability.
    pub fusion: FusionRule,
    /// Measurements of this series.
    pub marks: Vec<Mark>,
    /// Slices marked as key images.
    pub key_images: BTreeSet<usize>,
}

/// A row as it was taken into the form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilledRow {
    pub identity: Identity,
    /// The texts it gave; a person may have typed over them since.
    pub fields: BTreeMap<&'static str, String>,
}

/// What a result depends on: measurements and key images are not part of it.
impl Hash for Inputs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.t4, self.t11, &self.id, &self.fields, &self.row).hash(state);
        std::mem::discriminant(&self.fusion).hash(state);
        if let FusionRule::Stacking(fitted) = &self.fusion {
            let Stacking { intercept, weights } = fitted.stacking;
            (intercept.to_bits(), weights.map(f64::to_bits), &fitted.models).hash(state);
        }
    }
}

impl Inputs {
    pub fn level(&self, level: Level) -> Option<usize> {
        match level {
            Level::T4 => self.t4,
            Level::T11 => self.t11,
        }
    }

    pub fn set_level(&mut self, level: Level, slice: Option<usize>) {
        match level {
            Level::T4 => self.t4 = slice,
            Level::T11 => self.t11 = slice,
        }
    }

    /// The clinical values, or a sentence for each text that is not one.
    pub fn record(&self) -> Result<Record, Vec<String>> {
        let mut record = Record { id: self.id.trim().to_owned(), ..Record::default() };
        let mut wrong = Vec::new();
        for variable in VARIABLES {
            let text = self.fields.get(variable.key).map_or("", String::as_str);
            match value_of(variable, text) {
                Ok(Some(value)) => {
                    record.values.insert(variable.key, value);
                }
                Ok(None) => {}
                Err(sentence) => wrong.push(sentence),
            }
        }
        if wrong.is_empty() { Ok(record) } else { Err(wrong) }
    }

    /// Whose values the form holds, as the row says or the ID that is typed.
    pub fn identity(&self) -> Identity {
        let typed = Identity::typed(&self.id);
        let row = self.row.as_ref().map(|row| &row.identity);
        row.filter(|row| row.is_same(&typed)).cloned().unwrap_or(typed)
    }

    /// Labels of the variables that were typed over since the row was taken.
    pub fn changed_since_row(&self) -> Vec<&'static str> {
        let Some(row) = &self.row else { return Vec::new() };
        let text = |of: &BTreeMap<&'static str, String>, key| of.get(key).map_or("", |t| t.trim()).to_owned();
        let changed = |v: &&Variable| text(&self.fields, v.key) != text(&row.fields, v.key);
        VARIABLES.iter().filter(changed).map(|v| v.label).collect()
    }

    /// How many variables have a text.
    pub fn filled(&self) -> usize {
        self.fields.values().filter(|t| !t.trim().is_empty()).count()
    }
}

/// A text's value. A code outside the study's set, as a table may hold, is passed on: the result remarks on it.
pub fn value_of(variable: &Variable, text: &str) -> Result<Option<f64>, String> {
    match (variable.kind, text.trim().parse::<f64>()) {
        (Kind::Code(_), Ok(code)) if code.is_finite() => Ok(Some(code)),
        _ => clinical::validate(variable, text),
    }
}

/// The result and whether it still belongs to what is on screen.
#[derive(Default)]
pub struct Outcome {
    pub assessment: Option<Arc<Assessment>>,
    /// The record that was assessed, for the report.
    pub record: Record,
    /// Fingerprint of the inputs the assessment was made from.
    pub inputs: u64,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// When an input last changed after a result; the update starts a moment later.
    pub changed_at: Option<Instant>,
    /// Fingerprint of the inputs of the attempt now running or last failed, so that it is not repeated.
    pub attempted: Option<u64>,
    /// Grad-CAM computed since for other classes and layers than the assessment's own.
    pub explained: Vec<Explained>,
    /// The report's pages.
    pub report_pages: Vec<Chart>,
}

/// Grad-CAM of both levels for one class and layer.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Class and layer; the colours are of no account.
    pub look: Look,
    /// T4's and T11's.
    pub heat: Arc<[Heatmap; 2]>,
}

impl Outcome {
    /// Grad-CAM at T4 (0) or T11 (1) of what `look` asks for; `None` while it is not computed.
    pub fn heat(&self, look: &Look, number: usize) -> Option<&Heatmap> {
        let reasons = &self.assessment.as_ref()?.reasons;
        if reasons.look.explains_same(look) {
            return if number == 0 { reasons.t4_cam.as_ref() } else { reasons.t11_cam.as_ref() };
        }
        self.explained.iter().find(|e| e.look.explains_same(look)).and_then(|e| e.heat.get(number))
    }
}

/// How bad a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// One line of the log, and for a while a toast.
#[derive(Debug, Clone)]
pub struct Message {
    pub severity: Severity,
    pub text: String,
    pub since: Instant,
    pub toast: bool,
}

/// More lines than anyone reads back.
const MESSAGES_KEPT: usize = 2000;

/// Dialogs that lie over the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Dialog {
    #[default]
    None,
    Path {
        text: String,
    },
    Palette {
        text: String,
    },
    Shortcuts,
    About,
    /// Choosing keys; the action whose new key is waited for.
    Keys {
        waiting: Option<Action>,
    },
    /// De-identification of what is below a path.
    Anonymize(AnonymizeForm),
    /// Network weights to import.
    Import(Box<ImportForm>),
    /// Whether a level's import is to go.
    ForgetImport(Level),
    /// Columns of a foreign table; what is in work is kept in the cohort's room.
    Mapping,
    /// Every tag of one file.
    Tags {
        file: String,
        tags: Arc<[TagText]>,
    },
}

/// The clinical table that is open.
pub struct OpenTable {
    pub path: PathBuf,
    pub table: Arc<Table>,
    /// The patients' IDs, row by row.
    pub ids: Vec<String>,
    pub filter: String,
}

/// A count of patients in words.
pub fn patients(count: usize) -> String {
    if count == 1 { "one patient".to_owned() } else { format!("{count} patients") }
}

/// The training workspace.
#[derive(Default)]
pub struct Training {
    pub form: TrainingForm,
    /// The run that goes on, or the last one.
    pub run: Option<TrainingRun>,
}

/// The audit of a cohort folder.
#[derive(Default)]
pub struct Audit {
    /// As typed or chosen.
    pub folder: String,
    /// `None` before and while it runs.
    pub result: Option<Result<Report, String>>,
}

/// Whom everything on the desk belongs to, and what was said about who is who.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The open study's patient, or that of the row shown alone; empty while nobody is open.
    pub identity: Identity,
    /// Values of somebody who is not certainly the same person: they wait outside the form for a person's word.
    pub offered: Option<FilledRow>,
}

/// Two identities that somebody said are one person.
#[derive(Debug, Clone, PartialEq)]
pub struct SamePerson {
    pub study: Identity,
    pub values: Identity,
}

/// Two identities of which a person has to say whether they are one.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityQuestion {
    pub study: Identity,
    pub values: Identity,
    /// The values wait for the answer; else they stand in the form, and its ID is the question.
    pub offered: bool,
}

/// The demonstration patient being opened: what is known of it, and of nobody else.
#[derive(Debug, Clone, PartialEq)]
pub struct Demonstration {
    pub patient_id: String,
    /// T4 and T11 of its truth, until its series has taken them.
    pub levels: [usize; 2],
}

/// Everything, in rooms.
#[derive(Default)]
pub struct State {
    pub workspace: Workspace,
    pub tab: Tab,
    pub cohort_tab: CohortTab,
    pub scan: Scan,
    pub viewer: Viewer,
    /// Whom inputs, undo and outcome belong to; all of them change together (`handle/person.rs`).
    pub person: Person,
    /// What was said in this session about who is who.
    pub same_persons: Vec<SamePerson>,
    pub inputs: Inputs,
    pub undo: Vec<Inputs>,
    pub redo: Vec<Inputs>,
    /// What was changed last and when: a drag or a word typed is one step of undo.
    pub last_change: Option<(&'static str, Instant)>,
    /// Series opened before.
    pub shelf: Shelf,
    pub table: Option<OpenTable>,
    pub outcome: Outcome,
    pub messages: Vec<Message>,
    pub training: Training,
    pub audit: Audit,
    pub statistics: Statistics,
    /// The last evaluation of a cohort folder; `None` before and while it runs.
    pub evaluation: Option<Result<Arc<Evaluation>, String>>,
    /// The next evaluation cross-validates the clinical models as well.
    pub cross_validate: bool,
    /// What the clinical branch depends on among the evaluated patients.
    pub explained: Option<Arc<ExplainedCohort>>,
    pub cohort: CohortRoom,
    pub dialog: Dialog,
    pub keys: Keymap,
    /// Recently opened studies and tables, the last on top.
    pub recents: Vec<PathBuf>,
    pub show_browser: bool,
    pub show_log: bool,
    pub dark: bool,
    /// Interface scale in percent, 100–200.
    pub scale_percent: u32,
    pub weights: ModelFiles,
    /// What Grad-CAM explains and how it is shown.
    pub cam: Look,
    /// The demonstration patient, while its files are being opened.
    pub demonstration: Option<Demonstration>,
    /// An assessment of the open patient was asked for and waits for the models or values.
    pub pending_predict: bool,
}

impl State {
    pub fn new() -> Self {
        Self { show_browser: true, dark: true, scale_percent: 100, ..Self::default() }
    }

    /// Tells a person something once: toast and log.
    pub fn tell(&mut self, severity: Severity, text: impl Into<String>) {
        let text = words::clean(&text.into()).into_owned();
        if self.messages.len() >= MESSAGES_KEPT {
            self.messages.drain(..MESSAGES_KEPT / 2);
        }
        self.messages.push(Message { severity, text, since: Instant::now(), toast: true });
    }

    /// A number that changes whenever something the result depends on changes.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        // The series and not its opening: a result is still its own when the series is taken up again.
        let series = self.viewer.open.as_ref().map(|o| &o.series);
        series.map(|s| (&s.uid, s.frames.first().map(|f| (&f.path, &f.member, f.frame)))).hash(&mut hasher);
        self.inputs.hash(&mut hasher);
        self.weights.key.hash(&mut hasher);
        hasher.finish()
    }

    /// True when a result stands but its inputs have changed since.
    pub fn stale(&self) -> bool {
        self.outcome.assessment.is_some() && self.outcome.inputs != self.fingerprint()
    }

    /// Whether somebody said, or the files say, that the open patient's values may stand under `values`.
    pub fn is_open_patient(&self, values: &Identity) -> bool {
        self.person.identity.is_same(values) || self.said_same(values)
    }

    /// Whether somebody said that `values` are the open patient's.
    pub fn said_same(&self, values: &Identity) -> bool {
        let open = &self.person.identity;
        let one = |a: &Identity, b: &Identity| a == b || a.is_same(b);
        self.same_persons.iter().any(|said| one(&said.study, open) && one(&said.values, values))
    }

    /// What a person has to say about who is who before anything is computed.
    pub fn identity_question(&self) -> Option<IdentityQuestion> {
        let study = self.person.identity.clone();
        if let Some(offered) = &self.person.offered {
            return Some(IdentityQuestion { study, values: offered.identity.clone(), offered: true });
        }
        let values = self.inputs.identity();
        // An empty ID claims nothing.
        if values.id.is_empty() || study.is_empty() || self.said_same(&values) {
            return None;
        }
        let one = study.compare(&values) == Comparison::Same;
        (!one).then_some(IdentityQuestion { study, values, offered: false })
    }

    /// Whom a result of what is on the desk is about.
    ///
    /// # Errors
    /// Where the values are another patient's than the open study and nobody said that both are one.
    pub fn subject(&self) -> Result<Subject, OtherPatient> {
        let study = self.person.identity.clone();
        let values = self.inputs.identity();
        let values = if values.id.is_empty() { study.clone() } else { values };
        let said = self.said_same(&values);
        Subject::new(study, values, said)
    }

    /// What still keeps Predict from being pressed, in the order of the steps; empty = ready.
    pub fn missing_for_prediction(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.identity_question().is_some() {
            missing.push("say whether the values are this patient's".to_owned());
        }
        match &self.viewer.open {
            None => missing.push("open a CT series".to_owned()),
            Some(open) if !open.series.usable => missing.push("open a CT series".to_owned()),
            Some(open) if open.series.unmeasured.is_some() => missing.push(format!(
                "open another CT series: {}",
                open.series.unmeasured.as_ref().map(ToString::to_string).unwrap_or_default()
            )),
            Some(open) if open.volume.is_none() => missing.push("wait until the series is read".to_owned()),
            Some(_) => {}
        }
        for level in Level::ALL {
            if self.inputs.level(level).is_none() {
                missing.push(format!("set {}", level.name()));
            }
        }
        match self.inputs.record() {
            Ok(_) if self.inputs.filled() == 0 => {
                missing.push("enter clinical values or pick a row".to_owned())
            }
            Ok(_) => {}
            Err(wrong) => missing.extend(wrong),
        }
        missing
    }
}

/// What the window knows of the files behind the models.
#[derive(Default)]
pub struct ModelFiles {
    /// T4's and T11's weights; `None` for untrained ones.
    pub info: [Option<Arc<Info>>; 2],
    /// Whether they were imported.
    pub imported: [bool; 2],
    /// False where the models come from a folder that was named at the start.
    pub can_import: bool,
    /// Why the models are not loaded.
    pub failure: Option<String>,
    /// Changes with the models: results of other ones are out of date.
    pub key: u64,
}

/// What the import dialog holds.
#[derive(Debug, Clone, Default)]
pub struct ImportForm {
    /// `None`: the level the weights belong to.
    pub level: Option<Level>,
    pub path: String,
    /// Why the file was refused, in one sentence.
    pub refusal: Option<String>,
    pub found: Option<Arc<Candidate>>,
    /// The card as it will be kept.
    pub card: Option<Card>,
    /// A person said that the preprocessing is the one the weights were trained with.
    pub confirmed: bool,
}

impl PartialEq for ImportForm {
    fn eq(&self, other: &Self) -> bool {
        let found = |form: &Self| form.found.as_ref().map(Arc::as_ptr);
        (self.level, &self.path, &self.refusal, &self.card, self.confirmed)
            == (other.level, &other.path, &other.refusal, &other.card, other.confirmed)
            && found(self) == found(other)
    }
}

/// What the de-identification dialog holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnonymizeForm {
    pub input: String,
    pub out: String,
    pub dates: Dates,
    pub clean_descriptors: bool,
    pub patient_characteristics: bool,
    pub skip_burned_in: bool,
}
