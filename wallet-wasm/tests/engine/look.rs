//! Getting to know a card, whatever it says and whenever.

use koban_card::apdu;
use koban_card::command::{Command as Spoken, Hello, Prove, ReadEntry, ReadHead};
use koban_card::platform::LOG_ENTRIES;
use koban_card::purse::wire::{
    CardId, End, Entry, Link, LogHead, ORIGINATOR, Party, Side, Transfer,
};
use koban_protocol::signed::Attested;
use koban_protocol::wire::{self, Wire};
use koban_wallet_wasm::engine::{CallId, CardCommand, Command, Event, Store};
use koban_wallet_wasm::view::CardStanding;

use super::card::{PURSE, holder, load, owner, shown};
use super::edge::amount;

#[test]
fn mondex_1_a_card_that_does_not_prove_itself_is_looked_at_once() {
    let mut holder = holder(100);
    holder.alters = Some(|instruction, answer| Some(answer).filter(|_| instruction != Prove::INS));
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

/// The instruction that every look begins with.
const SELECT: u8 = 0xa4;

fn well<T: Wire>(answer: &T) -> Option<Vec<u8>> {
    Some([wire::encode(answer).as_slice(), &[0x90, 0x00]].concat())
}

#[test]
fn a_card_that_says_too_much_of_its_log_is_not_read_without_end() {
    let mut holder = holder(1000);
    load(&mut holder, 10);
    holder.alters = Some(|instruction, answer| match instruction {
        ReadHead::INS => {
            let mut head: Attested<LogHead> = apdu::answer(&answer).unwrap();
            head.claim.entries = head.claim.settled + LOG_ENTRIES + 1;
            well(&head)
        }
        _ => Some(answer),
    });
    let id = holder.command(Command::Load(PURSE, amount(10))).unwrap();
    assert_eq!(holder.transaction(id).problem.unwrap().code, "card-misbehaved");
    holder.command(Command::Cancel(id)).unwrap();
    holder.alters = Some(|instruction, answer| match instruction {
        SELECT => {
            let mut hello: Hello = apdu::answer(&answer).unwrap();
            hello.entries = 1000;
            well(&hello)
        }
        ReadEntry::INS => {
            let party = |card| Party { card, number: 1 };
            let (payee, payer) = (party(CardId([1; 8])), party(ORIGINATOR));
            let transfer = Transfer { link: Link::Originator, payee, payer, amount: amount(10) };
            well(&Entry { transfer, side: Side::Payee, end: End::Done, signature: None })
        }
        _ => Some(answer),
    });
    holder.handle(Event::Command(Command::Card(PURSE, CardCommand::Look)));
    let told = (0..2000).take_while(|_| holder.tell_card()).count();
    assert_eq!(told, 2 + 12, "what is shown, and what it says before that");
    assert_eq!(shown(&holder, PURSE).entries.len(), 12);
}
