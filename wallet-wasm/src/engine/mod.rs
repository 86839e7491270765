//! The wallet's decisions: events in, effects out. No clock, no entropy, no I/O, no async.
//!
//! **The driver's law.** Call [`Engine::open`] with every row of the database, then for each event
//! call [`Engine::handle`], and perform the effects it gives, in order:
//!
//! 1. make the edits of [`Effect::Write`] durable, all or none, before anything after them;
//! 2. send what [`Effect::Send`] holds, without waiting for the answer, and report
//!    [`Event::Answer`] or [`Event::Unreachable`] for it exactly once;
//! 3. handle one event at a time: the next only when the effects of this one have been performed;
//! 4. if a write fails, drop the engine and perform nothing more: the database is right, the memory
//!    is not. Open again from the rows.
//!
//! So nothing is sent that is not written down, and whatever is written down is sent again when the
//! wallet opens, byte for byte; the issuer answers an operation it knows with the answer it gave.
//!
//! What is believed: only what is sealed to this wallet's own request, or signed. Problem details
//! in clear (RFC 9457) can be forged by whoever sits between, so they decide at most when to ask
//! again, and never that money is gone or free.

mod account;
mod callback;
mod card;
pub mod choice;
mod coins;
mod event;
mod identity;
mod payment;
mod problem;
mod record;
mod saga;
mod show;
mod step;

use std::collections::BTreeMap;
use std::fmt;

use koban_protocol::entropy::Entropy;
use koban_protocol::id::{CoinId, OperationId};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{IssuerKeys, OriginatorKeys};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, Wire};

pub use card::{CardBytes, CardCommand, ReaderId};
pub use event::{Call, CallId, Command, Effect, Event, HttpAnswer, Method, Part, Report};
pub use problem::{Cause, Fault, Problem};
pub use record::{Edit, Row, Store};
pub use show::show_invoice;

use card::Cards;
use identity::Identity;
use record::{Balance, HeldCoin};
use saga::{Open, Saga};
use show::Past;
use step::{Next, Step};

/// A wallet in memory: what the database holds, and which requests are on their way.
pub struct Engine {
    issuer_url: String,
    keys: Option<IssuerKeys>,
    /// What concerns the whole wallet: the issuer's keys do not check out.
    problem: Option<Problem>,
    identity: Option<Identity>,
    balance: Option<Balance>,
    coins: BTreeMap<CoinId, HeldCoin>,
    sagas: BTreeMap<OperationId, Open>,
    transactions: BTreeMap<OperationId, Past>,
    originator: Option<OriginatorKeys>,
    cards: Cards,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} coins, {} open)", self.coins.len(), self.sagas.len())
    }
}

impl Engine {
    /// The wallet that `rows` hold, to look at: it has no effects, and must not be asked to do
    /// anything. For a tab that follows another.
    ///
    /// # Errors
    /// [`Fault::StorageCorrupt`]: a row is not what a wallet writes.
    pub fn read(issuer_url: &str, rows: Vec<Row>) -> Result<Self, Problem> {
        let mut engine = Self {
            issuer_url: issuer_url.trim_end_matches('/').to_owned(),
            keys: None,
            problem: None,
            identity: None,
            balance: None,
            coins: BTreeMap::new(),
            sagas: BTreeMap::new(),
            transactions: BTreeMap::new(),
            originator: None,
            cards: Cards::default(),
        };
        // The seed first: the certificate belongs to the keys made from it.
        let is_seed = |row: &&Row| row.store == Store::Identity && row.key == "seed";
        let (seed, others): (Vec<_>, Vec<_>) = rows.iter().partition(is_seed);
        for row in seed.into_iter().chain(others) {
            let corrupt = || Problem::with(Fault::StorageCorrupt, format!("{row:?}"));
            engine.load(row).ok_or_else(corrupt)?;
        }
        Ok(engine)
    }

    /// The wallet that `rows` hold, of the issuer at `issuer_url`. Whatever is open is sent again,
    /// old coins are changed for new ones, and the issuer's keys are fetched.
    ///
    /// # Errors
    /// [`Fault::StorageCorrupt`]: a row is not what a wallet writes. Nothing was changed.
    pub fn open(
        issuer_url: &str,
        rows: Vec<Row>,
        now: Time,
        entropy: Entropy,
    ) -> Result<(Self, Vec<Effect>), Problem> {
        let mut engine = Self::read(issuer_url, rows)?;
        let mut step = Step::new(now, entropy);
        engine.fetch_keys(&mut step);
        engine.resume(&mut step);
        engine.refresh_old(&mut step);
        let effects = engine.finish(step);
        Ok((engine, effects))
    }

