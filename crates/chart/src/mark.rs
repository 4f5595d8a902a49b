//! What marks are made of. Positions are logical points, y downwards, text stands on its baseline.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use thoracast_files::words;

/// A drawing: its size in logical points, its marks from back to front, and its title for accessibility.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub width: f32,
    pub height: f32,
    pub marks: Vec<Mark>,
    /// One sentence that says what the chart shows; screen readers and file metadata use it.
    pub title: String,
}

/// What a colour is for; a [`super::Theme`] says which colour that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Text and axes.
    Ink,
    /// Secondary text and minor ticks.
    Muted,
    /// Gridlines and hairlines.
    Grid,
    /// The one thing to look at: this patient, this selection.
    Accent,
    /// The background.
    Paper,
    /// A raised surface on the background.
    Panel,
    /// Text on a filled mark.
    OnFill,
    /// Low risk, no metastasis.
    Low,
    /// High risk, metastasis.
    High,
    /// Something the reader must not overlook.
    Warning,
    /// Colour-blind-safe colours for data series, repeating after the last.
    Series(u8),
}

/// The inside of a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    pub role: Role,
    /// 0 (nothing) to 1 (solid).
    pub opacity: f32,
}

/// The outline of a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub role: Role,
    pub width: f32,
    pub opacity: f32,
    /// Lengths of dash and gap.
    pub dash: Option<[f32; 2]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// Which point of a text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    Regular,
    SemiBold,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// On the baseline.
    pub at: [f32; 2],
    pub text: String,
    pub size: f32,
    pub weight: Weight,
    pub fill: Fill,
    pub anchor: Anchor,
    /// Clockwise about `at`.
    pub rotation_deg: f32,
}

