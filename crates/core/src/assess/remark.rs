//! What is to be said of a result besides its figures: each remark as what it is about, put into words in one place.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::UNTRAINED;
use crate::clinical::{Missing, Outside};
use crate::identity::{Field, Identity, field_words};
use crate::level::Level;
use crate::nn::familiarity::Distance;

/// Something to be said of a result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Remark {
    /// Networks with weights that were never trained.
    Untrained(Vec<Level>),
    /// What the reader of a series or a table remarked, in its words.
    Input(String),
    /// Somebody said that the values, which stand under another number, are of the study's patient.
    SaidToBeOne { study: Box<Identity>, values: Box<Identity>, differs: Vec<Field> },
    /// The study states no PatientID to hold the values' against.
    NoPatientId,
    /// Fused by another rule than the published vote.
    OtherFusion { rule: &'static str },
    /// A value beyond those of the training patients.
    OutsideTraining(Outside),
    /// A value beyond the nomogram's, in the model's words.
    OutsideNomogram(String),
    /// Predictors without a value, so that there is no nomogram risk.
    NoNomogram { missing: Vec<String> },
    /// Why the patient cannot be placed on the nomogram.
    NotPlaced(String),
    /// A picture unlike those that the network learnt from.
    Unlike { level: Level, distance: Distance },
    /// The members of an ensemble stand on both sides of the vote's limit.
    Disagree { who: Ensemble, low: f64, high: f64 },
    /// A level that the program proposed and nobody confirmed; confidence 0…1.
    Unconfirmed { level: Level, slice: usize, confidence: f64 },
    /// The network votes for metastasis, and no place of its heat map speaks for it.
    EmptyHeatMap { level: Level },
    /// What the device's choice has to say.
    Device(String),
    /// Clinical values that were not given, and what was done with them.
    FilledIn { labels: Vec<String>, policy: Missing },
}

/// Models that are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensemble {
    /// The heads of a level's network.
    Heads(Level),
    /// The members of the clinical model.
    Clinical,
}

/// How much a remark takes from the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// For those who want to know.
    Note,
    /// Stands beside the figures.
    Beside,
    /// Stands beside the figures, and the result is not to be relied on.
    Doubt,
}

impl Remark {
    pub fn gravity(&self) -> Gravity {
        match self {
            Self::Untrained(_)
            | Self::Unlike { .. }
            | Self::Disagree { .. }
            | Self::Unconfirmed { .. }
            | Self::FilledIn { .. }
            | Self::OutsideTraining(_)
            | Self::OutsideNomogram(_) => Gravity::Doubt,
            Self::SaidToBeOne { .. }
            | Self::NoPatientId
            | Self::EmptyHeatMap { .. }
            | Self::NoNomogram { .. }
            | Self::NotPlaced(_) => Gravity::Beside,
            Self::Input(_) | Self::OtherFusion { .. } | Self::Device(_) => Gravity::Note,
        }
    }

    /// One sentence without a full stop.
    pub fn words(&self) -> String {
        match self {
            Self::Untrained(levels) => {
                let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
                format!("{UNTRAINED} ({} network)", names.join(" and "))
            }
            Self::Input(words) | Self::OutsideNomogram(words) | Self::Device(words) => words.clone(),
            Self::SaidToBeOne { study, values, differs } => format!(
                "the {} differ{} between the study and the clinical values, and both were said to be one patient: study of {}; values of {} ({})",
                field_words(differs),
                if differs.len() == 1 { "s" } else { "" },
                study.id_words(),
                values.id_words(),
                values.source_words()
            ),
            Self::NoPatientId => {
                "the study states no PatientID (0010,0020), so nothing in the files tells whether \
                                  the clinical values are of the same patient"
                    .to_owned()
            }
            Self::OtherFusion { rule } => format!(
                "fused by {rule} instead of the published vote, on which the nomogram was fitted and which it takes still"
            ),
            Self::OutsideTraining(outside) => outside.words(),
            Self::NoNomogram { missing } => format!("no nomogram risk: {} missing", missing.join(", ")),
            Self::NotPlaced(why) => format!("no nomogram risk: {why}"),
            Self::Unlike { level, distance } => format!(
                "the picture at {} is unlike those the network learnt from (distance {:.2}, usually up to {:.2}): check \
                 slice, level and window, and do not rely on its vote",
                level.name(),
                distance.value,
                distance.limit
            ),
            Self::Disagree { who, low, high } => {
                format!("{} disagree: probabilities from {low:.2} to {high:.2}", who.words())
            }
            Self::Unconfirmed { level, slice, confidence } => format!(
                "nobody has confirmed {}: slice {slice} is the program's proposal (confidence {confidence:.2})",
                level.name()
            ),
            Self::EmptyHeatMap { level } => empty_heat_map(*level),
            Self::FilledIn { labels, policy } => {
                format!("missing clinical values were {}: {}", policy.words(), labels.join(", "))
            }
        }
    }
}

