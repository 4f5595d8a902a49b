//! A file as its parts (meta, data set, pixel bytes) and back; the check of what was written.

use std::io::Write;

use dicom_core::header::Header;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::super::dataset::{Select, values_of};
use super::super::encoding::{
    Encoding, ITEM, Outline, OutlineError, SEQUENCE_END, UNDEFINED, element, outline,
};
use super::super::source::Location;
use super::profile::{Action, action};
use super::transform::{Transform, effective_vr, text_of};

const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const PIXEL_TAG: [u16; 2] = [0x7FE0, 0x0010];

/// The pixel data element's value, untouched.
#[derive(Debug, PartialEq)]
pub(super) struct Pixels {
    /// `OB` or `OW`.
    vr: [u8; 2],
    /// The value's bytes; of encapsulated data all items with the delimiter behind them.
    value: Vec<u8>,
    encapsulated: bool,
}

/// A file taken apart.
pub(super) struct Parts {
    pub object: InMemDicomObject,
    pub pixels: Option<Pixels>,
    pub transfer_syntax: String,
    pub encoding: Encoding,
    /// Elements that could not be read and are left out.
    pub dropped: usize,
}

/// Reads a whole file.
///
/// # Errors
/// One sentence without the path.
pub(super) fn read(location: &Location) -> Result<Parts, String> {
    let outline = outline(location.open()?).map_err(|e| match e {
        OutlineError::NotDicom => "it is not a DICOM file".to_owned(),
        OutlineError::Broken(reason) => reason,
    })?;
    let object = values_of(&outline, Select::All);
    let pixels = pixels(&outline)?;
    let compressed = pixels.as_ref().is_some_and(|p| p.encapsulated);
    let (claimed, found) = (&outline.transfer_syntax, outline.encoding);
    let of_data_set = found.transfer_syntax();
    if compressed && found.big_endian {
        return Err("compressed pixel data in a big-endian data set can't be passed on".to_owned());
    }
    if compressed && (claimed.is_empty() || claimed == of_data_set) {
        return Err("its compressed pixel data state no transfer syntax (0002,0010)".to_owned());
    }
    let (transfer_syntax, encoding) = match (compressed, claimed == DEFLATED) {
        (true, _) => (claimed.clone(), Encoding::EXPLICIT_LITTLE),
        (false, true) => (claimed.clone(), Encoding::EXPLICIT_LITTLE),
        (false, false) => (of_data_set.to_owned(), found),
    };
    let dropped = outline.elements.len().saturating_sub(object.iter().count());
    Ok(Parts { object, pixels, transfer_syntax, encoding, dropped })
}

fn pixels(outline: &Outline) -> Result<Option<Pixels>, String> {
    let Some(place) = outline.pixels else { return Ok(None) };
    let cut = || "the file is cut short inside its pixel data".to_owned();
    let before = place.at.checked_sub(8).ok_or_else(cut)?;
    // The VR stands 8 bytes before the value (with four length bytes) or 4 before it; implicit data sets have none.
    let head = outline.bytes.read(before, 8)?;
    let vr = [&head[..2], &head[4..6]]
        .into_iter()
        .find_map(|vr| if vr == b"OB" { Some(*b"OB") } else { (vr == b"OW").then_some(*b"OW") })
        .filter(|_| outline.encoding.explicit);
    if let Some(length) = place.length {
        let value = outline.bytes.read(place.at, u64::from(length)).map_err(|_| cut())?;
        return Ok(Some(Pixels { vr: vr.unwrap_or(*b"OW"), value, encapsulated: false }));
    }
    let mut value = outline.bytes.read(place.at, outline.bytes.len() - place.at)?;
    let end = fragments_end(&value).ok_or_else(cut)?;
    value.truncate(end);
    Ok(Some(Pixels { vr: *b"OB", value, encapsulated: true }))
}

/// Behind the sequence delimiter of encapsulated pixel data.
fn fragments_end(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let item = element(value, at, Encoding::EXPLICIT_LITTLE).ok()?;
        match item.tag {
            SEQUENCE_END => return Some(item.value),
            ITEM if item.length != UNDEFINED => at = item.value.checked_add(item.length as usize)?,
            _ => return None,
        }
    }
}

