//! Charts as files: the format follows from the file's extension.

use std::path::Path;

use super::{Chart, ChartError, Theme, pdf, raster, svg};

/// What a chart can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Svg,
    Png,
    Pdf,
}

/// Points of white around an exported chart.
pub const MARGIN: f32 = 18.0;

impl Format {
    /// By extension, whatever its case; None for others.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// The bytes of the file; `dpi` counts for PNG only.
///
/// # Errors
/// As the painters: [`svg::render`], [`raster::png`], [`pdf::pdf`].
pub fn bytes(chart: &Chart, theme: &Theme, format: Format, dpi: f32) -> Result<Vec<u8>, ChartError> {
    let chart = chart.clone().padded(MARGIN);
    match format {
        Format::Svg => Ok(svg::render(&chart, theme)?.into_bytes()),
        Format::Png => raster::png(&chart, theme, dpi),
        Format::Pdf => pdf::pdf(&chart, theme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides() {
        assert_eq!(Format::of(Path::new("a/KM.SVG")), Some(Format::Svg));
        assert_eq!(Format::of(Path::new("roc.png")), Some(Format::Png));
        assert_eq!(Format::of(Path::new("report.pdf")), Some(Format::Pdf));
        assert_eq!(Format::of(Path::new("roc")), None);
        assert_eq!(Format::of(Path::new("roc.docx")), None);
    }

    #[test]
    fn every_format_begins_as_it_should() {
        let chart = Chart::new(40.0, 20.0, "empty");
        let begins = |format, with: &[u8]| {
            let bytes = bytes(&chart, &Theme::light(), format, 96.0).unwrap();
            assert!(bytes.starts_with(with), "{format:?}");
        };
        begins(Format::Svg, b"<svg");
        begins(Format::Png, b"\x89PNG");
        begins(Format::Pdf, b"%PDF");
    }
}
