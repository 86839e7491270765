//! VC-11: crashes at every call of an operation over several shards and banks.

use koban_protocol::amount::Bundle;
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_tests::holder::yen;
use koban_tests::raw::{Raw, post_operation};
use koban_tests::world::{Fate, World};

use super::{circulates, net};

/// An operation over several shards whose n-th call between roles is lost, for every n: it ends,
/// once, and even.
#[test]
fn vc_11_an_operation_cut_at_every_call_ends_once_and_even() {
    let mut cuts = 0;
    for fate in [Fate::Lost, Fate::AnswerLost, Fate::Twice] {
        for cut in 0..40_u32 {
            let world = World::new(80);
            let raw = Raw::enrolled(&net(&world), "hanako");
            let coins: Vec<_> =
                (0..6).flat_map(|_| raw.purchase(Bundle::fewest(yen(8)).unwrap())).collect();
            world.run(600);
            let (coins, bundle) = (Coins::new(coins).unwrap(), Bundle::fewest(yen(48)).unwrap());
            let order = ChangeOrder { coins, bundle, refresh: false, at: world.now() };
            let asked = raw.seal_order::<Change>(raw.operation(), &order);
            let mut call = 0_u32;
            let hit = std::rc::Rc::new(std::cell::Cell::new(false));
            let was_hit = std::rc::Rc::clone(&hit);
            world.weather(move |from, _, _| {
                if from == "outside" {
                    return Fate::Arrives;
                }
                call += 1;
                if call == cut + 1 {
                    hit.set(true);
                    return fate;
                }
                Fate::Arrives
            });
            post_operation(&net(&world), asked.request().to_vec());
            world.crash();
            let new = raw.send(&asked).unwrap();
            assert_eq!(new.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 48);
            world.run(600);
            world.fair();
            circulates(&world, 48);
            if !was_hit.get() {
                break;
            }
            cuts += 1;
        }
    }
    assert!(cuts >= 15, "only {cuts} calls were cut");
}
