//! The outer structure of a DICOM file: where its data set starts, how it is encoded, where each top-level element lies.
//!
//! dicom-rs reads a data set whole or not at all, trusts lengths and does not tell where pixel data lies. This walk
//! checks every length against the file before anything is allocated, and finds the byte ranges that dicom-rs then
//! interprets.

use super::source::{Bytes, inflate};
use thoracast_files::budget;

/// Transfer syntax of a data set that is deflated as a whole.
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
/// First read of a file; the header of a CT slice usually fits.
const FIRST_READ: u64 = 32 << 10;
/// Longest header (everything before the pixel data) that is read, bytes.
const LONGEST_HEADER: u64 = 512 << 20;
/// Deepest nesting of sequences that is followed.
pub(super) const DEEPEST: usize = 32;
pub(super) const UNDEFINED: u32 = u32::MAX;
pub(super) const ITEM: (u16, u16) = (0xFFFE, 0xE000);
pub(super) const ITEM_END: (u16, u16) = (0xFFFE, 0xE00D);
pub(super) const SEQUENCE_END: (u16, u16) = (0xFFFE, 0xE0DD);
const PIXEL_DATA: (u16, u16) = (0x7FE0, 0x0010);

/// The 34 value representations of PS3.5 6.2.
const VRS: [&[u8; 2]; 34] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"OB", b"OD", b"OF",
    b"OL", b"OV", b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"SV", b"TM", b"UC", b"UI", b"UL", b"UN",
    b"UR", b"US", b"UT", b"UV",
];
/// Those with a four-byte length in explicit encodings.
const LONG_VRS: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV"];

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub explicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    pub const EXPLICIT_LITTLE: Self = Self { explicit: true, big_endian: false };
    pub const IMPLICIT_LITTLE: Self = Self { explicit: false, big_endian: false };
    pub const EXPLICIT_BIG: Self = Self { explicit: true, big_endian: true };

    /// The encoding a transfer syntax prescribes. Everything but implicit little and explicit big endian is explicit little endian.
    fn of_transfer_syntax(uid: &str) -> Self {
        match uid {
            "1.2.840.10008.1.2" => Self::IMPLICIT_LITTLE,
            "1.2.840.10008.1.2.2" => Self::EXPLICIT_BIG,
            _ => Self::EXPLICIT_LITTLE,
        }
    }

    /// The uncompressed transfer syntax of this encoding.
    pub fn transfer_syntax(self) -> &'static str {
        match (self.explicit, self.big_endian) {
            (false, _) => "1.2.840.10008.1.2",
            (true, true) => "1.2.840.10008.1.2.2",
            (true, false) => "1.2.840.10008.1.2.1",
        }
    }

    fn u16(self, b: &[u8]) -> u16 {
        let b = [b[0], b[1]];
        if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    fn u32(self, b: &[u8]) -> u32 {
        let b = [b[0], b[1], b[2], b[3]];
        if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }
}

/// A top-level element's place in the header bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ElementRange {
    pub tag: (u16, u16),
    /// From the tag to the end of the value (including delimiters).
    pub start: usize,
    pub end: usize,
}

/// Where the pixel data lie in [`Outline::bytes`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PixelPlace {
    pub at: u64,
    /// None: undefined, that is encapsulated.
    pub length: Option<u32>,
}

/// The outer structure of one file.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Empty if the file does not say.
    pub transfer_syntax: String,
    /// Media storage SOP class (0002,0002); empty if the file does not say.
    pub media_class: String,
    pub encoding: Encoding,
    /// What `header` and `pixels` refer to: the file, or the inflated data set.
    pub bytes: Bytes,
    /// The bytes before the pixel data.
    pub header: Vec<u8>,
    pub elements: Vec<ElementRange>,
    pub pixels: Option<PixelPlace>,
    /// Where the file departs from what it claims.
    pub remarks: Vec<String>,
}

/// What is said of a file that is something else.
pub(crate) const NOT_DICOM: &str =
    "it is not a DICOM file; choose CT images, their folder, a ZIP or a DICOMDIR";

/// What stands in the way of an outline.
#[derive(Debug, PartialEq)]
pub(crate) enum OutlineError {
    /// Nothing about the file looks like DICOM.
    NotDicom,
    /// It begins like DICOM and then breaks; one sentence without the path.
    Broken(String),
}

