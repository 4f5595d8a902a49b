//! From stored pixel data to planes in Hounsfield units.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;

use dicom_dictionary_std::tags;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::dataset::{Dataset, Values};
use super::source::{Bytes, io_reason};
use super::volume::Plane;
use super::{jpeg12, rle};
use thoracast_files::guard;

/// Above this many bytes a compressed picture's length is held against its size; no CT plane is as large.
const LARGE_PICTURE: u64 = 64 << 20;
/// No large picture is believed to be compressed more than this.
const MOST_COMPRESSED: u64 = 1000;

/// How one frame's pixels are stored (group 0028).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PixelFormat {
    pub rows: u16,
    pub columns: u16,
    pub samples: u16,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub signed: bool,
    pub photometric: String,
    pub frames: usize,
}

impl PixelFormat {
    /// Reads the image pixel attributes.
    ///
    /// # Errors
    /// One sentence that names the attribute, without the path.
    pub fn of(values: &Values) -> Result<Self, String> {
        let required = |tag, name: &str| {
            let number: u16 = values.integer(tag).ok_or(format!("{name} is missing"))?;
            if number == 0 { Err(format!("{name} is 0")) } else { Ok(number) }
        };
        let bits_allocated = required(tags::BITS_ALLOCATED, "BitsAllocated (0028,0100)")?;
        let bits_stored = values.integer(tags::BITS_STORED).unwrap_or(bits_allocated);
        let format = Self {
            rows: required(tags::ROWS, "Rows (0028,0010)")?,
            columns: required(tags::COLUMNS, "Columns (0028,0011)")?,
            samples: values.integer(tags::SAMPLES_PER_PIXEL).unwrap_or(1).max(1),
            bits_allocated,
            bits_stored,
            high_bit: values.integer(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1)),
            signed: values.integer::<u16>(tags::PIXEL_REPRESENTATION) == Some(1),
            photometric: values.text(tags::PHOTOMETRIC_INTERPRETATION),
            frames: values.integer::<u32>(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1) as usize,
        };
        let bits_fit = format.bits_stored >= 1
            && format.bits_stored <= format.bits_allocated
            && format.high_bit < format.bits_allocated
            && format.high_bit + 1 >= format.bits_stored;
        if !bits_fit {
            return Err(format!(
                "BitsAllocated {}, BitsStored {} and HighBit {} contradict each other",
                format.bits_allocated, format.bits_stored, format.high_bit
            ));
        }
        Ok(format)
    }

    /// Why these pixels can't be CT values, if so.
    pub fn unsuitable(&self) -> Option<String> {
        if self.samples != 1 || !(self.photometric.is_empty() || self.photometric.starts_with("MONOCHROME")) {
            return Some(format!("it holds colour pictures ({}), not CT values", self.photometric));
        }
        if !matches!(self.bits_allocated, 8 | 16) {
            return Some(format!("its pixels have {} bits; 8 and 16 can be read", self.bits_allocated));
        }
        None
    }

    pub fn pixels(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns)
    }

    /// Bytes of one uncompressed frame.
    fn frame_bytes(&self) -> u64 {
        self.pixels() as u64 * u64::from(self.samples) * u64::from(self.bits_allocated) / 8
    }
}

/// Where each frame's encoded bytes are.
#[derive(Debug, Clone)]
enum FramePlaces {
    /// Uncompressed, one after the other from this offset.
    Native(u64),
    /// Compressed: byte ranges by frame.
    Encapsulated(Vec<Vec<Range<u64>>>),
}

/// Decodes the frames of one file.
#[derive(Debug, Clone)]
pub(crate) struct PixelReader {
    pub format: PixelFormat,
    transfer_syntax: String,
    big_endian: bool,
    bytes: Bytes,
    places: FramePlaces,
    lut: Option<ModalityLut>,
}

impl PixelReader {
    /// Locates every frame of a file; checks that all of them are within the file.
    ///
    /// # Errors
    /// One sentence without the path: no pixel data, cut short, attributes missing.
    pub fn new(dataset: &Dataset) -> Result<Self, String> {
        let place = dataset.pixels.ok_or("it holds no pixel data")?;
        let format = PixelFormat::of(&dataset.values)?;
        let places = match place.length {
            Some(_) => native_place(&format, place.at, &dataset.bytes)?,
            None => FramePlaces::Encapsulated(frame_fragments(dataset, place.at, format.frames)?),
        };
        Ok(Self {
            format,
            transfer_syntax: dataset.transfer_syntax.clone(),
            big_endian: dataset.big_endian,
            bytes: dataset.bytes.clone(),
            places,
            lut: ModalityLut::of(&dataset.values),
        })
    }

