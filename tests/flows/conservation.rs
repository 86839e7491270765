//! VC-10: conservation of cash, in the rows, in the totals, against the banks.

use koban_edge_issuer::host::Class;
use koban_edge_issuer::role::payment::model::Taking;
use koban_edge_issuer::sql::Sql;
use koban_protocol::amount::Bundle;
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::key::SigningKey;
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::load::{Load, LoadOrder};
use koban_protocol::process::unload::{ClaimSecret, Unload, UnloadOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::Released;
use koban_tests::audit::figures;
use koban_tests::holder::yen;
use koban_tests::raw::{Raw, post_operation};
use koban_tests::story::{Story, whole};
use koban_tests::suite;
use koban_tests::world::{Fate, World};

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
    let near = OperationId::fresh(Some(coins[0].body.id), 4, world.entropy());
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

/// Money that left one bank's reserve and has not reached the other's is not missing.
#[test]
fn vc_10_conservation_reserve_on_its_way_between_banks_is_counted() {
    let world = World::new(75);
    let mut story = Story::begin(net(&world), "hanako", "Inkstone").unwrap();
    story.withdraw(500).unwrap();
    world.weather(|_, _, path| if path == "/settlements/in" { Fate::LOST } else { Fate::ARRIVES });
    story.buy(370, Taking::Redeem).unwrap();
    world.run(5);
    let moving = figures(&net(&world), "JPY").unwrap();
    assert_eq!((moving.transit, moving.reserved(), moving.issued()), (370, 130, 130));
    assert!(moving.consistent, "{moving:?}");
    world.fair();
    circulates(&world, 130);
}

/// A release has no end; the ledger's answers have one.
#[test]
fn mondex_4_a_release_is_good_once_even_when_its_answer_is_long_forgotten() {
    let world = World::new(73);
    let raw = Raw::enrolled(&net(&world), "hanako");
    let clearing = || OperationId::clearing(raw.issuer.shards, world.entropy());
    let coins = Coins::new(raw.purchase(Bundle::fewest(yen(512)).unwrap())).unwrap();
    let order = LoadOrder {
        coins,
        amount: yen(512),
        change: None,
        request: Digest([1; 32]),
        claim: Digest([2; 32]),
        at: world.now(),
    };
    raw.ask::<Load>(clearing(), &order).unwrap();
    let (operation, secret) = (clearing(), ClaimSecret::generate(world.entropy()));
    let released = Released { operation, amount: yen(128), claim: secret.claim() };
    let released = Signed::sign(&released, &SigningKey::from_seed(&world.seed("originator")));
    let bundle = Bundle::fewest(yen(128)).unwrap();
    let mut order = UnloadOrder { released, secret, bundle, at: world.now() };
    raw.ask::<Unload>(operation, &order).unwrap();
    let database = world.database("issuer", Class::Shard, "0");
    let known = || {
        let query = "SELECT count(*) AS n FROM operation WHERE id = ?";
        database.row(query, &[operation.0.into()]).unwrap().unwrap().u64("n").unwrap()
    };
    assert_eq!(known(), 1);
    world.run(92 * 86_400);
    assert_eq!(known(), 0, "the dispute window is over");
    order.at = world.now();
    let again = raw.seal_order::<Unload>(operation, &order);
    let response = post_operation(&net(&world), again.request().to_vec());
    assert_eq!(response.status(), Code::OperationReused.status());
    circulates(&world, 512);
    assert_eq!(figures(&net(&world), "JPY").unwrap().cards, 384);
    rows_add_up(&world);
}

/// An intruder with the database, but not the keys, raises what cards hold.
#[test]
fn vc_10_conservation_value_in_cards_from_nowhere_shows_in_the_audit() {
    let world = World::new(74);
    let raw = Raw::enrolled(&net(&world), "hanako");
    raw.purchase(Bundle::fewest(yen(16)).unwrap());
    circulates(&world, 16);
    for shard in 0..4 {
        let database = world.database("issuer", Class::Shard, &shard.to_string());
        database.run("UPDATE total SET cards = cards + 1", &[]).unwrap();
    }
    let figures = figures(&net(&world), "JPY").unwrap();
    assert!(figures.cards > 0 && !figures.consistent, "{figures:?}");
}
