//! Unload (VC-14).

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::limits::CLOCK_SKEW_MAX_S;
use koban_protocol::process::unload::{Unload, UnloadOrder};
use koban_protocol::process::{Asked, Ordered, Prepared, Rejected, outer};
use koban_protocol::refusal::{Code, Refusal};
use koban_protocol::signed::Signed;
use koban_protocol::time::Time;

use super::{carry_out, prepare, refusal_in};
use crate::fixture::{
    NOW, World, claim_secret, clearing, coins_of, currency, entropy, operation, signing, yen,
};

fn unload_as(
    world: &World,
    name: &str,
    order: &UnloadOrder,
) -> Result<(Prepared, Asked<Unload>), Refusal> {
    let keys = world.desk.keys();
    let asked = Asked::new(clearing(name), order, keys, entropy(name)).unwrap();
    let (Ordered::Unloads(due), asked) = prepare(world, asked, NOW)? else {
        panic!("not an unload")
    };
    let originator = signing("originator").verifying_key();
    match due.release(&world.desk, &originator, NOW, entropy("release")) {
        Ok(prepared) => Ok((prepared, asked)),
        Err(rejected) => Err(refusal_in(&asked, rejected)),
    }
}

fn changed(change: impl FnOnce(&World, &mut UnloadOrder)) -> Option<Code> {
    let world = World::new();
    let mut order = world.unload(&world.released(500));
    change(&world, &mut order);
    unload_as(&world, "unload", &order).err().map(|refusal| refusal.code)
}

#[test]
fn vc_14_an_unload_gives_what_the_originator_released() {
    let world = World::new();
    let order = world.unload(&world.released(500));
    let asked = unload_as(&world, "unload", &order).unwrap();
    let (inputs, outputs) = (asked.0.movement().inputs(), asked.0.movement().outputs());
    assert_eq!((inputs.card, outputs.card, outputs.holder), (Some(yen(500)), None, None));
    let coins = carry_out(&world, &asked);
    assert_eq!(coins.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 500);
}

#[test]
fn vc_14_a_release_is_for_one_operation_and_whoever_knows_its_secret() {
    let stranger = changed(|_, order| order.secret = claim_secret("a thief"));
    assert_eq!(stranger, Some(Code::NotAllowed));
    let other = changed(|world, order| {
        let mut released = world.released(500);
        released.operation = clearing("another");
        order.released = Signed::sign(&released, &signing("originator"));
    });
    assert_eq!(other, Some(Code::NotAllowed));
    let world = World::new();
    let order = world.unload(&world.released(500));
    let elsewhere = unload_as(&world, "another", &order).err().unwrap();
    assert_eq!(elsewhere.code, Code::NotAllowed);
}

#[test]
fn vc_14_a_release_needs_the_originators_signature() {
    for forger in ["payer", "issuer", "bank-a"] {
        let forged = changed(|world, order| {
            order.released = Signed::sign(&world.released(500), &signing(forger));
        });
        assert_eq!(forged, Some(Code::BadSignature), "{forger}");
    }
}

#[test]
fn amounts_that_differ_are_refused() {
    for wrong in [0, 1, 499, 501, 1000] {
        let code = changed(|_, order| order.bundle = coins_of(wrong));
        assert_eq!(code, Some(Code::AmountInvalid), "{wrong}");
    }
    let dollars = Bundle::fewest(Amount::new(currency("USD"), 500).unwrap()).unwrap();
    assert_eq!(changed(|_, order| order.bundle = dollars), Some(Code::AmountInvalid));
    let nothing = changed(|world, order| *order = world.unload(&world.released(0)));
    assert_eq!(nothing, Some(Code::AmountInvalid));
    let unknown = Bundle::fewest(Amount::new(currency("EUR"), 500).unwrap()).unwrap();
    assert_eq!(changed(|_, order| order.bundle = unknown), Some(Code::CurrencyUnknown));
}

#[test]
fn vc_14_an_unload_is_at_home_in_the_clearing_shard_and_in_time() {
    let late = Time(NOW.0 - CLOCK_SKEW_MAX_S - 1);
    assert_eq!(changed(|_, order| order.at = late), Some(Code::ClockSkew));
    let world = World::new();
    let keys = world.desk.keys();
    let mut order = world.unload(&world.released(500));
    order.at = NOW.plus(CLOCK_SKEW_MAX_S + 1);
    let ahead = Asked::<Unload>::new(clearing("unload"), &order, keys, entropy("ahead")).unwrap();
    let rejected = world.desk.prepare(&outer(ahead.request()).unwrap(), NOW, entropy("desk"));
    assert!(matches!(rejected, Err(Rejected::Unopened(Code::ClockSkew))));
    let mut released = world.released(500);
    released.operation = operation("load");
    let order = world.unload(&released);
    let asked = Asked::new(released.operation, &order, keys, entropy("away")).unwrap();
    let (Ordered::Unloads(due), asked) = prepare::<Unload>(&world, asked, NOW).unwrap() else {
        panic!("not an unload")
    };
    let originator = signing("originator").verifying_key();
    let rejected = due.release(&world.desk, &originator, NOW, entropy("release")).err().unwrap();
    assert_eq!(refusal_in(&asked, rejected).code, Code::Malformed);
}

#[test]
fn a_claims_secret_is_not_told() {
    let secret = claim_secret("unload");
    assert_eq!(format!("{secret:?}"), "ClaimSecret(..)");
    assert_ne!(secret.claim().0, *secret.expose());
}
