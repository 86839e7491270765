//! Encoding: deterministic CBOR (RFC 8949 section 4.2.1) through one strict door.
//!
//! Messages are maps with integer keys in ascending order. [`decode_exact`] accepts exactly the
//! bytes that [`encode()`] makes: re-encoding and comparing refuses over-long integers, indefinite
//! lengths, unsorted or repeated keys, unknown fields and trailing bytes in one rule, so that one
//! value has one encoding and a hash of the bytes is a hash of the value.

#[cfg(feature = "alloc")]
mod owned;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::convert::Infallible;
use core::fmt;

use minicbor::decode::Decode;
use minicbor::encode::{Encode, Write};

#[cfg(feature = "alloc")]
pub use owned::{Bytes, List, Text};

use crate::limits::MESSAGE_BYTES_MAX;

/// A message of the protocol.
pub trait Wire: Encode<()> + for<'b> Decode<'b, ()> {}
impl<T: Encode<()> + for<'b> Decode<'b, ()>> Wire for T {}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    TooLong,
    /// Not CBOR of the expected shape, or a value outside its limits.
    Malformed,
    /// A valid value, but not in its one deterministic encoding, or with trailing bytes or unknown
    /// fields.
    NotCanonical,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the message is too long",
            Self::Malformed => "the message is malformed",
            Self::NotCanonical => "the message is not in its canonical encoding",
        })
    }
}
impl core::error::Error for WireError {}

/// The one encoding of `value`.
#[cfg(feature = "alloc")]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done: Result<(), minicbor::encode::Error<Infallible>> = minicbor::encode(value, &mut bytes);
    // A `Vec` takes every write and no type of this crate refuses to be encoded.
    debug_assert!(done.is_ok());
    bytes
}

/// The value whose one encoding is `bytes`.
///
/// # Errors
/// [`WireError`], in the order of its variants.
pub fn decode_exact<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::TooLong);
    }
    let value: T = minicbor::decode(bytes).map_err(|_| WireError::Malformed)?;
    if encodes_to(&value, bytes) { Ok(value) } else { Err(WireError::NotCanonical) }
}

/// Whether `bytes` are the one encoding of `value`; needs no memory of its own.
fn encodes_to<T: Encode<()>>(value: &T, bytes: &[u8]) -> bool {
    let mut rest = Expected(bytes);
    minicbor::encode(value, &mut rest).is_ok() && rest.0.is_empty()
}

/// Accepts only these bytes to be written.
struct Expected<'a>(&'a [u8]);

/// Other bytes were written than expected.
#[derive(Debug)]
struct Unexpected;

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("other bytes than expected")
    }
}

impl Write for Expected<'_> {
    type Error = Unexpected;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Unexpected> {
        self.0 = self.0.strip_prefix(written).ok_or(Unexpected)?;
        Ok(())
    }
}

/// Makes a newtype over `[u8; N]` that is a CBOR byte string of exactly that length.
macro_rules! byte_string {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let bytes = d.bytes()?.try_into();
                bytes.map(Self).map_err(|_| minicbor::decode::Error::message("wrong length"))
            }
        }
    };
}
pub(crate) use byte_string;
