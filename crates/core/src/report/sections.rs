//! What stands in the report, section by section.

use super::Provenance;
use super::flow::{Flow, WIDTH};
use crate::assess::{Assessment, Gravity, NomogramResult, RESEARCH_ONLY, Remark, RiskGroup, UNTRAINED};
use crate::cam::{self, Seen};
use crate::chart::text::{self, capitalised, number, percent, percent_range, probability};
use crate::chart::{Anchor, Chart, Rect, Role, Text, Weight, waterfall};
use crate::clinical::{Record, VARIABLES};
use crate::figures::{explanation, nomogram, votes};
use crate::level::Level;

/// All sections in reading order.
pub fn write(flow: &mut Flow, a: &Assessment, record: &Record, provenance: &Provenance) {
    flow.add(letterhead());
    flow.gap(8.0);
    flow.add(particulars(a, provenance));
    flow.gap(8.0);
    if !a.meaningful {
        flow.add(banner(a));
        flow.gap(8.0);
    }
    flow.add(tiles(a));
    flow.gap(11.0);
    beside_figures(flow, a);
    section(flow, "Votes and fusion", votes::draw(a, WIDTH));
    if let Some(drawn) = &a.reasons.nomogram {
        let content = nomogram::content(drawn, a.reasons.patient_points.as_ref(), a.reasons.cutoff_points);
        let content = crate::chart::nomogram::Content { doubtful: a.doubtful(), ..content };
        let chart = crate::chart::nomogram::draw(&content, WIDTH);
        section(flow, "Nomogram", chart);
        if a.reasons.patient_points.is_none() {
            let words = "The patient is not on the nomogram (see “Beside the figures”).";
            paragraph(flow, words, 8.0, Role::Warning);
        }
    }
    section(flow, "Clinical and pathological variables", clinical_table(record));
    if let Some(chart) = waterfall::draw(&explanation::waterfall(&a.clinical.explanation), WIDTH) {
        section(flow, "Why the clinical branch says so", chart);
    }
    slices(flow, a);
    models(flow, a, provenance);
    list(flow, "Warnings", &notes(a), Role::Warning);
    inputs(flow, provenance);
    legend(flow, a);
}

/// Remarks that are read before the figures are believed, right under them.
fn beside_figures(flow: &mut Flow, a: &Assessment) {
    // The banner says it in full.
    let told = |r: &&Remark| r.gravity() >= Gravity::Beside && !matches!(r, Remark::Untrained(_));
    let mut words: Vec<String> = a.remarks.0.iter().filter(told).map(Remark::words).collect();
    words.iter_mut().for_each(|w| *w = capitalised(w) + ".");
    list(flow, if a.doubtful() { DOUBTFUL } else { "Beside the figures" }, &words, Role::Warning);
}

/// The heading over the remarks that make a result doubtful.
const DOUBTFUL: &str = "Beside the figures: this result is doubtful";

/// The remarks that do not stand beside the figures.
fn notes(a: &Assessment) -> Vec<String> {
    a.remarks.0.iter().filter(|r| r.gravity() < Gravity::Beside).map(Remark::words).collect()
}

fn letterhead() -> Chart {
    let mut block = Chart::new(WIDTH, 34.0, "");
    block.text(Text::new([0.0, 18.0], "Thoracast", 20.0, Role::Accent).bold());
    let words = "Distant metastasis of breast cancer, from a chest CT";
    block.text(Text::new([0.0, 31.0], words, 9.0, Role::Muted));
    let words = "RESEARCH USE ONLY";
    let width = text::width(words, 8.0, Weight::SemiBold) + 16.0;
    let tag = Rect::new(WIDTH - width, 4.0, width, 17.0);
    block.frame(tag, 3.0, None, Role::Warning.stroke(1.0));
    let at = [tag.centre()[0], tag.y + 11.6];
    block.text(Text::new(at, words, 8.0, Role::Warning).bold().anchored(Anchor::Middle));
    block
}

