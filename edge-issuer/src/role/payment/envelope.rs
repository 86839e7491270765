//! Taking a payer's envelope: admitted once, journalled with the shop's validation request, driven
//! to an answer.

use http::StatusCode;
use koban_protocol::amount::{Amount, Bundle, Denomination};
use koban_protocol::id::{Digest, InvoiceId, OperationId};
use koban_protocol::process::Asked;
use koban_protocol::process::payment::{Take, Validation, ValidationOrder};
use koban_protocol::refusal::Code;
use koban_protocol::sealed::{Route, SealedRequest};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, IssuerKeys};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, Bytes};

use super::Till;
use super::journal::Kind;
use super::model::Taking;
use super::store;
use crate::answer::{self, CBOR, Fault, problem};
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Row, Sql, StoreError};

/// Largest envelope, bytes: with certificate and invoice around it, it stays within one message.
pub(super) const ENVELOPE_BYTES_MAX: usize = 32 * 1024;
/// Refused envelopes remembered for one invoice.
const REFUSED_MAX: u32 = 16;

/// What became of an envelope so far.
enum Admitted {
    /// It is under way.
    Open,
    /// It was answered: the bytes, or why not.
    Answered(Result<Vec<u8>, Code>),
}

impl<H: ObjectHost> Till<H> {
    /// Answers a payer's envelope for an invoice. The same envelope gets the same answer.
    pub(super) async fn pay(
        &self,
        invoice: InvoiceId,
        envelope: Vec<u8>,
    ) -> Result<HttpResponse, Fault> {
        let issuer = self.issuer.keys(&self.host).await?;
        let outer = opened(&envelope, &issuer)?;
        let operation = outer.operation;
        let now = self.host.now();
        let admitted = self
            .host
            .sql()
            .transaction(|| self.admit(invoice, operation, envelope, &issuer, now))?;
        if let Admitted::Open = admitted {
            self.wake().await?;
            self.drive(operation).await?;
            self.wake().await?;
            return self.stored_answer(operation);
        }
        Ok(said(admitted))
    }

    /// The answer that is stored for an envelope by now.
    fn stored_answer(&self, operation: OperationId) -> Result<HttpResponse, Fault> {
        let row = self.attempt(operation)?.ok_or(Code::Pending)?;
        Ok(said(became(&row)?))
    }

    fn attempt(&self, operation: OperationId) -> Result<Option<Row>, StoreError> {
        self.host.sql().row("SELECT * FROM attempt WHERE operation = ?", &[operation.0.into()])
    }

