//! From paths to headers: walks folders, opens archives, follows DICOMDIRs, reads every header once.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::archive::open_archive;
use super::dataset::Dataset;
use super::encoding::{NOT_DICOM, OutlineError};
use super::instance::{Content, Instance};
use super::source::{Location, io_reason};
use super::{DicomError, Scan, Unreadable, series};
use thoracast_files::progress::Progress;

/// File name endings that promise DICOM; such a file that isn't is told, not passed over.
const DICOM_ENDINGS: [&str; 3] = ["dcm", "dicom", "ima"];

/// A file to read, and how it came to be read.
#[derive(Debug, Clone)]
struct Candidate {
    location: Location,
    /// Named by the person, so that it is told when it is not DICOM.
    named: bool,
    /// Folders a DICOMDIR's file IDs may be relative to end here.
    root: PathBuf,
}

enum Outcome {
    Instance(Box<Instance>),
    Directory(Vec<Vec<String>>),
    /// Not DICOM and not expected to be.
    Ignored,
    Unreadable(String),
}

/// Everything found so far.
#[derive(Default)]
struct Found {
    instances: Vec<Instance>,
    unreadable: Vec<Unreadable>,
    directories: usize,
}

/// See [`super::scan`].
pub(super) fn scan(paths: &[PathBuf], progress: &dyn Progress) -> Result<Scan, DicomError> {
    progress.stage("Reading headers");
    let mut found = Found::default();
    let mut queue = Vec::new();
    for path in paths {
        collect(path, &mut queue, &mut found.unreadable, progress)?;
    }
    let mut seen = Seen::default();
    queue.retain(|c| seen.insert(&c.location));
    while !queue.is_empty() {
        let outcomes = read_all(&queue, progress)?;
        queue = sort_out(queue, outcomes, &mut seen, &mut found);
    }
    found.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    if found.instances.is_empty() && found.directories == 0 {
        return Err(nothing(paths, found.unreadable)?);
    }
    Ok(Scan { series: series::build(found.instances), unreadable: found.unreadable })
}

/// The error of a scan without any DICOM object; `Err` in the other sense when there are broken files to tell about.
fn nothing(paths: &[PathBuf], mut unreadable: Vec<Unreadable>) -> Result<DicomError, DicomError> {
    let path = paths.first().cloned().unwrap_or_default();
    if unreadable.is_empty() {
        return Ok(DicomError::NothingFound { path });
    }
    let count = unreadable.len();
    let first = unreadable.swap_remove(0);
    let more =
        if count > 1 { format!(" (and {} more files can't be read)", count - 1) } else { String::new() };
    Ok(DicomError::File { path: first.path, reason: format!("{}{more}", first.reason) })
}

/// Lists what is below one path the person named.
fn collect(
    path: &Path,
    queue: &mut Vec<Candidate>,
    unreadable: &mut Vec<Unreadable>,
    progress: &dyn Progress,
) -> Result<(), DicomError> {
    let data = std::fs::metadata(path)
        .map_err(|e| DicomError::File { path: path.to_owned(), reason: io_reason(&e) })?;
    if data.is_dir() {
        let mut visited = HashSet::new();
        return collect_folder(path, path, &mut visited, queue, unreadable, progress);
    }
    collect_file(path, path.parent().unwrap_or(path), true, queue, unreadable);
    Ok(())
}

