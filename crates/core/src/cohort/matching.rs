//! Who has what: rows of the tables, pictures at T4 and T11, and DICOM series, matched by the patient's ID.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::{CohortFolder, Split, Table};
use crate::level::Level;
use crate::tables::table::id_key;
use thoracast_dicom::Series;

/// Everything that is known of one ID.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Patient {
    pub id: String,
    pub split: Option<Split>,
    pub in_clinical: bool,
    pub in_survival: bool,
    /// How many pictures at T4 and at T11.
    pub pictures: [usize; 2],
    /// Which of the DICOM series, by their place in the list.
    pub series: Vec<usize>,
}

/// A side of the match, for the counts and lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// A row in a table with a picture at both levels or a DICOM series.
    Matched,
    /// A row without any picture or series.
    RowAlone,
    /// Pictures or series without a row.
    PictureAlone,
    /// A picture at one level only, and no series.
    OneLevel,
}

impl Group {
    pub const ALL: [Self; 4] = [Self::Matched, Self::RowAlone, Self::PictureAlone, Self::OneLevel];

    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "Matched",
            Self::RowAlone => "Row without pictures",
            Self::PictureAlone => "Pictures without a row",
            Self::OneLevel => "One level only",
        }
    }
}

impl Patient {
    pub fn group(&self) -> Group {
        let row = self.in_clinical || self.in_survival;
        let whole = !self.series.is_empty() || self.pictures.iter().all(|n| *n > 0);
        match (row, whole, self.pictures.iter().any(|n| *n > 0)) {
            (false, ..) => Group::PictureAlone,
            (true, true, _) => Group::Matched,
            (true, false, true) => Group::OneLevel,
            (true, false, false) => Group::RowAlone,
        }
    }
}

/// The cohort's patients by ID.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Matching {
    /// IDs as numbers where they are numbers, then by text.
    pub patients: Vec<Patient>,
    /// DICOM series of nobody: no ID of the cohort is their PatientID or one of their folders.
    pub strangers: Vec<usize>,
    /// Rows without an ID.
    pub nameless: usize,
}

/// Matches a folder's tables and pictures with DICOM series found beside them.
///
/// A series belongs to the patient whose ID is its PatientID, else to the one whose ID is the name of a folder it lies in.
pub fn of(folder: &CohortFolder, series: &[Series]) -> Matching {
    let mut patients: BTreeMap<String, Patient> = BTreeMap::new();
    let mut nameless = 0;
    for table in &folder.clinical {
        nameless += rows(&table.table, table.split, &mut patients, |p| p.in_clinical = true);
    }
    for table in &folder.survival {
        nameless += rows(&table.table, table.split, &mut patients, |p| p.in_survival = true);
    }
    for picture in &folder.pictures {
        let patient = known(&mut patients, &picture.id);
        patient.split = patient.split.or(Some(picture.split));
        patient.pictures[usize::from(picture.level == Level::T11)] += 1;
    }
    let mut strangers = Vec::new();
    for (number, series) in series.iter().enumerate() {
        match owner(series, &patients) {
            Some(key) => {
                if let Some(patient) = patients.get_mut(&key) {
                    patient.series.push(number);
                }
            }
            None => strangers.push(number),
        }
    }
    let mut patients: Vec<Patient> = patients.into_values().collect();
    patients.sort_by_cached_key(|p| (p.id.parse::<u64>().unwrap_or(u64::MAX), p.id.clone()));
    Matching { patients, strangers, nameless }
}

fn rows(
    table: &Table,
    split: Option<Split>,
    patients: &mut BTreeMap<String, Patient>,
    mark: impl Fn(&mut Patient),
) -> usize {
    let Some(column) = table.column("id") else { return table.rows.len() };
    let mut nameless = 0;
    for row in 0..table.rows.len() {
        match table.text(row, column) {
            Some(id) => {
                let patient = known(patients, id);
                patient.split = patient.split.or(split);
                mark(patient);
            }
            None => nameless += 1,
        }
    }
    nameless
}

fn known<'a>(patients: &'a mut BTreeMap<String, Patient>, id: &str) -> &'a mut Patient {
    let id = id_key(id.trim());
    patients.entry(id.clone()).or_insert_with(|| Patient { id, ..Patient::default() })
}

