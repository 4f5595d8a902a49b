//! The module against real and awkward files and pydicom's figures for them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::*;
use crate::progress::{CancelFlag, Silent};

/// The shared test material, or `None` (with the reason on stderr) where it is absent; in CI its absence is an error.
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/dicom");
    if folder.is_dir() {
        return Some(folder);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "../shared/dicom is absent");
    eprintln!("skipped: ../shared/dicom is absent");
    None
}

fn scan_one(path: PathBuf) -> Scan {
    scan(&[path], &Silent).unwrap()
}

fn defect(name: &str) -> Option<Scan> {
    Some(scan_one(shared()?.join("awkward/one-defect-each").join(name)))
}

fn only(scan: &Scan) -> &Series {
    assert_eq!(scan.series.len(), 1, "{:#?}", scan.series);
    assert!(scan.unreadable.is_empty(), "{:?}", scan.unreadable);
    &scan.series[0]
}

fn warned(series: &Series, words: &[&str]) -> bool {
    series.warnings.iter().any(|w| words.iter().all(|word| w.contains(word)))
}

/// CT files pydicom decodes and this program does not, with the reason.
const KNOWN_FAILURES: [(&str, &str); 1] = [(
    "JPEGProcess2_4TransferSyntax",
    "12-bit extended JPEG: the decoder behind dicom-rs handles 8-bit DCT and lossless only",
)];

#[test]
fn hu_are_pydicoms_for_every_ct_file() {
    let Some(root) = shared() else { return };
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let large: Vec<&String> = expected.keys().filter(|k| k.starts_with("chest_1.25mm")).collect();
    // JPEG lossless is slow to decode: six of the 248 slices stand for all.
    let sampled: Vec<&String> = large.iter().step_by(large.len().div_ceil(6).max(1)).copied().collect();
    let files: Vec<(&String, &serde_json::Value)> = expected
        .iter()
        .filter(|(name, e)| e["modality"] == "CT" && e["decoded"] == true && e["hu"].is_object() && (!large.contains(name) || sampled.contains(name)))
        .collect();
    assert!(files.len() > 230, "only {} files are held against pydicom", files.len());
    let wrong: Vec<String> = files
        .par_iter()
        .filter_map(|(name, entry)| departs(&root.join(name), &entry["hu"]).map(|how| format!("{name}: {how}")))
        .collect();
    let known = |line: &String| KNOWN_FAILURES.iter().any(|(part, _)| line.contains(part));
    let new: Vec<&String> = wrong.iter().filter(|line| !known(line)).collect();
    assert!(new.is_empty(), "{new:#?}");
    assert_eq!(wrong.len(), KNOWN_FAILURES.len(), "a known failure is gone; take it off the list: {wrong:#?}");
}

fn departs(path: &Path, hu: &serde_json::Value) -> Option<String> {
    let planes = match read_planes(path) {
        Ok(planes) => planes,
        Err(error) => return Some(error.to_string()),
    };
    let found = planes.iter().filter_map(HuStatistics::of).reduce(HuStatistics::and).unwrap();
    let near = |found: f64, key: &str, tolerance: f64| (found - hu[key].as_f64().unwrap()).abs() <= tolerance;
    let mean = hu["mean"].as_f64().unwrap().abs();
    let right = near(found.min, "min", 1e-3) && near(found.max, "max", 1e-3) && near(found.mean, "mean", 1e-3 * mean.max(1.0));
    (!right).then(|| format!("{found:?} instead of {hu}"))
}

#[test]
fn probe() {
    let Some(root) = shared() else { return };
    for folder in ["awkward/one-defect-each","awkward/pydicom","awkward/pydicom-data", "awkward/fo-dicom", "awkward/highdicom", "awkward/scouts-and-secondary-capture", "awkward/dicomdir-missing-files","awkward/nema-wg04","awkward/transfer-syntaxes", "chest_5mm", "chest_1.25mm"] {
        let mut folders = vec![root.join(folder)];
        if folder.contains("one-defect") { folders = std::fs::read_dir(&folders[0]).unwrap().flatten().map(|e| e.path()).collect(); folders.sort(); }
        for f in folders {
            let t = std::time::Instant::now();
            let r = scan(&[f.clone()], &Silent);
            println!("##### {} {:?}", f.display(), t.elapsed());
            match r {
                Err(e) => println!("ERR {e}"),
                Ok(s) => {
                    for x in &s.series { println!("  {} {} {:?} use={} n={} {}x{} sp={:?} z={:?} {:?}", &x.uid[x.uid.len().saturating_sub(8)..], x.modality, x.description, x.usable, x.slices, x.rows, x.columns, x.spacing_mm, x.z_range_mm, x.unusable_reason);
                      for w in &x.warnings { println!("      ! {w}"); } }
                    for u in &s.unreadable { println!("  U {} {}", u.path.file_name().unwrap().to_string_lossy(), u.reason); }
                }
            }
        }
    }
}
