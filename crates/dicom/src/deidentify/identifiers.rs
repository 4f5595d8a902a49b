//! What names a person: taken from an original, searched for in its copy.
//!
//! How false hits are limited: only texts are searched (no dates, numbers or coded words shorter than four characters),
//! short identifiers count as whole words only, single letters and digits as a whole value only, and a hit costs the one
//! attribute, never the file.

use std::collections::BTreeSet;

use dicom_core::VR;
use unicode_normalization::UnicodeNormalization;

use super::clean::is_technical;

/// From this many characters on an identifier is found inside of words too.
const LONG: usize = 8;
/// Shorter words are not searched for in raw bytes and coded words, where they would often stand by chance.
const SHORTEST_BESIDE_TEXT: usize = 4;
/// Words within a name that are no name by themselves. A family or given name that is one of them is searched for.
const PARTICLES: [&str; 30] = [
    "al", "bin", "da", "de", "del", "den", "der", "des", "di", "do", "dos", "dr", "du", "el", "ii", "iii",
    "jr", "la", "le", "md", "mr", "mrs", "ms", "sr", "st", "te", "ten", "van", "von", "zu",
];

/// The identifiers of one original, folded, by how they are searched for.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    /// Wherever they stand: long ones, and two or more characters of a script that puts no spaces between words.
    anywhere: BTreeSet<String>,
    /// Where no letter or digit touches them.
    words: BTreeSet<String>,
    /// Where they are the whole value or name component.
    values: BTreeSet<String>,
    /// Whole UIDs.
    uids: BTreeSet<String>,
}

/// Compatibility forms composed (full-width letters, accents in two parts), lower case.
fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// Ideographs, kana and hangul: words are not separated there (or carry endings).
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x11FF | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x3100..=0x318F | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

impl Identifiers {
    /// All values of a PN element (PS3.5 6.2.1): its alphabetic, ideographic and phonetic groups, each component, each word
    /// of a component, and family and given name written together.
    pub fn add_names(&mut self, text: &str) {
        for group in text.split(['\\', '=']) {
            let components: Vec<String> = group.split('^').map(|part| fold(part).trim().to_owned()).collect();
            for (index, component) in components.iter().enumerate() {
                // Behind family, given and middle name stand titles.
                let title = index > 2;
                self.add_component(component, title);
            }
            if let [family, given, ..] = components.as_slice()
                && !family.is_empty()
                && !given.is_empty()
            {
                let (family, given) = (letters(family), letters(given));
                self.add(&format!("{family}{given}"));
                self.add(&format!("{given}{family}"));
            }
        }
    }

    fn add_component(&mut self, component: &str, title: bool) {
        if !title || component.chars().count() >= SHORTEST_BESIDE_TEXT {
            self.add(component);
        }
        let words: Vec<&str> =
            component.split([' ', ',', '-', '.']).filter(|word| !word.is_empty()).collect();
        if words.len() < 2 {
            return;
        }
        self.add(&letters(component));
        let long =
            |word: &&str| word.chars().count() >= SHORTEST_BESIDE_TEXT || word.chars().all(is_unspaced);
        let name = |word: &&str| !title && word.chars().count() > 1 && !PARTICLES.contains(word);
        words.iter().filter(|word| long(word) || name(word)).for_each(|word| self.add(word));
    }

    /// A number or other text that stands for a person.
    pub fn add(&mut self, text: &str) {
        let text = fold(text);
        let text = text.trim_matches(['\0', ' ', '.', ',', '-']);
        if !text.contains(char::is_alphanumeric) {
            return;
        }
        let set = match text.chars().count() {
            length if length >= LONG => &mut self.anywhere,
            length if length >= 2 && text.contains(is_unspaced) => &mut self.anywhere,
            1 if !text.contains(is_unspaced) => &mut self.values,
            _ => &mut self.words,
        };
        set.insert(text.to_owned());
    }

    pub fn add_uid(&mut self, uid: &str) {
        self.uids.insert(uid.trim_matches(['\0', ' ']).to_owned());
    }

    /// Whether a value of a text attribute holds an identifier. Dates and numbers are compared with nothing, coded words
    /// with whole names that are no technical word, UIDs with UIDs.
    pub fn are_in(&self, vr: VR, text: &str) -> bool {
        match vr {
            VR::DA | VR::TM | VR::DT | VR::DS | VR::IS | VR::AS => false,
            VR::UI => text.split('\\').any(|uid| self.uids.contains(uid.trim_matches(['\0', ' ']))),
            VR::CS => fold(text).split('\\').any(|word| self.is_name(word.trim())),
            _ => self.are_in_text(text),
        }
    }

