//! What the objects of one issuer say to each other. Never reachable from outside: the front
//! forwards only the paths it names.

use koban_protocol::id::{CoinId, OperationId, ParticipantId};
use koban_protocol::limits::{COINS_MAX, NOTED_COINS_MAX};
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::HeldClaim;
use koban_protocol::wire::List;
use minicbor::{Decode, Encode};

/// The home shard asks another to reserve coins and held value for an operation: all of them or
/// none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClaimOrder {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// Coins, with tags already checked.
    #[n(1)]
    pub coins: List<CoinBody, COINS_MAX>,
    /// Held value.
    #[n(2)]
    pub held: List<HeldClaim, COINS_MAX>,
    /// Who must own the held value.
    #[n(3)]
    pub owner: Option<ParticipantId>,
}

/// The claim's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClaimAnswer {
    /// Coins that are not live; empty if all were claimed.
    #[n(0)]
    pub missing: List<CoinBody, COINS_MAX>,
    /// Whether held value was missing.
    #[n(1)]
    pub held_missing: bool,
}

/// What becomes of a claim once the operation is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Decision {
    /// The operation was committed: the claimed rows are erased.
    #[n(0)]
    Settle,
    /// The operation was refused: the claimed rows are free again.
    #[n(1)]
    Release,
}

/// The home shard tells another what was decided.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DecisionOrder {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// What was decided.
    #[n(1)]
    pub decision: Decision,
}

/// Ids that may be live, of which the shard gives the live ones.
pub type LiveOrder = List<CoinId, NOTED_COINS_MAX>;
/// The live ones among those asked for.
pub type LiveAnswer = List<CoinBody, NOTED_COINS_MAX>;
