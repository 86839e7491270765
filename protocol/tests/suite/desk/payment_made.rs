//! Payments that go through (P1, P2), in each way a payee may take them (VC-5).

use koban_protocol::process::Prepared;
use koban_protocol::process::payment::{
    PaymentOutcome, Take, Validated, check_acceptance, check_invoice,
};
use koban_protocol::refusal::Answer;
use koban_protocol::wire::encode;

use super::Paying;
use crate::fixture::{NOW, World, coins_of, entropy, operation, yen};

/// Carries a payment of 500 for 370 out; what the payee and the payer read.
fn paid(take: Take) -> (Prepared, Validated, PaymentOutcome) {
    let mut paying = Paying::of(500);
    paying.take = take;
    let (prepared, payee, payer) = paying.go().ready();
    let world = World::new();
    let made = prepared.strike(&world.desk, NOW, entropy("made"));
    let answered = prepared.done(made, &world.desk, NOW, entropy("done"));
    let outcome = payee.answer(&encode(&answered.answer)).unwrap();
    assert_eq!(payee.secret().acknowledgement(), prepared.acknowledgement());
    let Answer::Done(validated) = outcome.verdict else { panic!("refused") };
    // what the payee passes on is what the issuer keeps for the payer
    let for_payer = answered.for_payer.unwrap();
    assert_eq!(outcome.for_payer, for_payer);
    assert!(payee.secret().open::<Answer<PaymentOutcome>>(&for_payer).is_err());
    let outcome = payer.open(&for_payer).unwrap();
    (prepared, validated, outcome)
}

#[test]
fn p1_a_valid_payment_pays_the_payee_and_gives_the_payer_its_change() {
    let world = World::new();
    let (prepared, validated, outcome) = paid(Take::Refresh(coins_of(370)));
    assert_eq!(prepared.movement().amount(), yen(500));
    let worth = |coins: &[koban_protocol::online::tagged::wire::Coin]| {
        assert!(coins.iter().all(|coin| world.mint.check(coin).is_some()));
        coins.iter().map(|coin| coin.body.amount().minor()).sum::<u64>()
    };
    assert_eq!(worth(&validated.coins), 370);
    assert_eq!(worth(&outcome.change), 130);
}

#[test]
fn p2_both_get_the_issuers_acceptance_of_this_invoice() {
    let world = World::new();
    let (_, validated, outcome) = paid(Take::Aggregate);
    assert_eq!(validated.acceptance, outcome.acceptance);
    let invoice = world.payee.signs(&world.invoice(370));
    let issuer = world.desk.keys().key;
    let invoice = check_invoice(&invoice, &issuer, NOW).unwrap();
    let accepted = check_acceptance(&outcome.acceptance, &invoice, &issuer).unwrap();
    assert_eq!((accepted.amount, accepted.operation), (yen(370), operation("pay")));
}

#[test]
fn vc_4_the_payee_is_given_none_of_the_payers_coins_nor_its_change() {
    let (prepared, validated, outcome) = paid(Take::Refresh(coins_of(370)));
    let seen = encode(&validated);
    let spent = prepared.movement().inputs().coins.iter().map(|coin| coin.body().id);
    let change = outcome.change.iter().map(|coin| coin.body.id);
    for id in spent.chain(change) {
        assert!(!seen.windows(16).any(|window| window == id.0));
    }
}

#[test]
fn vc_5_a_payee_takes_coins_money_or_a_claim() {
    let world = World::new();
    let payee = world.payee.key.verifying_key().participant();
    let (prepared, validated, _) = paid(Take::Refresh(coins_of(370)));
    assert_eq!(prepared.movement().outputs().fresh, Some(coins_of(370)));
    assert_eq!(validated.coins.len(), coins_of(370).coins());
    let (prepared, validated, _) = paid(Take::Redeem);
    let credit = Some((world.payee.account.clone(), yen(370)));
    assert_eq!(prepared.movement().outputs().credit, credit);
    assert!(validated.coins.is_empty());
    let (prepared, validated, _) = paid(Take::Aggregate);
    assert_eq!(prepared.movement().outputs().held, Some((payee, yen(370))));
    assert!(validated.coins.is_empty());
}

#[test]
fn vc_8_a_payments_coins_are_noted_for_nobody() {
    assert_eq!(paid(Take::Aggregate).0.movement().outputs().holder, None);
}
