//! A person in a storm: the shipped wallet engine, a database, tabs that close at any moment, and
//! a mind of its own.

use std::cell::RefCell;
use std::rc::Rc;

use koban_edge_issuer::role::payment::model::Order;
use koban_protocol::amount::Bundle;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Name, Short};
use koban_protocol::time::Time;
use koban_protocol::wire;
use koban_wallet_wasm::engine::{
    Call, CardBytes, Command, Edit, Effect, Engine, Event, HttpAnswer, Problem, ReaderId, Report,
    Row,
};
use koban_wallet_wasm::view::{
    Stage, TransactionKind, TransactionState, TransactionView, WalletView,
};

use super::chance::{Chance, Kind};
use super::villain::Cheat;
use crate::card::Held;
use crate::holder::{Rows, jpy, request, write, yen};
use crate::merchant::{self, Merchant};
use crate::world::{Millis, ORIGINS, World};

/// One write in so many is the last of its tab.
const WRITE: u64 = 60;
/// One decision in so many is to close the tab.
const TAB: u64 = 25;
/// One command in so many finds its card pulled out.
const CARD: u64 = 60;
/// How long a card takes at most.
const CARD_MAX: Millis = 40;
/// How long a tab stays closed at most.
const CLOSED_MAX: Millis = 40_000;
/// How long a person thinks at most.
const THINKS_MAX: Millis = 9_000;
/// How far a person's clock may be off, seconds.
const SKEW_MAX: u64 = 20;

/// A person.
pub(super) struct Person {
    world: World,
    chance: Chance,
    pub(super) name: String,
    shops: Rc<Vec<Merchant>>,
    cheat: Rc<Cheat>,
    skew: i64,
    engine: Option<Engine>,
    rows: Rows,
    pub(super) card: Held,
    /// The reader it is in; no number is used twice.
    reader: u32,
    /// Grows when a tab is closed: what was asked before comes to nobody.
    tab: u64,
    orders: u64,
    /// Operations that came to their end.
    pub(super) ended: u64,
    /// Why the wallet could not be opened, which nothing may lead to.
    pub(super) broken: Option<Problem>,
}

/// A person whom events find.
#[derive(Clone)]
pub(super) struct Someone(pub(super) Rc<RefCell<Person>>);

impl Someone {
    pub(super) fn new(
        world: &World,
        chance: &Chance,
        name: &str,
        shops: &Rc<Vec<Merchant>>,
        cheat: &Rc<Cheat>,
        card: Held,
    ) -> Self {
        let skew = chance.below(2 * SKEW_MAX).cast_signed() - SKEW_MAX.cast_signed();
        Self(Rc::new(RefCell::new(Person {
            world: world.clone(),
            chance: chance.clone(),
            name: name.to_owned(),
            shops: Rc::clone(shops),
            cheat: Rc::clone(cheat),
            skew,
            engine: None,
            rows: Rows::new(),
            card,
            reader: 0,
            tab: 0,
            orders: 0,
            ended: 0,
            broken: None,
        })))
    }

    /// Opens the wallet, unless it is open.
    pub(super) fn open(&self) {
        let mut person = self.0.borrow_mut();
        if person.engine.is_some() {
            return;
        }
        let rows: Vec<Row> = person.rows.values().cloned().collect();
        let (now, entropy) = (person.now(), person.world.entropy());
        match Engine::open(ISSUER, rows, now, entropy) {
            Ok((engine, effects)) => {
                person.engine = Some(engine);
                let tab = person.tab;
                drop(person);
                self.perform(effects);
                self.handle(tab, Event::Command(Command::MeetOriginator(ORIGINATOR.to_owned())));
                self.insert(tab);
            }
            Err(problem) => person.broken = Some(problem),
        }
    }

    /// Closes the wallet, to open it again some time later.
    fn close(&self) {
        let mut person = self.0.borrow_mut();
        person.engine = None;
        person.tab += 1;
        let at = person.world.moment() + person.chance.below(CLOSED_MAX);
        let someone = self.clone();
        person.world.at(at, move || someone.open());
    }

    /// Looks at the wallet again: whatever is open is sent.
    pub(super) fn look(&self) {
        self.open();
        let tab = self.0.borrow().tab;
        self.handle(tab, Event::Resumed);
    }

    /// Calls back a payment that nobody answers.
    pub(super) fn call_back(&self) {
        let person = self.0.borrow();
        if person.engine.is_none() {
            return;
        }
        let (command, tab) = (cancel(&person.view()), person.tab);
        drop(person);
        if let Some(command) = command {
            self.handle(tab, Event::Command(command));
        }
    }

