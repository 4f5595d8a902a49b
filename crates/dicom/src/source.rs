//! Where bytes come from: a file, or a member of a ZIP archive.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::archive::open_archive;
use thoracast_files::budget;

/// A file, or a member of the ZIP archive at `path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Location {
    pub path: PathBuf,
    pub member: Option<String>,
}

impl Location {
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), member: None }
    }

    pub fn member(archive: &Path, member: &str) -> Self {
        Self { path: archive.to_owned(), member: Some(member.to_owned()) }
    }

    /// The name a person knows the file by: without its folders.
    pub fn file_name(&self) -> String {
        let whole = match &self.member {
            Some(member) => Path::new(member),
            None => self.path.as_path(),
        };
        whole.file_name().map_or_else(|| whole.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// The path that stands in messages and in `Unreadable`; a ZIP's member is appended to the archive's path.
    pub fn display_path(&self) -> PathBuf {
        match &self.member {
            Some(member) => self.path.join(member),
            None => self.path.clone(),
        }
    }

    /// Opens the file for random access.
    ///
    /// # Errors
    /// One sentence without the path.
    pub fn open(&self) -> Result<Bytes, String> {
        match &self.member {
            Some(member) => {
                let length = open_archive(&self.path)?.by_name(member).map_err(|e| zip_reason(&e))?.size();
                Ok(Bytes::Member {
                    archive: self.path.clone(),
                    member: member.clone(),
                    length,
                    unpacked: Arc::default(),
                })
            }
            None => {
                let file = budget::open(&self.path).map_err(|e| io_reason(&e))?;
                let length = file.metadata().map_err(|e| io_reason(&e))?.len();
                Ok(Bytes::File { path: self.path.clone(), length })
            }
        }
    }
}

/// What can be read from any position.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Random access to a file's bytes, or to bytes in memory.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    File {
        path: PathBuf,
        length: u64,
    },
    /// A ZIP's member: unpacked as far as its first bytes are read, wholly once anything behind them is.
    Member {
        archive: PathBuf,
        member: String,
        length: u64,
        unpacked: Arc<OnceLock<Arc<[u8]>>>,
    },
    Memory(Arc<[u8]>),
}

impl Bytes {
    pub fn len(&self) -> u64 {
        match self {
            Self::File { length, .. } | Self::Member { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// `length` bytes from `at`. The range is checked against the file's length before anything is allocated.
    ///
    /// # Errors
    /// One sentence without the path.
    pub fn read(&self, at: u64, length: u64) -> Result<Vec<u8>, String> {
        if at.checked_add(length).is_none_or(|end| end > self.len()) {
            return Err("the file is cut short".to_owned());
        }
        if let Self::Member { archive, member, unpacked, .. } = self
            && at == 0
            && unpacked.get().is_none()
        {
            return unpack(archive, member, length).and_then(|bytes| exactly(bytes, length));
        }
        // The reader first: only it knows whether a ZIP's member is as long as its archive says.
        let mut reader = self.reader(at)?.take(length);
        let mut buffer =
            Vec::with_capacity(usize::try_from(length).map_err(|_| "the file is too long".to_owned())?);
        reader.read_to_end(&mut buffer).map_err(|e| io_reason(&e))?;
        exactly(buffer, length)
    }

    /// A reader that stands at `at`.
    ///
    /// # Errors
    /// One sentence without the path.
    pub fn reader(&self, at: u64) -> Result<Box<dyn ReadSeek>, String> {
        let mut reader: Box<dyn ReadSeek> = match self {
            Self::File { path, .. } => Box::new(budget::open(path).map_err(|e| io_reason(&e))?),
            Self::Member { archive, member, length, unpacked } => {
                let bytes = match unpacked.get() {
                    Some(bytes) => Arc::clone(bytes),
                    None => {
                        let bytes: Arc<[u8]> = exactly(unpack(archive, member, *length)?, *length)?.into();
                        // Another thread may have unpacked it meanwhile; both hold the same bytes.
                        Arc::clone(unpacked.get_or_init(|| bytes))
                    }
                };
                Box::new(std::io::Cursor::new(bytes))
            }
            Self::Memory(bytes) => Box::new(std::io::Cursor::new(Arc::clone(bytes))),
        };
        reader.seek(SeekFrom::Start(at)).map_err(|e| io_reason(&e))?;
        Ok(reader)
    }
}

/// The first `length` bytes of a ZIP's member.
fn unpack(archive: &Path, member: &str, length: u64) -> Result<Vec<u8>, String> {
    let mut archive = open_archive(archive)?;
    let file = archive.by_name(member).map_err(|e| zip_reason(&e))?;
    let most = budget::most_unpacked(file.compressed_size());
    if length > most {
        return Err(format!("the ZIP member can't be unpacked: {}", budget::Refusal::Unpacks { most }));
    }
    let mut bytes = Vec::new();
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("the ZIP member can't be unpacked: {e}"))?;
    Ok(bytes)
}

fn exactly(bytes: Vec<u8>, length: u64) -> Result<Vec<u8>, String> {
    if bytes.len() as u64 == length { Ok(bytes) } else { Err("the file is cut short".to_owned()) }
}

fn zip_reason(error: &zip::result::ZipError) -> String {
    format!("the ZIP member can't be read: {error}")
}

/// Inflates a deflated data set (no zlib header, PS3.5 A.5).
///
/// # Errors
/// One sentence without the path.
pub(crate) fn inflate(packed: &[u8]) -> Result<Bytes, String> {
    // One at a time: what a folder of bombs asks for must not add up over all threads.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    budget::read_unpacked(flate2::read::DeflateDecoder::new(packed), packed.len() as u64)
        .map(|bytes| Bytes::Memory(bytes.into()))
        .map_err(|e| format!("the deflated data set can't be inflated: {e}"))
}

/// An input/output error in words a person can act on.
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "the file does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read the file".to_owned(),
        std::io::ErrorKind::UnexpectedEof => "the file is cut short".to_owned(),
        _ => format!("the file can't be read: {error}"),
    }
}
