//! Whom something belongs to: the person whom a study's headers, a table's row or someone at the keyboard names, and
//! whether two of them are one.

use serde::{Serialize, Serializer};

use crate::tables::Table;
use crate::tables::table::id_key;
use thoracast_dicom::Series;
use thoracast_files::words::clean_value;

/// A person as one source names them; an empty text is not stated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Identity {
    /// PatientID (0010,0020), or the ID of a table's row.
    pub id: String,
    /// IssuerOfPatientID (0010,0021).
    pub issuer: String,
    /// PatientName (0010,0010), as in the file.
    pub name: String,
    /// PatientBirthDate (0010,0030), YYYYMMDD as in the file.
    pub birth_date: String,
    /// StudyInstanceUID (0020,000D).
    pub study_uid: String,
    pub source: Source,
}

/// Where an identity is stated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Source {
    #[default]
    Typed,
    Study,
    /// A row of a clinical table.
    Row {
        /// File name without its folder.
        table: String,
        /// Line in the file or row in the sheet, from 1 with the header.
        number: usize,
        /// Of the table's file.
        sha256: String,
    },
}

/// What can tell two persons apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Id,
    Issuer,
    Name,
    BirthDate,
}

impl Field {
    /// For sentences: "the birth date".
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "ID",
            Self::Issuer => "issuer of the ID",
            Self::Name => "name",
            Self::BirthDate => "birth date",
        }
    }
}

/// What two identities say of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The same ID, or the same study, and nothing that speaks against it.
    Same,
    /// Both state these, and not alike.
    Different(Vec<Field>),
    /// Nothing that both state tells.
    Unknown,
}

impl Identity {
    /// As the headers of a series say.
    pub fn of_series(series: &Series) -> Self {
        Self {
            id: series.patient_id.trim().to_owned(),
            issuer: series.patient_id_issuer.trim().to_owned(),
            name: series.patient_name.trim().to_owned(),
            birth_date: series.patient_birth_date.trim().to_owned(),
            study_uid: series.study_uid.trim().to_owned(),
            source: Source::Study,
        }
    }

    /// As the table's row with this ID says; without such a row the ID alone, as if typed.
    pub fn of_row(table: &Table, id: &str) -> Self {
        let row = table.column("id").and_then(|column| table.rows_with(column, id).first().copied());
        let source = row.and_then(|row| table.rows.get(row)).map(|row| Source::Row {
            table: table.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            number: row.number,
            sha256: table.sha256.clone(),
        });
        Self { source: source.unwrap_or_default(), ..Self::typed(id) }
    }

    /// An ID that someone typed.
    pub fn typed(id: &str) -> Self {
        Self { id: id.trim().to_owned(), ..Self::default() }
    }

    /// Whether nothing is stated that could name a person.
    pub fn is_empty(&self) -> bool {
        [&self.id, &self.name, &self.birth_date, &self.study_uid].iter().all(|text| text.is_empty())
    }

    /// Whether this and another source name one person.
    ///
    /// IDs are compared as tables compare them (`24` and `24.0` are one), names without case, carets and spaces.
    pub fn compare(&self, other: &Self) -> Comparison {
        let pairs = [
            (Field::Id, id_key(&self.id), id_key(&other.id)),
            (Field::Issuer, self.issuer.clone(), other.issuer.clone()),
            (Field::Name, name_key(&self.name), name_key(&other.name)),
            (Field::BirthDate, self.birth_date.clone(), other.birth_date.clone()),
        ];
        let stated = |(_, a, b): &&(Field, String, String)| !a.is_empty() && !b.is_empty();
        let different: Vec<Field> =
            pairs.iter().filter(stated).filter(|(_, a, b)| a != b).map(|(field, ..)| *field).collect();
        let same_study = !self.study_uid.is_empty() && self.study_uid == other.study_uid;
        let same_id = pairs.first().filter(stated).is_some_and(|(_, a, b)| a == b);
        match different.is_empty() {
            false => Comparison::Different(different),
            true if same_id || same_study => Comparison::Same,
            true => Comparison::Unknown,
        }
    }

    /// True where both are one person for certain.
    pub fn is_same(&self, other: &Self) -> bool {
        self.compare(other) == Comparison::Same
    }

