//! The purse (Mondex; VarietyCash 4): a counter in a card, and one exchange that moves value
//! between two of them with nobody else online.
//!
//! ```text
//! payee                         payer
//!   │ ── Request ───────────────▶ │  both sides and their numbers, amount
//!   │ ◀── Value ───────────────── │  debited and logged before it leaves
//!   │ ── Acknowledgement ───────▶ │  credited and logged before it leaves
//! ```
//!
//! Loading, unloading, buying, refunding and giving are this one exchange between different
//! parties:
//!
//! | who pays | who is paid | is called | proven by |
//! | --- | --- | --- | --- |
//! | originator | purse | load | a tag under the purse's load key |
//! | purse | originator | unload | likewise |
//! | purse | terminal | purchase | a tag under the purse's key of the terminal's segment |
//! | terminal | purse | refund | likewise |
//! | terminal | originator | collection | a tag under the terminal's load key |
//! | purse | purse | gift | the sender's signature and certificate |
//!
//! A derived key is `f(K, card)` (VC 4.2): whoever has `K` makes it, the card has only its own.
//! There are [`SEGMENTS`] purchase keys `K`; a terminal has one of them, so that opening it opens
//! one segment. Value and acknowledgement of a card also carry its signature, which no terminal can
//! make: it is what a terminal checks as well before it takes a value, and what the originator's
//! shadow accounts believe. So an opened terminal can pass for a terminal, and no more.
//!
//! A purse has a number for each exchange, which goes up before anything is proven with it and is
//! never used twice. Values are MONDEX-1 to MONDEX-4 and VC-13.

mod card;
#[cfg(feature = "alloc")]
pub mod issuer;
mod key;
#[cfg(feature = "alloc")]
pub mod service;
pub mod wire;

pub use card::{Birth, Born, Keys, Personalisation, PurchaseKeys, SealedPersonalisation};
pub use key::{PurseKey, WrongTag};

/// Purchase keys of an originator, each for a part of the terminals (VC 4.2, segmentation).
pub const SEGMENTS: usize = 8;
/// Currencies in a card.
pub const POCKETS_MAX: usize = 4;
/// Bytes of a terminal's name.
pub const LABEL_BYTES_MAX: usize = 32;