    fn handle(&self, tab: u64, event: Event) {
        let mut person = self.0.borrow_mut();
        if person.tab != tab {
            return;
        }
        let (now, entropy) = (person.now(), person.world.entropy());
        let Some(engine) = person.engine.as_mut() else { return };
        let effects = engine.handle(now, entropy, event);
        drop(person);
        self.perform(effects);
    }

    fn perform(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(edits) => {
                    if self.is_cut(Kind::WalletCutBefore) {
                        return self.close();
                    }
                    self.write(edits);
                    if self.is_cut(Kind::WalletCutAfter) {
                        return self.close();
                    }
                }
                Effect::Send(call) => self.send(call),
                Effect::Wake(at) => self.wake(at),
                Effect::Report(Report::Ended(_)) => self.0.borrow_mut().ended += 1,
                Effect::Report(_) => {}
                Effect::Card(reader, bytes) => self.tell_card(reader, bytes),
            }
        }
    }

    fn write(&self, edits: Vec<Edit>) {
        let rows = &mut self.0.borrow_mut().rows;
        edits.into_iter().for_each(|edit| write(rows, edit));
    }

    fn is_cut(&self, kind: Kind) -> bool {
        let person = self.0.borrow();
        person.chance.strikes(kind, WRITE, person.world.moment(), &person.name)
    }

    fn send(&self, call: Call) {
        let person = self.0.borrow();
        let (someone, tab) = (self.clone(), person.tab);
        let answer = person.world.request(&format!("wallet-{}", person.name), request(&call));
        person.world.spawn(async move {
            let event = match answer.await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    Event::Answer(call.id, HttpAnswer { status, body: response.into_body() })
                }
                Err(_) => Event::Unreachable(call.id),
            };
            someone.handle(tab, event);
        });
    }

    /// Puts the card into a reader.
    fn insert(&self, tab: u64) {
        let mut person = self.0.borrow_mut();
        person.reader += 1;
        let reader = ReaderId(person.reader);
        drop(person);
        self.handle(tab, Event::CardIn(reader));
    }

    /// Gives the card a command, unless it is pulled out, which takes its power.
    fn tell_card(&self, reader: ReaderId, bytes: CardBytes) {
        let person = self.0.borrow();
        let (someone, tab) = (self.clone(), person.tab);
        let at = person.world.moment() + person.chance.below(CARD_MAX);
        person.world.at(at, move || {
            let mut person = someone.0.borrow_mut();
            if (tab, reader) != (person.tab, ReaderId(person.reader)) {
                return;
            }
            let pulled = |kind| person.chance.strikes(kind, CARD, at, &person.name);
            let before = pulled(Kind::CardPulledBefore);
            let after = !before && pulled(Kind::CardPulledAfter);
            let answer = (!before).then(|| person.card.tell(bytes.as_slice()).to_vec());
            if before || after {
                person.card = person.card.copied();
                drop(person);
                someone.handle(tab, Event::CardOut(reader));
                someone.insert(tab);
            } else {
                drop(person);
                someone.handle(tab, Event::CardAnswer(reader, answer));
            }
        });
    }

    fn wake(&self, at: Time) {
        let person = self.0.borrow();
        let (someone, tab) = (self.clone(), person.tab);
        let due = at.0.saturating_add_signed(-person.skew) * 1_000;
        person.world.at(due, move || someone.handle(tab, Event::Woken));
    }

    /// Acts from now on, every few seconds, while the storm lasts.
    pub(super) fn act_on(&self) {
        let person = self.0.borrow();
        let at = person.world.moment() + 200 + person.chance.below(THINKS_MAX);
        let someone = self.clone();
        person.world.at(at, move || {
            if !someone.0.borrow().chance.is_calm() {
                someone.act();
                someone.act_on();
            }
        });
    }

    fn act(&self) {
        let person = self.0.borrow();
        if person.engine.is_none() {
            return;
        }
        let (view, tab) = (person.view(), person.tab);
        if person.chance.strikes(Kind::TabClosed, TAB, person.world.moment(), &person.name) {
            drop(person);
            return self.close();
        }
        let command = match view.stage {
            Stage::New => Name::new(&person.name).map(Command::Register),
            Stage::Registered => person.enrol(),
            Stage::Enrolled => match person.chance.below(21) {
                0..4 => person.withdraw(),
                4..9 => {
                    drop(person);
                    return self.buy(&view);
                }
                9 => person.change(&view),
                10 => person.redeem(&view),
                11 => Some(Command::Refund(jpy())),
                12 => cancel(&view),
                13..16 => person.pay_cheat(&view),
                16..18 => person.load(&view),
                18..20 => person.unload(&view),
                _ => Some(Command::Merge(jpy())),
            },
        };
        drop(person);
        if let Some(command) = command {
            self.handle(tab, Event::Command(command));
        }
    }

    /// Orders something at a shop, fetches the invoice and pays it.
    fn buy(&self, view: &WalletView) {
        let mut person = self.0.borrow_mut();
        let price = 1 + person.chance.below(available(view).min(900));
        let shops = Rc::clone(&person.shops);
        let shop = usize::try_from(person.chance.below(shops.len() as u64)).unwrap_or(0);
        person.orders += 1;
        let reference = format!("{}-{}", person.name, person.orders);
        let (world, someone, tab) = (person.world.clone(), self.clone(), person.tab);
        let there = world.clone();
        world.spawn(async move {
            let browser = "browser";
            let asked = shops[shop].order_request(&reference, price);
            let Ok(answer) = there.request(browser, asked).await else { return };
            let Ok(order) = merchant::answer::<Order>(&answer) else { return };
            let fetched = there.request(browser, merchant::invoice_request(&order)).await;
            let Ok(fetched) = fetched else { return };
            let invoice: Result<Signed<Invoice>, _> = wire::decode_exact(fetched.body());
            if let Ok(invoice) = invoice {
                someone.handle(tab, Event::Command(Command::Pay(invoice)));
            }
        });
    }
}

