//! The shop's money: fresh coins, held value, the account; together always what was received
//! (VC-5, VC-7, VC-10).

use koban_edge_issuer::host::Class;
use koban_edge_issuer::sql::{Row, Sql, Value as SqlValue};
use serde_json::{Value, json};

use crate::market::{Access, Market};
use koban_tests::world::Fate;

fn rows(market: &Market, shop: &Access, query: &str) -> Vec<Row> {
    market.world.database("payment", Class::Payment, &shop.shop).run(query, &[]).unwrap()
}

fn redeem(market: &Market, shop: &Access) -> Value {
    let (status, redeemed) = market.of(shop, "POST", "/redeem", &json!({ "currency": "JPY" }));
    assert_eq!(status, 200, "{redeemed}");
    redeemed
}

fn account(market: &Market, shop: &Access) -> u64 {
    market.takings(shop)["account"].as_u64().unwrap()
}

#[test]
fn vc_5_fresh_coins_are_held_and_redeemed_together() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 370));
    market.pay(&market.order(&shop, "2", 130));
    let before = account(&market, &shop);
    let takings = market.takings(&shop);
    assert_eq!((&takings["fresh"], &takings["held"]), (&500.into(), &0.into()));
    assert_eq!(takings["coins"], 370_u32.count_ones() + 130_u32.count_ones());
    let redeemed = redeem(&market, &shop);
    let expected = json!({ "currency": "JPY", "redeemed": 500, "redeeming": 0, "left": 0 });
    assert_eq!(redeemed, expected);
    market.world.run(60);
    assert_eq!(account(&market, &shop), before + 500);
    let takings = market.takings(&shop);
    assert_eq!((&takings["fresh"], &takings["coins"]), (&0.into(), &0.into()));
    assert_eq!((&takings["redeemed"], &takings["received"]), (&500.into(), &500.into()));
    assert_eq!(redeem(&market, &shop)["redeemed"], 0);
}

#[test]
fn vc_5_held_value_and_coins_are_redeemed_in_one_go() {
    let market = Market::new(1);
    let shop = market.shop("A", "aggregate");
    market.pay(&market.order(&shop, "1", 370));
    market.pay(&market.order(&shop, "2", 130));
    assert_eq!(market.takings(&shop)["held"], 500);
    let refresh = json!({ "take": "refresh" });
    assert_eq!(market.of(&shop, "PUT", "/settings", &refresh).0, 200);
    market.pay(&market.order(&shop, "3", 50));
    let before = account(&market, &shop);
    assert_eq!(redeem(&market, &shop)["redeemed"], 550);
    market.world.run(60);
    assert_eq!(account(&market, &shop), before + 550);
    assert!(rows(&market, &shop, "SELECT * FROM held").is_empty());
}

#[test]
fn vc_5_redeeming_at_once_leaves_nothing_behind() {
    let market = Market::new(1);
    let shop = market.shop("A", "redeem");
    market.pay(&market.order(&shop, "1", 370));
    market.world.run(60);
    let takings = market.takings(&shop);
    assert_eq!((&takings["redeemed"], &takings["fresh"]), (&370.into(), &0.into()));
    // A new account of the demonstration has 50,000 yen.
    assert_eq!(takings["account"], 50_370);
}

#[test]
fn more_coins_than_one_operation_takes_are_redeemed_all_the_same() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    for reference in 0..6 {
        market.pay(&market.order(&shop, &reference.to_string(), 8191));
    }
    assert_eq!(market.takings(&shop)["coins"], 78);
    assert_eq!(redeem(&market, &shop)["redeemed"], 6 * 8191);
    assert_eq!(market.takings(&shop)["coins"], 0);
}

#[test]
fn vc_11_what_is_being_redeemed_is_neither_lost_nor_redeemed_twice() {
    for fate in [Fate::LOST, Fate::ANSWER_LOST] {
        // Within the issuer's time window, and long after it.
        for silence in [60, 7200] {
            let market = Market::new(1);
            let shop = market.shop("A", "refresh");
            market.pay(&market.order(&shop, "1", 370));
            let before = account(&market, &shop);
            market.spoil("payment", "issuer", fate);
            let redeemed = redeem(&market, &shop);
            assert_eq!((&redeemed["redeemed"], &redeemed["redeeming"]), (&0.into(), &370.into()));
            assert_eq!(redeem(&market, &shop)["redeeming"], 370);
            market.world.run(silence);
            market.world.crash();
            market.world.fair();
            market.world.run(900);
            assert_eq!(account(&market, &shop), before + 370, "{fate:?} {silence}");
            let takings = market.takings(&shop);
            assert_eq!((&takings["fresh"], &takings["redeeming"]), (&0.into(), &0.into()));
        }
    }
}