    fn admit(
        &self,
        invoice: InvoiceId,
        operation: OperationId,
        envelope: Vec<u8>,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<Admitted, Fault> {
        let order = self.order_row(invoice)?.ok_or(Code::NotFound)?;
        let digest = Digest::of("koban/v1/envelope", &envelope);
        if let Some(row) = self.attempt(operation)? {
            let here = row.bytes("invoice")? == invoice.0;
            if here && row.bytes("envelope")? == digest.0 {
                return Ok(became(&row)?);
            }
            let refused = !row.is_null("refusal")?;
            if here || !refused {
                return Err(Code::OperationReused.into());
            }
        }
        if self.is_recorded(operation)? {
            return Err(Code::OperationReused.into());
        }
        if !order.is_null("paid_at")? {
            return Err(Code::AlreadyPaid.into());
        }
        if !order.is_null("validating")? {
            return Err(Code::Pending.into());
        }
        if order.u64("expires")? < now.0 {
            return Err(Code::InvoiceExpired.into());
        }
        let signed: Signed<Invoice> = store::message(&order, "invoice")?;
        let amount = signed.claim().map_err(|_| StoreError::Column("invoice"))?.amount;
        let take = self.take(amount, issuer)?;
        self.validate(operation, &signed, &envelope, &take, issuer, now)?;
        self.remember(operation, invoice, digest, &envelope, &take)?;
        Ok(Admitted::Open)
    }

    /// How the shop takes a payment at this moment (VC-5).
    fn take(&self, amount: Amount, issuer: &IssuerKeys) -> Result<Take, Fault> {
        Ok(match self.settings()?.0 {
            Taking::Refresh => Take::Refresh(fewest(amount, issuer)?),
            Taking::Redeem => Take::Redeem,
            Taking::Aggregate => Take::Aggregate,
        })
    }

    /// Records the validation request for an envelope, under the envelope's own operation.
    pub(super) fn validate(
        &self,
        operation: OperationId,
        invoice: &Signed<Invoice>,
        envelope: &[u8],
        take: &Take,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<(), Fault> {
        let order = ValidationOrder {
            certificate: self.certificate()?,
            invoice: invoice.clone(),
            take: take.clone(),
            envelope: Bytes(envelope.to_vec()),
            at: now,
        };
        let order = Signed::sign(&order, &self.keys.signing);
        let asked = Asked::<Validation>::new(operation, &order, issuer, self.host.entropy());
        let asked = asked.map_err(|_| Code::Internal)?;
        Ok(self.record(Kind::Validation, &asked, now)?)
    }

    fn remember(
        &self,
        operation: OperationId,
        invoice: InvoiceId,
        digest: Digest,
        envelope: &[u8],
        take: &Take,
    ) -> Result<(), StoreError> {
        let sql = self.host.sql();
        sql.run(
            "DELETE FROM attempt WHERE refusal IS NOT NULL AND operation IN (
                SELECT operation FROM attempt WHERE invoice = ?
                ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
            &[invoice.0.into(), REFUSED_MAX.into()],
        )?;
        sql.run(
            "INSERT OR REPLACE INTO attempt(operation, invoice, envelope, sealed, take)
             VALUES(?, ?, ?, ?, ?)",
            &[
                operation.0.into(),
                invoice.0.into(),
                digest.0.into(),
                envelope.into(),
                wire::encode(take).into(),
            ],
        )?;
        sql.run(
            "UPDATE orders SET validating = ? WHERE id = ?",
            &[operation.0.into(), invoice.0.into()],
        )?;
        Ok(())
    }
}

/// The outer part of an envelope, if it is one and is sealed to our issuer.
fn opened(envelope: &[u8], issuer: &IssuerKeys) -> Result<SealedRequest, Code> {
    if envelope.len() > ENVELOPE_BYTES_MAX {
        return Err(Code::TooLong);
    }
    let outer: SealedRequest = peer::decode(envelope)?;
    if outer.route != Route::Payment {
        return Err(Code::Malformed);
    }
    if outer.recipient != issuer.sealing.id() {
        return Err(Code::NotSealedForUs);
    }
    Ok(outer)
}

fn became(row: &Row) -> Result<Admitted, StoreError> {
    if !row.is_null("answer")? {
        return Ok(Admitted::Answered(Ok(row.blob("answer")?.to_vec())));
    }
    if row.is_null("refusal")? {
        return Ok(Admitted::Open);
    }
    let code = Code::of_number(row.u64("refusal")?);
    Ok(Admitted::Answered(Err(code.ok_or(StoreError::Column("refusal"))?)))
}

fn said(became: Admitted) -> HttpResponse {
    match became {
        Admitted::Open => problem(Code::Pending),
        Admitted::Answered(Ok(answer)) => answer::body(StatusCode::OK, CBOR, answer),
        Admitted::Answered(Err(code)) => problem(code),
    }
}

/// The fewest coins of this issuer that make `amount`.
///
/// # Errors
/// [`Code::CurrencyUnknown`]; [`Code::AmountInvalid`] if one operation cannot make so many.
pub(super) fn fewest(amount: Amount, issuer: &IssuerKeys) -> Result<Bundle, Code> {
    let info = issuer.currency(amount.currency()).ok_or(Code::CurrencyUnknown)?;
    let top = info.largest.exponent();
    let mut counts = Vec::new();
    for denomination in (0..top).filter_map(Denomination::new) {
        if amount.minor() & denomination.minor() != 0 {
            counts.push((denomination, 1));
        }
    }
    let highest = amount.minor() >> top;
    if highest > 0 {
        counts.push((info.largest, u16::try_from(highest).map_err(|_| Code::AmountInvalid)?));
    }
    Bundle::new(amount.currency(), counts).map_err(|_| Code::AmountInvalid)
}
