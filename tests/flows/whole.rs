//! The whole story, in fair weather and foul.

use koban_edge_issuer::role::payment::model::Taking;
use std::rc::Rc;

use koban_tests::network::Net;
use koban_tests::story::{Story, cards, whole};
use koban_tests::world::{Fate, World};

#[test]
fn vc_2_to_7_ecash_3_fx_9_cash_1_the_whole_story_in_memory() {
    whole(Rc::new(World::new(1)), |_| {}).unwrap();
}

#[test]
fn vc_13_vc_14_mondex_1_the_story_of_three_cards() {
    let net: Net = Rc::new(World::new(3));
    cards(&net, |_| {}).unwrap();
}

#[test]
fn vc_11_the_whole_story_on_disk_survives_switching_off_and_on() {
    let folder = std::env::temp_dir().join(format!("koban-world-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let world = World::with(2, 4, Some(folder.clone()));
    let mut story = Story::begin(Rc::new(world.clone()), "hanako", "Inkstone").unwrap();
    story.withdraw(5_000).unwrap();
    world.crash();
    story.buy(370, Taking::Aggregate).unwrap();
    world.crash();
    story.holder = story.holder.reopen().unwrap();
    story.audit(5_000).unwrap();
    story.merchant.redeem(story.holder.net()).unwrap();
    world.crash();
    story.audit(4_630).unwrap();
    story.redeem_all().unwrap();
    story.audit(0).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_story_comes_out_even_whatever_the_seed() {
    for seed in 100..112 {
        let told = whole(Rc::new(World::new(seed)), |_| {});
        assert!(told.is_ok(), "seed {seed}: {:?}", told.err());
    }
}

#[test]
fn the_story_is_the_same_with_one_shard_and_with_sixteen() {
    for shards in [1, 16] {
        whole(Rc::new(World::with(3, shards, None)), |_| {}).unwrap();
    }
}

/// Every seventh, fifth or third call between roles is lost, or its answer is, or it comes twice.
#[test]
fn vc_11_lost_and_doubled_messages_lose_and_double_no_money() {
    for (seed, every) in [(4, 7), (5, 5), (6, 3)] {
        let world = World::new(seed);
        let mut story = Story::begin(Rc::new(world.clone()), "hanako", "Inkstone").unwrap();
        let mut count = 0_u32;
        world.weather(move |_, _, _| {
            count += 1;
            match (count % every, (count / every) % 3) {
                (0, 0) => Fate::LOST,
                (0, 1) => Fate::ANSWER_LOST,
                (0, _) => Fate::TWICE,
                _ => Fate::ARRIVES,
            }
        });
        let told = foul(&mut story);
        world.fair();
        world.run(3_600);
        story.holder.resume();
        world.run(3_600);
        story.holder.resume();
        let (spent, rest) = told.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        assert_eq!(story.holder.available("JPY"), rest, "seed {seed}");
        let figures = koban_tests::audit::figures(story.holder.net(), "JPY").unwrap();
        assert!(figures.is_even(), "seed {seed}: {figures:?}");
        assert_eq!(story.in_account().unwrap() + rest + spent, 50_000, "seed {seed}");
    }
}

/// Withdraws and buys in foul weather; what was spent and what is left.
fn foul(story: &mut Story) -> Result<(u64, u64), koban_tests::story::Uneven> {
    use koban_protocol::amount::Bundle;
    use koban_tests::holder::yen;
    use koban_tests::merchant::invoice;
    use koban_wallet_wasm::engine::Command;
    use koban_wallet_wasm::view::TransactionState;
    let bundle = Bundle::fewest(yen(3_000)).unwrap();
    let command = Command::Withdraw { bundle, recoverable: true };
    let withdrawn = story.holder.finish(command).unwrap();
    assert_eq!(withdrawn.state, TransactionState::Done);
    let mut spent = 0;
    for (number, price) in [100, 370, 1, 999].into_iter().enumerate() {
        let net: Net = story.holder.net().clone();
        let reference = format!("foul-{number}");
        let order = (0..50).find_map(|_| story.merchant.order(&net, &reference, price).ok());
        let order = order.expect("an order, sooner or later");
        let invoice = (0..50).find_map(|_| invoice(&net, &order).ok());
        let paid = story.holder.finish(Command::Pay(invoice.expect("an invoice"))).unwrap();
        assert_eq!(paid.state, TransactionState::Done, "{paid:?}");
        spent += price;
    }
    Ok((spent, 3_000 - spent))
}
