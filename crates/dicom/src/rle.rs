//! RLE Lossless (PS3.5 annex G): whether a frame is what its header says, before a decoder believes it.

/// UID of the transfer syntax.
pub(crate) const RLE_LOSSLESS: &str = "1.2.840.10008.1.2.5";

/// The header has 16 numbers of 4 bytes: how many segments, and where each begins.
const HEADER: usize = 64;
const MOST_SEGMENTS: usize = 15;

/// Checks that a frame has `segments` segments within its bytes and that each unpacks to at least `pixels` bytes.
///
/// # Errors
/// A clause that says what is wrong.
pub(crate) fn check(encoded: &[u8], segments: usize, pixels: usize) -> Result<(), String> {
    let number = |place: usize| -> Option<usize> {
        let bytes = encoded.get(place * 4..place * 4 + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    if encoded.len() < HEADER {
        return Err("its RLE header is cut short".to_owned());
    }
    let stated = number(0).unwrap_or(0);
    if stated != segments || stated > MOST_SEGMENTS {
        return Err(format!("its RLE header states {stated} segments where its pixels take {segments}"));
    }
    let mut starts: Vec<usize> = (1..=stated).filter_map(number).collect();
    starts.push(encoded.len());
    for ends in starts.windows(2) {
        let segment = encoded.get(ends[0]..ends[1]).filter(|_| ends[0] >= HEADER);
        let segment = segment.ok_or("its RLE header places a segment outside its data")?;
        let length = unpacked_length(segment);
        if length < pixels {
            return Err(format!("its RLE data are cut short: {length} of {pixels} bytes in a segment"));
        }
    }
    Ok(())
}

/// How many bytes a segment unpacks to: each run of PackBits says its own length.
fn unpacked_length(segment: &[u8]) -> usize {
    let (mut at, mut length) = (0, 0);
    while let Some(head) = segment.get(at) {
        match *head as i8 {
            copied @ 0.. => {
                let run = (copied as usize + 1).min(segment.len() - at - 1);
                (at, length) = (at + 1 + run, length + run);
            }
            -128 => at += 1,
            repeated => {
                if at + 1 < segment.len() {
                    length += usize::from(repeated.unsigned_abs()) + 1;
                }
                at += 2;
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One segment of 4 pixels: three times 7, once 9.
    fn frame() -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        (bytes[0], bytes[4]) = (1, 64);
        bytes.extend([0xFE, 7, 0, 9]);
        bytes
    }

    #[test]
    fn a_frame_is_held_to_its_header() {
        assert_eq!(check(&frame(), 1, 4), Ok(()));
        assert!(check(&frame(), 1, 5).unwrap_err().contains("4 of 5 bytes"));
        assert!(check(&frame(), 2, 4).unwrap_err().contains("states 1 segments"));
        assert!(check(&frame()[..60], 1, 4).is_err());
    }

    /// The decoder asked for 17 GB when a header stated 4 294 967 295 segments.
    #[test]
    fn absurd_counts_and_places_are_refused() {
        for (place, value) in [(0, u32::MAX), (0, 0), (1, 0), (1, 66_000), (1, u32::MAX)] {
            let mut bytes = frame();
            bytes[place * 4..place * 4 + 4].copy_from_slice(&value.to_le_bytes());
            assert!(check(&bytes, 1, 4).is_err(), "{place} {value}");
        }
    }
}
