//! Load: the issuer's word that it took soft money becomes value in a card, once (VC 4.3); or goes
//! back. And value that was lost on its way is loaded again.

use http::StatusCode;
use koban_protocol::id::Digest;
use koban_protocol::offline::purse::service::{LoadCall, RefundCall, ReturnCall};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, Link, Message, ORIGINATOR, Party, Proof, Request, Transfer, Value,
};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Statement;
use koban_protocol::statement::{Funded, Released};
use koban_protocol::wire;

use super::Originator;
use super::cards::{Cards, Known};
use super::exchanges::{Place, Word, digest_of};
use super::once::{Act, Once};
use crate::answer::Fault;
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::Sql as _;

impl<H: ObjectHost> Originator<H> {
    /// Answers a card's request with value, once for an operation of the issuer.
    pub(super) async fn load(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let LoadCall { request, funded } = peer::decode(body)?;
        let issuer = self.issuer.keys(&self.host).await?;
        let Funded { operation, request: asked, amount, .. } = peer::open(&funded, &issuer.key)?;
        let payee = self.check_request(&request)?;
        if request.content.digest() != asked {
            return Err(Code::Malformed.into());
        }
        if request.content.amount != amount {
            return Err(Code::AmountMismatch.into());
        }
        let once = Once { act: Act::Funded, key: &operation.0, body: funded.digest() };
        once.run(self.host.sql(), || {
            if payee.expires < self.host.now().day() {
                return Ok(Err(Code::CertificateInvalid));
            }
            let transfer = match self.answer_with(&request.content, &payee)? {
                Ok(transfer) => transfer,
                Err(code) => return Ok(Err(code)),
            };
            self.exchanges().book(&transfer, Word::Arrived)?;
            Ok(Ok(wire::encode(&self.value(transfer))))
        })
    }

    /// The card has taken its load.
    pub(super) fn end_load(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let Message { content, proof }: Message<Acknowledgement> = peer::decode(body)?;
        let Acknowledgement(transfer) = content;
        self.check_tag(transfer.payee, &content, &proof)?;
        let exchanges = self.exchanges();
        self.host.sql().transaction(|| {
            exchanges.find(&transfer)?.ok_or(Code::NotFound)?;
            Ok::<_, Fault>(exchanges.acknowledge(&transfer)?)
        })?;
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// Gives funding back that no card will take: the issuer pays it out again. After this the
    /// funding loads nothing.
    pub(super) async fn give_back(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let ReturnCall { funded, operation } = peer::decode(body)?;
        self.check_clearing(operation).await?;
        let issuer = self.issuer.keys(&self.host).await?;
        let Funded { operation: paid, amount, claim, .. } = peer::open(&funded, &issuer.key)?;
        let released = Released { operation, amount, claim };
        let returned = Digest::of_value(Released::DOMAIN, &released);
        let once = Once { act: Act::Funded, key: &paid.0, body: returned };
        once.run(self.host.sql(), || Ok(Ok(wire::encode(&self.sign(&released)))))
    }

    /// Loads value again that left the caller's card, or was on its way to it, and that both ends
    /// reported as never arrived.
    pub(super) fn refund(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let RefundCall { request, lost } = peer::decode(body)?;
        let payee = self.check_request(&request)?;
        let owner = if lost.payer.card == ORIGINATOR { lost.payee } else { lost.payer };
        if owner.card != payee.id {
            return Err(Code::NotAllowed.into());
        }
        if request.content.amount != lost.amount {
            return Err(Code::AmountMismatch.into());
        }
        let key = digest_of(&lost);
        let once = Once { act: Act::Refund, key: &key.0, body: request.content.digest() };
        once.run(self.host.sql(), || {
            let exchanges = self.exchanges();
            let found = exchanges.find(&lost)?.map(|booked| booked.place);
            if found != Some(Place::Lost) {
                return Ok(Err(Code::NotLost));
            }
            let transfer = match self.answer_with(&request.content, &payee)? {
                Ok(transfer) => transfer,
                Err(code) => return Ok(Err(code)),
            };
            exchanges.load_again(&lost, &transfer)?;
            Ok(Ok(wire::encode(&self.value(transfer))))
        })
    }

    /// The card that asks the originator for value, if it is one and asks for some.
    fn check_request(&self, request: &Message<Request>) -> Result<Known, Fault> {
        let Request { link, payee, payer, amount } = request.content;
        if link != Link::Originator || payer.is_some() {
            return Err(Code::Malformed.into());
        }
        let card = self.check_tag(payee, &request.content, &request.proof)?;
        if amount.is_zero() {
            return Err(Code::AmountInvalid.into());
        }
        Ok(card)
    }

    /// The card of a party, if `proof` is a tag under its load key.
    pub(super) fn check_tag<T: Statement>(
        &self,
        party: Party,
        content: &T,
        proof: &Proof,
    ) -> Result<Known, Fault> {
        let card = Cards(self.host.sql()).get(party.card)?;
        let Proof::Keyed(tag, ..) = proof else { return Err(Code::BadSignature.into()) };
        let key = self.masters.load(party.card);
        key.verify(content, tag).map_err(|_| Code::BadSignature)?;
        Ok(card)
    }

    /// The exchange that answers a card's request; none if the card is closed, or the request was
    /// answered before or given up.
    fn answer_with(
        &self,
        request: &Request,
        card: &Known,
    ) -> Result<Result<Transfer, Code>, Fault> {
        if card.closed {
            return Ok(Err(Code::CardClosed));
        }
        let exchanges = self.exchanges();
        if card.last >= request.payee.number || exchanges.loaded(request.payee)?.is_some() {
            return Ok(Err(Code::OperationReused));
        }
        let payer = exchanges.next_party()?;
        Ok(request.answered_by(payer).ok_or(Code::Malformed))
    }

    /// The value of an exchange that the originator pays, under the card's load key.
    fn value(&self, transfer: Transfer) -> Message<Value> {
        let content = Value(transfer);
        let tag = self.masters.load(transfer.payee.card).tag(&content);
        Message { content, proof: Proof::Keyed(tag, None, None) }
    }
}
