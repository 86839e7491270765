//! Risk limits, the log, directives (MONDEX-3).

use koban_card::Status;
use koban_card::command::{Abort, Ask, Obey, Pay, Phase, ReadEntry, ReadHead, Resume};
use koban_card::platform::LOG_ENTRIES;
use koban_card::purse::wire::{
    Challenge, Class, Directed, Directive, Limits, Link, Order, Proof, Tag,
};
use koban_protocol::id::Digest;

use crate::bench::{Originator, exchange, id, limits, party, yen};

#[test]
fn mondex_3_single_payments_balances_and_all_payments_together_are_limited() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    let mut c = originator.make(Class::Purse, 3);
    assert_eq!(originator.load(&mut a, yen(50_001)), Err(Status::OverLimit));
    originator.load(&mut a, yen(50_000)).unwrap();
    assert_eq!(originator.load(&mut a, yen(1)), Err(Status::OverLimit));
    assert_eq!(exchange(&mut a, &mut b, yen(20_001)), Err(Status::OverLimit));
    b.run(&Abort {}).unwrap();
    exchange(&mut a, &mut b, yen(20_000)).unwrap();
    assert_eq!(exchange(&mut a, &mut c, yen(10_001)), Err(Status::OverLimit));
    c.run(&Abort {}).unwrap();
    exchange(&mut a, &mut c, yen(10_000)).unwrap();
    assert_eq!(exchange(&mut a, &mut b, yen(1)), Err(Status::OverLimit));
    b.run(&Abort {}).unwrap();
    // Giving value back to the originator is never limited; booking the log starts anew.
    originator.unload(&mut a, yen(1)).unwrap();
    let entries = a.hello().entries;
    originator.order(&mut a, Order::Settle(entries)).unwrap();
    exchange(&mut a, &mut b, yen(1)).unwrap();
}

#[test]
fn mondex_3_unusual_use_closes_the_card_and_the_originator_opens_it() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(50_000)).unwrap();
    for _ in 0..10 {
        assert_eq!(a.hello().phase, Phase::Ready);
        assert_eq!(exchange(&mut a, &mut b, yen(20_001)), Err(Status::OverLimit));
        b.run(&Abort {}).unwrap();
    }
    assert_eq!(a.hello().phase, Phase::Closed);
    a.power_cycle();
    assert_eq!(exchange(&mut a, &mut b, yen(1)), Err(Status::WrongState));
    a.run(&ReadHead { challenge: Challenge([0; 32]) }).expect("it shows its log");
    b.run(&Abort {}).unwrap();
    originator.order(&mut a, Order::Reopen).unwrap();
    exchange(&mut a, &mut b, yen(1)).unwrap();
    originator.order(&mut a, Order::Close).unwrap();
    assert_eq!(originator.load(&mut a, yen(1)), Err(Status::WrongState));
    assert_eq!(a.balance(), 49_999);
}

#[test]
fn mondex_3_a_full_log_stops_the_card_until_it_is_booked() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    for _ in 1..LOG_ENTRIES {
        exchange(&mut a, &mut b, yen(1)).unwrap();
    }
    assert_eq!(a.hello().entries, LOG_ENTRIES);
    assert_eq!(originator.load(&mut a, yen(1)), Err(Status::LogFull));
    assert_eq!(exchange(&mut a, &mut b, yen(1)), Err(Status::LogFull));
    b.run(&Abort {}).unwrap();
    assert_eq!(b.hello().entries, LOG_ENTRIES, "a broken exchange takes a place too");
    // Half of it is booked: as many places are free, and what was not booked is still there.
    originator.order(&mut a, Order::Settle(32)).unwrap();
    originator.load(&mut a, yen(1)).unwrap();
    assert_eq!(a.run(&ReadEntry { entry: 0 }), Err(Status::NotFound));
    assert_eq!(a.run(&ReadEntry { entry: 1 }).unwrap().transfer.amount, yen(1));
    for wrong in [31, 66, u32::MAX] {
        assert_eq!(originator.order(&mut a, Order::Settle(wrong)), Err(Status::BadData));
    }
}

#[test]
fn the_log_chains_to_its_signed_head() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    exchange(&mut a, &mut b, yen(5)).unwrap();
    exchange(&mut b, &mut a, yen(2)).unwrap();
    let challenge = Challenge([9; 32]);
    let signed = a.run(&ReadHead { challenge }).unwrap();
    let key = a.hello().certificate.unwrap().claim.key;
    let head = signed.open(&key).unwrap();
    assert_eq!((head.card, head.entries, head.challenge), (id(1), 3, challenge));
    assert_eq!(head.balances[0], yen(997));
    let chain = (0..3)
        .fold(Digest([0; 32]), |chain, entry| a.run(&ReadEntry { entry }).unwrap().chained(&chain));
    assert_eq!(chain, head.head);
}

#[test]
fn directives_are_obeyed_once_in_order_and_only_from_the_originator() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let directive = Directive { card: id(1), number: 5, order: Order::Close };
    let other = Directed { directive, tag: originator.masters.load(id(2)).tag(&directive) };
    assert_eq!(a.run(&Obey(other)), Err(Status::BadData));
    let none = Directed { directive, tag: Tag([0; 16]) };
    assert_eq!(a.run(&Obey(none)), Err(Status::BadData));
    let right = Directed { directive, tag: originator.masters.load(id(1)).tag(&directive) };
    a.run(&Obey(right)).unwrap();
    assert_eq!(a.run(&Obey(right)), Err(Status::BadData), "replayed");
    assert_eq!(a.hello().directive, 5);
    let raised = Limits { balance: 60_000, ..limits() };
    for (number, order) in [(6, Order::Reopen), (7, Order::Limit(raised))] {
        let directive = Directive { card: id(1), number, order };
        let tag = originator.masters.load(id(1)).tag(&directive);
        a.run(&Obey(Directed { directive, tag })).unwrap();
    }
    originator.load(&mut a, yen(60_000)).unwrap();
}

#[test]
fn while_an_exchange_is_open_only_its_end_can_follow() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    originator.load(&mut a, yen(1000)).unwrap();
    let named = Some(party(&mut a));
    let asked = b.run(&Ask { link: Link::Peer, payer: named, amount: yen(1) }).unwrap();
    let again = Ask { link: Link::Originator, payer: None, amount: yen(1) };
    assert_eq!(b.run(&again), Err(Status::Interrupted));
    a.run(&Pay(asked.clone())).unwrap();
    assert_eq!(a.run(&again), Err(Status::Interrupted));
    let mut other = asked;
    other.content.amount = yen(2);
    assert_eq!(a.run(&Pay(other.clone())), Err(Status::Interrupted));
    a.run(&Abort {}).unwrap();
    assert_eq!(a.run(&Resume {}), Err(Status::WrongState));
    assert_eq!(a.run(&Pay(other)), Err(Status::BadData), "asked of a number that is gone");
    assert_eq!(a.balance(), 999, "given up, never back in the balance");
    let Proof::Signed(..) = b
        .run(&Resume {})
        .map(|last| match last {
            koban_card::command::Last::Request(it) => it.proof,
            other => panic!("{other:?}"),
        })
        .unwrap()
    else {
        panic!("a peer signs")
    };
}
