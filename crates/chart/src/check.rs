//! Layout invariants that every chart's tests ask for.

#![allow(clippy::unwrap_used)] // helpers of tests, of other crates too

use super::{Chart, Mark, Rect, Text, Theme, raster, svg};

/// Panics where text leaves the canvas or covers other text, a mark is not finite, or the SVG does not parse.
pub fn assert_sound(chart: &Chart) {
    let canvas = Rect::new(-0.5, -0.5, chart.width + 1.0, chart.height + 1.0);
    let texts: Vec<(&Text, Rect)> =
        chart.texts().filter(|t| !t.text.is_empty()).map(|t| (t, bounds(t))).collect();
    for (i, (text, b)) in texts.iter().enumerate() {
        let inside = b.x >= canvas.x
            && b.y >= canvas.y
            && b.right() <= canvas.right()
            && b.bottom() <= canvas.bottom();
        assert!(inside, "{:?} at {b:?} leaves the {}×{} canvas", text.text, chart.width, chart.height);
        for (other, o) in &texts[i + 1..] {
            assert!(!b.overlaps(o), "{:?} covers {:?}: {b:?} {o:?}", text.text, other.text);
        }
    }
    for mark in &chart.marks {
        assert!(!format!("{mark:?}").contains("NaN"), "not a number in {mark:?}");
        if let Mark::Rect { rect, .. } | Mark::Image { rect, .. } = mark {
            assert!(rect.width >= 0.0 && rect.height >= 0.0, "inside out: {rect:?}");
        }
    }
    raster::parse(&svg::render(chart, &Theme::light()).unwrap()).unwrap();
}

/// The box of a text turned by a multiple of 90°, a little slimmer than its line so that close lines may touch.
fn bounds(text: &Text) -> Rect {
    let b = text.bounds();
    let slim = Rect::new(b.x, b.y + 0.1 * b.height, b.width, 0.8 * b.height);
    let [x, y] = text.at;
    match text.rotation_deg as i32 {
        -90 => Rect::new(x + (slim.y - y), y - (slim.right() - x), slim.height, slim.width),
        90 => Rect::new(x - (slim.bottom() - y), y + (slim.x - x), slim.height, slim.width),
        _ => slim,
    }
}

/// Writes a PNG for looking at, where `THORACAST_LOOK` names a folder.
pub fn look(chart: &Chart, name: &str) {
    let Some(folder) = std::env::var_os("THORACAST_LOOK") else { return };
    for (theme, mode) in [(Theme::light(), "light"), (Theme::dark(), "dark")] {
        let path = std::path::Path::new(&folder).join(format!("{name}-{mode}.png"));
        std::fs::write(path, raster::png(chart, &theme, 144.0).unwrap()).unwrap();
    }
}