/// Who, when, from which study; long identifiers wrap.
fn particulars(a: &Assessment, provenance: &Provenance) -> Chart {
    let slice = |n: Option<usize>| n.map_or("picture".to_owned(), |n| n.to_string());
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    let mut left = vec![("Patient ID", a.id.clone())];
    // A result of values that stand under another number says so where the number stands.
    if let Some(study) = a.subject.study().filter(|_| !a.subject.differs().is_empty()) {
        let id = if study.id.is_empty() { "–".to_owned() } else { study.id.clone() };
        left.push(("Study's ID", format!("{id}, said to be the same patient")));
    }
    left.extend([
        ("Study date", or_dash(&provenance.study_date)),
        ("Report made", super::flow::when(&provenance.created)),
        ("Slices", format!("T4: {}, T11: {}", slice(a.t4.slice), slice(a.t11.slice))),
    ]);
    let right = [
        ("Study", or_dash(&provenance.study_uid)),
        ("Series", or_dash(&provenance.series_uid)),
        ("Description", or_dash(&provenance.series_description)),
        ("Computed on", a.device.clone()),
    ];
    let column = WIDTH / 2.0 - 22.0;
    let mut block = Chart::new(WIDTH, 0.0, "");
    let x = 12.0;
    let left = pairs(&left, column - 10.0, 62.0);
    let right = pairs(&right, column, 62.0);
    let height = left.height.max(right.height);
    block.fill_rect(Rect::new(0.0, 0.0, WIDTH, height + 14.0), 4.0, Role::Panel.fill());
    block.place(left, x, 7.0);
    block.place(right, WIDTH / 2.0 + 6.0, 7.0);
    block.height = height + 14.0;
    block
}

/// Names at the left, wrapped values at the right.
fn pairs(rows: &[(&str, String)], width: f32, name_width: f32) -> Chart {
    const SIZE: f32 = 8.0;
    let mut block = Chart::new(width, 0.0, "");
    let mut y = 0.0;
    for (name, value) in rows {
        let lines = text::wrap(value, width - name_width, SIZE, Weight::Regular);
        block.text(Text::new([0.0, y + 9.0], *name, SIZE, Role::Muted));
        for line in lines {
            block.text(Text::new([name_width, y + 9.0], line, SIZE, Role::Ink));
            y += 10.5;
        }
        y += 2.0;
    }
    block.height = y;
    block
}

fn banner(a: &Assessment) -> Chart {
    let untrained: Vec<&str> =
        [("T4", &a.t4), ("T11", &a.t11)].iter().filter(|(_, b)| !b.trained).map(|(n, _)| *n).collect();
    let headline = capitalised(UNTRAINED);
    let who = if untrained.is_empty() { "A network" } else { &untrained.join(" and ") };
    let words = format!(
        "{who}: random weights, never trained on patients. Every figure on these pages that depends on them \
         (votes, fused probability, total points, risk, Grad-CAM) shows only that the program runs."
    );
    let lines = text::wrap(&words, WIDTH - 46.0, 8.5, Weight::Regular);
    let height = 27.0 + 11.5 * lines.len() as f32;
    let mut block = Chart::new(WIDTH, height, "");
    let ground = Rect::new(0.0, 0.0, WIDTH, height);
    block.frame(ground, 4.0, Some(Role::Warning.wash(0.10)), Role::Warning.stroke(1.2));
    block.fill_polygon(vec![[20.0, 8.0], [30.0, 25.0], [10.0, 25.0]], Role::Warning.fill());
    let mark = Text::new([20.0, 23.0], "!", 11.0, Role::OnFill).bold();
    block.text(mark.anchored(Anchor::Middle));
    block.text(Text::new([38.0, 19.0], headline, 11.5, Role::Warning).bold());
    for (i, line) in lines.into_iter().enumerate() {
        block.text(Text::new([38.0, 32.0 + 11.5 * i as f32], line, 8.5, Role::Ink));
    }
    block
}

