//! Charts on screen.

use std::collections::HashMap;
use std::sync::Arc;

use ::egui::{
    self, Color32, ColorImage, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Id, Painter,
    Pos2, Shape, StrokeKind, TextureHandle, TextureOptions, pos2,
};

use super::{Anchor, Chart, Fill, Mark, Rgba, Stroke, Text, Theme, Weight, fonts};

/// The family name under which the semibold weight is installed.
pub const SEMIBOLD_FAMILY: &str = "Inter Tabular SemiBold";

/// Textures kept between frames; a report page or a pair of overlays needs a handful.
const TEXTURES_KEPT: usize = 24;

/// Puts the bundled typeface first for text, and registers both weights under their own names.
pub fn install_fonts(definitions: &mut FontDefinitions) {
    let mut install = |name: &str, bytes: &'static [u8]| {
        definitions.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    };
    install(fonts::FAMILY, fonts::REGULAR);
    install(SEMIBOLD_FAMILY, fonts::SEMIBOLD);
    let fallbacks = definitions.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with_fallbacks = |first: &str| {
        let mut names = vec![first.to_owned()];
        names.extend(fallbacks.iter().filter(|name| *name != first).cloned());
        names
    };
    definitions.families.insert(FontFamily::Proportional, with_fallbacks(fonts::FAMILY));
    definitions.families.insert(FontFamily::Name(fonts::FAMILY.into()), with_fallbacks(fonts::FAMILY));
    definitions.families.insert(FontFamily::Name(SEMIBOLD_FAMILY.into()), with_fallbacks(SEMIBOLD_FAMILY));
}

/// Paints the chart into `rect`, scaled to fit with its aspect kept and centred; the paper is painted too.
///
/// Works with any fonts, and looks as exported once [`install_fonts`] was applied to the context.
pub fn paint(painter: &Painter, rect: egui::Rect, chart: &Chart, theme: &Theme) {
    if !(chart.width > 0.0 && chart.height > 0.0 && rect.is_positive()) {
        return;
    }
    let screen = Screen::fit(painter, rect, chart, theme);
    let sheet = egui::Rect::from_min_size(
        screen.origin,
        egui::vec2(chart.width * screen.scale, chart.height * screen.scale),
    );
    painter.rect_filled(sheet, CornerRadius::ZERO, screen.colour(&super::Role::Paper.fill()));
    for mark in &chart.marks {
        screen.mark(mark);
    }
}

/// Where a chart's point lands in `rect` on the screen; for hovering and dragging.
pub fn to_screen(rect: egui::Rect, chart: &Chart, point: [f32; 2]) -> Pos2 {
    let (origin, scale) = placement(rect, chart);
    pos2(origin.x + point[0] * scale, origin.y + point[1] * scale)
}

/// The chart's point under a screen position; the inverse of [`to_screen`].
pub fn from_screen(rect: egui::Rect, chart: &Chart, position: Pos2) -> [f32; 2] {
    let (origin, scale) = placement(rect, chart);
    [(position.x - origin.x) / scale, (position.y - origin.y) / scale]
}

fn placement(rect: egui::Rect, chart: &Chart) -> (Pos2, f32) {
    let scale = (rect.width() / chart.width).min(rect.height() / chart.height);
    let spare = rect.size() - egui::vec2(chart.width, chart.height) * scale;
    (rect.min + spare / 2.0, scale)
}

struct Screen<'a> {
    painter: &'a Painter,
    theme: &'a Theme,
    origin: Pos2,
    scale: f32,
    regular: FontFamily,
    semibold: FontFamily,
}

impl<'a> Screen<'a> {
    fn fit(painter: &'a Painter, rect: egui::Rect, chart: &Chart, theme: &'a Theme) -> Self {
        let (origin, scale) = placement(rect, chart);
        // An unknown family makes egui panic, so ask first.
        let family = |name: &str| {
            let named = FontFamily::Name(name.into());
            let known = painter.fonts(|f| f.definitions().families.contains_key(&named));
            if known { named } else { FontFamily::Proportional }
        };
        Self {
            painter,
            theme,
            origin,
            scale,
            regular: family(fonts::FAMILY),
            semibold: family(SEMIBOLD_FAMILY),
        }
    }

    fn pos(&self, p: [f32; 2]) -> Pos2 {
        pos2(self.origin.x + p[0] * self.scale, self.origin.y + p[1] * self.scale)
    }

    fn rect(&self, r: &super::Rect) -> egui::Rect {
        egui::Rect::from_min_max(self.pos([r.x, r.y]), self.pos([r.right(), r.bottom()]))
    }

