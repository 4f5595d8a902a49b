//! Temporary files and folders beside their destination, and what dead runs left of them.
//!
//! All are called `.thoracast-PID-XXXXXX`, with the number of the process that made them: a later run collects those
//! whose owner is gone, and touches nothing else.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tempfile::{Builder, NamedTempFile, TempDir};

const PREFIX: &str = ".thoracast-";
/// How earlier versions called them, without the process's number.
const EARLIER: [&str; 2] = [".thoracast-", ".deidentify"];
/// A leftover with a dead owner is at least this old: its owner may live in another container on the same folder.
const OLD: Duration = Duration::from_secs(10 * 60);
/// And one without an owner's number is this old.
const VERY_OLD: Duration = Duration::from_secs(24 * 3600);
/// In a staging folder: an earlier result that was moved aside and may be the only copy. Never collected.
pub(crate) const ASIDE: &str = "old";

/// A temporary file in `folder`, an ordinary file under the user's umask.
pub(crate) fn staged_file(folder: &Path) -> io::Result<NamedTempFile> {
    collect_once(folder);
    let prefix = own_prefix();
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// A temporary folder in `parent`, an ordinary folder under the user's umask; dropped, it is removed.
///
/// # Errors
/// A folder that can't be made there.
pub fn staging_folder(parent: &Path) -> io::Result<TempDir> {
    collect_once(parent);
    let prefix = own_prefix();
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent)
}

fn own_prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Where a path leads: links are followed, also one to a folder that is still to be made.
pub fn follow_links(path: &Path) -> PathBuf {
    let mut place = path.to_owned();
    // More links than this are a circle.
    for _ in 0..40 {
        let Ok(next) = std::fs::read_link(&place) else { return place };
        place = place.parent().unwrap_or(Path::new(".")).join(next);
    }
    place
}

/// Collects leftovers in a folder the first time this run writes there.
fn collect_once(folder: &Path) {
    static COLLECTED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut collected = COLLECTED.lock().unwrap_or_else(|e| e.into_inner());
    if collected.get_or_insert_default().insert(folder.to_owned()) {
        collect_leftovers(folder, SystemTime::now());
    }
}

/// Removes temporary files and folders of dead runs from a folder. What can't be removed stays: it harms nobody.
fn collect_leftovers(folder: &Path, now: SystemTime) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(owner) else { continue };
        let path = entry.path();
        let Ok(data) = std::fs::symlink_metadata(&path) else { continue };
        let age = data.modified().ok().and_then(|then| now.duration_since(then).ok()).unwrap_or_default();
        let abandoned = match owner {
            Owner::Process(id) => age >= OLD && !is_alive(id, age),
            Owner::Unknown => age >= VERY_OLD,
        };
        if !abandoned || path.join(ASIDE).exists() {
            continue;
        }
        let _ = if data.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}

#[derive(Debug, PartialEq)]
enum Owner {
    Process(u32),
    Unknown,
}

/// Whose temporary a name is; `None` for all other names.
fn owner(name: &str) -> Option<Owner> {
    let is_random = |text: &str| text.len() == 6 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if let Some((id, random)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'))
        && is_random(random)
        && let Ok(id) = id.parse()
    {
        return Some(Owner::Process(id));
    }
    EARLIER.iter().any(|prefix| name.strip_prefix(prefix).is_some_and(is_random)).then_some(Owner::Unknown)
}

#[cfg(target_os = "linux")]
fn is_alive(process: u32, _age: Duration) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

/// Without a list of processes a run is taken for dead after a day.
#[cfg(not(target_os = "linux"))]
fn is_alive(_process: u32, age: Duration) -> bool {
    age < VERY_OLD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_abandoned_temporaries_of_ours_are_collected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // No process has this number: Linux' largest is 2^22.
        let (dead, own) = (u32::MAX, std::process::id());
        let ours = [format!(".thoracast-{dead}-abcdef"), ".deidentifyAbC123".to_owned()];
        let kept = [
            format!(".thoracast-{own}-abcdef"),
            ".tmpabcdef".to_owned(),
            ".thoracast-notes".to_owned(),
            "report.json".to_owned(),
            format!(".thoracast-{dead}-hasold"),
        ];
        for name in ours.iter().chain(&kept) {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("half.dcm"), "half").unwrap();
        }
        std::fs::create_dir(at(&kept[4]).join(ASIDE)).unwrap();
        collect_leftovers(folder.path(), SystemTime::now());
        assert!(ours.iter().all(|name| at(name).exists()), "too young");
        collect_leftovers(folder.path(), SystemTime::now() + VERY_OLD + OLD);
        assert!(!ours.iter().any(|name| at(name).exists()));
        assert!(kept.iter().all(|name| at(name).exists()));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_where_they_lead_even_if_nothing_is_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("two", at("one")).unwrap();
        std::os::unix::fs::symlink(at("three"), at("two")).unwrap();
        assert_eq!(follow_links(&at("one")), at("three"));
        assert_eq!(follow_links(&at("none")), at("none"));
    }
}
