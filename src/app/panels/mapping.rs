//! The mapping dialog: which of their columns is which of ours, in what unit and code.

use egui::{ComboBox, DragValue, Grid, RichText, ScrollArea, Ui};

use super::super::cohort::{Ask, CohortCommand, MappingEdit, MappingForm};
use super::super::command::Command;
use super::super::theme;
use super::Scene;
use thoracast_core::cohort::draft::{Choice, Draft};
use thoracast_core::cohort::mapping::Role;
use thoracast_core::cohort::targets::{What, units};
use thoracast_core::tables::reading::Reading;

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(form) = &scene.state.cohort.mapping else { return };
    let screen = ui.ctx().content_rect().size();
    ui.set_width((screen.x - 80.0).min(1120.0));
    let room = screen.y - 80.0;
    let mut edits = Vec::new();
    head(ui, form, &mut edits);
    let Some(draft) = form.drafts.get(form.sheet) else { return };
    ui.separator();
    ScrollArea::both()
        .id_salt("targets")
        .max_height((room * 0.5).max(140.0))
        .auto_shrink([false, false])
        .show(ui, |ui| targets(ui, form, draft, &mut edits));
    ui.separator();
    let below = (room * 0.17).max(60.0);
    ui.columns(2, |sides| {
        ScrollArea::vertical()
            .id_salt("detail")
            .max_height(below)
            .auto_shrink([false, false])
            .show(&mut sides[0], |ui| detail(ui, form, draft, &mut edits));
        ScrollArea::vertical()
            .id_salt("problems")
            .max_height(below)
            .auto_shrink([false, false])
            .show(&mut sides[1], |ui| problems(ui, form));
    });
    ui.separator();
    let blocked = form.blocked();
    edits.into_iter().for_each(|edit| scene.send(Command::Cohort(CohortCommand::EditMapping(edit))));
    buttons(ui, scene, blocked);
}

fn head(ui: &mut Ui, form: &MappingForm, edits: &mut Vec<MappingEdit>) {
    let t = theme::tokens(ui);
    let name = form.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        ui.heading(format!("Map columns: {name}"));
        if form.drafts.len() > 1 {
            for (number, draft) in form.drafts.iter().enumerate() {
                let words = match draft.role {
                    Role::Clinical => "Clinical tables",
                    Role::Survival => "Survival tables",
                    Role::Predictions => "Predictions",
                };
                if ui.selectable_label(form.sheet == number, words).clicked() {
                    edits.push(MappingEdit::Sheet(number));
                }
            }
        }
        if let Some(draft) = form.drafts.get(form.sheet) {
            let mut comma = draft.decimal_comma;
            if ui.checkbox(&mut comma, "Decimal comma (3,5 is three and a half)").changed() {
                edits.push(MappingEdit::Comma(comma));
            }
        }
    });
    if let Some(why) = &form.why {
        ui.colored_label(t.warning, why);
    }
}

fn targets(ui: &mut Ui, form: &MappingForm, draft: &Draft, edits: &mut Vec<MappingEdit>) {
    let t = theme::tokens(ui);
    Grid::new("mapping").num_columns(5).striped(true).spacing([14.0, 4.0]).show(ui, |ui| {
        for heading in [
            "Variable",
            "Their column",
            "Their unit",
            "First values, as they will be read",
            "Missing and unreadable",
        ] {
            ui.label(theme::strong(heading));
        }
        ui.end_row();
        for (number, choice) in draft.choices.iter().enumerate() {
            let title = ui.selectable_label(form.selected == number, choice.target.label);
            if title.clicked() {
                edits.push(MappingEdit::Select(number));
            }
            column_choice(ui, draft, number, choice, edits);
            unit_choice(ui, number, choice, edits);
            let values = choice.preview.first.join(" · ");
            let cut: String = values.chars().take(46).collect();
            let cut = if cut.len() < values.len() { format!("{cut}…") } else { cut };
            ui.label(cut).on_hover_text(values);
            let p = &choice.preview;
            if choice.column.is_none() {
                ui.colored_label(t.muted, "–");
            } else {
                let words = format!("{} missing, {} unreadable", p.missing, p.unreadable);
                ui.colored_label(if p.unreadable > 0 { t.warning } else { t.muted }, words);
            }
            ui.end_row();
        }
    });
}

