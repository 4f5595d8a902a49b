//! Small drawings on the toolbar's buttons: the bundled face has no symbols for tools.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

use super::super::super::command::Action;

/// Lines in a square of 16 × 16, y down.
fn lines(action: Action) -> &'static [&'static [(f32, f32)]] {
    match action {
        Action::ToolPointer => {
            &[&[(4., 2.), (4., 13.), (7., 10.), (9., 14.), (11., 13.), (9., 9.5), (13., 9.5), (4., 2.)]]
        }
        Action::ToolPan => &[
            &[(8., 1.), (8., 15.)],
            &[(1., 8.), (15., 8.)],
            &[(6., 3.), (8., 1.), (10., 3.)],
            &[(6., 13.), (8., 15.), (10., 13.)],
            &[(3., 6.), (1., 8.), (3., 10.)],
            &[(13., 6.), (15., 8.), (13., 10.)],
        ],
        Action::ToolScroll => &[
            &[(3., 3.), (13., 3.)],
            &[(3., 13.), (13., 13.)],
            &[(8., 5.), (8., 11.)],
            &[(6., 7.), (8., 5.), (10., 7.)],
            &[(6., 9.), (8., 11.), (10., 9.)],
        ],
        Action::ToolCrosshair => {
            &[&[(8., 1.), (8., 6.)], &[(8., 10.), (8., 15.)], &[(1., 8.), (6., 8.)], &[(10., 8.), (15., 8.)]]
        }
        Action::ToolDistance => {
            &[&[(2., 13.), (14., 3.)], &[(0.5, 11.), (3.5, 15.)], &[(12.5, 1.), (15.5, 5.)]]
        }
        Action::ToolAngle => &[&[(13., 2.), (2., 13.), (15., 13.)], &[(7., 8.), (9., 10.), (9.5, 13.)]],
        Action::ToolPolygon => &[&[(3., 6.), (8., 2.), (14., 5.), (12., 13.), (4., 13.), (3., 6.)]],
        Action::ToolFreehand => &[&[
            (4., 12.),
            (2., 8.),
            (4., 4.),
            (8., 5.),
            (11., 2.),
            (14., 5.),
            (13., 9.),
            (9., 10.),
            (8., 14.),
            (4., 12.),
        ]],
        Action::RotateRight => &[
            &[(12., 4.), (8., 2.5), (4., 4.), (2.5, 8.), (4., 12.), (8., 13.5), (12., 12.), (13., 9.)],
            &[(12.5, 1.), (12.5, 4.5), (9., 4.5)],
        ],
        Action::FlipHorizontal => &[
            &[(8., 1.), (8., 15.)],
            &[(6., 4.), (1., 12.), (6., 12.), (6., 4.)],
            &[(10., 4.), (15., 12.), (10., 12.), (10., 4.)],
        ],
        Action::KeyImage => &[&[
            (8., 1.5),
            (10., 6.),
            (15., 6.5),
            (11.2, 9.8),
            (12.5, 14.5),
            (8., 12.),
            (3.5, 14.5),
            (4.8, 9.8),
            (1., 6.5),
            (6., 6.),
            (8., 1.5),
        ]],
        _ => &[],
    }
}

/// Draws an action's symbol into a button.
pub fn paint(painter: &Painter, rect: Rect, action: Action, colour: Color32, playing: bool) {
    let square = Rect::from_center_size(rect.center(), egui::vec2(16.0, 16.0));
    let at = |(x, y): (f32, f32)| -> Pos2 { pos2(square.left() + x, square.top() + y) };
    let stroke = Stroke::new(1.4, colour);
    for line in lines(action) {
        painter.add(Shape::line(line.iter().map(|&p| at(p)).collect(), stroke));
    }
    match action {
        Action::ToolWindow | Action::Invert => {
            painter.circle_stroke(square.center(), 6.0, stroke);
            let half: Vec<Pos2> = (0..=16)
                .map(|i| {
                    let angle = std::f32::consts::FRAC_PI_2 + i as f32 * std::f32::consts::PI / 16.0;
                    square.center() + 6.0 * egui::vec2(angle.cos(), angle.sin())
                })
                .collect();
            if action == Action::ToolWindow {
                painter.add(Shape::convex_polygon(half, colour, Stroke::NONE));
            } else {
                painter.circle_filled(square.center(), 3.0, colour);
            }
        }
        Action::ToolZoom => {
            painter.circle_stroke(at((6.5, 6.5)), 4.5, stroke);
            painter.line_segment([at((10., 10.)), at((14.5, 14.5))], stroke);
        }
        Action::ToolProbe => {
            painter.circle_stroke(square.center(), 5.0, stroke);
            painter.circle_filled(square.center(), 1.8, colour);
        }
        Action::ToolEllipse => {
            painter.add(Shape::ellipse_stroke(square.center(), egui::vec2(7.0, 4.5), stroke));
        }
        Action::Cine if playing => {
            for x in [5.0, 11.0] {
                painter.line_segment([at((x, 3.)), at((x, 13.))], Stroke::new(3.0, colour));
            }
        }
        Action::Cine => {
            let triangle = [(4., 2.), (13., 8.), (4., 14.)].map(at).to_vec();
            painter.add(Shape::convex_polygon(triangle, colour, Stroke::NONE));
        }
        _ => {}
    }
}
