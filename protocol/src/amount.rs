//! Money: an amount always knows its currency, and only checked arithmetic touches it.

use alloc::vec::Vec;
use core::fmt;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use crate::limits::{AMOUNT_MAX_MINOR, COINS_MAX, DENOMINATION_EXPONENT_MAX};

/// A currency by its ISO 4217 code (or any three upper-case letters an issuer chooses).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of this code: exactly three letters `A` to `Z`.
    pub fn new(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The code.
    pub fn code(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl<C> Encode<C> for Currency {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.str(self.code())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Currency {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.str()?).ok_or_else(|| decode::Error::message("not a currency code"))
    }
}

/// Why two amounts do not combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// They are of different currencies.
    OtherCurrency,
    /// The result would exceed [`AMOUNT_MAX_MINOR`] or fall below zero.
    OutOfRange,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherCurrency => "the amounts are of different currencies",
            Self::OutOfRange => "the amount is out of range",
        })
    }
}
impl core::error::Error for AmountError {}

/// An amount in minor units (yen, cents) of one currency; zero is an amount, negative is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    currency: Currency,
    minor: u64,
}

impl Amount {
    /// `minor` units of `currency`.
    ///
    /// # Errors
    /// [`AmountError::OutOfRange`] above [`AMOUNT_MAX_MINOR`].
    pub fn new(currency: Currency, minor: u64) -> Result<Self, AmountError> {
        if minor > AMOUNT_MAX_MINOR {
            return Err(AmountError::OutOfRange);
        }
        Ok(Self { currency, minor })
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { currency, minor: 0 }
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Minor units.
    pub const fn minor(&self) -> u64 {
        self.minor
    }

    /// Whether it is nothing.
    pub const fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`AmountError`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let sum = self.minor.checked_add(other.minor).ok_or(AmountError::OutOfRange)?;
        Self::new(self.currency, sum)
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`AmountError`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let rest = self.minor.checked_sub(other.minor).ok_or(AmountError::OutOfRange)?;
        Self::new(self.currency, rest)
    }

    fn same_currency(self, other: Self) -> Result<(), AmountError> {
        if self.currency == other.currency { Ok(()) } else { Err(AmountError::OtherCurrency) }
    }
}

impl<C> Encode<C> for Amount {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?;
        self.currency.encode(e, c)?;
        e.u64(self.minor)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Amount {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("an amount has two parts"));
        }
        let currency = Currency::decode(d, c)?;
        Self::new(currency, d.u64()?).map_err(|_| decode::Error::message("amount out of range"))
    }
}

/// A coin's value: `2^exponent` minor units, exponent at most [`DENOMINATION_EXPONENT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Denomination(u8);

impl Denomination {
    /// `2^exponent` minor units.
    pub fn new(exponent: u8) -> Option<Self> {
        (exponent <= DENOMINATION_EXPONENT_MAX).then_some(Self(exponent))
    }

    /// The denomination worth exactly `minor` units.
    pub fn of_minor(minor: u64) -> Option<Self> {
        let exponent = u8::try_from(minor.checked_ilog2()?).ok()?;
        if minor.is_power_of_two() { Self::new(exponent) } else { None }
    }

    /// The exponent.
    pub const fn exponent(self) -> u8 {
        self.0
    }

    /// Its value in minor units.
    pub const fn minor(self) -> u64 {
        1 << self.0
    }
}

impl<C> Encode<C> for Denomination {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Denomination {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.u8()?).ok_or_else(|| decode::Error::message("no such denomination"))
    }
}

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
