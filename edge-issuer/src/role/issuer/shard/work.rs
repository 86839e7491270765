//! What the alarm does: drives open operations and the outbox until nothing is left.

use http::StatusCode;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::process::Desk;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Settlement, Short};
use koban_protocol::wire;
use serde::Deserialize;

use super::Shard;
use super::task::{Task, TaskKind};
use super::total::Figure;
use crate::answer::{Fault, code_of};
use crate::host::{Address, Class, HttpResponse, ObjectHost};
use crate::sql::{Sql, StoreError};

/// How long until an operation is driven on again, if its bank or another shard did not answer.
const RETRY_OPEN_S: u64 = 5;
/// How often old records are dropped when nothing else wakes the shard.
const PRUNE_EVERY_S: u64 = 86_400;

/// What a bank says of the issuer's reserve.
#[derive(Debug, Deserialize)]
pub(in crate::role::issuer) struct Reserves {
    pub(in crate::role::issuer) version: u64,
    pub(in crate::role::issuer) reserves: Vec<Reserve>,
}

/// The reserve in one currency.
#[derive(Debug, Deserialize)]
pub(in crate::role::issuer) struct Reserve {
    pub(in crate::role::issuer) currency: String,
    pub(in crate::role::issuer) minor: u64,
}

impl Reserves {
    pub(in crate::role::issuer) fn of(&self, currency: &str) -> u64 {
        self.reserves.iter().find(|r| r.currency == currency).map_or(0, |r| r.minor)
    }
}

impl<H: ObjectHost> Shard<H> {
    pub(super) async fn work(&self) -> Result<(), Fault> {
        let now = self.host.now();
        for id in self.store().open_operations()? {
            if let Some(open) = self.store().open_operation(id)? {
                let driven = self.drive(open).await;
                self.note(driven.map(drop));
            }
        }
        for task in self.store().due_tasks(now)? {
            let done = self.perform(&task).await;
            if done.is_err() {
                self.store().postpone(&task, self.host.now())?;
            }
            self.note(done);
        }
        let now = self.host.now();
        self.host.sql().transaction(|| self.store().prune(now))?;
        let open = !self.store().open_operations()?.is_empty();
        let next_open = open.then(|| now.plus(RETRY_OPEN_S));
        let next = self.store().next_due()?.into_iter().chain(next_open).min();
        self.wake(next.unwrap_or(now.plus(PRUNE_EVERY_S))).await
    }

    fn note(&self, done: Result<(), Fault>) {
        if let Err(Fault::Store(error)) = done {
            self.host.log(&format!("shard {}: {error}", self.host.name()));
        }
    }

    async fn perform(&self, task: &Task) -> Result<(), Fault> {
        match task.kind {
            TaskKind::Credit => self.credit(task).await,
            TaskKind::Settlement => self.settle_reserves(task).await,
            TaskKind::Settle | TaskKind::Release => {
                let to = Address::Object(Class::Shard, task.target.clone());
                let told = self.post(&to, "http://shard/decisions", task.body.clone()).await?;
                success(&told)?;
                let settled = task.kind == TaskKind::Settle;
                self.complete(task, settled.then_some(Figure::Settling))
            }
            TaskKind::Note => {
                let to = Address::Peer(task.target.clone());
                let told = self.post(&to, "http://register/notes", task.body.clone()).await?;
                success(&told)?;
                self.complete(task, None)
            }
        }
    }

    /// Removes a confirmed task and its figure, in one transaction, once.
    fn complete(&self, task: &Task, figure: Option<Figure>) -> Result<(), Fault> {
        self.host.sql().transaction(|| {
            let store = self.store();
            if store.remove_task(task.id)? {
                figure.map_or(Ok(()), |figure| store.add(figure, task.amount, -1))?;
            }
            Ok::<_, Fault>(())
        })
    }

    /// Has a bank pay an account; if the reserve there is too small, settles reserve from another
    /// bank first.
    async fn credit(&self, task: &Task) -> Result<(), Fault> {
        let desk = self.desk().await?;
        let bank = Short::new(&task.target).ok_or(StoreError::Column("target"))?;
        let to = Address::Peer(task.target.clone());
        let url = self.bank_url(&desk, &bank)?;
        let paid = self.post(&to, &format!("{url}/credits"), task.body.clone()).await?;
        if paid.status() == StatusCode::OK {
            return self.complete(task, Some(Figure::Owed));
        }
        if code_of(&paid) == Some(Code::ReserveTooSmall) {
            self.plan_settlement(&desk, task, &bank).await?;
        }
        Err(Code::PeerUnreachable.into())
    }

