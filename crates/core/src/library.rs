//! Weights a person brought along: looked into, checked against a level, converted, and kept in a folder of their own.
//!
//! Each level has a folder of its own in the library (`t4/`, `t11/`), put in place by one rename, so that weights never
//! stand beside another file's card.

use std::path::{Path, PathBuf};

use crate::level::Level;
use crate::nn::state_dict::Part;
use crate::nn::weights::{self, WeightsFile};
use crate::nn::{Arch, Card, NnError, keys};
use crate::slice::Recipe;
use thoracast_files::progress::Progress;

/// Sides of a network's picture that make sense, pixels.
const SIDES: std::ops::RangeInclusive<usize> = 32..=2048;

/// Where imported weights of this user are kept.
pub fn user_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "thoracast")?;
    Some(folders.data_dir().join("models"))
}

/// The weights imported for a level, whether they exist or not.
pub fn weights_path(library: &Path, level: Level) -> PathBuf {
    level_folder(library, level).join(level.file_name())
}

fn level_folder(library: &Path, level: Level) -> PathBuf {
    library.join(level.name().to_lowercase())
}

/// What a file can be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// The whole network with the study's head.
    Predict,
    /// Only the backbone; the sentence says why it can't predict.
    StartOnly(String),
}

/// A weights file that fits a level.
pub struct Candidate {
    pub level: Level,
    pub usable_for: Use,
    /// The card beside the file, or one to be filled in.
    pub card: Card,
    pub has_card: bool,
    pub file: WeightsFile,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate").field("level", &self.level).field("path", &self.file.path).finish()
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    #[error(transparent)]
    Weights(#[from] NnError),
    #[error(
        "{}: the weights are {}'s, but {} takes {}; {}",
        path.display(), found.name(), level.name(), level.arch().name(), advice(*found)
    )]
    OtherLevel { path: PathBuf, level: Level, found: Arch },
    #[error("the card is not complete: {0}")]
    Card(String),
    #[error("{}: {doing} failed ({cause})", path.display())]
    Folder { path: PathBuf, doing: &'static str, cause: std::io::Error },
    #[error("{}: the file has only a backbone and can't predict; use it as a start: thoracast train {} --init FILE", path.display(), level.name().to_lowercase())]
    StartOnly { path: PathBuf, level: Level },
    #[error("cancelled")]
    Cancelled,
}

fn advice(found: Arch) -> String {
    let level = Level::ALL.into_iter().find(|level| level.arch() == found);
    level.map_or_else(String::new, |level| format!("import them for {}", level.name()))
}

/// Reads a weights file (safetensors or `.pth`; no code in it is run) and says what it can be used for at `level`, or at
/// the level its architecture belongs to.
///
/// # Errors
/// One sentence that names the file and what does not fit.
pub fn examine(
    path: &Path,
    level: Option<Level>,
    progress: &dyn Progress,
) -> Result<Candidate, LibraryError> {
    let go_on = |step: usize, words: &str| {
        progress.stage(words);
        progress.report(step, 3);
        if progress.cancelled() { Err(LibraryError::Cancelled) } else { Ok(()) }
    };
    go_on(0, "Reading weights")?;
    let file = WeightsFile::open(path)?;
    go_on(1, "Checking weights")?;
    let arch = file.arch()?;
    let own = Level::ALL.into_iter().find(|level| level.arch() == arch);
    let level = level.or(own).unwrap_or(Level::T4);
    if level.arch() != arch {
        return Err(LibraryError::OtherLevel { path: path.to_owned(), level, found: arch });
    }
    let usable_for = usable_for(&file, arch)?;
    go_on(2, "Reading the card")?;
    let has_card = weights::card_path(path) != path && weights::card_path(path).exists();
    let mut card = file.card(arch)?;
    if !has_card {
        card.description.clear();
    }
    go_on(3, "Weights read")?;
    Ok(Candidate { level, usable_for, card, has_card, file })
}

fn usable_for(file: &WeightsFile, arch: Arch) -> Result<Use, NnError> {
    let Err(whole) = file.check(arch, Part::Whole) else { return Ok(Use::Predict) };
    let has_study_head = keys::head(arch).iter().any(|key| file.tensors.contains_key(&key.name));
    // With a head something else is wrong; without one the backbone may still be whole.
    if has_study_head || file.check(arch, Part::Backbone).is_err() {
        return Err(whole);
    }
    match whole {
        NnError::Weights { reason, .. } => Ok(Use::StartOnly(reason)),
        other => Err(other),
    }
}

