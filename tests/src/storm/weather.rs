//! The network and the power of a storm.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use koban_edge_issuer::host::Address;

use super::chance::{Chance, Kind};
use crate::world::{Cut, Fate, Millis, Trip, World};

/// One call in so many suffers a fault of a kind.
const CALL: u64 = 120;
/// One time in so many that something durable is to be said, power is cut in a way.
const WRITE: u64 = 120;
/// The longest delay of a message that is delayed, longer than callers wait.
const DELAY_MAX: Millis = 25_000;
/// The longest partition.
const PARTITION_MAX: Millis = 60_000;

/// Lets faults strike whatever travels or is written from now on.
pub(super) fn set(world: &World, chance: &Chance) {
    let partitions: Rc<RefCell<BTreeMap<(String, String), Millis>>> = Rc::default();
    let (there, dice) = (world.clone(), chance.clone());
    let moment = move || there.moment();
    let now = moment.clone();
    world.weather(move |from, to, path| {
        let now = now();
        let between = between(from, to);
        let what = format!("{} to {}{path}", between.0, between.1);
        let strikes = |kind| dice.strikes(kind, CALL, now, &what);
        let mut partitions = partitions.borrow_mut();
        if dice.strikes(Kind::Partitioned, CALL * 6, now, &what) {
            partitions.insert(between.clone(), now + dice.below(PARTITION_MAX));
        }
        if partitions.get(&between).is_some_and(|until| now < *until) {
            return Fate { request: Trip::Lost, ..Fate::ARRIVES };
        }
        let span = |near| Trip::Takes(if near { dice.below(3) } else { 1 + dice.below(60) });
        let near = matches!(to, Address::Object(..));
        let mut fate = Fate { request: span(near), answer: span(near), ..Fate::ARRIVES };
        if strikes(Kind::Delayed) {
            fate.request = Trip::Takes(dice.below(DELAY_MAX));
        }
        if strikes(Kind::RequestRefused) {
            fate.request = Trip::Refused;
        } else if strikes(Kind::RequestLost) {
            fate.request = Trip::Lost;
        } else if strikes(Kind::AnswerRefused) {
            fate.answer = Trip::Refused;
        } else if strikes(Kind::AnswerLost) {
            fate.answer = Trip::Lost;
        } else if strikes(Kind::Doubled) {
            fate.again = Some(dice.below(DELAY_MAX));
        }
        // All is under TLS. But for balances and what the originator is told, wallets do not rely
        // on it.
        let relies = path.contains("/balance") || between.1 == "originator";
        if from.starts_with("wallet-") && !relies {
            let flipped = |kind| strikes(kind).then(|| dice.below(1 << 20) as usize);
            fate.request_bit = flipped(Kind::RequestFlipped);
            fate.answer_bit = flipped(Kind::AnswerFlipped);
        }
        fate
    });
    let dice = chance.clone();
    world.cuts(move |process| {
        let strikes = |kind| dice.strikes(kind, WRITE, moment(), process);
        if strikes(Kind::CutBefore) {
            Some(Cut::Before)
        } else {
            strikes(Kind::CutAfter).then_some(Cut::After)
        }
    });
}

fn between(from: &str, to: &Address) -> (String, String) {
    let to = match to {
        Address::Peer(role) => role.clone(),
        Address::Object(class, name) => format!("{}-{name}", class.name()),
        Address::Files => "files".to_owned(),
    };
    (from.to_owned(), to)
}

/// The pause between two strikes at roles.
const STRIKE_MAX: Millis = 60_000;
/// How far a role's clock may be off, seconds.
const SKEW_MAX: u64 = 20;

/// Stops whole roles, and has their clocks jump, from now on.
pub(super) fn strike(world: &World, chance: &Chance, roles: &'static [&'static str]) {
    let (world, chance) = (world.clone(), chance.clone());
    let at = world.moment() + chance.below(STRIKE_MAX);
    world.clone().at(at, move || {
        let pick = usize::try_from(chance.below(roles.len() as u64)).unwrap_or(0);
        let role = roles[pick];
        if chance.strikes(Kind::RoleStopped, 2, at, role) {
            world.stop(role);
        }
        if chance.strikes(Kind::ClockJumped, 2, at, role) {
            let ahead = chance.below(2 * SKEW_MAX).cast_signed() - SKEW_MAX.cast_signed();
            world.skew(role.trim_end_matches('/'), ahead);
        }
        if !chance.is_calm() {
            strike(&world, &chance, roles);
        }
    });
}
