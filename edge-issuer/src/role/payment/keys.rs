//! The payment server's keys, all from its one seed: a signing key and an account key for each
//! shop, the shops' tokens, the operator's token, and the key of what rests in a shop's database.

use std::fmt;
use std::str::FromStr;

use koban_protocol::entropy::Entropy;
use koban_protocol::id::{Digest, NotAnId, from_hex};
use koban_protocol::key::{Seed, SigningKey};
use subtle::ConstantTimeEq as _;

use crate::role::vault::Vault;

const HALF: usize = 8;

/// A shop's id: 8 bytes chosen when it was opened and 8 that authenticate them under the payment
/// server's seed, so that the front knows a shop from a guess without asking an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShopId([u8; 16]);

impl fmt::Display for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ShopId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        from_hex(text).map(Self).ok_or(NotAnId)
    }
}

impl ShopId {
    fn new(seed: &Seed, chosen: [u8; HALF]) -> Self {
        let mac = seed.derive(&[b"shop-id", &chosen]);
        let mut id = [0; 16];
        let bytes = chosen.iter().chain(mac.expose());
        id.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(id)
    }

    /// A fresh id.
    pub(super) fn fresh(seed: &Seed, entropy: Entropy) -> Self {
        Self::new(seed, entropy.bytes())
    }

    /// The id that belongs to an idempotency key: the same key names the same shop.
    pub(super) fn of_key(seed: &Seed, key: &str) -> Self {
        let chosen =
            seed.derive(&[b"shop-of-key", Digest::of("koban/v1/key", key.as_bytes()).0.as_slice()]);
        let mut half = [0; HALF];
        half.iter_mut().zip(chosen.expose()).for_each(|(to, from)| *to = *from);
        Self::new(seed, half)
    }

    /// Whether this payment server made the id.
    pub(super) fn is_ours(&self, seed: &Seed) -> bool {
        let mut chosen = [0; HALF];
        chosen.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        bool::from(Self::new(seed, chosen).0.ct_eq(&self.0))
    }
}

/// The first 16 bytes of `HKDF(seed, purpose)` in hexadecimal: a bearer token.
fn token(seed: &Seed, purpose: &[&[u8]]) -> String {
    let derived = seed.derive(purpose);
    derived.expose().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A shop's keys.
#[derive(Debug)]
pub(super) struct ShopKeys {
    /// Signs invoices, orders to the issuer, receipts.
    pub(super) signing: SigningKey,
    /// Owns the bank account.
    pub(super) account: SigningKey,
    /// What its database's secrets rest under.
    pub(super) vault: Vault,
    /// What the shop shows.
    pub(super) token: String,
}

impl ShopKeys {
    /// The keys of a shop.
    pub(super) fn new(seed: &Seed, shop: ShopId) -> Self {
        let key = |purpose: &[u8]| SigningKey::from_seed(&seed.derive(&[purpose, &shop.0]));
        Self {
            signing: key(b"shop-signing"),
            account: key(b"shop-account"),
            vault: Vault::new(seed, &[b"shop-vault", &shop.0]),
            token: token(seed, &[b"shop-token", &shop.0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guessed_shop_is_known_as_such() {
        let seed = Seed::new([1; 32]);
        let shop = ShopId::of_key(&seed, "demo");
        assert!(shop.is_ours(&seed));
        assert_eq!(shop, ShopId::of_key(&seed, "demo"));
        assert_ne!(shop, ShopId::of_key(&seed, "demo2"));
        assert!(!shop.is_ours(&Seed::new([2; 32])));
        assert!(!ShopId([3; 16]).is_ours(&seed));
        assert_eq!(shop.to_string().parse(), Ok(shop));
    }

    #[test]
    fn derivations_do_not_run_into_one_another() {
        let seed = Seed::new([1; 32]);
        let (a, b) = (ShopId([0; 16]), ShopId([1; 16]));
        let keys = [ShopKeys::new(&seed, a), ShopKeys::new(&seed, b)];
        assert_ne!(keys[0].token, keys[1].token);
        assert_ne!(keys[0].signing.verifying_key(), keys[1].signing.verifying_key());
        assert_ne!(keys[0].signing.verifying_key(), keys[0].account.verifying_key());
    }
}
