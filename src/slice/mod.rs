//! What a network sees: window, crop, normalised values. The same code for DICOM slices and picture files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dicom::Volume;

/// How a network's picture is made from a CT plane. Stated in a model's card, so a model can't be fed what it wasn't trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// HU shown black and white.
    pub window_hu: [f32; 2],
    /// Picture size, pixels.
    pub width: usize,
    pub height: usize,
    /// Per channel, after scaling grey to 0…1.
    pub mean: [f32; 3],
    pub sd: [f32; 3],
}

/// A grey picture, 8 bit, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub grey: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SliceError {
    #[error("slice {slice} does not exist; the series has slices 0 to {last}")]
    NoSuchSlice { slice: usize, last: usize },
    #[error("{}: the picture is {width}×{height} pixels but this network takes {want_width}×{want_height}", path.display())]
    WrongSize { path: PathBuf, width: usize, height: usize, want_width: usize, want_height: usize },
    #[error("{}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
}

impl Recipe {
    /// The study's picture at T4: muscle range, 500×300, ImageNet normalisation.
    pub fn t4() -> Self {
        Self::study([-29.0, 150.0], 500, 300)
    }

    /// The study's picture at T11: visceral fat range, 500×400, ImageNet normalisation.
    pub fn t11() -> Self {
        Self::study([-150.0, -50.0], 500, 400)
    }

    fn study(window_hu: [f32; 2], width: usize, height: usize) -> Self {
        Self { window_hu, width, height, mean: [0.485, 0.456, 0.406], sd: [0.229, 0.224, 0.225] }
    }
}

/// Cuts the picture a network sees from one plane of a volume: window to 8 bit, crop around the body, never rescaled.
pub fn cut(_volume: &Volume, _slice: usize, _recipe: &Recipe) -> Result<Picture, SliceError> {
    unimplemented!()
}

/// Reads an already-cut slice (PNG or JPEG) and checks its size against the recipe.
pub fn read_picture(_path: &Path, _recipe: &Recipe) -> Result<Picture, SliceError> {
    unimplemented!()
}

/// Channel-first (3, height, width) values after the recipe's normalisation.
pub fn normalise(_picture: &Picture, _recipe: &Recipe) -> Vec<f32> {
    unimplemented!()
}
