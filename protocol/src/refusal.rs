//! Refusals: a number, a name, whose fault, and what to do. One table for every role.
//!
//! Where several apply, the one with the smallest number is given, unless its check rests on
//! another's.

use minicbor::{Decode, Encode};

use crate::signed::Signed;
use crate::statement::{CoinVerdict, Mismatch};

/// Who caused a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// Whoever asked.
    Asker,
    /// The payer.
    Payer,
    /// The payee or its payment server.
    Payee,
    /// The issuer.
    Issuer,
    /// The bank.
    Bank,
}

macro_rules! refusals {
    ($($number:literal $variant:ident $name:literal $status:literal $culprit:ident
       $what:literal $remedy:literal;)*) => {
        /// Why something was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Code {
            $(#[doc = $what] #[n($number)] $variant,)*
        }

        impl Code {
            /// Every code, in order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code of a stable number.
            pub fn of_number(number: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| u64::from(code.number()) == number)
            }

            /// The stable number.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Whose fault it is.
            pub const fn culprit(self) -> Culprit {
                match self { $(Self::$variant => Culprit::$culprit,)* }
            }

            /// What happened, for people.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

refusals! {
    1 TooLong "too-long" 413 Asker "The message is too long."
        "Send a smaller one: at most 64 KiB and 64 coins.";
    2 Malformed "malformed" 400 Asker "The message is malformed or not in its canonical encoding."
        "Encode it as docs/PROTOCOL.md says.";
    3 NotSealedForUs "not-sealed-for-us" 400 Asker "The message cannot be opened."
        "Fetch the issuer's keys again, check them, and seal a new message to them.";
    4 OperationReused "operation-reused" 409 Asker "This operation id was used for another message."
        "Choose a fresh operation id; send the same bytes only to repeat the same operation.";
    5 ClockSkew "clock-skew" 400 Asker "The time in the message is too far from the issuer's."
        "Set the clock, and send a new message.";
    6 BadSignature "bad-signature" 403 Asker "A signature does not verify."
        "Sign with the key that is registered.";
    7 CertificateInvalid "certificate-invalid" 403 Asker
       "The certificate is not the issuer's or has expired."
        "Register or enrol again to get a fresh one.";
    8 NotEnrolled "not-enrolled" 403 Asker "No bank account is enrolled."
        "Enrol a bank account first.";
    9 PseudonymTaken "pseudonym-taken" 409 Asker "The pseudonym belongs to another key."
        "Choose another name.";
    10 AccountForeign "account-foreign" 403 Asker
       "The bank does not vouch for this account and key."
        "Use an account of a bank the issuer works with, and its own key.";
    11 CurrencyUnknown "currency-unknown" 400 Asker "The issuer does not issue this currency."
        "Use a currency from the issuer's keys.";
    12 AmountInvalid "amount-invalid" 400 Asker
       "The amounts are zero, of another currency, or do not add up."
        "Make outputs equal inputs, in one currency, above zero.";
    13 InvoiceInvalid "invoice-invalid" 403 Payee
       "The invoice is not the payee's or does not hold together."
        "Ask the shop for a new invoice.";
    14 InvoiceExpired "invoice-expired" 410 Payer "The invoice has expired."
        "Ask the shop for a new invoice.";
    15 AlreadyPaid "already-paid" 409 Payer "The invoice is paid already."
        "Nothing is owed. Call this payment back to keep the coins.";
    16 EnvelopeForeign "envelope-foreign" 403 Payer
       "The envelope is for another payee, invoice or operation."
        "Seal a new envelope for this invoice.";
    17 AmountMismatch "amount-mismatch" 409 Payee "Payer and payee do not name the same amount."
        "Compare the issuer's statement with the invoice; the coins are untouched.";
    18 CoinNotLive "coin-not-live" 409 Payer "A coin is not live: spent, in use, or never issued."
        "Remove the coins that the issuer's statement names, and use others.";
    19 CoinExpired "coin-expired" 409 Payer "A coin has expired."
        "Refresh the coins that the issuer's statement names, then pay.";
    20 DebitRefused "debit-refused" 402 Bank "The bank refused the debit."
        "Check the account's balance, then withdraw again.";
    21 NothingToRefund "nothing-to-refund" 404 Asker "No live coin is recorded for this holder."
        "Nothing can be given again: coins were spent, or kept private when withdrawn.";
    22 NotFound "not-found" 404 Asker "There is no such thing."
        "Check the address.";
    23 NotAllowed "not-allowed" 403 Asker "The caller may not do this."
        "Use the right token or key.";
    24 PeerUnreachable "peer-unreachable" 503 Issuer "Another party did not answer in time."
        "Repeat the same message later; it will not be done twice.";
    25 Pending "pending" 503 Issuer "The operation is under way."
        "Repeat the same message in a moment; it will not be done twice.";
    26 Internal "internal" 500 Issuer "Something is broken at the role that answered."
        "Repeat the same message later; it will not be done twice.";
    27 Acknowledged "acknowledged" 410 Asker "The answer was acknowledged and is no longer kept."
        "It is in the wallet that acknowledged it; recorded coins that were lost can be refunded.";
    28 ReserveTooSmall "reserve-too-small" 409 Issuer
       "The issuer's reserve at this bank is too small."
        "Settle reserve from another bank first.";
    29 CardUnknown "card-unknown" 404 Asker "The originator has made no such card."
        "Use a card of this originator.";
    30 CardClosed "card-closed" 403 Payer "The card is closed."
        "Ask the originator why; what is in it is not lost.";
    31 ReportFirst "report-first" 409 Asker
       "The originator does not know of this much value in the card."
        "Report the card's log, then repeat.";
    32 NotLost "not-lost" 409 Asker "The exchange is not known to be broken at both ends."
        "Report the logs of both cards, then repeat.";
    33 ClearingUneven "clearing-uneven" 409 Issuer
       "More would leave the cards than was ever loaded."
        "The issuer and the originator must compare their books.";
}

/// Proof that goes with a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Evidence {
    /// Which coins were bad; to the payer alone (VC-6, P4).
    #[n(0)]
    BadCoins(#[n(0)] Signed<CoinVerdict>),
    /// That the amounts do not match; to payer and payee (VC-6, P4).
    #[n(1)]
    Mismatch(#[n(0)] Signed<Mismatch>),
}

/// A refusal as it travels inside a sealed answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refusal {
    /// Why.
    #[n(0)]
    pub code: Code,
    /// Proof, where the code has one.
    #[n(1)]
    pub evidence: Option<Evidence>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, evidence: None }
    }
}

/// What a sealed answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer<T> {
    /// It was done.
    #[n(0)]
    Done(#[n(0)] T),
    /// It was refused; nothing has changed.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}