    fn colour(&self, fill: &Fill) -> Color32 {
        let [r, g, b] = self.theme.colour(fill.role).0;
        let alpha = (fill.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        Color32::from_rgba_unmultiplied(r, g, b, alpha)
    }

    fn fill(&self, fill: Option<&Fill>) -> Color32 {
        fill.map_or(Color32::TRANSPARENT, |fill| self.colour(fill))
    }

    fn stroke(&self, stroke: Option<&Stroke>) -> egui::Stroke {
        stroke.map_or(egui::Stroke::NONE, |s| {
            let colour = self.colour(&Fill { role: s.role, opacity: s.opacity });
            egui::Stroke::new(s.width * self.scale, colour)
        })
    }

    fn mark(&self, mark: &Mark) {
        match mark {
            Mark::Line { from, to, stroke } => self.path(&[*from, *to], stroke),
            Mark::Polyline { points, stroke } => self.path(points, stroke),
            Mark::Polygon { points, fill, stroke } => {
                let points = points.iter().map(|&p| self.pos(p)).collect();
                let (fill, stroke) = (self.fill(fill.as_ref()), self.stroke(stroke.as_ref()));
                self.painter.add(Shape::convex_polygon(points, fill, stroke));
            }
            Mark::Band { edges, fill } => self.band(edges, self.colour(fill)),
            Mark::Rect { rect, radius, fill, stroke } => {
                let rect = self.rect(rect);
                let radius = (radius * self.scale).min(rect.width() / 2.0).min(rect.height() / 2.0);
                let corners = CornerRadius::same(radius.round().clamp(0.0, 255.0) as u8);
                let (fill, stroke) = (self.fill(fill.as_ref()), self.stroke(stroke.as_ref()));
                self.painter.rect(rect, corners, fill, stroke, StrokeKind::Middle);
            }
            Mark::Circle { centre, radius, fill, stroke } => {
                let (fill, stroke) = (self.fill(fill.as_ref()), self.stroke(stroke.as_ref()));
                self.painter.circle(self.pos(*centre), radius * self.scale, fill, stroke);
            }
            Mark::Text(text) => self.text(text),
            Mark::Image { rect, picture } => {
                let texture = texture(self.painter.ctx(), picture);
                let whole = egui::Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                self.painter.image(texture.id(), self.rect(rect), whole, Color32::WHITE);
            }
        }
    }

    /// Triangles that share their corners: single polygons beside each other would show the seams of their soft edges.
    fn band(&self, edges: &[[f32; 3]], colour: Color32) {
        let mut mesh = egui::Mesh::default();
        for [x, upper, lower] in edges {
            mesh.colored_vertex(self.pos([*x, *upper]), colour);
            mesh.colored_vertex(self.pos([*x, *lower]), colour);
        }
        for i in (0..(2 * edges.len() as u32).saturating_sub(2)).step_by(2) {
            mesh.add_triangle(i, i + 1, i + 2);
            mesh.add_triangle(i + 1, i + 3, i + 2);
        }
        self.painter.add(mesh);
    }

    fn path(&self, points: &[[f32; 2]], stroke: &Stroke) {
        let points: Vec<Pos2> = points.iter().map(|&p| self.pos(p)).collect();
        let line = self.stroke(Some(stroke));
        match stroke.dash {
            Some([dash, gap]) => {
                self.painter.extend(Shape::dashed_line(&points, line, dash * self.scale, gap * self.scale));
            }
            None => {
                self.painter.add(Shape::line(points, line));
            }
        }
    }

    fn text(&self, text: &Text) {
        let family = match text.weight {
            Weight::Regular => self.regular.clone(),
            Weight::SemiBold => self.semibold.clone(),
        };
        let font = FontId::new(text.size * self.scale, family);
        let galley = self.painter.layout_no_wrap(text.text.clone(), font, self.colour(&text.fill));
        let baseline = galley
            .rows
            .first()
            .and_then(|row| row.glyphs.first().map(|g| row.pos.y + g.pos.y))
            .unwrap_or(galley.size().y);
        let before = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => galley.size().x / 2.0,
            Anchor::End => galley.size().x,
        };
        let angle = text.rotation_deg.to_radians();
        // The galley turns about its corner; put the corner where the turned anchor lands on `at`.
        let corner = egui::emath::Rot2::from_angle(angle) * egui::vec2(-before, -baseline);
        let colour = self.colour(&text.fill);
        let shape =
            egui::epaint::TextShape::new(self.pos(text.at) + corner, galley, colour).with_angle(angle);
        self.painter.add(shape);
    }
}

