//! Commands of the views: sections, window, zoom, turns, presets, cine.

use std::time::{Duration, Instant};

use super::super::Workstation;
use super::super::state::{Level, Preset, Severity, Tab, Window};
use super::super::viewer::{Cine, Projection, Tool, View};
use thoracast_dicom::{Orientation, Section, Voxel};

/// Zoom limits: from a stamp to a handful of pixels filling the view.
const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.2..=40.0;

impl Workstation {
    pub(super) fn show_slice(&mut self, slice: usize) {
        self.show_section(Section { orientation: Orientation::Axial, index: slice });
    }

    pub(super) fn show_section(&mut self, section: Section) {
        if let Some(open) = &self.state.viewer.open {
            let last = open.sections.count(section.orientation).saturating_sub(1);
            let cross = &mut self.state.viewer.cross;
            *cross = cross.with_index(section.orientation, section.index.min(last));
        }
    }

    pub(super) fn cross(&mut self, voxel: Voxel) {
        for orientation in Orientation::ALL {
            self.show_section(Section { orientation, index: voxel.index(orientation) });
        }
    }

    /// Moves the active view by sections: slices towards the head (positive) or the feet, columns and rows by number.
    pub(super) fn step_slice(&mut self, by: isize) {
        let viewer = &self.state.viewer;
        let orientation = viewer.active;
        let falls =
            orientation == Orientation::Axial && viewer.open.as_ref().is_some_and(|o| !o.rises_to_head());
        let by = if falls { by.saturating_neg() } else { by };
        let now = isize::try_from(viewer.cross.index(orientation)).unwrap_or(isize::MAX);
        let index = usize::try_from(now.saturating_add(by)).unwrap_or(0);
        self.show_section(Section { orientation, index });
    }

    pub(super) fn go_to(&mut self, level: Level) {
        if let Some(slice) = self.state.inputs.level(level) {
            self.show_slice(slice);
        } else {
            self.state.tell(Severity::Info, format!("{} is not set yet", level.name()));
        }
    }

    pub(super) fn set_window(&mut self, centre: f32, width: f32) {
        let width = width.clamp(1.0, 20_000.0);
        self.state.viewer.window = Window { centre: centre.clamp(-20_000.0, 20_000.0), width };
    }

    pub(super) fn preset(&mut self, preset: Preset) {
        let window = match preset {
            Preset::Auto => self.auto_window(),
            Preset::File => self.file_window(),
            fixed => fixed.window(),
        };
        match window {
            Some(window) => self.state.viewer.window = window,
            None if self.state.viewer.open.is_none() => {}
            None => self.state.tell(Severity::Info, "this series states no window of its own"),
        }
    }

    fn file_window(&self) -> Option<Window> {
        let open = self.state.viewer.open.as_ref()?;
        open.series
            .windows
            .first()
            .map(|&[centre, width]| Window { centre: centre as f32, width: (width as f32).max(1.0) })
    }

    /// All but the darkest and brightest 0.1 % of the shown slice.
    fn auto_window(&self) -> Option<Window> {
        let viewer = &self.state.viewer;
        let plane = viewer.open.as_ref()?.planes.get(viewer.cross.slice)?.as_ref()?;
        let hu = |stored: i16| f32::from(stored) * plane.slope + plane.intercept;
        // Padding around the scanner's field was never measured.
        let padding = viewer.open.as_ref()?.series.padding.map(|p| p as f32);
        let measured = |v: &i16| padding.is_none_or(|p| (hu(*v) - p).abs() >= plane.slope.abs() / 2.0);
        let mut values: Vec<i16> = plane.stored.iter().copied().filter(measured).collect();
        values.sort_unstable();
        let tail = values.len() / 1000;
        let (a, b) = (hu(*values.get(tail)?), hu(*values.get(values.len() - 1 - tail)?));
        let (low, high) = (a.min(b), a.max(b));
        Some(Window { centre: (low + high) / 2.0, width: (high - low).max(1.0) })
    }

