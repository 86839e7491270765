//! `run`: everything, built and served on loopback until it is told to stop.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::config::{Ports, ROLES, origin};
use crate::edge::{Edge, Log};
use crate::steps::timed;
use crate::{bundle, setup};

const WATCH: Duration = Duration::from_millis(500);

/// Serves until Ctrl-C or TERM; what the parties know stays in `state`.
///
/// # Errors
/// Something cannot be installed, built or started, or the edge ends by itself.
pub(crate) fn run(port_base: u16, state: &Path) -> Result<()> {
    let ports = ports_from(port_base)?;
    setup::for_building()?;
    bundle::build()?;
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || {
        // nobody listens only when the program is ending already
        let _ = stop.send(());
    })
    .context("handling Ctrl-C")?;
    let mut edge = timed("start", || Edge::start(state, ports, Log::Shown))?;
    println!(
        "\nKoban is open at {}   (Ctrl-C ends it; {} keeps everything)",
        origin(port_base),
        state.display()
    );
    loop {
        match stopped.recv_timeout(WATCH) {
            Err(RecvTimeoutError::Timeout) if edge.was_killed()? => bail!("the edge was killed"),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

fn ports_from(base: u16) -> Result<Ports> {
    let mut ports = [0; ROLES.len()];
    for (port, next) in ports.iter_mut().zip(base..=u16::MAX) {
        *port = next;
    }
    if ports.contains(&0) {
        bail!("no {} ports from {base}", ROLES.len());
    }
    Ok(Ports(ports))
}
