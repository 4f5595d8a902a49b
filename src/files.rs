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