/// A colour picture with straight alpha, 8 bit, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Rgba {
    pub width: usize,
    pub height: usize,
    pub bytes: Vec<u8>,
    /// Hash of the content, so that a painter can keep what it made of it.
    key: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    Line {
        from: [f32; 2],
        to: [f32; 2],
        stroke: Stroke,
    },
    Polyline {
        points: Vec<[f32; 2]>,
        stroke: Stroke,
    },
    /// Convex; the screen painter fills no others.
    Polygon {
        points: Vec<[f32; 2]>,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    /// The area between two lines with points at the same places along x, without seams.
    Band {
        /// x, upper y and lower y.
        edges: Vec<[f32; 3]>,
        fill: Fill,
    },
    Rect {
        rect: Rect,
        radius: f32,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    Circle {
        centre: [f32; 2],
        radius: f32,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    Text(Text),
    /// A picture stretched over a rectangle.
    Image {
        rect: Rect,
        picture: Arc<Rgba>,
    },
}

impl Role {
    /// The role as a solid fill.
    pub fn fill(self) -> Fill {
        Fill { role: self, opacity: 1.0 }
    }

    /// The role as a fill one can see through.
    pub fn wash(self, opacity: f32) -> Fill {
        Fill { role: self, opacity }
    }

    /// The role as a solid line.
    pub fn stroke(self, width: f32) -> Stroke {
        Stroke { role: self, width, opacity: 1.0, dash: None }
    }
}

impl Stroke {
    pub fn dashed(self, dash: f32, gap: f32) -> Self {
        Self { dash: Some([dash, gap]), ..self }
    }

    pub fn faint(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }
}

impl Rect {
    pub fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    pub fn centre(&self) -> [f32; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// True where the two share more than an edge.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

impl Text {
    /// A text as it may be shown: control characters of foreign values are escaped.
    pub fn new(at: [f32; 2], text: impl Into<String>, size: f32, role: Role) -> Self {
        Self {
            at,
            text: words::clean(&text.into()).into_owned(),
            size,
            weight: Weight::Regular,
            fill: role.fill(),
            anchor: Anchor::Start,
            rotation_deg: 0.0,
        }
    }

    pub fn bold(self) -> Self {
        Self { weight: Weight::SemiBold, ..self }
    }

    pub fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub fn rotated(self, rotation_deg: f32) -> Self {
        Self { rotation_deg, ..self }
    }

    /// Width as drawn.
    pub fn width(&self) -> f32 {
        super::text::width(&self.text, self.size, self.weight)
    }

    /// Where the line begins, before rotation.
    pub fn start_x(&self) -> f32 {
        match self.anchor {
            Anchor::Start => self.at[0],
            Anchor::Middle => self.at[0] - self.width() / 2.0,
            Anchor::End => self.at[0] - self.width(),
        }
    }

    /// The box around ascenders and descenders, before rotation.
    pub fn bounds(&self) -> Rect {
        Rect::new(self.start_x(), self.at[1] - 0.76 * self.size, self.width(), 0.98 * self.size)
    }
}

impl Rgba {
    /// A picture from `width × height × 4` bytes; None if the length differs.
    pub fn new(width: usize, height: usize, bytes: Vec<u8>) -> Option<Self> {
        let wanted = width.checked_mul(height)?.checked_mul(4)?;
        (wanted == bytes.len() && wanted > 0).then(|| {
            let mut hasher = DefaultHasher::new();
            (width, height, &bytes).hash(&mut hasher);
            Self { width, height, key: hasher.finish(), bytes }
        })
    }

    /// Equal for pictures of equal content.
    pub fn key(&self) -> u64 {
        self.key
    }
}

impl Mark {
    /// The same mark, moved.
    pub fn moved(mut self, dx: f32, dy: f32) -> Self {
        let shift = |p: &mut [f32; 2]| {
            p[0] += dx;
            p[1] += dy;
        };
        match &mut self {
            Self::Line { from, to, .. } => {
                shift(from);
                shift(to);
            }
            Self::Polyline { points, .. } | Self::Polygon { points, .. } => points.iter_mut().for_each(shift),
            Self::Band { edges, .. } => edges.iter_mut().for_each(|[x, upper, lower]| {
                *x += dx;
                *upper += dy;
                *lower += dy;
            }),
            Self::Rect { rect, .. } | Self::Image { rect, .. } => {
                rect.x += dx;
                rect.y += dy;
            }
            Self::Circle { centre, .. } => shift(centre),
            Self::Text(text) => shift(&mut text.at),
        }
        self
    }
}

/// The outline of a band: along the upper line, back along the lower one.
pub(super) fn outline(edges: &[[f32; 3]]) -> Vec<[f32; 2]> {
    let upper = edges.iter().map(|[x, upper, _]| [*x, *upper]);
    upper.chain(edges.iter().rev().map(|[x, _, lower]| [*x, *lower])).collect()
}

impl Chart {
    pub fn new(width: f32, height: f32, title: impl Into<String>) -> Self {
        Self { width, height, marks: Vec::new(), title: words::clean(&title.into()).into_owned() }
    }

    pub fn line(&mut self, from: [f32; 2], to: [f32; 2], stroke: Stroke) {
        self.marks.push(Mark::Line { from, to, stroke });
    }

    pub fn polyline(&mut self, points: Vec<[f32; 2]>, stroke: Stroke) {
        self.marks.push(Mark::Polyline { points, stroke });
    }

    pub fn fill_polygon(&mut self, points: Vec<[f32; 2]>, fill: Fill) {
        self.marks.push(Mark::Polygon { points, fill: Some(fill), stroke: None });
    }

    /// The area between two lines: x, upper y and lower y of each point.
    pub fn band(&mut self, edges: Vec<[f32; 3]>, fill: Fill) {
        if edges.len() > 1 {
            self.marks.push(Mark::Band { edges, fill });
        }
    }

    pub fn fill_rect(&mut self, rect: Rect, radius: f32, fill: Fill) {
        self.marks.push(Mark::Rect { rect, radius, fill: Some(fill), stroke: None });
    }

    pub fn frame(&mut self, rect: Rect, radius: f32, fill: Option<Fill>, stroke: Stroke) {
        self.marks.push(Mark::Rect { rect, radius, fill, stroke: Some(stroke) });
    }

    pub fn dot(&mut self, centre: [f32; 2], radius: f32, fill: Fill) {
        self.marks.push(Mark::Circle { centre, radius, fill: Some(fill), stroke: None });
    }

    pub fn ring(&mut self, centre: [f32; 2], radius: f32, fill: Option<Fill>, stroke: Stroke) {
        self.marks.push(Mark::Circle { centre, radius, fill, stroke: Some(stroke) });
    }

    pub fn text(&mut self, text: Text) {
        self.marks.push(Mark::Text(text));
    }

    pub fn image(&mut self, rect: Rect, picture: Arc<Rgba>) {
        self.marks.push(Mark::Image { rect, picture });
    }

    /// Puts another chart's marks at (x, y).
    pub fn place(&mut self, other: Chart, x: f32, y: f32) {
        self.marks.extend(other.marks.into_iter().map(|mark| mark.moved(x, y)));
    }

    /// The chart with white space around it, for a file that stands alone.
    pub fn padded(self, margin: f32) -> Self {
        let mut page = Self::new(self.width + 2.0 * margin, self.height + 2.0 * margin, self.title.clone());
        page.place(self, margin, margin);
        page
    }

    /// All texts, back to front.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Text(text) => Some(text),
            _ => None,
        })
    }
}