#[derive(Clone, Default)]
struct Textures {
    by_key: HashMap<u64, (u64, TextureHandle)>,
    uses: u64,
}

/// The picture's texture, uploaded once and kept in the context's memory while it is in use.
fn texture(ctx: &egui::Context, picture: &Rgba) -> TextureHandle {
    let id = Id::unique("thoracast chart textures");
    let mut textures: Textures = ctx.data(|data| data.get_temp(id)).unwrap_or_default();
    textures.uses += 1;
    let now = textures.uses;
    let handle = match textures.by_key.get_mut(&picture.key()) {
        Some((used, handle)) => {
            *used = now;
            handle.clone()
        }
        None => {
            let image = ColorImage::from_rgba_unmultiplied([picture.width, picture.height], &picture.bytes);
            let handle = ctx.load_texture("chart picture", image, TextureOptions::LINEAR);
            textures.by_key.insert(picture.key(), (now, handle.clone()));
            handle
        }
    };
    if textures.by_key.len() > TEXTURES_KEPT {
        let oldest = textures.by_key.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
        oldest.map(|key| textures.by_key.remove(&key));
    }
    ctx.data_mut(|data| data.insert_temp(id, textures));
    handle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rect, Role};

    fn sample() -> Chart {
        let mut chart = Chart::new(200.0, 100.0, "sample");
        chart.text(Text::new([100.0, 50.0], "Risk 0.83", 10.0, Role::Ink).bold().anchored(Anchor::Middle));
        chart.text(Text::new([20.0, 50.0], "up", 10.0, Role::Ink).rotated(-90.0));
        chart.line([0.0, 0.0], [200.0, 100.0], Role::Grid.stroke(1.0).dashed(3.0, 2.0));
        let picture = Rgba::new(1, 1, vec![255, 0, 0, 255]).unwrap();
        chart.image(Rect::new(0.0, 0.0, 10.0, 10.0), Arc::new(picture));
        chart
    }

    /// Shapes painted into a 400×400 rectangle after two frames.
    fn shapes(with_fonts: bool) -> Vec<egui::epaint::ClippedShape> {
        let ctx = egui::Context::default();
        if with_fonts {
            let mut definitions = FontDefinitions::default();
            install_fonts(&mut definitions);
            ctx.set_fonts(definitions);
        }
        let area = egui::Rect::from_min_size(pos2(0.0, 0.0), egui::vec2(400.0, 400.0));
        let mut shapes = Vec::new();
        for _ in 0..2 {
            let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
                paint(&ui.ctx().layer_painter(egui::LayerId::background()), area, &sample(), &Theme::dark());
            });
            shapes = std::mem::take(&mut output.shapes);
            output.textures_delta.clear();
        }
        shapes
    }

    #[test]
    fn text_is_centred_on_its_anchor_and_stands_on_its_baseline() {
        for with_fonts in [true, false] {
            let shapes = shapes(with_fonts);
            let text = shapes
                .iter()
                .find_map(|s| match &s.shape {
                    Shape::Text(t) if t.galley.text() == "Risk 0.83" => Some(t.clone()),
                    _ => None,
                })
                .unwrap();
            // 200×100 in 400×400: scale 2, 100 points of paper above and below.
            let middle = text.pos.x + text.galley.size().x / 2.0;
            assert!((middle - 200.0).abs() < 0.6, "{middle}");
            let row = &text.galley.rows[0];
            let baseline = text.pos.y + row.pos.y + row.glyphs[0].pos.y;
            assert!((baseline - 200.0).abs() < 0.6, "{baseline}");
        }
    }

    #[test]
    fn the_screen_measures_text_as_the_layout_does() {
        let measured = crate::text::width("Risk 0.83", 20.0, Weight::SemiBold);
        let painted = shapes(true)
            .iter()
            .find_map(|s| match &s.shape {
                Shape::Text(t) if t.galley.text() == "Risk 0.83" => Some(t.galley.size().x),
                _ => None,
            })
            .unwrap();
        assert!((measured - painted).abs() < 0.03 * measured, "{measured} {painted}");
    }

    #[test]
    fn screen_positions_go_there_and_back() {
        let rect = egui::Rect::from_min_size(pos2(30.0, 10.0), egui::vec2(500.0, 120.0));
        let there = to_screen(rect, &sample(), [150.0, 75.0]);
        let back = from_screen(rect, &sample(), there);
        assert!((back[0] - 150.0).abs() < 1e-3 && (back[1] - 75.0).abs() < 1e-3);
    }
}
