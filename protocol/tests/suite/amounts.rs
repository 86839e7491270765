//! Amounts and bundles: checked arithmetic, limits, and the fewest coins.

use koban_protocol::amount::{Amount, AmountError, Bundle, BundleError, Currency, Denomination};
use koban_protocol::limits::{AMOUNT_MAX_MINOR, COINS_MAX, DENOMINATION_EXPONENT_MAX};
use koban_protocol::wire::{decode_exact, encode};
use proptest::prelude::*;

use crate::fixture::{coins_of, currency, yen};

fn denomination(exponent: u8) -> Denomination {
    Denomination::new(exponent).unwrap()
}

fn bundle(counts: &[(u8, u16)]) -> Result<Bundle, BundleError> {
    let counts = counts.iter().map(|(exponent, count)| (denomination(*exponent), *count));
    Bundle::new(currency("JPY"), counts.collect())
}

#[test]
fn a_currency_is_three_capital_letters() {
    assert_eq!(currency("JPY").code(), "JPY");
    for wrong in ["", "JP", "JPYX", "jpy", "J1Y", "JP ", "¥¥", "J\u{30d}P"] {
        assert_eq!(Currency::new(wrong), None, "{wrong}");
    }
}

#[test]
fn an_amount_ends_at_its_limit() {
    let most = yen(AMOUNT_MAX_MINOR);
    let over = AMOUNT_MAX_MINOR + 1;
    assert_eq!(Amount::new(currency("JPY"), over), Err(AmountError::OutOfRange));
    assert_eq!(Amount::new(currency("JPY"), u64::MAX), Err(AmountError::OutOfRange));
    assert_eq!(most.checked_add(yen(1)), Err(AmountError::OutOfRange));
    assert_eq!(most.checked_add(yen(0)), Ok(most));
    assert_eq!(most.checked_sub(most), Ok(Amount::zero(currency("JPY"))));
    assert_eq!(yen(1).checked_sub(yen(2)), Err(AmountError::OutOfRange));
}

#[test]
fn currencies_do_not_mix() {
    let cent = Amount::new(currency("USD"), 1).unwrap();
    assert_eq!(yen(1).checked_add(cent), Err(AmountError::OtherCurrency));
    assert_eq!(yen(1).checked_sub(cent), Err(AmountError::OtherCurrency));
    assert_ne!(yen(0), Amount::zero(currency("USD")));
}

#[test]
fn denominations_are_the_powers_of_two_up_to_the_highest() {
    for exponent in 0..=u8::MAX {
        let denomination = Denomination::new(exponent);
        assert_eq!(denomination.is_some(), exponent <= DENOMINATION_EXPONENT_MAX);
        if let Some(denomination) = denomination {
            assert_eq!(denomination.minor(), 1 << exponent);
            assert_eq!(Denomination::of_minor(denomination.minor()), Some(denomination));
        }
    }
    for minor in [0, 3, 5, 1 << (DENOMINATION_EXPONENT_MAX + 1), 1 << 63, u64::MAX] {
        assert_eq!(Denomination::of_minor(minor), None, "{minor}");
    }
}

#[test]
fn a_bundle_ascends_without_empty_counts() {
    assert!(bundle(&[(0, 1), (1, 2), (5, 3)]).is_ok());
    assert!(bundle(&[]).is_ok());
    for wrong in [&[(0, 0)][..], &[(1, 1), (0, 1)], &[(1, 1), (1, 1)], &[(0, 1), (1, 0)]] {
        assert_eq!(bundle(wrong), Err(BundleError::NotAList), "{wrong:?}");
    }
}

#[test]
fn a_bundle_holds_64_coins_and_not_65() {
    assert_eq!(bundle(&[(3, 64)]).map(|full| full.coins()), Ok(COINS_MAX));
    assert_eq!(bundle(&[(3, 65)]), Err(BundleError::TooManyCoins));
    assert_eq!(bundle(&[(3, 32), (4, 33)]), Err(BundleError::TooManyCoins));
    let every: Vec<_> = (0..=DENOMINATION_EXPONENT_MAX).map(|e| (e, u16::MAX)).collect();
    assert_eq!(bundle(&every), Err(BundleError::TooManyCoins));
}

#[test]
fn the_fullest_bundle_has_a_total() {
    let full = bundle(&[(DENOMINATION_EXPONENT_MAX, 64)]).unwrap();
    assert_eq!(full.total(), yen(64 << DENOMINATION_EXPONENT_MAX));
}

#[test]
fn amounts_beyond_64_coins_have_no_bundle() {
    let highest = 1_u64 << DENOMINATION_EXPONENT_MAX;
    assert_eq!(Bundle::fewest(yen(64 * highest)).map(|b| b.coins()), Ok(64));
    assert_eq!(Bundle::fewest(yen(64 * highest + 1)), Err(BundleError::TooManyCoins));
    assert_eq!(Bundle::fewest(yen(AMOUNT_MAX_MINOR)), Err(BundleError::TooManyCoins));
    assert_eq!(coins_of(0).coins(), 0);
}

/// Fewest coins by trying every top coin: the reference that [`Bundle::fewest`] is held against.
fn fewest_by_search(minor: u64) -> usize {
    let mut best = vec![0_usize];
    for value in 1..=usize::try_from(minor).unwrap() {
        let coins = (0..24).map(|exponent| 1_usize << exponent).take_while(|coin| *coin <= value);
        best.push(coins.map(|coin| best[value - coin] + 1).min().unwrap());
    }
    best[usize::try_from(minor).unwrap()]
}

#[test]
fn fewest_is_the_fewest() {
    for minor in [1, 2, 3, 7, 8, 370, 500, 999, 1023, 1024] {
        assert_eq!(coins_of(minor).coins(), fewest_by_search(minor), "{minor}");
    }
}

proptest! {
    #[test]
    fn fewest_makes_the_amount(minor in 0_u64..(64 << DENOMINATION_EXPONENT_MAX)) {
        if let Ok(bundle) = Bundle::fewest(yen(minor)) {
            prop_assert_eq!(bundle.total(), yen(minor));
            prop_assert_eq!(bundle.denominations().count(), bundle.coins());
            let ascending: Vec<_> = bundle.denominations().collect();
            prop_assert!(ascending.is_sorted());
        }
    }

    #[test]
    fn add_and_sub_undo_each_other(a in 0..=AMOUNT_MAX_MINOR, b in 0..=AMOUNT_MAX_MINOR) {
        match yen(a).checked_add(yen(b)) {
            Ok(sum) => {
                prop_assert_eq!(sum.minor(), a + b);
                prop_assert_eq!(sum.checked_sub(yen(b)), Ok(yen(a)));
            }
            Err(error) => {
                prop_assert_eq!(error, AmountError::OutOfRange);
                prop_assert!(a + b > AMOUNT_MAX_MINOR);
            }
        }
    }

    #[test]
    fn bundles_and_amounts_survive_the_wire(
        minor in 0..=AMOUNT_MAX_MINOR,
        counts in proptest::collection::btree_map(0_u8..24, 1_u16..6, 0..12),
    ) {
        let amount = yen(minor);
        prop_assert_eq!(decode_exact::<Amount>(&encode(&amount)), Ok(amount));
        let counts: Vec<_> = counts.into_iter().collect();
        let bundle = bundle(&counts).unwrap();
        let total: u64 = counts.iter().map(|(e, count)| u64::from(*count) << e).sum();
        prop_assert_eq!(bundle.total(), yen(total));
        prop_assert_eq!(decode_exact::<Bundle>(&encode(&bundle)), Ok(bundle));
    }
}
