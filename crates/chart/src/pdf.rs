//! Vector PDF of charts: text stays text (selectable, searchable), fonts are embedded as subsets.

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill as PdfFill, LineJoin, Stroke as PdfStroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

use super::mark::outline;
use super::{Chart, ChartError, Fill, Mark, Rect, Stroke, Text, Theme, Weight, fonts};

/// What stands in the document's properties.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties {
    pub title: String,
    pub subject: String,
    /// RFC 3339; left out of the properties where it cannot be read.
    pub created: Option<String>,
}

/// One chart as a PDF page of its own size in points.
///
/// # Errors
/// [`ChartError::Pdf`] where the chart has no size or the library refuses the document.
pub fn pdf(chart: &Chart, theme: &Theme) -> Result<Vec<u8>, ChartError> {
    let properties = Properties { title: chart.title.clone(), ..Properties::default() };
    document(std::slice::from_ref(chart), theme, &properties)
}

/// Charts as the pages of one PDF.
///
/// # Errors
/// As for [`pdf`].
pub fn document(pages: &[Chart], theme: &Theme, properties: &Properties) -> Result<Vec<u8>, ChartError> {
    let painter = Painter { theme, regular: font(Weight::Regular)?, semibold: font(Weight::SemiBold)? };
    let mut document = Document::new();
    document.set_metadata(metadata(properties));
    for chart in pages {
        let settings = PageSettings::from_wh(chart.width, chart.height).ok_or_else(|| {
            ChartError::Pdf(format!("a page of {}×{} points does not exist", chart.width, chart.height))
        })?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        painter.page(&mut surface, chart);
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|e| ChartError::Pdf(format!("{e:?}")))
}

fn font(weight: Weight) -> Result<Font, ChartError> {
    Font::new(fonts::bytes(weight).to_vec().into(), 0)
        .ok_or_else(|| ChartError::Pdf("the bundled font is damaged".to_owned()))
}

fn metadata(properties: &Properties) -> Metadata {
    let metadata = Metadata::new()
        .title(properties.title.clone())
        .description(properties.subject.clone())
        .language("en".to_owned())
        .creator(format!("Thoracast {}", env!("CARGO_PKG_VERSION")));
    match properties.created.as_deref().and_then(date_time) {
        Some(date) => metadata.creation_date(date),
        None => metadata,
    }
}

/// `2026-03-09T14:05:00+01:00` or `…Z`.
fn date_time(rfc3339: &str) -> Option<DateTime> {
    let part = |from: usize, to: usize| rfc3339.get(from..to)?.parse::<u8>().ok();
    let mut date = DateTime::new(rfc3339.get(0..4)?.parse().ok()?)
        .month(part(5, 7)?)
        .day(part(8, 10)?)
        .hour(part(11, 13)?)
        .minute(part(14, 16)?)
        .second(part(17, 19)?);
    let zone = rfc3339.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let (hours, minutes) = match zone {
        "Z" | "z" => (0, 0),
        _ => (zone.get(0..3)?.parse::<i8>().ok()?, zone.get(4..6)?.parse::<u8>().ok()?),
    };
    date = date.utc_offset_hour(hours).utc_offset_minute(minutes);
    Some(date)
}

struct Painter<'a> {
    theme: &'a Theme,
    regular: Font,
    semibold: Font,
}