    /// Decodes one frame; `rescale` is its slope and intercept.
    ///
    /// # Errors
    /// One sentence without the path.
    pub fn plane(&self, frame: usize, rescale: [f64; 2]) -> Result<Plane, String> {
        if let Some(reason) = self.format.unsuitable() {
            return Err(reason);
        }
        let raw = self.raw_frame(frame)?;
        let big_endian = self.big_endian && matches!(self.places, FramePlaces::Native(_));
        let (stored, offset) = stored_values(&raw, &self.format, big_endian)?;
        if let Some(lut) = &self.lut {
            return Ok(lut.plane(&stored, offset));
        }
        let [slope, intercept] = rescale;
        let intercept = intercept + f64::from(offset) * slope;
        Ok(Plane { stored, slope: slope as f32, intercept: intercept as f32 })
    }

    /// One frame's compressed bytes, its fragments joined.
    ///
    /// # Errors
    /// One sentence without the path; also when the pixels are not compressed.
    pub fn encoded_frame(&self, frame: usize) -> Result<Vec<u8>, String> {
        let FramePlaces::Encapsulated(frames) = &self.places else {
            return Err("its pixel data are not compressed".to_owned());
        };
        let fragments = frames.get(frame).ok_or_else(|| format!("frame {frame} does not exist"))?;
        let mut encoded = Vec::new();
        for range in fragments {
            encoded.extend(self.bytes.read(range.start, range.end - range.start)?);
        }
        Ok(encoded)
    }

    /// One frame uncompressed.
    ///
    /// # Errors
    /// One sentence without the path.
    pub fn raw_frame(&self, frame: usize) -> Result<Vec<u8>, String> {
        let size = self.format.frame_bytes();
        match &self.places {
            FramePlaces::Native(start) => self.bytes.read(start + size * frame as u64, size),
            FramePlaces::Encapsulated(_) => {
                let decoded = decode(&self.transfer_syntax, &self.format, self.encoded_frame(frame)?)?;
                if decoded.len() as u64 != size {
                    return Err(format!(
                        "the compressed picture has {} bytes instead of {size} ({} rows × {} columns)",
                        decoded.len(),
                        self.format.rows,
                        self.format.columns
                    ));
                }
                Ok(decoded)
            }
        }
    }
}

fn native_place(format: &PixelFormat, at: u64, bytes: &Bytes) -> Result<FramePlaces, String> {
    // At least a byte a frame (1-bit frames share bytes), so that no count of frames goes unchecked.
    let needed = u128::from(format.frame_bytes().max(1)) * format.frames as u128;
    let present = bytes.len().saturating_sub(at);
    if u128::from(present) < needed {
        return Err(format!(
            "the file is cut short: {present} of {needed} bytes of pixel data are there; copy it again from the source"
        ));
    }
    Ok(FramePlaces::Native(at))
}

/// Reads the item headers of encapsulated pixel data and assigns fragments to frames (PS3.5 A.4).
fn frame_fragments(dataset: &Dataset, at: u64, frames: usize) -> Result<Vec<Vec<Range<u64>>>, String> {
    let (offset_table, fragments) = fragments(&dataset.bytes, at)?;
    if fragments.is_empty() {
        return Err("its compressed pixel data are empty".to_owned());
    }
    if frames == 1 {
        return Ok(vec![fragments]);
    }
    if fragments.len() == frames {
        return Ok(fragments.into_iter().map(|f| vec![f]).collect());
    }
    let extended = dataset.values.offsets(tags::EXTENDED_OFFSET_TABLE);
    // A set: offsets times fragments would be a hang for a small file of empty fragments.
    let table_length = if extended.len() == frames { frames } else { offset_table.len() };
    let starts: HashSet<u64> =
        if extended.len() == frames { extended } else { offset_table }.into_iter().collect();
    let first = fragments[0].start - 8;
    let begins: Vec<bool> = if table_length == frames {
        fragments.iter().map(|f| starts.contains(&(f.start - 8 - first))).collect()
    } else {
        begins_by_marker(&dataset.bytes, &fragments)?
    };
    let mut by_frame: Vec<Vec<Range<u64>>> = Vec::with_capacity(frames.min(fragments.len()));
    for (fragment, begins) in fragments.into_iter().zip(begins) {
        match by_frame.last_mut() {
            Some(frame) if !begins => frame.push(fragment),
            _ => by_frame.push(vec![fragment]),
        }
    }
    if by_frame.len() == frames {
        Ok(by_frame)
    } else {
        Err(format!("{} of its {frames} frames are there", by_frame.len()))
    }
}

