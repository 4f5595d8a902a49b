//! A sheet as A4 pages and as a PDF.

use super::{Item, Section, Sheet};
use crate::assess::RESEARCH_ONLY;
use crate::chart::pdf as chart_pdf;
use crate::chart::{Chart, ChartError, Role, Text, Theme, Weight, text};
use crate::report::flow::{Flow, WIDTH};

const SIZE: f32 = 8.5;
const LINE: f32 = 11.0;
/// Columns: the item's number, what is asked, the answer.
const ASKS: f32 = 34.0;
const ANSWER: f32 = 190.0;

/// The pages, with running heads and page numbers.
pub fn pages(sheet: &Sheet) -> Vec<Chart> {
    let mut flow = Flow::new(&sheet.title, &sheet.title, &sheet.made);
    flow.add(head(sheet));
    for section in &sheet.sections {
        flow.gap(8.0);
        let first = section.items.first().map_or(0.0, |i| rows(i).height);
        flow.need(heading(section).height + first);
        flow.add(heading(section));
        section.items.iter().for_each(|item| flow.add(rows(item)));
    }
    flow.finish()
}

/// The sheet for print and filing, text selectable.
///
/// # Errors
/// Where the PDF cannot be made.
pub fn pdf(sheet: &Sheet) -> Result<Vec<u8>, ChartError> {
    let properties = chart_pdf::Properties {
        title: sheet.title.clone(),
        subject: RESEARCH_ONLY.to_owned(),
        created: None,
    };
    chart_pdf::document(&pages(sheet), &Theme::light(), &properties)
}

fn head(sheet: &Sheet) -> Chart {
    let mut block = Chart::new(WIDTH, 0.0, sheet.title.clone());
    let title = text::fit(&sheet.title, WIDTH, 15.0, Weight::SemiBold);
    block.text(Text::new([0.0, 14.0], title, 15.0, Role::Ink).bold());
    let [filled, partly, open] = sheet.counts();
    let counts = format!(
        "{} items: {filled} filled, {partly} partly filled, {open} open. What a person has to write stands after \"Open\".",
        filled + partly + open
    );
    let mut y = 20.0;
    for words in [sheet.source, counts.as_str()] {
        for line in text::wrap(words, WIDTH, SIZE, Weight::Regular) {
            y += LINE;
            block.text(Text::new([0.0, y], line, SIZE, Role::Muted));
        }
    }
    block.height = y + 6.0;
    block
}

fn heading(section: &Section) -> Chart {
    let mut block = Chart::new(WIDTH, 20.0, section.name);
    block.text(Text::new([0.0, 12.0], section.name, 10.5, Role::Accent).bold());
    block.line([0.0, 17.0], [WIDTH, 17.0], Role::Ink.stroke(0.75));
    block
}

fn rows(item: &Item) -> Chart {
    let mut block = Chart::new(WIDTH, 0.0, format!("Item {}", item.number));
    block.text(Text::new([0.0, LINE], item.number, SIZE, Role::Ink).bold());
    let asks = text::wrap(item.asks, ANSWER - ASKS - 10.0, SIZE, Weight::Regular);
    for (i, line) in asks.iter().enumerate() {
        block.text(Text::new([ASKS, LINE * (i + 1) as f32], line.as_str(), SIZE, Role::Muted));
    }
    let mut y = 0.0;
    let mut write = |words: &str, role: Role| {
        for line in text::wrap(words, WIDTH - ANSWER, SIZE, Weight::Regular) {
            y += LINE;
            block.text(Text::new([ANSWER, y], line, SIZE, role));
        }
    };
    if let Some(known) = item.answer.text() {
        write(known, Role::Ink);
    }
    if let Some(todo) = item.answer.todo() {
        write(&format!("Open: {todo}"), Role::Warning);
    }
    block.height = y.max(LINE * asks.len() as f32) + 5.0;
    block.line([0.0, block.height - 1.0], [WIDTH, block.height - 1.0], Role::Grid.stroke(0.5));
    block
}
