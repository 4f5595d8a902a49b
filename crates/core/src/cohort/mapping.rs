//! Which file of a person's folder plays which role, and how their columns, units and codes become ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder::CohortError;
use super::{Split, Table, columns, decode};
use crate::tables::reading::Reading;
use thoracast_files as files;
use thoracast_files::bounds::{self, Bound, Bounded};
use thoracast_files::budget;

/// The key of a column that is left out: its name is one of ours, but it is not what it says.
pub const IGNORE: &str = "ignore";

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Clinicopathological variables and the outcome.
    Clinical,
    /// Survival times and what the nomogram is fitted on.
    Survival,
    /// Somebody's predictions to compare with.
    Predictions,
}

/// How one column becomes one of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedColumn {
    /// Our key: `id`, `metastasis`, `age`, `os_days` …; [`IGNORE`] leaves the column out.
    pub key: String,
    /// Numbers are multiplied by this: 0.1 makes centimetres of millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Their text to our number; an empty text is the empty cell. Texts that are not named stay as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, f64>,
    /// How numbers are read that are not plain ones; absent: as the table's other numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Reading>,
}

/// One file, its role and the columns that only it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedFile {
    /// Path within the cohort folder.
    pub file: PathBuf,
    pub role: Role,
    /// Absent where the cohort has no splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// By header text; these come before the mapping's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, MappedColumn>,
}

/// The whole mapping, as the import dialog writes it.
///
/// ```json
/// {"files": [{"file": "patients.xlsx", "role": "clinical", "split": "train"}],
///  "columns": {"Patient": {"key": "id"}, "Size (mm)": {"key": "tumor_size", "factor": 0.1},
///              "M1": {"key": "metastasis", "codes": {"yes": 1, "no": 0}},
///              "Ki-67": {"key": "ki67", "read": "percent+limit"}}}
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Roles that are not named here are looked for under their usual names.
    #[serde(default)]
    pub files: Vec<MappedFile>,
    /// By header text; for every table that has such a column.
    #[serde(default)]
    pub columns: BTreeMap<String, MappedColumn>,
    /// Whether `3,5` is three and a half; absent: as the file looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal_comma: Option<bool>,
}

/// Codes and factors; beyond, no unit or class is meant.
const NUMBERS: std::ops::RangeInclusive<f64> = -1e12..=1e12;

impl Bounded for Mapping {
    fn within_bounds(&self) -> Bound {
        for (name, column) in &self.columns {
            bounds::inside(&format!("columns.{name}"), column)?;
        }
        bounds::each("files", &self.files, |field, file| {
            bounds::holds(
                &format!("{field}.file"),
                "empty",
                !file.file.as_os_str().is_empty(),
                "a name is needed",
            )?;
            file.columns
                .iter()
                .try_for_each(|(name, column)| bounds::inside(&format!("{field}.columns.{name}"), column))
        })
    }
}

impl Bounded for MappedColumn {
    fn within_bounds(&self) -> Bound {
        bounds::optional("factor", self.factor, NUMBERS)?;
        self.codes.iter().try_for_each(|(code, &to)| bounds::number(&format!("codes.{code}"), to, NUMBERS))
    }
}

impl Mapping {
    /// Reads a mapping file and checks its keys.
    pub fn read(path: &Path) -> Result<Self, CohortError> {
        let fail = |reason: String| CohortError::Mapping { path: path.to_owned(), reason };
        let bytes = files::read(path, budget::DOCUMENT).map_err(|e| CohortError::Table(e.into()))?;
        let mapping: Self = bounds::from_json(&bytes).map_err(|e| {
            fail(format!(
                "this is not a mapping ({e}); write it with the import dialog or after the example in README"
            ))
        })?;
        mapping.check().map_err(fail)?;
        Ok(mapping)
    }

    /// What is wrong with the mapping's meaning, beyond its [`Bounded`] numbers: unknown keys, factors that are no factors, a role given twice.
    pub fn check(&self) -> Result<(), String> {
        let of_files = self.files.iter().flat_map(|f| &f.columns);
        for (name, column) in self.columns.iter().chain(of_files) {
            if column.key != IGNORE && columns::keys().all(|known| known != column.key) {
                let known: Vec<_> = columns::keys().collect();
                let (key, known) = (&column.key, known.join(", "));
                return Err(format!(
                    "column '{name}' is mapped to '{key}', which is no key; the keys are {known}"
                ));
            }
            if column.factor.is_some_and(|f| !f.is_finite() || f == 0.0) {
                return Err(format!("the factor of column '{name}' must be a number other than 0"));
            }
        }
        for (i, file) in self.files.iter().enumerate() {
            let is_within = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
            if !file.file.components().all(is_within) {
                let name = file.file.display();
                return Err(format!(
                    "the mapping names {name}, which lies outside the cohort folder; copy the file into the folder and name it from there"
                ));
            }
            if let Some(first) = self.files[..i].iter().find(|f| (f.role, f.split) == (file.role, file.split))
            {
                let (a, b) = (first.file.display(), file.file.display());
                return Err(format!("{a} and {b} have the same role and split; keep one"));
            }
        }
        Ok(())
    }

