//! A chip as a card's platform.

use embedded_storage::nor_flash::NorFlash;
use koban_card::Platform;
use koban_card::platform::{Features, StoreFailed};
use koban_card::purse::wire::Class;
use koban_protocol::entropy::Entropy;

use crate::store::FlashStore;

/// A purse in a chip.
pub struct Board<F, E> {
    store: FlashStore<F>,
    entropy: E,
}

impl<F: NorFlash, E: FnMut(&mut [u8; 32])> Board<F, E> {
    /// A purse with this store, and entropy that the chip's generator fills in.
    pub const fn new(store: FlashStore<F>, entropy: E) -> Self {
        Self { store, entropy }
    }
}

impl<F, E> core::fmt::Debug for Board<F, E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Board(..)")
    }
}

impl<F: NorFlash, E: FnMut(&mut [u8; 32])> Platform for Board<F, E> {
    type Store = FlashStore<F>;

    fn class(&self) -> Class {
        Class::Purse
    }

    fn features(&self) -> Features {
        Features { display: false, button: true, counter: false }
    }

    fn store(&mut self) -> &mut FlashStore<F> {
        &mut self.store
    }

    fn entropy(&mut self) -> Entropy {
        let mut seed = [0; 32];
        (self.entropy)(&mut seed);
        Entropy::new(seed)
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}
