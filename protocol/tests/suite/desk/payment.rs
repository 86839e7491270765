//! Payments (VC-4 to VC-6) that are refused, and who hears why.

use koban_protocol::amount::Amount;
use koban_protocol::id::Digest;
use koban_protocol::limits::{CLOCK_SKEW_MAX_S, INVOICE_LIFETIME_MAX_S};
use koban_protocol::process::payment::{Payment, Take};
use koban_protocol::process::{Asked, change::Change};
use koban_protocol::refusal::{Code, Evidence};
use koban_protocol::statement::{CoinFault, Mismatch};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::{Bytes, List, encode};

use super::{Heard, Paying};
use crate::fixture::{NOW, World, coins_of, currency, entropy, list, operation, yen};

#[test]
fn p3_an_envelope_for_another_payee_is_refused() {
    let other = World::new().payer.key.verifying_key().participant();
    let heard = Paying::of(500).sealing(|payment| payment.payee = other).go();
    assert_eq!(heard.code(), Code::EnvelopeForeign);
}

#[test]
fn p3_another_payee_cannot_take_the_envelope() {
    // the payer itself, registered with the same issuer, presents its own invoice for the envelope
    let paying = Paying::of(500);
    let mut invoice = paying.world.invoice(370);
    invoice.payee = paying.world.payer.certificate.clone();
    let invoice = paying.world.payer.signs(&invoice);
    let keys = paying.world.desk.keys();
    let payer: Asked<Payment> =
        Asked::new(operation("pay"), &paying.payment, keys, entropy("payer")).unwrap();
    let mut order = paying.world.validation(invoice, Take::Aggregate, payer.request());
    order.certificate = paying.world.payer.certificate.clone();
    let heard = paying.heard(payer, &paying.world.payer.signs(&order));
    assert_eq!(heard.code(), Code::EnvelopeForeign);
}

#[test]
fn p3_an_envelope_for_another_invoice_is_refused() {
    let heard = Paying::of(500).sealing(|payment| payment.invoice = Digest([7; 32])).go();
    assert_eq!(heard.code(), Code::EnvelopeForeign);
}

#[test]
fn p3_an_invoice_altered_after_the_payer_saw_it_is_refused() {
    let paying = Paying::of(500);
    let mut altered = paying.world.invoice(370);
    altered.purpose = crate::fixture::text("something else");
    let altered = paying.world.payee.signs(&altered);
    let heard = paying.with(|order| order.invoice = altered);
    assert_eq!(heard.code(), Code::EnvelopeForeign);
}

#[test]
fn p3_an_envelope_of_another_operation_is_sent_back() {
    let mut paying = Paying::of(500);
    paying.validation = "another";
    assert_eq!(paying.go().sent_back(), Code::EnvelopeForeign);
}

#[test]
fn p3_what_is_no_envelope_is_sent_back() {
    let bytes = |bytes: &[u8]| {
        let bytes = Bytes(bytes.to_vec());
        Paying::of(500).with(|order| order.envelope = bytes).sent_back()
    };
    assert_eq!(bytes(b""), Code::EnvelopeForeign);
    assert_eq!(bytes(b"garbage"), Code::EnvelopeForeign);
    // sealed for another route
    let world = World::new();
    let change = world.change(8);
    let asked: Asked<Change> =
        Asked::new(operation("pay"), &change, world.desk.keys(), entropy("change")).unwrap();
    assert_eq!(bytes(asked.request()), Code::EnvelopeForeign);
    // sealed to another issuer
    let other = World::of("another issuer");
    let payment = Paying::of(500).payment;
    let asked: Asked<Payment> =
        Asked::new(operation("pay"), &payment, other.desk.keys(), entropy("other")).unwrap();
    assert_eq!(bytes(asked.request()), Code::EnvelopeForeign);
}

