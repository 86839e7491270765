//! What a holder checks of the coins it is given: a tag cannot be checked, the rest must be.

use super::wire::{Coin, Coins};
use crate::amount::Bundle;
use crate::time::Time;

/// Coins that are not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAsAsked;

/// The coins, if they are exactly the bundle that was asked for, distinct and not expired.
///
/// # Errors
/// [`NotAsAsked`]: the issuer misbehaved.
pub fn receive(
    coins: Coins,
    bundle: &Bundle,
    now: Time,
) -> Result<alloc::vec::Vec<Coin>, NotAsAsked> {
    let asked = bundle.denominations();
    let as_asked = coins.len() == bundle.coins()
        && coins.iter().zip(asked).all(|(coin, d)| coin.body.denomination == d);
    let good = coins.iter().all(|c| c.body.currency == bundle.currency())
        && coins.iter().all(|c| c.body.expiry >= now.day());
    let distinct = coins
        .iter()
        .enumerate()
        .all(|(at, coin)| coins.iter().skip(at).skip(1).all(|other| other.body.id != coin.body.id));
    if as_asked && good && distinct { Ok(coins.into_vec()) } else { Err(NotAsAsked) }
}
