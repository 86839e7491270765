//! The issuer's reserve: the real money behind the coins (VC-10). It grows by what customers
//! authorised to be taken (W2, W3), and shrinks by what the issuer has paid to accounts.

use http::StatusCode;
use koban_protocol::key::VerifyingKey;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    BankAct, BankConfirmation, Collection, DebitAuthorisation, Transfer,
};
use koban_protocol::wire;
use serde::Serialize;

use super::Bank;
use super::customer::Balance;
use super::journal::{Posting, RESERVE, What};
use super::once::{Act, Once};
use crate::answer::{Fault, json};
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::StoreError;

#[derive(Serialize)]
struct Reserves {
    issuer: String,
    version: u64,
    reserves: Vec<Balance>,
}

impl<H: ObjectHost> Bank<H> {
    /// Takes from an account what its owner authorised the issuer to take, once (W3).
    ///
    /// Whatever is wrong with an authorisation is [`Code::DebitRefused`], for good: the issuer then
    /// makes no coins, and the same message must not take money later.
    pub(super) async fn debit(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<Collection> = peer::decode(body)?;
        let issuer = self.issuer().await?;
        let authorisation = peer::open(&signed, &issuer)?.authorisation;
        let asked = authorisation.claim().map_err(|_| Code::Malformed)?;
        let is_owners = authorisation.open(&asked.account.key).is_ok();
        let (act, operation) = (Act::Debit, asked.operation);
        let once = Once { act, operation, body: authorisation.digest() };
        once.run(self.host.sql(), || {
            if asked.amount.is_zero() {
                return Err(Code::AmountInvalid.into());
            }
            if !is_owners || !self.may_debit(&asked, &issuer)? {
                return Ok(Err(Code::DebitRefused));
            }
            self.journal().post(&Posting {
                at: self.host.now(),
                what: What::Withdrawal,
                from: asked.account.number.as_str(),
                to: RESERVE,
                amount: asked.amount,
            })?;
            let act = BankAct::Debited;
            let word = BankConfirmation { operation, act, amount: asked.amount };
            Ok(Ok(wire::encode(&self.sign(&word))))
        })
    }

    fn may_debit(
        &self,
        asked: &DebitAuthorisation,
        issuer: &VerifyingKey,
    ) -> Result<bool, StoreError> {
        Ok(asked.issuer == issuer.id()
            && self.host.now() <= asked.expires
            && self.is_ours(&asked.account)?
            && self.journal().covers(asked.account.number.as_str(), asked.amount)?)
    }

    /// Pays an account from the reserve, once. A refusal is not final: the issuer owes the money,
    /// and asks again.
    pub(super) async fn credit(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<Transfer> = peer::decode(body)?;
        let issuer = self.issuer().await?;
        let Transfer { operation, account, amount } = peer::open(&signed, &issuer)?;
        let once = Once { act: Act::Credit, operation, body: signed.digest() };
        once.run(self.host.sql(), || {
            if !self.is_ours(&account)? {
                return Err(Code::AccountForeign.into());
            }
            if amount.is_zero() {
                return Err(Code::AmountInvalid.into());
            }
            if !self.journal().covers(RESERVE, amount)? {
                return Err(Code::ReserveTooSmall.into());
            }
            self.journal().post(&Posting {
                at: self.host.now(),
                what: What::Deposit,
                from: RESERVE,
                to: account.number.as_str(),
                amount,
            })?;
            let act = BankAct::Credited;
            Ok(Ok(wire::encode(&self.sign(&BankConfirmation { operation, act, amount }))))
        })
    }

    /// Tells anyone what the issuer has here; the version grows with every entry.
    pub(super) async fn reserves(&self) -> Result<HttpResponse, Fault> {
        let issuer = self.issuer().await?.id().to_string();
        let version = self.journal().version(RESERVE)?;
        let reserves = self.balances_of(RESERVE)?;
        Ok(json(StatusCode::OK, &Reserves { issuer, version, reserves }))
    }
}