    /// The table with our headers and codes. `own` are the columns named for this file only; each must be there.
    pub fn apply(
        &self,
        table: &Table,
        own: &BTreeMap<String, MappedColumn>,
        used: &mut BTreeSet<String>,
    ) -> Result<Table, CohortError> {
        let mut mapped = table.clone();
        mapped.decimal_comma = self.decimal_comma.unwrap_or(table.decimal_comma);
        let mut left_out = BTreeSet::new();
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        let common = self.columns.iter().filter(|(name, _)| !own.contains_key(*name));
        for (name, column) in own.iter().chain(common) {
            let at = match table.require(name) {
                Ok(at) => at,
                Err(missing) if own.contains_key(name) => return Err(missing.into()),
                Err(_) => continue,
            };
            used.insert(name.clone());
            if column.key == IGNORE {
                left_out.insert(at);
                continue;
            }
            if let Some(first) = taken.insert(&column.key, name) {
                let reason =
                    format!("columns '{first}' and '{name}' are both mapped to '{}'; keep one", column.key);
                return Err(CohortError::Mapping { path: table.path.clone(), reason });
            }
            let other = (0..table.header.len()).find(|o| *o != at && mapped.header[*o] == column.key);
            let ignored = |name: &String| {
                own.get(name).or_else(|| self.columns.get(name)).is_some_and(|c| c.key == IGNORE)
            };
            if let Some(other) = other.filter(|o| !ignored(&table.header[*o])) {
                let reason = format!(
                    "column '{name}' is mapped to '{}', but the table has a column of that name (column {}); rename it",
                    column.key,
                    other + 1
                );
                return Err(CohortError::Mapping { path: table.path.clone(), reason });
            }
            mapped.renamed.insert(column.key.clone(), table.header[at].clone());
            mapped.header[at] = column.key.clone();
            for row in &mut mapped.rows {
                if let Some(new) = column.recoded(&row.cells[at], mapped.decimal_comma) {
                    row.cells[at] = new;
                }
            }
        }
        mapped.drop_columns(&left_out);
        Ok(mapped)
    }

    /// The mapping as a file, written whole.
    pub fn write(&self, path: &Path) -> Result<(), CohortError> {
        let fail = |reason: String| CohortError::Mapping { path: path.to_owned(), reason };
        let text = serde_json::to_vec_pretty(self).map_err(|e| fail(e.to_string()))?;
        files::write_atomic(path, &text).map_err(|e| CohortError::Table(e.into()))
    }
}

impl MappedColumn {
    /// The new text of a cell; `None` where it stays.
    pub(super) fn recoded(&self, cell: &str, decimal_comma: bool) -> Option<String> {
        let cell = cell.trim();
        let value = match self.read {
            Some(rule) => rule.value(cell, decimal_comma),
            None => decode::number(cell, decimal_comma),
        };
        let same = |from: &str| {
            if decode::is_missing(cell) || decode::is_missing(from) {
                return decode::is_missing(cell) && decode::is_missing(from);
            }
            cell == from.trim() || value.is_some_and(|v| decode::number(from, false) == Some(v))
        };
        if let Some((_, to)) = self.codes.iter().find(|(from, _)| same(from)) {
            return Some(to.to_string());
        }
        if self.factor.is_none() && self.read.is_none() {
            return None;
        }
        value.map(|v| self.factor.map_or(v, |factor| tidy(v * factor)).to_string())
    }
}

