//! A card's log, told to the originator, and the originator's orders, told to the card. It comes
//! before every load and unload, so that the shadow accounts know of the value.

use koban_card::command::{Hello, Last, Obey, ReadEntry, ReadHead};
use koban_card::platform::LOG_ENTRIES;
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::service::{Directives, Report as LogReport};
use koban_protocol::offline::purse::wire::{CardId, Challenge, Entry, LogHead};
use koban_protocol::signed::Attested;
use koban_protocol::wire::{self, List};

use super::super::Engine;
use super::super::account::transient;
use super::super::event::{HttpAnswer, Report};
use super::super::problem::{Fault, Problem, reported, unsealed};
use super::super::saga::Saga;
use super::super::step::{Next, Step};
use super::refund::Refund;
use super::state::{Booking, Obeying, Reporting};
use super::{After, CardSaga, Heard, ReaderId, Talk, Unsaid, hear};

/// Whether a card can have as many unsettled entries as it says.
const fn fits(head: &LogHead) -> bool {
    head.entries.saturating_sub(head.settled) <= LOG_ENTRIES
}

impl CardSaga {
    pub(super) fn next(self) -> Next {
        Next::to(Saga::Card(Box::new(self)))
    }
}

impl Engine {
    /// Reports a card's log, for its own sake.
    pub(in crate::engine) fn report_card(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
    ) -> Result<(), Problem> {
        let card = self.free_card(reader)?;
        let id = OperationId(step.draw().bytes());
        step.report(Report::Started(id));
        let state = Reporting { card, after: After::Nothing };
        self.go(step, id, Saga::Card(Box::new(CardSaga::Reporting(state))));
        Ok(())
    }

    /// The genuine card in a reader, if no value is on its way to or from it.
    pub(super) fn free_card(&self, reader: ReaderId) -> Result<CardId, Problem> {
        self.originator()?;
        let slot = self.cards.slots.get(&reader).ok_or(Problem::from(Fault::CardMissing))?;
        if !slot.is_idle() {
            return Err(Fault::Busy.into());
        }
        let card = slot.card().ok_or(Problem::from(Fault::CardNotGenuine))?;
        if self.moves(card) {
            return Err(Fault::Busy.into());
        }
        match slot.hello.as_ref().and_then(|hello| hello.open) {
            Some(_) => Err(Fault::CardInterrupted.into()),
            None => Ok(card),
        }
    }

    pub(super) fn read_head(&mut self, step: &mut Step, id: OperationId, reader: ReaderId) {
        let challenge = Challenge(step.draw().bytes());
        self.say(step, reader, Talk::Head(id, challenge), &ReadHead { challenge });
    }

    /// Where the log stands.
    pub(super) fn head_read(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        id: OperationId,
        challenge: &Challenge,
        heard: Heard<'_>,
    ) {
        let head: Result<Attested<LogHead>, Unsaid> = hear(heard);
        let head = match head {
            Ok(head) if head.claim.challenge == *challenge && fits(&head.claim) => head,
            other => return self.log_failed(step, reader, id, other.err()),
        };
        if let Some(slot) = self.cards.slots.get_mut(&reader) {
            slot.log = Some((head, Vec::new()));
        }
        self.read_on(step, reader, id);
    }

    pub(super) fn entry_read(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        id: OperationId,
        heard: Heard<'_>,
    ) {
        let entry: Result<Entry, Unsaid> = hear(heard);
        match entry {
            Ok(entry) => {
                let log = self.cards.slots.get_mut(&reader).and_then(|slot| slot.log.as_mut());
                if let Some((_, entries)) = log {
                    entries.push(entry);
                }
                self.read_on(step, reader, id);
            }
            Err(unsaid) => self.log_failed(step, reader, id, Some(unsaid)),
        }
    }

    fn log_failed(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        id: OperationId,
        unsaid: Option<Unsaid>,
    ) {
        let problem = Problem::from(unsaid.unwrap_or(Unsaid::Garbled));
        self.look(step, reader);
        self.card_part(step, id, |_, _, _| Next::Wait(problem));
    }

    /// Reads the next entry, or goes on with all of them.
    fn read_on(&mut self, step: &mut Step, reader: ReaderId, id: OperationId) {
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return };
        let Some((head, entries)) = slot.log.take() else { return };
        let read = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let next = head.claim.settled.saturating_add(read);
        if next < head.claim.entries {
            slot.log = Some((head, entries));
            self.say(step, reader, Talk::LogEntry(id), &ReadEntry { entry: next });
            return;
        }
        self.look(step, reader);
        self.card_part(step, id, |_, _, saga| match (saga, List::new(entries)) {
            (CardSaga::Reporting(state), Some(entries)) => {
                let report = LogReport { head, entries };
                CardSaga::Booking(Booking { card: state.card, report, after: state.after }).next()
            }
            _ => Next::Wait(Fault::CardMisbehaved.into()),
        });
    }

    /// The originator booked the log, or did not.
    pub(super) fn booked(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Booking,
        answer: &HttpAnswer,
    ) -> Next {
        match wire::decode_exact::<Directives>(&answer.body) {
            Ok(Directives { orders }) => {
                CardSaga::Obeying(Obeying { card: state.card, orders, after: state.after }).next()
            }
            Err(_) => match reported(answer) {
                // No value has moved yet, so the originator's word in clear is enough.
                Some(code) if !transient(code) && state.after.can_end() => {
                    self.refused(step, id, code);
                    Next::End
                }
                _ => Next::Wait(unsealed(answer)),
            },
        }
    }

    /// The next order that the card has not heard, or what follows when it has heard all.
    pub(super) fn obey(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Obeying,
        reader: ReaderId,
        hello: &Hello,
    ) -> Option<Next> {
        let unheard = |it: &&koban_protocol::offline::purse::wire::Directed| {
            it.directive.number > hello.directive
        };
        if let Some(order) = state.orders.iter().find(unheard) {
            let talk = Talk::Saga(id, super::Says::Nothing);
            self.say(step, reader, talk, &Obey(*order));
            return None;
        }
        let Obeying { card, after, .. } = state;
        Some(match after {
            After::Nothing => {
                self.end(step, id, crate::view::TransactionState::Done, |_| ());
                Next::End
            }
            After::Load(amount, claim) => Self::load_on(card, amount, claim),
            After::Refund(lost) => CardSaga::Refund(Refund::Asking(card, lost)).next(),
            After::Unload(amount, claim, invoice) => {
                Self::unload_on(id, (card, hello.number), amount, claim, invoice)
            }
        })
    }

    pub(super) fn obeyed(state: Obeying, said: Result<Option<Last>, Unsaid>) -> Next {
        match said {
            Ok(_) => CardSaga::Obeying(state).next(),
            Err(unsaid) => Next::Wait(unsaid.into()),
        }
    }
}