/// Why a walk ends early.
pub(super) enum Stop {
    /// The walk needs bytes beyond those read so far.
    NeedMore,
    Broken(String),
}

/// An element's tag, VR, length and where its value starts.
pub(super) struct ElementHeader {
    pub tag: (u16, u16),
    /// None in implicit encodings and where unknown.
    pub vr: Option<[u8; 2]>,
    pub length: u32,
    pub value: usize,
}

/// Reads a file's outer structure up to its pixel data.
///
/// # Errors
/// See [`OutlineError`].
pub(crate) fn outline(bytes: Bytes) -> Result<Outline, OutlineError> {
    if bytes.len() == 0 {
        return Err(OutlineError::Broken("the file is empty".to_owned()));
    }
    let head = read(&bytes, FIRST_READ.min(bytes.len()))?;
    let start = dataset_start(&head).ok_or(OutlineError::NotDicom)?;
    let meta = read_meta(&head, start)?;
    if meta.transfer_syntax == DEFLATED {
        let at = meta.end as u64;
        let most = budget::most_unpacked(u64::MAX);
        if bytes.len() - at > most {
            return Err(OutlineError::Broken(budget::Refusal::Unpacks { most }.to_string()));
        }
        let packed = bytes.read(at, bytes.len() - at).map_err(OutlineError::Broken)?;
        let inflated = inflate(&packed).map_err(OutlineError::Broken)?;
        let head = read(&inflated, FIRST_READ.min(inflated.len()))?;
        return finish(inflated, head, 0, meta);
    }
    let start = meta.end;
    finish(bytes, head, start, meta)
}

fn read(bytes: &Bytes, length: u64) -> Result<Vec<u8>, OutlineError> {
    bytes.read(0, length).map_err(OutlineError::Broken)
}

/// Walks the data set from `start`, reading further as long as the walk asks for more.
fn finish(bytes: Bytes, mut header: Vec<u8>, start: usize, meta: Meta) -> Result<Outline, OutlineError> {
    let mut remarks = Vec::new();
    let encoding = choose_encoding(&header, start, &meta.transfer_syntax, &mut remarks)
        .ok_or_else(|| OutlineError::Broken("its data set is damaged at the start or cut off".to_owned()))?;
    loop {
        let walk = walk_top(&header, start, encoding, bytes.len());
        match walk {
            Ok((elements, pixels)) => {
                let Meta { transfer_syntax, media_class, .. } = meta;
                return Ok(Outline {
                    transfer_syntax,
                    media_class,
                    encoding,
                    bytes,
                    header,
                    elements,
                    pixels,
                    remarks,
                });
            }
            Err(Stop::Broken(reason)) => return Err(OutlineError::Broken(reason)),
            Err(Stop::NeedMore) if header.len() as u64 == bytes.len() => {
                return Err(OutlineError::Broken("the file is cut short inside its header".to_owned()));
            }
            Err(Stop::NeedMore) if header.len() as u64 >= LONGEST_HEADER => {
                return Err(OutlineError::Broken("the header is longer than 512 MiB".to_owned()));
            }
            Err(Stop::NeedMore) => header = read(&bytes, (header.len() as u64 * 4).min(bytes.len()))?,
        }
    }
}

/// Where the meta group or the data set starts: after "DICM" at 128, after "DICM" at 0, or at 0.
fn dataset_start(head: &[u8]) -> Option<usize> {
    if head.get(128..132) == Some(b"DICM") {
        return Some(132);
    }
    if head.get(..4) == Some(b"DICM") {
        return Some(4);
    }
    let plausible = |encoding| {
        let first = element(head, 0, encoding).ok()?;
        let next = first.value.checked_add(first.length as usize)?;
        let second = element(head, next, encoding).ok()?;
        // A group length (xxxx,0000) or the identifying groups 2, 4 and 8 open every data set.
        let opens = matches!(first.tag.0, 2 | 4 | 8) && first.tag.1 < 0x1000;
        let follows = second.tag > first.tag && second.tag.0 <= 0x0040;
        let vr_known = !encoding.explicit || first.vr.is_some() && second.vr.is_some();
        (opens && follows && vr_known).then_some(0)
    };
    plausible(Encoding::EXPLICIT_LITTLE)
        .or_else(|| plausible(Encoding::IMPLICIT_LITTLE))
        .or_else(|| plausible(Encoding::EXPLICIT_BIG))
}

