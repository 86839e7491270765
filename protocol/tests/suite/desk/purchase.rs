//! Purchases (VC-3): W2 no coins for nothing, W3 no false debits.

use koban_protocol::amount::{Bundle, Denomination};
use koban_protocol::limits::CLOCK_SKEW_MAX_S;
use koban_protocol::process::purchase::{Purchase, PurchaseOrder};
use koban_protocol::refusal::Code;
use koban_protocol::statement::DebitAuthorisation;
use koban_protocol::time::Time;

use super::{ask, ask_at, carry_out, code};
use crate::fixture::{NOW, World, coins_of, currency, operation, text, yen};

/// The code for a purchase of 500 yen changed by `change`.
fn changed(change: impl FnOnce(&World, &mut PurchaseOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.purchase(operation("buy"), 500);
    change(&world, &mut order);
    code::<Purchase>(&world, "buy", &world.payer.signs(&order))
}

/// The code for a purchase of 500 yen whose authorisation is changed by `change`.
fn authorised(change: impl FnOnce(&World, &mut DebitAuthorisation)) -> Option<Code> {
    changed(|world, order| {
        let mut debit = world.debit(operation("buy"), yen(500));
        change(world, &mut debit);
        order.authorisation = world.payer.allows(&debit);
    })
}

#[test]
fn w1_a_valid_purchase_gives_the_coins_that_were_asked_for() {
    let world = World::new();
    let order = world.payer.signs(&world.purchase(operation("buy"), 500));
    let bought = ask::<Purchase>(&world, "buy", &order).unwrap();
    let movement = bought.0.movement();
    assert_eq!(movement.amount(), yen(500));
    assert_eq!(movement.outputs().holder, Some(world.payer.key.verifying_key().participant()));
    let coins = carry_out(&world, &bought);
    assert!(coins.iter().map(|coin| coin.body.denomination).eq(coins_of(500).denominations()));
    assert!(coins.iter().all(|coin| world.mint.check(coin).is_some()));
    assert!(coins.iter().all(|coin| coin.body.id.shard(4) == operation("buy").shard(4)));
}

#[test]
fn w2_every_yen_of_coins_is_a_yen_debited() {
    let world = World::new();
    let order = world.payer.signs(&world.purchase(operation("buy"), 500));
    let (prepared, _) = ask::<Purchase>(&world, "buy", &order).unwrap();
    let inputs = prepared.movement().inputs();
    let (_, account, amount) = inputs.debit.as_ref().unwrap();
    assert_eq!((account, *amount), (&world.payer.account, yen(500)));
    assert!(inputs.coins.is_empty() && inputs.held.is_empty());
}

#[test]
fn vc_8_a_private_purchase_is_noted_for_nobody() {
    let world = World::new();
    let mut order = world.purchase(operation("buy"), 500);
    order.recoverable = false;
    let (prepared, _) = ask::<Purchase>(&world, "buy", &world.payer.signs(&order)).unwrap();
    assert_eq!(prepared.movement().outputs().holder, None);
}

#[test]
fn w3_a_debit_for_another_operation_is_refused() {
    let other = |_: &World, debit: &mut DebitAuthorisation| debit.operation = operation("other");
    assert_eq!(authorised(other), Some(Code::DebitRefused));
}

#[test]
fn w3_a_debit_for_another_issuer_is_refused() {
    let other = World::of("another issuer").desk.keys().key.id();
    assert_eq!(authorised(|_, debit| debit.issuer = other), Some(Code::DebitRefused));
}

#[test]
fn w3_a_debit_of_another_amount_is_refused() {
    for minor in [0, 1, 499, 501, 50_000] {
        let code = authorised(|_, debit| debit.amount = yen(minor));
        assert_eq!(code, Some(Code::AmountInvalid), "{minor}");
    }
}

#[test]
fn w3_a_debit_from_another_account_is_refused() {
    let number = authorised(|_, debit| debit.account.number = text("2000002"));
    assert_eq!(number, Some(Code::AccountForeign));
    let bank = authorised(|_, debit| debit.account.bank = text("bank-b"));
    assert_eq!(bank, Some(Code::AccountForeign));
}

#[test]
fn w3_an_expired_debit_is_refused() {
    assert_eq!(authorised(|_, debit| debit.expires = Time(NOW.0 - 1)), Some(Code::DebitRefused));
    assert_eq!(authorised(|_, debit| debit.expires = NOW), None);
}

#[test]
fn w3_a_debit_signed_by_another_key_is_refused() {
    let forged = changed(|world, order| {
        let debit = world.debit(operation("buy"), yen(500));
        order.authorisation = world.payer.signs(&debit);
    });
    assert_eq!(forged, Some(Code::BadSignature));
    let stolen = changed(|world, order| {
        let debit = world.debit(operation("buy"), yen(500));
        order.authorisation = world.payee.allows(&debit);
    });
    assert_eq!(stolen, Some(Code::BadSignature));
}

#[test]
fn an_order_signed_by_another_key_is_refused() {
    let world = World::new();
    let order = world.payee.signs(&world.purchase(operation("buy"), 500));
    assert_eq!(code::<Purchase>(&world, "buy", &order), Some(Code::BadSignature));
}

#[test]
fn an_order_that_comes_late_is_refused() {
    let at = |time| changed(|_, order| order.at = time);
    assert_eq!(at(NOW.plus(CLOCK_SKEW_MAX_S)), None);
    assert_eq!(at(Time(NOW.0 - CLOCK_SKEW_MAX_S)), None);
    assert_eq!(at(Time(NOW.0 - CLOCK_SKEW_MAX_S - 1)), Some(Code::ClockSkew));
    assert_eq!(at(Time(0)), Some(Code::ClockSkew));
}

#[test]
fn a_certificate_of_another_issuer_is_refused() {
    let code = changed(|_, order| {
        order.certificate = World::of("another issuer").payer.certificate;
    });
    assert_eq!(code, Some(Code::CertificateInvalid));
}

#[test]
fn an_expired_certificate_is_refused() {
    let until = |expires| {
        changed(|world, order| {
            order.certificate =
                world.payer.certified(&world.signing, |certificate| certificate.expires = expires);
        })
    };
    assert_eq!(until(NOW), None);
    assert_eq!(until(Time(NOW.0 - 1)), Some(Code::CertificateInvalid));
}

#[test]
fn vc_2_whoever_is_not_enrolled_buys_nothing() {
    let code = changed(|world, order| {
        order.certificate =
            world.payer.certified(&world.signing, |certificate| certificate.account = None);
    });
    assert_eq!(code, Some(Code::NotEnrolled));
}

#[test]
fn a_currency_the_issuer_does_not_issue_is_refused() {
    let code = changed(|_, order| {
        let one = Denomination::new(0).unwrap();
        order.bundle = Bundle::new(currency("EUR"), vec![(one, 1)]).unwrap();
    });
    assert_eq!(code, Some(Code::CurrencyUnknown));
}

#[test]
fn a_coin_larger_than_the_currencys_largest_is_refused() {
    let of = |exponent| {
        changed(|world, order| {
            let coin = Denomination::new(exponent).unwrap();
            order.bundle = Bundle::new(currency("JPY"), vec![(coin, 1)]).unwrap();
            let debit = world.debit(operation("buy"), order.bundle.total());
            order.authorisation = world.payer.allows(&debit);
        })
    };
    assert_eq!(of(13), None);
    assert_eq!(of(14), Some(Code::AmountInvalid));
}

#[test]
fn a_purchase_of_nothing_is_refused() {
    let code = changed(|world, order| {
        order.bundle = coins_of(0);
        let debit = world.debit(operation("buy"), yen(0));
        order.authorisation = world.payer.allows(&debit);
    });
    assert_eq!(code, Some(Code::AmountInvalid));
}

#[test]
fn w3_a_replay_later_is_refused() {
    let world = World::new();
    let order = world.payer.signs(&world.purchase(operation("buy"), 500));
    let later = NOW.plus(CLOCK_SKEW_MAX_S + 1);
    let refusal = ask_at::<Purchase>(&world, "buy", &order, later).map(|_| ()).unwrap_err();
    assert_eq!(refusal.code, Code::ClockSkew);
}

#[test]
fn w3_an_order_under_another_operation_is_refused() {
    let world = World::new();
    let order = world.payer.signs(&world.purchase(operation("buy"), 500));
    assert_eq!(code::<Purchase>(&world, "again", &order), Some(Code::DebitRefused));
}

#[test]
fn of_several_faults_the_one_with_the_smallest_number_is_told() {
    let signature_and_currency = changed(|world, order| {
        let one = Denomination::new(0).unwrap();
        order.bundle = Bundle::new(currency("EUR"), vec![(one, 1)]).unwrap();
        order.authorisation = world.payee.allows(&world.debit(operation("buy"), yen(1)));
    });
    assert_eq!(signature_and_currency, Some(Code::BadSignature));
    let account_and_operation = authorised(|_, debit| {
        debit.account.number = text("2000002");
        debit.operation = operation("other");
    });
    assert_eq!(account_and_operation, Some(Code::AccountForeign));
    let amount_and_operation = authorised(|_, debit| {
        debit.amount = yen(501);
        debit.operation = operation("other");
    });
    assert_eq!(amount_and_operation, Some(Code::AmountInvalid));
    let signature_and_certificate = changed(|world, order| {
        order.certificate = world.payee.certified(&world.signing, |c| c.expires = Time(0));
    });
    assert_eq!(signature_and_certificate, Some(Code::BadSignature));
}
