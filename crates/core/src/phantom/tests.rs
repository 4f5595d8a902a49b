use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use dicom_dictionary_std::tags;

use super::*;
use thoracast_files::progress::{Progress, Silent};

fn coarse(seed: u64) -> Phantom {
    Phantom::with(seed, Options { size: Some(128), slice_mm: Some(5.0) })
}

/// Coarse in the plane but with thin slices, for what is small along z.
fn thin(seed: u64) -> Phantom {
    Phantom::with(seed, Options { size: Some(128), slice_mm: Some(1.0) })
}

/// Mean of the noisy plane within `radius_mm` of a point.
fn mean_hu(phantom: &Phantom, at: [f64; 3], radius_mm: f64) -> f64 {
    let slice = phantom.nearest_slice(at[2]);
    let hu = phantom.plane_hu(slice);
    let (n, origin) = (phantom.size(), phantom.origin_mm(slice));
    let inside: Vec<f64> = (0..n * n)
        .filter(|i| {
            let x = origin[0] + (i % n) as f64 * phantom.pixel_mm();
            let y = origin[1] + (i / n) as f64 * phantom.pixel_mm();
            (x - at[0]).hypot(y - at[1]) <= radius_mm
        })
        .map(|i| f64::from(hu[i]))
        .collect();
    assert!(!inside.is_empty());
    inside.iter().sum::<f64>() / inside.len() as f64
}

/// Mean HU of everything with a label in a plane.
fn mean_of(plane: &CleanPlane, label: Label) -> f64 {
    let values: Vec<f64> =
        plane.label.iter().zip(&plane.hu).filter(|(l, _)| **l == label).map(|(_, v)| f64::from(*v)).collect();
    assert!(values.len() > 20, "{label:?}: {} pixels", values.len());
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn vertebrae_are_bone_and_the_discs_between_them_are_not() {
    for seed in [1, 2] {
        let phantom = thin(seed);
        let vertebrae = phantom.truth().vertebrae;
        assert_eq!(vertebrae.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), super::patient::LEVELS);
        for pair in vertebrae.windows(2) {
            let body = mean_hu(&phantom, pair[0].centre_mm, 5.0);
            let lower = mean_hu(&phantom, pair[1].centre_mm, 5.0);
            // Halfway between the rims that face each other.
            let gap = |k: usize| {
                let share = pair[0].height_mm / (pair[0].height_mm + pair[1].height_mm);
                pair[0].centre_mm[k] + (pair[1].centre_mm[k] - pair[0].centre_mm[k]) * share
            };
            let disc = mean_hu(&phantom, [gap(0), gap(1), gap(2)], 4.0);
            assert!(body > 125.0 && lower > 125.0, "{} of seed {seed}: {body:.0} HU", pair[0].name);
            assert!(
                (55.0..125.0).contains(&disc),
                "disc below {} of seed {seed}: {disc:.0} HU",
                pair[0].name
            );
            assert!(
                disc < body - 15.0 && disc < lower - 15.0,
                "{}: {disc:.0}, {body:.0}, {lower:.0}",
                pair[0].name
            );
            let slice = pair[0].slice;
            assert!((phantom.z_mm(slice) - pair[0].centre_mm[2]).abs() <= phantom.slice_mm() / 2.0 + 1e-6);
        }
    }
}

#[test]
fn thoracic_vertebrae_grow_downwards_and_stand_below_one_another() {
    let vertebrae = coarse(4).truth().vertebrae;
    for pair in vertebrae.windows(2) {
        let fall = pair[0].centre_mm[2] - pair[1].centre_mm[2];
        assert!((14.0..40.0).contains(&fall), "{}: {fall}", pair[0].name);
        assert!(pair[1].height_mm > pair[0].height_mm);
        assert!(pair[0].slice > pair[1].slice);
    }
}

#[test]
fn areas_are_the_labels_counted_again() {
    let phantom = coarse(5);
    let truth = phantom.truth();
    let pixel_cm2 = truth.spacing_mm[0] * truth.spacing_mm[1] / 100.0;
    let plane = phantom.clean_plane(truth.pectoralis_t4.slice);
    let area =
        |plane: &CleanPlane, label| plane.label.iter().filter(|l| **l == label).count() as f64 * pixel_cm2;
    let (left, right) = (area(&plane, Label::PectoralisLeft), area(&plane, Label::PectoralisRight));
    assert!((left - truth.pectoralis_t4.left_cm2).abs() < 1e-9);
    assert!((right - truth.pectoralis_t4.right_cm2).abs() < 1e-9);
    assert!((left + right - truth.pectoralis_t4.total_cm2).abs() < 1e-9);
    assert!(
        (truth.pmi_cm2_m2 - truth.pectoralis_t4.total_cm2 / (truth.height_cm / 100.0).powi(2)).abs() < 1e-9
    );
    let plane = phantom.clean_plane(truth.visceral_fat_t11.slice);
    assert!((area(&plane, Label::VisceralFat) - truth.visceral_fat_t11.region_cm2).abs() < 1e-9);
}

