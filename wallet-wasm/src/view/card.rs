//! Cards as a page shows them.

use serde::Serialize;
#[cfg(feature = "js")]
use tsify::Tsify;

use super::{MoneyView, ProblemView};

/// A card that is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CardView {
    /// The reader it is in.
    pub reader: u32,
    /// Its printed number, once it is made.
    pub number: Option<String>,
    /// What kind of device it says it is.
    pub class: CardClass,
    /// How far its life has come.
    pub phase: CardPhase,
    /// Whether it is one of the originator's.
    pub standing: CardStanding,
    /// A terminal's name.
    pub label: Option<String>,
    /// The last day of its certificate, seconds since 1970.
    pub expires_at: Option<u64>,
    /// An exchange that was interrupted.
    pub open: Option<CardOpen>,
    /// Whether an operation of this wallet moves value to or from it, and goes on by itself.
    pub goes_on: bool,
    /// Tries left for the PIN; none if no PIN is set.
    pub pin_tries: Option<u8>,
    /// Whether the PIN was given since it was connected.
    pub verified: bool,
    /// Whether its owner locked it.
    pub locked: bool,
    /// Whether it pays only when its button is pressed.
    pub has_button: bool,
    /// Whether it shows amounts itself.
    pub has_display: bool,
    /// Entries of its log that the originator has not booked.
    pub unreported: u32,
    /// What is in it.
    pub pockets: Vec<PocketView>,
    /// Its newest entries, newest first.
    pub entries: Vec<EntryView>,
    /// Whether it is being talked to.
    pub busy: bool,
    /// Whether it waits for its button.
    pub prompt: bool,
    /// Why it could not be read.
    pub problem: Option<ProblemView>,
}

/// What kind of device a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum CardClass {
    /// Software in a browser; not tamper-resistant.
    Virtual,
    /// A card.
    Purse,
    /// The module of a shop's terminal.
    Terminal,
}

/// How far a card's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum CardPhase {
    /// It has not answered yet.
    Unknown,
    /// Not yet made a card by the originator.
    Fresh,
    /// In use.
    Ready,
    /// Closed by the originator, or by itself.
    Closed,
    /// An old state was put back; it never opens again.
    Dead,
}

/// What is known of a card's origin. It says nothing of whether its holder tampers with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum CardStanding {
    /// Not checked yet.
    Unchecked,
    /// It has signed a fresh challenge with the key of its certificate, which the originator
    /// signed.
    Genuine,
    /// It has not.
    NotGenuine,
}

/// The step at which an exchange was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum CardOpen {
    /// The card asked, and has nothing yet.
    Asked,
    /// The card paid, and does not know that it arrived.
    Paid,
}

/// A currency in a card, with its limits (MONDEX-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PocketView {
    /// What is in it.
    pub balance: MoneyView,
    /// The most it may hold.
    pub most: MoneyView,
    /// The most it pays at once.
    pub payment: MoneyView,
    /// What it has paid since the originator last booked its log.
    pub unsettled: MoneyView,
    /// The most of that.
    pub unsettled_most: MoneyView,
}

/// An entry of a card's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// What it was.
    pub kind: EntryKind,
    /// How much.
    pub amount: MoneyView,
    /// The other card.
    pub other: Option<String>,
    /// Whether it was given up with the other side's word missing.
    pub broken: bool,
    /// If value left the card and may be lost: the id of its refund. If that was asked for, there
    /// is a transaction with this id.
    pub refund: Option<String>,
}

/// What an entry of a card's log was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// Value from the originator.
    Load,
    /// Value to the originator.
    Unload,
    /// Paid at a terminal.
    Purchase,
    /// Taken by this terminal.
    Taken,
    /// Given to another card.
    Given,
    /// Received from another card.
    Received,
}

/// A card that was here, as the wallet remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct KnownCardView {
    /// Its printed number.
    pub number: String,
    /// What kind of device it is.
    pub class: CardClass,
    /// What was in it.
    pub balances: Vec<MoneyView>,
    /// When, seconds since 1970.
    pub at: u64,
}

/// What a message from another card says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CardMessage {
    /// Which step of an exchange it is.
    pub kind: MessageKind,
    /// How much.
    pub amount: MoneyView,
    /// The card it comes from.
    pub from: String,
}

/// A step of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum MessageKind {
    /// It asks.
    Request,
    /// It pays.
    Value,
    /// It has the value.
    Acknowledgement,
}
