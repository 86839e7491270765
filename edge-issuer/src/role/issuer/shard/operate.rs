//! One operation from its request to its stored answer.

use std::collections::BTreeMap;

use http::StatusCode;
use koban_protocol::amount::Amount;
use koban_protocol::id::{Digest, OperationId, ParticipantId, Shard as ShardNumber};
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::{
    Answered, Desk, HeldClaim, Made, Ordered, Prepared, Rejected, outer,
};
use koban_protocol::refusal::{Code, Refusal};
use koban_protocol::sealed::{self, Route};
use koban_protocol::statement::{RegisterKeys, RegisterNote, Transfer};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, List};

use super::super::message::{Decision, DecisionOrder, LiveAnswer};
use super::Shard;
use super::store::{Finished, Known, OpenOperation, State};
use super::task::{Task, TaskKind};
use super::total::Figure;
use crate::answer::{CBOR, Fault, body};
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql, StoreError};

/// What other shards must give up for an operation.
pub(super) type Remote = BTreeMap<u16, (Vec<CoinBody>, Vec<HeldClaim>)>;

/// An operation's inputs, by where they live.
struct Placed {
    home: (Vec<CoinBody>, Vec<HeldClaim>),
    remote: Remote,
}

/// Why a transaction of the ledger did not commit an operation.
enum Undone {
    /// These coins are not live; held value is missing if there are none.
    Missing(Vec<CoinBody>),
    /// Somebody else finished it meanwhile.
    Overtaken,
    /// Told in clear and not stored: the same order may be good later.
    Refused(Code),
    Store(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<H: ObjectHost> Shard<H> {
    /// Carries an operation out, or repeats its stored answer.
    pub(super) async fn operate(&self, request: Vec<u8>) -> Result<HttpResponse, Fault> {
        let sealed = outer(&request).map_err(|_| Code::Malformed)?;
        let hash = request_hash(&request);
        match self.store().known(sealed.operation, hash)? {
            Known::Answered(answer) => return Ok(sealed_answer(answer)),
            Known::Acknowledged => return Err(Code::Acknowledged.into()),
            Known::Other => return Err(Code::OperationReused.into()),
            Known::Open(open) => return self.drive(open).await,
            Known::New => {}
        }
        let desk = self.desk().await?;
        let now = self.host.now();
        let (prepared, refunds) = match desk.prepare(&sealed, now, self.host.entropy()) {
            Ok(Ordered::Moves(prepared)) => (*prepared, None),
            Ok(Ordered::Unloads(due)) => {
                let originator = self.originator().await?;
                match due.release(&desk, &originator, now, self.host.entropy()) {
                    Ok(prepared) => (prepared, None),
                    Err(rejected) => return rejection(rejected),
                }
            }
            Ok(Ordered::Refunds(due)) => {
                let live =
                    self.recorded(&desk, sealed.operation, due.holder(), due.currency()).await?;
                match due.replace(&live, self.host.entropy()) {
                    Ok(prepared) => {
                        let live = LiveAnswer::new(live).unwrap_or_default();
                        (prepared, Some(wire::encode(&live)))
                    }
                    Err(rejected) => return rejection(rejected),
                }
            }
            Err(rejected) => return rejection(rejected),
        };
        let placed = self.place(&desk, &prepared);
        let debits = prepared.movement().inputs().debit.is_some();
        if !debits && placed.remote.is_empty() {
            return self.commit(&desk, &prepared, &placed, hash, now, Known::New).await;
        }
        let state = if debits { State::Debiting } else { State::Claiming };
        let open = OpenOperation { id: sealed.operation, state, started: now, request, refunds };
        match self.begin(&open, &prepared, &placed, hash) {
            Ok(()) => {}
            Err(Undone::Store(error)) => return Err(error.into()),
            Err(Undone::Overtaken) => return Err(Code::Pending.into()),
            Err(Undone::Refused(code)) => return Err(code.into()),
            Err(Undone::Missing(mut missing)) => {
                missing.extend(self.missing_remote(&placed.remote).await?);
                return self.refuse_missing(&desk, &prepared, missing, hash).await;
            }
        }
        self.wake(now.plus(2)).await?;
        self.drive(open).await
    }

    /// Goes on with an open operation: asks the bank or the other shards, then commits or refuses.
    pub(super) async fn drive(&self, open: OpenOperation) -> Result<HttpResponse, Fault> {
        let desk = self.desk().await?;
        let hash = request_hash(&open.request);
        let prepared = self.reopen(&desk, &open)?;
        let placed = self.place(&desk, &prepared);
        match open.state {
            State::Debiting => match self.debit(&desk, &prepared).await? {
                Ok(()) => {}
                Err(code) => {
                    let refused = prepared.refused(code.into(), self.host.entropy());
                    return self.refuse(&prepared, &placed, refused, hash).await;
                }
            },
            State::Claiming => {
                let (missing, held_missing) = self.claim_remote(&prepared, &placed.remote).await?;
                if !missing.is_empty() {
                    return self.refuse_missing(&desk, &prepared, missing, hash).await;
                }
                if held_missing {
                    let refused = prepared.refused(Code::AmountInvalid.into(), self.host.entropy());
                    return self.refuse(&prepared, &placed, refused, hash).await;
                }
            }
            State::Done | State::Refused => return Err(Code::Pending.into()),
        }
        let now = self.host.now();
        self.commit(&desk, &prepared, &placed, hash, now, Known::Open(open)).await
    }

    /// Opens a kept request again, as of the time it was first checked.
    fn reopen(&self, desk: &Desk, open: &OpenOperation) -> Result<Prepared, Fault> {
        let sealed = outer(&open.request).map_err(|_| StoreError::Column("request"))?;
        let again = StoreError::Invariant("an operation that was checked does not check again");
        match desk.prepare(&sealed, open.started, self.host.entropy()) {
            Ok(Ordered::Moves(prepared)) => Ok(*prepared),
            Ok(Ordered::Refunds(due)) => {
                let refunds = open.refunds.as_deref().ok_or(StoreError::Column("refunds"))?;
                let live: LiveAnswer =
                    wire::decode_exact(refunds).map_err(|_| StoreError::Column("refunds"))?;
                due.replace(&live, self.host.entropy()).map_err(|_| again.into())
            }
            // An unload asks nobody and so is never left open.
            Ok(Ordered::Unloads(_)) | Err(_) => Err(again.into()),
        }
    }

    fn place(&self, desk: &Desk, prepared: &Prepared) -> Placed {
        let shards = desk.keys().shards;
        let here = prepared.operation().shard(shards);
        let mut placed = Placed { home: (Vec::new(), Vec::new()), remote: Remote::new() };
        let inputs = prepared.movement().inputs();
        for coin in inputs.coins.iter().map(|coin| *coin.body()) {
            match coin.id.shard(shards) {
                at if at == here => placed.home.0.push(coin),
                ShardNumber(at) => placed.remote.entry(at).or_default().0.push(coin),
            }
        }
        for claim in inputs.held.iter().cloned() {
            match claim.payment.shard(shards) {
                at if at == here => placed.home.1.push(claim),
                ShardNumber(at) => placed.remote.entry(at).or_default().1.push(claim),
            }
        }
        placed
    }

    /// Writes an operation down before anybody else is asked, and claims its coins that live here.
    fn begin(
        &self,
        open: &OpenOperation,
        prepared: &Prepared,
        placed: &Placed,
        hash: Digest,
    ) -> Result<(), Undone> {
        self.host.sql().transaction(|| {
            let store = self.store();
            if !matches!(store.known(open.id, hash)?, Known::New) {
                return Err(Undone::Overtaken);
            }
            self.check_home(prepared, placed)?;
            store.claim(&placed.home.0, &placed.home.1, open.id)?;
            if let Some((_, _, amount)) = &prepared.movement().inputs().debit {
                store.add(Figure::Debiting, *amount, 1)?;
            }
            Ok(store.begin(open, hash)?)
        })
    }

    /// That the inputs which live here are live and free.
    fn check_home(&self, prepared: &Prepared, placed: &Placed) -> Result<(), Undone> {
        let store = self.store();
        let (coins, held) = &placed.home;
        let operation = prepared.operation();
        let missing = store.missing(coins, operation)?;
        let owner = prepared.movement().inputs().owner;
        if !missing.is_empty() || !store.held_is_there(held, owner, operation)? {
            return Err(Undone::Missing(missing));
        }
        Ok(())
    }

    /// The transaction of an operation (VC-11): inputs erased, outputs made, answer stored, totals
    /// moved, tasks written; all or nothing. Conservation is asserted before it is kept
    /// (VC-10).
    async fn commit(
        &self,
        desk: &Desk,
        prepared: &Prepared,
        placed: &Placed,
        hash: Digest,
        now: Time,
        from: Known,
    ) -> Result<HttpResponse, Fault> {
        let made = prepared.strike(desk, now, self.host.entropy());
        let tasks = self.tasks(desk, prepared, placed, &made).await?;
        let bodies: Vec<CoinBody> = made.fresh.iter().chain(&made.change).map(|c| c.body).collect();
        let answered = prepared.done(made, desk, now, self.host.entropy());
        let answer = wire::encode(&answered.answer);
        let done = self.host.sql().transaction(|| {
            let store = self.store();
            let movement = prepared.movement();
            let currency = movement.amount().currency();
            let before = store.liability(currency)?;
            match (store.known(prepared.operation(), hash)?, &from) {
                (Known::New, Known::New) => self.check_home(prepared, placed)?,
                (Known::Open(_), Known::Open(_)) => {}
                _ => return Err(Undone::Overtaken),
            }
            self.take(prepared, placed)?;
            store.insert_coins(&bodies)?;
            self.give(prepared)?;
            let debit = movement.inputs().debit.as_ref().map_or(0, |(_, _, debit)| debit.minor());
            let debited = i64::try_from(debit).unwrap_or(i64::MAX);
            for task in &tasks {
                if task.kind == TaskKind::Settle {
                    store.add(Figure::Settling, task.amount, 1)?;
                }
                store.add_task(task, now)?;
            }
            if store.liability(currency)?.checked_sub(before) != Some(debited) {
                return Err(StoreError::Invariant("conservation of cash").into());
            }
            Ok(store.finish(finished(prepared, hash, State::Done, now, &answered))?)
        });
        match done {
            Ok(()) => {
                if !tasks.is_empty() {
                    self.wake(now).await?;
                }
                Ok(sealed_answer(answer))
            }
            Err(Undone::Store(error)) => Err(error.into()),
            Err(Undone::Overtaken) => self.stored(prepared.operation(), hash),
            Err(Undone::Refused(code)) => Err(code.into()),
            Err(Undone::Missing(missing)) => {
                self.refuse_missing(desk, prepared, missing, hash).await
            }
        }
    }

    /// Takes an operation's inputs out of the rows and totals of this shard.
    fn take(&self, prepared: &Prepared, placed: &Placed) -> Result<(), Undone> {
        let store = self.store();
        store.erase_coins(&placed.home.0)?;
        store.erase_held(&placed.home.1)?;
        let inputs = prepared.movement().inputs();
        if let Some((_, _, amount)) = &inputs.debit {
            store.add(Figure::Debiting, *amount, -1)?;
        }
        if let Some(amount) = inputs.card {
            if !store.cards_hold(amount)? {
                return Err(Undone::Refused(Code::ClearingUneven));
            }
            if !store.take_release(prepared.operation())? {
                return Err(Undone::Refused(Code::OperationReused));
            }
            store.add(Figure::Cards, amount, -1)?;
        }
        Ok(())
    }

    /// Books an operation's outputs that are no coins.
    fn give(&self, prepared: &Prepared) -> Result<(), StoreError> {
        let store = self.store();
        let outputs = prepared.movement().outputs();
        if let Some((owner, amount)) = outputs.held {
            store.insert_held(prepared.operation(), owner, amount)?;
        }
        if let Some((_, amount)) = &outputs.credit {
            store.add(Figure::Owed, *amount, 1)?;
        }
        if let Some(amount) = outputs.card {
            store.add(Figure::Cards, amount, 1)?;
        }
        Ok(())
    }

    /// What an operation leaves to be told to others.
    async fn tasks(
        &self,
        desk: &Desk,
        prepared: &Prepared,
        placed: &Placed,
        made: &Made,
    ) -> Result<Vec<Task>, Fault> {
        let operation = prepared.operation();
        let mut tasks = Vec::new();
        if let Some((account, amount)) = &prepared.movement().outputs().credit {
            let transfer = Transfer { operation, account: account.clone(), amount: *amount };
            let body = wire::encode(&desk.sign(&transfer));
            let bank = account.bank.as_str().to_owned();
            tasks.push(Task::new(operation, TaskKind::Credit, bank, body, *amount));
        }
        for (shard, (coins, held)) in &placed.remote {
            let amounts = coins.iter().map(CoinBody::amount).chain(held.iter().map(|h| h.amount));
            let mut worth = Amount::zero(prepared.movement().amount().currency());
            for amount in amounts {
                worth = worth.checked_add(amount).map_err(|_| Code::AmountInvalid)?;
            }
            let order = DecisionOrder { operation, decision: Decision::Settle };
            let body = wire::encode(&order);
            tasks.push(Task::new(operation, TaskKind::Settle, shard.to_string(), body, worth));
        }
        if let Some(holder) = prepared.movement().outputs().holder {
            tasks.push(self.note_task(desk, prepared, holder, made).await?);
        }
        Ok(tasks)
    }

    /// Has the register note whom the coins were made for, sealed so that only the register can
    /// read it (VC-8).
    async fn note_task(
        &self,
        desk: &Desk,
        prepared: &Prepared,
        holder: ParticipantId,
        made: &Made,
    ) -> Result<Task, Fault> {
        let register = peer::keys_of::<RegisterKeys, _>(&self.host, "register").await?;
        let operation = prepared.operation();
        let coins = List::new(made.fresh.iter().map(|coin| coin.body.id).collect());
        let coins = coins.unwrap_or_default();
        let expiry = made.fresh.first().map(|coin| coin.body.expiry);
        let until = expiry.unwrap_or(self.host.now().day()).plus(desk.keys().refresh_days);
        let note = desk.sign(&RegisterNote { operation, holder, coins, until });
        let entropy = self.host.entropy();
        let sealed = sealed::seal(Route::Note, operation, &register.sealing, &note, entropy);
        let body = wire::encode(&sealed.map_err(|_| Code::Internal)?.0);
        let nothing = Amount::zero(prepared.movement().amount().currency());
        Ok(Task::new(operation, TaskKind::Note, "register".into(), body, nothing))
    }

    async fn refuse_missing(
        &self,
        desk: &Desk,
        prepared: &Prepared,
        missing: Vec<CoinBody>,
        hash: Digest,
    ) -> Result<HttpResponse, Fault> {
        let (now, entropy) = (self.host.now(), self.host.entropy());
        let refused = if missing.is_empty() {
            prepared.refused(Refusal::from(Code::AmountInvalid), entropy)
        } else {
            prepared.not_live(missing, desk, now, entropy)
        };
        let placed = self.place(desk, prepared);
        self.refuse(prepared, &placed, refused, hash).await
    }

    /// Stores a refusal and frees whatever was claimed.
    async fn refuse(
        &self,
        prepared: &Prepared,
        placed: &Placed,
        refused: Answered,
        hash: Digest,
    ) -> Result<HttpResponse, Fault> {
        let now = self.host.now();
        let operation = prepared.operation();
        let zero = Amount::zero(prepared.movement().amount().currency());
        let answer = wire::encode(&refused.answer);
        let done = self.host.sql().transaction(|| {
            let store = self.store();
            let begun = match store.known(operation, hash)? {
                Known::New => false,
                Known::Open(_) => true,
                _ => return Err(Undone::Overtaken),
            };
            if begun {
                store.release(operation)?;
                if let Some((_, _, amount)) = &prepared.movement().inputs().debit {
                    store.add(Figure::Debiting, *amount, -1)?;
                }
                for shard in placed.remote.keys() {
                    let order = DecisionOrder { operation, decision: Decision::Release };
                    let (kind, target) = (TaskKind::Release, shard.to_string());
                    let task = Task::new(operation, kind, target, wire::encode(&order), zero);
                    store.add_task(&task, now)?;
                }
            }
            Ok(store.finish(finished(prepared, hash, State::Refused, now, &refused))?)
        });
        match done {
            Ok(()) => {
                if !placed.remote.is_empty() {
                    self.wake(now).await?;
                }
                Ok(sealed_answer(answer))
            }
            Err(Undone::Store(error)) => Err(error.into()),
            Err(Undone::Overtaken | Undone::Missing(_) | Undone::Refused(_)) => {
                self.stored(operation, hash)
            }
        }
    }

    /// The answer that another run of the same operation has stored.
    fn stored(&self, operation: OperationId, hash: Digest) -> Result<HttpResponse, Fault> {
        match self.store().known(operation, hash)? {
            Known::Answered(answer) => Ok(sealed_answer(answer)),
            Known::Acknowledged => Err(Code::Acknowledged.into()),
            Known::Other => Err(Code::OperationReused.into()),
            Known::New | Known::Open(_) => Err(Code::Pending.into()),
        }
    }
}

fn request_hash(request: &[u8]) -> Digest {
    Digest::of("koban/v1/sealed-request", request)
}

fn sealed_answer(answer: Vec<u8>) -> HttpResponse {
    body(StatusCode::OK, CBOR, answer)
}

fn rejection(rejected: Rejected) -> Result<HttpResponse, Fault> {
    match rejected {
        Rejected::Unopened(code) => Err(code.into()),
        Rejected::Opened(answer) => Ok(sealed_answer(wire::encode(&answer))),
    }
}

fn finished(
    prepared: &Prepared,
    hash: Digest,
    state: State,
    at: Time,
    answered: &Answered,
) -> Finished {
    Finished {
        id: prepared.operation(),
        hash,
        state,
        at,
        answer: wire::encode(&answered.answer),
        for_payer: answered.for_payer.as_ref().map(wire::encode),
        acknowledgement: prepared.acknowledgement().0,
    }
}
