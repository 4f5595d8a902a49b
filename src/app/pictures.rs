//! Drawn pictures kept between frames: a texture is made anew only when what it shows has changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{ColorImage, TextureHandle, TextureOptions};

use super::handle::statistics;
use super::viewer::OpenSeries;
use thoracast_core::cam::{self, ColourMap, Look};
use thoracast_core::measure::{Mark, RegionStatistics};
use thoracast_core::nn::Heatmap;
use thoracast_core::slice::Picture;
use thoracast_dicom::Preview;

/// A texture and what it shows.
struct Kept<K> {
    key: K,
    texture: TextureHandle,
}

/// All textures of the window.
#[derive(Default)]
pub struct Pictures {
    /// HU statistics of the measurements shown last, so that they are not counted again in every frame.
    statistics: Vec<(u64, Mark, Option<RegionStatistics>)>,
    thumbnails: HashMap<String, TextureHandle>,
    network: [Option<Kept<u64>>; 2],
    /// The frame in which a network's picture was cut last: one a frame, so that no frame is missed.
    cut_in: Option<u64>,
    cam: [Option<Kept<u64>>; 2],
    /// The legend of Grad-CAM.
    ramp: Option<Kept<ColourMap>>,
}

/// Statistics kept; a series seldom has more measurements.
const STATISTICS_KEPT: usize = 200;

impl Pictures {
    pub fn has_thumbnail(&self, key: &str) -> bool {
        self.thumbnails.contains_key(key)
    }

    pub fn thumbnail(&self, key: &str) -> Option<&TextureHandle> {
        self.thumbnails.get(key)
    }

    pub fn keep_thumbnail(&mut self, ctx: &egui::Context, key: String, preview: &Preview) {
        let image = ColorImage::from_gray([preview.width, preview.height], &preview.grey);
        let texture = ctx.load_texture("thumbnail", image, TextureOptions::LINEAR);
        self.thumbnails.insert(key, texture);
    }

    /// HU statistics of a measurement.
    pub fn statistics(&mut self, open: &OpenSeries, mark: &Mark) -> Option<RegionStatistics> {
        // While a plane is still being read its figures would be kept incomplete.
        if open.loaded() < open.planes.len() {
            return statistics(open, mark);
        }
        let known =
            self.statistics.iter().find(|(opening, known, _)| *opening == open.opening && known == mark);
        if let Some((_, _, figures)) = known {
            return *figures;
        }
        let figures = statistics(open, mark);
        if self.statistics.len() >= STATISTICS_KEPT {
            self.statistics.drain(..STATISTICS_KEPT / 2);
        }
        self.statistics.push((open.opening, mark.clone(), figures));
        figures
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

    /// The picture with Grad-CAM over it; `key` tells pictures apart, heat map and look are looked at.
    pub fn cam(
        &mut self,
        ctx: &egui::Context,
        number: usize,
        key: u64,
        picture: &Picture,
        heatmap: &Heatmap,
        look: &Look,
    ) -> Option<TextureHandle> {
        let mut hasher = DefaultHasher::new();
        (key, look.map, look.opacity.to_bits(), look.class, look.layer).hash(&mut hasher);
        heatmap.values.iter().for_each(|v| v.to_bits().hash(&mut hasher));
        let key = hasher.finish();
        if let Some(kept) = self.cam[number].as_ref().filter(|k| k.key == key) {
            return Some(kept.texture.clone());
        }
        let over = cam::overlay(picture, heatmap, look)?;
        let image = ColorImage::from_rgba_unmultiplied([over.width, over.height], &over.bytes);
        Some(keep(&mut self.cam[number], ctx, "cam", key, TextureOptions::LINEAR, || image))
    }

    /// A colour map from low to high.
    pub fn ramp(&mut self, ctx: &egui::Context, map: ColourMap) -> Option<TextureHandle> {
        let ramp = map.ramp(128)?;
        let image = || ColorImage::from_rgba_unmultiplied([ramp.width, ramp.height], &ramp.bytes);
        Some(keep(&mut self.ramp, ctx, "ramp", map, TextureOptions::LINEAR, image))
    }
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
