//! The originator of cards.

use std::fmt;

use http::Method;
use koban_protocol::key::SigningKey;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Name, OriginatorKeys, Url};

use crate::answer::{Fault, cbor};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer;
use crate::sql::StoreError;

/// Answers a request to the originator's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    peer::forward(host, Class::Originator, "originator", request).await
}

/// The originator's object.
pub struct Originator<H> {
    host: H,
    keys: OriginatorKeys,
    signing: SigningKey,
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
        let url = peer::own_url(&host).ok().and_then(|url| Url::new(&url));
        let url = url.ok_or(StoreError::Invariant("SELF is set"))?;
        let name = Name::new("Koban cards").ok_or(StoreError::Invariant("a name"))?;
        let keys = OriginatorKeys { name, url, key: signing.verifying_key() };
        Ok(Self { host, keys, signing })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let done = self.route(&request).await;
        peer::answer_of(&self.host, done)
    }

    /// The originator starts nothing by itself.
    async fn alarm(&self) {}
}

impl<H: ObjectHost> Originator<H> {
    async fn route(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/keys") => Ok(cbor(&Signed::sign(&self.keys, &self.signing))),
            _ => Err(Code::NotFound.into()),
        }
    }
}
