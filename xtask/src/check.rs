//! `check`: everything that can be said about the code without running it.

use anyhow::Result;

use crate::command::{cargo, complete, program};
use crate::defects;
use crate::setup::{self, CARGO_DENY};
use crate::steps::Steps;

/// The packages that run in a browser or at the edge.
const WEB_PACKAGES: &str = "--package koban-web --package koban-edge-issuer";

/// Performs every check and prints a table of them.
///
/// # Errors
/// Any of them fails.
pub(crate) fn check() -> Result<()> {
    setup::for_checking()?;
    let mut steps = Steps::default();
    checks(&mut steps);
    steps.finish()
}

/// The checks as steps of a longer row.
pub(crate) fn checks(steps: &mut Steps) {
    steps.step("format", || complete(&mut cargo("fmt --all --check")));
    steps.step("lints, native", || {
        complete(&mut cargo("clippy --quiet --keep-going --workspace --all-targets -- -D warnings"))
    });
    steps.step("lints, wasm", || {
        let clippy = "clippy --quiet --keep-going --target wasm32-unknown-unknown";
        complete(&mut cargo(&format!("{clippy} {WEB_PACKAGES} -- -D warnings")))?;
        let wallet = "--package koban-wallet-wasm --all-targets";
        complete(&mut cargo(&format!("{clippy} {wallet} -- -D warnings")))
    });
    steps.step("protocol alone on bare metal", || {
        let target = "--target thumbv7em-none-eabihf --no-default-features";
        complete(&mut cargo(&format!("check --quiet --package koban-protocol {target}")))
    });
    steps.step("tidy", || complete(&mut cargo("test --quiet --package koban-tests --test tidy")));
    steps.step("defects fit", defects::fit);
    steps.step("documentation", || {
        let mut doc = cargo("doc --quiet --workspace --no-deps --document-private-items");
        complete(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.step("dependencies", || {
        let mut deny = program(CARGO_DENY.path());
        complete(deny.args(["--log-level", "warn", "check", "bans", "licenses", "sources"]))
    });
}