/// The ID a series belongs to.
fn owner(series: &Series, patients: &BTreeMap<String, Patient>) -> Option<String> {
    let stated = id_key(series.patient_id.trim());
    if patients.contains_key(&stated) {
        return Some(stated);
    }
    let path = series.frames.first().map(|f| f.path.as_path())?;
    let folders = path.ancestors().skip(1).filter_map(Path::file_name).map(|n| id_key(&n.to_string_lossy()));
    let named: Vec<String> = folders.filter(|name| patients.contains_key(name)).collect();
    // The innermost folder that is somebody.
    named.into_iter().next()
}

impl Matching {
    /// How many patients are in each group.
    pub fn counts(&self) -> BTreeMap<Group, usize> {
        let mut counts: BTreeMap<Group, usize> = Group::ALL.iter().map(|g| (*g, 0)).collect();
        self.patients.iter().for_each(|p| *counts.entry(p.group()).or_default() += 1);
        counts
    }

    /// All patients as CSV; series of nobody stand at the end with their PatientID.
    pub fn csv(&self, series: &[Series]) -> String {
        let mut text =
            String::from("id,split,group,clinical_row,survival_row,t4_pictures,t11_pictures,dicom_series\n");
        let quoted = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
        for p in &self.patients {
            let uids: BTreeSet<&str> =
                p.series.iter().filter_map(|s| series.get(*s)).map(|s| s.uid.as_str()).collect();
            let cells = [
                quoted(&p.id),
                p.split.map_or("", Split::name).to_owned(),
                quoted(p.group().name()),
                u8::from(p.in_clinical).to_string(),
                u8::from(p.in_survival).to_string(),
                p.pictures[0].to_string(),
                p.pictures[1].to_string(),
                quoted(&uids.into_iter().collect::<Vec<_>>().join(" ")),
            ];
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        for stranger in self.strangers.iter().filter_map(|s| series.get(*s)) {
            let (id, uid) = (quoted(&stranger.patient_id), quoted(&stranger.uid));
            text.push_str(&format!("{id},,\"Series of nobody in the tables\",0,0,0,0,{uid}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thoracast_files::progress::Silent;

    fn put(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn group_of(matching: &Matching, id: &str) -> Group {
        matching.patients.iter().find(|p| p.id == id).unwrap().group()
    }

    #[test]
    fn rows_pictures_and_series_meet_by_id_or_folder() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "clinical_train.csv", "id,age\n2,50\n10.0,51\n3,52\n5,9\n,53\n");
        for picture in ["T4/train/0/2.jpg", "T11/train/0/2.jpg", "T4/train/1/3.jpg", "T4/test/1/77.jpg"] {
            put(dir.path(), &format!("images/{picture}"), "not opened");
        }
        let folder = CohortFolder::open(dir.path(), None).unwrap();
        let mut own = thoracast_dicom::Series {
            uid: "1.2".to_owned(),
            patient_id: "10".to_owned(),
            ..Default::default()
        };
        let stranger =
            thoracast_dicom::Series { uid: "1.3".to_owned(), patient_id: "X".to_owned(), ..own.clone() };
        own.patient_id = "10 ".to_owned();
        let matching = of(&folder, &[own, stranger.clone()]);
        assert_eq!(
            matching.patients.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
            ["2", "3", "5", "10", "77"]
        );
        assert_eq!(group_of(&matching, "2"), Group::Matched);
        assert_eq!(group_of(&matching, "10"), Group::Matched);
        assert_eq!(group_of(&matching, "3"), Group::OneLevel);
        assert_eq!(group_of(&matching, "5"), Group::RowAlone);
        assert_eq!(group_of(&matching, "77"), Group::PictureAlone);
        assert_eq!((&matching.strangers[..], matching.nameless), (&[1][..], 1));
        assert_eq!(matching.counts()[&Group::Matched], 2);
        let csv = matching.csv(&[stranger.clone(), stranger]);
        assert_eq!(csv.lines().count(), 7);
    }

    #[test]
    fn a_series_may_be_named_by_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "clinical.csv", "id,age\nA7,50\n");
        let Some(source) = crate::testing::shared("dicom/chest_5mm") else { return };
        let at = dir.path().join("dicom/A7/CT");
        std::fs::create_dir_all(&at).unwrap();
        for file in std::fs::read_dir(source).unwrap().take(3) {
            let file = file.unwrap();
            std::fs::copy(file.path(), at.join(file.file_name())).unwrap();
        }
        let scan = thoracast_dicom::scan(&[dir.path().join("dicom")], &Silent).unwrap();
        assert!(!scan.series.is_empty());
        let folder = CohortFolder::open(dir.path(), None).unwrap();
        let matching = of(&folder, &scan.series);
        assert_eq!(group_of(&matching, "A7"), Group::Matched);
        assert!(matching.strangers.is_empty());
    }
}
