//! A small grey picture of a series, for lists.

use super::load::picture;
use super::volume::Plane;
use super::{DicomError, Series};

/// A thumbnail: grey values row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub width: usize,
    pub height: usize,
    pub grey: Vec<u8>,
}

/// The series' middle picture, averaged down to `longest_side` pixels in true proportions. One picture is decoded.
/// Grey by the file's own window, else by all but the darkest and brightest 0.1 % (padding left out).
///
/// # Errors
/// `Unusable` when the series holds no picture, `File` when it can't be decoded.
pub fn preview(series: &Series, longest_side: usize) -> Result<Preview, DicomError> {
    let plane = picture(series, series.frames.len() / 2)?;
    let [row_mm, column_mm] = series.pixel_spacing_mm.unwrap_or([1.0; 2]);
    let (rows, columns) = (series.rows, series.columns);
    let size_mm = [columns as f64 * column_mm, rows as f64 * row_mm];
    let scale = longest_side as f64 / size_mm[0].max(size_mm[1]);
    // Long pixels (of scouts) are repeated rather than the picture squeezed.
    let side = |mm: f64| ((mm * scale).round() as usize).max(1);
    let (width, height) = (side(size_mm[0]), side(size_mm[1]));
    if plane.stored.len() != rows * columns || plane.stored.is_empty() {
        return Err(DicomError::Unusable {
            uid: series.uid.clone(),
            reason: "its size changed since the folder was scanned; open the folder again".to_owned(),
        });
    }
    let [low, high] = window(series, &plane);
    let part =
        |i: usize, count: usize, of: usize| i * of / count..((i + 1) * of / count).max(i * of / count + 1);
    let mut grey = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut count) = (0.0, 0.0);
            for row in part(y, height, rows) {
                for column in part(x, width, columns) {
                    sum += plane.hu(row * columns + column);
                    count += 1.0;
                }
            }
            let share = ((sum / count - low) / (high - low)).clamp(0.0, 1.0);
            let share = if series.inverted { 1.0 - share } else { share };
            grey.push((share * 255.0).round() as u8);
        }
    }
    Ok(Preview { width, height, grey })
}

/// Darkest and brightest value shown.
fn window(series: &Series, plane: &Plane) -> [f32; 2] {
    if let Some(&[centre, width]) = series.windows.first() {
        return [(centre - width / 2.0) as f32, (centre + width / 2.0) as f32];
    }
    let hu = |value: i16| f32::from(value) * plane.slope + plane.intercept;
    let padding = series.padding.map(|padding| padding as f32);
    // Half a stored level: f32 may round where f64 did not.
    let measured =
        |value: i16| padding.is_none_or(|padding| (hu(value) - padding).abs() >= plane.slope.abs() / 2.0);
    let mut stored: Vec<i16> = plane.stored.iter().copied().filter(|&value| measured(value)).collect();
    if stored.is_empty() {
        stored.clone_from(&plane.stored);
    }
    stored.sort_unstable();
    let tail = stored.len() / 1000;
    let (a, b) = (hu(stored[tail]), hu(stored[stored.len() - 1 - tail]));
    [a.min(b), a.max(b).max(a.min(b) + 1.0)]
}
