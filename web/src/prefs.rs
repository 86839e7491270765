//! The holder's choices about looks and words, kept in local storage. `boot.js` applies the same
//! keys before the first paint.

use leptos::prelude::{document, window};
use web_sys::Storage;

use crate::i18n::{self, Language};

const LANGUAGE_KEY: &str = "koban.language";
const THEME_KEY: &str = "koban.theme";

/// Which colours the pages wear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    System,
    /// Dark ink on paper.
    Light,
    /// Light ink on dark.
    Dark,
}

impl Theme {
    /// Every theme, in the order the settings list them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name kept in storage and in the page's `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The language chosen in the settings; `None` follows the browser.
pub fn saved_language() -> Option<Language> {
    read(LANGUAGE_KEY).as_deref().and_then(Language::from_tag)
}

/// Keeps the choice of language and applies it.
pub fn save_language(choice: Option<Language>) {
    write(LANGUAGE_KEY, choice.map(Language::tag));
    apply_language(choice.unwrap_or_else(browser_language));
}

/// The theme chosen in the settings.
pub fn saved_theme() -> Theme {
    let saved = read(THEME_KEY);
    let found = Theme::ALL.into_iter().find(|theme| saved.as_deref() == Some(theme.name()));
    found.unwrap_or(Theme::System)
}

/// Keeps the choice of theme and applies it.
pub fn save_theme(theme: Theme) {
    write(THEME_KEY, (theme != Theme::System).then_some(theme.name()));
    apply_theme(theme);
}

/// Puts the saved choices on the page.
pub fn apply_saved() {
    apply_language(saved_language().unwrap_or_else(browser_language));
    apply_theme(saved_theme());
}

/// The first of the browser's languages that the wallet speaks, else English.
fn browser_language() -> Language {
    let wanted = window().navigator().languages();
    let known = wanted.iter().find_map(|tag| Language::from_tag(&tag.as_string()?));
    known.unwrap_or(Language::English)
}

fn apply_language(language: Language) {
    i18n::set_language(language);
    set_on_root("lang", language.tag());
}

fn apply_theme(theme: Theme) {
    set_on_root("data-theme", theme.name());
}

fn set_on_root(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Fails only for names that are not attribute names; these two are.
        let _ = root.set_attribute(name, value);
    }
}

/// Storage may be forbidden by the browser's settings: the choice then lasts until reload.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

fn write(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}
