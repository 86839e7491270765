//! The applet on a machine whose power and store fail when told to.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod bench;
mod cuts;
mod emulated;
mod hostile;
mod limits;
mod machine;
mod money;
mod owner;
mod worlds;