/// What keeps a card from being used, each in a few words; empty = nothing.
pub fn faults(card: &Card) -> Vec<&'static str> {
    let Recipe { window_hu: [low, high], width, height, sd, shrink, .. } = &card.recipe;
    let shrink = (*shrink).max(1);
    [
        (card.name.trim().is_empty(), "give it a name"),
        (card.description.trim().is_empty(), "say what it was trained on"),
        (
            low >= high || !low.is_finite() || !high.is_finite(),
            "the window's lower end must lie below its upper end",
        ),
        (!SIDES.contains(width) || !SIDES.contains(height), "width and height are 32 to 2048 pixels"),
        (
            width / shrink < *SIDES.start() || height / shrink < *SIDES.start(),
            "too little is left of the shrunk picture",
        ),
        (sd.iter().any(|sd| sd.is_nan() || *sd <= 0.0), "standard deviations are above 0"),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
    .collect()
}

/// Puts a candidate with its card in place as safetensors; nothing is changed if anything fails.
///
/// # Errors
/// A backbone without head, an incomplete card, or files that can't be written.
pub fn install(candidate: &Candidate, card: &Card, library: &Path) -> Result<PathBuf, LibraryError> {
    let level = candidate.level;
    if candidate.usable_for != Use::Predict {
        return Err(LibraryError::StartOnly { path: candidate.file.path.clone(), level });
    }
    if let Some(fault) = faults(card).first() {
        return Err(LibraryError::Card((*fault).to_owned()));
    }
    let fail = |doing, cause| LibraryError::Folder { path: library.to_owned(), doing, cause };
    std::fs::create_dir_all(library).map_err(|e| fail("creating the folder", e))?;
    let new = thoracast_files::staging_folder(library).map_err(|e| fail("creating a folder in it", e))?;
    let written = new.path().join(level.file_name());
    weights::save(&candidate.file.tensors, &written)?;
    weights::write_card(card, &written)?;
    let place = level_folder(library, level);
    let old = put_aside(&place, library)?;
    if let Err(cause) = std::fs::rename(new.path(), &place) {
        // The earlier import comes back; should that fail too, the shipped weights serve.
        if let Some(old) = old {
            let _ = std::fs::rename(old.path().join("old"), &place);
        }
        return Err(LibraryError::Folder { path: place, doing: "putting the new weights in place", cause });
    }
    // The folder now stands under its own name and is no longer temporary.
    let _ = new.keep();
    Ok(weights_path(library, level))
}

/// Moves what stands at `place` into a temporary folder that removes it when dropped.
fn put_aside(place: &Path, library: &Path) -> Result<Option<tempfile::TempDir>, LibraryError> {
    if !place.exists() {
        return Ok(None);
    }
    let fail = |cause| LibraryError::Folder {
        path: place.to_owned(),
        doing: "moving the earlier import away",
        cause,
    };
    let aside = thoracast_files::staging_folder(library).map_err(fail)?;
    std::fs::rename(place, aside.path().join("old")).map_err(fail)?;
    Ok(Some(aside))
}

/// Takes an import away, so that the shipped weights serve again; not there is fine.
///
/// # Errors
/// A folder that can't be removed.
pub fn remove(library: &Path, level: Level) -> Result<(), LibraryError> {
    put_aside(&level_folder(library, level), library).map(drop)
}

