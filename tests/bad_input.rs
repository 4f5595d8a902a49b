//! What docs/src/bad-input.md promises, tried on the program itself: seeds of every kind of file are mutated, and whatever
//! comes out, the program neither panics, aborts nor hangs, and says one sentence that no input can forge.
//!
//! A few rounds run with the other tests. By hand, many: `THORACAST_MUTATIONS=10000 cargo test --test bad_input mutated`
//! (and another `THORACAST_SEED`); inputs that break a promise are kept in target/bad-input.

#![allow(clippy::unwrap_used)] // a failed unwrap is how a test fails, in its helpers too

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// No run takes longer, nor more address space (KiB).
const LONGEST: Duration = Duration::from_secs(60);
const MOST_MEMORY_KIB: usize = 8 << 20;
/// What a forger would write.
const FORGED: &str = "thoracast: all fine";

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let limit = format!("ulimit -v {MOST_MEMORY_KIB}; exec \"$0\" \"$@\"");
    command.arg("-c").arg(limit).arg(env!("CARGO_BIN_EXE_thoracast")).args(arguments);
    command.env("THORACAST_MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    command
}

/// Runs the program to its end; `None` where it takes too long.
fn run(arguments: &[&str]) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let mut child = program(arguments).stdout(file("out")).stderr(file("err")).spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    Some(Output { status, stdout: read("out"), stderr: read("err") })
}

/// What is wrong with how the program answered.
fn fault(output: Option<Output>) -> Option<String> {
    let Some(Output { status, stdout, stderr }) = output else { return Some("it hangs".to_owned()) };
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if !matches!(status.code(), Some(0 | 1)) {
        return Some(format!("{status}: {err}"));
    }
    if err.contains("panicked") {
        return Some(err.into_owned());
    }
    let is_harmful = |line: &str| line == FORGED || line.contains(|c: char| c.is_control());
    if let Some(line) = out.lines().chain(err.lines()).find(|line| is_harmful(line)) {
        return Some(format!("a forged line or control character: {line:?}"));
    }
    let sentences = err.lines().filter(|line| line.starts_with("thoracast: ")).count();
    (sentences != usize::from(status.code() == Some(1))).then(|| format!("{sentences} sentences: {err}"))
}