    fn is_name(&self, word: &str) -> bool {
        (self.words.contains(word) || self.anywhere.contains(word))
            && word.chars().count() >= SHORTEST_BESIDE_TEXT
            && word != "other" // what stands in place of one
            && !is_technical(word)
    }

    fn are_in_text(&self, text: &str) -> bool {
        let text = fold(text);
        self.anywhere.iter().any(|identifier| text.contains(identifier.as_str()))
            || self.words.iter().any(|identifier| stands_alone(identifier, &text, char::is_alphanumeric))
            || text.split(['\\', '^', '=']).any(|value| self.values.contains(value.trim()))
            || self.uids.iter().any(|uid| stands_alone(uid, &text, |c| c.is_ascii_digit() || c == '.'))
    }

    /// Whether raw bytes hold an identifier as UTF-8.
    pub fn are_in_bytes(&self, bytes: &[u8]) -> bool {
        let text = fold(&String::from_utf8_lossy(bytes));
        let long = |word: &&String| word.chars().count() >= SHORTEST_BESIDE_TEXT;
        self.anywhere.iter().any(|identifier| text.contains(identifier.as_str()))
            || self.words.iter().filter(long).any(|word| stands_alone(word, &text, char::is_alphanumeric))
            || self.uids.iter().filter(long).any(|uid| text.contains(uid.as_str()))
    }

    /// Whether one word of a text is an identifier.
    pub fn name_word(&self, word: &str) -> bool {
        let word = fold(word);
        [&self.anywhere, &self.words, &self.values].iter().any(|set| set.contains(&word))
            || self.anywhere.iter().any(|identifier| word.contains(identifier.as_str()))
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether `word` stands in `text` with nothing of its own kind before and behind it.
fn stands_alone(word: &str, text: &str, kind: impl Fn(char) -> bool) -> bool {
    let touches = |c: Option<char>| c.is_some_and(&kind);
    text.match_indices(word).any(|(at, found)| {
        !touches(text[..at].chars().next_back()) && !touches(text[at + found.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Identifiers {
        let mut identifiers = Identifiers::default();
        identifiers.add_names(name);
        identifiers
    }

    #[test]
    fn a_chinese_name_is_found_in_each_of_its_writings() {
        let zhang = named("Zhang^Wei=张^伟=ㄓㄤ^ㄨㄟˇ");
        for text in [
            "患者张伟的CT",
            "张 复查",
            "zhang, w.",
            "ZHANGWEI",
            "wei zhang",
            "WeiZhang 3",
            "ｚｈａｎｇ",
            "伟",
        ] {
            assert!(zhang.are_in(VR::LO, text), "{text}");
        }
        for text in ["张家口医院", "伟大", "zhangjiakou", "weight", "CT 3", "胸部平扫"] {
            assert!(!zhang.are_in(VR::LO, text), "{text}");
        }
        // Decomposed and composed letters are one.
        assert!(named("Mu\u{308}ller^A").are_in(VR::LO, "Fr. Müller"));
    }

    #[test]
    fn names_that_are_ordinary_words_cost_little() {
        let (ct, m) = (named("CT^M"), named("M"));
        assert!(ct.are_in(VR::LO, "CT scanner") && !ct.are_in(VR::LO, "Optima CT660"));
        assert!(!ct.are_in(VR::CS, "CT") && !named("Chest").are_in(VR::CS, "CHEST"));
        assert!(m.are_in(VR::LO, "M") && !m.are_in(VR::LO, "Model M"));
        assert!(!m.are_in(VR::CS, "M") && !m.are_in_bytes(b"M"));
        let van = named("van der Berg^Le");
        assert!(van.are_in(VR::LO, "Berg") && van.are_in(VR::LO, "LE") && !van.are_in(VR::LO, "van"));
        assert!(named("Ravensworth^O").are_in(VR::CS, "RAVENSWORTH"));
    }

    #[test]
    fn short_numbers_are_whole_words_and_uids_whole_uids() {
        let mut identifiers = Identifiers::default();
        identifiers.add("A7");
        identifiers.add_uid("1.2.3");
        assert!(identifiers.are_in(VR::SH, "no. a7/b") && !identifiers.are_in(VR::SH, "A70"));
        assert!(identifiers.are_in(VR::UI, "9.9\\1.2.3") && !identifiers.are_in(VR::UI, "1.2.3.4"));
        assert!(identifiers.are_in(VR::LO, "see 1.2.3") && !identifiers.are_in(VR::LO, "version 1.2.3.4"));
        assert!(!identifiers.are_in(VR::DS, "A7"));
    }
}
