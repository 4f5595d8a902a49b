//! Every element of a file as text, for looking at.

use std::path::Path;

use dicom_core::dictionary::DataDictionaryEntry;
use dicom_core::header::Header;
use dicom_core::{DataDictionary, Tag};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use super::DicomError;
use super::dataset::{Select, values_of};
use super::encoding::{NOT_DICOM, OutlineError, outline};
use super::source::Location;

/// Longest value shown, characters.
const LONGEST_SHOWN: usize = 256;

/// One element as text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TagText {
    /// How many sequences it lies in.
    pub depth: usize,
    /// `(0028,0030)`.
    pub tag: String,
    /// `PixelSpacing`; the creator in brackets for private elements (`[GEMS_ACQU_01]`); empty for unknown ones.
    pub name: String,
    pub vr: String,
    /// Values between backslashes, shortened; the size for binary values; the number of items for sequences.
    pub value: String,
}

/// Lists every element before the pixel data, sequences opened up.
///
/// # Errors
/// `File` when it can't be read as DICOM.
pub fn tags(path: &Path, member: Option<&str>) -> Result<Vec<TagText>, DicomError> {
    let location = Location { path: path.to_owned(), member: member.map(str::to_owned) };
    let error = |reason| DicomError::File { path: location.display_path(), reason };
    let bytes = location.open().map_err(error)?;
    let outline = outline(bytes).map_err(|e| match e {
        OutlineError::NotDicom => error(NOT_DICOM.to_owned()),
        OutlineError::Broken(reason) => error(reason),
    })?;
    let mut listed = Vec::new();
    list(&values_of(&outline, Select::All), 0, &mut listed);
    Ok(listed)
}

fn list(object: &InMemDicomObject, depth: usize, listed: &mut Vec<TagText>) {
    for element in object {
        let Tag(group, number) = element.tag();
        let name = match StandardDataDictionary.by_tag(element.tag()) {
            Some(entry) => entry.alias().to_owned(),
            None => creator(object, element.tag()).map(|name| format!("[{name}]")).unwrap_or_default(),
        };
        listed.push(TagText {
            depth,
            tag: format!("({group:04X},{number:04X})"),
            name,
            vr: element.vr().to_string().to_owned(),
            value: shown(element),
        });
        for item in element.items().unwrap_or_default() {
            list(item, depth + 1, listed);
        }
    }
}

/// Who defined a private element: the text that reserves its block (PS3.5 7.8.1).
fn creator(object: &InMemDicomObject, Tag(group, number): Tag) -> Option<String> {
    let block = number >> 8;
    if group % 2 == 0 || !(0x10..=0xFF).contains(&block) {
        return None;
    }
    let reserved = object.get(Tag(group, block))?.to_str().ok()?;
    let name = reserved.trim_matches(['\0', ' ']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn shown(element: &InMemElement) -> String {
    use dicom_core::VR;
    if let Some(items) = element.items() {
        return format!("{} item{}", items.len(), if items.len() == 1 { "" } else { "s" });
    }
    if matches!(element.vr(), VR::OB | VR::OW | VR::UN | VR::OD | VR::OF | VR::OL | VR::OV) {
        return format!("{} bytes", element.to_bytes().map_or(0, |bytes| bytes.len()));
    }
    let text = element.to_str().unwrap_or_default();
    let text = text.trim_matches(['\0', ' ']);
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