    /// Handles one event; see the driver's law above.
    pub fn handle(&mut self, now: Time, entropy: Entropy, event: Event) -> Vec<Effect> {
        let mut step = Step::new(now, entropy);
        match event {
            Event::Command(command) => {
                if let Err(problem) = self.command(&mut step, command) {
                    step.report(Report::Refused(problem));
                }
            }
            Event::Answer(CallId::Keys, answer) => self.keys_answered(&mut step, Some(&answer)),
            Event::Unreachable(CallId::Keys) => self.keys_answered(&mut step, None),
            Event::Answer(CallId::Balance, answer) => {
                self.balance_answered(&mut step, Some(&answer));
            }
            Event::Unreachable(CallId::Balance) => self.balance_answered(&mut step, None),
            Event::Answer(CallId::Originator, answer) => {
                self.originator_answered(&mut step, Some(&answer));
            }
            Event::Unreachable(CallId::Originator) => self.originator_answered(&mut step, None),
            Event::Answer(CallId::NewCard(reader), answer) => {
                self.made(&mut step, reader, Some(&answer));
            }
            Event::Unreachable(CallId::NewCard(reader)) => self.made(&mut step, reader, None),
            Event::CardIn(reader) => self.card_in(&mut step, reader),
            Event::CardOut(reader) => self.card_out(&mut step, reader),
            Event::CardAnswer(reader, answer) => {
                self.card_answered(&mut step, reader, answer.as_deref());
            }
            Event::CardPrompt(reader) => self.card_prompts(reader),
            Event::Answer(CallId::Operation(id, part), answer) => {
                self.operation_answered(&mut step, id, part, Some(&answer));
            }
            Event::Unreachable(CallId::Operation(id, part)) => {
                self.operation_answered(&mut step, id, part, None);
            }
            Event::Woken => {
                let due = |open: &Open| open.due.is_some_and(|due| due <= now);
                let ids = self.sagas.iter().filter(|(_, open)| due(open)).map(|(id, _)| *id);
                ids.collect::<Vec<_>>().into_iter().for_each(|id| self.go_on(&mut step, id));
            }
            Event::Resumed => {
                self.fetch_keys(&mut step);
                self.resume(&mut step);
            }
        }
        self.finish(step)
    }

    /// Whether an operation has yet to end.
    pub fn is_open(&self, operation: OperationId) -> bool {
        let open = self.sagas.get(&operation);
        open.is_some_and(|open| !open.saga.is_over())
    }

    /// The issuer's keys, once they were fetched and checked.
    pub const fn issuer_keys(&self) -> Option<&IssuerKeys> {
        self.keys.as_ref()
    }

    fn load(&mut self, row: &Row) -> Option<()> {
        match row.store {
            Store::Keys if row.key == "originator" => {
                let signed: Signed<OriginatorKeys> = decode(row)?;
                self.originator = signed.claim().ok();
            }
            Store::Keys => {
                let signed: Signed<IssuerKeys> = decode(row)?;
                self.keys = signed.claim().ok();
            }
            Store::Card => self.cards.remember(decode(row)?),
            Store::Identity => match row.key.as_str() {
                "seed" => self.identity = Some(Identity::load(&decode(row)?)),
                "certificate" => self.identity.as_mut()?.load_certificate(decode(row)?)?,
                "balance" => self.balance = Some(decode(row)?),
                _ => return None,
            },
            Store::Coin => {
                let coin: HeldCoin = decode(row)?;
                self.coins.insert(coin.coin.body.id, coin);
            }
            Store::Saga => {
                self.sagas.insert(row.key.parse().ok()?, Open::new(decode(row)?));
            }
            Store::Transaction => {
                self.transactions.insert(row.key.parse().ok()?, Past::new(decode(row)?));
            }
        }
        Some(())
    }

