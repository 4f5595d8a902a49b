//! Every DICOM element of one file, with search.

use egui::{RichText, ScrollArea, Ui};

use super::super::theme;
use super::dialogs::dialog_text;
use thoracast_dicom::TagText;

pub fn show(ui: &mut Ui, file: &str, tags: &[TagText]) {
    ui.set_width(820.0);
    ui.heading("DICOM tags");
    ui.label(RichText::new(file).small().color(theme::tokens(ui).muted));
    let (text, response) = dialog_text(ui, "tags", "Search tag, name or value");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search tags"));
    let found: Vec<&TagText> = tags.iter().filter(|tag| matches(tag, &text)).collect();
    ui.label(RichText::new(format!("{} of {} elements", found.len(), tags.len())).small());
    let row = ui.text_style_height(&egui::TextStyle::Body) + 4.0;
    ScrollArea::both().max_height(460.0).auto_shrink([false, false]).show_rows(
        ui,
        row,
        found.len(),
        |ui, range| {
            egui::Grid::new("tags").num_columns(4).min_row_height(row - 4.0).spacing([14.0, 4.0]).show(
                ui,
                |ui| {
                    for tag in &found[range] {
                        let indent = "· ".repeat(tag.depth);
                        ui.label(RichText::new(format!("{indent}{}", tag.tag)).monospace());
                        ui.label(if tag.name.is_empty() { "private" } else { &tag.name });
                        ui.label(&tag.vr);
                        ui.add(egui::Label::new(&tag.value).extend());
                        ui.end_row();
                    }
                },
            );
        },
    );
}

/// Every word is somewhere in the number (with or without brackets and comma), name or value.
fn matches(tag: &TagText, text: &str) -> bool {
    let number: String = tag.tag.chars().filter(char::is_ascii_hexdigit).collect();
    let all = format!("{} {number} {} {} {}", tag.tag, tag.name, tag.vr, tag.value).to_lowercase();
    text.to_lowercase().split_whitespace().all(|word| all.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_by_number_name_and_value() {
        let tag = TagText {
            depth: 0,
            tag: "(0028,0030)".into(),
            name: "PixelSpacing".into(),
            vr: "DS".into(),
            value: "0.7\\0.7".into(),
        };
        for text in ["", "00280030", "0028,0030", "pixel", "spacing ds", "0.7"] {
            assert!(matches(&tag, text), "{text}");
        }
        assert!(!matches(&tag, "rows"));
    }
}
