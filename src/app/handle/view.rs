//! Commands of the views: slice, window, zoom, presets.

use super::super::Workstation;
use super::super::state::{Level, Preset, Severity, Tab, Window};

/// Zoom limits: from a stamp to a handful of pixels filling the view.
const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.2..=40.0;

impl Workstation {
    pub(super) fn show_slice(&mut self, slice: usize) {
        if let Some(open) = &self.state.viewer.open {
            self.state.viewer.slice = slice.min(open.last_slice());
        }
    }

    /// Moves by slices towards the head (positive) or the feet.
    pub(super) fn step_slice(&mut self, by: isize) {
        let rises = self.state.viewer.open.as_ref().is_none_or(|o| o.rises_to_head());
        let by = if rises { by } else { by.saturating_neg() };
        let now = isize::try_from(self.state.viewer.slice).unwrap_or(isize::MAX);
        self.show_slice(usize::try_from(now.saturating_add(by)).unwrap_or(0));
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
        let plane = viewer.open.as_ref()?.planes.get(viewer.slice)?.as_ref()?;
        let mut values = plane.stored.clone();
        values.sort_unstable();
        let tail = values.len() / 1000;
        let hu = |stored: i16| f32::from(stored) * plane.slope + plane.intercept;
        let (a, b) = (hu(*values.get(tail)?), hu(*values.get(values.len() - 1 - tail)?));
        let (low, high) = (a.min(b), a.max(b));
        Some(Window { centre: (low + high) / 2.0, width: (high - low).max(1.0) })
    }

    pub(super) fn zoom(&mut self, factor: f32, about: egui::Vec2) {
        let viewer = &mut self.state.viewer;
        let zoom = (viewer.zoom * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
        // The picture's point under `about` stays where it is.
        viewer.pan = about - (about - viewer.pan) * (zoom / viewer.zoom);
        viewer.zoom = zoom;
    }

    pub(super) fn fit(&mut self) {
        self.state.viewer.zoom = 1.0;
        self.state.viewer.pan = egui::Vec2::ZERO;
    }

    pub(super) fn reset_view(&mut self) {
        self.fit();
        self.state.viewer.invert = false;
        self.state.viewer.window = self.file_window().unwrap_or(Window::MEDIASTINUM);
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
        let usable: Vec<usize> = (0..series.len()).filter(|&i| series[i].usable).collect();
        let here = usable.iter().position(|&i| series[i].uid == open.series.uid);
        let next = here.and_then(|h| h.checked_add_signed(by)).and_then(|n| usable.get(n).copied());
        if let Some(index) = next {
            self.open_series(index);
        }
    }
}
