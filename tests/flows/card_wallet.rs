//! The shipped wallet engine with cards that are as they were made, against the shipped originator
//! and issuer: whatever is lost on the way or pulled out, value is moved once.

use std::cell::Cell;
use std::rc::Rc;

use koban_card::command::Pin;
use koban_edge_issuer::host::Address;
use koban_protocol::offline::purse::wire::{CardId, Class};
use koban_tests::card::Held;
use koban_tests::holder::{Pull, yen};
use koban_tests::merchant::invoice;
use koban_tests::network::Net;
use koban_tests::story::Story;
use koban_tests::world::{Fate, World};
use koban_wallet_wasm::engine::{CardCommand, Command, ReaderId};
use koban_wallet_wasm::view::TransactionState;

use super::card::even;
use super::net;

/// A holder with 1,000 yen in coins and 400 on a purse, which is in a reader.
fn scene(seed: u64) -> (World, Net, Story, CardId) {
    let world = World::new(seed);
    let net = net(&world);
    let mut story = Story::begin(net.clone(), "hanako", "Inkstone").unwrap();
    story.withdraw(1_400).unwrap();
    let meet = Command::MeetOriginator(net.origin("originator"));
    assert_eq!(story.holder.command(meet), Ok(None));
    let card = put_in(&mut story, Class::Purse);
    moved(&mut story, card, |reader| Command::Load(reader, yen(400)));
    (world, net, story, card)
}

/// A new card of this class, in a reader.
fn put_in(story: &mut Story, class: Class) -> CardId {
    let mut card = Held::made(story.holder.net(), class);
    let id = card.id();
    story.holder.insert(card);
    id
}

/// Value goes to or from a card.
fn moved(story: &mut Story, card: CardId, command: impl Fn(ReaderId) -> Command) {
    let reader = story.holder.reader(card);
    let done = story.holder.finish(command(reader)).unwrap();
    assert_eq!(done.state, TransactionState::Done, "{done:?}");
}

/// A load and an unload, in which `cut` decides what goes wrong, come out as if nothing had.
fn load_and_unload(cut: impl FnOnce(&World, &mut Story)) {
    let (world, net, mut story, card) = scene(60);
    cut(&world, &mut story);
    moved(&mut story, card, |reader| Command::Load(reader, yen(300)));
    moved(&mut story, card, |reader| Command::Unload(reader, yen(150), None));
    world.fair();
    story.holder.hand(|| None);
    // What is only to be told, not waited for, is told by then.
    world.run(600);
    story.holder.resume();
    assert_eq!(story.holder.available("JPY"), 850);
    story.holder.card(card).holds(yen(550));
    assert_eq!(story.holder.card(card).hello().open, None);
    even(&net, 550, 0);
}

/// Runs `flow` with a trigger that fires at the n-th time, for every n, until it does not fire; how
/// often it did.
fn at_every(flow: impl Fn(Box<dyn FnMut() -> bool>)) -> u32 {
    for cut in 1.. {
        let seen = Rc::new(Cell::new(0));
        let counted = Rc::clone(&seen);
        flow(Box::new(move || {
            counted.set(counted.get() + 1);
            counted.get() == cut
        }));
        if seen.get() < cut {
            return cut - 1;
        }
    }
    0
}

#[test]
fn mondex_1_a_wallets_load_and_unload_go_on_when_any_call_or_answer_is_lost() {
    for fate in [Fate::LOST, Fate::ANSWER_LOST, Fate::TWICE] {
        let cuts = at_every(|mut fires| {
            load_and_unload(|world, _| {
                world.weather(move |from, to, _| {
                    let ours = from == "outside" && *to != Address::Peer("bank-a".to_owned());
                    if ours && fires() { fate } else { Fate::ARRIVES }
                });
            });
        });
        assert!(cuts >= 7, "only {cuts} calls were cut");
    }
}

#[test]
fn mondex_1_a_wallets_load_and_unload_go_on_when_the_card_is_pulled_out_at_any_command() {
    for pull in [Pull::Before, Pull::After] {
        let cuts = at_every(|mut fires| {
            load_and_unload(|_, story| story.holder.hand(move || fires().then_some(pull)));
        });
        assert!(cuts >= 15, "only {cuts} commands were cut");
    }
}

/// A purse pays a terminal 70 yen on the wallet's page; a payment that did not end is asked for
/// again.
fn pay_at_terminal(mut cut: impl FnMut() -> bool + 'static, pull: Pull) {
    let (_, net, mut story, purse) = scene(61);
    let terminal = put_in(&mut story, Class::Terminal);
    story.holder.hand(move || cut().then_some(pull));
    let again = |story: &mut Story| {
        let (till, customer) = (story.holder.reader(terminal), story.holder.reader(purse));
        let command = Command::TakePayment { terminal: till, customer, amount: yen(70) };
        story.holder.with_card(till, command)
    };
    let mut tries = 1;
    while again(&mut story).is_err() {
        tries += 1;
        assert!(tries < 5, "it comes to an end");
    }
    if story.holder.card(purse).hello().open.is_some() {
        // The terminal has the value, and the purse has still to hear of it.
        again(&mut story).unwrap();
    }
    story.holder.hand(|| None);
    story.holder.card(purse).holds(yen(330));
    story.holder.card(terminal).holds(yen(70));

    let pin = CardCommand::ChangePin { old: None, new: Pin::new("2468").unwrap() };
    let till = story.holder.reader(terminal);
    story.holder.with_card(till, Command::Card(till, pin)).unwrap();
    moved(&mut story, terminal, |reader| Command::Unload(reader, yen(70), None));
    story.holder.card(terminal).holds(yen(0));
    assert_eq!(story.holder.available("JPY"), 1_070);
    let reader = story.holder.reader(purse);
    story.holder.command(Command::Report(reader)).unwrap();
    even(&net, 330, 0);
}

#[test]
fn mondex_1_a_payment_at_a_terminal_ends_once_when_a_card_is_pulled_out_at_any_command() {
    for pull in [Pull::Before, Pull::After] {
        let cuts = at_every(|fires| pay_at_terminal(fires, pull));
        assert!(cuts >= 4, "only {cuts} commands were cut");
    }
}

#[test]
fn mondex_1_a_wallet_that_is_closed_in_an_unload_pays_the_shop_out_of_the_card_once() {
    let (world, net, mut story, card) = scene(62);
    let order = story.merchant.order(&net, "C-1", 120).unwrap();
    let invoice = invoice(&net, &order).unwrap();
    // The originator is not reached once the card has paid.
    world.weather(|_, _, path| if path == "/unloads/value" { Fate::LOST } else { Fate::ARRIVES });
    let reader = story.holder.reader(card);
    let unload = Command::Unload(reader, yen(120), Some(invoice));
    let id = story.holder.command(unload).unwrap().unwrap();
    assert_eq!(story.holder.transaction(id).state, TransactionState::Open);
    let mut purse = story.holder.card(card).copied();
    purse.holds(yen(280));
    story.holder = story.holder.reopen().unwrap();
    world.fair();
    story.holder.resume();
    assert_eq!(story.holder.transaction(id).state, TransactionState::Done);
    story.holder.insert(purse);
    assert_eq!(story.holder.card(card).hello().open, None, "it has heard that its value arrived");
    assert_eq!(story.holder.available("JPY"), 1_000);
    let shown = story.merchant.show(&net, &order.order).unwrap();
    assert_eq!(shown.status, koban_edge_issuer::role::payment::model::Status::Paid);
    even(&net, 280, 0);
}