    pub(super) fn zoom(&mut self, view: Orientation, factor: f32, about: egui::Vec2) {
        let view = self.state.viewer.view_mut(view);
        let zoom = (view.zoom * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
        // The picture's point under `about` stays where it is.
        view.pan = about - (about - view.pan) * (zoom / view.zoom);
        view.zoom = zoom;
    }

    pub(super) fn set_zoom(&mut self, view: Orientation, zoom: f32) {
        self.state.viewer.one_to_one = false;
        let now = self.state.viewer.view(view).zoom;
        self.zoom(view, zoom / now, egui::Vec2::ZERO);
    }

    /// Turns or flips the active view.
    pub(super) fn turn(&mut self, turned: impl Fn(View) -> View) {
        let view = self.state.viewer.view_mut(self.state.viewer.active);
        *view = turned(*view);
    }

    pub(super) fn fit(&mut self) {
        let view = self.state.viewer.view_mut(self.state.viewer.active);
        view.zoom = 1.0;
        view.pan = egui::Vec2::ZERO;
    }

    pub(super) fn reset_view(&mut self) {
        self.state.viewer.reset_views();
        self.state.viewer.slab = Default::default();
        self.state.viewer.invert = false;
        self.state.viewer.window = self.file_window().unwrap_or(Window::MEDIASTINUM);
    }

    pub(super) fn other_projection(&mut self) {
        let slab = &mut self.state.viewer.slab;
        slab.projection = match slab.projection {
            Projection::Mean => Projection::Maximum,
            Projection::Maximum => Projection::Mean,
        };
    }

    /// Takes a tool in hand; Esc first drops what is being drawn.
    pub(super) fn take_tool(&mut self, tool: Tool) {
        let drawing = self.state.viewer.sketch.take().is_some();
        if tool == Tool::Pointer && drawing {
            return;
        }
        if tool == Tool::Pointer {
            self.state.viewer.selected = None;
            self.state.viewer.cine.playing = false;
        }
        self.state.viewer.tool = tool;
    }

    pub(super) fn toggle_cine(&mut self) {
        let viewer = &mut self.state.viewer;
        viewer.cine.playing = !viewer.cine.playing && viewer.open.is_some();
        viewer.cine.shown_at = Instant::now();
    }

    pub(super) fn cine_rate(&mut self, rate: f32) {
        self.state.viewer.cine.rate = rate.clamp(*Cine::RATES.start(), *Cine::RATES.end());
    }

    /// Shows the next picture of the cine when its time has come; from the last one it goes on with the first.
    pub(in super::super) fn play(&mut self, ctx: &egui::Context) {
        let cine = self.state.viewer.cine;
        let Some(open) = self.state.viewer.open.as_ref().filter(|_| cine.playing) else { return };
        let step = Duration::from_secs_f32(1.0 / cine.rate);
        let elapsed = cine.shown_at.elapsed();
        if elapsed < step {
            return ctx.request_repaint_after(step - elapsed);
        }
        let orientation = self.state.viewer.active;
        let count = open.sections.count(orientation);
        // Pictures that a slow machine can't show in time are skipped: the speed stays true.
        let passed = (elapsed.as_secs_f32() / step.as_secs_f32()) as usize;
        let index = (self.state.viewer.cross.index(orientation) + passed.max(1)) % count.max(1);
        self.state.viewer.cine.shown_at = Instant::now();
        self.show_section(Section { orientation, index });
        ctx.request_repaint_after(step);
    }

    pub(super) fn show_tab(&mut self, tab: Tab) {
        self.state.tab = tab;
        if tab == Tab::Report {
            self.preview_report();
        }
    }

    pub(super) fn step_series(&mut self, by: isize) {
        let series = &self.state.scan.series;
        let Some(open) = &self.state.viewer.open else { return };
        let shown: Vec<usize> = (0..series.len()).filter(|&i| series[i].viewable).collect();
        // Stacks of one series share its UID.
        let is_open =
            |i: &usize| series[*i].uid == open.series.uid && series[*i].frames == open.series.frames;
        let here = shown.iter().position(is_open);
        let next = here.and_then(|h| h.checked_add_signed(by)).and_then(|n| shown.get(n).copied());
        if let Some(index) = next {
            self.open_series(index);
        }
    }
}
