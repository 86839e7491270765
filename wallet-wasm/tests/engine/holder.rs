//! A driver that keeps the engine's law, and can be made to crash or to lose answers.

use std::collections::{BTreeMap, VecDeque};

use koban_protocol::id::OperationId;
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;
use koban_protocol::time::Time;
use koban_wallet_wasm::engine::{
    Call, CallId, CardBytes, Command, Edit, Effect, Engine, Event, HttpAnswer, Part, Problem,
    ReaderId, Report, Row, Store,
};
use koban_wallet_wasm::view::{TransactionView, WalletView};

use koban_card::Card;
use koban_card::apdu::Apdu;
use koban_card::platform::Button;

use super::card::Device;
use super::edge::{Edge, ISSUER};

/// What is made of a card's answer to an instruction; none: there is no answer.
type Altering = fn(u8, Vec<u8>) -> Option<Vec<u8>>;

pub struct Holder {
    pub edge: Edge,
    pub engine: Engine,
    pub rows: BTreeMap<(Store, String), Row>,
    pub invoice: Signed<Invoice>,
    pub reports: Vec<Report>,
    pub wake: Option<Time>,
    calls: VecDeque<Call>,
    /// Cards that are in readers, and that were.
    cards: BTreeMap<ReaderId, Card<Device>>,
    away: BTreeMap<ReaderId, Card<Device>>,
    told: VecDeque<(ReaderId, CardBytes)>,
    /// The card is pulled out at the command with this number, before it or after it was done.
    pub pull_at: Option<(u32, bool)>,
    /// Which card is; none: the one with the command.
    pub pulls: Option<ReaderId>,
    /// Commands of this instruction are answered as the first of them was, and not carried out.
    pub repeats: Option<u8>,
    answered: BTreeMap<(ReaderId, u8), Vec<u8>>,
    /// What is made of the cards' answers.
    pub alters: Option<Altering>,
    /// Calls that were sent, in order.
    pub sent: Vec<(CallId, Vec<u8>)>,
    /// Writes until the crash that comes right after one; `None`: no crash.
    pub crash_after: Option<u32>,
    pub crashed: bool,
    /// The answer with this number is lost on its way.
    pub lose_answer: Option<u32>,
    /// Something else comes instead of the answer to this part.
    pub forge: Option<(Part, HttpAnswer)>,
}

impl Holder {
    pub fn new(mut edge: Edge) -> Self {
        let invoice = edge.invoice(1);
        let entropy = edge.entropy();
        let (engine, effects) = Engine::open(ISSUER, Vec::new(), edge.now, entropy).unwrap();
        let mut holder = Self {
            edge,
            engine,
            rows: BTreeMap::new(),
            invoice,
            reports: Vec::new(),
            wake: None,
            calls: VecDeque::new(),
            cards: BTreeMap::new(),
            away: BTreeMap::new(),
            told: VecDeque::new(),
            pull_at: None,
            pulls: None,
            repeats: None,
            answered: BTreeMap::new(),
            alters: None,
            sent: Vec::new(),
            crash_after: None,
            crashed: false,
            lose_answer: None,
            forge: None,
        };
        holder.perform(effects);
        holder.run();
        holder
    }

    /// Registered, enrolled, and with this much withdrawn.
    pub fn with(minor: u64) -> Self {
        let mut holder = Self::new(Edge::new());
        holder.register();
        holder.withdraw(minor, false);
        holder
    }

    pub fn register(&mut self) {
        use koban_protocol::statement::{Name, Short};
        self.command(Command::Register(Name::new("taro").unwrap())).unwrap();
        let (bank, owner) = (Short::new("bank-a").unwrap(), Name::new("Taro Yamada").unwrap());
        self.command(Command::Enrol { bank, owner }).unwrap();
    }

    pub fn withdraw(&mut self, minor: u64, recoverable: bool) -> TransactionView {
        let bundle = self.engine.standard_bundle(super::edge::amount(minor)).unwrap();
        let id = self.command(Command::Withdraw { bundle, recoverable }).unwrap();
        self.transaction(id)
    }

