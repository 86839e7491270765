//! The payment server (VC-4 to VC-6, FX-9), with the real issuer and banks behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod market;

mod payment {
    mod envelopes;
    mod interface;
    mod opening;
    mod recovery;
    mod takings;
}
