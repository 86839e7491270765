//! Redeem (VC-7): coins, or value held from payments (aggregate, VC-5), into money in the
//! redeemer's account.

use minicbor::{Decode, Encode};

use super::{HeldClaim, Process};
use crate::amount::{Amount, Bundle};
use crate::limits::COINS_MAX;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::signed::{Signed, Statement};
use crate::statement::Certificate;
use crate::time::Time;
use crate::wire::List;

/// The process.
#[derive(Debug)]
pub enum Redeem {}

impl Process for Redeem {
    const ROUTE: Route = Route::Redeem;
    type Order = Signed<RedeemOrder>;
    type Outcome = Redeemed;
}

/// What to redeem into the enrolled account; signed by the redeemer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RedeemOrder {
    /// The redeemer, enrolled.
    #[n(0)]
    pub certificate: Signed<Certificate>,
    /// Coins.
    #[n(1)]
    pub coins: Coins,
    /// Held value.
    #[n(2)]
    pub held: List<HeldClaim, COINS_MAX>,
    /// How much goes to the account.
    #[n(3)]
    pub amount: Amount,
    /// The rest, as fresh coins.
    #[n(4)]
    pub change: Option<Bundle>,
    /// When it was asked.
    #[n(5)]
    pub at: Time,
}

impl Statement for RedeemOrder {
    const DOMAIN: &'static str = "koban/v1/redeem-order";
}

/// The money is on its way to the account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Redeemed {
    /// How much.
    #[n(0)]
    pub amount: Amount,
    /// The change.
    #[n(1)]
    pub change: Coins,
}
