//! Compressed pictures without what is no picture: comments, application data, bytes behind their end.

use super::super::pixels::PixelFormat;

/// A compressed picture of which only the picture is left.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    pub bytes: Vec<u8>,
    /// Bits of a sample as the picture's own header states them.
    pub precision: u16,
}

/// A JPEG, JPEG-LS or JPEG 2000 codestream without comments.
///
/// # Errors
/// The end of a sentence that begins with "its pixel data".
pub(super) fn without_comments(encoded: &[u8]) -> Result<Picture, String> {
    match encoded.get(..3) {
        Some([0xFF, 0xD8, 0xFF]) => jpeg(encoded),
        Some([0xFF, 0x4F, 0xFF]) => jpeg2000(encoded),
        _ => Err("are no JPEG, JPEG-LS, JPEG 2000 or RLE picture, so that comments in them can't be cleared"
            .to_owned()),
    }
}

fn damaged() -> String {
    "are damaged".to_owned()
}

fn unknown(marker: u8) -> String {
    format!("have a part of unknown meaning (marker FF{marker:02X})")
}

fn word(bytes: &[u8], at: usize) -> Result<usize, String> {
    let two = bytes.get(at..at + 2).ok_or_else(damaged)?;
    Ok(usize::from(u16::from_be_bytes([two[0], two[1]])))
}

/// JPEG (ISO 10918-1 annex B) and JPEG-LS (ISO 14495-1 annex C): comments and application data go, but for three kinds that
/// tell how colours are meant, rewritten with nothing else in them.
fn jpeg(encoded: &[u8]) -> Result<Picture, String> {
    let mut bytes = vec![0xFF, 0xD8];
    let mut precision = None;
    let mut lossless_ls = false;
    let mut at = 2;
    loop {
        if encoded.get(at) != Some(&0xFF) {
            return Err(damaged());
        }
        // Any number of fill bytes.
        while encoded.get(at + 1) == Some(&0xFF) {
            at += 1;
        }
        let marker = *encoded.get(at + 1).ok_or_else(damaged)?;
        at += 2;
        if marker == 0xD9 {
            bytes.extend([0xFF, 0xD9]);
            let precision = precision.ok_or_else(damaged)?;
            return Ok(Picture { bytes, precision });
        }
        let length = word(encoded, at)?;
        let segment = encoded.get(at..at + length).filter(|_| length >= 2).ok_or_else(damaged)?;
        at += length;
        match marker {
            0xFE => continue,
            0xE0..=0xEF => {
                if let Some(kept) = colour_hint(marker, &segment[2..]) {
                    bytes.extend([0xFF, marker]);
                    bytes.extend((kept.len() as u16 + 2).to_be_bytes());
                    bytes.extend(kept);
                }
                continue;
            }
            // Frames (but C4, CC: tables), with the sample precision behind the length.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 => {
                precision = Some(u16::from(*segment.get(2).ok_or_else(damaged)?));
                lossless_ls |= marker == 0xF7;
            }
            // Tables, restart interval, number of lines, hierarchical progression, scan, JPEG-LS parameters.
            0xC4 | 0xCC | 0xDA..=0xDF | 0xF8 => {}
            _ => return Err(unknown(marker)),
        }
        bytes.extend([0xFF, marker]);
        bytes.extend(segment);
        if marker == 0xDA {
            let end = scan_end(encoded, at, lossless_ls)?;
            bytes.extend(&encoded[at..end]);
            at = end;
        }
    }
}

/// What of an APPn segment decoders need to know of colours: JFIF (then YCbCr), Adobe (its transform), HP's in JPEG-LS.
fn colour_hint(marker: u8, content: &[u8]) -> Option<Vec<u8>> {
    match (marker, content) {
        (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => Some(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec()),
        (0xEE, [b'A', b'd', b'o', b'b', b'e', ..]) => {
            let transform = *content.get(11)?;
            Some([b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat())
        }
        (0xE8, [b'm', b'r', b'f', b'x', transform]) => Some(vec![b'm', b'r', b'f', b'x', *transform]),
        _ => None,
    }
}

/// The next marker behind a scan's coded data.
fn scan_end(encoded: &[u8], from: usize, lossless_ls: bool) -> Result<usize, String> {
    let mut at = from;
    loop {
        let next = encoded.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF));
        let found = at + next.ok_or_else(|| "have no end mark".to_owned())?;
        match *encoded.get(found + 1).ok_or_else(|| "have no end mark".to_owned())? {
            // Restart marks belong to the scan.
            0xD0..=0xD7 => at = found + 2,
            // A 0 follows each FF of the data; in JPEG-LS a 0 bit.
            0 => at = found + 2,
            stuffed if lossless_ls && stuffed < 0x80 => at = found + 2,
            _ => return Ok(found),
        }
    }
}