/// The three figures a reader looks for first.
fn tiles(a: &Assessment) -> Chart {
    let risk_note = match a.reasons.patient_points.as_ref().and_then(|p| p.risk_interval) {
        Some(interval) => format!("95 % CI {}", percent_range(interval)),
        None => "from the nomogram".to_owned(),
    };
    let not_known = || ("–".to_owned(), "a predictor is missing".to_owned());
    let risk = a.nomogram.risk.map_or_else(not_known, |risk| (percent(risk), risk_note));
    let group = group_tile(&a.nomogram, a.reasons.cutoff_points).unwrap_or_else(not_known);
    let origin = match a.fused.source {
        Some(source) => format!("taken from the {} network", votes::source_name(source)),
        None => votes::origin(&a.fused),
    };
    let fused = (probability(a.fused.probability), origin);
    let group_role = match a.nomogram.group {
        Some(RiskGroup::High) => Role::High,
        Some(RiskGroup::Low) => Role::Low,
        None => Role::Muted,
    };
    let vote_role = if a.fused.log_prob.vote() { Role::High } else { Role::Low };
    let tiles = [
        ("Fused probability of metastasis", fused, vote_role),
        ("Predicted risk (nomogram)", risk, Role::Ink),
        ("Risk group", group, group_role),
    ];
    const GAP: f32 = 10.0;
    let width = (WIDTH - 2.0 * GAP) / 3.0;
    let mut block = Chart::new(WIDTH, 59.0, "");
    for (i, (name, (figure, note), role)) in tiles.into_iter().enumerate() {
        let x = i as f32 * (width + GAP);
        block.frame(Rect::new(x, 0.0, width, 59.0), 4.0, None, Role::Grid.stroke(0.9));
        block.text(Text::new([x + 10.0, 15.0], name, 8.0, Role::Muted));
        let role = if a.doubtful() { Role::Muted } else { role };
        block.text(Text::new([x + 10.0, 37.0], figure, 20.0, role).bold());
        let (note, role) = match (a.meaningful, a.doubtful()) {
            (false, _) => ("no meaning: untrained".to_owned(), Role::Warning),
            (true, true) => (format!("doubtful; {note}"), Role::Warning),
            (true, false) => (note, Role::Muted),
        };
        let note = text::fit(&note, width - 20.0, 8.0, Weight::Regular);
        block.text(Text::new([x + 10.0, 51.5], note, 8.0, role));
    }
    block
}

fn group_tile(nomogram: &NomogramResult, cutoff: Option<f64>) -> Option<(String, String)> {
    let words = match nomogram.group? {
        RiskGroup::High => "High",
        RiskGroup::Low => "Low",
    };
    let total = nomogram.total.map(|t| format!("{} points", number(t, 1))).unwrap_or_default();
    let note = match cutoff {
        Some(cutoff) => format!("{total}, cut-off {}", number(cutoff, 1)),
        None => total,
    };
    Some((words.to_owned(), note))
}

fn slices(flow: &mut Flow, a: &Assessment) {
    let caption = |level: &str, slice: Option<usize>| match slice {
        Some(n) => format!("{level}, slice {n}, as the network saw it"),
        None => format!("{level}, picture as the network saw it"),
    };
    let levels = [
        (Level::T4, caption("T4", a.t4.slice), &a.reasons.t4_picture, &a.reasons.t4_cam),
        (Level::T11, caption("T11", a.t11.slice), &a.reasons.t11_picture, &a.reasons.t11_cam),
    ];
    let seen: Vec<Seen<'_>> = levels
        .iter()
        .filter_map(|(level, caption, picture, heat)| {
            let arch = level.arch();
            picture.as_ref().map(|picture| Seen { caption, arch, picture, heat: heat.as_ref() })
        })
        .collect();
    if seen.is_empty() {
        return;
    }
    match cam::figure(&seen, &a.reasons.look, 480.0) {
        Some(chart) => section(flow, "Slices and Grad-CAM", chart),
        None => {
            list(flow, "Slices and Grad-CAM", &["The pictures could not be shown.".to_owned()], Role::Warning)
        }
    }
}

/// Three columns of variables; what is missing is said.
fn clinical_table(record: &Record) -> Chart {
    const ROW: f32 = 13.5;
    const GAP: f32 = 20.0;
    let rows = VARIABLES.len().div_ceil(3);
    let width = (WIDTH - 2.0 * GAP) / 3.0;
    let mut block = Chart::new(WIDTH, ROW * rows as f32 + 1.0, "");
    for (i, variable) in VARIABLES.iter().enumerate() {
        let (x, y) = ((i / rows) as f32 * (width + GAP), (i % rows) as f32 * ROW);
        block.line([x, y + ROW], [x + width, y + ROW], Role::Grid.stroke(0.5));
        let (words, role) = match record.values.get(variable.key) {
            Some(value) => (explanation::value_words(variable, *value), Role::Ink),
            None => ("missing".to_owned(), Role::Warning),
        };
        let value = Text::new([x + width, y + 9.8], words, 8.0, role).anchored(Anchor::End);
        let label = text::fit(variable.label, width - value.width() - 6.0, 8.0, Weight::Regular);
        block.text(Text::new([x, y + 9.8], label, 8.0, Role::Muted));
        block.text(value);
    }
    block
}