    /// Writes down which bank is to send how much reserve, before it is asked.
    async fn plan_settlement(&self, desk: &Desk, task: &Task, to: &Short) -> Result<(), Fault> {
        let currency = task.amount.currency();
        let have = self.reserve(desk, to, currency).await?;
        let lacking = task.amount.minor().saturating_sub(have);
        if lacking == 0 {
            return Ok(());
        }
        let amount = Amount::new(currency, lacking).map_err(|_| Code::AmountInvalid)?;
        for from in desk.keys().banks.iter().map(|bank| &bank.id).filter(|id| *id != to) {
            if self.reserve(desk, from, currency).await? < lacking {
                continue;
            }
            let operation = settlement_id(task);
            let settlement = Settlement { operation, from: from.clone(), to: to.clone(), amount };
            let body = wire::encode(&desk.sign(&settlement));
            let target = from.as_str().to_owned();
            let planned = Task::new(operation, TaskKind::Settlement, target, body, amount);
            let now = self.host.now();
            self.host.sql().transaction(|| {
                self.store().add(Figure::Transit, amount, 1)?;
                self.store().add_task(&planned, now)
            })?;
            return Ok(());
        }
        Ok(())
    }

    async fn reserve(&self, desk: &Desk, bank: &Short, currency: Currency) -> Result<u64, Fault> {
        let url = format!("{}/reserves", self.bank_url(desk, bank)?);
        let request = http::Request::get(url).body(Vec::new()).map_err(|_| Code::Internal)?;
        let to = Address::Peer(bank.as_str().to_owned());
        let told = self.host.call(&to, request).await.map_err(|_| Code::PeerUnreachable)?;
        success(&told)?;
        let reserves: Reserves =
            serde_json::from_slice(told.body()).map_err(|_| Code::PeerUnreachable)?;
        Ok(reserves.of(currency.code()))
    }

    /// The paying bank pays, and its word is taken to the other.
    async fn settle_reserves(&self, task: &Task) -> Result<(), Fault> {
        let desk = self.desk().await?;
        let signed: Signed<Settlement> =
            wire::decode_exact(&task.body).map_err(|_| StoreError::Column("body"))?;
        let settlement = signed.claim().map_err(|_| StoreError::Column("body"))?;
        let url = self.bank_url(&desk, &settlement.from)?;
        let from = Address::Peer(settlement.from.as_str().to_owned());
        let paid = self.post(&from, &format!("{url}/settlements/out"), task.body.clone()).await?;
        if paid.status().is_client_error() {
            // The reserve there has shrunk meanwhile: another plan will be made.
            return self.complete(task, Some(Figure::Transit));
        }
        success(&paid)?;
        let url = self.bank_url(&desk, &settlement.to)?;
        let to = Address::Peer(settlement.to.as_str().to_owned());
        let word = paid.into_body();
        success(&self.post(&to, &format!("{url}/settlements/in"), word).await?)?;
        self.complete(task, Some(Figure::Transit))?;
        let now = self.host.now();
        Ok(self.store().hasten_credits(settlement.to.as_str(), now)?)
    }

    fn bank_url(&self, desk: &Desk, bank: &Short) -> Result<String, Fault> {
        let bank = desk.keys().bank(bank).ok_or(Code::AccountForeign)?;
        Ok(bank.url.as_str().to_owned())
    }
}

fn success(response: &HttpResponse) -> Result<(), Fault> {
    if response.status().is_success() { Ok(()) } else { Err(Code::PeerUnreachable.into()) }
}

/// A settlement's own id, made from the operation and the attempt that need it.
fn settlement_id(task: &Task) -> OperationId {
    let mut seed = task.operation.0.to_vec();
    seed.extend(task.attempts.to_be_bytes());
    OperationId(Digest::of("koban/v1/settlement-id", &seed).prefix())
}
