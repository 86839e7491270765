//! Card money in the wallet: what is said to cards, and what moves between them and the coins.
//!
//! The driver numbers its readers. A card says what it is as soon as it is there, and again after
//! everything that changes it; then whatever waits for this card goes on. One command at a time is
//! with a card. A PIN passes through an effect to the card and is kept nowhere.

mod ask;
mod load;
mod look;
mod owner;
mod refund;
mod report;
mod show;
mod state;
mod till;
mod unload;

use std::collections::BTreeMap;
use std::fmt;

use koban_card::Status;
use koban_card::apdu::{self, AnswerError};
use koban_card::command::{Command as Spoken, Hello, Last, Nothing, Pocket};
use koban_protocol::amount::Amount;
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::wire::{CardId, Challenge, Class, Entry, LogHead};
use koban_protocol::signed::Attested;
use koban_protocol::time::Time;
use koban_protocol::wire::Wire;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::Engine;
use super::event::{Part, Report};
use super::problem::{Fault, Problem};
use super::saga::{Open, Saga};
use super::step::{Next, Step};

pub(super) use ask::due;
pub use owner::CardCommand;
pub(super) use state::{After, CardSaga, Claim};
pub(super) use till::Till;

/// A connected reader; the driver numbers them and uses no number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(pub u32);

/// The bytes of a command to a card. There may be a PIN in them: they are never printed, and zeroed
/// when dropped.
#[derive(Clone)]
pub struct CardBytes(Zeroizing<Vec<u8>>);

impl CardBytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CardBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardBytes({})", self.0.len())
    }
}

/// Whether a card is one of the originator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It could not be asked yet, or there is nothing to check it against.
    Unchecked,
    /// It signed a fresh challenge under a certificate of the originator.
    Genuine,
    /// It did not.
    NotGenuine,
}

/// What is being said to a card; its answer belongs to this.
#[derive(Debug)]
pub(super) enum Talk {
    Hello,
    Presence(Challenge),
    Balances,
    Entry(u32),
    /// The holder's command, and how its answer is read.
    Owner(Says),
    Birth,
    /// A step of an operation.
    Saga(OperationId, Says),
    /// An operation reads the log: where it stands, then its entries.
    Head(OperationId, Challenge),
    LogEntry(OperationId),
    Till(Says),
}

/// Which answer belongs to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Nothing,
    Request,
    Value,
    Acknowledgement,
    Last,
}

/// What the holder wants of a card.
#[derive(Debug)]
pub(super) enum Wish {
    None,
    /// It is with the card.
    Asked,
    /// It is done, and will be told when the card has been looked at.
    Done(Result<Option<Box<Last>>, Problem>),
}

/// A card in a reader, as far as it is known.
#[derive(Debug)]
pub(super) struct Slot {
    talk: Option<Talk>,
    hello: Option<Hello>,
    standing: Standing,
    /// Whether it was asked to prove that in this look.
    challenged: bool,
    pockets: Vec<Pocket>,
    /// The newest entries, newest first.
    entries: Vec<Entry>,
    /// How many entries there were when they were read.
    read: Option<u32>,
    /// The log as far as an operation has read it.
    log: Option<(Attested<LogHead>, Vec<Entry>)>,
    wish: Wish,
    /// Whether the holder is asked on the card.
    prompt: bool,
    problem: Option<Problem>,
}

impl Slot {
    const fn new() -> Self {
        Self {
            talk: None,
            hello: None,
            standing: Standing::Unchecked,
            challenged: false,
            pockets: Vec::new(),
            entries: Vec::new(),
            read: None,
            log: None,
            wish: Wish::None,
            prompt: false,
            problem: None,
        }
    }

    /// Its card, if it has shown that it is genuine.
    fn card(&self) -> Option<CardId> {
        let certificate = self.hello.as_ref()?.certificate.as_ref()?;
        (self.standing == Standing::Genuine).then_some(certificate.claim.card)
    }

    const fn is_idle(&self) -> bool {
        self.talk.is_none() && matches!(self.wish, Wish::None)
    }
}

