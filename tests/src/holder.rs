//! A holder: the shipped wallet engine with a driver that keeps the engine's law, over any
//! [`Network`](crate::network::Network), and with cards in its readers.

use std::collections::{BTreeMap, VecDeque};

use http::Request;
use koban_edge_issuer::host::HttpRequest;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::wire::CardId;
use koban_wallet_wasm::engine::{
    Call, CardBytes, Command, Edit, Effect, Engine, Event, HttpAnswer, Problem, ReaderId, Report,
    Row, Store,
};
use koban_wallet_wasm::view::{TransactionState, TransactionView, WalletView};

use crate::card::Held;
use crate::network::Net;

/// What a database of a wallet holds.
pub type Rows = BTreeMap<(Store, String), Row>;

/// When a card is pulled out of its reader, and put in again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// Before it hears the command.
    Before,
    /// When it has done it, before it answers.
    After,
}

/// Decides what becomes of a card at its next command.
pub type Hand = Box<dyn FnMut() -> Option<Pull>>;

/// A wallet, its database and its way to the roles.
pub struct Holder {
    net: Net,
    engine: Engine,
    rows: Rows,
    calls: VecDeque<Call>,
    reports: Vec<Report>,
    cards: BTreeMap<ReaderId, Held>,
    /// Readers so far: no number is used twice.
    readers: u32,
    told: VecDeque<(ReaderId, CardBytes)>,
    hand: Hand,
}

impl Holder {
    /// Opens the wallet that `rows` hold.
    pub fn open(net: Net, rows: Rows) -> Result<Self, Problem> {
        let stored = rows.values().cloned().collect();
        let issuer = net.origin("issuer");
        let (engine, effects) = Engine::open(&issuer, stored, net.now(), net.entropy())?;
        let mut holder = Self {
            net,
            engine,
            rows,
            calls: VecDeque::new(),
            reports: Vec::new(),
            cards: BTreeMap::new(),
            readers: 0,
            told: VecDeque::new(),
            hand: Box::new(|| None),
        };
        holder.perform(effects);
        holder.run();
        Ok(holder)
    }

    /// Closes the wallet as a crash does, keeping only its database, and opens it again; its cards
    /// are gone.
    pub fn reopen(self) -> Result<Self, Problem> {
        Self::open(self.net, self.rows)
    }

    /// Its database.
    pub const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Loses rows of its database, as a broken disk does.
    pub fn lose(&mut self, store: Store) {
        self.rows.retain(|(at, _), _| *at != store);
    }

