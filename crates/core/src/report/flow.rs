//! Blocks onto A4 pages, with running heads, feet and page numbers.

use crate::assess::RESEARCH_ONLY;
use crate::chart::{Anchor, Chart, Role, Text, Weight, text};

const PAGE: [f32; 2] = [595.28, 841.89];
const MARGIN: f32 = 40.0;
/// Where blocks begin on the second and later pages, under the running head.
const TOP: f32 = 62.0;
const FOOT: f32 = PAGE[1] - 48.0;

/// Width of a block, points.
pub const WIDTH: f32 = PAGE[0] - 2.0 * MARGIN;

/// Pages being filled from top to bottom.
pub struct Flow {
    pages: Vec<Chart>,
    y: f32,
    title: String,
    /// At the right of the running head.
    running: String,
    /// At the foot: program and time.
    made: String,
}

impl Flow {
    /// Pages titled for whoever hears them read, with what stands in the running head and at the foot.
    pub fn new(title: &str, running: &str, made: &str) -> Self {
        Self {
            pages: vec![Chart::new(PAGE[0], PAGE[1], title.to_owned())],
            y: MARGIN,
            title: title.to_owned(),
            running: running.to_owned(),
            made: made.to_owned(),
        }
    }

    /// Places a block; on the next page where it does not fit on this one.
    pub fn add(&mut self, block: Chart) {
        self.need(block.height);
        let (height, y) = (block.height, self.y);
        if let Some(page) = self.pages.last_mut() {
            page.place(block, MARGIN, y);
        }
        self.y = y + height;
    }

    /// White space between blocks.
    pub fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// Starts a new page unless `height` is left on this one.
    pub fn need(&mut self, height: f32) {
        let begun = self.y > TOP;
        if begun && self.y + height > FOOT {
            let title = format!("{}, page {}", self.title, self.pages.len() + 1);
            self.pages.push(Chart::new(PAGE[0], PAGE[1], title));
            self.y = TOP;
        }
    }

    /// The pages with their heads and feet.
    pub fn finish(mut self) -> Vec<Chart> {
        let count = self.pages.len();
        for (i, page) in self.pages.iter_mut().enumerate() {
            if i > 0 {
                head(page, &self.running);
            }
            foot(page, i + 1, count, &self.made);
        }
        self.pages
    }
}

/// This moment, RFC 3339.
pub fn now() -> String {
    chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

/// What stands at the foot: program and time.
pub fn made(created: &str) -> String {
    format!("Thoracast {}, {}", env!("CARGO_PKG_VERSION"), when(created))
}

/// RFC 3339 as a person writes it, "2026-03-09 14:05 +01:00"; anything else as it is.
pub fn when(created: &str) -> String {
    let parts = (created.get(..10), created.get(10..11), created.get(11..16), created.get(19..));
    match parts {
        (Some(day), Some("T" | "t"), Some(time), Some(rest)) => {
            let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            let zone = if zone.eq_ignore_ascii_case("z") { "UTC" } else { zone };
            format!("{day} {time} {zone}")
        }
        _ => created.to_owned(),
    }
}

fn head(page: &mut Chart, running: &str) {
    let y = 40.0;
    page.text(Text::new([MARGIN, y], "Thoracast", 9.0, Role::Accent).bold());
    let words = text::fit(running, WIDTH - 120.0, 9.0, Weight::SemiBold);
    page.text(Text::new([PAGE[0] - MARGIN, y], words, 9.0, Role::Ink).bold().anchored(Anchor::End));
    page.line([MARGIN, y + 7.0], [PAGE[0] - MARGIN, y + 7.0], Role::Grid.stroke(0.75));
}

fn foot(page: &mut Chart, number: usize, count: usize, made: &str) {
    let y = PAGE[1] - 30.0;
    page.line([MARGIN, y - 12.0], [PAGE[0] - MARGIN, y - 12.0], Role::Grid.stroke(0.75));
    page.text(Text::new([MARGIN, y], RESEARCH_ONLY, 7.5, Role::Ink).bold());
    let words = text::fit(made, WIDTH - 60.0, 7.0, Weight::Regular);
    page.text(Text::new([MARGIN, y + 10.0], words, 7.0, Role::Muted));
    let words = format!("Page {number} of {count}");
    page.text(Text::new([PAGE[0] - MARGIN, y], words, 7.5, Role::Muted).anchored(Anchor::End));
}