/// Without an offset table: a frame begins where a fragment starts with JPEG's or JPEG 2000's start marker.
fn begins_by_marker(bytes: &Bytes, fragments: &[Range<u64>]) -> Result<Vec<bool>, String> {
    fragments
        .iter()
        .map(|f| {
            let start = bytes.read(f.start, 3.min(f.end - f.start))?;
            Ok(matches!(start[..], [0xFF, 0xD8, 0xFF] | [0xFF, 0x4F, 0xFF]))
        })
        .collect()
}

type Fragments = (Vec<u64>, Vec<Range<u64>>);

/// The basic offset table and the byte range of each fragment.
fn fragments(bytes: &Bytes, at: u64) -> Result<Fragments, String> {
    let cut =
        || "the file is cut short inside its compressed pixel data; copy it again from the source".to_owned();
    let mut reader = bytes.reader(at)?;
    let mut position = at;
    let mut offset_table = Vec::new();
    let mut found = Vec::new();
    let mut item = [0; 8];
    loop {
        match reader.read_exact(&mut item) {
            Ok(()) => {}
            // The closing delimiter is often lost; what precedes it is complete.
            Err(_) if position == bytes.len() && !found.is_empty() => return Ok((offset_table, found)),
            Err(_) => return Err(cut()),
        }
        let [a, b, c, d, length @ ..] = item;
        let length = u64::from(u32::from_le_bytes(length));
        position += 8;
        match [a, b, c, d] {
            [0xFE, 0xFF, 0x00, 0xE0] if position + length > bytes.len() => return Err(cut()),
            [0xFE, 0xFF, 0x00, 0xE0] if position == at + 8 => {
                let table = bytes.read(position, length)?;
                offset_table = table
                    .chunks_exact(4)
                    .map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
                    .collect();
            }
            [0xFE, 0xFF, 0x00, 0xE0] => found.push(position..position + length),
            [0xFE, 0xFF, 0xDD, 0xE0] => return Ok((offset_table, found)),
            _ if !found.is_empty() => return Ok((offset_table, found)),
            _ => return Err("its compressed pixel data are damaged".to_owned()),
        }
        position += length;
        reader.seek(std::io::SeekFrom::Start(position)).map_err(|e| io_reason(&e))?;
    }
}

/// One frame as dicom-rs' decoders ask for it.
struct OneFrame<'a> {
    transfer_syntax: &'a str,
    format: &'a PixelFormat,
    encoded: Vec<u8>,
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.transfer_syntax
    }
    fn rows(&self) -> Option<u16> {
        Some(self.format.rows)
    }
    fn cols(&self) -> Option<u16> {
        Some(self.format.columns)
    }
    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.format.samples)
    }
    fn bits_allocated(&self) -> Option<u16> {
        Some(self.format.bits_allocated)
    }
    fn bits_stored(&self) -> Option<u16> {
        Some(self.format.bits_stored)
    }
    fn photometric_interpretation(&self) -> Option<&str> {
        Some(&self.format.photometric)
    }
    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }
    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }
    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.encoded.as_slice()))
    }
    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[0]))
    }
    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: std::iter::once(self.encoded.clone()).collect(),
            offset_table: std::iter::once(0).collect(),
        })
    }
}

/// Name of a transfer syntax; its UID if unknown.
pub(crate) fn transfer_syntax_name(uid: &str) -> String {
    TransferSyntaxRegistry.get(uid).map_or_else(|| uid.to_owned(), |ts| ts.name().to_owned())
}

/// Whether compressed pixel data in a transfer syntax can be decoded at all.
pub(crate) fn has_decoder(uid: &str) -> bool {
    TransferSyntaxRegistry.get(uid).is_some_and(|ts| ts.pixel_data_reader().is_some())
}

