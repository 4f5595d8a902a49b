//! Pictures at T4 and T11 of simulated patients, cut from their phantoms by the code that cuts real ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::draw::{Body, Population};
use super::write::SPLITS;
use super::{Settings, SimulateError};
use crate::level::Level;
use crate::phantom::Phantom;
use crate::slice::{self, Recipe};
use thoracast_dicom::{Geometry, Plane, Volume};
use thoracast_files::progress::Progress;
use thoracast_files::write_atomic;

/// Each patient's phantom and what is measured on it.
pub(super) fn bodies(
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Vec<(Phantom, Body)>, SimulateError> {
    let done = AtomicUsize::new(0);
    let one = |i: usize| {
        if progress.cancelled() {
            return Err(SimulateError::Cancelled);
        }
        // Seeds far apart for cohorts of neighbouring seeds.
        let phantom = Phantom::new(settings.seed.wrapping_mul(1_000_003).wrapping_add(i as u64));
        let truth = phantom.truth();
        let body = Body {
            age: f64::from(truth.age_years),
            bmi: truth.bmi_kg_m2,
            pma: truth.pectoralis_t4.total_cm2,
            pmi: truth.pmi_cm2_m2,
            vfa: truth.visceral_fat_t11.within_minus150_minus50_hu_cm2,
        };
        progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, settings.patients);
        Ok((phantom, body))
    };
    (0..settings.patients).into_par_iter().map(one).collect()
}

/// Writes `images/LEVEL/SPLIT/OUTCOME/ID.png` of every patient.
pub(super) fn write(
    population: &Population,
    phantoms: &[&Phantom],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), SimulateError> {
    let done = AtomicUsize::new(0);
    population.patients.par_iter().zip(phantoms).try_for_each(|(patient, phantom)| {
        let truth = phantom.vertebra_slices();
        for (level, recipe) in [(Level::T4, Recipe::t4()), (Level::T11, Recipe::t11())] {
            if progress.cancelled() {
                return Err(SimulateError::Cancelled);
            }
            let picture = |source| SimulateError::Picture { id: patient.id.clone(), source };
            let slice = truth.iter().find(|(name, _)| *name == level.name()).map_or(0, |(_, slice)| *slice);
            let cut = slice::cut(&one_plane(phantom, slice), 0, &recipe).map_err(picture)?;
            let path = folder
                .join("images")
                .join(level.name())
                .join(SPLITS[patient.split])
                .join(if patient.metastasis { "1" } else { "0" })
                .join(format!("{}.png", patient.id));
            write_atomic(&path, &slice::write_png(&cut).map_err(|e| picture(e.into()))?)?;
        }
        progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, population.patients.len());
        Ok(())
    })
}

/// A scan of one plane.
fn one_plane(phantom: &Phantom, slice: usize) -> Volume {
    let plane = Plane { stored: phantom.plane_hu(slice), slope: 1.0, intercept: 0.0 };
    let pixel = phantom.pixel_mm();
    Volume {
        series_uid: String::new(),
        rows: phantom.size(),
        columns: phantom.size(),
        planes: vec![Arc::new(plane)],
        geometry: Geometry {
            origins_mm: vec![phantom.origin_mm(slice)],
            row_direction: [1.0, 0.0, 0.0],
            column_direction: [0.0, 1.0, 0.0],
            spacing_mm: [pixel, pixel, phantom.slice_mm()],
        },
        unmeasured: None,
    }
}
