//! The card's end: one command in, one answer out.

mod exchange;
mod life;
mod owner;
mod proof;

use koban_protocol::key::SigningKey;
use koban_protocol::offline::purse::Personalisation;
use koban_protocol::offline::purse::wire::{Class, Entry, Message, Request};
use koban_protocol::wire;

use crate::Status;
use crate::apdu::{Apdu, Filling, Received, receive};
use crate::command::{self, Command, Phase};
use crate::platform::{Button, LOG_ENTRIES, Platform, Prompt, Slot, StoreFailed};
use crate::record::{self, Record};
use crate::state::{Identity, State, Step};

/// A card on its platform.
#[derive(Debug)]
pub struct Card<P: Platform> {
    platform: P,
    /// What the store holds; none after a failure, until it is read again.
    memory: Option<Memory>,
    /// Whether the PIN was given since power came.
    verified: bool,
    /// Whether the counter was raised since power came.
    raised: bool,
    /// The request about which the holder is asked: its proof holds.
    proven: Option<Message<Request>>,
}

/// The store's content.
#[derive(Debug)]
struct Memory {
    identity: (Record, Option<Identity>),
    state: (Record, State),
    /// Whether the state is older than the counter.
    dead: bool,
}

/// Why a command is not answered with what it asks for.
enum Halt {
    /// The card refuses.
    Refused(Status),
    /// The holder must be asked.
    Ask(Prompt),
}

impl From<Status> for Halt {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl<P: Platform> Card<P> {
    /// The card as its store has it, when power comes.
    pub fn power_up(platform: P) -> Self {
        let mut card =
            Self { platform, memory: None, verified: false, raised: false, proven: None };
        // A store that cannot be read now is read again with the first command.
        let _later = card.load();
        card
    }

    /// Carries out a command. Either the answer is whole and there is no prompt; or the holder must
    /// be asked first: nothing has changed, and the host calls again with the same bytes and what
    /// the holder did.
    pub fn handle(&mut self, command: &[u8], button: Button, answer: &mut Apdu) -> Option<Prompt> {
        answer.clear();
        let status = match self.carry_out(command, button, answer) {
            Ok(()) => Status::Done,
            Err(Halt::Ask(prompt)) => return Some(prompt),
            Err(Halt::Refused(status)) => {
                answer.clear();
                status
            }
        };
        if status == Status::StoreFailed {
            // What was written last is not known: the store says it.
            self.memory = None;
        }
        let ended = answer.extend_from_slice(&status.word().to_be_bytes());
        debug_assert!(ended.is_ok());
        None
    }

    /// Its platform, for the host's own purposes.
    pub const fn platform(&mut self) -> &mut P {
        &mut self.platform
    }

    fn carry_out(&mut self, bytes: &[u8], button: Button, answer: &mut Apdu) -> Result<(), Halt> {
        self.load().map_err(|StoreFailed| Status::StoreFailed)?;
        let (ins, data) = match receive(bytes)? {
            Received::Select => return fill(answer, &self.hello()?),
            Received::Ours(ins, data) => (ins, data),
        };
        if self.memory()?.dead {
            return Err(Status::RolledBack.into());
        }
        match ins {
            command::Prove::INS => run(data, answer, |it| self.be_present(it)),
            command::VerifyPin::INS => run(data, answer, |it| self.verify_pin(&it, button)),
            command::ChangePin::INS => run(data, answer, |it| self.change_pin(&it, button)),
            command::ReadBalances::INS => run(data, answer, |it| self.read_balances(it)),
            command::Ask::INS => run(data, answer, |it| self.ask(it)),
            command::Pay::INS => run(data, answer, |it| self.pay(&it, button)),
            command::Take::INS => run(data, answer, |it| self.take(&it)),
            command::Finish::INS => run(data, answer, |it| self.finish(&it)),
            command::Resume::INS => run(data, answer, |it| self.resume(it)),
            command::Abort::INS => run(data, answer, |it| self.abort(it, button)),
            command::ReadEntry::INS => run(data, answer, |it| self.read_entry(it)),
            command::Obey::INS => run(data, answer, |it| self.obey(&it)),
            command::ReadHead::INS => run(data, answer, |it| self.read_head(it)),
            command::Lock::INS => run(data, answer, |it| self.lock(it)),
            command::Unlock::INS => run(data, answer, |it| self.unlock(&it, button)),
            command::BeBorn::INS => run(data, answer, |it| self.be_born(it)),
            command::Personalise::INS => run(data, answer, |it| self.personalise(it)),
            _ => Err(Status::Unknown.into()),
        }
    }

