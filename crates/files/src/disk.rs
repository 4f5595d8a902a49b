//! Files written whole or not at all, and hashes of files.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

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
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| FileError::new(folder, "creating the folder", e))?;
    let write = || -> io::Result<()> {
        let mut temporary = ordinary_file().tempfile_in(folder)?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| FileError::new(path, "writing", e))
}

/// A temporary file is private to its maker; what becomes a report is an ordinary file under the user's umask.
fn ordinary_file() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
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

/// A folder written under a temporary name and put in place as a whole. Dropped before that, it leaves nothing behind.
pub struct NewFolder {
    temporary: tempfile::TempDir,
    target: PathBuf,
    parent: PathBuf,
}

impl NewFolder {
    /// A temporary folder beside `target`, which must be absent, empty, or hold an earlier one, told by the file `marker`.
    pub fn beside(target: &Path, marker: &'static str, what: &'static str) -> Result<Self, FolderError> {
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
        let temporary = tempfile::Builder::new()
            .prefix(".thoracast-")
            .tempdir_in(&parent)
            .map_err(|e| FileError::new(&parent, "creating a temporary folder", e))?;
        Ok(Self { temporary, target: target.to_owned(), parent })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Moves what stood there aside, the new folder in, then drops the old one.
    pub fn put_in_place(self) -> Result<(), FolderError> {
        let target = &self.target;
        open_to_others(self.temporary.path())?;
        let aside = tempfile::Builder::new()
            .prefix(".thoracast-old-")
            .tempdir_in(&self.parent)
            .map_err(|e| FileError::new(&self.parent, "creating a temporary folder", e))?;
        let old = aside.path().join("old");
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
        Ok(())
    }
}

/// A temporary folder is private to its maker; a finished one is an ordinary folder.
#[cfg(unix)]
fn open_to_others(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|e| FileError::new(path, "setting permissions of", e))
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Reads a whole file; the error names it.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|e| FileError::new(path, "reading", e))
}

/// SHA-256 of a file in lowercase hexadecimal.
pub fn sha256(path: &Path) -> Result<String, FileError> {
    let mut file = std::fs::File::open(path).map_err(|e| FileError::new(path, "opening", e))?;
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
    fn sha256_is_the_published_digest_of_abc() {
        assert_eq!(sha256_of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
