//! Files written whole or not at all, and hashes of files.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::budget::{self, Limit};
use crate::staging::{ASIDE, follow_links, staged_file, staging_folder};

/// A file that could not be read or written; the message names it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {doing} failed: {cause}", path.display())]
pub struct FileError {
    pub path: PathBuf,
    pub doing: &'static str,
    // Not a `source`: the sentence tells it already, and would be told twice.
    pub cause: io::Error,
}

impl FileError {
    pub fn new(path: &Path, doing: &'static str, cause: io::Error) -> Self {
        Self { path: path.to_owned(), doing, cause }
    }
}

/// Writes `bytes` to a temporary name beside `path`, then renames: readers see the old or the new file, never half of one.
///
/// # Errors
/// A folder or file that can't be written; the message names it.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut one = FileSet::default();
    one.add(path, bytes)?;
    one.put_in_place()
}

/// The files of one result: staged beside their places, then put there together. All of them are there or none;
/// dropped before that, the set leaves nothing behind, no new folder either.
#[derive(Default)]
pub struct FileSet {
    staged: Vec<(NamedTempFile, PathBuf)>,
    /// Folders made for it, outermost first.
    folders: Vec<PathBuf>,
}

impl FileSet {
    /// Writes a file under a temporary name in the folder of `path`, which is made where it is missing.
    ///
    /// # Errors
    /// A folder or file that can't be written; the message names it.
    pub fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.make_folder(folder)?;
        let write = || -> io::Result<NamedTempFile> {
            let mut temporary = staged_file(folder)?;
            temporary.write_all(bytes)?;
            temporary.as_file().sync_all()?;
            Ok(temporary)
        };
        let temporary = write().map_err(|e| FileError::new(path, "writing", e))?;
        self.staged.push((temporary, path.to_owned()));
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), FileError> {
        let is_missing = |f: &&Path| !f.as_os_str().is_empty() && !f.exists();
        let mut missing: Vec<PathBuf> =
            folder.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        std::fs::create_dir_all(folder).map_err(|e| FileError::new(folder, "creating the folder", e))?;
        missing.reverse();
        self.folders.extend(missing);
        Ok(())
    }

    /// Renames every file to its place.
    ///
    /// # Errors
    /// A place that can't be written; then every place holds again what it held before.
    pub fn put_in_place(mut self) -> Result<(), FileError> {
        let mut done: Vec<(PathBuf, Option<TempPath>)> = Vec::new();
        let alone = self.staged.len() == 1;
        for (temporary, path) in self.staged.drain(..) {
            // One file needs no copy of the earlier one: its renaming is all or nothing by itself.
            let earlier = if alone { Ok(None) } else { keep_earlier(&path) };
            let put = earlier.and_then(|earlier| {
                temporary.persist(&path).map_err(|e| e.error)?;
                Ok(earlier)
            });
            match put {
                Ok(earlier) => done.push((path, earlier)),
                Err(cause) => {
                    take_back(done);
                    return Err(FileError::new(&path, "writing", cause));
                }
            }
        }
        self.folders.clear();
        Ok(())
    }
}

impl Drop for FileSet {
    fn drop(&mut self) {
        self.staged.clear();
        // Only empty folders go: somebody else may have written there meanwhile.
        self.folders.iter().rev().for_each(|folder| drop(std::fs::remove_dir(folder)));
    }
}

/// A second name for what stands at a place (a copy where the file system knows no second names).
fn keep_earlier(path: &Path) -> io::Result<Option<TempPath>> {
    if !path.is_file() {
        return Ok(None);
    }
    let place = staged_file(path.parent().unwrap_or(Path::new(".")))?.into_temp_path();
    std::fs::remove_file(&place)?;
    if std::fs::hard_link(path, &place).is_err() {
        std::fs::copy(path, &place)?;
    }
    Ok(Some(place))
}

fn take_back(done: Vec<(PathBuf, Option<TempPath>)>) {
    for (path, earlier) in done {
        // The disk has just failed once; what can't be undone can't be told better than the first failure.
        let _ = match earlier {
            Some(earlier) => earlier.persist(&path).map_err(|e| e.error),
            None => std::fs::remove_file(&path),
        };
    }
}

/// Why a folder of results could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    #[error("{}: the folder is not empty and holds no earlier {what} (no {marker}); choose an empty or a new folder", path.display())]
    Occupied { path: PathBuf, what: &'static str, marker: &'static str },
    #[error(transparent)]
    File(#[from] FileError),
}

