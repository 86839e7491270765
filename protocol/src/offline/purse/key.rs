//! Derived keys `f(K, card)` and the tags they make (VC 4.2).

use core::convert::Infallible;
use core::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::wire::{CardId, Tag};
use crate::key::Seed;
use crate::signed::Statement;

/// A key shared by two parties of the hierarchy: a master `K`, or `f(K, card)`.
pub struct PurseKey(Seed);

/// A tag that does not verify; no reason is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongTag;

impl fmt::Display for WrongTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tag does not verify")
    }
}
impl core::error::Error for WrongTag {}

impl PurseKey {
    /// The key of these bytes.
    pub const fn new(key: Seed) -> Self {
        Self(key)
    }

    /// The bytes, for a card's store and for the message that personalises it.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// `f(K, card) = HKDF(K, "card" || card)`.
    pub fn of_card(&self, card: CardId) -> Self {
        Self(self.0.derive(&[b"card", &card.0]))
    }

    /// `HMAC-SHA256(key, len(domain) || domain || body)`, its first 16 bytes.
    pub fn tag<T: Statement>(&self, statement: &T) -> Tag {
        let mut block = [0; 64];
        block.iter_mut().zip(self.0.expose()).for_each(|(to, from)| *to = *from);
        // A key shorter than SHA-256's block is filled with zeros (RFC 2104, section 2).
        let mut mac = Tagging(Hmac::<Sha256>::new(&block.into()));
        block.zeroize();
        debug_assert!(T::DOMAIN.len() < 256);
        mac.0.update(&[u8::try_from(T::DOMAIN.len()).unwrap_or(u8::MAX)]);
        mac.0.update(T::DOMAIN.as_bytes());
        let done: Result<(), encode::Error<Infallible>> = minicbor::encode(statement, &mut mac);
        debug_assert!(done.is_ok());
        let whole = mac.0.finalize().into_bytes();
        let mut tag = Tag([0; 16]);
        tag.0.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        tag
    }

    /// Whether `tag` is this statement's; in constant time.
    ///
    /// # Errors
    /// [`WrongTag`].
    pub fn verify<T: Statement>(&self, statement: &T, tag: &Tag) -> Result<(), WrongTag> {
        if bool::from(self.tag(statement).0.ct_eq(&tag.0)) { Ok(()) } else { Err(WrongTag) }
    }
}

impl fmt::Debug for PurseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PurseKey(..)")
    }
}

/// As it travels sealed to a card, and rests in the card's store.
impl<C> Encode<C> for PurseKey {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(self.expose())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PurseKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes: Result<[u8; 32], _> = d.bytes()?.try_into();
        bytes.map(|key| Self(Seed::new(key))).map_err(|_| decode::Error::message("wrong length"))
    }
}

/// Authenticates what is written.
struct Tagging(Hmac<Sha256>);

impl Write for Tagging {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.update(bytes);
        Ok(())
    }
}
