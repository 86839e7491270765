//! VC-10: conservation of cash, in the rows, in the totals, against the banks.

use koban_edge_issuer::host::Class;
use koban_edge_issuer::sql::Sql;
use koban_protocol::amount::Bundle;
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_tests::audit::figures;
use koban_tests::holder::yen;
use koban_tests::raw::{Raw, post_operation};
use koban_tests::story::whole;
use koban_tests::suite;
use koban_tests::world::World;

use super::{circulates, net};

/// In every shard the totals are what the rows add up to.
fn rows_add_up(world: &World) {
    for shard in 0..4 {
        let database = world.database("issuer", Class::Shard, &shard.to_string());
        let sum = |query: &str| database.row(query, &[]).unwrap().unwrap().u64("sum").unwrap();
        assert_eq!(
            sum("SELECT coalesce(sum(coins), 0) AS sum FROM total"),
            sum("SELECT coalesce(sum(1 << denomination), 0) AS sum FROM coin"),
        );
        assert_eq!(
            sum("SELECT coalesce(sum(held), 0) AS sum FROM total"),
            sum("SELECT coalesce(sum(minor), 0) AS sum FROM held"),
        );
    }
}

#[test]
fn vc_10_conservation_rows_totals_and_reserves_agree_after_the_whole_story() {
    let world = World::new(70);
    whole(net(&world), |_| {}).unwrap();
    rows_add_up(&world);
    let raw = Raw::enrolled(&net(&world), "hanako");
    raw.purchase(Bundle::fewest(yen(777)).unwrap());
    rows_add_up(&world);
    circulates(&world, 777);
}

#[test]
fn vc_10_conservation_money_from_nowhere_stops_the_operation_and_changes_nothing() {
    let world = World::new(71);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(16)).unwrap());
    let home = coins[0].body.id.shard(4).0.to_string();
    let database = world.database("issuer", Class::Shard, &home);
    // An intruder with the database, but not the keys, lowers the books.
    database.run("UPDATE total SET coins = coins - 1", &[]).unwrap();
    let (coins, bundle) = (Coins::new(coins.clone()).unwrap(), Bundle::fewest(yen(16)).unwrap());
    let order = ChangeOrder { coins: coins.clone(), bundle, refresh: false, at: world.now() };
    let near = koban_protocol::id::OperationId::fresh(Some(coins[0].body.id), 4, world.entropy());
    let asked = raw.seal_order::<Change>(near, &order);
    let response = post_operation(&net(&world), asked.request().to_vec());
    assert_eq!(response.status(), 500);
    assert!(world.log().iter().any(|line| line.contains("invariant")), "{:?}", world.log());
    let figures = figures(&net(&world), "JPY").unwrap();
    assert!(!figures.consistent, "the audit shows the missing yen");
    database.run("UPDATE total SET coins = coins + 1", &[]).unwrap();
    assert_eq!(raw.send(&asked).unwrap().len(), 1);
    circulates(&world, 16);
    rows_add_up(&world);
}

#[test]
fn vc_10_anyone_may_read_the_audit() {
    let world = World::new(72);
    let raw = Raw::enrolled(&net(&world), "hanako");
    raw.purchase(Bundle::fewest(yen(5_000)).unwrap());
    let request = http::Request::get("http://localhost:8702/audit").body(Vec::new()).unwrap();
    let response = world.send(request).unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let figures = figures(&net(&world), "JPY").unwrap();
    assert_eq!((figures.coins, figures.reserved()), (5_000, 5_000));
    assert_eq!(suite::circulating(&net(&world)), 5_000);
}
