//! A cohort folder: which tables and pictures it has. Nothing is judged here, so that the audit can see it all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::mapping::{MappedColumn, Mapping, Role};
use super::{Row, Split, Table, TableError};
use crate::level::Level;

/// A table and the part of the cohort it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortTable {
    /// `None` where one table holds all patients.
    pub split: Option<Split>,
    pub table: Table,
}

impl CohortTable {
    /// All patients in one table with a column `split` (where there are splits); columns that only some tables have are
    /// empty elsewhere. Row numbers are those of each file. `None` without tables.
    pub fn stacked(tables: &[CohortTable]) -> Option<Table> {
        let (first, others) = tables.split_first()?;
        if others.is_empty() {
            return Some(first.table.clone());
        }
        let mut stacked = Table { rows: Vec::new(), ..first.table.clone() };
        stacked.path = first.table.path.parent().map_or_else(PathBuf::new, Path::to_owned);
        for other in others {
            let new = other.table.header.iter().filter(|name| !first.table.header.contains(*name));
            let new: Vec<String> = new.filter(|n| !stacked.header.contains(*n)).cloned().collect();
            stacked.header.extend(new);
            stacked.warnings.extend(other.table.warnings.iter().cloned());
            for (key, heading) in &other.table.renamed {
                stacked.renamed.entry(key.clone()).or_insert_with(|| heading.clone());
            }
        }
        for CohortTable { table, .. } in tables {
            let places: Vec<Option<usize>> =
                stacked.header.iter().map(|name| table.header.iter().position(|h| h == name)).collect();
            for (r, row) in table.rows.iter().enumerate() {
                let cell = |place: &Option<usize>| place.map(|c| stacked.localised(table, r, c));
                let cells = places.iter().map(|p| cell(p).unwrap_or_default()).collect();
                stacked.rows.push(Row { number: row.number, cells });
            }
        }
        Self::add_split(&mut stacked, tables);
        Some(stacked)
    }

    fn add_split(stacked: &mut Table, tables: &[CohortTable]) {
        if stacked.header.iter().any(|name| name == SPLIT) || tables.iter().all(|t| t.split.is_none()) {
            return;
        }
        stacked.header.push(SPLIT.to_owned());
        let splits = tables.iter().flat_map(|t| std::iter::repeat_n(t.split, t.table.rows.len()));
        for (row, split) in stacked.rows.iter_mut().zip(splits) {
            row.cells.push(split.map_or("", Split::name).to_owned());
        }
    }
}

/// The column that says which split a patient of a stacked table belongs to.
const SPLIT: &str = "split";

/// A picture file as its place in the folder describes it; not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The file's name without its ending.
    pub id: String,
    pub level: Level,
    pub split: Split,
    /// True: distant metastasis (folder 1).
    pub event: bool,
    pub path: PathBuf,
}

/// What there is in a cohort folder. Any part may be absent, but not all.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortFolder {
    pub path: PathBuf,
    /// `clinical_train`, `clinical_valid`, `clinical_test`, or `clinical` for all patients; in this order.
    pub clinical: Vec<CohortTable>,
    /// `nomogram_train`, `nomogram_valid`, `nomogram_test`, or `nomogram`.
    pub survival: Vec<CohortTable>,
    /// `published_test_predictions`.
    pub predictions: Option<Table>,
    /// By level, split, class and name. The same patient or picture may occur twice.
    pub pictures: Vec<PictureFile>,
    /// What was passed over, one sentence each.
    pub warnings: Vec<String>,
}

/// Why a cohort folder or its mapping cannot be used; one sentence each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CohortError {
    #[error("{}: the cohort folder cannot be read ({reason}); give a folder with clinical_train.csv, images/T4/train/0 and so on", path.display())]
    NoFolder { path: PathBuf, reason: String },
    #[error("{}: there is neither a table (clinical_train.csv, clinical.csv, nomogram_test.csv) nor a picture (images/T4/train/0/ID.jpg) in this folder; give a cohort folder, or name its files with --mapping", path.display())]
    Empty { path: PathBuf },
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{}: {reason}", path.display())]
    Mapping { path: PathBuf, reason: String },
}

