//! Time to a CT series on screen: headers, the first picture, all voxels. `cargo bench --bench loading`
//!
//! The series is 400 uncompressed slices of 512 × 512, written once into a temporary folder; the disk is warm.

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use thoracast_core::phantom::Phantom;
use thoracast_dicom::write::{CtImage, CtSeries, ct_image, uid_from};
use thoracast_dicom::{self as dicom, Scan};
use thoracast_files::progress::{Progress, Silent};

const SLICES: usize = 400;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn headers_of_400_slices(bencher: divan::Bencher) {
    let folder = series();
    bencher.bench(|| scan(folder));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn headers_and_first_picture(bencher: divan::Bencher) {
    let folder = series();
    bencher.bench(|| {
        let scan = scan(folder);
        let first = StopAtFirst::default();
        // Cancelled as soon as the first plane has come: that is the time a person waits for a picture.
        let stopped =
            dicom::load(&scan.series[0], SLICES / 2, &first, &|_, _| first.0.store(true, Ordering::Relaxed));
        assert!(first.0.load(Ordering::Relaxed));
        stopped.is_err()
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn all_voxels(bencher: divan::Bencher) {
    let folder = series();
    bencher.bench(|| {
        let scan = scan(folder);
        dicom::load(&scan.series[0], SLICES / 2, &Silent, &|_, _| ()).expect("the series is whole").slices()
    });
}

#[derive(Default)]
struct StopAtFirst(AtomicBool);

impl Progress for StopAtFirst {
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn scan(folder: &Path) -> Scan {
    dicom::scan(&[folder.to_owned()], &Silent).expect("the folder holds a series")
}

fn series() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path());
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// Eight different planes of the phantom, over and over: what is timed does not depend on the content.
fn write(folder: &Path) {
    let phantom = Phantom::new(1);
    let planes: Vec<Vec<i16>> = (0..8).map(|k| phantom.plane_hu(k * phantom.slices() / 8)).collect();
    let series = CtSeries {
        study_uid: uid_from("bench study"),
        series_uid: uid_from("bench series"),
        frame_of_reference_uid: uid_from("bench frame"),
        patient_name: "Bench^Loading".into(),
        patient_id: "BENCH".into(),
        patient_sex: "F".into(),
        age_years: 50,
        height_cm: 165.0,
        weight_kg: 65.0,
        date: "20260101".into(),
        time: "120000".into(),
        study_id: "1".into(),
        study_description: "bench".into(),
        series_description: "400 slices".into(),
        series_number: 1,
        body_part: "CHEST".into(),
        manufacturer: "Thoracast".into(),
        model: "bench".into(),
        software: "bench".into(),
        kvp: 120.0,
        kernel: "soft".into(),
        contrast_agent: None,
        synthetic: true,
        rows: 512,
        columns: 512,
        pixel_spacing_mm: [0.7, 0.7],
        slice_thickness_mm: 1.0,
    };
    for number in 0..SLICES {
        let image = CtImage {
            sop_instance_uid: uid_from(&format!("bench {number}")),
            instance_number: number as i32 + 1,
            position_mm: [0.0, 0.0, number as f64],
            hu: &planes[number % planes.len()],
        };
        let bytes = ct_image(&series, &image).expect("a CT image");
        std::fs::write(folder.join(format!("{number:04}.dcm")), bytes)
            .expect("a file in the temporary folder");
    }
}
