//! Every world of a few steps: two purses, every message ever sent may come at any time, power may
//! go at any time. The Mondex purse's two properties hold in all of them: no value is created, and
//! all value is accounted for.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use koban_card::command::{Abort, Ask, Finish, Last, Pay, ReadEntry, Resume, Take};
use koban_card::purse::wire::{
    Acknowledgement, Class, End, Link, Message, Request, Side, Transfer, Value,
};

use crate::bench::{Originator, party, yen};
use crate::machine::{Held, Machine};

const LOADED: u64 = 2;
const DEPTH: usize = 9;

/// The two cards, whether their power went last, and every message there ever was.
#[derive(Clone)]
struct World {
    cards: [Machine; 2],
    requests: Vec<Message<Request>>,
    values: Vec<Message<Value>>,
    acknowledgements: Vec<Message<Acknowledgement>>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask(usize),
    Pay(usize, usize),
    Take(usize, usize),
    Finish(usize, usize),
    Abort(usize),
}

impl World {
    fn new() -> Self {
        let mut originator = Originator::new();
        let mut cards = [1, 2].map(|number| originator.make(Class::Purse, number));
        originator.load(&mut cards[0], yen(LOADED)).unwrap();
        let cards = cards.map(|mut held| held.machine().clone());
        Self { cards, requests: vec![], values: vec![], acknowledgements: vec![] }
    }

    fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        for card in [0, 1] {
            acts.extend([Act::Ask(card), Act::Abort(card)]);
            acts.extend((0..self.requests.len()).map(|it| Act::Pay(card, it)));
            acts.extend((0..self.values.len()).map(|it| Act::Take(card, it)));
            acts.extend((0..self.acknowledgements.len()).map(|it| Act::Finish(card, it)));
        }
        acts
    }

    /// Power comes, the card does it, power goes.
    fn act(&mut self, act: Act) {
        let (Act::Ask(card)
        | Act::Pay(card, _)
        | Act::Take(card, _)
        | Act::Finish(card, _)
        | Act::Abort(card)) = act;
        let mut held = Held::of(self.cards[card].clone());
        match act {
            Act::Ask(_) => {
                let mut other = Held::of(self.cards[1 - card].clone());
                let ask = Ask { link: Link::Peer, payer: Some(party(&mut other)), amount: yen(1) };
                self.requests.extend(held.run(&ask));
            }
            Act::Pay(_, it) => {
                let paid = held.run(&Pay(self.requests[it].clone()));
                remember(&mut self.values, paid.ok());
            }
            Act::Take(_, it) => {
                let taken = held.run(&Take(self.values[it].clone()));
                remember(&mut self.acknowledgements, taken.ok());
            }
            Act::Finish(_, it) => {
                let _done = held.run(&Finish(self.acknowledgements[it].clone()));
            }
            Act::Abort(_) => {
                let _done = held.run(&Abort {});
            }
        }
        self.cards[card] = held.machine().clone();
    }

    fn digest(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        for card in &self.cards {
            let mut held = Held::of(card.clone());
            // Halves of records alternate: what they say counts, not where it lies.
            format!("{:?} {:?}", held.hello(), held.run(&Resume {})).hash(&mut hash);
            held.balance().hash(&mut hash);
            for entry in 0..held.hello().entries {
                format!("{:?}", held.run(&ReadEntry { entry })).hash(&mut hash);
            }
        }
        for counts in [self.requests.len(), self.values.len(), self.acknowledgements.len()] {
            counts.hash(&mut hash);
        }
        hash.finish()
    }

    fn check(&self) {
        let mut balances = 0;
        let mut taken: Vec<Transfer> = Vec::new();
        let mut left: Vec<Transfer> = Vec::new();
        for card in &self.cards {
            let mut held = Held::of(card.clone());
            balances += held.balance();
            if let Ok(Last::Value(value)) = held.run(&Resume {}) {
                left.push(value.content.0);
            }
            for entry in 0..held.hello().entries {
                let entry = held.run(&ReadEntry { entry }).unwrap();
                match (entry.side, entry.end) {
                    (Side::Payee, End::Done) => taken.push(entry.transfer),
                    (Side::Payer, _) => left.push(entry.transfer),
                    (Side::Payee, End::Broken) => {}
                }
            }
        }
        assert!(balances <= LOADED, "value was created");
        let lost = left.iter().filter(|it| !taken.contains(it)).map(|it| it.amount.minor());
        assert_eq!(balances + lost.sum::<u64>(), LOADED, "value is not accounted for");
    }
}

fn remember<T: PartialEq>(messages: &mut Vec<T>, message: Option<T>) {
    if let Some(message) = message
        && !messages.contains(&message)
    {
        messages.push(message);
    }
}

#[test]
fn mondex_no_value_created_all_value_accounted_in_every_small_world() {
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([(0, World::new())]);
    seen.insert(open[0].1.digest());
    while let Some((depth, world)) = open.pop_front() {
        world.check();
        if depth == DEPTH {
            continue;
        }
        for act in world.acts() {
            let mut next = world.clone();
            next.act(act);
            if seen.insert(next.digest()) {
                open.push_back((depth + 1, next));
            }
        }
    }
    println!("{} worlds", seen.len());
    assert!(seen.len() > 100, "the search did not get far: {}", seen.len());
}
