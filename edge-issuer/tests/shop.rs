//! The demo shop (ECASH-3, VC-12): its pages, its doors into a wallet, its owner's desk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
mod market;

mod shop {
    mod browser;
    mod buying;
    mod owner;
}
