//! Pixels of a chart, with the bundled fonts only.

use resvg::{tiny_skia, usvg};

use super::{Chart, ChartError, Theme, fonts, svg};

/// A PNG at `dpi` pixels per inch (a logical point is 1/72 inch), marked with that resolution.
///
/// # Errors
/// [`ChartError::Size`] where the picture would be empty or too large.
pub fn png(chart: &Chart, theme: &Theme, dpi: f32) -> Result<Vec<u8>, ChartError> {
    svg_to_png(&svg::render(chart, theme)?, dpi)
}

/// A PNG of an SVG document whose unit is the point, e.g. a report page.
///
/// # Errors
/// [`ChartError::Svg`] where the document is none; [`ChartError::Size`] as for [`png`].
pub fn svg_to_png(document: &str, dpi: f32) -> Result<Vec<u8>, ChartError> {
    let tree = parse(document)?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = dpi / 72.0;
    let pixels = |points: f32| (points * scale).ceil() as u32;
    let impossible = || ChartError::Size { width, height, dpi };
    let area = f64::from(width * scale) * f64::from(height * scale);
    // 2^28 pixels are 1 GiB.
    if !area.is_finite() || area > f64::from(1 << 28) {
        return Err(impossible());
    }
    let mut pixmap = tiny_skia::Pixmap::new(pixels(width), pixels(height)).ok_or_else(impossible)?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let png = pixmap.encode_png().map_err(|e| ChartError::Png(e.to_string()))?;
    Ok(with_resolution(&png, dpi))
}

/// Parses an SVG document with the bundled fonts.
pub(super) fn parse(document: &str) -> Result<usvg::Tree, ChartError> {
    let options = usvg::Options {
        font_family: fonts::FAMILY.to_owned(),
        fontdb: fonts::database(),
        ..usvg::Options::default()
    };
    usvg::Tree::from_str(document, &options).map_err(|e| ChartError::Svg(e.to_string()))
}

/// The PNG with a pHYs chunk behind its header, so that journals and word processors see the resolution.
fn with_resolution(png: &[u8], dpi: f32) -> Vec<u8> {
    const HEADER_END: usize = 8 + 25; // signature and IHDR
    let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
    let mut body = b"pHYs".to_vec();
    body.extend(per_metre.to_be_bytes());
    body.extend(per_metre.to_be_bytes());
    body.push(1);
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let mut out = png.get(..HEADER_END).unwrap_or(png).to_vec();
    out.extend(9_u32.to_be_bytes());
    out.extend(&body);
    out.extend(crc.sum().to_be_bytes());
    out.extend(png.get(HEADER_END..).unwrap_or(&[]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rect, Role, Text};

    fn sample() -> Chart {
        let mut chart = Chart::new(72.0, 36.0, "sample");
        chart.fill_rect(Rect::new(0.0, 0.0, 36.0, 36.0), 0.0, Role::High.fill());
        chart.text(Text::new([40.0, 20.0], "0.83", 12.0, Role::Ink));
        chart
    }

    #[test]
    fn pixels_carry_the_colours_and_the_text() {
        let png = png(&sample(), &Theme::light(), 144.0).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (144, 72));
        assert_eq!(picture.get_pixel(10, 10).0, Theme::light().high.0);
        let dark = (80..144).flat_map(|x| (0..72).map(move |y| (x, y)));
        assert!(dark.filter(|&(x, y)| picture.get_pixel(x, y).0[0] < 80).count() > 50, "no text was drawn");
    }

    #[test]
    fn the_resolution_is_in_the_file() {
        let png = png(&sample(), &Theme::light(), 300.0).unwrap();
        let at = png.windows(4).position(|w| w == b"pHYs").unwrap();
        assert_eq!(u32::from_be_bytes(png[at + 4..at + 8].try_into().unwrap()), 11811);
    }

    /// `cargo test --lib icons -- --ignored` draws the PNGs anew after a change of the SVG.
    #[test]
    #[ignore = "writes into icons/"]
    fn icons_are_drawn_from_their_svg() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../icons");
        let svg = std::fs::read_to_string(folder.join("thoracast.svg")).unwrap();
        for size in [16, 24, 32, 48, 64, 128, 256, 512] {
            let png = svg_to_png(&svg, 72.0 * size as f32 / 512.0).unwrap();
            std::fs::write(folder.join(format!("thoracast-{size}.png")), png).unwrap();
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        for dpi in [0.0, -10.0, f32::NAN, 1.0e6] {
            assert!(matches!(png(&sample(), &Theme::light(), dpi), Err(ChartError::Size { .. })), "{dpi}");
        }
    }
}
