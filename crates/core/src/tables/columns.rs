//! Column names as people write them: spelling variants, abbreviations and the study's Chinese headers.

/// Known names of one column; the first is the key used in code. Compared after [`normalise`].
const ALIASES: &[&[&str]] = &[
    &[
        "id",
        "序号",
        "num",
        "no",
        "number",
        "patient",
        "patientid",
        "patientnumber",
        "编号",
        "病人id",
        "患者id",
    ],
    &["age", "年龄", "ageyears", "ageatdiagnosis"],
    &["tumor_size", "tumoursize", "tumordiameter", "tumourdiameter", "肿瘤大小"],
    &["bmi", "bodymassindex", "体质指数", "体重指数"],
    &["cea", "癌胚抗原"],
    &["pma_t4", "pma"],
    &["pmi_t4", "pmi"],
    &["menopause", "menopausestatus", "menopausalstatus", "绝经", "绝经状态"],
    &["n_stage", "n", "nodalstage", "cn", "n分期"],
    &["lvi", "lymphovascularinvasion"],
    &["multifocal", "multifocaldisease", "multifocality"],
    &["er", "estrogenreceptor", "oestrogenreceptor", "erstatus"],
    &["pr", "progesteronereceptor", "prstatus"],
    &["her2", "her2status"],
    &["ki67", "ki67percent", "ki67index"],
    &["subtype", "molecularsubtype", "分子分型"],
    &["endocrine", "endocrinetherapy", "内分泌治疗"],
    &["radiotherapy", "放疗"],
    &["chemotherapy", "化疗"],
    &["histology", "histologictype", "histologicaltype", "病理类型"],
    &["vfa_t11", "vfa"],
    &["metastasis", "转移", "distantmetastasis", "metastasislabel"],
    &["fused_log_prob", "latefusionprobability", "fusion", "latefusion"],
    &["os_days", "os", "overallsurvival"],
    &["dmfs_days", "dmfs"],
    &["dead", "death", "死亡"],
    &["total_points", "totalpoints"],
    &["risk_group", "group", "riskgroup"],
];

/// A name without what people vary: case, spaces, `_ - . /`, and anything in brackets (units).
pub fn normalise(name: &str) -> String {
    let mut depth = 0usize;
    let mut out = String::new();
    for c in name.trim().chars().flat_map(char::to_lowercase) {
        match c {
            '(' | '（' | '[' => depth += 1,
            ')' | '）' | ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 || c.is_whitespace() || matches!(c, '_' | '-' | '.' | '/' | '\u{feff}') => {}
            _ => out.push(c),
        }
    }
    out
}

/// The keys of all known columns.
pub fn keys() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|names| names[0])
}

/// The known names of a key's column, as people write them.
pub fn names_of(key: &str) -> &'static [&'static str] {
    ALIASES.iter().find(|names| names[0] == key).copied().unwrap_or_default()
}

/// The key of a known column name, whichever way it is written.
pub fn key_of(name: &str) -> Option<&'static str> {
    let wanted = normalise(name);
    ALIASES.iter().find(|names| names.iter().any(|n| normalise(n) == wanted)).map(|names| names[0])
}

/// The index of the column a person means by `name`: the exact name first, then the same name but for case,
/// spaces and punctuation, then a known alias. `None` when there is none, or more than one that fits.
pub fn find(header: &[String], name: &str) -> Option<usize> {
    if let Some(i) = header.iter().position(|h| h == name) {
        return Some(i);
    }
    let wanted = normalise(name);
    let same_name = only(header, |h| normalise(h) == wanted && !wanted.is_empty());
    same_name.or_else(|| {
        let key = key_of(name)?;
        only(header, |h| key_of(h) == Some(key))
    })
}

fn only(header: &[String], fits: impl Fn(&str) -> bool) -> Option<usize> {
    let mut hits = header.iter().enumerate().filter(|(_, h)| fits(h)).map(|(i, _)| i);
    let first = hits.next()?;
    hits.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn columns_are_found_by_any_of_their_names() {
        let h = header(&["序号", "年龄", "Tumour size (cm)", "Ki-67", "PMI/T4", "转移"]);
        for (name, index) in [
            ("id", 0),
            ("num", 0),
            ("age", 1),
            ("Tumor size", 2),
            ("ki67", 3),
            ("pmi_t4", 4),
            ("metastasis", 5),
        ] {
            assert_eq!(find(&h, name), Some(index), "{name}");
        }
        assert_eq!(find(&h, "CEA"), None);
    }

    #[test]
    fn an_exact_name_wins_and_two_that_fit_equally_are_refused() {
        let h = header(&["os", "OS", "death", "dead"]);
        assert_eq!(find(&h, "OS"), Some(1));
        assert_eq!(find(&h, "Os"), None);
        assert_eq!(find(&h, "dead"), Some(3));
    }

    #[test]
    fn every_alias_belongs_to_one_column_only() {
        let mut all: Vec<String> = ALIASES.iter().flat_map(|g| g.iter().map(|n| normalise(n))).collect();
        all.sort();
        for group in ALIASES {
            for name in *group {
                assert_eq!(key_of(name), Some(group[0]), "{name} stands in two groups");
            }
        }
    }
}
