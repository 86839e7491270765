//! What purses, terminals and the originator say to each other.

use core::fmt;

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::{LABEL_BYTES_MAX, POCKETS_MAX, SEGMENTS};
use crate::amount::{Amount, Currency};
use crate::id::Digest;
use crate::key::{Signature, VerifyingKey};
use crate::signed::{Attested, Statement, domains};
use crate::time::Day;
use crate::wire::byte_string;

byte_string!(
    /// A card's printed number, drawn by the originator. [`ORIGINATOR`] is the originator itself.
    CardId, 8
);
byte_string!(
    /// The first half of an HMAC-SHA256.
    Tag, 16
);
byte_string!(
    /// What somebody asks a card to sign, so that the answer is fresh.
    Challenge, 32
);

/// The originator, as a party of loads, unloads and collections.
pub const ORIGINATOR: CardId = CardId([0; 8]);

/// What kind of device holds a purse: what its certificate lets others believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Class {
    /// Software in a browser: its owner can copy and roll it back. Never taken by hardware.
    #[n(0)]
    Virtual,
    /// A card.
    #[n(1)]
    Purse,
    /// The security module of a shop's terminal (VC 4.2, PSAM).
    #[n(2)]
    Terminal,
}

/// A terminal's segment: which purchase key it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment(u8);

impl Segment {
    /// The segment of this number, below [`SEGMENTS`].
    pub fn new(number: u8) -> Option<Self> {
        (usize::from(number) < SEGMENTS).then_some(Self(number))
    }

    /// The segment of a terminal: it follows from its number, so that terminals spread over all.
    pub fn of(terminal: CardId) -> Self {
        Self(u8::try_from(usize::from(terminal.0[0]) % SEGMENTS).unwrap_or(0))
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl<C> Encode<C> for Segment {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Segment {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.u8()?).ok_or_else(|| decode::Error::message("no such segment"))
    }
}

/// What the two sides of an exchange share, and so how they prove themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Link {
    /// One side is the originator: the card's load key.
    #[n(0)]
    Originator,
    /// One side is a terminal: the purse's key of this segment.
    #[n(1)]
    Terminal(#[n(0)] Segment),
    /// Both are purses: signatures under the originator's certificates.
    #[n(2)]
    Peer,
}

/// One side of an exchange: a purse and its own number for it, used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// The purse.
    #[n(0)]
    pub card: CardId,
    /// Its number for this exchange.
    #[n(1)]
    pub number: u32,
}

/// The payee asks. Without a payer, whoever holds the message may answer, and the payee takes the
/// first value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Request {
    /// How the sides prove themselves.
    #[n(0)]
    pub link: Link,
    /// Who asks.
    #[n(1)]
    pub payee: Party,
    /// Who alone may answer, if that is settled.
    #[n(2)]
    pub payer: Option<Party>,
    /// How much.
    #[n(3)]
    pub amount: Amount,
}

/// An exchange, whole: what its value and its acknowledgement are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Transfer {
    /// How the sides prove themselves.
    #[n(0)]
    pub link: Link,
    /// Who is paid.
    #[n(1)]
    pub payee: Party,
    /// Who pays.
    #[n(2)]
    pub payer: Party,
    /// How much.
    #[n(3)]
    pub amount: Amount,
}

impl Request {
    /// What [`Funded`](crate::statement::Funded) names it by.
    pub fn digest(&self) -> Digest {
        Digest::of_value(Self::DOMAIN, self)
    }

    /// The exchange, if `payer` answers; none if another was asked.
    pub fn answered_by(&self, payer: Party) -> Option<Transfer> {
        let meant = self.payer.is_none_or(|asked| asked == payer);
        let Self { link, payee, amount, .. } = *self;
        meant.then_some(Transfer { link, payee, payer, amount })
    }
}

/// The payer's word that the value has left it for the payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Value(#[n(0)] pub Transfer);

/// The payee's word that it has the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Acknowledgement(#[n(0)] pub Transfer);

/// A step of the exchange, with the sender's proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Message<T> {
    /// What is said.
    #[n(0)]
    pub content: T,
    /// Why the other side believes it.
    #[n(1)]
    pub proof: Proof,
}

/// Why a message of an exchange is believed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Proof {
    /// [`Link::Originator`], [`Link::Terminal`]: a tag under the shared key; under a card's value
    /// or acknowledgement its signature, for those who were not there; and with the value between a
    /// purse and a terminal the payer's certificate, so that the payee checks the signature it will
    /// have to show.
    #[n(0)]
    Keyed(#[n(0)] Tag, #[n(1)] Option<Signature>, #[n(2)] Option<Attested<CardCertificate>>),
    /// [`Link::Peer`]: the sender's signature and certificate.
    #[n(1)]
    Signed(#[n(0)] Signature, #[n(1)] Attested<CardCertificate>),
}

impl Proof {
    /// The sender's signature, if it is a card that gave or took value.
    pub const fn signature(&self) -> Option<&Signature> {
        match self {
            Self::Keyed(_, signature, _) => signature.as_ref(),
            Self::Signed(signature, _) => Some(signature),
        }
    }
}

/// A terminal's name, for people: at most [`LABEL_BYTES_MAX`] bytes, not empty, without control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(heapless::String<LABEL_BYTES_MAX>);

impl Label {
    /// `text`, if it keeps the limits.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && !text.chars().any(char::is_control);
        heapless::String::try_from(text).ok().filter(|_| fits).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<C> Encode<C> for Label {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Label {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.str()?).ok_or_else(|| decode::Error::message("a name outside its limits"))
    }
}

/// At most [`POCKETS_MAX`] values, one a currency.
#[derive(Clone, PartialEq, Eq)]
pub struct Pockets<T>(heapless::Vec<T, POCKETS_MAX>);

impl<T> Default for Pockets<T> {
    fn default() -> Self {
        Self(heapless::Vec::new())
    }
}

impl<T> Pockets<T> {
    /// These values, if there are no more than fit.
    pub fn new(values: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut pockets = Self::default();
        values.into_iter().try_for_each(|value| pockets.0.push(value).ok())?;
        Some(pockets)
    }

    /// Adds a value, if it fits.
    pub fn push(&mut self, value: T) -> bool {
        self.0.push(value).is_ok()
    }
}

impl<T: fmt::Debug> fmt::Debug for Pockets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> core::ops::Deref for Pockets<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> core::ops::DerefMut for Pockets<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<C, T: Encode<C>> Encode<C> for Pockets<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        self.0.as_slice().encode(e, c)
    }
}

