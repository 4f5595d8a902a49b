//! Patients, studies and series.

use egui::{RichText, Ui};

use super::super::command::{Action, Command};
use super::super::theme;
use super::Scene;
use thoracast_core::identity::Identity;
use thoracast_core::report::date_words;
use thoracast_dicom::Series;

/// Side of a thumbnail in the list, points.
const THUMBNAIL: f32 = 48.0;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.heading("Studies");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let info = Action::OpenFolder.info();
            if ui.small_button("Open…").on_hover_text(info.help).clicked() {
                scene.send(Command::Do(Action::OpenFolder));
            }
        });
    });
    if scene.state.scan.series.is_empty() {
        let t = theme::tokens(ui);
        ui.colored_label(t.muted, "Series appear here once a folder is open.");
        return;
    }
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for (patient, studies) in grouped(&scene.state.scan.series) {
            ui.add_space(6.0);
            let words = patient.words();
            ui.add(egui::Label::new(theme::strong(or(&patient.id, "no patient ID"))).truncate())
                .on_hover_text(words);
            for (study, indices) in studies {
                study_line(ui, study);
                for index in indices {
                    series_row(ui, scene, index);
                }
            }
        }
        unreadable(ui, scene);
    });
}

/// Series numbers by patient, then by study, in the order found.
type Grouped<'a> = Vec<(Identity, Vec<(&'a Series, Vec<usize>)>)>;

fn grouped(series: &[Series]) -> Grouped<'_> {
    let mut patients: Grouped<'_> = Vec::new();
    for (index, s) in series.iter().enumerate() {
        // Two patients under one ID stand apart.
        let identity = Identity::of_series(s);
        let patient = match patients.iter().position(|(known, _)| known.is_same(&identity)) {
            Some(at) => &mut patients[at].1,
            None => {
                patients.push((identity, Vec::new()));
                let last = patients.len() - 1;
                &mut patients[last].1
            }
        };
        match patient.iter_mut().find(|(first, _)| first.study_uid == s.study_uid) {
            Some((_, indices)) => indices.push(index),
            None => patient.push((s, vec![index])),
        }
    }
    patients
}

fn study_line(ui: &mut Ui, study: &Series) {
    let t = theme::tokens(ui);
    let date = date_words(&study.study_date);
    let text = format!("{} {}", date, or(&study.study_description, ""));
    ui.add(egui::Label::new(RichText::new(text.trim()).color(t.muted).small()).truncate());
}

fn series_row(ui: &mut Ui, scene: &mut Scene<'_>, index: usize) {
    let t = theme::tokens(ui);
    let series = &scene.state.scan.series[index];
    let open = scene.state.viewer.open.as_ref();
    let chosen = open.is_some_and(|o| o.series.uid == series.uid && o.series.frames == series.frames);
    let title = or(&series.description, "series without description");
    let detail = match (&series.unusable_reason, series.spacing_mm) {
        (Some(_), _) if series.viewable => {
            let pictures = if series.slices == 1 { "picture" } else { "pictures" };
            let modality = or(&series.modality, "no modality");
            format!("{modality} · {} {pictures} · no volume", series.slices)
        }
        (Some(_), _) => format!("{} · not a CT volume", or(&series.modality, "no modality")),
        (None, Some(s)) => format!("{} · {} slices · {:.2} mm", series.modality, series.slices, s[2]),
        (None, None) => format!("{} · {} slices", series.modality, series.slices),
    };
    let mut layout = egui::text::LayoutJob::default();
    let ink = if series.usable { ui.visuals().text_color() } else { t.muted };
    let format = |size, color| egui::TextFormat::simple(egui::FontId::proportional(size), color);
    layout.append(title, 0.0, format(13.0, ink));
    layout.append(&format!("\n{detail}"), 0.0, format(11.5, t.muted));
    if series.usable && series.unmeasured.is_some() {
        layout.append("\nlooked at only", 0.0, format(11.5, t.warning));
    } else if !series.warnings.is_empty() && series.usable {
        let count = series.warnings.len();
        let words = if count == 1 { "\n1 warning".to_owned() } else { format!("\n{count} warnings") };
        layout.append(&words, 0.0, format(11.5, t.warning));
    }
    layout.wrap.max_rows = 3;
    let width = ui.available_width();
    layout.wrap.max_width = width - THUMBNAIL - 24.0;
    layout.wrap.break_anywhere = true;
    let key = super::super::handle::thumbnail_key(series);
    let size = egui::vec2(THUMBNAIL, THUMBNAIL);
    let button = match scene.pictures.thumbnail(&key) {
        Some(texture) => {
            let image = egui::Image::new(texture).fit_to_exact_size(size).maintain_aspect_ratio(true);
            egui::Button::image_and_text(image, layout).selected(chosen).frame_when_inactive(chosen)
        }
        None => egui::Button::selectable(chosen, layout),
    };
    let button = button.min_size(egui::vec2(width, THUMBNAIL + 6.0));
    let mut response = ui.add(button);
    let unmeasured = series.unmeasured.as_ref().map(ToString::to_string);
    let why = series.unusable_reason.iter().chain(&unmeasured).chain(&series.warnings);
    let hover: Vec<&str> = why.map(String::as_str).collect();
    if !hover.is_empty() {
        response = response.on_hover_text(hover.join("\n"));
    }
    if response.clicked() {
        scene.send(Command::ChooseSeries(index));
    }
}

fn unreadable(ui: &mut Ui, scene: &Scene<'_>) {
    let t = theme::tokens(ui);
    let files = &scene.state.scan.unreadable;
    if files.is_empty() {
        return;
    }
    ui.add_space(8.0);
    egui::CollapsingHeader::new(RichText::new(format!("{} unreadable files", files.len())).color(t.warning))
        .id_salt("unreadable")
        .show(ui, |ui| {
            for file in files {
                let name =
                    file.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                ui.small(format!("{name}: {}", file.reason));
            }
        });
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() { otherwise } else { text }
}
