//! Text widths as the painters draw them, wrapping, and how numbers are written.

use rustybuzz::UnicodeBuffer;

use super::{Weight, fonts};

/// Width of one line, kerning included, in the unit of `size`.
pub fn width(text: &str, size: f32, weight: Weight) -> f32 {
    let Some(face) = fonts::face(weight) else { return 0.6 * size * text.chars().count() as f32 };
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    let glyphs = rustybuzz::shape(face, &[], buffer);
    let advance: i64 = glyphs.glyph_positions().iter().map(|p| i64::from(p.x_advance)).sum();
    advance as f32 * size / face.units_per_em() as f32
}

/// Lines no wider than `max_width`, broken at spaces; a word too long for a line (an id, a hash, a path) is broken inside.
pub fn wrap(text: &str, max_width: f32, size: f32, weight: Weight) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        // Not `split_whitespace`: a no-break space keeps its figure and unit together.
        for word in paragraph.split([' ', '\t']).filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if width(&longer, size, weight) <= max_width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            let mut pieces = break_word(word, max_width, size, weight);
            line = pieces.pop().unwrap_or_default();
            lines.append(&mut pieces);
        }
        lines.push(line);
    }
    lines
}

fn break_word(word: &str, max_width: f32, size: f32, weight: Weight) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let Some(piece) = pieces.last_mut() else { break };
        piece.push(c);
        if width(piece, size, weight) > max_width && piece.chars().count() > 1 {
            piece.pop();
            pieces.push(c.to_string());
        }
    }
    pieces
}

/// The text, or as much of it as fits before an ellipsis.
pub fn fit(text: &str, max_width: f32, size: f32, weight: Weight) -> String {
    if width(text, size, weight) <= max_width {
        return text.to_owned();
    }
    let mut short: Vec<char> = text.chars().collect();
    while !short.is_empty() {
        short.pop();
        let candidate = format!("{}…", short.iter().collect::<String>().trim_end());
        if width(&candidate, size, weight) <= max_width {
            return candidate;
        }
    }
    String::new()
}

/// With a capital letter in front.
pub fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A number as a person writes it: at most `decimals` decimals, no trailing zeros, a true minus sign.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let fixed = format!("{value:.decimals$}");
    let trimmed =
        if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.') } else { fixed.as_str() };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.replace('-', "−") }
}

/// A number with exactly `decimals` decimals and a true minus sign.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{value:.decimals$}");
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
}

/// A probability with two decimals, never rounded to a certain 0 or 1.
pub fn probability(p: f64) -> String {
    match p {
        p if !p.is_finite() => "–".to_owned(),
        p if p > 0.0 && p < 0.005 => "<0.01".to_owned(),
        p if p < 1.0 && p > 0.995 => ">0.99".to_owned(),
        p => fixed(p, 2),
    }
}

/// A probability as percent; figures near 0 and 1 keep the decimal that tells them from 0 and 100.
pub fn percent(probability: f64) -> String {
    let percent = 100.0 * probability;
    if !percent.is_finite() {
        return "–".to_owned();
    }
    if percent > 0.0 && percent < 0.1 {
        return "<0.1 %".to_owned();
    }
    if percent < 100.0 && percent > 99.9 {
        return ">99.9 %".to_owned();
    }
    let decimals = if (10.0..=90.0).contains(&percent) { 0 } else { 1 };
    format!("{} %", number(percent, decimals))
}

/// An interval of probabilities, the unit once: "45–93 %".
pub fn percent_range([low, high]: [f64; 2]) -> String {
    let (low, high) = (percent(low), percent(high));
    format!("{}–{high}", low.trim_end_matches(" %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_never_shown_as_certain() {
        assert_eq!(probability(0.8274619), "0.83");
        assert_eq!(probability(0.0004), "<0.01");
        assert_eq!(probability(0.9999), ">0.99");
        assert_eq!(probability(f64::NAN), "–");
    }

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        let hash = "a3f".repeat(40);
        let text = format!("the series {hash} has one slice missing between two files");
        let lines = wrap(&text, 120.0, 9.0, Weight::Regular);
        assert!(lines.iter().all(|line| width(line, 9.0, Weight::Regular) <= 120.0));
        let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(squeeze(&lines.concat()), squeeze(&text));
    }

    #[test]
    fn a_line_narrower_than_a_letter_still_ends() {
        assert_eq!(wrap("abc", 0.1, 10.0, Weight::Regular), ["a", "b", "c"]);
        assert_eq!(fit("abc", 0.1, 10.0, Weight::Regular), "");
    }

    #[test]
    fn fitted_text_ends_with_an_ellipsis() {
        let short = fit("Lymphovascular invasion", 60.0, 10.0, Weight::Regular);
        assert!(short.ends_with('…') && width(&short, 10.0, Weight::Regular) <= 60.0);
        assert_eq!(fit("ER", 60.0, 10.0, Weight::Regular), "ER");
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(number(-5.5, 2), "−5.5");
        assert_eq!(number(120.0, 1), "120");
        assert_eq!(number(-0.001, 1), "0");
        assert_eq!(number(f64::NAN, 1), "–");
        assert_eq!(fixed(-0.04, 1), "0.0");
        assert_eq!(fixed(38.0, 1), "38.0");
    }

    #[test]
    fn percentages_never_round_to_certainty() {
        assert_eq!(percent(0.83), "83 %");
        assert_eq!(percent(0.9996), ">99.9 %");
        assert_eq!(percent(0.0004), "<0.1 %");
        assert_eq!(percent(0.987), "98.7 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent_range([0.0004, 0.5]), "<0.1–50 %");
    }
}
