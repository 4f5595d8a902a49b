//! What a network sees: window, crop, normalised values. The same code for DICOM slices and picture files.

pub mod crop;

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader};
use serde::{Deserialize, Serialize};

use crop::UprightPlane;
use thoracast_dicom::{DicomError, Volume};
use thoracast_files::bounds::{self, Bound, Bounded};
use thoracast_files::budget;

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
    /// The network sees the mean of every `shrink` × `shrink` pixels (1: the picture as it is).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub shrink: usize,
}

fn one() -> usize {
    1
}

fn is_one(n: &usize) -> bool {
    *n == 1
}

/// What goes into a network: three channels, channel-first.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    pub values: Vec<f32>,
    pub height: usize,
    pub width: usize,
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
    #[error("slice {slice} is not a transverse plane; choose a series of transverse slices")]
    NotTransverse { slice: usize },
    #[error("slice {slice} shows no body, only air; choose another slice")]
    NoBody { slice: usize },
    /// The volume's values are not known to be HU, or its sizes are not to be trusted.
    #[error(transparent)]
    Unmeasured(DicomError),
    #[error("the picture could not be written: {0}")]
    Unwritable(String),
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

    /// Sides of a picture as the network sees it, pixels: below, nothing is left behind its five halvings; above, memory
    /// runs out.
    pub const SIDES: std::ops::RangeInclusive<usize> = 32..=4096;
    /// Most pixels that become one.
    pub const MOST_SHRINK: usize = 8;

    fn study(window_hu: [f32; 2], width: usize, height: usize) -> Self {
        Self { window_hu, width, height, mean: [0.485, 0.456, 0.406], sd: [0.229, 0.224, 0.225], shrink: 1 }
    }
}

impl Bounded for Recipe {
    fn within_bounds(&self) -> Bound {
        bounds::rising("window_hu", self.window_hu.map(f64::from), 1.0, -32_768.0..=32_767.0)?;
        bounds::count("shrink", self.shrink, 1..=Self::MOST_SHRINK)?;
        for (field, side) in [("width", self.width), ("height", self.height)] {
            bounds::count(field, side, Self::SIDES)?;
            let seen = side / self.shrink;
            let needed =
                format!("at least {} pixels must be left of it after shrinking", Self::SIDES.start());
            bounds::holds(field, side, seen >= *Self::SIDES.start(), &needed)?;
        }
        bounds::each("mean", &self.mean, |field, &mean| bounds::number(field, f64::from(mean), -1e4..=1e4))?;
        bounds::each("sd", &self.sd, |field, &sd| bounds::number(field, f64::from(sd), 1e-4..=1e4))
    }
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

/// Reads an already-cut slice (PNG or JPEG) and checks its size against the recipe.
///
/// Grey is read as it is; colour becomes luma (ITU-R 601), which leaves grey stored as RGB untouched.
///
/// # Errors
/// A file that is missing, no picture, cut short, of another size, with more than 8 bits, or partly transparent.
pub fn read_picture(path: &Path, recipe: &Recipe) -> Result<Picture, SliceError> {
    let fail = |reason: String| SliceError::Unreadable { path: path.to_owned(), reason };
    let bytes =
        budget::read(path, budget::PICTURE).map_err(|e| fail(format!("the file cannot be read ({e})")))?;
    let reader = ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| fail(format!("the file cannot be read ({e})")))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(fail("the file is no PNG or JPEG picture".to_owned()));
    }
    let damaged = |e: image::ImageError| fail(format!("the picture is cut short or damaged ({e})"));
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if (width, height) != (recipe.width, recipe.height) {
        let (want_width, want_height) = (recipe.width, recipe.height);
        return Err(SliceError::WrongSize { path: path.to_owned(), width, height, want_width, want_height });
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let grey = match picture {
        DynamicImage::ImageLuma8(grey) => grey.into_raw(),
        DynamicImage::ImageRgb8(rgb) => rgb.as_chunks::<3>().0.iter().map(|p| luma(*p)).collect(),
        DynamicImage::ImageLumaA8(la) if la.as_chunks::<2>().0.iter().all(|p| p[1] == 255) => {
            la.as_chunks::<2>().0.iter().map(|p| p[0]).collect()
        }
        DynamicImage::ImageRgba8(rgba) if rgba.as_chunks::<4>().0.iter().all(|p| p[3] == 255) => {
            rgba.as_chunks::<4>().0.iter().map(|&[r, g, b, _]| luma([r, g, b])).collect()
        }
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgba8(_) => {
            return Err(fail("the picture is partly transparent; save it without transparency".to_owned()));
        }
        _ => {
            return Err(fail(
                "the picture has more than 8 bits a channel; save the windowed slice with 8 bits".to_owned(),
            ));
        }
    };
    Ok(Picture { width, height, grey })
}

/// ITU-R 601 luma in 16-bit fixed point, as Pillow computes it; exact for grey.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    let sum = u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000;
    (sum >> 16) as u8
}

/// A picture as a grey PNG.
///
/// # Errors
/// A picture whose pixels do not fill its size.
pub fn write_png(picture: &Picture) -> Result<Vec<u8>, SliceError> {
    let size =
        |n: usize| u32::try_from(n).map_err(|_| SliceError::Unwritable(format!("{n} pixels are too many")));
    if picture.grey.len() != picture.width * picture.height {
        let (have, width, height) = (picture.grey.len(), picture.width, picture.height);
        return Err(SliceError::Unwritable(format!("{have} pixels do not fill {width}×{height}")));
    }
    let mut bytes = vec![];
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&picture.grey, size(picture.width)?, size(picture.height)?, image::ExtendedColorType::L8)
        .map_err(|e| SliceError::Unwritable(e.to_string()))?;
    Ok(bytes)
}

/// Channel-first values after the recipe's shrinking and normalisation.
pub fn normalise(picture: &Picture, recipe: &Recipe) -> Normalised {
    let shrink = recipe.shrink.max(1);
    let (height, width) = (picture.height / shrink, picture.width / shrink);
    let mut values = Vec::with_capacity(3 * height * width);
    if shrink == 1 {
        for (mean, sd) in recipe.mean.iter().zip(recipe.sd) {
            let table: [f32; 256] = std::array::from_fn(|grey| (grey as f32 / 255.0 - mean) / sd);
            values.extend(picture.grey.iter().map(|&grey| table[usize::from(grey)]));
        }
    } else {
        let grey = block_means(picture, shrink, height, width);
        for (mean, sd) in recipe.mean.iter().zip(recipe.sd) {
            values.extend(grey.iter().map(|grey| (grey / 255.0 - mean) / sd));
        }
    }
    Normalised { values, height, width }
}

/// The mean grey of every square of `side` pixels; a rest at the right and below is left out.
fn block_means(picture: &Picture, side: usize, height: usize, width: usize) -> Vec<f32> {
    let mut means = Vec::with_capacity(height * width);
    for row in 0..height {
        for column in 0..width {
            let sum: u32 = (0..side)
                .flat_map(|y| {
                    let at = (row * side + y) * picture.width + column * side;
                    picture.grey[at..at + side].iter().map(|g| u32::from(*g))
                })
                .sum();
            means.push(sum as f32 / (side * side) as f32);
        }
    }
    means
}

#[cfg(test)]
mod tests;
