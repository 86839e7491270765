//! `demo`: the main job without a browser, on a fresh edge.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{cargo, complete, root};
use crate::config::seed_variable;
use crate::edge::Edge;
use crate::{bundle, setup};

/// Drives the wallet's engine over HTTP through the whole story; with `payments`, repeats the
/// buying and tells how fast that goes. The program finds the edge's process id in
/// `KOBAN_EDGE_PID`, to tell the processor time that the edge used for a payment.
///
/// # Errors
/// Something cannot be built or started, or the story does not come out even.
pub(crate) fn demo(payments: Option<u32>) -> Result<()> {
    setup::for_building()?;
    bundle::build()?;
    tell(payments, "demo", &root().join("target/edge-states/demo"))
}

/// The same over a built edge, with the wallet's engine compiled by the given profile of cargo.
///
/// # Errors
/// As [`demo`].
pub(crate) fn tell(payments: Option<u32>, profile: &str, state: &Path) -> Result<()> {
    let payments = payments.map(|payments| payments.to_string());
    let arguments: &[&str] = match &payments {
        Some(payments) => &["--payments", payments],
        None => &[],
    };
    against_edge("koban-demo", profile, arguments, state)
}

/// The ledger's conformance suite on Durable Objects: the cases that native SQLite passes too.
///
/// # Errors
/// A case fails.
pub(crate) fn ledger_suite(state: &Path) -> Result<()> {
    against_edge("koban-suite", "dev", &[], state)
}

/// Runs a program of the tests against a fresh edge. It finds the originator's seed where the edge
/// found it, so that it can say what no honest originator would.
fn against_edge(name: &str, profile: &str, arguments: &[&str], state: &Path) -> Result<()> {
    let program = format!("--quiet --profile {profile} --package koban-tests --bin {name}");
    complete(&mut cargo(&format!("build {program}")))?;
    let edge = Edge::fresh(state)?;
    let mut command = cargo(&format!("run {program} -- --origins"));
    command.arg(edge.origins()).args(arguments).env("KOBAN_EDGE_PID", edge.id().to_string());
    command.env(seed_variable("originator"), edge.seed("originator")?);
    if let Err(error) = complete(&mut command) {
        bail!("{error:#}\nthe edge's last messages:\n{}", edge.last_messages(20));
    }
    Ok(())
}