/// The whole file: preamble, meta group, data set, pixel data.
///
/// # Errors
/// One sentence.
pub(super) fn encode(object: &InMemDicomObject, parts: &Parts) -> Result<Vec<u8>, String> {
    let text = |tag| object.get(tag).and_then(text_of).unwrap_or_default();
    let (class, instance) = (text(tags::SOP_CLASS_UID), text(tags::SOP_INSTANCE_UID));
    let failed = |e: &dyn std::fmt::Display| format!("it can't be encoded as DICOM: {e}");
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(parts.transfer_syntax.as_str())
        .media_storage_sop_class_uid(class.as_str())
        .media_storage_sop_instance_uid(instance.as_str())
        .build()
        .map_err(|e| failed(&e))?;
    let syntax = TransferSyntaxRegistry
        .get(parts.encoding.transfer_syntax())
        .ok_or_else(|| "its transfer syntax is not known".to_owned())?;
    let mut data = Vec::new();
    object.write_dataset_with_ts(&mut data, syntax).map_err(|e| failed(&e))?;
    if let Some(pixels) = &parts.pixels {
        append(&mut data, pixels, parts.encoding)?;
    }
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    meta.write(&mut file).map_err(|e| failed(&e))?;
    if parts.transfer_syntax == DEFLATED {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        data = packer.write_all(&data).and_then(|()| packer.finish()).map_err(|e| failed(&e))?;
        // PS3.5 A.5: an even number of bytes.
        if data.len() % 2 == 1 {
            data.push(0);
        }
    }
    file.append(&mut data);
    Ok(file)
}

fn append(data: &mut Vec<u8>, pixels: &Pixels, encoding: Encoding) -> Result<(), String> {
    let length = match pixels.encapsulated {
        true => UNDEFINED,
        false => u32::try_from(pixels.value.len()).map_err(|_| "its pixel data are too long".to_owned())?,
    };
    let half = |v: u16| if encoding.big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let whole = |v: u32| if encoding.big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    PIXEL_TAG.iter().for_each(|&part| data.extend(half(part)));
    if encoding.explicit {
        data.extend(pixels.vr);
        data.extend([0, 0]);
    }
    data.extend(whole(length));
    data.extend(&pixels.value);
    Ok(())
}

/// Reads a written file back and checks it against what it was made from.
///
/// # Errors
/// One sentence that names the tag but no value.
pub(super) fn verify(
    location: &Location,
    written: &InMemDicomObject,
    parts: &Parts,
    transform: &Transform,
) -> Result<(), String> {
    let back = read(location)?;
    if back.pixels != parts.pixels || back.transfer_syntax != parts.transfer_syntax {
        return Err("its pixel data are not those of the original".to_owned());
    }
    if back.dropped > 0 || !back.object.tags().eq(written.tags()) {
        return Err("it does not hold the elements that were written".to_owned());
    }
    // Behind the preamble of 128 bytes.
    let head = location.open()?;
    let head = head.read(128, (head.len() - 128).min(4096))?;
    let meta = dicom_object::FileMetaTable::from_reader(&head[..])
        .map_err(|_| "its file meta information can't be read".to_owned())?;
    let stated = meta.media_storage_sop_instance_uid().trim_matches(['\0', ' ']).to_owned();
    let instance = back.object.get(tags::SOP_INSTANCE_UID).and_then(text_of).unwrap_or_default();
    if stated != instance {
        return Err("its meta information names another instance".to_owned());
    }
    leftovers(&back.object, transform)
}

fn leftovers(object: &InMemDicomObject, transform: &Transform) -> Result<(), String> {
    for element in object {
        let Tag(group, number) = element.tag();
        if action(element.tag(), transform.options) == Action::Remove
            && element.tag() != tags::DEIDENTIFICATION_METHOD
        {
            return Err(format!("({group:04X},{number:04X}) should have been removed"));
        }
        for item in element.items().unwrap_or_default() {
            leftovers(item, transform)?;
        }
        // Dates, numbers and code words that the options or the profile keep are compared with nothing; text and raw
        // bytes are.
        if matches!(effective_vr(element), VR::DA | VR::TM | VR::DT | VR::DS | VR::IS | VR::AS | VR::CS) {
            continue;
        }
        let text = match (element.vr(), text_of(element)) {
            (_, Some(text)) => text,
            (VR::OB | VR::UN, None) => {
                element.to_bytes().map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
            }
            _ => continue,
        };
        if !transform.own.contains(&text) && transform.mentioned_in(&text) {
            return Err(format!("({group:04X},{number:04X}) still holds an identifier of the original"));
        }
    }
    Ok(())
}
