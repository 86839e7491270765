//! One object of a role on a machine small enough to see through: a database, a fixed clock, seeded
//! entropy, and peers that are a closure.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::{Method, Request, Response, StatusCode};
use koban_edge_issuer::answer::cbor;
use koban_edge_issuer::host::{
    Address, Host, HttpRequest, HttpResponse, Object, ObjectHost, Unreachable,
};
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::refusal::Code;
use koban_protocol::sealed::OpeningKey;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{IssuerKeys, Name, Url};
use koban_protocol::time::Time;
use koban_protocol::wire::List;

/// Where the clock starts: noon of some day.
pub(crate) const NOON: Time = Time(1_800_014_400);

type Peers = Box<dyn Fn(&str, &str) -> Result<HttpResponse, Unreachable>>;

struct Machine {
    settings: BTreeMap<&'static str, String>,
    now: Cell<Time>,
    drawn: Cell<u64>,
    database: Sqlite,
    peers: RefCell<Peers>,
    alarms: RefCell<Vec<Time>>,
    log: RefCell<Vec<String>>,
}

/// The machine of one object.
#[derive(Clone)]
pub(crate) struct TestHost(Rc<Machine>);

impl TestHost {
    /// A machine that plays `role`, with the seed `[seed; 32]`; it reaches nobody yet.
    pub(crate) fn new(role: &str, seed: u8, database: Sqlite) -> Self {
        let settings = BTreeMap::from([
            ("ROLE", role.to_owned()),
            ("SELF", format!("http://{role}.example")),
            ("SEED", format!("{seed:02x}").repeat(32)),
            ("DEMO", "1".to_owned()),
            (
                "PEERS",
                r#"{"issuer":"http://i","bank-a":"http://a","bank-b":"http://b"}"#.to_owned(),
            ),
        ]);
        Self(Rc::new(Machine {
            settings,
            now: Cell::new(NOON),
            drawn: Cell::new(u64::from(seed) << 32),
            database,
            peers: RefCell::new(Box::new(|_, _| Err(Unreachable))),
            alarms: RefCell::default(),
            log: RefCell::default(),
        }))
    }

    /// The machine without a setting; to be called before it is shared.
    pub(crate) fn without(mut self, setting: &str) -> Self {
        Rc::get_mut(&mut self.0).unwrap().settings.remove(setting);
        self
    }

    /// Makes `peers` answer requests: name of the peer and path.
    pub(crate) fn reach(
        &self,
        peers: impl Fn(&str, &str) -> Result<HttpResponse, Unreachable> + 'static,
    ) {
        *self.0.peers.borrow_mut() = Box::new(peers);
    }

    /// Sets the clock.
    pub(crate) fn set(&self, now: Time) {
        self.0.now.set(now);
    }

    /// The times it was asked to wake the object at.
    pub(crate) fn alarms(&self) -> Vec<Time> {
        self.0.alarms.borrow().clone()
    }

    /// What was logged.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.0.log.borrow().clone()
    }
}

impl Host for TestHost {
    fn now(&self) -> Time {
        self.0.now.get()
    }

    fn entropy(&self) -> Entropy {
        let drawn = self.0.drawn.get();
        self.0.drawn.set(drawn + 1);
        Entropy::new(Digest::of("test", &drawn.to_be_bytes()).0)
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.0.settings.get(name).cloned()
    }

    async fn call(&self, to: &Address, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let Address::Peer(peer) = to else {
            return Err(Unreachable);
        };
        (self.0.peers.borrow())(peer, request.uri().path())
    }

    fn log(&self, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl ObjectHost for TestHost {
    type Sql = Sqlite;

    fn sql(&self) -> &Sqlite {
        &self.0.database
    }

    fn name(&self) -> String {
        String::new()
    }

    async fn wake_at(&self, at: Time) -> Result<(), Unreachable> {
        self.0.alarms.borrow_mut().push(at);
        Ok(())
    }
}

/// The value of a future that waits for nothing.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

/// Asks an object.
pub(crate) fn ask<O: Object<TestHost>>(
    object: &O,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> HttpResponse {
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    ready(object.fetch(request))
}

/// Posts a message to an object.
pub(crate) fn post<O: Object<TestHost>>(object: &O, path: &str, body: Vec<u8>) -> HttpResponse {
    ask(object, Method::POST, path, body)
}

/// The code of a refusal; its status and media type are the code's.
pub(crate) fn refused(response: &Response<Vec<u8>>) -> Code {
    assert_ne!(response.status(), StatusCode::OK, "not refused");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let code = Code::ALL.iter().find(|code| problem["code"] == code.number()).unwrap();
    assert_eq!(response.status().as_u16(), code.status());
    *code
}

/// An operation's id.
pub(crate) fn operation(number: u8) -> OperationId {
    OperationId([number; 16])
}

/// A party's signing key.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([number; 32]))
}

/// The answer of an issuer with this key to `GET /keys`, signed by `signer`.
pub(crate) fn issuer_keys(issuer: &SigningKey, signer: &SigningKey) -> HttpResponse {
    let keys = IssuerKeys {
        name: Name::new("Issuer").unwrap(),
        url: Url::new("http://i").unwrap(),
        key: issuer.verifying_key(),
        sealing: OpeningKey::from_seed(&Seed::new([1; 32])).sealing_key(),
        shards: 4,
        currencies: List::default(),
        banks: List::default(),
        epoch_days: 28,
        coin_lifetime_days: 364,
        refresh_days: 182,
    };
    cbor(&Signed::sign(&keys, signer))
}

/// What becomes of a valid message: cut off at places, with a bit turned at places, with a byte
/// more, and longer than any message may be.
pub(crate) fn spoiled(message: &[u8]) -> Vec<Vec<u8>> {
    let places = || (0..message.len()).step_by(11);
    let cut = places().map(|at| message[..at].to_vec());
    let turned = places().map(|at| {
        let mut turned = message.to_vec();
        turned[at] ^= 1 << (at % 8);
        turned
    });
    let longer = [[message, &[0]].concat(), [message, &vec![0; 1 << 16]].concat()];
    cut.chain(turned).chain(longer).collect()
}
