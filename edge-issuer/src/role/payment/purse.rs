//! The shop's coins and its held value; and coins renewed before they expire (VC-7).

use koban_protocol::amount::{Amount, Bundle, Currency};
use koban_protocol::id::{CoinId, OperationId};
use koban_protocol::key::VerifyingKey;
use koban_protocol::limits::COINS_MAX;
use koban_protocol::online::tagged::wallet;
use koban_protocol::online::tagged::wire::{Coin, Coins};
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::refusal::{Code, Evidence, Refusal};
use koban_protocol::statement::{CoinFault, IssuerKeys};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire;

use super::journal::{Entry, Kind, Outcome};
use super::store::{self, Place};
use super::{Till, envelope};
use crate::answer::Fault;
use crate::host::ObjectHost;
use crate::sql::{Row, Sql, StoreError};

/// Coins are renewed this long before their last day, or in the last quarter of their life if that
/// is shorter, days.
const RENEW_DAYS: u32 = 14;
/// After a refused renewal the next look at the purse comes after this long, seconds.
const DAY_S: u64 = 86_400;

impl<H: ObjectHost> Till<H> {
    /// Keeps coins, encrypted: they are money.
    pub(super) fn put_in_purse(&self, coins: &[Coin]) -> Result<(), StoreError> {
        for coin in coins {
            let body = &coin.body;
            let entropy = self.host.entropy();
            let sealed = self.keys.vault.seal(&body.id.0, &wire::encode(coin), entropy)?;
            self.host.sql().run(
                "INSERT INTO coin(id, currency, minor, expiry, sealed) VALUES(?, ?, ?, ?, ?)",
                &[
                    body.id.0.into(),
                    body.currency.code().into(),
                    body.denomination.minor().into(),
                    body.expiry.0.into(),
                    sealed.into(),
                ],
            )?;
        }
        Ok(())
    }

    /// Notes value that the issuer keeps for the shop (aggregate, VC-5).
    pub(super) fn hold(&self, payment: OperationId, amount: Amount) -> Result<(), StoreError> {
        self.host.sql().run(
            "INSERT INTO held(payment, currency, minor) VALUES(?, ?, ?)",
            &[payment.0.into(), amount.currency().code().into(), amount.minor().into()],
        )?;
        Ok(())
    }

    /// The coin in a row.
    pub(super) fn coin(&self, row: &Row) -> Result<Coin, StoreError> {
        let opened = self.keys.vault.open(row.blob("id")?, row.blob("sealed")?)?;
        wire::decode_exact(&opened).map_err(|_| StoreError::Column("sealed"))
    }

    /// Marks coins as in use by an operation.
    pub(super) fn reserve(&self, coins: &[Coin], by: OperationId) -> Result<(), StoreError> {
        let statement = "UPDATE coin SET operation = ? WHERE id = ? AND operation IS NULL";
        coins.iter().try_for_each(|coin| {
            self.host.sql().run(statement, &[by.0.into(), coin.body.id.0.into()]).map(drop)
        })
    }

    /// Marks coins that the issuer says are bad.
    pub(super) fn mark(
        &self,
        operation: OperationId,
        bad: &[(CoinId, CoinFault)],
    ) -> Result<(), StoreError> {
        let statement = "UPDATE coin SET fault = ? WHERE id = ? AND operation = ?";
        bad.iter().try_for_each(|(coin, fault)| {
            let arguments = [number(*fault).into(), coin.0.into(), operation.0.into()];
            self.host.sql().run(statement, &arguments).map(drop)
        })
    }

    /// Gives back what a refused operation had reserved.
    pub(super) fn release(&self, operation: OperationId) -> Result<(), StoreError> {
        let sql = self.host.sql();
        for table in ["coin", "held"] {
            let statement = format!("UPDATE {table} SET operation = NULL WHERE operation = ?");
            sql.run(&statement, &[operation.0.into()])?;
        }
        sql.run("DELETE FROM conversion WHERE operation = ?", &[operation.0.into()])?;
        self.forget(operation)
    }

    /// Records what an operation converts its inputs into.
    pub(super) fn convert(
        &self,
        operation: OperationId,
        amount: Amount,
        bundle: Option<&Bundle>,
    ) -> Result<(), StoreError> {
        self.host.sql().run(
            "INSERT INTO conversion(operation, currency, minor, bundle) VALUES(?, ?, ?, ?)",
            &[
                operation.0.into(),
                amount.currency().code().into(),
                amount.minor().into(),
                bundle.map(wire::encode).into(),
            ],
        )?;
        Ok(())
    }

    /// What an operation was recorded to convert.
    pub(super) fn conversion(&self, operation: OperationId) -> Result<Row, StoreError> {
        let query = "SELECT * FROM conversion WHERE operation = ?";
        let row = self.host.sql().row(query, &[operation.0.into()])?;
        row.ok_or(StoreError::Invariant("a conversion has its row"))
    }

    /// When the first coin has to be renewed.
    pub(super) fn renewal_due(&self) -> Result<Option<Time>, StoreError> {
        let query = "SELECT MIN(expiry) AS day FROM coin WHERE fault IS NULL AND operation IS NULL";
        let Some(row) = self.host.sql().row(query, &[])? else { return Ok(None) };
        if row.is_null("day")? {
            return Ok(None);
        }
        let lead = self.issuer.known().map_or(RENEW_DAYS, lead);
        let first = row.u64("day")?.saturating_sub(u64::from(lead));
        Ok(Some(Time(first.saturating_mul(DAY_S))))
    }

