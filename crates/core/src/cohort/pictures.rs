//! Folders of already-cut slices as the study published them: `LEVEL/{train,valid,test}/{0,1}/ID.jpg`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Split;
use crate::slice::{self, Picture, PictureError, Recipe};
use thoracast_files as files;

/// A patient's picture and outcome.
#[derive(Debug, Clone)]
pub struct LabelledPicture {
    /// The file's name without its ending.
    pub id: String,
    /// True: distant metastasis (folder 1).
    pub event: bool,
    pub picture: Picture,
    pub path: PathBuf,
}

/// A level's pictures by split.
#[derive(Debug, Clone, Default)]
pub struct PictureSets {
    pub train: Vec<LabelledPicture>,
    pub valid: Vec<LabelledPicture>,
    /// Empty where there is no test folder.
    pub test: Vec<LabelledPicture>,
    /// SHA-256 over split, class, ID and contents of every picture.
    pub sha256: String,
}

/// What makes a folder unfit; each names what it found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PicturesError {
    #[error("{}: the folder cannot be read ({reason}); give a cohort folder with images/T4/train/0 and so on", path.display())]
    NoFolder { path: PathBuf, reason: String },
    #[error("{}: there is no picture of class {class} in the {split} split; both classes are needed, 0 without and 1 with metastasis", path.display())]
    EmptyClass { path: PathBuf, split: &'static str, class: u8 },
    #[error("{}: {}", path.display(), listed("picture cannot be used", "pictures cannot be used", problems))]
    Unusable { path: PathBuf, problems: Vec<String> },
    #[error("{}: {}; a patient must be in one split and one class", path.display(), listed("patient appears twice", "patients appear twice", patients))]
    Twice { path: PathBuf, patients: Vec<String> },
    #[error("{}: {}; the same slice must not be trained on and tested", path.display(), listed("picture is in two places", "pictures are in two places", pictures))]
    SamePicture { path: PathBuf, pictures: Vec<String> },
}

fn listed(one: &str, many: &str, names: &[String]) -> String {
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    let rest = if names.len() > 5 { format!("; and {} more", names.len() - 5) } else { String::new() };
    format!("{} {}: {shown}{rest}", names.len(), if names.len() == 1 { one } else { many })
}

struct Found {
    split: Split,
    event: bool,
    id: String,
    path: PathBuf,
}

