//! What every role needs of its deployment and of the others: its seed and name, their published
//! keys, whether a caller is the operator, messages in and refusals out.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use http::{Request, StatusCode, header};
use koban_protocol::id::from_hex;
use koban_protocol::key::{Seed, VerifyingKey};
use koban_protocol::refusal::Code;
use koban_protocol::signed::{OpenError, Signed, Statement};
use koban_protocol::statement::{BankKeys, IssuerKeys, OriginatorKeys, RegisterKeys};
use koban_protocol::wire::{self, Wire, WireError};
use subtle::ConstantTimeEq as _;

use crate::answer::{Fault, problem};
use crate::host::{Address, Class, Host, HttpRequest, HttpResponse, ObjectHost};
use crate::sql::{Sql as _, StoreError};

/// Bytes of an operator's token.
const TOKEN_BYTES: usize = 16;

/// A signed statement that a role publishes of itself at `GET /keys`.
pub trait PublishedKeys: Statement {
    /// The key it is signed with.
    fn key(&self) -> VerifyingKey;

    /// Whether it is the statement of the role reached under the name `peer`.
    fn is_of(&self, peer: &str) -> bool;
}

impl PublishedKeys for IssuerKeys {
    fn key(&self) -> VerifyingKey {
        self.key
    }

    fn is_of(&self, peer: &str) -> bool {
        peer == "issuer"
    }
}

impl PublishedKeys for RegisterKeys {
    fn key(&self) -> VerifyingKey {
        self.key
    }

    fn is_of(&self, peer: &str) -> bool {
        peer == "register"
    }
}

impl PublishedKeys for BankKeys {
    fn key(&self) -> VerifyingKey {
        self.key
    }

    fn is_of(&self, peer: &str) -> bool {
        self.id.as_str() == peer
    }
}

impl PublishedKeys for OriginatorKeys {
    fn key(&self) -> VerifyingKey {
        self.key
    }

    fn is_of(&self, peer: &str) -> bool {
        peer == "originator"
    }
}

/// The keys that the role `peer` publishes: fetched once, accepted if signed by the key they name,
/// and pinned in the object's table `pinned`. From then on the pinned ones are given, whatever is
/// published.
///
/// # Errors
/// [`Code::PeerUnreachable`] if the peer gives no such keys; [`StoreError`].
pub async fn keys_of<T: PublishedKeys, H: ObjectHost>(host: &H, peer: &str) -> Result<T, Fault> {
    let sql = host.sql();
    sql.run("CREATE TABLE IF NOT EXISTS pinned(peer TEXT PRIMARY KEY, body BLOB NOT NULL)", &[])?;
    if let Some(keys) = pinned(host, peer)? {
        return Ok(keys);
    }
    let request = Request::get(format!("http://{peer}/keys")).body(Vec::new());
    let request = request.map_err(|_| Code::Internal)?;
    let response = host.call(&Address::Peer(peer.to_owned()), request).await;
    let response = response.map_err(|_| Code::PeerUnreachable)?;
    if response.status() != StatusCode::OK {
        return Err(Code::PeerUnreachable.into());
    }
    let signed: Signed<T> = decode(response.body()).map_err(|_| Code::PeerUnreachable)?;
    let claim = signed.claim().map_err(|_| Code::PeerUnreachable)?;
    let keys = signed.open(&claim.key()).map_err(|_| Code::PeerUnreachable)?;
    if !keys.is_of(peer) {
        return Err(Code::PeerUnreachable.into());
    }
    // Another request may have pinned them meanwhile: the first ones stay.
    sql.run(
        "INSERT INTO pinned(peer, body) VALUES(?, ?) ON CONFLICT DO NOTHING",
        &[peer.into(), wire::encode(&signed).into()],
    )?;
    pinned(host, peer)?.ok_or(Fault::Store(StoreError::Invariant("pinned keys stay")))
}

/// The issuer as another role knows it: its keys, fetched once and pinned.
#[derive(Debug, Default)]
pub struct Issuer(OnceCell<Rc<IssuerKeys>>);

impl Issuer {
    /// Its keys.
    ///
    /// # Errors
    /// Those of [`keys_of`].
    pub async fn keys<H: ObjectHost>(&self, host: &H) -> Result<Rc<IssuerKeys>, Fault> {
        if let Some(keys) = self.0.get() {
            return Ok(Rc::clone(keys));
        }
        let keys = Rc::new(keys_of(host, "issuer").await?);
        Ok(Rc::clone(self.0.get_or_init(|| keys)))
    }

