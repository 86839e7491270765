//! The store in a chip's flash: a page for each slot, so that a cut while one is erased or written
//! reaches no other.
//!
//! A page wears out: the nRF52840's after 10,000 erasures (product specification 1.11, section
//! 6.33). An exchange writes the state two or three times, in two halves in turn.

use embedded_storage::nor_flash::NorFlash;
use koban_card::memory::SLOTS;
use koban_card::platform::{Slot, Store, StoreFailed};

/// Bytes of a page: the least that both chips erase.
const PAGE_BYTES: usize = 4096;
/// What both chips write at once, or a multiple of it.
const WORD_BYTES: usize = 4;
/// Bytes of flash that a store takes.
pub const FLASH_BYTES: usize = SLOTS * PAGE_BYTES;
/// Slots of the two records, before those of the log.
const RECORDS: u8 = 4;

/// A store in the last [`FLASH_BYTES`] of a flash; the program must end before them.
#[derive(Debug)]
pub struct FlashStore<F> {
    flash: F,
}

impl<F: NorFlash> FlashStore<F> {
    /// The store at the flash's end.
    pub const fn new(flash: F) -> Self {
        const {
            assert!(F::ERASE_SIZE == PAGE_BYTES);
            assert!(WORD_BYTES.is_multiple_of(F::WRITE_SIZE) && F::READ_SIZE == 1);
        }
        Self { flash }
    }

    fn page(&self, slot: Slot) -> Result<u32, StoreFailed> {
        let place = match slot {
            Slot::Identity(half) => half & 1,
            Slot::State(half) => 2 | (half & 1),
            Slot::Log(entry) => entry.checked_add(RECORDS).ok_or(StoreFailed)?,
        };
        let first = self.flash.capacity().checked_sub(FLASH_BYTES).ok_or(StoreFailed)?;
        let offset = usize::from(place).checked_mul(PAGE_BYTES).ok_or(StoreFailed)?;
        let page = first.checked_add(offset).ok_or(StoreFailed)?;
        u32::try_from(page).map_err(|_| StoreFailed)
    }
}

impl<F: NorFlash> Store for FlashStore<F> {
    fn read(&mut self, slot: Slot, into: &mut [u8]) -> Result<(), StoreFailed> {
        let page = self.page(slot)?;
        self.flash.read(page, into).map_err(|_| StoreFailed)
    }

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), StoreFailed> {
        let page = self.page(slot)?;
        let word = |length: usize| u32::try_from(length).map_err(|_| StoreFailed);
        let end = page.checked_add(word(PAGE_BYTES)?).ok_or(StoreFailed)?;
        self.flash.erase(page, end).map_err(|_| StoreFailed)?;
        let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
        self.flash.write(page, words.as_flattened()).map_err(|_| StoreFailed)?;
        if rest.is_empty() {
            return Ok(());
        }
        let mut last = [0xff; WORD_BYTES];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let at = page.checked_add(word(words.as_flattened().len())?).ok_or(StoreFailed)?;
        self.flash.write(at, &last).map_err(|_| StoreFailed)
    }
}
