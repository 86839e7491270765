//! Words: Project Fluent messages in every language, and the reactive choice between them.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use leptos::prelude::*;
use unic_langid::LanguageIdentifier;

/// A language the wallet speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// Every language, in the order the settings list them.
    pub const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The language's own name.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// The language a BCP 47 tag asks for, compared by its primary subtag (RFC 4647 section 3.4).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    const fn messages(self) -> &'static str {
        match self {
            Self::English => include_str!("../i18n/en.ftl"),
            Self::Japanese => include_str!("../i18n/ja.ftl"),
        }
    }
}

type Bundle = FluentBundle<FluentResource>;

/// All messages of a language; those that do not parse are left out, which a test forbids.
fn bundle(language: Language) -> Bundle {
    let identifier: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new(vec![identifier]);
    // The pages write one direction only, so that amounts need no isolation marks.
    bundle.set_use_isolating(false);
    let resource = match FluentResource::try_new(language.messages().to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    bundle.add_resource_overriding(resource);
    bundle
}

thread_local! {
    static CURRENT: ArcRwSignal<Language> = ArcRwSignal::new(Language::English);
    static BUNDLES: [Bundle; 2] = Language::ALL.map(bundle);
}

/// The language in use; tracked.
pub fn language() -> Language {
    current().get()
}

/// Changes the language. The pages read it once, so whoever shows them makes them anew.
pub fn set_language(language: Language) {
    current().set(language);
}

fn current() -> ArcRwSignal<Language> {
    CURRENT.with(ArcRwSignal::clone)
}

/// The message `key` in the language in use.
pub fn t(key: &str) -> String {
    try_t(key).unwrap_or_else(|| key.to_owned())
}

/// Like [`t`], with the values of the message's variables.
pub fn t_with(key: &str, values: &[(&'static str, String)]) -> String {
    let mut arguments = FluentArgs::new();
    for (name, value) in values {
        arguments.set(*name, value.as_str());
    }
    find(current().get_untracked(), key, Some(&arguments)).unwrap_or_else(|| key.to_owned())
}

/// Like [`t`], with a count that the message may choose its plural form by.
pub fn t_count(key: &str, count: u32) -> String {
    let mut arguments = FluentArgs::new();
    arguments.set("count", count);
    find(current().get_untracked(), key, Some(&arguments)).unwrap_or_else(|| key.to_owned())
}

/// The message `key`, if there is one; for keys that are made from data.
pub fn try_t(key: &str) -> Option<String> {
    find(current().get_untracked(), key, None)
}

fn find(language: Language, key: &str, arguments: Option<&FluentArgs>) -> Option<String> {
    BUNDLES.with(|bundles| {
        let bundle = &bundles[language as usize];
        let pattern = bundle.get_message(key)?.value()?;
        let mut faults = Vec::new();
        Some(bundle.format_pattern(pattern, arguments, &mut faults).into_owned())
    })
}

#[cfg(test)]
mod tests;
