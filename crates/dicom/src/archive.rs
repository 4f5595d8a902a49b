//! ZIP archives whose directory is read once, however many members are.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::source::io_reason;
use thoracast_files::budget;

/// Directories of this many archives are kept.
const KEPT: usize = 4;

/// An archive that can be cloned without reading its directory again.
pub(crate) type Archive = zip::ZipArchive<Reader>;

/// What tells whether a file is still the one whose directory was read.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

/// Opens a ZIP archive's directory. Those opened last are remembered: a study of 12,000 members asks 24,000 times.
///
/// # Errors
/// One sentence without the path.
pub(crate) fn open_archive(path: &Path) -> Result<Archive, String> {
    static KNOWN: Mutex<Vec<(Key, Archive)>> = Mutex::new(Vec::new());
    let file = budget::open(path).map_err(|e| io_reason(&e))?;
    let data = file.metadata().map_err(|e| io_reason(&e))?;
    let key = Key { path: path.to_owned(), length: data.len(), modified: data.modified().ok() };
    let known = KNOWN.lock().unwrap_or_else(|e| e.into_inner());
    if let Some((_, archive)) = known.iter().find(|(known, _)| *known == key) {
        return Ok(archive.clone());
    }
    drop(known);
    let reader = Reader(BufReader::new(Shared { file: Arc::new(file), position: 0, length: key.length }));
    let archive = zip::ZipArchive::new(reader).map_err(|e| format!("the ZIP archive can't be read: {e}"))?;
    if archive.len() > budget::MOST_MEMBERS {
        let (members, most) = (archive.len(), budget::MOST_MEMBERS);
        return Err(format!("the ZIP archive has {members} members, more than {most}; unpack it first"));
    }
    let mut known = KNOWN.lock().unwrap_or_else(|e| e.into_inner());
    known.retain(|(other, _)| other.path != key.path);
    if known.len() >= KEPT {
        known.remove(0);
    }
    known.push((key, archive.clone()));
    Ok(archive)
}

/// A buffered reader that begins afresh when it is cloned; ZIP members are found by seeking from the file's start.
#[derive(Debug)]
pub(crate) struct Reader(BufReader<Shared>);

impl Clone for Reader {
    fn clone(&self) -> Self {
        Self(BufReader::new(Shared { position: 0, ..self.0.get_ref().clone() }))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// One open file with a position of each reader's own.
#[derive(Debug, Clone)]
struct Shared {
    file: Arc<File>,
    position: u64,
    length: u64,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
