//! The card: a purse in hardware, or in software that says so.
//!
//! ```text
//! page ── frames (HID, USB) ── APDUs ── commands ── Card ── Platform (store, entropy, counter)
//! ```
//!
//! [`command`], [`apdu`] and [`frame`] are for both ends. [`Card`] is the card's end: it takes one
//! command and gives one answer, and knows neither clock nor I/O. Its hosts bring a [`Platform`]:
//! firmware, the simulator, and the virtual card in a browser. A host's law: bytes of an answer
//! leave only after every write of the command has reached the store.

#![no_std]
#![deny(clippy::arithmetic_side_effects)]

pub mod apdu;
mod card;
pub mod command;
pub mod frame;
pub mod memory;
pub mod platform;
mod record;
mod state;
pub mod status;

pub use card::Card;
pub use koban_protocol::offline::purse;
pub use platform::Platform;
pub use status::Status;
