//! The wallet.
//!
//! [`engine`] decides everything and touches nothing: events in, effects out. [`drivers`] perform
//! the effects in a browser: IndexedDB, fetch, clock, locks. [`Wallet`] joins the two for a page
//! written in Rust, and `bindings` (feature `js`) offers the same to JavaScript. [`view`] is what
//! all of them show.

pub mod drivers;
pub mod engine;
pub mod view;
mod wallet;

#[cfg(feature = "js")]
pub mod bindings;

pub use wallet::{CardWish, Wallet, WalletConfig};