fn collect_folder(
    folder: &Path,
    root: &Path,
    visited: &mut HashSet<PathBuf>,
    queue: &mut Vec<Candidate>,
    unreadable: &mut Vec<Unreadable>,
    progress: &dyn Progress,
) -> Result<(), DicomError> {
    if progress.cancelled() {
        return Err(DicomError::Cancelled);
    }
    // Links may form circles.
    let true_path = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if !visited.insert(true_path) {
        return Ok(());
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => {
            unreadable.push(Unreadable {
                path: folder.to_owned(),
                reason: format!("the folder can't be opened: {e}"),
            });
            return Ok(());
        }
    };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
    paths.sort();
    for path in paths {
        match std::fs::metadata(&path) {
            Ok(data) if data.is_dir() => collect_folder(&path, root, visited, queue, unreadable, progress)?,
            Ok(data) if data.is_file() => collect_file(&path, root, false, queue, unreadable),
            _ => {} // dangling links, sockets
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn collect_file(
    path: &Path,
    root: &Path,
    named: bool,
    queue: &mut Vec<Candidate>,
    unreadable: &mut Vec<Unreadable>,
) {
    let candidate = |location| Candidate { location, named, root: root.to_owned() };
    let is_archive =
        if named { begins_like_zip(path) } else { has_ending(path, &["zip"]) && begins_like_zip(path) };
    if !is_archive {
        queue.push(candidate(Location::file(path)));
        return;
    }
    match open_archive(path) {
        Ok(archive) => {
            let members =
                archive.file_names().flatten().filter(|name| !name.ends_with('/') && !hidden_member(name));
            queue
                .extend(members.map(|m| Candidate { named: false, ..candidate(Location::member(path, &m)) }));
        }
        Err(reason) => unreadable.push(Unreadable { path: path.to_owned(), reason }),
    }
}

fn hidden_member(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

fn begins_like_zip(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = thoracast_files::budget::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && magic == *b"PK\x03\x04"
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|e| endings.iter().any(|ending| e.eq_ignore_ascii_case(ending)))
}

fn read_all(queue: &[Candidate], progress: &dyn Progress) -> Result<Vec<Outcome>, DicomError> {
    let done = AtomicUsize::new(0);
    queue
        .par_iter()
        .map(|candidate| {
            if progress.cancelled() {
                return Err(DicomError::Cancelled);
            }
            let outcome = read_one(candidate);
            progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, queue.len());
            Ok(outcome)
        })
        .collect()
}

fn read_one(candidate: &Candidate) -> Outcome {
    let location = &candidate.location;
    let dataset = match Dataset::read(location) {
        Ok(dataset) => dataset,
        Err(OutlineError::NotDicom) if is_expected(candidate) => {
            return Outcome::Unreadable(NOT_DICOM.to_owned());
        }
        Err(OutlineError::NotDicom) => return Outcome::Ignored,
        Err(OutlineError::Broken(_)) if !is_expected(candidate) && is_empty(location) => {
            return Outcome::Ignored;
        }
        Err(OutlineError::Broken(reason)) => return Outcome::Unreadable(reason),
    };
    match Content::of(&dataset, location) {
        Ok(Content::Instance(instance)) => Outcome::Instance(instance),
        Ok(Content::Directory(files)) => Outcome::Directory(files),
        Err(reason) => Outcome::Unreadable(reason),
    }
}

fn is_expected(candidate: &Candidate) -> bool {
    candidate.named || has_ending(Path::new(&candidate.location.file_name()), &DICOM_ENDINGS)
}

fn is_empty(location: &Location) -> bool {
    location.member.is_none() && std::fs::metadata(&location.path).is_ok_and(|data| data.len() == 0)
}

/// Files results away; returns the files DICOMDIRs refer to that were not read yet.
fn sort_out(
    queue: Vec<Candidate>,
    outcomes: Vec<Outcome>,
    seen: &mut Seen,
    found: &mut Found,
) -> Vec<Candidate> {
    let mut next = Vec::new();
    for (candidate, outcome) in queue.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Instance(instance) => found.instances.push(*instance),
            Outcome::Ignored => {}
            Outcome::Unreadable(reason) => {
                found.unreadable.push(Unreadable { path: candidate.location.display_path(), reason });
            }
            Outcome::Directory(files) => {
                found.directories += 1;
                for file in files {
                    follow(&candidate, &file, seen, &mut next, &mut found.unreadable);
                }
            }
        }
    }
    next
}

