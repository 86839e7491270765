//! The originator of cards: makes them, loads and empties them, collects from terminals, and keeps
//! a shadow account of each (VC 4.2 to 4.4). Value in cards is created, counted and redeemed here
//! alone (MONDEX-4).
//!
//! ```text
//! GET  /keys               signed OriginatorKeys
//! POST /cards              NewCard                  -> SealedPersonalisation
//! POST /loads              LoadCall                 -> Message<Value>
//! POST /loads/end          Message<Acknowledgement> -> 204
//! POST /loads/return       ReturnCall               -> signed Released
//! POST /unloads            UnloadCall               -> Message<Request>
//! POST /unloads/value      Message<Value>           -> Unloaded
//! POST /reports            Report                   -> Directives
//! POST /refunds            RefundCall               -> Message<Value>
//! POST /cards/{id}/orders  Order                    -> 204, for the operator
//! GET  /audit              JSON, for anyone
//! ```
//!
//! A shadow account is what a card may hold: its loads, less its unloads, and what it paid and was
//! paid as either side reported it, under the payer's signature. It never learns what was bought;
//! it learns which card paid which terminal how much.

mod books;
mod cards;
mod exchanges;
mod load;
mod making;
mod once;
mod operator;
mod report;
mod unload;

use std::fmt;

use http::Method;
use koban_protocol::id::{OperationId, Shard};
use koban_protocol::key::{SigningKey, VerifyingKey};
use koban_protocol::offline::purse::issuer::Masters;
use koban_protocol::refusal::Code;
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{Name, OriginatorKeys, Url};

use crate::answer::{Fault, cbor};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer::{self, Issuer};
use crate::sql::StoreError;
use exchanges::Exchanges;

/// Answers a request to the originator's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    peer::forward(host, Class::Originator, "originator", request).await
}

/// The originator's object.
pub struct Originator<H> {
    host: H,
    keys: OriginatorKeys,
    signing: SigningKey,
    masters: Masters,
    issuer: Issuer,
}

impl<H> fmt::Debug for Originator<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Originator(..)")
    }
}

impl<H: ObjectHost> Object<H> for Originator<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        let seed = peer::seed(&host).map_err(|_| StoreError::Invariant("SEED is set"))?;
        let signing = SigningKey::from_seed(&seed);
        let keys = published(&host, signing.verifying_key());
        let keys = keys.ok_or(StoreError::Invariant("SELF is set"))?;
        let sql = host.sql();
        once::make_tables(sql)?;
        books::make_tables(sql)?;
        cards::make_tables(sql)?;
        exchanges::make_tables(sql)?;
        unload::make_tables(sql)?;
        let masters = Masters::from_seed(seed);
        Ok(Self { host, keys, signing, masters, issuer: Issuer::default() })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let done = self.route(&request).await;
        peer::answer_of(&self.host, done)
    }

    /// The originator starts nothing by itself.
    async fn alarm(&self) {}
}

/// What the originator publishes of itself.
fn published<H: Host>(host: &H, key: VerifyingKey) -> Option<OriginatorKeys> {
    let url = Url::new(&peer::own_url(host).ok()?)?;
    Some(OriginatorKeys { name: Name::new("Koban Cards")?, url, key })
}

impl<H: ObjectHost> Originator<H> {
    async fn route(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let body = request.body();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/keys") => Ok(cbor(&self.sign(&self.keys))),
            (&Method::GET, "/audit") => self.audit(),
            (&Method::POST, "/cards") => self.make_card(request),
            (&Method::POST, "/loads") => self.load(body).await,
            (&Method::POST, "/loads/end") => self.end_load(body),
            (&Method::POST, "/loads/return") => self.give_back(body).await,
            (&Method::POST, "/unloads") => self.unload(body).await,
            (&Method::POST, "/unloads/value") => self.take_value(body),
            (&Method::POST, "/reports") => self.report(body),
            (&Method::POST, "/refunds") => self.refund(body),
            (&Method::POST, path) => match card_of_orders(path) {
                Some(card) => self.order(request, card),
                None => Err(Code::NotFound.into()),
            },
            _ => Err(Code::NotFound.into()),
        }
    }

    fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        Signed::sign(statement, &self.signing)
    }

    fn exchanges(&self) -> Exchanges<'_, H::Sql> {
        Exchanges { sql: self.host.sql(), at: self.host.now() }
    }

    /// Lets only an operation pass that the issuer will pay out: others have another home than what
    /// is owed for cards, and value released for them would be stranded.
    async fn check_clearing(&self, operation: OperationId) -> Result<(), Fault> {
        let is_at_home =
            operation.shard(self.issuer.keys(&self.host).await?.shards) == Shard::CLEARING;
        if is_at_home { Ok(()) } else { Err(Code::Malformed.into()) }
    }
}

/// The card in `/cards/{id}/orders`.
fn card_of_orders(path: &str) -> Option<&str> {
    path.strip_prefix("/cards/")?.strip_suffix("/orders")
}
