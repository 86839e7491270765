//! Which coins to spend, and which to ask for.
//!
//! All denominations are powers of two, so each divides the next, and taking the largest coin that
//! still fits is optimal: if any set of coins makes an amount, this does, with the fewest coins; if
//! none does, this comes closest from below. (A solution without that largest coin holds smaller
//! ones that make exactly its value, or falls short of it.) From above: the least sum that is
//! enough is the total less the greatest sum that may stay behind.

use koban_protocol::amount::{Amount, Bundle, Currency, Denomination};
use koban_protocol::id::{CoinId, Shard};
use koban_protocol::limits::{COINS_MAX, DENOMINATION_EXPONENT_MAX};
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::time::Day;

use super::problem::Fault;

const EXPONENTS: usize = DENOMINATION_EXPONENT_MAX as usize + 1;

/// How many coins of each denomination there are, by exponent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; EXPONENTS]);

impl Counts {
    /// The counts of `coins`.
    pub fn of<'a>(coins: impl IntoIterator<Item = &'a CoinBody>) -> Self {
        let mut counts = Self::default();
        coins.into_iter().for_each(|coin| counts.add(coin.denomination, 1));
        counts
    }

    /// How many there are of one denomination.
    pub fn count(&self, denomination: Denomination) -> u32 {
        self.0.get(usize::from(denomination.exponent())).copied().unwrap_or(0)
    }

    /// How many there are.
    pub fn coins(&self) -> usize {
        self.0.iter().map(|count| usize::try_from(*count).unwrap_or(usize::MAX)).sum()
    }

    /// What they are worth, minor units.
    pub fn total(&self) -> u64 {
        descending().fold(0, |sum: u64, denomination| {
            let value = u64::from(self.count(denomination)).saturating_mul(denomination.minor());
            sum.saturating_add(value)
        })
    }

    /// The denominations there are, ascending, with how many of each.
    pub fn some(&self) -> impl Iterator<Item = (Denomination, u32)> + '_ {
        let all = (0..=DENOMINATION_EXPONENT_MAX).filter_map(Denomination::new);
        all.map(|denomination| (denomination, self.count(denomination))).filter(|it| it.1 > 0)
    }

    fn add(&mut self, denomination: Denomination, more: u32) {
        if let Some(count) = self.0.get_mut(usize::from(denomination.exponent())) {
            *count = count.saturating_add(more);
        }
    }

    /// The greatest sum of these coins that is not above `limit`, with the fewest coins.
    fn closest_below(&self, limit: u64) -> Self {
        let (mut taken, mut rest) = (Self::default(), limit);
        for denomination in descending() {
            let fit = u32::try_from(rest / denomination.minor()).unwrap_or(u32::MAX);
            let take = fit.min(self.count(denomination));
            taken.add(denomination, take);
            let value = u64::from(take).saturating_mul(denomination.minor());
            rest = rest.saturating_sub(value);
        }
        taken
    }

    /// The least sum of these coins that is not below `target`, with the fewest coins.
    fn closest_above(&self, target: u64) -> Option<Self> {
        let spare = self.total().checked_sub(target)?;
        let least = self.total().saturating_sub(self.closest_below(spare).total());
        Some(self.closest_below(least))
    }

    /// The largest coins first, until it is enough: the fewest coins that make `target` or more.
    fn fewest_above(&self, target: u64) -> Self {
        let (mut taken, mut rest) = (Self::default(), target);
        for denomination in descending() {
            let need = u32::try_from(rest.div_ceil(denomination.minor())).unwrap_or(u32::MAX);
            let take = need.min(self.count(denomination));
            taken.add(denomination, take);
            let value = u64::from(take).saturating_mul(denomination.minor());
            rest = rest.saturating_sub(value);
        }
        taken
    }

    fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(have, need)| *have >= need)
    }
}

fn descending() -> impl Iterator<Item = Denomination> {
    (0..=DENOMINATION_EXPONENT_MAX).rev().filter_map(Denomination::new)
}

