//! The module against real and awkward files and pydicom's figures for them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use super::*;
use thoracast_files::progress::{Progress, Silent};

/// The shared test material, or `None` (with the reason on stderr) where it is absent; in CI its absence is an error.
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom");
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

/// Files whose HU may depart from pydicom's, by how much at most (HU, at minimum and maximum), and why.
const KNOWN_DEPARTURES: [(&str, f64, &str); 1] = [(
    "JPEGProcess2_4TransferSyntax",
    2.0003,
    "lossy 12-bit JPEG: pydicom's decoder uses an integer transform, ours the exact one; one stored level (2.0002 HU) apart",
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
        .filter(|(name, e)| {
            e["modality"] == "CT"
                && e["decoded"] == true
                && e["hu"].is_object()
                && (!large.contains(name) || sampled.contains(name))
        })
        .collect();
    assert!(files.len() > 230, "only {} files are held against pydicom", files.len());
    let tolerance =
        |name: &str| KNOWN_DEPARTURES.iter().find(|(part, ..)| name.contains(part)).map(|known| known.1);
    let wrong: Vec<String> = files
        .par_iter()
        .filter_map(|(name, entry)| {
            let tolerance_hu = tolerance(name).unwrap_or(1e-3);
            departs(&root.join(name), &entry["hu"], tolerance_hu).map(|how| format!("{name}: {how}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (name, entry) in files.iter().filter(|(name, _)| tolerance(name).is_some()) {
        let departs = departs(&root.join(name), &entry["hu"], 1e-3);
        assert!(departs.is_some(), "{name} no longer departs; take it off the list");
    }
}

fn departs(path: &Path, hu: &serde_json::Value, tolerance_hu: f64) -> Option<String> {
    let planes = match read_planes(path) {
        Ok(planes) => planes,
        Err(error) => return Some(error.to_string()),
    };
    let found = planes.iter().filter_map(HuStatistics::of).reduce(HuStatistics::and).unwrap();
    let near = |found: f64, key: &str, tolerance: f64| (found - hu[key].as_f64().unwrap()).abs() <= tolerance;
    let mean = hu["mean"].as_f64().unwrap().abs();
    let right = near(found.min, "min", tolerance_hu)
        && near(found.max, "max", tolerance_hu)
        && near(found.mean, "mean", 1e-3 * mean.max(1.0));
    (!right).then(|| format!("{found:?} instead of {hu}"))
}

#[test]
fn a_plain_series_is_measured_from_its_positions() {
    let Some(scan) = defect("00-reference") else { return };
    let series = only(&scan);
    assert!(series.usable && series.warnings.is_empty(), "{:?}", series.warnings);
    assert_eq!((series.slices, series.rows, series.columns), (10, 96, 96));
    assert_eq!(series.spacing_mm, Some([3.367188, 3.367188, 5.0]));
    assert_eq!(series.z_range_mm, Some([-319.0, -274.0]));
    assert_eq!(series.transfer_syntaxes, ["1.2.840.10008.1.2.1"]);
    assert_eq!(series.windows, [[60.0, 350.0]]);
    let z: Vec<f64> = series.frames.iter().map(|f| f.origin_mm[2]).collect();
    assert!(z.is_sorted(), "{z:?}");
}

#[test]
fn order_and_spacing_ignore_instance_numbers_and_spacing_tags() {
    for name in
        ["01-duplicate-instance-numbers", "04-instance-number-reversed", "08-lying-slice-spacing-tags"]
    {
        let Some(scan) = defect(name) else { return };
        let series = only(&scan);
        assert!(series.usable && series.warnings.is_empty(), "{name}: {:?}", series.warnings);
        assert_eq!(series.spacing_mm, Some([3.367188, 3.367188, 5.0]), "{name}");
        let files: Vec<String> = series
            .frames
            .iter()
            .map(|f| f.path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!((files[0].as_str(), files[9].as_str()), ("009.dcm", "000.dcm"), "{name}");
    }
}

#[test]
fn missing_and_uneven_slices_are_named() {
    let Some(scan) = defect("02-missing-slices-gap") else { return };
    let series = only(&scan);
    assert!(series.usable);
    assert!(warned(series, &["2 slices missing", "003.dcm", "004.dcm", "15.00 mm"]), "{:?}", series.warnings);
    let jittered = defect("09-jittered-z").unwrap();
    assert!(warned(only(&jittered), &["uneven", ".dcm", "mm"]), "{:?}", only(&jittered).warnings);
    assert!((only(&jittered).spacing_mm.unwrap()[2] - 44.88 / 9.0).abs() < 1e-5);
}

#[test]
fn a_repeated_position_makes_a_second_stack_of_the_same_uid() {
    let Some(scan) = defect("03-same-position-twice") else { return };
    let slices: Vec<usize> = scan.series.iter().map(|s| s.slices).collect();
    assert_eq!(slices, [10, 1]);
    assert_eq!(scan.series[0].uid, scan.series[1].uid);
    assert!(
        warned(&scan.series[0], &["stack 1 of 2", "005.dcm", "010.dcm"]),
        "{:?}",
        scan.series[0].warnings
    );
    assert!(warned(&scan.series[1], &["stack 2 of 2"]) && warned(&scan.series[1], &["only 1 slice"]));
}

#[test]
fn what_cannot_be_placed_or_measured_is_refused_with_the_tag() {
    let Some(unplaced) = defect("05-no-ipp-no-iop") else { return };
    let unmeasured = defect("06-no-pixel-spacing-no-thickness").unwrap();
    for (scan, word) in [(&unplaced, "(0020,0032)"), (&unmeasured, "(0028,0030)")] {
        let series = only(scan);
        assert!(!series.usable && series.slices == 10);
        assert!(series.unusable_reason.as_ref().unwrap().contains(word), "{:?}", series.unusable_reason);
        let error = load(series, 0, &Silent, &|_, _| {}).unwrap_err();
        assert!(matches!(&error, DicomError::Unusable { reason, .. } if reason.contains(word)), "{error}");
    }
}

#[test]
fn missing_rescale_is_said_because_the_values_may_be_shifted() {
    let Some(scan) = defect("07-no-rescale-no-window") else { return };
    let series = only(&scan);
    assert!(series.usable && series.windows.is_empty());
    assert!(warned(series, &["RescaleSlope", "all 10 files"]), "{:?}", series.warnings);
}

#[test]
fn every_slice_keeps_its_own_rescale() {
    let Some(scan) = defect("10-per-slice-rescale") else { return };
    let reference = defect("00-reference").unwrap();
    let volume = load(only(&scan), 0, &Silent, &|_, _| {}).unwrap();
    let plain = load(only(&reference), 0, &Silent, &|_, _| {}).unwrap();
    let intercepts: Vec<f32> = volume.planes.iter().map(|p| p.intercept).collect();
    assert!(intercepts.contains(&-524.0) && intercepts.contains(&-1024.0), "{intercepts:?}");
    // The altered slices are clipped at the bottom; where they are not, HU are the reference's.
    for slice in 0..10 {
        for (i, _) in
            plain.planes[slice].stored.iter().enumerate().filter(|&(i, _)| plain.planes[slice].hu(i) > -500.0)
        {
            assert_eq!(volume.planes[slice].hu(i), plain.planes[slice].hu(i));
        }
    }
}

#[test]
fn a_prone_series_keeps_its_directions() {
    let Some(scan) = defect("11-prone-rotated-iop") else { return };
    let volume = load(only(&scan), 0, &Silent, &|_, _| {}).unwrap();
    assert_eq!(volume.geometry.row_direction, [-1.0, 0.0, 0.0]);
    assert_eq!(volume.geometry.normal(), [0.0, 0.0, 1.0]);
    assert_eq!(orientation_letters(volume.geometry.column_direction), "A");
    let corner = volume.geometry.position_mm(95, 95, 0);
    assert!((corner[0] - (145.7211 - 95.0 * 3.367188)).abs() < 1e-9, "{corner:?}");
}

#[test]
fn utf8_names_and_all_windows_are_read() {
    let Some(scan) = defect("12-utf8-name-multi-window") else { return };
    let series = only(&scan);
    assert_eq!(series.windows.len(), 3);
    assert_eq!(series.windows[1][0], -600.0);
    assert!(!series.patient_name.is_ascii() && !series.patient_name.contains('\u{FFFD}'));
}

#[test]
fn pictures_of_two_sizes_in_one_series_become_two_volumes() {
    let Some(scan) = defect("13-mixed-matrix-one-series-uid") else { return };
    let sizes: Vec<(usize, usize)> = scan.series.iter().map(|s| (s.rows, s.slices)).collect();
    assert_eq!(sizes, [(96, 5), (48, 5)]);
    assert!(scan.series.iter().all(|s| s.usable && s.uid == "1.2.3" && warned(s, &["of 2"])));
}

#[test]
fn an_enhanced_object_is_the_same_volume_as_its_slices() {
    let Some(scan) = defect("14-legacy-converted-enhanced-CT") else { return };
    let reference = defect("00-reference").unwrap();
    let enhanced = load(only(&scan), 3, &Silent, &|_, _| {}).unwrap();
    let plain = load(only(&reference), 3, &Silent, &|_, _| {}).unwrap();
    assert_eq!(enhanced.planes, plain.planes);
    assert_eq!(enhanced.geometry, plain.geometry);
}

/// Multi-frame objects have no HU in the expected figures, as pydicom's rescale lies in their functional groups.
#[test]
fn frames_in_several_fragments_without_offsets_decode_to_pydicoms_values() {
    let Some(root) = shared() else { return };
    let name = "awkward/transfer-syntaxes/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm";
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let stored = &expected[name]["stored"];
    let planes = read_planes(&root.join(name)).unwrap();
    assert_eq!(planes.len(), 2);
    let found = planes.iter().filter_map(HuStatistics::of).reduce(HuStatistics::and).unwrap();
    let intercept = f64::from(planes[0].intercept);
    assert_eq!(intercept, -1024.0);
    assert_eq!(Some(found.min - intercept), stored["min"].as_f64());
    assert_eq!(Some(found.max - intercept), stored["max"].as_f64());
    // The transforms round differently; see `KNOWN_DEPARTURES`.
    assert!((found.mean - intercept - stored["mean"].as_f64().unwrap()).abs() < 0.05);
}

#[test]
fn a_dicomdir_in_a_zip_names_what_is_absent_there() {
    let Some(root) = shared() else { return };
    let tree = root.join("awkward/pydicom/test_files/dicomdirtests");
    let temporary = tempfile::tempdir().unwrap();
    let archive = temporary.path().join("disc.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    for (name, from) in [("disc/DICOMDIR", "DICOMDIR"), ("disc/77654033/CR1/6154", "77654033/CR1/6154")] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, &std::fs::read(tree.join(from)).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let scan = scan_one(archive.clone());
    assert_eq!(scan.series.iter().map(|s| s.slices).sum::<usize>(), 1);
    assert_eq!(scan.unreadable.len(), 30);
    assert!(scan.unreadable.iter().any(|u| u.path == archive.join("disc/77654033/CR2/6247")));
}

#[test]
fn each_broken_file_costs_only_itself() {
    let Some(scan) = defect("20-broken-files") else { return };
    let named: Vec<String> =
        scan.unreadable.iter().map(|u| u.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let broken = [
        "empty.dcm",
        "not-dicom.dcm",
        "preamble-only.dcm",
        "truncated-in-header.dcm",
        "truncated-in-meta.dcm",
        "truncated-in-pixeldata.dcm",
    ];
    assert_eq!(named, broken);
    // The nine readable ones are one slice in various encodings; two are copies of others.
    assert_eq!(scan.series.iter().map(|s| s.slices).sum::<usize>(), 7);
    assert!(scan.series.iter().all(|s| s.usable));
}

/// Files pydicom gives up on or needs to be forced to read: meta group, preamble or transfer syntax missing or wrong.
#[test]
fn files_without_meta_or_with_a_wrong_transfer_syntax_decode_to_the_same_hu() {
    let Some(root) = shared() else { return };
    let folder = root.join("awkward/one-defect-each/20-broken-files");
    let expected = read_planes(&folder.join("implicit.dcm")).unwrap();
    let odd = [
        "no-meta-explicit.dcm",
        "no-meta-implicit.dcm",
        "no-preamble-no-DICM-with-meta.dcm",
        "no-preamble-with-meta.dcm",
        "wrong-transfer-syntax-claimed.dcm",
        "huge-length.dcm",
        "trailing-garbage.dcm",
        "no_extension",
    ];
    for name in odd {
        assert_eq!(read_planes(&folder.join(name)).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_whole_thorax_loads_in_order_and_hands_over_every_plane_once() {
    let Some(root) = shared() else { return };
    let scan = scan_one(root.join("chest_5mm"));
    let series = only(&scan);
    assert_eq!((series.slices, series.spacing_mm), (64, Some([0.841796875, 0.841796875, 5.0])));
    let seen = Mutex::new(Vec::new());
    let volume = load(series, 40, &Silent, &|slice, plane| {
        assert_eq!(plane.stored.len(), 512 * 512);
        seen.lock().unwrap().push(slice);
    })
    .unwrap();
    let mut seen = seen.into_inner().unwrap();
    assert_eq!(seen[0], 40);
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());
    assert_eq!(volume.nearest_slice(-124.0), Some(63));
    assert!((0..63).all(|i| volume.z_mm(i) < volume.z_mm(i + 1)));
    let sections = Sections::new(&volume.geometry, volume.rows, volume.columns).unwrap();
    let section = Section { orientation: Orientation::Sagittal, index: 256 };
    assert_eq!(sections.voxel(section, [0.0, 0.0]), Some(Voxel { column: 256, row: 0, slice: 63 }));
}

#[test]
fn cancelling_stops_scan_and_load() {
    struct Cancelled;
    impl Progress for Cancelled {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let Some(root) = shared() else { return };
    let folder = root.join("awkward/one-defect-each/00-reference");
    assert!(matches!(scan(std::slice::from_ref(&folder), &Cancelled), Err(DicomError::Cancelled)));
    let found = scan_one(folder);
    assert!(matches!(load(only(&found), 0, &Cancelled, &|_, _| {}), Err(DicomError::Cancelled)));
}

#[test]
fn a_zip_holds_the_same_series_as_the_folder() {
    let Some(root) = shared() else { return };
    let folder = root.join("awkward/one-defect-each/00-reference");
    let temporary = tempfile::tempdir().unwrap();
    let archive = temporary.path().join("study.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        writer.start_file(format!("a/b/{}", entry.file_name().to_string_lossy()), options).unwrap();
        std::io::Write::write_all(&mut writer, &std::fs::read(entry.path()).unwrap()).unwrap();
    }
    writer.start_file("__MACOSX/a/._000.dcm", options).unwrap();
    writer.finish().unwrap();
    let (zipped, plain) = (scan_one(archive), scan_one(folder));
    let (zipped, plain) = (only(&zipped), only(&plain));
    assert_eq!(
        (zipped.slices, zipped.spacing_mm, &zipped.warnings),
        (plain.slices, plain.spacing_mm, &plain.warnings)
    );
    let planes = |series| load(series, 0, &Silent, &|_, _| {}).unwrap().planes;
    assert_eq!(planes(zipped), planes(plain));
}

#[test]
fn a_dicomdir_leads_to_its_files_and_names_the_absent_ones() {
    let Some(root) = shared() else { return };
    let tree = root.join("awkward/pydicom/test_files/dicomdirtests");
    let by_directory = scan_one(tree.join("DICOMDIR"));
    let slices = |scan: &Scan| scan.series.iter().map(|s| s.slices).sum::<usize>();
    // 31 IMAGE records (read with pydicom), every file present.
    assert_eq!(slices(&by_directory), 31);
    assert!(by_directory.unreadable.is_empty(), "{:?}", by_directory.unreadable);
    let scout = by_directory.series.iter().find(|s| s.description == "Scout").unwrap();
    assert!(scout.unusable_reason.as_ref().unwrap().contains("localizer"));
    for folder in ["77654033", "98892001", "98892003"] {
        assert!(scan_one(tree.join(folder)).series.iter().all(|s| !s.usable || s.modality == "CT"));
    }

    let tiny = scan_one(tree.join("TINY_ALPHA"));
    assert_eq!(slices(&tiny), 50, "files of a folder with a DICOMDIR are counted once");
    assert_eq!(slices(&scan_one(tree.join("TINY_ALPHA/DICOMDIR"))), 50);

    let missing = scan_one(root.join("awkward/dicomdir-missing-files"));
    assert_eq!(missing.unreadable.len(), 2);
    assert!(missing.unreadable.iter().all(|u| u.path.ends_with("DIRFILE") && u.reason.contains("not there")));
    assert_eq!(missing.series.len(), 1, "the file it does not mention is read all the same");
}

#[test]
fn other_modalities_and_secondary_captures_are_listed_with_the_reason() {
    let Some(root) = shared() else { return };
    let scan = scan_one(root.join("awkward/scouts-and-secondary-capture"));
    let reasons: Vec<&str> = scan.series.iter().filter_map(|s| s.unusable_reason.as_deref()).collect();
    assert_eq!(reasons.len(), 3);
    assert_eq!(reasons.iter().filter(|r| r.contains("localizer")).count(), 2);
    assert_eq!(reasons.iter().filter(|r| r.contains("secondary capture")).count(), 1);
    let mr = scan_one(root.join("awkward/pydicom/test_files/dicomdirtests/98892003"));
    assert!(
        mr.series
            .iter()
            .all(|s| s.unusable_reason.as_deref() == Some("modality MR (magnetic resonance) is not CT"))
    );
}

#[test]
fn nothing_in_the_shared_collection_makes_a_scan_fail() {
    let Some(root) = shared() else { return };
    let scan = scan_one(root.join("awkward"));
    assert!(scan.series.len() > 100);
    let texts = scan
        .unreadable
        .iter()
        .map(|u| &u.reason)
        .chain(scan.series.iter().filter_map(|s| s.unusable_reason.as_ref()));
    for text in texts {
        assert!(!text.is_empty() && !text.contains("panicked"), "{text}");
    }
}

/// Damage behind the header of compressed files, where decoders written in other languages read.
#[test]
fn damaged_compressed_pixels_are_an_error_or_a_picture() {
    let Some(root) = shared() else { return };
    let names = ["CT1_J2KI", "CT1_JLSL", "CT1_JLSN", "CT1_JPLL", "CT1_RLE", "CT2_J2KR"];
    names.par_iter().for_each(|name| {
        let whole = std::fs::read(root.join("awkward/nema-wg04").join(name)).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join(name);
        // A fixed sequence of damage: any failure can be repeated.
        let mut state = 0x9E37_79B9_u64;
        for _ in 0..12 {
            let mut damaged = whole.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // The first kilobyte behind the data set's header holds the codestream's own header.
                let span = if state & 1 == 0 { 1024 } else { whole.len() - 6000 };
                let at = 6000.min(whole.len() / 2) + (state >> 20) as usize % span;
                let last = damaged.len() - 1;
                damaged[at.min(last)] = (state >> 12) as u8;
            }
            std::fs::write(&path, damaged).unwrap();
            if let Ok(planes) = read_planes(&path) {
                assert_eq!(planes[0].stored.len(), 512 * 512);
            }
        }
    });
}

#[test]
fn every_tag_of_a_file_can_be_listed() {
    let Some(root) = shared() else { return };
    let listed =
        tags(&root.join("awkward/one-defect-each/14-legacy-converted-enhanced-CT/enhanced.dcm"), None)
            .unwrap();
    let find = |name: &str| listed.iter().filter(|t| t.name == name).collect::<Vec<_>>();
    assert_eq!(find("Modality")[0].value, "CT");
    assert_eq!(find("PerFrameFunctionalGroupsSequence")[0].value, "10 items");
    let positions = find("ImagePositionPatient");
    assert_eq!((positions.len(), positions[0].depth, positions[0].tag.as_str()), (10, 2, "(0020,0032)"));
    assert!(positions[0].value.starts_with("-174.1618"), "{}", positions[0].value);
    assert!(tags(&root.join("README.md"), None).unwrap_err().to_string().contains("not a DICOM file"));
}

mod made;
mod series;
mod trust;