    fn command(&mut self, step: &mut Step, command: Command) -> Result<(), Problem> {
        match command {
            Command::Register(pseudonym) => self.register(step, pseudonym),
            Command::Enrol { bank, owner } => self.enrol(step, bank, owner),
            Command::Withdraw { bundle, recoverable } => self.withdraw(step, bundle, recoverable),
            Command::Pay(invoice) => self.pay(step, invoice),
            Command::Cancel(id) => self.cancel(step, id),
            Command::Redeem(amount) => self.redeem(step, amount),
            Command::Change(bundle) => self.change(step, bundle),
            Command::Merge(currency) => self.merge(step, currency),
            Command::Refund(currency) => self.refund(step, currency),
            Command::AskBalance => self.ask_balance(step),
            Command::FetchKeys => {
                self.fetch_keys(step);
                Ok(())
            }
            Command::MeetOriginator(url) => {
                self.meet_originator(step, &url);
                Ok(())
            }
            Command::Card(reader, command) => self.command_card(step, reader, command),
            Command::Report(reader) => self.report_card(step, reader),
            Command::Load(reader, amount) => self.load_card(step, reader, amount),
            Command::Unload(reader, amount, invoice) => {
                self.unload_card(step, reader, amount, invoice)
            }
            Command::RefundCard(reader, id) => self.refund_card(step, reader, id),
            Command::TakePayment { terminal, customer, amount } => {
                self.take_payment(step, (terminal, customer), amount)
            }
        }
    }

    /// An operation's request was answered, or nobody answered it (`None`).
    fn operation_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        part: Part,
        answer: Option<&HttpAnswer>,
    ) {
        let Some(mut open) = self.sagas.remove(&id) else { return };
        open.asked.retain(|asked| *asked != part);
        let saga = open.saga.clone();
        let next = match answer {
            Some(answer) => self.answered(step, id, saga, part, answer),
            None => Next::Wait(Problem::from(Fault::Network)),
        };
        self.settle(step, id, open, next);
    }

    /// An operation goes on, waits, or ends.
    fn settle(&mut self, step: &mut Step, id: OperationId, mut open: Open, next: Next) {
        match next {
            Next::Wait(problem) => {
                step.report(Report::Waiting(id, problem.clone()));
                open.failed(step.now, problem);
                self.sagas.insert(id, open);
            }
            Next::Ignore => {
                let last = open.problem.clone().unwrap_or(Problem::from(Fault::Network));
                open.failed(step.now, last);
                self.sagas.insert(id, open);
            }
            Next::Go(saga) => self.go(step, id, *saga),
            Next::End => step.delete(Store::Saga, id),
        }
    }

    fn answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        saga: Saga,
        part: Part,
        answer: &HttpAnswer,
    ) -> Next {
        match (saga, part) {
            (Saga::Registering(state), Part::Order) => self.registered(step, id, state, answer),
            (Saga::OpeningAccount(state), Part::Account) => {
                self.account_opened(step, id, state, answer)
            }
            (Saga::Enrolling(state), Part::Order) => self.enrolled(step, id, state, answer),
            (Saga::Withdrawing(state), Part::Order) => self.withdrawn(step, id, state, answer),
            (Saga::Changing(state), Part::Order) => self.changed(step, id, state, answer),
            (Saga::Redeeming(state), Part::Order) => self.redeemed(step, id, state, answer),
            (Saga::Refunding(state), Part::Order) => self.refunded(step, id, state, answer),
            (Saga::Paying(state), Part::Envelope) => self.pay_answered(step, id, state, answer),
            (Saga::Paying(state), Part::PayersAnswer) => {
                self.payer_answered(step, id, state, answer)
            }
            (Saga::Cancelling(state), Part::CallBack) => {
                self.call_back_answered(step, id, state, answer)
            }
            (Saga::Cancelling(state), Part::Envelope | Part::PayersAnswer) => {
                self.paid_after_all(step, id, state.payment, part, answer).unwrap_or(Next::Ignore)
            }
            (Saga::Disputed(state), Part::Envelope | Part::PayersAnswer) => {
                self.dispute_answered(step, id, state, part, answer)
            }
            (Saga::AwaitingReceipt(state), Part::Envelope) => {
                self.receipt_answered(step, id, state, answer)
            }
            (Saga::Acknowledging(_), Part::Acknowledgement) => Next::End,
            (Saga::Card(state), part) => self.card_answer(step, id, *state, part, answer),
            _ => Next::Ignore,
        }
    }
}

fn decode<T: Wire>(row: &Row) -> Option<T> {
    wire::decode_exact(&row.value).ok()
}
