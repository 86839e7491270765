//! The commands, for both ends. [`crate::apdu`] has their bytes.

use koban_protocol::amount::Amount;
use koban_protocol::key::VerifyingKey;
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardCertificate, Challenge, Class, Directed, Entry, Limits, Link, LogHead,
    Message, Party, Pockets, Presence, Request, Value,
};
use koban_protocol::offline::purse::{Birth, SealedPersonalisation};
use koban_protocol::signed::Attested;
use koban_protocol::wire::Wire;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use zeroize::Zeroize as _;

use crate::apdu::SELECT;
use crate::platform::Features;

/// Digits of a PIN.
pub const PIN_DIGITS: core::ops::RangeInclusive<usize> = 4..=12;
/// Wrong PINs until it is blocked.
pub const PIN_TRIES: u8 = 5;

/// A command and its answer.
pub trait Command: Wire {
    /// Its instruction byte.
    const INS: u8;
    /// What is answered when it is done.
    type Answer: Wire;
}

macro_rules! commands {
    ($($command:ident = $ins:literal -> $answer:ty,)*) => {
        $(impl Command for $command {
            const INS: u8 = $ins;
            type Answer = $answer;
        })*
        /// Every command's instruction byte, [`Select`]'s first.
        pub const ALL: &[u8] = &[SELECT, $($ins),*];
    };
}

commands! {
    Prove = 0x10 -> Attested<Presence>,
    VerifyPin = 0x20 -> Nothing,
    ChangePin = 0x24 -> Nothing,
    ReadBalances = 0x50 -> Balances,
    Ask = 0x60 -> Message<Request>,
    Pay = 0x61 -> Message<Value>,
    Take = 0x62 -> Message<Acknowledgement>,
    Finish = 0x63 -> Nothing,
    Resume = 0x64 -> Last,
    Abort = 0x65 -> Nothing,
    ReadEntry = 0x90 -> Entry,
    Obey = 0x91 -> Nothing,
    ReadHead = 0x92 -> Attested<LogHead>,
    Lock = 0xa0 -> Nothing,
    Unlock = 0xa1 -> Nothing,
    BeBorn = 0xf0 -> Attested<Birth>,
    Personalise = 0xf1 -> Nothing,
}

/// Nothing more than that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Nothing {}

/// Finds the applet; answered with [`Hello`]. Allowed in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select;

/// How far a card's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// Without keys.
    #[n(0)]
    Fresh,
    /// With its own keys, waiting for its personalisation.
    #[n(1)]
    Born,
    /// In use.
    #[n(2)]
    Ready,
    /// Closed by the originator, or by itself after unusual use (MONDEX-3).
    #[n(3)]
    Closed,
    /// Its state was put back; it never opens again.
    #[n(4)]
    Dead,
}

/// The step of an open exchange: what an interruption leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Open {
    /// A request went out; the value has not come.
    #[n(0)]
    Asked,
    /// The value went out; the acknowledgement has not come.
    #[n(1)]
    Paid,
}

/// What a card says of itself to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// What kind of device it says it is; [`Prove`] and the certificate show it.
    #[n(0)]
    pub class: Class,
    /// How far its life has come.
    #[n(1)]
    pub phase: Phase,
    /// What it can show and feel.
    #[n(2)]
    pub features: Features,
    /// Its certificate, once personalised.
    #[n(3)]
    pub certificate: Option<Attested<CardCertificate>>,
    /// The originator it belongs to.
    #[n(4)]
    pub originator: Option<VerifyingKey>,
    /// Its number for its next exchange, or for the open one.
    #[n(5)]
    pub number: u32,
    /// The open exchange's step.
    #[n(6)]
    pub open: Option<Open>,
    /// Tries left for the PIN; none if no PIN is set.
    #[n(7)]
    pub pin_tries: Option<u8>,
    /// Whether the PIN was given since power came.
    #[n(8)]
    pub verified: bool,
    /// Whether the owner locked it.
    #[n(9)]
    pub locked: bool,
    /// Entries its log ever had.
    #[n(10)]
    pub entries: u32,
    /// Entries the originator has booked.
    #[n(11)]
    pub settled: u32,
    /// The number of the last directive it obeyed.
    #[n(12)]
    pub directive: u32,
}

