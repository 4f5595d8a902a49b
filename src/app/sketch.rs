//! A measurement while it is being drawn: points in, a mark out.

use super::viewer::Tool;
use thoracast_core::measure::{Mark, Point, Shape};
use thoracast_dicom::Section;

/// Freehand points nearer than this to the last are left out, mm.
const FREEHAND_STEP_MM: f64 = 0.3;

/// What the pointer did, in the section's mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stroke {
    /// The button went down to drag.
    Start(Point),
    /// Moved, with or without the button.
    Move(Point),
    /// The drag ended.
    End(Point),
    /// A click without a drag.
    Click(Point),
    /// A double click: closes a polygon.
    Close,
}

/// Points set so far and the one that follows the pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    pub section: Section,
    pub tool: Tool,
    pub points: Vec<Point>,
    pub pointer: Point,
}

/// What a stroke led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    Nothing,
    /// It goes on.
    Sketch(Sketch),
    /// It is complete.
    Mark(Mark),
    /// It came to nothing.
    Dropped,
}

impl Sketch {
    fn new(section: Section, tool: Tool, at: Point) -> Self {
        Self { section, tool, points: vec![at], pointer: at }
    }

    /// The shape as far as it stands, the pointer's place included.
    pub fn shape(&self) -> Option<Shape> {
        let mut points = self.points.clone();
        if self.tool != Tool::Freehand {
            points.push(self.pointer);
        }
        Some(match (self.tool, &points[..]) {
            (Tool::Distance, &[a, b]) => Shape::Distance([a, b]),
            (Tool::Ellipse, &[a, b]) => Shape::Ellipse([a, b]),
            (Tool::Angle, &[a, b]) => Shape::Distance([a, b]),
            (Tool::Angle, &[a, b, c]) => Shape::Angle([a, b, c]),
            (Tool::Polygon, _) => Shape::Polygon(points),
            (Tool::Freehand, _) => Shape::Freehand(points),
            _ => return None,
        })
    }

    fn finished(self) -> Drawn {
        let shape = match self.tool {
            // The pointer's place was set by the last click or release already.
            Tool::Polygon => Some(Shape::Polygon(self.points.clone())),
            _ => self.shape(),
        };
        match shape.filter(|shape| !shape.is_degenerate()) {
            Some(shape) => Drawn::Mark(Mark { section: self.section, shape }),
            None => Drawn::Dropped,
        }
    }
}

/// Carries a sketch on (or begins one) by what the pointer did on a section.
pub fn draw(sketch: Option<&Sketch>, tool: Tool, section: Section, stroke: Stroke) -> Drawn {
    let going = sketch.filter(|s| s.tool == tool && s.section == section).cloned();
    match (tool, stroke) {
        (Tool::Probe, Stroke::Click(at)) => Drawn::Mark(Mark { section, shape: Shape::Probe(at) }),
        (Tool::Distance | Tool::Ellipse | Tool::Freehand, Stroke::Start(at)) => {
            Drawn::Sketch(Sketch::new(section, tool, at))
        }
        (Tool::Distance | Tool::Ellipse | Tool::Freehand, Stroke::End(at)) => match going {
            Some(sketch) => Sketch { pointer: at, ..sketch }.finished(),
            None => Drawn::Nothing,
        },
        (Tool::Angle | Tool::Polygon, Stroke::Click(at) | Stroke::Start(at) | Stroke::End(at)) => {
            clicked(going, tool, section, at)
        }
        (Tool::Polygon, Stroke::Close) => going.map_or(Drawn::Nothing, Sketch::finished),
        (_, Stroke::Move(at)) => match going {
            Some(sketch) => Drawn::Sketch(followed(sketch, at)),
            None => Drawn::Nothing,
        },
        _ => Drawn::Nothing,
    }
}

fn clicked(going: Option<Sketch>, tool: Tool, section: Section, at: Point) -> Drawn {
    let Some(mut sketch) = going else { return Drawn::Sketch(Sketch::new(section, tool, at)) };
    sketch.pointer = at;
    if tool == Tool::Angle && sketch.points.len() == 2 {
        return sketch.finished();
    }
    sketch.points.push(at);
    Drawn::Sketch(sketch)
}

fn followed(mut sketch: Sketch, at: Point) -> Sketch {
    sketch.pointer = at;
    if sketch.tool == Tool::Freehand {
        let far = sketch
            .points
            .last()
            .is_none_or(|last| (last[0] - at[0]).hypot(last[1] - at[1]) >= FREEHAND_STEP_MM);
        if far {
            sketch.points.push(at);
        }
    }
    sketch
}

#[cfg(test)]
mod tests {
    use super::*;
    use thoracast_dicom::Orientation;

    const SECTION: Section = Section { orientation: Orientation::Axial, index: 3 };

    fn drawn(tool: Tool, strokes: &[Stroke]) -> Drawn {
        let mut sketch = None;
        let mut last = Drawn::Nothing;
        for stroke in strokes {
            last = draw(sketch.as_ref(), tool, SECTION, *stroke);
            match &last {
                Drawn::Sketch(s) => sketch = Some(s.clone()),
                Drawn::Nothing => {}
                Drawn::Mark(_) | Drawn::Dropped => sketch = None,
            }
        }
        last
    }

    #[test]
    fn a_drag_makes_a_distance_and_a_mere_click_none() {
        let strokes = [Stroke::Start([1.0, 1.0]), Stroke::Move([2.0, 2.0]), Stroke::End([4.0, 5.0])];
        let mark = Mark { section: SECTION, shape: Shape::Distance([[1.0, 1.0], [4.0, 5.0]]) };
        assert_eq!(drawn(Tool::Distance, &strokes), Drawn::Mark(mark));
        let click = [Stroke::Start([1.0, 1.0]), Stroke::End([1.0, 1.0])];
        assert_eq!(drawn(Tool::Distance, &click), Drawn::Dropped);
    }

    #[test]
    fn three_clicks_make_an_angle_and_a_double_click_closes_a_polygon() {
        let [a, b, c] = [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]];
        let clicks = [Stroke::Click(a), Stroke::Move(b), Stroke::Click(b), Stroke::Click(c)];
        let angle = Mark { section: SECTION, shape: Shape::Angle([a, b, c]) };
        assert_eq!(drawn(Tool::Angle, &clicks), Drawn::Mark(angle));
        let strokes = [Stroke::Click(a), Stroke::Click(b), Stroke::Click(c), Stroke::Close];
        let polygon = Mark { section: SECTION, shape: Shape::Polygon(vec![a, b, c]) };
        assert_eq!(drawn(Tool::Polygon, &strokes), Drawn::Mark(polygon));
    }

    #[test]
    fn a_freehand_line_keeps_its_way() {
        let mut strokes = vec![Stroke::Start([0.0, 0.0])];
        strokes.extend([[5.0, 0.0], [5.1, 0.0], [5.0, 5.0], [0.0, 5.0]].map(Stroke::Move));
        strokes.push(Stroke::End([0.0, 1.0]));
        let Drawn::Mark(mark) = drawn(Tool::Freehand, &strokes) else { panic!("no mark") };
        assert_eq!(mark.shape.points().len(), 4, "the point 0.1 mm on is left out");
        assert_eq!(mark.shape.area_mm2(), Some(25.0));
    }
}
