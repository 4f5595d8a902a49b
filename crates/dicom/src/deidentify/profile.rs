//! What PS3.15 Table E.1-1 asks for each attribute, under the options chosen.

use std::collections::HashMap;
use std::sync::LazyLock;

use dicom_core::Tag;

use super::{Dates, Options};

/// The standard's table as data; its head names the editions.
const TABLE: &str = include_str!("table.tsv");

/// What is done with one attribute.
///
/// Combined actions of the table are resolved to the one that keeps every object valid whatever type the attribute has in
/// it: a dummy where D is allowed (X/D, Z/D, X/Z/D), an empty value for X/Z, new UIDs inside for X/Z/U*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// X
    Remove,
    /// Z and X/Z
    Empty,
    /// D, Z/D, X/D, X/Z/D
    Dummy,
    /// U, and the contents of X/Z/U* sequences
    NewUid,
    /// K of the full-dates option
    KeepDate,
    /// C of the modified-dates option
    ShiftDate,
    /// C of Clean Descriptors
    Clean,
    /// Not in the table.
    Unlisted,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    basic: Action,
    full_dates: bool,
    modified_dates: bool,
    clean: bool,
}

/// Sequences that may be removed (X/Z, X/D or X/Z/D) and are never of type 2, so that an empty one would be invalid:
/// referenced study, referenced performed procedure step, operator identification, waveform annotation.
const REMOVED_SEQUENCES: [Tag; 4] =
    [Tag(0x0008, 0x1110), Tag(0x0008, 0x1111), Tag(0x0008, 0x1072), Tag(0x0040, 0xB020)];

/// What the Retain Patient Characteristics Option keeps (PS3.15 E.3.7): sex, age, size, weight, ethnic group, smoking
/// and pregnancy status.
const CHARACTERISTICS: [Tag; 7] = [
    Tag(0x0010, 0x0040),
    Tag(0x0010, 0x1010),
    Tag(0x0010, 0x1020),
    Tag(0x0010, 0x1030),
    Tag(0x0010, 0x2160),
    Tag(0x0010, 0x21A0),
    Tag(0x0010, 0x21C0),
];

/// The edition of the standard from which the actions of the basic profile were taken.
pub(super) static BASIC_EDITION: LazyLock<&str> = LazyLock::new(|| stated("basic profile"));

/// The table's editions in words.
pub(super) fn edition() -> String {
    format!(
        "DICOM PS3.15 Table E.1-1: basic profile of edition {}, options of edition {}",
        *BASIC_EDITION,
        stated("options")
    )
}

/// What the table's head says of its origin.
fn stated(what: &str) -> &'static str {
    let lines = TABLE.lines().filter_map(|line| line.strip_prefix("# edition of the "));
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| *name == what)
        .map_or("unknown", |(_, edition)| edition)
}

static ROWS: LazyLock<HashMap<Tag, Row>> = LazyLock::new(|| TABLE.lines().filter_map(parse).collect());

fn parse(line: &str) -> Option<(Tag, Row)> {
    let mut columns = line.split('\t');
    let number = u32::from_str_radix(columns.next()?, 16).ok()?;
    let _name = columns.next()?;
    let basic = match columns.next()? {
        "X" => Action::Remove,
        "Z" | "X/Z" => Action::Empty,
        "D" | "Z/D" | "X/D" | "X/Z/D" => Action::Dummy,
        "U" | "X/Z/U*" => Action::NewUid,
        _ => return None,
    };
    let row = Row {
        basic,
        full_dates: columns.next()? == "K",
        modified_dates: columns.next()? == "C",
        clean: columns.next()? == "C",
    };
    // Two halves of 16 bits.
    Some((Tag((number >> 16) as u16, (number & 0xFFFF) as u16), row))
}

/// The action for a tag at any depth.
pub(super) fn action(tag: Tag, options: &Options) -> Action {
    let Tag(group, element) = tag;
    let curve_or_overlay = matches!(group & 0xFF00, 0x5000 | 0x6000);
    let group_length = element == 0;
    // Pixel data within sequences (icons); the image's own is not among the elements.
    let pixels = group == 0x7FE0;
    if group % 2 == 1 || curve_or_overlay || group_length || pixels {
        return Action::Remove;
    }
    if options.patient_characteristics && CHARACTERISTICS.contains(&tag) {
        return Action::Unlisted;
    }
    let Some(row) = ROWS.get(&tag) else { return Action::Unlisted };
    if REMOVED_SEQUENCES.contains(&tag) {
        return Action::Remove;
    }
    match options.dates {
        Dates::Full if row.full_dates => Action::KeepDate,
        Dates::Shifted if row.modified_dates => Action::ShiftDate,
        _ if options.clean_descriptors && row.clean => Action::Clean,
        _ => row.basic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_row_and_no_tag_stands_twice() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(TABLE.lines().filter_map(parse).count(), lines);
        assert_eq!(ROWS.len(), lines);
        assert!(lines > 600, "{lines}");
        assert!(edition().contains("edition 20") && !edition().contains("unknown"), "{}", edition());
    }

    #[test]
    fn known_rows_have_the_standards_actions() {
        let basic = Options::default();
        assert_eq!(action(Tag(0x0010, 0x0010), &basic), Action::Empty);
        assert_eq!(action(Tag(0x0008, 0x0080), &basic), Action::Dummy);
        assert_eq!(action(Tag(0x0020, 0x000D), &basic), Action::NewUid);
        assert_eq!(action(Tag(0x0008, 0x1030), &basic), Action::Remove);
        assert_eq!(action(Tag(0x0009, 0x1001), &basic), Action::Remove);
        assert_eq!(action(Tag(0x6002, 0x3000), &basic), Action::Remove);
        assert_eq!(action(Tag(0x0028, 0x0010), &basic), Action::Unlisted);
        let full = Options { dates: Dates::Full, clean_descriptors: true, ..Options::default() };
        assert_eq!(action(Tag(0x0008, 0x0020), &full), Action::KeepDate);
        assert_eq!(action(Tag(0x0010, 0x0030), &full), Action::Empty, "birth dates are never kept");
        assert_eq!(action(Tag(0x0008, 0x1030), &full), Action::Clean);
        let shifted = Options { dates: Dates::Shifted, ..Options::default() };
        assert_eq!(action(Tag(0x0008, 0x0020), &shifted), Action::ShiftDate);
    }
}
