//! Where a section lies in its view: millimetres of the section to points of the screen and back.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use super::viewer::View;
use thoracast_dicom::{Orientation, Sections};

/// The way from a section's mm to the screen: centred, fitted, zoomed, mirrored, turned, shifted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    pub rect: Rect,
    /// Middle of the section, mm.
    middle_mm: [f64; 2],
    /// Screen directions of the section's right and down, each of length one.
    right: Vec2,
    down: Vec2,
    shift: Vec2,
    pub points_per_mm: f32,
}

impl Placement {
    pub fn new(rect: Rect, view: View, sections: &Sections, orientation: Orientation) -> Self {
        let (span, pixel) = (sections.span_mm(orientation), sections.pixel_mm(orientation));
        let size = vec2((span[0] + pixel[0]) as f32, (span[1] + pixel[1]) as f32);
        let turned = if view.turns % 2 == 1 { vec2(size.y, size.x) } else { size };
        let fit = (rect.width() / turned.x.max(1e-3)).min(rect.height() / turned.y.max(1e-3));
        let quarter = |v: Vec2| vec2(-v.y, v.x);
        let turn = |v: Vec2| (0..view.turns % 4).fold(v, |v, _| quarter(v));
        Self {
            rect,
            middle_mm: [span[0] / 2.0, span[1] / 2.0],
            right: turn(vec2(if view.mirrored { -1.0 } else { 1.0 }, 0.0)),
            down: turn(vec2(0.0, 1.0)),
            shift: view.pan,
            points_per_mm: fit.max(1e-6) * view.zoom,
        }
    }

    /// Where a point of the section stands on screen.
    pub fn screen(&self, [x, y]: [f64; 2]) -> Pos2 {
        let (x, y) = ((x - self.middle_mm[0]) as f32, (y - self.middle_mm[1]) as f32);
        self.rect.center() + self.shift + (self.right * x + self.down * y) * self.points_per_mm
    }

    /// The section's point under a point of the screen, mm.
    pub fn mm(&self, at: Pos2) -> [f64; 2] {
        let from_middle = (at - self.rect.center() - self.shift) / self.points_per_mm;
        [
            self.middle_mm[0] + f64::from(from_middle.dot(self.right)),
            self.middle_mm[1] + f64::from(from_middle.dot(self.down)),
        ]
    }

    /// Section mm at the view's corners: top left, then the ways to the top right and to the bottom left.
    pub fn frame(&self) -> [[f32; 2]; 3] {
        let corner = self.mm(self.rect.left_top());
        let to = |at: Pos2| {
            let end = self.mm(at);
            [(end[0] - corner[0]) as f32, (end[1] - corner[1]) as f32]
        };
        [
            [corner[0] as f32, corner[1] as f32],
            to(pos2(self.rect.right(), self.rect.top())),
            to(pos2(self.rect.left(), self.rect.bottom())),
        ]
    }

    /// Patient directions of the screen's right and down, for the orientation letters.
    pub fn screen_directions(&self, [right, down]: [[f64; 3]; 2]) -> [[f64; 3]; 2] {
        let along = |screen: Vec2| {
            let (a, b) = (f64::from(screen.dot(self.right)), f64::from(screen.dot(self.down)));
            std::array::from_fn(|i| right[i] * a + down[i] * b)
        };
        [along(vec2(1.0, 0.0)), along(vec2(0.0, 1.0))]
    }

    /// The zoom at which one pixel of the section fills one pixel of the screen across.
    pub fn zoom_for_pixels(&self, view: View, pixel_mm: f64, pixels_per_point: f32) -> f32 {
        let fit = self.points_per_mm / view.zoom;
        1.0 / (pixel_mm as f32 * fit * pixels_per_point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thoracast_dicom::orientation_letters;

    fn sections() -> Sections {
        Sections::flat(200, 100, 10, [0.5, 0.8]).unwrap()
    }

    fn every_view() -> impl Iterator<Item = View> {
        (0..8u8).map(|i| View { turns: i % 4, mirrored: i >= 4, zoom: 1.7, pan: vec2(13.0, -7.0) })
    }

    #[test]
    fn screen_points_lead_back_to_their_millimetres() {
        let rect = Rect::from_min_size(pos2(40.0, 20.0), vec2(300.0, 200.0));
        for view in every_view() {
            let place = Placement::new(rect, view, &sections(), Orientation::Axial);
            for point in [[0.0, 0.0], [31.5, 12.25], [79.2, 99.5]] {
                let back = place.mm(place.screen(point));
                assert!((back[0] - point[0]).abs() < 1e-3 && (back[1] - point[1]).abs() < 1e-3, "{view:?}");
            }
            let [corner, across, _] = place.frame();
            let right_top = place.mm(rect.right_top());
            assert!((f64::from(corner[0] + across[0]) - right_top[0]).abs() < 1e-3);
        }
    }

    #[test]
    fn the_letters_follow_flips_and_turns() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 200.0));
        let axial = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let letters = |view: View| {
            let place = Placement::new(rect, view, &sections(), Orientation::Axial);
            place.screen_directions(axial).map(orientation_letters)
        };
        let view = View::default();
        assert_eq!(letters(view), ["L", "P"]);
        assert_eq!(letters(view.flipped()), ["R", "P"]);
        assert_eq!(letters(view.upside_down()), ["L", "A"]);
        // Clockwise: what was at the top (front) is now at the right.
        assert_eq!(letters(view.rotated(true)), ["A", "L"]);
        assert_eq!(letters(view.rotated(true).flipped()), ["P", "L"]);
        assert_eq!(letters(view.flipped().rotated(true)), ["A", "R"]);
    }

    #[test]
    fn the_whole_picture_fits_unless_zoomed() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(160.0, 500.0));
        let place = Placement::new(rect, View::default(), &sections(), Orientation::Axial);
        // 100 columns of 0.8 mm are 80 mm on 160 points.
        assert!((place.points_per_mm - 2.0).abs() < 1e-5);
        let zoom = place.zoom_for_pixels(View::default(), 0.8, 1.0);
        assert!((zoom * place.points_per_mm * 0.8 - 1.0).abs() < 1e-5);
    }
}
