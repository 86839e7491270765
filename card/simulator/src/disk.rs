//! A card's hardware: memory and counter are files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use koban_card::platform::{Features, LOG_ENTRIES, Platform, Slot, Store, StoreFailed};
use koban_card::purse::wire::Class;
use koban_protocol::entropy::Entropy;

/// A directory with a card's memory in it: the file `memory`, a place a slot, and the file
/// `counter`. Every write has reached the disk before it counts as done.
#[derive(Debug)]
pub struct Disk {
    class: Class,
    memory: File,
    counter: File,
    count: u32,
}

impl Disk {
    /// Opens a card's directory, or makes that of a new card.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn open(directory: &Path, class: Class) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let open = |name: &str, bytes: u64| {
            let path = directory.join(name);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            if file.metadata()?.len() < bytes {
                file.set_len(bytes)?;
                file.sync_all()?;
            }
            io::Result::Ok(file)
        };
        let memory = open("memory", place(Slot::Log(0)).saturating_add(log_bytes()))?;
        let counter = open("counter", 4)?;
        // the files' names as well
        File::open(directory)?.sync_all()?;
        let mut count = [0; 4];
        counter.read_exact_at(&mut count, 0)?;
        Ok(Self { class, memory, counter, count: u32::from_be_bytes(count) })
    }
}

fn bytes(slot: Slot) -> u64 {
    u64::try_from(slot.bytes()).unwrap_or(u64::MAX)
}

fn log_bytes() -> u64 {
    bytes(Slot::Log(0)).saturating_mul(LOG_ENTRIES.into())
}

/// Where a slot begins: the four records, then the log.
fn place(slot: Slot) -> u64 {
    let record = bytes(Slot::State(0));
    match slot {
        Slot::Identity(half) => record.saturating_mul(half.into()),
        Slot::State(half) => record.saturating_mul(u64::from(half).saturating_add(2)),
        Slot::Log(entry) => {
            record.saturating_mul(4).saturating_add(bytes(slot).saturating_mul(entry.into()))
        }
    }
}

impl Store for Disk {
    fn read(&mut self, slot: Slot, into: &mut [u8]) -> Result<(), StoreFailed> {
        self.memory.read_exact_at(into, place(slot)).map_err(|_| StoreFailed)
    }

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), StoreFailed> {
        let written = self.memory.write_all_at(bytes, place(slot));
        written.and_then(|()| self.memory.sync_data()).map_err(|_| StoreFailed)
    }
}

impl Platform for Disk {
    type Store = Self;

    fn class(&self) -> Class {
        self.class
    }

    fn features(&self) -> Features {
        Features { display: false, button: true, counter: true }
    }

    fn store(&mut self) -> &mut Self {
        self
    }

    fn entropy(&mut self) -> Entropy {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            // a card without chance would repeat its keys: better none
            let _ = io::stderr().write_all(b"no randomness\n");
            std::process::abort();
        }
        Entropy::new(seed)
    }

    fn counter(&mut self) -> u32 {
        self.count
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        let raised = self.count.checked_add(1).ok_or(StoreFailed)?;
        let written = self.counter.write_all_at(&raised.to_be_bytes(), 0);
        written.and_then(|()| self.counter.sync_data()).map_err(|_| StoreFailed)?;
        self.count = raised;
        Ok(())
    }
}