fn column_choice(ui: &mut Ui, draft: &Draft, number: usize, choice: &Choice, edits: &mut Vec<MappingEdit>) {
    let header = &draft.table.header;
    let name = |c: usize| header.get(c).cloned().unwrap_or_default();
    let response = ComboBox::from_id_salt(("their column", number))
        .selected_text(choice.column.map_or("not there".to_owned(), name))
        .width(230.0)
        .truncate()
        .height(300.0)
        .show_ui(ui, |ui| {
            if ui.selectable_label(choice.column.is_none(), "not there").clicked() {
                edits.push(MappingEdit::Column(number, None));
            }
            for column in (0..header.len()).filter(|c| !header[*c].is_empty()) {
                if ui.selectable_label(choice.column == Some(column), name(column)).clicked() {
                    edits.push(MappingEdit::Column(number, Some(column)));
                }
            }
        })
        .response;
    let words =
        format!("Column for {}: {}", choice.target.label, choice.column.map_or("not there".to_owned(), name));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &words));
}

fn unit_choice(ui: &mut Ui, number: usize, choice: &Choice, edits: &mut Vec<MappingEdit>) {
    if !matches!(choice.target.what, What::Number { .. }) {
        ui.label("");
        return;
    }
    let units = units(&choice.target);
    let now = units.iter().find(|(_, factor)| *factor == choice.factor);
    let text = now.map_or(format!("× {}", choice.factor), |(unit, _)| (*unit).to_owned());
    let response =
        ComboBox::from_id_salt(("their unit", number)).selected_text(text).width(90.0).show_ui(ui, |ui| {
            for (unit, factor) in &units {
                if ui.selectable_label(*factor == choice.factor, format!("{unit} (× {factor:.5})")).clicked()
                {
                    edits.push(MappingEdit::Factor(number, *factor));
                }
            }
        });
    let words = format!("Unit of {}", choice.target.label);
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &words));
}

/// Codes or the free factor of the variable looked at.
fn detail(ui: &mut Ui, form: &MappingForm, draft: &Draft, edits: &mut Vec<MappingEdit>) {
    let t = theme::tokens(ui);
    let (number, Some(choice)) = (form.selected, draft.choices.get(form.selected)) else { return };
    ui.label(theme::strong(choice.target.label));
    match choice.target.what {
        What::Number { low, high, .. } => {
            ui.horizontal(|ui| {
                let caption = ui.label("Their values times");
                let mut factor = choice.factor;
                let field = DragValue::new(&mut factor).speed(0.01).max_decimals(8);
                if ui.add(field).labelled_by(caption.id).changed() {
                    edits.push(MappingEdit::Factor(number, factor));
                }
                ui.label(format!("= {}; possible are {low} to {high}", choice.target.unit));
            });
            if choice.column.is_some() {
                reading_choice(ui, number, choice, edits);
            }
        }
        What::Code(codes) if choice.column.is_some() => {
            if choice.preview.texts.is_empty() {
                ui.colored_label(
                    t.muted,
                    "Too many different texts for codes, or none: is this the right column?",
                );
            }
            Grid::new("codes").num_columns(3).spacing([12.0, 3.0]).show(ui, |ui| {
                for (text, count) in &choice.preview.texts {
                    ui.label(format!("'{text}'"));
                    ui.colored_label(t.muted, format!("{count} ×"));
                    code_choice(ui, number, text, choice, codes, edits);
                    ui.end_row();
                }
            });
        }
        What::Code(_) => drop(ui.colored_label(t.muted, "Choose a column to see its texts.")),
        What::Id => drop(ui.colored_label(t.muted, "Taken as it stands; 24 and 24.0 are one patient.")),
        What::Any => drop(ui.colored_label(t.muted, "Taken as it stands.")),
    }
}

