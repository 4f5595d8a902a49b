//! A file as its parts (meta, data set, pixel data) and back, whole on the disk; the check of what was written.

use std::io::Write;
use std::path::Path;

use dicom_core::Tag;
use dicom_core::header::Header;
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::super::dataset::{Select, values_of};
use super::super::encoding::{Encoding, OutlineError, outline};
use super::super::source::Location;
use super::pixels::{self, Pixels};
use super::profile::{Action, action};
use super::transform::{Transform, text_of};

const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

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
    let pixels = pixels::read(&outline)?;
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
        pixels::append(&mut data, pixels, parts.encoding)?;
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

/// Writes a new file and waits until the disk holds it; what could not be written whole is taken away.
///
/// # Errors
/// The system's, of whatever step failed.
pub(super) fn save(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::File::create_new(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        drop(file);
        // The folder it lies in is dropped as well; the reason to tell is that of the writing.
        let _ = std::fs::remove_file(path);
        return written;
    }
    // So that the check reads what the disk holds, not what is left of the writing in memory.
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
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
    // Of the original, what its image needs.
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
        let own = text_of(element).is_some_and(|text| transform.own.contains(&text));
        if !own && transform.holds_identifier(element) {
            return Err(format!("({group:04X},{number:04X}) still holds an identifier of the original"));
        }
    }
    Ok(())
}
