//! A cohort's distribution as bars on a nomogram's axes, events and others one on the other.

use super::{Axis, Cohort, Layout, Value};
use crate::axes::Scale;
use crate::{Rect, Role};

/// Bars over the whole axis.
const BARS: usize = 60;
/// Height of the highest bar in text sizes.
const HIGHEST: f32 = 1.9;

/// Patients without and with the event in one bar.
type Count = [usize; 2];

/// Counts in even steps along the axis.
fn counts(cohort: &Cohort, values: &[f64], scale: &Scale) -> Vec<(f32, f32, Count)> {
    let [left, right] = scale.range;
    let wide = (right - left) / BARS as f32;
    let mut bars = vec![[0, 0]; BARS];
    for (value, event) in values.iter().zip(&cohort.outcome).filter(|(v, _)| v.is_finite()) {
        let place = ((scale.clamped(*value) - left) / wide) as usize;
        bars[place.min(BARS - 1)][usize::from(*event)] += 1;
    }
    let placed = |(i, count): (usize, Count)| (left + wide * i as f32, wide, count);
    bars.into_iter().enumerate().filter(|(_, c)| *c != [0, 0]).map(placed).collect()
}

/// One bar a level, over its tick.
fn level_counts(
    cohort: &Cohort,
    values: &[f64],
    axis: &Axis,
    scale: &Scale,
    s: f32,
) -> Vec<(f32, f32, Count)> {
    let mut levels: Vec<(f64, Count)> = axis.ticks.iter().map(|t| (t.points, [0, 0])).collect();
    for (value, event) in values.iter().zip(&cohort.outcome) {
        let nearest = levels.iter_mut().min_by(|a, b| (a.0 - value).abs().total_cmp(&(b.0 - value).abs()));
        if let Some((_, count)) = nearest {
            count[usize::from(*event)] += 1;
        }
    }
    levels.into_iter().map(|(points, count)| (scale.at(points) - 0.6 * s, 1.2 * s, count)).collect()
}

impl Layout<'_> {
    /// Room above an axis for its bars.
    pub(super) fn bars_height(&self) -> f32 {
        if self.cohort.is_some() { (HIGHEST + 0.3) * self.s } else { 0.0 }
    }

    /// The patients on a predictor's axis; the bars stand on `foot`.
    pub(super) fn bars(&mut self, axis: &Axis, foot: f32) {
        let Some(cohort) = self.cohort else { return };
        let Some((_, values)) = cohort.points.iter().find(|(name, _)| *name == axis.name) else { return };
        let numeric = axis.ticks.iter().all(|t| matches!(t.value, Value::Number(_)));
        let bars = if numeric {
            counts(cohort, values, &self.points)
        } else {
            level_counts(cohort, values, axis, &self.points, self.s)
        };
        self.stack(&bars, foot);
    }

    pub(super) fn total_bars(&mut self, foot: f32) {
        let Some(cohort) = self.cohort else { return };
        let bars = counts(cohort, &cohort.totals, &self.total);
        self.stack(&bars, foot);
    }

    fn stack(&mut self, bars: &[(f32, f32, Count)], foot: f32) {
        let most = bars.iter().map(|(_, _, [none, events])| none + events).max().unwrap_or(0).max(1) as f32;
        let foot = foot - 0.15 * self.s;
        for (x, wide, [none, events]) in bars {
            let high = |count: usize| HIGHEST * self.s * count as f32 / most;
            let (events, none) = (high(*events), high(*none));
            for (top, height, role) in
                [(foot - events, events, Role::High), (foot - events - none, none, Role::Low)]
            {
                if height > 0.0 {
                    self.guides.fill_rect(
                        Rect::new(x + 0.06 * wide, top, 0.88 * wide, height),
                        0.0,
                        role.wash(0.5),
                    );
                }
            }
        }
    }
}