/// A folder written under a temporary name and put in place as a whole, under the user's umask. Dropped before that, it
/// leaves nothing behind. A link to a folder is followed: what it leads to is replaced.
pub struct NewFolder {
    temporary: tempfile::TempDir,
    target: PathBuf,
    parent: PathBuf,
}

impl NewFolder {
    /// A temporary folder beside `target`, which must be absent, empty, or hold an earlier one, told by the file `marker`.
    pub fn beside(target: &Path, marker: &'static str, what: &'static str) -> Result<Self, FolderError> {
        let target = &follow_links(target);
        match std::fs::read_dir(target) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(FileError::new(target, "opening the folder", cause).into()),
            Ok(mut entries) => {
                if entries.next().is_some() && !target.join(marker).is_file() {
                    return Err(FolderError::Occupied { path: target.to_owned(), what, marker });
                }
            }
        }
        let parent =
            target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        std::fs::create_dir_all(&parent).map_err(|e| FileError::new(&parent, "creating the folder", e))?;
        let temporary =
            staging_folder(&parent).map_err(|e| FileError::new(&parent, "creating a temporary folder", e))?;
        Ok(Self { temporary, target: target.to_owned(), parent })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Moves what stood there aside, the new folder in, then drops the old one.
    pub fn put_in_place(self) -> Result<(), FolderError> {
        let target = &self.target;
        let aside = staging_folder(&self.parent)
            .map_err(|e| FileError::new(&self.parent, "creating a temporary folder", e))?;
        let old = aside.path().join(ASIDE);
        let existed = target.exists();
        if existed {
            std::fs::rename(target, &old)
                .map_err(|e| FileError::new(target, "moving the earlier folder aside", e))?;
        }
        if let Err(cause) = std::fs::rename(self.temporary.path(), target) {
            if existed {
                std::fs::rename(&old, target)
                    .map_err(|e| FileError::new(target, "putting the earlier folder back", e))?;
            }
            return Err(FileError::new(target, "renaming the finished folder", cause).into());
        }
        // Its content now lives under the new name; there is nothing left to remove.
        let _ = self.temporary.keep();
        // No longer the only copy: should this run die now, a later one may collect it.
        let _ = std::fs::rename(&old, aside.path().join("replaced"));
        Ok(())
    }
}

/// Reads a whole regular file within a budget; the error names it.
///
/// # Errors
/// Those of [`budget::read`].
pub fn read(path: &Path, limit: Limit) -> Result<Vec<u8>, FileError> {
    budget::read(path, limit).map_err(|e| FileError::new(path, "reading", e))
}

/// SHA-256 of a file in lowercase hexadecimal.
pub fn sha256(path: &Path) -> Result<String, FileError> {
    let mut file = budget::open(path).map_err(|e| FileError::new(path, "opening", e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(|e| FileError::new(path, "reading", e))?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of bytes in lowercase hexadecimal.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_set_of_files_is_written_whole_or_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |names: &[&str], text: &str| {
            let mut set = FileSet::default();
            names.iter().try_for_each(|name| set.add(&at(name), text.as_bytes()))?;
            set.put_in_place()
        };
        write(&["a/report.json", "a/report.pdf"], "one").unwrap();
        assert_eq!(std::fs::read_dir(at("a")).unwrap().count(), 2);
        // The last place is taken by a folder: the first file must be what it was.
        std::fs::create_dir_all(at("a/b.pdf/full")).unwrap();
        let refused = write(&["a/report.json", "a/b.json", "a/b.pdf"], "two").unwrap_err();
        assert_eq!(refused.path, at("a/b.pdf"));
        assert_eq!(std::fs::read_to_string(at("a/report.json")).unwrap(), "one");
        assert_eq!(std::fs::read_dir(at("a")).unwrap().count(), 3, "nothing new is left");
        // A folder that was made for nothing goes again.
        let mut set = FileSet::default();
        set.add(&at("new/deep/x"), b"x").unwrap();
        drop(set);
        assert!(!at("new").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_follows_a_link_and_the_umask() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("usual")).unwrap();
        std::os::unix::fs::symlink("true", at("link")).unwrap();
        for _ in 0..2 {
            let new = NewFolder::beside(&at("link"), "marker", "trial").unwrap();
            std::fs::write(new.path().join("marker"), "").unwrap();
            new.put_in_place().unwrap();
        }
        assert!(at("link").is_symlink() && at("true/marker").is_file());
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(at("true")), mode(at("usual")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn sha256_is_the_published_digest_of_abc() {
        assert_eq!(sha256_of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