    /// Reads the store, if it is not read.
    fn load(&mut self) -> Result<(), StoreFailed> {
        if self.memory.is_some() {
            return Ok(());
        }
        let counter = self.platform.counter();
        let store = self.platform.store();
        let identity: (Record, Option<Identity>) = Record::read(store, Slot::Identity)?;
        let (record, state) = Record::read::<State>(store, Slot::State)?;
        let limits = identity.1.as_ref().and_then(|it| it.personalisation.as_ref());
        let limits = limits.map(|it| it.limits.clone()).unwrap_or_default();
        let power = state.as_ref().map_or(0, |state| state.power);
        let state = state.unwrap_or_else(|| State::initial(&limits));
        // A state is written before the counter goes up, so it may be ahead, and is never behind.
        let dead = power < counter;
        self.memory = Some(Memory { identity, state: (record, state), dead });
        Ok(())
    }

    fn memory(&self) -> Result<&Memory, Status> {
        self.memory.as_ref().ok_or(Status::StoreFailed)
    }

    fn state(&self) -> Result<&State, Status> {
        Ok(&self.memory()?.state.1)
    }

    /// Its keys, once it has been personalised.
    fn keys(&self) -> Result<&Personalisation, Status> {
        let identity = self.memory()?.identity.1.as_ref().ok_or(Status::WrongState)?;
        identity.personalisation.as_ref().ok_or(Status::WrongState)
    }

    fn signing(&self) -> Result<&SigningKey, Status> {
        let identity = self.memory()?.identity.1.as_ref().ok_or(Status::WrongState)?;
        Ok(identity.born.signing())
    }

    fn class(&self) -> Class {
        self.platform.class()
    }

    fn phase(&self) -> Result<Phase, Status> {
        let memory = self.memory()?;
        Ok(match &memory.identity.1 {
            _ if memory.dead => Phase::Dead,
            None => Phase::Fresh,
            Some(Identity { personalisation: None, .. }) => Phase::Born,
            Some(_) if memory.state.1.closed => Phase::Closed,
            Some(_) => Phase::Ready,
        })
    }

    /// Whether value may begin to move: in use, not locked, no exchange open, room in the log.
    fn check_free(&self) -> Result<(), Status> {
        let state = self.state()?;
        if self.phase()? != Phase::Ready || state.locked {
            return Err(Status::WrongState);
        }
        match state.step {
            Step::Idle | Step::Taken(_) => state.log_room(),
            Step::Asked(_) | Step::Paid(_) => Err(Status::Interrupted),
        }
    }

    /// Makes `next` the state: first the entry it counts, then the state in one write, then the
    /// counter, once for each time of power.
    fn commit(&mut self, mut next: State, entry: Option<&Entry>) -> Result<(), Status> {
        let failed = |StoreFailed| Status::StoreFailed;
        if let Some(entry) = entry {
            let number = self.state()?.entries;
            record::write(self.platform.store(), log_slot(number), number, entry)
                .map_err(failed)?;
        }
        if !self.raised {
            next.power = self.platform.counter().saturating_add(1);
        }
        let memory = self.memory.as_mut().ok_or(Status::StoreFailed)?;
        memory.state.0.write(self.platform.store(), &next).map_err(failed)?;
        memory.state.1 = next;
        if !self.raised {
            self.platform.raise_counter().map_err(failed)?;
            self.raised = true;
        }
        Ok(())
    }
}

/// Where an entry of the log rests.
fn log_slot(entry: u32) -> Slot {
    let place = entry.checked_rem(LOG_ENTRIES).unwrap_or(0);
    Slot::Log(u8::try_from(place).unwrap_or(0))
}

/// Parses a command, carries it out and writes its answer.
fn run<C: Command>(
    data: &[u8],
    answer: &mut Apdu,
    done: impl FnOnce(C) -> Result<C::Answer, Halt>,
) -> Result<(), Halt> {
    let command: C = wire::decode_exact(data).map_err(|_| Status::BadData)?;
    fill(answer, &done(command)?)
}

fn fill<T: wire::Wire>(answer: &mut Apdu, content: &T) -> Result<(), Halt> {
    let written = minicbor::encode(content, Filling(answer));
    written.map_err(|_| Halt::Refused(Status::WrongLength))
}
