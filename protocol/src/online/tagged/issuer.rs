//! The mint: makes tags and checks them. Its keys never leave it.

use alloc::vec::Vec;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::Rng;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::wire::{Coin, CoinBody, Tag};
use crate::amount::Bundle;
use crate::entropy::Entropy;
use crate::id::{CoinId, Shard};
use crate::key::Seed;
use crate::time::Day;
use crate::wire;

/// The keys of all denominations.
#[derive(Debug)]
pub struct Mint(Seed);

/// The body of a coin whose tag was checked; only [`Mint::check`] makes one from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genuine(CoinBody);

impl Genuine {
    /// A coin the ledger itself keeps and its register recorded for the holder who asks: no tag is
    /// shown.
    pub(crate) const fn recorded(body: CoinBody) -> Self {
        Self(body)
    }

    /// The coin's body.
    pub const fn body(&self) -> &CoinBody {
        &self.0
    }
}

impl Mint {
    /// The mint of an issuer's seed.
    pub fn from_seed(seed: &Seed) -> Self {
        Self(seed.derive(&[b"mint"]))
    }

    /// The coin, if its tag is the one this mint makes. Whether it is live is for the ledger to
    /// say.
    pub fn check(&self, coin: &Coin) -> Option<Genuine> {
        let good = self.tag(&coin.body).0.ct_eq(&coin.tag.0);
        bool::from(good).then_some(Genuine(coin.body))
    }

    /// New coins of `bundle`, with random ids in shard `home` of `shards`.
    pub fn strike(
        &self,
        bundle: &Bundle,
        expiry: Day,
        (home, shards): (Shard, u16),
        entropy: Entropy,
    ) -> Vec<Coin> {
        let mut rng = entropy.rng();
        let strike = |denomination| {
            let mut id = [0; 16];
            rng.fill_bytes(&mut id);
            let id = CoinId(home.place(id, shards));
            let body = CoinBody { id, currency: bundle.currency(), denomination, expiry };
            Coin { tag: self.tag(&body), body }
        };
        bundle.denominations().map(strike).collect()
    }

    fn tag(&self, body: &CoinBody) -> Tag {
        let key = self.0.derive(&[
            b"tagged",
            body.currency.code().as_bytes(),
            &[body.denomination.exponent()],
            &body.expiry.0.to_be_bytes(),
        ]);
        let mut tag = [0; 16];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) {
            mac.update(b"koban/v1/coin");
            mac.update(&wire::encode(body));
            tag.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        }
        Tag(tag)
    }
}
