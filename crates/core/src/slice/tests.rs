use std::sync::Arc;

use super::*;
use thoracast_dicom::{Geometry, Plane};

/// A block of soft tissue in air; HU rises by one a column so that every direction can be told apart.
fn volume(row_direction: [f64; 3], column_direction: [f64; 3]) -> Volume {
    let (rows, columns) = (512, 512);
    let mut stored = vec![-1000i16; rows * columns];
    for row in 150..350 {
        for column in 100..400 {
            stored[row * columns + column] = if row < 160 { 150 } else { (column - 100) as i16 / 2 };
        }
    }
    Volume {
        series_uid: "1".into(),
        rows,
        columns,
        planes: vec![Arc::new(Plane { stored, slope: 1.0, intercept: 0.0 })],
        geometry: Geometry {
            origins_mm: vec![[0.0; 3]],
            row_direction,
            column_direction,
            spacing_mm: [0.7, 0.7, 1.0],
        },
        unmeasured: None,
    }
}

#[test]
fn the_window_is_linear_and_saturates() {
    let w = Recipe::t4().window_hu;
    assert_eq!([-2000.0, -29.0, 150.0, 3000.0].map(|hu| window(hu, w)), [0, 0, 255, 255]);
    // Muscle of the study's pictures: grey 107 ≈ 46 HU; fat: grey 115 ≈ −105 HU.
    assert_eq!(window(46.0, w), 107);
    assert_eq!(window(-105.0, Recipe::t11().window_hu), 115);
    assert_eq!(window(f32::NAN, w), 0);
}

#[test]
fn a_supine_plane_is_cut_where_the_body_lies() {
    let picture = cut(&volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), 0, &Recipe::t4()).unwrap();
    assert_eq!((picture.width, picture.height), (500, 300));
    // The body's last row, 349, lies 11 pixels above the picture's lower edge; columns start at 6.
    let at = |x: usize, y: usize| picture.grey[y * 500 + x];
    assert_eq!((at(250, 288) > 0, at(250, 289)), (true, 0));
    assert_eq!((at(93, 200), at(94, 200) > 0), (0, true));
    assert_eq!(at(250, 288 - 199), 255);
}

#[test]
fn planes_stored_in_other_directions_give_the_same_picture() {
    let straight = volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    let expected = cut(&straight, 0, &Recipe::t4()).unwrap();
    let stored = &straight.planes[0].stored;
    let moved = |from: &dyn Fn(usize, usize) -> (usize, usize)| -> Vec<i16> {
        (0..512 * 512).map(|i| from(i / 512, i % 512)).map(|(r, c)| stored[r * 512 + c]).collect()
    };
    let cases: [([f64; 3], [f64; 3], Vec<i16>); 3] = [
        ([-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], moved(&|r, c| (511 - r, 511 - c))),
        ([-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], moved(&|r, c| (r, 511 - c))),
        ([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], moved(&|r, c| (c, 511 - r))),
    ];
    for (row_direction, column_direction, stored) in cases {
        let mut other = volume(row_direction, column_direction);
        other.planes = vec![Arc::new(Plane { stored, slope: 1.0, intercept: 0.0 })];
        assert_eq!(
            cut(&other, 0, &Recipe::t4()).unwrap(),
            expected,
            "{row_direction:?} {column_direction:?}"
        );
    }
}

#[test]
fn a_plane_smaller_than_the_picture_gets_black_borders() {
    let mut small = volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    (small.rows, small.columns) = (200, 256);
    small.planes = vec![Arc::new(Plane { stored: vec![200; 200 * 256], slope: 1.0, intercept: 0.0 })];
    let picture = cut(&small, 0, &Recipe::t4()).unwrap();
    let white = picture.grey.iter().filter(|&&g| g == 255).count();
    assert_eq!(white, 200 * 256);
    assert!(picture.grey[..500].iter().all(|&g| g == 0));
}

#[test]
fn what_cannot_be_cut_is_named() {
    let good = volume([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    let beyond = cut(&good, 3, &Recipe::t4()).unwrap_err().to_string();
    assert!(beyond.contains("slice 3") && beyond.contains("0 to 0"), "{beyond}");
    let sagittal = volume([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]);
    assert!(matches!(cut(&sagittal, 0, &Recipe::t4()), Err(SliceError::NotTransverse { slice: 0 })));
    let mut air = good;
    air.planes = vec![Arc::new(Plane { stored: vec![0; 512 * 512], slope: 1.0, intercept: -1000.0 })];
    assert!(matches!(cut(&air, 0, &Recipe::t4()), Err(SliceError::NoBody { slice: 0 })));
}
