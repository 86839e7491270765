//! Redeeming (VC-7): all coins and all held value of a currency into the shop's account, as many
//! operations as that takes.

use http::StatusCode;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::limits::COINS_MAX;
use koban_protocol::online::tagged::wire::{Coin, Coins};
use koban_protocol::process::HeldClaim;
use koban_protocol::process::redeem::{Redeem, RedeemOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{CoinFault, IssuerKeys};
use koban_protocol::time::Time;
use koban_protocol::wire::List;

use super::Till;
use super::journal::{Entry, Kind, Outcome};
use super::model::{self, parse};
use super::purse;
use super::store::{self, Place};
use crate::answer::{Fault, json};
use crate::host::{HttpResponse, ObjectHost};
use crate::sql::{Row, Sql, StoreError};

/// Operations of one call; a second call does the rest.
const OPERATIONS_MAX: usize = 64;

/// What one operation redeems.
#[derive(Default)]
struct Inputs {
    coins: Vec<Coin>,
    held: Vec<HeldClaim>,
}

impl<H: ObjectHost> Till<H> {
    /// Redeems everything in a currency.
    pub(super) async fn redeem(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let asked: model::Redeem = parse(body)?;
        let currency = model::currency(&asked.currency)?;
        let issuer = self.issuer.keys(&self.host).await?;
        issuer.currency(currency).ok_or(Code::CurrencyUnknown)?;
        self.certificate()?;
        let before = store::total(self.host.sql(), currency)?.redeemed;
        self.renew_coins().await?;
        let now = self.host.now();
        let planned = self.host.sql().transaction(|| {
            let mut planned = Vec::new();
            while planned.len() < OPERATIONS_MAX
                && let Some(operation) = self.plan_redeem(currency, &issuer, now)?
            {
                planned.push(operation);
            }
            Ok::<_, Fault>(planned)
        })?;
        self.wake().await?;
        for operation in planned {
            self.drive(operation).await?;
        }
        self.wake().await?;
        self.redeemed(currency, before)
    }

    fn redeemed(&self, currency: Currency, before: u64) -> Result<HttpResponse, Fault> {
        let total = store::total(self.host.sql(), currency)?;
        let (_, redeeming) = store::on_hand(self.host.sql(), currency, &total)?;
        let left = total.fresh.saturating_add(total.held).saturating_sub(redeeming);
        Ok(json(
            StatusCode::OK,
            &model::Redeemed {
                currency: currency.code().into(),
                redeemed: total.redeemed.saturating_sub(before),
                redeeming,
                left,
            },
        ))
    }

    /// Reserves the next inputs and records their order.
    fn plan_redeem(
        &self,
        currency: Currency,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<Option<OperationId>, Fault> {
        let inputs = self.free(currency, now)?;
        let coins = inputs.coins.iter().map(|coin| coin.body.amount());
        let amounts = coins.chain(inputs.held.iter().map(|claim| claim.amount));
        let mut sum = Amount::zero(currency);
        for amount in amounts {
            sum = sum.checked_add(amount).map_err(|_| Code::AmountInvalid)?;
        }
        if sum.is_zero() {
            return Ok(None);
        }
        let near = inputs.coins.first().map(|coin| coin.body.id);
        let operation = OperationId::fresh(near, issuer.shards, self.host.entropy());
        self.reserve(&inputs.coins, operation)?;
        self.claim(&inputs.held, operation)?;
        self.convert(operation, sum, None)?;
        let order = RedeemOrder {
            certificate: self.certificate()?,
            coins: Coins::new(inputs.coins).ok_or(Code::AmountInvalid)?,
            held: List::new(inputs.held).ok_or(Code::AmountInvalid)?,
            amount: sum,
            change: None,
            at: now,
        };
        let order = Signed::sign(&order, &self.keys.signing);
        self.ask_as::<Redeem>(operation, Kind::Redeem, &order, issuer, now).map(Some)
    }

    /// The next free coins and claims, at most [`COINS_MAX`] together.
    fn free(&self, currency: Currency, now: Time) -> Result<Inputs, StoreError> {
        let sql = self.host.sql();
        let limit = |taken: usize| u32::try_from(COINS_MAX.saturating_sub(taken)).unwrap_or(0);
        let rows = sql.run(
            "SELECT id, sealed FROM coin WHERE currency = ? AND operation IS NULL
             AND fault IS NULL AND expiry >= ? LIMIT ?",
            &[currency.code().into(), now.day().0.into(), limit(0).into()],
        )?;
        let coins: Vec<Coin> = rows.iter().map(|row| self.coin(row)).collect::<Result<_, _>>()?;
        let rows = sql.run(
            "SELECT * FROM held WHERE currency = ? AND operation IS NULL LIMIT ?",
            &[currency.code().into(), limit(coins.len()).into()],
        )?;
        let claim = |row: &Row| {
            let payment = OperationId(row.bytes("payment")?);
            Ok(HeldClaim { payment, amount: store::amount(row)? })
        };
        let held = rows.iter().map(claim).collect::<Result<_, StoreError>>()?;
        Ok(Inputs { coins, held })
    }

    fn claim(&self, held: &[HeldClaim], by: OperationId) -> Result<(), StoreError> {
        let statement = "UPDATE held SET operation = ? WHERE payment = ? AND operation IS NULL";
        held.iter().try_for_each(|claim| {
            self.host.sql().run(statement, &[by.0.into(), claim.payment.0.into()]).map(drop)
        })
    }

    /// Settles a redemption; part of the journal's transaction.
    pub(super) fn settle_redeem(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<bool, StoreError> {
        let operation = entry.operation;
        match entry.outcome::<Redeem>(answer, now) {
            Outcome::Nothing => return Ok(false),
            Outcome::Refused(refusal) => {
                let mut bad = purse::bad_coins(&refusal, &issuer.key);
                // Expired coins are not lost: they are renewed.
                bad.retain(|(_, fault)| *fault != CoinFault::Expired);
                self.mark(operation, &bad)?;
                self.release(operation)?;
            }
            Outcome::Late => {
                let currency = store::amount(&self.conversion(operation)?)?.currency();
                self.release(operation)?;
                match self.plan_redeem(currency, issuer, now) {
                    Ok(_) => {}
                    Err(Fault::Store(error)) => return Err(error),
                    Err(Fault::Refused(_)) => {
                        return Err(StoreError::Invariant("what was redeemed can be again"));
                    }
                }
            }
            Outcome::Done(redeemed) => {
                let sum = store::amount(&self.conversion(operation)?)?;
                if redeemed.amount != sum || !redeemed.change.is_empty() {
                    // The inputs stay reserved; the journal keeps the issuer's answer.
                    self.disputed(operation)?;
                    return Ok(true);
                }
                self.spent(operation, sum.currency())?;
                self.answered(operation, now)?;
            }
        }
        Ok(true)
    }

    /// Erases what an operation redeemed, and moves its value in the totals.
    fn spent(&self, operation: OperationId, currency: Currency) -> Result<(), StoreError> {
        let sql = self.host.sql();
        for (table, place) in [("coin", Place::Fresh), ("held", Place::Held)] {
            let sum =
                format!("SELECT COALESCE(SUM(minor), 0) AS minor FROM {table} WHERE operation = ?");
            let row = sql.row(&sum, &[operation.0.into()])?.ok_or(StoreError::Column("minor"))?;
            let amount = Amount::new(currency, row.u64("minor")?);
            let amount = amount.map_err(|_| StoreError::Column("minor"))?;
            let erase = format!("DELETE FROM {table} WHERE operation = ?");
            sql.run(&erase, &[operation.0.into()])?;
            if !amount.is_zero() {
                store::shift(sql, amount, place, Place::Redeemed)?;
            }
        }
        sql.run("DELETE FROM conversion WHERE operation = ?", &[operation.0.into()])?;
        Ok(())
    }
}