const ISSUER: &str = ORIGINS[2].1;
const ORIGINATOR: &str = ORIGINS[7].1;

impl Person {
    fn now(&self) -> Time {
        Time(self.world.now().0.saturating_add_signed(self.skew))
    }

    /// The wallet as its page shows it.
    pub(super) fn view(&self) -> WalletView {
        let engine = self.engine.as_ref().expect("asked of an open wallet");
        engine.view(self.now(), true)
    }

    /// The operations that have not ended.
    pub(super) fn open(&self) -> Vec<TransactionView> {
        let open = |t: &TransactionView| {
            matches!(t.state, TransactionState::Open | TransactionState::Cancelling)
        };
        self.view().transactions.into_iter().filter(open).collect()
    }

    fn enrol(&self) -> Option<Command> {
        Some(Command::Enrol { bank: Short::new("bank-a")?, owner: Name::new(&self.name)? })
    }

    /// Pays somebody who cheats.
    fn pay_cheat(&self, view: &WalletView) -> Option<Command> {
        let most = available(view).min(200);
        (most > 0).then(|| Command::Pay(self.cheat.invoice(1 + self.chance.below(most))))
    }

    fn load(&self, view: &WalletView) -> Option<Command> {
        let most = available(view).min(500);
        let amount = yen(1 + self.chance.below(most));
        (most > 0).then_some(Command::Load(ReaderId(self.reader), amount))
    }

    fn unload(&self, view: &WalletView) -> Option<Command> {
        let pocket = view.cards.first()?.pockets.iter().find(|it| it.balance.currency == "JPY")?;
        let most = pocket.balance.minor;
        let amount = yen(1 + self.chance.below(most));
        (most > 0).then_some(Command::Unload(ReaderId(self.reader), amount, None))
    }

    /// Withdraws something, now and then more than there is.
    fn withdraw(&self) -> Option<Command> {
        let most = if self.chance.below(12) == 0 { 60_000 } else { 3_000 };
        let amount = yen(1 + self.chance.below(most));
        let recoverable = self.chance.below(2) == 0;
        Some(Command::Withdraw { bundle: Bundle::fewest(amount).ok()?, recoverable })
    }

    fn change(&self, view: &WalletView) -> Option<Command> {
        let amount = self.chance.below(available(view));
        Bundle::fewest(yen(amount)).ok().map(Command::Change)
    }

    fn redeem(&self, view: &WalletView) -> Option<Command> {
        let amount = self.chance.below(available(view));
        (amount > 0).then(|| Command::Redeem(yen(amount)))
    }
}

/// What can be spent, in yen.
pub(super) fn available(view: &WalletView) -> u64 {
    let yen = view.balances.iter().find(|balance| balance.available.currency == "JPY");
    yen.map_or(0, |balance| balance.available.minor)
}

fn cancel(view: &WalletView) -> Option<Command> {
    let open = |t: &&TransactionView| {
        t.kind == TransactionKind::Payment && t.state == TransactionState::Open
    };
    let payment = view.transactions.iter().find(open)?;
    payment.id.parse().ok().map(Command::Cancel)
}
