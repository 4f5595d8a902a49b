//! Step 2: the clinical form, or a row of a table.

use egui::{RichText, TextEdit, Ui};

use super::super::command::{Action, Command};
use super::super::state::value_of;
use super::super::theme;
use super::Scene;
use thoracast_core::clinical::{Kind, VARIABLES, Variable};

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.heading("2  Clinical");
            let t = theme::tokens(ui);
            let filled = scene.state.inputs.filled();
            ui.label(RichText::new(format!("{filled} of {}", VARIABLES.len())).small().color(t.muted));
        });
        source(ui, scene);
        ui.add_space(2.0);
        egui::Grid::new("clinical-form").num_columns(2).spacing([8.0, 4.0]).striped(true).show(ui, |ui| {
            for variable in VARIABLES {
                row(ui, scene, variable);
                ui.end_row();
            }
        });
    });
}

/// The patient's ID and where the row comes from.
fn source(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.horizontal(|ui| {
        let label = ui.label("Patient ID");
        let mut id = scene.state.inputs.id.clone();
        let field = ui.add(TextEdit::singleline(&mut id).desired_width(f32::INFINITY)).labelled_by(label.id);
        if field.changed() {
            scene.send(Command::SetPatientId(id));
        }
    });
    ui.horizontal(|ui| {
        let Some(open) = &scene.state.table else {
            let info = Action::OpenClinical.info();
            if ui.button(info.text).on_hover_text(info.help).clicked() {
                scene.send(Command::Do(Action::OpenClinical));
            }
            return;
        };
        let ids = &open.ids;
        let id = scene.state.inputs.id.trim().to_owned();
        let found = ids.contains(&id);
        let name = open.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let fill = ui.add_enabled(found, egui::Button::new("Fill from table"));
        let fill = fill.on_hover_text(format!("Take the row of patient {id} in {name} for the open patient"));
        if fill
            .on_disabled_hover_text(format!("{name} has no patient {id}; type an ID that the table has"))
            .clicked()
        {
            scene.send(Command::PickRow(id));
        }
        let help = format!(
            "{} patients in {name}; a row there opens its own patient. For this one type the row's ID here",
            ids.len()
        );
        if ui.button("Table").on_hover_text(help).clicked() {
            scene.send(Command::Do(Action::WorkspaceCohort));
        }
        if scene.state.inputs.filled() > 0 && ui.button("Clear").on_hover_text("Empty the form").clicked() {
            scene.send(Command::ClearForm);
        }
    });
    if scene.state.table.is_some() {
        ui.label(
            RichText::new("An empty field is missing; the result says how it was filled.")
                .small()
                .color(t.muted),
        );
    }
}

fn row(ui: &mut Ui, scene: &mut Scene<'_>, variable: &'static Variable) {
    let t = theme::tokens(ui);
    let text = scene.state.inputs.fields.get(variable.key).cloned().unwrap_or_default();
    let wrong = value_of(variable, &text).err();
    let colour = if wrong.is_some() { t.error } else { ui.visuals().text_color() };
    let label = ui
        .add(egui::Label::new(RichText::new(variable.label).color(colour)).sense(egui::Sense::hover()))
        .on_hover_text(variable.help);
    ui.horizontal(|ui| {
        let changed = match variable.kind {
            Kind::Code(codes) => code_field(ui, variable, codes, &text, label.id),
            Kind::Number { .. } => number_field(ui, variable, &text, label.id),
        };
        if let Some(text) = changed {
            scene.send(Command::SetField { key: variable.key, text });
        }
        if let Some(sentence) = wrong {
            ui.colored_label(t.error, theme::strong("!")).on_hover_text(sentence);
        }
    });
}

fn number_field(ui: &mut Ui, variable: &Variable, text: &str, label: egui::Id) -> Option<String> {
    let mut edited = text.to_owned();
    let field = TextEdit::singleline(&mut edited).desired_width(76.0).align(egui::Align2::RIGHT_CENTER);
    let response = ui.add(field).labelled_by(label);
    ui.label(RichText::new(variable.unit).small().color(theme::tokens(ui).muted));
    let Kind::Number { low, high, .. } = variable.kind else { return None };
    let response = response.on_hover_text(format!("{}; {low} to {high} {}", variable.help, variable.unit));
    response.changed().then_some(edited)
}

fn code_field(
    ui: &mut Ui,
    variable: &Variable,
    codes: &[(i64, &str)],
    text: &str,
    label: egui::Id,
) -> Option<String> {
    let mut chosen = None;
    let current = text.trim();
    let word = codes.iter().find(|(code, _)| code.to_string() == current).map(|(_, word)| *word);
    let shown = match word {
        Some(word) => word.to_owned(),
        None if current.is_empty() => "–".to_owned(),
        None => format!("{current} (not a code)"),
    };
    let response =
        egui::ComboBox::from_id_salt(variable.key).selected_text(shown).width(132.0).show_ui(ui, |ui| {
            if ui.selectable_label(current.is_empty(), "– (missing)").clicked() {
                chosen = Some(String::new());
            }
            for (code, word) in codes {
                let code = code.to_string();
                if ui.selectable_label(code == current, *word).clicked() {
                    chosen = Some(code);
                }
            }
        });
    response.response.labelled_by(label).on_hover_text(variable.help);
    chosen
}
