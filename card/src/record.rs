//! Records that a power cut leaves old or new, never a mixture.
//!
//! A record has two halves, written in turn; each is `counter u32 | length u16 | body | CRC-32`,
//! big endian. The whole one with the higher counter holds. A cut damages only the half that was
//! being written, which was the older one.

use crc::{CRC_32_ISO_HDLC, Crc};
use koban_protocol::wire::{self, Wire};
use zeroize::Zeroize as _;

use crate::apdu::Filling;
use crate::platform::{Slot, Store, StoreFailed};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const HEAD_BYTES: usize = 6;
const CRC_BYTES: usize = 4;
/// The largest slot.
const SLOT_BYTES_MAX: usize = 1024;

type Buffer = heapless::Vec<u8, SLOT_BYTES_MAX>;

/// A record: which half holds, and its counter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    slot: fn(u8) -> Slot,
    half: u8,
    counter: u32,
}

impl Record {
    /// Reads a record; without a value if nothing whole is there.
    pub(crate) fn read<T: Wire>(
        store: &mut impl Store,
        slot: fn(u8) -> Slot,
    ) -> Result<(Self, Option<T>), StoreFailed> {
        let mut newest = (Self { slot, half: 1, counter: 0 }, None);
        for half in [0, 1] {
            if let Some((counter, value)) = read(store, slot(half))?
                && (newest.1.is_none() || counter > newest.0.counter)
            {
                newest = (Self { slot, half, counter }, Some(value));
            }
        }
        Ok(newest)
    }

    /// Writes the record anew: into the half that does not hold.
    pub(crate) fn write<T: Wire>(
        &mut self,
        store: &mut impl Store,
        value: &T,
    ) -> Result<(), StoreFailed> {
        let next = Self {
            slot: self.slot,
            half: 1 ^ self.half,
            counter: self.counter.checked_add(1).ok_or(StoreFailed)?,
        };
        write(store, (next.slot)(next.half), next.counter, value)?;
        *self = next;
        Ok(())
    }
}

/// Writes a value into a slot.
pub(crate) fn write<T: Wire>(
    store: &mut impl Store,
    slot: Slot,
    counter: u32,
    value: &T,
) -> Result<(), StoreFailed> {
    let mut bytes = Buffer::new();
    let full = |_| StoreFailed;
    bytes.extend_from_slice(&[0; HEAD_BYTES]).map_err(full)?;
    minicbor::encode(value, Filling(&mut bytes)).map_err(|_| StoreFailed)?;
    let length = bytes.len().saturating_sub(HEAD_BYTES);
    let length = u16::try_from(length).map_err(|_| StoreFailed)?;
    let head = counter.to_be_bytes().into_iter().chain(length.to_be_bytes());
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    let check = CRC.checksum(&bytes).to_be_bytes();
    bytes.extend_from_slice(&check).map_err(full)?;
    let fits = bytes.len() <= slot.bytes();
    let done = if fits { store.write(slot, &bytes) } else { Err(StoreFailed) };
    bytes.as_mut_slice().zeroize();
    done
}

/// The counter and value of a slot, if it is whole.
pub(crate) fn read<T: Wire>(
    store: &mut impl Store,
    slot: Slot,
) -> Result<Option<(u32, T)>, StoreFailed> {
    let mut bytes = [0; SLOT_BYTES_MAX];
    let bytes = bytes.get_mut(..slot.bytes()).ok_or(StoreFailed)?;
    store.read(slot, bytes)?;
    let found = parse(bytes);
    bytes.zeroize();
    Ok(found)
}

fn parse<T: Wire>(bytes: &[u8]) -> Option<(u32, T)> {
    let (counter, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?));
    let end = HEAD_BYTES.checked_add(length)?;
    let (whole, rest) = bytes.split_at_checked(end)?;
    let check = rest.first_chunk::<CRC_BYTES>()?;
    if CRC.checksum(whole) != u32::from_be_bytes(*check) {
        return None;
    }
    let value = wire::decode_exact(whole.get(HEAD_BYTES..)?).ok()?;
    Some((u32::from_be_bytes(*counter), value))
}
