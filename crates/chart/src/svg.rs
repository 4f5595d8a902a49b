//! SVG text of a chart.

use std::fmt::Write as _;

use image::ImageEncoder as _;

use super::mark::outline;
use super::{Anchor, Chart, ChartError, Fill, Mark, Rgba, Stroke, Text, Theme, Weight, fonts};

/// The chart as a standalone SVG document, text as text.
///
/// # Errors
/// [`ChartError::Png`] where an embedded picture cannot be encoded.
pub fn render(chart: &Chart, theme: &Theme) -> Result<String, ChartError> {
    let mut out = String::new();
    let (w, h) = (n(chart.width), n(chart.height));
    let title = escape(&chart.title);
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{title}" font-family="'{}', Inter, 'Helvetica Neue', Arial, sans-serif">"#,
        fonts::FAMILY
    );
    let _ = writeln!(out, "<title>{title}</title>");
    let _ = writeln!(out, r#"<rect width="{w}" height="{h}" fill="{}"/>"#, theme.paper.hex());
    for mark in &chart.marks {
        write_mark(&mut out, mark, theme)?;
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn write_mark(out: &mut String, mark: &Mark, theme: &Theme) -> Result<(), ChartError> {
    let _ = match mark {
        Mark::Line { from, to, stroke: s } => writeln!(
            out,
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}"{}/>"#,
            n(from[0]),
            n(from[1]),
            n(to[0]),
            n(to[1]),
            stroke(Some(s), theme)
        ),
        Mark::Polyline { points: p, stroke: s } => writeln!(
            out,
            r#"<polyline points="{}" fill="none" stroke-linejoin="round"{}/>"#,
            points(p),
            stroke(Some(s), theme)
        ),
        Mark::Polygon { points: p, fill: f, stroke: s } => writeln!(
            out,
            r#"<polygon points="{}"{}{}/>"#,
            points(p),
            fill(f.as_ref(), theme),
            stroke(s.as_ref(), theme)
        ),
        Mark::Band { edges, fill: f } => {
            writeln!(out, r#"<polygon points="{}"{}/>"#, points(&outline(edges)), fill(Some(f), theme))
        }
        Mark::Rect { rect, radius, fill: f, stroke: s } => writeln!(
            out,
            r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{}"{}{}/>"#,
            n(rect.x),
            n(rect.y),
            n(rect.width),
            n(rect.height),
            n(*radius),
            fill(f.as_ref(), theme),
            stroke(s.as_ref(), theme)
        ),
        Mark::Circle { centre, radius, fill: f, stroke: s } => writeln!(
            out,
            r#"<circle cx="{}" cy="{}" r="{}"{}{}/>"#,
            n(centre[0]),
            n(centre[1]),
            n(*radius),
            fill(f.as_ref(), theme),
            stroke(s.as_ref(), theme)
        ),
        Mark::Text(text) => writeln!(out, "{}", text_element(text, theme)),
        Mark::Image { rect, picture } => writeln!(
            out,
            r#"<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" href="data:image/png;base64,{}"/>"#,
            n(rect.x),
            n(rect.y),
            n(rect.width),
            n(rect.height),
            base64(&png(picture)?)
        ),
    };
    Ok(())
}

fn text_element(text: &Text, theme: &Theme) -> String {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => r#" text-anchor="middle""#,
        Anchor::End => r#" text-anchor="end""#,
    };
    let weight = match text.weight {
        Weight::Regular => "",
        Weight::SemiBold => r#" font-weight="600""#,
    };
    let (x, y) = (n(text.at[0]), n(text.at[1]));
    let rotation = match text.rotation_deg {
        0.0 => String::new(),
        angle => format!(r#" transform="rotate({} {x} {y})""#, n(angle)),
    };
    format!(
        r#"<text x="{x}" y="{y}" font-size="{}"{weight}{anchor}{rotation}{}>{}</text>"#,
        n(text.size),
        fill(Some(&text.fill), theme),
        escape(&text.text)
    )
}

fn fill(fill: Option<&Fill>, theme: &Theme) -> String {
    match fill {
        None => r#" fill="none""#.to_owned(),
        Some(fill) => {
            format!(r#" fill="{}"{}"#, theme.colour(fill.role).hex(), opacity("fill", fill.opacity))
        }
    }
}

fn stroke(stroke: Option<&Stroke>, theme: &Theme) -> String {
    let Some(s) = stroke else { return String::new() };
    let dash = match s.dash {
        Some([dash, gap]) => format!(r#" stroke-dasharray="{} {}""#, n(dash), n(gap)),
        None => String::new(),
    };
    format!(
        r#" stroke="{}" stroke-width="{}"{}{dash}"#,
        theme.colour(s.role).hex(),
        n(s.width),
        opacity("stroke", s.opacity)
    )
}

fn opacity(of: &str, value: f32) -> String {
    if value >= 1.0 { String::new() } else { format!(r#" {of}-opacity="{}""#, n(value)) }
}

fn points(points: &[[f32; 2]]) -> String {
    let words: Vec<String> = points.iter().map(|p| format!("{},{}", n(p[0]), n(p[1]))).collect();
    words.join(" ")
}

/// A coordinate with as many decimals as a printer can show; what is not finite becomes 0 so that the document stays valid.
fn n(value: f32) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// XML text; characters XML 1.0 cannot hold are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if (c as u32) < 0x20 || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {}
            c => out.push(c),
        }
    }
    out
}

fn png(picture: &Rgba) -> Result<Vec<u8>, ChartError> {
    let size = |n: usize| u32::try_from(n).map_err(|e| ChartError::Png(e.to_string()));
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(
            &picture.bytes,
            size(picture.width)?,
            size(picture.height)?,
            image::ExtendedColorType::Rgba8,
        )
        .map_err(|e| ChartError::Png(e.to_string()))?;
    Ok(bytes)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut chart = Chart::new(100.0, 40.0, "a \"title\" & <more>");
        chart.text(Text::new([1.0, 20.0], "<script>\u{1}&\"ki67≥20%\"", 10.0, Role::Ink));
        chart.line([f32::NAN, 0.0], [f32::INFINITY, 1.0], Role::Ink.stroke(1.0));
        let svg = render(&chart, &Theme::light()).unwrap();
        let document = resvg::usvg::roxmltree::Document::parse(&svg).unwrap();
        let text = document.descendants().find(|n| n.has_tag_name("text")).unwrap();
        // Control characters are written out where a text enters a chart.
        assert_eq!(text.text(), Some("<script>\\u{1}&\"ki67≥20%\""));
    }
}
