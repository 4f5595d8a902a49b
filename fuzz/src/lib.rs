//! The program's own DICOM sources, and what the fuzz targets share.

#[path = "../../src/dicom/mod.rs"]
pub mod dicom;
#[path = "../../src/progress.rs"]
pub mod progress;

use std::path::Path;

use progress::Silent;

/// Opens whatever lies at a path as the window would: headers, tags, thumbnails, voxels. Only panics, hangs and
/// memory matter: errors are fine.
pub fn open(path: &Path) {
    let Ok(scan) = dicom::scan(&[path.to_owned()], &Silent) else { return };
    for series in &scan.series {
        if let Some(frame) = series.frames.first() {
            let _ = dicom::tags(&frame.path, frame.member.as_deref());
        }
        let _ = dicom::preview(series, 32);
        if series.usable {
            let _ = dicom::load(series, 0, &Silent, &|_, _| ());
        } else {
            let _ = dicom::load_pictures(series, 0, &Silent, &|_, _| ());
        }
    }
}

/// Writes bytes under a name in a fresh folder and opens the folder.
pub fn open_bytes(files: &[(&str, &[u8])]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("room for a small file");
    }
    open(folder.path());
}
