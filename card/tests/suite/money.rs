//! Value moves, and the sum stays.

use koban_card::Status;
use koban_card::command::{
    Ask, ChangePin, Finish, Last, Pay, Pin, ReadEntry, Resume, Take, VerifyPin,
};
use koban_card::purse::wire::{Class, End, Link, Proof, Side};

use crate::bench::{Originator, currency, exchange, link, party, yen};
use koban_protocol::amount::Amount;

#[test]
fn vc_13_a_purse_is_loaded_buys_at_a_terminal_and_the_terminal_is_emptied() {
    let mut originator = Originator::new();
    let mut purse = originator.make(Class::Purse, 1);
    let mut till = originator.make(Class::Terminal, 2);
    originator.load(&mut purse, yen(2000)).unwrap();
    exchange(&mut purse, &mut till, yen(370)).unwrap();
    assert_eq!((purse.balance(), till.balance()), (1630, 370));
    // Only staff can empty it (MONDEX-2).
    assert_eq!(originator.unload(&mut till, yen(370)), Err(Status::NotAllowed));
    let pin = Pin::new("2468").unwrap();
    till.run(&ChangePin { old: None, new: pin.clone() }).unwrap();
    till.power_cycle();
    assert_eq!(originator.unload(&mut till, yen(370)), Err(Status::NotAllowed));
    till.run(&VerifyPin { pin }).unwrap();
    // Or refund from it.
    exchange(&mut till, &mut purse, yen(70)).unwrap();
    originator.unload(&mut till, yen(300)).unwrap();
    originator.unload(&mut purse, yen(1700)).unwrap();
    assert_eq!((purse.balance(), till.balance()), (0, 0));
}

#[test]
fn mondex_1_value_moves_between_purses_with_nobody_else_there() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    exchange(&mut a, &mut b, yen(400)).unwrap();
    exchange(&mut b, &mut a, yen(100)).unwrap();
    assert_eq!((a.balance(), b.balance()), (700, 300));
    let entry = b.run(&ReadEntry { entry: 0 }).unwrap();
    assert_eq!((entry.side, entry.end), (Side::Payee, End::Done));
    assert_eq!(entry.transfer.amount, yen(400));
    assert!(entry.signature.is_some(), "the payer's signature is kept");
}

#[test]
fn mondex_1_a_request_that_names_nobody_is_answered_once() {
    let mut originator = Originator::new();
    let [mut a, mut b, mut c] = [1, 2, 3].map(|number| originator.make(Class::Purse, number));
    originator.load(&mut a, yen(500)).unwrap();
    originator.load(&mut c, yen(500)).unwrap();
    let asked = b.run(&Ask { link: Link::Peer, payer: None, amount: yen(100) }).unwrap();
    let first = a.run(&Pay(asked.clone())).unwrap();
    let second = c.run(&Pay(asked)).unwrap();
    let taken = b.run(&Take(first)).unwrap();
    assert_eq!(b.run(&Take(second)), Err(Status::WrongState));
    a.run(&Finish(taken)).unwrap();
    assert_eq!((a.balance(), b.balance(), c.balance()), (400, 100, 400));
    // The second payer's value is in its log, never in its balance.
    c.run(&koban_card::command::Abort {}).unwrap();
    let entry = c.run(&ReadEntry { entry: 1 }).unwrap();
    assert_eq!((entry.end, entry.transfer.amount), (End::Broken, yen(100)));
}

#[test]
fn mondex_1_resuming_gives_the_same_bytes() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    let named = Some(party(&mut a));
    let asked = b.run(&Ask { link: Link::Peer, payer: named, amount: yen(5) }).unwrap();
    b.power_cycle();
    assert_eq!(b.run(&Resume {}), Ok(Last::Request(asked.clone())));
    let value = a.run(&Pay(asked.clone())).unwrap();
    a.power_cycle();
    assert_eq!(a.run(&Resume {}), Ok(Last::Value(value.clone())));
    assert_eq!(a.run(&Pay(asked)), Ok(value.clone()), "paying again is paying once");
    let taken = b.run(&Take(value.clone())).unwrap();
    b.power_cycle();
    assert_eq!(b.run(&Resume {}), Ok(Last::Acknowledgement(taken.clone())));
    assert_eq!(b.run(&Take(value)), Ok(taken.clone()), "taking again is taking once");
    a.run(&Finish(taken)).unwrap();
    assert_eq!((a.balance(), b.balance()), (995, 5));
}

