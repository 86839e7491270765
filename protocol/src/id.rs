//! Identifiers. Each is its own type, so that none is taken for another.

use core::convert::Infallible;
use core::str::FromStr;

use minicbor::encode::{self, Encode, Write};
use sha2::{Digest as _, Sha256};

use crate::entropy::Entropy;
use crate::wire::byte_string;

byte_string!(
    /// An operation at the issuer, chosen by whoever asks for it. The same id with the same bytes
    /// gives the
    /// stored answer; its first bits name the home shard.
    OperationId, 16
);
byte_string!(
    /// A coin of the scheme [`tagged`](crate::online::tagged), chosen by the issuer; its first bits
    /// name the
    /// shard that keeps it.
    CoinId, 16
);
byte_string!(
    /// An invoice, chosen by the payee (VC: `TID_PY`).
    InvoiceId, 16
);
byte_string!(
    /// A participant: the first 16 bytes of the digest of its verifying key.
    ParticipantId, 16
);
byte_string!(
    /// A public key in short: the first 8 bytes of its digest.
    KeyId, 8
);
byte_string!(
    /// SHA-256 over `len(domain) || domain || body`.
    Digest, 32
);

/// Hashes what is written.
struct Hashing(Sha256);

impl Hashing {
    fn under(domain: &str) -> Self {
        debug_assert!(domain.len() < 256);
        let hash = Sha256::new();
        Self(
            hash.chain_update([u8::try_from(domain.len()).unwrap_or(u8::MAX)]).chain_update(domain),
        )
    }
}

impl Write for Hashing {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.update(bytes);
        Ok(())
    }
}

impl Digest {
    /// `SHA-256(u8 len(domain) || domain || body)`; one domain per use.
    pub fn of(domain: &str, body: &[u8]) -> Self {
        let mut hash = Hashing::under(domain);
        hash.0.update(body);
        Self(hash.0.finalize().into())
    }

    /// The same of a value's one encoding, hashed as it is made.
    pub fn of_value<T: Encode<()>>(domain: &str, value: &T) -> Self {
        let mut hash = Hashing::under(domain);
        let done: Result<(), encode::Error<Infallible>> = minicbor::encode(value, &mut hash);
        debug_assert!(done.is_ok());
        Self(hash.0.finalize().into())
    }

    /// The first `N` bytes.
    pub fn prefix<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        bytes
    }
}

/// Which of an issuer's coin shards keeps a row or an operation.
///
/// With `n` shards, shard `i` keeps the ids whose first two bytes, read as a fraction of 2^16, lie
/// in `[i/n, (i+1)/n)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard that keeps what is owed to the originator for cards: one, so that no more can come
    /// back than was loaded.
    pub const CLEARING: Self = Self(0);

    /// The shard among `shards` that an id belongs to.
    pub fn of(id: &[u8; 16], shards: u16) -> Self {
        let fraction = u32::from(u16::from_be_bytes([id[0], id[1]]));
        Self(u16::try_from(fraction.wrapping_mul(u32::from(shards)) >> 16).unwrap_or(0))
    }

    /// `id` moved into this shard: its first two bytes are scaled into the shard's range, so that a
    /// uniformly random id stays uniformly random within the shard and tells nothing else.
    pub(crate) fn place(self, mut id: [u8; 16], shards: u16) -> [u8; 16] {
        let shards = u64::from(shards.max(1));
        let first = u64::from(self.0).wrapping_mul(1 << 16).div_ceil(shards);
        let end = u64::from(self.0).wrapping_add(1).wrapping_mul(1 << 16).div_ceil(shards);
        let drawn = u64::from(u16::from_be_bytes([id[0], id[1]]));
        let offset = drawn.wrapping_mul(end.saturating_sub(first)) >> 16;
        let placed = u16::try_from(first.wrapping_add(offset)).unwrap_or(u16::MAX);
        [id[0], id[1]] = placed.to_be_bytes();
        id
    }
}

impl OperationId {
    /// A fresh id; at home in the shard of `near`, so that an operation on that coin stays in one
    /// shard.
    pub fn fresh(near: Option<CoinId>, shards: u16, entropy: Entropy) -> Self {
        let id = entropy.bytes();
        Self(near.map_or(id, |coin| coin.shard(shards).place(id, shards)))
    }

    /// A fresh id of a load or an unload; at home in [`Shard::CLEARING`].
    pub fn clearing(shards: u16, entropy: Entropy) -> Self {
        Self(Shard::CLEARING.place(entropy.bytes(), shards))
    }

    /// The home shard.
    pub fn shard(&self, shards: u16) -> Shard {
        Shard::of(&self.0, shards)
    }
}

impl CoinId {
    /// The shard that keeps the coin.
    pub fn shard(&self, shards: u16) -> Shard {
        Shard::of(&self.0, shards)
    }
}

/// The bytes of lower-case hexadecimal text of exactly `2 N` digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    if digits.len() != N.checked_mul(2)? || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Text that is not the hexadecimal form of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

macro_rules! from_text {
    ($($name:ident),*) => {$(
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                from_hex(text).map(Self).ok_or(NotAnId)
            }
        }
    )*};
}
from_text!(OperationId, InvoiceId, ParticipantId, CoinId, KeyId, Digest);
