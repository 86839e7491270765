//! What goes into the engine and what comes out of it.

use koban_protocol::amount::Amount;
use koban_protocol::amount::{Bundle, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Name, Short};
use koban_protocol::time::Time;

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
}

/// What the driver must do, in order.
#[derive(Debug)]
pub enum Effect {
    /// Make these edits durable, all or none, before anything after them.
    Write(Vec<Edit>),
    /// Send a request, and report [`Event::Answer`] or [`Event::Unreachable`] for it, once.
    Send(Call),
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
}

/// Which request of which operation a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallId {
    /// The issuer's keys.
    Keys,
    /// The account's balance.
    Balance,
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
