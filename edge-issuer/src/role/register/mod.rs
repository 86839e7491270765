//! The register of holders: who withdrew which coins, kept apart from whether they are spent
//! (VC-8).
//!
//! ```text
//! GET  /keys      signed RegisterKeys
//! POST /notes     sealed, signed RegisterNote     -> 204
//! POST /lookups   sealed, signed RegisterLookup   -> sealed NotedCoins; logged
//! GET  /log       JSON, for the operator
//! ```
//!
//! It knows coins and holders but not what became of the coins; the issuer's shards know what is
//! live but not whose it was. Joining the two takes a signed look-up, which the register logs with
//! its reason. Only the issuer may note and look up. Whoever reads the database without the
//! register's seed learns how many notes there are, of how many coins each, which of them have one
//! holder, and until when they are kept.

mod store;

use std::fmt;

use http::{Method, StatusCode};
use koban_protocol::key::{SigningKey, VerifyingKey};
use koban_protocol::refusal::{Answer, Code, Refusal};
use koban_protocol::sealed::{AnswerSecret, OpeningKey, Route, SealedRequest};
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{NotedCoins, RegisterKeys, RegisterLookup, RegisterNote};
use koban_protocol::time::{Day, Time};

use crate::answer::{Fault, cbor, json};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer::{self, Issuer};
use crate::sql::{Sql as _, StoreError};
use store::Store;

const DAY_S: u64 = 86_400;

/// Answers a request to the register's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    peer::forward(host, Class::Register, "register", request).await
}

/// The register's object.
pub struct Register<H> {
    host: H,
    signing: SigningKey,
    opening: OpeningKey,
    store: Store,
    issuer: Issuer,
}

impl<H> fmt::Debug for Register<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Register(..)")
    }
}

impl<H: ObjectHost> Object<H> for Register<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        let seed = peer::seed(&host).map_err(|_| StoreError::Invariant("SEED is set"))?;
        store::make_tables(host.sql())?;
        Ok(Self {
            host,
            signing: SigningKey::from_seed(&seed),
            opening: OpeningKey::from_seed(&seed),
            store: Store::new(&seed),
            issuer: Issuer::default(),
        })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let done = self.route(&request).await;
        peer::answer_of(&self.host, done)
    }

    /// Drops notes whose coins can no longer be refreshed, and asks to be woken for the next.
    async fn alarm(&self) {
        let now = self.host.now();
        let next = match self.drop_old(now) {
            Ok(None) => return,
            Ok(Some(last)) => start_of(last.plus(1)),
            Err(error) => {
                self.host.log(&format!("register: {error}"));
                now.plus(DAY_S)
            }
        };
        if self.host.wake_at(next).await.is_err() {
            self.host.log("register: no alarm could be set");
        }
    }
}

impl<H: ObjectHost> Register<H> {
    async fn route(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/keys") => Ok(cbor(&self.published())),
            (&Method::POST, "/notes") => self.note(request.body()).await,
            (&Method::POST, "/lookups") => self.look_up(request.body()).await,
            (&Method::GET, "/log") => self.log(request),
            _ => Err(Code::NotFound.into()),
        }
    }

    /// Gives the last day of the note that is to be dropped next.
    fn drop_old(&self, now: Time) -> Result<Option<Day>, StoreError> {
        let sql = self.host.sql();
        sql.transaction(|| {
            self.store.drop_before(sql, now.day())?;
            self.store.next_drop(sql)
        })
    }

    fn published(&self) -> Signed<RegisterKeys> {
        let key = self.signing.verifying_key();
        let keys = RegisterKeys { key, sealing: self.opening.sealing_key() };
        Signed::sign(&keys, &self.signing)
    }

    /// The key of the issuer whose coins are noted.
    async fn issuer(&self) -> Result<VerifyingKey, Fault> {
        Ok(self.issuer.keys(&self.host).await?.key)
    }

    /// The statement in a sealed request on `route`, not yet verified, and the secret to answer
    /// under.
    fn unseal<T: Statement>(
        &self,
        route: Route,
        body: &[u8],
    ) -> Result<(SealedRequest, Signed<T>, AnswerSecret), Code> {
        let request: SealedRequest = peer::decode(body)?;
        if request.route != route {
            return Err(Code::Malformed);
        }
        let (signed, secret) = self.opening.open(&request).map_err(|_| Code::NotSealedForUs)?;
        Ok((request, signed, secret))
    }

    /// Notes whom coins were made for, once per operation.
    async fn note(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let (request, signed, _) = self.unseal::<RegisterNote>(Route::Note, body)?;
        let issuer = self.issuer().await?;
        let note = peer::open(&signed, &issuer)?;
        if note.operation != request.operation {
            return Err(Code::Malformed.into());
        }
        // The alarm first: without it the note would be kept for ever.
        let dropped = start_of(note.until.plus(1));
        self.host.wake_at(dropped).await.map_err(|_| Code::PeerUnreachable)?;
        let sql = self.host.sql();
        sql.transaction(|| self.store.note(sql, &note, self.host.entropy()))?;
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// Tells the issuer which coins were made for a holder, and writes down that it asked.
    async fn look_up(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let (request, signed, secret) = self.unseal::<RegisterLookup>(Route::Lookup, body)?;
        let issuer = self.issuer().await?;
        let answer = match self.noted(&request, &signed, &issuer) {
            Ok(coins) => Answer::Done(coins),
            Err(Fault::Refused(code)) => Answer::Refused(Refusal::from(code)),
            Err(store) => return Err(store),
        };
        Ok(cbor(&secret.seal(&answer, self.host.entropy())))
    }

    fn noted(
        &self,
        request: &SealedRequest,
        signed: &Signed<RegisterLookup>,
        issuer: &VerifyingKey,
    ) -> Result<NotedCoins, Fault> {
        let lookup = peer::open(signed, issuer)?;
        if lookup.operation != request.operation {
            return Err(Code::Malformed.into());
        }
        let (sql, now) = (self.host.sql(), self.host.now());
        sql.transaction(|| {
            self.store.log(sql, &lookup, now, self.host.entropy())?;
            Ok(self.store.coins_of(sql, &lookup.holder)?)
        })
    }

    /// Shows the operator who was looked up, when and why; newest first.
    fn log(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        peer::check_operator(&self.host, request)?;
        Ok(json(StatusCode::OK, &self.store.logged(self.host.sql())?))
    }
}

fn start_of(day: Day) -> Time {
    Time(u64::from(day.0).saturating_mul(DAY_S))
}
