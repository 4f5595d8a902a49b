//! Which key does what: the table's keys unless a person chose others.

use std::collections::BTreeMap;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::action::{ACTIONS, Action};

/// Keys by action. Only what differs from the table is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keymap {
    /// `None` = this action has lost its key to another.
    changed: BTreeMap<&'static str, Option<KeyboardShortcut>>,
}

impl Keymap {
    /// The key of an action.
    pub fn key(&self, action: Action) -> Option<KeyboardShortcut> {
        self.changed.get(action.name()).copied().unwrap_or(action.info().key)
    }

    /// The key in words, as menus show it; empty without one.
    pub fn words(&self, ctx: &egui::Context, action: Action) -> String {
        self.key(action).map(|key| ctx.format_shortcut(&key)).unwrap_or_default()
    }

    /// An action's help with its key behind it.
    pub fn help(&self, ctx: &egui::Context, action: Action) -> String {
        let info = action.info();
        match self.words(ctx, action) {
            key if key.is_empty() => format!("{}: {}", info.text, info.help),
            key => format!("{} ({key}): {}", info.text, info.help),
        }
    }

    /// The action that has a key.
    pub fn holder(&self, key: KeyboardShortcut) -> Option<Action> {
        ACTIONS.iter().map(|info| info.action).find(|&action| self.key(action) == Some(key))
    }

    /// Gives an action a key; refused while another action has it.
    ///
    /// # Errors
    /// The action that has the key.
    pub fn set(&mut self, action: Action, key: Option<KeyboardShortcut>) -> Result<(), Action> {
        if let Some(other) = key.and_then(|k| self.holder(k)).filter(|&other| other != action) {
            return Err(other);
        }
        if key == action.info().key {
            self.changed.remove(action.name());
        } else {
            self.changed.insert(action.name(), key);
        }
        Ok(())
    }

    /// The table's keys again.
    pub fn reset(&mut self) {
        self.changed.clear();
    }

    pub fn is_changed(&self, action: Action) -> bool {
        self.changed.contains_key(action.name())
    }

    /// Actions whose keys were pressed in this frame, their events taken out. Keys with more modifiers come first, as
    /// egui lets Shift+Up pass for Up. Plain keys are left alone while a text field has the keyboard.
    pub fn pressed(&self, ctx: &egui::Context) -> Vec<Action> {
        let typing = ctx.egui_wants_keyboard_input();
        let mut keys: Vec<(Action, KeyboardShortcut)> = ACTIONS
            .iter()
            .filter_map(|info| Some((info.action, self.key(info.action)?)))
            .filter(|(_, key)| !typing || works_while_typing(*key))
            .collect();
        keys.sort_by_key(|(_, key)| std::cmp::Reverse(modifier_count(key.modifiers)));
        ctx.input_mut(|input| {
            keys.into_iter()
                .filter(|(_, key)| input.consume_shortcut(key))
                .map(|(action, _)| action)
                .collect()
        })
    }

    /// What the settings file keeps: action names and keys in words (`Ctrl+Shift+K`, empty for none).
    pub fn to_texts(&self) -> BTreeMap<String, String> {
        let text = |key: &Option<KeyboardShortcut>| key.map(to_text).unwrap_or_default();
        self.changed.iter().map(|(name, key)| ((*name).to_owned(), text(key))).collect()
    }

    /// Reads them back; what can't be understood, or clashes, is returned in sentences and left at the table's key.
    pub fn from_texts(texts: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut map = Self::default();
        let mut wrong = Vec::new();
        // Keys given up come first, so that others may have them whatever the order.
        let freed = texts.iter().filter(|(_, text)| text.is_empty());
        let given = texts.iter().filter(|(_, text)| !text.is_empty());
        for (name, text) in freed.chain(given) {
            let key = from_text(text);
            match (Action::named(name), key) {
                (Some(action), _) if text.is_empty() => {
                    map.changed.insert(action.name(), None);
                }
                (Some(action), Some(key)) => {
                    if let Err(other) = map.set(action, Some(key)) {
                        let other = other.info().text;
                        wrong.push(format!("key {text} for “{}” is taken by “{other}”", action.info().text));
                    }
                }
                (None, _) => wrong.push(format!("there is no command “{name}” to give a key to")),
                (Some(action), None) => {
                    wrong.push(format!("“{text}” is no key; “{}” keeps its own", action.info().text));
                }
            }
        }
        (map, wrong)
    }
}

