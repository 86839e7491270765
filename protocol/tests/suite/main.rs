//! The protocol's own tests: money, ids, the wire, signatures, seals, the mint, and the issuer's
//! desk.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_enum_variant,
    reason = "a test may stop at the first surprise"
)]

#[path = "../fixture/mod.rs"]
mod fixture;

mod amounts;
mod desk;
mod door;
mod ids;
mod invoices;
mod mint;
mod movement;
mod purse;
mod sealed;
mod signatures;
