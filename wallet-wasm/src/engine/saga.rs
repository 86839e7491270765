//! Open operations. One struct a state; a step consumes a state and gives the next.
//!
//! ```text
//! Registering ─▶ ended                     OpeningAccount ─▶ Enrolling ─▶ ended
//! Withdrawing ─▶ ended    Changing ─▶ ended    Redeeming ─▶ ended    Refunding ─▶ ended (+
//! Changing)
//!
//! Paying ──────▶ paid ─▶ AwaitingReceipt ─▶ ended
//!   │ ▲ refused: bad coins dropped, the rest freed ─▶ ended
//!   ▼ called back, expired, or refused in a way that may be repeated better
//! Cancelling ──▶ coins are new ─▶ ended
//!   │ ▲
//!   ▼ │ the coins are gone or in use
//! Disputed ────▶ paid, or the issuer's statement stands ─▶ ended
//! ```
//!
//! Loads and unloads of cards: [`super::card`].
//!
//! Every end but a payment's leaves [`Acknowledging`] behind, which nobody waits for. Whatever is
//! in the journal when the wallet opens is sent again, byte for byte; the issuer answers the same.

use koban_protocol::amount::{Amount, Bundle, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::wire::CardId;
use koban_protocol::sealed::Acknowledgement;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{AccountRef, CoinVerdict, Invoice, Name, Short};
use koban_protocol::time::Time;
use minicbor::{Decode, Encode};

use super::card::CardSaga;
use super::event::Part;
use super::problem::Problem;
use super::record::{HeldCoin, Order};

/// A pseudonym is being registered.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Registering {
    #[n(0)]
    pub(super) order: Order,
}

/// The bank is being asked for an account.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct OpeningAccount {
    #[n(0)]
    pub(super) bank: Short,
    #[n(1)]
    pub(super) owner: Name,
}

/// The account is being enrolled.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Enrolling {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) account: AccountRef,
}

/// Coins are being bought.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Withdrawing {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) bundle: Bundle,
    #[n(2)]
    pub(super) recoverable: bool,
}

/// A payment, whatever state it is in.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Payment {
    /// The envelope.
    #[n(0)]
    pub(super) order: Order,
    /// The coins in it.
    #[n(1)]
    pub(super) coins: Vec<HeldCoin>,
    /// The change it asks for.
    #[n(2)]
    pub(super) change: Option<Bundle>,
    /// The invoice it pays.
    #[n(3)]
    pub(super) invoice: Signed<Invoice>,
    /// When the invoice was checked.
    #[n(4)]
    pub(super) at: Time,
}

/// The envelope is with the payee's server, or on its way there.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Paying {
    #[n(0)]
    pub(super) payment: Payment,
}

/// The coins of a payment are being changed, so that the envelope is worth nothing.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Cancelling {
    #[n(0)]
    pub(super) payment: Payment,
    #[n(1)]
    pub(super) order: Order,
    #[n(2)]
    pub(super) bundle: Bundle,
    /// Why, unless the holder wanted it.
    #[n(3)]
    pub(super) reason: Option<Problem>,
    /// Since when.
    #[n(4)]
    pub(super) since: Time,
    /// How many times this was tried before.
    #[n(5)]
    pub(super) round: u32,
}

/// The coins of a payment are gone, or in use: the issuer must know what for.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Disputed {
    #[n(0)]
    pub(super) payment: Payment,
    /// Why the payment was called back, unless the holder wanted it.
    #[n(1)]
    pub(super) reason: Option<Problem>,
    /// Why the coins could not be changed.
    #[n(2)]
    pub(super) refusal: Problem,
    /// Which coins the issuer says are bad.
    #[n(3)]
    pub(super) verdict: Option<Signed<CoinVerdict>>,
    /// Since when it is called back.
    #[n(4)]
    pub(super) since: Time,
    /// How many times the coins were tried.
    #[n(5)]
    pub(super) round: u32,
}

/// The payment is done; the payee's receipt is missing.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct AwaitingReceipt {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) invoice: Signed<Invoice>,
    #[n(2)]
    pub(super) at: Time,
    /// Until when to ask.
    #[n(3)]
    pub(super) until: Time,
}

/// Coins are being changed for others.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Changing {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) coins: Vec<HeldCoin>,
    #[n(2)]
    pub(super) bundle: Bundle,
}

