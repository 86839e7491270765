//! The demo shop: an ordinary shop of small digital goods. It knows nothing of coins: it uses the
//! payment server's JSON interface as any shop would, and offers an invoice by every way a page
//! has (VC-12).
//!
//! ```text
//! GET  /                       the goods
//! POST /buy/{good}             303 to a new order's page
//! GET  /orders/{order}         what is ordered, how to pay; once paid, the goods
//! GET  /orders/{order}/goods   402 with the invoice; once paid, the file
//! POST /webhook                the payment server tells of a payment
//! GET  /owner ...              sales and takings, for the owner
//! ```
//!
//! Pages are made here and need no script; the policy in [`front`] allows none.

mod goods;
mod lang;
mod look;
mod melody;
mod order;
mod owner;
mod pages;
mod session;
mod supplier;

use http::{HeaderValue, StatusCode, header};
use koban_protocol::key::Seed;
use koban_protocol::refusal::Code;

use crate::answer::{Fault, body, problem};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer;
use crate::role::vault::Vault;
use crate::sql::{Sql, StoreError};
use lang::Lang;
use look::Frame;

/// Largest form or event the shop takes, bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS account(
        one INTEGER PRIMARY KEY CHECK (one = 1), shop TEXT NOT NULL, token BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS purchase(
        id BLOB PRIMARY KEY, good TEXT NOT NULL, placed INTEGER NOT NULL, remote TEXT, invoice BLOB,
        expires INTEGER, validating INTEGER NOT NULL DEFAULT 0, paid_at INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS session(digest BLOB PRIMARY KEY, expires INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS failure(at INTEGER NOT NULL)",
];

/// Answers a request to the shop's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    let mut response = match goods::file_of_page(request.uri().path()) {
        Some((kind, bytes)) => {
            let mut response = body(StatusCode::OK, kind, bytes.to_vec());
            set(&mut response, header::CACHE_CONTROL, "public, max-age=3600");
            response
        }
        None => peer::forward(host, Class::Shop, "shop", request).await,
    };
    set(&mut response, header::CONTENT_SECURITY_POLICY, POLICY);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        set(&mut response, header::CACHE_CONTROL, "no-store");
    }
    response
}

fn set(response: &mut HttpResponse, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The shop's orders, and its access to the payment server.
pub struct Shop<H> {
    host: H,
    seed: Seed,
    vault: Vault,
}

impl<H> std::fmt::Debug for Shop<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shop")
    }
}

impl<H: ObjectHost> Object<H> for Shop<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        let seed = peer::seed(&host).map_err(|_| StoreError::Invariant("SEED is set"))?;
        TABLES.iter().try_for_each(|table| host.sql().run(table, &[]).map(drop))?;
        let vault = Vault::new(&seed, &[b"shop-vault"]);
        Ok(Self { host, seed, vault })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let asked = request.uri().query().and_then(Lang::asked);
        let lang = Lang::of(&request);
        let mut response = match self.route(lang, request).await {
            Ok(response) => response,
            Err(Fault::Refused(code)) => look::failure(lang, code),
            Err(Fault::Store(error)) => {
                self.host.log(&format!("shop: {error}"));
                look::failure(lang, Code::Internal)
            }
        };
        if let Some(asked) = asked
            && let Ok(cookie) = HeaderValue::from_str(&asked.cookie())
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    async fn alarm(&self) {}
}

impl<H: ObjectHost> Shop<H> {
    async fn route(&self, lang: Lang, request: HttpRequest) -> Result<HttpResponse, Fault> {
        if request.body().len() > BODY_BYTES_MAX {
            return Err(Code::TooLong.into());
        }
        let path = request.uri().path().to_owned();
        let frame = Frame { lang, path: &path };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method().as_str(), parts.as_slice()) {
            ("GET", [""]) => Ok(pages::goods(&frame)),
            ("POST", ["buy", good]) => self.buy(lang, good).await,
            ("GET", ["orders", order]) => self.order_page(&frame, order).await,
            ("GET", ["orders", order, "goods"]) => self.deliver(order, &request).await,
            ("POST", ["webhook"]) => Ok(match self.hear(&request) {
                Ok(response) => response,
                Err(Fault::Refused(code)) => problem(code),
                Err(store) => return Err(store),
            }),
            ("GET", ["owner"]) => self.owner_page(&frame, &request).await,
            ("POST", ["owner", action]) => self.owner_action(lang, action, &request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
