//! Simulated cards, told by lines of standard input what befalls them.
//!
//! ```text
//! koban-card-simulator --devices DIR --cards DIR [--button auto|stdin|never]
//!     [--originator URL --token TOKEN] NAME:CLASS...
//!
//! plug NAME [as fido|keyboard]   puts it into the reader, under power
//! unplug NAME                    takes it out
//! cut NAME after N               takes it out when it has sent N more frames
//! cut NAME before N              takes it out when the N-th command from now has come, undone
//! cut NAME answering N           takes it out when that command is done, before its answer leaves
//! trick NAME [TRICK]             has it pass for a card from now on; without TRICK it is one again
//! press [NAME]  refuse [NAME]    the holder decides, on one card or on whichever asks
//! quit                           or the end of the input
//! ```
//!
//! TRICK is `replay INS`: commands of this instruction byte, hexadecimal, are answered as the first
//! of them was since power came; `halve`: answers end in the middle; `stop`: after the first frame
//! no more come; `shuffle`: frames say that they have another place in the answer.
//!
//! CLASS is `purse` or `terminal`. With an originator and its operator's token, blank cards are
//! first made cards of it; those of class `CLASS:forged` get keys that no originator gave.
//!
//! What happens is told on standard output, a JSON object a line:
//! `{"event": "ready" | "plugged" | "unplugged" | "cut" | "asked" | "answered" | "wrong", ...}`.

mod arguments;
mod factory;
mod table;

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use arguments::Arguments;
use table::Table;

/// How often cards that wait for the button are looked after, milliseconds.
const TICK_MS: u16 = 20;
/// Longest line of standard input, bytes.
const LINE_BYTES_MAX: usize = 1024;

fn main() -> ExitCode {
    match Arguments::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let mut table = Table::new(arguments)?;
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut lines = Lines { input, read: vec![] };
    table.tell(&serde_json::json!({ "event": "ready" }));
    loop {
        if wait(&lines.input, &table)? {
            let Some(lines) = lines.next()? else {
                return Ok(());
            };
            for line in lines {
                if line == "quit" {
                    return Ok(());
                }
                table.command(&line);
            }
        }
        table.serve(Instant::now());
    }
}

/// Waits for input, a frame or a tick; whether there is input.
fn wait(input: &File, table: &Table) -> Result<bool> {
    let mut waited: Vec<PollFd<'_>> = std::iter::once(input.as_fd())
        .chain(table.descriptors())
        .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
        .collect();
    let limit = if table.is_asking() { TICK_MS.into() } else { PollTimeout::NONE };
    poll(&mut waited, limit)?;
    Ok(waited.first().and_then(PollFd::any).unwrap_or(false))
}

struct Lines {
    input: File,
    read: Vec<u8>,
}

impl Lines {
    /// The whole lines that have come; none at the end of the input.
    fn next(&mut self) -> Result<Option<Vec<String>>> {
        let mut part = [0; LINE_BYTES_MAX];
        let length = self.input.read(&mut part)?;
        if length == 0 {
            return Ok(None);
        }
        self.read.extend_from_slice(&part[..length]);
        let Some(end) = self.read.iter().rposition(|byte| *byte == b'\n') else {
            anyhow::ensure!(self.read.len() < LINE_BYTES_MAX, "a line is too long");
            return Ok(Some(vec![]));
        };
        let rest = self.read.split_off(end.saturating_add(1));
        let whole = std::mem::replace(&mut self.read, rest);
        Ok(Some(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()))
    }
}
