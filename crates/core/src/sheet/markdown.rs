//! A sheet as Markdown: a table a section.

use super::{Answer, Sheet};
use crate::assess::RESEARCH_ONLY;

/// The whole sheet.
pub fn markdown(sheet: &Sheet) -> String {
    let [filled, partly, open] = sheet.counts();
    let mut text = format!(
        "# {}\n\n{}.\n\n{}. {RESEARCH_ONLY}\n\nOf {} items {filled} are filled, {partly} partly; {open} are open. What a person has to write stands after **OPEN**.\n",
        cell(&sheet.title),
        sheet.source,
        sheet.made,
        filled + partly + open,
    );
    for section in &sheet.sections {
        text += &format!("\n## {}\n\n| item | asks | answer |\n| --- | --- | --- |\n", section.name);
        for item in &section.items {
            text += &format!("| {} | {} | {} |\n", item.number, cell(item.asks), answer(&item.answer));
        }
    }
    text
}

fn answer(answer: &Answer) -> String {
    let known = answer.text().map(cell);
    let open = answer.todo().map(|todo| format!("**OPEN** {}", cell(todo)));
    known.into_iter().chain(open).collect::<Vec<_>>().join("<br>")
}

/// Text that cannot break out of its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