#[test]
fn vc_9_coins_and_secrets_rest_encrypted() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 370);
    market.pay(&order);
    let coins = rows(&market, &shop, "SELECT id, sealed FROM coin");
    assert!(!coins.is_empty());
    for coin in coins {
        // A coin's encoding holds its id; what rests beside the id does not.
        let (id, sealed) = (coin.blob("id").unwrap(), coin.blob("sealed").unwrap());
        assert!(!sealed.windows(id.len()).any(|window| window == id));
    }
    market.spoil("payment", "issuer", Fate::LOST);
    let envelope = market.envelope(&market.order(&shop, "2", 10), market.coins(10));
    market.post(&market.order(&shop, "2", 10), envelope.request());
    let open = rows(&market, &shop, "SELECT secret FROM journal WHERE state = 0");
    // 97 bytes of secret, a nonce and a tag.
    assert_eq!(open[0].blob("secret").unwrap().len(), 97 + 12 + 16);
    let kept = envelope.secret().expose();
    let outer = &kept[..65];
    let secret = open[0].blob("secret").unwrap();
    assert!(!secret.windows(outer.len()).any(|window| window == outer));
}

#[test]
fn the_journal_is_empty_when_all_is_done() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 370));
    redeem(&market, &shop);
    assert!(!rows(&market, &shop, "SELECT * FROM journal").is_empty(), "to be acknowledged");
    market.world.run(60);
    assert!(rows(&market, &shop, "SELECT * FROM journal").is_empty());
    assert!(rows(&market, &shop, "SELECT * FROM conversion").is_empty());
    assert!(rows(&market, &shop, "SELECT * FROM attempt WHERE sealed IS NOT NULL").is_empty());
}

#[test]
fn vc_7_coins_are_renewed_before_they_expire() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 370));
    let expiry = |market: &Market| {
        let rows = rows(market, &shop, "SELECT MIN(expiry) AS day FROM coin");
        rows[0].u64("day").unwrap()
    };
    let first = expiry(&market);
    let days = first - market.world.now().0 / 86_400;
    market.world.run((days - 15) * 86_400);
    assert_eq!(expiry(&market), first);
    market.world.run(2 * 86_400);
    assert!(expiry(&market) > first + 300);
    let takings = market.takings(&shop);
    assert_eq!((&takings["fresh"], &takings["received"]), (&370.into(), &370.into()));
}

#[test]
fn a_currency_nobody_issues_is_not_redeemed() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    for currency in ["EUR", "yen", ""] {
        let (status, problem) =
            market.of(&shop, "POST", "/redeem", &json!({ "currency": currency }));
        assert_eq!((status, &problem["name"]), (400, &json!("currency-unknown")));
    }
    assert_eq!(redeem(&market, &shop)["redeemed"], 0);
}

#[test]
fn totals_that_do_not_add_up_stop_the_shop_from_showing_them() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 370));
    let database = market.world.database("payment", Class::Payment, &shop.shop);
    let coin = &database.run("SELECT id FROM coin LIMIT 1", &[]).unwrap()[0];
    let id = coin.blob("id").unwrap().to_vec();
    database.run("DELETE FROM coin WHERE id = ?", &[id.into()]).unwrap();
    assert_eq!(market.of(&shop, "GET", "", &Value::Null).1["name"], "internal");
    assert!(market.world.log().iter().any(|line| line.contains("totals")));
}

/// The issuer loses coins it made.
fn issuer_forgets(market: &Market, which: &str, arguments: &[SqlValue]) {
    let mut forgotten = 0;
    for shard in 0..4 {
        let database = market.world.database("issuer", Class::Shard, &shard.to_string());
        let used = database.row("SELECT 1 FROM sqlite_master WHERE name = 'coin'", &[]);
        if used.unwrap().is_some() {
            let erase = format!("DELETE FROM coin WHERE {which} RETURNING id");
            forgotten += database.run(&erase, arguments).unwrap().len();
        }
    }
    assert!(forgotten > 0);
}

#[test]
fn coins_that_are_not_live_are_left_out_and_the_rest_is_redeemed() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 3));
    // An issuer that has forgotten a coin it made: nothing a shop can do but tell.
    let lost = rows(&market, &shop, "SELECT id FROM coin WHERE minor = 2");
    let lost = lost[0].blob("id").unwrap().to_vec();
    issuer_forgets(&market, "id = ?", &[lost.into()]);
    let first = redeem(&market, &shop);
    assert_eq!((&first["redeemed"], &first["left"]), (&0.into(), &3.into()));
    let second = redeem(&market, &shop);
    assert_eq!((&second["redeemed"], &second["left"]), (&1.into(), &2.into()));
    assert_eq!(redeem(&market, &shop)["redeemed"], 0);
    market.world.run(400 * 86_400);
    let takings = market.takings(&shop);
    assert_eq!((&takings["fresh"], &takings["redeemed"]), (&2.into(), &1.into()));
}

#[test]
fn a_renewal_that_is_refused_is_not_tried_for_ever() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    market.pay(&market.order(&shop, "1", 3));
    issuer_forgets(&market, "denomination = 1", &[]);
    market.world.run(500 * 86_400);
    let left = rows(&market, &shop, "SELECT minor, fault, expiry FROM coin ORDER BY minor");
    assert_eq!(left.len(), 2);
    assert!(left[0].is_null("fault").unwrap(), "the good one was renewed by itself");
    assert_eq!(left[1].u64("fault").unwrap(), 1);
    assert!(left[0].u64("expiry").unwrap() > left[1].u64("expiry").unwrap());
    assert_eq!(market.takings(&shop)["fresh"], 3);
}
