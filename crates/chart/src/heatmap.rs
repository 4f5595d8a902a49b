//! A heat map over a grey picture, and both side by side as a figure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Anchor, Chart, Rect, Rgba, Role, Text};

/// A grey picture, 8 bit, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Grey<'a> {
    pub width: usize,
    pub height: usize,
    pub values: &'a [u8],
}

/// Heat from 0 to 1, row-major, usually coarser than the picture it lies over.
#[derive(Debug, Clone, Copy)]
pub struct Heat<'a> {
    pub width: usize,
    pub height: usize,
    pub values: &'a [f32],
}

/// Colours for values from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourMap {
    /// Google's rainbow without false edges (Mikhailov's polynomial).
    #[default]
    Turbo,
    /// matplotlib's perceptually uniform default (Zucker's polynomial).
    Viridis,
    /// matplotlib's perceptually uniform black-red-yellow (Zucker's polynomial).
    Inferno,
    /// Light grey to dark red in a straight line: one hue, for those who distrust rainbows.
    Red,
}

impl ColourMap {
    pub const ALL: [Self; 4] = [Self::Turbo, Self::Viridis, Self::Inferno, Self::Red];

    pub fn name(self) -> &'static str {
        match self {
            Self::Turbo => "Turbo",
            Self::Viridis => "Viridis",
            Self::Inferno => "Inferno",
            Self::Red => "Grey to red",
        }
    }

    /// The map from low (left) to high (right) as a picture one pixel high.
    pub fn ramp(self, width: usize) -> Option<Rgba> {
        let last = width.saturating_sub(1).max(1) as f32;
        Rgba::new(width, 1, (0..width).flat_map(|i| self.opaque(i as f32 / last)).collect())
    }

    fn opaque(self, value: f32) -> [u8; 4] {
        let [r, g, b] = self.colour(value);
        [r, g, b, 255]
    }

    /// The colour of `value`, clamped to 0…1.
    pub fn colour(self, value: f32) -> [u8; 3] {
        let x = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        let channels: [&[f32]; 3] = match self {
            Self::Turbo => [&TURBO_RED, &TURBO_GREEN, &TURBO_BLUE],
            Self::Viridis => [&VIRIDIS_RED, &VIRIDIS_GREEN, &VIRIDIS_BLUE],
            Self::Inferno => [&INFERNO_RED, &INFERNO_GREEN, &INFERNO_BLUE],
            Self::Red => [&RED_RED, &RED_GREEN, &RED_BLUE],
        };
        channels
            .map(|c| (c.iter().rev().fold(0.0, |sum, k| sum * x + k).clamp(0.0, 1.0) * 255.0).round() as u8)
    }
}

const TURBO_RED: [f32; 6] = [0.135_721_4, 4.615_392_6, -42.660_324, 132.131_09, -152.942_4, 59.286_38];
const TURBO_GREEN: [f32; 6] = [0.091_402_61, 2.194_188_4, 4.842_966_6, -14.185_033, 4.277_298_6, 2.829_566];
const TURBO_BLUE: [f32; 6] = [0.106_673_3, 12.641_946, -60.582_05, 110.362_77, -89.903_11, 27.348_25];
const VIRIDIS_RED: [f32; 7] =
    [0.277_727_34, 0.105_093_04, -0.330_861_84, -4.634_230_6, 6.228_27, 4.776_385, -5.435_456];
const VIRIDIS_GREEN: [f32; 7] =
    [0.005_407_344_5, 1.404_613_5, 0.214_847_56, -5.799_101, 14.179_934, -13.745_145, 4.645_852_6];
const VIRIDIS_BLUE: [f32; 7] =
    [0.334_099_8, 1.384_590_1, 0.095_095_165, -19.332_441, 56.690_55, -65.353_035, 26.312_435];
const INFERNO_RED: [f32; 7] =
    [0.000_218_940_37, 0.106_513_42, 11.602_493, -41.703_995, 77.162_94, -71.319_43, 25.131_126];
const INFERNO_GREEN: [f32; 7] =
    [0.001_651_004_6, 0.563_956_44, -3.972_854, 17.436_4, -33.402_36, 32.626_064, -12.242_669];
const INFERNO_BLUE: [f32; 7] =
    [-0.019_480_899, 3.932_712_3, -15.942_394, 44.354_145, -81.807_31, 73.209_52, -23.070_326];
const RED_RED: [f32; 2] = [0.8, -0.1];
const RED_GREEN: [f32; 2] = [0.8, -0.78];
const RED_BLUE: [f32; 2] = [0.8, -0.74];

/// The grey picture as an opaque colour picture; None if its bytes don't fit its size.
pub fn grey(picture: Grey<'_>) -> Option<Rgba> {
    if picture.values.len() != picture.width.checked_mul(picture.height)? {
        return None;
    }
    let bytes = picture.values.iter().flat_map(|&g| [g, g, g, 255]).collect();
    Rgba::new(picture.width, picture.height, bytes)
}