/// Why a network can say metastasis while its heat map shows nothing.
fn empty_heat_map(level: Level) -> String {
    format!(
        "the {} network says metastasis and its heat map is empty: Grad-CAM shows what speaks for metastasis in some \
         places more than in others, and here the vote comes from the network's constant terms or from features that \
         are alike all over the picture, so that no place stands out",
        level.name()
    )
}

impl Ensemble {
    fn words(self) -> String {
        match self {
            Self::Heads(level) => format!("the {} network's heads", level.name()),
            Self::Clinical => "the clinical model's members".to_owned(),
        }
    }
}

/// All remarks of a result, in the order in which they are told.
///
/// In JSON: `warnings`, all of them in words, and `doubts`, those that take from the figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remarks(pub Vec<Remark>);

impl Remarks {
    /// Whether the figures are not to be relied on.
    pub fn doubtful(&self) -> bool {
        self.0.iter().any(|remark| remark.gravity() == Gravity::Doubt)
    }

    /// The sentences of at least this gravity.
    pub fn words_from(&self, least: Gravity) -> Vec<String> {
        self.0.iter().filter(|remark| remark.gravity() >= least).map(Remark::words).collect()
    }

    /// All sentences.
    pub fn words(&self) -> Vec<String> {
        self.words_from(Gravity::Note)
    }
}

impl Serialize for Remarks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Remarks", 2)?;
        document.serialize_field("warnings", &self.words())?;
        document.serialize_field("doubts", &self.words_from(Gravity::Doubt))?;
        document.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_casts_doubt_is_doubt_and_the_rest_is_not() {
        let unlike = Remark::Unlike { level: Level::T4, distance: Distance { value: 2.0, limit: 1.2 } };
        let filled = Remark::FilledIn { labels: vec!["CEA".into(), "HER2".into()], policy: Missing::Median };
        let split = Remark::Disagree { who: Ensemble::Heads(Level::T11), low: 0.2, high: 0.7 };
        let proposed = Remark::Unconfirmed { level: Level::T11, slice: 24, confidence: 0.71 };
        for doubt in [unlike, filled.clone(), split, proposed] {
            assert!(Remarks(vec![doubt.clone()]).doubtful(), "{doubt:?}");
        }
        assert!(filled.words().ends_with(": CEA, HER2"), "which values were filled in is named");
        let gap = Remark::Input("one slice is missing".into());
        let remarks = Remarks(vec![gap, Remark::EmptyHeatMap { level: Level::T4 }]);
        assert!(!remarks.doubtful());
        assert_eq!(remarks.words_from(Gravity::Beside).len(), 1);
        assert_eq!(remarks.words().len(), 2);
    }

    #[test]
    fn the_document_has_all_sentences_and_the_doubts() {
        let note = Remark::OtherFusion { rule: "mean log-odds" };
        let doubt = Remark::Unconfirmed { level: Level::T4, slice: 3, confidence: 0.5 };
        let document = serde_json::to_value(Remarks(vec![note, doubt.clone()])).unwrap();
        assert_eq!(document["warnings"].as_array().unwrap().len(), 2);
        assert_eq!(document["doubts"], serde_json::json!([doubt.words()]));
    }
}
