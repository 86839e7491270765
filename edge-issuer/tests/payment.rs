//! The payment server (VC-4 to VC-6, FX-9), with the real issuer and banks behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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

mod payment {
    mod envelopes;
    mod interface;
    mod opening;
    mod recovery;
    mod takings;
}