fn works_while_typing(key: KeyboardShortcut) -> bool {
    let name = key.logical_key.name();
    let function_key = name.len() > 1 && name.starts_with('F');
    // Select all, copy, paste, undo … inside a field are the field's own.
    let editing = key.modifiers.command && matches!(key.logical_key, Key::Z | Key::Y);
    (key.modifiers.command || key.modifiers.alt || function_key) && !editing
}

fn modifier_count(m: Modifiers) -> usize {
    usize::from(m.command || m.ctrl) + usize::from(m.shift) + usize::from(m.alt)
}

fn to_text(key: KeyboardShortcut) -> String {
    let mut text = String::new();
    for (held, name) in
        [(key.modifiers.command, "Ctrl+"), (key.modifiers.alt, "Alt+"), (key.modifiers.shift, "Shift+")]
    {
        if held {
            text.push_str(name);
        }
    }
    text + key.logical_key.name()
}

fn from_text(text: &str) -> Option<KeyboardShortcut> {
    let mut parts: Vec<&str> = text.split('+').collect();
    let key = Key::from_name(parts.pop()?)?;
    let mut modifiers = Modifiers::NONE;
    for part in parts {
        modifiers = modifiers.plus(match part {
            "Ctrl" => Modifiers::COMMAND,
            "Alt" => Modifiers::ALT,
            "Shift" => Modifiers::SHIFT,
            _ => return None,
        });
    }
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_of_the_table_share_a_key() {
        let map = Keymap::default();
        for info in ACTIONS {
            if let Some(key) = info.key {
                assert_eq!(map.holder(key), Some(info.action), "{}", info.text);
            }
        }
    }

    #[test]
    fn a_clash_is_refused_and_named() {
        let mut map = Keymap::default();
        let key = Action::Invert.info().key;
        assert_eq!(map.set(Action::Cine, key), Err(Action::Invert));
        map.set(Action::Invert, None).unwrap();
        map.set(Action::Cine, key).unwrap();
        assert_eq!(map.key(Action::Invert), None);
        assert_eq!(map.key(Action::Cine), key);
        map.reset();
        assert_eq!(map, Keymap::default());
    }

    #[test]
    fn texts_lead_back_to_the_same_keys() {
        for info in ACTIONS {
            if let Some(key) = info.key {
                assert_eq!(from_text(&to_text(key)), Some(key), "{}", info.text);
            }
        }
        let mut map = Keymap::default();
        map.set(Action::Invert, None).unwrap();
        map.set(Action::Cine, Action::Invert.info().key).unwrap();
        assert_eq!(Keymap::from_texts(&map.to_texts()), (map, Vec::new()));
    }

    #[test]
    fn unknown_commands_and_keys_are_named() {
        let texts = [("Dance", "D"), ("Cine", "Hyper+Q"), ("Fit", "I")];
        let texts = texts.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let (map, wrong) = Keymap::from_texts(&texts);
        assert_eq!(map, Keymap::default());
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }

    #[test]
    fn shift_and_a_key_is_not_the_key_alone() {
        let ctx = egui::Context::default();
        let event = |modifiers| egui::Event::Key {
            key: Key::ArrowUp,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers,
        };
        for (modifiers, action) in [(SHIFT, Action::SliceUpTen), (Modifiers::NONE, Action::SliceUp)] {
            let input = egui::RawInput { events: vec![event(modifiers)], ..Default::default() };
            let mut pressed = Vec::new();
            let mut output = ctx.run_ui(input, |ui| pressed.extend(Keymap::default().pressed(ui.ctx())));
            output.textures_delta.clear();
            assert_eq!(pressed, [action]);
        }
    }

    const SHIFT: Modifiers = Modifiers::SHIFT;
}