/// Writes a candidate's tensors as safetensors elsewhere, e.g. a backbone as a start for training; its card goes along
/// where it has one.
///
/// # Errors
/// A name that does not end in `.safetensors`, or a file that can't be written.
pub fn save_as(candidate: &Candidate, path: &Path) -> Result<(), LibraryError> {
    if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("safetensors")) {
        let reason = "choose a name that ends in .safetensors".to_owned();
        return Err(NnError::Weights { path: path.to_owned(), reason }.into());
    }
    weights::save(&candidate.file.tensors, path)?;
    if candidate.has_card {
        weights::write_card(&candidate.card, path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::pattern;
    use crate::nn::state_dict::{RawTensor, StateDict};
    use crate::testing::shared;
    use thoracast_files::progress::Silent;

    fn written(folder: &Path, name: &str, tensors: &StateDict) -> PathBuf {
        let path = folder.join(name);
        weights::save(tensors, &path).unwrap();
        path
    }

    fn refusal(path: &Path, level: Option<Level>) -> String {
        examine(path, level, &Silent).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_network_is_put_in_place_with_its_card_and_taken_away_again() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("data/models");
        let dict = pattern::state_dict(Arch::Resnet50, 3);
        let path = written(folder.path(), "mine.safetensors", &dict);
        let found = examine(&path, None, &Silent).unwrap();
        assert_eq!((found.level, found.has_card, &found.usable_for), (Level::T11, false, &Use::Predict));
        let bare = install(&found, &found.card, &library).unwrap_err().to_string();
        assert!(bare.contains("trained on"), "{bare}");
        assert!(!weights_path(&library, Level::T11).exists());

        let mut card = found.card.clone();
        card.description = "740 patients of one hospital".to_owned();
        card.recipe.window_hu = [-160.0, -40.0];
        // Twice: the second import replaces the first.
        for name in ["first", "second"] {
            card.name = name.to_owned();
            let place = install(&found, &card, &library).unwrap();
            let there = WeightsFile::open(&place).unwrap();
            assert_eq!(there.tensors, dict);
            assert_eq!(there.card(Arch::Resnet50).unwrap(), card);
        }
        let left = |library: &Path| std::fs::read_dir(library).unwrap().count();
        assert_eq!(left(&library), 1, "no temporary folder stays");
        remove(&library, Level::T11).unwrap();
        remove(&library, Level::T11).unwrap();
        assert_eq!(left(&library), 0);
    }

    #[test]
    fn weights_of_the_other_level_or_with_missing_keys_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut dict = pattern::state_dict(Arch::Resnet50, 0);
        let path = written(folder.path(), "wrong.safetensors", &dict);
        let words = refusal(&path, Some(Level::T4));
        for part in ["wrong.safetensors", "resnet50", "densenet161", "import them for T11"] {
            assert!(words.contains(part), "{words}");
        }
        dict.remove("layer3.4.bn2.weight");
        let path = written(folder.path(), "short.safetensors", &dict);
        let words = refusal(&path, None);
        assert!(words.contains("short.safetensors") && words.contains("layer3.4.bn2.weight"), "{words}");
        let words = refusal(&folder.path().join("nowhere.pth"), None);
        assert!(words.contains("nowhere.pth"), "{words}");
    }

    #[test]
    fn a_torchvision_checkpoint_is_a_start_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut dict = pattern::state_dict(Arch::Resnet50, 0);
        dict.retain(|name, _| !name.starts_with("fc."));
        dict.insert("fc.weight".into(), RawTensor::from_f32(vec![1000, 2048], &vec![0.0; 2_048_000]));
        dict.insert("fc.bias".into(), RawTensor::from_f32(vec![1000], &vec![0.0; 1000]));
        let path = written(folder.path(), "resnet50-imagenet.safetensors", &dict);
        let found = examine(&path, Some(Level::T11), &Silent).unwrap();
        assert!(matches!(&found.usable_for, Use::StartOnly(why) if why.contains("1000 classes")));
        let words = install(&found, &found.card, folder.path()).unwrap_err().to_string();
        assert!(words.contains("train t11 --init"), "{words}");
        let out = folder.path().join("start.safetensors");
        save_as(&found, &out).unwrap();
        assert_eq!(WeightsFile::open(&out).unwrap().tensors, dict);
        assert!(
            save_as(&found, &folder.path().join("start.pth"))
                .unwrap_err()
                .to_string()
                .contains(".safetensors")
        );
    }

    #[test]
    fn cut_and_hostile_files_are_refused() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        assert!(refusal(&folder.join("truncated.pth"), None).contains("cut short"));
        assert!(refusal(&folder.join("executes_code.pth"), None).contains("nothing in it was executed"));
    }

    #[test]
    fn a_card_is_held_to_what_a_network_can_take() {
        let recipe = Recipe::t4();
        let mut card = Card {
            name: "n".into(),
            arch: Arch::Densenet161,
            recipe,
            trained: true,
            description: "d".into(),
            remarks: vec![],
            training: None,
        };
        assert!(faults(&card).is_empty());
        card.recipe.window_hu = [150.0, -29.0];
        card.recipe.width = 20;
        card.name = "  ".into();
        assert_eq!(faults(&card).len(), 4, "{:?}", faults(&card));
    }
}