struct Meta {
    transfer_syntax: String,
    media_class: String,
    end: usize,
}

/// Reads group 2 by its tags; its group length is often wrong and not needed.
fn read_meta(head: &[u8], start: usize) -> Result<Meta, OutlineError> {
    let encoding = Encoding::EXPLICIT_LITTLE;
    let cut = || OutlineError::Broken("the file is cut short inside its file meta information".to_owned());
    let mut meta = Meta { transfer_syntax: String::new(), media_class: String::new(), end: start };
    if head.len() == start {
        return Err(OutlineError::Broken("the file ends after its preamble".to_owned()));
    }
    loop {
        let Some(group) = head.get(meta.end..meta.end + 2) else {
            let ends_between = head.len() == meta.end;
            let after = || OutlineError::Broken("the file ends after its file meta information".to_owned());
            return Err(if ends_between { after() } else { cut() });
        };
        if encoding.u16(group) != 2 {
            return Ok(meta);
        }
        let header = element(head, meta.end, encoding).map_err(|_| cut())?;
        let end = header.value.checked_add(header.length as usize).ok_or_else(cut)?;
        let value = head.get(header.value..end).ok_or_else(cut)?;
        let text = || String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned();
        match header.tag {
            (2, 0x0002) => meta.media_class = text(),
            (2, 0x0010) => meta.transfer_syntax = text(),
            _ => {}
        }
        meta.end = end;
    }
}

/// The encoding the first element is really written in; the claimed one if it fits.
fn choose_encoding(
    head: &[u8],
    start: usize,
    transfer_syntax: &str,
    remarks: &mut Vec<String>,
) -> Option<Encoding> {
    let claimed = (!transfer_syntax.is_empty()).then(|| Encoding::of_transfer_syntax(transfer_syntax));
    let fits = |encoding: Encoding| {
        let Ok(first) = element(head, start, encoding) else { return false };
        // Fragments of data sets begin anywhere; only a guess needs the usual first groups.
        let group_fits = first.tag.0 <= 0x0040 || claimed == Some(encoding);
        let length_fits = first.length == UNDEFINED || (first.length as usize) < head.len();
        let has_vr = head.get(start + 4..start + 6).is_some_and(|vr| VRS.iter().any(|known| *known == vr));
        group_fits && length_fits && has_vr == encoding.explicit
    };
    let candidates = [Encoding::EXPLICIT_LITTLE, Encoding::IMPLICIT_LITTLE, Encoding::EXPLICIT_BIG];
    let found = claimed.into_iter().chain(candidates).find(|&e| fits(e))?;
    match claimed {
        Some(claimed) if claimed != found => {
            remarks.push("the data set is not encoded as its transfer syntax (0002,0010) says".to_owned());
        }
        None => remarks
            .push("the file does not state its transfer syntax (0002,0010); it was recognised".to_owned()),
        Some(_) => {}
    }
    Some(found)
}

type TopLevel = (Vec<ElementRange>, Option<PixelPlace>);

fn walk_top(header: &[u8], start: usize, encoding: Encoding, file_length: u64) -> Result<TopLevel, Stop> {
    let mut elements = Vec::with_capacity(128);
    let mut at = start;
    while at as u64 != file_length {
        let element_header = match element(header, at, encoding) {
            Ok(found) => found,
            // Up to seven stray bytes after the last element are padding.
            Err(Stop::NeedMore) if file_length - (at as u64) < 8 => break,
            Err(stop) => return Err(stop),
        };
        if element_header.tag == PIXEL_DATA {
            let length = (element_header.length != UNDEFINED).then_some(element_header.length);
            return Ok((elements, Some(PixelPlace { at: element_header.value as u64, length })));
        }
        if element_header.tag.0 == 0 || element_header.tag.0 > PIXEL_DATA.0 {
            break; // padding or trailing groups: nothing of use follows
        }
        let end = element_end(header, &element_header, encoding, file_length, 0)?;
        elements.push(ElementRange { tag: element_header.tag, start: at, end });
        at = end;
    }
    Ok((elements, None))
}

