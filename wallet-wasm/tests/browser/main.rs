//! The wallet in a real browser: its database, its tabs, its interface for JavaScript, and the
//! protocol's vectors in wasm. `wasm-pack test --headless --chrome wallet-wasm` runs it.
//!
//! Behind `fetch` stands the shipped issuer core, in the same page.

#![cfg(target_arch = "wasm32")]
#![allow(unreachable_pub, reason = "modules of one test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod card;
mod card_device;
mod card_virtual;
mod database;
#[path = "../engine/edge.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod edge;
mod interface;
mod network;
#[path = "../engine/originator.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod originator;
mod tabs;
mod vectors;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
