//! What is wrong with a cohort before anyone trusts a figure made from it.
//!
//! Every check looks at raw cells and picture files and works for any column of any table; of the study's variables it
//! merely knows more. A finding needs both: a test that holds up when all comparisons made are counted (Bonferroni), and
//! an effect large enough to matter. So a cohort without faults stays without findings but for what is true of it.

mod alike;
mod artefacts;
mod columns;
mod effect;
mod frame;
mod gaps;
mod matching;
mod nearest;
mod order;
mod pictures;
mod same_person;
mod size;
mod test;
mod values;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cohort::CohortFolder;
use frame::Cohort;
use thoracast_files::progress::Progress;

/// How much a finding endangers a figure. Variants rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; a figure may stand.
    Low,
    /// Figures may be too good; say so wherever they are shown.
    Medium,
    /// No figure should be trusted before this is put right.
    High,
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    IdSeparatesOutcome,
    OrderSeparatesOutcome,
    ConditionalCopy,
    MissingnessTellsOutcome,
    FillValueTellsOutcome,
    TooGoodSinglePredictor,
    PatientInTwoSplits,
    PictureInTwoSplits,
    PictureArtefactTellsOutcome,
    EventCode,
    ImpossibleValue,
    AfterOutcomeVariable,
    FewEvents,
    DuplicateId,
    BlankLevel,
    UnmatchedRows,
}

impl Code {
    /// A heading for people.
    pub fn title(self) -> &'static str {
        match self {
            Code::IdSeparatesOutcome => "Patient numbers tell the outcome",
            Code::OrderSeparatesOutcome => "Row order tells the outcome",
            Code::ConditionalCopy => "A column repeats another for one outcome",
            Code::MissingnessTellsOutcome => "Missing values tell the outcome",
            Code::FillValueTellsOutcome => "A filled-in value tells the outcome",
            Code::TooGoodSinglePredictor => "One column predicts too well",
            Code::PatientInTwoSplits => "A patient is in two splits",
            Code::PictureInTwoSplits => "A picture is in two splits",
            Code::PictureArtefactTellsOutcome => "How pictures were made tells the outcome",
            Code::EventCode => "Outcome codes are unclear",
            Code::ImpossibleValue => "Impossible values",
            Code::AfterOutcomeVariable => "Known only after the outcome",
            Code::FewEvents => "Few events",
            Code::DuplicateId => "A patient stands twice",
            Code::BlankLevel => "Blank cells among categories",
            Code::UnmatchedRows => "Rows and pictures do not match",
        }
    }
}

/// How much the clinical model's area under the ROC curve hangs on what was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// With everything as it is.
    pub auc_with: f64,
    /// Without the columns or patients concerned.
    pub auc_without: f64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// As the table's header writes them.
    pub columns: Vec<String>,
    /// IDs. Empty where the whole cohort is concerned.
    pub patients: Vec<String>,
    /// For a clinician: what it is, why it matters, what to do.
    pub message: String,
    /// Numbers behind it, by name.
    pub evidence: Map<String, Value>,
    /// `None` where no refit makes sense.
    pub effect: Option<Effect>,
}

impl Finding {
    fn new(code: Code, severity: Severity, message: String) -> Self {
        let (columns, patients, evidence) = (Vec::new(), Vec::new(), Map::new());
        Self { code, severity, columns, patients, message, evidence, effect: None }
    }

    fn columns(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// Each patient once, in the order given.
    fn patients(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for id in ids.into_iter().map(Into::into) {
            if !self.patients.contains(&id) {
                self.patients.push(id);
            }
        }
        self
    }

    fn evidence(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    fn effect(mut self, effect: Option<Effect>) -> Self {
        self.effect = effect;
        self
    }
}

/// All findings, most severe first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Different IDs in all tables and pictures.
    pub patients: usize,
    /// Of those, with metastasis.
    pub events: usize,
    pub findings: Vec<Finding>,
    /// Our keys of the columns by their headings, for whoever leaves the columns out that findings name.
    #[serde(skip)]
    pub keys: BTreeMap<String, String>,
}

/// The audit was stopped by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit was cancelled; nothing was found out")]
pub struct Cancelled;

/// Looks for one theme's faults in the tables.
type Check = fn(&Cohort) -> Vec<Finding>;

/// Runs every check on a cohort folder.
///
/// # Errors
/// Only [`Cancelled`]: whatever the tables and pictures say becomes a finding.
pub fn run(folder: &CohortFolder, progress: &dyn Progress) -> Result<Report, Cancelled> {
    progress.stage("Reading the tables");
    let cohort = Cohort::new(folder);
    let checks: [(&str, Check); 6] = [
        ("Matching patients", matching::check),
        ("Checking order and numbers", order::check),
        ("Checking values", values::check),
        ("Checking gaps", gaps::check),
        ("Checking columns", columns::check),
        ("Counting events", size::check),
    ];
    let mut findings = Vec::new();
    for (name, check) in checks {
        if progress.cancelled() {
            return Err(Cancelled);
        }
        progress.stage(name);
        findings.extend(check(&cohort));
    }
    if !folder.pictures.is_empty() {
        progress.stage("Looking at the pictures");
        let looked = pictures::look(&folder.pictures, progress)?;
        findings.extend(pictures::unreadable(&looked));
        progress.stage("Comparing the pictures");
        findings.extend(pictures::in_two_splits(&looked, progress)?);
        findings.extend(artefacts::check(&looked));
    }
    findings.sort_by_key(|f| (Reverse(f.severity), f.code));
    findings.iter_mut().for_each(explain_missing_effect);
    let keys = cohort.frames().into_iter().flat_map(|f| f.headings()).collect();
    Ok(Report { patients: cohort.labels.len(), events: cohort.events(), findings, keys })
}

/// Why nothing about pictures is refitted.
const UNSEEN: &str = "the clinical model does not see pictures; training the networks anew would show it";

/// Says in the evidence why no figure was made with and without what was found.
fn explain_missing_effect(finding: &mut Finding) {
    if finding.effect.is_some() || finding.evidence.contains_key("no_refit") {
        return;
    }
    let why = match finding.code {
        Code::PictureArtefactTellsOutcome => UNSEEN,
        Code::UnmatchedRows => "what is missing cannot be put in to compare",
        Code::FewEvents => "more events cannot be made to compare",
        Code::EventCode => "without a clear outcome there is nothing to compare",
        _ if !finding.columns.is_empty() => {
            "the columns are no predictors, or too few patients of one outcome are left for a refit"
        }
        _ => "too few patients of one outcome are left for a refit",
    };
    finding.evidence.insert("no_refit".to_owned(), why.into());
}

/// "3 patients", "1 patient".
fn count(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// The first few of a list, for a sentence.
fn some<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(8).map(AsRef::as_ref).collect();
    let rest = names.len().saturating_sub(8);
    if rest > 0 { format!("{} and {rest} more", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;
