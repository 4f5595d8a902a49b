//! Small files made here: hostile ones, and rare ones the collection lacks.

use proptest::prelude::*;

use super::{only, warned};
use crate::*;
use thoracast_files::progress::Silent;

/// Appends an explicit little endian element.
pub(super) fn put(file: &mut Vec<u8>, tag: (u16, u16), vr: &[u8; 2], value: &[u8]) {
    file.extend(tag.0.to_le_bytes());
    file.extend(tag.1.to_le_bytes());
    file.extend(vr);
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == b"UI" { 0 } else { b' ' });
    }
    if matches!(vr, b"OW" | b"SQ" | b"UN") {
        file.extend([0, 0]);
        file.extend((value.len() as u32).to_le_bytes());
    } else {
        file.extend((value.len() as u16).to_le_bytes());
    }
    file.extend(value);
}

/// One CT slice of 2 × 2 pixels; every field can be changed.
#[derive(Clone)]
pub(super) struct Slice {
    pub(super) z: f64,
    pub(super) y: f64,
    pub(super) size: [u16; 2],
    pub(super) signed: u16,
    pub(super) photometric: &'static str,
    pub(super) acquisition: &'static str,
    pub(super) rescale: [&'static str; 2],
    pub(super) pixels: Vec<u16>,
    /// Elements put in place of or beside the usual ones.
    pub(super) other: Vec<Element>,
}

pub(super) type Element = ((u16, u16), &'static [u8; 2], Vec<u8>);

pub(super) fn slice(z: f64) -> Slice {
    Slice {
        z,
        y: 0.0,
        size: [2, 2],
        signed: 1,
        photometric: "MONOCHROME2",
        acquisition: "1",
        rescale: ["1", "-1024"],
        pixels: vec![0, 1, 2, 3],
        other: Vec::new(),
    }
}

impl Slice {
    pub(super) fn with(mut self, tag: (u16, u16), vr: &'static [u8; 2], value: impl AsRef<[u8]>) -> Self {
        self.other.push((tag, vr, value.as_ref().to_vec()));
        self
    }

    fn elements(&self) -> Vec<Element> {
        let number = |value: u16| value.to_le_bytes().to_vec();
        let position = format!("0\\{}\\{}", self.y, self.z).into_bytes();
        let pixels = self.pixels.iter().flat_map(|p| p.to_le_bytes()).collect();
        vec![
            ((0x0008, 0x0008), b"CS", b"ORIGINAL\\PRIMARY\\AXIAL".to_vec()),
            ((0x0008, 0x0016), b"UI", b"1.2.840.10008.5.1.4.1.1.2".to_vec()),
            ((0x0008, 0x0060), b"CS", b"CT".to_vec()),
            ((0x0020, 0x000E), b"UI", b"1.2.3".to_vec()),
            ((0x0020, 0x0012), b"IS", self.acquisition.into()),
            ((0x0020, 0x0032), b"DS", position),
            ((0x0020, 0x0037), b"DS", b"1\\0\\0\\0\\1\\0".to_vec()),
            ((0x0028, 0x0002), b"US", number(1)),
            ((0x0028, 0x0004), b"CS", self.photometric.into()),
            ((0x0028, 0x0010), b"US", number(self.size[0])),
            ((0x0028, 0x0011), b"US", number(self.size[1])),
            ((0x0028, 0x0030), b"DS", b"0.5\\0.25".to_vec()),
            ((0x0028, 0x0100), b"US", number(16)),
            ((0x0028, 0x0101), b"US", number(16)),
            ((0x0028, 0x0102), b"US", number(15)),
            ((0x0028, 0x0103), b"US", number(self.signed)),
            ((0x0028, 0x1052), b"DS", self.rescale[1].into()),
            ((0x0028, 0x1053), b"DS", self.rescale[0].into()),
            ((0x7FE0, 0x0010), b"OW", pixels),
        ]
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        put(&mut file, (0x0002, 0x0010), b"UI", b"1.2.840.10008.1.2.1");
        let mut elements = self.elements();
        elements.retain(|(tag, ..)| !self.other.iter().any(|(other, ..)| other == tag));
        elements.extend(self.other.iter().cloned());
        elements.sort_by_key(|(tag, ..)| *tag);
        for (tag, vr, value) in &elements {
            put(&mut file, *tag, vr, value);
        }
        file
    }
}

pub(super) fn folder(slices: &[Slice]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (i, slice) in slices.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{i:03}")), slice.bytes()).unwrap();
    }
    folder
}

pub(super) fn scan_folder(folder: &tempfile::TempDir) -> Scan {
    scan(&[folder.path().to_owned()], &Silent).unwrap()
}

#[test]
fn hu_beyond_sixteen_signed_bits_and_inverted_display_are_kept() {
    let odd = Slice {
        signed: 0,
        photometric: "MONOCHROME1",
        rescale: ["2", "-10"],
        pixels: vec![0, 1, 40000, 65535],
        ..slice(0.0)
    };
    let folder = folder(&[odd, slice(1.0), slice(2.0), slice(3.0)]);
    let scan = scan_folder(&folder);
    let series = only(&scan);
    assert!(warned(series, &["MONOCHROME1", "not inverted", "(000)"]), "{:?}", series.warnings);
    assert_eq!(series.spacing_mm, Some([0.5, 0.25, 1.0]));
    let volume = load(series, 0, &Silent, &|_, _| {}).unwrap();
    let hu: Vec<f32> = (0..4).map(|i| volume.planes[0].hu(i)).collect();
    assert_eq!(hu, [-10.0, -8.0, 79990.0, 131060.0]);
    assert_eq!(volume.hu(1, 1, 3), -1021.0);
}

#[test]
fn gantry_tilt_is_told_in_degrees() {
    let tilted: Vec<Slice> =
        (0..8).map(|i| Slice { y: f64::from(i) * 0.5, ..slice(f64::from(i) * 2.0) }).collect();
    let folder = folder(&tilted);
    let scan = scan_folder(&folder);
    assert!(warned(only(&scan), &["tilted by 14.0°"]), "{:?}", only(&scan).warnings);
}

#[test]
fn phases_of_one_series_are_split_by_acquisition_even_where_one_lacks_a_slice() {
    let first = (0..6).map(|i| Slice { acquisition: "1", ..slice(f64::from(i)) });
    let second = (0..6).filter(|&i| i != 2).map(|i| Slice {
        acquisition: "2",
        pixels: vec![9; 4],
        ..slice(f64::from(i))
    });
    let folder = folder(&first.chain(second).collect::<Vec<_>>());
    let scan = scan_folder(&folder);
    assert_eq!(scan.series.iter().map(|s| s.slices).collect::<Vec<_>>(), [6, 5]);
    assert!(warned(&scan.series[1], &["1 slice missing"]), "{:?}", scan.series[1].warnings);
    let volume = load(&scan.series[1], 0, &Silent, &|_, _| {}).unwrap();
    assert!(volume.planes.iter().all(|p| p.stored == [9; 4]));
}

#[test]
fn a_small_file_that_claims_a_huge_picture_is_refused_before_memory_is_taken() {
    let folder = folder(&[Slice { size: [65535, 65535], ..slice(0.0) }, slice(1.0)]);
    let scan = scan_folder(&folder);
    assert_eq!(scan.unreadable.len(), 1);
    assert!(
        scan.unreadable[0].reason.contains("cut short: 8 of 8589672450 bytes"),
        "{}",
        scan.unreadable[0].reason
    );
    assert_eq!(scan.series.len(), 1);
}

#[test]
fn lengths_inside_sequences_are_not_believed() {
    let mut item = Vec::new();
    put(&mut item, (0x0020, 0x0032), b"DS", b"0");
    // An element in the item claims 4 GB.
    item.extend([0x20, 0x00, 0x37, 0x00, b'O', b'W', 0, 0, 0xF0, 0xFF, 0xFF, 0xFF]);
    let mut sequence = vec![0xFE, 0xFF, 0x00, 0xE0];
    sequence.extend((item.len() as u32).to_le_bytes());
    sequence.extend(item);
    let mut file = slice(0.0).bytes();
    let pixels = file.len() - 8 - 12;
    let tail = file.split_off(pixels);
    put(&mut file, (0x5200, 0x9230), b"SQ", &sequence);
    file.extend(tail);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, file).unwrap();
    // The sequence is left out; the slice is still a slice.
    assert_eq!(read_planes(&path).unwrap()[0].stored, [0, 1, 2, 3]);
}

