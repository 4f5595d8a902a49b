//! A corpus of damaged and malicious files, made by code, that must cost no more than themselves.
//!
//! Each case is one file (or archive) beside four good slices of a series: nothing panics or takes long, the good
//! series stays whole, and a file that can't be used is named. What fuzzing finds is added here as a case of its own.

use std::fs;
use std::io::Write;
use std::path::Path;

use rand::{RngExt, SeedableRng};

use super::*;
use thoracast_files::progress::Silent;

/// An element in explicit little endian with a length that need not be true.
fn element(tag: [u16; 2], vr: &[u8; 2], length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    tag.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
    bytes.extend(vr);
    if matches!(vr, b"OW" | b"OB" | b"SQ" | b"UN" | b"UT") {
        bytes.extend([0, 0]);
        bytes.extend(length.to_le_bytes());
    } else {
        bytes.extend((length as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

fn true_element(tag: [u16; 2], vr: &[u8; 2], text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(b' ');
    }
    element(tag, vr, value.len() as u32, &value)
}

/// What a slice states; the parts that a case changes.
struct Slice {
    syntax: &'static str,
    position: String,
    orientation: &'static str,
    spacing: &'static str,
    rescale: [&'static str; 2],
    size: [u16; 2],
    frames: &'static str,
    /// Elements between the spacing and the pixels, in tag order.
    extra: Vec<u8>,
    pixels: Vec<u8>,
}

fn slice(z: f64) -> Slice {
    Slice {
        syntax: "1.2.840.10008.1.2.1",
        position: format!("0\\0\\{z}"),
        orientation: "1\\0\\0\\0\\1\\0",
        spacing: "1\\1",
        rescale: ["1", "0"],
        size: [4, 4],
        frames: "1",
        extra: Vec::new(),
        pixels: element([0x7FE0, 0x0010], b"OW", 32, &[7; 32]),
    }
}

impl Slice {
    fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        for (tag, vr, text) in [
            ([0x0002, 0x0010], b"UI", self.syntax),
            ([0x0008, 0x0008], b"CS", "ORIGINAL\\PRIMARY\\AXIAL"),
            ([0x0008, 0x0016], b"UI", "1.2.840.10008.5.1.4.1.1.2"),
            ([0x0008, 0x0060], b"CS", "CT"),
            ([0x0020, 0x000E], b"UI", "1.2.3"),
            ([0x0020, 0x0032], b"DS", &self.position),
            ([0x0020, 0x0037], b"DS", self.orientation),
        ] {
            file.extend(true_element(tag, vr, text));
        }
        let number = |value: u16| value.to_le_bytes();
        file.extend(element([0x0028, 0x0002], b"US", 2, &number(1)));
        file.extend(true_element([0x0028, 0x0004], b"CS", "MONOCHROME2"));
        file.extend(true_element([0x0028, 0x0008], b"IS", self.frames));
        for (tag, value) in [(0x0010, self.size[0]), (0x0011, self.size[1])] {
            file.extend(element([0x0028, tag], b"US", 2, &number(value)));
        }
        file.extend(true_element([0x0028, 0x0030], b"DS", self.spacing));
        for (tag, value) in [(0x0100, 16), (0x0101, 16), (0x0102, 15), (0x0103, 1)] {
            file.extend(element([0x0028, tag], b"US", 2, &number(value)));
        }
        file.extend(true_element([0x0028, 0x1052], b"DS", self.rescale[1]));
        file.extend(true_element([0x0028, 0x1053], b"DS", self.rescale[0]));
        file.extend(&self.extra);
        file.extend(&self.pixels);
        file
    }
}

/// Encapsulated pixel data of these items.
fn fragments(items: &[&[u8]]) -> Vec<u8> {
    let mut bytes = element([0x7FE0, 0x0010], b"OB", u32::MAX, &[]);
    for item in items {
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        bytes.extend((item.len() as u32).to_le_bytes());
        bytes.extend(*item);
    }
    bytes.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    bytes
}

/// A sequence within a sequence and so on.
fn nested(depth: usize, defined: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..depth {
        let length = if defined { 0x0FFF_FFF0 } else { u32::MAX };
        bytes.extend(element([0x0040, 0x0275], b"SQ", length, &[]));
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        bytes.extend(length.to_le_bytes());
    }
    bytes
}

/// A look-up table's descriptor and data.
fn lut(descriptor: [u16; 3], entries: usize) -> Vec<u8> {
    let words: Vec<u8> = descriptor.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut item = element([0x0028, 0x3002], b"US", 6, &words);
    item.extend(element([0x0028, 0x3006], b"OW", entries as u32 * 2, &vec![1; entries * 2]));
    let mut sequence = vec![0xFE, 0xFF, 0x00, 0xE0];
    sequence.extend((item.len() as u32).to_le_bytes());
    sequence.extend(item);
    element([0x0028, 0x3000], b"SQ", sequence.len() as u32, &sequence)
}

/// Named files that are wrong in one way each.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let z = 4.0;
    let mut cases: Vec<(String, Slice)> = Vec::new();
    let mut case = |name: &str, change: &dyn Fn(&mut Slice)| {
        let mut slice = slice(z);
        change(&mut slice);
        cases.push((name.to_owned(), slice));
    };
    for text in ["nan\\0\\0", "inf\\0\\4", "1e308\\1e308\\1e308", "1e400\\0\\0", "\\\\", "0\\0", "x\\y\\z"] {
        case(&format!("position {text:?}"), &|s| s.position = text.to_owned());
    }
    for text in
        ["0\\0\\0\\0\\0\\0", "nan\\0\\0\\0\\1\\0", "1\\0\\0\\1\\0\\0", "1e200\\0\\0\\0\\1e200\\0", "1\\0"]
    {
        case(&format!("orientation {text:?}"), &|s| s.orientation = text);
    }
    for text in ["0\\0", "-1\\1", "nan\\nan", "1e-300\\1", "inf\\1", ""] {
        case(&format!("spacing {text:?}"), &|s| s.spacing = text);
    }
    for rescale in [["0", "0"], ["nan", "inf"], ["1e300", "1e300"], ["-1", "5"], ["1e-300", "0"]] {
        case(&format!("rescale {rescale:?}"), &|s| s.rescale = rescale);
    }
    for size in [[0, 0], [0xFFFF, 0xFFFF], [1, 0xFFFF]] {
        case(&format!("size {size:?}"), &|s| s.size = size);
    }
    for frames in ["0", "-1", "2147483647", "99999999999", "9"] {
        case(&format!("frames {frames}"), &|s| {
            s.size = [512, 512];
            s.frames = frames;
        });
    }
    for length in [0, 31, 33, 0x7FFF_FFFF, 0xFFFF_FFFE, u32::MAX] {
        case(&format!("pixel length {length}"), &|s| {
            s.pixels = element([0x7FE0, 0x0010], b"OW", length, &[7; 32]);
        });
    }
    for (name, syntax) in [
        ("rle", "1.2.840.10008.1.2.5"),
        ("jpeg", "1.2.840.10008.1.2.4.50"),
        ("jpeg 12 bit", "1.2.840.10008.1.2.4.51"),
        ("jpeg lossless", "1.2.840.10008.1.2.4.70"),
        ("jpeg-ls", "1.2.840.10008.1.2.4.80"),
        ("jpeg 2000", "1.2.840.10008.1.2.4.90"),
        ("unknown syntax", "1.2.3.4"),
    ] {
        let absurd_rle: Vec<u8> = [15u32, 64, 0xFFFF_FFFF, 3].iter().flat_map(|v| v.to_le_bytes()).collect();
        let absurd_jpeg =
            [0xFF, 0xD8, 0xFF, 0xC3, 0, 11, 16, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 0x11, 0, 0xFF, 0xDA];
        let absurd_ls =
            [0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 16, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 0x11, 0, 0xFF, 0xDA];
        let mut absurd_j2k = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        absurd_j2k.extend([0xFF; 8]);
        absurd_j2k.extend([0; 8]);
        absurd_j2k.extend([0, 0, 0, 1, 0, 0, 0, 1]);
        absurd_j2k.extend([0; 8]);
        absurd_j2k.extend([0, 1, 15, 1, 1]);
        for (i, item) in
            [&[][..], &[0; 64], &absurd_rle, &absurd_jpeg, &absurd_ls, &absurd_j2k].iter().enumerate()
        {
            case(&format!("{name} item {i}"), &|s| {
                s.syntax = syntax;
                s.pixels = fragments(&[&[], item]);
            });
        }
        case(&format!("{name} offsets"), &|s| {
            s.syntax = syntax;
            s.frames = "3";
            s.pixels = fragments(&[&[0xFF; 12], &[1, 2, 3, 4], &[], &[5; 8]]);
        });
    }
    for descriptor in [[0, 0, 16], [0xFFFF, 0x8000, 16], [1, 0x7FFF, 255], [4, 0, 0]] {
        for entries in [0, 4] {
            case(&format!("look-up table {descriptor:?} of {entries}"), &|s| {
                s.extra = lut(descriptor, entries)
            });
        }
    }
    case("deflated nonsense", &|s| s.syntax = "1.2.840.10008.1.2.1.99");
    let mut files: Vec<(String, Vec<u8>)> = cases.into_iter().map(|(name, s)| (name, s.bytes())).collect();
    let good = slice(z).bytes();
    for depth in [50, 5000] {
        for defined in [false, true] {
            // Before the pixels, so that every reader has to pass it.
            let at = good.len() - 44;
            let mut bytes = good[..at].to_vec();
            bytes.extend(nested(depth, defined));
            bytes.extend(&good[at..]);
            files.push((format!("{depth} sequences deep, lengths {defined}"), bytes));
        }
    }
    files.push(("empty".to_owned(), Vec::new()));
    files.push(("preamble".to_owned(), good[..132].to_vec()));
    files.push(("twice".to_owned(), [&good[..], &good[132..]].concat()));
    files.push((
        "DICOMDIR".to_owned(),
        directory(&["DICOMDIR", "..\\..\\..\\etc\\passwd", "\\etc\\passwd", "NOT\\THERE"]),
    ));
    files.push((
        "bomb.zip".to_owned(),
        archive(&[("../../escape.dcm", &good), ("zeros.dcm", &vec![0; 20 << 20])]),
    ));
    files.push(("cut.zip".to_owned(), archive(&[("a.dcm", &good)])[..90].to_vec()));
    // Every tenth place it can be cut at, and one damaged byte at many places.
    for at in (132..good.len()).step_by(10) {
        files.push((format!("cut at {at}"), good[..at].to_vec()));
    }
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    for number in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..1 + number % 4 {
            let at = random.random_range(132..bytes.len());
            bytes[at] = random.random();
        }
        files.push((format!("damaged {number}"), bytes));
    }
    files
}

fn directory(names: &[&str]) -> Vec<u8> {
    let mut records = Vec::new();
    for name in names {
        let mut record = element([0x0004, 0x1400], b"UL", 4, &[0xFF; 4]);
        record.extend(true_element([0x0004, 0x1430], b"CS", "IMAGE"));
        record.extend(true_element([0x0004, 0x1500], b"CS", name));
        records.extend([0xFE, 0xFF, 0x00, 0xE0]);
        records.extend((record.len() as u32).to_le_bytes());
        records.extend(record);
    }
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(true_element([0x0002, 0x0002], b"UI", "1.2.840.10008.1.3.10"));
    file.extend(true_element([0x0002, 0x0010], b"UI", "1.2.840.10008.1.2.1"));
    file.extend(element([0x0004, 0x1220], b"SQ", records.len() as u32, &records));
    file
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Opens everything below a folder as the window would.
fn open(folder: &Path) -> Scan {
    let scan = scan(&[folder.to_owned()], &Silent).unwrap();
    for series in &scan.series {
        let _ = preview(series, 16);
        if let Some(frame) = series.frames.first() {
            let _ = tags(&frame.path, frame.member.as_deref());
        }
        if series.usable {
            let _ = load(series, 0, &Silent, &|_, _| ());
        } else {
            let _ = load_pictures(series, 0, &Silent, &|_, _| ());
        }
    }
    scan
}

#[test]
fn no_file_costs_more_than_itself() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    fs::create_dir(&good).unwrap();
    for number in 0..4 {
        fs::write(good.join(format!("{number}.dcm")), slice(f64::from(number)).bytes()).unwrap();
    }
    for (name, bytes) in corpus() {
        let bad =
            folder.path().join(if name.ends_with(".zip") || name == "DICOMDIR" { &name } else { "bad.dcm" });
        fs::write(&bad, bytes).unwrap();
        let scan = open(folder.path());
        let holds = |series: &Series, z: f64| {
            series.frames.iter().any(|f| f.path.starts_with(&good) && f.origin_mm[2] == z)
        };
        let whole = scan.series.iter().find(|s| s.usable && (0..4).all(|z| holds(s, f64::from(z))));
        let series = whole
            .unwrap_or_else(|| panic!("{name}: the good slices are no longer a volume: {:#?}", scan.series));
        // What is left out is named; what is taken in is a slice like the others.
        let named = !scan.unreadable.is_empty() || scan.series.iter().any(|s| !s.usable);
        let taken = scan.series.iter().any(|s| s.frames.iter().any(|f| f.path == bad));
        let alike = series.warnings.iter().any(|w| w.contains("cop"));
        let archived = name.ends_with(".zip");
        assert!(named || taken || alike || archived, "{name}: neither taken nor named");
        assert!(
            !folder.path().join("../escape.dcm").exists() && !folder.path().join("../../escape.dcm").exists()
        );
        fs::remove_file(&bad).unwrap();
    }
}

#[test]
fn a_data_set_that_inflates_a_thousandfold_to_nothing_is_refused() {
    // 8 MiB are below what is always unpacked; see the next test for more.
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 8 << 20]).unwrap();
    let packed = packer.finish().unwrap();
    assert!(packed.len() < 16 << 10);
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(true_element([0x0002, 0x0010], b"UI", "1.2.840.10008.1.2.1.99"));
    file.extend(packed);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bomb.dcm"), file).unwrap();
    let refused = scan(&[folder.path().to_owned()], &Silent).unwrap_err().to_string();
    assert!(refused.contains("bomb.dcm"), "{refused}");
}

