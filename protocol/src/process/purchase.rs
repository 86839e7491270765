//! Coin purchase (VC-3): an order for denominations and counts, a debit at the bank, new coins.
//!
//! W1: a valid order goes through, if need be after a crash. W2: the ledger makes coins only after
//! the bank has moved the money to the issuer's reserve. W3: the bank debits only on the account
//! key's signature over this operation and amount, once.

use minicbor::{Decode, Encode};

use super::Process;
use crate::amount::Bundle;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::signed::{Signed, Statement};
use crate::statement::{Certificate, DebitAuthorisation};
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Purchase {}

impl Process for Purchase {
    const ROUTE: Route = Route::Purchase;
    type Order = Signed<PurchaseOrder>;
    type Outcome = Coins;
}

/// VC: `W-DESC`, signed by the purchaser.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PurchaseOrder {
    /// The purchaser, enrolled.
    #[n(0)]
    pub certificate: Signed<Certificate>,
    /// Which coins.
    #[n(1)]
    pub bundle: Bundle,
    /// The account key's permission for this operation and the bundle's total.
    #[n(2)]
    pub authorisation: Signed<DebitAuthorisation>,
    /// Whether the register may note whom the coins were made for, so that they can be refunded
    /// when lost (VC-8).
    #[n(3)]
    pub recoverable: bool,
    /// When it was asked.
    #[n(4)]
    pub at: Time,
}

impl Statement for PurchaseOrder {
    const DOMAIN: &'static str = "koban/v1/purchase-order";
}
