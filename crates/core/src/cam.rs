//! What Grad-CAM explains, and its heat map over a picture.

use serde::{Deserialize, Serialize};

use thoracast_chart::heatmap::{self, Grey, Heat, Panel, Style};
use thoracast_chart::{Chart, Rgba};
use thoracast_nn::head::CLASSES;
use thoracast_nn::{Arch, Heatmap, Picture};

pub use thoracast_chart::heatmap::ColourMap;

/// What Grad-CAM explains, and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    pub map: ColourMap,
    /// How much of the picture the hottest place covers, 0…1.
    pub opacity: f32,
    /// 0 = no metastasis, 1 = metastasis.
    pub class: usize,
    /// The backbone's stage whose map is weighed, counted from the picture; both networks have the same number.
    pub layer: usize,
}

/// The last stage of either backbone.
pub const LAST_LAYER: usize = Arch::Resnet50.stages().len() - 1;

impl Default for Look {
    /// What an assessment computes by itself: metastasis, at the last stage.
    fn default() -> Self {
        Self { map: ColourMap::default(), opacity: 0.55, class: CLASSES - 1, layer: LAST_LAYER }
    }
}

impl Look {
    /// The nearest look that exists, for values from a file.
    pub fn sane(self) -> Self {
        let usual = Self::default();
        let opacity = if self.opacity.is_finite() { self.opacity.clamp(0.0, 1.0) } else { usual.opacity };
        let class = if self.class < CLASSES { self.class } else { usual.class };
        Self { map: self.map, opacity, class, layer: self.layer.min(LAST_LAYER) }
    }

    /// "Grad-CAM for metastasis at layer4".
    pub fn words(&self, arch: Arch) -> String {
        let look = self.sane();
        format!("Grad-CAM for {} at {}", class_words(look.class), arch.stages()[look.layer])
    }

    /// Said of a map without any heat, which would look like a picture without a map.
    pub fn empty_words(&self, arch: Arch) -> String {
        let look = self.sane();
        format!("{}: nothing speaks for {}", arch.stages()[look.layer], class_words(look.class))
    }

    /// True where both explain the same, whatever the colours.
    pub fn explains_same(&self, other: &Self) -> bool {
        (self.class, self.layer) == (other.class, other.layer)
    }
}

/// What a class of the networks means.
pub fn class_words(class: usize) -> &'static str {
    if class == 0 { "no metastasis" } else { "metastasis" }
}

fn grey(picture: &Picture) -> Grey<'_> {
    Grey { width: picture.width, height: picture.height, values: &picture.grey }
}

fn heat(map: &Heatmap) -> Heat<'_> {
    Heat { width: map.width, height: map.height, values: &map.values }
}

/// The heat map over the picture; None if either's values don't fit its size.
pub fn overlay(picture: &Picture, map: &Heatmap, look: &Look) -> Option<Rgba> {
    heatmap::overlay(grey(picture), heat(map), look.opacity, look.map)
}

/// A network's picture with its heat map, where there is one.
pub struct Seen<'a> {
    /// E.g. "T4, slice 38".
    pub caption: &'a str,
    pub arch: Arch,
    pub picture: &'a Picture,
    pub heat: Option<&'a Heatmap>,
}

/// Slice and Grad-CAM side by side, one row a network, with a colour bar; None if a picture is malformed.
pub fn figure(seen: &[Seen<'_>], look: &Look, width: f32) -> Option<Chart> {
    let meanings: Vec<String> = seen
        .iter()
        .map(|s| match s.heat {
            Some(heat) if heat.is_empty() => look.empty_words(s.arch),
            _ => look.words(s.arch),
        })
        .collect();
    let panels: Vec<Panel<'_>> = seen
        .iter()
        .zip(&meanings)
        .map(|(s, meaning)| Panel {
            caption: s.caption,
            meaning,
            picture: grey(s.picture),
            heat: s.heat.map(heat),
        })
        .collect();
    let note = format!(
        "Colours: {}, from low to high; what did not count for the class keeps the picture's grey.",
        look.map.name()
    );
    let style = Style {
        title: "Slices as the networks saw them, and where they looked (Grad-CAM)",
        map: look.map,
        opacity: look.opacity,
        note: &note,
    };
    heatmap::figure(&panels, &style, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thoracast_chart::check;

    #[test]
    fn a_look_from_a_file_is_brought_to_what_exists() {
        let wild = Look { opacity: f32::NAN, class: 9, layer: 99, map: ColourMap::Red };
        assert_eq!(wild.sane(), Look { map: ColourMap::Red, ..Look::default() });
        assert_eq!(wild.words(Arch::Densenet161), "Grad-CAM for metastasis at denseblock4");
        let other = Look { class: 0, layer: 2, ..Look::default() };
        assert_eq!(other.words(Arch::Resnet50), "Grad-CAM for no metastasis at layer2");
        let read: Look = serde_json::from_str(r#"{"map": "inferno"}"#).unwrap();
        assert_eq!(read, Look { map: ColourMap::Inferno, ..Look::default() });
    }

    #[test]
    fn the_figure_holds_both_levels() {
        let picture = |height| Picture { width: 50, height, grey: vec![90; 50 * height] };
        let (t4, t11) = (picture(30), picture(40));
        let heat = Heatmap { width: 2, height: 2, values: vec![1.0, 0.0, 0.0, 0.0] };
        let seen = [
            Seen { caption: "T4, slice 38", arch: Arch::Densenet161, picture: &t4, heat: Some(&heat) },
            Seen { caption: "T11", arch: Arch::Resnet50, picture: &t11, heat: None },
        ];
        let look = Look { class: 0, layer: 3, map: ColourMap::Viridis, ..Look::default() };
        let chart = figure(&seen, &look, 400.0).unwrap();
        check::assert_sound(&chart);
        let words: Vec<&str> = chart.texts().map(|t| t.text.as_str()).collect();
        assert!(words.contains(&"Grad-CAM for no metastasis at denseblock3"), "{words:?}");
        assert!(words.iter().any(|w| w.contains("Viridis")), "{words:?}");
    }
}