/// Coins are on their way into the account.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Redeeming {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) coins: Vec<HeldCoin>,
    #[n(2)]
    pub(super) amount: Amount,
    #[n(3)]
    pub(super) change: Option<Bundle>,
}

/// Lost coins are being asked for. The recorded coins that are *not* lost wait here: the refund may
/// replace them, and only the issuer knows which.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Refunding {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) coins: Vec<HeldCoin>,
    #[n(2)]
    pub(super) currency: Currency,
}

/// The operation has ended, and the issuer is being told that it need not keep the answer.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Acknowledging {
    #[n(0)]
    pub(super) operation: OperationId,
    #[n(1)]
    pub(super) acknowledgement: Acknowledgement,
}

/// An open operation.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum Saga {
    #[n(0)]
    Registering(#[n(0)] Registering),
    #[n(1)]
    OpeningAccount(#[n(0)] OpeningAccount),
    #[n(2)]
    Enrolling(#[n(0)] Enrolling),
    #[n(3)]
    Withdrawing(#[n(0)] Withdrawing),
    #[n(4)]
    Paying(#[n(0)] Paying),
    #[n(5)]
    Cancelling(#[n(0)] Cancelling),
    #[n(6)]
    Disputed(#[n(0)] Disputed),
    #[n(7)]
    AwaitingReceipt(#[n(0)] AwaitingReceipt),
    #[n(8)]
    Changing(#[n(0)] Changing),
    #[n(9)]
    Redeeming(#[n(0)] Redeeming),
    #[n(10)]
    Refunding(#[n(0)] Refunding),
    #[n(11)]
    Acknowledging(#[n(0)] Acknowledging),
    #[n(12)]
    Card(#[n(0)] Box<CardSaga>),
}

impl Saga {
    /// The coins that belong to it and cannot be spent meanwhile.
    pub(super) fn coins(&self) -> &[HeldCoin] {
        match self {
            Self::Paying(Paying { payment })
            | Self::Cancelling(Cancelling { payment, .. })
            | Self::Disputed(Disputed { payment, .. }) => &payment.coins,
            Self::Changing(Changing { coins, .. })
            | Self::Redeeming(Redeeming { coins, .. })
            | Self::Refunding(Refunding { coins, .. }) => coins,
            Self::Card(saga) => saga.coins(),
            Self::Registering(_)
            | Self::OpeningAccount(_)
            | Self::Enrolling(_)
            | Self::Withdrawing(_)
            | Self::AwaitingReceipt(_)
            | Self::Acknowledging(_) => &[],
        }
    }

    /// Whether nobody waits for it any more: its transaction is final.
    pub(super) const fn is_over(&self) -> bool {
        match self {
            Self::Acknowledging(_) => true,
            Self::Card(saga) => saga.is_over(),
            _ => false,
        }
    }

    /// The card that has to do its next step.
    pub(super) fn needs(&self) -> Option<CardId> {
        match self {
            Self::Card(saga) => saga.needs(),
            _ => None,
        }
    }

    /// How many times it was begun anew; the wait between tries grows with it.
    fn round(&self) -> u32 {
        match self {
            Self::Cancelling(Cancelling { round, .. }) | Self::Disputed(Disputed { round, .. }) => {
                *round
            }
            Self::Card(saga) => saga.round(),
            _ => 0,
        }
    }
}

/// Longest wait between two tries, seconds.
const WAIT_MAX_S: u64 = 300;

/// An open operation in memory: its journalled state, and which tries were made.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) saga: Saga,
    /// Requests that were sent and not yet answered.
    pub(super) asked: Vec<Part>,
    /// How many times its requests were sent.
    pub(super) tries: u32,
    /// When to send them again.
    pub(super) due: Option<Time>,
    /// Why the last try failed.
    pub(super) problem: Option<Problem>,
}

impl Open {
    pub(super) const fn new(saga: Saga) -> Self {
        Self { saga, asked: Vec::new(), tries: 0, due: None, problem: None }
    }

    /// Notes that a try failed; the next comes after 2, 4, 8 ... seconds, at most [`WAIT_MAX_S`].
    pub(super) fn failed(&mut self, now: Time, problem: Problem) {
        let waits_for_holder = super::card::is_for_holder(&problem);
        self.problem = Some(problem);
        if self.asked.is_empty() && !waits_for_holder {
            let doublings = self.tries.saturating_add(self.saga.round()).min(8);
            self.due = Some(now.plus((1_u64 << doublings).min(WAIT_MAX_S)));
        }
    }
}
