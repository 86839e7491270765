//! The money of Koban: messages and both sides of every process, without clock, entropy or I/O.
//!
//! | party | learns |
//! | --- | --- |
//! | issuer | coins, amounts, pseudonyms; which pseudonym withdrew which coin only by a logged
//! joint look-up |
//! | bank | accounts, debits and credits; never what was bought |
//! | payee | invoice, amount, the payer's change never, a coin never |
//! | payer | the payee's name and key as the issuer certified them |
//!
//! [`online::tagged`] is VarietyCash's coin; [`process`] holds one module per process, each with
//! the order, the outcome, and what either side must check. Every step that needs randomness takes
//! [`entropy::Entropy`].
//!
//! Without the feature `alloc` only what a card shares with the rest is left: amounts, keys,
//! signatures and [`offline::purse`].

#![no_std]
#![deny(clippy::arithmetic_side_effects)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod amount;
pub mod entropy;
pub mod id;
pub mod key;
pub mod limits;
pub mod offline;
#[cfg(feature = "alloc")]
pub mod online;
#[cfg(feature = "alloc")]
pub mod process;
#[cfg(feature = "alloc")]
pub mod refusal;
#[cfg(feature = "alloc")]
pub mod sealed;
pub mod signed;
#[cfg(feature = "alloc")]
pub mod statement;
pub mod time;
pub mod wire;