fn decode(transfer_syntax: &str, format: &PixelFormat, encoded: Vec<u8>) -> Result<Vec<u8>, String> {
    let name = transfer_syntax_name(transfer_syntax);
    let syntax = TransferSyntaxRegistry.get(transfer_syntax);
    let Some(decoder) = syntax.and_then(|ts| ts.pixel_data_reader()) else {
        return Err(format!("pixel data in {name} can't be decoded"));
    };
    if let Some(stated) = codestream_size(&encoded)
        && stated != [u32::from(format.columns), u32::from(format.rows), u32::from(format.samples)]
    {
        // Also keeps a damaged picture header from asking the decoder for gigabytes.
        let [columns, rows, samples] = stated;
        return Err(format!(
            "its compressed picture has {rows} × {columns} pixels of {samples} samples where the header says {} × {} of {}",
            format.rows, format.columns, format.samples
        ));
    }
    if format.frame_bytes() > LARGE_PICTURE && (encoded.len() as u64) < format.frame_bytes() / MOST_COMPRESSED
    {
        return Err("its compressed pixel data are far too short for the size the header says".to_owned());
    }
    if transfer_syntax == rle::RLE_LOSSLESS {
        let planes = usize::from(format.samples) * usize::from(format.bits_allocated.div_ceil(8));
        rle::check(&encoded, planes, usize::from(format.rows) * usize::from(format.columns))?;
    }
    if jpeg12::is_12_bit_sequential(&encoded) {
        return jpeg12::decode(&encoded, format.rows, format.columns);
    }
    let frame = OneFrame { transfer_syntax, format, encoded };
    let decoded = guard::decode(|| {
        let mut decoded = Vec::new();
        decoder.decode_frame(&frame, 0, &mut decoded).map(|()| decoded)
    });
    match decoded {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(format!("its pixel data ({name}) can't be decoded: {}", with_causes(&error))),
        Err(_) => Err(format!("its pixel data ({name}) are damaged")),
    }
}