#[test]
fn p3_an_envelope_with_a_byte_changed_is_sent_back() {
    let heard = Paying::of(500).with(|order| {
        let last = order.envelope.0.last_mut().unwrap();
        *last ^= 1;
    });
    assert_eq!(heard.sent_back(), Code::EnvelopeForeign);
}

/// The statement that both sides get when payer and payee do not name the same amount.
fn mismatch(world: &World, heard: Heard) -> Mismatch {
    let Heard::Refused(payee, payer, _) = heard else { panic!("not refused") };
    assert_eq!(payee, payer);
    assert_eq!(payer.code, Code::AmountMismatch);
    let Some(Evidence::Mismatch(signed)) = payer.evidence else { panic!("no statement") };
    signed.open(&world.desk.keys().key).unwrap()
}

#[test]
fn p4_both_get_the_issuers_statement_when_amounts_do_not_match() {
    for paid in [369, 371, 500] {
        let paying = Paying::of(500).sealing(|payment| payment.amount = yen(paid));
        let invoice = paying.invoice.digest();
        let statement = mismatch(&World::new(), paying.go());
        assert_eq!((statement.paid, statement.asked), (yen(paid), yen(370)));
        assert_eq!((statement.invoice, statement.operation), (invoice, operation("pay")));
    }
}

#[test]
fn p4_another_currency_is_another_amount() {
    let cents = Amount::new(currency("USD"), 370).unwrap();
    let heard = Paying::of(500).sealing(|payment| payment.amount = cents).go();
    assert_eq!(mismatch(&World::new(), heard).paid, cents);
}

#[test]
fn vc_4_payee_never_sees_a_coin() {
    let foreign = World::of("another issuer");
    let coins = foreign.coins(500, "forged");
    let heard = Paying::of(500).sealing(|payment| payment.coins = list(coins.clone())).go();
    let Heard::Refused(payee, payer, outcome) = heard else { panic!("not refused") };
    assert_eq!(payee.code, Code::CoinNotLive);
    assert_eq!(payee.evidence, None);
    assert!(payer.evidence.is_some());
    let seen = encode(&outcome);
    for coin in &coins {
        assert!(!seen.windows(16).any(|window| window == coin.body.id.0));
    }
}

#[test]
fn p4_the_payer_alone_gets_the_issuers_statement_of_bad_coins() {
    let world = World::new();
    let mut coins = world.coins(500, "payment");
    let forged = World::of("another issuer").coins(256, "forged").remove(0);
    let at = coins.iter().position(|c| c.body.denomination == forged.body.denomination).unwrap();
    coins[at] = forged.clone();
    let heard = Paying::of(500).sealing(|payment| payment.coins = list(coins)).go();
    let Heard::Refused(payee, payer, _) = heard else { panic!("not refused") };
    assert_eq!((payee.code, payee.evidence), (Code::CoinNotLive, None));
    let Some(Evidence::BadCoins(signed)) = payer.evidence else { panic!("no statement") };
    let verdict = signed.open(&world.desk.keys().key).unwrap();
    assert_eq!(verdict.operation, operation("pay"));
    assert_eq!(verdict.bad.len(), 1);
    assert_eq!((verdict.bad[0].coin, verdict.bad[0].fault), (forged.body.id, CoinFault::NotLive));
}

#[test]
fn p4_coins_that_the_ledger_does_not_know_are_named_to_the_payer_alone() {
    let (prepared, payee, payer) = Paying::of(500).go().ready();
    let world = World::new();
    let spent = *prepared.movement().inputs().coins[0].body();
    let answered = prepared.not_live(vec![spent], &world.desk, NOW, entropy("refused"));
    let outcome = payee.answer(&encode(&answered.answer)).unwrap();
    assert_eq!(Some(&outcome.for_payer), answered.for_payer.as_ref());
    let Heard::Refused(payee, payer, outcome) = super::refused(outcome, &payer) else {
        panic!("not refused")
    };
    assert_eq!((payee.code, payee.evidence), (Code::CoinNotLive, None));
    assert!(!encode(&outcome).windows(16).any(|window| window == spent.id.0));
    let Some(Evidence::BadCoins(signed)) = payer.evidence else { panic!("no statement") };
    let verdict = signed.open(&world.desk.keys().key).unwrap();
    assert_eq!(verdict.bad[0].coin, spent.id);
}

