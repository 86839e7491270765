//! What a host brings: a store that may fail at any write, entropy, and a counter that only goes
//! up.

use koban_protocol::entropy::Entropy;
use koban_protocol::offline::purse::wire::Class;

/// Entries of the log.
pub const LOG_ENTRIES: u32 = 64;

/// A place in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Half 0 or 1 of the record of keys and certificate.
    Identity(u8),
    /// Half 0 or 1 of the record of everything that changes.
    State(u8),
    /// An entry of the log, below [`LOG_ENTRIES`].
    Log(u8),
}

impl Slot {
    /// How many bytes a slot holds.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Identity(_) | Self::State(_) => 1024,
            Self::Log(_) => 256,
        }
    }
}

/// The store did not do it. After a failed write the slot holds anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFailed;

/// Memory that survives power cuts.
pub trait Store {
    /// Reads a slot's first bytes; what was never written reads as anything.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn read(&mut self, slot: Slot, into: &mut [u8]) -> Result<(), StoreFailed>;

    /// Writes a slot's first bytes. A cut in the middle may leave any mixture of old and new, in
    /// this slot alone.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), StoreFailed>;
}

/// What a card can show and feel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Features {
    /// It shows amount and payee itself.
    #[n(0)]
    pub display: bool,
    /// It has a button, and pays only when it is pressed.
    #[n(1)]
    pub button: bool,
    /// It has a counter that cannot be put back, so that an old state is noticed.
    #[n(2)]
    pub counter: bool,
}

/// The machine a card runs on.
pub trait Platform {
    /// Its memory.
    type Store: Store;

    /// What kind of device it is, as it was built.
    fn class(&self) -> Class;

    /// What it can show and feel.
    fn features(&self) -> Features;

    /// Its memory.
    fn store(&mut self) -> &mut Self::Store;

    /// Fresh entropy.
    fn entropy(&mut self) -> Entropy;

    /// The counter that cannot be put back; 0 if there is none.
    fn counter(&mut self) -> u32;

    /// Raises the counter by one; does nothing if there is none. Called once for each time of power
    /// in which something is written, as counters wear out.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn raise_counter(&mut self) -> Result<(), StoreFailed>;
}

/// What the holder is asked on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// To pay: who, and how much.
    Pay(crate::purse::wire::Party, koban_protocol::amount::Amount),
    /// To set the first PIN, or try another after a wrong one.
    Pin,
    /// To give up an exchange whose value may be on its way.
    Abort,
}

/// What the holder did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Button {
    /// Nothing yet: nobody was asked.
    #[default]
    Unasked,
    /// Agreed.
    Pressed,
    /// Refused, or let the time pass.
    Refused,
}
