//! Crashes after every write, answers lost one by one, answers forged.

use koban_protocol::refusal::Code;
use koban_protocol::statement::{Name, Short};
use koban_wallet_wasm::engine::{Command, Event, HttpAnswer, Part};
use koban_wallet_wasm::view::Stage;

use super::edge::{Edge, Shop, amount, problem, yen};
use super::holder::Holder;

/// A holder's whole life, whatever is in its way. What becomes of each wish is found out by
/// waiting, or by opening the wallet again.
fn life(holder: &mut Holder, reopens: bool) {
    let mut wish = |make: &dyn Fn(&mut Holder) -> Command| {
        let command = make(holder);
        holder.handle(Event::Command(command));
        holder.run();
        if holder.crashed || reopens {
            holder.reopen();
        }
        holder.wait(30);
    };
    wish(&|_| Command::Register(Name::new("taro").unwrap()));
    wish(&|_| {
        let (bank, owner) = (Short::new("bank-a").unwrap(), Name::new("Taro").unwrap());
        Command::Enrol { bank, owner }
    });
    wish(&|holder| {
        let bundle = holder.engine.standard_bundle(amount(1000)).unwrap();
        Command::Withdraw { bundle, recoverable: true }
    });
    wish(&|holder| {
        holder.invoice = holder.edge.invoice(370);
        Command::Pay(holder.invoice.clone())
    });
    wish(&|_| Command::Redeem(amount(100)));
    wish(&|_| Command::Refund(yen()));
}

/// After everything: the wallet holds what the issuer has outstanding, less what the shop was paid.
fn assert_whole(holder: &Holder, what: &str) {
    assert_eq!(holder.view().stage, Stage::Enrolled, "{what}");
    assert_eq!(holder.edge.debited, 1000, "{what}");
    assert_eq!(holder.edge.credited, 100, "{what}");
    assert_eq!(holder.money(), (530, 0), "{what}");
    assert_eq!(holder.edge.outstanding(), 900, "{what}");
    holder.assert_sound();
}

#[test]
fn w1_a_crash_after_any_write_only_delays() {
    for write in 0.. {
        let mut holder = Holder::new(Edge::new());
        holder.crash_after = Some(write);
        life(&mut holder, false);
        assert_whole(&holder, &format!("crash after write {write}"));
        if holder.crash_after.is_some() {
            assert!(write > 15, "the life has more writes than {write}");
            break;
        }
    }
}

#[test]
fn w1_any_one_lost_answer_only_delays() {
    for reopens in [false, true] {
        for answer in 0.. {
            let mut holder = Holder::new(Edge::new());
            holder.lose_answer = Some(answer);
            life(&mut holder, reopens);
            assert_whole(&holder, &format!("answer {answer} lost, {reopens}"));
            if holder.lose_answer.is_some() {
                assert!(answer > 10, "the life has more answers than {answer}");
                break;
            }
        }
    }
}

#[test]
fn a_crash_in_the_middle_of_a_call_back_only_delays() {
    for write in 0..6 {
        let mut holder = Holder::with(255);
        holder.edge.shop = Shop::Silent;
        let open = holder.pay(31).id.parse().unwrap();
        holder.crash_after = Some(write);
        holder.handle(Event::Command(Command::Cancel(open)));
        holder.run();
        holder.reopen();
        holder.wait(30);
        assert_eq!(holder.money(), (255, 0), "crash after write {write}");
        holder.assert_sound();
    }
}

#[test]
fn forged_answers_end_nothing() {
    let empty = |status| HttpAnswer { status, body: Vec::new() };
    let mut forgeries = vec![empty(200), empty(204), empty(500), empty(0)];
    forgeries.push(HttpAnswer { status: 200, body: vec![0x82, 0x40, 0x40] });
    forgeries.extend(Code::ALL.iter().map(|code| problem(*code)));
    for part in [Part::Order, Part::CallBack, Part::PayersAnswer] {
        for forged in &forgeries {
            let mut holder = Holder::with(255);
            if part != Part::Order {
                holder.edge.shop = Shop::Silent;
                let open = holder.pay(31).id.parse().unwrap();
                holder.forge = Some((part, forged.clone()));
                if part == Part::CallBack {
                    holder.command(Command::Cancel(open)).unwrap();
                }
                holder.wait(20);
            } else {
                holder.forge = Some((part, forged.clone()));
                holder.command(Command::Redeem(amount(31))).unwrap();
            }
            assert_eq!(holder.money(), (224, 31), "{part:?} {forged:?}");
            holder.forge = None;
            holder.edge.shop = Shop::Honest;
            holder.reopen();
            holder.wait(600);
            let (available, pending) = holder.money();
            assert_eq!(pending, 0);
            let expected = if part == Part::CallBack { 255 } else { 224 };
            assert_eq!(available, expected, "{part:?} {forged:?}");
            holder.assert_sound();
        }
    }
}

#[test]
fn an_answer_to_another_request_is_no_answer() {
    let mut one = Holder::with(255);
    let mut other = Holder::with(255);
    one.edge.shop = Shop::Silent;
    let open = one.pay(31);
    other.pay(31);
    let theirs = other.rows.values().next().unwrap().value.clone();
    one.forge = Some((Part::Envelope, HttpAnswer { status: 200, body: theirs }));
    one.wait(60);
    assert_eq!(one.transaction(open.id.parse().unwrap()).id, open.id);
    assert_eq!(one.money(), (224, 31));
}
