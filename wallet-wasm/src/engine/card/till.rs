//! A terminal's module and a customer's card on one page: the exchange goes from one to the other,
//! with nobody online (MONDEX-1, VC-13). What was interrupted goes on from what the cards say.

use koban_card::command::{Ask, Finish, Last, Open, Pay, Resume, Take};
use koban_protocol::amount::Amount;
use koban_protocol::offline::purse::wire::{Class, Link, Party, Segment, Transfer};

use super::super::Engine;
use super::super::problem::{Fault, Problem};
use super::super::step::Step;
use super::{ReaderId, Says, Talk, Unsaid, Wish};

/// A payment between the cards of two readers.
#[derive(Debug)]
pub(in crate::engine) struct Till {
    terminal: ReaderId,
    customer: ReaderId,
    payer: Party,
    amount: Amount,
    /// What the customer's card paid.
    paid: Option<Transfer>,
    /// The terminal's word that it has the value.
    taken: Option<Last>,
}

impl Engine {
    /// Has a customer's card pay a terminal; or ends the payment between them that was interrupted.
    pub(in crate::engine) fn take_payment(
        &mut self,
        step: &mut Step,
        (terminal, customer): (ReaderId, ReaderId),
        amount: Amount,
    ) -> Result<(), Problem> {
        let (till, waiting) = self.party(terminal, Class::Terminal)?;
        let (payer, paying) = self.party(customer, Class::Purse)?;
        for reader in [terminal, customer] {
            if let Some(slot) = self.cards.slots.get_mut(&reader) {
                slot.wish = Wish::Asked;
            }
        }
        self.cards.till = Some(Till { terminal, customer, payer, amount, paid: None, taken: None });
        match (waiting, paying) {
            (_, Some(Open::Paid)) => {
                self.say(step, customer, Talk::Till(Says::Last), &Resume {});
            }
            (Some(Open::Asked), None) => {
                self.say(step, terminal, Talk::Till(Says::Last), &Resume {});
            }
            (None, None) => {
                let link = Link::Terminal(Segment::of(till.card));
                let ask = Ask { link, payer: Some(payer), amount };
                self.say(step, terminal, Talk::Till(Says::Request), &ask);
            }
            _ => self.till_ends(step, Err(Fault::CardInterrupted.into())),
        }
        Ok(())
    }

    /// A genuine card of a class as a party of its next exchange, and its open one.
    fn party(&self, reader: ReaderId, class: Class) -> Result<(Party, Option<Open>), Problem> {
        let slot = self.cards.slots.get(&reader).ok_or(Problem::from(Fault::CardMissing))?;
        if !slot.is_idle() {
            return Err(Fault::Busy.into());
        }
        let card = slot.card().ok_or(Problem::from(Fault::CardNotGenuine))?;
        let hello = slot.hello.as_ref().ok_or(Problem::from(Fault::CardMissing))?;
        let certified = hello.certificate.as_ref().map(|it| it.claim.class);
        if certified != Some(class) {
            return Err(Fault::CardRefused.into());
        }
        if self.moves(card) {
            return Err(Fault::Busy.into());
        }
        Ok((Party { card, number: hello.number }, hello.open))
    }

    /// One of the two cards answered: the other is told.
    pub(super) fn till_said(&mut self, step: &mut Step, said: Result<Option<Last>, Unsaid>) {
        let Some(mut till) = self.cards.till.take() else { return };
        let (terminal, customer) = (till.terminal, till.customer);
        match said {
            Ok(Some(Last::Request(it))) => {
                let fits = it.content.payer == Some(till.payer) && it.content.amount == till.amount;
                self.cards.till = Some(till);
                if fits {
                    self.say(step, customer, Talk::Till(Says::Value), &Pay(it));
                } else {
                    self.till_ends(step, Err(Fault::CardInterrupted.into()));
                }
            }
            Ok(Some(Last::Value(it))) => {
                till.paid = Some(it.content.0);
                self.cards.till = Some(till);
                self.say(step, terminal, Talk::Till(Says::Acknowledgement), &Take(it));
            }
            Ok(Some(Last::Acknowledgement(it))) if till.paid != Some(it.content.0) => {
                self.cards.till = Some(till);
                self.till_ends(step, Err(Fault::CardMisbehaved.into()));
            }
            Ok(Some(Last::Acknowledgement(it))) => {
                till.taken = Some(Last::Acknowledgement(it.clone()));
                self.cards.till = Some(till);
                self.say(step, customer, Talk::Till(Says::Nothing), &Finish(it));
            }
            Ok(None) => {
                let taken = till.taken.take();
                self.cards.till = Some(till);
                self.till_ends(step, Ok(taken));
            }
            Err(unsaid) => {
                self.cards.till = Some(till);
                self.till_ends(step, Err(unsaid.into()));
            }
        }
    }

    /// Ends a payment. Once the terminal has the value it is paid, whatever became of the
    /// customer's card: that hears of it when it is here again.
    fn till_ends(&mut self, step: &mut Step, result: Result<Option<Last>, Problem>) {
        let Some(mut till) = self.cards.till.take() else { return };
        let result = match (result, till.taken.take()) {
            (Err(_), Some(taken)) => Ok(Some(taken)),
            (result, _) => result,
        };
        if let Some(slot) = self.cards.slots.get_mut(&till.customer) {
            slot.wish = Wish::None;
            self.look(step, till.customer);
        }
        self.owner_done(step, till.terminal, result);
    }

    /// The word of the terminal in a reader that it has the value.
    pub(super) fn taken_by(&self, reader: ReaderId) -> Option<Last> {
        self.cards.till.as_ref().filter(|till| till.terminal == reader)?.taken.clone()
    }

    /// A card is gone: if it was paying or being paid, the payment waits for both to be back.
    pub(super) fn till_left(&mut self, step: &mut Step, reader: ReaderId) {
        let till = self.cards.till.as_ref();
        if till.is_some_and(|till| [till.terminal, till.customer].contains(&reader)) {
            // The other card's answer comes too late to matter: it is looked at.
            self.till_ends(step, Err(Fault::CardSilent.into()));
        }
    }
}
