use std::sync::Arc;

use super::*;
use crate::phantom::{Options, Phantom};
use thoracast_dicom::{Geometry, Plane, Volume};

/// A volume of given planes, axial and head first, `step` mm apart.
pub fn volume(size: usize, pixel: f64, step: f64, planes: Vec<Vec<i16>>) -> Volume {
    let origins_mm = (0..planes.len()).map(|i| [0.0, 0.0, i as f64 * step]).collect();
    let plane = |stored| Arc::new(Plane { stored, slope: 1.0, intercept: 0.0 });
    Volume {
        series_uid: "1".into(),
        rows: size,
        columns: size,
        planes: planes.into_iter().map(plane).collect(),
        geometry: Geometry {
            origins_mm,
            row_direction: [1.0, 0.0, 0.0],
            column_direction: [0.0, 1.0, 0.0],
            spacing_mm: [pixel, pixel, step],
        },
        unmeasured: None,
    }
}

/// A phantom's volume, its slices within `keep`, and the true heights of its vertebrae, mm.
pub fn phantom(seed: u64, options: Options, keep: std::ops::Range<usize>) -> (Volume, Vec<(String, f64)>) {
    use rayon::prelude::*;
    let phantom = Phantom::with(seed, options);
    let keep = keep.start..keep.end.min(phantom.slices());
    let planes = keep.clone().into_par_iter().map(|s| phantom.plane_hu(s)).collect();
    let mut volume = volume(phantom.size(), phantom.pixel_mm(), phantom.slice_mm(), planes);
    volume.geometry.origins_mm = keep.map(|s| phantom.origin_mm(s)).collect();
    let truth = phantom.truth().vertebrae;
    (volume, truth.into_iter().map(|v| (v.name, v.centre_mm[2])).collect())
}

const COARSE: Options = Options { size: Some(200), slice_mm: Some(4.0) };

#[test]
fn a_phantoms_t4_and_t11_are_named_and_conventions_move_them() {
    let (volume, truth) = phantom(2, COARSE, 0..usize::MAX);
    let middle = propose(&volume, Convention::Middle);
    let [top, bottom] = [Convention::Top, Convention::Bottom].map(|c| propose(&volume, c));
    for vertebra in [Vertebra::T4, Vertebra::T11] {
        let proposed = middle.confident(vertebra).unwrap();
        let want = truth.iter().find(|t| t.0 == vertebra.name()).unwrap().1;
        assert!((proposed.z_mm - want).abs() <= 4.0, "{vertebra} at {} instead of {want}", proposed.z_mm);
        let [above, below] = [&top, &bottom].map(|p| p.level(vertebra).unwrap().z_mm);
        assert!(above - proposed.z_mm > 5.0 && proposed.z_mm - below > 5.0);
    }
    assert!(middle.levels.windows(2).all(|p| p[0].z_mm > p[1].z_mm), "head to feet");
}

#[test]
fn slices_from_the_head_give_the_same_heights() {
    let (volume, _) = phantom(2, COARSE, 0..usize::MAX);
    let mut turned = volume.clone();
    turned.planes.reverse();
    turned.geometry.origins_mm.reverse();
    for plane in &mut turned.planes {
        // Rows the other way: the normal points to the feet.
        let mut stored = plane.stored.clone();
        stored.chunks_mut(volume.columns).for_each(<[i16]>::reverse);
        *plane = Arc::new(Plane { stored, ..**plane });
    }
    let width = (volume.columns - 1) as f64 * volume.geometry.spacing_mm[1];
    turned.geometry.row_direction = [-1.0, 0.0, 0.0];
    turned.geometry.origins_mm.iter_mut().for_each(|o| o[0] += width);
    let (a, b) = (propose(&volume, Convention::Middle), propose(&turned, Convention::Middle));
    let (a, b) = (a.level(Vertebra::T4).unwrap(), b.level(Vertebra::T4).unwrap());
    assert!((a.z_mm - b.z_mm).abs() < 0.5);
    assert_eq!(a.slice, volume.slices() - 1 - b.slice);
}

#[test]
fn a_phantom_cut_to_twenty_slices_in_mid_chest_has_no_confident_level() {
    let (volume, _) = phantom(3, COARSE, 35..55);
    let proposals = propose(&volume, Convention::Middle);
    assert!(proposals.levels.iter().all(|p| p.confidence < CONFIDENT), "{:?}", proposals.levels);
    assert!(!proposals.warnings.is_empty());
}

#[test]
fn blank_slices_a_single_slice_and_no_pixels_give_a_sentence_and_no_level() {
    let blank = volume(64, 5.0, 3.0, vec![vec![-1024; 64 * 64]; 60]);
    let water = volume(64, 5.0, 3.0, vec![vec![0; 64 * 64]; 60]);
    let padding = volume(64, 5.0, 3.0, vec![vec![-3024; 64 * 64]; 60]);
    let one = volume(64, 5.0, 3.0, vec![vec![0; 64 * 64]]);
    let none = volume(0, 5.0, 3.0, vec![Vec::new(); 10]);
    let mut coronal = volume(64, 5.0, 3.0, vec![vec![0; 64 * 64]; 60]);
    coronal.geometry.column_direction = [0.0, 0.0, -1.0];
    for volume in [blank, water, padding, one, none, coronal] {
        let proposals = propose(&volume, Convention::Middle);
        assert_eq!((proposals.levels.len(), proposals.warnings.len()), (0, 1), "{:?}", proposals.warnings);
    }
}