/// Chooses among `coins`, all of the target's currency and spendable, what pays `target`:
///
/// 1. exactly, with the fewest coins; else with the smallest change, and of those the fewest coins;
/// 2. if that takes more than [`COINS_MAX`] coins: the fewest coins at all;
/// 3. among equal coins: all in one shard if some shard has them (one transaction at the issuer),
///    then those that expire first.
///
/// # Errors
/// [`Fault::TooLittleMoney`], [`Fault::TooManyCoins`].
pub fn choose(coins: &[CoinBody], target: Amount, shards: u16) -> Result<Vec<CoinId>, Fault> {
    let have = Counts::of(coins);
    let mut need = have.closest_above(target.minor()).ok_or(Fault::TooLittleMoney)?;
    if need.coins() > COINS_MAX {
        need = have.fewest_above(target.minor());
    }
    if need.coins() > COINS_MAX {
        return Err(Fault::TooManyCoins);
    }
    let home = one_shard(coins, &need, shards);
    let mut order: Vec<&CoinBody> = coins.iter().collect();
    order.sort_by_key(|coin| (Some(coin.id.shard(shards)) != home, coin.expiry, coin.id));
    let (mut left, mut chosen) = (need, Vec::new());
    for coin in order {
        let count = left.0.get_mut(usize::from(coin.denomination.exponent()));
        if let Some(count) = count.filter(|count| **count > 0) {
            *count = count.saturating_sub(1);
            chosen.push(coin.id);
        }
    }
    Ok(chosen)
}

/// The shard that has all that is needed; of several, the one whose coins expire first.
fn one_shard(coins: &[CoinBody], need: &Counts, shards: u16) -> Option<Shard> {
    let of = |shard: Shard| coins.iter().filter(move |coin| coin.id.shard(shards) == shard);
    let able = (0..shards).map(Shard).filter(|shard| Counts::of(of(*shard)).covers(need));
    able.min_by_key(|shard| of(*shard).map(|coin| coin.expiry).min().unwrap_or(Day(u32::MAX)))
}

/// The coins to ask for when `amount` comes in and coins like `held` stay in the wallet: one of
/// each denomination that the wallet lacks, the smallest first, as far as the amount goes; the rest
/// in the fewest coins. No coin exceeds `largest`.
///
/// Into an empty wallet, this is the standard bundle of a withdrawal. `1, 2, 4 ... 2^k` with
/// `2^(k+1) - 1 <= amount`, and a rest in coins of at most `2^(k+1)`: they pay every amount up to
/// the whole exactly, so that the first payments need no change. As change, it fills the gaps that
/// exact payments leave. If it would take more than [`COINS_MAX`] coins, it is the fewest coins.
///
/// # Errors
/// [`Fault::TooManyCoins`] if even the fewest are more than [`COINS_MAX`].
pub fn handy(amount: Amount, largest: Denomination, held: &Counts) -> Result<Bundle, Fault> {
    let (mut counts, mut rest) = (Counts::default(), amount.minor());
    for exponent in 0..=largest.exponent() {
        let Some(denomination) = Denomination::new(exponent) else { continue };
        let lacking = held.count(denomination) == 0;
        if let Some(less) = rest.checked_sub(denomination.minor()).filter(|_| lacking) {
            counts.add(denomination, 1);
            rest = less;
        }
    }
    add_fewest(&mut counts, rest, largest);
    match bundle(amount.currency(), &counts) {
        Err(Fault::TooManyCoins) => fewest(amount, largest),
        handy => handy,
    }
}

/// The fewest coins of at most `largest` that make `amount`.
///
/// # Errors
/// [`Fault::TooManyCoins`].
pub fn fewest(amount: Amount, largest: Denomination) -> Result<Bundle, Fault> {
    let mut counts = Counts::default();
    add_fewest(&mut counts, amount.minor(), largest);
    bundle(amount.currency(), &counts)
}

fn add_fewest(counts: &mut Counts, amount: u64, largest: Denomination) {
    let mut rest = amount;
    for denomination in descending().filter(|denomination| *denomination <= largest) {
        let fit = rest / denomination.minor();
        counts.add(denomination, u32::try_from(fit).unwrap_or(u32::MAX));
        rest %= denomination.minor();
    }
}

/// The bundle of these counts.
///
/// # Errors
/// [`Fault::TooManyCoins`].
pub fn bundle(currency: Currency, counts: &Counts) -> Result<Bundle, Fault> {
    let list = counts.some().map(|(it, count)| (it, u16::try_from(count).unwrap_or(u16::MAX)));
    let list = list.collect();
    Bundle::new(currency, list).map_err(|_| Fault::TooManyCoins)
}

/// Two bundles of one currency as one.
///
/// # Errors
/// [`Fault::TooManyCoins`].
pub fn together(one: &Bundle, other: &Bundle) -> Result<Bundle, Fault> {
    let mut counts = Counts::default();
    let both = one.denominations().chain(other.denominations());
    both.for_each(|denomination| counts.add(denomination, 1));
    bundle(one.currency(), &counts)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