    /// Its keys, if they were asked for since the object was opened.
    pub fn known(&self) -> Option<&IssuerKeys> {
        self.0.get().map(Rc::as_ref)
    }
}

fn pinned<T: PublishedKeys, H: ObjectHost>(host: &H, peer: &str) -> Result<Option<T>, StoreError> {
    let row = host.sql().row("SELECT body FROM pinned WHERE peer = ?", &[peer.into()])?;
    row.map(|row| {
        let signed: Signed<T> =
            wire::decode_exact(row.blob("body")?).map_err(|_| StoreError::Column("body"))?;
        signed.claim().map_err(|_| StoreError::Column("body"))
    })
    .transpose()
}

/// The seed of all of the role's keys: the setting `SEED`, 64 hexadecimal digits.
///
/// # Errors
/// [`Code::Internal`] if the deployment gives none.
pub fn seed<H: Host>(host: &H) -> Result<Seed, Code> {
    let bytes = host.setting("SEED").and_then(|digits| from_hex(&digits));
    bytes.map(Seed::new).ok_or(Code::Internal)
}

/// The role's origin: the setting `SELF`.
///
/// # Errors
/// [`Code::Internal`] if the deployment gives none.
pub fn own_url<H: Host>(host: &H) -> Result<String, Code> {
    host.setting("SELF").ok_or(Code::Internal)
}

/// Whether everything is for show: the setting `DEMO` is `1`.
pub fn is_demo<H: Host>(host: &H) -> bool {
    host.setting("DEMO").as_deref() == Some("1")
}

/// The names of all roles of the deployment, ascending: the setting `PEERS`, JSON `{name: origin}`.
pub fn names<H: Host>(host: &H) -> Vec<String> {
    let peers = host.setting("PEERS").unwrap_or_default();
    let peers: BTreeMap<String, String> = serde_json::from_str(&peers).unwrap_or_default();
    peers.into_keys().collect()
}

/// The operator's token: the first 16 bytes of `HKDF(seed, "operator")` in hexadecimal.
pub fn operator_token(seed: &Seed) -> String {
    let token = seed.derive(&[b"operator"]);
    token.expose().iter().take(TOKEN_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// The token of the header `Authorization: Bearer ...` (RFC 6750).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let given = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Whether two tokens are the same; in constant time for equal lengths.
pub fn same_token(given: &str, expected: &str) -> bool {
    bool::from(given.as_bytes().ct_eq(expected.as_bytes()))
}

/// Lets only the operator pass.
///
/// # Errors
/// [`Code::NotAllowed`]; [`Code::Internal`] if the deployment gives no seed.
pub fn check_operator<H: Host>(host: &H, request: &HttpRequest) -> Result<(), Code> {
    let expected = operator_token(&seed(host)?);
    let allowed = bearer(request).is_some_and(|given| same_token(given, &expected));
    if allowed { Ok(()) } else { Err(Code::NotAllowed) }
}

/// The message in `bytes`.
///
/// # Errors
/// [`Code::TooLong`], [`Code::Malformed`].
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Code> {
    wire::decode_exact(bytes).map_err(|error| match error {
        WireError::TooLong => Code::TooLong,
        WireError::Malformed | WireError::NotCanonical => Code::Malformed,
    })
}

/// The statement, if `key` signed it.
///
/// # Errors
/// [`Code::Malformed`], [`Code::BadSignature`].
pub fn open<T: Statement>(signed: &Signed<T>, key: &VerifyingKey) -> Result<T, Code> {
    signed.open(key).map_err(|error| match error {
        OpenError::Signature(_) => Code::BadSignature,
        OpenError::Content(_) => Code::Malformed,
    })
}

/// Passes a request on to an object of the same role.
pub async fn forward<H: Host>(
    host: &H,
    class: Class,
    name: &str,
    request: HttpRequest,
) -> HttpResponse {
    let to = Address::Object(class, name.to_owned());
    host.call(&to, request).await.unwrap_or_else(|_| problem(Code::PeerUnreachable))
}

/// The answer, or a refusal in its place; what failed in the store is told to the operator alone.
pub fn answer_of<H: Host>(host: &H, done: Result<HttpResponse, Fault>) -> HttpResponse {
    match done {
        Ok(response) => response,
        Err(Fault::Refused(code)) => problem(code),
        Err(Fault::Store(error)) => {
            let role = host.setting("ROLE").unwrap_or_default();
            host.log(&format!("{role}: {error}"));
            problem(Code::Internal)
        }
    }
}
