//! A synthetic thoracic CT with known truth.
//!
//! A seed decides who the patient is ([`Phantom::new`]); geometry is implicit solids and outlines, evaluated plane
//! by plane, so any plane stands alone and the same seed gives the same voxels. [`write_series`] makes a DICOM
//! series of it with the ground truth and a clinical row beside.

mod canvas;
mod contour;
mod demonstration;
mod frame;
mod interior;
mod lungs;
mod model;
mod muscles;
mod noise;
mod organs;
mod patient;
mod series;
mod spine;
mod truth;
mod wall;

pub use canvas::Label;
pub use demonstration::{demonstration, read_truth};
pub use model::{CleanPlane, Options, Phantom};
pub use series::{PhantomError, write_series};
pub use truth::{FatTruth, Pectoralis, RibTruth, Truth, VertebraTruth};

#[cfg(test)]
mod tests;
