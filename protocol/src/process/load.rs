//! Load (VC-14, VC 4.3): soft money onto a card. The issuer is the payment agency: it takes coins
//! and owes their value to the originator from then on, which loads the card for the issuer's word.
//!
//! The issuer does not learn which card: [`Funded`] names the digest of the card's request. All
//! that is owed for cards is kept by shard 0, the home of loads and unloads
//! ([`OperationId::clearing`](crate::id::OperationId::clearing)), so that no more can come back
//! than was ever loaded (MONDEX-4).

use minicbor::{Decode, Encode};

use super::Process;
use crate::amount::{Amount, Bundle};
use crate::id::Digest;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::signed::Signed;
use crate::statement::Funded;
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Load {}

impl Process for Load {
    const ROUTE: Route = Route::Load;
    type Order = LoadOrder;
    type Outcome = Loaded;
}

/// Coins for a card's request: `coins = amount + change`; nobody's name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoadOrder {
    /// The coins.
    #[n(0)]
    pub coins: Coins,
    /// How much the card is to get.
    #[n(1)]
    pub amount: Amount,
    /// The rest, as fresh coins.
    #[n(2)]
    pub change: Option<Bundle>,
    /// The digest of the card's [`Request`](crate::offline::purse::wire::Request).
    #[n(3)]
    pub request: Digest,
    /// Of a [`ClaimSecret`](super::unload::ClaimSecret), by which the money is taken back if the
    /// card never takes it.
    #[n(4)]
    pub claim: Digest,
    /// When it was asked.
    #[n(5)]
    pub at: Time,
}

/// The card can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Loaded {
    /// The issuer's word, for the originator.
    #[n(0)]
    pub funded: Signed<Funded>,
    /// The change.
    #[n(1)]
    pub change: Coins,
}
