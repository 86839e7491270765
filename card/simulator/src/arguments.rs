//! What the command line says.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use koban_card::purse::wire::Class;

use crate::factory::Factory;

/// What the holder does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Agrees at once.
    Auto,
    /// As standard input says.
    Stdin,
    /// Nothing.
    Never,
}

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Where devices are shown.
    pub(crate) devices: PathBuf,
    /// Where the cards' memories are, a directory each.
    pub(crate) cards: PathBuf,
    /// What the holder does.
    pub(crate) holder: Holder,
    /// Where blank cards are made.
    pub(crate) factory: Option<Factory>,
    /// The cards.
    pub(crate) names: Vec<Name>,
}

/// A card on the table.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) class: Class,
    /// Whether it is made by somebody who is no originator.
    pub(crate) is_forged: bool,
}

impl Arguments {
    /// # Errors
    /// Something is missing or not understood.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut devices, mut cards, mut holder) = (None, None, Holder::Auto);
        let (mut originator, mut token) = (None, None);
        let mut names = vec![];
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} has no value"));
            match word.as_str() {
                "--devices" => devices = Some(value()?.into()),
                "--cards" => cards = Some(value()?.into()),
                "--originator" => originator = Some(value()?),
                "--token" => token = Some(value()?),
                "--button" => {
                    holder = match value()?.as_str() {
                        "auto" => Holder::Auto,
                        "stdin" => Holder::Stdin,
                        "never" => Holder::Never,
                        other => bail!("--button {other}: it is auto, stdin or never"),
                    }
                }
                _ => names.push(named(&word)?),
            }
        }
        let (devices, cards) = (devices.context("no --devices")?, cards.context("no --cards")?);
        let factory = match (originator, token) {
            (Some(originator), Some(token)) => Some(Factory { originator, token }),
            (None, None) => None,
            _ => bail!("--originator and --token belong together"),
        };
        Ok(Self { devices, cards, holder, factory, names })
    }
}

/// `NAME:CLASS` or `NAME:CLASS:forged`; names become parts of file names.
fn named(word: &str) -> Result<Name> {
    let (name, kind) = word.split_once(':').context("a card is NAME:CLASS")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ensure!(!name.is_empty() && name.bytes().all(plain), "{name}: letters, digits and - only");
    let (class, is_forged) = match kind.strip_suffix(":forged") {
        Some(class) => (class, true),
        None => (kind, false),
    };
    let class = match class {
        "purse" => Class::Purse,
        "terminal" => Class::Terminal,
        other => bail!("{other}: a card is a purse or a terminal"),
    };
    Ok(Name { name: name.to_owned(), class, is_forged })
}
