//! Persons, places and acquisitions within one series, and why a volume is looked at only.

use super::made::{Slice, folder, scan_folder, slice};
use super::{only, warned};
use crate::*;
use thoracast_files::progress::Silent;

const PATIENT_ID: (u16, u16) = (0x0010, 0x0020);
const PATIENT_NAME: (u16, u16) = (0x0010, 0x0010);
const TABLE_HEIGHT: (u16, u16) = (0x0018, 0x1130);
const KERNEL: (u16, u16) = (0x0018, 0x1210);
const FRAME_OF_REFERENCE: (u16, u16) = (0x0020, 0x0052);
const PIXEL_SPACING: (u16, u16) = (0x0028, 0x0030);
const INTERCEPT: (u16, u16) = (0x0028, 0x1052);
const SLOPE: (u16, u16) = (0x0028, 0x1053);
const RESCALE_TYPE: (u16, u16) = (0x0028, 0x1054);
const IMAGE_TYPE: (u16, u16) = (0x0008, 0x0008);

fn stack(count: i32, each: impl Fn(i32, Slice) -> Slice) -> Vec<Slice> {
    (0..count).map(|i| each(i, slice(f64::from(i) * 2.0))).collect()
}

/// A slice of a body in air, 64 × 64, as stored with an intercept of −1024.
fn body(z: f64) -> Slice {
    let pixel = |i: usize| {
        let (x, y) = ((i % 64) as f64 - 31.5, (i / 64) as f64 - 31.5);
        let noise = (i * 7919 % 23) as u16;
        match (x / 26.0).powi(2) + (y / 18.0).powi(2) {
            r if r < 0.25 => 164 + noise,
            r if r < 0.9 => 1054 + noise,
            r if r < 1.0 => 914 + noise,
            _ => 14 + noise,
        }
    };
    Slice { size: [64, 64], pixels: (0..64 * 64).map(pixel).collect(), ..slice(z) }
}

fn bodies(count: i32, each: impl Fn(i32, Slice) -> Slice) -> tempfile::TempDir {
    folder(&(0..count).map(|i| each(i, body(f64::from(i) * 2.0))).collect::<Vec<_>>())
}

fn judged(made: &tempfile::TempDir) -> Option<Unmeasured> {
    let scan = scan_folder(made);
    load(only(&scan), 0, &Silent, &|_, _| {}).unwrap().unmeasured
}

/// PatientID A in some files and B in the rest under one series UID was one usable series of A.
#[test]
fn two_persons_under_one_uid_are_two_stacks_that_name_each_other() {
    let made = folder(&stack(10, |i, s| s.with(PATIENT_ID, b"LO", if i < 6 { "A" } else { "B" })));
    let scan = scan_folder(&made);
    let ids: Vec<(&str, usize)> = scan.series.iter().map(|s| (s.patient_id.as_str(), s.slices)).collect();
    assert_eq!(ids, [("A", 6), ("B", 4)]);
    assert!(scan.series.iter().all(|s| warned(s, &["more than one patient", "ID A", "ID B"])));
    let refused = choose(&scan.series, None, made.path()).unwrap_err();
    assert!(
        matches!(&refused, DicomError::SeveralPatients { persons, .. } if persons.len() == 2),
        "{refused}"
    );
    let refused = choose(&scan.series, Some("1.2.3"), made.path()).unwrap_err().to_string();
    assert!(refused.contains("ID A") && refused.contains("ID B"), "{refused}");
}

#[test]
fn ways_to_write_one_name_are_one_person() {
    let names = ["DOE^JANE", "Doe^Jane^^", "DOE^JANE ", ""];
    let made = folder(&stack(8, |i, s| {
        s.with(PATIENT_ID, b"LO", "A").with(PATIENT_NAME, b"PN", names[i as usize % 4])
    }));
    assert_eq!(only(&scan_folder(&made)).slices, 8);
}

#[test]
fn frames_of_reference_table_heights_and_kernels_are_kept_apart_by_name() {
    type Case = ((u16, u16), &'static [u8; 2], [&'static str; 2], &'static str);
    let cases: [Case; 3] = [
        (FRAME_OF_REFERENCE, b"UI", ["1.2.1", "1.2.2"], "frame of reference 1.2.1"),
        (TABLE_HEIGHT, b"DS", ["140", "170"], "table height 140 mm"),
        (KERNEL, b"SH", ["B30f", "B70f"], "kernel B30f"),
    ];
    for (tag, vr, values, words) in cases {
        let made = folder(&stack(10, |i, s| s.with(tag, vr, values[usize::from(i >= 6)])));
        let scan = scan_folder(&made);
        assert_eq!(scan.series.iter().map(|s| s.slices).collect::<Vec<_>>(), [6, 4], "{words}");
        assert!(warned(&scan.series[0], &["part 1 of 2", words]), "{:?}", scan.series[0].warnings);
    }
    let moved = folder(&stack(10, |i, s| Slice { y: if i < 6 { 0.0 } else { 30.0 }, ..s }));
    let scan = scan_folder(&moved);
    assert_eq!(scan.series.iter().map(|s| s.slices).collect::<Vec<_>>(), [6, 4]);
    assert!(warned(&scan.series[1], &["30.0 mm beside one another"]), "{:?}", scan.series[1].warnings);
}

