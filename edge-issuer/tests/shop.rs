//! The demo shop (ECASH-3, VC-12): its pages, its doors into a wallet, its owner's desk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
mod market;
#[allow(dead_code, unreachable_pub)]
#[path = "../../tests/src/network.rs"]
mod network;
#[allow(dead_code, unreachable_pub)]
#[path = "../../tests/src/raw.rs"]
mod raw;
#[allow(dead_code, unreachable_pub)]
#[path = "../../tests/src/world.rs"]
mod world;

mod shop {
    mod browser;
    mod buying;
    mod owner;
}
