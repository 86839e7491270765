//! PIN, lock and button (MONDEX-2).

use koban_card::Status;
use koban_card::apdu::{self, Apdu};
use koban_card::command::{
    Ask, ChangePin, Finish, Hello, Lock, PIN_TRIES, Pay, Phase, Pin, Take, Unlock, VerifyPin,
};
use koban_card::platform::{Button, Prompt};
use koban_card::purse::wire::{Class, Link, Message, Order, Value};

use crate::bench::{Originator, exchange, party, yen};
use crate::machine::{Held, Torn};

fn pin(digits: &str) -> Pin {
    Pin::new(digits).unwrap()
}

fn owned(originator: &mut Originator) -> Held {
    let mut purse = originator.make(Class::Purse, 1);
    originator.load(&mut purse, yen(1000)).unwrap();
    purse.run(&ChangePin { old: None, new: pin("1357") }).unwrap();
    purse.power_cycle();
    purse
}

#[test]
fn mondex_2_paying_needs_the_pin_and_receiving_does_not() {
    let mut originator = Originator::new();
    let mut purse = owned(&mut originator);
    let mut other = originator.make(Class::Purse, 2);
    originator.load(&mut purse, yen(10)).unwrap();
    assert_eq!(exchange(&mut purse, &mut other, yen(1)), Err(Status::NotAllowed));
    other.run(&koban_card::command::Abort {}).unwrap();
    purse.run(&VerifyPin { pin: pin("1357") }).unwrap();
    exchange(&mut purse, &mut other, yen(1)).unwrap();
    purse.power_cycle();
    assert!(!purse.hello().verified, "it holds until power goes");
}

#[test]
fn mondex_2_the_try_is_taken_off_before_the_pin_is_compared() {
    let mut originator = Originator::new();
    let mut purse = owned(&mut originator);
    // Power goes after the first write of the try: the guess was not answered, and is counted.
    purse.cut(1, Torn::Nothing);
    assert_eq!(purse.run(&VerifyPin { pin: pin("1357") }), Err(Status::StoreFailed));
    purse.power_cycle();
    assert_eq!(purse.hello().pin_tries, Some(PIN_TRIES - 1));
    // Power goes before it: nothing is told, right or wrong.
    for guess in ["1357", "9999"] {
        purse.cut(0, Torn::Nothing);
        assert_eq!(purse.run(&VerifyPin { pin: pin(guess) }), Err(Status::StoreFailed));
        purse.power_cycle();
    }
}

#[test]
fn mondex_2_wrong_pins_block_it_and_the_originator_resets_it() {
    let mut originator = Originator::new();
    let mut purse = owned(&mut originator);
    for left in (0..PIN_TRIES).rev() {
        assert_eq!(purse.run(&VerifyPin { pin: pin("0000") }), Err(Status::WrongPin(left)));
    }
    assert_eq!(purse.run(&VerifyPin { pin: pin("1357") }), Err(Status::PinBlocked));
    assert_eq!(purse.run(&Unlock { pin: pin("1357") }), Err(Status::PinBlocked));
    let change = ChangePin { old: Some(pin("1357")), new: pin("2468") };
    assert_eq!(purse.run(&change), Err(Status::PinBlocked));
    originator.order(&mut purse, Order::ResetPin).unwrap();
    purse.run(&ChangePin { old: None, new: pin("2468") }).unwrap();
    assert_eq!(purse.hello().pin_tries, Some(PIN_TRIES));
}

#[test]
fn a_page_cannot_use_up_the_tries_without_the_button() {
    let mut originator = Originator::new();
    let mut purse = owned(&mut originator);
    assert_eq!(purse.run(&VerifyPin { pin: pin("0000") }), Err(Status::WrongPin(4)));
    purse.button = Button::Refused;
    for _ in 0..10 {
        assert_eq!(purse.run(&VerifyPin { pin: pin("0000") }), Err(Status::Refused));
    }
    assert_eq!(purse.hello().pin_tries, Some(4));
    assert_eq!(purse.prompts.last(), Some(&Prompt::Pin));
}