/// Takes up one file a DICOMDIR refers to, or says that it is absent.
fn follow(
    directory: &Candidate,
    file: &[String],
    seen: &mut Seen,
    next: &mut Vec<Candidate>,
    unreadable: &mut Vec<Unreadable>,
) {
    let (from, found) = match &directory.location.member {
        Some(member) => {
            let archive = &directory.location.path;
            let folder = Path::new(member).parent().unwrap_or(Path::new(""));
            // Every member is read anyway; only absence is news.
            let found = folder.ancestors().find_map(|base| seen.member(archive, &member_name(base, file)));
            (archive.join(folder), found)
        }
        None => {
            let folder = directory.location.path.parent().unwrap_or(Path::new("."));
            // File IDs are relative to the DICOMDIR; copied trees also keep directories of parts, relative to a parent.
            let bases =
                folder.ancestors().take_while(|base| base.starts_with(&directory.root) || *base == folder);
            let found =
                bases.into_iter().find_map(|base| seen.resolve(base, file)).map(|p| Location::file(&p));
            (folder.to_owned(), found)
        }
    };
    match found {
        Some(location) => {
            if seen.insert(&location) {
                next.push(Candidate { location, named: true, root: directory.root.clone() });
            }
        }
        None => {
            let path = file.iter().fold(from, |path, part| path.join(part));
            // Remembered as seen: a directory of a hundred thousand absent files names each once, and quickly.
            if seen.insert(&Location::file(&path)) {
                let directory = directory.location.file_name();
                let reason =
                    format!("{directory} refers to this file but it is not there; copy the whole medium");
                unreadable.push(Unreadable { path, reason });
            }
        }
    }
}

fn member_name(base: &Path, file: &[String]) -> String {
    let base = base.to_string_lossy();
    if base.is_empty() { file.join("/") } else { format!("{base}/{}", file.join("/")) }
}

/// What has been seen: each file once, members of archives also by their names in small letters, folders by their plain
/// names. A directory of ten thousand files looks up ten thousand names.
#[derive(Default)]
struct Seen {
    all: HashSet<Location>,
    members: HashMap<(PathBuf, String), Location>,
    folders: HashMap<PathBuf, HashMap<String, PathBuf>>,
}

impl Seen {
    /// True where it is new.
    fn insert(&mut self, location: &Location) -> bool {
        if let Some(member) = &location.member {
            let key = (location.path.clone(), member.to_ascii_lowercase());
            self.members.entry(key).or_insert_with(|| location.clone());
        }
        self.all.insert(location.clone())
    }

    fn member(&self, archive: &Path, name: &str) -> Option<Location> {
        self.members.get(&(archive.to_owned(), name.to_ascii_lowercase())).cloned()
    }

    /// Finds a file ID below `base`: as written, else without regard to case, version suffix (`;1`) or trailing dot, as
    /// CDs are copied.
    fn resolve(&mut self, base: &Path, file: &[String]) -> Option<PathBuf> {
        if file.iter().any(|part| part == ".." || part.contains(['/', '\\'])) {
            return None;
        }
        let exact = file.iter().fold(base.to_owned(), |path, part| path.join(part));
        if exact.is_file() {
            return Some(exact);
        }
        let mut path = base.to_owned();
        for part in file {
            let names = self.folders.entry(path).or_insert_with_key(|folder| plain_names(folder));
            path = names.get(&plain_name(part))?.clone();
        }
        path.is_file().then_some(path)
    }
}

fn plain_name(name: &str) -> String {
    name.split(';').next().unwrap_or(name).trim_end_matches('.').to_lowercase()
}

fn plain_names(folder: &Path) -> HashMap<String, PathBuf> {
    let mut names = HashMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        names.entry(plain_name(&entry.file_name().to_string_lossy())).or_insert_with(|| entry.path());
    }
    names
}
