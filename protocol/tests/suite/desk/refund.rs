//! Refund (VC-7): recorded coins again, under new ids.

use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::refund::{Refund, RefundOrder};
use koban_protocol::process::{AnswerError, Asked, Made, Ordered, RefundDue, Rejected};
use koban_protocol::refusal::Code;
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::encode;

use super::ask_at;
use crate::fixture::{NOW, World, currency, entropy, yen};

fn due(world: &World, order: &RefundOrder) -> Result<(RefundDue, Asked<Refund>), Code> {
    let order = world.payer.signs(order);
    match ask_at::<Refund>(world, "refund", &order, NOW) {
        Ok((Ordered::Refunds(due), asked)) => Ok((due, asked)),
        Ok((Ordered::Moves(_) | Ordered::Unloads(_), _)) => panic!("not a refund"),
        Err(refusal) => Err(refusal.code),
    }
}

fn changed(change: impl FnOnce(&World, &mut RefundOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.refund();
    change(&world, &mut order);
    due(&world, &order).err()
}

fn bodies(world: &World, minor: u64, name: &str, expiry: Day) -> Vec<CoinBody> {
    world.coins_until(minor, name, expiry).iter().map(|coin| coin.body).collect()
}

#[test]
fn vc_7_recorded_coins_are_replaced_one_for_one() {
    let world = World::new();
    let (due, asked) = due(&world, &world.refund()).unwrap();
    let holder = world.payer.key.verifying_key().participant();
    assert_eq!((due.holder(), due.currency()), (holder, currency("JPY")));
    let mut live = bodies(&world, 500, "a", NOW.day());
    // an expired coin is replaced too
    live.extend(bodies(&world, 4, "b", Day(NOW.day().0 - 1)));
    let prepared = due.replace(&live, entropy("none")).unwrap();
    let movement = prepared.movement();
    assert_eq!(movement.amount(), yen(504));
    assert_eq!(movement.outputs().holder, Some(holder));
    let inputs: Vec<_> = movement.inputs().coins.iter().map(|coin| *coin.body()).collect();
    assert_eq!(inputs, live);
    let made = prepared.strike(&world.desk, NOW, entropy("made"));
    let made = Made { fresh: made.fresh, change: made.change };
    let answered = prepared.done(made, &world.desk, NOW, entropy("done"));
    let coins = asked.answer(&encode(&answered.answer)).unwrap();
    assert_eq!(coins.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 504);
    assert!(coins.iter().all(|coin| live.iter().all(|old| old.id != coin.body.id)));
}

#[test]
fn nothing_recorded_gives_nothing() {
    let world = World::new();
    let (due, asked) = due(&world, &world.refund()).unwrap();
    let Err(Rejected::Opened(answer)) = due.replace(&[], entropy("none")) else {
        panic!("something")
    };
    let Err(AnswerError::Refused(refusal)) = asked.open(&answer) else { panic!("no refusal") };
    assert_eq!(refusal.code, Code::NothingToRefund);
}

#[test]
fn coins_recorded_twice_or_in_another_currency_are_not_replaced() {
    let world = World::new();
    let (first, _) = due(&world, &world.refund()).unwrap();
    let twice = bodies(&world, 4, "a", NOW.day()).repeat(2);
    assert!(first.replace(&twice, entropy("none")).is_err());
    let (second, _) = due(&world, &world.refund()).unwrap();
    let mut dollars = bodies(&world, 4, "a", NOW.day());
    dollars[0].currency = currency("USD");
    assert!(second.replace(&dollars, entropy("none")).is_err());
}

#[test]
fn a_refund_for_another_holder_is_refused() {
    let code = changed(|world, order| order.certificate = world.payee.certificate.clone());
    assert_eq!(code, Some(Code::BadSignature));
    let foreign = changed(|_, order| {
        order.certificate = World::of("another issuer").payer.certificate;
    });
    assert_eq!(foreign, Some(Code::CertificateInvalid));
}

#[test]
fn an_order_out_of_its_time_or_of_an_unknown_currency_is_refused() {
    assert_eq!(changed(|_, order| order.at = Time(0)), Some(Code::ClockSkew));
    let unknown = changed(|_, order| order.currency = currency("EUR"));
    assert_eq!(unknown, Some(Code::CurrencyUnknown));
}
