//! Change and refresh (VC-7): coins for other coins of the same value; with `refresh`, expired ones
//! too.
//!
//! Also how a payment is called back: the payer changes the coins it had sealed, and either this or
//! the payment takes them, never both.

use minicbor::{Decode, Encode};

use super::Process;
use crate::amount::Bundle;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Change {}

impl Process for Change {
    const ROUTE: Route = Route::Change;
    type Order = ChangeOrder;
    type Outcome = Coins;
}

/// Coins for a bundle of the same value; nobody's name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChangeOrder {
    /// The coins.
    #[n(0)]
    pub coins: Coins,
    /// What is wanted for them.
    #[n(1)]
    pub bundle: Bundle,
    /// Whether expired coins are to be taken, within the refresh window.
    #[n(2)]
    pub refresh: bool,
    /// When it was asked.
    #[n(3)]
    pub at: Time,
}
