//! VC-11: crashes at every call of an operation over several shards and banks.

use koban_protocol::amount::Bundle;
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::key::SigningKey;
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::load::{Load, LoadOrder};
use koban_protocol::process::unload::{ClaimSecret, Unload, UnloadOrder};
use koban_protocol::process::{Asked, Process};
use koban_protocol::signed::Signed;
use koban_protocol::statement::Released;
use koban_tests::audit::figures;
use koban_tests::holder::yen;
use koban_tests::raw::{Raw, post_operation};
use koban_tests::world::{Fate, World};

use super::{circulates, net};

/// An operation whose n-th call between roles is lost, for every n: it ends, once, and even. The
/// holder has coins worth 48 yen, of several shards.
fn cut_at_every_call<P: Process>(
    ask: impl Fn(&World, &Raw, Coins) -> Asked<P>,
    end: impl Fn(&World, P::Outcome),
) -> u32 {
    let mut cuts = 0;
    for fate in [Fate::LOST, Fate::ANSWER_LOST, Fate::TWICE] {
        for cut in 0..40_u32 {
            let world = World::new(80);
            let raw = Raw::enrolled(&net(&world), "hanako");
            let coins: Vec<_> =
                (0..6).flat_map(|_| raw.purchase(Bundle::fewest(yen(8)).unwrap())).collect();
            world.run(600);
            let asked = ask(&world, &raw, Coins::new(coins).unwrap());
            let mut call = 0_u32;
            let hit = std::rc::Rc::new(std::cell::Cell::new(false));
            let was_hit = std::rc::Rc::clone(&hit);
            world.weather(move |from, _, _| {
                if from == "outside" {
                    return Fate::ARRIVES;
                }
                call += 1;
                if call == cut + 1 {
                    hit.set(true);
                    return fate;
                }
                Fate::ARRIVES
            });
            post_operation(&net(&world), asked.request().to_vec());
            world.crash();
            let outcome = raw.send(&asked).unwrap();
            world.run(600);
            world.fair();
            circulates(&world, 48);
            end(&world, outcome);
            if !was_hit.get() {
                break;
            }
            cuts += 1;
        }
    }
    cuts
}

fn worth(coins: &Coins) -> u64 {
    coins.iter().map(|coin| coin.body.amount().minor()).sum()
}

fn in_cards(world: &World) -> u64 {
    figures(&net(world), "JPY").unwrap().cards
}

fn load(world: &World, raw: &Raw, coins: Coins) -> Asked<Load> {
    let order = LoadOrder {
        coins,
        amount: yen(40),
        change: Some(Bundle::fewest(yen(8)).unwrap()),
        request: Digest([1; 32]),
        claim: Digest([2; 32]),
        at: world.now(),
    };
    raw.seal_order(OperationId::clearing(raw.issuer.shards, world.entropy()), &order)
}

#[test]
fn vc_11_an_operation_cut_at_every_call_ends_once_and_even() {
    let ask = |world: &World, raw: &Raw, coins| {
        let bundle = Bundle::fewest(yen(48)).unwrap();
        let order = ChangeOrder { coins, bundle, refresh: false, at: world.now() };
        raw.seal_order::<Change>(raw.operation(), &order)
    };
    let cuts = cut_at_every_call(ask, |_, new| assert_eq!(worth(&new), 48));
    assert!(cuts >= 15, "only {cuts} calls were cut");
}

#[test]
fn vc_14_a_load_cut_at_every_call_ends_once_and_even() {
    let cuts = cut_at_every_call(load, |world, loaded| {
        assert_eq!(loaded.funded.claim().unwrap().amount, yen(40));
        assert_eq!((worth(&loaded.change), in_cards(world)), (8, 40));
    });
    assert!(cuts >= 15, "only {cuts} calls were cut");
}

#[test]
fn vc_14_an_unload_cut_at_every_call_ends_once_and_even() {
    let ask = |world: &World, raw: &Raw, coins| {
        raw.send(&load(world, raw, coins)).unwrap();
        let operation = OperationId::clearing(raw.issuer.shards, world.entropy());
        let (secret, bundle) = (ClaimSecret::generate(world.entropy()), yen(30));
        let released = Released { operation, amount: bundle, claim: secret.claim() };
        let released = Signed::sign(&released, &SigningKey::from_seed(&world.seed("originator")));
        let bundle = Bundle::fewest(bundle).unwrap();
        let order = UnloadOrder { released, secret, bundle, at: world.now() };
        raw.seal_order::<Unload>(operation, &order)
    };
    let cuts = cut_at_every_call(ask, |world, coins| {
        assert_eq!((worth(&coins), in_cards(world)), (30, 10));
    });
    assert!(cuts >= 6, "only {cuts} calls were cut");
}
