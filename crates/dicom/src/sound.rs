//! Whether bytes are safe to hand to dicom-rs, which trusts the lengths it meets.

use dicom_core::dictionary::DataDictionaryEntry;
use dicom_core::{DataDictionary, Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::encoding::{DEEPEST, ElementHeader, Encoding, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, element};

/// Whether a byte range is one element, or several, in which every length stays within its parent and every sequence is
/// closed. dicom-rs reserves memory for whatever length it meets, so it is only given ranges that pass this.
pub(crate) fn is_sound(data: &[u8], encoding: Encoding) -> bool {
    sound_elements(data, 0, encoding, false, 0) == Some(data.len())
}

/// The end of a run of elements: of the data, or behind an item's delimiter.
fn sound_elements(
    data: &[u8],
    mut at: usize,
    encoding: Encoding,
    delimited: bool,
    depth: usize,
) -> Option<usize> {
    if depth > DEEPEST {
        return None;
    }
    while delimited || at < data.len() {
        let header = element(data, at, encoding).ok()?;
        if delimited && header.tag == ITEM_END {
            return Some(header.value);
        }
        // What this program reads as implicit, dicom-rs would read as UN with another length.
        if header.tag.0 == ITEM.0 || encoding.explicit && header.vr.is_none() {
            return None;
        }
        let end = match header.length {
            UNDEFINED if header.vr == Some(*b"UN") => return None,
            UNDEFINED => None,
            length => Some(header.value.checked_add(length as usize).filter(|&end| end <= data.len())?),
        };
        // dicom-rs leaves the rest of a value that is not whole numbers unread and takes it for the next element.
        if header.length != UNDEFINED && header.length % number_size(&header, encoding) != 0 {
            return None;
        }
        at = match end {
            Some(end) if !is_sequence(&header, data.get(header.value..end)?, encoding) => end,
            end => sound_items(data, header.value, end, encoding, depth + 1)?,
        };
    }
    Some(at)
}

/// The end of a sequence's items: `end` exactly, or behind its delimiter.
fn sound_items(
    data: &[u8],
    mut at: usize,
    end: Option<usize>,
    encoding: Encoding,
    depth: usize,
) -> Option<usize> {
    while end != Some(at) {
        let item = element(data, at, encoding).ok()?;
        at = match (item.tag, item.length) {
            (SEQUENCE_END, _) if end.is_none() => return Some(item.value),
            (ITEM, UNDEFINED) => sound_elements(data, item.value, encoding, true, depth)?,
            (ITEM, length) => {
                let item_end = item.value.checked_add(length as usize)?;
                let inside = data.get(item.value..item_end.min(end.unwrap_or(usize::MAX)))?;
                (inside.len() == length as usize).then_some(())?;
                sound_elements(inside, 0, encoding, false, depth)?;
                item_end
            }
            _ => return None,
        };
    }
    Some(at)
}

/// Bytes of one number in values of numbers, else 1.
fn number_size(header: &ElementHeader, encoding: Encoding) -> u32 {
    let vr = match header.vr {
        Some(vr) => std::str::from_utf8(&vr).ok().and_then(|vr| vr.parse().ok()),
        None if encoding.explicit => None,
        None => dictionary_vr(header.tag),
    };
    match vr {
        Some(VR::US | VR::SS | VR::OW) => 2,
        Some(VR::UL | VR::SL | VR::FL | VR::AT | VR::OF | VR::OL) => 4,
        Some(VR::FD | VR::SV | VR::UV | VR::OD | VR::OV) => 8,
        _ => 1,
    }
}

fn dictionary_vr(tag: (u16, u16)) -> Option<VR> {
    StandardDataDictionary.by_tag(Tag(tag.0, tag.1)).map(|entry| entry.vr().relaxed())
}

fn is_sequence(header: &ElementHeader, value: &[u8], encoding: Encoding) -> bool {
    if encoding.explicit {
        return header.vr == Some(*b"SQ");
    }
    value.starts_with(&[0xFE, 0xFF, 0x00, 0xE0]) || dictionary_vr(header.tag) == Some(VR::SQ)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{Stop, element_end};

    const EXPLICIT: Encoding = Encoding::EXPLICIT_LITTLE;

    /// dicom-rs reads an element of unknown VR as UN with a length of its own and reserves that much: one changed byte
    /// in a VR made it take gigabytes.
    #[test]
    fn an_unknown_vr_is_not_handed_on() {
        let known = [0x20, 0, 0x37, 0, b'D', b'S', 2, 0, b'1', b' '];
        assert!(is_sound(&known, EXPLICIT));
        let unknown = [0x20, 0, 0x37, 0, 0xE1, b'S', 2, 0, 0xFF, 0xFF, 0xFF, 0x7F];
        assert!(!is_sound(&unknown, EXPLICIT));
    }

    /// A VR changed from US to UL left two bytes unread, which were taken for the start of the next element.
    #[test]
    fn half_numbers_are_not_handed_on() {
        let whole = [0x28, 0, 0x02, 0, b'U', b'L', 4, 0, 1, 0, 0, 0];
        assert!(is_sound(&whole, EXPLICIT));
        assert!(!is_sound(&[0x28, 0, 0x02, 0, b'U', b'L', 2, 0, 1, 0], EXPLICIT));
        assert!(!is_sound(&[0x28, 0, 0x10, 0, 1, 0, 0, 0, 1], Encoding::IMPLICIT_LITTLE));
    }

    #[test]
    fn lengths_must_stay_within_their_parent() {
        let sequence = |item_length: u8, value_length: u8| {
            let mut bytes = vec![0x00, 0x52, 0x30, 0x92, b'S', b'Q', 0, 0, 18, 0, 0, 0];
            bytes.extend([0xFE, 0xFF, 0x00, 0xE0, item_length, 0, 0, 0]);
            bytes.extend([0x20, 0, 0x37, 0, b'D', b'S', value_length, 0, b'1', b' ']);
            bytes
        };
        assert!(is_sound(&sequence(10, 2), EXPLICIT));
        assert!(!is_sound(&sequence(10, 3), EXPLICIT));
        assert!(!is_sound(&sequence(11, 2), EXPLICIT));
        assert!(!is_sound(&sequence(9, 2), EXPLICIT));
    }

    #[test]
    fn sequences_without_length_must_be_closed() {
        let open = [
            &[0x00, 0x52, 0x30, 0x92, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF][..],
            &[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x20, 0, 0x37, 0, b'D', b'S', 2, 0, b'1', b' '],
            &[0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0],
        ]
        .concat();
        let closed = [&open[..], &[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]].concat();
        assert!(is_sound(&closed, EXPLICIT));
        assert!(!is_sound(&open, EXPLICIT));
        let walked =
            element(&closed, 0, EXPLICIT).ok().and_then(|h| element_end(&closed, &h, EXPLICIT, 1000, 0).ok());
        assert_eq!(walked, Some(closed.len()));
    }

    #[test]
    fn nesting_has_a_floor() {
        let level = [
            0x00, 0x52, 0x30, 0x92, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0xFF,
            0xFF, 0xFF, 0xFF,
        ];
        let deep = level.repeat(100_000);
        assert!(!is_sound(&deep, EXPLICIT));
        let walked = element(&deep, 0, EXPLICIT).and_then(|h| element_end(&deep, &h, EXPLICIT, u64::MAX, 0));
        assert!(matches!(walked, Err(Stop::Broken(reason)) if reason.contains("nested deeper")));
    }
}