/// The product without what binary fractions add: 7 × 0.1 is 0.7.
fn tidy(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::from_bytes(Path::new("theirs.csv"), text.as_bytes()).unwrap()
    }

    fn mapping(json: &str) -> Mapping {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn columns_units_and_codes_become_ours() {
        let m = mapping(
            r#"{"columns": {"Fall": {"key": "id"}, "Größe (mm)": {"key": "tumor_size", "factor": 0.1},
                "M1": {"key": "metastasis", "codes": {"ja": 1, "nein": 0}}}}"#,
        );
        m.check().unwrap();
        let mut used = BTreeSet::new();
        let theirs = table("Fall;Größe (mm);M1;BMI\n1;7,5;ja;21,5\n2;x;nein;\n3;7;?;20\n");
        let ours = m.apply(&theirs, &BTreeMap::new(), &mut used).unwrap();
        assert_eq!(ours.header, ["id", "tumor_size", "metastasis", "BMI"]);
        assert_eq!(ours.number(0, 1).unwrap(), Some(0.75));
        assert_eq!(ours.number(2, 1).unwrap(), Some(0.7));
        assert_eq!((ours.text(1, 1), ours.text(0, 2), ours.text(2, 2)), (Some("x"), Some("1"), Some("?")));
        assert_eq!(used.len(), 3);
    }

    #[test]
    fn a_column_that_is_not_what_it_says_is_left_out_and_commas_may_be_decimal() {
        let m = mapping(
            r#"{"decimal_comma": true, "columns": {"age": {"key": "ignore"}, "Alter": {"key": "age"},
                "Size mm": {"key": "tumor_size", "factor": 0.1}}}"#,
        );
        m.check().unwrap();
        let theirs = table("ID,age,Alter,Size mm\n1,2,50,\"7,5\"\n");
        assert!(!theirs.decimal_comma);
        let ours = m.apply(&theirs, &BTreeMap::new(), &mut BTreeSet::new()).unwrap();
        assert_eq!(ours.header, ["ID", "age", "tumor_size"]);
        assert_eq!((ours.number(0, 1).unwrap(), ours.number(0, 2).unwrap()), (Some(50.0), Some(0.75)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        m.write(&path).unwrap();
        assert_eq!(Mapping::read(&path).unwrap(), m);
    }

    #[test]
    fn columns_are_read_by_their_own_rules() {
        let m = mapping(
            r#"{"columns": {"Ki-67": {"key": "ki67", "read": "percent+limit", "codes": {"n.d.": 15}},
                "Size": {"key": "tumor_size", "read": "comma", "factor": 0.1}}}"#,
        );
        let theirs = table("Ki-67,Size\n81%,\"1.234,5\"\n<20%,7\nn.d.,x\n");
        let ours = m.apply(&theirs, &BTreeMap::new(), &mut BTreeSet::new()).unwrap();
        let column = |c: usize| (0..3).map(|r| ours.text(r, c).unwrap_or("").to_owned()).collect::<Vec<_>>();
        assert_eq!(column(0), ["81", "20", "15"]);
        assert_eq!(column(1), ["123.45", "0.7", "x"]);
        let wrong = serde_json::from_str::<Mapping>(r#"{"columns": {"a": {"key": "age", "read": "per"}}}"#);
        assert!(wrong.unwrap_err().to_string().contains("write comma, point, percent"));
        assert_eq!(serde_json::from_str::<Mapping>(&serde_json::to_string(&m).unwrap()).unwrap(), m);
    }

    #[test]
    fn unknown_keys_and_columns_are_named() {
        let unknown = mapping(r#"{"columns": {"a": {"key": "shoe_size"}}}"#).check().unwrap_err();
        assert!(
            unknown.starts_with("column 'a' is mapped to 'shoe_size', which is no key; the keys are id, age"),
            "{unknown}"
        );
        let m = mapping(
            r#"{"files": [{"file": "x.csv", "role": "clinical", "columns": {"zz": {"key": "age"}}}]}"#,
        );
        let own = &m.files[0].columns;
        let missing = m.apply(&table("a,b\n1,2\n"), own, &mut BTreeSet::new()).unwrap_err().to_string();
        assert_eq!(missing, "theirs.csv: there is no column 'zz'; the columns are a, b");
        let m = mapping(r#"{"columns": {"a": {"key": "age"}, "b": {"key": "age"}}}"#);
        let twice = m.apply(&table("a,b\n1,2\n"), &BTreeMap::new(), &mut BTreeSet::new());
        assert!(twice.unwrap_err().to_string().contains("'a' and 'b' are both mapped to 'age'"));
        for outside in ["../x.csv", "/etc/passwd", "a/../../x.csv"] {
            let json = format!(r#"{{"files": [{{"file": "{outside}", "role": "clinical"}}]}}"#);
            let refused = mapping(&json).check().unwrap_err();
            assert!(refused.contains(outside) && refused.contains("outside the cohort folder"), "{refused}");
        }
        assert!(serde_json::from_str::<Mapping>(r#"{"colums": {}}"#).is_err());
        assert!(mapping(r#"{"columns": {"a": {"key": "age", "factor": 0}}}"#).check().is_err());
    }
}
