//! Redeem (VC-7), of coins and of held value together (VC-5).

use koban_protocol::amount::Amount;
use koban_protocol::limits::{AMOUNT_MAX_MINOR, CLOCK_SKEW_MAX_S};
use koban_protocol::process::HeldClaim;
use koban_protocol::process::redeem::{Redeem, RedeemOrder};
use koban_protocol::refusal::{Code, Evidence};
use koban_protocol::time::Time;
use koban_protocol::wire::List;

use super::{ask, carry_out};
use crate::fixture::{NOW, World, coins_of, currency, list, operation, yen};

fn changed(change: impl FnOnce(&World, &mut RedeemOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.redeem(500);
    change(&world, &mut order);
    let order = world.payee.signs(&order);
    ask::<Redeem>(&world, "redeem", &order).err().map(|refusal| refusal.code)
}

fn held(claims: &[(&str, u64)]) -> List<HeldClaim, 64> {
    let claim =
        |(name, minor): &(&str, u64)| HeldClaim { payment: operation(name), amount: yen(*minor) };
    List::new(claims.iter().map(claim).collect()).unwrap()
}

#[test]
fn vc_5_coins_and_held_value_are_redeemed_together() {
    let world = World::new();
    let mut order = world.redeem(500);
    order.held = held(&[("a", 370), ("b", 130)]);
    order.amount = yen(900);
    order.change = Some(coins_of(100));
    let order = world.payee.signs(&order);
    let asked = ask::<Redeem>(&world, "redeem", &order).unwrap();
    let movement = asked.0.movement();
    assert_eq!(movement.amount(), yen(1000));
    assert_eq!(movement.inputs().owner, Some(world.payee.key.verifying_key().participant()));
    assert_eq!(movement.outputs().credit, Some((world.payee.account.clone(), yen(900))));
    let redeemed = carry_out(&world, &asked);
    assert_eq!(redeemed.amount, yen(900));
    assert_eq!(redeemed.change.iter().map(|c| c.body.amount().minor()).sum::<u64>(), 100);
}

#[test]
fn values_that_differ_are_refused() {
    for wrong in [0, 1, 499, 501, AMOUNT_MAX_MINOR] {
        let code = changed(|_, order| order.amount = yen(wrong));
        assert_eq!(code, Some(Code::AmountInvalid), "{wrong}");
    }
    let nothing = changed(|_, order| {
        order.coins = List::default();
        order.amount = yen(0);
    });
    assert_eq!(nothing, Some(Code::AmountInvalid));
}

#[test]
fn a_redemption_of_nothing_with_change_is_refused() {
    let code = changed(|_, order| {
        order.amount = yen(0);
        order.change = Some(coins_of(500));
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn a_held_claim_twice_in_one_order_is_refused() {
    let code = changed(|_, order| {
        order.held = held(&[("a", 250), ("a", 250)]);
        order.amount = yen(1000);
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn claims_that_overflow_are_refused() {
    let code = changed(|_, order| {
        order.held = held(&[("a", AMOUNT_MAX_MINOR), ("b", AMOUNT_MAX_MINOR)]);
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn forged_coins_are_named_in_the_issuers_statement() {
    let world = World::new();
    let mut order = world.redeem(500);
    order.coins = list(World::of("another issuer").coins(500, "forged"));
    let order = world.payee.signs(&order);
    let refusal = ask::<Redeem>(&world, "redeem", &order).err().unwrap();
    assert_eq!(refusal.code, Code::CoinNotLive);
    let Some(Evidence::BadCoins(signed)) = refusal.evidence else { panic!("no statement") };
    assert_eq!(signed.open(&world.desk.keys().key).unwrap().bad.len(), 6);
}

#[test]
fn another_currency_is_refused() {
    let dollars = Amount::new(currency("USD"), 500).unwrap();
    assert_eq!(changed(|_, order| order.amount = dollars), Some(Code::CoinNotLive));
    let code = changed(|_, order| {
        order.coins = List::default();
        order.held = held(&[("a", 500)]);
        order.amount = dollars;
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn a_currency_the_issuer_does_not_issue_is_refused() {
    let euros = Amount::new(currency("EUR"), 500).unwrap();
    let code = changed(|_, order| {
        order.coins = List::default();
        order.held = List::new(vec![HeldClaim { payment: operation("a"), amount: euros }]).unwrap();
        order.amount = euros;
    });
    assert_eq!(code, Some(Code::CurrencyUnknown));
}

#[test]
fn vc_2_whoever_is_not_enrolled_redeems_nothing() {
    let code = changed(|world, order| {
        order.certificate = world.payee.certified(&world.signing, |c| c.account = None);
    });
    assert_eq!(code, Some(Code::NotEnrolled));
}

#[test]
fn an_order_that_is_not_the_redeemers_is_refused() {
    let world = World::new();
    let order = world.payer.signs(&world.redeem(500));
    let refusal = ask::<Redeem>(&world, "redeem", &order).err().unwrap();
    assert_eq!(refusal.code, Code::BadSignature);
    let foreign = changed(|_, order| {
        order.certificate = World::of("another issuer").payee.certificate;
    });
    assert_eq!(foreign, Some(Code::CertificateInvalid));
    let expired = changed(|world, order| {
        order.certificate = world.payee.certified(&world.signing, |c| c.expires = Time(0));
    });
    assert_eq!(expired, Some(Code::CertificateInvalid));
}

#[test]
fn an_order_that_comes_late_is_refused() {
    let late = |seconds| changed(|_, order| order.at = Time(NOW.0 - seconds));
    assert_eq!(late(CLOCK_SKEW_MAX_S), None);
    assert_eq!(late(CLOCK_SKEW_MAX_S + 1), Some(Code::ClockSkew));
}
