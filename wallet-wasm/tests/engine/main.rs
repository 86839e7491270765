//! The engine against the shipped issuer core: every process, dishonest sides, crashes, lost
//! answers.

#![cfg(not(target_arch = "wasm32"))]
#![allow(unreachable_pub, reason = "modules of one test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod card;
mod chance;
mod edge;
mod faults;
mod holder;
mod identity;
mod look;
mod money;
mod originator;
mod payment;
mod refund;
mod till;