/// How numbers that are not plain ones are read; what the cells look like comes first.
fn reading_choice(ui: &mut Ui, number: usize, choice: &Choice, edits: &mut Vec<MappingEdit>) {
    let name = |rule: Option<Reading>| rule.map_or("plain numbers".to_owned(), Reading::describe);
    let proposed = choice.preview.readings.iter().copied();
    let others = Reading::SINGLE.into_iter().filter(|rule| !choice.preview.readings.contains(rule));
    ui.horizontal(|ui| {
        ui.label("Read as");
        let response = ComboBox::from_id_salt(("reading", number))
            .selected_text(name(choice.read))
            .width(260.0)
            .show_ui(ui, |ui| {
                for rule in std::iter::once(None).chain(proposed.chain(others).map(Some)) {
                    if ui.selectable_label(choice.read == rule, name(rule)).clicked() {
                        edits.push(MappingEdit::Reading(number, rule));
                    }
                }
            });
        let words = format!("Reading of {}", choice.target.label);
        response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &words));
        for rule in &choice.preview.readings {
            if ui.button(format!("Read {}", rule.describe())).clicked() {
                edits.push(MappingEdit::Reading(number, Some(*rule)));
            }
        }
    });
}

fn code_choice(
    ui: &mut Ui,
    number: usize,
    text: &str,
    choice: &Choice,
    codes: &[(i64, &str)],
    edits: &mut Vec<MappingEdit>,
) {
    let word = |code: f64| {
        let known = codes.iter().find(|(c, _)| *c as f64 == code);
        known.map_or(code.to_string(), |(c, word)| format!("{c} {word}"))
    };
    let now = choice.codes.get(text).copied();
    let selected = now.map_or("as it is".to_owned(), word);
    let response = ComboBox::from_id_salt(("code", number, text))
        .selected_text(selected)
        .width(150.0)
        .show_ui(ui, |ui| {
            if ui.selectable_label(now.is_none(), "as it is").clicked() {
                edits.push(MappingEdit::Code(number, text.to_owned(), None));
            }
            for (code, _) in codes {
                let code = *code as f64;
                if ui.selectable_label(now == Some(code), word(code)).clicked() {
                    edits.push(MappingEdit::Code(number, text.to_owned(), Some(code)));
                }
            }
        });
    let words = format!("Code for {text}");
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &words));
}

fn problems(ui: &mut Ui, form: &MappingForm) {
    let t = theme::tokens(ui);
    if form.problems.is_empty() {
        ui.colored_label(t.good, "Nothing speaks against this mapping.");
    }
    for problem in &form.problems {
        let colour = if problem.blocking { t.error } else { t.warning };
        ui.add(egui::Label::new(RichText::new(&problem.sentence).color(colour)).wrap());
    }
}

fn buttons(ui: &mut Ui, scene: &mut Scene<'_>, blocked: bool) {
    ui.horizontal(|ui| {
        if ui.add_enabled(!blocked, egui::Button::new(theme::strong("Use these columns"))).clicked() {
            scene.send(Command::Cohort(CohortCommand::UseMapping));
        }
        if ui.button("Guess again").on_hover_text("Back to what the names suggest").clicked() {
            scene.send(Command::Cohort(CohortCommand::EditMapping(MappingEdit::Guesses)));
        }
        if ui.button("Import…").on_hover_text("Take up a mapping file").clicked() {
            scene.send(Command::Cohort(CohortCommand::Ask(Ask::MappingIn)));
        }
        if ui.button("Export…").on_hover_text("Save it for --mapping in the shell").clicked() {
            scene.send(Command::Cohort(CohortCommand::Ask(Ask::MappingOut)));
        }
        if ui.button("Cancel").clicked() {
            scene.send(Command::CloseDialogs);
        }
    });
}