    /// Changes coins that expire soon for fresh ones.
    pub(super) async fn renew_coins(&self) -> Result<(), Fault> {
        let now = self.host.now();
        if self.renewal_due()?.is_none_or(|due| due > now) {
            return Ok(());
        }
        let issuer = self.issuer.keys(&self.host).await?;
        let day = now.day().plus(lead(&issuer));
        while let Some(operation) =
            self.host.sql().transaction(|| self.plan_renewal(&issuer, day, now))?
        {
            if !self.drive(operation).await? {
                break;
            }
        }
        Ok(())
    }

    fn plan_renewal(
        &self,
        issuer: &IssuerKeys,
        until: Day,
        now: Time,
    ) -> Result<Option<OperationId>, Fault> {
        let sql = self.host.sql();
        let old = "FROM coin WHERE fault IS NULL AND operation IS NULL AND expiry <= ?";
        let query = format!("SELECT currency {old} ORDER BY expiry LIMIT 1");
        let Some(row) = sql.row(&query, &[until.0.into()])? else { return Ok(None) };
        let currency =
            Currency::new(row.text("currency")?).ok_or(StoreError::Column("currency"))?;
        let query = format!("SELECT id, sealed {old} AND currency = ? ORDER BY expiry LIMIT ?");
        let limit = u32::try_from(COINS_MAX).unwrap_or(u32::MAX);
        let rows = sql.run(&query, &[until.0.into(), currency.code().into(), limit.into()])?;
        let coins: Vec<Coin> = rows.iter().map(|row| self.coin(row)).collect::<Result<_, _>>()?;
        let total = coins.iter().try_fold(Amount::zero(currency), |sum, coin| {
            sum.checked_add(coin.body.amount()).map_err(|_| Code::AmountInvalid)
        })?;
        let bundle = envelope::fewest(total, issuer)?;
        let near = coins.first().map(|coin| coin.body.id);
        let operation = OperationId::fresh(near, issuer.shards, self.host.entropy());
        let order = ChangeOrder {
            coins: Coins::new(coins.clone()).ok_or(Code::AmountInvalid)?,
            bundle: bundle.clone(),
            refresh: true,
            at: now,
        };
        self.reserve(&coins, operation)?;
        self.convert(operation, total, Some(&bundle))?;
        self.ask_as::<Change>(operation, Kind::Renewal, &order, issuer, now).map(Some)
    }

    /// Settles a renewal; part of the journal's transaction.
    pub(super) fn settle_renewal(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<bool, StoreError> {
        let (operation, sql) = (entry.operation, self.host.sql());
        match entry.outcome::<Change>(answer, now) {
            Outcome::Nothing => return Ok(false),
            Outcome::Late => self.release(operation)?,
            Outcome::Refused(refusal) => {
                self.mark(operation, &bad_coins(&refusal, &issuer.key))?;
                let marked = "SELECT 1 AS one FROM coin WHERE operation = ? AND fault IS NOT NULL";
                if sql.row(marked, &[operation.0.into()])?.is_none() {
                    // The issuer names none of them, so all would be refused again.
                    let statement = "UPDATE coin SET fault = ? WHERE operation = ?";
                    let fault = number(CoinFault::Expired);
                    sql.run(statement, &[fault.into(), operation.0.into()])?;
                }
                self.release(operation)?;
            }
            Outcome::Done(fresh) => {
                let conversion = self.conversion(operation)?;
                let total = store::amount(&conversion)?;
                let bundle: Bundle = store::message(&conversion, "bundle")?;
                sql.run("DELETE FROM coin WHERE operation = ?", &[operation.0.into()])?;
                sql.run("DELETE FROM conversion WHERE operation = ?", &[operation.0.into()])?;
                self.answered(operation, now)?;
                if let Ok(coins) = wallet::receive(fresh, &bundle, now) {
                    self.put_in_purse(&coins)?;
                } else {
                    self.disputed(operation)?;
                    store::shift(sql, total, Place::Fresh, Place::Disputed)?;
                }
            }
        }
        Ok(true)
    }
}

/// How long before their last day coins are renewed, days.
fn lead(issuer: &IssuerKeys) -> u32 {
    RENEW_DAYS.min(issuer.coin_lifetime_days / 4)
}

/// The coins that the issuer's own signed verdict names, and what is wrong with them.
pub(super) fn bad_coins(refusal: &Refusal, issuer: &VerifyingKey) -> Vec<(CoinId, CoinFault)> {
    let Some(Evidence::BadCoins(verdict)) = &refusal.evidence else { return Vec::new() };
    let Ok(verdict) = verdict.open(issuer) else { return Vec::new() };
    verdict.bad.iter().map(|bad| (bad.coin, bad.fault)).collect()
}

/// A fault as it is stored.
const fn number(fault: CoinFault) -> u8 {
    match fault {
        CoinFault::NotLive => 1,
        CoinFault::Expired => 2,
        CoinFault::OtherCurrency => 3,
    }
}
