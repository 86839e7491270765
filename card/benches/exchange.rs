//! What each exchange costs its cards: commands, bytes, writes to the store, time.
//!
//! `cargo xtask bench`. Times are of this machine; writes, commands and bytes are the same on all.

#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "measures what the tests prove, with their machines"
)]

#[path = "../tests/suite/bench.rs"]
mod bench;
#[path = "../tests/suite/machine.rs"]
mod machine;

use std::time::{Duration, Instant};

use koban_card::command::{ChangePin, Pin, VerifyPin};
use koban_card::purse::wire::{Class, Order};

use bench::{Originator, exchange, yen};
use machine::{Held, Traffic};

const ROUNDS: u32 = 50;

#[derive(Default)]
struct Cost {
    traffic: Traffic,
    writes: u32,
    time: Duration,
}

fn measure(cards: &mut [&mut Held], mut act: impl FnMut(&mut [&mut Held])) -> Cost {
    for held in cards.iter_mut() {
        held.traffic = Traffic::default();
        held.machine().flash.writes = 0;
    }
    let begun = Instant::now();
    act(cards);
    let mut cost = Cost { time: begun.elapsed(), ..Cost::default() };
    for held in cards {
        cost.traffic.commands += held.traffic.commands;
        cost.traffic.sent += held.traffic.sent;
        cost.traffic.received += held.traffic.received;
        cost.writes += held.machine().flash.writes;
    }
    cost
}

fn show(name: &str, costs: &[Cost]) {
    let count = costs.len();
    let mut times: Vec<_> = costs.iter().map(|cost| cost.time).collect();
    times.sort_unstable();
    let median = times[count / 2].as_secs_f64() * 1000.0;
    let Cost { traffic, writes, .. } = &costs[count / 2];
    let Traffic { commands, sent, received } = traffic;
    println!("{name:26} {commands:8} {sent:10} {received:10} {writes:7} {median:8.2}");
}

fn main() {
    let mut originator = Originator::new();
    let mut a = originator.make(Class::Purse, 1);
    let mut b = originator.make(Class::Purse, 2);
    let mut till = originator.make(Class::Terminal, 3);
    let pin = Pin::new("1357").unwrap();
    till.run(&ChangePin { old: None, new: pin.clone() }).unwrap();
    println!("all cards of an exchange together; {ROUNDS} rounds, median");
    println!("{:26} commands  bytes out   bytes in  writes       ms", "");
    let mut costs: [Vec<Cost>; 5] = Default::default();
    for _ in 0..ROUNDS {
        costs[0].push(measure(&mut [&mut a], |it| originator.load(it[0], yen(20)).unwrap()));
        costs[1].push(measure(&mut [&mut a, &mut till], |it| {
            let [purse, till] = it else { panic!("two cards") };
            exchange(purse, till, yen(10)).unwrap();
        }));
        costs[2].push(measure(&mut [&mut a, &mut b], |it| {
            let [payer, payee] = it else { panic!("two cards") };
            exchange(payer, payee, yen(10)).unwrap();
        }));
        costs[3].push(measure(&mut [&mut b], |it| originator.unload(it[0], yen(10)).unwrap()));
        let shown = VerifyPin { pin: pin.clone() };
        costs[4].push(measure(&mut [&mut till], |it| {
            it[0].run(&shown).unwrap();
        }));
        for held in [&mut a, &mut b, &mut till] {
            let entries = held.hello().entries;
            originator.order(held, Order::Settle(entries)).unwrap();
        }
    }
    let names = ["load", "purchase at a terminal", "purse to purse", "unload", "PIN"];
    for (name, costs) in names.iter().zip(&costs) {
        show(name, costs);
    }
}