/// Width, height and samples a pixel that a JPEG, JPEG-LS or JPEG 2000 codestream states in its header; `None` for other data.
fn codestream_size(encoded: &[u8]) -> Option<[u32; 3]> {
    let u16_at = |at: usize| Some(u32::from(u16::from_be_bytes(encoded.get(at..at + 2)?.try_into().ok()?)));
    let u32_at = |at: usize| Some(u32::from_be_bytes(encoded.get(at..at + 4)?.try_into().ok()?));
    match encoded.get(..3)? {
        // SIZ follows SOC; picture size is the grid's end less its offset (ISO 15444-1 A.5.1).
        [0xFF, 0x4F, 0xFF] => {
            let extent = |end: usize, offset: usize| Some(u32_at(end)?.saturating_sub(u32_at(offset)?));
            Some([extent(8, 16)?, extent(12, 20)?, u16_at(40)?])
        }
        [0xFF, 0xD8, 0xFF] => {
            let mut at = 2;
            loop {
                let (prefix, marker) = (*encoded.get(at)?, *encoded.get(at + 1)?);
                match marker {
                    _ if prefix != 0xFF => return None,
                    0xFF => at += 1, // fill byte
                    // Start of frame: all of C0…CF but tables (C4), extensions (C8) and conditioning (CC); F7 is JPEG-LS.
                    0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 => {
                        return Some([u16_at(at + 7)?, u16_at(at + 5)?, u32::from(*encoded.get(at + 9)?)]);
                    }
                    _ => at += 2 + u16_at(at + 2)? as usize,
                }
            }
        }
        _ => None,
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// Sign- or zero-extended stored values as i16, and what was taken off to make them fit.
///
/// Bits above HighBit and below the stored ones (overlays, padding) are cut off, as PS3.5 8.1.1 says.
fn stored_values(raw: &[u8], format: &PixelFormat, big_endian: bool) -> Result<(Vec<i16>, i32), String> {
    if format.bits_allocated == 8 {
        let (left, right) = (7 - format.high_bit, 8 - format.bits_stored);
        let value = |&byte: &u8| {
            let top = byte << left;
            if format.signed { i16::from((top as i8) >> right) } else { i16::from(top >> right) }
        };
        return Ok((raw.iter().map(value).collect(), 0));
    }
    let (left, right) = (15 - format.high_bit, 16 - format.bits_stored);
    let words = raw.chunks_exact(2).map(|b| {
        if big_endian { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) }
    });
    if format.signed {
        return Ok((words.map(|w| ((w << left) as i16) >> right).collect(), 0));
    }
    let mut stored: Vec<i16> = words.map(|w| ((w << left) >> right) as i16).collect();
    // Only 16 stored bits can exceed i16; then all values of the plane move down by 32768.
    if stored.iter().any(|&v| v < 0) {
        for value in &mut stored {
            *value = (*value as u16 ^ 0x8000) as i16;
        }
        return Ok((stored, 32768));
    }
    Ok((stored, 0))
}

/// Modality LUT (0028,3000): a table instead of slope and intercept.
#[derive(Debug, Clone)]
struct ModalityLut {
    /// First stored value mapped.
    first: i32,
    values: Vec<u16>,
}

impl ModalityLut {
    fn of(values: &Values) -> Option<Self> {
        let item = values.item(tags::MODALITY_LUT_SEQUENCE)?;
        let descriptor = item.numbers(tags::LUT_DESCRIPTOR);
        let table = item.words(tags::LUT_DATA);
        let signed = values.integer::<u16>(tags::PIXEL_REPRESENTATION) == Some(1);
        let first = *descriptor.get(1)? as i32;
        let first = if signed { i32::from(first as u16 as i16) } else { first };
        (!table.is_empty()).then_some(Self { first, values: table })
    }

    fn plane(&self, stored: &[i16], offset: i32) -> Plane {
        let last = self.values.len() - 1;
        let look_up = |&v: &i16| {
            // A damaged descriptor may put the first value at either end of i32.
            let index = (i32::from(v) + offset).saturating_sub(self.first);
            self.values[(index.max(0) as usize).min(last)]
        };
        let mapped: Vec<u16> = stored.iter().map(look_up).collect();
        if mapped.iter().all(|&v| v <= i16::MAX as u16) {
            return Plane {
                stored: mapped.into_iter().map(|v| v as i16).collect(),
                slope: 1.0,
                intercept: 0.0,
            };
        }
        let stored = mapped.into_iter().map(|v| (v ^ 0x8000) as i16).collect();
        Plane { stored, slope: 1.0, intercept: 32768.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bits_allocated: u16, bits_stored: u16, signed: bool) -> PixelFormat {
        PixelFormat {
            rows: 1,
            columns: 4,
            samples: 1,
            bits_allocated,
            bits_stored,
            high_bit: bits_stored - 1,
            signed,
            photometric: "MONOCHROME2".into(),
            frames: 1,
        }
    }

    #[test]
    fn signs_are_extended_from_the_stored_bits_and_overlay_bits_are_cut_off() {
        let raw = [0xFF, 0x0F, 0x00, 0x08, 0xFF, 0x07, 0x01, 0xF0];
        assert_eq!(stored_values(&raw, &format(16, 12, true), false).unwrap(), (vec![-1, -2048, 2047, 1], 0));
        assert_eq!(
            stored_values(&raw, &format(16, 12, false), false).unwrap(),
            (vec![4095, 2048, 2047, 1], 0)
        );
        assert_eq!(stored_values(&[0xFF, 0x7F], &format(8, 8, true), false).unwrap(), (vec![-1, 127], 0));
        assert_eq!(stored_values(&[0xFF, 0x7F], &format(8, 8, false), false).unwrap(), (vec![255, 127], 0));
    }

    #[test]
    fn big_endian_words_are_turned() {
        assert_eq!(stored_values(&[0x01, 0x02], &format(16, 16, true), true).unwrap(), (vec![0x0102], 0));
    }

    #[test]
    fn unsigned_values_beyond_i16_keep_their_hu() {
        let (stored, offset) = stored_values(&[0xFF, 0xFF, 0, 0], &format(16, 16, false), false).unwrap();
        assert_eq!((stored, offset), (vec![32767, -32768], 32768));
    }

    #[test]
    fn a_lut_maps_and_clamps() {
        let lut = ModalityLut { first: -1, values: vec![10, 20, 40000] };
        let plane = lut.plane(&[-5, -1, 0, 1, 9], 0);
        let hu: Vec<f32> = (0..5).map(|i| plane.hu(i)).collect();
        assert_eq!(hu, [10.0, 10.0, 20.0, 40000.0, 40000.0]);
    }

    #[test]
    fn a_lut_that_begins_at_the_end_of_the_integers_still_clamps() {
        for (first, expected) in [(i32::MAX, 7.0), (i32::MIN, 9.0)] {
            let plane = ModalityLut { first, values: vec![7, 9] }.plane(&[i16::MIN, i16::MAX], 32768);
            assert_eq!([plane.hu(0), plane.hu(1)], [expected; 2]);
            let plane = ModalityLut { first, values: vec![7, 9] }.plane(&[i16::MIN, i16::MAX], 0);
            assert_eq!([plane.hu(0), plane.hu(1)], [expected; 2]);
        }
    }
}
