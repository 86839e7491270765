//! The bank's books: accounts, and a double-entry journal.
//!
//! An amount in an account is what the bank owes its owner: positive for customers and the issuer's
//! reserve; the bank's own equity pays for what it gives away and goes below zero; an account due
//! to another bank is positive as long as this bank owes it. Every journal entry takes from one
//! account what it adds to another.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::key::VerifyingKey;
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::statement::{Name, Short};
use koban_protocol::time::Time;

use crate::sql::{Row, Sql, StoreError};

/// The account of the issuer's reserve.
pub(super) const RESERVE: &str = "reserve";
/// The bank's own account.
pub(super) const EQUITY: &str = "equity";

const TABLES: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS account(
        number TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, key BLOB UNIQUE,
        version INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS journal(
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entry(
        journal INTEGER NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL,
        minor INTEGER NOT NULL, PRIMARY KEY(journal, account))",
    "CREATE INDEX IF NOT EXISTS entry_of_account ON entry(account, journal)",
    "CREATE TABLE IF NOT EXISTS balance(
        account TEXT NOT NULL, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        PRIMARY KEY(account, currency))",
];

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Customer,
    Reserve,
    Equity,
    Due,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Customer, Self::Reserve, Self::Equity, Self::Due];

    const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Reserve => "reserve",
            Self::Equity => "equity",
            Self::Due => "due",
        }
    }

    fn of(row: &Row) -> Result<Self, StoreError> {
        let name = row.text("kind")?;
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or(StoreError::Column("kind"))
    }

    /// Customers and the reserve hold money; they are never overdrawn.
    const fn may_be_negative(self) -> bool {
        matches!(self, Self::Equity | Self::Due)
    }
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Opening,
    Withdrawal,
    Deposit,
    SettlementPaid,
    SettlementReceived,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Withdrawal => "withdrawal",
            Self::Deposit => "deposit",
            Self::SettlementPaid => "settlement-paid",
            Self::SettlementReceived => "settlement-received",
        }
    }
}

/// A journal entry to be made: `amount` out of `from`, into `to`.
#[derive(Debug)]
pub(super) struct Posting<'a> {
    pub(super) at: Time,
    pub(super) what: What,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) amount: Amount,
}

/// Makes the tables, and the bank's own accounts.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    for table in TABLES {
        sql.run(table, &[])?;
    }
    let journal = Journal::of(sql);
    journal.own_account(RESERVE, Kind::Reserve, "issuer")?;
    journal.own_account(EQUITY, Kind::Equity, "bank")
}

/// The books in a database. Whatever changes them is called within a transaction.
pub(super) struct Journal<'a, S>(&'a S);

impl<'a, S: Sql> Journal<'a, S> {
    pub(super) const fn of(sql: &'a S) -> Self {
        Self(sql)
    }

    /// The number of the account that belongs to `key`.
    pub(super) fn customer(&self, key: &VerifyingKey) -> Result<Option<Short>, StoreError> {
        let row = self.0.row("SELECT number FROM account WHERE key = ?", &[key.0.into()])?;
        row.map(|row| Short::new(row.text("number")?).ok_or(StoreError::Column("number")))
            .transpose()
    }

    /// Opens an account under `number`; false if the number is taken.
    pub(super) fn open_customer(
        &self,
        number: &Short,
        owner: &Name,
        key: &VerifyingKey,
    ) -> Result<bool, StoreError> {
        let opened = self.0.row(
            "INSERT INTO account(number, kind, owner, key) VALUES(?, ?, ?, ?)
             ON CONFLICT(number) DO NOTHING RETURNING number",
            &[
                number.as_str().into(),
                Kind::Customer.name().into(),
                owner.as_str().into(),
                key.0.into(),
            ],
        )?;
        Ok(opened.is_some())
    }

    /// The account of what is due to (if negative, from) another bank.
    pub(super) fn due(&self, bank: &Short) -> Result<String, StoreError> {
        let number = format!("due/{bank}");
        self.own_account(&number, Kind::Due, bank.as_str())?;
        Ok(number)
    }

