//! The cards there are: keys, classes, what is known of their logs, what was found out about them.

use koban_protocol::id::Digest;
use koban_protocol::key::VerifyingKey;
use koban_protocol::offline::purse::wire::{CardCertificate, CardId, Class, Order};
use koban_protocol::refusal::Code;
use koban_protocol::time::{Day, Time};
use koban_protocol::wire;

use crate::answer::Fault;
use crate::sql::{Row, Sql, StoreError};

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS card(
        id BLOB PRIMARY KEY, class INTEGER NOT NULL, key BLOB UNIQUE NOT NULL,
        expires INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
        entries INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0,
        directive INTEGER NOT NULL DEFAULT 0)",
    // the log's head after so many entries
    "CREATE TABLE IF NOT EXISTS head(
        card BLOB NOT NULL, entries INTEGER NOT NULL, head BLOB NOT NULL,
        PRIMARY KEY(card, entries)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS waiting(
        id INTEGER PRIMARY KEY, card BLOB NOT NULL, content BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS finding(
        id INTEGER PRIMARY KEY, card BLOB NOT NULL, kind TEXT NOT NULL, bytes BLOB NOT NULL,
        at INTEGER NOT NULL, UNIQUE(card, kind))",
];

/// A card as the originator knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) id: CardId,
    pub(super) class: Class,
    pub(super) key: VerifyingKey,
    pub(super) expires: Day,
    pub(super) closed: bool,
    /// Entries of its log that are booked.
    pub(super) entries: u32,
    /// Its number in the last of them: what it did under a lower one is known.
    pub(super) last: u32,
}

/// What only a card that is not as it was made can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Two logs, or two payments under one number: rolled back or copied.
    Forked,
    /// It holds, or has paid, more than it ever got (MONDEX-3).
    Created,
    /// It says that it was paid, without the payer's signature: an opened module.
    Forged,
    /// An entry that no card of ours writes.
    Impossible,
    /// A card paid it, and it is no card of ours, or none that is paid so: somebody else has a
    /// segment's key. The card named may know nothing of it.
    Unmade,
}

impl Finding {
    const fn name(self) -> &'static str {
        match self {
            Self::Forked => "forked",
            Self::Created => "created",
            Self::Forged => "forged",
            Self::Impossible => "impossible",
            Self::Unmade => "unmade",
        }
    }
}

const fn number_of(class: Class) -> u8 {
    match class {
        Class::Virtual => 0,
        Class::Purse => 1,
        Class::Terminal => 2,
    }
}

fn known(row: &Row) -> Result<Known, StoreError> {
    let small = |name| u32::try_from(row.u64(name)?).map_err(|_| StoreError::Column(name));
    let classes = [Class::Virtual, Class::Purse, Class::Terminal];
    let number = row.u64("class")?;
    let class = classes.into_iter().find(|class| u64::from(number_of(*class)) == number);
    Ok(Known {
        id: CardId(row.bytes("id")?),
        class: class.ok_or(StoreError::Column("class"))?,
        key: VerifyingKey(row.bytes("key")?),
        expires: Day(small("expires")?),
        closed: row.u64("closed")? != 0,
        entries: small("entries")?,
        last: small("last")?,
    })
}

/// Makes the tables.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    for table in TABLES {
        sql.run(table, &[])?;
    }
    Ok(())
}

/// The cards in a database.
pub(super) struct Cards<'a, S>(pub(super) &'a S);

