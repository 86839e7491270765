//! What a role asks of the machine it runs on. Roles decide; a host does I/O, and nothing else
//! does.

use std::future::Future;

use http::{Request, Response};
use koban_protocol::entropy::Entropy;
use koban_protocol::time::Time;

use crate::sql::Sql;

/// A request or an answer is bytes in HTTP's own types.
pub type HttpRequest = Request<Vec<u8>>;
/// See [`HttpRequest`].
pub type HttpResponse = Response<Vec<u8>>;

/// The kinds of objects: each a Durable Object class with its own storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Live coins and operations of a part of the id space; named by its number.
    Shard,
    /// Registered participants of the issuer; one, named `participants`.
    Participants,
    /// Who withdrew what (VC-8), in the role `register`; one, named `register`.
    Register,
    /// A bank's journal; one a bank, named `bank`.
    Bank,
    /// A shop's orders and takings at the payment server; one a shop, named by the shop's id.
    Payment,
    /// The demo shop's goods and orders; one, named `shop`.
    Shop,
    /// Cards and their shadow accounts (VC 4.3); one, named `originator`.
    Originator,
}

impl Class {
    /// The class's name, as the worker's configuration has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shard => "Shard",
            Self::Participants => "Participants",
            Self::Register => "Register",
            Self::Bank => "Bank",
            Self::Payment => "Payment",
            Self::Shop => "Shop",
            Self::Originator => "Originator",
        }
    }
}

/// Whom a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Another role by its name (`issuer`, `bank-a`, `register`, ...), through its public
    /// interface.
    Peer(String),
    /// An object of the same role.
    Object(Class, String),
    /// A file of the built wallet page; only the role `wallet` has them.
    Files,
}

/// No answer came, or none in time: the request may or may not have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable;

/// The machine of a role's front: it keeps nothing between requests.
pub trait Host {
    /// The time.
    fn now(&self) -> Time;
    /// Fresh entropy.
    fn entropy(&self) -> Entropy;
    /// A setting of the deployment: `ROLE`, `SELF`, `SEED`, `SHARDS`, `DEMO`, `PEERS`.
    fn setting(&self, name: &str) -> Option<String>;
    /// Sends a request and gives the answer; bounded in time (10 s).
    fn call(
        &self,
        to: &Address,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, Unreachable>>;
    /// A line for the operator: never a coin, a tag, a name or a secret.
    fn log(&self, line: &str);
}

/// The machine of an object: it has a name, a database and an alarm.
pub trait ObjectHost: Host {
    /// Its database.
    type Sql: Sql;
    /// The database.
    fn sql(&self) -> &Self::Sql;
    /// The object's name.
    fn name(&self) -> String;
    /// Asks to be woken at `at`, or earlier if an earlier alarm is set.
    fn wake_at(&self, at: Time) -> impl Future<Output = Result<(), Unreachable>>;
}

/// A role's object. Opened when it is first reached; several requests may be under way at once, and
/// interleave wherever one waits for a call.
pub trait Object<H: ObjectHost>: Sized {
    /// Makes its tables and keys.
    ///
    /// # Errors
    /// [`StoreError`](crate::sql::StoreError).
    fn open(host: H) -> Result<Self, crate::sql::StoreError>;
    /// Answers a request.
    fn fetch(&self, request: HttpRequest) -> impl Future<Output = HttpResponse>;
    /// Drives whatever is open.
    fn alarm(&self) -> impl Future<Output = ()>;
}
