//! The open series as a 3-D texture, and the views drawn from it: window, interpolation and slabs in the shader.
//!
//! Voxels are uploaded as they are stored (16 bit signed, exact); HU come from each slice's own rescale. Figures shown
//! to a person never come from here but from the voxels in memory.

mod paint;
#[cfg(test)]
mod tests;
mod volume;

use std::sync::Arc;

use eframe::egui_wgpu::RenderState;
use eframe::wgpu;

use super::placement::Placement;
use super::viewer::{OpenSeries, Viewer};
use paint::{Look, Painter};
use thoracast_dicom::Orientation;
use volume::Uploaded;

/// What the window draws volumes with.
pub struct Viewport {
    painter: Arc<Painter>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    uploaded: Option<Uploaded>,
    /// Why the open series can't be drawn, with its opening.
    refused: Option<(u64, String)>,
}

impl Viewport {
    pub fn new(render: &RenderState) -> Self {
        Self {
            painter: Arc::new(Painter::new(&render.device, render.target_format)),
            device: render.device.clone(),
            queue: render.queue.clone(),
            uploaded: None,
            refused: None,
        }
    }

    /// Brings the graphics memory up to date with what has been read; true if there is more to upload.
    pub fn update(&mut self, viewer: &Viewer) -> bool {
        let Some(open) = &viewer.open else {
            self.uploaded = None;
            return false;
        };
        if self.refused.as_ref().is_some_and(|(opening, _)| *opening == open.opening) {
            return false;
        }
        if self.uploaded.as_ref().is_none_or(|u| u.opening != open.opening) {
            // The old one goes first: two volumes might not fit.
            self.uploaded = None;
            match Uploaded::new(&self.device, &self.painter, open) {
                Ok(uploaded) => self.uploaded = Some(uploaded),
                Err(reason) => {
                    self.refused = Some((open.opening, reason));
                    return false;
                }
            }
        }
        self.uploaded.as_mut().is_some_and(|u| u.upload(&self.queue, open, viewer.cross.slice))
    }

    /// Why the open series can't be drawn, if it can't.
    pub fn refusal(&self, open: &OpenSeries) -> Option<&str> {
        self.refused.as_ref().filter(|(opening, _)| *opening == open.opening).map(|(_, reason)| &**reason)
    }

    /// The picture of one view; `None` before anything was uploaded.
    pub fn picture(
        &self,
        viewer: &Viewer,
        orientation: Orientation,
        place: &Placement,
    ) -> Option<egui::Shape> {
        let open = viewer.open.as_ref()?;
        let uploaded = self.uploaded.as_ref().filter(|u| u.opening == open.opening)?;
        let look = Look::new(viewer, &open.sections, orientation, place);
        Some(paint::shape(place.rect, Arc::clone(&self.painter), uploaded.bindings(orientation), look))
    }
}
