//! The pixel data element: taken out of a file, reduced to what its image needs, put into another.
//!
//! What a viewer never shows can name a patient: bytes behind the last frame, comments in compressed pictures, and
//! overlays in bits of the pixels that hold no value (as they were stored before DICOM 2004, PS3.5 8.1.2).

use super::super::dataset::{Dataset, Values};
use super::super::encoding::{Encoding, ITEM, Outline, PixelPlace, SEQUENCE_END, UNDEFINED, element};
use super::super::pixels::{PixelFormat, PixelReader, transfer_syntax_name};
use super::super::source::Bytes;
use super::codestream;
use super::file::Parts;

const PIXEL_TAG: [u16; 2] = [0x7FE0, 0x0010];
const RLE: &str = "1.2.840.10008.1.2.5";

/// The pixel data element's value.
#[derive(Debug, PartialEq)]
pub(super) struct Pixels {
    /// `OB` or `OW`.
    vr: [u8; 2],
    /// The value's bytes; of encapsulated data all items with the delimiter behind them.
    value: Vec<u8>,
    pub encapsulated: bool,
}

/// Pixels of which only the image is left.
pub(super) struct CleanPixels {
    pub pixels: Pixels,
    /// What was taken away that a person should know of; sentences without the file's name.
    pub remarks: Vec<String>,
}

