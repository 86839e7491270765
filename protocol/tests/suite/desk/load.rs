//! Load (VC-14).

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::limits::CLOCK_SKEW_MAX_S;
use koban_protocol::process::load::{Load, LoadOrder};
use koban_protocol::process::{Asked, Ordered, Prepared};
use koban_protocol::refusal::{Code, Refusal};
use koban_protocol::statement::Funded;
use koban_protocol::time::{Day, Time};

use super::{carry_out, prepare};
use crate::fixture::{NOW, World, clearing, coins_of, currency, entropy, list, operation, yen};

fn load(world: &World, order: &LoadOrder) -> Result<(Prepared, Asked<Load>), Refusal> {
    let keys = world.desk.keys();
    let asked = Asked::new(clearing("load"), order, keys, entropy("load")).unwrap();
    match prepare(world, asked, NOW)? {
        (Ordered::Moves(prepared), asked) => Ok((*prepared, asked)),
        _ => panic!("a load moves"),
    }
}

fn changed(change: impl FnOnce(&World, &mut LoadOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.load(500);
    change(&world, &mut order);
    load(&world, &order).err().map(|refusal| refusal.code)
}

#[test]
fn vc_14_a_load_gives_the_issuers_word_for_this_request_and_amount() {
    let world = World::new();
    let order = world.load(500);
    let asked = load(&world, &order).unwrap();
    let (inputs, outputs) = (asked.0.movement().inputs(), asked.0.movement().outputs());
    assert_eq!((inputs.coins.len(), inputs.card), (order.coins.len(), None));
    assert_eq!((outputs.card, &outputs.fresh), (Some(yen(500)), &None));
    let loaded = carry_out(&world, &asked);
    assert!(loaded.change.is_empty());
    let funded = loaded.funded.open(&world.desk.keys().key).unwrap();
    let LoadOrder { request, amount, claim, .. } = order;
    assert_eq!(funded, Funded { operation: clearing("load"), request, amount, claim });
}

#[test]
fn vc_14_change_is_what_the_card_does_not_get() {
    let world = World::new();
    let mut order = world.load(512);
    order.amount = yen(370);
    order.change = Some(coins_of(142));
    let asked = load(&world, &order).unwrap();
    let loaded = carry_out(&world, &asked);
    assert_eq!(loaded.change.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 142);
    assert_eq!(loaded.funded.claim().unwrap().amount, yen(370));
}

#[test]
fn amounts_that_differ_are_refused() {
    for wrong in [0, 1, 499, 501, 1000] {
        let code = changed(|_, order| order.amount = yen(wrong));
        assert_eq!(code, Some(Code::AmountInvalid), "{wrong}");
    }
    let all_change = changed(|_, order| {
        order.amount = yen(0);
        order.change = Some(coins_of(500));
    });
    assert_eq!(all_change, Some(Code::AmountInvalid));
    let dollars = Amount::new(currency("USD"), 500).unwrap();
    let foreign = changed(|_, order| order.change = Some(Bundle::fewest(dollars).unwrap()));
    assert_eq!(foreign, Some(Code::AmountInvalid));
    let of_another = changed(|_, order| order.amount = dollars);
    assert_eq!(of_another, Some(Code::CoinNotLive));
    let unknown = Amount::new(currency("EUR"), 500).unwrap();
    assert_eq!(changed(|_, order| order.amount = unknown), Some(Code::CurrencyUnknown));
}

#[test]
fn bad_coins_are_refused() {
    let expired = changed(|world, order| {
        order.coins = list(world.coins_until(500, "old", Day(NOW.day().0 - 1)));
    });
    assert_eq!(expired, Some(Code::CoinExpired));
    let forged = changed(|_, order| {
        order.coins = list(World::of("another issuer").coins(500, "forged"));
    });
    assert_eq!(forged, Some(Code::CoinNotLive));
    let twice = changed(|world, order| {
        order.coins = list([world.coins(256, "twice"), world.coins(256, "twice")].concat());
        order.amount = yen(512);
    });
    assert_eq!(twice, Some(Code::AmountInvalid));
}

#[test]
fn vc_14_a_load_is_at_home_in_the_clearing_shard_and_in_time() {
    let late = Time(NOW.0 - CLOCK_SKEW_MAX_S - 1);
    assert_eq!(changed(|_, order| order.at = late), Some(Code::ClockSkew));
    let (world, order) = (World::new(), World::new().load(500));
    let away = operation("load");
    assert_ne!(away.shard(world.desk.keys().shards).0, 0);
    let asked = Asked::<Load>::new(away, &order, world.desk.keys(), entropy("away")).unwrap();
    assert_eq!(prepare(&world, asked, NOW).err().unwrap().code, Code::Malformed);
}
