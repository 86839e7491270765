//! Value that both ends of an exchange gave up is loaded again, once.

use koban_card::apdu::{self, Apdu};
use koban_card::command::{Abort, Ask, Command as Spoken, Take};
use koban_card::platform::Button;
use koban_card::purse::wire::{Class, Link};
use koban_protocol::id::OperationId;
use koban_protocol::wire::Wire;
use koban_wallet_wasm::engine::{CardCommand, Command, Event, HttpAnswer, Part};
use koban_wallet_wasm::view::TransactionState;

use super::card::{OTHER, PURSE, balance, holder, load, made, owner, shown};
use super::edge::amount;
use super::holder::Holder;

/// A card with 400 that gave 90 of them to another; both gave the exchange up.
fn lost() -> (Holder, OperationId) {
    let mut holder = holder(1000);
    load(&mut holder, 400);
    let other = made(&mut holder.edge.originator, Class::Purse, 100);
    holder.insert(OTHER, other);
    let asked = owner(&mut holder, OTHER, CardCommand::Ask(amount(90))).unwrap().unwrap();
    owner(&mut holder, PURSE, CardCommand::Answer(asked)).unwrap();
    owner(&mut holder, PURSE, CardCommand::Abort).unwrap();
    owner(&mut holder, OTHER, CardCommand::Abort).unwrap();
    let id = refund_of(&holder);
    (holder, id)
}

fn refund_of(holder: &Holder) -> OperationId {
    let entries = shown(holder, PURSE).entries;
    assert!(entries.iter().all(|it| it.broken || it.refund.is_none()));
    entries.iter().find_map(|it| it.refund.clone()).unwrap().parse().unwrap()
}

fn report(holder: &mut Holder) {
    holder.command(Command::Report(OTHER)).unwrap();
}

fn assert_whole(holder: &Holder) {
    assert_eq!(shown(holder, PURSE).open, None);
    assert_eq!((balance(holder, PURSE), balance(holder, OTHER)), (400, 0));
    assert_eq!(holder.edge.originator.on_cards, 400, "a refund creates nothing");
    holder.assert_sound();
}

#[test]
fn mondex_1_value_that_both_cards_gave_up_comes_back_once() {
    let (mut holder, id) = lost();
    assert_eq!(balance(&holder, PURSE), 310);
    report(&mut holder);
    assert_eq!(holder.command(Command::RefundCard(PURSE, id)).unwrap(), id);
    let refunded = holder.transaction(id);
    assert_eq!(refunded.state, TransactionState::Done);
    assert_eq!(refunded.amount.unwrap().minor, 90);
    assert_whole(&holder);
    let again = holder.command(Command::RefundCard(PURSE, id)).unwrap_err();
    assert_eq!(again.name(), "operation-reused");
    assert_eq!(holder.edge.originator.ended, 2, "the originator knows that the card has it");
}

#[test]
fn mondex_1_what_the_other_card_has_not_reported_is_not_lost_yet() {
    let (mut holder, id) = lost();
    holder.command(Command::RefundCard(PURSE, id)).unwrap();
    let refused = holder.transaction(id);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "not-lost");
    assert_eq!(shown(&holder, PURSE).open, None, "the card is free for other things");
    assert_eq!(refund_of(&holder), id, "its own request that it gave up took nothing from it");
    report(&mut holder);
    holder.command(Command::RefundCard(PURSE, id)).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_whole(&holder);
}

#[test]
fn a_refund_is_asked_for_what_left_this_card() {
    let (mut holder, id) = lost();
    let rows = holder.rows.clone();
    let mut refused =
        |reader, id| holder.command(Command::RefundCard(reader, id)).unwrap_err().name();
    assert_eq!(refused(OTHER, id), "unknown-transaction");
    assert_eq!(refused(PURSE, OperationId([7; 16])), "unknown-transaction");
    assert_eq!(rows, holder.rows);
}

#[test]
fn mondex_1_an_earlier_acknowledgement_ends_no_refund() {
    let (mut holder, id) = lost();
    report(&mut holder);
    holder.repeats = Some(Take::INS);
    holder.command(Command::RefundCard(PURSE, id)).unwrap();
    let waits = holder.transaction(id);
    assert_eq!(waits.state, TransactionState::Open);
    assert_eq!(waits.problem.unwrap().code, "card-misbehaved");
    assert_eq!(balance(&holder, PURSE), 310);
    holder.repeats = None;
    holder.wait(1000);
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_whole(&holder);
}

/// Every write of a refund is the last before a crash once.
#[test]
fn p5_a_wallet_that_crashes_goes_on_with_the_refund() {
    for crash in 0..8 {
        let (mut holder, id) = lost();
        report(&mut holder);
        holder.crash_after = Some(crash);
        holder.handle(Event::Command(Command::RefundCard(PURSE, id)));
        holder.run();
        holder.reopen();
        holder.insert_again(PURSE);
        holder.insert_again(OTHER);
        holder.wait(1000);
        assert_eq!(holder.transaction(id).state, TransactionState::Done, "{crash}");
        assert_whole(&holder);
    }
}