/// Endings of tables, in the order in which they are preferred where a folder has the same table twice.
const TABLES: [&str; 4] = ["csv", "tsv", "xlsx", "txt"];

/// Whether a file is called like a table.
pub fn is_table(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    TABLES.contains(&ending.as_str())
}

/// Whether a folder is laid out as a cohort: pictures by level, or tables by split. (A study folder may hold a
/// `clinical.csv` of its one patient.)
pub fn looks_like_a_cohort(dir: &Path) -> bool {
    let has_levels = Level::ALL.iter().any(|level| dir.join("images").join(level.name()).is_dir());
    let by_split = |entry: std::fs::DirEntry| {
        let path = entry.path();
        let stem = path.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
        let named = |start: &str| Split::ALL.iter().any(|split| stem == format!("{start}_{split}"));
        is_table(&path) && (named("clinical") || named("nomogram"))
    };
    has_levels || std::fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(by_split))
}

const PICTURES: [&str; 3] = ["jpg", "jpeg", "png"];

impl CohortFolder {
    /// Looks through a folder. With a mapping, files it names come first, and every table is brought to our columns.
    ///
    /// # Errors
    /// A folder that is not there or holds nothing usable; a table that is no table; a mapping that names files, columns
    /// or keys which do not exist. What a table *says* is never refused here.
    pub fn open(dir: &Path, mapping: Option<&Mapping>) -> Result<Self, CohortError> {
        let no_folder =
            |e: std::io::Error| CohortError::NoFolder { path: dir.to_owned(), reason: e.to_string() };
        let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(no_folder)? {
            let path = entry.map_err(no_folder)?.path();
            if path.is_file()
                && let Some(name) = path.file_name()
            {
                names.insert(name.to_string_lossy().to_lowercase(), path);
            }
        }
        let default = Mapping::default();
        let mapping = mapping.unwrap_or(&default);
        mapping.check().map_err(|reason| CohortError::Mapping { path: dir.to_owned(), reason })?;
        let mut reader = Reader { dir, names, mapping, used: BTreeSet::new(), warnings: Vec::new() };
        let clinical = reader.tables(Role::Clinical, "clinical")?;
        let survival = reader.tables(Role::Survival, "nomogram")?;
        let predictions = reader.table(Role::Predictions, Some(Split::Test), "published_test_predictions")?;
        let pictures = reader.pictures()?;
        if clinical.is_empty() && survival.is_empty() && predictions.is_none() && pictures.is_empty() {
            return Err(CohortError::Empty { path: dir.to_owned() });
        }
        if let Some(name) = mapping.columns.keys().find(|name| !reader.used.contains(*name)) {
            let reason = format!("the mapping names the column '{name}', but no table has it");
            return Err(CohortError::Mapping { path: dir.to_owned(), reason });
        }
        let warnings = reader.warnings;
        Ok(Self { path: dir.to_owned(), clinical, survival, predictions, pictures, warnings })
    }

    /// The clinical table of a split.
    pub fn clinical(&self, split: Split) -> Option<&Table> {
        of_split(&self.clinical, split)
    }

    /// The survival table of a split.
    pub fn survival(&self, split: Split) -> Option<&Table> {
        of_split(&self.survival, split)
    }
}

fn of_split(tables: &[CohortTable], split: Split) -> Option<&Table> {
    tables.iter().find(|t| t.split == Some(split)).map(|t| &t.table)
}

