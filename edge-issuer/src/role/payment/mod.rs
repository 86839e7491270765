//! The payment server: orders and invoices for several shops (FX-9), each an object of its own.
//!
//! The shop asks for an order in JSON and gets a signed invoice. A payer's wallet posts its
//! envelope here; the payment server cannot open it and passes it to the issuer with what the shop
//! wants in return (VC-4, VC-5). Every order to the issuer is journalled before it is sent and
//! sent again, as the same bytes, until an authentic answer is stored:
//!
//! ```text
//! envelope ─▶ admitted ─▶ journalled ─▶ sent ─▶ sealed answer ─▶ one transaction ─▶ acknowledged
//!                             ▲           │                      (takings, receipt,
//!                           alarm ◀───────┘ no answer             event, stored answer)
//! ```
//!
//! A crash anywhere leaves a journal entry that the alarm drives on (VC-11). Coins and answer
//! secrets rest encrypted.

mod account;
mod envelope;
mod journal;
mod keys;
pub mod model;
mod notify;
mod onboarding;
pub mod openapi;
mod orders;
mod purse;
mod redeem;
pub mod routes;
mod schema;
mod store;
mod validation;

use http::StatusCode;
use koban_protocol::id::InvoiceId;
use koban_protocol::refusal::Code;

use crate::answer::{Fault, json, problem};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer::{self, Issuer};
use crate::sql::StoreError;
use keys::{ShopId, ShopKeys};
pub(crate) use notify::{SIGNATURE, signature};
use routes::{Action, Caller, Matched};

/// Answers a request to the payment server's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    match route(host, &request) {
        Err(code) => problem(code),
        Ok(None) => match peer::own_url(host) {
            Ok(url) => json(StatusCode::OK, &openapi::document(&url)),
            Err(code) => problem(code),
        },
        Ok(Some(shop)) => peer::forward(host, Class::Payment, &shop.to_string(), request).await,
    }
}

/// The shop whose object answers, if it is not the front itself. An id that this server never gave
/// out reaches no object.
fn route<H: Host>(host: &H, request: &HttpRequest) -> Result<Option<ShopId>, Code> {
    let matched = routes::find(request.method().as_str(), request.uri().path());
    let matched = matched.ok_or(Code::NotFound)?;
    if matched.route.action == Action::Describe {
        return Ok(None);
    }
    let seed = peer::seed(host)?;
    let shop = match matched.shop {
        Some(shop) => shop,
        None => {
            check_operator(host, request)?;
            match idempotency_key(request)? {
                Some(key) => ShopId::of_key(&seed, key),
                None => ShopId::fresh(&seed, host.entropy()),
            }
        }
    };
    if shop.is_ours(&seed) { Ok(Some(shop)) } else { Err(Code::NotFound) }
}

/// The operator, or anybody who says `demo` where everything is for show.
fn check_operator<H: Host>(host: &H, request: &HttpRequest) -> Result<(), Code> {
    let demo = peer::is_demo(host) && peer::bearer(request) == Some("demo");
    if demo { Ok(()) } else { peer::check_operator(host, request) }
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<&str>, Code> {
    let Some(key) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().map_err(|_| Code::Malformed)?;
    let fits = !key.is_empty() && key.len() <= model::REFERENCE_BYTES_MAX;
    if fits { Ok(Some(key)) } else { Err(Code::Malformed) }
}

/// One shop at the payment server.
pub struct Till<H> {
    host: H,
    shop: ShopId,
    keys: ShopKeys,
    issuer: Issuer,
}

impl<H> std::fmt::Debug for Till<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Till({})", self.shop)
    }
}

impl<H: ObjectHost> Object<H> for Till<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        let shop = host.name().parse();
        let shop = shop.map_err(|_| StoreError::Invariant("the object is named by a shop"))?;
        let seed = peer::seed(&host).map_err(|_| StoreError::Invariant("SEED is set"))?;
        store::make_tables(host.sql())?;
        let keys = ShopKeys::new(&seed, shop);
        Ok(Self { host, shop, keys, issuer: Issuer::default() })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let done = self.answer(request).await;
        peer::answer_of(&self.host, done)
    }

    async fn alarm(&self) {
        if let Err(Fault::Store(error)) = self.drive_open().await {
            self.host.log(&format!("payment: {error}"));
        }
    }
}

impl<H: ObjectHost> Till<H> {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let found = routes::find(request.method().as_str(), request.uri().path());
        let Matched { route, invoice, .. } = found.ok_or(Code::NotFound)?;
        if route.caller == Caller::Shop {
            let given = peer::bearer(&request).ok_or(Code::NotAllowed)?;
            if !peer::same_token(given, &self.keys.token) {
                return Err(Code::NotAllowed.into());
            }
        }
        let named = |id: Option<InvoiceId>| id.ok_or(Code::NotFound);
        match route.action {
            Action::OpenShop => self.open_shop(request.body()).await,
            Action::ShowShop => self.show_shop().await,
            Action::Configure => self.configure(request.body()),
            Action::PlaceOrder => self.place_order(request.body()).await,
            Action::ListOrders => self.list_orders(request.uri().query()),
            Action::ShowOrder => self.show_order(named(invoice)?),
            Action::Redeem => self.redeem(request.body()).await,
            Action::Events => self.events(&request),
            Action::Invoice => self.invoice(named(invoice)?),
            Action::Pay => self.pay(named(invoice)?, request.into_body()).await,
            Action::Describe => Err(Code::NotFound.into()),
        }
    }
}
