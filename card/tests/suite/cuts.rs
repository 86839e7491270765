//! Power cut at every write of every step, leaving four kinds of remains (CARD rules 1, 2, 5).

use koban_card::Status;
use koban_card::command::{Abort, Ask, Finish, Last, Open, Pay, ReadEntry, Resume, Take};
use koban_card::purse::wire::{Class, End, Side};

use crate::bench::{Originator, link, party, yen};
use crate::machine::{Held, TORN, Torn};

const LOADED: u64 = 1000;
const PAID: u64 = 300;
/// More writes than any exchange makes in one card.
const WRITES_MAX: u32 = 12;

fn pair(payee: Class) -> [Held; 2] {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let b = originator.make(payee, 2);
    originator.load(&mut a, yen(LOADED)).unwrap();
    [a, b]
}

/// The exchange from wherever the cards say it is, as a page drives it; an error is where it was
/// interrupted.
fn drive([payer, payee]: &mut [Held; 2]) -> Result<(), Status> {
    if payer.hello().open == Some(Open::Paid) {
        let Last::Value(value) = payer.run(&Resume {})? else { panic!("not a value") };
        let taken = payee.run(&Take(value))?;
        return payer.run(&Finish(taken)).map(drop);
    }
    let asked = if payee.hello().open == Some(Open::Asked) {
        let Last::Request(asked) = payee.run(&Resume {})? else { panic!("not a request") };
        asked
    } else if let Ok(Last::Acknowledgement(taken)) = payee.run(&Resume {}) {
        // The payee has it: had the payer not finished, it would be open.
        assert_eq!(taken.content.0.amount, yen(PAID));
        return Ok(());
    } else {
        let by = link(payer, payee);
        let named = Some(party(payer));
        payee.run(&Ask { link: by, payer: named, amount: yen(PAID) })?
    };
    let value = payer.run(&Pay(asked))?;
    let taken = payee.run(&Take(value))?;
    payer.run(&Finish(taken)).map(drop)
}

/// Balance, value on its way out, and value given up.
fn account(held: &mut Held) -> (u64, u64, u64) {
    let open = match held.run(&Resume {}) {
        Ok(Last::Value(value)) => value.content.0.amount.minor(),
        _ => 0,
    };
    let entries = held.hello().entries;
    let broken = (0..entries).filter_map(|entry| held.run(&ReadEntry { entry }).ok());
    let broken = broken.filter(|it| (it.side, it.end) == (Side::Payer, End::Broken));
    let broken = broken.map(|it| it.transfer.amount.minor()).sum();
    (held.balance(), open, broken)
}

fn check_even(pair: &mut [Held; 2]) {
    let [payer, payee] = pair;
    let (left, open, broken) = account(payer);
    let (got, ..) = account(payee);
    assert!(left + got <= LOADED, "value was created");
    // What is open at the payer may have arrived already.
    let accounted = left + got + broken + if got == 0 { open } else { 0 };
    assert_eq!(accounted, LOADED, "value is not accounted for");
}

/// Cuts `who` at write `at`; gives whether the exchange got so far.
fn cut_and_resume(payee: Class, who: usize, at: u32, torn: Torn) -> bool {
    let mut pair = pair(payee);
    pair[who].cut(at, torn);
    let interrupted = match drive(&mut pair) {
        Ok(()) => false,
        Err(status) => {
            assert_eq!(status, Status::StoreFailed);
            true
        }
    };
    pair[who].power_cycle();
    check_even(&mut pair);
    if interrupted {
        drive(&mut pair).unwrap();
    }
    let [payer, payee] = &mut pair;
    assert_eq!((payer.balance(), payee.balance()), (LOADED - PAID, PAID), "{who} {at} {torn:?}");
    assert_eq!((payer.hello().open, payee.hello().open), (None, None));
    interrupted
}

#[test]
fn mondex_1_cut_at_every_write_and_resumed_the_sum_stays() {
    let mut cuts = 0;
    for payee in [Class::Purse, Class::Terminal] {
        for who in [0, 1] {
            for torn in TORN {
                let reached = (0..WRITES_MAX).filter(|at| cut_and_resume(payee, who, *at, torn));
                cuts += reached.count();
            }
        }
    }
    // Payer: value, entry, state; payee: request, entry, state: six writes, two kinds, four ways.
    assert_eq!(cuts, 48);
}

#[test]
fn mondex_1_given_up_at_every_write_all_value_is_accounted() {
    for who in [0, 1] {
        for torn in TORN {
            for at in 0..WRITES_MAX {
                let mut pair = pair(Class::Purse);
                pair[who].cut(at, torn);
                let _interrupted = drive(&mut pair);
                pair.iter_mut().for_each(Held::power_cycle);
                check_even(&mut pair);
                for held in &mut pair {
                    if held.hello().open.is_some() {
                        held.run(&Abort {}).unwrap();
                    }
                }
                let [payer, payee] = &mut pair;
                let ((left, _, broken), (got, ..)) = (account(payer), account(payee));
                assert!(left + got <= LOADED, "value was created");
                let arrived = if got == 0 { broken } else { 0 };
                assert_eq!(left + got + arrived, LOADED, "value is not accounted for");
            }
        }
    }
}

#[test]
fn a_load_cut_at_every_write_of_the_card_is_loaded_once() {
    for torn in TORN {
        for at in 0..WRITES_MAX {
            let mut originator = Originator::new();
            let mut a = originator.make(Class::Purse, 1);
            a.cut(at, torn);
            let ask = Ask {
                link: koban_card::purse::wire::Link::Originator,
                payer: None,
                amount: yen(5),
            };
            let asked = match a.run(&ask) {
                Ok(asked) => asked,
                Err(Status::StoreFailed) => {
                    a.power_cycle();
                    match a.run(&Resume {}) {
                        Ok(Last::Request(asked)) => asked,
                        _ => a.run(&ask).unwrap(),
                    }
                }
                Err(status) => panic!("{status}"),
            };
            let value = originator.answer(&asked);
            let taken = a.run(&Take(value.clone()));
            a.power_cycle();
            let again = a.run(&Take(value)).unwrap();
            assert!(taken.is_err() || taken == Ok(again));
            assert_eq!(a.balance(), 5);
        }
    }
}

#[test]
fn a_personalisation_cut_at_every_write_can_be_finished() {
    for torn in TORN {
        for at in 0..4 {
            let mut originator = Originator::new();
            let mut held = Held::new(Class::Purse, 1);
            held.cut(at, torn);
            let _interrupted = originator.personalise(&mut held, 1);
            held.power_cycle();
            match originator.personalise(&mut held, 1) {
                Ok(()) | Err(Status::WrongState) => {}
                Err(status) => panic!("{status}"),
            }
            originator.load(&mut held, yen(5)).unwrap();
            assert_eq!(held.balance(), 5);
        }
    }
}