/// The heat map over the picture, upsampled bilinearly; None if either's values don't fit its size.
///
/// A place of heat h is covered to `opacity`·h^½, so that what the network ignored stays a plain CT.
pub fn overlay(picture: Grey<'_>, heat: Heat<'_>, opacity: f32, map: ColourMap) -> Option<Rgba> {
    let mut base = grey(picture)?.bytes;
    if heat.values.len() != heat.width.checked_mul(heat.height)? || heat.values.is_empty() {
        return None;
    }
    let columns: Vec<Sample> = (0..picture.width).map(|x| Sample::at(x, picture.width, heat.width)).collect();
    for y in 0..picture.height {
        let row = Sample::at(y, picture.height, heat.height);
        for (x, column) in columns.iter().enumerate() {
            let value = bilinear(&heat, column, &row);
            let cover = opacity.clamp(0.0, 1.0) * value.clamp(0.0, 1.0).sqrt();
            let colour = map.colour(value);
            let pixel = &mut base[4 * (y * picture.width + x)..][..3];
            for (under, over) in pixel.iter_mut().zip(colour) {
                *under = (f32::from(*under) * (1.0 - cover) + f32::from(over) * cover).round() as u8;
            }
        }
    }
    Rgba::new(picture.width, picture.height, base)
}

/// Two neighbouring cells of a heat map and the weight of the second.
struct Sample {
    low: usize,
    high: usize,
    weight: f32,
}

impl Sample {
    /// Pixel centres over cell centres, edges held (as `align_corners = False` upsampling does).
    fn at(pixel: usize, pixels: usize, cells: usize) -> Self {
        let position = ((pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5).max(0.0);
        let low = (position.floor() as usize).min(cells - 1);
        let high = (low + 1).min(cells - 1);
        Self { low, high, weight: position - low as f32 }
    }
}

fn bilinear(heat: &Heat<'_>, x: &Sample, y: &Sample) -> f32 {
    let row = |y: usize| {
        let (left, right) = (heat.values[y * heat.width + x.low], heat.values[y * heat.width + x.high]);
        left + (right - left) * x.weight
    };
    let (top, bottom) = (row(y.low), row(y.high));
    top + (bottom - top) * y.weight
}

/// One row of a figure.
pub struct Panel<'a> {
    /// What the picture is.
    pub caption: &'a str,
    /// What the heat map shows.
    pub meaning: &'a str,
    pub picture: Grey<'a>,
    pub heat: Option<Heat<'a>>,
}

/// How a figure's heat maps look, and its title.
pub struct Style<'a> {
    pub title: &'a str,
    pub map: ColourMap,
    /// How much of the picture the hottest place covers, 0…1.
    pub opacity: f32,
    /// Stands below the panels.
    pub note: &'a str,
}