impl<S: Sql> Cards<'_, S> {
    pub(super) fn insert(&self, certificate: &CardCertificate) -> Result<(), StoreError> {
        let CardCertificate { card, class, key, expires, .. } = certificate;
        self.0.run(
            "INSERT INTO card(id, class, key, expires) VALUES(?, ?, ?, ?)",
            &[card.0.into(), number_of(*class).into(), key.0.into(), expires.0.into()],
        )?;
        Ok(())
    }

    pub(super) fn find(&self, card: CardId) -> Result<Option<Known>, StoreError> {
        let row = self.0.row("SELECT * FROM card WHERE id = ?", &[card.0.into()])?;
        row.as_ref().map(known).transpose()
    }

    /// The card.
    ///
    /// # Errors
    /// [`Code::CardUnknown`].
    pub(super) fn get(&self, card: CardId) -> Result<Known, Fault> {
        Ok(self.find(card)?.ok_or(Code::CardUnknown)?)
    }

    /// How many cards there are: of each class, in its order, and closed ones.
    pub(super) fn count(&self) -> Result<([u64; 3], u64), StoreError> {
        let row = self.0.row(
            "SELECT COUNT(CASE WHEN class = 0 THEN 1 END) AS virtuals,
                COUNT(CASE WHEN class = 1 THEN 1 END) AS purses,
                COUNT(CASE WHEN class = 2 THEN 1 END) AS terminals,
                COUNT(CASE WHEN closed <> 0 THEN 1 END) AS closed FROM card",
            &[],
        )?;
        let row = row.ok_or(StoreError::Column("closed"))?;
        let made = [row.u64("virtuals")?, row.u64("purses")?, row.u64("terminals")?];
        Ok((made, row.u64("closed")?))
    }

    pub(super) fn set_closed(&self, card: CardId, closed: bool) -> Result<(), StoreError> {
        let statement = "UPDATE card SET closed = ? WHERE id = ?";
        self.0.run(statement, &[closed.into(), card.0.into()])?;
        Ok(())
    }

    /// Keeps evidence about a card, the first of each kind, and closes it unless it may be
    /// innocent.
    pub(super) fn found(
        &self,
        card: CardId,
        finding: Finding,
        evidence: &[u8],
        at: Time,
    ) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO finding(card, kind, bytes, at) VALUES(?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
            &[card.0.into(), finding.name().into(), evidence.into(), at.0.into()],
        )?;
        if finding == Finding::Unmade { Ok(()) } else { self.set_closed(card, true) }
    }

    /// About how many cards what was found.
    pub(super) fn findings(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let query = "SELECT kind, COUNT(*) AS found FROM finding GROUP BY kind ORDER BY kind";
        let rows = self.0.run(query, &[])?;
        rows.iter().map(|row| Ok((row.text("kind")?.to_owned(), row.u64("found")?))).collect()
    }

    /// The head of a card's log after so many entries, if they are booked.
    pub(super) fn head(&self, card: CardId, entries: u32) -> Result<Option<Digest>, StoreError> {
        if entries == 0 {
            return Ok(Some(Digest([0; 32])));
        }
        let query = "SELECT head FROM head WHERE card = ? AND entries = ?";
        let row = self.0.row(query, &[card.0.into(), entries.into()])?;
        row.map(|row| Ok(Digest(row.bytes("head")?))).transpose()
    }

    /// One more entry is booked.
    pub(super) fn advance(
        &self,
        card: CardId,
        entries: u32,
        head: &Digest,
        last: u32,
    ) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO head(card, entries, head) VALUES(?, ?, ?)",
            &[card.0.into(), entries.into(), head.0.into()],
        )?;
        self.0.run(
            "UPDATE card SET entries = ?, last = ? WHERE id = ?",
            &[entries.into(), last.into(), card.0.into()],
        )?;
        Ok(())
    }

    /// Has an order wait for the card's next report.
    pub(super) fn queue(&self, card: CardId, order: &Order) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO waiting(card, content) VALUES(?, ?)",
            &[card.0.into(), wire::encode(order).into()],
        )?;
        Ok(())
    }

    /// How many orders wait for a card.
    pub(super) fn queued(&self, card: CardId) -> Result<usize, StoreError> {
        let rows = self.0.run("SELECT id FROM waiting WHERE card = ?", &[card.0.into()])?;
        Ok(rows.len())
    }

    /// The orders that waited for a card; they wait no more.
    pub(super) fn take_queued(&self, card: CardId) -> Result<Vec<Order>, StoreError> {
        let query = "SELECT content FROM waiting WHERE card = ? ORDER BY id";
        let rows = self.0.run(query, &[card.0.into()])?;
        self.0.run("DELETE FROM waiting WHERE card = ?", &[card.0.into()])?;
        let order = |row: &Row| {
            wire::decode_exact(row.blob("content")?).map_err(|_| StoreError::Column("content"))
        };
        rows.iter().map(order).collect()
    }

    /// The number of the next directive to a card; never given twice.
    pub(super) fn next_directive(&self, card: CardId) -> Result<u32, StoreError> {
        let row = self.0.row(
            "UPDATE card SET directive = directive + 1 WHERE id = ? RETURNING directive",
            &[card.0.into()],
        )?;
        let number = row.ok_or(StoreError::Column("directive"))?.u64("directive")?;
        u32::try_from(number).map_err(|_| StoreError::Invariant("a directive has a number"))
    }
}
