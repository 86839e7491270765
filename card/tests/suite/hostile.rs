//! Pages, people and machines that do not follow the rules.

use koban_card::apdu;
use koban_card::command::{Ask, Pay, Phase, ReadHead, Resume, Take};
use koban_card::purse::wire::{Challenge, Class, Link, Proof};
use koban_card::{Platform as _, Status};
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::signed::Attested;
use proptest::prelude::*;

use crate::bench::{Originator, exchange, id, party, yen};
use crate::machine::{Held, Torn};

#[test]
fn a_state_put_back_closes_the_card_for_good() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    a.power_cycle();
    let rich = a.machine().flash.memory.clone();
    exchange(&mut a, &mut b, yen(600)).unwrap();
    a.power_cycle();
    a.machine().flash.memory = rich;
    a.power_cycle();
    assert_eq!(a.hello().phase, Phase::Dead);
    assert_eq!(a.run(&Resume {}), Err(Status::RolledBack));
    // Nor does it help to wipe the state.
    for half in [0, 1] {
        let slot = koban_card::platform::Slot::State(half);
        koban_card::platform::Store::write(a.machine().store(), slot, &[0; 1024]).unwrap();
    }
    a.power_cycle();
    assert_eq!(a.hello().phase, Phase::Dead);
}

#[test]
fn a_virtual_card_can_be_put_back_and_says_so() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Virtual, 1);
    assert!(!a.hello().features.counter);
    originator.load(&mut a, yen(1000)).unwrap();
    let rich = a.machine().flash.memory.clone();
    let mut b = originator.make(Class::Virtual, 2);
    exchange(&mut a, &mut b, yen(600)).unwrap();
    let first = a.run(&ReadHead { challenge: Challenge([0; 32]) }).unwrap();
    a.machine().flash.memory = rich;
    a.power_cycle();
    assert_eq!(a.balance(), 1000);
    exchange(&mut a, &mut b, yen(500)).unwrap();
    let second = a.run(&ReadHead { challenge: Challenge([0; 32]) }).unwrap();
    // What gives it away: two signed heads of one length, which its shadow account compares.
    assert_eq!(first.claim.entries, second.claim.entries);
    assert_ne!(first.claim.head, second.claim.head);
}

#[test]
fn a_fake_card_with_its_own_certificate_is_not_believed() {
    let mut originator = Originator::new();
    let mut b = originator.make(Class::Purse, 2);
    let forger =
        Originator { key: SigningKey::from_seed(&Seed::new([66; 32])), ..Originator::new() };
    let mut fake = Held::new(Class::Purse, 1);
    forger.personalise(&mut fake, 1).unwrap();
    originator.load(&mut fake, yen(100)).expect("the masters are the same in this test");
    assert_eq!(exchange(&mut fake, &mut b, yen(1)), Err(Status::BadData));
    // It does not pay what the other asks; and its value, made by force, is not taken.
    let asked = match b.run(&Resume {}).unwrap() {
        koban_card::command::Last::Request(asked) => asked,
        other => panic!("{other:?}"),
    };
    let payer = asked.content.payer.unwrap();
    let content = koban_card::purse::wire::Value(asked.content.answered_by(payer).unwrap());
    let key = SigningKey::from_seed(&Seed::new([1; 32]));
    let signature = Attested::sign(content, &key).signature;
    let certificate = fake.hello().certificate.unwrap();
    let value =
        koban_card::purse::wire::Message { content, proof: Proof::Signed(signature, certificate) };
    assert_eq!(b.run(&Take(value)), Err(Status::BadData));
    assert_eq!(b.balance(), 0);
}

#[test]
fn a_replayed_value_is_taken_once_and_a_replayed_request_is_not_paid_twice() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    let ask = |b: &mut Held, a: &mut Held| {
        let named = Some(party(a));
        b.run(&Ask { link: Link::Peer, payer: named, amount: yen(10) }).unwrap()
    };
    let asked = ask(&mut b, &mut a);
    let value = a.run(&Pay(asked.clone())).unwrap();
    let taken = b.run(&Take(value.clone())).unwrap();
    a.run(&koban_card::command::Finish(taken)).unwrap();
    assert_eq!(a.run(&Pay(asked)), Err(Status::BadData), "its number is gone");
    ask(&mut b, &mut a);
    assert_eq!(b.run(&Take(value)), Err(Status::BadData), "another number was asked");
    assert_eq!((a.balance(), b.balance()), (990, 10));
}

#[test]
fn a_store_that_fails_says_so_and_loses_nothing() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    originator.load(&mut a, yen(1000)).unwrap();
    a.cut(0, Torn::Half);
    let ask = Ask { link: Link::Originator, payer: None, amount: yen(1) };
    assert_eq!(a.run(&ask), Err(Status::StoreFailed));
    assert_eq!(a.run(&ask), Err(Status::StoreFailed));
    assert_eq!(a.hello().number, 2, "it still shows what it has");
    a.power_cycle();
    assert_eq!(a.balance(), 1000);
    assert_eq!(
        a.run(&ask).unwrap().content.payee,
        koban_card::purse::wire::Party { card: id(1), number: 2 }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_a_card_panic_or_give_value(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        ins in prop::sample::select(koban_card::command::ALL),
        framed in any::<bool>(),
    ) {
        let mut originator = Originator::new();
        let mut a = originator.make(Class::Purse, 1);
        originator.load(&mut a, yen(1000)).unwrap();
        let command = if framed {
            let mut command = vec![0x80, ins, 0, 0, 0];
            command.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            command.extend(&bytes);
            command.extend([0, 0]);
            command
        } else {
            bytes
        };
        let answer = a.raw(&command);
        let word = u16::from_be_bytes(*answer.last_chunk().unwrap());
        prop_assert!(Status::of_word(word).is_some(), "{word:04x}");
        prop_assert_eq!(a.balance(), 1000);
    }

    #[test]
    fn flipped_bits_of_a_message_are_refused(bit in 0_usize..4000) {
        let mut originator = Originator::new();
        let mut a = originator.make(Class::Purse, 1);
        let asked = a.run(&Ask { link: Link::Originator, payer: None, amount: yen(7) }).unwrap();
        let value = originator.answer(&asked);
        let mut bytes = apdu::encode(&Take(value)).to_vec();
        // The data of the command, between its seven bytes of head and two of expected length.
        let place = 7 + (bit / 8) % (bytes.len() - 9);
        bytes[place] ^= 1 << (bit % 8);
        let answer = a.raw(&bytes);
        prop_assert_ne!(*answer.last_chunk().unwrap(), [0x90, 0x00]);
        prop_assert_eq!(a.balance(), 0);
    }
}
