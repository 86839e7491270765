//! Change and refresh (VC-7).

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::limits::CLOCK_SKEW_MAX_S;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::refusal::{Code, Evidence};
use koban_protocol::statement::{CoinFault, CoinVerdict};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::List;

use super::{ask, carry_out, code};
use crate::fixture::{NOW, REFRESH_DAYS, World, coins_of, currency, list, operation, yen};

fn changed(change: impl FnOnce(&World, &mut ChangeOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.change(500);
    change(&world, &mut order);
    ask::<Change>(&world, "change", &order).err().map(|refusal| refusal.code)
}

/// The code and the issuer's statement for these coins.
fn verdict(change: impl FnOnce(&World, &mut ChangeOrder)) -> (Code, CoinVerdict) {
    let world = World::new();
    let mut order = world.change(500);
    change(&world, &mut order);
    let refusal = ask::<Change>(&world, "change", &order).err().unwrap();
    let Some(Evidence::BadCoins(signed)) = refusal.evidence else { panic!("no statement") };
    (refusal.code, signed.open(&world.desk.keys().key).unwrap())
}

#[test]
fn vc_7_change_gives_other_coins_of_the_same_value() {
    let world = World::new();
    let mut order = world.change(512);
    order.bundle = Bundle::new(currency("JPY"), vec![(coin(4), 16), (coin(8), 1)]).unwrap();
    let asked = ask::<Change>(&world, "change", &order).unwrap();
    let coins = carry_out(&world, &asked);
    assert_eq!(coins.len(), 17);
    assert_eq!(coins.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 512);
    assert!(coins.iter().all(|coin| coin.body.id != order.coins[0].body.id));
    assert_eq!(asked.0.movement().outputs().holder, None);
}

fn coin(exponent: u8) -> koban_protocol::amount::Denomination {
    koban_protocol::amount::Denomination::new(exponent).unwrap()
}

#[test]
fn values_that_differ_are_refused() {
    for wrong in [0, 1, 499, 501, 1000] {
        let code = changed(|_, order| order.bundle = coins_of(wrong));
        assert_eq!(code, Some(Code::AmountInvalid), "{wrong}");
    }
    assert_eq!(changed(|_, order| order.coins = List::default()), Some(Code::AmountInvalid));
    let nothing = changed(|_, order| {
        order.coins = List::default();
        order.bundle = coins_of(0);
    });
    assert_eq!(nothing, Some(Code::AmountInvalid));
}

#[test]
fn a_coin_twice_in_one_order_is_refused() {
    let code = changed(|world, order| {
        order.coins = list([world.coins(256, "twice"), world.coins(256, "twice")].concat());
        order.bundle = coins_of(512);
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn forged_coins_are_named_in_the_issuers_statement() {
    let (code, verdict) = verdict(|world, order| {
        let mut coins = world.coins(500, "good");
        coins[1] = World::of("another issuer").coins(16, "forged").remove(0);
        order.coins = list(coins);
    });
    assert_eq!(code, Code::CoinNotLive);
    assert_eq!(verdict.bad.len(), 1);
    assert_eq!(
        (verdict.bad[0].fault, verdict.operation),
        (CoinFault::NotLive, operation("change"))
    );
}

#[test]
fn vc_7_expired_coins_are_refreshed_within_the_window_and_changed_not_at_all() {
    let today = NOW.day().0;
    let order = |world: &World, order: &mut ChangeOrder, refresh, expiry| {
        order.coins = list(world.coins_until(500, "old", Day(expiry)));
        order.refresh = refresh;
    };
    let expired = |refresh, expiry| {
        let (code, verdict) = verdict(|world, o| order(world, o, refresh, expiry));
        assert!(verdict.bad.iter().all(|bad| bad.fault == CoinFault::Expired));
        code
    };
    assert_eq!(changed(|world, o| order(world, o, false, today)), None);
    assert_eq!(expired(false, today - 1), Code::CoinExpired);
    assert_eq!(changed(|world, o| order(world, o, true, today - 1)), None);
    assert_eq!(changed(|world, o| order(world, o, true, today - REFRESH_DAYS)), None);
    assert_eq!(expired(true, today - REFRESH_DAYS - 1), Code::CoinExpired);
}

#[test]
fn refreshed_coins_have_a_new_expiry() {
    let world = World::new();
    let mut order = world.change(500);
    order.coins = list(world.coins_until(500, "old", Day(NOW.day().0 - 10)));
    order.refresh = true;
    let asked = ask::<Change>(&world, "change", &order).unwrap();
    assert!(asked.0.movement().inputs().expired_too);
    let expiry = world.desk.keys().expiry(NOW);
    assert!(carry_out(&world, &asked).iter().all(|coin| coin.body.expiry == expiry));
}

#[test]
fn forged_and_expired_together_are_told_as_not_live() {
    let (code, verdict) = verdict(|world, order| {
        let mut coins = world.coins_until(500, "old", Day(NOW.day().0 - 1));
        coins[0] = World::of("another issuer").coins(4, "forged").remove(0);
        order.coins = list(coins);
    });
    assert_eq!(code, Code::CoinNotLive);
    let faults: Vec<_> = verdict.bad.iter().map(|bad| bad.fault).collect();
    assert_eq!(faults[0], CoinFault::NotLive);
    assert!(faults[1..].iter().all(|fault| *fault == CoinFault::Expired));
}

#[test]
fn a_forged_coin_is_told_like_a_spent_one() {
    // so that nobody can ask which ids exist
    let world = World::new();
    let mut order = world.change(500);
    order.coins = list(World::of("another issuer").coins(500, "change"));
    let forged = ask::<Change>(&world, "change", &order).err().unwrap();
    let (prepared, asked) = ask::<Change>(&world, "change", &world.change(500)).unwrap();
    let spent = prepared.movement().inputs().coins.iter().map(|coin| *coin.body()).collect();
    let answered = prepared.not_live(spent, &world.desk, NOW, crate::fixture::entropy("spent"));
    let told = asked.open(&answered.answer);
    assert_eq!(told, Err(koban_protocol::process::AnswerError::Refused(forged)));
}

#[test]
fn an_order_that_comes_late_is_refused() {
    let late = |seconds| changed(|_, order| order.at = Time(NOW.0 - seconds));
    assert_eq!(late(CLOCK_SKEW_MAX_S), None);
    assert_eq!(late(CLOCK_SKEW_MAX_S + 1), Some(Code::ClockSkew));
}

#[test]
fn other_and_unknown_currencies_are_refused() {
    let bundle = |code| Bundle::fewest(Amount::new(currency(code), 500).unwrap()).unwrap();
    assert_eq!(changed(|_, order| order.bundle = bundle("EUR")), Some(Code::CurrencyUnknown));
    let (code, verdict) = verdict(|_, order| order.bundle = bundle("USD"));
    assert_eq!(code, Code::CoinNotLive);
    assert!(verdict.bad.iter().all(|bad| bad.fault == CoinFault::OtherCurrency));
}

#[test]
fn a_coin_larger_than_the_currencys_largest_is_refused() {
    let world = World::new();
    let mut order = world.change(8192 + 8192 - 1);
    order.bundle = coins_of(16_384);
    assert_eq!(code::<Change>(&world, "change", &order), Some(Code::AmountInvalid));
    assert_eq!(yen(16_384), order.bundle.total());
}
