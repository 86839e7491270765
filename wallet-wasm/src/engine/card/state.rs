//! Open operations with a card. One struct a state, journalled before its requests are sent and
//! before its command goes to the card.
//!
//! ```text
//! load:    Reporting ─▶ Booking ─▶ Obeying ─▶ LoadAsking ─▶ LoadFunding ─▶ LoadAnswering
//!          ─▶ LoadTaking ─▶ ended ─▶ LoadEnding
//! unload:  Reporting ─▶ Booking ─▶ Obeying ─▶ UnloadAsking ─▶ UnloadPaying ─▶ UnloadGiving
//!          ─▶ UnloadRedeeming (and Finishing) ─▶ ended
//! report:  Reporting ─▶ Booking ─▶ Obeying ─▶ ended
//! refund:  Reporting ─▶ Booking ─▶ Obeying ─▶ Refund ─▶ ended ─▶ LoadEnding
//! ```
//!
//! The card is a journal too: a command that was carried out and not heard of is found by what the
//! card says is open, and its message is asked for again.

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::service::{
    DIRECTIVES_MAX, LoadCall, Report as LogReport, UnloadCall,
};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardId, Directed, Message, Request, Transfer, Value,
};
use koban_protocol::process::unload::ClaimSecret;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Released};
use koban_protocol::time::Time;
use koban_protocol::wire::List;
use minicbor::{Decode, Encode};

use super::super::record::{HeldCoin, Order, Secret};
use super::refund::{Refund, is_only_here};

/// What follows when a card's log is booked.
#[derive(Clone, Debug, Encode, Decode)]
pub(in crate::engine) enum After {
    /// Nothing.
    #[n(0)]
    Nothing,
    /// A load.
    #[n(1)]
    Load(#[n(0)] Amount, #[n(1)] Claim),
    /// An unload, and the invoice that is paid with what it brings.
    #[n(2)]
    Unload(#[n(0)] Amount, #[n(1)] Claim, #[n(2)] Option<Signed<Invoice>>),
    /// A refund of this exchange's value.
    #[n(3)]
    Refund(#[n(0)] Transfer),
}

impl After {
    /// Whether it may come to nothing without any value being lost.
    pub(super) fn can_end(&self) -> bool {
        !matches!(self, Self::Refund(lost) if is_only_here(lost))
    }
}

/// The secret by which money between card and issuer is this wallet's.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(transparent)]
pub(in crate::engine) struct Claim(#[n(0)] Secret<32>);

impl Claim {
    pub(super) const fn new(secret: &ClaimSecret) -> Self {
        Self(Secret(*secret.expose()))
    }

    pub(super) fn secret(&self) -> ClaimSecret {
        ClaimSecret::restore(self.0.0)
    }
}

/// The card's log is being read.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct Reporting {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) after: After,
}

/// The originator is being told the card's log.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct Booking {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) report: LogReport,
    #[n(2)]
    pub(super) after: After,
}

/// The card is being told the originator's orders.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct Obeying {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) orders: List<Directed, DIRECTIVES_MAX>,
    #[n(2)]
    pub(super) after: After,
}

/// The card is to ask for money.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadAsking {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) amount: Amount,
    #[n(2)]
    pub(super) claim: Claim,
}

/// The issuer is taking the coins.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadFunding {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) request: Message<Request>,
    #[n(2)]
    pub(super) claim: Claim,
    #[n(3)]
    pub(super) order: Order,
    #[n(4)]
    pub(super) coins: Vec<HeldCoin>,
    #[n(5)]
    pub(super) change: Option<Bundle>,
}

/// The originator is being asked for the value.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadAnswering {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) call: LoadCall,
    #[n(2)]
    pub(super) claim: Claim,
    /// How many times the money was asked back.
    #[n(3)]
    pub(super) round: u32,
}

/// The originator is being asked for the money of a load that it refused.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadReturning {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) call: LoadCall,
    #[n(2)]
    pub(super) claim: Claim,
    /// The operation at the issuer that takes the money back.
    #[n(3)]
    pub(super) operation: OperationId,
    /// How many times the money was asked back.
    #[n(4)]
    pub(super) round: u32,
}

/// The card is to take its value.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadTaking {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) value: Message<Value>,
    /// What it answers, should the card no longer want it.
    #[n(2)]
    pub(super) call: LoadCall,
    #[n(3)]
    pub(super) claim: Claim,
    /// How many times the money was asked back.
    #[n(4)]
    pub(super) round: u32,
}

/// The card has its value; the originator is being told.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct LoadEnding {
    #[n(0)]
    pub(super) acknowledgement: Message<Acknowledgement>,
}

/// What an unload is for, until its money is released.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct Unloading {
    /// What the originator is told.
    #[n(0)]
    pub(super) call: UnloadCall,
    #[n(1)]
    pub(super) claim: Claim,
    /// What is paid with it.
    #[n(2)]
    pub(super) invoice: Option<Signed<Invoice>>,
}

/// The originator is being asked to ask the card for money.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct UnloadAsking {
    #[n(0)]
    pub(super) unloading: Unloading,
}