/// A card that was here, as the wallet remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct KnownCard {
    #[n(0)]
    card: CardId,
    #[n(1)]
    class: Class,
    #[n(2)]
    balances: Vec<Amount>,
    #[n(3)]
    at: Time,
}

/// The wallet's cards: those that are here, and those that were.
#[derive(Debug, Default)]
pub(super) struct Cards {
    pub(super) slots: BTreeMap<ReaderId, Slot>,
    pub(super) known: BTreeMap<CardId, KnownCard>,
    pub(super) till: Option<Till>,
}

impl Cards {
    pub(super) fn remember(&mut self, card: KnownCard) {
        self.known.insert(card.card, card);
    }

    fn reader_of(&self, card: CardId) -> Option<ReaderId> {
        self.slots.iter().find(|(_, slot)| slot.card() == Some(card)).map(|(reader, _)| *reader)
    }
}

/// Why a card did not give the answer that belongs to its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsaid {
    /// It was pulled out, or nothing came in time.
    Silent,
    /// It says why.
    Refused(Status),
    /// It is no answer of a card.
    Garbled,
}

impl From<Unsaid> for Problem {
    fn from(unsaid: Unsaid) -> Self {
        let Unsaid::Refused(status) = unsaid else {
            let silent = unsaid == Unsaid::Silent;
            return (if silent { Fault::CardSilent } else { Fault::CardMisbehaved }).into();
        };
        let fault = match status {
            Status::WrongPin(left) => return Self::with(Fault::CardPinWrong, left.to_string()),
            Status::NotAllowed => Fault::CardPinNeeded,
            Status::PinBlocked => Fault::CardPinBlocked,
            Status::WrongState => Fault::CardNotInUse,
            Status::LogFull => Fault::CardLogFull,
            Status::TooLittle => Fault::CardTooLittle,
            Status::OverLimit => Fault::CardOverLimit,
            Status::Interrupted => Fault::CardInterrupted,
            Status::Refused => Fault::CardDeclined,
            Status::RolledBack => Fault::CardRolledBack,
            Status::StoreFailed => Fault::CardSilent,
            _ => Fault::CardRefused,
        };
        Self::with(fault, status.to_string())
    }
}

/// A card's answer, or none.
pub(super) type Heard<'a> = Option<&'a [u8]>;

/// The typed answer in what a card said.
pub(super) fn hear<T: Wire>(heard: Heard<'_>) -> Result<T, Unsaid> {
    apdu::answer(heard.ok_or(Unsaid::Silent)?).map_err(|error| match error {
        AnswerError::Refused(status) => Unsaid::Refused(status),
        AnswerError::NotAnAnswer => Unsaid::Garbled,
    })
}

impl Says {
    /// The message of an exchange in what a card said; none if none belongs there.
    fn hear(self, heard: Heard<'_>) -> Result<Option<Last>, Unsaid> {
        match self {
            Self::Nothing => hear::<Nothing>(heard).map(|_| None),
            Self::Request => hear(heard).map(|it| Some(Last::Request(it))),
            Self::Value => hear(heard).map(|it| Some(Last::Value(it))),
            Self::Acknowledgement => hear(heard).map(|it| Some(Last::Acknowledgement(it))),
            Self::Last => hear(heard).map(Some),
        }
    }
}

impl Engine {
    /// Whether the card in a reader is known of.
    pub(crate) fn has_card(&self, reader: ReaderId) -> bool {
        self.cards.slots.contains_key(&reader)
    }

    /// A card is there: it is asked what it is.
    pub(super) fn card_in(&mut self, step: &mut Step, reader: ReaderId) {
        self.cards.slots.insert(reader, Slot::new());
        self.look(step, reader);
    }