/// JPEG 2000 (ISO 15444-1 annex A): comments keep their length, which other parts count on, and become zeros.
fn jpeg2000(encoded: &[u8]) -> Result<Picture, String> {
    let mut bytes = encoded.to_vec();
    let mut precision = None;
    let mut at = 2;
    // The tile-part whose header is walked: where it starts and its length (0: up to the end).
    let mut part: Option<(usize, usize)> = None;
    loop {
        let marker = match encoded.get(at..at + 2) {
            Some([0xFF, marker]) => *marker,
            _ => return Err(damaged()),
        };
        match marker {
            0xD9 => {
                bytes.truncate(at + 2);
                let precision = precision.ok_or_else(damaged)?;
                return Ok(Picture { bytes, precision });
            }
            // The tile-part's data follow.
            0x93 => {
                let (start, length) = part.take().ok_or_else(damaged)?;
                let end = match length {
                    0 => codestream_end(encoded, at + 2)?,
                    length => start.checked_add(length).ok_or_else(damaged)?,
                };
                if end < at + 2 {
                    return Err(damaged());
                }
                at = end;
                continue;
            }
            _ => {}
        }
        let length = word(encoded, at + 2)?;
        let end = at + 2 + length;
        if length < 2 || end > encoded.len() {
            return Err(damaged());
        }
        match marker {
            // Comment: registration (2 bytes) and text.
            0x64 => bytes[at + 4..end].fill(0),
            0x51 => {
                // The first component's depth less one, in the lower seven bits.
                let depth = encoded.get(at + 40).ok_or_else(damaged)?;
                precision = Some(u16::from(depth & 0x7F) + 1);
            }
            0x90 => {
                let length = encoded.get(at + 6..at + 10).ok_or_else(damaged)?;
                part = Some((at, number(length)));
            }
            0x50 | 0x52 | 0x53 | 0x55..=0x61 | 0x63 => {}
            _ => return Err(unknown(marker)),
        }
        at = end;
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// The end mark behind the last tile-part's data, in which nothing above FF8F stands but packet marks.
fn codestream_end(encoded: &[u8], from: usize) -> Result<usize, String> {
    let mut at = from;
    loop {
        match encoded.get(at..at + 2).ok_or_else(|| "have no end mark".to_owned())? {
            [0xFF, 0xD9] => return Ok(at),
            // Start of packet, with a counter.
            [0xFF, 0x91] => at += 6,
            _ => at += 1,
        }
    }
}

/// An RLE frame (PS3.5 annex G) of which each segment holds exactly its bytes. `clear` is given every byte with the place
/// of its lowest bit in the sample.
///
/// # Errors
/// One sentence.
pub(super) fn rle(
    encoded: &[u8],
    format: &PixelFormat,
    clear: impl Fn(u8, u32) -> u8,
) -> Result<Vec<u8>, String> {
    let damaged = || "its pixel data (RLE) are damaged".to_owned();
    let field = |index: usize| {
        let four = encoded.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    let bytes_a_sample = u32::from(format.bits_allocated.div_ceil(8));
    let count = u32::from(format.samples) * bytes_a_sample;
    if field(0) != Some(count) || count > 15 {
        return Err(damaged());
    }
    let mut header = vec![0; 64];
    header[..4].copy_from_slice(&count.to_le_bytes());
    let mut body = Vec::with_capacity(encoded.len());
    for segment in 0..count {
        let place = (bytes_a_sample - 1 - segment % bytes_a_sample) * 8;
        let start = field(segment as usize + 1).ok_or_else(damaged)? as usize;
        let end = if segment + 1 < count {
            field(segment as usize + 2).map(|n| n as usize)
        } else {
            Some(encoded.len())
        };
        let packed =
            end.and_then(|end| encoded.get(start..end)).filter(|_| start >= 64).ok_or_else(damaged)?;
        let offset = u32::try_from(64 + body.len()).map_err(|_| damaged())?;
        let at = segment as usize * 4 + 4;
        header[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        rle_segment(packed, format.pixels(), |byte| clear(byte, place), &mut body).ok_or_else(damaged)?;
        if body.len() % 2 == 1 {
            body.push(0);
        }
    }
    header.append(&mut body);
    Ok(header)
}

/// Copies the packets that make up `pixels` bytes.
fn rle_segment(packed: &[u8], pixels: usize, clear: impl Fn(u8) -> u8, out: &mut Vec<u8>) -> Option<()> {
    let (mut at, mut left) = (0, pixels);
    while left > 0 {
        let control = *packed.get(at)?;
        at += 1;
        match control {
            0..=127 => {
                let length = usize::from(control) + 1;
                let literal = packed.get(at..at + length)?;
                at += length;
                let taken = length.min(left);
                out.push(taken as u8 - 1);
                out.extend(literal[..taken].iter().map(|&byte| clear(byte)));
                left -= taken;
            }
            128 => {}
            _ => {
                let byte = clear(*packed.get(at)?);
                at += 1;
                let taken = (257 - usize::from(control)).min(left);
                // A run of one is a literal.
                let control = if taken == 1 { 0 } else { (257 - taken) as u8 };
                out.extend([control, byte]);
                left -= taken;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker][..], &length, content].concat()
    }

    #[test]
    fn jpeg_loses_comments_and_application_data_before_between_and_behind_scans() {
        let frame = segment(0xC1, &[12, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        let scan = [segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x12, 0xFF, 0x00, 0xFF, 0xD3, 0x34]].concat();
        let adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01");
        let clean = [&[0xFF, 0xD8][..], &adobe, &frame, &scan, &scan, &[0xFF, 0xD9]].concat();
        let dirty = [
            &[0xFF, 0xD8][..],
            &segment(0xFE, b"Ravensworth"),
            &segment(0xE1, b"Exif\0\0Ravensworth"),
            &segment(0xEE, b"Adobe\0\x64\x12\x34\x56\x78\x01Ravensworth"),
            &frame,
            &scan,
            &segment(0xFE, b"Ravensworth"),
            &[0xFF],
            &scan,
            &[0xFF, 0xD9],
            b"Ravensworth",
        ]
        .concat();
        assert_eq!(without_comments(&dirty), Ok(Picture { bytes: clean.clone(), precision: 12 }));
        assert_eq!(without_comments(&clean).unwrap().bytes, clean);
        assert!(without_comments(&dirty[..dirty.len() - 13]).unwrap_err().contains("no end mark"));
        let strange = [&[0xFF, 0xD8][..], &segment(0xF0, b"Ravensworth")].concat();
        assert!(without_comments(&strange).unwrap_err().contains("FFF0"));
    }

    #[test]
    fn jpeg_ls_data_may_hold_bytes_that_are_markers_elsewhere() {
        let frame = segment(0xF7, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        let scan = [segment(0xDA, &[1, 1, 0, 0, 0, 0]), vec![0xFF, 0x7E, 0x01]].concat();
        let clean = [&[0xFF, 0xD8][..], &frame, &scan, &[0xFF, 0xD9]].concat();
        let dirty = [&[0xFF, 0xD8][..], &segment(0xE5, b"name"), &frame, &scan, &[0xFF, 0xD9, 0]].concat();
        assert_eq!(without_comments(&dirty), Ok(Picture { bytes: clean, precision: 8 }));
    }

    #[test]
    fn jpeg_2000_comments_become_zeros_in_both_headers() {
        let mut size = vec![0; 39];
        size[36] = 0x8B; // signed, 12 bits
        size[35] = 1;
        let part = |length: u32| {
            let content = [&[0, 0][..], &length.to_be_bytes(), &[0, 1]].concat();
            segment(0x90, &content)
        };
        let comment = segment(0x64, b"\0\x01Ravensworth");
        let data = [0xFF, 0x93, 1, 2, 3];
        let length = (12 + comment.len() + data.len()) as u32;
        for stated in [length, 0] {
            let dirty = [
                &[0xFF, 0x4F][..],
                &segment(0x51, &size),
                &comment,
                &part(stated),
                &comment,
                &data,
                &[0xFF, 0xD9],
                b"Ravensworth",
            ]
            .concat();
            let clean = without_comments(&dirty).unwrap();
            assert_eq!(clean.precision, 12);
            assert_eq!(clean.bytes.len(), dirty.len() - 11);
            assert!(!String::from_utf8_lossy(&clean.bytes).contains("Raven"));
            assert_eq!(clean.bytes[clean.bytes.len() - 5..], [1, 2, 3, 0xFF, 0xD9]);
        }
    }

    #[test]
    fn rle_segments_end_with_their_last_byte() {
        let format = PixelFormat {
            rows: 1,
            columns: 5,
            samples: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            signed: false,
            photometric: "MONOCHROME2".into(),
            frames: 1,
        };
        let mut frame = vec![0; 64];
        // Five times F1; then a literal of three and a run of four, of which two are needed; then what should not be.
        let high = [0xFC, 0xF1, b'n', b'a', b'm', b'e'];
        let low = [2, 1, 2, 3, 0xFD, 9, b'n', b'a', b'm', b'e'];
        frame[0] = 2;
        frame[4] = 64;
        frame[8] = 64 + high.len() as u8;
        frame[20] = 0x55;
        frame.extend(high);
        frame.extend(low);
        let clean = rle(&frame, &format, |byte, place| if place == 8 { byte & 0x0F } else { byte }).unwrap();
        assert_eq!(clean[64..], [0xFC, 0x01, 2, 1, 2, 3, 0xFF, 9]);
        assert_eq!((clean[4], clean[8], clean[20]), (64, 66, 0));
        assert!(rle(&frame[..70], &format, |byte, _| byte).is_err());
    }
}