/// The pixel data element of a file as it is, if there is one.
///
/// # Errors
/// One sentence without the path.
pub(super) fn read(outline: &Outline) -> Result<Option<Pixels>, String> {
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

/// Leaves of the pixel data what the image needs: its frames, of each the compressed picture without comments, of each
/// pixel the bits that hold its value.
///
/// # Errors
/// One sentence without the path: why that can't be done, so that the file is not to be passed on.
pub(super) fn clean(pixels: &Pixels, parts: &Parts) -> Result<CleanPixels, String> {
    let values = Values(parts.object.clone());
    let format = PixelFormat::of(&values)?;
    if !pixels.encapsulated {
        return native(pixels, &format, parts.encoding);
    }
    let dataset = Dataset {
        values,
        transfer_syntax: parts.transfer_syntax.clone(),
        media_class: String::new(),
        big_endian: false,
        bytes: Bytes::Memory(pixels.value.as_slice().into()),
        pixels: Some(PixelPlace { at: 0, length: None }),
        remarks: Vec::new(),
    };
    encapsulated(&PixelReader::new(&dataset)?, &parts.transfer_syntax)
}

fn native(pixels: &Pixels, format: &PixelFormat, encoding: Encoding) -> Result<CleanPixels, String> {
    let needed = native_bytes(format);
    let present = pixels.value.len();
    let needed = usize::try_from(needed)
        .ok()
        .filter(|&needed| needed <= present)
        .ok_or_else(|| format!("its pixel data have {present} of {needed} bytes"))?;
    let mut value = pixels.value.clone();
    // Samples of a byte or less in big-endian words stand there in pairs the other way round.
    let swapped = encoding.big_endian && pixels.vr == *b"OW" && format.bits_allocated <= 8;
    if swapped {
        swap_pairs(&mut value);
    }
    value.truncate(needed);
    let mut remarks = Vec::new();
    let cleared = clear_unused(&mut value, format, encoding.big_endian)?;
    if cleared > 0 {
        remarks.push(format!(
            "{cleared} pixels had bits set outside BitsStored (0028,0101), as overlays do; they were cleared"
        ));
    }
    if value.len() % 2 == 1 {
        value.push(0);
    }
    if swapped {
        swap_pairs(&mut value);
    }
    if present > value.len() {
        remarks.push(format!("{} bytes behind the last frame were cut off", present - value.len()));
    }
    Ok(CleanPixels { pixels: Pixels { vr: pixels.vr, value, encapsulated: false }, remarks })
}

fn swap_pairs(bytes: &mut [u8]) {
    bytes.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
}

/// Bytes of all uncompressed frames; frames of single bits follow each other without a gap (PS3.5 8.1.1).
fn native_bytes(format: &PixelFormat) -> u128 {
    let pixels = format.pixels() as u128 * format.frames as u128;
    // One pair of colour samples for two pixels.
    let halved = format.samples == 3 && matches!(&*format.photometric, "YBR_FULL_422" | "YBR_PARTIAL_422");
    let samples = if halved { 2 } else { u128::from(format.samples) };
    (pixels * samples * u128::from(format.bits_allocated)).div_ceil(8)
}

/// Sets the bits of each sample that hold no value: copies of the sign above a signed value, else 0. Counts the samples
/// in which they were anything else than these or 0.
fn clear_unused(value: &mut [u8], format: &PixelFormat, big_endian: bool) -> Result<usize, String> {
    let unused = Unused::of(format);
    match format.bits_allocated {
        1 => {
            let bits = format.pixels() * format.frames * usize::from(format.samples) % 8;
            if let Some(last) = value.last_mut().filter(|_| bits > 0) {
                *last &= u8::MAX >> (8 - bits);
            }
            Ok(0)
        }
        8 | 16 | 32 => {
            let bytes = usize::from(format.bits_allocated / 8);
            let mut strange = 0;
            for sample in value.chunks_exact_mut(bytes) {
                let old = number(sample, big_endian);
                let new = unused.cleared(old);
                strange += usize::from(unused.holds_something(old));
                let (new, length) = (new.to_le_bytes(), sample.len());
                sample.copy_from_slice(&new[..length]);
                if big_endian {
                    sample.reverse();
                }
            }
            Ok(strange)
        }
        bits if bits == format.bits_stored => Ok(0),
        bits => Err(format!("unused bits of pixels of {bits} bits can't be cleared")),
    }
}

/// Up to four bytes as a number.
fn number(bytes: &[u8], big_endian: bool) -> u32 {
    let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// The bits of a sample of up to 32 bits that hold no value.
#[derive(Debug, Clone, Copy)]
struct Unused {
    /// Lowest and highest bit of the value.
    low: u32,
    high: u32,
    signed: bool,
    /// All bits of a sample.
    all: u32,
}

impl Unused {
    fn of(format: &PixelFormat) -> Self {
        Self {
            low: u32::from(format.high_bit + 1 - format.bits_stored),
            high: u32::from(format.high_bit),
            signed: format.signed,
            all: ones(u32::from(format.bits_allocated)),
        }
    }

    fn value_bits(self) -> u32 {
        ones(self.high + 1) & !ones(self.low)
    }

    fn cleared(self, sample: u32) -> u32 {
        let value = sample & self.value_bits();
        let negative = self.signed && sample >> self.high & 1 == 1;
        if negative { (value | !ones(self.high + 1)) & self.all } else { value }
    }

    fn holds_something(self, sample: u32) -> bool {
        sample != self.cleared(sample) && sample & !self.value_bits() != 0
    }
}

/// The lowest `count` bits set.
fn ones(count: u32) -> u32 {
    1_u32.checked_shl(count).map_or(u32::MAX, |bit| bit - 1)
}

fn encapsulated(reader: &PixelReader, transfer_syntax: &str) -> Result<CleanPixels, String> {
    let format = &reader.format;
    let unused = Unused::of(format);
    let mut frames = Vec::with_capacity(format.frames.min(1 << 16));
    for frame in 0..format.frames {
        let encoded = reader.encoded_frame(frame)?;
        if transfer_syntax == RLE {
            frames.push(codestream::rle(&encoded, format, |byte, place| unused.cleared_byte(byte, place))?);
            continue;
        }
        let picture = codestream::without_comments(&encoded).map_err(|reason| {
            format!("its pixel data ({}) {reason}", transfer_syntax_name(transfer_syntax))
        })?;
        if picture.precision > format.high_bit + 1 || unused.low > 0 {
            check_unused(reader, frame, unused)?;
        }
        frames.push(picture.bytes);
    }
    Ok(CleanPixels {
        pixels: Pixels { vr: *b"OB", value: encapsulate(&frames)?, encapsulated: true },
        remarks: Vec::new(),
    })
}

/// Compressed pixels can't be changed without loss: they must not use bits that hold no value.
fn check_unused(reader: &PixelReader, frame: usize, unused: Unused) -> Result<(), String> {
    let decoded = reader.raw_frame(frame)?;
    let bytes = usize::from(reader.format.bits_allocated.div_ceil(8)).clamp(1, 4);
    if decoded.chunks_exact(bytes).any(|sample| unused.holds_something(number(sample, false))) {
        return Err(
            "its compressed pixels use bits outside BitsStored (0028,0101), where overlays lie; decompress it first"
                .to_owned(),
        );
    }
    Ok(())
}

impl Unused {
    /// One byte of a sample whose lowest bit is the sample's bit `place`.
    fn cleared_byte(self, byte: u8, place: u32) -> u8 {
        let value = (self.value_bits() >> place & 0xFF) as u8;
        let kept = byte & value;
        // The sign is known where it stands in this byte.
        let sign = self.high.checked_sub(place).filter(|&bit| bit < 8 && self.signed);
        match sign {
            Some(bit) if byte >> bit & 1 == 1 => kept | !(ones(bit + 1) as u8),
            _ => kept,
        }
    }
}

/// Frames as items, one fragment each, behind a basic offset table where there are several (PS3.5 A.4).
fn encapsulate(frames: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let too_long = || "its pixel data are too long".to_owned();
    let mut fragments = Vec::new();
    let mut offsets = Vec::new();
    for frame in frames {
        offsets.push(u32::try_from(fragments.len()).map_err(|_| too_long())?);
        let length = frame.len().next_multiple_of(2);
        item(&mut fragments, ITEM, u32::try_from(length).map_err(|_| too_long())?);
        fragments.extend(frame);
        fragments.resize(fragments.len() + length - frame.len(), 0);
    }
    let table: Vec<u8> = match offsets.len() {
        1 => Vec::new(),
        _ => offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect(),
    };
    let mut value = Vec::with_capacity(fragments.len() + table.len() + 16);
    item(&mut value, ITEM, u32::try_from(table.len()).map_err(|_| too_long())?);
    value.extend(table);
    value.append(&mut fragments);
    item(&mut value, SEQUENCE_END, 0);
    Ok(value)
}

fn item(bytes: &mut Vec<u8>, tag: (u16, u16), length: u32) {
    bytes.extend(tag.0.to_le_bytes());
    bytes.extend(tag.1.to_le_bytes());
    bytes.extend(length.to_le_bytes());
}

/// Appends the element to an encoded data set.
///
/// # Errors
/// One sentence: pixel data beyond 4 GiB.
pub(super) fn append(data: &mut Vec<u8>, pixels: &Pixels, encoding: Encoding) -> Result<(), String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bits: [u16; 3], signed: bool, columns: u16, frames: usize) -> PixelFormat {
        PixelFormat {
            rows: 1,
            columns,
            samples: 1,
            bits_allocated: bits[0],
            bits_stored: bits[1],
            high_bit: bits[2],
            signed,
            photometric: "MONOCHROME2".into(),
            frames,
        }
    }

    fn cleaned(value: &[u8], format: &PixelFormat, encoding: Encoding) -> (Vec<u8>, Vec<String>) {
        let pixels = Pixels { vr: *b"OW", value: value.to_vec(), encapsulated: false };
        let clean = native(&pixels, format, encoding).unwrap();
        (clean.pixels.value, clean.remarks)
    }

    #[test]
    fn overlays_in_unused_bits_are_cleared_and_values_stay() {
        let little = Encoding::EXPLICIT_LITTLE;
        let (value, remarks) = cleaned(&[0x34, 0xF2, 0x01, 0x00], &format([16, 12, 11], false, 2, 1), little);
        assert_eq!(value, [0x34, 0x02, 0x01, 0x00]);
        assert!(remarks[0].starts_with("1 pixels"), "{remarks:?}");
        // A negative value keeps its sign; whether the bits above repeated it or were 0 is no remark.
        let (value, remarks) = cleaned(&[0xFF, 0xFF, 0xFF, 0x0F], &format([16, 12, 11], true, 2, 1), little);
        assert_eq!((&value[..], remarks.len()), (&[0xFF; 4][..], 0));
        // The value lies above the overlay, the words are big endian.
        let (value, remarks) =
            cleaned(&[0x12, 0x3F], &format([16, 12, 15], false, 1, 1), Encoding::EXPLICIT_BIG);
        assert_eq!((&value[..], remarks.len()), (&[0x12, 0x30][..], 1));
    }

    #[test]
    fn bytes_behind_the_last_frame_are_cut_off_and_an_odd_length_is_filled() {
        let eight = format([8, 8, 7], false, 3, 1);
        let (value, remarks) = cleaned(b"abcSECRET!", &eight, Encoding::EXPLICIT_LITTLE);
        assert_eq!(value, b"abc\0");
        assert!(remarks[0].starts_with("6 bytes"), "{remarks:?}");
        assert_eq!(cleaned(b"abcX", &eight, Encoding::EXPLICIT_LITTLE), (b"abc\0".to_vec(), Vec::new()));
        // In big-endian words the last sample stands behind the padding.
        assert_eq!(cleaned(b"baXc", &eight, Encoding::EXPLICIT_BIG), (b"ba\0c".to_vec(), Vec::new()));
        // Nine single bits: the other seven of the second byte go.
        let bits = format([1, 1, 0], false, 9, 1);
        assert_eq!(cleaned(&[0xFF, 0xFF], &bits, Encoding::EXPLICIT_LITTLE).0, [0xFF, 0x01]);
        let pixels = Pixels { vr: *b"OB", value: vec![0; 2], encapsulated: false };
        assert!(native(&pixels, &eight, Encoding::EXPLICIT_LITTLE).is_err());
    }
}
