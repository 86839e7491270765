//! Randomness is an argument: 32 bytes that the driver draws, expanded here as far as a step needs.
//!
//! The same bytes give the same messages, on every machine; that is what makes test vectors
//! possible.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 bytes from a cryptographic generator, good for one step; moved, never copied.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Entropy([u8; 32]);

impl Entropy {
    /// Entropy from `seed`, which must be uniformly random and used for nothing else.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// A generator seeded with it.
    pub fn rng(self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.0)
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng().fill_bytes(&mut bytes);
        bytes
    }

    /// Two independent parts.
    pub fn split(self) -> (Self, Self) {
        let mut rng = self.rng();
        let mut parts = [[0; 32]; 2];
        parts.iter_mut().for_each(|part| rng.fill_bytes(part));
        (Self(parts[0]), Self(parts[1]))
    }
}
