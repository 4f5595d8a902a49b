//! Extended sequential JPEG with 12 bits a sample (process 4 of ISO/IEC 10918-1), one component.
//!
//! The decoder behind dicom-rs reads 8-bit DCT and lossless JPEG only, and no other crate reads this one.

/// Positions of the zigzag sequence in a row-major block (figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];
/// Half the range of 12 bits, taken off before the transform.
const LEVEL_SHIFT: f64 = 2048.0;
const LARGEST_SAMPLE: f64 = 4095.0;

/// Whether a codestream is one this module decodes and dicom-rs does not: its frame header is SOF1 with 12 bits.
pub(crate) fn is_12_bit_sequential(encoded: &[u8]) -> bool {
    let mut segments = Segments { data: encoded, at: 2 };
    while let Ok((marker, body)) = segments.next_segment() {
        match marker {
            0xC1 => return body.first() == Some(&12),
            0xC0 | 0xC2..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xDA | 0xD9 => return false,
            _ => {}
        }
    }
    false
}

/// Decodes a picture to 16-bit little endian samples.
///
/// # Errors
/// What is wrong with the codestream, without the path.
pub(crate) fn decode(encoded: &[u8], rows: u16, columns: u16) -> Result<Vec<u8>, String> {
    let mut decoder = Decoder::default();
    let mut segments = Segments { data: encoded, at: 2 };
    loop {
        let (marker, body) = segments.next_segment()?;
        match marker {
            0xC1 => decoder.frame(body, rows, columns)?,
            0xC4 => decoder.huffman_tables(body)?,
            0xDB => decoder.quantisation_tables(body)?,
            0xDD => decoder.restart_interval = usize::from(u16_at(body, 0)?),
            0xDA => return decoder.scan(body, &encoded[segments.at..], rows, columns),
            0xD9 => return Err("the JPEG picture ends before its data".to_owned()),
            _ => {} // applications' segments, comments
        }
    }
}

fn damaged() -> String {
    "the JPEG picture is damaged".to_owned()
}

fn byte_at(data: &[u8], at: usize) -> Result<u8, String> {
    data.get(at).copied().ok_or_else(damaged)
}

fn u16_at(data: &[u8], at: usize) -> Result<u16, String> {
    Ok(u16::from_be_bytes([byte_at(data, at)?, byte_at(data, at + 1)?]))
}

/// Walks the marker segments before the entropy-coded data.
struct Segments<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn next_segment(&mut self) -> Result<(u8, &'a [u8]), String> {
        if byte_at(self.data, self.at)? != 0xFF {
            return Err(damaged());
        }
        while byte_at(self.data, self.at + 1)? == 0xFF {
            self.at += 1; // fill bytes
        }
        let marker = byte_at(self.data, self.at + 1)?;
        if marker == 0xD9 {
            return Ok((marker, &[]));
        }
        let length = usize::from(u16_at(self.data, self.at + 2)?);
        let body = self.data.get(self.at + 4..self.at + 2 + length.max(2)).ok_or_else(damaged)?;
        self.at += 2 + length.max(2);
        Ok((marker, body))
    }
}

/// A Huffman table in the form of figure F.16.
#[derive(Clone)]
struct Huffman {
    /// For each code length: smallest code, largest code (-1: none), index of the first value.
    by_length: [(i32, i32, usize); 17],
    values: Vec<u8>,
}

impl Huffman {
    fn new(counts: &[u8], values: &[u8]) -> Self {
        let mut by_length = [(0, -1, 0); 17];
        let (mut code, mut first) = (0i32, 0usize);
        for (length, &count) in (1..=16).zip(counts) {
            if count > 0 {
                by_length[length] = (code, code + i32::from(count) - 1, first);
                code += i32::from(count);
                first += usize::from(count);
            }
            code <<= 1;
        }
        Self { by_length, values: values.to_vec() }
    }

    fn decode(&self, bits: &mut Bits) -> Result<u8, String> {
        let mut code = 0;
        for &(smallest, largest, first) in &self.by_length[1..] {
            code = code << 1 | bits.bit()?;
            if code <= largest && code >= smallest {
                return self.values.get(first + (code - smallest) as usize).copied().ok_or_else(damaged);
            }
        }
        Err(damaged())
    }
}

