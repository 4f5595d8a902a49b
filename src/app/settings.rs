//! What the program remembers from one start to the next: recent files, keys, theme, scale.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::keymap::Keymap;
use thoracast_core::cam::Look;
use thoracast_files as files;
use thoracast_files::budget;

/// Recent files kept.
const RECENTS_KEPT: usize = 10;

/// The settings file's content. Unknown entries are ignored, missing ones have the usual values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub recents: Vec<PathBuf>,
    /// Keys by command name, where they differ from the usual ones.
    pub keys: BTreeMap<String, String>,
    pub dark: bool,
    pub scale_percent: u32,
    pub smooth: bool,
    /// How Grad-CAM is shown.
    pub cam: Look,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            recents: Vec::new(),
            keys: BTreeMap::new(),
            dark: true,
            scale_percent: 100,
            smooth: true,
            cam: Look::default(),
        }
    }
}

impl Settings {
    /// Where the settings of this user are.
    pub fn usual_place() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "thoracast")?;
        Some(folders.config_dir().join("settings.json"))
    }

    /// Reads the settings; a missing file means the usual ones.
    ///
    /// # Errors
    /// One sentence when the file can't be read or understood.
    pub fn read(path: &Path) -> Result<Self, String> {
        match budget::read(path, budget::DOCUMENT) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                format!("{}: the settings can't be understood ({e}); the usual ones are used", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}; the usual settings are used", path.display())),
        }
    }

    /// Writes them.
    ///
    /// # Errors
    /// One sentence.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let text = serde_json::to_vec_pretty(self).map_err(|e| e.to_string())?;
        files::write_atomic(path, &text).map_err(|e| e.to_string())
    }

    /// Puts a path on top of the recent ones.
    pub fn opened(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recents.retain(|known| *known != path);
        self.recents.insert(0, path);
        self.recents.truncate(RECENTS_KEPT);
    }

    /// The keymap they hold, and sentences on what in it is wrong.
    pub fn keymap(&self) -> (Keymap, Vec<String>) {
        Keymap::from_texts(&self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/settings.json");
        assert_eq!(Settings::read(&path), Ok(Settings::default()));
        let mut settings = Settings { scale_percent: 150, ..Settings::default() };
        for name in 0..12 {
            settings.opened(&folder.path().join(name.to_string()));
        }
        settings.opened(&folder.path().join("5"));
        assert_eq!(settings.recents.len(), RECENTS_KEPT);
        assert!(settings.recents[0].ends_with("5") && settings.recents[1].ends_with("11"));
        settings.write(&path).unwrap();
        assert_eq!(Settings::read(&path), Ok(settings));
        std::fs::write(&path, "{").unwrap();
        assert!(Settings::read(&path).unwrap_err().contains("settings.json"));
        std::fs::write(&path, r#"{"dark": false, "older": 1}"#).unwrap();
        assert!(!Settings::read(&path).unwrap().dark);
    }
}
