//! What goes into the engine and what comes out of it.

use koban_protocol::amount::Amount;
use koban_protocol::amount::{Bundle, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Name, Short};
use koban_protocol::time::Time;

use koban_card::command::Last;

use super::card::{CardBytes, CardCommand, ReaderId};
use super::problem::Problem;
use super::record::Edit;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The holder wants something.
    Command(Command),
    /// A call was answered.
    Answer(CallId, HttpAnswer),
    /// A call was not answered in time, or nobody was there.
    Unreachable(CallId),
    /// The time of the last [`Effect::Wake`] has come.
    Woken,
    /// A card is in this reader.
    CardIn(ReaderId),
    /// The card or its reader is gone.
    CardOut(ReaderId),
    /// A card answered the last [`Effect::Card`] of its reader; none: not in time, or not at all.
    CardAnswer(ReaderId, Option<Vec<u8>>),
    /// A card waits for its button.
    CardPrompt(ReaderId),
    /// The network is back, or the holder looks at the wallet again: whatever is open is sent now.
    Resumed,
}

/// What the holder wants.
#[derive(Debug)]
pub enum Command {
    /// Be known to the issuer under a pseudonym (VC-2).
    Register(Name),
    /// Open an account at a bank, in the owner's name, and enrol it (VC-2).
    Enrol {
        /// The bank's short name.
        bank: Short,
        /// The owner's name; only the bank learns it.
        owner: Name,
    },
    /// Buy coins from the enrolled account (VC-3).
    Withdraw {
        /// Which coins.
        bundle: Bundle,
        /// Whether the register may note whose they are, so that lost ones can be refunded (VC-8).
        recoverable: bool,
    },
    /// Pay an invoice (VC-4). The same invoice again is the same payment.
    Pay(Signed<Invoice>),
    /// Call an open payment back.
    Cancel(OperationId),
    /// Turn coins into money in the enrolled account.
    Redeem(Amount),
    /// Coins of this bundle for others of the wallet; the rest comes back as it is handy.
    Change(Bundle),
    /// The smallest coins of a currency for fewer others, so that more value fits into one
    /// operation.
    Merge(Currency),
    /// Ask for lost coins of a currency, if they were withdrawn as recoverable.
    Refund(Currency),
    /// Ask the bank what is in the account.
    AskBalance,
    /// Fetch the issuer's keys again.
    FetchKeys,
    /// Fetch the keys of the originator at this address; the first ones are pinned.
    MeetOriginator(String),
    /// Something with the card in a reader.
    Card(ReaderId, CardCommand),
    /// Tell the originator the log of the card in a reader, and the card its orders.
    Report(ReaderId),
    /// Put coins onto the card in a reader (VC-14).
    Load(ReaderId, Amount),
    /// Turn value on the card in a reader into coins, and pay an invoice with them (VC-14).
    Unload(ReaderId, Amount, Option<Signed<Invoice>>),
    /// Have the card in a reader get back what a broken exchange took from it, by the refund's id
    /// (MONDEX-1).
    RefundCard(ReaderId, OperationId),
    /// Have the card in a reader pay a terminal in another (VC-13).
    TakePayment {
        /// The terminal's reader.
        terminal: ReaderId,
        /// The reader of the customer's card.
        customer: ReaderId,
        /// How much.
        amount: Amount,
    },
}

/// What the driver must do, in order.
#[derive(Debug)]
pub enum Effect {
    /// Make these edits durable, all or none, before anything after them.
    Write(Vec<Edit>),
    /// Send a request, and report [`Event::Answer`] or [`Event::Unreachable`] for it, once.
    Send(Call),
    /// Give a card a command, and report [`Event::CardAnswer`] for it, once, unless
    /// [`Event::CardOut`] came first. There is never more than one with a card.
    Card(ReaderId, CardBytes),
    /// Tell whoever waits for it.
    Report(Report),
    /// Report [`Event::Woken`] at this time; replaces the time of an earlier effect of this kind.
    Wake(Time),
}

/// News for whoever gave a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The command was not carried out; nothing has changed.
    Refused(Problem),
    /// The command became this operation, which is written down and runs to its end.
    Started(OperationId),
    /// The operation could not go on now; it will be tried again.
    Waiting(OperationId, Problem),
    /// The operation is final: its transaction says how.
    Ended(OperationId),
    /// The bank answered about the account.
    Balance(Result<(), Problem>),
    /// The issuer's keys were fetched and checked.
    Keys(Result<(), Problem>),
    /// The originator's keys were fetched and checked.
    Originator(Result<(), Problem>),
    /// The card in a reader did what was wanted or could not; it gave a message for another card.
    Card(ReaderId, Result<Option<Box<Last>>, Problem>),
}

/// Which request of which operation a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallId {
    /// The issuer's keys.
    Keys,
    /// The account's balance.
    Balance,
    /// The originator's keys.
    Originator,
    /// What makes the card in a reader a card.
    NewCard(ReaderId),
    /// A request of an operation.
    Operation(OperationId, Part),
}

/// The requests an operation may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// To the bank: open the account.
    Account,
    /// To the issuer: the sealed order.
    Order,
    /// To the payee's server: the sealed envelope.
    Envelope,
    /// To the issuer: its own answer to the payer.
    PayersAnswer,
    /// To the issuer: the sealed order that calls a payment back.
    CallBack,
    /// To the issuer: its answer is safe and need not be kept.
    Acknowledgement,
    /// To the originator.
    Originator,
    /// To the card.
    Card,
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// Its name in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request to be sent, without cookies, credentials or referrer.
#[derive(Clone, Debug)]
pub struct Call {
    /// What the answer is to be reported for.
    pub id: CallId,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: String,
    /// The media type of the body, if there is one.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    pub(super) const fn get(id: CallId, url: String) -> Self {
        Self { id, method: Method::Get, url, content_type: None, body: Vec::new() }
    }

    pub(super) const fn post(id: CallId, url: String, body: Vec<u8>) -> Self {
        Self { id, method: Method::Post, url, content_type: Some(CBOR), body }
    }
}

/// Media type of the protocol's messages.
const CBOR: &str = "application/cbor";

/// An answer to a call.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The body, at most [`MESSAGE_BYTES_MAX`](koban_protocol::limits::MESSAGE_BYTES_MAX) bytes; a
    /// driver reports a longer one as [`Event::Unreachable`].
    pub body: Vec<u8>,
}
