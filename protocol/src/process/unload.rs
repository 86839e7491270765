//! Unload (VC-14, VC 4.3): value that the originator has taken off a card, or a load that the card
//! never took, as fresh coins.
//!
//! [`Released`] names the operation that takes it, so it is good once; and it names no owner but
//! whoever knows the secret of its claim, which the originator never sees.

use core::fmt;

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Process;
use crate::amount::Bundle;
use crate::entropy::Entropy;
use crate::id::Digest;
use crate::online::tagged::wire::Coins;
use crate::sealed::Route;
use crate::signed::Signed;
use crate::statement::Released;
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Unload {}

impl Process for Unload {
    const ROUTE: Route = Route::Unload;
    type Order = UnloadOrder;
    type Outcome = Coins;
}

/// Coins for a release; nobody's name.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct UnloadOrder {
    /// The originator's word, for this operation.
    #[n(0)]
    pub released: Signed<Released>,
    /// What its claim is made of.
    #[n(1)]
    pub secret: ClaimSecret,
    /// Which coins; their total is what was released.
    #[n(2)]
    pub bundle: Bundle,
    /// When it was asked.
    #[n(3)]
    pub at: Time,
}

/// Whoever knows it owns what was released for its [`claim`](Self::claim). Told to the issuer
/// alone, sealed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ClaimSecret([u8; 32]);

impl ClaimSecret {
    /// A fresh secret.
    pub fn generate(entropy: Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// The secret that [`expose`](Self::expose) gave.
    pub const fn restore(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for its owner's journal.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What everybody may see of it: `SHA-256("koban/v1/claim", secret)`.
    pub fn claim(&self) -> Digest {
        Digest::of("koban/v1/claim", &self.0)
    }
}

impl fmt::Debug for ClaimSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimSecret(..)")
    }
}

impl<C> Encode<C> for ClaimSecret {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ClaimSecret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| decode::Error::message("wrong length"))
    }
}
