//! What is remembered from one start to the next, and changed keys.

use std::path::PathBuf;

use egui::KeyboardShortcut;

use super::super::Workstation;
use super::super::action::Action;
use super::super::settings::Settings;
use super::super::state::{Dialog, Severity};

impl Workstation {
    /// Takes up what was remembered; a broken file is told of and left as it is until something changes.
    pub(in super::super) fn read_settings(&mut self, ctx: &egui::Context) {
        let Some(path) = &self.options.settings else { return };
        let settings = match Settings::read(path) {
            Ok(settings) => settings,
            Err(sentence) => return self.state.tell(Severity::Warning, sentence),
        };
        let (keys, wrong) = settings.keymap();
        for sentence in wrong {
            self.state.tell(Severity::Warning, sentence);
        }
        self.state.keys = keys;
        self.state.recents = settings.recents;
        self.state.viewer.smooth = settings.smooth;
        self.state.cam = settings.cam.sane();
        self.state.scale_percent = settings.scale_percent.clamp(100, 200);
        ctx.set_zoom_factor(self.state.scale_percent as f32 / 100.0);
        self.state.dark = settings.dark;
        ctx.set_theme(if settings.dark { egui::Theme::Dark } else { egui::Theme::Light });
    }

    /// Writes down what is to be remembered.
    pub(super) fn remember(&mut self) {
        let Some(path) = &self.options.settings else { return };
        let settings = Settings {
            recents: self.state.recents.clone(),
            keys: self.state.keys.to_texts(),
            dark: self.state.dark,
            scale_percent: self.state.scale_percent,
            smooth: self.state.viewer.smooth,
            cam: self.state.cam,
        };
        if let Err(sentence) = settings.write(path) {
            self.state.tell(Severity::Warning, format!("the settings can't be kept: {sentence}"));
        }
    }

    /// Puts opened paths among the recent ones.
    pub(super) fn opened(&mut self, paths: &[PathBuf]) {
        let mut settings =
            Settings { recents: std::mem::take(&mut self.state.recents), ..Settings::default() };
        for path in paths {
            settings.opened(path);
        }
        self.state.recents = settings.recents;
        self.remember();
    }

    pub(super) fn forget_recents(&mut self) {
        self.state.recents.clear();
        self.remember();
    }

    pub(super) fn set_key(&mut self, action: Action, key: Option<KeyboardShortcut>) {
        self.state.dialog = Dialog::Keys { waiting: None };
        if let Err(other) = self.state.keys.set(action, key) {
            let text =
                format!("that key is taken by “{}”; give that command another key first", other.info().text);
            return self.state.tell(Severity::Warning, text);
        }
        self.remember();
    }

    pub(super) fn reset_keys(&mut self) {
        self.state.keys.reset();
        self.remember();
    }
}
