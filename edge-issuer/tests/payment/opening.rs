//! Opening a shop: once, wherever it is interrupted.

use koban_edge_issuer::host::Address;
use koban_protocol::refusal::Code;
use serde_json::{Value, json};

use crate::market::{Market, new_shop};
use koban_tests::world::Fate;

#[test]
fn the_same_key_opens_the_same_shop() {
    let market = Market::new(1);
    let asked = new_shop("Books", "redeem");
    let (status, opened) = market.ask_for_shop("k", &asked);
    assert_eq!(status, 201);
    assert_eq!(market.ask_for_shop("k", &asked), (201, opened.clone()));
    let (status, problem) = market.ask_for_shop("k", &new_shop("Books", "refresh"));
    assert_eq!((status, &problem["name"]), (409, &json!("operation-reused")));
    let (_, other) = market.ask_for_shop("l", &new_shop("Records", "redeem"));
    assert_ne!(other["shop"], opened["shop"]);
    assert_ne!(other["token"], opened["token"]);
}

#[test]
fn a_name_that_is_taken_is_refused_for_good() {
    let market = Market::new(1);
    market.shop("Books", "refresh");
    for _ in 0..2 {
        let (status, problem) = market.ask_for_shop("other", &new_shop("Books", "refresh"));
        assert_eq!((status, &problem["name"]), (409, &json!("pseudonym-taken")));
    }
}

#[test]
fn shops_that_make_no_sense_are_refused() {
    let market = Market::new(1);
    let with = |member: &str, value: Value| {
        let mut shop = new_shop("Books", "refresh");
        shop[member] = value;
        shop
    };
    let cases = [
        (with("name", json!("")), Code::Malformed),
        (with("name", json!("n".repeat(65))), Code::Malformed),
        (with("bank", json!("bank-c")), Code::AccountForeign),
        (with("take", json!("steal")), Code::Malformed),
        (with("webhook", json!("http://169.254.169.254/")), Code::NotAllowed),
        (with("webhook", json!("http://localhost:87011/webhook")), Code::NotAllowed),
        (with("webhook", json!("http://localhost:8701@evil.example/")), Code::NotAllowed),
    ];
    for (asked, expected) in cases {
        let (_, problem) = market.ask_for_shop("k", &asked);
        assert_eq!(problem["code"], expected.number(), "{asked}: {problem}");
    }
    let (status, _) = market.ask_for_shop(&"k".repeat(129), &new_shop("Books", "refresh"));
    assert_eq!(status, 400);
}

#[test]
fn vc_11_opening_goes_on_where_it_was_cut() {
    let asked = new_shop("Books", "redeem");
    for fate in [Fate::LOST, Fate::ANSWER_LOST] {
        for cut in 0..8 {
            let market = Market::new(1);
            let mut calls = 0;
            market.world.weather(move |role, to, _| {
                let counted = role == "payment" && matches!(to, Address::Peer(_));
                calls += usize::from(counted);
                if counted && calls == cut + 1 { fate } else { Fate::ARRIVES }
            });
            let (first, _) = market.ask_for_shop("k", &asked);
            market.world.crash();
            market.world.fair();
            let (status, opened) = market.ask_for_shop("k", &asked);
            assert_eq!(status, 201, "{fate:?} at {cut}, first {first}: {opened}");
            let (status, shop) = market.call(
                "GET",
                &format!("/shops/{}", opened["shop"].as_str().unwrap()),
                opened["token"].as_str().unwrap(),
                &Value::Null,
            );
            assert_eq!((status, &shop["name"]), (200, &json!("Books")));
            assert_eq!(shop["bank"], "bank-b");
        }
    }
}

#[test]
fn opening_ends_by_itself_once_the_issuer_answers() {
    let market = Market::new(1);
    market.world.weather(|role, to, path| {
        let lost = role == "payment" && *to == Address::Peer("issuer".into()) && path != "/keys";
        if lost { Fate::LOST } else { Fate::ARRIVES }
    });
    let asked = new_shop("Books", "redeem");
    assert_eq!(market.ask_for_shop("k", &asked).1["name"], "pending");
    // Long enough for the order to be refused for its age, and made again.
    market.world.run(3600);
    market.world.fair();
    market.world.run(3600);
    // Nothing is left to be asked of anybody.
    market.world.weather(|role, to, _| {
        let lost = role == "payment" && matches!(to, Address::Peer(_));
        if lost { Fate::LOST } else { Fate::ARRIVES }
    });
    assert_eq!(market.ask_for_shop("k", &asked).0, 201);
}
