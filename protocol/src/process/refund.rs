//! Refund (VC-7): a holder who let the register note its coins gets the live ones again, under new
//! ids.
//!
//! The old coins die in the same operation, so a holder who had not lost them has no more than
//! before.

use minicbor::{Decode, Encode};

use super::Process;
use crate::amount::Currency;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::signed::{Signed, Statement};
use crate::statement::Certificate;
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Refund {}

impl Process for Refund {
    const ROUTE: Route = Route::Refund;
    type Order = Signed<RefundOrder>;
    type Outcome = Coins;
}

/// Signed by the holder.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RefundOrder {
    /// The holder.
    #[n(0)]
    pub certificate: Signed<Certificate>,
    /// In which currency.
    #[n(1)]
    pub currency: Currency,
    /// When it was asked.
    #[n(2)]
    pub at: Time,
}

impl Statement for RefundOrder {
    const DOMAIN: &'static str = "koban/v1/refund-order";
}