impl Painter<'_> {
    fn page(&self, surface: &mut Surface<'_>, chart: &Chart) {
        let paper = Fill { role: super::Role::Paper, opacity: 1.0 };
        let sheet = Rect::new(0.0, 0.0, chart.width, chart.height);
        self.path(surface, rectangle(&sheet, 0.0), Some(&paper), None);
        for mark in &chart.marks {
            self.mark(surface, mark);
        }
    }

    fn mark(&self, surface: &mut Surface<'_>, mark: &Mark) {
        match mark {
            Mark::Line { from, to, stroke } => {
                self.path(surface, poly(&[*from, *to], false), None, Some(stroke))
            }
            Mark::Polyline { points, stroke } => self.path(surface, poly(points, false), None, Some(stroke)),
            Mark::Polygon { points, fill, stroke } => {
                self.path(surface, poly(points, true), fill.as_ref(), stroke.as_ref());
            }
            Mark::Band { edges, fill } => {
                self.path(surface, poly(&outline(edges), true), Some(fill), None);
            }
            Mark::Rect { rect, radius, fill, stroke } => {
                self.path(surface, rectangle(rect, *radius), fill.as_ref(), stroke.as_ref());
            }
            Mark::Circle { centre: [x, y], radius: r, fill, stroke } => {
                let square = Rect::new(x - r, y - r, 2.0 * r, 2.0 * r);
                self.path(surface, rectangle(&square, *r), fill.as_ref(), stroke.as_ref());
            }
            Mark::Text(text) => self.text(surface, text),
            Mark::Image { rect, picture } => {
                let sizes = (u32::try_from(picture.width), u32::try_from(picture.height));
                let (Ok(width), Ok(height)) = sizes else { return };
                let Some(size) = Size::from_wh(rect.width, rect.height) else { return };
                surface.push_transform(&Transform::from_translate(rect.x, rect.y));
                surface.draw_image(Image::from_rgba8(picture.bytes.clone(), width, height), size);
                surface.pop();
            }
        }
    }

    fn path(
        &self,
        surface: &mut Surface<'_>,
        path: Option<Path>,
        fill: Option<&Fill>,
        stroke: Option<&Stroke>,
    ) {
        let Some(path) = path else { return };
        surface.set_fill(fill.map(|f| self.fill(f)));
        surface.set_stroke(stroke.map(|s| self.stroke(s)));
        surface.draw_path(&path);
    }

    fn text(&self, surface: &mut Surface<'_>, text: &Text) {
        let font = match text.weight {
            Weight::Regular => self.regular.clone(),
            Weight::SemiBold => self.semibold.clone(),
        };
        let rotation = Transform::from_rotate_at(text.rotation_deg, text.at[0], text.at[1]);
        let clean: String = text.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        surface.push_transform(&rotation);
        surface.set_fill(Some(self.fill(&text.fill)));
        surface.set_stroke(None);
        let start = Point::from_xy(text.start_x(), text.at[1]);
        surface.draw_text(start, font, text.size, &clean, false, TextDirection::Auto);
        surface.pop();
    }

    fn fill(&self, fill: &Fill) -> PdfFill {
        PdfFill { paint: self.colour(fill.role).into(), opacity: opacity(fill.opacity), ..PdfFill::default() }
    }

    fn stroke(&self, stroke: &Stroke) -> PdfStroke {
        PdfStroke {
            paint: self.colour(stroke.role).into(),
            width: stroke.width,
            opacity: opacity(stroke.opacity),
            line_join: LineJoin::Round,
            dash: stroke.dash.map(|dash| StrokeDash { array: dash.to_vec(), offset: 0.0 }),
            ..PdfStroke::default()
        }
    }

    fn colour(&self, role: super::Role) -> rgb::Color {
        let [r, g, b] = self.theme.colour(role).0;
        rgb::Color::new(r, g, b)
    }
}

fn opacity(value: f32) -> NormalizedF32 {
    NormalizedF32::new(value.clamp(0.0, 1.0)).unwrap_or(NormalizedF32::ONE)
}

fn poly(points: &[[f32; 2]], closed: bool) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first[0], first[1]);
    for point in rest {
        builder.line_to(point[0], point[1]);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// A rectangle with corners rounded by four Bézier quarter circles.
fn rectangle(rect: &Rect, radius: f32) -> Option<Path> {
    let (l, t, r, b) = (rect.x, rect.y, rect.right(), rect.bottom());
    let radius = radius.min(rect.width / 2.0).min(rect.height / 2.0);
    if radius <= 0.0 {
        return poly(&[[l, t], [r, t], [r, b], [l, b]], true);
    }
    let c = radius * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(l + radius, t);
    path.line_to(r - radius, t);
    path.cubic_to(r - c, t, r, t + c, r, t + radius);
    path.line_to(r, b - radius);
    path.cubic_to(r, b - c, r - c, b, r - radius, b);
    path.line_to(l + radius, b);
    path.cubic_to(l + c, b, l, b - c, l, b - radius);
    path.line_to(l, t + radius);
    path.cubic_to(l, t + c, l + c, t, l + radius, t);
    path.close();
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn a_chart_becomes_one_page_with_embedded_fonts() {
        let mut chart = Chart::new(200.0, 100.0, "Two words");
        chart.text(Text::new([10.0, 50.0], "Risk ≥ 20 %", 12.0, Role::Ink).rotated(-90.0));
        chart.dot([50.0, 50.0], 0.0, Role::Ink.fill());
        chart.line([0.0, 0.0], [f32::NAN, 10.0], Role::Ink.stroke(1.0).dashed(2.0, 2.0));
        let bytes = pdf(&chart, &Theme::light()).unwrap();
        assert!(bytes.starts_with(b"%PDF-"));
        let holds = |words: &[u8]| bytes.windows(words.len()).any(|w| w == words);
        assert!(holds(b"/Count 1") && holds(b"InterTabular-Regular"));
    }

    #[test]
    fn a_chart_without_size_is_an_error() {
        assert!(matches!(pdf(&Chart::new(0.0, 10.0, ""), &Theme::light()), Err(ChartError::Pdf(_))));
    }

    #[test]
    fn dates_with_zone_fraction_and_z_are_read() {
        for text in ["2026-03-09T14:05:00+01:00", "2026-03-09T14:05:00.123Z", "2026-03-09T14:05:00-05:30"] {
            assert!(date_time(text).is_some(), "{text}");
        }
        for text in ["", "yesterday", "2026-03-09"] {
            assert!(date_time(text).is_none(), "{text}");
        }
    }
}
