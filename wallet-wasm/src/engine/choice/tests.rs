#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::*;

const SHARDS: u16 = 4;

fn yen() -> Currency {
    Currency::new("JPY").unwrap()
}

fn amount(minor: u64) -> Amount {
    Amount::new(yen(), minor).unwrap()
}

fn denomination(exponent: u8) -> Denomination {
    Denomination::new(exponent).unwrap()
}

fn coin(id: u16, exponent: u8, expiry: u32) -> CoinBody {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&id.to_be_bytes());
    let expiry = Day(expiry);
    CoinBody { id: CoinId(bytes), currency: yen(), denomination: denomination(exponent), expiry }
}

fn purse(most: usize) -> impl Strategy<Value = Vec<CoinBody>> {
    let coins = proptest::collection::btree_map(any::<u16>(), (0_u8..7, 0_u32..5), 1..most);
    coins.prop_map(|coins| coins.into_iter().map(|(id, (exp, day))| coin(id, exp, day)).collect())
}

fn chosen(coins: &[CoinBody], minor: u64) -> Result<Vec<CoinBody>, Fault> {
    let ids = choose(coins, amount(minor), SHARDS)?;
    Ok(coins.iter().filter(|coin| ids.contains(&coin.id)).copied().collect())
}

fn total(coins: &[CoinBody]) -> u64 {
    coins.iter().map(|coin| coin.denomination.minor()).sum()
}

/// For every sum, the fewest coins that make it: found by trying all sets.
fn all_sums(coins: &[CoinBody]) -> std::collections::BTreeMap<u64, usize> {
    let mut sums = std::collections::BTreeMap::from([(0, 0)]);
    for coin in coins {
        let with: Vec<_> =
            sums.iter().map(|(sum, count)| (sum + coin.denomination.minor(), count + 1)).collect();
        for (sum, count) in with {
            let least = sums.entry(sum).or_insert(count);
            *least = count.min(*least);
        }
    }
    sums
}

proptest! {
    #[test]
    fn the_choice_is_the_best_of_all_sets(coins in purse(16), part in 0_u64..1000) {
        let target = 1.max(total(&coins) * part / 1000);
        let sums = all_sums(&coins);
        let (best, fewest) = sums.range(target..).next().unwrap();
        let chosen = chosen(&coins, target).unwrap();
        prop_assert_eq!(total(&chosen), *best);
        prop_assert_eq!(chosen.len(), *fewest);
    }

    #[test]
    fn more_than_there_is_is_too_little_money(coins in purse(40), more in 1_u64..1000) {
        prop_assert_eq!(chosen(&coins, total(&coins) + more), Err(Fault::TooLittleMoney));
    }

    #[test]
    fn one_shard_is_enough_if_any_shard_has_the_coins(coins in purse(60), part in 0_u64..1000) {
        let target = 1.max(total(&coins) * part / 1000);
        let Ok(chosen) = chosen(&coins, target) else { return Ok(()) };
        let need = Counts::of(&chosen);
        let able = one_shard(&coins, &need, SHARDS);
        let shard = chosen[0].id.shard(SHARDS);
        let alone = chosen.iter().all(|coin| coin.id.shard(SHARDS) == shard);
        prop_assert_eq!(alone || able.is_none(), true);
        if able.is_none() {
            for coin in &chosen {
                let sooner = |other: &&CoinBody| other.denomination == coin.denomination
                    && other.expiry < coin.expiry && !chosen.contains(other);
                prop_assert_eq!(coins.iter().find(sooner), None);
            }
        }
    }

    #[test]
    fn a_standard_bundle_pays_every_amount_exactly(minor in 1_u64..20_000, largest in 10_u8..20) {
        let bundle = handy(amount(minor), denomination(largest), &Counts::default()).unwrap();
        prop_assert_eq!(bundle.total(), amount(minor));
        let coins: Vec<_> = (0..).zip(bundle.denominations())
            .map(|(id, d)| coin(id, d.exponent(), 0)).collect();
        for target in (1..=minor).step_by(97).chain([minor]) {
            prop_assert_eq!(total(&chosen(&coins, target).unwrap()), target);
        }
    }

    #[test]
    fn change_fills_the_gaps(minor in 1_u64..100_000, coins in purse(20)) {
        let held = Counts::of(&coins);
        let bundle = handy(amount(minor), denomination(23), &held).unwrap();
        prop_assert_eq!(bundle.total(), amount(minor));
        let mut rest = minor;
        for exponent in 0..7 {
            let d = denomination(exponent);
            if held.count(d) == 0 && rest >= d.minor() {
                rest -= d.minor();
                prop_assert!(bundle.denominations().any(|made| made == d));
            }
        }
    }

    #[test]
    fn no_coin_exceeds_the_largest(minor in 1_u64..4_000, largest in 6_u8..23) {
        for bundle in [
            handy(amount(minor), denomination(largest), &Counts::default()).unwrap(),
            fewest(amount(minor), denomination(largest)).unwrap(),
        ] {
            prop_assert!(bundle.denominations().all(|d| d.exponent() <= largest));
            prop_assert_eq!(bundle.total(), amount(minor));
        }
    }
}

#[test]
fn many_small_coins_give_way_to_fewer_large_ones() {
    let small = (0..80).map(|id| coin(id, 0, 0));
    let coins: Vec<_> = small.chain([coin(900, 7, 0)]).collect();
    assert_eq!(total(&chosen(&coins, 64).unwrap()), 64);
    assert_eq!(total(&chosen(&coins, 70).unwrap()), 128);
}

#[test]
fn what_sixty_four_coins_cannot_make_is_said() {
    let coins: Vec<_> = (0..80).map(|id| coin(id, 0, 0)).collect();
    assert_eq!(chosen(&coins, 65), Err(Fault::TooManyCoins));
    assert_eq!(
        handy(amount(65 << 3), denomination(3), &Counts::default()),
        Err(Fault::TooManyCoins)
    );
}

#[test]
fn five_thousand_yen_come_as_seventeen_coins() {
    let bundle = handy(amount(5000), denomination(23), &Counts::default()).unwrap();
    assert_eq!(bundle.coins(), 17);
    assert_eq!(fewest(amount(5000), denomination(23)).unwrap().coins(), 5);
}
