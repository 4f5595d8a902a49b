//! The de-identification dialog.

use egui::{RichText, TextEdit, Ui};

use super::super::command::Command;
use super::super::state::AnonymizeForm;
use super::super::theme;
use super::Scene;
use thoracast_dicom::deidentify::Dates;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>, mut form: AnonymizeForm) {
    ui.set_width(560.0);
    let before = form.clone();
    ui.heading("De-identify");
    ui.label("Copies without the patient's identity after DICOM PS3.15 (basic profile), with new UIDs. The originals stay as they are.");
    ui.add_space(6.0);
    field(ui, "From", "Folder, file, ZIP or DICOMDIR", &mut form.input);
    field(ui, "To", "A new or empty folder", &mut form.out);
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label("Dates");
        for (dates, words) in [
            (Dates::Removed, "removed"),
            (Dates::Shifted, "moved alike for a patient"),
            (Dates::Full, "kept"),
        ] {
            ui.radio_value(&mut form.dates, dates, words);
        }
    });
    ui.checkbox(&mut form.clean_descriptors, "Keep anatomical and technical words of descriptions");
    ui.checkbox(
        &mut form.patient_characteristics,
        "Keep sex, age, size and weight (body indices need the size)",
    );
    ui.checkbox(&mut form.skip_burned_in, "Leave out pictures that may carry names in their pixels");
    let t = theme::tokens(ui);
    let remark = "What is burned into the picture stays: look at screen saves and secondary captures before passing them on.";
    ui.label(RichText::new(remark).small().color(t.muted));
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let ready = !form.input.trim().is_empty() && !form.out.trim().is_empty();
        if ui.add_enabled(ready, egui::Button::new("De-identify")).clicked() {
            scene.send(Command::Anonymize(form.clone()));
        } else if ui.button("Cancel").clicked() {
            scene.send(Command::CloseDialogs);
        } else if form != before {
            scene.send(Command::FillAnonymize(form.clone()));
        }
    });
}

fn field(ui: &mut Ui, name: &str, hint: &str, text: &mut String) {
    ui.horizontal(|ui| {
        ui.add_sized([44.0, 20.0], egui::Label::new(name));
        let response = ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
    });
}