    pub fn pay(&mut self, minor: u64) -> TransactionView {
        self.invoice = self.edge.invoice(minor);
        let id = self.command(Command::Pay(self.invoice.clone())).unwrap();
        self.transaction(id)
    }

    /// Gives a command and carries out all that follows.
    pub fn command(&mut self, command: Command) -> Result<OperationId, Problem> {
        self.reports.clear();
        self.handle(Event::Command(command));
        let first = self.reports.first().cloned();
        self.run();
        match first {
            Some(Report::Started(id)) => Ok(id),
            Some(Report::Refused(problem)) => Err(problem),
            other => panic!("{other:?}"),
        }
    }

    pub fn handle(&mut self, event: Event) {
        if !self.crashed {
            let entropy = self.edge.entropy();
            let effects = self.engine.handle(self.edge.now, entropy, event);
            self.perform(effects);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut sent = false;
        for effect in effects {
            match effect {
                Effect::Write(edits) => {
                    assert!(!sent, "nothing is sent before the write");
                    self.write(edits);
                    match &mut self.crash_after {
                        Some(0) => {
                            self.crashed = true;
                            self.calls.clear();
                            self.told.clear();
                            return;
                        }
                        Some(left) => *left -= 1,
                        None => (),
                    }
                }
                Effect::Send(call) => {
                    sent = true;
                    self.sent.push((call.id, call.body.clone()));
                    self.calls.push_back(call);
                }
                Effect::Card(reader, bytes) => {
                    sent = true;
                    self.told.push_back((reader, bytes));
                }
                Effect::Report(report) => self.reports.push(report),
                Effect::Wake(at) => self.wake = Some(at),
            }
        }
    }

    fn write(&mut self, edits: Vec<Edit>) {
        for edit in edits {
            match edit {
                Edit::Put(row) => self.rows.insert((row.store, row.key.clone()), row),
                Edit::Delete(store, key) => self.rows.remove(&(store, key)),
            };
        }
    }

    /// Carries out calls until none is left.
    pub fn run(&mut self) {
        while !self.calls.is_empty() || !self.told.is_empty() {
            self.tell_cards();
            let Some(call) = self.calls.pop_front() else { continue };
            let answer = self.edge.answer(&call, &self.invoice);
            let lost = self.lose_answer == Some(0);
            self.lose_answer = self.lose_answer.and_then(|left| left.checked_sub(1));
            let forged = match (&self.forge, call.id) {
                (Some((part, answer)), CallId::Operation(_, asked)) if *part == asked => {
                    Some(answer.clone())
                }
                _ => None,
            };
            self.handle(match forged.or(answer).filter(|_| !lost) {
                Some(answer) => Event::Answer(call.id, answer),
                None => Event::Unreachable(call.id),
            });
        }
    }

    /// Gives cards their commands, and the engine their answers.
    fn tell_cards(&mut self) {
        while self.tell_card() {}
    }

    /// Gives a card the next command, if there is one.
    pub fn tell_card(&mut self) -> bool {
        let Some((reader, bytes)) = self.told.pop_front() else { return false };
        let now = self.pull_at.filter(|(left, _)| *left == 0);
        self.pull_at = self.pull_at.map(|(left, late)| (left.wrapping_sub(1), late));
        let pulled = self.pulls.unwrap_or(reader);
        if now == Some((0, false)) {
            self.pull(pulled);
        }
        let Some(card) = self.cards.get_mut(&reader) else { return true };
        let instruction = bytes.as_slice()[1];
        let earlier = self.answered.get(&(reader, instruction));
        let answer = match earlier.filter(|_| self.repeats == Some(instruction)) {
            Some(earlier) => earlier.clone(),
            None => {
                let mut answer = Apdu::new();
                let prompt = card.handle(bytes.as_slice(), Button::Unasked, &mut answer);
                assert_eq!(prompt, None, "a card without a button");
                answer.to_vec()
            }
        };
        self.answered.entry((reader, instruction)).or_insert_with(|| answer.clone());
        if now == Some((0, true)) {
            self.pull(pulled);
        }
        if self.cards.contains_key(&reader) {
            let heard = match self.alters {
                Some(alter) => alter(instruction, answer),
                None => Some(answer),
            };
            self.handle(Event::CardAnswer(reader, heard));
        }
        true
    }

    pub fn insert(&mut self, reader: ReaderId, card: Card<Device>) {
        self.cards.insert(reader, card);
        self.handle(Event::CardIn(reader));
        self.run();
    }

    /// The card that was pulled out comes back, if it is away; power was gone meanwhile.
    pub fn insert_again(&mut self, reader: ReaderId) {
        self.begin_insert_again(reader);
        self.run();
    }

    /// As [`Self::insert_again`], and it has yet to answer.
    pub fn begin_insert_again(&mut self, reader: ReaderId) {
        if let Some(card) = self.away.remove(&reader) {
            self.cards.insert(reader, super::card::power_cycle(card));
            self.handle(Event::CardIn(reader));
        }
    }

    /// The card that was pulled out, if it is away.
    pub fn away(&mut self, reader: ReaderId) -> Option<&mut Card<Device>> {
        self.away.get_mut(&reader)
    }

    pub fn pull(&mut self, reader: ReaderId) {
        let card = self.cards.remove(&reader).unwrap();
        self.away.insert(reader, card);
        self.handle(Event::CardOut(reader));
        self.run();
    }

    /// Opens the wallet again from what was written, as after a crash.
    pub fn reopen(&mut self) {
        let rows = self.rows.values().cloned().collect();
        let entropy = self.edge.entropy();
        let (engine, effects) = Engine::open(ISSUER, rows, self.edge.now, entropy).unwrap();
        self.engine = engine;
        self.crash_after = None;
        self.crashed = false;
        self.calls.clear();
        self.told.clear();
        let left: Vec<_> = self.cards.keys().copied().collect();
        for reader in left {
            let card = self.cards.remove(&reader).unwrap();
            self.away.insert(reader, card);
        }
        self.wake = None;
        self.perform(effects);
        self.run();
    }

    /// Lets time pass, waking the engine when it asked for it.
    pub fn wait(&mut self, seconds: u64) {
        let until = self.edge.now.plus(seconds);
        while let Some(wake) = self.wake.filter(|wake| *wake <= until) {
            self.edge.now = wake.max(self.edge.now);
            self.wake = None;
            self.handle(Event::Woken);
            self.run();
        }
        self.edge.now = until;
    }

    pub fn view(&self) -> WalletView {
        self.engine.view(self.edge.now, true)
    }

    pub fn transaction(&self, id: OperationId) -> TransactionView {
        self.engine.transaction(id).unwrap()
    }

    /// Minor units of yen that can be spent, and that belong to open operations.
    pub fn money(&self) -> (u64, u64) {
        let view = self.view();
        let balance = view.balances.iter().find(|it| it.available.currency == "JPY").unwrap();
        (balance.available.minor, balance.pending.minor)
    }

    /// Every coin in the wallet is live at the issuer, and memory and database agree.
    pub fn assert_sound(&self) {
        let entropy = koban_protocol::entropy::Entropy::new([9; 32]);
        let rows = self.rows.values().cloned().collect();
        let (again, _) = Engine::open(ISSUER, rows, self.edge.now, entropy).unwrap();
        let (now, reread) = (self.view(), again.view(self.edge.now, true));
        assert_eq!(now.balances, reread.balances);
        assert_eq!(now.stage, reread.stage);
        let held = self.rows.keys().filter(|(store, _)| *store == Store::Coin);
        for (_, id) in held {
            assert!(self.edge.live.contains_key(&id.parse().unwrap()), "a dead coin: {id}");
        }
    }
}