#[test]
fn areas_are_plausible_and_barely_depend_on_the_sampling() {
    for seed in 1..=4 {
        let truth = coarse(seed).truth();
        let total = truth.pectoralis_t4.total_cm2;
        assert!((12.0..70.0).contains(&total), "seed {seed}: {total}");
        let (left, right) = (truth.pectoralis_t4.left_cm2, truth.pectoralis_t4.right_cm2);
        assert!((left / right - 1.0).abs() < 0.3, "seed {seed}: {left} and {right}");
        let fat = truth.visceral_fat_t11;
        assert!((8.0..320.0).contains(&fat.region_cm2), "seed {seed}: {}", fat.region_cm2);
        assert!(fat.within_minus150_minus50_hu_cm2 <= fat.within_minus190_minus30_hu_cm2);
        assert!(fat.within_minus190_minus30_hu_cm2 <= fat.region_cm2);
        assert!(fat.within_minus190_minus30_hu_cm2 > 0.6 * fat.region_cm2);
        assert!(truth.pectoralis_t4.within_minus29_150_hu_cm2 > 0.85 * total);
    }
    // Slices 1 mm apart put both planes within half a millimetre of each other.
    let (rough, fine) = (thin(3), Phantom::with(3, Options { size: Some(256), slice_mm: Some(1.0) }));
    let (rough, fine) = (rough.truth(), fine.truth());
    assert!((rough.pectoralis_t4.total_cm2 / fine.pectoralis_t4.total_cm2 - 1.0).abs() < 0.08);
    assert!((rough.visceral_fat_t11.region_cm2 / fine.visceral_fat_t11.region_cm2 - 1.0).abs() < 0.08);
}

#[test]
fn tissues_have_their_hounsfield_units() {
    let phantom = Phantom::with(2, Options { size: Some(256), slice_mm: Some(2.5) });
    let vertebrae = phantom.truth().vertebrae;
    let at = |name: &str| phantom.clean_plane(vertebrae.iter().find(|v| v.name == name).unwrap().slice);
    let (chest, heart, belly) = (at("T4"), at("T8"), at("T12"));
    let between = |plane: &CleanPlane, label: Label, lo: f64, hi: f64| {
        let mean = mean_of(plane, label);
        assert!((lo..hi).contains(&mean), "{label:?}: {mean:.0} HU");
    };
    between(&chest, Label::Air, -1010.0, -985.0);
    between(&chest, Label::Lung, -900.0, -780.0);
    between(&chest, Label::Fat, -125.0, -80.0);
    between(&chest, Label::PectoralisLeft, 25.0, 70.0);
    between(&chest, Label::Rib, 200.0, 900.0);
    between(&heart, Label::Heart, 120.0, 300.0);
    between(&belly, Label::Liver, 95.0, 130.0);
    between(&belly, Label::Spleen, 95.0, 140.0);
    between(&belly, Label::VisceralFat, -125.0, -80.0);
}

#[test]
fn there_are_twelve_pairs_of_ribs_that_slope_down_and_are_bone() {
    let phantom = thin(6);
    let truth = phantom.truth();
    assert_eq!(truth.ribs.len(), 24);
    let pairs: BTreeSet<(usize, char)> = truth.ribs.iter().map(|r| (r.number, r.side)).collect();
    assert_eq!(pairs.len(), 24);
    for rib in &truth.ribs {
        assert!(rib.spinal_end_mm[2] > rib.anterior_end_mm[2] + 8.0, "rib {}{}", rib.number, rib.side);
        let vertebra = &truth.vertebrae[rib.number];
        assert!((rib.spinal_end_mm[2] - vertebra.centre_mm[2]).abs() < 12.0);
        let hu = mean_hu(&phantom, rib.spinal_end_mm, 3.0);
        assert!(hu > 110.0, "rib {}{}: {hu:.0} HU", rib.number, rib.side);
    }
}

