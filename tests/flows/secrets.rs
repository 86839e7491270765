//! VC-8, VC-9: what a reader of each database learns, and what it does not.

use http::Request;
use koban_edge_issuer::host::Class;
use koban_edge_issuer::sql::{Sql, Value};
use koban_protocol::amount::Bundle;
use koban_protocol::wire;
use koban_tests::holder::yen;
use koban_tests::raw::Raw;
use koban_tests::world::World;

use super::{circulates, net};

/// Every byte that a database holds.
fn dump(world: &World, role: &str, class: Class, name: &str) -> Vec<u8> {
    let database = world.database(role, class, name);
    let tables = database.run("SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap();
    let mut bytes = Vec::new();
    for table in tables {
        let rows = database.run(&format!("SELECT * FROM {}", table.text("name").unwrap()), &[]);
        for (_, value) in rows.unwrap().into_iter().flat_map(|row| row.0) {
            match value {
                Value::Blob(blob) => bytes.extend(blob),
                Value::Text(text) => bytes.extend(text.into_bytes()),
                Value::Int(number) => bytes.extend(number.to_be_bytes()),
                Value::Null => {}
            }
        }
    }
    bytes
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn shards(world: &World) -> Vec<u8> {
    (0..4).flat_map(|shard| dump(world, "issuer", Class::Shard, &shard.to_string())).collect()
}

#[test]
fn vc_9_a_reader_of_the_coin_database_cannot_spend() {
    let world = World::new(60);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(1_023)).unwrap());
    let database = shards(&world);
    for coin in &coins {
        assert!(holds(&database, &coin.body.id.0), "the coin is live");
        let tag = &wire::encode(&coin.tag)[1..];
        assert_eq!(tag.len(), 16);
        assert!(!holds(&database, tag), "a tag rests in the database");
    }
}

#[test]
fn vc_9_spent_coins_are_erased() {
    let world = World::new(61);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(96)).unwrap());
    let before = coins.iter().all(|coin| holds(&shards(&world), &coin.body.id.0));
    raw.redeem(coins.clone(), Vec::new(), yen(96)).unwrap();
    world.run(60);
    let database = shards(&world);
    assert!(before && coins.iter().all(|coin| !holds(&database, &coin.body.id.0)));
    circulates(&world, 0);
}

#[test]
fn vc_8_who_withdrew_is_apart_from_what_is_live() {
    let world = World::new(62);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(96)).unwrap());
    world.run(60);
    let participant = raw.key.verifying_key().participant();
    let coin_side = shards(&world);
    assert!(!holds(&coin_side, &participant.0) && !holds(&coin_side, b"hanako"));
    let holder_side = dump(&world, "register", Class::Register, "register");
    assert!(!holder_side.is_empty());
    assert!(!holds(&holder_side, &coins[0].body.id.0) && !holds(&holder_side, &participant.0));
}

#[test]
fn vc_8_joining_the_two_is_a_deliberate_logged_act() {
    let world = World::new(63);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(96)).unwrap());
    world.run(60);
    let (pseudonym, reason) = (raw.pseudonym(), "court order 7 of 2026");
    let inquiry = serde_json::json!({ "pseudonym": pseudonym, "reason": reason }).to_string();
    let request = |token: &str| {
        let request = Request::post("http://localhost:8702/operator/holder");
        request
            .header("authorization", format!("Bearer {token}"))
            .body(inquiry.clone().into_bytes())
            .unwrap()
    };
    assert_eq!(world.send(request("wrong")).unwrap().status(), 403);
    let answer = world.send(request(&world.operator_token("issuer"))).unwrap();
    let text = String::from_utf8(answer.into_body()).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let told = answer["coins"].as_array().unwrap_or_else(|| panic!("{text}"));
    assert_eq!(told.len(), coins.len());
    assert!(told.iter().all(|coin| coin["live"] == true));
    let token = format!("Bearer {}", world.operator_token("register"));
    let log = Request::get("http://localhost:8706/log").header("authorization", token);
    let log = world.send(log.body(Vec::new()).unwrap()).unwrap();
    let log = String::from_utf8(log.into_body()).unwrap();
    assert!(log.contains("court order 7 of 2026"), "{log}");
}

#[test]
fn vc_8_private_coins_are_noted_nowhere() {
    let world = World::new(64);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let operation = raw.operation();
    let mut order = raw.purchase_order(operation, Bundle::fewest(yen(96)).unwrap());
    order.recoverable = false;
    let order = koban_protocol::signed::Signed::sign(&order, &raw.key);
    raw.ask::<koban_protocol::process::purchase::Purchase>(operation, &order).unwrap();
    world.run(60);
    let database = world.database("issuer", Class::Shard, &operation.shard(4).0.to_string());
    assert!(database.run("SELECT * FROM task", &[]).unwrap().is_empty());
    circulates(&world, 96);
}
