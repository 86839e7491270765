//! The ledger's rows: live coins, held value, operations, tasks, totals. Every function that
//! changes value is called inside one transaction together with the change of the totals (VC-10,
//! VC-11).

use koban_protocol::amount::{Amount, Currency, Denomination};
use koban_protocol::id::{CoinId, Digest, OperationId, ParticipantId};
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::HeldClaim;
use koban_protocol::time::{Day, Time};

use super::total::Figure;
use crate::sql::{Row, Sql, StoreError, Value};

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS coin(
        id BLOB PRIMARY KEY, currency TEXT NOT NULL, denomination INTEGER NOT NULL,
        expiry INTEGER NOT NULL, claim BLOB) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS coin_claim ON coin(claim) WHERE claim IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS held(
        payment BLOB PRIMARY KEY, owner BLOB NOT NULL, currency TEXT NOT NULL,
        minor INTEGER NOT NULL, claim BLOB) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS operation(
        id BLOB PRIMARY KEY, request_hash BLOB NOT NULL, state INTEGER NOT NULL,
        started INTEGER NOT NULL, request BLOB, refunds BLOB, answer BLOB, for_payer BLOB,
        acknowledgement BLOB) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS operation_open ON operation(state) WHERE state < 2",
    "CREATE TABLE IF NOT EXISTS task(
        id INTEGER PRIMARY KEY, operation BLOB NOT NULL, kind INTEGER NOT NULL,
        target TEXT NOT NULL, body BLOB NOT NULL, currency TEXT NOT NULL,
        minor INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS closed_claim(
        operation BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS unloaded(operation BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS total(
        currency TEXT PRIMARY KEY, coins INTEGER NOT NULL, held INTEGER NOT NULL,
        cards INTEGER NOT NULL, settling INTEGER NOT NULL, owed INTEGER NOT NULL,
        debiting INTEGER NOT NULL, transit INTEGER NOT NULL,
        version INTEGER NOT NULL) WITHOUT ROWID",
];

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The bank is being asked for the money.
    Debiting = 0,
    /// Other shards are being asked for their coins.
    Claiming = 1,
    /// Done; the answer is stored.
    Done = 2,
    /// Refused; the answer is stored, nothing was taken.
    Refused = 3,
}

impl State {
    fn of(number: u64) -> Result<Self, StoreError> {
        match number {
            0 => Ok(Self::Debiting),
            1 => Ok(Self::Claiming),
            2 => Ok(Self::Done),
            3 => Ok(Self::Refused),
            _ => Err(StoreError::Column("state")),
        }
    }
}

/// What is known of an operation id.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// It is under way.
    Open(OpenOperation),
    /// It has this answer.
    Answered(Vec<u8>),
    /// It had an answer, which its asker has acknowledged.
    Acknowledged,
    /// It was another message.
    Other,
}

/// An operation under way: the request is kept, and opened again to go on.
#[derive(Debug)]
pub(super) struct OpenOperation {
    pub(super) id: OperationId,
    pub(super) state: State,
    pub(super) started: Time,
    pub(super) request: Vec<u8>,
    pub(super) refunds: Option<Vec<u8>>,
}

pub(super) struct Store<'a, S>(pub(super) &'a S);

