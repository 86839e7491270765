//! The tables of one shop, and the sums that must hold over them.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::wire::{self, Wire};

use crate::sql::{Row, Sql, StoreError, Value};

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS shop(
        one INTEGER PRIMARY KEY CHECK (one = 1), asked BLOB NOT NULL, name TEXT NOT NULL,
        bank TEXT NOT NULL, owner TEXT NOT NULL, take INTEGER NOT NULL, webhook TEXT,
        attestation BLOB, registered BLOB, enrolled BLOB, refused INTEGER)",
    "CREATE TABLE IF NOT EXISTS orders(
        number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
        reference TEXT NOT NULL UNIQUE, asked BLOB NOT NULL, invoice BLOB NOT NULL,
        expires INTEGER NOT NULL, validating BLOB, paid_at INTEGER, taken INTEGER)",
    "CREATE TABLE IF NOT EXISTS journal(
        operation BLOB PRIMARY KEY, kind INTEGER NOT NULL, state INTEGER NOT NULL,
        request BLOB NOT NULL, secret BLOB NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL,
        tries INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS journal_due ON journal(due) WHERE state < 2",
    "CREATE TABLE IF NOT EXISTS attempt(
        operation BLOB PRIMARY KEY, invoice BLOB NOT NULL, envelope BLOB NOT NULL, sealed BLOB,
        take BLOB NOT NULL, answer BLOB, refusal INTEGER)",
    "CREATE INDEX IF NOT EXISTS attempt_invoice ON attempt(invoice)",
    "CREATE TABLE IF NOT EXISTS conversion(
        operation BLOB PRIMARY KEY, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        bundle BLOB) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS coin(
        id BLOB PRIMARY KEY, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        expiry INTEGER NOT NULL, sealed BLOB NOT NULL, operation BLOB,
        fault INTEGER) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS coin_free ON coin(expiry)
        WHERE fault IS NULL AND operation IS NULL",
    "CREATE TABLE IF NOT EXISTS held(
        payment BLOB PRIMARY KEY, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        operation BLOB) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS total(
        currency TEXT PRIMARY KEY, received INTEGER NOT NULL, fresh INTEGER NOT NULL,
        held INTEGER NOT NULL, redeemed INTEGER NOT NULL, disputed INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event(
        id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, due INTEGER,
        tries INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS event_due ON event(due) WHERE due IS NOT NULL",
];

/// Makes the tables where they are missing.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    TABLES.iter().try_for_each(|table| sql.run(table, &[]).map(drop))
}

/// A message that was stored.
pub(super) fn message<T: Wire>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    wire::decode_exact(row.blob(column)?).map_err(|_| StoreError::Column(column))
}

/// A message that may have been stored.
pub(super) fn message_if<T: Wire>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    if row.is_null(column)? { Ok(None) } else { message(row, column).map(Some) }
}

/// An amount in two columns, `currency` and `minor`.
pub(super) fn amount(row: &Row) -> Result<Amount, StoreError> {
    let currency = Currency::new(row.text("currency")?).ok_or(StoreError::Column("currency"))?;
    Amount::new(currency, row.u64("minor")?).map_err(|_| StoreError::Column("minor"))
}

/// A shop's money in one currency, minor units. All that was received is somewhere:
/// `received = fresh + held + redeemed + disputed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) received: u64,
    pub(super) fresh: u64,
    pub(super) held: u64,
    pub(super) redeemed: u64,
    pub(super) disputed: u64,
}

/// One of the places value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Fresh,
    Held,
    Redeemed,
    Disputed,
}

impl Total {
    fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            received: row.u64("received")?,
            fresh: row.u64("fresh")?,
            held: row.u64("held")?,
            redeemed: row.u64("redeemed")?,
            disputed: row.u64("disputed")?,
        })
    }

    fn place(&mut self, place: Place) -> &mut u64 {
        match place {
            Place::Fresh => &mut self.fresh,
            Place::Held => &mut self.held,
            Place::Redeemed => &mut self.redeemed,
            Place::Disputed => &mut self.disputed,
        }
    }

    fn balances(&self) -> bool {
        let parts = [self.fresh, self.held, self.redeemed, self.disputed];
        let sum = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part));
        sum == Some(self.received) && self.received <= AMOUNT_MAX_MINOR
    }
}

/// The totals of one currency.
pub(super) fn total<S: Sql>(sql: &S, currency: Currency) -> Result<Total, StoreError> {
    let row = sql.row("SELECT * FROM total WHERE currency = ?", &[currency.code().into()])?;
    row.map_or(Ok(Total::default()), |row| Total::of_row(&row))
}