    fn own_account(&self, number: &str, kind: Kind, owner: &str) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO account(number, kind, owner) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
            &[number.into(), kind.name().into(), owner.into()],
        )?;
        Ok(())
    }

    /// What is in an account, minor units.
    pub(super) fn balance(&self, account: &str, currency: Currency) -> Result<i64, StoreError> {
        let query = "SELECT minor FROM balance WHERE account = ? AND currency = ?";
        let row = self.0.row(query, &[account.into(), currency.code().into()])?;
        row.map_or(Ok(0), |row| row.i64("minor"))
    }

    /// Whether `amount` can be taken from an account without overdrawing it.
    pub(super) fn covers(&self, account: &str, amount: Amount) -> Result<bool, StoreError> {
        Ok(self.balance(account, amount.currency())? >= signed(amount)?)
    }

    /// All balances of an account, by currency: code and minor units.
    pub(super) fn balances(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let query = "SELECT currency, minor FROM balance WHERE account = ? ORDER BY currency";
        let rows = self.0.run(query, &[account.into()])?;
        rows.iter().map(|row| Ok((row.text("currency")?.to_owned(), row.i64("minor")?))).collect()
    }

    /// How many entries an account has had.
    pub(super) fn version(&self, account: &str) -> Result<u64, StoreError> {
        let row = self.0.row("SELECT version FROM account WHERE number = ?", &[account.into()])?;
        row.ok_or(StoreError::Invariant("an account that is read exists"))?.u64("version")
    }

    /// The newest entries of an account, each with its journal entry's `at` and `what`.
    pub(super) fn newest(&self, account: &str, count: u32) -> Result<Vec<Row>, StoreError> {
        self.0.run(
            "SELECT at, what, currency, minor FROM entry JOIN journal ON journal.id = entry.journal
             WHERE account = ? ORDER BY journal DESC LIMIT ?",
            &[account.into(), count.into()],
        )
    }

    /// Makes a journal entry.
    ///
    /// # Errors
    /// [`StoreError::Invariant`] if the entry would not sum to zero, or overdraw an account that
    /// may not be: the transaction around it then changes nothing.
    pub(super) fn post(&self, posting: &Posting<'_>) -> Result<(), StoreError> {
        let row = self.0.row(
            "INSERT INTO journal(at, what) VALUES(?, ?) RETURNING id",
            &[posting.at.0.into(), posting.what.name().into()],
        )?;
        let id = row.ok_or(StoreError::Column("id"))?.i64("id")?;
        let minor = signed(posting.amount)?;
        let taken = minor.checked_neg().ok_or(OUT_OF_RANGE)?;
        self.enter(id, posting.from, posting.amount.currency(), taken)?;
        self.enter(id, posting.to, posting.amount.currency(), minor)?;
        self.check(id)
    }

    fn enter(
        &self,
        journal: i64,
        account: &str,
        currency: Currency,
        minor: i64,
    ) -> Result<(), StoreError> {
        let row = self.0.row(
            "UPDATE account SET version = version + 1 WHERE number = ? RETURNING kind",
            &[account.into()],
        )?;
        let kind = Kind::of(&row.ok_or(StoreError::Invariant("an account of an entry exists"))?)?;
        let after = self.balance(account, currency)?.checked_add(minor).ok_or(OUT_OF_RANGE)?;
        if after.unsigned_abs() > AMOUNT_MAX_MINOR {
            return Err(OUT_OF_RANGE);
        }
        if after < 0 && !kind.may_be_negative() {
            return Err(StoreError::Invariant("no customer and no reserve is overdrawn"));
        }
        self.0.run(
            "INSERT INTO entry(journal, account, currency, minor) VALUES(?, ?, ?, ?)",
            &[journal.into(), account.into(), currency.code().into(), minor.into()],
        )?;
        self.0.run(
            "INSERT INTO balance(account, currency, minor) VALUES(?, ?, ?)
             ON CONFLICT(account, currency) DO UPDATE SET minor = excluded.minor",
            &[account.into(), currency.code().into(), after.into()],
        )?;
        Ok(())
    }

    /// The entry as it was written: it sums to zero and overdraws nobody.
    fn check(&self, journal: i64) -> Result<(), StoreError> {
        let uneven = "SELECT currency FROM entry WHERE journal = ?
            GROUP BY currency HAVING SUM(minor) <> 0";
        if self.0.row(uneven, &[journal.into()])?.is_some() {
            return Err(StoreError::Invariant("a journal entry sums to zero"));
        }
        let overdrawn = "SELECT balance.minor FROM entry
            JOIN account ON account.number = entry.account
            JOIN balance ON balance.account = entry.account AND balance.currency = entry.currency
            WHERE entry.journal = ? AND balance.minor < 0
            AND account.kind IN ('customer', 'reserve')";
        if self.0.row(overdrawn, &[journal.into()])?.is_some() {
            return Err(StoreError::Invariant("no customer and no reserve is overdrawn"));
        }
        Ok(())
    }
}

const OUT_OF_RANGE: StoreError = StoreError::Invariant("a balance is within its range");

fn signed(amount: Amount) -> Result<i64, StoreError> {
    i64::try_from(amount.minor()).map_err(|_| OUT_OF_RANGE)
}
