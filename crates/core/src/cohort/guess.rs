//! Which of a person's columns is which of ours, in what unit, and what its texts mean: guesses by name.

use std::collections::BTreeMap;

use super::columns::{self, normalise};
use super::targets::{self, Target, What};
use crate::study::variable;

/// Names less alike than this are not taken for each other.
const ALIKE: f64 = 0.62;
/// Names shorter than this are only found as whole words: `er` is not part of `number`.
const SHORT: usize = 4;

/// Names that stand in other columns' names, too: `Patient age`, `Number of nodes`.
const GENERAL: [&str; 5] = ["patient", "number", "num", "no", "group"];

/// For each target the index of the likeliest column: known names first, then the most alike; no column twice.
pub fn columns(header: &[String], targets: &[Target]) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (t, target) in targets.iter().enumerate() {
        if let Some(c) =
            columns::find(header, target.key).filter(|c| columns::key_of(&header[*c]) == Some(target.key))
        {
            pairs.push((2.0, t, c));
        }
        for (c, name) in header.iter().enumerate() {
            // A name we know is nobody else's.
            if columns::key_of(name).is_none() && !name.is_empty() {
                pairs.push((likeness(name, target), t, c));
            }
        }
    }
    pairs.retain(|(score, ..)| *score >= ALIKE);
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut found = vec![None; targets.len()];
    for (_, t, c) in pairs {
        if found[t].is_none() && !found.contains(&Some(c)) {
            found[t] = Some(c);
        }
    }
    found
}

/// How alike a column's name is to the names of a target, 0–1.
fn likeness(name: &str, target: &Target) -> f64 {
    let plain = normalise(name);
    let words: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    let label = variable(target.key).map_or(target.label, |v| v.label);
    let known = columns::names_of(target.key).iter().copied().chain([label]);
    let alike = known.map(|known| {
        let known = normalise(known);
        let length = known.chars().count();
        let general = GENERAL.contains(&known.as_str());
        if words.contains(&known) && length > 1 && !general {
            return 0.95;
        }
        if general || (length < SHORT && known.is_ascii()) {
            return 0.0;
        }
        if length > 1 && plain.contains(&known) {
            return 0.7 + 0.25 * known.len() as f64 / plain.len() as f64;
        }
        dice(&plain, &known)
    });
    alike.fold(0.0, f64::max)
}

/// Share of common pairs of neighbouring letters (Dice, Ecology 1945, 26:297).
fn dice(a: &str, b: &str) -> f64 {
    let pairs = |s: &str| -> Vec<(char, char)> { s.chars().zip(s.chars().skip(1)).collect() };
    let (a, mut b) = (pairs(a), pairs(b));
    let size = a.len() + b.len();
    if size == 0 {
        return 0.0;
    }
    let common =
        a.iter().filter(|pair| b.iter().position(|p| p == *pair).map(|at| b.swap_remove(at)).is_some());
    2.0 * common.count() as f64 / size as f64
}

/// The factor that a unit in the column's name asks for: `Size (mm)` or `size_mm` to centimetres is 0.1.
pub fn factor(name: &str, target: &Target) -> f64 {
    let plain = name.to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !(c.is_alphanumeric() || c == '/')).collect();
    let named = |unit: &str| {
        let ascii = unit.replace('²', "2");
        words.iter().any(|w| *w == unit || *w == ascii)
    };
    let found = targets::units(target).into_iter().find(|(unit, _)| !unit.is_empty() && named(unit));
    found.map_or(1.0, |(_, factor)| factor)
}

/// What texts usually mean. `None` for those nobody can guess.
const MEANINGS: [(i64, &[&str]); 2] = [
    (
        1,
        &[
            "yes",
            "y",
            "true",
            "t",
            "positive",
            "pos",
            "+",
            "是",
            "有",
            "阳性",
            "post",
            "postmenopausal",
            "ja",
            "oui",
            "dead",
            "died",
            "deceased",
            "死亡",
        ],
    ),
    (
        0,
        &[
            "no",
            "n",
            "false",
            "f",
            "negative",
            "neg",
            "-",
            "−",
            "否",
            "无",
            "阴性",
            "pre",
            "premenopausal",
            "nein",
            "non",
            "alive",
            "living",
            "存活",
        ],
    ),
];

/// Our code for each text that stands in a column and is no number.
pub fn codes(texts: &[String], target: &Target) -> BTreeMap<String, f64> {
    let What::Code(known) = target.what else { return BTreeMap::new() };
    let guess = |text: &str| -> Option<i64> {
        let plain = text.trim().to_lowercase();
        let by_word = known.iter().find(|(_, word)| plain == word.to_lowercase());
        let by_number = plain.parse::<f64>().ok();
        if by_number.is_some() {
            return None;
        }
        by_word.map(|(code, _)| *code).or_else(|| {
            let meaning = MEANINGS.iter().find(|(_, words)| words.contains(&plain.as_str()))?.0;
            (known.len() == 2 && known.iter().any(|(code, _)| *code == meaning)).then_some(meaning)
        })
    };
    texts.iter().filter_map(|t| guess(t).map(|code| (t.clone(), code as f64))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(names: &[&str]) -> Vec<(&'static str, String)> {
        let header: Vec<String> = names.iter().map(|n| n.to_string()).collect();
        let targets = targets::all();
        let found = columns(&header, &targets);
        targets.iter().zip(found).filter_map(|(t, c)| Some((t.key, header[c?].clone()))).collect()
    }

    #[test]
    fn columns_are_guessed_by_known_names_and_likeness() {
        let found = guessed(&[
            "患者编号",
            "Patient age",
            "Max. tumour diameter (mm)",
            "ER status",
            "Her-2 IHC",
            "Distant metastases",
            "绝经状态(0/1)",
            "Follow-up remarks",
        ]);
        for pair in [
            ("id", "患者编号"),
            ("age", "Patient age"),
            ("tumor_size", "Max. tumour diameter (mm)"),
            ("er", "ER status"),
            ("her2", "Her-2 IHC"),
            ("metastasis", "Distant metastases"),
            ("menopause", "绝经状态(0/1)"),
        ] {
            assert!(found.contains(&(pair.0, pair.1.to_owned())), "{pair:?} not in {found:?}");
        }
        assert!(!found.iter().any(|(_, column)| column == "Follow-up remarks"), "{found:?}");
    }

    #[test]
    fn units_and_words_are_understood() {
        let targets = targets::all();
        let target = |key: &str| *targets.iter().find(|t| t.key == key).unwrap();
        for (name, key, wanted) in [
            ("Size (mm)", "tumor_size", 0.1),
            ("size_mm", "tumor_size", 0.1),
            ("Size", "tumor_size", 1.0),
            ("PMA mm2", "pma_t4", 0.01),
            ("OS (months)", "os_days", 30.4375),
        ] {
            assert_eq!(factor(name, &target(key)), wanted, "{name}");
        }
        let texts = |t: &[&str]| -> Vec<String> { t.iter().map(|t| t.to_string()).collect() };
        let er = codes(&texts(&["Positive", "阴性", "?", "1"]), &target("er"));
        assert_eq!(er, [("Positive".to_owned(), 1.0), ("阴性".to_owned(), 0.0)].into());
        let n = codes(&texts(&["N2", "n0"]), &target("n_stage"));
        assert_eq!(n, [("N2".to_owned(), 2.0), ("n0".to_owned(), 0.0)].into());
        assert!(codes(&texts(&["yes"]), &target("subtype")).is_empty());
    }
}
