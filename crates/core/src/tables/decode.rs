//! Bytes of a table to text, text to numbers: encodings, separators, decimal commas.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GBK, UTF_16BE, UTF_16LE};

use super::columns;

/// Text of a file whose encoding is not known: byte-order mark, UTF-16 without one, UTF-8, then the likeliest
/// legacy encoding (GBK where its header reads as known column names). `Err` names the encoding that failed.
pub fn to_text(bytes: &[u8]) -> Result<String, &'static str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return strictly(encoding, &bytes[mark..]);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return strictly(encoding, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    if let Ok(text) = strictly(GBK, bytes)
        && (has_known_chinese_column(&text) || looks_like_gb2312(bytes))
    {
        return Ok(text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    strictly(detector.guess(None, Utf8Detection::Deny), bytes)
}

fn strictly(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, &'static str> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(|t| t.into_owned()).ok_or(encoding.name())
}

/// Mostly-ASCII text in UTF-16 has a zero in every second byte; which one tells the byte order.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(512)];
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), start.len() / 2);
    if half < 2 {
        return None;
    }
    if odd * 2 > half && even == 0 {
        return Some(UTF_16LE);
    }
    (even * 2 > half && odd == 0).then_some(UTF_16BE)
}

/// Chinese text nearly always consists of the common characters and signs of GB 2312; accented Western letters, read
/// as GBK pairs, hardly ever do. (A table may hold no more Chinese than the sign `≥`, too little for a detector.)
fn looks_like_gb2312(bytes: &[u8]) -> bool {
    let (mut pairs, mut common, mut i) = (0usize, 0usize, 0);
    while i < bytes.len() {
        if bytes[i] < 0x80 {
            i += 1;
            continue;
        }
        let trail = bytes.get(i + 1).copied().unwrap_or(0);
        pairs += 1;
        common += usize::from(matches!(bytes[i], 0xA1..=0xA9 | 0xB0..=0xD7) && trail >= 0xA1);
        i += 2;
    }
    pairs > 0 && common * 10 >= pairs * 9
}

fn has_known_chinese_column(text: &str) -> bool {
    let header = text.lines().next().unwrap_or("");
    header
        .split([',', ';', '\t'])
        .any(|name| !name.is_ascii() && columns::key_of(name.trim_matches('"')).is_some())
}

/// The separator under which the first lines have the same number of cells, and most of them.
pub fn separator(text: &str) -> u8 {
    let (alike, separator) = likeliest_separator(text);
    // A line above the header that names the table must not decide.
    let behind = text.split_once('\n').map_or((0.0, separator), |(_, behind)| likeliest_separator(behind));
    if alike <= 0.5 && behind.0 > alike { behind.1 } else { separator }
}

/// The share of lines as wide as the first, and the separator under which it is largest.
fn likeliest_separator(text: &str) -> (f64, u8) {
    let mut best = (0.0, 1, b',');
    for candidate in [b',', b';', b'\t'] {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(candidate)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let widths: Vec<usize> = reader.records().take(30).filter_map(|r| r.ok().map(|r| r.len())).collect();
        let Some(&width) = widths.first() else { continue };
        if width < 2 {
            continue;
        }
        let alike = widths.iter().filter(|w| **w == width).count() as f64 / widths.len() as f64;
        if alike > best.0 + 1e-9 || ((alike - best.0).abs() < 1e-9 && width > best.1) {
            best = (alike, width, candidate);
        }
    }
    (best.0, best.2)
}

/// Texts that stand for "no value".
pub fn is_missing(text: &str) -> bool {
    matches!(text.trim(), "" | "NA" | "N/A" | "NaN" | "nan" | "#N/A")
}

/// A number as a person writes it; with `decimal_comma`, `3,5` is 3.5. `None` if it is not one finite number.
pub fn number(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim();
    let plain = text.strip_prefix('+').unwrap_or(text);
    if !plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E')) {
        return None; // keeps "inf", "nan" and hexadecimal out
    }
    let parsed = match plain.matches(',').count() {
        0 => plain.parse::<f64>().ok(),
        1 if decimal_comma && !plain.contains('.') => plain.replace(',', ".").parse().ok(),
        _ => None,
    };
    parsed.filter(|v| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "序号,年龄,CEA\n1,50,2.5\n";

    fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
        let mark = if mark { "\u{feff}" } else { "" };
        let units: Vec<u16> = mark.encode_utf16().chain(text.encode_utf16()).collect();
        units.iter().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
    }

    #[test]
    fn every_promised_encoding_reads_the_same() {
        let bom = [b"\xef\xbb\xbf".as_slice(), HEADER.as_bytes()].concat();
        let gbk = GBK.encode(HEADER).0.into_owned();
        for bytes in
            [HEADER.as_bytes().to_vec(), bom, gbk, utf16(HEADER, true, true), utf16(HEADER, false, true)]
        {
            assert_eq!(to_text(&bytes).unwrap(), HEADER);
        }
        let ascii = "id,age\n1,50\n";
        assert_eq!(to_text(&utf16(ascii, true, false)).unwrap(), ascii);
        assert_eq!(to_text(&utf16(ascii, false, false)).unwrap(), ascii);
    }

    #[test]
    fn western_european_text_is_not_taken_for_chinese() {
        let text = "Nr;Größe;Müdigkeit\n1;2,5;ja\n2;3,5;nein\n";
        let bytes = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        assert_eq!(to_text(&bytes).unwrap(), text);
    }

    #[test]
    fn separators_are_told_apart_even_with_decimal_commas() {
        assert_eq!(separator("a,b,c\n1,2,3\n"), b',');
        assert_eq!(separator("a;b;c\n1,5;2,5;3,5\n"), b';');
        assert_eq!(separator("a\tb\n1,5\t2\n"), b'\t');
        assert_eq!(separator("a,\"b;c\"\n1,\"2;3\"\n"), b',');
        assert_eq!(separator("only\n1\n"), b',');
    }

    #[test]
    fn numbers_are_read_and_nothing_else_is() {
        for (text, comma, value) in [
            ("24.00 ", false, Some(24.0)),
            ("3,5", true, Some(3.5)),
            ("3,5", false, None),
            ("1,234.5", true, None),
            ("-1e3", false, Some(-1000.0)),
            ("abc", false, None),
            ("inf", false, None),
            ("1e999", false, None),
            ("-", false, None),
            ("5 cm", false, None),
        ] {
            assert_eq!(number(text, comma), value, "{text}");
        }
    }
}
