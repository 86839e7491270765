//! A payer's envelope: taken once, refused with the issuer's word, never spent on another order.

use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::Change;
use koban_protocol::process::payment::PaymentOrder;
use koban_protocol::refusal::{Code, Evidence};
use koban_protocol::sealed::{Route, SealedRequest};
use koban_protocol::statement::CoinFault;
use koban_protocol::wire;
use serde_json::Value;

use crate::market::{Market, code, yen};
use koban_tests::world::Fate;

#[test]
fn vc_4_fx_9_p1_a_good_payment_goes_through_however_the_shop_takes_it() {
    let market = Market::new(1);
    for take in ["refresh", "redeem", "aggregate"] {
        let shop = market.shop(take, take);
        let order = market.order(&shop, "1", 370);
        assert_eq!(order["status"], "unpaid");
        let envelope = market.envelope(&order, market.coins(1000));
        let response = market.post(&order, envelope.request());
        let (outcome, receipt) = market.accepted(&order, &envelope, &response);
        let change: u64 = outcome.change.iter().map(|coin| coin.body.denomination.minor()).sum();
        assert_eq!(change, 630);
        assert_eq!(receipt.invoice, market.invoice(&order).digest());
        let order = market.look(&shop, &order);
        assert_eq!((&order["status"], &order["taken"]), (&"paid".into(), &take.into()));
        assert_eq!(order["paid_at"], market.world.now().0);
    }
}

#[test]
fn the_same_envelope_gets_the_same_answer_and_another_is_told_that_nothing_is_owed() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let envelope = market.envelope(&order, market.coins(370));
    let first = market.post(&order, envelope.request());
    market.accepted(&order, &envelope, &first);
    market.world.run(7 * 86_400);
    let again = market.post(&order, envelope.request());
    assert_eq!((again.status(), again.body()), (first.status(), first.body()));
    let other = market.envelope(&order, market.coins(370));
    assert_eq!(code(&market.post(&order, other.request())), Code::AlreadyPaid);
    assert_eq!(market.takings(&shop)["received"], 370);
}

#[test]
fn p3_an_envelope_for_another_invoice_takes_nothing_and_still_pays_its_own() {
    let market = Market::new(1);
    let (a, b) = (market.shop("A", "refresh"), market.shop("B", "refresh"));
    let mine = market.order(&a, "1", 370);
    let envelope = market.envelope(&mine, market.coins(370));
    for foreign in [market.order(&a, "2", 370), market.order(&b, "1", 370)] {
        let response = market.post(&foreign, envelope.request());
        assert_eq!(market.refused(&envelope, &response).code, Code::EnvelopeForeign);
        assert_eq!(code_of(&market, &foreign), "unpaid");
    }
    let response = market.post(&mine, envelope.request());
    market.accepted(&mine, &envelope, &response);
}

fn code_of(market: &Market, order: &Value) -> String {
    // Orders are looked at through their shop; both shops of these tests have the same names as
    // keys.
    let shops = ["A", "B"].map(|name| market.shop(name, "refresh"));
    let found = shops.iter().map(|shop| market.look(shop, order));
    let status = found.filter_map(|order| order["status"].as_str().map(str::to_owned)).next();
    status.unwrap()
}

#[test]
fn p4_unequal_amounts_are_told_to_both_and_the_order_stays_open() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let (invoice, coins) = (market.invoice(&order), market.coins(300));
    let payment = PaymentOrder { amount: yen(300), ..market.payer.payment(&invoice, coins) };
    let envelope = market.seal(&payment);
    let refusal = market.refused(&envelope, &market.post(&order, envelope.request()));
    assert_eq!(refusal.code, Code::AmountMismatch);
    let Some(Evidence::Mismatch(mismatch)) = refusal.evidence else { panic!("no evidence") };
    let mismatch = mismatch.open(&market.payer.issuer.key).unwrap();
    assert_eq!((mismatch.paid, mismatch.asked), (yen(300), yen(370)));
    assert_eq!(market.look(&shop, &order)["status"], "unpaid");
    market.pay(&order);
}

#[test]
fn p4_bad_coins_are_named_to_the_payer_and_the_order_stays_open() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let coins = market.coins(370);
    let first = market.order(&shop, "1", 370);
    let envelope = market.envelope(&first, coins.clone());
    market.post(&first, envelope.request());
    let second = market.order(&shop, "2", 370);
    let envelope = market.envelope(&second, coins.clone());
    let response = market.post(&second, envelope.request());
    let refusal = market.refused(&envelope, &response);
    assert_eq!(refusal.code, Code::CoinNotLive);
    let Some(Evidence::BadCoins(verdict)) = refusal.evidence else { panic!("no evidence") };
    let verdict = verdict.open(&market.payer.issuer.key).unwrap();
    assert_eq!(verdict.bad.len(), coins.len());
    assert!(verdict.bad.iter().all(|bad| bad.fault == CoinFault::NotLive));
    assert_eq!(market.post(&second, envelope.request()).body(), response.body());
    assert_eq!(market.look(&shop, &second)["status"], "unpaid");
    market.pay(&second);
    assert_eq!(market.takings(&shop)["received"], 740);
}

