//! Exchanges that the originator knows of, each booked once: by its payer's number, and by its
//! digest, since a card that was copied pays twice under one number.
//!
//! ```text
//!           ┌─▶ arrived ◀──────────┐
//! payer ────┤                      │ the payee took it after all
//!           ├─▶ broken ────────────┤
//!           │                      └─▶ lost ──▶ loaded again
//!           └─▶ uncovered ─▶ arrived
//! ```
//!
//! What a purse or a terminal paid is booked even if its shadow account goes below zero: the payee
//! could not know. What a virtual card paid is booked only when its account covers it, since its
//! owner can copy it; until then the payee's account does not have it.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::Digest;
use koban_protocol::offline::purse::wire::{
    CardId, Class, Link, ORIGINATOR, Party, Transfer, Value,
};
use koban_protocol::signed::Statement as _;
use koban_protocol::time::Time;
use koban_protocol::wire;

use super::books::{Account, Books};
use super::cards::Cards;
use crate::sql::{Row, Sql, StoreError};

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS exchange(
        digest BLOB PRIMARY KEY, payer BLOB NOT NULL, number INTEGER NOT NULL,
        payee BLOB NOT NULL, payee_number INTEGER NOT NULL, content BLOB NOT NULL,
        place INTEGER NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS exchange_of_payer ON exchange(payer, number)",
    "CREATE INDEX IF NOT EXISTS exchange_of_payee ON exchange(payee, payee_number)",
    "CREATE INDEX IF NOT EXISTS exchange_to_settle ON exchange(payee, place)",
];

/// What is known of an exchange's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It left the payer, and the payee has it.
    Arrived,
    /// It left the payer, which gave the exchange up.
    Broken,
}

/// Where an exchange's value is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the payee.
    Arrived,
    /// See [`Account::Broken`].
    Broken,
    /// See [`Account::Lost`].
    Lost,
    /// Lost, and loaded again.
    Again,
    /// Still with the payer, a virtual card that may not hold as much.
    Uncovered,
}

impl Place {
    const ALL: [Self; 5] = [Self::Arrived, Self::Broken, Self::Lost, Self::Again, Self::Uncovered];

    const fn number(self) -> u8 {
        match self {
            Self::Arrived => 0,
            Self::Broken => 1,
            Self::Lost => 2,
            Self::Again => 3,
            Self::Uncovered => 4,
        }
    }
}

/// An exchange as it is booked.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) transfer: Transfer,
    pub(super) place: Place,
    /// Whether the payee's card has acknowledged it to the originator.
    pub(super) acknowledged: bool,
}

fn booked(row: &Row) -> Result<Booked, StoreError> {
    let place = row.u64("place")?;
    let found = Place::ALL.into_iter().find(|known| u64::from(known.number()) == place);
    Ok(Booked {
        transfer: wire::decode_exact(row.blob("content")?)
            .map_err(|_| StoreError::Column("content"))?,
        place: found.ok_or(StoreError::Column("place"))?,
        acknowledged: row.u64("acknowledged")? != 0,
    })
}

/// What exchanges of a currency come to, minor units.
fn sum(rows: &[Row], currency: Currency) -> Result<u64, StoreError> {
    let mut sum = Amount::zero(currency);
    for row in rows {
        // those of other currencies do not add up
        sum = sum.checked_add(booked(row)?.transfer.amount).unwrap_or(sum);
    }
    Ok(sum.minor())
}

/// What a payer signs: the exchange's identity.
pub(super) fn digest_of(transfer: &Transfer) -> Digest {
    Digest::of_value(Value::DOMAIN, &Value(*transfer))
}

/// Makes the tables.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    for table in TABLES {
        sql.run(table, &[])?;
    }
    // the originator's own number, written before it is used
    sql.run("CREATE TABLE IF NOT EXISTS sequence(id INTEGER PRIMARY KEY, last INTEGER)", &[])?;
    sql.run("INSERT INTO sequence(id, last) VALUES(0, 0) ON CONFLICT DO NOTHING", &[])?;
    Ok(())
}

/// The exchanges in a database, booked at a time. Whatever changes them is called within a
/// transaction.
pub(super) struct Exchanges<'a, S> {
    pub(super) sql: &'a S,
    pub(super) at: Time,
}