fn models(flow: &mut Flow, a: &Assessment, provenance: &Provenance) {
    let name = |key: &str| match key {
        "t4" => "T4 network".to_owned(),
        "t11" => "T11 network".to_owned(),
        other => capitalised(other),
    };
    let mut blocks = Vec::new();
    let rank = |key: &str| ["t4", "t11", "clinical", "nomogram"].iter().position(|k| *k == key).unwrap_or(4);
    let mut models: Vec<(&String, &String)> = a.models.iter().collect();
    models.sort_by_key(|(key, _)| rank(key));
    for (key, sha256) in models {
        let description = provenance.models.get(key).map_or("no description", String::as_str);
        let rows = [("", description.to_owned()), ("", format!("SHA-256 {sha256}"))];
        let mut block = Chart::new(WIDTH, 0.0, "");
        block.text(Text::new([0.0, 9.0], name(key), 8.0, Role::Ink).bold());
        let text = pairs(&rows, WIDTH, 72.0);
        block.height = text.height + 2.0;
        block.place(text, 0.0, 0.0);
        blocks.push(block);
    }
    let Some(first) = blocks.first() else { return };
    heading(flow, "Models", first.height);
    for block in blocks {
        flow.add(block);
    }
    flow.gap(10.0);
}

fn inputs(flow: &mut Flow, provenance: &Provenance) {
    let lines: Vec<String> = provenance
        .inputs
        .iter()
        .map(|input| match &input.sha256 {
            Some(hash) => format!("{}: {}, SHA-256 {hash}", input.role, input.name),
            None => format!("{}: {}", input.role, input.name),
        })
        .collect();
    list(flow, "Inputs", &lines, Role::Ink);
}

fn legend(flow: &mut Flow, a: &Assessment) {
    let cutoff = match a.reasons.cutoff_points {
        Some(cutoff) => format!(" From {} total points a patient counts as high risk.", number(cutoff, 1)),
        None => String::new(),
    };
    let words = [
        "Votes: a branch votes for metastasis where its probability exceeds 0.5. Fusion: where the T4 and T11 \
         networks agree, the T4 probability stands; where they differ, the clinical vote decides and the \
         probability of the image branch that agrees with it is taken."
            .to_owned(),
        format!(
            "Nomogram: each value gives points on the axis on top; their sum gives the risk.{cutoff} Interval: 95\u{a0}% \
             confidence interval of the model, not of a single patient's fate."
        ),
        "Grad-CAM: warm colours mark where the picture spoke for metastasis in that network; it shows what the \
         network used, not where disease is."
            .to_owned(),
        RESEARCH_ONLY.to_owned(),
    ];
    let first: f32 = 2.0 * LINE;
    heading(flow, "How to read this report", first);
    for sentence in &words {
        paragraph(flow, sentence, 7.5, Role::Muted);
    }
}

const LINE: f32 = 11.0;

fn list(flow: &mut Flow, title: &str, items: &[String], role: Role) {
    if items.is_empty() {
        return;
    }
    heading(flow, title, 2.0 * LINE);
    for item in items {
        for (i, line) in text::wrap(item, WIDTH - 12.0, 8.0, Weight::Regular).into_iter().enumerate() {
            let mut block = Chart::new(WIDTH, LINE, "");
            if i == 0 {
                block.dot([3.0, 6.2], 1.5, role.fill());
            }
            block.text(Text::new([12.0, 9.0], line, 8.0, Role::Ink));
            flow.add(block);
        }
        flow.gap(1.5);
    }
    flow.gap(9.0);
}

/// Wrapped text, a block a line, so that a long one may cross a page.
fn paragraph(flow: &mut Flow, words: &str, size: f32, role: Role) {
    for line in text::wrap(words, WIDTH, size, Weight::Regular) {
        let mut block = Chart::new(WIDTH, 1.32 * size, "");
        block.text(Text::new([0.0, size], line, size, role));
        flow.add(block);
    }
    flow.gap(3.0);
}

/// A heading that stays with the first `keep` points of what it heads.
fn heading(flow: &mut Flow, title: &str, keep: f32) {
    let mut block = Chart::new(WIDTH, 22.0, "");
    block.text(Text::new([0.0, 10.0], title, 10.5, Role::Ink).bold());
    block.line([0.0, 15.0], [WIDTH, 15.0], Role::Accent.stroke(0.9));
    flow.need(block.height + keep);
    flow.add(block);
}

fn section(flow: &mut Flow, title: &str, chart: Chart) {
    heading(flow, title, chart.height);
    flow.add(chart);
    flow.gap(9.0);
}