/// The totals of every currency in which anything was received.
pub(super) fn totals<S: Sql>(sql: &S) -> Result<Vec<(Currency, Total)>, StoreError> {
    let rows = sql.run("SELECT * FROM total ORDER BY currency", &[])?;
    let entry = |row: &Row| {
        let currency = Currency::new(row.text("currency")?);
        Ok((currency.ok_or(StoreError::Column("currency"))?, Total::of_row(row)?))
    };
    rows.iter().map(entry).collect()
}

/// Records that `amount` was received and is now in `place`.
pub(super) fn receive<S: Sql>(sql: &S, amount: Amount, place: Place) -> Result<(), StoreError> {
    change(sql, amount.currency(), |total| {
        total.received = total.received.checked_add(amount.minor())?;
        let at = total.place(place);
        *at = at.checked_add(amount.minor())?;
        Some(())
    })
}

/// Records that `amount` went from one place to another.
pub(super) fn shift<S: Sql>(
    sql: &S,
    amount: Amount,
    from: Place,
    to: Place,
) -> Result<(), StoreError> {
    change(sql, amount.currency(), |total| {
        let at = total.place(from);
        *at = at.checked_sub(amount.minor())?;
        let at = total.place(to);
        *at = at.checked_add(amount.minor())?;
        Some(())
    })
}

/// Changes a currency's totals; asserts that they balance, and that they are what the rows sum up
/// to.
fn change<S: Sql>(
    sql: &S,
    currency: Currency,
    work: impl FnOnce(&mut Total) -> Option<()>,
) -> Result<(), StoreError> {
    let mut total = total(sql, currency)?;
    work(&mut total).ok_or(StoreError::Invariant("the shop's totals stay in range"))?;
    if !total.balances() {
        return Err(StoreError::Invariant("what was received is somewhere"));
    }
    let values: [Value; 6] = [
        currency.code().into(),
        total.received.into(),
        total.fresh.into(),
        total.held.into(),
        total.redeemed.into(),
        total.disputed.into(),
    ];
    sql.run(
        "INSERT OR REPLACE INTO total(currency, received, fresh, held, redeemed, disputed)
         VALUES(?, ?, ?, ?, ?, ?)",
        &values,
    )?;
    Ok(())
}

/// What the rows of a currency sum up to: coins, their number, held value, and what of both is in
/// an operation. Asserted against the totals, as the other half of the pair in [`change`].
pub(super) fn on_hand<S: Sql>(
    sql: &S,
    currency: Currency,
    total: &Total,
) -> Result<(u64, u64), StoreError> {
    let code = || [Value::from(currency.code())];
    let sum = |statement| {
        let row = sql.row(statement, &code())?.ok_or(StoreError::Column("minor"))?;
        Ok::<_, StoreError>((row.u64("minor")?, row.u64("n")?, row.u64("reserved")?))
    };
    let (fresh, coins, spending) = sum("SELECT COALESCE(SUM(minor), 0) AS minor, COUNT(*) AS n,
         COALESCE(SUM(CASE WHEN operation IS NULL THEN 0 ELSE minor END), 0) AS reserved
         FROM coin WHERE currency = ?")?;
    let (held, _, claiming) = sum("SELECT COALESCE(SUM(minor), 0) AS minor, COUNT(*) AS n,
         COALESCE(SUM(CASE WHEN operation IS NULL THEN 0 ELSE minor END), 0) AS reserved
         FROM held WHERE currency = ?")?;
    if (fresh, held) != (total.fresh, total.held) {
        return Err(StoreError::Invariant("the purse holds what the totals say"));
    }
    Ok((coins, spending.saturating_add(claiming)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;

    fn yen(minor: u64) -> Amount {
        Amount::new(Currency::new("JPY").unwrap(), minor).unwrap()
    }

    #[test]
    fn totals_balance_or_nothing_changes() {
        let sql = Sqlite::in_memory().unwrap();
        make_tables(&sql).unwrap();
        receive(&sql, yen(370), Place::Held).unwrap();
        receive(&sql, yen(120), Place::Redeemed).unwrap();
        assert!(shift(&sql, yen(371), Place::Held, Place::Redeemed).is_err());
        shift(&sql, yen(70), Place::Held, Place::Redeemed).unwrap();
        let found = total(&sql, yen(0).currency()).unwrap();
        assert_eq!((found.received, found.held, found.redeemed), (490, 300, 190));
        assert!(receive(&sql, yen(AMOUNT_MAX_MINOR), Place::Fresh).is_err());
        assert_eq!(total(&sql, yen(0).currency()).unwrap(), found);
    }

    #[test]
    fn a_purse_that_differs_from_the_totals_is_noticed() {
        let sql = Sqlite::in_memory().unwrap();
        make_tables(&sql).unwrap();
        receive(&sql, yen(370), Place::Held).unwrap();
        let total = total(&sql, yen(0).currency()).unwrap();
        assert!(on_hand(&sql, yen(0).currency(), &total).is_err());
    }
}
