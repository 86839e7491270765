//! Notes and the log at rest: encrypted under a key from the register's seed, found by keyed
//! digests.

use koban_protocol::entropy::Entropy;
use koban_protocol::id::{CoinId, ParticipantId};
use koban_protocol::key::Seed;
use koban_protocol::limits::NOTED_COINS_MAX;
use koban_protocol::refusal::Code;
use koban_protocol::statement::{NotedCoins, RegisterLookup, RegisterNote};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::{self, Wire};
use serde::Serialize;

use crate::answer::Fault;
use crate::role::vault::Vault;
use crate::sql::{Row, Sql, StoreError};

/// How many look-ups the log shows.
const LOG_SHOWN_MAX: u32 = 1000;

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS note(
        id INTEGER PRIMARY KEY, operation BLOB NOT NULL UNIQUE, holder BLOB NOT NULL,
        until INTEGER NOT NULL, sealed BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS note_of_holder ON note(holder, id)",
    "CREATE INDEX IF NOT EXISTS note_until ON note(until)",
    "CREATE TABLE IF NOT EXISTS lookup(
        id INTEGER PRIMARY KEY, operation BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL)",
];

/// Makes the tables. `operation` and `holder` are keyed digests; `until` is a day.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    TABLES.into_iter().try_for_each(|table| sql.run(table, &[]).map(drop))
}

/// A look-up as the log shows it.
#[derive(Serialize)]
pub(super) struct Logged {
    at: u64,
    reason: String,
    operation: String,
    holder: String,
}

/// The keys of what is at rest.
pub(super) struct Store {
    index: Seed,
    notes: Vault,
    log: Vault,
}

impl Store {
    pub(super) fn new(seed: &Seed) -> Self {
        Self {
            index: seed.derive(&[b"register-index"]),
            notes: Vault::new(seed, &[b"register-notes"]),
            log: Vault::new(seed, &[b"register-log"]),
        }
    }

    /// Keeps a note, once per operation.
    ///
    /// # Errors
    /// [`Code::OperationReused`] if the operation noted something else.
    pub(super) fn note<S: Sql>(
        &self,
        sql: &S,
        note: &RegisterNote,
        entropy: Entropy,
    ) -> Result<(), Fault> {
        let operation = self.digest(b"note", &note.operation.0);
        let query = "SELECT sealed FROM note WHERE operation = ?";
        if let Some(row) = sql.row(query, &[operation.into()])? {
            let known: RegisterNote = opened(&self.notes, &operation, &row)?;
            return if known == *note { Ok(()) } else { Err(Code::OperationReused.into()) };
        }
        let sealed = self.notes.seal(&operation, &wire::encode(note), entropy)?;
        sql.run(
            "INSERT INTO note(operation, holder, until, sealed) VALUES(?, ?, ?, ?)",
            &[
                operation.into(),
                self.digest(b"holder", &note.holder.0).into(),
                note.until.0.into(),
                sealed.into(),
            ],
        )?;
        Ok(())
    }

    /// The coins noted for a holder, newest note first, at most [`NOTED_COINS_MAX`].
    pub(super) fn coins_of<S: Sql>(
        &self,
        sql: &S,
        holder: &ParticipantId,
    ) -> Result<NotedCoins, StoreError> {
        let index = self.digest(b"holder", &holder.0);
        let rows = sql.run(
            "SELECT operation, sealed FROM note WHERE holder = ? ORDER BY id DESC LIMIT ?",
            &[index.into(), u64::try_from(NOTED_COINS_MAX).unwrap_or(u64::MAX).into()],
        )?;
        let mut coins: Vec<CoinId> = Vec::new();
        for row in rows {
            if coins.len() >= NOTED_COINS_MAX {
                break;
            }
            let note: RegisterNote = opened(&self.notes, row.blob("operation")?, &row)?;
            if note.holder != *holder {
                return Err(StoreError::Invariant("a note is indexed by its holder"));
            }
            coins.extend(note.coins.iter());
        }
        coins.truncate(NOTED_COINS_MAX);
        Ok(NotedCoins::new(coins).unwrap_or_default())
    }

    /// Writes a look-up down, once per operation. Repeating it, be it at another time, is the same
    /// look-up.
    ///
    /// # Errors
    /// [`Code::OperationReused`] if the operation looked up another holder or for another reason;
    /// [`Code::ClockSkew`] if a new look-up is not of now.
    pub(super) fn log<S: Sql>(
        &self,
        sql: &S,
        lookup: &RegisterLookup,
        now: Time,
        entropy: Entropy,
    ) -> Result<(), Fault> {
        let operation = self.digest(b"lookup", &lookup.operation.0);
        let query = "SELECT sealed FROM lookup WHERE operation = ?";
        if let Some(row) = sql.row(query, &[operation.into()])? {
            let known: RegisterLookup = opened(&self.log, &operation, &row)?;
            let same = known.holder == lookup.holder && known.reason == lookup.reason;
            return if same { Ok(()) } else { Err(Code::OperationReused.into()) };
        }
        if !lookup.at.is_near(now) {
            return Err(Code::ClockSkew.into());
        }
        let sealed = self.log.seal(&operation, &wire::encode(lookup), entropy)?;
        sql.run(
            "INSERT INTO lookup(operation, sealed) VALUES(?, ?)",
            &[operation.into(), sealed.into()],
        )?;
        Ok(())
    }

    /// The newest look-ups.
    pub(super) fn logged<S: Sql>(&self, sql: &S) -> Result<Vec<Logged>, StoreError> {
        let query = "SELECT operation, sealed FROM lookup ORDER BY id DESC LIMIT ?";
        let rows = sql.run(query, &[LOG_SHOWN_MAX.into()])?;
        let shown = rows.iter().map(|row| {
            let lookup: RegisterLookup = opened(&self.log, row.blob("operation")?, row)?;
            Ok(Logged {
                at: lookup.at.0,
                reason: lookup.reason.to_string(),
                operation: lookup.operation.to_string(),
                holder: lookup.holder.to_string(),
            })
        });
        shown.collect()
    }

    /// Drops the notes whose last day lies before `today`.
    pub(super) fn drop_before<S: Sql>(&self, sql: &S, today: Day) -> Result<(), StoreError> {
        sql.run("DELETE FROM note WHERE until < ?", &[today.0.into()])?;
        Ok(())
    }

    /// The last day of the note that is dropped next.
    pub(super) fn next_drop<S: Sql>(&self, sql: &S) -> Result<Option<Day>, StoreError> {
        let row = sql.row("SELECT until FROM note ORDER BY until LIMIT 1", &[])?;
        let day =
            |row: Row| u32::try_from(row.u64("until")?).map_err(|_| StoreError::Column("until"));
        Ok(row.map(day).transpose()?.map(Day))
    }

    /// `HKDF-SHA256(index key, purpose || id)`, an HMAC: the same id gives the same bytes, which
    /// tell nothing of it to whoever lacks the key.
    fn digest(&self, purpose: &[u8], id: &[u8; 16]) -> [u8; 32] {
        *self.index.derive(&[purpose, id]).expose()
    }
}

/// The statement in a row, whose place is its keyed operation.
fn opened<T: Wire>(vault: &Vault, place: &[u8], row: &Row) -> Result<T, StoreError> {
    let plain = vault.open(place, row.blob("sealed")?)?;
    wire::decode_exact(&plain).map_err(|_| StoreError::Column("sealed"))
}
