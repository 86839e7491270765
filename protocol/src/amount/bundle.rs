//! Which coins: how many of each denomination.

use alloc::vec::Vec;
use core::fmt;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use super::{Amount, Currency, Denomination};
use crate::limits::{AMOUNT_MAX_MINOR, COINS_MAX, DENOMINATION_EXPONENT_MAX};

/// A list of denominations and how many coins of each (VC 2.4), in one currency.
///
/// Denominations ascend strictly, counts are not zero, and there are at most [`COINS_MAX`] coins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    currency: Currency,
    counts: Vec<(Denomination, u16)>,
}

/// Why a list of denominations is not a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// More than [`COINS_MAX`] coins.
    TooManyCoins,
    /// Denominations repeat or do not ascend, or a count is zero.
    NotAList,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyCoins => "more coins than one operation takes",
            Self::NotAList => "the denominations repeat, do not ascend, or a count is zero",
        })
    }
}
impl core::error::Error for BundleError {}

impl Bundle {
    /// The bundle of `counts`, which ascend strictly by denomination.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn new(currency: Currency, counts: Vec<(Denomination, u16)>) -> Result<Self, BundleError> {
        let ascending = counts.iter().zip(counts.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        if !ascending || counts.iter().any(|(_, count)| *count == 0) {
            return Err(BundleError::NotAList);
        }
        let bundle = Self { currency, counts };
        if bundle.coins() > COINS_MAX { Err(BundleError::TooManyCoins) } else { Ok(bundle) }
    }

    /// The fewest coins that make `amount`.
    ///
    /// # Errors
    /// [`BundleError::TooManyCoins`] if that is more than [`COINS_MAX`].
    pub fn fewest(amount: Amount) -> Result<Self, BundleError> {
        let top = DENOMINATION_EXPONENT_MAX;
        let mut counts = Vec::new();
        for exponent in 0..top {
            if (amount.minor >> exponent) & 1 == 1 {
                counts.push((Denomination(exponent), 1));
            }
        }
        let highest = amount.minor >> top;
        if highest > 0 {
            let count = u16::try_from(highest).map_err(|_| BundleError::TooManyCoins)?;
            counts.push((Denomination(top), count));
        }
        Self::new(amount.currency, counts)
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Denominations with their counts, ascending.
    pub fn counts(&self) -> &[(Denomination, u16)] {
        &self.counts
    }

    /// How many coins there are.
    pub fn coins(&self) -> usize {
        self.counts.iter().map(|(_, count)| usize::from(*count)).sum()
    }

    /// Each coin's denomination, ascending.
    pub fn denominations(&self) -> impl Iterator<Item = Denomination> + '_ {
        let repeat =
            |(d, count): &(Denomination, u16)| core::iter::repeat_n(*d, usize::from(*count));
        self.counts.iter().flat_map(repeat)
    }

    /// The total value. Never out of range: at most `64 * 2^23` minor units.
    pub fn total(&self) -> Amount {
        let minor = self.denominations().fold(0_u64, |sum, d| sum.saturating_add(d.minor()));
        debug_assert!(minor <= AMOUNT_MAX_MINOR);
        Amount { currency: self.currency, minor }
    }
}

impl<C> Encode<C> for Bundle {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?;
        self.currency.encode(e, c)?;
        self.counts.encode(e, c)
    }
}

impl<'b, C> Decode<'b, C> for Bundle {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a bundle has two parts"));
        }
        let currency = Currency::decode(d, c)?;
        let mut counts = Vec::new();
        for pair in d.array_iter_with(c)? {
            if counts.len() > usize::from(DENOMINATION_EXPONENT_MAX) {
                return Err(decode::Error::message("too many denominations"));
            }
            counts.push(pair?);
        }
        Self::new(currency, counts).map_err(|_| decode::Error::message("not a bundle"))
    }
}
