//! What the holder does with a card itself: PIN, lock, gifts to other cards, giving an exchange up,
//! and having a virtual card made.

use koban_card::command::{
    Abort, Ask, BeBorn, ChangePin, Finish, Last, Lock, Pay, Personalise, Phase, Pin, Resume, Take,
    Unlock, VerifyPin,
};
use koban_protocol::amount::Amount;
use koban_protocol::offline::purse::service::NewCard;
use koban_protocol::offline::purse::wire::{CardId, Class, Link};
use koban_protocol::offline::purse::{Birth, SealedPersonalisation};
use koban_protocol::signed::Attested;
use koban_protocol::wire;

use super::super::Engine;
use super::super::event::{Call, CallId, HttpAnswer};
use super::super::problem::{Cause, Fault, Problem, unsealed};
use super::super::saga::{Open, Saga};
use super::super::step::Step;
use super::{Heard, ReaderId, Says, Standing, Talk, Wish, hear};

/// What the holder wants of the card in a reader.
#[derive(Clone, Debug)]
pub enum CardCommand {
    /// Ask it again what it is.
    Look,
    /// Make a virtual card of it.
    Make,
    /// Show it the PIN (MONDEX-2).
    VerifyPin(Pin),
    /// Set the first PIN, or another.
    ChangePin {
        /// The PIN so far, if one is set.
        old: Option<Pin>,
        /// The PIN from now on.
        new: Pin,
    },
    /// Lock it.
    Lock,
    /// Unlock it.
    Unlock(Pin),
    /// Give its open exchange up.
    Abort,
    /// Ask whoever gets the message for a gift.
    Ask(Amount),
    /// Answer the message of another card: pay what it asks, take what it pays, or hear that it
    /// took.
    Answer(Box<Last>),
    /// Give the last message again.
    Repeat,
}

impl Engine {
    pub(in crate::engine) fn command_card(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        command: CardCommand,
    ) -> Result<(), Problem> {
        let slot = self.cards.slots.get_mut(&reader).ok_or(Problem::from(Fault::CardMissing))?;
        if !slot.is_idle() {
            // Whatever a card is doing, it is looked at afterwards.
            if matches!((&command, &slot.wish), (CardCommand::Look, Wish::None)) {
                slot.wish = Wish::Done(Ok(None));
                return Ok(());
            }
            return Err(Fault::Busy.into());
        }
        let slot = &*slot;
        let gives = matches!(command, CardCommand::Ask(_) | CardCommand::Answer(_));
        let aborts = matches!(command, CardCommand::Abort);
        if gives && slot.standing == Standing::NotGenuine {
            return Err(Fault::CardNotGenuine.into());
        }
        let card = slot.card();
        // The exchange belongs to an operation, which goes on with it.
        if gives && card.is_some_and(|card| self.moves(card))
            || aborts && card.is_some_and(|card| self.goes_on(card))
        {
            return Err(Fault::Busy.into());
        }
        if matches!(command, CardCommand::Make) {
            self.originator()?;
        }
        if let Some(slot) = self.cards.slots.get_mut(&reader) {
            slot.wish = Wish::Asked;
        }
        self.say_wish(step, reader, command);
        Ok(())
    }

    fn say_wish(&mut self, step: &mut Step, reader: ReaderId, command: CardCommand) {
        let nothing = Talk::Owner(Says::Nothing);
        match command {
            CardCommand::Look => self.owner_done(step, reader, Ok(None)),
            CardCommand::Make => self.say(step, reader, Talk::Birth, &BeBorn {}),
            CardCommand::VerifyPin(pin) => self.say(step, reader, nothing, &VerifyPin { pin }),
            CardCommand::ChangePin { old, new } => {
                self.say(step, reader, nothing, &ChangePin { old, new });
            }
            CardCommand::Lock => self.say(step, reader, nothing, &Lock {}),
            CardCommand::Unlock(pin) => self.say(step, reader, nothing, &Unlock { pin }),
            CardCommand::Abort => self.say(step, reader, nothing, &Abort {}),
            CardCommand::Ask(amount) => {
                let ask = Ask { link: Link::Peer, payer: None, amount };
                self.say(step, reader, Talk::Owner(Says::Request), &ask);
            }
            CardCommand::Answer(message) => match *message {
                Last::Request(it) => self.say(step, reader, Talk::Owner(Says::Value), &Pay(it)),
                Last::Value(it) => {
                    self.say(step, reader, Talk::Owner(Says::Acknowledgement), &Take(it));
                }
                Last::Acknowledgement(it) => self.say(step, reader, nothing, &Finish(it)),
            },
            CardCommand::Repeat => self.say(step, reader, Talk::Owner(Says::Last), &Resume {}),
        }
    }

    /// The holder's command is done; that is told when the card has been looked at.
    pub(super) fn owner_done(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        result: Result<Option<Last>, Problem>,
    ) {
        if let Some(slot) = self.cards.slots.get_mut(&reader) {
            slot.wish = Wish::Done(result.map(|it| it.map(Box::new)));
            self.look(step, reader);
        }
    }

    /// Whether an operation moves value to or from a card.
    pub(super) fn moves(&self, card: CardId) -> bool {
        self.sagas.values().any(|open| match &open.saga {
            Saga::Card(saga) => saga.card() == Some(card),
            _ => false,
        })
    }

    /// Whether an operation goes on with a card's exchange; not one that waits until the holder has
    /// ended an exchange of the card that is none of its own.
    pub(super) fn goes_on(&self, card: CardId) -> bool {
        let waits = |open: &Open| {
            let problem = open.problem.as_ref();
            problem.is_some_and(|it| it.cause == Cause::Wallet(Fault::CardInterrupted))
        };
        self.sagas.values().any(|open| match &open.saga {
            Saga::Card(saga) => saga.card() == Some(card) && !waits(open),
            _ => false,
        })
    }

    /// A virtual card has its keys: the originator is asked to make it a card.
    pub(super) fn born(&mut self, step: &mut Step, reader: ReaderId, heard: Heard<'_>) {
        let birth: Result<Attested<Birth>, _> = hear(heard);
        let asked = birth.map_err(Problem::from).and_then(|birth| {
            let url = format!("{}/cards", self.originator()?.url.as_str().trim_end_matches('/'));
            let body = wire::encode(&NewCard { birth, label: None });
            Ok(Call::post(CallId::NewCard(reader), url, body))
        });
        match asked {
            Ok(call) => step.send(call),
            Err(problem) => self.owner_done(step, reader, Err(problem)),
        }
    }

    /// The originator answered what the card is to be.
    pub(in crate::engine) fn made(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        answer: Option<&HttpAnswer>,
    ) {
        let waits = |slot: &super::Slot| {
            let new = slot.hello.as_ref().is_some_and(|hello| {
                hello.class == Class::Virtual && matches!(hello.phase, Phase::Fresh | Phase::Born)
            });
            new && slot.talk.is_none() && matches!(slot.wish, Wish::Asked)
        };
        if !self.cards.slots.get(&reader).is_some_and(waits) {
            return;
        }
        let sealed = answer.ok_or(Problem::from(Fault::Network)).and_then(|answer| {
            let sealed = wire::decode_exact::<SealedPersonalisation>(&answer.body);
            sealed.map_err(|_| unsealed(answer))
        });
        match sealed {
            Ok(sealed) => {
                self.say(step, reader, Talk::Owner(Says::Nothing), &Personalise(sealed));
            }
            Err(problem) => self.owner_done(step, reader, Err(problem)),
        }
    }
}
