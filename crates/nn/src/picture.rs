//! The picture a network sees: its recipe, reading and writing it as a file, its normalised values.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader};
use serde::{Deserialize, Serialize};
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

/// Why a picture can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    #[error("{}: the picture is {width}×{height} pixels but this network takes {want_width}×{want_height}", path.display())]
    WrongSize { path: PathBuf, width: usize, height: usize, want_width: usize, want_height: usize },
    #[error("{}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("the picture could not be written: {0}")]
    Unwritable(String),
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

/// Reads an already-cut slice (PNG or JPEG) and checks its size against the recipe.
///
/// Grey is read as it is; colour becomes luma (ITU-R 601), which leaves grey stored as RGB untouched.
///
/// # Errors
/// A file that is missing, no picture, cut short, of another size, with more than 8 bits, or partly transparent.
pub fn read_picture(path: &Path, recipe: &Recipe) -> Result<Picture, PictureError> {
    let fail = |reason: String| PictureError::Unreadable { path: path.to_owned(), reason };
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
        return Err(PictureError::WrongSize {
            path: path.to_owned(),
            width,
            height,
            want_width,
            want_height,
        });
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
pub fn write_png(picture: &Picture) -> Result<Vec<u8>, PictureError> {
    let size =
        |n: usize| u32::try_from(n).map_err(|_| PictureError::Unwritable(format!("{n} pixels are too many")));
    if picture.grey.len() != picture.width * picture.height {
        let (have, width, height) = (picture.grey.len(), picture.width, picture.height);
        return Err(PictureError::Unwritable(format!("{have} pixels do not fill {width}×{height}")));
    }
    let mut bytes = vec![];
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&picture.grey, size(picture.width)?, size(picture.height)?, image::ExtendedColorType::L8)
        .map_err(|e| PictureError::Unwritable(e.to_string()))?;
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
