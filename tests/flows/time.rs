//! What time does: expiry, and a bank that answers late.

use koban_protocol::amount::Bundle;
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::payment::Take;
use koban_protocol::process::purchase::Purchase;
use koban_protocol::refusal::{Answer, Code};
use koban_protocol::signed::Signed;
use koban_tests::holder::yen;
use koban_tests::raw::{Raw, post_operation};
use koban_tests::suite::refused;
use koban_tests::world::{Fate, World};

use super::{circulates, net};

#[test]
fn w1_a_bank_that_does_not_answer_only_delays_the_coins() {
    let world = World::new(12);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let operation = raw.operation();
    let order = raw.purchase_order(operation, Bundle::fewest(yen(100)).unwrap());
    let asked = raw.seal_order::<Purchase>(operation, &Signed::sign(&order, &raw.key));
    world.weather(|_, _, path| if path == "/debits" { Fate::ANSWER_LOST } else { Fate::ARRIVES });
    let response = post_operation(&net(&world), asked.request().to_vec());
    assert_eq!(response.status(), Code::PeerUnreachable.status());
    world.fair();
    assert_eq!(raw.send(&asked).unwrap().len(), 3);
    circulates(&world, 100);
}

#[test]
fn vc_7_expired_coins_are_refreshed_and_not_spent() {
    let world = World::new(22);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(32)).unwrap());
    let expiry = u64::from(coins[0].body.expiry.0 + 1) * 86_400;
    world.pass(expiry - world.now().0);
    let bundle = Bundle::fewest(yen(32)).unwrap();
    assert_eq!(refused(raw.change(coins.clone(), bundle.clone())), Code::CoinExpired);
    let coins = Coins::new(coins).unwrap();
    let order = ChangeOrder { coins, bundle, refresh: true, at: world.now() };
    let fresh = raw.ask::<Change>(raw.operation(), &order).unwrap();
    assert!(fresh[0].body.expiry > world.now().day());
    circulates(&world, 32);
}

#[test]
fn an_expired_invoice_takes_nothing() {
    let world = World::new(47);
    let payer = Raw::enrolled(&net(&world), "hanako");
    let payee = Raw::enrolled(&net(&world), "inkstone");
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.signed_invoice(yen(64));
    let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
    world.pass(601);
    let outcome = payee.validate(&invoice, &envelope, Take::Aggregate).unwrap();
    let Answer::Refused(refusal) = outcome.verdict else { panic!("accepted") };
    assert_eq!(refusal.code, Code::InvoiceExpired);
    circulates(&world, 64);
}