impl<'b, C, T: Decode<'b, C>> Decode<'b, C> for Pockets<T> {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        let mut values = heapless::Vec::new();
        for value in d.array_iter_with(c)? {
            let fits = values.push(value?);
            fits.map_err(|_| decode::Error::message("more currencies than a card holds"))?;
        }
        Ok(Self(values))
    }
}

/// The originator vouches for a card: the licence of Mondex.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CardCertificate {
    /// The card.
    #[n(0)]
    pub card: CardId,
    /// What it is.
    #[n(1)]
    pub class: Class,
    /// The key it signs with, made in it.
    #[n(2)]
    pub key: VerifyingKey,
    /// Whose terminal it is.
    #[n(3)]
    pub label: Option<Label>,
    /// The last day it holds. Cards have no clock: the originator and pages look at it.
    #[n(4)]
    pub expires: Day,
}

/// Risk limits of a pocket, in its currency's minor units (MONDEX-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// The currency.
    #[n(0)]
    pub currency: Currency,
    /// Highest balance.
    #[n(1)]
    pub balance: u64,
    /// Largest single payment out of it.
    #[n(2)]
    pub payment: u64,
    /// All payments to others than the originator since the originator last settled the log.
    #[n(3)]
    pub unsettled: u64,
}

/// Which side of an exchange a card was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Side {
    /// It paid.
    #[n(0)]
    Payer,
    /// It was paid.
    #[n(1)]
    Payee,
}

/// How an exchange ended for a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum End {
    /// The payer has the acknowledgement; the payee has the value.
    #[n(0)]
    Done,
    /// Given up with the other side's word missing: the exception log of Mondex. A payer's value
    /// has left it, a payee's has not come.
    #[n(1)]
    Broken,
}

/// An entry of a card's log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// The exchange. A request nobody answered names [`Request::payer`]'s or, without one, this
    /// card's own party as payer.
    #[n(0)]
    pub transfer: Transfer,
    /// This card's side.
    #[n(1)]
    pub side: Side,
    /// How it ended.
    #[n(2)]
    pub end: End,
    /// The other side's signature, where it is a card: under its [`Value`] or
    /// [`Acknowledgement`].
    #[n(3)]
    pub signature: Option<Signature>,
}

/// Where a card's log stands; the originator believes entries that lead to [`head`](Self::head).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogHead {
    /// The card.
    #[n(0)]
    pub card: CardId,
    /// How many entries there ever were.
    #[n(1)]
    pub entries: u32,
    /// `head(0) = 0`, `head(n + 1) = SHA-256("koban/v1/card-log", head(n) || entry(n))`.
    #[n(2)]
    pub head: Digest,
    /// Entries settled by the originator, which the card may have overwritten.
    #[n(3)]
    pub settled: u32,
    /// What it holds.
    #[n(4)]
    pub balances: Pockets<Amount>,
    /// The challenge of whoever asked.
    #[n(5)]
    pub challenge: Challenge,
}

/// Proof that the card of a certificate is here now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// The card.
    #[n(0)]
    pub card: CardId,
    /// The challenge of whoever asked.
    #[n(1)]
    pub challenge: Challenge,
}

/// What the originator has a card do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Order {
    /// The entries before this one are booked: they may be overwritten, and
    /// [`Limits::unsettled`] counts from zero.
    #[n(0)]
    Settle(#[n(0)] u32),
    /// New limits of a pocket; opens the pocket if there is none.
    #[n(1)]
    Limit(#[n(0)] Limits),
    /// Close the card: it only shows its log from then on.
    #[n(2)]
    Close,
    /// Open it again.
    #[n(3)]
    Reopen,
    /// Forget the PIN; the owner sets a new one.
    #[n(4)]
    ResetPin,
}

/// An order to a card, tagged under its load key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Directive {
    /// The card.
    #[n(0)]
    pub card: CardId,
    /// Higher than that of every directive the card has obeyed.
    #[n(1)]
    pub number: u32,
    /// What to do.
    #[n(2)]
    pub order: Order,
}

/// A directive with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Directed {
    /// The directive.
    #[n(0)]
    pub directive: Directive,
    /// Under the card's load key.
    #[n(1)]
    pub tag: Tag,
}

domains! {
    Request = "purse-request",
    Value = "purse-value",
    Acknowledgement = "purse-acknowledgement",
    CardCertificate = "card-certificate",
    LogHead = "card-log-head",
    Presence = "card-presence",
    Directive = "card-directive",
}

impl Entry {
    /// The head of the log after this entry; see [`LogHead::head`].
    pub fn chained(&self, head: &Digest) -> Digest {
        Digest::of_value("koban/v1/card-log", &(head, self))
    }
}