/// RIDER pilot data: 47 + 10 + 7 slices, a pair 0.005 mm apart, was torn in three.
#[test]
fn acquisitions_that_continue_each_other_are_one_volume() {
    let acquisition = |from: f64, count: i32, number: &'static str| {
        (0..count).map(move |i| Slice { acquisition: number, ..slice(from + f64::from(i) * 2.0) })
    };
    let first = acquisition(0.0, 47, "1");
    let second = acquisition(92.005, 10, "2");
    let third = acquisition(112.0, 7, "3");
    let made = folder(&first.chain(second).chain(third).collect::<Vec<_>>());
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert_eq!((series.slices, series.unmeasured.as_ref()), (63, None));
    assert!(warned(series, &["3 acquisitions", "joined", "1 slice at", "left out"]), "{:?}", series.warnings);

    let repeated = acquisition(0.0, 8, "1").chain(acquisition(0.0, 8, "2"));
    let scan = scan_folder(&folder(&repeated.collect::<Vec<_>>()));
    assert_eq!(scan.series.len(), 2);
    assert!(warned(&scan.series[1], &["stack 2 of 2", "AcquisitionNumber 2 (others: 1)"]));
}

#[test]
fn a_rescale_that_is_absent_empty_or_no_number_is_not_measured() {
    let cases: [((u16, u16), &str, &str); 6] = [
        (INTERCEPT, "", "RescaleIntercept (0028,1052) is empty"),
        (INTERCEPT, "nan", "RescaleIntercept (0028,1052) is not a number"),
        (SLOPE, "0", "RescaleSlope (0028,1053) is 0"),
        (SLOPE, "", "RescaleSlope (0028,1053) is empty"),
        (SLOPE, "nan", "RescaleSlope (0028,1053) is not a number"),
        (SLOPE, "1e308", "is 1e308, which no scanner writes"),
    ];
    for (tag, value, words) in cases {
        for affected in [1, 2] {
            let made = bodies(6, |i, s| if i % affected == 0 { s.with(tag, b"DS", value) } else { s });
            let scan = scan_folder(&made);
            let series = only(&scan);
            let reason = series.unmeasured.as_ref().map(ToString::to_string).unwrap_or_default();
            assert!(reason.contains(words), "{tag:?} {value:?}: {reason}");
            assert_eq!((series.usable, series.unit.as_str()), (true, "stored value"));
            let refused = choose(&scan.series, None, made.path()).unwrap_err();
            assert!(matches!(refused, DicomError::Unmeasured { .. }), "{refused}");
        }
    }
}

#[test]
fn spacings_and_units_no_ct_scanner_has_are_not_measured() {
    for spacing in ["1e9\\1e9", "1e-9\\1e-9", "0.5\\5"] {
        let made = bodies(6, |_, s| s.with(PIXEL_SPACING, b"DS", spacing));
        let found = only(&scan_folder(&made)).unmeasured.clone();
        assert!(matches!(found, Some(Unmeasured::Spacing(_))), "{spacing}: {found:?}");
    }
    let made = bodies(6, |_, s| s.with(RESCALE_TYPE, b"LO", "OD"));
    let scan = scan_folder(&made);
    assert!(!only(&scan).usable && only(&scan).viewable);
}

#[test]
fn values_that_cannot_be_hounsfield_units_are_found_in_the_voxels() {
    assert_eq!(judged(&bodies(6, |_, s| s)), None);
    for rescale in [["1", "0"], ["1", "-2048"], ["2", "-1024"], ["1", "-524"], ["0.5", "-1024"]] {
        let found = judged(&bodies(6, |_, s| Slice { rescale, ..s }));
        assert!(matches!(found, Some(Unmeasured::Values(_))), "{rescale:?}: {found:?}");
    }
    let found = judged(&bodies(12, |i, s| if i == 4 { Slice { rescale: ["1", "0"], ..s } } else { s }));
    assert!(matches!(found, Some(Unmeasured::SlicesDisagree { slice: 4, .. })), "{found:?}");
}

/// Most de-identified collections say DERIVED\SECONDARY of plain axial slices.
#[test]
fn a_derived_series_is_used_where_it_is_a_regular_axial_stack() {
    let derived = |_, s: Slice| s.with(IMAGE_TYPE, b"CS", "DERIVED\\SECONDARY\\PROCESSED");
    let scan = scan_folder(&folder(&stack(6, derived)));
    assert!(only(&scan).usable && warned(only(&scan), &["derived from others"]));
    let few = scan_folder(&folder(&stack(2, derived)));
    assert!(!only(&few).usable && only(&few).viewable);
    let coronal = stack(6, |i, s| derived(i, s).with((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\0\\-1"));
    assert!(scan_folder(&folder(&coronal)).series.iter().all(|s| !s.usable));
}

#[test]
fn every_real_series_can_be_measured() {
    let Some(root) = super::shared() else { return };
    for name in ["chest_5mm", "chest_8mm", "chest_contrast_5mm", "chest_upper_2mm", "abdomen_pelvis_5mm"] {
        let scan = super::scan_one(root.join(name));
        let volume = load(only(&scan), 0, &Silent, &|_, _| {}).unwrap();
        assert_eq!(volume.unmeasured, None, "{name}");
    }
}
