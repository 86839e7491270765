//! Unload and collection: value leaves a card, or a terminal that is emptied, and the issuer pays
//! it out (VC 4.3).

use koban_protocol::amount::Amount;
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::offline::purse::service::{UnloadCall, Unloaded};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, Link, Message, ORIGINATOR, Proof, Request, Transfer, Value,
};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Statement;
use koban_protocol::statement::Released;
use koban_protocol::wire;

use super::Originator;
use super::books::Books;
use super::cards::{Cards, Finding, Known};
use super::exchanges::{Word, digest_of};
use super::once::{Act, Once, Outcome};
use crate::answer::Fault;
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql, StoreError};

/// Makes the table: requests of the originator, by its number in them.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS unload(
            number INTEGER PRIMARY KEY, request BLOB NOT NULL, operation BLOB NOT NULL,
            claim BLOB NOT NULL)",
        &[],
    )?;
    Ok(())
}

impl<H: ObjectHost> Originator<H> {
    /// Asks a card for value. Each call gets a request of its own, so that no stranger's call is
    /// in the way: the card answers one of them, and the value is released for that call's
    /// operation.
    pub(super) async fn unload(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let UnloadCall { payer, amount, operation, claim } = peer::decode(body)?;
        self.check_clearing(operation).await?;
        let sql = self.host.sql();
        let card = Cards(sql).get(payer.card)?;
        if amount.is_zero() {
            return Err(Code::AmountInvalid.into());
        }
        let body = Digest::of("koban/v1/unload-call", body);
        let once = Once { act: Act::Unload, key: &body.0, body };
        once.run(sql, || {
            if let Err(code) = self.check_covered(&card, amount)? {
                return Ok(Err(code));
            }
            if card.last >= payer.number {
                return Ok(Err(Code::OperationReused));
            }
            let payee = self.exchanges().next_party()?;
            let link = Link::Originator;
            let content = Request { link, payee, payer: Some(payer), amount };
            sql.run(
                "INSERT INTO unload(number, request, operation, claim) VALUES(?, ?, ?, ?)",
                &[
                    payee.number.into(),
                    wire::encode(&content).into(),
                    operation.0.into(),
                    claim.0.into(),
                ],
            )?;
            let tag = self.masters.load(payer.card).tag(&content);
            let proof = Proof::Keyed(tag, None, None);
            Ok(Ok(wire::encode(&Message { content, proof })))
        })
    }

    /// Takes the value that a card sends for a request, once, and releases it to the issuer.
    pub(super) fn take_value(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let message: Message<Value> = peer::decode(body)?;
        let Message { content, proof } = &message;
        let Value(transfer) = *content;
        if transfer.link != Link::Originator || transfer.payee.card != ORIGINATOR {
            return Err(Code::Malformed.into());
        }
        let card = self.check_tag(transfer.payer, content, proof)?;
        let digest = Digest::of_value(Value::DOMAIN, content);
        let signature = proof.signature().ok_or(Code::BadSignature)?;
        card.key.verify(&digest, signature).map_err(|_| Code::BadSignature)?;
        let key = digest_of(&transfer);
        let once = Once { act: Act::UnloadValue, key: &key.0, body: digest };
        once.run(self.host.sql(), || self.release(&card, &transfer, body))
    }

    fn release(
        &self,
        card: &Known,
        transfer: &Transfer,
        evidence: &[u8],
    ) -> Result<Outcome, Fault> {
        let sql = self.host.sql();
        let exchanges = self.exchanges();
        let asked = self.asked(transfer)?.ok_or(Code::NotFound)?;
        if exchanges.is_double(transfer)? {
            Cards(sql).found(card.id, Finding::Forked, evidence, self.host.now())?;
            return Ok(Err(Code::CardClosed));
        }
        if exchanges.find(transfer)?.is_some() {
            // the card gave it up, and reported so before its value came
            return Ok(Err(Code::OperationReused));
        }
        if let Err(code) = self.check_covered(card, transfer.amount)? {
            return Ok(Err(code));
        }
        exchanges.book(transfer, Word::Arrived)?;
        let content = Acknowledgement(*transfer);
        let tag = self.masters.load(card.id).tag(&content);
        let acknowledgement = Message { content, proof: Proof::Keyed(tag, None, None) };
        let released = self.sign(&asked);
        Ok(Ok(wire::encode(&Unloaded { acknowledgement, released })))
    }

    /// What is to be released for an exchange, if the originator asked for it.
    pub(super) fn asked(&self, transfer: &Transfer) -> Result<Option<Released>, StoreError> {
        let query = "SELECT request, operation, claim FROM unload WHERE number = ?";
        let row = self.host.sql().row(query, &[transfer.payee.number.into()])?;
        let Some(row) = row else { return Ok(None) };
        let request = wire::decode_exact(row.blob("request")?);
        let request: Request = request.map_err(|_| StoreError::Column("request"))?;
        if request.answered_by(transfer.payer) != Some(*transfer) {
            return Ok(None);
        }
        let operation = OperationId(row.bytes("operation")?);
        let claim = Digest(row.bytes("claim")?);
        Ok(Some(Released { operation, amount: transfer.amount, claim }))
    }

    /// Whether so much may leave a card: it is open, its shadow account has it, and the issuer owes
    /// it.
    fn check_covered(&self, card: &Known, amount: Amount) -> Result<Result<(), Code>, StoreError> {
        let books = Books(self.host.sql());
        if card.closed {
            return Ok(Err(Code::CardClosed));
        }
        if !books.covers(card.id, amount)? {
            return Ok(Err(Code::ReportFirst));
        }
        let owed = u64::try_from(books.totals(amount.currency())?.clearing).unwrap_or(0);
        Ok(if owed < amount.minor() { Err(Code::ClearingUneven) } else { Ok(()) })
    }
}
