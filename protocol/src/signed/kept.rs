//! Signed statements whose bytes are kept as they came.

use core::fmt;
use core::marker::PhantomData;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use super::Statement;
use crate::id::Digest;
use crate::key::{BadSignature, Signature, SigningKey, VerifyingKey};
use crate::wire::{self, Bytes, WireError};

/// A statement with its signature; [`Signed::open`] is the only way to the content.
pub struct Signed<T> {
    body: Bytes,
    signature: Signature,
    content: PhantomData<fn() -> T>,
}

/// Why a signed statement is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Not signed by the expected key.
    Signature(BadSignature),
    /// Signed, but not a statement of this kind.
    Content(WireError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => error.fmt(f),
            Self::Content(error) => error.fmt(f),
        }
    }
}
impl core::error::Error for OpenError {}

impl<T: Statement> Signed<T> {
    /// `statement` under `key`'s signature.
    pub fn sign(statement: &T, key: &SigningKey) -> Self {
        let body = wire::encode(statement);
        let signature = key.sign(&Digest::of(T::DOMAIN, &body));
        Self { body: Bytes(body), signature, content: PhantomData }
    }

    /// The statement, if `key` signed it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, key: &VerifyingKey) -> Result<T, OpenError> {
        key.verify(&self.digest(), &self.signature).map_err(OpenError::Signature)?;
        self.claim().map_err(OpenError::Content)
    }

    /// What the statement claims, unverified: to learn under which key to [`open`](Self::open) it.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn claim(&self) -> Result<T, WireError> {
        wire::decode_exact(&self.body.0)
    }

    /// The digest of the body under its domain: what was signed, and the statement's identity.
    pub fn digest(&self) -> Digest {
        Digest::of(T::DOMAIN, &self.body.0)
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone(), signature: self.signature, content: PhantomData }
    }
}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?})", self.body)
    }
}

impl<T> PartialEq for Signed<T> {
    /// Equal bodies: two honest signatures on one body differ (WebCrypto's are randomised).
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}
impl<T> Eq for Signed<T> {}

impl<T, C> Encode<C> for Signed<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?;
        self.body.encode(e, c)?;
        self.signature.encode(e, c)
    }
}

impl<'b, T, C> Decode<'b, C> for Signed<T> {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a signed statement has two parts"));
        }
        let body = Bytes::decode(d, c)?;
        Ok(Self { body, signature: Signature::decode(d, c)?, content: PhantomData })
    }
}