/// The card is pulled out at every command, before and after it was carried out; and every answer
/// is lost once.
#[test]
fn mondex_1_a_refund_goes_on_when_the_card_is_back() {
    let cuts = (0..14).flat_map(|at| [(Some((at, false)), None), (Some((at, true)), None)]);
    for (pull, lose) in cuts.chain((0..4).map(|lost| (None, Some(lost)))) {
        let (mut holder, id) = lost();
        report(&mut holder);
        (holder.pull_at, holder.lose_answer) = (pull, lose);
        holder.handle(Event::Command(Command::RefundCard(PURSE, id)));
        holder.run();
        (holder.pull_at, holder.lose_answer) = (None, None);
        holder.insert_again(PURSE);
        holder.insert_again(OTHER);
        holder.wait(1000);
        assert_eq!(holder.transaction(id).state, TransactionState::Done, "{pull:?} {lose:?}");
        assert_whole(&holder);
    }
}

/// A refund whose card was taken away at the command with this number and told another.
fn told_elsewhere<C: Spoken>(at: u32, command: &C) -> (Holder, OperationId, bool)
where
    C::Answer: Wire,
{
    let (mut holder, id) = lost();
    report(&mut holder);
    holder.pull_at = Some((at, false));
    holder.handle(Event::Command(Command::RefundCard(PURSE, id)));
    holder.run();
    holder.pull_at = None;
    let done = holder.away(PURSE).is_some_and(|card| {
        let mut answer = Apdu::new();
        card.handle(&apdu::encode(command), Button::Unasked, &mut answer);
        apdu::answer::<C::Answer>(&answer).is_ok()
    });
    (holder, id, done)
}

/// Somebody takes the card away and gives its request up, before the value has come or after.
#[test]
fn mondex_1_a_refund_that_the_card_gave_up_is_refunded() {
    let mut given_up = 0;
    for at in 0..14 {
        let (mut holder, id, done) = told_elsewhere(at, &Abort {});
        given_up += u32::from(done);
        holder.insert_again(PURSE);
        holder.insert_again(OTHER);
        holder.wait(1000);
        assert_eq!(holder.transaction(id).state, TransactionState::Done, "{at}");
        assert_whole(&holder);
    }
    assert!(given_up > 0);
}

/// The originator gave value, and the card its request up: the refund alone knows of it.
#[test]
fn mondex_1_a_refund_that_alone_knows_of_the_value_is_not_ended() {
    let mut given_up = 0;
    for at in 0..14 {
        let (mut holder, id, done) = told_elsewhere(at, &Abort {});
        if !done {
            continue;
        }
        given_up += 1;
        let is_kept = |holder: &mut Holder| {
            holder.wait(1000);
            assert_eq!(holder.transaction(id).state, TransactionState::Open);
            let kept = holder.command(Command::Cancel(id)).unwrap_err();
            assert_eq!(kept.name(), "not-cancellable");
        };
        let forged = HttpAnswer { status: 409, body: br#"{"code":31}"#.to_vec() };
        holder.forge = Some((Part::Originator, forged));
        holder.insert_again(PURSE);
        is_kept(&mut holder);
        holder.forge = None;
        holder.edge.originator.refuses = true;
        is_kept(&mut holder);
        holder.edge.originator.refuses = false;
        holder.wait(1000);
        assert_eq!(holder.transaction(id).state, TransactionState::Done, "{at}");
        holder.insert_again(OTHER);
        assert_whole(&holder);
    }
    assert!(given_up > 0);
}

/// Somebody takes the card away and has it ask for a gift: the refund waits, or is called back.
#[test]
fn mondex_1_a_refund_is_free_of_the_cards_other_exchange() {
    let gift = Ask { link: Link::Peer, payer: None, amount: amount(5) };
    let mut in_the_way = 0;
    for (at, cancels) in (0..14).flat_map(|at| [(at, true), (at, false)]) {
        let (mut holder, id, done) = told_elsewhere(at, &gift);
        if !done || holder.transaction(id).state == TransactionState::Done {
            continue;
        }
        in_the_way += 1;
        holder.insert_again(PURSE);
        holder.wait(1000);
        assert_eq!(holder.transaction(id).problem.unwrap().code, "card-interrupted");
        assert!(!shown(&holder, PURSE).goes_on, "the holder may end what is in the way");
        if cancels {
            holder.command(Command::Cancel(id)).unwrap();
            assert_eq!(holder.transaction(id).state, TransactionState::Cancelled);
        }
        owner(&mut holder, PURSE, CardCommand::Abort).unwrap();
        if cancels {
            holder.command(Command::RefundCard(PURSE, id)).unwrap();
        }
        assert_eq!(holder.transaction(id).state, TransactionState::Done, "{at}");
        holder.insert_again(OTHER);
        assert_whole(&holder);
    }
    assert!(in_the_way > 0);
}
