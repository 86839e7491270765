//! Signed statements: the exact bytes of a body and a signature over `len(domain) || domain ||
//! body`.
//!
//! The bytes are kept as they came, so that evidence is never re-encoded. Bodies are compared,
//! never signatures.

//!
//! [`Attested`] is for a card, which has no heap to keep bytes in: its content is encoded again to
//! be checked, which gives the same bytes since a value has one encoding.

#[cfg(feature = "alloc")]
mod kept;

use minicbor::{Decode, Encode};

#[cfg(feature = "alloc")]
pub use kept::{OpenError, Signed};

use crate::id::Digest;
use crate::key::{BadSignature, Signature, SigningKey, VerifyingKey};
use crate::wire::Wire;

/// A message that somebody puts a name under.
pub trait Statement: Wire {
    /// `koban/v1/<type>`; no two statements share one.
    const DOMAIN: &'static str;
}

/// Gives each statement its domain, `koban/v1/` and a name.
macro_rules! domains {
    ($($statement:ty = $domain:literal,)*) => {
        $(impl Statement for $statement {
            const DOMAIN: &'static str = concat!("koban/v1/", $domain);
        })*
    };
}
pub(crate) use domains;

/// A statement with its signature, in the clear; [`Attested::open`] says whether it holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Attested<T> {
    /// What is stated.
    #[n(0)]
    pub claim: T,
    /// The signature over its one encoding.
    #[n(1)]
    pub signature: Signature,
}

impl<T: Statement> Attested<T> {
    /// `claim` under `key`'s signature.
    pub fn sign(claim: T, key: &SigningKey) -> Self {
        let signature = key.sign(&Digest::of_value(T::DOMAIN, &claim));
        Self { claim, signature }
    }

    /// The claim, if `key` signed it.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn open(&self, key: &VerifyingKey) -> Result<&T, BadSignature> {
        key.verify(&Digest::of_value(T::DOMAIN, &self.claim), &self.signature)?;
        Ok(&self.claim)
    }
}
