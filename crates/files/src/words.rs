//! Text that came from files, before a person reads it: on a terminal, in the log, in the window, in a report.
//!
//! A cell of a table may hold line ends that forge a message, escape sequences that repaint a terminal, marks that turn
//! the direction of reading, or thirty megabytes. Everything that shows text goes through [`clean`]; lists of remarks
//! go through [`Remarks`]. JSON keeps whole values: its own escapes are enough.

use std::borrow::Cow;
use std::fmt::Write;

/// Most characters of one line that is shown.
pub const LONGEST_LINE: usize = 4000;
/// Most characters of one value that is quoted within a sentence.
pub const LONGEST_VALUE: usize = 120;
/// Most remarks of one kind that are listed.
pub const MOST_REMARKS: usize = 50;

/// One line as it may be shown: control characters and line ends as `\n`, `\t`, `\u{1b}`; a line of more than
/// [`LONGEST_LINE`] characters loses its middle, which is counted.
///
/// ```
/// use thoracast_files::words::clean;
/// assert_eq!(clean("x\nthoracast: all fine"), "x\\nthoracast: all fine");
/// assert_eq!(clean("张伟, ≥20%"), "张伟, ≥20%");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    escape(shorten(text, LONGEST_LINE))
}

/// A value as it may stand within a sentence: like [`clean`], but of [`LONGEST_VALUE`] characters at most.
pub fn clean_value(text: &str) -> Cow<'_, str> {
    escape(shorten(text, LONGEST_VALUE))
}

/// Several lines of the program's own making: line ends and tabs stay, other control characters are escaped, and
/// nothing is cut.
pub fn clean_page(text: &str) -> Cow<'_, str> {
    escape_but(Cow::Borrowed(text), |c| matches!(c, '\n' | '\t'))
}

fn escape(text: Cow<'_, str>) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

fn escape_but(text: Cow<'_, str>, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_harmful = |c: char| must_be_escaped(c) && !kept(c);
    if !text.contains(is_harmful) {
        return text;
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if !is_harmful(c) => clean.push(c),
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            // Writing to a String can't fail.
            _ => drop(write!(clean, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(clean)
}

/// Control characters, line and paragraph separators, and marks that turn the direction of reading.
fn must_be_escaped(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with at most about `most` characters: its beginning and, since a sentence ends with what to do, its end.
fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    // A character has at least one byte, so that most texts need no counting.
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (most * 3 / 4, most / 4);
    let place = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let (head_end, tail_start) = (place(head), place(count - tail));
    let left_out = count - head - tail;
    Cow::Owned(format!("{}… [{left_out} characters] …{}", &text[..head_end], &text[tail_start..]))
}

/// Remarks of which the first are kept and the others counted, so that a million of them neither fill memory nor screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    kept: Vec<String>,
    more: usize,
}

impl Remarks {
    /// Adds a remark; past [`MOST_REMARKS`] it is only counted, and `words` is not called.
    pub fn add(&mut self, words: impl FnOnce() -> String) {
        if self.kept.len() < MOST_REMARKS { self.kept.push(words()) } else { self.more += 1 }
    }

    /// The remarks, and a last one that says how many more there were.
    pub fn into_list(self) -> Vec<String> {
        let Self { mut kept, more } = self;
        if more > 0 {
            kept.push(format!("and {more} more remarks of this kind, which are not listed"));
        }
        kept
    }
}

/// A list of remarks with at most [`MOST_REMARKS`] entries and, where there were more, one that counts the others.
pub fn capped(list: Vec<String>) -> Vec<String> {
    if list.len() <= MOST_REMARKS + 1 {
        return list;
    }
    let mut remarks = Remarks::default();
    list.into_iter().for_each(|words| remarks.add(|| words));
    remarks.into_list()
}

/// Names joined by commas; beyond the first `most` they are counted.
pub fn joined<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<Cow<'_, str>> = names.iter().take(most).map(|n| clean_value(n.as_ref())).collect();
    let rest = names.len().saturating_sub(most);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_without_control_characters() {
        assert_eq!(clean("ID x\nthoracast: all fine"), "ID x\\nthoracast: all fine");
        assert_eq!(clean("a\r\tb\u{1b}[2J\u{202e}c\u{9b}"), "a\\r\\tb\\u{1b}[2J\\u{202e}c\\u{9b}");
        assert!(matches!(clean("Größe ≥ 20 %, 张伟"), Cow::Borrowed(_)));
        assert_eq!(clean_page("a\tb\n\u{7}"), "a\tb\n\\u{7}");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end_and_counts_what_is_between() {
        let cell = "é".repeat(30_000_000);
        let words = format!("row 2: '{cell}' is not a number; write a number");
        let short = clean(&words);
        assert!(short.starts_with("row 2: 'éé") && short.ends_with("write a number"));
        assert!(short.chars().count() < LONGEST_LINE + 60 && short.contains("characters] …"), "{short}");
        assert!(clean_value(&words).chars().count() < LONGEST_VALUE + 60);
    }

    #[test]
    fn a_million_remarks_are_fifty_and_a_count() {
        let mut remarks = Remarks::default();
        (0..1_000_000).for_each(|n| remarks.add(|| n.to_string()));
        let list = remarks.into_list();
        assert_eq!(list.len(), MOST_REMARKS + 1);
        assert_eq!(list[MOST_REMARKS], "and 999950 more remarks of this kind, which are not listed");
        assert_eq!(capped(list.clone()), list);
        assert_eq!(joined(&["a", "b\n", "c"], 2), "a, b\\n and 1 more");
    }
}
