//! Columns that are known only after the outcome, told by their names.

use super::columns;

/// Why a column is no predictor at diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Decided after diagnosis, partly because of how the illness went.
    Treatment,
    /// Known from follow-up.
    FollowUp,
    /// What a model says, perhaps one that has seen the outcome.
    ModelOutput,
}

impl Afterwards {
    /// One sentence for beside a figure.
    pub fn remark(self) -> &'static str {
        match self {
            Self::Treatment => "treatment is decided after diagnosis, partly because of how the illness went",
            Self::FollowUp => "known only from follow-up, so a difference is no finding",
            Self::ModelOutput => "a model's output, not a characteristic of the patient",
        }
    }
}

/// Words in a column's name that say it is treatment.
const TREATMENT: [&str; 20] = [
    "therapy",
    "chemo",
    "radioth",
    "radiation",
    "endocrinetreat",
    "treatment",
    "tamoxifen",
    "trastuzumab",
    "surgery",
    "mastectomy",
    "lumpectomy",
    "resection",
    "letrozole",
    "herceptin",
    "regimen",
    "治疗",
    "化疗",
    "放疗",
    "手术",
    "用药",
];
/// Words that say it is known from follow-up only.
const FOLLOW_UP: [&str; 25] = [
    "recurrence",
    "relapse",
    "progression",
    "death",
    "dead",
    "deceased",
    "surviv",
    "followup",
    "lastcontact",
    "salvage",
    "palliative",
    "metasta",
    "vitalstatus",
    "timetoevent",
    "daysto",
    "monthsto",
    "yearsto",
    "distantsite",
    "hospice",
    "autopsy",
    "复发",
    "死亡",
    "随访",
    "生存",
    "转移",
];
/// Words that take the suspicion away: lymph nodes and family history are known before.
const BEFORE: [&str; 9] =
    ["node", "nodal", "lymph", "axilla", "family", "history", "neoadjuvant", "淋巴", "家族"];

/// What a column's name says about when it is known; `None` where nothing speaks against "at diagnosis".
pub fn of(name: &str) -> Option<Afterwards> {
    let plain = columns::normalise(name);
    let has =
        |words: &[&str]| words.iter().any(|w| plain.contains(w)) && !BEFORE.iter().any(|w| plain.contains(w));
    let known = columns::key_of(name);
    // Short for disease-, progression-, relapse- and event-free survival: whole words only.
    let short = name
        .split(|c: char| !c.is_alphabetic())
        .any(|word| ["DFS", "PFS", "RFS", "EFS", "TTP", "DMFS"].contains(&word.to_uppercase().as_str()));
    if short || has(&FOLLOW_UP) || matches!(known, Some("os_days" | "dmfs_days" | "dead")) {
        return Some(Afterwards::FollowUp);
    }
    if matches!(known, Some("fused_log_prob" | "total_points" | "risk_group")) {
        return Some(Afterwards::ModelOutput);
    }
    let therapy = matches!(known, Some("endocrine" | "radiotherapy" | "chemotherapy"));
    (therapy || has(&TREATMENT)).then_some(Afterwards::Treatment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_known_when() {
        for (name, when) in [
            ("OS", Some(Afterwards::FollowUp)),
            ("Months to recurrence", Some(Afterwards::FollowUp)),
            ("放疗", Some(Afterwards::Treatment)),
            ("Adjuvant chemo", Some(Afterwards::Treatment)),
            ("Neoadjuvant chemotherapy planned", None),
            ("Lymph node metastases", None),
            ("totalpoints", Some(Afterwards::ModelOutput)),
            ("age", None),
            ("PFS_months", Some(Afterwards::FollowUp)),
            ("Vital status", Some(Afterwards::FollowUp)),
            ("Margin of resection", Some(Afterwards::Treatment)),
        ] {
            assert_eq!(of(name), when, "{name}");
        }
    }
}
