//! One call of the engine: what it writes, sends and reports, and what operations have in common.

use std::mem;

use koban_protocol::entropy::Entropy;
use koban_protocol::id::OperationId;
use koban_protocol::process::Process;
use koban_protocol::time::Time;
use minicbor::Encode;

use super::Engine;
use super::card::{CardBytes, ReaderId};
use super::event::{Call, CallId, Effect, Part, Report};
use super::problem::{Fault, Problem};
use super::record::{Edit, HeldCoin, Order, Store, Transaction};
use super::saga::{Acknowledging, Open, Saga};
use super::show::Past;
use crate::view::TransactionState;

/// What an answer makes of an operation.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing new: the same requests are sent again later.
    Wait(Problem),
    /// The answer came too late to matter, or says nothing.
    Ignore,
    /// Another state, journalled before its requests are sent.
    Go(Box<Saga>),
    /// Nothing is left to do.
    End,
}

impl Next {
    pub(super) fn to(saga: Saga) -> Self {
        Self::Go(Box::new(saga))
    }
}

/// How often an acknowledgement is tried.
pub(super) const ACKNOWLEDGEMENT_TRIES: u32 = 8;

/// The effects of one call of the engine, as they come together.
pub(super) struct Step {
    pub(super) now: Time,
    entropy: Entropy,
    edits: Vec<Edit>,
    calls: Vec<Call>,
    cards: Vec<(ReaderId, CardBytes)>,
    reports: Vec<Report>,
}

impl Step {
    pub(super) const fn new(now: Time, entropy: Entropy) -> Self {
        Self {
            now,
            entropy,
            edits: Vec::new(),
            calls: Vec::new(),
            cards: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Fresh entropy.
    pub(super) fn draw(&mut self) -> Entropy {
        let (drawn, rest) = mem::replace(&mut self.entropy, Entropy::new([0; 32])).split();
        self.entropy = rest;
        drawn
    }

    pub(super) fn put<T: Encode<()>>(&mut self, store: Store, key: impl ToString, record: &T) {
        self.edits.push(Edit::put(store, key, record));
    }

    pub(super) fn delete(&mut self, store: Store, key: impl ToString) {
        self.edits.push(Edit::Delete(store, key.to_string()));
    }

    pub(super) fn send(&mut self, call: Call) {
        self.calls.push(call);
    }

    pub(super) fn say(&mut self, reader: ReaderId, bytes: CardBytes) {
        self.cards.push((reader, bytes));
    }

    pub(super) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }
}

impl Engine {
    /// The effects of a step in their order: one write, then requests, then news, then the alarm.
    pub(super) fn finish(&self, step: Step) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !step.edits.is_empty() {
            effects.push(Effect::Write(step.edits));
        }
        effects.extend(step.calls.into_iter().map(Effect::Send));
        effects.extend(step.cards.into_iter().map(|(reader, it)| Effect::Card(reader, it)));
        effects.extend(step.reports.into_iter().map(Effect::Report));
        let due = self.sagas.values().filter_map(|open| open.due).min();
        effects.extend(due.map(Effect::Wake));
        effects
    }

    /// Enters a state: journals it, then sends its requests.
    pub(super) fn go(&mut self, step: &mut Step, id: OperationId, saga: Saga) {
        step.put(Store::Saga, id, &saga);
        self.sagas.insert(id, Open::new(saga));
        self.ask(step, id);
    }

    /// Sends every open operation's requests now.
    pub(super) fn resume(&mut self, step: &mut Step) {
        let ids: Vec<_> = self.sagas.keys().copied().collect();
        ids.into_iter().for_each(|id| self.go_on(step, id));
    }

    /// Goes on with an operation whose time has come: to another state, or with the same requests.
    pub(super) fn go_on(&mut self, step: &mut Step, id: OperationId) {
        let Some(open) = self.sagas.get(&id) else { return };
        let tries = open.tries;
        let next = match open.saga.clone() {
            Saga::Paying(state) => self.paying_due(step, id, state),
            Saga::Disputed(state) if tries > 0 => self.disputed_due(step, id, state),
            Saga::AwaitingReceipt(state) if state.until < step.now => Next::End,
            Saga::Acknowledging(_) if tries >= ACKNOWLEDGEMENT_TRIES => Next::End,
            Saga::Card(state) if tries > 0 => super::card::due(*state, tries),
            _ => Next::Ignore,
        };
        match next {
            Next::Go(saga) => self.go(step, id, *saga),
            Next::End => {
                self.sagas.remove(&id);
                step.delete(Store::Saga, id);
            }
            Next::Ignore | Next::Wait(_) => self.ask(step, id),
        }
    }

