//! The mint and the coins it makes (VC-1).

use std::collections::BTreeSet;

use koban_protocol::amount::Denomination;
use koban_protocol::id::{CoinId, Shard};
use koban_protocol::online::tagged::wallet::{NotAsAsked, receive};
use koban_protocol::online::tagged::wire::Coin;
use koban_protocol::time::Day;
use koban_protocol::wire::{decode_exact, encode};

use crate::fixture::{NOW, SHARDS, World, coins_of, currency, entropy, list};

/// The coin with one bit of its tag, the last 16 bytes of its encoding, turned over.
fn forged(coin: &Coin, bit: usize) -> Coin {
    let mut bytes = encode(coin);
    let at = bytes.len() - 16 + bit / 8;
    bytes[at] ^= 1 << (bit % 8);
    decode_exact(&bytes).unwrap()
}

#[test]
fn vc_1_only_the_issuer_can_check_a_tag() {
    let issuer = World::new();
    let foreign = World::of("another issuer");
    for coin in issuer.coins(8191, "coins") {
        assert_eq!(issuer.mint.check(&coin).map(|genuine| *genuine.body()), Some(coin.body));
        assert!(foreign.mint.check(&coin).is_none());
    }
}

#[test]
fn a_tag_with_any_bit_flipped_is_forged() {
    let world = World::new();
    let coin = &world.coins(1, "coin")[0];
    for bit in 0..128 {
        assert!(world.mint.check(&forged(coin, bit)).is_none(), "bit {bit}");
    }
}

#[test]
fn a_tag_holds_for_its_own_body_alone() {
    let world = World::new();
    let coin = world.coins(4, "coin").remove(0);
    let changed = |change: &dyn Fn(&mut Coin)| {
        let mut coin = coin.clone();
        change(&mut coin);
        world.mint.check(&coin).is_none()
    };
    assert!(changed(&|coin| coin.body.denomination = Denomination::new(13).unwrap()));
    assert!(changed(&|coin| coin.body.expiry = coin.body.expiry.plus(1)));
    assert!(changed(&|coin| coin.body.expiry = Day(0)));
    assert!(changed(&|coin| coin.body.currency = currency("USD")));
    assert!(changed(&|coin| coin.body.id = CoinId([0; 16])));
    assert!(!changed(&|_| ()));
}

#[test]
fn struck_coins_are_the_bundle_with_ids_of_their_own() {
    let world = World::new();
    let expiry = Day(20_000);
    let at = (Shard(2), SHARDS);
    let strike = |name| world.mint.strike(&coins_of(5000), expiry, at, entropy(name));
    let coins = strike("a");
    let denominations: Vec<_> = coins.iter().map(|coin| coin.body.denomination).collect();
    assert!(denominations.into_iter().eq(coins_of(5000).denominations()));
    assert!(coins.iter().all(|coin| coin.body.expiry == expiry));
    let ids: BTreeSet<_> = coins.iter().chain(&strike("b")).map(|coin| coin.body.id).collect();
    assert_eq!(ids.len(), 2 * coins.len());
}

#[test]
fn a_tag_does_not_show_in_debug_output() {
    let world = World::new();
    let coin = &world.coins(1, "coin")[0];
    let tag = hex(&encode(coin)[encode(coin).len() - 16..]);
    assert!(!format!("{coin:?} {:?}", world.mint).contains(&tag));
    assert!(format!("{coin:?}").contains("Tag(..)"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_holder_takes_only_what_it_asked_for() {
    let world = World::new();
    let asked = coins_of(11);
    let take = |coins| receive(list(coins), &asked, NOW);
    let good = || world.coins(11, "coins");
    assert_eq!(take(good()), Ok(good()));
    let other = coins_of(8);
    assert_eq!(receive(list(good()), &other, NOW), Err(NotAsAsked));
    assert_eq!(take(good().into_iter().skip(1).collect()), Err(NotAsAsked));
    assert_eq!(take(good().into_iter().rev().collect()), Err(NotAsAsked));
    let repeated = {
        let mut coins = good();
        coins[1].body.id = coins[0].body.id;
        coins
    };
    assert_eq!(take(repeated), Err(NotAsAsked));
    let foreign = {
        let mut coins = good();
        coins[2].body.currency = currency("USD");
        coins
    };
    assert_eq!(take(foreign), Err(NotAsAsked));
}

#[test]
fn a_holder_takes_coins_that_expire_today_and_none_that_expired_yesterday() {
    let world = World::new();
    let today = NOW.day();
    let coins = |day| list(world.coins_until(3, "coins", day));
    assert!(receive(coins(today), &coins_of(3), NOW).is_ok());
    assert_eq!(receive(coins(Day(today.0 - 1)), &coins_of(3), NOW), Err(NotAsAsked));
}

#[test]
fn coins_made_at_any_time_of_an_epoch_expire_together() {
    let world = World::new();
    let keys = world.desk.keys();
    let expiry = keys.expiry(NOW);
    assert_eq!(expiry.0 % keys.epoch_days, 0);
    let lifetime = expiry.0 - NOW.day().0;
    assert!(lifetime >= keys.coin_lifetime_days);
    assert!(lifetime < keys.coin_lifetime_days + keys.epoch_days);
}
