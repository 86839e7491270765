//! Lost calls, crashes and long silences: a payment is made once, or not at all (VC-11).

use koban_protocol::refusal::Code;

use crate::market::{Market, code};
use koban_tests::world::Fate;

#[test]
fn vc_11_a_lost_answer_is_fetched_again_without_the_payer() {
    for fate in [Fate::LOST, Fate::ANSWER_LOST] {
        for take in ["refresh", "redeem", "aggregate"] {
            let market = Market::new(1);
            let shop = market.shop("A", take);
            let order = market.order(&shop, "1", 370);
            let envelope = market.envelope(&order, market.coins(512));
            market.spoil("payment", "issuer", fate);
            assert_eq!(code(&market.post(&order, envelope.request())), Code::Pending);
            market.world.crash();
            market.world.fair();
            market.world.run(60);
            assert_eq!(market.look(&shop, &order)["status"], "paid", "{fate:?} {take}");
            let response = market.post(&order, envelope.request());
            market.accepted(&order, &envelope, &response);
            assert_eq!(market.takings(&shop)["received"], 370);
        }
    }
}

#[test]
fn vc_11_every_call_may_arrive_twice() {
    let market = Market::new(1);
    market.world.weather(|_, _, _| Fate::TWICE);
    let shop = market.shop("A", "refresh");
    for reference in ["1", "2"] {
        let order = market.order(&shop, reference, 370);
        let envelope = market.envelope(&order, market.coins(370));
        let response = market.post(&order, envelope.request());
        market.accepted(&order, &envelope, &response);
    }
    let takings = market.takings(&shop);
    assert_eq!((&takings["received"], &takings["fresh"]), (&740.into(), &740.into()));
}

#[test]
fn vc_11_an_issuer_out_of_reach_for_an_hour_only_delays_a_payment() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let mut long = crate::market::new_order("1", 370);
    long["expires_in"] = 86_400.into();
    let (_, order) = market.of(&shop, "POST", "/orders", &long);
    let envelope = market.envelope(&order, market.coins(370));
    market.spoil("payment", "issuer", Fate::LOST);
    assert_eq!(code(&market.post(&order, envelope.request())), Code::Pending);
    // The validation request is too old for the issuer by then; the same envelope is validated
    // with a new one.
    market.world.run(3600);
    market.world.fair();
    market.world.run(600);
    assert_eq!(market.look(&shop, &order)["status"], "paid");
    let response = market.post(&order, envelope.request());
    market.accepted(&order, &envelope, &response);
}

#[test]
fn an_invoice_that_expires_while_the_issuer_is_away_takes_nothing() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let coins = market.coins(370);
    let envelope = market.envelope(&order, coins.clone());
    market.spoil("payment", "issuer", Fate::LOST);
    market.post(&order, envelope.request());
    market.world.run(3600);
    market.world.fair();
    market.world.run(600);
    assert_eq!(market.look(&shop, &order)["status"], "expired");
    let response = market.post(&order, envelope.request());
    assert_eq!(market.refused(&envelope, &response).code, Code::InvoiceExpired);
    let next = market.order(&shop, "2", 370);
    let envelope = market.envelope(&next, coins);
    let response = market.post(&next, envelope.request());
    market.accepted(&next, &envelope, &response);
}

#[test]
fn a_problem_document_is_nobodys_last_word() {
    // Anybody on the way may put one there; only what is sealed is final.
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    let envelope = market.envelope(&order, market.coins(370));
    // The issuer's front is reached, its shards are not: it answers with a problem.
    market.world.weather(|role, to, _| {
        let inside = matches!(to, koban_edge_issuer::host::Address::Object(..));
        if role == "issuer" && inside { Fate::LOST } else { Fate::ARRIVES }
    });
    assert_eq!(code(&market.post(&order, envelope.request())), Code::Pending);
    assert_eq!(market.look(&shop, &order)["status"], "validating");
    market.world.fair();
    market.world.run(60);
    assert_eq!(market.look(&shop, &order)["status"], "paid");
}
