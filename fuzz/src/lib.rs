//! What the fuzz targets share. Only panics, hangs and memory matter: errors are fine.

use std::io::{Cursor, Write};
use std::path::Path;

use thoracast_core::cohort::{CohortFolder, Mapping, Table};
use thoracast_core::{clinical, fusion, nn, stats};
use thoracast_dicom as dicom;
use thoracast_files::progress::Silent;

/// Opens whatever lies at a path as the window would: headers, tags, thumbnails, voxels.
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
    let folder = folder_of(files);
    open(folder.path());
}

fn folder_of(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("room for a small file");
    }
    folder
}

/// Reads a table and each of its cells as a number.
pub fn read_table(name: &str, bytes: &[u8]) {
    let Ok(table) = Table::from_bytes(Path::new(name), bytes) else { return };
    for row in 0..table.rows.len() {
        for column in 0..table.header.len() {
            let _ = table.number(row, column);
        }
    }
    let _ = table.join(&table, "id");
}

/// An XLSX file whose sheet and shared strings are these bytes, cut at the first zero.
pub fn xlsx(bytes: &[u8]) -> Vec<u8> {
    let (sheet, strings) = match bytes.iter().position(|b| *b == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"<sst/>"[..]),
    };
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |kind: &str, target: &str| {
        format!(
            r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/></Relationships>"#
        )
    };
    let book = format!(
        r#"<workbook xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#
    );
    let relations =
        [relation("officeDocument", "xl/workbook.xml"), relation("worksheet", "worksheets/sheet1.xml")];
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("_rels/.rels", relations[0].as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations[1].as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", strings),
    ] {
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file(name, stored).expect("a fresh archive");
        archive.write_all(content).expect("room in memory");
    }
    archive.finish().expect("a fresh archive").into_inner()
}

/// Reads a mapping and, where it is one, a cohort folder with it.
pub fn read_mapping(bytes: &[u8]) {
    let table: &[u8] = b"Fall;Alter;M\n1;50,5;ja\n2;60;nein\n";
    let folder = folder_of(&[("m.json", bytes), ("clinical_train.csv", table), ("a.csv", table)]);
    let Ok(mapping) = Mapping::read(&folder.path().join("m.json")) else { return };
    let _ = CohortFolder::open(folder.path(), Some(&mapping));
}

/// Reads bytes as a card, a clinical model, a nomogram, stacking weights, resamples and weights of either container.
pub fn read_models(bytes: &[u8]) {
    let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    let folder = folder_of(&[
        ("w.safetensors", &weights),
        ("w.json", bytes),
        ("x.safetensors", bytes),
        ("x.pth", bytes),
    ]);
    let at = |name: &str| folder.path().join(name);
    for name in ["w.safetensors", "x.safetensors", "x.pth"] {
        let _ = nn::weights::info(&at(name));
    }
    let _ = clinical::ClinicalModel::load(&at("w.json"));
    let _ = stats::nomogram_model::NomogramModel::load(&at("w.json"));
    let _ = fusion::FittedStacking::read(&at("w.json"));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = stats::resample::read(text, 3);
    }
}
