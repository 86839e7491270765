//! The wallet.
//!
//! [`engine`] decides everything and touches nothing: events in, effects out. [`drivers`] perform the
//! effects in a browser: IndexedDB, fetch, clock, locks. [`Wallet`] joins the two for a page written in

pub mod engine;
pub mod view;


