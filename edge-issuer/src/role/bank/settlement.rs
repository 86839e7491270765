//! Settlement: reserve moves from one bank to another, so that several banks share one money
//! (NTT-3).
//!
//! The paying bank takes it from the reserve and owes it to the other; on the paying bank's signed
//! word the other adds it to the reserve there and has a claim on the first. Over both, the reserve
//! is the same before and after.

use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    BankAct, BankConfirmation, BankKeys, Settlement, SettlementPaid, Short,
};
use koban_protocol::wire;

use super::Bank;
use super::journal::{Posting, RESERVE, What};
use super::once::{Act, Once};
use crate::answer::Fault;
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;

impl<H: ObjectHost> Bank<H> {
    /// Pays reserve to another bank, once.
    ///
    /// [`Code::ReserveTooSmall`] is final: the issuer plans another settlement, and the same
    /// message must not move money later.
    pub(super) async fn settle_out(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<Settlement> = peer::decode(body)?;
        let issuer = self.issuer().await?;
        let Settlement { operation, from, to, amount } = peer::open(&signed, &issuer)?;
        let once = Once { act: Act::SettlementOut, operation, body: signed.digest() };
        once.run(self.host.sql(), || {
            if from != self.keys.id || !self.is_other_bank(&to) {
                return Err(Code::AccountForeign.into());
            }
            if amount.is_zero() {
                return Err(Code::AmountInvalid.into());
            }
            let journal = self.journal();
            if !journal.covers(RESERVE, amount)? {
                return Ok(Err(Code::ReserveTooSmall));
            }
            journal.post(&Posting {
                at: self.host.now(),
                what: What::SettlementPaid,
                from: RESERVE,
                to: &journal.due(&to)?,
                amount,
            })?;
            let settlement = signed.clone();
            Ok(Ok(wire::encode(&self.sign(&SettlementPaid { settlement }))))
        })
    }

    /// Receives reserve from another bank on its word, once.
    pub(super) async fn settle_in(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<SettlementPaid> = peer::decode(body)?;
        let claim = signed.claim().map_err(|_| Code::Malformed)?;
        let payer = claim.settlement.claim().map_err(|_| Code::Malformed)?.from;
        if !self.is_other_bank(&payer) {
            return Err(Code::AccountForeign.into());
        }
        let BankKeys { key, .. } = peer::keys_of(&self.host, payer.as_str()).await?;
        let paid = peer::open(&signed, &key)?.settlement;
        let issuer = self.issuer().await?;
        let Settlement { operation, from, to, amount } = peer::open(&paid, &issuer)?;
        let once = Once { act: Act::SettlementIn, operation, body: paid.digest() };
        once.run(self.host.sql(), || {
            if to != self.keys.id {
                return Err(Code::AccountForeign.into());
            }
            if amount.is_zero() {
                return Err(Code::AmountInvalid.into());
            }
            let journal = self.journal();
            journal.post(&Posting {
                at: self.host.now(),
                what: What::SettlementReceived,
                from: &journal.due(&from)?,
                to: RESERVE,
                amount,
            })?;
            let act = BankAct::Settled;
            Ok(Ok(wire::encode(&self.sign(&BankConfirmation { operation, act, amount }))))
        })
    }

    /// Whether a bank of the deployment, and not this one, has the short name.
    fn is_other_bank(&self, id: &Short) -> bool {
        let name = id.as_str();
        let known = peer::names(&self.host).iter().any(|peer| peer == name);
        *id != self.keys.id && name.starts_with("bank-") && known
    }
}
