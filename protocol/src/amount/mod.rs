//! Money: an amount always knows its currency, and only checked arithmetic touches it.

#[cfg(feature = "alloc")]
mod bundle;

use core::fmt;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

#[cfg(feature = "alloc")]
pub use bundle::{Bundle, BundleError};

use crate::limits::{AMOUNT_MAX_MINOR, DENOMINATION_EXPONENT_MAX};

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
