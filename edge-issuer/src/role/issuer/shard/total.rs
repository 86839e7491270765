//! The totals: what this shard owes, per currency, changed in the same transaction as the rows
//! (VC-10).

use koban_protocol::amount::{Amount, Currency};

use super::store::Store;
use crate::sql::{Row, Sql, StoreError};

/// Which figure of the totals changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Figure {
    /// Value of live coins in this shard, claimed ones included.
    Coins,
    /// Value held for payees.
    Held,
    /// Value of other shards' rows that this shard has committed and they have not yet erased.
    Settling,
    /// Value owed to the originator for cards; in [`Shard::CLEARING`] alone.
    ///
    /// [`Shard::CLEARING`]: koban_protocol::id::Shard::CLEARING
    Cards,
    /// Value on its way from the reserve to accounts.
    Owed,
    /// Value banks have been asked to debit, answer unknown.
    Debiting,
    /// Reserve that one bank may have sent and the other has yet to receive.
    Transit,
}

impl Figure {
    const fn column(self) -> &'static str {
        match self {
            Self::Coins => "coins",
            Self::Held => "held",
            Self::Cards => "cards",
            Self::Settling => "settling",
            Self::Owed => "owed",
            Self::Debiting => "debiting",
            Self::Transit => "transit",
        }
    }
}

impl<S: Sql> Store<'_, S> {
    /// Changes one figure of the totals by `sign * amount`; none falls below zero.
    pub(super) fn add(&self, figure: Figure, amount: Amount, sign: i64) -> Result<(), StoreError> {
        let delta = i64::try_from(amount.minor())
            .ok()
            .and_then(|minor| minor.checked_mul(sign))
            .ok_or(StoreError::Invariant("an amount above its limit"))?;
        let column = figure.column();
        let code = amount.currency();
        self.0.run(
            "INSERT INTO total VALUES(?, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
            &[code.code().into()],
        )?;
        let row = self.0.row(
            &format!(
                "UPDATE total SET {column} = {column} + ?, version = version + 1
                 WHERE currency = ? RETURNING {column} AS figure"
            ),
            &[delta.into(), code.code().into()],
        )?;
        match row {
            Some(row) if row.i64("figure")? >= 0 => Ok(()),
            _ => Err(StoreError::Invariant("a total below zero")),
        }
    }

    pub(super) fn totals(&self) -> Result<Vec<Totals>, StoreError> {
        self.0.run("SELECT * FROM total", &[])?.iter().map(Totals::of).collect()
    }

    /// Whether at least `amount` is owed to the originator for cards.
    pub(super) fn cards_hold(&self, amount: Amount) -> Result<bool, StoreError> {
        let query = "SELECT cards FROM total WHERE currency = ? AND cards >= ?";
        let least = amount.minor().into();
        Ok(self.0.row(query, &[amount.currency().code().into(), least])?.is_some())
    }

    /// `coins + held + cards + owed - settling` of a currency: what an operation may change only by
    /// a debit.
    pub(super) fn liability(&self, currency: Currency) -> Result<i64, StoreError> {
        let row = self.0.row(
            "SELECT coins + held + cards + owed - settling AS liability
             FROM total WHERE currency = ?",
            &[currency.code().into()],
        )?;
        row.map_or(Ok(0), |row| row.i64("liability"))
    }
}

/// One currency's totals of a shard.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// The currency's code.
    pub currency: String,
    /// Value of live coins in this shard, claimed ones included.
    pub coins: u64,
    /// Value held for payees.
    pub held: u64,
    /// Value owed to the originator for cards.
    pub cards: u64,
    /// Value of other shards' rows that are committed here and not yet erased there.
    pub settling: u64,
    /// Value on its way from the reserve to accounts.
    pub owed: u64,
    /// Value banks have been asked to debit, answer unknown.
    pub debiting: u64,
    /// Reserve on its way from bank to bank.
    pub transit: u64,
    /// Grows with every change.
    pub version: u64,
}

impl Totals {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            currency: row.text("currency")?.to_owned(),
            coins: row.u64("coins")?,
            held: row.u64("held")?,
            cards: row.u64("cards")?,
            settling: row.u64("settling")?,
            owed: row.u64("owed")?,
            debiting: row.u64("debiting")?,
            transit: row.u64("transit")?,
            version: row.u64("version")?,
        })
    }
}
