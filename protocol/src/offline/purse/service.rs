//! The originator's interface: what a wallet sends it on behalf of a card (VC 4.3).
//!
//! ```text
//! POST /cards          NewCard                  -> SealedPersonalisation
//! POST /loads          LoadCall                 -> Message<Value>
//! POST /loads/end      Message<Acknowledgement> -> nothing
//! POST /loads/return   ReturnCall               -> signed Released
//! POST /unloads        UnloadCall               -> Message<Request>
//! POST /unloads/value  Message<Value>           -> Unloaded
//! POST /reports        Report                   -> Directives
//! POST /refunds        RefundCall               -> Message<Value>
//! ```
//!
//! Every call may be repeated with the same bytes and is answered with the same bytes.

use minicbor::{Decode, Encode};

use super::card::Birth;
use super::wire::{
    Acknowledgement, Directed, Entry, Label, LogHead, Message, Party, Request, Transfer,
};
use crate::amount::Amount;
use crate::id::{Digest, OperationId};
use crate::signed::{Attested, Signed};
use crate::statement::{Funded, Released};
use crate::wire::List;

/// Entries of a log in one report: all a card keeps.
pub const REPORT_ENTRIES_MAX: usize = 64;
/// Directives in one answer.
pub const DIRECTIVES_MAX: usize = 16;

/// A device asks to become a card. A virtual one may be anybody's; a purse or a terminal is made by
/// the originator's operator alone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewCard {
    /// The device's first words.
    #[n(0)]
    pub birth: Attested<Birth>,
    /// A terminal's name.
    #[n(1)]
    pub label: Option<Label>,
}

/// Load: the card's request and what pays for it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoadCall {
    /// What the card asks.
    #[n(0)]
    pub request: Message<Request>,
    /// The issuer's word, for this request and amount.
    #[n(1)]
    pub funded: Signed<Funded>,
}

/// The card will not take its load: the money goes back. After this the request is never answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReturnCall {
    /// The issuer's word that was not used.
    #[n(0)]
    pub funded: Signed<Funded>,
    /// The operation at the issuer that will take it back.
    #[n(1)]
    pub operation: OperationId,
}

/// A card, or a terminal that is emptied, is to give value back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UnloadCall {
    /// The card and its next number.
    #[n(0)]
    pub payer: Party,
    /// How much.
    #[n(1)]
    pub amount: Amount,
    /// The operation at the issuer that will pay it out.
    #[n(2)]
    pub operation: OperationId,
    /// See [`Released::claim`].
    #[n(3)]
    pub claim: Digest,
}

/// The value has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Unloaded {
    /// For the card.
    #[n(0)]
    pub acknowledgement: Message<Acknowledgement>,
    /// For the issuer.
    #[n(1)]
    pub released: Signed<Released>,
}

/// A card's log since it was last settled, for the shadow accounts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// Where the log stands, signed by the card.
    #[n(0)]
    pub head: Attested<LogHead>,
    /// The entries from [`LogHead::settled`] to [`LogHead::entries`].
    #[n(1)]
    pub entries: List<Entry, REPORT_ENTRIES_MAX>,
}

/// What the card is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Directives {
    /// In this order.
    #[n(0)]
    pub orders: List<Directed, DIRECTIVES_MAX>,
}

/// Value that both ends of an exchange reported broken is loaded again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RefundCall {
    /// What the payer's card asks the originator for: the lost amount.
    #[n(0)]
    pub request: Message<Request>,
    /// The broken exchange it was the payer of.
    #[n(1)]
    pub lost: Transfer,
}