#[test]
fn mondex_4_several_currencies_do_not_mix() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    let dollars = Amount::new(currency("USD"), 10).unwrap();
    assert_eq!(exchange(&mut a, &mut b, dollars), Err(Status::TooLittle));
    b.run(&koban_card::command::Abort {}).unwrap();
    originator.load(&mut a, dollars).unwrap();
    exchange(&mut a, &mut b, dollars).unwrap();
    let pounds = Amount::new(currency("GBP"), 10).unwrap();
    assert_eq!(exchange(&mut a, &mut b, pounds), Err(Status::NotFound));
    assert_eq!(a.balance(), 1000);
}

#[test]
fn vc_13_a_terminal_takes_no_virtual_card_and_hardware_no_virtual_peer() {
    let mut originator = Originator::new();
    let mut soft = originator.make(Class::Virtual, 1);
    let mut purse = originator.make(Class::Purse, 2);
    let mut till = originator.make(Class::Terminal, 3);
    originator.load(&mut soft, yen(1000)).unwrap();
    let by = link(&mut soft, &mut till);
    let named = Some(party(&mut soft));
    let asked = till.run(&Ask { link: by, payer: named, amount: yen(1) }).unwrap();
    assert_eq!(soft.run(&Pay(asked)), Err(Status::NotAllowed));
    assert_eq!(exchange(&mut soft, &mut purse, yen(1)), Err(Status::BadData));
    assert_eq!(soft.balance(), 1000);
}

#[test]
fn vc_13_a_card_has_only_its_own_derived_keys() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    let asked = a.run(&Ask { link: Link::Originator, payer: None, amount: yen(10) }).unwrap();
    let mut value = originator.answer(&asked);
    b.run(&Ask { link: Link::Originator, payer: None, amount: yen(10) }).unwrap();
    // Another card's load does not load this one, and a changed one nobody.
    assert_eq!(b.run(&Take(value.clone())), Err(Status::BadData));
    value.content.0.amount = yen(11);
    assert_eq!(a.run(&Take(value)), Err(Status::BadData));
}

#[test]
fn vc_13_an_opened_module_cannot_make_a_purses_signature() {
    let mut originator = Originator::new();
    let mut purse = originator.make(Class::Purse, 1);
    let mut till = originator.make(Class::Terminal, 2);
    let by = link(&mut purse, &mut till);
    let named = Some(party(&mut purse));
    originator.load(&mut purse, yen(10)).unwrap();
    let named = named.map(|_| party(&mut purse));
    let asked = till.run(&Ask { link: by, payer: named, amount: yen(10) }).unwrap();
    let mut value = purse.run(&Pay(asked)).unwrap();
    // The tag alone, which a module of the segment could make, is not enough.
    let Proof::Keyed(_, signature, certificate) = &mut value.proof else { panic!("not a tag") };
    let (whole, kept) = (*signature, certificate.take());
    assert_eq!(till.run(&Take(value.clone())), Err(Status::BadData));
    let Proof::Keyed(_, signature, certificate) = &mut value.proof else { panic!("not a tag") };
    *certificate = kept;
    *signature = None;
    assert_eq!(till.run(&Take(value.clone())), Err(Status::BadData));
    let Proof::Keyed(_, signature, _) = &mut value.proof else { panic!("not a tag") };
    *signature = whole.map(|mut it| {
        it.0[40] ^= 1;
        it
    });
    assert_eq!(till.run(&Take(value.clone())), Err(Status::BadData));
    let Proof::Keyed(_, signature, _) = &mut value.proof else { panic!("not a tag") };
    *signature = whole;
    till.run(&Take(value)).unwrap();
}
