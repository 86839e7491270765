//! A store in memory, for hosts that keep it elsewhere: they are told which slots were written.

use core::fmt;

use zeroize::Zeroize as _;

use crate::platform::{LOG_ENTRIES, Slot, Store, StoreFailed};

const RECORD_BYTES: usize = Slot::State(0).bytes();
const ENTRY_BYTES: usize = Slot::Log(0).bytes();
const RECORDS: usize = 4;
const ENTRIES: usize = LOG_ENTRIES as usize;
/// Slots of a store.
pub const SLOTS: usize = RECORDS + ENTRIES;

/// A card's store in memory.
#[derive(Clone)]
pub struct Memory {
    records: [[u8; RECORD_BYTES]; RECORDS],
    entries: [[u8; ENTRY_BYTES]; ENTRIES],
    written: [bool; SLOTS],
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// A store in which nothing was ever written.
    pub const fn new() -> Self {
        Self {
            records: [[0; RECORD_BYTES]; RECORDS],
            entries: [[0; ENTRY_BYTES]; ENTRIES],
            written: [false; SLOTS],
        }
    }

    /// Every slot, in order.
    pub fn slots() -> impl Iterator<Item = Slot> {
        let records = [Slot::Identity(0), Slot::Identity(1), Slot::State(0), Slot::State(1)];
        records.into_iter().chain((0..=u8::MAX).take(ENTRIES).map(Slot::Log))
    }

    /// What a slot holds.
    pub fn content(&self, slot: Slot) -> &[u8] {
        match slot {
            Slot::Identity(half) => &self.records[usize::from(half & 1)],
            Slot::State(half) => &self.records[2 | usize::from(half & 1)],
            Slot::Log(entry) => &self.entries[usize::from(entry) % ENTRIES],
        }
    }

    /// The slots written since this was last asked.
    pub fn take_written(&mut self) -> impl Iterator<Item = Slot> {
        let written = core::mem::replace(&mut self.written, [false; SLOTS]);
        Self::slots().zip(written).filter_map(|(slot, written)| written.then_some(slot))
    }

    fn content_mut(&mut self, slot: Slot) -> (&mut [u8], &mut bool) {
        let (content, place): (&mut [u8], usize) = match slot {
            Slot::Identity(half) => {
                let place = usize::from(half & 1);
                (&mut self.records[place], place)
            }
            Slot::State(half) => {
                let place = 2 | usize::from(half & 1);
                (&mut self.records[place], place)
            }
            Slot::Log(entry) => {
                let place = usize::from(entry) % ENTRIES;
                (&mut self.entries[place], place.saturating_add(RECORDS))
            }
        };
        (content, &mut self.written[place])
    }
}

impl Store for Memory {
    fn read(&mut self, slot: Slot, into: &mut [u8]) -> Result<(), StoreFailed> {
        let content = self.content(slot).get(..into.len()).ok_or(StoreFailed)?;
        into.copy_from_slice(content);
        Ok(())
    }

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), StoreFailed> {
        let (content, written) = self.content_mut(slot);
        content.get_mut(..bytes.len()).ok_or(StoreFailed)?.copy_from_slice(bytes);
        *written = true;
        Ok(())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory(..)")
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.records.as_flattened_mut().zeroize();
    }
}
