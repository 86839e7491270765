//! VarietyCash's coin (VC-1): id, denomination, expiry, and a tag made under an issuer key that
//! never leaves it.
//!
//! `tag = HMAC-SHA256(K, "koban/v1/coin" || body)[..16]` with `K = HKDF(mint seed, currency,
//! denomination, expiry)`. Only the issuer can check a tag. The ledger keeps a row per live coin
//! and erases it when the coin is spent; the tag is in no row: it is computed when a coin is made
//! or shown, and rests only inside answers sealed to their asker, so that a reader of the database
//! cannot spend (VC-9).
//!
//! Who withdrew a coin and that it was spent are in different places under different keys; the
//! issuer can join them, and does so only on purpose (VC-8). A payer's coins are linkable by the
//! issuer: this is anonymity by trust.

pub mod issuer;
pub mod wallet;
pub mod wire;
