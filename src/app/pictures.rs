//! Drawn pictures kept between frames: a texture is made anew only when what it shows has changed.

use egui::{ColorImage, TextureHandle, TextureOptions};

use super::state::{Viewer, Window};
use crate::dicom::{Plane, Reformat};
use crate::nn::Heatmap;
use crate::slice::Picture;

/// A texture and what it shows.
struct Kept<K> {
    key: K,
    texture: TextureHandle,
}

/// What decides how grey a slice looks.
#[derive(PartialEq, Clone, Copy)]
struct GreyKey {
    /// The plane's or volume's address: changes whenever another series is opened.
    source: usize,
    index: usize,
    window: [f32; 2],
    invert: bool,
}

/// All textures of the window.
#[derive(Default)]
pub struct Pictures {
    axial: Option<Kept<GreyKey>>,
    sagittal: Option<Kept<GreyKey>>,
    network: [Option<Kept<u64>>; 2],
    /// The frame in which a network's picture was cut last: one a frame, so that no frame is missed.
    cut_in: Option<u64>,
    cam: [Option<Kept<(u64, u32)>>; 2],
}

/// HU to grey by the linear window function (DICOM PS3.3 C.11.2.1.2 without its half-unit shift).
fn grey(hu: f32, window: Window, invert: bool) -> u8 {
    let share = ((hu - window.low()) / window.width).clamp(0.0, 1.0);
    let share = if invert { 1.0 - share } else { share };
    (share * 255.0).round() as u8
}

/// One grey for each of the 65,536 stored values would cost more than a slice; a table over the plane's range is exact too.
fn plane_picture(plane: &Plane, columns: usize, rows: usize, window: Window, invert: bool) -> ColorImage {
    let low = plane.stored.iter().copied().min().unwrap_or(0);
    let high = plane.stored.iter().copied().max().unwrap_or(0);
    let table: Vec<u8> = (i32::from(low)..=i32::from(high))
        .map(|v| grey(v as f32 * plane.slope + plane.intercept, window, invert))
        .collect();
    let greys = plane.stored.iter().map(|&v| table[(i32::from(v) - i32::from(low)) as usize]);
    ColorImage::from_gray_iter([columns, rows], greys)
}

impl Pictures {
    /// The axial slice on screen, if its plane has been read.
    pub fn axial(&mut self, ctx: &egui::Context, viewer: &Viewer) -> Option<TextureHandle> {
        let open = viewer.open.as_ref()?;
        let plane = open.planes.get(viewer.slice)?.as_ref()?;
        let key = GreyKey {
            source: std::sync::Arc::as_ptr(plane) as usize,
            index: viewer.slice,
            window: [viewer.window.centre, viewer.window.width],
            invert: viewer.invert,
        };
        Some(keep(&mut self.axial, ctx, "axial", key, TextureOptions::LINEAR, || {
            plane_picture(plane, open.series.columns, open.series.rows, viewer.window, viewer.invert)
        }))
    }

    /// The sagittal reformat through the chosen column, once the volume is complete.
    pub fn sagittal(&mut self, ctx: &egui::Context, viewer: &Viewer) -> Option<TextureHandle> {
        let volume = viewer.open.as_ref()?.volume.as_ref()?;
        let key = GreyKey {
            source: std::sync::Arc::as_ptr(volume) as usize,
            index: viewer.column,
            window: [viewer.window.centre, viewer.window.width],
            invert: viewer.invert,
        };
        if let Some(kept) = self.sagittal.as_ref().filter(|k| k.key == key) {
            return Some(kept.texture.clone());
        }
        let image = sagittal_picture(&volume.sagittal(viewer.column)?, viewer);
        Some(keep(&mut self.sagittal, ctx, "sagittal", key, TextureOptions::LINEAR, || image))
    }

    /// The picture a network sees at level `number` (0 = T4, 1 = T11).
    pub fn network(
        &mut self,
        ctx: &egui::Context,
        number: usize,
        key: u64,
        make: impl FnOnce() -> Option<Picture>,
    ) -> Option<TextureHandle> {
        if let Some(kept) = self.network[number].as_ref().filter(|k| k.key == key) {
            return Some(kept.texture.clone());
        }
        let frame = ctx.cumulative_pass_nr();
        if self.cut_in == Some(frame) {
            ctx.request_repaint();
            return self.network[number].as_ref().map(|kept| kept.texture.clone());
        }
        self.cut_in = Some(frame);
        let picture = make()?;
        let image = ColorImage::from_gray([picture.width, picture.height], &picture.grey);
        Some(keep(&mut self.network[number], ctx, "network", key, TextureOptions::LINEAR, || image))
    }

    /// The picture with Grad-CAM over it.
    pub fn cam(
        &mut self,
        ctx: &egui::Context,
        number: usize,
        inputs: u64,
        picture: &Picture,
        heatmap: &Heatmap,
        opacity: f32,
    ) -> Option<TextureHandle> {
        let key = (inputs, (opacity * 1000.0) as u32);
        if let Some(kept) = self.cam[number].as_ref().filter(|k| k.key == key) {
            return Some(kept.texture.clone());
        }
        let over = crate::chart::cam::overlay(picture, heatmap, opacity)?;
        let image = ColorImage::from_rgba_unmultiplied([over.width, over.height], &over.bytes);
        Some(keep(&mut self.cam[number], ctx, "cam", key, TextureOptions::LINEAR, || image))
    }
}

fn sagittal_picture(plane: &Reformat, viewer: &Viewer) -> ColorImage {
    let greys = plane.hu.iter().map(|&hu| grey(hu, viewer.window, viewer.invert));
    ColorImage::from_gray_iter([plane.width, plane.height], greys)
}

fn keep<K: PartialEq + Copy>(
    place: &mut Option<Kept<K>>,
    ctx: &egui::Context,
    name: &str,
    key: K,
    options: TextureOptions,
    make: impl FnOnce() -> ColorImage,
) -> TextureHandle {
    match place {
        Some(kept) if kept.key == key => kept.texture.clone(),
        Some(kept) => {
            kept.texture.set(make(), options);
            kept.key = key;
            kept.texture.clone()
        }
        None => {
            let texture = ctx.load_texture(name, make(), options);
            place.insert(Kept { key, texture }).texture.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_maps_its_edges_to_black_and_white() {
        let window = Window { centre: 40.0, width: 400.0 };
        assert_eq!(grey(-160.0, window, false), 0);
        assert_eq!(grey(240.0, window, false), 255);
        assert_eq!(grey(240.0, window, true), 0);
        assert_eq!(grey(40.0, window, false), 128);
        assert_eq!(grey(-3000.0, window, false), 0);
    }

    #[test]
    fn a_slice_drawn_by_table_equals_the_window_of_each_value() {
        let plane = Plane { stored: vec![-1024, -100, 0, 40, 300, 3071], slope: 1.0, intercept: 0.0 };
        let window = Window { centre: 40.0, width: 400.0 };
        let picture = plane_picture(&plane, 3, 2, window, false);
        for (i, pixel) in picture.pixels.iter().enumerate() {
            assert_eq!(pixel.r(), grey(plane.hu(i), window, false));
        }
    }
}
