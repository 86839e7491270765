//! What the issuer and the register of holders say to each other (VC-8).

use minicbor::{Decode, Encode};

use super::Purpose;
use crate::id::{CoinId, OperationId, ParticipantId};
use crate::key::VerifyingKey;
use crate::limits::{COINS_MAX, NOTED_COINS_MAX};
use crate::sealed::SealingKey;
use crate::time::{Day, Time};
use crate::wire::List;

/// What the register of holders publishes of itself (VC-8).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterKeys {
    /// The key it signs with.
    #[n(0)]
    pub key: VerifyingKey,
    /// The key that notes and look-ups are sealed to.
    #[n(1)]
    pub sealing: SealingKey,
}

/// The issuer has the register note whom coins were made for; sealed to the register, which alone
/// can read it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterNote {
    /// The operation that made them.
    #[n(0)]
    pub operation: OperationId,
    /// The holder.
    #[n(1)]
    pub holder: ParticipantId,
    /// The coins.
    #[n(2)]
    pub coins: List<CoinId, COINS_MAX>,
    /// The last day the coins can be refreshed: the note is dropped after it.
    #[n(3)]
    pub until: Day,
}

/// The issuer asks which coins were made for a holder: a deliberate, logged act (VC-8).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterLookup {
    /// The holder.
    #[n(0)]
    pub holder: ParticipantId,
    /// Why: the holder's own refund, or the operator's words.
    #[n(1)]
    pub reason: Purpose,
    /// The operation it is for, so that repeating it is logged once.
    #[n(2)]
    pub operation: OperationId,
    /// When.
    #[n(3)]
    pub at: Time,
}

/// The register's answer: at most this many coins, newest first.
pub type NotedCoins = List<CoinId, NOTED_COINS_MAX>;