#[test]
fn p4_expired_coins_are_named_as_expired() {
    let world = World::new();
    let yesterday = Day(NOW.day().0 - 1);
    let until = |day| {
        let coins = list(world.coins_until(500, "old", day));
        Paying::of(500).sealing(|payment| payment.coins = coins).go()
    };
    let Heard::Refused(payee, payer, _) = until(yesterday) else { panic!("not refused") };
    assert_eq!((payee.code, payee.evidence), (Code::CoinExpired, None));
    let Some(Evidence::BadCoins(signed)) = payer.evidence else { panic!("no statement") };
    let verdict = signed.open(&world.desk.keys().key).unwrap();
    assert!(verdict.bad.iter().all(|bad| bad.fault == CoinFault::Expired));
    until(NOW.day()).ready();
}

#[test]
fn a_coin_twice_in_one_payment_is_refused() {
    let heard = Paying::of(512).sealing(|payment| {
        let twice = || World::new().coins(256, "twice");
        payment.coins = list([twice(), twice()].concat());
    });
    assert_eq!(heard.go().code(), Code::AmountInvalid);
}

#[test]
fn coins_that_do_not_add_up_are_refused() {
    for (coins, change) in
        [(369, None), (371, None), (500, Some(129)), (500, Some(131)), (500, None)]
    {
        let heard = Paying::of(500).sealing(|payment| {
            payment.coins = list(World::new().coins(coins, "sum"));
            payment.change = change.map(coins_of);
        });
        assert_eq!(heard.go().code(), Code::AmountInvalid, "{coins} {change:?}");
    }
    let none = Paying::of(500).sealing(|payment| {
        payment.coins = List::default();
        payment.change = None;
    });
    assert_eq!(none.go().code(), Code::AmountInvalid);
}

#[test]
fn change_in_another_currency_is_refused() {
    let cents = Amount::new(currency("USD"), 130).unwrap();
    let change = koban_protocol::amount::Bundle::fewest(cents).unwrap();
    let heard = Paying::of(500).sealing(|payment| payment.change = Some(change)).go();
    assert_eq!(heard.code(), Code::AmountInvalid);
}

#[test]
fn fresh_coins_for_the_payee_are_worth_the_invoice() {
    for wrong in [0, 369, 371] {
        let mut paying = Paying::of(500);
        paying.take = Take::Refresh(coins_of(wrong));
        assert_eq!(paying.go().code(), Code::AmountInvalid, "{wrong}");
    }
}

#[test]
fn the_payees_fresh_coins_cannot_eat_the_payers_change() {
    // 500 in, 370 asked: the payee asks for 500 in coins; the totals would balance without the
    // change
    let mut paying = Paying::of(500).sealing(|payment| payment.change = None);
    paying.take = Take::Refresh(coins_of(500));
    assert_eq!(paying.go().code(), Code::AmountInvalid);
}

#[test]
fn a_payee_that_is_not_enrolled_cannot_redeem_but_may_be_paid() {
    let paid = |take: Take| {
        let mut paying = Paying::invoiced(|invoice| {
            let world = World::new();
            invoice.payee = world.payee.certified(&world.signing, |c| c.account = None);
        });
        paying.take = take;
        let certificate = paying.invoice.claim().unwrap().payee;
        paying.with(|order| order.certificate = certificate)
    };
    assert_eq!(paid(Take::Redeem).code(), Code::NotEnrolled);
    paid(Take::Refresh(coins_of(370))).ready();
    paid(Take::Aggregate).ready();
}

