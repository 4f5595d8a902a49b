//! Who may know whom: the table of ARCHITECTURE.md, held against the imports of the sources.
//!
//! Read are `crate::ROOM` and `thoracast_CRATE` in code that is not a test; a room is a file or folder of the crate's `src`.

#![allow(clippy::unwrap_used)] // a failed unwrap is how a test fails, in its helpers too

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each crate, and the crates of ours it may know.
const CRATES: &[(&str, &str)] = &[
    ("files", ""),
    ("dicom", "files"),
    ("nn", "files"),
    ("chart", "files"),
    ("core", "files dicom nn chart"),
];

/// Each room of core from the bottom up, and the rooms it may know: only such as stand above it in this list.
const ROOMS: &[(&str, &str)] = &[
    // the bottom
    ("tables", ""),
    ("study", ""),
    ("level", ""),
    ("body", ""),
    ("measure", ""),
    ("slice", ""),
    ("cam", ""),
    ("stats", "tables"),
    ("identity", "tables"),
    // one thing each
    ("fusion", "stats"),
    ("clinical", "stats study tables"),
    ("nomogram", "clinical stats tables"),
    ("library", "level slice"),
    ("phantom", "clinical"),
    ("cohort", "fusion level slice stats study tables"),
    ("simulate", "clinical cohort fusion level phantom slice stats"),
    ("training", "cohort fusion slice stats"),
    ("audit", "clinical cohort level stats"),
    // where they meet
    ("assess", "cam clinical fusion identity level library nomogram slice stats"),
    ("evaluate", "assess clinical cohort fusion level nomogram simulate slice stats"),
    ("analysis", "clinical cohort nomogram simulate stats"),
    // what is shown of them
    ("figures", "assess clinical cohort fusion stats"),
    ("report", "assess cam clinical figures identity level"),
    ("sheet", "assess audit clinical cohort evaluate level report simulate stats"),
];

/// Code that runs in tests alone.
fn is_test(path: &Path) -> bool {
    let name = path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let in_folder = path.components().any(|part| part.as_os_str() == "tests");
    in_folder
        || name == "tests"
        || name.ends_with("_tests")
        || ["testing", "stress", "accuracy", "check"].contains(&&*name)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|e| e == "rs") && !is_test(&entry) {
            found.push(entry);
        }
    }
}

/// The code of a file without comments and without its tests at the end.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").or_else(|| text.find("#[cfg(test)]\npub mod tests {"));
    let lines = text[..end.unwrap_or(text.len())].lines();
    lines.filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The words that follow `mark`, e.g. `crate::`; a list in braces counts each of its members.
fn named_after(text: &str, mark: &str) -> BTreeSet<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(mark) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + mark.len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' => start = true,
                        c if c.is_whitespace() => continue,
                        _ if start && depth == 0 => {
                            found.insert(word(&list[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => {
                found.insert(word(rest));
            }
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Crates of ours or rooms as a set.
fn words(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    for (name, may) in CRATES {
        let mut files = vec![];
        sources(&root().join("crates").join(name).join("src"), &mut files);
        assert!(!files.is_empty(), "{name} has no sources");
        for file in files {
            for known in named_after(&code(&file), "thoracast_") {
                let fine = known == *name || words(may).contains(&known);
                assert!(fine, "{}: {name} may not know {known}", file.display());
            }
        }
    }
    let there = std::fs::read_dir(root().join("crates")).unwrap();
    let there: BTreeSet<String> =
        there.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(there, CRATES.iter().map(|(name, _)| (*name).to_owned()).collect(), "crates and their table");
}

#[test]
fn rooms_of_core_know_only_whom_they_may_and_nobody_below_knows_those_above() {
    let src = root().join("crates/core/src");
    let place: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
    for (i, (name, may)) in ROOMS.iter().enumerate() {
        for known in words(may) {
            assert!(
                place.get(&*known).is_some_and(|j| *j < i),
                "the table lets {name} know {known} above it"
            );
        }
    }
    let (_, crates) = CRATES.iter().find(|(name, _)| *name == "core").unwrap();
    let crates = words(crates);
    let mut files = vec![];
    sources(&src, &mut files);
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let (_, may) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} is not in the table"));
        let may = words(may);
        for known in named_after(&code(&file), "crate::") {
            // Crates that core re-exports go by the crates' table.
            let fine = known == room || may.contains(&known) || crates.contains(&known);
            assert!(fine, "{}: {room} may not know {known}", file.display());
        }
    }
}

#[test]
fn what_belongs_to_one_crate_is_named_in_no_other() {
    // Types of a library, the folders that may name them.
    let owned = [
        ("candle_core::", &["crates/nn/src"][..]),
        ("dicom_object::", &["crates/dicom/src"]),
        ("egui::", &["src/app", "crates/chart/src/egui.rs"]),
    ];
    for (library, homes) in owned {
        let mut files = vec![];
        sources(&root().join("crates"), &mut files);
        sources(&root().join("src"), &mut files);
        for file in files {
            let home = homes.iter().any(|home| file.starts_with(root().join(home)));
            let named = code(&file).match_indices(library).any(|(at, _)| {
                let before = code(&file)[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(home || !named, "{} names {library}", file.display());
        }
    }
}

#[test]
fn the_architecture_page_shows_the_same_table() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, may) in ROOMS.iter().chain(CRATES) {
        let knows = if may.is_empty() { "–".to_owned() } else { may.replace(' ', ", ") };
        let row = format!("| `{name}` | {knows} |");
        assert!(page.contains(&row), "ARCHITECTURE.md lacks the row {row}");
    }
}