/// The card is to pay.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct UnloadPaying {
    #[n(0)]
    pub(super) unloading: Unloading,
    #[n(1)]
    pub(super) request: Message<Request>,
}

/// The card's value is on its way to the originator.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct UnloadGiving {
    #[n(0)]
    pub(super) unloading: Unloading,
    #[n(1)]
    pub(super) value: Message<Value>,
}

/// The issuer is making coins for what was released.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct UnloadRedeeming {
    #[n(0)]
    pub(super) order: Order,
    #[n(1)]
    pub(super) bundle: Bundle,
    /// Whether this is a load that comes back.
    #[n(2)]
    pub(super) returned: bool,
    #[n(3)]
    pub(super) invoice: Option<Signed<Invoice>>,
    /// The originator's word, for another order if this one is refused as too old.
    #[n(4)]
    pub(super) released: Signed<Released>,
    #[n(5)]
    pub(super) claim: Claim,
    /// When it was ordered.
    #[n(6)]
    pub(super) at: Time,
}

/// The money is where it belongs; the card does not know yet that its value has arrived.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(in crate::engine) struct Finishing {
    #[n(0)]
    pub(super) card: CardId,
    #[n(1)]
    pub(super) acknowledgement: Message<Acknowledgement>,
}

/// An open operation with a card.
#[derive(Clone, Debug, Encode, Decode)]
#[allow(clippy::large_enum_variant, reason = "it is always in a box")]
pub(in crate::engine) enum CardSaga {
    #[n(0)]
    Reporting(#[n(0)] Reporting),
    #[n(1)]
    Booking(#[n(0)] Booking),
    #[n(2)]
    Obeying(#[n(0)] Obeying),
    #[n(3)]
    LoadAsking(#[n(0)] LoadAsking),
    #[n(4)]
    LoadFunding(#[n(0)] LoadFunding),
    #[n(5)]
    LoadAnswering(#[n(0)] LoadAnswering),
    #[n(6)]
    LoadReturning(#[n(0)] LoadReturning),
    #[n(7)]
    LoadTaking(#[n(0)] LoadTaking),
    #[n(8)]
    LoadEnding(#[n(0)] LoadEnding),
    #[n(9)]
    UnloadAsking(#[n(0)] UnloadAsking),
    #[n(10)]
    UnloadPaying(#[n(0)] UnloadPaying),
    #[n(11)]
    UnloadGiving(#[n(0)] UnloadGiving),
    #[n(12)]
    UnloadRedeeming(#[n(0)] UnloadRedeeming),
    #[n(13)]
    Finishing(#[n(0)] Finishing),
    #[n(14)]
    Refund(#[n(0)] Refund),
}

impl CardSaga {
    /// The card that has to do the next step.
    pub(in crate::engine) const fn needs(&self) -> Option<CardId> {
        match self {
            Self::Reporting(Reporting { card, .. })
            | Self::Obeying(Obeying { card, .. })
            | Self::LoadAsking(LoadAsking { card, .. })
            | Self::LoadTaking(LoadTaking { card, .. })
            | Self::Finishing(Finishing { card, .. }) => Some(*card),
            Self::UnloadPaying(state) => Some(state.unloading.call.payer.card),
            Self::Refund(state) if state.needs_card() => Some(state.card()),
            _ => None,
        }
    }

    /// The card it is about, while it is open for the holder.
    pub(super) const fn card(&self) -> Option<CardId> {
        match self {
            Self::Reporting(Reporting { card, .. })
            | Self::Booking(Booking { card, .. })
            | Self::Obeying(Obeying { card, .. })
            | Self::LoadAsking(LoadAsking { card, .. })
            | Self::LoadFunding(LoadFunding { card, .. })
            | Self::LoadAnswering(LoadAnswering { card, .. })
            | Self::LoadTaking(LoadTaking { card, .. })
            | Self::Finishing(Finishing { card, .. }) => Some(*card),
            Self::UnloadAsking(UnloadAsking { unloading })
            | Self::UnloadPaying(UnloadPaying { unloading, .. })
            | Self::UnloadGiving(UnloadGiving { unloading, .. }) => Some(unloading.call.payer.card),
            Self::Refund(state) => Some(state.card()),
            Self::LoadReturning(_) | Self::LoadEnding(_) | Self::UnloadRedeeming(_) => None,
        }
    }

    /// Coins that belong to it and cannot be spent meanwhile.
    pub(in crate::engine) fn coins(&self) -> &[HeldCoin] {
        match self {
            Self::LoadFunding(state) => &state.coins,
            _ => &[],
        }
    }

    /// How many times it was begun anew.
    pub(in crate::engine) const fn round(&self) -> u32 {
        match self {
            Self::LoadReturning(state) => state.round,
            _ => 0,
        }
    }

    /// Whether nobody waits for it any more.
    pub(in crate::engine) const fn is_over(&self) -> bool {
        matches!(self, Self::LoadEnding(_) | Self::Finishing(_))
    }
}
