//! Simulated cards as USB devices of a real kernel.
//!
//! ```text
//! Chromium ── hidraw, usbfs ── usbhid, usbcore ── dummy_hcd ── f_hid, FunctionFS ── [Gadget]
//!          ── sockets ── koban-card-simulator
//! ```
//!
//! It takes the simulator's command line and starts the simulator with it, so that whoever drives
//! one can drive the other. Each device that the simulator shows it builds as a gadget, from the
//! descriptors shown, on a port of dummy_hcd: a cable inside the kernel. What `koban-card-shim`
//! leaves out is the kernel's own here: enumeration, descriptors and reports parsed, nodes made and
//! removed, reports given to every opener. It is for a virtual machine, as its kernel is changed;
//! `cargo xtask card-kernel` starts one, whose first programs are the files `init` and `session`.

mod gadget;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use gadget::Gadget;

/// How often it is looked which devices are shown.
const LOOK: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let at = words.iter().position(|word| word == "--devices").context("no --devices")?;
    let devices = Path::new(words.get(at.saturating_add(1)).context("--devices has no value")?);
    fs::create_dir_all(devices).with_context(|| devices.display().to_string())?;
    let beside = env::current_exe()?.with_file_name("koban-card-simulator");
    let mut simulator = Command::new(&beside)
        .args(&words)
        .spawn()
        .with_context(|| format!("starting {}", beside.display()))?;
    let followed = follow(devices, &mut simulator);
    if followed.is_err() {
        // it may have ended already, which is as good
        let _ = simulator.kill();
        let _ = simulator.wait();
    }
    followed
}

/// Plugs and unplugs as the simulator does, until it ends.
fn follow(devices: &Path, simulator: &mut Child) -> Result<()> {
    let mut plugged: BTreeMap<String, Gadget> = BTreeMap::new();
    loop {
        let shown = shown(devices)?;
        plugged.retain(|name, _| shown.contains(name));
        for name in shown {
            if let Entry::Vacant(place) = plugged.entry(name) {
                let gadget = Gadget::plug(devices, place.key());
                let gadget = gadget.with_context(|| place.key().clone())?;
                place.insert(gadget);
            }
        }
        if let Some(status) = simulator.try_wait()? {
            ensure!(status.success(), "the simulator ended with {status}");
            return Ok(());
        }
        sleep(LOOK);
    }
}

/// The devices with both interfaces shown: `NAME` of `NAME-hid` and `NAME-usb`.
fn shown(devices: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(devices)? {
        let entry = entry?.file_name();
        let name = entry.to_str().and_then(|name| name.strip_suffix("-hid"));
        let shown =
            |name: &&str| !name.starts_with('.') && devices.join(format!("{name}-usb")).exists();
        names.extend(name.filter(shown).map(str::to_owned));
    }
    Ok(names)
}
