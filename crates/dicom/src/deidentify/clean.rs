//! Clean Descriptors: what is left of a free text.

use super::identifiers::Identifiers;

/// Words that say what was imaged and how; nothing else of a description is kept, names and numbers included.
const VOCABULARY: &[&str] = &[
    "abdomen",
    "abdominal",
    "acquisition",
    "adrenal",
    "angio",
    "angiography",
    "aorta",
    "aortic",
    "apex",
    "arterial",
    "artery",
    "average",
    "axial",
    "axilla",
    "base",
    "biopsy",
    "body",
    "bolus",
    "bone",
    "brain",
    "breast",
    "bronchi",
    "bronchus",
    "cap",
    "cardiac",
    "chest",
    "clavicle",
    "contrast",
    "cor",
    "coronal",
    "ct",
    "cta",
    "delayed",
    "diagnostic",
    "diaphragm",
    "dose",
    "enhanced",
    "expiration",
    "flat",
    "follow",
    "head",
    "heart",
    "helical",
    "hepatic",
    "high",
    "hr",
    "hrct",
    "inspiration",
    "iv",
    "kernel",
    "kidney",
    "lateral",
    "left",
    "liver",
    "localizer",
    "low",
    "lung",
    "lungs",
    "lymph",
    "mammary",
    "mediastinal",
    "mediastinum",
    "mip",
    "mpr",
    "multiphase",
    "muscle",
    "native",
    "neck",
    "node",
    "nodes",
    "noncontrast",
    "oblique",
    "oral",
    "pancreas",
    "pectoral",
    "pelvis",
    "pet",
    "phase",
    "plain",
    "pleura",
    "portal",
    "portovenous",
    "post",
    "pre",
    "prone",
    "protocol",
    "pulmonary",
    "recon",
    "reconstruction",
    "reformat",
    "resolution",
    "rib",
    "ribs",
    "right",
    "routine",
    "sag",
    "sagittal",
    "scan",
    "scout",
    "series",
    "sharp",
    "slice",
    "soft",
    "spine",
    "spleen",
    "standard",
    "sternum",
    "supine",
    "thin",
    "thoracic",
    "thorax",
    "tissue",
    "topogram",
    "trachea",
    "venous",
    "vertebra",
    "with",
];

/// The vocabulary's words of `text` in their order, in lower case; empty if none. A word that is also one of the
/// patient's or institution's identifiers goes too.
pub(super) fn clean(text: &str, identifiers: &Identifiers) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let kept: Vec<String> = words.filter(|word| is_technical(word) && !identifiers.name_word(word)).collect();
    // SH, the shortest VR of descriptions, holds 16 characters, LO 64; the caller cuts to the VR.
    kept.join(" ")
}

/// Whether a word, in lower case, says what was imaged or how.
pub(super) fn is_technical(word: &str) -> bool {
    VOCABULARY.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_technical_words_survive() {
        let none = Identifiers::default();
        assert_eq!(
            clean("CT Thorax/Abdomen für Fr. Müller 12.03.1961, Tel 4711", &none),
            "ct thorax abdomen"
        );
        assert_eq!(clean("Jane Roe", &none), "");
        let mut identifiers = Identifiers::default();
        identifiers.add("neck");
        assert_eq!(clean("CHEST Mr NECK", &identifiers), "chest");
    }
}
