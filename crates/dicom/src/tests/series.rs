//! What is told of a series: facts beside the pictures, and pictures that form no volume.

use super::made::{Slice, folder, put, scan_folder, slice};
use super::{only, warned};
use crate::*;
use thoracast_files::progress::Silent;

const MODALITY: (u16, u16) = (0x0008, 0x0060);
const IMAGE_TYPE: (u16, u16) = (0x0008, 0x0008);
const INSTANCE_NUMBER: (u16, u16) = (0x0020, 0x0013);
const ORIENTATION: (u16, u16) = (0x0020, 0x0037);
const POSITION: (u16, u16) = (0x0020, 0x0032);
const PIXEL_SPACING: (u16, u16) = (0x0028, 0x0030);
const PADDING: (u16, u16) = (0x0028, 0x0120);

fn names(series: &Series) -> Vec<String> {
    series.frames.iter().map(|f| f.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn stack(count: i32, each: impl Fn(i32) -> Slice) -> Vec<Slice> {
    (0..count).map(each).collect()
}

#[test]
fn thickness_is_not_spacing_and_is_told_only_where_all_slices_agree() {
    let same = folder(&stack(5, |i| slice(f64::from(i) * 2.0).with((0x0018, 0x0050), b"DS", "3.5")));
    let scan = scan_folder(&same);
    let series = only(&scan);
    assert_eq!((series.thickness_mm, series.spacing_mm), (Some(3.5), Some([0.5, 0.25, 2.0])));
    assert_eq!((series.unit.as_str(), series.tilt_degrees), ("HU", None));
    let mixed = folder(&stack(5, |i| {
        let thickness = if i == 2 { "3" } else { "3.5" };
        slice(f64::from(i) * 2.0).with((0x0018, 0x0050), b"DS", thickness)
    }));
    assert_eq!(only(&scan_folder(&mixed)).thickness_mm, None);
}

#[test]
fn tilt_and_gaps_are_told_as_numbers_too() {
    let heights = [0.0, 2.0, 4.0, 10.0, 12.0];
    let made = folder(&heights.map(|z| Slice { y: z * 0.25, ..slice(z) }));
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert!((series.tilt_degrees.unwrap() - 0.25f64.atan().to_degrees()).abs() < 1e-9);
    assert_eq!(series.missing, [(2, 6.0)]);
    assert!(warned(series, &["2 slices missing", "002", "003"]), "{:?}", series.warnings);
    assert!(!warned(series, &["two regions"]));
    let apart = folder(&[0.0, 1.0, 2.0, 202.0, 203.0].map(slice));
    let scan = scan_folder(&apart);
    assert!(warned(only(&scan), &["199 slices missing", "two regions"]), "{:?}", only(&scan).warnings);
}

#[test]
fn feet_first_slices_count_along_their_normal_and_reformats_stand_on_their_feet() {
    // Columns still run to the patient's back, rows to the patient's right: the normal points to the feet.
    let made = folder(&stack(5, |i| {
        let pixels = vec![i as u16; 4];
        Slice { pixels, ..slice(f64::from(i) * 3.0) }.with(ORIENTATION, b"DS", "-1\\0\\0\\0\\1\\0")
    }));
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert!(series.warnings.is_empty(), "{:?}", series.warnings);
    assert_eq!(names(series), ["004", "003", "002", "001", "000"]);
    assert_eq!(series.z_range_mm, Some([0.0, 12.0]));
    let volume = load(series, 0, &Silent, &|_, _| {}).unwrap();
    assert_eq!(orientation_letters(volume.geometry.normal()), "F");
    let sections = Sections::new(&volume.geometry, volume.rows, volume.columns).unwrap();
    let section = Section { orientation: Orientation::Coronal, index: 0 };
    let top = sections.voxel(section, [0.0, 0.0]).unwrap();
    assert_eq!(volume.hu(top.column, top.row, top.slice), 4.0 - 1024.0, "the highest slice is on top");
}

#[test]
fn decubitus_slices_keep_their_letters_and_need_no_warning() {
    let made = folder(&stack(5, |i| slice(f64::from(i)).with(ORIENTATION, b"DS", "0\\1\\0\\-1\\0\\0")));
    let scan = scan_folder(&made);
    assert!(only(&scan).warnings.is_empty());
    let geometry = load(only(&scan), 0, &Silent, &|_, _| {}).unwrap().geometry;
    let letters = [geometry.row_direction, geometry.column_direction].map(orientation_letters);
    assert_eq!(letters, ["P", "R"]);
    // Between columns 0.25 mm along the row's direction, between rows 0.5 mm along the column's.
    assert_eq!(geometry.position_mm(1, 1, 2), [-0.5, 0.25, 2.0]);
}

#[test]
fn oblique_slices_are_spaced_along_their_normal_and_are_not_called_tilted() {
    let angle = 20f64.to_radians();
    let normal = [0.0, -angle.sin(), angle.cos()];
    let orientation = format!("1\\0\\0\\0\\{:.9}\\{:.9}", angle.cos(), angle.sin());
    let made = folder(&stack(6, |i| {
        let [x, y, z] = normal.map(|n| n * 2.5 * f64::from(i));
        let position = format!("{x:.9}\\{y:.9}\\{z:.9}");
        slice(0.0).with(ORIENTATION, b"DS", &orientation).with(POSITION, b"DS", position)
    }));
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert!((series.spacing_mm.unwrap()[2] - 2.5).abs() < 1e-6, "{:?}", series.spacing_mm);
    assert!(series.warnings.is_empty() && series.tilt_degrees.is_none(), "{:?}", series.warnings);
}

#[test]
fn padding_is_told_on_the_rescaled_scale_counted_and_kept_out_of_automatic_windows() {
    // -2000 written as an unsigned word, as scanners do; a fifth of the picture is padding.
    let padded = |i: i32| {
        let pixels: Vec<u16> =
            (0..100).map(|p| if p % 5 == 0 { -2000i16 as u16 } else { 1000 + p }).collect();
        let made = Slice { size: [10, 10], pixels, ..slice(f64::from(i)) };
        made.with(PADDING, b"US", (-2000i16 as u16).to_le_bytes())
    };
    let made = folder(&stack(4, padded));
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert_eq!(series.padding, Some(-3024.0));
    let volume = load(series, 0, &Silent, &|_, _| {}).unwrap();
    assert_eq!(HuStatistics::of(&volume.planes[0]).unwrap().min, -3024.0);
    // Between 1001 and 1099 stored the picture uses all greys; with padding in the window all would be near white.
    let grey = preview(series, 20).unwrap().grey;
    assert!(grey.contains(&0) && grey.contains(&255));
    assert!(grey.iter().filter(|&&g| (60..200).contains(&g)).count() > 60, "{grey:?}");

    let per_slice =
        folder(&stack(4, |i| Slice { rescale: ["1", if i == 1 { "-500" } else { "-1024" }], ..padded(i) }));
    assert_eq!(only(&scan_folder(&per_slice)).padding, None, "it is not one value for all slices");
}

#[test]
fn a_modality_look_up_table_gives_the_values_and_hides_the_padding() {
    let mut item = Vec::new();
    put(&mut item, (0x0028, 0x3002), b"US", &[4, 0, 0, 0, 16, 0]);
    put(&mut item, (0x0028, 0x3006), b"US", &[10, 0, 20, 0, 40, 0, 80, 0]);
    let mut sequence = vec![0xFE, 0xFF, 0x00, 0xE0];
    sequence.extend((item.len() as u32).to_le_bytes());
    sequence.extend(item);
    let made = folder(&stack(4, |i| {
        slice(f64::from(i)).with((0x0028, 0x3000), b"SQ", &sequence).with(PADDING, b"SS", [0, 0])
    }));
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert_eq!((series.padding, series.warnings.len()), (None, 0), "{:?}", series.warnings);
    let volume = load(series, 0, &Silent, &|_, _| {}).unwrap();
    let values: Vec<f32> = (0..4).map(|i| volume.planes[0].hu(i)).collect();
    assert_eq!(values, [10.0, 20.0, 40.0, 80.0]);
}

#[test]
fn pictures_that_are_no_volume_are_paged_by_place_or_else_by_instance_number() {
    let numbered = |z: f64, number: &str| slice(z).with(INSTANCE_NUMBER, b"IS", number);
    let parallel = folder(
        &[(3.0, "1"), (1.0, "2"), (2.0, "3")].map(|(z, n)| numbered(z, n).with(MODALITY, b"CS", "MR")),
    );
    let scan = scan_folder(&parallel);
    let series = only(&scan);
    assert_eq!((series.usable, series.viewable, series.unit.as_str()), (false, true, "stored value"));
    assert_eq!(names(series), ["001", "002", "000"]);

    let scout = |number: &str, orientation: &str| {
        numbered(0.0, number).with(IMAGE_TYPE, b"CS", "ORIGINAL\\PRIMARY\\LOCALIZER").with(
            ORIENTATION,
            b"DS",
            orientation,
        )
    };
    let scouts = folder(&[scout("10", "1\\0\\0\\0\\0\\-1"), scout("9", "0\\1\\0\\0\\0\\-1")]);
    let scan = scan_folder(&scouts);
    assert_eq!(names(only(&scan)), ["001", "000"]);
    assert!(!only(&scan).usable && only(&scan).unit == "stored value");
}

#[test]
fn pictures_shown_together_share_one_pixel_spacing_so_that_lengths_are_right() {
    let wide = slice(0.0).with(MODALITY, b"CS", "CR").with(PIXEL_SPACING, b"DS", "2\\2");
    let made = folder(&[slice(0.0).with(MODALITY, b"CS", "CR"), wide]);
    let mut spacings: Vec<_> = scan_folder(&made).series.iter().map(|s| s.pixel_spacing_mm).collect();
    spacings.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(spacings, [Some([0.5, 0.25]), Some([2.0, 2.0])]);
}

#[test]
fn inverted_pictures_are_marked_and_decoded_as_stored() {
    let made =
        folder(&[Slice { photometric: "MONOCHROME1", rescale: ["2", "5"], ..slice(0.0) }
            .with(MODALITY, b"CS", "DX")]);
    let scan = scan_folder(&made);
    let series = only(&scan);
    assert!(series.inverted && series.viewable);
    let planes = std::sync::Mutex::new(Vec::new());
    load_pictures(series, 0, &Silent, &|i, plane| planes.lock().unwrap().push((i, plane.clone()))).unwrap();
    let planes = planes.into_inner().unwrap();
    assert_eq!(planes.len(), 1);
    assert_eq!((0..4).map(|i| planes[0].1.hu(i)).collect::<Vec<_>>(), [5.0, 7.0, 9.0, 11.0]);
    // The thumbnail shows the lowest value white.
    let grey = preview(series, 2).unwrap().grey;
    assert!(grey.first() > grey.last(), "{grey:?}");
}

#[test]
fn colour_and_broken_pictures_are_not_shown_and_say_why() {
    let colour = Slice { photometric: "RGB", pixels: vec![0; 12], ..slice(0.0) }
        .with(MODALITY, b"CS", "US")
        .with((0x0028, 0x0002), b"US", [3, 0]);
    let cut = Slice { size: [4, 4], ..slice(0.0) }.with(MODALITY, b"CS", "MR");
    for (made, words) in
        [(colour, ["modality US (ultrasound) is not CT", "colour"]), (cut, ["modality MR", "cut short"])]
    {
        let made = folder(&[made]);
        let scan = scan_folder(&made);
        let series = only(&scan);
        let reason = series.unusable_reason.as_ref().unwrap();
        assert!(!series.viewable && words.iter().all(|word| reason.contains(word)), "{reason}");
        let error = load_pictures(series, 0, &Silent, &|_, _| {}).unwrap_err();
        assert!(matches!(error, DicomError::Unusable { .. }));
    }
}

#[test]
fn a_mixed_series_says_in_what_its_parts_differ() {
    let small = |i: i32| Slice { size: [1, 4], ..slice(f64::from(i)) };
    let turned = |i: i32| slice(f64::from(i)).with(ORIENTATION, b"DS", "0\\1\\0\\-1\\0\\0");
    for (other, words) in [(small(9), "differ in size;"), (turned(9), "differ in orientation;")] {
        let made = folder(&[slice(0.0), slice(1.0), other]);
        let scan = scan_folder(&made);
        assert_eq!(scan.series.len(), 2);
        assert!(scan.series.iter().all(|s| warned(s, &[words])), "{:?}", scan.series[0].warnings);
    }
}

#[test]
fn a_thumbnail_of_long_pixels_keeps_true_proportions() {
    // 2 rows of 5 mm by 10 columns of 1 mm: a square.
    let made = folder(&[Slice { size: [2, 10], pixels: (0..20).collect(), ..slice(0.0) }
        .with(PIXEL_SPACING, b"DS", "5\\1")
        .with(IMAGE_TYPE, b"CS", "ORIGINAL\\PRIMARY\\LOCALIZER")]);
    let scan = scan_folder(&made);
    let preview = preview(only(&scan), 20).unwrap();
    assert_eq!((preview.width, preview.height, preview.grey.len()), (20, 20, 400));
    // Rows are repeated, not mixed: the first ten lines are alike.
    assert!((1..10).all(|y| preview.grey[y * 20..(y + 1) * 20] == preview.grey[..20]));
    assert_ne!(preview.grey[10 * 20..11 * 20], preview.grey[..20]);
}

#[test]
fn private_elements_are_listed_under_their_creator() {
    let made = folder(&[slice(0.0)
        .with((0x0009, 0x0010), b"LO", "MAKER_01")
        .with((0x0009, 0x1005), b"LO", "value")
        .with((0x0009, 0x1105), b"LO", "nobody's")]);
    let listed = tags(&made.path().join("000"), None).unwrap();
    let find = |tag: &str| &listed.iter().find(|t| t.tag == tag).unwrap().name;
    assert_eq!(find("(0009,1005)"), "[MAKER_01]");
    assert_eq!(find("(0009,1105)"), "");
    assert!(!listed.iter().any(|t| t.tag == "(7FE0,0010)"), "pixel data are not read for the list");
}

/// Every file of the collection that pydicom decodes and that is shown as a grey picture: its stored values.
#[test]
fn pictures_of_all_kinds_have_pydicoms_stored_values() {
    let Some(root) = super::shared() else { return };
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let scan = super::scan_one(root.join("awkward"));
    let mut held = 0;
    let mut wrong = Vec::new();
    for series in scan.series.iter().filter(|s| s.viewable && !s.usable) {
        for source in &series.frames {
            let name = source.path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let entry = &expected[&name];
            if entry["decoded"] != true || source.frame > 0 || source.member.is_some() {
                continue;
            }
            // A look-up table's output is kept, not the stored values that pydicom's figures are of.
            let listed = tags(&source.path, None).unwrap();
            if listed.iter().any(|t| t.depth == 0 && t.name == "ModalityLUTSequence") {
                continue;
            }
            // Lossy JPEG decoders differ in their last bit: a hundredth of a level in the mean.
            let lossy = series.transfer_syntaxes.iter().any(|s| s.ends_with("4.50") || s.ends_with("4.51"));
            let tolerance = if lossy { 0.05 } else { 1e-6 };
            held += 1;
            match read_planes(&source.path) {
                Ok(planes) => {
                    let values = planes
                        .iter()
                        .flat_map(|p| p.stored.iter().map(|&v| i64::from(v)))
                        .collect::<Vec<_>>();
                    let (low, high) = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
                    let stored = &entry["stored"];
                    let range = stored["max"].as_i64().unwrap() - stored["min"].as_i64().unwrap();
                    let shift = stored["min"].as_i64().unwrap() - low;
                    let mean = values.iter().sum::<i64>() as f64 / values.len() as f64;
                    let near = (mean + shift as f64 - stored["mean"].as_f64().unwrap()).abs() < tolerance;
                    // Unsigned 16-bit values are kept 32768 lower.
                    if high - low != range || !matches!(shift, 0 | 32768) || !near {
                        wrong.push(format!("{name}: {low}…{high}, mean {mean} instead of {stored}"));
                    }
                }
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
    }
    assert!(held > 30, "only {held} files are held against pydicom");
    assert!(wrong.is_empty(), "{held} held, {wrong:#?}");
}