#[test]
fn mondex_2_the_owner_locks_and_unlocks() {
    let mut originator = Originator::new();
    let mut purse = owned(&mut originator);
    purse.run(&Lock {}).unwrap();
    purse.power_cycle();
    let asked = Ask { link: Link::Originator, payer: None, amount: yen(1) };
    assert_eq!(purse.run(&asked), Err(Status::WrongState));
    assert_eq!(purse.run(&Unlock { pin: pin("0000") }), Err(Status::WrongPin(4)));
    purse.run(&Unlock { pin: pin("1357") }).unwrap();
    purse.run(&asked).unwrap();
    let mut bare = originator.make(Class::Purse, 2);
    assert_eq!(bare.run(&Lock {}), Err(Status::NotAllowed), "nobody could unlock it");
}

#[test]
fn the_holder_sees_who_is_paid_how_much_and_may_refuse() {
    let mut originator = Originator::new();
    let mut purse = originator.make(Class::Purse, 1);
    let mut other = originator.make(Class::Purse, 2);
    originator.load(&mut purse, yen(1000)).unwrap();
    let named = Some(party(&mut purse));
    let asked = other.run(&Ask { link: Link::Peer, payer: named, amount: yen(30) }).unwrap();
    purse.button = Button::Refused;
    assert_eq!(purse.run(&Pay(asked.clone())), Err(Status::Refused));
    assert_eq!(purse.prompts, [Prompt::Pay(asked.content.payee, yen(30))]);
    assert_eq!(purse.balance(), 1000);
    // A page that shows another amount than it has signed for gets nowhere.
    let mut lie = asked.clone();
    lie.content.amount = yen(900);
    purse.button = Button::Pressed;
    assert_eq!(purse.run(&Pay(lie)), Err(Status::BadData));
    let value = purse.run(&Pay(asked)).unwrap();
    assert_eq!(purse.balance(), 970);
    // Nor does one that the holder was never asked about, under a button pressed for another.
    let again = other.run(&Take(value)).and_then(|done| purse.run(&Finish(done)));
    assert!(again.is_ok());
    let asked = other.run(&Ask { link: Link::Peer, payer: None, amount: yen(40) }).unwrap();
    let mut lie = asked.clone();
    lie.content.amount = yen(900);
    let mut handle = |request: &_, button| {
        let mut answer = Apdu::new();
        let prompt =
            purse.card.handle(&apdu::encode(&Pay(Clone::clone(request))), button, &mut answer);
        (prompt.is_some(), apdu::answer::<Message<Value>>(&answer).ok())
    };
    assert_eq!(handle(&asked, Button::Unasked), (true, None));
    assert_eq!(handle(&lie, Button::Pressed), (false, None));
    assert!(handle(&asked, Button::Pressed).1.is_some());
    assert_eq!(purse.balance(), 930);
    // Giving value up that may be on its way needs the button as well.
    purse.button = Button::Refused;
    assert_eq!(purse.run(&koban_card::command::Abort {}), Err(Status::Refused));
}

#[test]
fn a_card_says_how_far_its_life_has_come() {
    let originator = Originator::new();
    let mut held = Held::new(Class::Purse, 9);
    assert_eq!(held.hello().phase, Phase::Fresh);
    assert_eq!(held.run(&ChangePin { old: None, new: pin("1357") }), Err(Status::WrongState));
    let birth = held.run(&koban_card::command::BeBorn {}).unwrap();
    held.power_cycle();
    assert_eq!(held.run(&koban_card::command::BeBorn {}), Ok(birth), "a birth is said again");
    originator.personalise(&mut held, 9).unwrap();
    let Hello { phase, certificate, .. } = held.hello();
    assert_eq!((phase, certificate.unwrap().claim.class), (Phase::Ready, Class::Purse));
    assert_eq!(originator.personalise(&mut held, 9), Err(Status::WrongState));
}
