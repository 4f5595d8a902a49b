//! One data set, de-identified.

use std::collections::{BTreeSet, HashSet};

use chrono::{Days, NaiveDate};
use dicom_core::dictionary::DataDictionaryEntry;
use dicom_core::header::Header;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataDictionary, DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use super::clean::clean;
use super::identifiers::Identifiers;
use super::keyed::{Key, is_well_known};
use super::profile::{Action, BASIC_EDITION, action};
use super::{Dates, Options};

/// Text of dummy values (D) of names and free texts.
const DUMMY: &str = "ANONYMIZED";
/// Shortest number of a device or procedure that is searched for; a person's own numbers are at any length.
const SHORTEST_OTHER_NUMBER: usize = 4;

/// De-identifies data sets of one patient.
pub(super) struct Transform<'a> {
    pub key: &'a Key,
    pub options: &'a Options,
    pub pseudonym: &'a str,
    pub days_back: u64,
    /// Original names, numbers, dates and UIDs that must not be found in the output.
    pub identifiers: Identifiers,
    /// Values written instead; they may be found.
    pub own: HashSet<String>,
    /// Attributes that the profile keeps but that held an identifier (a maker named like a physician): emptied.
    pub emptied: BTreeSet<Tag>,
}

/// The text of an element whatever its VR; None for numbers, sequences and binary values.
pub(super) fn text_of(element: &InMemElement) -> Option<String> {
    let text = match effective_vr(element) {
        VR::US
        | VR::SS
        | VR::UL
        | VR::SL
        | VR::FL
        | VR::FD
        | VR::AT
        | VR::SQ
        | VR::OW
        | VR::OB
        | VR::OF
        | VR::OD
        | VR::OL
        | VR::OV
        | VR::SV
        | VR::UV => return None,
        _ if matches!(element.vr(), VR::UN | VR::OB) => {
            String::from_utf8_lossy(&element.to_bytes().ok()?).into_owned()
        }
        _ => element.to_str().ok()?.into_owned(),
    };
    Some(text.trim_matches(['\0', ' ']).to_owned())
}

/// The VR; the dictionary's where the file says UN.
pub(super) fn effective_vr(element: &InMemElement) -> VR {
    match element.vr() {
        VR::UN => dictionary_vr(element.tag()).unwrap_or(VR::UN),
        vr => vr,
    }
}

fn dictionary_vr(tag: Tag) -> Option<VR> {
    StandardDataDictionary.by_tag(tag).map(|entry| entry.vr().relaxed())
}

fn dictionary_keyword(tag: Tag) -> &'static str {
    StandardDataDictionary.by_tag(tag).map_or("", |entry| entry.alias())
}

fn element(tag: Tag, vr: VR, text: impl Into<String>) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::from(text.into()))
}