#[test]
fn other_files_are_passed_over_in_a_folder_and_named_when_chosen() {
    let folder = folder(&[slice(0.0)]);
    let note = folder.path().join("note.txt");
    std::fs::write(&note, "The patient was moved to ward 3 in the afternoon.").unwrap();
    std::fs::write(folder.path().join(".hidden"), slice(5.0).bytes()).unwrap();
    std::fs::write(folder.path().join("list.json"), "{\"a\": 1}").unwrap();
    assert_eq!(only(&scan_folder(&folder)).slices, 1);
    let error = scan(std::slice::from_ref(&note), &Silent).unwrap_err();
    assert!(matches!(&error, DicomError::File { path, .. } if *path == note), "{error}");
    let absent = scan(&[folder.path().join("nowhere")], &Silent).unwrap_err();
    assert!(absent.to_string().contains("does not exist"), "{absent}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(scan(&[empty.path().to_owned()], &Silent), Err(DicomError::NothingFound { .. })));
}

#[test]
fn a_file_cut_anywhere_is_told_and_never_read_half() {
    let whole = slice(0.0).bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.dcm");
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let usable =
            scan(std::slice::from_ref(&path), &Silent).is_ok_and(|s| s.series.iter().any(|s| s.usable));
        assert!(!usable, "{length} of {} bytes", whole.len());
        assert!(read_planes(&path).is_err(), "{length} of {} bytes", whole.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No sequence of damaged bytes makes the reader panic or take memory beyond the file's order of size.
    #[test]
    fn damaged_bytes_never_panic(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut file = slice(0.0).bytes();
        for (index, byte) in damage {
            let index = index.index(file.len());
            file[index] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.dcm");
        std::fs::write(&path, file).unwrap();
        if let Ok(found) = scan(std::slice::from_ref(&path), &Silent) {
            for series in found.series.iter().filter(|s| s.usable) {
                let _ = load(series, 0, &Silent, &|_, _| {});
            }
        }
    }
}
