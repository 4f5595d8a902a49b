use dicom_core::Tag;

use super::*;
use crate::write::{self, CtImage, CtSeries};
use thoracast_files::progress::Silent;

/// A study of twelve slices of 64 × 64 pixels, a disc of soft tissue in air.
fn small_study(folder: &Path) -> PathBuf {
    const SIZE: usize = 64;
    let study = folder.join("study");
    std::fs::create_dir_all(&study).unwrap();
    let series = CtSeries {
        study_uid: write::uid_from("study"),
        series_uid: write::uid_from("series"),
        frame_of_reference_uid: write::uid_from("frame"),
        patient_name: "Made^Up".into(),
        patient_id: "MADE-UP-1".into(),
        patient_sex: "F".into(),
        age_years: 50,
        height_cm: 160.0,
        weight_kg: 60.0,
        date: "20240101".into(),
        time: "120000".into(),
        study_id: "1".into(),
        study_description: "Made up chest".into(),
        series_description: "Axial".into(),
        series_number: 2,
        body_part: "CHEST".into(),
        manufacturer: "Thoracast".into(),
        model: "Test".into(),
        software: "1".into(),
        kvp: 120.0,
        kernel: "STANDARD".into(),
        contrast_agent: None,
        synthetic: true,
        rows: SIZE,
        columns: SIZE,
        pixel_spacing_mm: [6.0; 2],
        slice_thickness_mm: 20.0,
    };
    for k in 0..12 {
        let inside =
            |i: usize| (i % SIZE).abs_diff(SIZE / 2).pow(2) + (i / SIZE).abs_diff(SIZE / 2).pow(2) < 500;
        let hu: Vec<i16> =
            (0..SIZE * SIZE).map(|i| if inside(i) { 40 + (i % 7) as i16 + k } else { -1000 }).collect();
        let image = CtImage {
            sop_instance_uid: write::uid_from(&format!("image {k}")),
            instance_number: i32::from(k) + 1,
            position_mm: [-192.0, -192.0, 20.0 * f64::from(k)],
            hu: &hu,
        };
        std::fs::write(study.join(format!("{k:04}.dcm")), write::ct_image(&series, &image).unwrap()).unwrap();
    }
    study
}

#[test]
fn a_series_stays_a_series_with_new_identifiers_and_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let study = small_study(folder.path());
    let out = folder.path().join("out");
    let options = Options { seed: Some(1), ..Options::default() };
    let summary = run(std::slice::from_ref(&study), &out, &options, &Silent).unwrap();
    assert_eq!((summary.failed_verification, summary.patients, summary.series), (0, 1, 1));
    let before = crate::scan(&[study], &Silent).unwrap();
    let after = crate::scan(std::slice::from_ref(&out), &Silent).unwrap();
    let (old, new) = (&before.series[0], &after.series[0]);
    assert_eq!(new.slices, old.slices);
    assert_eq!(summary.written, old.slices);
    assert_ne!(new.uid, old.uid);
    assert_ne!(new.patient_id, old.patient_id);
    assert!(new.patient_id.starts_with("ANON-") && new.study_date.is_empty());

    let refused = run(&[folder.path().join("study")], &out, &options, &Silent).unwrap_err().to_string();
    assert!(refused.contains("not empty"), "{refused}");
}