    /// Gives a command and sends what comes of it; the operation it became, if it became one.
    pub fn command(&mut self, command: Command) -> Result<Option<OperationId>, Problem> {
        self.reports.clear();
        self.handle(Event::Command(command));
        let reports = self.reports.clone();
        self.run();
        for report in reports {
            match report {
                Report::Refused(problem) => return Err(problem),
                Report::Started(operation) => return Ok(Some(operation)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Gives a command to the card in a reader, and waits until it is done.
    pub fn with_card(&mut self, at: ReaderId, command: Command) -> Result<(), Problem> {
        self.reports.clear();
        self.handle(Event::Command(command));
        self.run();
        let told = self.reports.iter().find_map(|report| match report {
            Report::Card(reader, done) if *reader == at => Some(done.clone().map(drop)),
            Report::Refused(problem) => Some(Err(problem.clone())),
            _ => None,
        });
        told.expect("the card's command is answered")
    }

    /// Puts a card into a reader.
    pub fn insert(&mut self, card: Held) {
        self.place(card);
        self.run();
    }

    fn place(&mut self, card: Held) {
        self.readers += 1;
        let reader = ReaderId(self.readers);
        self.cards.insert(reader, card);
        self.handle(Event::CardIn(reader));
    }

    /// Pulls a card out of its reader, which takes its power, and puts it into another.
    fn pull(&mut self, reader: ReaderId) {
        let mut card = self.cards.remove(&reader).expect("a card is in the reader");
        self.handle(Event::CardOut(reader));
        self.place(card.copied());
    }

    /// Decides from now on what becomes of cards at their commands.
    pub fn hand(&mut self, hand: impl FnMut() -> Option<Pull> + 'static) {
        self.hand = Box::new(hand);
    }

    /// The reader that a card is in.
    pub fn reader(&mut self, card: CardId) -> ReaderId {
        self.find(card).0
    }

    /// A card in a reader.
    pub fn card(&mut self, card: CardId) -> &mut Held {
        self.find(card).1
    }

    fn find(&mut self, card: CardId) -> (ReaderId, &mut Held) {
        let mut cards = self.cards.iter_mut();
        let found = cards.find_map(|(reader, it)| (it.id() == card).then_some((*reader, it)));
        found.expect("the card is in a reader")
    }

    /// Gives a command and waits until its operation has ended; its transaction.
    pub fn finish(&mut self, command: Command) -> Result<TransactionView, Problem> {
        let started = self.command(command)?.expect("the command becomes an operation");
        for _ in 0..100 {
            if !self.engine.is_open(started) || self.has_ended(started) {
                break;
            }
            self.net.wait(1);
            self.handle(Event::Woken);
            self.run();
        }
        Ok(self.transaction(started))
    }

    /// Tells the wallet that the network is back, and sends whatever is open.
    pub fn resume(&mut self) {
        self.handle(Event::Resumed);
        self.run();
    }

    /// The wallet as a page shows it.
    pub fn view(&self) -> WalletView {
        self.engine.view(self.net.now(), true)
    }

    /// One transaction.
    pub fn transaction(&self, id: OperationId) -> TransactionView {
        let id = id.to_string();
        let found = self.view().transactions.into_iter().find(|t| t.id == id);
        found.expect("every operation has a transaction")
    }

    /// What can be spent, minor units.
    pub fn available(&self, code: &str) -> u64 {
        let view = self.view();
        let balance = view.balances.iter().find(|b| b.available.currency == code);
        balance.map_or(0, |balance| balance.available.minor)
    }

    /// The way to the roles.
    pub const fn net(&self) -> &Net {
        &self.net
    }

    /// Whether an operation has become final.
    pub fn has_ended(&self, id: OperationId) -> bool {
        !matches!(self.transaction(id).state, TransactionState::Open | TransactionState::Cancelling)
    }

    fn handle(&mut self, event: Event) {
        let (now, entropy) = (self.net.now(), self.net.entropy());
        let effects = self.engine.handle(now, entropy, event);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(edits) => {
                    edits.into_iter().for_each(|edit| write(&mut self.rows, edit));
                }
                Effect::Send(call) => self.calls.push_back(call),
                Effect::Report(report) => self.reports.push(report),
                Effect::Wake(_) => {}
                Effect::Card(reader, bytes) => self.told.push_back((reader, bytes)),
            }
        }
    }

    fn run(&mut self) {
        while !self.calls.is_empty() || !self.told.is_empty() {
            self.tell_cards();
            let Some(call) = self.calls.pop_front() else { continue };
            let event = match self.net.http(request(&call)) {
                Ok(response) => {
                    let status = response.status().as_u16();
                    Event::Answer(call.id, HttpAnswer { status, body: response.into_body() })
                }
                Err(_) => Event::Unreachable(call.id),
            };
            self.handle(event);
        }
    }

    /// Gives cards their commands, and the engine their answers.
    fn tell_cards(&mut self) {
        while let Some((reader, bytes)) = self.told.pop_front() {
            // Its reader is gone, as the engine was told.
            let Some(card) = self.cards.get_mut(&reader) else { continue };
            let pull = (self.hand)();
            let answer = (pull != Some(Pull::Before)).then(|| card.tell(bytes.as_slice()).to_vec());
            if pull.is_none() {
                self.handle(Event::CardAnswer(reader, answer));
            } else {
                self.pull(reader);
            }
        }
    }
}

/// Makes one edit of a wallet's database.
pub(crate) fn write(rows: &mut Rows, edit: Edit) {
    match edit {
        Edit::Put(row) => rows.insert((row.store, row.key.clone()), row),
        Edit::Delete(store, key) => rows.remove(&(store, key)),
    };
}

/// A wallet's call as it is sent.
pub(crate) fn request(call: &Call) -> HttpRequest {
    let mut request = Request::builder().method(call.method.name()).uri(&call.url);
    if let Some(kind) = call.content_type {
        request = request.header(http::header::CONTENT_TYPE, kind);
    }
    request.body(call.body.clone()).expect("the engine makes addresses that are addresses")
}

/// An amount of yen.
pub fn yen(minor: u64) -> Amount {
    Amount::new(jpy(), minor).expect("a small amount")
}

/// The yen.
pub fn jpy() -> Currency {
    Currency::new("JPY").expect("three letters")
}
