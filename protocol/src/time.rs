//! Time, always an argument: the core has no clock.

use minicbor::{Decode, Encode};

use crate::limits::CLOCK_SKEW_MAX_S;

const DAY_S: u64 = 86_400;

/// Seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Time(#[n(0)] pub u64);

/// Days since 1970-01-01 UTC. Coins carry days, not seconds, so that their expiry tells nothing of
/// their birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] pub u32);

impl Time {
    /// This time and `seconds` more; saturates.
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The day it lies in.
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0 / DAY_S).unwrap_or(u32::MAX))
    }

    /// Whether it lies within [`CLOCK_SKEW_MAX_S`] of `now`.
    pub fn is_near(self, now: Self) -> bool {
        self.0.abs_diff(now.0) <= CLOCK_SKEW_MAX_S
    }
}

impl Day {
    /// This day and `days` more; saturates.
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The next day that is a multiple of `days`, this one included: coins of one period expire
    /// together.
    pub fn round_up(self, days: u32) -> Self {
        Self(self.0.checked_next_multiple_of(days).unwrap_or(self.0))
    }
}