/// Copies of a study's files under another folder, each changed by `edit`.
fn edited(study: &Path, to: &Path, edit: impl Fn(&mut dicom_object::DefaultDicomObject)) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(study).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "dcm") {
            let mut object = dicom_object::open_file(&path).unwrap();
            edit(&mut object);
            object.write_to_file(to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn put(object: &mut dicom_object::DefaultDicomObject, tag: Tag, vr: dicom_core::VR, text: &str) {
    object.put(dicom_core::DataElement::new(tag, vr, dicom_core::PrimitiveValue::from(text)));
}

#[test]
fn what_names_a_patient_is_gone_everywhere_and_pixels_and_sizes_stay() {
    use dicom_core::VR;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    edited(&small_study(folder.path()), &input, |object| {
        put(object, tags::PATIENT_NAME, VR::PN, "Ravensworth^Ottilie");
        put(object, tags::PATIENT_ID, VR::LO, "SECRET-4711");
        put(object, tags::INSTITUTION_NAME, VR::LO, "Hollow Hill Hospital");
        put(object, tags::STUDY_DATE, VR::DA, "20190307");
        put(object, tags::PATIENT_SIZE, VR::DS, "1.68");
        // An identifier where the profile keeps the attribute.
        put(object, tags::MANUFACTURER, VR::LO, "Ravensworth Scanners");
        put(object, Tag(0x0009, 0x0010), VR::LO, "OTTILIE PRIVATE");
        let mut item = dicom_object::InMemDicomObject::new_empty();
        item.put(dicom_core::DataElement::new(
            tags::PATIENT_ID,
            VR::LO,
            dicom_core::PrimitiveValue::from("SECRET-4711"),
        ));
        let items = dicom_core::value::DataSetSequence::from(vec![item]);
        object.put(dicom_core::DataElement::new(tags::REFERENCED_STUDY_SEQUENCE, VR::SQ, items));
    });
    let out = folder.path().join("out");
    let options = Options { patient_characteristics: true, ..Options::default() };
    let summary = run(std::slice::from_ref(&input), &out, &options, &Silent).unwrap();
    assert_eq!((summary.failed_verification, summary.skipped.len()), (0, 0));
    assert_eq!(summary.warnings.len(), summary.written);
    assert!(summary.warnings.iter().all(|w| w.contains("(0008,0070)")), "{:?}", summary.warnings);
    let after = crate::scan(std::slice::from_ref(&out), &Silent).unwrap();
    for frame in &after.series[0].frames {
        let bytes = std::fs::read(&frame.path).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for secret in ["ravensworth", "ottilie", "secret-4711", "hollow hill", "20190307"] {
            assert!(!text.contains(secret), "{secret} in {}", frame.path.display());
        }
    }
    assert_eq!(after.series[0].height_cm, Some(168.0));
    let before = crate::scan(std::slice::from_ref(&input), &Silent).unwrap();
    let voxels = |s: &crate::Series| crate::load(s, 0, &Silent, &|_, _| ()).unwrap();
    let (old, new) = (voxels(&before.series[0]), voxels(&after.series[0]));
    assert_eq!(old.geometry, new.geometry);
    assert!(old.planes.iter().zip(&new.planes).all(|(a, b)| a == b));
}

#[test]
fn patients_stay_apart_their_studies_together_and_dates_move_alike() {
    use dicom_core::VR;
    let folder = tempfile::tempdir().unwrap();
    let study = small_study(folder.path());
    let input = folder.path().join("in");
    for (name, patient, study_uid, date) in [
        ("a1", "A-1", "1.2.3.1", "20200101"),
        ("a2", "A-1", "1.2.3.2", "20200131"),
        ("b", "B-2", "1.2.3.3", "20200101"),
    ] {
        edited(&study, &input.join(name), |object| {
            put(object, tags::PATIENT_ID, VR::LO, patient);
            put(object, tags::STUDY_INSTANCE_UID, VR::UI, study_uid);
            put(object, tags::SERIES_INSTANCE_UID, VR::UI, &format!("{study_uid}.1"));
            put(object, tags::STUDY_DATE, VR::DA, date);
            let instance = object.element(tags::SOP_INSTANCE_UID).unwrap().to_str().unwrap().into_owned();
            put(
                object,
                tags::SOP_INSTANCE_UID,
                VR::UI,
                &format!("{study_uid}.{}", &instance[instance.len() - 9..]),
            );
        });
    }
    let out = folder.path().join("out");
    let options = Options { dates: Dates::Shifted, ..Options::default() };
    let summary = run(std::slice::from_ref(&input), &out, &options, &Silent).unwrap();
    assert_eq!((summary.failed_verification, summary.patients, summary.studies), (0, 2, 3));
    let after = crate::scan(std::slice::from_ref(&out), &Silent).unwrap();
    let mut patients: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for series in &after.series {
        patients.entry(&series.patient_id).or_default().push(&series.study_date);
    }
    let mut pair = patients.values().find(|dates| dates.len() == 2).unwrap().clone();
    pair.sort_unstable();
    let day = |text: &str| chrono::NaiveDate::parse_from_str(text, "%Y%m%d").unwrap();
    assert_eq!((day(pair[1]) - day(pair[0])).num_days(), 30);
    assert!(pair[0] < "20200101");
}

#[test]
fn a_cancelled_run_leaves_nothing_behind() {
    struct Cancelled;
    impl Progress for Cancelled {
        fn stage(&self, _: &str) {}
        fn report(&self, _: usize, _: usize) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let study = small_study(folder.path());
    let out = folder.path().join("out");
    let result = run(&[study], &out, &Options::default(), &Cancelled);
    assert!(matches!(result, Err(DeidentifyError::Cancelled)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the study alone");
}

/// Short names passed every search before: 张伟 stayed in the maker's name, kernel, codes and tables.
#[test]
fn a_name_of_two_characters_and_a_number_of_one_are_gone() {
    use dicom_core::VR;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    edited(&small_study(folder.path()), &input, |object| {
        put(object, tags::PATIENT_NAME, VR::PN, "Zhang^Wei=张^伟");
        put(object, tags::PATIENT_ID, VR::LO, "7");
        put(object, tags::MANUFACTURER, VR::LO, "张伟影像");
        put(object, tags::CONVOLUTION_KERNEL, VR::SH, "B30f zhang");
        put(object, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\ZHANGWEI");
        put(object, tags::SOFTWARE_VERSIONS, VR::LO, "7");
        put(object, tags::MANUFACTURER_MODEL_NAME, VR::LO, "Model 7");
        let code = dicom_object::InMemDicomObject::from_element_iter([
            dicom_core::DataElement::new(tags::CODE_VALUE, VR::SH, dicom_core::PrimitiveValue::from("T-1")),
            dicom_core::DataElement::new(
                tags::CODE_MEANING,
                VR::LO,
                dicom_core::PrimitiveValue::from("胸部 伟张伟"),
            ),
            dicom_core::DataElement::new(
                tags::LUT_EXPLANATION,
                VR::LO,
                dicom_core::PrimitiveValue::from("张 of wei"),
            ),
        ]);
        let items = dicom_core::value::DataSetSequence::from(vec![code]);
        object.put(dicom_core::DataElement::new(tags::ANATOMIC_REGION_SEQUENCE, VR::SQ, items));
    });
    let out = folder.path().join("out");
    let summary = run(std::slice::from_ref(&input), &out, &Options::default(), &Silent).unwrap();
    assert_eq!((summary.failed_verification, summary.skipped.len()), (0, 0), "{:?}", summary.skipped);
    let object = first_copy(&out);
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    for tag in [tags::MANUFACTURER, tags::CONVOLUTION_KERNEL, tags::SOFTWARE_VERSIONS] {
        assert_eq!(text(tag), "", "{tag}");
    }
    assert_eq!(text(tags::MANUFACTURER_MODEL_NAME), "Model 7");
    assert_eq!(text(tags::IMAGE_TYPE), "ORIGINAL\\PRIMARY\\OTHER");
    let items = object.element(tags::ANATOMIC_REGION_SEQUENCE).unwrap().items().unwrap();
    let inside = |tag| items[0].element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(inside(tags::CODE_VALUE), "T-1");
    assert_eq!(inside(tags::CODE_MEANING), "ANONYMIZED");
    assert_eq!(inside(tags::LUT_EXPLANATION), "");
}

fn first_copy(out: &Path) -> dicom_object::DefaultDicomObject {
    let scan = crate::scan(&[out.to_owned()], &Silent).unwrap();
    dicom_object::open_file(&scan.series[0].frames[0].path).unwrap()
}

/// All of these were passed through once.
#[test]
fn what_no_viewer_shows_is_passed_on_no_more() {
    use dicom_core::VR;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    edited(&small_study(folder.path()), &input, |object| {
        put(object, tags::CREATOR_VERSION_UID, VR::UI, "1.2.826.9.4711");
        put(object, tags::RELATED_GENERAL_SOP_CLASS_UID, VR::UI, "1.2.840.113619.4.27");
        let study = dicom_core::value::DataSetSequence::from(Vec::<dicom_object::InMemDicomObject>::new());
        object.put(dicom_core::DataElement::new(tags::REFERENCED_STUDY_SEQUENCE, VR::SQ, study));
        for (tag, value) in [(tags::BITS_STORED, 12_u16), (tags::HIGH_BIT, 11)] {
            object.put(dicom_core::DataElement::new(tag, VR::US, dicom_core::PrimitiveValue::from(value)));
        }
        let mut pixels = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
        // An overlay's bit over a value of no sign, and text behind the frame.
        let water = pixels.chunks_exact(2).position(|p| p[1] < 8).unwrap();
        pixels[2 * water + 1] |= 0x10;
        pixels.extend(b"Ravensworth^Ottilie!");
        object.put(dicom_core::DataElement::new(
            tags::PIXEL_DATA,
            VR::OW,
            dicom_core::PrimitiveValue::from(pixels),
        ));
        let meta = object.meta_mut();
        meta.source_application_entity_title = Some("HOLLOWHILL".into());
        meta.private_information_creator_uid = Some("1.2.826.9.4712".into());
        meta.private_information = Some(b"Ravensworth!".to_vec());
        meta.update_information_group_length();
    });
    let out = folder.path().join("out");
    let summary = run(std::slice::from_ref(&input), &out, &Options::default(), &Silent).unwrap();
    assert_eq!((summary.failed_verification, summary.skipped.len()), (0, 0), "{:?}", summary.skipped);
    assert_eq!(summary.written, 12);
    let remarked = |words: &str| summary.warnings.iter().filter(|w| w.contains(words)).count();
    assert_eq!(remarked("20 bytes behind the last frame"), 12, "{:?}", summary.warnings);
    assert_eq!(remarked("1 pixels had bits set outside BitsStored"), 12);
    let object = first_copy(&out);
    assert!(object.element(tags::CREATOR_VERSION_UID).unwrap().to_str().unwrap().starts_with("2.25."));
    assert_eq!(
        object.element(tags::RELATED_GENERAL_SOP_CLASS_UID).unwrap().to_str().unwrap(),
        "1.2.840.113619.4.27"
    );
    assert!(object.element(tags::REFERENCED_STUDY_SEQUENCE).is_err());
    assert_eq!(object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().len(), 64 * 64 * 2);
    let scan = crate::scan(std::slice::from_ref(&out), &Silent).unwrap();
    for frame in &scan.series[0].frames {
        let bytes = std::fs::read(&frame.path).unwrap();
        for secret in ["Ravensworth", "HOLLOWHILL", "1.2.826.9"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
        }
    }
    // The values are those of the picture without the overlay.
    let values = |folder: &Path| {
        let scan = crate::scan(&[folder.to_owned()], &Silent).unwrap();
        crate::load(&scan.series[0], 0, &Silent, &|_, _| ()).unwrap()
    };
    let (old, new) = (values(&folder.path().join("study")), values(&out));
    assert!(old.planes.iter().zip(&new.planes).all(|(a, b)| a.stored == b.stored));
}

/// Files that were cut off by a full disk were kept, and the run counted as done.
#[test]
fn a_copy_that_can_not_be_written_ends_the_run_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let study = small_study(folder.path());
    let out = folder.path().join("out");
    let outcomes = vec![Err(Failure::Output(std::io::ErrorKind::StorageFull.into()))];
    let job = Job {
        location: Location::file(&study),
        patient: "A".into(),
        output: "A/1.dcm".into(),
        burned_in: None,
    };
    let mut summary = empty_summary(&Options::default());
    let error = settle(vec![job], outcomes, &out, &mut summary).unwrap_err();
    assert!(error.to_string().contains("can't be written") && !out.exists(), "{error}");
}
