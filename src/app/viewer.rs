//! What the views show and how: series, crosshair, window, zoom, tools.

use std::sync::Arc;
use std::time::Instant;

use super::action::Action;
use super::sketch::Sketch;
use thoracast_core::body::HuRange;
use thoracast_dicom::{Orientation, Plane, Section, Sections, Series, Volume, Voxel};

/// Window presets; the numbers are in [`Preset::window`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Auto,
    File,
    Mediastinum,
    Abdomen,
    Lung,
    Bone,
    Muscle,
    Fat,
}

/// Centre and width in HU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    pub centre: f32,
    pub width: f32,
}

impl Window {
    pub const MEDIASTINUM: Self = Self { centre: 40.0, width: 400.0 };

    /// The window that shows a tissue's range and nothing else.
    pub fn of(range: HuRange) -> Self {
        Self { centre: (range.low_hu + range.high_hu) / 2.0, width: range.high_hu - range.low_hu }
    }

    pub fn low(self) -> f32 {
        self.centre - self.width / 2.0
    }
}

impl Preset {
    /// The fixed presets; auto and the file's own depend on the picture.
    pub fn window(self) -> Option<Window> {
        let (centre, width) = match self {
            Self::Auto | Self::File => return None,
            Self::Mediastinum => return Some(Window::MEDIASTINUM),
            Self::Abdomen => (50.0, 320.0),
            Self::Lung => (-500.0, 1500.0),
            Self::Bone => (350.0, 2000.0),
            Self::Muscle => return Some(Window::of(HuRange::MUSCLE)),
            Self::Fat => return Some(Window::of(HuRange::VISCERAL_FAT)),
        };
        Some(Window { centre, width })
    }
}

/// What the left mouse button does in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tool {
    #[default]
    Pointer,
    Window,
    Pan,
    Zoom,
    Scroll,
    Crosshair,
    Probe,
    Distance,
    Angle,
    Ellipse,
    Polygon,
    Freehand,
}

impl Tool {
    pub const ALL: [Self; 12] = [
        Self::Pointer,
        Self::Window,
        Self::Pan,
        Self::Zoom,
        Self::Scroll,
        Self::Crosshair,
        Self::Probe,
        Self::Distance,
        Self::Angle,
        Self::Ellipse,
        Self::Polygon,
        Self::Freehand,
    ];

    /// The command that takes this tool in hand; it carries the tool's words.
    pub fn action(self) -> Action {
        match self {
            Self::Pointer => Action::ToolPointer,
            Self::Window => Action::ToolWindow,
            Self::Pan => Action::ToolPan,
            Self::Zoom => Action::ToolZoom,
            Self::Scroll => Action::ToolScroll,
            Self::Crosshair => Action::ToolCrosshair,
            Self::Probe => Action::ToolProbe,
            Self::Distance => Action::ToolDistance,
            Self::Angle => Action::ToolAngle,
            Self::Ellipse => Action::ToolEllipse,
            Self::Polygon => Action::ToolPolygon,
            Self::Freehand => Action::ToolFreehand,
        }
    }

    /// True for tools that draw measurements.
    pub fn measures(self) -> bool {
        matches!(
            self,
            Self::Probe | Self::Distance | Self::Angle | Self::Ellipse | Self::Polygon | Self::Freehand
        )
    }
}

/// How one view looks at its section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// 1 = fits the view.
    pub zoom: f32,
    /// Shift of the picture's middle from the view's, points.
    pub pan: egui::Vec2,
    /// Quarter turns clockwise, 0–3.
    pub turns: u8,
    /// Left and right exchanged, before turning.
    pub mirrored: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { zoom: 1.0, pan: egui::Vec2::ZERO, turns: 0, mirrored: false }
    }
}

impl View {
    /// Turned by 90°, clockwise or not, about the view's middle.
    pub fn rotated(mut self, clockwise: bool) -> Self {
        self.turns = (self.turns + if clockwise { 1 } else { 3 }) % 4;
        self.pan =
            if clockwise { egui::vec2(-self.pan.y, self.pan.x) } else { egui::vec2(self.pan.y, -self.pan.x) };
        self
    }

    /// Left and right of the screen exchanged.
    pub fn flipped(mut self) -> Self {
        self.mirrored = !self.mirrored;
        self.turns = (4 - self.turns) % 4;
        self.pan.x = -self.pan.x;
        self
    }

    /// Top and bottom of the screen exchanged.
    pub fn upside_down(self) -> Self {
        self.flipped().rotated(true).rotated(true)
    }
}

/// What a slab shows of the voxels it goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Projection {
    #[default]
    Mean,
    Maximum,
}

impl Projection {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Maximum => "maximum",
        }
    }
}

/// How thick the sagittal and coronal sections are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Slab {
    /// 0 = one voxel.
    pub thickness_mm: f32,
    pub projection: Projection,
}

impl Slab {
    /// The thicknesses offered, mm.
    pub const STEPS_MM: [f32; 9] = [0.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 80.0];

    /// The next thicker or thinner step.
    pub fn stepped(mut self, thicker: bool) -> Self {
        let steps = Self::STEPS_MM.into_iter();
        let next = if thicker {
            steps.clone().find(|&s| s > self.thickness_mm)
        } else {
            steps.rev().find(|&s| s < self.thickness_mm)
        };
        self.thickness_mm = next.unwrap_or(self.thickness_mm);
        self
    }
}

/// Slices shown one after another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cine {
    pub playing: bool,
    /// Pictures a second.
    pub rate: f32,
    /// When the last picture was shown.
    pub shown_at: Instant,
}

impl Cine {
    pub const RATES: std::ops::RangeInclusive<f32> = 1.0..=60.0;
}