#[test]
fn the_same_seed_is_the_same_patient_and_another_seed_another() {
    let (a, b, other) = (coarse(7), coarse(7), coarse(8));
    let slice = a.slices() / 2;
    assert_eq!(a.plane_hu(slice), b.plane_hu(slice));
    assert_eq!(a.truth(), b.truth());
    let (one, two) = (a.plane_hu(slice), other.plane_hu(slice));
    let differing = one.iter().zip(&two).filter(|(p, q)| p.abs_diff(**q) > 80).count();
    assert!(differing > one.len() / 50, "{differing} of {} pixels", one.len());
    assert_ne!(a.truth().height_cm, other.truth().height_cm);
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_written_series_reads_back_and_writes_again_alike() {
    let phantom = Phantom::with(9, Options { size: Some(64), slice_mm: Some(10.0) });
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("new/two"));
    let truth = write_series(&phantom, &one, &Silent).unwrap();
    write_series(&phantom, &two, &Silent).unwrap();
    let names: Vec<_> = std::fs::read_dir(&one).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), truth.slices + 2);
    for name in &names {
        assert_eq!(bytes(&one.join(name)), bytes(&two.join(name)), "{}", name.display());
    }
    // Nothing temporary stays behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    let mut z = Vec::new();
    let mut uids = BTreeSet::new();
    for slice in 0..truth.slices {
        let number = truth.slices - slice;
        let object = dicom_object::open_file(one.join(format!("IM{number:04}.dcm"))).unwrap();
        let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
        let floats = |tag| object.element(tag).unwrap().to_multi_float64().unwrap();
        assert_eq!(text(tags::PATIENT_ID), "PHANTOM-9");
        assert_eq!(text(tags::PATIENT_NAME), "Phantom^Seed 9");
        assert_eq!(text(tags::PATIENT_POSITION), "HFS");
        assert_eq!(floats(tags::IMAGE_POSITION_PATIENT), phantom.origin_mm(slice));
        assert_eq!(floats(tags::PIXEL_SPACING), truth.spacing_mm[..2]);
        assert!((floats(tags::PATIENT_SIZE)[0] * 100.0 - truth.height_cm).abs() < 1e-9);
        uids.insert(text(tags::SOP_INSTANCE_UID));
        z.push(floats(tags::IMAGE_POSITION_PATIENT)[2]);
        let raw = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
        let pixels: Vec<i16> = raw.chunks(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect();
        assert_eq!(pixels, phantom.plane_hu(slice));
    }
    assert_eq!(uids.len(), truth.slices);
    assert!(z.windows(2).all(|w| (w[1] - w[0] - truth.spacing_mm[2]).abs() < 1e-6));
    assert_eq!(truth.origin_mm[2], z[0]);

    let read: Truth = serde_json::from_slice(&bytes(&one.join("truth.json"))).unwrap();
    assert_eq!(read, truth);
    let mut table = csv::Reader::from_path(one.join("clinical.csv")).unwrap();
    let head: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(head[0], "ID");
    assert!(head[1..].iter().eq(crate::clinical::VARIABLES.iter().map(|v| v.column)));
    let row = table.records().next().unwrap().unwrap();
    assert_eq!(&row[0], "PHANTOM-9");
    for (text, variable) in row.iter().skip(1).zip(crate::clinical::VARIABLES) {
        let value: f64 = text.parse().unwrap();
        match variable.kind {
            crate::clinical::Kind::Number { low, high, .. } => {
                assert!((low..=high).contains(&value), "{text}")
            }
            crate::clinical::Kind::Code(codes) => {
                assert!(codes.iter().any(|c| c.0 as f64 == value), "{text}")
            }
        }
    }
}

#[test]
fn a_folder_of_other_things_is_refused_and_an_earlier_phantom_replaced() {
    let phantom = Phantom::with(1, Options { size: Some(32), slice_mm: Some(10.0) });
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("series");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("letter.txt"), "keep me").unwrap();
    let message = write_series(&phantom, &dir, &Silent).unwrap_err().to_string();
    assert!(message.contains("not empty") && message.contains("series"), "{message}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    std::fs::remove_file(dir.join("letter.txt")).unwrap();
    write_series(&phantom, &dir, &Silent).unwrap();
    std::fs::write(dir.join("IM9999.dcm"), "left over").unwrap();
    write_series(&phantom, &dir, &Silent).unwrap();
    assert!(!dir.join("IM9999.dcm").exists());
}

/// Cancels after some reports.
struct Impatient(AtomicUsize);

impl Progress for Impatient {
    fn report(&self, _done: usize, _total: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 3
    }
}

#[test]
fn cancelling_leaves_nothing_behind() {
    let phantom = Phantom::with(1, Options { size: Some(32), slice_mm: Some(5.0) });
    let folder = tempfile::tempdir().unwrap();
    let result = write_series(&phantom, &folder.path().join("series"), &Impatient(AtomicUsize::new(0)));
    assert!(matches!(result, Err(PhantomError::Cancelled)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Writes pictures of a patient for a person to look at; `cargo test -- --ignored pictures`.
#[test]
#[ignore = "makes pictures for the eye, checks nothing"]
fn pictures_to_look_at() {
    let phantom = Phantom::new(1);
    let folder = std::env::temp_dir().join("thoracast-phantom");
    std::fs::create_dir_all(&folder).unwrap();
    let n = phantom.size() as u32;
    for vertebra in phantom.truth().vertebrae {
        let hu = phantom.plane_hu(vertebra.slice);
        for (window, centre, width) in
            [("soft", 40.0, 400.0), ("lung", -500.0, 1500.0), ("muscle", 60.5, 179.0), ("fat", -100.0, 100.0)]
        {
            let grey = |v: &i16| ((f32::from(*v) - centre) / width + 0.5).clamp(0.0, 1.0) * 255.0;
            let pixels: Vec<u8> = hu.iter().map(|v| grey(v) as u8).collect();
            let path = folder.join(format!("{}-{window}.png", vertebra.name));
            image::GrayImage::from_raw(n, n, pixels).unwrap().save(path).unwrap();
        }
    }
    eprintln!("pictures are in {}", folder.display());
}
