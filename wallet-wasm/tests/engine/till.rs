//! A terminal's module and a customer's card on one page.

use koban_card::command::{Command as _, Take};
use koban_card::purse::wire::Class;
use koban_wallet_wasm::engine::{CardCommand, Command, Event, Fault, Problem, Report};
use koban_wallet_wasm::view::TransactionState;

use super::card::{
    OTHER, PURSE, assert_whole, balance, card_done, holder, load, made, owner, pin, shown,
};
use super::edge::amount;
use super::holder::Holder;

/// A holder whose purse has money, and a terminal whose staff gave the PIN, in one page.
fn till() -> Holder {
    let mut holder = holder(1000);
    load(&mut holder, 400);
    let terminal = made(&mut holder.edge.originator, Class::Terminal, 110);
    holder.insert(OTHER, terminal);
    owner(&mut holder, OTHER, CardCommand::ChangePin { old: None, new: pin() }).unwrap();
    holder
}

fn take(minor: u64) -> Command {
    Command::TakePayment { terminal: OTHER, customer: PURSE, amount: amount(minor) }
}

#[test]
fn vc_13_a_terminal_takes_a_payment_and_is_emptied() {
    let mut holder = till();
    assert_eq!(shown(&holder, OTHER).label.as_deref(), Some("Kiosk"));
    let calls = holder.sent.len();
    let taken = card_done(&mut holder, OTHER, take(130)).unwrap().unwrap();
    assert_eq!(holder.engine.card_message(&taken).amount.minor, 130);
    assert_eq!(holder.sent.len(), calls, "nobody was online");
    assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (270, 130));
    let id = holder.command(Command::Unload(OTHER, amount(130), None)).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_eq!((holder.money(), balance(&holder, OTHER)), ((730, 0), 0));
    assert_eq!(holder.view().known_cards.len(), 1, "a till is not the holder's money");
    assert_whole(&holder, 1000);
}

#[test]
fn vc_13_a_payment_that_is_interrupted_goes_on() {
    for (late, at) in (0..4).flat_map(|at| [(false, at), (true, at)]) {
        let mut holder = till();
        holder.pull_at = Some((at, late));
        let broken = card_done(&mut holder, OTHER, take(130));
        // Once the terminal has said that it has the value, it is paid.
        assert_eq!(broken.as_ref().map_err(Problem::name).err(), (at < 3).then_some("card-silent"));
        holder.pull_at = None;
        holder.insert_again(PURSE);
        holder.insert_again(OTHER);
        owner(&mut holder, OTHER, CardCommand::VerifyPin(pin())).unwrap();
        // If all was done but the last word, there is nothing to go on with.
        if (late, at) != (true, 3) {
            card_done(&mut holder, OTHER, take(130)).unwrap();
        }
        let case = format!("{late} {at}");
        assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (270, 130), "{case}");
        assert_eq!((shown(&holder, PURSE).open, shown(&holder, OTHER).open), (None, None));
    }
}

#[test]
fn mondex_1_an_earlier_acknowledgement_ends_no_load_and_no_payment() {
    let mut holder = till();
    card_done(&mut holder, OTHER, take(30)).unwrap();
    holder.repeats = Some(Take::INS);
    assert_eq!(load(&mut holder, 100), TransactionState::Open);
    assert_eq!(balance(&holder, PURSE), 370);
    holder.repeats = None;
    holder.wait(1000);
    assert_eq!((holder.money(), balance(&holder, PURSE)), ((500, 0), 470));
    holder.repeats = Some(Take::INS);
    let untaken = card_done(&mut holder, OTHER, take(50)).unwrap_err();
    assert_eq!(untaken.name(), "card-misbehaved");
    holder.repeats = None;
    card_done(&mut holder, OTHER, take(50)).unwrap();
    assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (420, 80));
    assert_whole(&holder, 1000);
}

#[test]
fn a_terminal_takes_no_virtual_card() {
    let mut holder = till();
    let soft = made(&mut holder.edge.originator, Class::Virtual, 120);
    holder.insert(PURSE, soft);
    let refused = card_done(&mut holder, OTHER, take(10)).unwrap_err();
    assert_eq!(refused.name(), "card-refused");
}

/// The terminal is pulled out while the customer's card hears that its value arrived.
#[test]
fn vc_13_a_terminal_that_is_pulled_out_after_it_was_paid_is_not_paid_twice() {
    for late in [false, true] {
        let mut holder = till();
        (holder.pull_at, holder.pulls) = (Some((3, late)), Some(OTHER));
        let taken = card_done(&mut holder, OTHER, take(130)).unwrap().unwrap();
        assert_eq!(holder.engine.card_message(&taken).amount.minor, 130);
        (holder.pull_at, holder.pulls) = (None, None);
        holder.insert_again(OTHER);
        assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (270, 130));
        assert_eq!((shown(&holder, PURSE).open, shown(&holder, OTHER).open), (None, None));
    }
}

#[test]
fn a_command_that_a_busy_card_refuses_leaves_the_first_one_alone() {
    let mut holder = till();
    holder.reports.clear();
    holder.handle(Event::Command(take(130)));
    for reader in [OTHER, PURSE] {
        holder.handle(Event::Command(Command::Card(reader, CardCommand::Lock)));
    }
    let refused = || Report::Refused(Fault::Busy.into());
    assert_eq!(holder.reports, [refused(), refused()], "whoever gave the first one still waits");
    holder.run();
    assert!(matches!(holder.reports[2..], [Report::Card(OTHER, Ok(Some(_)))]));
    assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (270, 130));
}