/// The end of an element's value. Sequences are walked inside so that no nested length reaches beyond its parent.
pub(super) fn element_end(
    data: &[u8],
    header: &ElementHeader,
    encoding: Encoding,
    limit: u64,
    depth: usize,
) -> Result<usize, Stop> {
    let (group, number) = header.tag;
    if depth > DEEPEST {
        return Err(Stop::Broken(format!(
            "sequences are nested deeper than {DEEPEST} at ({group:04X},{number:04X})"
        )));
    }
    if header.length == UNDEFINED {
        // An UN of undefined length holds a sequence in implicit little endian (PS3.5 6.2.2 note 2).
        let inside = if header.vr == Some(*b"UN") { Encoding::IMPLICIT_LITTLE } else { encoding };
        return items_end(data, header.value, None, inside, limit, depth + 1);
    }
    let end = header.value as u64 + u64::from(header.length);
    if end > limit {
        return Err(Stop::Broken(format!(
            "the file is cut short: ({group:04X},{number:04X}) reaches beyond its end"
        )));
    }
    let end = usize::try_from(end).map_err(|_| Stop::Broken("the file is too long".to_owned()))?;
    if header.vr == Some(*b"SQ") && header.length > 0 {
        if data.len() < end {
            return Err(Stop::NeedMore);
        }
        // A broken sequence of known length can be stepped over; dicom-rs is then not asked to read it.
        return match items_end(data, header.value, Some(end), encoding, end as u64, depth + 1) {
            Ok(_) => Ok(end),
            Err(Stop::NeedMore | Stop::Broken(_)) => Ok(end),
        };
    }
    Ok(end)
}

/// The end of a sequence's items: `end` if known, else behind its delimiter.
fn items_end(
    data: &[u8],
    mut at: usize,
    end: Option<usize>,
    encoding: Encoding,
    limit: u64,
    depth: usize,
) -> Result<usize, Stop> {
    loop {
        if end == Some(at) {
            return Ok(at);
        }
        let item = element(data, at, encoding)?;
        match item.tag {
            SEQUENCE_END => return Ok(item.value),
            ITEM if item.length == UNDEFINED => at = item_end(data, item.value, encoding, limit, depth)?,
            ITEM => {
                let item_limit = item.value as u64 + u64::from(item.length);
                if item_limit > limit {
                    return Err(Stop::Broken("the file is cut short inside a sequence".to_owned()));
                }
                at = item_limit as usize;
            }
            (group, number) => {
                return Err(Stop::Broken(format!(
                    "a sequence is damaged: ({group:04X},{number:04X}) stands where an item should"
                )));
            }
        }
    }
}

/// The end of an item of undefined length, behind its delimiter.
fn item_end(data: &[u8], mut at: usize, encoding: Encoding, limit: u64, depth: usize) -> Result<usize, Stop> {
    loop {
        let header = element(data, at, encoding)?;
        if header.tag == ITEM_END {
            return Ok(header.value);
        }
        at = element_end(data, &header, encoding, limit, depth)?;
    }
}

/// Reads one element header. In an explicit data set an element without a known VR is read as implicit, as some writers mix both.
pub(super) fn element(data: &[u8], at: usize, encoding: Encoding) -> Result<ElementHeader, Stop> {
    let head = data.get(at..at + 8).ok_or(Stop::NeedMore)?;
    let tag = (encoding.u16(head), encoding.u16(&head[2..]));
    let vr = [head[4], head[5]];
    let known = VRS.contains(&&vr) && tag.0 != 0xFFFE;
    if !known || !encoding.explicit {
        let vr = known.then_some(vr).filter(|_| encoding.explicit);
        return Ok(ElementHeader { tag, vr, length: encoding.u32(&head[4..]), value: at + 8 });
    }
    if LONG_VRS.contains(&&vr) {
        let length = data.get(at + 8..at + 12).ok_or(Stop::NeedMore)?;
        return Ok(ElementHeader { tag, vr: Some(vr), length: encoding.u32(length), value: at + 12 });
    }
    Ok(ElementHeader { tag, vr: Some(vr), length: u32::from(encoding.u16(&head[6..])), value: at + 8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_pictures_are_not_taken_for_dicom() {
        for other in [
            &b"BT /F1 12 Tf 72 720 Td (Hello) Tj ET and more"[..],
            b"\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01\x01\x00\x48",
            &[0; 64],
        ] {
            let found = outline(Bytes::Memory(other.into()));
            assert!(matches!(found, Err(OutlineError::NotDicom)), "{found:?}");
        }
    }
}