impl Default for Cine {
    fn default() -> Self {
        Self { playing: false, rate: 15.0, shown_at: Instant::now() }
    }
}

/// The series on screen, plane by plane while it loads.
pub struct OpenSeries {
    pub series: Series,
    pub planes: Vec<Option<Arc<Plane>>>,
    /// Counts openings: tells this one's planes from those of an earlier one still on their way.
    pub opening: u64,
    /// When a person asked for it.
    pub asked_at: Instant,
    /// Complete, once every plane is there; never for pictures that are no CT volume.
    pub volume: Option<Arc<Volume>>,
    /// What is where; only the axial sections mean anything until the volume is complete.
    pub sections: Arc<Sections>,
}

impl OpenSeries {
    pub fn last_slice(&self) -> usize {
        self.planes.len().saturating_sub(1)
    }

    /// Patient z of a slice, mm.
    pub fn z_mm(&self, slice: usize) -> Option<f64> {
        self.series.frames.get(slice).filter(|_| self.series.usable).map(|f| f.origin_mm[2])
    }

    /// True where slice numbers rise towards the head, as they do for a patient scanned head first or feet first
    /// with planes numbered along +z.
    pub fn rises_to_head(&self) -> bool {
        self.z_mm(0) <= self.z_mm(self.last_slice())
    }

    /// Planes read so far.
    pub fn loaded(&self) -> usize {
        self.planes.iter().flatten().count()
    }

    /// HU (or the stored value's rescaled figure) at a voxel, once its plane is read.
    pub fn value(&self, voxel: Voxel) -> Option<f32> {
        let plane = self.planes.get(voxel.slice)?.as_ref()?;
        let index = voxel.row * self.series.columns + voxel.column;
        (index < plane.stored.len()).then(|| plane.hu(index))
    }

    /// Size of its voxels in memory, bytes.
    pub fn bytes(&self) -> u64 {
        (self.planes.len() * self.series.rows * self.series.columns * size_of::<i16>()) as u64
    }
}

/// Which part of the middle fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    #[default]
    All,
    /// One view alone.
    View(Orientation),
    /// The figures (nomogram, reasons, report) alone.
    Figures,
}

impl Layout {
    /// This part alone, or all of them again.
    pub fn toggled(self, part: Self) -> Self {
        if self == part { Self::All } else { part }
    }
}

/// What the views show.
pub struct Viewer {
    pub open: Option<OpenSeries>,
    /// The voxel all three views go through.
    pub cross: Voxel,
    pub window: Window,
    pub invert: bool,
    /// Interpolated between voxels.
    pub smooth: bool,
    pub slab: Slab,
    /// Axial, sagittal, coronal.
    pub views: [View; 3],
    /// The view that keys act on.
    pub active: Orientation,
    pub tool: Tool,
    /// A measurement being drawn.
    pub sketch: Option<Sketch>,
    /// Number of the selected measurement.
    pub selected: Option<usize>,
    pub show_crosshair: bool,
    pub show_overlay: bool,
    pub cine: Cine,
    /// Series opened so far: numbers the next.
    pub openings: u64,
    pub layout: Layout,
    /// Asked for one pixel to one: the view that knows its size answers with its zoom.
    pub one_to_one: bool,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            open: None,
            cross: Voxel::default(),
            window: Window::MEDIASTINUM,
            invert: false,
            smooth: true,
            slab: Slab::default(),
            views: [View::default(); 3],
            active: Orientation::Axial,
            tool: Tool::Pointer,
            sketch: None,
            selected: None,
            show_crosshair: true,
            show_overlay: true,
            cine: Cine::default(),
            openings: 0,
            layout: Layout::All,
            one_to_one: false,
        }
    }
}

impl Viewer {
    pub fn view(&self, orientation: Orientation) -> View {
        self.views[orientation as usize]
    }

    pub fn view_mut(&mut self, orientation: Orientation) -> &mut View {
        &mut self.views[orientation as usize]
    }

    /// Views and window as a series begins that was never shown.
    pub fn look_at_new(&mut self, series: &Series) {
        self.cross =
            Voxel { column: series.columns / 2, row: series.rows / 2, slice: series.frames.len() / 2 };
        self.reset_views();
        self.invert = series.inverted;
        self.window = series
            .windows
            .first()
            .map_or(Window::MEDIASTINUM, |&[c, w]| Window { centre: c as f32, width: (w as f32).max(1.0) });
    }

    /// All views as at opening.
    pub fn reset_views(&mut self) {
        self.views = [View::default(); 3];
    }

    /// The section an orientation shows.
    pub fn section(&self, orientation: Orientation) -> Section {
        Section { orientation, index: self.cross.index(orientation) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_and_turns_undo_themselves() {
        let view = View { pan: egui::vec2(3.0, 5.0), turns: 1, ..View::default() };
        assert_eq!(view.flipped().flipped(), view);
        assert_eq!(view.upside_down().upside_down(), view);
        assert_eq!(view.rotated(true).rotated(false), view);
        assert_eq!((0..4).fold(view, |v, _| v.rotated(true)), view);
    }

    #[test]
    fn slabs_step_through_the_offered_thicknesses() {
        let slab = Slab::default();
        assert_eq!(slab.stepped(true).thickness_mm, 2.0);
        assert_eq!(slab.stepped(false).thickness_mm, 0.0);
        assert_eq!(Slab { thickness_mm: 80.0, ..slab }.stepped(true).thickness_mm, 80.0);
        assert_eq!(Slab { thickness_mm: 7.0, ..slab }.stepped(false).thickness_mm, 5.0);
    }
}
