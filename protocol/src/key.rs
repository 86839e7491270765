//! Signing keys: ECDSA on P-256 with SHA-256 (FIPS 186-5), nonces of RFC 6979, low-s; and the seeds
//! keys come from.

use core::fmt;

use hkdf::Hkdf;
use p256::ecdsa::{
    self,
    signature::hazmat::{PrehashSigner, PrehashVerifier},
};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::Entropy;
use crate::id::{Digest, KeyId, ParticipantId};
use crate::wire::byte_string;

/// The secret a party derives all its keys from; it leaves only as other secrets.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from 32 uniformly random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh seed.
    pub fn generate(entropy: Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// `HKDF-SHA256(salt = "koban/v1/seed", ikm = self, info = purpose)`: one purpose per key.
    pub fn derive(&self, purpose: &[&[u8]]) -> Self {
        let mut okm = [0; 32];
        let expanded = Hkdf::<Sha256>::new(Some(b"koban/v1/seed"), &self.0)
            .expand_multi_info(purpose, &mut okm);
        // HKDF refuses only outputs longer than 255 hashes.
        debug_assert!(expanded.is_ok());
        Self(okm)
    }

    /// The bytes, for the one place that stores or uses them.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

byte_string!(
    /// A public key: a compressed SEC 1 point. Checked to be on the curve when it is used.
    VerifyingKey, 33
);
byte_string!(
    /// A public key that messages are sealed to: an uncompressed SEC 1 point, as RFC 9180
    /// serialises it.
    SealingKey, 65
);
byte_string!(
    /// `r || s`, `s <= n/2`.
    Signature, 64
);

impl SealingKey {
    /// The key in short.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of("koban/v1/sealing-key", &self.0).prefix())
    }
}

/// A signature that does not verify; no reason is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}
impl core::error::Error for BadSignature {}

impl VerifyingKey {
    /// The key in short.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of("koban/v1/key", &self.0).prefix())
    }

    /// The participant that owns the key.
    pub fn participant(&self) -> ParticipantId {
        ParticipantId(Digest::of("koban/v1/participant", &self.0).prefix())
    }

    /// Checks `signature` over `digest`.
    ///
    /// # Errors
    /// [`BadSignature`] if the key is no point, `s` is high, or the equation does not hold.
    pub fn verify(&self, digest: &Digest, signature: &Signature) -> Result<(), BadSignature> {
        let key = ecdsa::VerifyingKey::from_sec1_bytes(&self.0).map_err(|_| BadSignature)?;
        let signature = ecdsa::Signature::from_slice(&signature.0).map_err(|_| BadSignature)?;
        if signature.normalize_s() != signature {
            return Err(BadSignature);
        }
        key.verify_prehash(&digest.0, &signature).map_err(|_| BadSignature)
    }
}

/// A secret signing key.
pub struct SigningKey(ecdsa::SigningKey);

impl SigningKey {
    /// The key of `seed`: the first scalar in `1..n` among `HKDF(seed, "signing", counter)`.
    pub fn from_seed(seed: &Seed) -> Self {
        let mut counter = 0_u32;
        // A candidate is no scalar with probability 2^-32.
        loop {
            let candidate = seed.derive(&[b"signing", &counter.to_be_bytes()]);
            if let Ok(key) = ecdsa::SigningKey::from_slice(candidate.expose()) {
                return Self(key);
            }
            counter = counter.wrapping_add(1);
        }
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        let point = self.0.verifying_key().to_sec1_point(true);
        let mut key = VerifyingKey([0; 33]);
        key.0.iter_mut().zip(point.as_bytes()).for_each(|(to, from)| *to = *from);
        key
    }

    /// The deterministic low-s signature over `digest`.
    pub fn sign(&self, digest: &Digest) -> Signature {
        let signed: Result<ecdsa::Signature, _> = self.0.sign_prehash(&digest.0);
        // RFC 6979 finds a nonce for every 32-byte digest.
        debug_assert!(signed.is_ok());
        signed.map_or(Signature([0; 64]), |s| Signature(s.normalize_s().to_bytes().into()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().id())
    }
}
