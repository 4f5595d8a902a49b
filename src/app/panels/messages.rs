//! Status bar, log and toasts: each message is told once.

use std::time::Duration;

use egui::{Align, Align2, Layout, RichText, Ui};

use super::super::command::{Action, Command};
use super::super::state::{Message, Severity};
use super::super::theme::{self, Tokens};
use super::Scene;

/// How long a toast stays; errors take longer to read. Then the log has them.
const TOAST_TIME: Duration = Duration::from_secs(6);
const ERROR_TIME: Duration = Duration::from_secs(20);

/// More than this many toasts would cover the picture; the log has them all.
const MOST_TOASTS: usize = 4;

pub fn status_bar(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.horizontal(|ui| {
        let device = match scene.models {
            Some(models) => models.t4.device_name(),
            None => "models not loaded".to_owned(),
        };
        let words = ui.label(RichText::new(format!("Networks: {device}")).small().color(t.muted));
        if let Some(notice) = scene.models.and_then(|models| models.t4.device_notice()) {
            words.on_hover_text(notice);
        }
        ui.separator();
        let adapter =
            egui::Label::new(RichText::new(format!("View: {}", scene.adapter)).small().color(t.muted));
        ui.scope(|ui| {
            ui.set_max_width(240.0);
            ui.add(adapter.truncate());
        });
        ui.separator();
        let mut cancel = None;
        for (id, progress) in scene.jobs.running() {
            let (stage, done, total) = progress.now();
            let words = if total > 0 { format!("{stage} {done}/{total}") } else { stage };
            if total > 0 {
                let share = done as f32 / total as f32;
                ui.add(egui::ProgressBar::new(share).desired_width(120.0).desired_height(8.0));
            } else {
                ui.add(egui::Spinner::new().size(12.0));
            }
            ui.small(words);
            if id.can_cancel() && !progress.is_cancelled() && ui.small_button("Cancel").clicked() {
                cancel = Some(id);
            }
        }
        if let Some(id) = cancel {
            scene.send(Command::CancelJob(id));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let count = scene.state.messages.len();
            if ui
                .small_button(format!("Log ({count})"))
                .on_hover_text(Action::ToggleLog.info().help)
                .clicked()
            {
                scene.send(Command::Do(Action::ToggleLog));
            }
            if let Some(last) = scene.state.messages.last() {
                let text = RichText::new(&last.text).small().color(colour(&t, last.severity));
                ui.add(egui::Label::new(text).truncate());
            }
        });
    });
}

pub fn log(ui: &mut Ui, scene: &Scene<'_>) {
    let t = theme::tokens(ui);
    ui.heading("Log");
    egui::ScrollArea::vertical().auto_shrink([false, false]).stick_to_bottom(true).show(ui, |ui| {
        if scene.state.messages.is_empty() {
            ui.colored_label(t.muted, "Nothing to tell yet.");
        }
        for message in &scene.state.messages {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(word(message.severity)).color(colour(&t, message.severity)));
                ui.label(&message.text);
            });
        }
    });
}

pub fn toasts(ctx: &egui::Context, scene: &mut Scene<'_>) {
    let showing: Vec<usize> = scene
        .state
        .messages
        .iter()
        .enumerate()
        .filter(|(_, m)| m.toast && m.since.elapsed() < time_of(m.severity))
        .map(|(index, _)| index)
        .collect();
    if showing.is_empty() {
        return;
    }
    // They must be taken away when their time is over.
    ctx.request_repaint_after(Duration::from_millis(500));
    let mut dismissed = None;
    egui::Area::new(egui::Id::unique("toasts"))
        .anchor(Align2::CENTER_BOTTOM, egui::vec2(0.0, -40.0))
        .order(egui::Order::Foreground)
        .show(ctx, |ui| {
            for &index in showing.iter().rev().take(MOST_TOASTS) {
                if toast(ui, &scene.state.messages[index]) {
                    dismissed = Some(index);
                }
            }
        });
    if let Some(index) = dismissed {
        scene.send(Command::DismissToast(index));
    }
}

fn time_of(severity: Severity) -> Duration {
    if severity == Severity::Error { ERROR_TIME } else { TOAST_TIME }
}

/// Draws one toast; true if it was dismissed.
fn toast(ui: &mut Ui, message: &Message) -> bool {
    let t = theme::tokens(ui);
    let colour = colour(&t, message.severity);
    let frame = egui::Frame::popup(ui.style()).stroke(egui::Stroke::new(1.0, colour));
    let mut dismissed = false;
    frame.show(ui, |ui| {
        ui.set_width(440.0);
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
                let close = ui.small_button("×");
                close.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Dismiss"));
                dismissed = close.clicked();
                ui.with_layout(Layout::left_to_right(Align::TOP), |ui| {
                    ui.label(RichText::new(word(message.severity)).color(colour));
                    ui.add(egui::Label::new(&message.text).wrap());
                });
            });
        });
    });
    dismissed
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Note",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    }
}

fn colour(t: &Tokens, severity: Severity) -> egui::Color32 {
    match severity {
        Severity::Info => t.accent,
        Severity::Warning => t.warning,
        Severity::Error => t.error,
    }
}
