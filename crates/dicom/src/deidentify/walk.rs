//! From the paths a person named to the files to de-identify.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::archive::open_archive;
use super::super::source::{Location, io_reason};
use super::{DeidentifyError, Skipped};
use thoracast_files::progress::Progress;

/// Every file below `paths` in a fixed order, archives opened.
///
/// # Errors
/// `Input` when a named path can't be read, `Cancelled`.
pub(super) fn files(
    paths: &[PathBuf],
    skipped: &mut Vec<Skipped>,
    progress: &dyn Progress,
) -> Result<Vec<Location>, DeidentifyError> {
    let mut walk = Walk { found: Vec::new(), visited: HashSet::new(), skipped };
    for path in paths {
        let data = std::fs::metadata(path)
            .map_err(|e| DeidentifyError::Input { path: path.clone(), reason: io_reason(&e) })?;
        if data.is_dir() {
            walk.folder(path, progress)?;
        } else {
            walk.file(path);
        }
    }
    let mut seen = HashSet::new();
    walk.found.retain(|location| seen.insert(location.clone()));
    Ok(walk.found)
}

struct Walk<'a> {
    found: Vec<Location>,
    visited: HashSet<PathBuf>,
    skipped: &'a mut Vec<Skipped>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, progress: &dyn Progress) -> Result<(), DeidentifyError> {
        if progress.cancelled() {
            return Err(DeidentifyError::Cancelled);
        }
        // Links may form circles.
        if !self.visited.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned())) {
            return Ok(());
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) => {
                let reason = format!("the folder can't be opened: {e}");
                self.skipped.push(Skipped { path: folder.to_owned(), reason });
                return Ok(());
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            match std::fs::metadata(&path) {
                Ok(data) if data.is_dir() => self.folder(&path, progress)?,
                Ok(data) if data.is_file() => self.file(&path),
                _ => {} // dangling links, sockets
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) {
        let mut magic = [0; 4];
        let read = thoracast_files::budget::open(path)
            .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut magic));
        if read.is_err() || magic != *b"PK\x03\x04" {
            self.found.push(Location::file(path));
            return;
        }
        match open_archive(path) {
            Ok(archive) => {
                let names = archive.file_names().flatten().filter(|name| !name.ends_with('/'));
                self.found.extend(names.map(|name| Location::member(path, &name)));
            }
            Err(reason) => self.skipped.push(Skipped { path: path.to_owned(), reason }),
        }
    }
}

/// The file a DICOMDIR beside it refers to, as written or in lower case, as CDs are copied.
pub(super) fn referenced(directory: &Path, parts: &[String]) -> Option<PathBuf> {
    if parts.iter().any(|part| part == ".." || part.contains(['/', '\\'])) {
        return None;
    }
    let folder = directory.parent()?;
    let join = |lower: bool| {
        parts.iter().fold(folder.to_owned(), |path, part| {
            path.join(if lower { part.to_lowercase() } else { part.clone() })
        })
    };
    [join(false), join(true)].into_iter().find(|path| path.is_file())
}
