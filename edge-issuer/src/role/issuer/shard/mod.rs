//! A coin shard: live coins and operations of one part of the id space (`DESIGN` of the ledger:
//! docs/ARCHITECTURE.md).
//!
//! ```text
//!             one shard, no bank                              asker's answer
//! request ──▶ checked ───────────────────────────▶ done ─────▶ stored, acknowledged, pruned
//!               │                                   ▲ │
//!               ├─ purchase ──▶ debiting ─bank ok───┤ └─▶ tasks: credit, settle, note
//!               │                  └─bank refuses─┐ │
//!               └─ other shards ▶ claiming ─all───┼─┘
//!                                  └─missing──────┴─▶ refused ─▶ tasks: release
//! ```
//! `debiting` and `claiming` are written before the first call; the alarm and any repetition of the
//! request drive them on. Every arrow into `done` or `refused` is one transaction, in which
//! conservation is asserted.

mod ask;
mod operate;
mod store;
mod task;
mod total;
mod work;

use std::cell::OnceCell;
use std::rc::Rc;

use http::{Method, Request, StatusCode};
use koban_protocol::id::OperationId;
use koban_protocol::key::Seed;
use koban_protocol::limits::NOTED_COINS_MAX;
use koban_protocol::process::Desk;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::IssuerKeys;
use koban_protocol::wire::{self, List};

use super::message::{ClaimAnswer, ClaimOrder, Decision, DecisionOrder, LiveAnswer, LiveOrder};
use crate::answer::{self, Fault, cbor, problem};
use crate::host::{Address, Class, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql, StoreError};
use store::Store;
pub use total::Totals;
pub(super) use work::Reserves;

/// The object.
pub struct Shard<H> {
    host: H,
    desk: OnceCell<Rc<Desk>>,
}

impl<H> std::fmt::Debug for Shard<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shard")
    }
}

impl<H: ObjectHost> Object<H> for Shard<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        Store(host.sql()).create()?;
        Ok(Self { host, desk: OnceCell::new() })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        self.route(request).await.unwrap_or_else(|fault| self.answer(fault))
    }

    async fn alarm(&self) {
        if let Err(fault) = self.work().await {
            self.answer(fault);
            let again = self.host.now().plus(30);
            if self.host.wake_at(again).await.is_err() {
                self.host.log("the alarm cannot be set again");
            }
        }
    }
}

impl<H: ObjectHost> Shard<H> {
    fn store(&self) -> Store<'_, H::Sql> {
        Store(self.host.sql())
    }

    fn answer(&self, fault: Fault) -> HttpResponse {
        match fault {
            Fault::Refused(code) => problem(code),
            Fault::Store(error) => {
                self.host.log(&format!("shard {}: {error}", self.host.name()));
                problem(Code::Internal)
            }
        }
    }

    async fn route(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::POST, ["operations"]) => self.operate(request.into_body()).await,
            (&Method::GET, ["operations", id, "payer"]) => self.payers_answer(id),
            (&Method::POST, ["operations", id, "acknowledgement"]) => {
                self.acknowledge(id, request.body())
            }
            (&Method::POST, ["claims"]) => self.claim(request.body()),
            (&Method::POST, ["decisions"]) => self.decide(request.body()),
            (&Method::POST, ["live"]) => self.live(request.body()),
            (&Method::GET, ["totals"]) => Ok(answer::json(StatusCode::OK, &self.store().totals()?)),
            _ => Err(Code::NotFound.into()),
        }
    }

    /// The issuer's keys and settings, as the participants' object publishes them.
    async fn desk(&self) -> Result<Rc<Desk>, Fault> {
        if let Some(desk) = self.desk.get() {
            return Ok(Rc::clone(desk));
        }
        let to = Address::Object(Class::Participants, "participants".into());
        let request = Request::get("http://participants/keys").body(Vec::new());
        let request = request.map_err(|_| Code::Internal)?;
        let response = self.host.call(&to, request).await.map_err(|_| Code::PeerUnreachable)?;
        let keys: Signed<IssuerKeys> =
            wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable)?;
        let seed: Seed = peer::seed(&self.host)?;
        let key = koban_protocol::key::SigningKey::from_seed(&seed).verifying_key();
        let keys = keys.open(&key).map_err(|_| Code::Internal)?;
        let desk = Rc::new(Desk::new(&seed, |_, _| keys));
        Ok(Rc::clone(self.desk.get_or_init(|| desk)))
    }

    fn payers_answer(&self, id: &str) -> Result<HttpResponse, Fault> {
        let id: OperationId = id.parse().map_err(|_| Code::NotFound)?;
        let answer = self.store().for_payer(id)?.ok_or(Code::NotFound)?;
        Ok(answer::body(StatusCode::OK, answer::CBOR, answer))
    }

    fn acknowledge(&self, id: &str, word: &[u8]) -> Result<HttpResponse, Fault> {
        let id: OperationId = id.parse().map_err(|_| Code::NotFound)?;
        if self.store().acknowledge(id, word)? {
            Ok(no_content())
        } else {
            Err(Code::NotFound.into())
        }
    }

    /// Reserves coins and held value for another shard's operation: all or none, again and again
    /// the same.
    fn claim(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let order: ClaimOrder = wire::decode_exact(body).map_err(|_| Code::Malformed)?;
        let sql = self.host.sql();
        let answer = sql.transaction(|| {
            let store = self.store();
            let closed = store.claim_is_closed(order.operation)?;
            let missing = if closed {
                order.coins.to_vec()
            } else {
                store.missing(&order.coins, order.operation)?
            };
            let there = store.held_is_there(&order.held, order.owner, order.operation)?;
            let held_missing = !order.held.is_empty() && (closed || !there);
            if missing.is_empty() && !held_missing {
                store.claim(&order.coins, &order.held, order.operation)?;
            }
            let missing = List::new(missing).unwrap_or_default();
            Ok::<_, StoreError>(ClaimAnswer { missing, held_missing })
        })?;
        Ok(cbor(&answer))
    }

    /// Erases or frees what an operation has claimed here; afterwards no late claim of it is
    /// honoured.
    fn decide(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let order: DecisionOrder = wire::decode_exact(body).map_err(|_| Code::Malformed)?;
        let now = self.host.now();
        self.host.sql().transaction(|| {
            let store = self.store();
            match order.decision {
                Decision::Settle => store.settle(order.operation)?,
                Decision::Release => store.release(order.operation)?,
            }
            store.close_claim(order.operation, now)
        })?;
        Ok(no_content())
    }

    fn live(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let order: LiveOrder = wire::decode_exact(body).map_err(|_| Code::Malformed)?;
        let live = self.store().live(&order)?;
        Ok(cbor(&LiveAnswer::new(live).unwrap_or_default()))
    }
}

fn no_content() -> HttpResponse {
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

const _: () = assert!(NOTED_COINS_MAX * 40 < koban_protocol::limits::MESSAGE_BYTES_MAX);
