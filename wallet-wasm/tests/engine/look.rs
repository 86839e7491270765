//! Getting to know a card, whatever it says and whenever.

use koban_card::command::{Command as Spoken, Prove};
use koban_wallet_wasm::engine::{CallId, CardCommand, Event, Store};
use koban_wallet_wasm::view::CardStanding;

use super::card::{PURSE, holder, load, owner, shown};

#[test]
fn mondex_1_a_card_that_does_not_prove_itself_is_looked_at_once() {
    let mut holder = holder(100);
    holder.alters = Some((Prove::INS, |_| None));
    holder.pull(PURSE);
    holder.insert_again(PURSE);
    let card = shown(&holder, PURSE);
    assert_eq!((card.standing, card.busy), (CardStanding::Unchecked, false));
    holder.alters = None;
    owner(&mut holder, PURSE, CardCommand::Look).unwrap();
    assert_eq!(shown(&holder, PURSE).standing, CardStanding::Genuine);
}

/// Which cards are genuine may be known at any time while a card says what it is.
#[test]
fn mondex_1_a_log_is_shown_once_whenever_the_originators_keys_come() {
    let mut told = 0;
    for at in 0.. {
        let mut holder = holder(1000);
        for _ in 0..3 {
            load(&mut holder, 10);
        }
        holder.rows.retain(|(store, key), _| (*store, key.as_str()) != (Store::Keys, "originator"));
        holder.reopen();
        holder.begin_insert_again(PURSE);
        if !(0..at).all(|_| holder.tell_card()) {
            break;
        }
        let keys = holder.edge.originator.answer(&["keys"], &[]);
        holder.handle(Event::Answer(CallId::Originator, keys));
        holder.run();
        let card = shown(&holder, PURSE);
        assert_eq!((card.standing, card.entries.len()), (CardStanding::Genuine, 3), "{at}");
        told += 1;
    }
    assert!(told > 3);
}
