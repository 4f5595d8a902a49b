//! What a file may cost: only regular files are opened, and their bytes and counts are held against a limit before
//! memory is asked for. One place for all readers of files that a person names.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a kind of file. The names are for the sentence that refuses a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// "a table", "a mapping"; continues "longer than … may be".
    pub what: &'static str,
    pub bytes: u64,
}

const MIB: u64 = 1 << 20;

/// CSV and spreadsheets. A million patients of twenty columns are about 150 MiB.
pub const TABLE: Limit = Limit { what: "a table", bytes: 512 * MIB };
/// Mappings, cards, settings, stacking weights, truths.
pub const DOCUMENT: Limit = Limit { what: "such a description", bytes: 16 * MIB };
/// Boosted trees and nomograms with their cards.
pub const MODEL: Limit = Limit { what: "a model", bytes: 256 * MIB };
/// PNG and JPEG.
pub const PICTURE: Limit = Limit { what: "a picture", bytes: 128 * MIB };
/// Network weights.
pub const WEIGHTS: Limit = Limit { what: "a file of weights", bytes: 4096 * MIB };
/// Bootstrap resamples drawn elsewhere.
pub const RESAMPLES: Limit = Limit { what: "a file of resamples", bytes: 512 * MIB };

/// Most cells of a table (rows × columns of its filled part). One costs 24 bytes and its text.
pub const MOST_CELLS: usize = 50_000_000;
/// Most columns of a table.
pub const MOST_COLUMNS: usize = 200_000;
/// Most pixels of a picture file.
pub const MOST_PIXELS: u64 = 64 << 20;
/// Most members of a ZIP archive's directory.
pub const MOST_MEMBERS: usize = 1_000_000;

/// Compressed data that unpack to less than this are never refused for their ratio.
const ALWAYS_UNPACKED: u64 = 64 * MIB;
/// Beyond it nothing is believed to be compressed more than this; deflate can shrink zeros a thousandfold.
const MOST_COMPRESSED: u64 = 200;
/// And nothing larger than this is unpacked into memory.
const MOST_UNPACKED: u64 = 2048 * MIB;

/// The most bytes that `packed` bytes of deflated data may unpack to.
pub fn most_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(MOST_COMPRESSED).clamp(ALWAYS_UNPACKED, MOST_UNPACKED)
}

/// Why a file is not read. It travels inside an [`io::Error`] and follows "cannot be read: " or stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("it is {what}, not a file; give a file")]
    NotAFile { what: &'static str },
    #[error("it has {} and is longer than {what} may be ({})", megabytes(*bytes), megabytes(*most))]
    TooLong { what: &'static str, bytes: u64, most: u64 },
    #[error("it unpacks to more than {}", megabytes(*most))]
    Unpacks { most: u64 },
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(io::ErrorKind::InvalidInput, refusal)
    }
}

fn megabytes(bytes: u64) -> String {
    if bytes < MIB { format!("{bytes} bytes") } else { format!("{} MiB", bytes / MIB) }
}

/// Opens a regular file; links to one are followed.
///
/// # Errors
/// Besides those of the system, [`Refusal::NotAFile`] for folders, pipes, devices and sockets, which would be read for
/// ever or not at all.
pub fn open(path: &Path) -> io::Result<File> {
    // Asked before opening: opening a pipe waits until somebody writes into it.
    check_kind(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    check_kind(&file.metadata()?)?;
    Ok(file)
}

fn check_kind(data: &Metadata) -> Result<(), Refusal> {
    if data.is_file() { Ok(()) } else { Err(Refusal::NotAFile { what: kind(data) }) }
}

#[cfg(unix)]
fn kind(data: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = data.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(data: &Metadata) -> &'static str {
    if data.is_dir() { "a folder" } else { "a device" }
}

/// Reads a whole regular file of at most `limit` bytes; a longer one is refused by its length, before it is read.
///
/// ```
/// use thoracast_files::budget;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.csv");
/// std::fs::write(&path, "id,age\n")?;
/// assert_eq!(budget::read(&path, budget::TABLE)?, b"id,age\n");
/// assert!(budget::read(folder.path(), budget::TABLE).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of [`open`], and [`Refusal::TooLong`].
pub fn read(path: &Path, limit: Limit) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let too_long = |bytes| Refusal::TooLong { what: limit.what, bytes, most: limit.bytes };
    if length > limit.bytes {
        return Err(too_long(length).into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // It may grow while it is read.
    file.take(limit.bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit.bytes {
        return Err(too_long(bytes.len() as u64).into());
    }
    Ok(bytes)
}

/// [`read`] as text.
///
/// # Errors
/// Those of [`read`], and bytes that are not UTF-8.
pub fn read_text(path: &Path, limit: Limit) -> io::Result<String> {
    let bytes = read(path, limit)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Reads what `unpacking` makes of `packed` compressed bytes, within [`most_unpacked`].
///
/// # Errors
/// Those of the reader, and [`Refusal::Unpacks`] for data that unpack to far more than honest ones.
pub fn read_unpacked(unpacking: impl Read, packed: u64) -> io::Result<Vec<u8>> {
    let most = most_unpacked(packed);
    let mut bytes = Vec::new();
    unpacking.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Refusal::Unpacks { most }.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Limit = Limit { what: "a note", bytes: 4 };

    fn refusal(error: &io::Error) -> Option<&Refusal> {
        error.get_ref()?.downcast_ref()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_text(&path, SHORT).unwrap(), "1234");
        std::fs::write(&path, "12345").unwrap();
        let words = read(&path, SHORT).unwrap_err().to_string();
        assert_eq!(words, "it has 5 bytes and is longer than a note may be (4 bytes)");
        // A sparse file is as long as it says, and is not read.
        std::fs::File::create(&path).unwrap().set_len(4 << 40).unwrap();
        assert!(matches!(refusal(&read(&path, TABLE).unwrap_err()), Some(Refusal::TooLong { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_devices_folders_and_sockets_are_named_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (pipe.as_path(), "a pipe"),
            (socket.as_path(), "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            assert_eq!(refusal(&open(path).unwrap_err()), Some(&Refusal::NotAFile { what }), "{path:?}");
        }
    }

    #[test]
    fn unpacking_stops_where_no_honest_data_go() {
        assert_eq!(most_unpacked(0), 64 * MIB);
        assert_eq!(most_unpacked(MIB), 200 * MIB);
        assert_eq!(most_unpacked(u64::MAX), 2048 * MIB);
        let endless = read_unpacked(io::repeat(0), 10).unwrap_err();
        assert_eq!(refusal(&endless), Some(&Refusal::Unpacks { most: 64 * MIB }));
        assert_eq!(read_unpacked(&b"abc"[..], 3).unwrap(), b"abc");
    }
}
