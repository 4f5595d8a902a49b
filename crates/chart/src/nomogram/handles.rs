//! Where a nomogram's axes lie, so that a marker can be dragged along them.

use super::{Content, Layout, Value};

/// One predictor's axis on the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle {
    /// The predictor's name.
    pub name: String,
    /// Height of the axis on the chart.
    pub y: f32,
    /// The axis's ticks from left to right.
    ticks: Vec<(f32, Value)>,
}

impl Handle {
    /// The value at a place of the axis: numbers between the ends, the nearest of levels.
    pub fn value_at(&self, x: f32) -> Option<Value> {
        let numbers: Option<Vec<(f32, f64)>> = self
            .ticks
            .iter()
            .map(|(at, value)| match value {
                Value::Number(v) => Some((*at, *v)),
                Value::Level(_) => None,
            })
            .collect();
        match numbers.as_deref() {
            // Points are linear in a number, so two ticks tell all.
            Some([(x0, v0), .., (x1, v1)]) if x1 > x0 => {
                let share = f64::from(((x - x0) / (x1 - x0)).clamp(0.0, 1.0));
                Some(Value::Number(v0 + share * (v1 - v0)))
            }
            _ => self
                .ticks
                .iter()
                .min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()))
                .map(|(_, value)| value.clone()),
        }
    }
}

/// The axes of the chart that [`super::draw`] makes of the same content.
pub fn handles(content: &Content, width: f32) -> Vec<Handle> {
    let nomogram = &content.nomogram;
    let mut layout = Layout::new(content, width);
    layout.points_axis();
    for axis in &nomogram.axes {
        layout.predictor(axis);
    }
    let at = |(axis, y): (&super::Axis, &f32)| {
        let mut ticks: Vec<(f32, Value)> =
            axis.ticks.iter().map(|t| (layout.points.at(t.points), t.value.clone())).collect();
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        Handle { name: axis.name.clone(), y: *y, ticks }
    };
    nomogram.axes.iter().zip(&layout.axes_y).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nomogram::{Axis, Nomogram, Tick};

    #[test]
    fn a_place_on_an_axis_is_the_value_whose_points_stand_there() {
        let tick = |value, points| Tick { value, points };
        let nomogram = Nomogram {
            axes: vec![
                Axis {
                    name: "pmi".to_owned(),
                    label: "PMI".to_owned(),
                    unit: String::new(),
                    ticks: vec![tick(Value::Number(5.0), 100.0), tick(Value::Number(25.0), 0.0)],
                },
                Axis {
                    name: "ki67".to_owned(),
                    label: "Ki-67".to_owned(),
                    unit: String::new(),
                    ticks: vec![
                        tick(Value::Level("low".into()), 0.0),
                        tick(Value::Level("high".into()), 40.0),
                    ],
                },
            ],
            total: vec![0.0, 140.0],
            risk: vec![],
        };
        let handles = handles(&Content::of(nomogram), 600.0);
        let (left, right) = (handles[0].ticks[0].0, handles[0].ticks[1].0);
        assert_eq!(handles[0].value_at(left + 0.25 * (right - left)), Some(Value::Number(20.0)));
        assert_eq!(handles[0].value_at(right + 500.0), Some(Value::Number(5.0)), "held at the end");
        assert_eq!(handles[1].value_at(handles[1].ticks[1].0 - 3.0), Some(Value::Level("high".into())));
        assert!(handles[0].y < handles[1].y);
    }
}