struct Reader<'a> {
    dir: &'a Path,
    /// Files of the folder by name in lower case.
    names: BTreeMap<String, PathBuf>,
    mapping: &'a Mapping,
    /// Columns of the mapping that some table has.
    used: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// The tables of a role: one a split, or one for all.
    fn tables(&mut self, role: Role, stem: &str) -> Result<Vec<CohortTable>, CohortError> {
        let mut tables = Vec::new();
        for split in Split::ALL {
            if let Some(table) = self.table(role, Some(split), &format!("{stem}_{split}"))? {
                tables.push(CohortTable { split: Some(split), table });
            }
        }
        let all = if tables.is_empty() || self.mapped(role, None).is_some() {
            self.table(role, None, stem)?
        } else {
            None
        };
        tables.extend(all.map(|table| CohortTable { split: None, table }));
        Ok(tables)
    }

    fn mapped(&self, role: Role, split: Option<Split>) -> Option<(PathBuf, BTreeMap<String, MappedColumn>)> {
        let file = self.mapping.files.iter().find(|f| f.role == role && f.split == split)?;
        Some((self.dir.join(&file.file), file.columns.clone()))
    }

    fn table(&mut self, role: Role, split: Option<Split>, stem: &str) -> Result<Option<Table>, CohortError> {
        let (path, own) = match self.mapped(role, split) {
            Some((path, own)) => {
                self.check_within(&path)?;
                (path, own)
            }
            None => {
                let usual = TABLES.iter().filter_map(|ending| self.names.get(&format!("{stem}.{ending}")));
                let usual: Vec<_> = usual.cloned().collect();
                if let [first, second, ..] = &usual[..] {
                    let (first, second) = (first.display(), second.display());
                    self.warnings.push(format!("{second} is passed over: {first} is there, too"));
                }
                let Some(first) = usual.into_iter().next() else { return Ok(None) };
                (first, BTreeMap::new())
            }
        };
        let table = self.mapping.apply(&Table::read(&path)?, &own, &mut self.used)?;
        Ok(Some(table))
    }

    /// A mapping may have come with somebody else's data: no link leads it out of the folder.
    fn check_within(&self, path: &Path) -> Result<(), CohortError> {
        let (Ok(file), Ok(folder)) = (path.canonicalize(), self.dir.canonicalize()) else {
            return Ok(()); // reading it will say that it is not there
        };
        if file.starts_with(folder) {
            return Ok(());
        }
        let reason =
            "the mapping names this file, which is a link out of the cohort folder; copy it into the folder";
        Err(CohortError::Mapping { path: path.to_owned(), reason: reason.to_owned() })
    }

    fn pictures(&mut self) -> Result<Vec<PictureFile>, CohortError> {
        let mut pictures = Vec::new();
        for level in Level::ALL {
            for split in Split::ALL {
                for event in [false, true] {
                    let class = u8::from(event).to_string();
                    let folder = self.dir.join("images").join(level.name()).join(split.name()).join(class);
                    if folder.is_dir() {
                        self.listed(
                            &folder,
                            |id, path| PictureFile { id, level, split, event, path },
                            &mut pictures,
                        )?;
                    }
                }
            }
        }
        Ok(pictures)
    }

    fn listed(
        &mut self,
        folder: &Path,
        picture: impl Fn(String, PathBuf) -> PictureFile,
        pictures: &mut Vec<PictureFile>,
    ) -> Result<(), CohortError> {
        let fail =
            |e: std::io::Error| CohortError::NoFolder { path: folder.to_owned(), reason: e.to_string() };
        let mut files = super::pictures::visible_files(folder).map_err(fail)?;
        files.sort();
        for path in files {
            let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
            if !PICTURES.contains(&ending.as_str()) {
                self.warnings
                    .push(format!("{} is passed over: it is no JPEG or PNG picture", path.display()));
                continue;
            }
            let id = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            pictures.push(picture(id, path));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn tables_and_pictures_are_found_by_split() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "Clinical_Train.CSV", "id,age\n1,50\n");
        put(dir.path(), "clinical_test.tsv", "id\tage\n2\t51\n");
        put(dir.path(), "nomogram_test.csv", "num,OS\n2,100\n");
        put(dir.path(), "images/T4/train/1/7.jpg", "not opened");
        put(dir.path(), "images/T11/test/0/8.png", "not opened");
        put(dir.path(), "images/T11/test/0/notes.docx", "");
        let cohort = CohortFolder::open(dir.path(), None).unwrap();
        assert_eq!(cohort.clinical.len(), 2);
        assert!(cohort.clinical(Split::Valid).is_none());
        assert_eq!(cohort.clinical(Split::Test).unwrap().text(0, 1), Some("51"));
        assert!(cohort.survival(Split::Test).is_some());
        let seen: Vec<_> =
            cohort.pictures.iter().map(|p| (p.id.as_str(), p.level, p.split, p.event)).collect();
        assert_eq!(seen, [("7", Level::T4, Split::Train, true), ("8", Level::T11, Split::Test, false)]);
        assert!(cohort.warnings[0].contains("notes.docx is passed over"), "{:?}", cohort.warnings);
    }

    #[test]
    fn tables_are_stacked_by_name_with_their_split() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "clinical_train.csv", "id,age,CEA\n1,50,2.5\n");
        put(dir.path(), "clinical_test.csv", "id;CEA;LVI\n2;1,5;1\n");
        let cohort = CohortFolder::open(dir.path(), None).unwrap();
        let all = CohortTable::stacked(&cohort.clinical).unwrap();
        assert_eq!(all.header, ["id", "age", "CEA", "LVI", "split"]);
        assert_eq!(all.rows[0].cells, ["1", "50", "2.5", "", "train"]);
        assert_eq!(all.rows[1].cells, ["2", "", "1.5", "1", "test"]);
        assert_eq!(CohortTable::stacked(&cohort.clinical[..1]).unwrap(), cohort.clinical[0].table);
        assert_eq!(CohortTable::stacked(&[]), None);
    }

    #[test]
    fn one_table_without_splits_will_do() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "clinical.txt", "id;age\n1;50,5\n");
        let cohort = CohortFolder::open(dir.path(), None).unwrap();
        assert_eq!((cohort.clinical.len(), cohort.clinical[0].split), (1, None));
    }

    #[test]
    fn a_folder_without_anything_is_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let empty = CohortFolder::open(dir.path(), None).unwrap_err().to_string();
        assert!(empty.contains("there is neither a table"), "{empty}");
        let nowhere = CohortFolder::open(&dir.path().join("x"), None).unwrap_err().to_string();
        assert!(nowhere.contains("the cohort folder cannot be read"), "{nowhere}");
    }

    #[test]
    fn a_mapping_names_files_and_columns() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a/ours.csv", "Fall,Alter,M\n1,50,ja\n");
        put(dir.path(), "clinical_test.csv", "Fall,Alter,M\n2,60,nein\n");
        let mut mapping: Mapping = serde_json::from_str(
            r#"{"files": [{"file": "a/ours.csv", "role": "clinical", "split": "train"}],
                "columns": {"Fall": {"key": "id"}, "M": {"key": "metastasis", "codes": {"ja": 1, "nein": 0}}}}"#,
        )
        .unwrap();
        let cohort = CohortFolder::open(dir.path(), Some(&mapping)).unwrap();
        assert_eq!(cohort.clinical(Split::Train).unwrap().header, ["id", "Alter", "metastasis"]);
        assert_eq!(cohort.clinical(Split::Test).unwrap().text(0, 2), Some("0"));
        let extra = mapping.columns["Fall"].clone();
        mapping.columns.insert("Nummer".to_owned(), MappedColumn { key: "age".to_owned(), ..extra });
        #[cfg(unix)]
        {
            let elsewhere = tempfile::tempdir().unwrap();
            put(elsewhere.path(), "ours.csv", "Fall\n1\n");
            let mut linked = mapping.clone();
            linked.files[0].file = "linked.csv".into();
            std::os::unix::fs::symlink(elsewhere.path().join("ours.csv"), dir.path().join("linked.csv"))
                .unwrap();
            let refused = CohortFolder::open(dir.path(), Some(&linked)).unwrap_err().to_string();
            assert!(
                refused.contains("linked.csv: the mapping names this file, which is a link out"),
                "{refused}"
            );
        }
        let unknown = CohortFolder::open(dir.path(), Some(&mapping)).unwrap_err().to_string();
        assert!(unknown.contains("'Nummer', but no table has it"), "{unknown}");
    }

    #[test]
    fn the_published_cohort_opens_whole() {
        let Some(dir) = crate::testing::shared("cohort") else { return };
        let cohort = CohortFolder::open(&dir, None).unwrap();
        assert_eq!(cohort.clinical(Split::Train).unwrap().rows.len(), 185);
        assert_eq!(cohort.clinical(Split::Test).unwrap().rows.len(), 186);
        assert!(cohort.survival(Split::Test).is_some() && cohort.predictions.is_some());
        assert_eq!(cohort.pictures.len(), 862);
        assert!(cohort.warnings.is_empty(), "{:?}", cohort.warnings);
    }
}