impl<S: Sql> Store<'_, S> {
    pub(super) fn create(&self) -> Result<(), StoreError> {
        TABLES.iter().try_for_each(|table| self.0.run(table, &[]).map(drop))
    }

    pub(super) fn known(&self, id: OperationId, hash: Digest) -> Result<Known, StoreError> {
        let Some(row) = self.0.row("SELECT * FROM operation WHERE id = ?", &[id.0.into()])? else {
            return Ok(Known::New);
        };
        if row.bytes::<32>("request_hash")? != hash.0 {
            return Ok(Known::Other);
        }
        match State::of(row.u64("state")?)? {
            State::Done | State::Refused if row.is_null("answer")? => Ok(Known::Acknowledged),
            State::Done | State::Refused => Ok(Known::Answered(row.blob("answer")?.to_vec())),
            State::Debiting | State::Claiming => Ok(Known::Open(open_operation(&row)?)),
        }
    }

    pub(super) fn open_operation(
        &self,
        id: OperationId,
    ) -> Result<Option<OpenOperation>, StoreError> {
        let row =
            self.0.row("SELECT * FROM operation WHERE id = ? AND state < 2", &[id.0.into()])?;
        row.map(|row| open_operation(&row)).transpose()
    }

    pub(super) fn open_operations(&self) -> Result<Vec<OperationId>, StoreError> {
        let rows = self.0.run("SELECT id FROM operation WHERE state < 2 LIMIT 64", &[])?;
        rows.iter().map(|row| row.bytes("id").map(OperationId)).collect()
    }

    pub(super) fn begin(&self, open: &OpenOperation, hash: Digest) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO operation(id, request_hash, state, started, request, refunds)
             VALUES(?, ?, ?, ?, ?, ?)",
            &[
                open.id.0.into(),
                hash.0.into(),
                (open.state as u8).into(),
                open.started.0.into(),
                open.request.clone().into(),
                open.refunds.clone().into(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn finish(&self, finished: Finished) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO operation(id, request_hash, state, started, answer, for_payer,
                acknowledgement) VALUES(?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT(id) DO UPDATE SET state = excluded.state, answer = excluded.answer,
                for_payer = excluded.for_payer, acknowledgement = excluded.acknowledgement,
                request = NULL, refunds = NULL",
            &[
                finished.id.0.into(),
                finished.hash.0.into(),
                (finished.state as u8).into(),
                finished.at.0.into(),
                finished.answer.into(),
                finished.for_payer.into(),
                finished.acknowledgement.into(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn for_payer(&self, id: OperationId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.0.row(
            "SELECT for_payer FROM operation WHERE id = ? AND for_payer IS NOT NULL",
            &[id.0.into()],
        )?;
        row.map(|row| Ok(row.blob("for_payer")?.to_vec())).transpose()
    }

    /// Drops a stored answer once its asker says it is safe; gives whether the word was right.
    pub(super) fn acknowledge(&self, id: OperationId, word: &[u8]) -> Result<bool, StoreError> {
        let row = self.0.row(
            "UPDATE operation SET answer = NULL
             WHERE id = ? AND acknowledgement = ? AND state = 2 RETURNING id",
            &[id.0.into(), word.into()],
        )?;
        Ok(row.is_some())
    }

    /// Those of `coins` that are not live, or claimed by an operation other than `operation`.
    pub(super) fn missing(
        &self,
        coins: &[CoinBody],
        operation: OperationId,
    ) -> Result<Vec<CoinBody>, StoreError> {
        let mut missing = Vec::new();
        for coin in coins {
            let row = self.0.row(
                "SELECT currency, denomination, expiry FROM coin
                 WHERE id = ? AND (claim IS NULL OR claim = ?)",
                &[coin.id.0.into(), operation.0.into()],
            )?;
            match row {
                None => missing.push(*coin),
                Some(row) if coin_of(coin.id, &row)? == *coin => {}
                Some(_) => return Err(StoreError::Invariant("a good tag on another coin")),
            }
        }
        Ok(missing)
    }

    /// Whether all held value is there, of that amount and owner, and not claimed by another
    /// operation.
    pub(super) fn held_is_there(
        &self,
        held: &[HeldClaim],
        owner: Option<ParticipantId>,
        operation: OperationId,
    ) -> Result<bool, StoreError> {
        for claim in held {
            let row = self.0.row(
                "SELECT owner, currency, minor FROM held
                 WHERE payment = ? AND (claim IS NULL OR claim = ?)",
                &[claim.payment.0.into(), operation.0.into()],
            )?;
            let Some(row) = row else { return Ok(false) };
            let owned = owner.is_some_and(|owner| row.bytes("owner") == Ok(owner.0));
            if !owned || amount_of(&row)? != claim.amount {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn claim(
        &self,
        coins: &[CoinBody],
        held: &[HeldClaim],
        operation: OperationId,
    ) -> Result<(), StoreError> {
        for coin in coins {
            let arguments = [operation.0.into(), coin.id.0.into()];
            self.0.run("UPDATE coin SET claim = ? WHERE id = ?", &arguments)?;
        }
        for claim in held {
            let arguments = [operation.0.into(), claim.payment.0.into()];
            self.0.run("UPDATE held SET claim = ? WHERE payment = ?", &arguments)?;
        }
        Ok(())
    }

    pub(super) fn release(&self, operation: OperationId) -> Result<(), StoreError> {
        self.0.run("UPDATE coin SET claim = NULL WHERE claim = ?", &[operation.0.into()])?;
        self.0.run("UPDATE held SET claim = NULL WHERE claim = ?", &[operation.0.into()])?;
        Ok(())
    }

    /// Erases spent coins (VC-9) and takes them out of the total.
    pub(super) fn erase_coins(&self, coins: &[CoinBody]) -> Result<(), StoreError> {
        for coin in coins {
            let erased =
                self.0.row("DELETE FROM coin WHERE id = ? RETURNING id", &[coin.id.0.into()])?;
            if erased.is_none() {
                return Err(StoreError::Invariant("a coin to be erased is not there"));
            }
            self.add(Figure::Coins, coin.amount(), -1)?;
        }
        Ok(())
    }

    pub(super) fn erase_held(&self, held: &[HeldClaim]) -> Result<(), StoreError> {
        for claim in held {
            let arguments = [claim.payment.0.into()];
            let erased =
                self.0.row("DELETE FROM held WHERE payment = ? RETURNING payment", &arguments)?;
            if erased.is_none() {
                return Err(StoreError::Invariant("held value to be erased is not there"));
            }
            self.add(Figure::Held, claim.amount, -1)?;
        }
        Ok(())
    }

    /// Erases everything an operation has claimed here.
    pub(super) fn settle(&self, operation: OperationId) -> Result<(), StoreError> {
        let claimed = [operation.0.into()];
        for row in self.0.run("SELECT * FROM coin WHERE claim = ?", &claimed)? {
            self.erase_coins(&[coin_of(CoinId(row.bytes("id")?), &row)?])?;
        }
        for row in self.0.run("SELECT * FROM held WHERE claim = ?", &claimed)? {
            let payment = OperationId(row.bytes("payment")?);
            self.erase_held(&[HeldClaim { payment, amount: amount_of(&row)? }])?;
        }
        Ok(())
    }

    pub(super) fn insert_coins(&self, coins: &[CoinBody]) -> Result<(), StoreError> {
        for coin in coins {
            self.0.run(
                "INSERT INTO coin(id, currency, denomination, expiry) VALUES(?, ?, ?, ?)",
                &[
                    coin.id.0.into(),
                    coin.currency.code().into(),
                    coin.denomination.exponent().into(),
                    coin.expiry.0.into(),
                ],
            )?;
            self.add(Figure::Coins, coin.amount(), 1)?;
        }
        Ok(())
    }

    pub(super) fn insert_held(
        &self,
        payment: OperationId,
        owner: ParticipantId,
        amount: Amount,
    ) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO held(payment, owner, currency, minor) VALUES(?, ?, ?, ?)",
            &[
                payment.0.into(),
                owner.0.into(),
                amount.currency().code().into(),
                amount.minor().into(),
            ],
        )?;
        self.add(Figure::Held, amount, 1)
    }

    /// Takes a release, which is good once and has no end: its operation is kept for ever. Gives
    /// whether it was good.
    pub(super) fn take_release(&self, operation: OperationId) -> Result<bool, StoreError> {
        let taken = self.0.row(
            "INSERT INTO unloaded(operation) VALUES(?) ON CONFLICT DO NOTHING RETURNING operation",
            &[operation.0.into()],
        )?;
        Ok(taken.is_some())
    }

    /// The live, unclaimed ones of `ids`.
    pub(super) fn live(&self, ids: &[CoinId]) -> Result<Vec<CoinBody>, StoreError> {
        let mut live = Vec::new();
        for id in ids {
            let query = "SELECT * FROM coin WHERE id = ? AND claim IS NULL";
            if let Some(row) = self.0.row(query, &[id.0.into()])? {
                live.push(coin_of(*id, &row)?);
            }
        }
        Ok(live)
    }

    pub(super) fn close_claim(&self, operation: OperationId, now: Time) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO closed_claim(operation, at) VALUES(?, ?) ON CONFLICT DO NOTHING",
            &[operation.0.into(), now.0.into()],
        )?;
        Ok(())
    }

    pub(super) fn claim_is_closed(&self, operation: OperationId) -> Result<bool, StoreError> {
        let query = "SELECT operation FROM closed_claim WHERE operation = ?";
        Ok(self.0.row(query, &[operation.0.into()])?.is_some())
    }

    /// Drops what nobody may ask for any more: answers after the dispute window, closed claims
    /// after a day.
    pub(super) fn prune(&self, now: Time) -> Result<(), StoreError> {
        const DISPUTE_WINDOW_S: u64 = 90 * 86_400;
        let before = |age: u64| Value::from(now.0.saturating_sub(age));
        self.0.run(
            "DELETE FROM operation WHERE state >= 2 AND started < ?",
            &[before(DISPUTE_WINDOW_S)],
        )?;
        self.0.run("DELETE FROM closed_claim WHERE at < ?", &[before(86_400)])?;
        Ok(())
    }
}

/// An operation's end.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) id: OperationId,
    pub(super) hash: Digest,
    pub(super) state: State,
    pub(super) at: Time,
    pub(super) answer: Vec<u8>,
    pub(super) for_payer: Option<Vec<u8>>,
    pub(super) acknowledgement: [u8; 16],
}

fn open_operation(row: &Row) -> Result<OpenOperation, StoreError> {
    let refunds = if row.is_null("refunds")? { None } else { Some(row.blob("refunds")?.to_vec()) };
    Ok(OpenOperation {
        id: OperationId(row.bytes("id")?),
        state: State::of(row.u64("state")?)?,
        started: Time(row.u64("started")?),
        request: row.blob("request")?.to_vec(),
        refunds,
    })
}

pub(super) fn currency_of(row: &Row) -> Result<Currency, StoreError> {
    Currency::new(row.text("currency")?).ok_or(StoreError::Column("currency"))
}

pub(super) fn amount_of(row: &Row) -> Result<Amount, StoreError> {
    Amount::new(currency_of(row)?, row.u64("minor")?).map_err(|_| StoreError::Column("minor"))
}

fn coin_of(id: CoinId, row: &Row) -> Result<CoinBody, StoreError> {
    let exponent = u8::try_from(row.u64("denomination")?).ok();
    let denomination = exponent.and_then(Denomination::new);
    let expiry = u32::try_from(row.u64("expiry")?).map_err(|_| StoreError::Column("expiry"))?;
    Ok(CoinBody {
        id,
        currency: currency_of(row)?,
        denomination: denomination.ok_or(StoreError::Column("denomination"))?,
        expiry: Day(expiry),
    })
}
