//! The study's variables: keys, words, units, codes and plausible ranges.

/// What values a variable takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A measured number; values outside the range are refused as impossible.
    Number { low: f64, high: f64, decimals: usize },
    /// One of some codes, each with its word.
    Code(&'static [(i64, &'static str)]),
}

/// One variable of the study.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variable {
    /// Stable key used in code and model files.
    pub key: &'static str,
    /// The study's column header.
    pub column: &'static str,
    /// What a person reads.
    pub label: &'static str,
    /// Empty for codes.
    pub unit: &'static str,
    pub kind: Kind,
    /// One line of explanation for the tooltip.
    pub help: &'static str,
}

const NO_YES: Kind = Kind::Code(&[(0, "No"), (1, "Yes")]);
const NEGATIVE_POSITIVE: Kind = Kind::Code(&[(0, "Negative"), (1, "Positive")]);

const fn number(low: f64, high: f64, decimals: usize) -> Kind {
    Kind::Number { low, high, decimals }
}

const fn v(
    key: &'static str,
    column: &'static str,
    label: &'static str,
    unit: &'static str,
    kind: Kind,
    help: &'static str,
) -> Variable {
    Variable { key, column, label, unit, kind, help }
}

/// All variables in the study's order.
pub const VARIABLES: &[Variable] = &[
    v("age", "age", "Age", "years", number(15.0, 110.0, 0), "Age at diagnosis"),
    v("tumor_size", "Tumor size", "Tumour size", "cm", number(0.0, 30.0, 1), "Largest diameter"),
    v("bmi", "BMI", "BMI", "kg/m²", number(6.0, 100.0, 1), "Body mass index"),
    v("cea", "CEA", "CEA", "ng/mL", number(0.0, 10_000.0, 2), "Carcinoembryonic antigen"),
    v("pma_t4", "PMA/T4", "PMA at T4", "cm²", number(0.5, 200.0, 2), "Pectoralis muscle area at T4"),
    v("pmi_t4", "PMI/T4", "PMI at T4", "cm²/m²", number(0.2, 100.0, 2), "PMA divided by height squared"),
    v("menopause", "Menopause status", "Menopause", "", NO_YES, "Postmenopausal at diagnosis"),
    v(
        "n_stage",
        "N",
        "N stage",
        "",
        Kind::Code(&[(0, "N0"), (1, "N1"), (2, "N2"), (3, "N3")]),
        "Regional lymph nodes",
    ),
    v("lvi", "LVI", "Lymphovascular invasion", "", NO_YES, "Lymphovascular invasion in the specimen"),
    v(
        "multifocal",
        "Multifocal disease",
        "Multifocal disease",
        "",
        NO_YES,
        "More than one focus in the breast",
    ),
    v("er", "ER", "Oestrogen receptor", "", NEGATIVE_POSITIVE, "ER status"),
    v("pr", "PR", "Progesterone receptor", "", NEGATIVE_POSITIVE, "PR status"),
    v("her2", "HER2", "HER2", "", NEGATIVE_POSITIVE, "HER2 status"),
    v("ki67", "ki67", "Ki-67", "%", number(0.0, 100.0, 0), "Share of proliferating cells"),
    v(
        "subtype",
        "Molecular subtype",
        "Molecular subtype",
        "",
        Kind::Code(&[(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5")]),
        "Molecular subtype as coded by the study (1–5; the study does not name them)",
    ),
    v(
        "endocrine",
        "Endocrine therapy",
        "Endocrine therapy",
        "",
        Kind::Code(&[(0, "None"), (1, "1"), (2, "2"), (3, "3")]),
        "Endocrine therapy as coded by the study (0–3)",
    ),
    v("radiotherapy", "Radiotherapy", "Radiotherapy", "", NO_YES, "Received radiotherapy"),
    v("chemotherapy", "Chemotherapy", "Chemotherapy", "", NO_YES, "Received chemotherapy"),
    v(
        "histology",
        "Histologic type",
        "Histologic type",
        "",
        Kind::Code(&[(1, "Ductal"), (0, "Other")]),
        "Invasive ductal carcinoma or another type",
    ),
    v("vfa_t11", "VFA/T11", "VFA at T11", "cm²", number(0.0, 1000.0, 2), "Visceral fat area at T11"),
];

/// The variable with this key.
pub fn variable(key: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|v| v.key == key)
}