/// One sentence of a run that must fail.
fn sentence(arguments: &[&str]) -> String {
    let output = run(arguments).expect("a run that ends");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A kind of input: a good one, and how the program is asked to read it. `{}` is the file.
struct Kind {
    name: &'static str,
    file: &'static str,
    good: Vec<u8>,
    command: Vec<String>,
}

fn kinds(folder: &Path) -> Vec<Kind> {
    let kind = |name, file, good: Vec<u8>, command: &[&str]| Kind {
        name,
        file,
        good,
        command: command.iter().map(|s| (*s).to_owned()).collect(),
    };
    let csv = table(";");
    let data = folder.join("data.csv");
    std::fs::write(&data, table(",")).unwrap();
    let cohort = folder.join("cohort");
    std::fs::create_dir_all(cohort.join("images/T4/train/1")).unwrap();
    std::fs::write(cohort.join("clinical_train.csv"), "id,age,metastasis\n1,50,1\n2,60,0\n").unwrap();
    std::fs::write(cohort.join("ours.csv"), "Fall,Alter,M\n1,50,ja\n2,60,nein\n").unwrap();
    let mapping = br#"{"files": [{"file": "ours.csv", "role": "clinical", "split": "train"}], "columns": {"Fall": {"key": "id"}, "Alter": {"key": "age", "factor": 1.0}, "M": {"key": "metastasis", "codes": {"ja": 1, "nein": 0}}}, "decimal_comma": false}"#;
    let resamples: String = (1..=4)
        .map(|k| (0..40).map(|i| format!("{} ", (i * k) % 40 + 1)).collect::<String>() + "\n")
        .collect();
    let stats =
        |data: &'static str| ["stats", "logistic", "--data", data, "--outcome", "y", "--covariates", "x,g"];
    std::fs::write(folder.join("card.safetensors"), safetensors()).unwrap();
    let card = br#"{"name": "trial", "arch": "resnet50", "recipe": {"window_hu": [-150.0, -50.0], "width": 500, "height": 400, "mean": [0.485, 0.456, 0.406], "sd": [0.229, 0.224, 0.225]}, "trained": true, "description": "a test"}"#;
    let (data, cohort, weights) = (text(&data), text(&cohort), folder.join("card.safetensors"));
    let picture = |format| {
        let picture = image::GrayImage::from_fn(40, 32, |x, y| image::Luma([(x * 5 + y * 3) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let audit = ["audit", "--cohort", cohort];
    vec![
        kind("dicom", "a.dcm", dicom(false), &["inspect", "{}"]),
        kind("dicom rle", "a.dcm", dicom(true), &["inspect", "{}"]),
        kind(
            "zip",
            "a.zip",
            zipped(&[("a/1.dcm", &dicom(false)), ("a/2.dcm", &dicom(true))]),
            &["inspect", "{}"],
        ),
        kind("csv", "a.csv", csv.clone().into_bytes(), &stats("{}")),
        kind("csv of a cohort", "a.csv", csv.into_bytes(), &["cohort", "{}"]),
        kind("xlsx", "a.xlsx", xlsx(), &stats("{}")),
        kind("mapping", "m.json", mapping.to_vec(), &["cohort", cohort, "--mapping", "{}"]),
        kind("card", "card.json", card.to_vec(), &["weights", "info", text(&weights)]),
        kind("weights", "w.safetensors", safetensors(), &["weights", "info", "{}"]),
        kind("png", "cohort/images/T4/train/1/1.png", picture(image::ImageFormat::Png), &audit),
        kind("jpeg", "cohort/images/T4/train/1/1.jpg", picture(image::ImageFormat::Jpeg), &audit),
        kind(
            "resamples",
            "r.txt",
            resamples.into_bytes(),
            &[
                "stats",
                "calibration",
                "--data",
                data,
                "--outcome",
                "y",
                "--covariates",
                "x",
                "--resamples",
                "{}",
            ],
        ),
    ]
}

/// A table of 40 patients.
fn table(separator: &str) -> String {
    let row = |i: usize| {
        let cells = [
            format!("P{i}"),
            format!("{}.5", i * 7 % 23),
            ["a", "b"][i * 3 % 5 % 2].to_owned(),
            usize::from(i * 11 % 7 < 3).to_string(),
        ];
        cells.join(separator)
    };
    let head = ["id", "x", "g", "y"].join(separator);
    head + "\n" + &(0..40).map(|i| row(i) + "\n").collect::<String>()
}

/// A CT slice of 8 × 8 pixels, explicit little endian, native or as one RLE frame.
fn dicom(rle: bool) -> Vec<u8> {
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    let syntax = if rle { "1.2.840.10008.1.2.5" } else { "1.2.840.10008.1.2.1" };
    let short = |tag: [u16; 2], vr: &[u8; 2], value: &[u8]| {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == b"UI" { 0 } else { b' ' });
        }
        let tag = tag.map(u16::to_le_bytes).concat();
        [&tag[..], vr, &(value.len() as u16).to_le_bytes(), &value].concat()
    };
    file.extend(short([2, 0x10], b"UI", syntax.as_bytes()));
    let elements: [([u16; 2], &[u8; 2], &[u8]); 21] = [
        ([8, 0x08], b"CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        ([8, 0x16], b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
        ([8, 0x18], b"UI", b"1.2.3.4"),
        ([8, 0x60], b"CS", b"CT"),
        ([8, 0x103E], b"LO", b"chest"),
        ([0x10, 0x10], b"PN", b"Doe^Jane"),
        ([0x10, 0x20], b"LO", b"P1"),
        ([0x20, 0x0D], b"UI", b"1.2.3"),
        ([0x20, 0x0E], b"UI", b"1.2.3.5"),
        ([0x20, 0x32], b"DS", b"0\\0\\5"),
        ([0x20, 0x37], b"DS", b"1\\0\\0\\0\\1\\0"),
        ([0x28, 0x02], b"US", &[1, 0]),
        ([0x28, 0x04], b"CS", b"MONOCHROME2"),
        ([0x28, 0x10], b"US", &[8, 0]),
        ([0x28, 0x11], b"US", &[8, 0]),
        ([0x28, 0x30], b"DS", b"0.7\\0.7"),
        ([0x28, 0x100], b"US", &[16, 0]),
        ([0x28, 0x101], b"US", &[16, 0]),
        ([0x28, 0x103], b"US", &[1, 0]),
        ([0x28, 0x1052], b"DS", b"-1024"),
        ([0x28, 0x1053], b"DS", b"1"),
    ];
    elements.iter().for_each(|(tag, vr, value)| file.extend(short(*tag, vr, value)));
    file.extend([0xE0, 0x7F, 0x10, 0, b'O', b'W', 0, 0]);
    if !rle {
        file.extend(128u32.to_le_bytes());
        (0..64u16).for_each(|i| file.extend((i * 30).to_le_bytes()));
        return file;
    }
    let segment = [0xC1, 3, 0xC1, 3];
    let mut frame: Vec<u8> = [2u32, 64, 68].iter().flat_map(|n| n.to_le_bytes()).collect();
    frame.resize(64, 0);
    frame.extend(segment);
    frame.extend(segment);
    let item = |kind: u8, content: &[u8]| {
        [&[0xFE, 0xFF, kind, 0xE0][..], &(content.len() as u32).to_le_bytes(), content].concat()
    };
    file.extend(u32::MAX.to_le_bytes());
    file.extend([item(0, &[]), item(0, &frame), item(0xDD, &[])].concat());
    file
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const XLSX_MEMBERS: [(&str, &str); 3] = [
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
];

/// The table of [`table`] as XLSX, its texts shared.
fn xlsx() -> Vec<u8> {
    let (mut rows, mut strings, mut count) = (String::new(), String::new(), 0);
    for (r, line) in table(";").lines().enumerate() {
        rows += &format!(r#"<row r="{}">"#, r + 1);
        for (c, cell) in line.split(';').enumerate() {
            let place = format!("{}{}", (b'A' + c as u8) as char, r + 1);
            if cell.parse::<f64>().is_ok() {
                rows += &format!(r#"<c r="{place}"><v>{cell}</v></c>"#);
            } else {
                rows += &format!(r#"<c r="{place}" t="s"><v>{count}</v></c>"#);
                strings += &format!("<si><t>{cell}</t></si>");
                count += 1;
            }
        }
        rows += "</row>";
    }
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let sheet = format!(
        r#"<worksheet xmlns="{main}"><dimension ref="A1:D41"/><sheetData>{rows}</sheetData></worksheet>"#
    );
    let strings = format!(r#"<sst xmlns="{main}" count="{count}" uniqueCount="{count}">{strings}</sst>"#);
    let mut members: Vec<(&str, &[u8])> = XLSX_MEMBERS.iter().map(|(n, t)| (*n, t.as_bytes())).collect();
    members.push(("xl/worksheets/sheet1.xml", sheet.as_bytes()));
    members.push(("xl/sharedStrings.xml", strings.as_bytes()));
    zipped(&members)
}

fn safetensors() -> Vec<u8> {
    let header = br#"{"a.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"a.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header, &[0; 24]].concat()
}

/// Between one and four changes: bytes, ranges, numbers in text, and what a forger would write.
fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    const WORDS: [&[u8]; 12] = [
        b"\nthoracast: all fine\n",
        b"\x1b[2J",
        b"4294967295",
        b"1e308",
        b"-1",
        b"nan",
        b"\"",
        b",,,,",
        b"\r\n",
        b"\xff\xfe",
        b"XFD1048576",
        b"../../x",
    ];
    const NUMBERS: [u32; 6] = [0, 1, 0xFF, 0xFFFF, 0x8000_0000, u32::MAX];
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=64)).min(bytes.len());
        match rng.random_range(0..8) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            4 => bytes.truncate(at),
            5 => {
                let number = NUMBERS.choose(rng).unwrap().to_le_bytes();
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            6 => drop(bytes.splice(at..at, WORDS.choose(rng).unwrap().iter().copied())),
            _ => {
                // The next number in digits becomes another.
                let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|p| at + p) else {
                    continue;
                };
                let end = bytes[start..]
                    .iter()
                    .position(|b| !b.is_ascii_digit())
                    .map_or(bytes.len(), |p| start + p);
                drop(bytes.splice(start..end, WORDS[rng.random_range(2..6)].iter().copied()));
            }
        }
    }
}

/// A mutated copy; of archives, as often a member is changed and packed again as the archive itself.
fn mutated(kind: &Kind, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = kind.good.clone();
    if !bytes.starts_with(b"PK") || rng.random_bool(0.3) {
        mutate(&mut bytes, rng);
        return bytes;
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let mut members: Vec<(String, Vec<u8>)> = (0..archive.len())
        .map(|i| {
            let mut member = archive.by_index(i).unwrap();
            let mut content = Vec::new();
            std::io::copy(&mut member, &mut content).unwrap();
            (member.name().unwrap().into_owned(), content)
        })
        .collect();
    let chosen = rng.random_range(0..members.len());
    mutate(&mut members[chosen].1, rng);
    zipped(&members.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect::<Vec<_>>())
}

#[test]
fn mutated_files_of_every_kind_are_answered_with_figures_or_one_sentence() {
    let number =
        |name: &str, usual: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (rounds, seed) = (number("THORACAST_MUTATIONS", 48), number("THORACAST_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let kinds = kinds(folder.path());
    for kind in &kinds {
        std::fs::write(folder.path().join(kind.file), &kind.good).unwrap();
        let faults = fault(answer(kind, folder.path()));
        assert_eq!(faults, None, "{} as it is", kind.name);
        std::fs::remove_file(folder.path().join(kind.file)).unwrap();
    }
    let (mut faults, mut read, mut slowest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..rounds {
        let kind = &kinds[(round % kinds.len() as u64) as usize];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(round);
        let bytes = mutated(kind, &mut rng);
        let path = folder.path().join(kind.file);
        std::fs::write(&path, &bytes).unwrap();
        let start = Instant::now();
        let output = answer(kind, folder.path());
        slowest = slowest.max(start.elapsed());
        read += u64::from(output.as_ref().is_some_and(|o| o.status.success()));
        if let Some(fault) = fault(output) {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-input");
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::write(
                kept.join(format!("{seed}-{round}-{}", path.file_name().unwrap().display())),
                &bytes,
            )
            .unwrap();
            let short: String = fault.chars().take(600).collect();
            faults.push(format!("{} (round {round}): {short}", kind.name));
        }
        std::fs::remove_file(&path).unwrap();
    }
    println!(
        "{rounds} inputs of {} kinds: {read} read, {} faults, slowest {slowest:?}",
        kinds.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn answer(kind: &Kind, folder: &Path) -> Option<Output> {
    let path = folder.join(kind.file);
    let command: Vec<&str> =
        kind.command.iter().map(|a| if a == "{}" { text(&path) } else { a.as_str() }).collect();
    run(&command)
}

/// An ID of "x\nthoracast: all fine" forged a line; an escape sequence repainted the terminal.
#[test]
fn a_value_forges_no_line_and_a_huge_one_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    let data = |cell: &str| {
        let rows: String = (0..20).map(|i| format!("{i},{}\n", i % 2)).collect();
        std::fs::write(&file, format!("x,y\n{rows}\"{cell}\",1\n\"{cell}2\",0\n")).unwrap();
    };
    let arguments = ["stats", "validate", "--data", text(&file), "--outcome", "y", "--probability", "x"];
    for cell in [format!("x\n{FORGED}"), "\u{1b}[2Jgone".to_owned(), format!("x\r{FORGED}")] {
        data(&cell);
        let output = run(&arguments);
        assert_eq!(fault(output), None, "{cell:?}");
    }
    data(&"7".repeat(30 << 20));
    let words = sentence(&arguments);
    assert!(words.len() < 20_000, "{} bytes", words.len());
}

/// Each of these hung for ever or filled memory.
#[cfg(unix)]
#[test]
fn pipes_devices_and_endless_files_are_named_by_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let sparse = folder.path().join("sparse.csv");
    std::fs::File::create(&sparse).unwrap().set_len(4 << 30).unwrap();
    let table_file = folder.path().join("t.csv");
    std::fs::write(&table_file, table(",")).unwrap();
    let cohort = folder.path().join("cohort");
    assert!(run(&["simulate", text(&cohort), "--patients", "20"]).unwrap().status.success());
    let clinical = cohort.join("clinical_test.csv");
    let id = std::fs::read_to_string(&clinical)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    let (table_file, cohort, clinical) = (text(&table_file), text(&cohort), text(&clinical));
    for (file, what) in [
        (text(&pipe), "it is a pipe, not a file"),
        ("/dev/zero", "it is a device, not a file"),
        (text(&sparse), "longer than"),
    ] {
        let commands = [
            format!("inspect {file}"),
            format!("stats roc --data {file} --outcome y --scores x"),
            format!("cohort {file}"),
            format!("cohort {cohort} --mapping {file}"),
            format!("weights info {file}"),
            format!("stats calibration --data {table_file} --outcome y --covariates x --resamples {file}"),
            format!("predict --t4-image {file} --t11-image {file} --clinical {file} --id 1"),
            format!(
                "predict --t4-image {file} --t11-image {file} --clinical {clinical} --id {id} --fusion {file}"
            ),
            format!("predict --t4-image {file} --t11-image {file} --clinical {clinical} --id {id}"),
        ];
        for command in commands {
            // A sparse file is no DICOM file, and weights may be so long.
            if what == "longer than" && (command.starts_with("inspect") || command.starts_with("weights")) {
                continue;
            }
            let words = sentence(&command.split(' ').collect::<Vec<_>>());
            assert!(words.contains(what), "{command}: {words}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_called_so_and_a_reader_gone_is_none_of_our_business() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    std::fs::write(&file, table(",")).unwrap();
    let commands: [&[&str]; 3] = [
        &["stats", "roc", "--data", text(&file), "--outcome", "y", "--scores", "x", "--json"],
        &["cohort", text(&file)],
        &["weights", "info", concat!(env!("CARGO_MANIFEST_DIR"), "/models/t11.safetensors")],
    ];
    for command in commands {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = program(command).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {words}");
        assert!(words.contains("standard output can't be written (No space left"), "{words}");
        // A pipe whose reader has gone away.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = program(command).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), words.contains("thoracast:")),
            (Some(0), false),
            "{command:?}: {words}"
        );
    }
}

/// A bootstrap of 10^8 was killed.
#[test]
fn a_count_out_of_range_is_told_with_its_range() {
    for (arguments, range) in [
        (
            vec![
                "stats",
                "calibration",
                "--data",
                "x",
                "--outcome",
                "y",
                "--covariates",
                "x",
                "--bootstrap",
                "100000000",
            ],
            "from 1 to 100000",
        ),
        (vec!["simulate", "x", "--patients", "0"], "from 1 to 1000000"),
        (vec!["evaluate", "--cohort", "x", "--folds", "1"], "from 2 to 1000"),
        (vec!["train", "t4", "--cohort", "x", "--epochs", "99999999999999999999"], "from 1 to 100000"),
    ] {
        let output = run(&arguments).unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
        assert!(words.contains(range), "{words}");
    }
}

/// 100,000 columns took 9 s: each name was compared with all before it.
#[test]
fn many_columns_are_read_in_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("wide.csv");
    let row = |cell: &dyn Fn(usize) -> String| (0..100_000).map(cell).collect::<Vec<_>>().join(",");
    let head = row(&|i| if i == 0 { "y".to_owned() } else { format!("c{i}") });
    let rows: String = (0..12).map(|r| row(&|i| ((i + r) * 7 % 5 % 2).to_string()) + "\n").collect();
    std::fs::write(&file, format!("{head}\n{rows}")).unwrap();
    let start = Instant::now();
    let output = run(&["stats", "roc", "--data", text(&file), "--outcome", "y", "--scores", "c3"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}