/// Picture and heat map side by side, one row a panel, with a colour bar; None if a picture is malformed.
pub fn figure(panels: &[Panel<'_>], style: &Style<'_>, width: f32) -> Option<Chart> {
    const GAP: f32 = 10.0;
    const CAPTION: f32 = 18.0;
    const BAR: f32 = 46.0;
    let mut chart = Chart::new(width, 0.0, style.title);
    let cell = (width - BAR - 2.0 * GAP) / 2.0;
    let mut y = 0.0;
    for panel in panels {
        let height = cell * panel.picture.height as f32 / panel.picture.width.max(1) as f32;
        chart.text(Text::new([0.0, y + 12.0], panel.caption, 9.0, Role::Ink).bold());
        let second = cell + GAP;
        chart.text(Text::new([second, y + 12.0], panel.meaning, 9.0, Role::Muted));
        y += CAPTION;
        let plain = grey(panel.picture)?;
        chart.image(Rect::new(0.0, y, cell, height), Arc::new(plain));
        let right = Rect::new(second, y, cell, height);
        match panel.heat {
            Some(heat) => {
                chart.image(right, Arc::new(overlay(panel.picture, heat, style.opacity, style.map)?));
                colour_bar(&mut chart, style.map, width - BAR, y, height);
            }
            None => {
                chart.frame(right, 0.0, Some(Role::Panel.fill()), Role::Grid.stroke(0.75));
                let at = [right.centre()[0], right.centre()[1] + 3.0];
                let words = Text::new(at, "not computed", 9.0, Role::Muted);
                chart.text(words.anchored(Anchor::Middle));
            }
        }
        y += height + GAP;
    }
    chart.text(Text::new([0.0, y + 6.0], style.note, 8.0, Role::Muted));
    chart.height = y + GAP;
    Some(chart)
}

fn colour_bar(chart: &mut Chart, map: ColourMap, x: f32, y: f32, height: f32) {
    let bytes = (0..64).flat_map(|i| map.opaque(1.0 - i as f32 / 63.0)).collect();
    let Some(bar) = Rgba::new(1, 64, bytes) else { return };
    chart.image(Rect::new(x, y, 8.0, height), Arc::new(bar));
    chart.text(Text::new([x + 12.0, y + 7.0], "high", 8.0, Role::Muted));
    chart.text(Text::new([x + 12.0, y + height], "low", 8.0, Role::Muted));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    fn ramp(width: usize, height: usize) -> Vec<u8> {
        (0..width * height).map(|i| (i % width * 255 / width) as u8).collect()
    }

    const CORNER: Heat<'static> = Heat { width: 2, height: 2, values: &[1.0, 0.0, 0.0, 0.0] };

    #[test]
    fn cold_places_keep_the_picture_and_hot_ones_the_map() {
        let values = ramp(40, 20);
        let picture = Grey { width: 40, height: 20, values: &values };
        let over = overlay(picture, CORNER, 1.0, ColourMap::Turbo).unwrap();
        assert_eq!(&over.bytes[..3], ColourMap::Turbo.colour(1.0));
        let last = over.bytes.len() - 4;
        assert_eq!(&over.bytes[last..], [248, 248, 248, 255]);
        assert_eq!(overlay(picture, CORNER, 0.0, ColourMap::Turbo), grey(picture));
    }

    #[test]
    fn upsampling_passes_through_the_middle() {
        let heat = Heat { width: 2, height: 1, values: &[0.0, 1.0] };
        let values: Vec<f32> =
            (0..4).map(|x| bilinear(&heat, &Sample::at(x, 4, 2), &Sample::at(0, 1, 1))).collect();
        assert_eq!(values, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn colour_maps_start_and_end_as_published() {
        // Turbo's polynomial strays up to 24 levels from its table; Zucker's keeps within 6 of viridis.
        let near = |map: ColourMap, value: f32, hex: [u8; 3]| {
            let (got, most) = (map.colour(value), if map == ColourMap::Turbo { 24 } else { 6 });
            assert!(got.iter().zip(hex).all(|(a, b)| a.abs_diff(b) <= most), "{map:?} {value}: {got:?}");
        };
        near(ColourMap::Viridis, 0.0, [0x44, 0x01, 0x54]);
        near(ColourMap::Viridis, 0.5, [0x21, 0x91, 0x8C]);
        near(ColourMap::Viridis, 1.0, [0xFD, 0xE7, 0x25]);
        near(ColourMap::Inferno, 0.0, [0x00, 0x00, 0x04]);
        near(ColourMap::Inferno, 0.5, [0xBC, 0x37, 0x54]);
        near(ColourMap::Inferno, 1.0, [0xFC, 0xFF, 0xA4]);
        near(ColourMap::Turbo, 0.5, [0xA4, 0xFC, 0x3C]);
        near(ColourMap::Turbo, 1.0, [0x7A, 0x04, 0x03]);
        assert_eq!(ColourMap::Turbo.colour(f32::NAN), ColourMap::Turbo.colour(0.0));
    }

    #[test]
    fn every_map_but_the_rainbow_changes_lightness_one_way() {
        // Luma of ITU-R 601 stands in for lightness.
        let luma = |[r, g, b]: [u8; 3]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
        for map in [ColourMap::Viridis, ColourMap::Inferno, ColourMap::Red] {
            let steps: Vec<f32> = (0..=32).map(|i| luma(map.colour(i as f32 / 32.0))).collect();
            let rises = steps.windows(2).filter(|w| w[1] > w[0]).count();
            assert!(rises == 0 || rises == 32, "{map:?}: {steps:?}");
        }
    }

    #[test]
    fn malformed_pictures_are_none() {
        let short = Grey { width: 3, height: 3, values: &[0; 8] };
        assert!(overlay(short, CORNER, 0.5, ColourMap::Red).is_none());
        let empty = Heat { width: 0, height: 0, values: &[] };
        let fine = Grey { width: 2, height: 2, values: &[0; 4] };
        assert!(overlay(fine, empty, 0.5, ColourMap::Red).is_none());
    }

    #[test]
    fn the_figure_holds_every_panel() {
        let (first, second) = (ramp(50, 30), ramp(50, 40));
        let panel = |caption, height, values, heat| Panel {
            caption,
            meaning: "where it looked",
            picture: Grey { width: 50, height, values },
            heat,
        };
        let panels = [panel("first", 30, &first, Some(CORNER)), panel("second", 40, &second, None)];
        let style =
            Style { title: "a figure", map: ColourMap::Viridis, opacity: 0.5, note: "colours: Viridis" };
        let chart = figure(&panels, &style, 400.0).unwrap();
        check::assert_sound(&chart);
        let words: Vec<&str> = chart.texts().map(|t| t.text.as_str()).collect();
        for wanted in ["second", "not computed", "where it looked", "colours: Viridis"] {
            assert!(words.contains(&wanted), "{words:?}");
        }
    }
}