/// 1.8 MB asked for 7.5 GB: a deflated data set, and a member of a ZIP archive.
#[test]
fn bombs_are_refused_before_they_fill_memory() {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..80).for_each(|_| packer.write_all(&zeros).unwrap());
    let packed = packer.finish().unwrap();
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(true_element([0x0002, 0x0010], b"UI", "1.2.840.10008.1.2.1.99"));
    file.extend(packed);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bomb.dcm"), file).unwrap();
    let refused = scan(&[folder.path().to_owned()], &Silent).unwrap_err().to_string();
    assert!(refused.contains("unpacks to more than 64 MiB"), "{refused}");

    let path = folder.path().join("bomb.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("a.dcm", options).unwrap();
    archive.write_all(&[&[0; 128], &b"DICM"[..]].concat()).unwrap();
    archive.write_all(&true_element([0x0002, 0x0010], b"UI", "1.2.840.10008.1.2.1.99")).unwrap();
    (0..80).for_each(|_| archive.write_all(&zeros).unwrap());
    archive.finish().unwrap();
    let refused = scan(&[path], &Silent).unwrap_err().to_string();
    assert!(refused.contains("unpacks to more than 64 MiB"), "{refused}");
}

/// A pipe hung six commands for ever, /dev/zero filled memory.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_named_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.dcm");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, what) in
        [(pipe, "it is a pipe, not a file"), ("/dev/zero".into(), "it is a device, not a file")]
    {
        let refused = scan(&[path], &Silent).unwrap_err().to_string();
        assert!(refused.contains(what), "{refused}");
    }
}

/// The directory was read anew for every member: 12,000 took 28 s.
#[test]
fn a_directory_of_many_members_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for n in 0..12_000 {
        archive.start_file(format!("{n}.txt"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(b"x").unwrap();
    }
    archive.finish().unwrap();
    let start = std::time::Instant::now();
    assert!(scan(&[path], &Silent).is_err());
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}
