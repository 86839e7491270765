//! The originator's books: what the issuer owes it, and where that value is (VC 4.3, VC-14).
//!
//! A posting takes from one account what it adds to another, so that all accounts together are zero
//! at every moment. The issuer's account is what it owes, negated; the rest is value in cards, on
//! its way, or lost:
//!
//! ```text
//! owed by the issuer = shadow accounts of all cards + broken + lost
//! ```

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::offline::purse::wire::{CardId, ORIGINATOR};
use koban_protocol::time::Time;

use crate::sql::{Sql, StoreError};

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS journal(
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, payer TEXT NOT NULL, payee TEXT NOT NULL,
        currency TEXT NOT NULL, minor INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS balance(
        account TEXT NOT NULL, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        PRIMARY KEY(account, currency))",
];

/// The account that sums up all cards'.
const CARDS: &str = "cards";
const OUT_OF_RANGE: StoreError = StoreError::Invariant("a balance is within its range");

/// Where value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The clearing with the issuer: what it owes, negated.
    Issuer,
    /// A card's shadow account: what it may hold. Below zero, it has created money.
    Card(CardId),
    /// It left its payer, which gave the exchange up; the payee has not spoken.
    Broken,
    /// It left its payer and never reached the payee; not yet loaded again.
    Lost,
}

impl Account {
    /// The account of a party: the originator's own side of an exchange is the issuer's money.
    pub(super) fn of(card: CardId) -> Self {
        if card == ORIGINATOR { Self::Issuer } else { Self::Card(card) }
    }

    fn name(self) -> String {
        match self {
            Self::Issuer => "issuer".to_owned(),
            Self::Card(card) => format!("card/{card}"),
            Self::Broken => "broken".to_owned(),
            Self::Lost => "lost".to_owned(),
        }
    }
}

/// The totals of a currency, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    /// What the issuer owes.
    pub(super) clearing: i64,
    /// The shadow accounts together.
    pub(super) cards: i64,
    pub(super) broken: i64,
    pub(super) lost: i64,
}

impl Totals {
    /// The clearing is even (VC-14), and nothing but a card's own account is overdrawn.
    pub(super) fn hold(&self) -> bool {
        let placed = self.cards.checked_add(self.broken).and_then(|sum| sum.checked_add(self.lost));
        placed == Some(self.clearing) && self.clearing >= 0 && self.broken >= 0 && self.lost >= 0
    }
}

/// Makes the tables.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    for table in TABLES {
        sql.run(table, &[])?;
    }
    Ok(())
}

/// The books in a database. Whatever changes them is called within a transaction.
pub(super) struct Books<'a, S>(pub(super) &'a S);

impl<S: Sql> Books<'_, S> {
    /// Moves `amount`.
    ///
    /// # Errors
    /// [`StoreError::Invariant`] if the books would no longer [hold](Totals::hold): the transaction
    /// around it then changes nothing.
    pub(super) fn post(
        &self,
        at: Time,
        from: Account,
        to: Account,
        amount: Amount,
    ) -> Result<(), StoreError> {
        let currency = amount.currency();
        let minor = i64::try_from(amount.minor()).map_err(|_| OUT_OF_RANGE)?;
        let taken = minor.checked_neg().ok_or(OUT_OF_RANGE)?;
        self.0.run(
            "INSERT INTO journal(at, payer, payee, currency, minor) VALUES(?, ?, ?, ?, ?)",
            &[
                at.0.into(),
                from.name().into(),
                to.name().into(),
                currency.code().into(),
                minor.into(),
            ],
        )?;
        for (account, change) in [(from, taken), (to, minor)] {
            self.enter(&account.name(), currency, change)?;
            if matches!(account, Account::Card(_)) {
                self.enter(CARDS, currency, change)?;
            }
        }
        if self.totals(currency)?.hold() {
            Ok(())
        } else {
            Err(StoreError::Invariant("the clearing is even"))
        }
    }

    fn enter(&self, account: &str, currency: Currency, change: i64) -> Result<(), StoreError> {
        let after = self.minor(account, currency)?.checked_add(change).ok_or(OUT_OF_RANGE)?;
        if after.unsigned_abs() > AMOUNT_MAX_MINOR {
            return Err(OUT_OF_RANGE);
        }
        self.0.run(
            "INSERT INTO balance(account, currency, minor) VALUES(?, ?, ?)
             ON CONFLICT(account, currency) DO UPDATE SET minor = excluded.minor",
            &[account.into(), currency.code().into(), after.into()],
        )?;
        Ok(())
    }

    fn minor(&self, account: &str, currency: Currency) -> Result<i64, StoreError> {
        let query = "SELECT minor FROM balance WHERE account = ? AND currency = ?";
        let row = self.0.row(query, &[account.into(), currency.code().into()])?;
        row.map_or(Ok(0), |row| row.i64("minor"))
    }

    /// What a card may hold, minor units.
    pub(super) fn shadow(&self, card: CardId, currency: Currency) -> Result<i64, StoreError> {
        self.minor(&Account::Card(card).name(), currency)
    }

    /// Whether a card may hold as much.
    pub(super) fn covers(&self, card: CardId, amount: Amount) -> Result<bool, StoreError> {
        let minor = i64::try_from(amount.minor()).map_err(|_| OUT_OF_RANGE)?;
        Ok(self.shadow(card, amount.currency())? >= minor)
    }

    /// Currencies in which a card may hold something, and how much, minor units.
    pub(super) fn shadows(&self, card: CardId) -> Result<Vec<(Currency, i64)>, StoreError> {
        let query = "SELECT currency, minor FROM balance WHERE account = ? ORDER BY currency";
        let rows = self.0.run(query, &[Account::Card(card).name().into()])?;
        let one = |row: &crate::sql::Row| {
            let currency = Currency::new(row.text("currency")?);
            Ok((currency.ok_or(StoreError::Column("currency"))?, row.i64("minor")?))
        };
        rows.iter().map(one).collect()
    }

    /// The totals of a currency.
    pub(super) fn totals(&self, currency: Currency) -> Result<Totals, StoreError> {
        let owed = self.minor(&Account::Issuer.name(), currency)?;
        Ok(Totals {
            clearing: owed.checked_neg().ok_or(OUT_OF_RANGE)?,
            cards: self.minor(CARDS, currency)?,
            broken: self.minor(&Account::Broken.name(), currency)?,
            lost: self.minor(&Account::Lost.name(), currency)?,
        })
    }

    /// Each currency with what all shadow accounts hold and what is missing in the overdrawn ones,
    /// minor units, summed up account by account.
    pub(super) fn summed(&self) -> Result<Vec<(Currency, i64, i64)>, StoreError> {
        let rows = self.0.run(
            "SELECT currency, SUM(CASE WHEN account LIKE 'card/%' THEN minor ELSE 0 END) AS held,
                SUM(CASE WHEN account LIKE 'card/%' AND minor < 0 THEN -minor ELSE 0 END) AS short
             FROM balance GROUP BY currency ORDER BY currency",
            &[],
        )?;
        let one = |row: &crate::sql::Row| {
            let currency = Currency::new(row.text("currency")?);
            let currency = currency.ok_or(StoreError::Column("currency"))?;
            Ok((currency, row.i64("held")?, row.i64("short")?))
        };
        rows.iter().map(one).collect()
    }
}
