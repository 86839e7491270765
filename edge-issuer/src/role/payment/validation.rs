//! What the issuer says of an envelope, and what follows: takings, receipt, event, the payer's
//! answer.

use koban_protocol::amount::Bundle;
use koban_protocol::id::{InvoiceId, OperationId};
use koban_protocol::online::tagged::wallet;
use koban_protocol::process::payment::{
    PaymentAnswer, Take, Validated, Validation, check_acceptance, check_invoice,
};
use koban_protocol::refusal::{Answer, Code};
use koban_protocol::sealed::SealedAnswer;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Acceptance, Invoice, IssuerKeys, Receipt};
use koban_protocol::time::Time;
use koban_protocol::wire;

use super::Till;
use super::journal::{Entry, Outcome};
use super::model::{Money, PaidEvent, Taking};
use super::store::{self, Place};
use crate::answer::Fault;
use crate::host::ObjectHost;
use crate::sql::{Row, Sql, StoreError};

/// An attempt with what it belongs to.
struct Attempt {
    operation: OperationId,
    invoice: InvoiceId,
    signed: Signed<Invoice>,
    order: Row,
    take: Take,
}

impl<H: ObjectHost> Till<H> {
    /// Settles a validation; part of the journal's transaction.
    pub(super) fn settle_validation(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<bool, StoreError> {
        let attempt = self.attempted(entry.operation)?;
        match entry.outcome::<Validation>(answer, now) {
            Outcome::Nothing => return Ok(false),
            Outcome::Late => self.validate_again(&attempt, issuer, now)?,
            Outcome::Refused(refusal) => self.refuse(&attempt, refusal.code, None)?,
            Outcome::Done(outcome) => match outcome.verdict {
                Answer::Refused(refusal) if entry.is_late(&refusal, now) => {
                    self.validate_again(&attempt, issuer, now)?;
                }
                Answer::Refused(refusal) => {
                    self.refuse(&attempt, refusal.code, Some(outcome.for_payer))?;
                }
                Answer::Done(validated) => {
                    match accepted(&attempt, &validated.acceptance, issuer) {
                        Some(acceptance) => {
                            self.paid(&attempt, validated, &acceptance, outcome.for_payer, now)?;
                        }
                        None => {
                            self.disputed(attempt.operation)?;
                            let code = Code::BadSignature;
                            self.close(&attempt, code, Some(outcome.for_payer))?;
                        }
                    }
                }
            },
        }
        Ok(true)
    }

    fn attempted(&self, operation: OperationId) -> Result<Attempt, StoreError> {
        let query = "SELECT * FROM attempt WHERE operation = ?";
        let row = self.host.sql().row(query, &[operation.0.into()])?;
        let row = row.ok_or(StoreError::Invariant("a validation has its attempt"))?;
        let invoice = InvoiceId(row.bytes("invoice")?);
        let order = self.order_row(invoice)?;
        let order = order.ok_or(StoreError::Invariant("an attempt has its order"))?;
        let signed = store::message(&order, "invoice")?;
        Ok(Attempt { operation, invoice, signed, order, take: store::message(&row, "take")? })
    }

    /// The issuer was out of reach for so long that the request was refused for its age. It was
    /// not carried out, so the same envelope is validated with a new one.
    fn validate_again(
        &self,
        attempt: &Attempt,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<(), StoreError> {
        let query = "SELECT sealed FROM attempt WHERE operation = ?";
        let row = self.host.sql().row(query, &[attempt.operation.0.into()])?;
        let row = row.ok_or(StoreError::Invariant("an open attempt keeps its envelope"))?;
        let (signed, take) = (&attempt.signed, &attempt.take);
        let made = self.validate(attempt.operation, signed, row.blob("sealed")?, take, issuer, now);
        match made {
            Ok(()) => Ok(()),
            Err(Fault::Store(error)) => Err(error),
            Err(Fault::Refused(_)) => Err(StoreError::Invariant("a validation can be made again")),
        }
    }

    /// Nothing was taken: the order is open for another envelope.
    fn refuse(
        &self,
        attempt: &Attempt,
        code: Code,
        for_payer: Option<SealedAnswer>,
    ) -> Result<(), StoreError> {
        self.forget(attempt.operation)?;
        self.close(attempt, code, for_payer)
    }

    fn close(
        &self,
        attempt: &Attempt,
        code: Code,
        for_payer: Option<SealedAnswer>,
    ) -> Result<(), StoreError> {
        let answer =
            for_payer.map(|for_payer| wire::encode(&PaymentAnswer { for_payer, receipt: None }));
        self.host.sql().run(
            "UPDATE attempt SET sealed = NULL, refusal = ?, answer = ? WHERE operation = ?",
            &[code.number().into(), answer.into(), attempt.operation.0.into()],
        )?;
        self.host.sql().run(
            "UPDATE orders SET validating = NULL WHERE id = ? AND validating = ?",
            &[attempt.invoice.0.into(), attempt.operation.0.into()],
        )?;
        Ok(())
    }

    /// The payment is in good coins (P2): value in the takings, receipt for the payer, event for
    /// the shop.
    fn paid(
        &self,
        attempt: &Attempt,
        validated: Validated,
        acceptance: &Acceptance,
        for_payer: SealedAnswer,
        now: Time,
    ) -> Result<(), StoreError> {
        let operation = attempt.operation;
        self.answered(operation, now)?;
        let taken = match &attempt.take {
            Take::Refresh(bundle) => {
                self.take_coins(acceptance, &validated, bundle, now)?;
                Taking::Refresh
            }
            Take::Redeem => {
                store::receive(self.host.sql(), acceptance.amount, Place::Redeemed)?;
                Taking::Redeem
            }
            Take::Aggregate => {
                self.hold(operation, acceptance.amount)?;
                store::receive(self.host.sql(), acceptance.amount, Place::Held)?;
                Taking::Aggregate
            }
        };
        let receipt =
            Receipt { invoice: attempt.signed.digest(), acceptance: validated.acceptance, at: now };
        let receipt = Some(Signed::sign(&receipt, &self.keys.signing));
        let answer = wire::encode(&PaymentAnswer { for_payer, receipt });
        self.host.sql().run(
            "UPDATE attempt SET sealed = NULL, answer = ? WHERE operation = ?",
            &[answer.into(), operation.0.into()],
        )?;
        self.host.sql().run(
            "UPDATE orders SET validating = NULL, paid_at = ?, taken = ? WHERE id = ?",
            &[now.0.into(), taken.number().into(), attempt.invoice.0.into()],
        )?;
        let (order, reference) =
            (attempt.invoice.to_string(), attempt.order.text("reference")?.to_owned());
        let amount = Money::from(acceptance.amount);
        let event = "paid".into();
        self.publish(PaidEvent { event, id: 0, order, reference, amount, taken, at: now.0 }, now)
    }

    /// Puts the fresh coins into the purse; coins that are not what was asked for are the issuer's
    /// fault, and the journal keeps its answer.
    fn take_coins(
        &self,
        acceptance: &Acceptance,
        validated: &Validated,
        bundle: &Bundle,
        now: Time,
    ) -> Result<(), StoreError> {
        let place = match wallet::receive(validated.coins.clone(), bundle, now) {
            Ok(coins) => {
                self.put_in_purse(&coins)?;
                Place::Fresh
            }
            Err(wallet::NotAsAsked) => {
                self.disputed(acceptance.operation)?;
                Place::Disputed
            }
        };
        store::receive(self.host.sql(), acceptance.amount, place)
    }
}

/// The issuer's acceptance, if it is one of this operation and of this invoice in full.
fn accepted(
    attempt: &Attempt,
    acceptance: &Signed<Acceptance>,
    issuer: &IssuerKeys,
) -> Option<Acceptance> {
    // The answer may come after the invoice has expired: it was checked for that when the envelope
    // came.
    let made = attempt.signed.claim().ok()?.created;
    let invoice = check_invoice(&attempt.signed, &issuer.key, made).ok()?;
    let acceptance = check_acceptance(acceptance, &invoice, &issuer.key).ok()?;
    (acceptance.operation == attempt.operation).then_some(acceptance)
}
