//! Why something did not work, as a code with its culprit and facts for support.

use koban_protocol::refusal::{self, Code};
use minicbor::{Decode, Encode};
use serde::Deserialize;

use super::event::HttpAnswer;
use crate::view::{Culprit, ProblemView};

/// A problem with facts for support; never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Problem {
    /// What it is.
    #[n(0)]
    pub cause: Cause,
    /// Facts for support.
    #[n(1)]
    pub detail: String,
}

/// A code of the protocol's table, or one of the wallet's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Cause {
    /// A role said so.
    #[n(0)]
    Role(#[n(0)] Code),
    /// The wallet says so.
    #[n(1)]
    Wallet(#[n(0)] Fault),
}

macro_rules! faults {
    ($($number:literal $variant:ident $name:literal $culprit:ident $what:literal;)*) => {
        /// What the wallet itself finds wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Fault {
            $(#[doc = $what] #[n($number)] $variant,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whose fault it is.
            pub const fn culprit(self) -> Culprit {
                match self { $(Self::$variant => Culprit::$culprit,)* }
            }
        }
    };
}

faults! {
    0 Network "network" Network "Nobody answered, or not in time.";
    1 StorageNotDurable "storage-not-durable" Network
        "The browser does not promise that what is written stays written.";
    2 StorageFull "storage-full" Network "The browser has no room for the wallet's database.";
    3 StorageCorrupt "storage-corrupt" Network "The wallet's database holds what no wallet wrote.";
    4 OtherTab "other-tab" Holder "Another tab has the wallet open, and it alone may write.";
    5 TooLittleMoney "too-little-money" Holder "The coins at hand do not make the amount.";
    6 TooManyCoins "too-many-coins" Holder "It would take more coins than one operation may have.";
    7 NotRegistered "not-registered" Holder "No pseudonym is registered yet.";
    8 AlreadyRegistered "already-registered" Holder "A pseudonym is registered already.";
    9 AlreadyEnrolled "already-enrolled" Holder "A bank account is enrolled already.";
    10 Busy "busy" Holder "An operation of this kind is under way.";
    11 PseudonymInvalid "pseudonym-invalid" Holder "The pseudonym or name is empty or too long.";
    12 InvoiceUnreadable "invoice-unreadable" Payee "The document is not an invoice.";
    13 InvoiceUnreachable "invoice-unreachable" Payee "The invoice could not be fetched.";
    14 ForeignIssuer "foreign-issuer" Payee "The payee does not take this issuer's coins.";
    15 UnknownTransaction "unknown-transaction" Holder "The wallet knows of no such operation.";
    16 NotCancellable "not-cancellable" Holder "Only an open payment can be called back.";
    17 ReceiptMissing "receipt-missing" Payee
        "The issuer accepted the payment; the payee has not given its receipt.";
    18 IssuerMisbehaved "issuer-misbehaved" Issuer "The issuer's answer does not check out.";
    19 IssuerKeyChanged "issuer-key-changed" Issuer
        "The issuer's identity key is not the one this wallet knows.";
    20 BankMisbehaved "bank-misbehaved" Bank "The bank's answer does not check out.";
    21 PayeeMisbehaved "payee-misbehaved" Payee "The payee's answer does not check out.";
    22 OriginatorMisbehaved "originator-misbehaved" Issuer
        "The originator's answer does not check out.";
    23 OriginatorKeyChanged "originator-key-changed" Issuer
        "The originator's key is not the one this wallet knows.";
    24 CardMissing "card-missing" Holder "The card is not connected.";
    25 CardSilent "card-silent" Network "The card did not answer, or was pulled out.";
    26 CardMisbehaved "card-misbehaved" Holder "What came is no answer of a card.";
    27 CardNotGenuine "card-not-genuine" Holder "The card is not one of this originator's.";
    28 CardPinWrong "card-pin-wrong" Holder "The PIN is wrong.";
    29 CardPinNeeded "card-pin-needed" Holder "The card wants its PIN first.";
    30 CardPinBlocked "card-pin-blocked" Holder "No tries are left for the PIN.";
    31 CardPinInvalid "card-pin-invalid" Holder "A PIN has four to twelve digits.";
    32 CardNotInUse "card-not-in-use" Holder "The card is new, locked or closed.";
    33 CardLogFull "card-log-full" Holder "The card's log is full: report it first.";
    34 CardTooLittle "card-too-little" Holder "There is too little on the card.";
    35 CardOverLimit "card-over-limit" Holder "A limit of the card would be passed.";
    36 CardInterrupted "card-interrupted" Holder "An exchange is open in the card.";
    37 CardDeclined "card-declined" Holder "The holder said no on the card, or nothing.";
    38 CardRolledBack "card-rolled-back" Holder "An old state was put back into the card.";
    39 CardRefused "card-refused" Holder "The card does not take this.";
    40 CardMessageUnreadable "card-message-unreadable" Holder
        "The text is no message of a card.";
    41 CardUnreachable "card-unreachable" Network "This browser does not reach the card.";
    42 CardNoMessage "card-no-message" Holder "The card has no message for another card.";
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self { cause: Cause::Wallet(fault), detail: String::new() }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { cause: Cause::Role(code), detail: String::new() }
    }
}

impl Problem {
    /// A fault with facts.
    pub fn with(fault: Fault, detail: impl Into<String>) -> Self {
        Self { cause: Cause::Wallet(fault), detail: detail.into() }
    }

    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self.cause {
            Cause::Role(code) => code.name(),
            Cause::Wallet(fault) => fault.name(),
        }
    }

    /// As pages show it.
    pub fn view(&self) -> ProblemView {
        let culprit = match self.cause {
            Cause::Wallet(fault) => fault.culprit(),
            Cause::Role(code) => match code.culprit() {
                refusal::Culprit::Asker | refusal::Culprit::Payer => Culprit::Holder,
                refusal::Culprit::Payee => Culprit::Payee,
                refusal::Culprit::Issuer => Culprit::Issuer,
                refusal::Culprit::Bank => Culprit::Bank,
            },
        };
        ProblemView { code: self.name().to_owned(), culprit, detail: self.detail.clone() }
    }
}

/// The code of an unsealed answer, if it is problem details (RFC 9457) as roles write them.
///
/// Nobody signs these: they never decide about money, only about when to ask again.
pub(super) fn reported(answer: &HttpAnswer) -> Option<Code> {
    #[derive(Deserialize)]
    struct Details {
        code: u16,
    }
    if answer.status < 400 {
        return None;
    }
    let details: Details = serde_json::from_slice(&answer.body).ok()?;
    Code::of_number(u64::from(details.code))
}

/// The problem in an unsealed answer that is not what was asked for.
pub(super) fn unsealed(answer: &HttpAnswer) -> Problem {
    let network = || Problem::with(Fault::Network, format!("HTTP {}", answer.status));
    reported(answer).map_or_else(network, Problem::from)
}