/// A card signs a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Prove {
    /// What to sign.
    #[n(0)]
    pub challenge: Challenge,
}

/// A PIN: [`PIN_DIGITS`] digits, forgotten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(heapless::String<12>);

impl Pin {
    /// The PIN of these digits.
    pub fn new(digits: &str) -> Option<Self> {
        let fits = PIN_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        heapless::String::try_from(digits).ok().filter(|_| fits).map(Self)
    }

    /// The digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut digits = core::mem::take(&mut self.0).into_bytes();
        digits.as_mut_slice().zeroize();
    }
}

impl core::fmt::Debug for Pin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pin(..)")
    }
}

impl<C> Encode<C> for Pin {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Pin {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.str()?).ok_or_else(|| decode::Error::message("not a PIN"))
    }
}

/// The owner, or a terminal's staff, shows the PIN (MONDEX-2); it holds until power goes. The
/// counter is written before the compare.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VerifyPin {
    /// The PIN.
    #[n(0)]
    pub pin: Pin,
}

/// Sets the first PIN, or another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChangePin {
    /// The PIN so far, if one is set.
    #[n(0)]
    pub old: Option<Pin>,
    /// The PIN from now on.
    #[n(1)]
    pub new: Pin,
}

/// Asks for balances and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadBalances {}

/// A currency in a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pocket {
    /// What is in it.
    #[n(0)]
    pub balance: Amount,
    /// Its risk limits.
    #[n(1)]
    pub limits: Limits,
    /// Paid to others than the originator since it last settled the log, minor units.
    #[n(2)]
    pub unsettled: u64,
}

/// What is in a card.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Balances {
    /// A pocket a currency.
    #[n(0)]
    pub pockets: Pockets<Pocket>,
}

/// The card begins an exchange as payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ask {
    /// How the sides prove themselves.
    #[n(0)]
    pub link: Link,
    /// Who is to pay; needed by a terminal, none for the originator.
    #[n(1)]
    pub payer: Option<Party>,
    /// How much.
    #[n(2)]
    pub amount: Amount,
}

macro_rules! wraps {
    ($($(#[$doc:meta])* $name:ident($what:ty);)*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub $what);)*
    };
}

wraps! {
    /// The card pays what is asked: debited and logged before the value leaves. Needs the PIN if
    /// one is set (always, in a terminal), and the button if there is one.
    Pay(Message<Request>);
    /// The card takes a value it asked for, once; the same value again gives the same answer.
    Take(Message<Value>);
    /// The payer hears that its value has arrived.
    Finish(Message<Acknowledgement>);
    /// Brings a new card to life.
    Personalise(SealedPersonalisation);
    /// An order of the originator.
    Obey(Directed);
}

/// Asks for the last message again, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resume {}

/// The last message of the open exchange, or the acknowledgement of the one that ended last.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Last {
    /// The request that no value has answered.
    #[n(0)]
    Request(#[n(0)] Message<Request>),
    /// The value that no acknowledgement has answered.
    #[n(1)]
    Value(#[n(0)] Message<Value>),
    /// The acknowledgement of the value taken last.
    #[n(2)]
    Acknowledgement(#[n(0)] Message<Acknowledgement>),
}

/// Gives the open exchange up: an entry [`End::Broken`](crate::purse::wire::End) is left, never a
/// balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Abort {}

/// Asks for an entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadEntry {
    /// Its number; the last [`crate::platform::LOG_ENTRIES`] are there.
    #[n(0)]
    pub entry: u32,
}

/// Asks where the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadHead {
    /// What to sign along.
    #[n(0)]
    pub challenge: Challenge,
}

/// The owner locks the card: it neither pays nor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lock {}

/// The owner unlocks it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Unlock {
    /// The PIN; counted as by [`VerifyPin`].
    #[n(0)]
    pub pin: Pin,
}

/// Has a fresh card make its keys; again, it says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BeBorn {}
