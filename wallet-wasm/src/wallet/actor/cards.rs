//! Readers: cards are found, numbered, and given the commands that the engine has for them.

use std::rc::Rc;

use futures_channel::oneshot;
use koban_card::command::Last;
use wasm_bindgen_futures::spawn_local;

use super::{Actor, Message, answer, push};
use crate::drivers::card::{CardProblem, Reader, Waiting, Way, watch};
use crate::engine::{CardBytes, Command, Event, Fault, Problem, ReaderId};
use crate::view::CardMessage;

/// What a card did, and the message it has for another.
pub(in crate::wallet) type CardDone = Result<Option<Box<Last>>, Problem>;

/// The readers that are connected.
#[derive(Default)]
pub(super) struct Readers {
    last: u32,
    all: Vec<(ReaderId, Reader)>,
    watch: Option<crate::drivers::card::Watch>,
}

impl super::Waiting {
    /// The card in a reader did what was wanted.
    pub(super) fn card_done(&mut self, id: ReaderId, done: &CardDone) {
        let all = self.cards.drain(..);
        let (due, others): (Vec<_>, Vec<_>) = all.partition(|(waits, _)| *waits == id);
        self.cards = others;
        due.into_iter().for_each(|(_, waiter)| answer(waiter, done.clone()));
    }
}

impl Actor {
    /// Takes a reader into use, unless it is.
    pub(in crate::wallet) fn connect(&self, reader: Reader) {
        let mut readers = self.readers.borrow_mut();
        let known = readers.all.iter().find(|(_, known)| *known == reader);
        if let Some(id) = known.map(|(id, _)| *id) {
            if !self.engine.borrow().has_card(id) {
                // Another tab had the right to write meanwhile.
                self.send_message(Message::CardIn(id));
            }
            return;
        }
        readers.last = readers.last.wrapping_add(1);
        let id = ReaderId(readers.last);
        readers.all.push((id, reader));
        self.send_message(Message::CardIn(id));
    }

    /// Takes a reader out of use.
    pub(in crate::wallet) fn disconnect(&self, id: ReaderId) {
        let mut readers = self.readers.borrow_mut();
        let (gone, left) = readers.all.drain(..).partition(|(known, _)| *known == id);
        readers.all = left;
        let gone: Vec<(ReaderId, Reader)> = gone;
        gone.iter().for_each(|(_, reader)| reader.power_off());
        self.send_message(Message::Event(Event::CardOut(id)));
    }

    /// Connects the cards that are plugged in and granted, from now on.
    pub(in crate::wallet) async fn find_cards(self: &Rc<Self>) {
        if self.readers.borrow().watch.is_none() {
            let actor = Rc::downgrade(self);
            let watch = watch(move || {
                if let Some(actor) = actor.upgrade() {
                    spawn_local(async move { actor.look_for_cards().await });
                }
            });
            self.readers.borrow_mut().watch = Some(watch);
        }
        self.look_for_cards().await;
    }

    async fn look_for_cards(&self) {
        let granted = Reader::granted(Way::usual()).await;
        let gone: Vec<_> = {
            let readers = self.readers.borrow();
            let is_gone =
                |reader: &Reader| reader.way() != Way::Virtual && !granted.contains(reader);
            let gone = readers.all.iter().filter(|(_, reader)| is_gone(reader));
            gone.map(|(id, _)| *id).collect()
        };
        gone.into_iter().for_each(|id| self.disconnect(id));
        granted.into_iter().for_each(|reader| self.connect(reader));
    }

    /// Tells the engine of all readers again: it has just been opened.
    pub(super) async fn announce_cards(self: &Rc<Self>) {
        let ids: Vec<_> = self.readers.borrow().all.iter().map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            self.meet_originator();
        }
        for id in ids {
            self.handle(Event::CardIn(id), None).await;
        }
    }

    /// Tells the engine of a reader, unless it knows of it: a card has one command at a time.
    pub(super) async fn card_in(self: &Rc<Self>, id: ReaderId) {
        let is_known = self.engine.borrow().has_card(id);
        if !is_known {
            self.handle(Event::CardIn(id), None).await;
        }
    }

    /// This tab no longer writes: virtual cards are another's.
    pub(super) fn release_cards(&self) {
        self.readers.borrow().all.iter().for_each(|(_, reader)| reader.power_off());
    }

    fn reader(&self, id: ReaderId) -> Option<Reader> {
        let readers = self.readers.borrow();
        readers.all.iter().find(|(known, _)| *known == id).map(|(_, reader)| reader.clone())
    }

    /// Gives a card a command; the engine hears the answer.
    pub(super) fn say(self: &Rc<Self>, id: ReaderId, bytes: CardBytes) {
        let (actor, term) = (Rc::downgrade(self), self.term.get());
        let Some(reader) = self.reader(id) else { return };
        spawn_local(async move {
            let mut prompted = false;
            let on_waiting = |waiting| {
                if waiting == Waiting::Button && !std::mem::replace(&mut prompted, true) {
                    push(&actor, Message::Event(Event::CardPrompt(id)));
                }
            };
            let said = reader.exchange(bytes.as_slice(), on_waiting).await;
            let Some(actor) = actor.upgrade().filter(|actor| actor.term.get() == term) else {
                return;
            };
            let heard = match said {
                Err(CardProblem::Unplugged) => return actor.disconnect(id),
                // Something came, and it was no answer of a card: not even an empty one is.
                Err(CardProblem::NotACard) => Some(Vec::new()),
                said => said.ok(),
            };
            actor.send_message(Message::Event(Event::CardAnswer(id, heard)));
        });
    }

    /// The holder does not want any more what is being asked on a card.
    pub(in crate::wallet) fn refuse_on_card(&self, id: ReaderId) {
        if let Some(reader) = self.reader(id) {
            reader.refuse();
        }
    }

    /// Gives a command to the card in a reader and waits for what it did.
    pub(in crate::wallet) async fn card(&self, id: ReaderId, command: Command) -> CardDone {
        let (reply, done) = oneshot::channel();
        self.send_message(Message::Card(id, command, reply));
        done.await.unwrap_or_else(|_| Err(Fault::OtherTab.into()))
    }

    pub(super) fn send_message(&self, message: Message) {
        // A closed wallet takes no messages.
        let _ = self.inbox.unbounded_send(message);
    }

    pub(in crate::wallet) fn card_message(&self, message: &Last) -> CardMessage {
        self.engine.borrow().card_message(message)
    }

    /// Has the originator's keys fetched; what comes of it is seen by the cards' standing.
    pub(in crate::wallet) fn meet_originator(&self) {
        if let Some(url) = self.originator_url.clone() {
            self.send_message(Message::Event(Event::Command(Command::MeetOriginator(url))));
        }
    }
}