#[test]
fn a_validation_order_that_comes_late_is_refused() {
    let late = |seconds| Paying::of(500).with(|order| order.at = Time(NOW.0 - seconds));
    late(CLOCK_SKEW_MAX_S).ready();
    assert_eq!(late(CLOCK_SKEW_MAX_S + 1).code(), Code::ClockSkew);
}

#[test]
fn a_validation_order_signed_by_another_key_is_refused() {
    let paying = Paying::of(500);
    let keys = paying.world.desk.keys();
    let payer: Asked<Payment> =
        Asked::new(operation("pay"), &paying.payment, keys, entropy("payer")).unwrap();
    let invoice = paying.invoice.clone();
    let order = paying.world.validation(invoice, Take::Aggregate, payer.request());
    let heard = paying.heard(payer, &paying.world.payer.signs(&order));
    assert_eq!(heard.code(), Code::BadSignature);
}

#[test]
fn a_payee_of_another_issuer_is_refused() {
    let foreign = World::of("another issuer").payee.certificate;
    let heard = Paying::of(500).with(|order| order.certificate = foreign);
    assert_eq!(heard.code(), Code::CertificateInvalid);
}

#[test]
fn an_invoice_of_another_payee_is_refused() {
    let world = World::new();
    let mut invoice = world.invoice(370);
    invoice.payee = world.payer.certificate.clone();
    let invoice = world.payer.signs(&invoice);
    let mut paying = Paying::of(500);
    paying.payment.invoice = invoice.digest();
    paying.invoice = invoice;
    assert_eq!(paying.go().code(), Code::InvoiceInvalid);
}

#[test]
fn an_invoice_that_does_not_hold_together_is_refused() {
    type Change = fn(&mut koban_protocol::statement::Invoice);
    let wrong: [Change; 5] = [
        |invoice| invoice.amount = yen(0),
        |invoice| invoice.issuers = List::default(),
        |invoice| invoice.payee = World::of("another issuer").payee.certificate,
        |invoice| invoice.expires = invoice.created.plus(INVOICE_LIFETIME_MAX_S + 1),
        |invoice| invoice.created = Time(0),
    ];
    for change in wrong {
        assert_eq!(Paying::invoiced(change).go().code(), Code::InvoiceInvalid);
    }
    let forged = World::new().payer.signs(&World::new().invoice(370));
    let heard = Paying::of(500).with(|order| order.invoice = forged);
    assert_eq!(heard.code(), Code::InvoiceInvalid);
}

#[test]
fn an_expired_invoice_is_refused() {
    let until = |expires| {
        Paying::invoiced(move |invoice| {
            invoice.created = Time(NOW.0 - 900);
            invoice.expires = expires;
        })
    };
    until(NOW).go().ready();
    assert_eq!(until(Time(NOW.0 - 1)).go().code(), Code::InvoiceExpired);
}

#[test]
fn coins_of_a_currency_the_issuer_does_not_issue_are_refused() {
    let euros = Amount::new(currency("EUR"), 370).unwrap();
    let change = koban_protocol::amount::Bundle::fewest(euros).unwrap();
    let mut paying = Paying::invoiced(|invoice| invoice.amount = euros);
    paying.payment.amount = euros;
    paying.take = Take::Refresh(change);
    assert_eq!(paying.go().code(), Code::CurrencyUnknown);
}

#[test]
fn coins_of_another_currency_than_the_invoices_are_named() {
    let cents = Amount::new(currency("USD"), 370).unwrap();
    let mut paying = Paying::invoiced(|invoice| invoice.amount = cents);
    paying.payment.amount = cents;
    paying.payment.change = None;
    let Heard::Refused(_, payer, _) = paying.go() else { panic!("not refused") };
    assert_eq!(payer.code, Code::CoinNotLive);
    let Some(Evidence::BadCoins(signed)) = payer.evidence else { panic!("no statement") };
    let verdict = signed.open(&World::new().desk.keys().key).unwrap();
    assert!(verdict.bad.iter().all(|bad| bad.fault == CoinFault::OtherCurrency));
}
