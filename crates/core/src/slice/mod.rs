//! What a network sees of a CT: window and crop. Pictures themselves are [`thoracast_nn::picture`].

pub mod crop;

use crop::UprightPlane;
use thoracast_dicom::{DicomError, Volume};
pub use thoracast_nn::picture::{
    Normalised, Picture, PictureError, Recipe, normalise, read_picture, write_png,
};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SliceError {
    #[error("slice {slice} does not exist; the series has slices 0 to {last}")]
    NoSuchSlice { slice: usize, last: usize },
    #[error("slice {slice} is not a transverse plane; choose a series of transverse slices")]
    NotTransverse { slice: usize },
    #[error("slice {slice} shows no body, only air; choose another slice")]
    NoBody { slice: usize },
    /// The volume's values are not known to be HU, or its sizes are not to be trusted.
    #[error(transparent)]
    Unmeasured(DicomError),
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Cuts the picture a network sees from one plane of a volume: window to 8 bit, crop around the body, never rescaled.
///
/// The plane is first turned upright by its geometry (patient's right at the left, front at the top), whatever way the
/// patient lay. Grey is linear in HU and rounded: black from the window's lower end down, white from its upper end up.
/// A plane smaller than the picture gets black borders. See [`crop`] for where the picture is cut.
///
/// # Errors
/// A volume that is not to be measured ([`Volume::measurable`]), a slice number beyond the series, a plane that is not
/// transverse, one that shows nothing but air.
pub fn cut(volume: &Volume, slice: usize, recipe: &Recipe) -> Result<Picture, SliceError> {
    volume.measurable().map_err(SliceError::Unmeasured)?;
    if slice >= volume.slices() {
        return Err(SliceError::NoSuchSlice { slice, last: volume.slices().saturating_sub(1) });
    }
    if volume.geometry.normal()[2].abs() < 0.7 {
        return Err(SliceError::NotTransverse { slice });
    }
    let plane = upright(volume, slice);
    let body = crop::body_extent(&plane).ok_or(SliceError::NoBody { slice })?;
    let corner = crop::corner(&plane, body, recipe.width, recipe.height);
    let mut grey = vec![0; recipe.width * recipe.height];
    for (row, line) in grey.chunks_exact_mut(recipe.width).enumerate() {
        let Some(y) = inside(corner.top + row as isize, plane.height) else { continue };
        for (column, pixel) in line.iter_mut().enumerate() {
            if let Some(x) = inside(corner.left + column as isize, plane.width) {
                *pixel = window(plane.hu[y * plane.width + x], recipe.window_hu);
            }
        }
    }
    Ok(Picture { width: recipe.width, height: recipe.height, grey })
}

fn inside(at: isize, size: usize) -> Option<usize> {
    usize::try_from(at).ok().filter(|&i| i < size)
}

/// Grey of a Hounsfield value.
fn window(hu: f32, [black, white]: [f32; 2]) -> u8 {
    // `as` saturates: below the window 0, above it 255.
    ((hu - black) / (white - black) * 255.0).round() as u8
}

/// The plane with columns running to the patient's left and rows to the back.
fn upright(volume: &Volume, slice: usize) -> UprightPlane {
    let (along_row, along_column) = (volume.geometry.row_direction, volume.geometry.column_direction);
    let turned = along_row[0].abs() < along_column[0].abs();
    // Direction of the picture's x and y in the plane's own columns and rows.
    let (x_axis, y_axis) =
        if turned { (along_column[0], along_row[1]) } else { (along_row[0], along_column[1]) };
    let (width, height) = if turned { (volume.rows, volume.columns) } else { (volume.columns, volume.rows) };
    let plane = &volume.planes[slice];
    let mut hu = Vec::with_capacity(width * height);
    for y in 0..height {
        let y = if y_axis < 0.0 { height - 1 - y } else { y };
        for x in 0..width {
            let x = if x_axis < 0.0 { width - 1 - x } else { x };
            let (row, column) = if turned { (x, y) } else { (y, x) };
            hu.push(plane.hu(row * volume.columns + column));
        }
    }
    UprightPlane { width, height, hu }
}

#[cfg(test)]
mod tests;