    /// Who it is, for a person to read: `ID 24, Zhang San, born 1961-03-02`.
    pub fn words(&self) -> String {
        let mut words = self.id_words();
        if !self.issuer.is_empty() {
            words = format!("{words} of {}", clean_value(&self.issuer));
        }
        let name = name_words(&self.name);
        if !name.is_empty() {
            words = format!("{words}, {}", clean_value(&name));
        }
        if !self.birth_date.is_empty() {
            let born = date_words(&self.birth_date);
            words = format!("{words}, born {}", clean_value(&born));
        }
        words
    }

    /// The ID alone, for a person to read.
    pub fn id_words(&self) -> String {
        if self.id.is_empty() { "no patient ID".to_owned() } else { format!("ID {}", clean_value(&self.id)) }
    }

    /// Where it is stated: "the study", "row 3 of clinical.csv".
    pub fn source_words(&self) -> String {
        match &self.source {
            Source::Typed => "typed".to_owned(),
            Source::Study => "the study".to_owned(),
            Source::Row { table, number, .. } => format!("row {number} of {}", clean_value(table)),
        }
    }
}

/// 20260131 as 2026-01-31; anything else as it is.
pub fn date_words(date: &str) -> String {
    if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    } else {
        date.to_owned()
    }
}

/// A name without what writing changes: case, carets, spaces; the groups of a person's name stay apart.
fn name_key(name: &str) -> String {
    let groups = name.split('=').map(|group| {
        let parts = group.split(|c: char| c == '^' || c.is_whitespace()).filter(|part| !part.is_empty());
        parts.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
    });
    groups.collect::<Vec<_>>().join("=").trim_end_matches('=').to_owned()
}

/// `Zhang^San=张^三` as `Zhang San (张 三)`.
fn name_words(name: &str) -> String {
    let plain = |group: &str| group.split(['^', ' ']).filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ");
    let mut groups = name.split('=').map(plain).filter(|group| !group.is_empty());
    let first = groups.next().unwrap_or_default();
    let others: Vec<String> = groups.collect();
    if others.is_empty() { first } else { format!("{first} ({})", others.join(", ")) }
}

/// What a file about a result says of a person: no name and no birth date.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    issuer: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    study_uid: &'a str,
    source: String,
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = Told {
            id: &self.id,
            issuer: &self.issuer,
            study_uid: &self.study_uid,
            source: self.source_words(),
        };
        told.serialize(serializer)
    }
}

/// Whom a result is about: the person of the study and the person of the clinical values, who are one.
///
/// It cannot be made of two persons unless somebody said that they are one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// `None` for already-cut pictures, which name nobody.
    study: Option<Identity>,
    values: Identity,
    /// What differs although somebody said that both are one person; empty where nothing does.
    differs: Vec<Field>,
    /// Somebody had to say that both are one person.
    said_to_be_one: bool,
}

/// The clinical values are not of the study's patient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clinical values are of another patient than the study ({} differ{}): take the row of the study's patient; values of {}, study of {}",
    field_words(fields),
    if fields.len() == 1 { "s" } else { "" },
    values.words(),
    study.words()
)]
pub struct OtherPatient {
    pub study: Box<Identity>,
    pub values: Box<Identity>,
    pub fields: Vec<Field>,
}

/// "ID and name".
pub fn field_words(fields: &[Field]) -> String {
    fields.iter().map(|f| f.name()).collect::<Vec<_>>().join(" and ")
}

impl Subject {
    /// The person of a study with clinical values; `said_to_be_one` where somebody said that the table knows the
    /// patient under another number.
    ///
    /// # Errors
    /// Where the values are another patient's, and nobody said that both are one.
    pub fn new(study: Identity, values: Identity, said_to_be_one: bool) -> Result<Self, OtherPatient> {
        match study.compare(&values) {
            Comparison::Different(fields) if !said_to_be_one => {
                Err(OtherPatient { study: Box::new(study), values: Box::new(values), fields })
            }
            Comparison::Different(differs) => {
                Ok(Self { study: Some(study), values, differs, said_to_be_one: true })
            }
            Comparison::Same | Comparison::Unknown => {
                Ok(Self { study: Some(study), values, differs: Vec::new(), said_to_be_one: false })
            }
        }
    }

    /// The person of clinical values whose pictures are already cut.
    pub fn of_pictures(values: Identity) -> Self {
        Self { study: None, values, differs: Vec::new(), said_to_be_one: false }
    }

    pub fn study(&self) -> Option<&Identity> {
        self.study.as_ref()
    }

    pub fn values(&self) -> &Identity {
        &self.values
    }

    /// What differs between both, where somebody said that they are one person.
    pub fn differs(&self) -> &[Field] {
        &self.differs
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
