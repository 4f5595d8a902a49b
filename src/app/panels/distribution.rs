//! One column's distribution by outcome, beside the table.

use egui::{Align2, Color32, FontId, Rect, Sense, Ui, pos2, vec2};

use super::super::theme;
use super::Scene;
use thoracast_core::cohort::distribution::{Bar, Distribution};
use thoracast_core::cohort::table_one::figure;

/// Room for counts on the left and labels below, points.
const LEFT: f32 = 34.0;
const BELOW: f32 = 40.0;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    match &scene.state.cohort.figures.distribution {
        None => drop(ui.spinner()),
        Some(Err(sentence)) => drop(ui.add(egui::Label::new(sentence).wrap())),
        Some(Ok(distribution)) => {
            ui.heading(&distribution.title);
            let figures = &scene.state.cohort.figures;
            let groups = figures.table_one.as_ref().and_then(|t| t.as_ref().ok());
            if let Some(groups) = groups {
                for (group, colour) in colours(ui).into_iter().enumerate() {
                    let missing = distribution.missing[group];
                    let median = distribution.medians[group]
                        .map_or(String::new(), |m| format!(", median {}", figure(m)));
                    let words = format!("{} {}{median}, {missing} missing", groups.by, groups.groups[group]);
                    ui.horizontal_wrapped(|ui| {
                        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                        ui.painter().rect_filled(rect, 2.0, colour);
                        ui.label(words);
                    });
                }
            }
            ui.colored_label(t.muted, "Share of each group's patients");
            draw(ui, distribution);
        }
    }
}

/// First and second group.
fn colours(ui: &Ui) -> [Color32; 2] {
    let t = theme::tokens(ui);
    [t.t11, t.t4]
}

/// Shares rather than counts: the groups differ in size.
fn draw(ui: &mut Ui, distribution: &Distribution) {
    let size = vec2(ui.available_width(), (ui.available_height() - 8.0).clamp(140.0, 320.0));
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let total = [0, 1].map(|g| distribution.bars.iter().map(|b| b.counts[g]).sum::<usize>().max(1) as f32);
    let share = |bar: &Bar, g: usize| bar.counts[g] as f32 / total[g];
    let top = distribution.bars.iter().flat_map(|b| [share(b, 0), share(b, 1)]).fold(0.01f32, f32::max);
    let plot = Rect::from_min_max(area.min + vec2(LEFT, 6.0), area.max - vec2(4.0, BELOW));
    let t = theme::tokens(ui);
    let painter = ui.painter_at(area);
    let font = FontId::proportional(11.0);
    for step in 0..=4 {
        let part = step as f32 / 4.0;
        let y = plot.bottom() - plot.height() * part;
        painter.hline(plot.x_range(), y, egui::Stroke::new(1.0, t.line));
        let words = format!("{:.0} %", top * part * 100.0);
        painter.text(pos2(plot.left() - 4.0, y), Align2::RIGHT_CENTER, words, font.clone(), t.muted);
    }
    let width = plot.width() / distribution.bars.len().max(1) as f32;
    let gap = if distribution.binned { 0.08 } else { 0.2 } * width;
    let every = (34.0 / width).ceil().max(1.0) as usize;
    for (number, bar) in distribution.bars.iter().enumerate() {
        let left = plot.left() + width * number as f32;
        for (group, colour) in colours(ui).into_iter().enumerate() {
            let half = (width - 2.0 * gap) / 2.0;
            let x = left + gap + half * group as f32;
            let y = plot.bottom() - plot.height() * share(bar, group) / top;
            painter.rect_filled(Rect::from_min_max(pos2(x, y), pos2(x + half, plot.bottom())), 1.0, colour);
        }
        if number % every == 0 {
            let (x, words) = match bar.limits {
                Some([low, _]) => (left, format!("{}", (low * 1e6).round() / 1e6)),
                None => (left + width / 2.0, cut(&bar.label, width)),
            };
            let anchor = if bar.limits.is_some() { Align2::LEFT_TOP } else { Align2::CENTER_TOP };
            painter.text(pos2(x, plot.bottom() + 4.0), anchor, words, font.clone(), t.muted);
        }
    }
    let words = distribution.bars.iter().map(|b| format!("{}: {} / {}", b.label, b.counts[0], b.counts[1]));
    let words = format!("Distribution of {}. {}", distribution.title, words.collect::<Vec<_>>().join("; "));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    if let Some(pointer) = response.hover_pos().filter(|p| plot.contains(*p)) {
        let number = ((pointer.x - plot.left()) / width) as usize;
        if let Some(bar) = distribution.bars.get(number) {
            let of = |g: usize| format!("{} ({:.1} %)", bar.counts[g], share(bar, g) * 100.0);
            response.on_hover_text(format!("{}: {} and {}", bar.label, of(0), of(1)));
        }
    }
}

/// As much of a label as has room; the tooltip has it whole.
fn cut(label: &str, width: f32) -> String {
    let room = (width / 6.0) as usize;
    if label.chars().count() <= room {
        return label.to_owned();
    }
    label.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