impl Transform<'_> {
    /// The de-identified data set, with the attributes that say so.
    pub fn apply(&mut self, object: &InMemDicomObject) -> InMemDicomObject {
        self.collect(object);
        let mut clean = self.dataset(object);
        // Texts were decoded when they were read; they are written as UTF-8.
        clean.convert_to_utf8();
        clean.put(element(tags::PATIENT_NAME, VR::PN, self.pseudonym));
        clean.put(element(tags::PATIENT_ID, VR::LO, self.pseudonym));
        self.own.insert(self.pseudonym.to_owned());
        self.declare(&mut clean);
        clean
    }

    /// PS3.15 E.1.1 and E.3: how the object was de-identified.
    fn declare(&mut self, object: &mut InMemDicomObject) {
        let mut codes = vec![("113100", "Basic Application Confidentiality Profile")];
        let temporal = match self.options.dates {
            Dates::Removed => "REMOVED",
            Dates::Full => {
                codes.push(("113106", "Retain Longitudinal Temporal Information Full Dates Option"));
                "UNMODIFIED"
            }
            Dates::Shifted => {
                codes.push(("113107", "Retain Longitudinal Temporal Information Modified Dates Option"));
                "MODIFIED"
            }
        };
        if self.options.patient_characteristics {
            codes.push(("113108", "Retain Patient Characteristics Option"));
        }
        if self.options.clean_descriptors {
            codes.push(("113105", "Clean Descriptors Option"));
        }
        let items: Vec<InMemDicomObject> = codes
            .into_iter()
            .map(|(code, meaning)| {
                self.own.insert(meaning.to_owned());
                InMemDicomObject::from_element_iter([
                    element(tags::CODE_VALUE, VR::SH, code),
                    element(tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
                    element(tags::CODE_MEANING, VR::LO, meaning),
                ])
            })
            .collect();
        let method = format!("DICOM PS3.15 {} Annex E Basic Profile, Thoracast", *BASIC_EDITION);
        self.own.insert(method.clone());
        object.put(element(tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES"));
        object.put(element(tags::DEIDENTIFICATION_METHOD, VR::LO, method));
        object.put(DataElement::new(
            tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
            VR::SQ,
            DataSetSequence::from(items),
        ));
        object.put(element(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, VR::CS, temporal));
    }

    /// Takes down what must not be found afterwards: every name, UID and date that goes, and every removed identifier.
    fn collect(&mut self, object: &InMemDicomObject) {
        for element in object {
            for item in element.items().unwrap_or_default() {
                self.collect(item);
            }
            let action = action(element.tag(), self.options);
            let goes = match action {
                Action::KeepDate => false,
                Action::Unlisted => matches!(effective_vr(element), VR::PN | VR::UI),
                _ => true,
            };
            let Some(text) = text_of(element).filter(|_| goes) else { continue };
            match effective_vr(element) {
                VR::PN => self.identifiers.add_names(&text),
                VR::UI => {
                    let own =
                        text.split('\\').filter(|uid| !is_well_known(uid) && !names_a_class(element.tag()));
                    own.for_each(|uid| self.identifiers.add_uid(uid));
                }
                VR::DA | VR::DT => {
                    // The day, also where the time stands behind it.
                    text.split('\\').filter_map(|d| d.get(..8)).for_each(|day| self.identifiers.add(day));
                }
                VR::LO | VR::SH | VR::ST | VR::LT | VR::UT | VR::UC => {
                    let values = text.split('\\').filter(|value| identifies(element.tag(), value));
                    values.for_each(|value| self.identifiers.add(value));
                }
                _ => {}
            }
        }
    }

    fn dataset(&mut self, object: &InMemDicomObject) -> InMemDicomObject {
        let elements: Vec<InMemElement> = object.iter().filter_map(|element| self.element(element)).collect();
        InMemDicomObject::from_element_iter(elements)
    }

    fn element(&mut self, old: &InMemElement) -> Option<InMemElement> {
        let tag = old.tag();
        let vr = effective_vr(old);
        match action(tag, self.options) {
            Action::Remove => None,
            Action::Empty => Some(DataElement::empty(tag, vr)),
            Action::Dummy => Some(self.dummy(tag, vr, old)),
            Action::NewUid if vr == VR::UI => Some(element(tag, vr, self.new_uids(&text_of(old)?))),
            Action::NewUid => self.unlisted(old),
            Action::KeepDate
                if matches!(vr, VR::DA | VR::TM | VR::DT | VR::SH | VR::LO)
                    && !self.holds_identifier(old) =>
            {
                Some(element(tag, vr, text_of(old)?))
            }
            Action::ShiftDate if vr == VR::TM => Some(element(tag, vr, text_of(old)?)),
            Action::ShiftDate if matches!(vr, VR::DA | VR::DT) => {
                let text = text_of(old)?;
                Some(match shifted(&text, self.days_back) {
                    Some(date) => element(tag, vr, self.owned(date)),
                    None if text.is_empty() => DataElement::empty(tag, vr),
                    None => self.dummy(tag, vr, old),
                })
            }
            // Dates in other forms (frame times in numbers, sequences) are not understood: replaced.
            Action::KeepDate | Action::ShiftDate => Some(self.dummy(tag, vr, old)),
            Action::Clean if vr == VR::SQ => Some(DataElement::empty(tag, vr)),
            Action::Clean => {
                let longest = if matches!(vr, VR::SH | VR::CS) { 16 } else { 64 };
                let kept: String = clean(&text_of(old)?, &self.identifiers).chars().take(longest).collect();
                let kept = if vr == VR::CS { kept.to_uppercase() } else { kept };
                if !kept.is_empty() {
                    return Some(element(tag, vr, kept));
                }
                // Nothing left to keep: what the profile asks for without the option.
                let basic = Options { clean_descriptors: false, ..self.options.clone() };
                match action(tag, &basic) {
                    Action::Remove => None,
                    Action::Empty => Some(DataElement::empty(tag, vr)),
                    _ => Some(self.dummy(tag, vr, old)),
                }
            }
            Action::Unlisted => self.unlisted(old),
        }
    }

    /// Not in the table: kept, sequences item by item. Names and free texts, which the table should hold, are emptied;
    /// UIDs that are not the standard's become new ones; what can't be understood (UN without a dictionary entry, or a
    /// sequence hidden in UN) goes.
    fn unlisted(&mut self, old: &InMemElement) -> Option<InMemElement> {
        let tag = old.tag();
        let vr = effective_vr(old);
        match vr {
            VR::SQ => {
                let items: Vec<InMemDicomObject> =
                    old.items()?.iter().map(|item| self.dataset(item)).collect();
                return Some(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
            }
            VR::UN => return None,
            VR::PN | VR::LT | VR::ST | VR::UT | VR::UR => return Some(DataElement::empty(tag, vr)),
            VR::UI if !names_a_class(tag) => return Some(element(tag, vr, self.new_uids(&text_of(old)?))),
            _ => {}
        }
        if self.holds_identifier(old) {
            self.emptied.insert(tag);
            return Some(self.without_identifier(tag, vr, old));
        }
        match text_of(old) {
            Some(text) if old.vr() == VR::UN => Some(element(tag, vr, text)),
            _ => dictionary_vr(tag).is_some().then(|| old.clone()),
        }
    }

    /// An element that held an identifier: emptied. Coded words, often required (image type), keep their other values; what
    /// a code needs to be one (PS3.3 8.8) is replaced.
    fn without_identifier(&mut self, tag: Tag, vr: VR, old: &InMemElement) -> InMemElement {
        if vr == VR::CS {
            let text = text_of(old).unwrap_or_default();
            let kept = |value| if self.identifiers.are_in(VR::CS, value) { "OTHER" } else { value };
            return element(tag, vr, text.split('\\').map(kept).collect::<Vec<_>>().join("\\"));
        }
        let required = [tags::CODE_VALUE, tags::CODING_SCHEME_DESIGNATOR, tags::CODE_MEANING].contains(&tag);
        if required { self.dummy(tag, vr, old) } else { DataElement::empty(tag, vr) }
    }

    /// Whether an element's text or raw bytes hold an identifier of the original.
    pub fn holds_identifier(&self, element: &InMemElement) -> bool {
        match (effective_vr(element), text_of(element)) {
            (vr, Some(text)) => self.identifiers.are_in(vr, &text),
            (VR::OB | VR::UN, None) => element.to_bytes().is_ok_and(|b| self.identifiers.are_in_bytes(&b)),
            _ => false,
        }
    }

    fn new_uids(&mut self, text: &str) -> String {
        let uids: Vec<String> = text.split('\\').map(|uid| self.key.uid(uid.trim())).collect();
        self.owned(uids.join("\\"))
    }

    fn owned(&mut self, text: String) -> String {
        self.own.insert(text.clone());
        text
    }

    /// A value of the VR that means nothing.
    fn dummy(&mut self, tag: Tag, vr: VR, old: &InMemElement) -> InMemElement {
        let text = match vr {
            VR::DA => "20000101",
            VR::TM => "000000",
            VR::DT => "20000101000000",
            VR::AS => "000Y",
            VR::DS | VR::IS => "0",
            VR::UI => return element(tag, vr, self.new_uids(&text_of(old).unwrap_or_default())),
            VR::AE | VR::CS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT => DUMMY,
            VR::US => return DataElement::new(tag, vr, PrimitiveValue::from(0_u16)),
            VR::SS => return DataElement::new(tag, vr, PrimitiveValue::from(0_i16)),
            VR::UL => return DataElement::new(tag, vr, PrimitiveValue::from(0_u32)),
            VR::SL => return DataElement::new(tag, vr, PrimitiveValue::from(0_i32)),
            VR::FL => return DataElement::new(tag, vr, PrimitiveValue::from(0_f32)),
            VR::FD => return DataElement::new(tag, vr, PrimitiveValue::from(0_f64)),
            VR::SQ if dictionary_keyword(tag).ends_with("CodeSequence") => {
                let item = InMemDicomObject::from_element_iter([
                    element(tags::CODE_VALUE, VR::SH, self.owned(DUMMY.to_owned())),
                    element(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.owned("99THORACAST".to_owned())),
                    element(tags::CODE_MEANING, VR::LO, DUMMY),
                ]);
                return DataElement::new(tag, vr, DataSetSequence::from(vec![item]));
            }
            _ => return DataElement::empty(tag, vr),
        };
        element(tag, vr, self.owned(text.to_owned()))
    }
}

/// Whether a value of a text attribute is searched for, judged by the attribute's keyword: numbers of a person always,
/// names of places and numbers of devices and procedures when they are long enough to be told from other words.
fn identifies(tag: Tag, value: &str) -> bool {
    let keyword = dictionary_keyword(tag);
    let length = value.trim_matches(['\0', ' ']).chars().count();
    if ["PatientID", "OtherPatientIDs", "MedicalRecordLocator"].contains(&keyword) {
        return true;
    }
    // These are often just 1.
    if ["AccessionNumber", "StudyID", "AdmissionID", "ServiceEpisodeID"].contains(&keyword) {
        return length > 1;
    }
    if length < SHORTEST_OTHER_NUMBER {
        return false;
    }
    // Numbers without a digit may be ordinary words ("DETECTOR").
    let number =
        (keyword.ends_with("ID") || keyword.ends_with("IDs")) && value.contains(|c: char| c.is_ascii_digit());
    let named = ["Institution", "Physician", "Address", "Telephone", "SerialNumber"];
    number || named.iter().any(|part| keyword.contains(part))
}

/// Whether a UID attribute names a kind of object or an encoding; a maker's own (private) ones stay.
fn names_a_class(tag: Tag) -> bool {
    ["SOPClass", "TransferSyntax", "CodingScheme"].iter().any(|part| dictionary_keyword(tag).contains(part))
}

/// DA or DT values (PS3.5 6.2) moved back by days; None if one is not a date.
fn shifted(text: &str, days_back: u64) -> Option<String> {
    let one = |value: &str| {
        let value = value.trim();
        let (date, rest) = (value.get(..8)?, value.get(8..)?);
        let moved = NaiveDate::parse_from_str(date, "%Y%m%d").ok()?.checked_sub_days(Days::new(days_back))?;
        Some(format!("{}{rest}", moved.format("%Y%m%d")))
    };
    text.split('\\').map(one).collect::<Option<Vec<_>>>().map(|values| values.join("\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_over_leap_days_and_keep_their_times() {
        assert_eq!(shifted("20240301", 1).as_deref(), Some("20240229"));
        assert_eq!(shifted("20240101120000.5+0100", 1).as_deref(), Some("20231231120000.5+0100"));
        assert_eq!(shifted("2024.03.01", 1), None);
        assert_eq!(shifted("", 1), None);
    }
}
