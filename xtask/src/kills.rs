//! `kills`: an edge under load that is killed again and again.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::command::{cargo, complete};
use crate::edge::Edge;

/// How often the edge is killed, unless it is said.
pub(crate) const KILLS: u32 = 200;
/// How long all may take, and each kill.
const LIMIT: Duration = Duration::from_secs(600);
const EACH: Duration = Duration::from_secs(6);

/// Has wallets and shops use a fresh edge, which is killed (SIGKILL) so many times and started
/// again over the same disk. The bundles must have been built.
///
/// # Errors
/// Something does not end, or a yen is missing.
pub(crate) fn kills(kills: u32, profile: &str, state: &Path) -> Result<()> {
    let program = format!("--quiet --profile {profile} --package koban-tests --bin koban-kills");
    complete(&mut cargo(&format!("build {program}")))?;
    let mut edge = Edge::fresh(state)?;
    let mut command = cargo(&format!("run {program} -- --kills {kills} --origins"));
    command.arg(edge.origins());
    edge.outlives(&mut command, LIMIT + EACH * kills)
}