    /// A card is gone, or its reader.
    pub(super) fn card_out(&mut self, step: &mut Step, reader: ReaderId) {
        let Some(slot) = self.cards.slots.remove(&reader) else { return };
        let gone = || Problem::from(Fault::CardSilent);
        match slot.wish {
            Wish::None => (),
            // A terminal that has the value is paid.
            Wish::Asked => {
                let taken = self.taken_by(reader).map(|taken| Some(Box::new(taken)));
                step.report(Report::Card(reader, taken.ok_or_else(gone)));
            }
            // What is done stays done, though the card could not be looked at.
            Wish::Done(result) => step.report(Report::Card(reader, result)),
        }
        match slot.talk {
            Some(Talk::Saga(id, _) | Talk::Head(id, _) | Talk::LogEntry(id)) => {
                self.card_part(step, id, |_, _, _| Next::Wait(gone()));
            }
            _ => self.till_left(step, reader),
        }
    }

    /// The holder is asked on the card, or no longer.
    pub(super) fn card_prompts(&mut self, reader: ReaderId) {
        if let Some(slot) = self.cards.slots.get_mut(&reader) {
            slot.prompt = slot.talk.is_some();
        }
    }

    /// A card answered, or did not.
    pub(super) fn card_answered(&mut self, step: &mut Step, reader: ReaderId, heard: Heard<'_>) {
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return };
        let Some(talk) = slot.talk.take() else { return };
        slot.prompt = false;
        match talk {
            Talk::Hello | Talk::Presence(_) | Talk::Balances | Talk::Entry(_) => {
                self.looked(step, reader, &talk, heard);
            }
            Talk::Owner(says) => {
                let said = says.hear(heard).map_err(Problem::from);
                self.owner_done(step, reader, said);
            }
            Talk::Birth => self.born(step, reader, heard),
            Talk::Head(id, challenge) => self.head_read(step, reader, id, &challenge, heard),
            Talk::LogEntry(id) => self.entry_read(step, reader, id, heard),
            Talk::Till(_) if self.cards.till.is_none() => self.look(step, reader),
            Talk::Till(says) => self.till_said(step, says.hear(heard)),
            Talk::Saga(id, says) => {
                // First, so that the operation's next step waits until the card is known again.
                self.look(step, reader);
                let said = says.hear(heard);
                self.card_part(step, id, |it, step, saga| it.card_said(step, id, saga, said));
            }
        }
    }

    /// An operation goes on with what its card did.
    pub(super) fn card_part(
        &mut self,
        step: &mut Step,
        id: OperationId,
        next: impl FnOnce(&mut Self, &mut Step, CardSaga) -> Next,
    ) {
        let Some(mut open) = self.sagas.remove(&id) else { return };
        open.asked.retain(|asked| *asked != Part::Card);
        let next = match open.saga.clone() {
            Saga::Card(saga) => next(self, step, *saga),
            _ => Next::Ignore,
        };
        self.settle(step, id, open, next);
    }

    /// Says something to a card.
    pub(super) fn say<C: Spoken>(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        talk: Talk,
        command: &C,
    ) {
        self.say_bytes(step, reader, talk, apdu::encode(command).to_vec());
    }

    fn say_bytes(&mut self, step: &mut Step, reader: ReaderId, talk: Talk, bytes: Vec<u8>) {
        if let Some(slot) = self.cards.slots.get_mut(&reader) {
            slot.talk = Some(talk);
            step.say(reader, CardBytes(Zeroizing::new(bytes)));
        }
    }

    /// The card in a reader is known again: whoever waits for it goes on. What waits for the holder
    /// does so only if the holder did something (`eager`).
    pub(super) fn card_ready(&mut self, step: &mut Step, reader: ReaderId, eager: bool) {
        let Some(card) = self.cards.slots.get(&reader).and_then(Slot::card) else { return };
        let waits = |open: &Open| {
            let due = open.due.is_some_and(|due| due <= step.now);
            open.saga.needs() == Some(card) && (eager || due || open.tries == 0)
        };
        let mut waiting: Vec<_> = self.sagas.iter().filter(|(_, open)| waits(open)).collect();
        // What the card has to hear before it can do anything else comes first.
        waiting.sort_by_key(|(_, open)| !open.saga.is_over());
        let ids: Vec<_> = waiting.into_iter().map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.ask(step, id));
    }

    /// Gives an operation's step to its card, if the card is here and free.
    pub(super) fn ask_card(
        &mut self,
        step: &mut Step,
        id: OperationId,
        card: CardId,
        mut open: Open,
    ) {
        let reader = self.cards.reader_of(card);
        let hello = reader.and_then(|reader| {
            let slot = self.cards.slots.get(&reader)?;
            Some((reader, slot.is_idle(), slot.hello.clone()?))
        });
        let (reader, idle, hello) = match hello {
            Some(found) => found,
            None => {
                let problem = Problem::from(Fault::CardMissing);
                if !open.saga.is_over() {
                    step.report(Report::Waiting(id, problem.clone()));
                }
                open.problem = Some(problem);
                self.sagas.insert(id, open);
                return;
            }
        };
        if !idle || !open.asked.is_empty() {
            self.sagas.insert(id, open);
            return;
        }
        open.tries = open.tries.saturating_add(1);
        let Saga::Card(saga) = open.saga.clone() else {
            self.sagas.insert(id, open);
            return;
        };
        match self.card_step(step, id, *saga, reader, &hello) {
            None => {
                open.asked.push(Part::Card);
                self.sagas.insert(id, open);
            }
            Some(next) => self.settle(step, id, open, next),
        }
    }

    /// The command that a state has for its card, said; or what follows without one.
    fn card_step(
        &mut self,
        step: &mut Step,
        id: OperationId,
        saga: CardSaga,
        reader: ReaderId,
        hello: &Hello,
    ) -> Option<Next> {
        match saga {
            CardSaga::Reporting(_) => self.read_head(step, id, reader),
            CardSaga::Obeying(state) => return self.obey(step, id, state, reader, hello),
            CardSaga::LoadAsking(state) => {
                return self.load_ask(step, id, state.amount, reader, hello);
            }
            CardSaga::LoadTaking(state) => self.load_take(step, id, &state, reader),
            CardSaga::UnloadPaying(state) => {
                return self.unload_pay(step, id, state, reader, hello);
            }
            CardSaga::Finishing(state) => self.unload_finish(step, id, &state, reader),
            CardSaga::Refund(state) => return self.refund_step(step, id, state, reader, hello),
            _ => return Some(Next::Ignore),
        }
        None
    }

    /// A card's answer for an operation.
    fn card_said(
        &mut self,
        step: &mut Step,
        id: OperationId,
        saga: CardSaga,
        said: Result<Option<Last>, Unsaid>,
    ) -> Next {
        match saga {
            CardSaga::Obeying(state) => Self::obeyed(state, said),
            CardSaga::LoadAsking(state) => self.load_asked(step, id, &state, said),
            CardSaga::LoadTaking(state) => self.load_taken(step, id, state, said),
            CardSaga::UnloadPaying(state) => self.unload_paid(step, id, state, said),
            CardSaga::Refund(state) => self.refund_said(step, id, state, said),
            CardSaga::Finishing(_) => match said {
                Err(
                    unsaid @ (Unsaid::Silent
                    | Unsaid::Garbled
                    | Unsaid::Refused(Status::StoreFailed)),
                ) => Next::Wait(unsaid.into()),
                // Whatever the card says, it has heard that its value arrived.
                Ok(_) | Err(Unsaid::Refused(_)) => Next::End,
            },
            _ => Next::Ignore,
        }
    }
}

/// Whether a problem is for the holder to solve: nothing is tried again before.
pub(super) const fn is_for_holder(problem: &Problem) -> bool {
    use super::problem::Cause::Wallet;
    matches!(
        problem.cause,
        Wallet(
            Fault::CardPinNeeded
                | Fault::CardPinBlocked
                | Fault::CardNotInUse
                | Fault::CardInterrupted
                | Fault::CardMissing
        )
    )
}

/// Why nothing came of a step that moved no value, if that is final.
const fn is_final(unsaid: Unsaid) -> bool {
    matches!(
        unsaid,
        Unsaid::Refused(
            Status::BadData
                | Status::TooLittle
                | Status::OverLimit
                | Status::NotFound
                | Status::Refused
                | Status::RolledBack
                | Status::LogFull
                | Status::Unknown
                | Status::WrongLength
        )
    )
}
