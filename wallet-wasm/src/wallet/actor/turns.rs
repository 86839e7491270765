//! The right to write goes to the tab that is asked for something: it keeps what it is asked, tells
//! the others, and the one that writes steps back as soon as nobody waits for anything there.

use std::rc::Rc;

use futures_channel::oneshot;
use wasm_bindgen_futures::spawn_local;

use super::{Actor, Begun, CardDone, Message, Reply, Seat, answer, push};
use crate::drivers::platform;
use crate::drivers::tabs::News;
use crate::engine::{Command, Event, Problem, ReaderId};

/// How long a tab waits for another one to step back, seconds: longer than any answer may take.
const HANDOVER_S: u64 = 20;

/// What a tab is asked that only the writing one does.
pub(super) enum Asked {
    Command(Command, oneshot::Sender<Result<Begun, Problem>>),
    Balance(oneshot::Sender<Result<(), Problem>>),
    Card(ReaderId, Command, oneshot::Sender<CardDone>),
    CardIn(ReaderId),
}

impl Asked {
    fn refuse(self, problem: &Problem) {
        match self {
            Self::Command(_, reply) => answer(reply, Err(problem.clone())),
            Self::Balance(reply) => answer(reply, Err(problem.clone())),
            Self::Card(_, _, reply) => answer(reply, Err(problem.clone())),
            // Nobody waits for it.
            Self::CardIn(_) => (),
        }
    }
}

/// What waits until this tab may write, numbered as it came.
#[derive(Default)]
pub(super) struct Turns {
    last: u64,
    waiting: Vec<(u64, Asked)>,
}

impl Actor {
    /// Does what is asked, or keeps it until this tab may write.
    pub(super) async fn asked(self: &Rc<Self>, asked: Asked) {
        if matches!(&*self.seat.borrow(), Seat::Follower) {
            self.wait_for_turn(asked);
            return;
        }
        match (self.why_not(), asked) {
            (Some(problem), asked) => asked.refuse(&problem),
            (None, Asked::Command(command, reply)) => {
                self.handle(Event::Command(command), Some(Reply::Operation(reply))).await;
            }
            (None, Asked::Balance(reply)) => {
                let event = Event::Command(Command::AskBalance);
                self.handle(event, Some(Reply::Balance(reply))).await;
            }
            (None, Asked::Card(reader, command, reply)) => {
                self.handle(Event::Command(command), Some(Reply::Card(reader, reply))).await;
            }
            (None, Asked::CardIn(reader)) => self.card_in(reader).await,
        }
    }

    fn wait_for_turn(self: &Rc<Self>, asked: Asked) {
        let turns = &mut self.waiting.borrow_mut().turns;
        turns.last = turns.last.wrapping_add(1);
        let turn = turns.last;
        turns.waiting.push((turn, asked));
        self.channel.tell(News::Wanted);
        let actor = Rc::downgrade(self);
        spawn_local(async move {
            platform::sleep(HANDOVER_S).await;
            push(&actor, Message::NotLed(turn));
        });
    }

    /// Does what was kept, now that this tab may write.
    pub(super) async fn take_turns(self: &Rc<Self>) {
        let waiting = std::mem::take(&mut self.waiting.borrow_mut().turns.waiting);
        for (_, asked) in waiting {
            self.asked(asked).await;
        }
    }

    /// Refuses what was kept up to the turn `until`.
    pub(super) fn refuse_turns(&self, until: u64, problem: &Problem) {
        let waiting = std::mem::take(&mut self.waiting.borrow_mut().turns.waiting);
        let (due, later) = waiting.into_iter().partition(|(turn, _)| *turn <= until);
        self.waiting.borrow_mut().turns.waiting = later;
        let due: Vec<(u64, Asked)> = due;
        due.into_iter().for_each(|(_, asked)| asked.refuse(problem));
    }

    /// Hands the right to write to the tab that asked for it, once nobody waits for anything here:
    /// whatever is open goes on there, from the database.
    pub(super) fn step_back_if_wanted(self: &Rc<Self>) {
        let is_idle = {
            let waiting = self.waiting.borrow();
            let is_open = self.engine.borrow().issuer_keys().is_some();
            let nobody = waiting.operations.is_empty() && waiting.balance.is_empty();
            is_open && nobody && waiting.cards.is_empty()
        };
        let is_writer = matches!(&*self.seat.borrow(), Seat::Writer(_));
        if !(is_writer && is_idle && self.wanted.replace(false)) {
            return;
        }
        self.term.set(self.term.get().wrapping_add(1));
        self.timers.set(self.timers.get().wrapping_add(1));
        *self.seat.borrow_mut() = Seat::Follower;
        self.release_cards();
        self.engine.borrow_mut().leave_cards();
        self.show();
        self.wait_to_lead();
    }
}