/// Reads a level's folder (`…/images/T4`) and checks what a training would be spoilt by.
///
/// # Errors
/// A folder that is missing; a class without pictures in training or validation; pictures that cannot be read or have
/// another size than the recipe's; a patient, or the same picture, in two places. All offenders are named together.
pub fn read(folder: &Path, recipe: &Recipe) -> Result<PictureSets, PicturesError> {
    let found = list(folder)?;
    let twice = repeated(
        found.iter().map(|f| (f.id.clone(), format!("{} ({}/{})", f.id, f.split, u8::from(f.event)))),
    );
    if !twice.is_empty() {
        return Err(PicturesError::Twice { path: folder.to_owned(), patients: twice });
    }
    let read: Vec<_> = found.par_iter().map(|f| read_one(f, recipe)).collect();
    let (mut sets, mut problems, mut prints) = (PictureSets::default(), vec![], vec![]);
    let mut hash = Sha256::new();
    for (file, read) in found.iter().zip(read) {
        match read {
            Ok((picture, sha256)) => {
                let (split, class) = (file.split, u8::from(file.event));
                hash.update(format!("{split}/{class}/{} {sha256}\n", file.id));
                prints.push((sha256, format!("{split}/{class}/{}", file.id)));
                let labelled = LabelledPicture {
                    id: file.id.clone(),
                    event: file.event,
                    picture,
                    path: file.path.clone(),
                };
                let set = match split {
                    Split::Train => &mut sets.train,
                    Split::Valid => &mut sets.valid,
                    Split::Test => &mut sets.test,
                };
                set.push(labelled);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(PicturesError::Unusable { path: folder.to_owned(), problems });
    }
    let same = repeated(prints.into_iter());
    if !same.is_empty() {
        return Err(PicturesError::SamePicture { path: folder.to_owned(), pictures: same });
    }
    sets.sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(sets)
}

fn read_one(file: &Found, recipe: &Recipe) -> Result<(Picture, String), String> {
    let picture = slice::read_picture(&file.path, recipe).map_err(|e: PictureError| e.to_string())?;
    let sha256 = files::sha256(&file.path).map_err(|e| e.to_string())?;
    Ok((picture, sha256))
}

/// The labels of all entries whose key occurs more than once, joined by key.
fn repeated(entries: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    entries.for_each(|(key, label)| by_key.entry(key).or_default().push(label));
    by_key.into_values().filter(|labels| labels.len() > 1).map(|labels| labels.join(" = ")).collect()
}

fn list(folder: &Path) -> Result<Vec<Found>, PicturesError> {
    let mut all = vec![];
    for split in Split::ALL {
        let at = folder.join(split.name());
        if split == Split::Test && !at.exists() {
            continue;
        }
        for event in [false, true] {
            let class = u8::from(event);
            let path = at.join(class.to_string());
            let mut files = picture_files(&path)?;
            if files.is_empty() {
                return Err(PicturesError::EmptyClass { path, split: split.name(), class });
            }
            files.sort();
            all.extend(files.into_iter().map(|path| {
                let id = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
                Found { split, event, id, path }
            }));
        }
    }
    Ok(all)
}

/// Every file that is not hidden; what is no picture is found out by reading it, never passed over in silence.
fn picture_files(folder: &Path) -> Result<Vec<PathBuf>, PicturesError> {
    visible_files(folder)
        .map_err(|e| PicturesError::NoFolder { path: folder.to_owned(), reason: e.to_string() })
}

/// What a folder holds but for hidden files and those that file managers leave behind.
pub(super) fn visible_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.')
            || entry.file_name().eq_ignore_ascii_case("thumbs.db")
            || entry.file_name().eq_ignore_ascii_case("desktop.ini");
        if !hidden {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe { width: 8, height: 6, ..Recipe::t4() }
    }

    fn put(folder: &Path, name: &str, shade: u8) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture =
            Picture { width: 8, height: 6, grey: (0..48).map(|i| shade.wrapping_mul(7) ^ i).collect() };
        std::fs::write(path, slice::write_png(&picture).unwrap()).unwrap();
    }

    fn good() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (i, split) in (0u8..).zip(["train", "valid", "test"]) {
            for class in 0..2 {
                for k in 0..3 {
                    let id = 10 * i + 3 * class + k;
                    put(folder.path(), &format!("{split}/{class}/P{id}.png"), id);
                }
            }
        }
        folder
    }

    fn refused(folder: &Path) -> String {
        read(folder, &recipe()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_folder_is_read_by_split_and_class_and_its_hash_follows_its_contents() {
        let folder = good();
        let sets = read(folder.path(), &recipe()).unwrap();
        assert_eq!((sets.train.len(), sets.valid.len(), sets.test.len()), (6, 6, 6));
        assert_eq!(sets.train.iter().filter(|p| p.event).count(), 3);
        assert_eq!(sets.valid[0].id, "P10");
        assert_eq!(sets.sha256, read(folder.path(), &recipe()).unwrap().sha256);
        put(folder.path(), "train/0/P0.png", 99);
        assert_ne!(sets.sha256, read(folder.path(), &recipe()).unwrap().sha256);
        // Without a test split training is possible all the same.
        std::fs::remove_dir_all(folder.path().join("test")).unwrap();
        assert!(read(folder.path(), &recipe()).unwrap().test.is_empty());
    }

    #[test]
    fn what_would_spoil_a_training_is_refused_by_name() {
        let folder = good();
        put(folder.path(), "valid/1/P0.png", 77);
        let message = refused(folder.path());
        assert!(message.contains("P0 (train/0) = P0 (valid/1)"), "{message}");

        let folder = good();
        put(folder.path(), "test/0/X.png", 0);
        let message = refused(folder.path());
        assert!(message.contains("train/0/P0 = test/0/X"), "{message}");

        let folder = good();
        std::fs::write(folder.path().join("train/1/notes.txt"), "no picture").unwrap();
        std::fs::write(folder.path().join("valid/0/P10.png"), [0x89, b'P', b'N', b'G']).unwrap();
        let message = refused(folder.path());
        assert!(
            message.contains("2 pictures") && message.contains("notes.txt") && message.contains("P10.png"),
            "{message}"
        );

        let folder = good();
        std::fs::remove_dir_all(folder.path().join("valid/1")).unwrap();
        assert!(refused(folder.path()).contains("valid"));
        std::fs::create_dir(folder.path().join("valid/1")).unwrap();
        let message = refused(folder.path());
        assert!(message.contains("class 1") && message.contains("valid"), "{message}");
        assert!(refused(&folder.path().join("nowhere")).contains("nowhere"));
    }
}
