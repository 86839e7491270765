//! Secrets at rest: AES-128-GCM under a key derived from the role's seed. Coins are money, and
//! whoever reads the database must not be able to spend them.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use koban_protocol::entropy::Entropy;
use koban_protocol::key::Seed;
use zeroize::Zeroizing;

use crate::sql::StoreError;

const NONCE_BYTES: usize = 12;

/// Encrypts what is written to one database and decrypts what is read from it.
pub(crate) struct Vault(Aes128Gcm);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// The vault whose key is the first 16 bytes of `HKDF(seed, purpose)`.
    pub(crate) fn new(seed: &Seed, purpose: &[&[u8]]) -> Self {
        let derived = seed.derive(purpose);
        let mut key = Zeroizing::new([0; 16]);
        key.iter_mut().zip(derived.expose()).for_each(|(to, from)| *to = *from);
        Self(Aes128Gcm::new(&(*key).into()))
    }

    /// `nonce || AES-128-GCM(plain)`, bound to `place`: a row's ciphertext does not open in
    /// another row.
    ///
    /// # Errors
    /// [`StoreError::Invariant`]; AES-GCM refuses only plaintexts of 64 GiB.
    pub(crate) fn seal(
        &self,
        place: &[u8],
        plain: &[u8],
        entropy: Entropy,
    ) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes();
        let payload = Payload { msg: plain, aad: place };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| StoreError::Invariant("a secret can be encrypted"))?;
        Ok(nonce.into_iter().chain(sealed).collect())
    }

    /// What [`seal`](Self::seal) was given.
    ///
    /// # Errors
    /// [`StoreError::Invariant`] if the ciphertext is not this vault's for this place.
    pub(crate) fn open(
        &self,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let foreign = StoreError::Invariant("a secret at rest opens");
        let (nonce, msg) = sealed.split_at_checked(NONCE_BYTES).ok_or(foreign.clone())?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| foreign.clone())?;
        let opened = self.0.decrypt(&Nonce::from(nonce), Payload { msg, aad: place });
        opened.map(Zeroizing::new).map_err(|_| foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&Seed::new([byte; 32]), &[b"test"])
    }

    #[test]
    fn opens_only_in_its_place_and_under_its_key() {
        let sealed = vault(1).seal(b"a", b"secret", Entropy::new([7; 32])).unwrap();
        assert_eq!(vault(1).open(b"a", &sealed).unwrap().as_slice(), b"secret");
        assert!(vault(1).open(b"b", &sealed).is_err());
        assert!(vault(2).open(b"a", &sealed).is_err());
        let mut altered = sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(vault(1).open(b"a", &altered).is_err());
        assert!(vault(1).open(b"a", &sealed[..5]).is_err());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }
}