#[test]
fn what_is_no_envelope_is_refused() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let coins = market.coins(370);
    let envelope = market.envelope(&order, coins.clone());
    let outer: SealedRequest = wire::decode_exact(envelope.request()).unwrap();
    let altered = |change: fn(&mut SealedRequest)| {
        let mut outer = outer.clone();
        change(&mut outer);
        wire::encode(&outer)
    };
    let mut longer = envelope.request().to_vec();
    longer.push(0);
    let cases = [
        (Vec::new(), Code::Malformed),
        (longer, Code::Malformed),
        (envelope.request()[1..].to_vec(), Code::Malformed),
        (altered(|outer| outer.route = Route::Change), Code::Malformed),
        (altered(|outer| outer.recipient.0[0] ^= 1), Code::NotSealedForUs),
        (altered(|outer| outer.ciphertext.0.resize(40 * 1024, 0)), Code::TooLong),
        (vec![0; 70 * 1024], Code::TooLong),
    ];
    for (bytes, expected) in cases {
        assert_eq!(code(&market.post(&order, &bytes)), expected);
        assert_eq!(market.look(&shop, &order)["status"], "unpaid");
    }
    // What only the issuer can see is told by the issuer; nothing is sealed to a payer it cannot
    // read.
    let spoiled = altered(|outer| outer.ciphertext.0[0] ^= 1);
    assert_eq!(code(&market.post(&order, &spoiled)), Code::EnvelopeForeign);
    let change = koban_protocol::process::change::ChangeOrder {
        coins: Coins::new(coins).unwrap(),
        bundle: koban_protocol::amount::Bundle::fewest(yen(370)).unwrap(),
        refresh: false,
        at: market.world.now(),
    };
    let change = market.payer.seal_order::<Change>(market.payer.operation(), &change);
    assert_eq!(code(&market.post(&order, change.request())), Code::Malformed);
    market.pay(&order);
}

#[test]
fn an_operation_is_good_for_one_envelope() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let (first, second) = (market.order(&shop, "1", 10), market.order(&shop, "2", 10));
    let envelope = market.envelope(&first, market.coins(10));
    market.post(&first, envelope.request());
    assert_eq!(code(&market.post(&second, envelope.request())), Code::OperationReused);
    let payment = market.payer.payment(&market.invoice(&second), market.coins(10));
    let reused = market.payer.seal(envelope.operation(), &payment);
    assert_eq!(code(&market.post(&first, reused.request())), Code::OperationReused);
    assert_eq!(code(&market.post(&second, reused.request())), Code::OperationReused);
    market.pay(&second);
}

#[test]
fn an_operation_of_the_shops_own_is_not_the_payers() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 10));
    market.spoil("payment", "issuer", Fate::LOST);
    market.of(&shop, "POST", "/redeem", &serde_json::json!({ "currency": "JPY" }));
    market.world.fair();
    let class = koban_edge_issuer::host::Class::Payment;
    let database = market.world.database("payment", class, &shop.shop);
    let query = "SELECT operation FROM journal WHERE state = 0";
    let row = koban_edge_issuer::sql::Sql::row(&*database, query, &[]).unwrap().unwrap();
    let operation = koban_protocol::id::OperationId(row.bytes("operation").unwrap());
    let order = market.order(&shop, "2", 10);
    let payment = market.payer.payment(&market.invoice(&order), market.coins(10));
    let envelope = market.payer.seal(operation, &payment);
    assert_eq!(code(&market.post(&order, envelope.request())), Code::OperationReused);
    market.world.run(60);
    assert_eq!(market.takings(&shop)["redeemed"], 10);
}

#[test]
fn an_expired_invoice_takes_no_envelope() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let envelope = market.envelope(&order, market.coins(370));
    market.world.pass(901);
    assert_eq!(market.look(&shop, &order)["status"], "expired");
    assert_eq!(code(&market.post(&order, envelope.request())), Code::InvoiceExpired);
    assert_eq!(market.takings(&shop), Value::Null);
}

#[test]
fn while_one_envelope_is_checked_another_waits() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let (one, other) =
        (market.envelope(&order, market.coins(370)), market.envelope(&order, market.coins(370)));
    market.spoil("payment", "issuer", Fate::LOST);
    assert_eq!(code(&market.post(&order, one.request())), Code::Pending);
    assert_eq!(market.look(&shop, &order)["status"], "validating");
    assert_eq!(code(&market.post(&order, other.request())), Code::Pending);
    market.world.fair();
    assert_eq!(code(&market.post(&order, other.request())), Code::Pending);
    let response = market.post(&order, one.request());
    market.accepted(&order, &one, &response);
    assert_eq!(code(&market.post(&order, other.request())), Code::AlreadyPaid);
}

#[test]
fn a_flood_of_bad_envelopes_leaves_a_bounded_trace() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 10);
    for _ in 0..40 {
        let payment = market.payer.payment(&market.invoice(&order), Vec::new());
        let envelope = market.seal(&payment);
        let response = market.post(&order, envelope.request());
        assert_eq!(market.refused(&envelope, &response).code, Code::AmountInvalid);
    }
    let class = koban_edge_issuer::host::Class::Payment;
    let database = market.world.database("payment", class, &shop.shop);
    let row =
        koban_edge_issuer::sql::Sql::row(&*database, "SELECT COUNT(*) AS n FROM attempt", &[]);
    assert!(row.unwrap().unwrap().u64("n").unwrap() <= 17);
    market.pay(&order);
}