/// Reads bits of entropy-coded data, undoing byte stuffing.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    byte: u8,
    left: u8,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<i32, String> {
        if self.left == 0 {
            self.byte = byte_at(self.data, self.at)?;
            self.at += 1;
            if self.byte == 0xFF {
                // A marker inside the data: the picture ends too early.
                if byte_at(self.data, self.at)? != 0 {
                    return Err("the JPEG picture is cut short".to_owned());
                }
                self.at += 1;
            }
            self.left = 8;
        }
        self.left -= 1;
        Ok(i32::from(self.byte >> self.left & 1))
    }

    /// A signed value of `size` bits (F.2.2.1, EXTEND).
    fn value(&mut self, size: u8) -> Result<i32, String> {
        let mut value = 0;
        for _ in 0..size {
            value = value << 1 | self.bit()?;
        }
        Ok(if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    /// Steps over a restart marker.
    fn restart(&mut self) -> Result<(), String> {
        self.left = 0;
        match (byte_at(self.data, self.at)?, byte_at(self.data, self.at + 1)?) {
            (0xFF, 0xD0..=0xD7) => {
                self.at += 2;
                Ok(())
            }
            _ => Err(damaged()),
        }
    }
}

#[derive(Default)]
struct Decoder {
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// Which quantisation table the component uses, once its frame header is read.
    component: Option<usize>,
    /// Blocks between restart markers; 0: none.
    restart_interval: usize,
}

impl Decoder {
    fn frame(&mut self, body: &[u8], rows: u16, columns: u16) -> Result<(), String> {
        let (precision, components) = (byte_at(body, 0)?, byte_at(body, 5)?);
        if precision != 12 || components != 1 || u16_at(body, 1)? != rows || u16_at(body, 3)? != columns {
            return Err("the JPEG picture is not of the size and kind the header says".to_owned());
        }
        self.component = Some(usize::from(byte_at(body, 8)?));
        Ok(())
    }

    fn quantisation_tables(&mut self, mut body: &[u8]) -> Result<(), String> {
        while let Some((&head, rest)) = body.split_first() {
            let wide = head >> 4 != 0;
            let size = if wide { 128 } else { 64 };
            let values = rest.get(..size).ok_or_else(damaged)?;
            let mut table = [0; 64];
            for (i, entry) in table.iter_mut().enumerate() {
                *entry = if wide { u16_at(values, 2 * i)? } else { u16::from(values[i]) };
            }
            *self.quantisation.get_mut(usize::from(head & 15)).ok_or_else(damaged)? = Some(table);
            body = &rest[size..];
        }
        Ok(())
    }

    fn huffman_tables(&mut self, mut body: &[u8]) -> Result<(), String> {
        while let Some((&head, rest)) = body.split_first() {
            let counts = rest.get(..16).ok_or_else(damaged)?;
            let size: usize = counts.iter().map(|&c| usize::from(c)).sum();
            let values = rest.get(16..16 + size).ok_or_else(damaged)?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(head & 15)).ok_or_else(damaged)? = Some(Huffman::new(counts, values));
            body = &rest[16 + size..];
        }
        Ok(())
    }

    /// Decodes the scan: blocks from left to right, top to bottom.
    fn scan(&self, header: &[u8], data: &[u8], rows: u16, columns: u16) -> Result<Vec<u8>, String> {
        let tables = usize::from(byte_at(header, 2)?);
        let missing = || "the JPEG picture lacks a table".to_owned();
        let dc = self.dc.get(tables >> 4).and_then(Option::as_ref).ok_or_else(missing)?;
        let ac = self.ac.get(tables & 15).and_then(Option::as_ref).ok_or_else(missing)?;
        let quantisation = self.component.and_then(|q| self.quantisation.get(q)).and_then(Option::as_ref);
        let quantisation = quantisation.ok_or_else(missing)?;
        let (rows, columns) = (usize::from(rows), usize::from(columns));
        let basis = cosines();
        let mut samples = vec![0; rows * columns * 2];
        let mut bits = Bits { data, at: 0, byte: 0, left: 0 };
        let mut predicted = 0i32;
        let across = columns.div_ceil(8);
        for block in 0..across * rows.div_ceil(8) {
            if self.restart_interval > 0 && block > 0 && block % self.restart_interval == 0 {
                bits.restart()?;
                predicted = 0;
            }
            let coefficients = coefficients(&mut bits, dc, ac, quantisation, &mut predicted)?;
            let pixels = inverse_transform(&coefficients, &basis);
            let (top, left) = (block / across * 8, block % across * 8);
            for y in 0..8.min(rows - top) {
                for x in 0..8.min(columns - left) {
                    let sample = (pixels[y * 8 + x] + LEVEL_SHIFT).round().clamp(0.0, LARGEST_SAMPLE) as u16;
                    let at = ((top + y) * columns + left + x) * 2;
                    samples[at..at + 2].copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
        Ok(samples)
    }
}

/// One block's dequantised coefficients, row-major (F.2.2).
fn coefficients(
    bits: &mut Bits,
    dc: &Huffman,
    ac: &Huffman,
    quantisation: &[u16; 64],
    predicted: &mut i32,
) -> Result<[f64; 64], String> {
    let mut block = [0.0; 64];
    let size = dc.decode(bits)?;
    if size > 15 {
        return Err(damaged());
    }
    *predicted = predicted.wrapping_add(bits.value(size)?);
    block[0] = f64::from(*predicted) * f64::from(quantisation[0]);
    let mut k = 1;
    while k < 64 {
        let symbol = ac.decode(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
        match (zeros, size) {
            (15, 0) => k += 16,
            (_, 0) => break, // end of block
            _ => {
                k += zeros;
                let place = *ZIGZAG.get(k).ok_or_else(damaged)?;
                block[place] = f64::from(bits.value(size)?) * f64::from(quantisation[k]);
                k += 1;
            }
        }
    }
    Ok(block)
}

type Basis = [[f64; 8]; 8];

/// `basis[u][x]` = C(u)/2 · cos((2x+1)uπ/16) (A.3.3).
fn cosines() -> Basis {
    std::array::from_fn(|u| {
        let scale = if u == 0 { 0.5 * std::f64::consts::FRAC_1_SQRT_2 } else { 0.5 };
        std::array::from_fn(|x| scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos())
    })
}

/// The inverse cosine transform, rows then columns.
fn inverse_transform(block: &[f64; 64], basis: &Basis) -> [f64; 64] {
    let mut half = [0.0; 64];
    for v in 0..8 {
        for x in 0..8 {
            half[v * 8 + x] = (0..8).map(|u| basis[u][x] * block[v * 8 + u]).sum();
        }
    }
    let mut pixels = [0.0; 64];
    for y in 0..8 {
        for x in 0..8 {
            pixels[y * 8 + x] = (0..8).map(|v| basis[v][y] * half[v * 8 + x]).sum();
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_has_its_dc_level_everywhere() {
        let mut block = [0.0; 64];
        block[0] = 80.0;
        assert!(inverse_transform(&block, &cosines()).iter().all(|p| (p - 10.0).abs() < 1e-9));
    }

    #[test]
    fn the_zigzag_visits_every_place_once() {
        let mut places = ZIGZAG;
        places.sort_unstable();
        assert_eq!(places, std::array::from_fn(|i| i));
    }

    #[test]
    fn signed_values_are_extended() {
        let mut bits = Bits { data: &[0b0101_1000], at: 0, byte: 0, left: 0 };
        // 010 of three bits is -5; 11 of two bits is 3.
        assert_eq!((bits.value(3), bits.value(2), bits.value(0)), (Ok(-5), Ok(3), Ok(0)));
    }

    #[test]
    fn nonsense_is_an_error() {
        for nonsense in [
            &[][..],
            &[0xFF, 0xD8],
            &[0xFF, 0xD8, 0xFF, 0xD9],
            &[0xFF, 0xD8, 0xFF, 0xDA, 0, 2],
            &[0xFF, 0xD8, 0, 0, 0, 0],
        ] {
            assert!(decode(nonsense, 8, 8).is_err());
            assert!(!is_12_bit_sequential(nonsense));
        }
    }
}
