//! A coin on the wire.

use core::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroize;

use crate::amount::{Amount, Currency, Denomination};
use crate::id::CoinId;
use crate::limits::COINS_MAX;
use crate::time::Day;
use crate::wire::List;

/// What a coin says of itself; not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct CoinBody {
    /// Its id, chosen by the issuer.
    #[n(0)]
    pub id: CoinId,
    /// Its currency.
    #[n(1)]
    pub currency: Currency,
    /// Its value.
    #[n(2)]
    pub denomination: Denomination,
    /// The last day it can be spent.
    #[n(3)]
    pub expiry: Day,
}

impl CoinBody {
    /// Its value.
    pub fn amount(&self) -> Amount {
        Amount::new(self.currency, self.denomination.minor()).unwrap_or(Amount::zero(self.currency))
    }
}

/// The authenticator; whoever has it has the money.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub struct Tag(pub(super) [u8; 16]);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

impl<C> Encode<C> for Tag {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Tag {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("a tag has 16 bytes"))
    }
}

/// A bearer coin.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Coin {
    /// What it says.
    #[n(0)]
    pub body: CoinBody,
    /// What proves it.
    #[n(1)]
    pub tag: Tag,
}

/// Coins of one operation.
pub type Coins = List<Coin, COINS_MAX>;