    /// Sends the requests of an operation's state that are not on their way.
    pub(super) fn ask(&mut self, step: &mut Step, id: OperationId) {
        let Some(mut open) = self.sagas.remove(&id) else { return };
        open.due = None;
        if let Some(card) = open.saga.needs() {
            self.ask_card(step, id, card, open);
            return;
        }
        for (part, url, body) in self.requests(&open, step.now) {
            if !open.asked.contains(&part) {
                open.asked.push(part);
                let call = CallId::Operation(id, part);
                step.send(match body {
                    Some(body) => Call::post(call, url, body),
                    None => Call::get(call, url),
                });
            }
        }
        open.tries = open.tries.saturating_add(1);
        if open.asked.is_empty() {
            // Without the issuer's keys nothing can be sent; they are being fetched.
            open.failed(step.now, Problem::from(Fault::Network));
        }
        self.sagas.insert(id, open);
    }

    fn requests(&self, open: &Open, now: Time) -> Vec<(Part, String, Option<Vec<u8>>)> {
        let operations = format!("{}/operations", self.issuer_url);
        let post = |part, order: &Order| (part, operations.clone(), Some(order.request.0.clone()));
        match &open.saga {
            Saga::Registering(state) => vec![post(Part::Order, &state.order)],
            Saga::OpeningAccount(state) => self.account_request(state, now).into_iter().collect(),
            Saga::Enrolling(state) => vec![post(Part::Order, &state.order)],
            Saga::Withdrawing(state) => vec![post(Part::Order, &state.order)],
            Saga::Changing(state) => vec![post(Part::Order, &state.order)],
            Saga::Redeeming(state) => vec![post(Part::Order, &state.order)],
            Saga::Refunding(state) => vec![post(Part::Order, &state.order)],
            Saga::Cancelling(state) => vec![post(Part::CallBack, &state.order)],
            Saga::Paying(state) => {
                let mut requests = envelope(&state.payment.order, &state.payment.invoice);
                if open.tries > 0 {
                    requests.push(self.payers_answer_request(&state.payment.order));
                }
                requests
            }
            Saga::Disputed(state) => {
                let mut requests = envelope(&state.payment.order, &state.payment.invoice);
                requests.push(self.payers_answer_request(&state.payment.order));
                requests
            }
            Saga::AwaitingReceipt(state) => envelope(&state.order, &state.invoice),
            Saga::Card(state) => self.card_requests(state),
            Saga::Acknowledging(state) => {
                let url = format!("{operations}/{}/acknowledgement", state.operation);
                vec![(Part::Acknowledgement, url, Some(state.acknowledgement.0.to_vec()))]
            }
        }
    }

    fn payers_answer_request(&self, order: &Order) -> (Part, String, Option<Vec<u8>>) {
        let url = format!("{}/operations/{}/payer", self.issuer_url, order.operation);
        (Part::PayersAnswer, url, None)
    }

    /// Writes down what is known of an operation.
    pub(super) fn record(
        &mut self,
        step: &mut Step,
        id: OperationId,
        mut transaction: Transaction,
    ) {
        if transaction.number == 0 {
            let last = self.transactions.values().map(Past::number).max();
            transaction.number = last.unwrap_or_default().saturating_add(1);
        }
        step.put(Store::Transaction, id, &transaction);
        self.transactions.insert(id, Past::new(transaction));
    }

    /// Begins an operation: its transaction and its first state are written, then its requests
    /// sent.
    pub(super) fn begin(
        &mut self,
        step: &mut Step,
        id: OperationId,
        transaction: Transaction,
        saga: Saga,
    ) {
        self.record(step, id, transaction);
        self.go(step, id, saga);
        step.report(Report::Started(id));
    }

    /// Ends an operation: its transaction, if it has one, is changed by `outcome` for the last
    /// time.
    pub(super) fn end(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: TransactionState,
        outcome: impl FnOnce(&mut Transaction),
    ) {
        if let Some(mut transaction) = self.transactions.get(&id).map(Past::record) {
            transaction.state = state;
            transaction.problem = None;
            outcome(&mut transaction);
            self.record(step, id, transaction);
        }
        step.report(Report::Ended(id));
    }

    /// Coins that can be spent from now on.
    pub(super) fn hold(&mut self, step: &mut Step, coins: impl IntoIterator<Item = HeldCoin>) {
        for coin in coins {
            let id = coin.coin.body.id;
            step.put(Store::Coin, id, &coin);
            self.coins.insert(id, coin);
        }
    }
}

/// The state that follows the end of an operation whose answer the issuer keeps.
pub(super) fn acknowledge<P: Process>(order: &Order) -> Next {
    let acknowledgement = order.asked::<P>().secret().acknowledgement();
    let operation = order.operation;
    Next::to(Saga::Acknowledging(Acknowledging { operation, acknowledgement }))
}

fn envelope(
    order: &Order,
    invoice: &koban_protocol::signed::Signed<koban_protocol::statement::Invoice>,
) -> Vec<(Part, String, Option<Vec<u8>>)> {
    let to = |url: String| (Part::Envelope, url, Some(order.request.0.clone()));
    invoice.claim().map(|invoice| to(invoice.pay_url.as_str().to_owned())).into_iter().collect()
}