impl<S: Sql> Exchanges<'_, S> {
    const fn books(&self) -> Books<'_, S> {
        Books(self.sql)
    }

    /// The originator's party of a new exchange.
    pub(super) fn next_party(&self) -> Result<Party, StoreError> {
        let next = "UPDATE sequence SET last = last + 1 WHERE id = 0 RETURNING last";
        let number = self.sql.row(next, &[])?.ok_or(StoreError::Column("last"))?.u64("last")?;
        let number = u32::try_from(number);
        let number = number.map_err(|_| StoreError::Invariant("an exchange has a number"))?;
        Ok(Party { card: ORIGINATOR, number })
    }

    pub(super) fn find(&self, transfer: &Transfer) -> Result<Option<Booked>, StoreError> {
        let query = "SELECT * FROM exchange WHERE digest = ?";
        let row = self.sql.row(query, &[digest_of(transfer).0.into()])?;
        row.as_ref().map(booked).transpose()
    }

    /// What the originator paid to this party: a load or a refund.
    pub(super) fn loaded(&self, payee: Party) -> Result<Option<Booked>, StoreError> {
        let query = "SELECT * FROM exchange WHERE payee = ? AND payee_number = ? AND payer = ?";
        let row = self
            .sql
            .row(query, &[payee.card.0.into(), payee.number.into(), ORIGINATOR.0.into()])?;
        row.as_ref().map(booked).transpose()
    }

    /// Whether the payer has proven another exchange under the same number.
    pub(super) fn is_double(&self, transfer: &Transfer) -> Result<bool, StoreError> {
        let query = "SELECT 1 FROM exchange WHERE payer = ? AND number = ? AND digest <> ?";
        let Party { card, number } = transfer.payer;
        let digest = digest_of(transfer);
        let row = self.sql.row(query, &[card.0.into(), number.into(), digest.0.into()])?;
        Ok(row.is_some())
    }

    pub(super) fn acknowledge(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let statement = "UPDATE exchange SET acknowledged = 1 WHERE digest = ?";
        self.sql.run(statement, &[digest_of(transfer).0.into()])?;
        Ok(())
    }

    /// Books what is known of an exchange whose payer is proven. To hear it again, from the same
    /// side or the other, changes nothing more.
    pub(super) fn book(&self, transfer: &Transfer, word: Word) -> Result<(), StoreError> {
        let payer = Account::of(transfer.payer.card);
        match (self.find(transfer)?.map(|booked| booked.place), word) {
            (None, _) if !self.is_covered(transfer)? => match word {
                Word::Arrived => self.insert(transfer, Place::Uncovered),
                Word::Broken => Ok(()),
            },
            (None, Word::Arrived) if self.has_parties(transfer)? => {
                self.insert(transfer, Place::Arrived)?;
                self.post(payer, Account::of(transfer.payee.card), transfer.amount)
            }
            (None, _) => {
                self.insert(transfer, Place::Broken)?;
                self.post(payer, Account::Broken, transfer.amount)?;
                self.lose_unless_expected(transfer)
            }
            (Some(Place::Broken), Word::Arrived) if self.has_parties(transfer)? => {
                self.set(transfer, Place::Arrived)?;
                self.post(Account::Broken, Account::of(transfer.payee.card), transfer.amount)
            }
            (Some(_), _) => Ok(()),
        }
    }

    /// A load that its card gave up: it never came.
    pub(super) fn lose_load(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let card = transfer.payee.card;
        if self.is_virtual(card)? && !self.books().covers(card, transfer.amount)? {
            return Ok(());
        }
        self.set(transfer, Place::Lost)?;
        self.post(Account::Card(card), Account::Lost, transfer.amount)
    }

    /// Lost value is loaded again: it leaves [`Account::Lost`] with the new load.
    pub(super) fn load_again(&self, lost: &Transfer, load: &Transfer) -> Result<(), StoreError> {
        self.set(lost, Place::Again)?;
        self.insert(load, Place::Arrived)?;
        self.post(Account::Lost, Account::Card(load.payee.card), load.amount)
    }

    /// Books what a card's newly booked log decides: value broken on its way to the card, which the
    /// card never took, is lost; and what was not covered may be now.
    pub(super) fn settle(&self, card: CardId) -> Result<(), StoreError> {
        let query = "SELECT * FROM exchange WHERE payee = ? AND place = ?";
        let rows = self.sql.run(query, &[card.0.into(), Place::Broken.number().into()])?;
        for row in &rows {
            self.lose_unless_expected(&booked(row)?.transfer)?;
        }
        for side in ["payee", "payer"] {
            let query = format!("SELECT * FROM exchange WHERE {side} = ? AND place = ?");
            let rows = self.sql.run(&query, &[card.0.into(), Place::Uncovered.number().into()])?;
            for row in &rows {
                self.cover(&booked(row)?.transfer)?;
            }
        }
        Ok(())
    }

    /// What payers sent to a card and their accounts do not cover, minor units.
    pub(super) fn uncovered(&self, payee: CardId, currency: Currency) -> Result<u64, StoreError> {
        let query = "SELECT * FROM exchange WHERE payee = ? AND place = ?";
        let rows = self.sql.run(query, &[payee.0.into(), Place::Uncovered.number().into()])?;
        sum(&rows, currency)
    }

    /// What is booked as paid by a card beyond the number its booked log ends with, minor units.
    pub(super) fn ahead(
        &self,
        payer: CardId,
        last: u32,
        currency: Currency,
    ) -> Result<u64, StoreError> {
        let query = "SELECT * FROM exchange WHERE payer = ? AND number > ? AND place <> ?";
        let place = Place::Uncovered.number().into();
        sum(&self.sql.run(query, &[payer.0.into(), last.into(), place])?, currency)
    }

    fn cover(&self, transfer: &Transfer) -> Result<(), StoreError> {
        if !self.is_covered(transfer)? || !self.has_parties(transfer)? {
            return Ok(());
        }
        self.set(transfer, Place::Arrived)?;
        let (payer, payee) = (transfer.payer.card, transfer.payee.card);
        self.post(Account::of(payer), Account::of(payee), transfer.amount)
    }

    /// A broken exchange is lost if its payee is past it without having taken it. The originator
    /// itself is past whatever it has not booked.
    fn lose_unless_expected(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let Party { card, number } = transfer.payee;
        let payee = Cards(self.sql).find(card)?;
        let past = payee.is_none_or(|payee| payee.last >= number);
        if !past || !self.has_parties(transfer)? {
            return Ok(());
        }
        self.set(transfer, Place::Lost)?;
        self.post(Account::Broken, Account::Lost, transfer.amount)
    }

    /// Whether both sides are cards of ours, of classes that deal with each other under the link.
    pub(super) fn has_parties(&self, transfer: &Transfer) -> Result<bool, StoreError> {
        let class = |party: Party| {
            Ok::<_, StoreError>(Cards(self.sql).find(party.card)?.map(|card| card.class))
        };
        let (payer, payee) = (class(transfer.payer)?, class(transfer.payee)?);
        Ok(match (transfer.link, payer, payee) {
            (Link::Originator, Some(_), None) => transfer.payee.card == ORIGINATOR,
            (Link::Originator, None, Some(_)) => transfer.payer.card == ORIGINATOR,
            (Link::Terminal(_), Some(payer), Some(payee)) => matches!(
                (payer, payee),
                (Class::Purse, Class::Terminal) | (Class::Terminal, Class::Purse)
            ),
            (Link::Peer, Some(payer), Some(payee)) => payer == payee && payer != Class::Terminal,
            _ => false,
        })
    }

    fn is_virtual(&self, card: CardId) -> Result<bool, StoreError> {
        Ok(Cards(self.sql).find(card)?.is_some_and(|card| card.class == Class::Virtual))
    }

    fn is_covered(&self, transfer: &Transfer) -> Result<bool, StoreError> {
        let payer = transfer.payer.card;
        Ok(!self.is_virtual(payer)? || self.books().covers(payer, transfer.amount)?)
    }

    fn post(&self, from: Account, to: Account, amount: Amount) -> Result<(), StoreError> {
        self.books().post(self.at, from, to, amount)
    }

    fn insert(&self, transfer: &Transfer, place: Place) -> Result<(), StoreError> {
        let Transfer { payer, payee, .. } = transfer;
        self.sql.run(
            "INSERT INTO exchange(digest, payer, number, payee, payee_number, content, place)
             VALUES(?, ?, ?, ?, ?, ?, ?)",
            &[
                digest_of(transfer).0.into(),
                payer.card.0.into(),
                payer.number.into(),
                payee.card.0.into(),
                payee.number.into(),
                wire::encode(transfer).into(),
                place.number().into(),
            ],
        )?;
        Ok(())
    }

    fn set(&self, transfer: &Transfer, place: Place) -> Result<(), StoreError> {
        let statement = "UPDATE exchange SET place = ? WHERE digest = ?";
        self.sql.run(statement, &[place.number().into(), digest_of(transfer).0.into()])?;
        Ok(())
    }
}
