//! The issuer: a front that routes by operation id, coin shards, and the participants' object.
//!
//! ```text
//! GET  /keys                              participants   signed IssuerKeys
//! POST /operations                        home shard     sealed request -> sealed answer
//!                                         participants   (registration and enrolment)
//! GET  /operations/{id}/payer             home shard     the payer's sealed answer
//! POST /operations/{id}/acknowledgement   home shard
//! GET  /audit                             all shards and banks
//! POST /operator/holder                   participants   joint look-up, logged (VC-8)
//! ```

pub mod audit;
pub mod message;
pub mod participants;
pub mod shard;

use http::{Method, Request, StatusCode, header};
use koban_protocol::id::{OperationId, Shard};
use koban_protocol::process::outer;
use koban_protocol::refusal::{Answer, Code};
use koban_protocol::sealed::{self, Route, SealedAnswer};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{NotedCoins, RegisterKeys, RegisterLookup};
use koban_protocol::wire;

use crate::answer::{CBOR, Fault, problem};
use crate::host::{Address, Class, Host, HttpRequest, HttpResponse};

/// Answers a request to the issuer's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let to = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["keys"]) | (&Method::POST, ["operator", "holder"]) => participants(),
        (&Method::POST, ["operations"]) => match outer(request.body()) {
            Ok(sealed) => match sealed.route {
                Route::Registration | Route::Enrolment => participants(),
                _ => shard(sealed.operation.shard(shards(host))),
            },
            Err(wire::WireError::TooLong) => return problem(Code::TooLong),
            Err(_) => return problem(Code::Malformed),
        },
        (&Method::GET, ["operations", id, "payer"])
        | (&Method::POST, ["operations", id, "acknowledgement"]) => match id.parse() {
            Ok(id) => shard(OperationId::shard(&id, shards(host))),
            Err(_) => return problem(Code::NotFound),
        },
        (&Method::GET, ["audit"]) => return audit::audit(host).await,
        _ => return problem(Code::NotFound),
    };
    match host.call(&to, request).await {
        Ok(response) => response,
        Err(_) => problem(Code::PeerUnreachable),
    }
}

/// How many coin shards this issuer has.
pub(crate) fn shards<H: Host>(host: &H) -> u16 {
    host.setting("SHARDS").and_then(|shards| shards.parse().ok()).unwrap_or(1)
}

fn participants() -> Address {
    Address::Object(Class::Participants, "participants".into())
}

fn shard(shard: Shard) -> Address {
    Address::Object(Class::Shard, shard.0.to_string())
}

/// Asks the register which coins were made for a holder; the register logs it (VC-8).
pub(crate) async fn look_up<H: Host>(
    host: &H,
    register: &RegisterKeys,
    operation: OperationId,
    lookup: &Signed<RegisterLookup>,
) -> Result<NotedCoins, Fault> {
    let (route, entropy) = (Route::Lookup, host.entropy());
    let (request, secret) = sealed::seal(route, operation, &register.sealing, lookup, entropy)
        .map_err(|_| Code::Internal)?;
    let request = Request::post("http://register/lookups")
        .header(header::CONTENT_TYPE, CBOR)
        .body(wire::encode(&request))
        .map_err(|_| Code::Internal)?;
    let response = host.call(&Address::Peer("register".into()), request).await;
    let response = response.map_err(|_| Code::PeerUnreachable)?;
    if response.status() != StatusCode::OK {
        return Err(Code::PeerUnreachable.into());
    }
    let answer: SealedAnswer =
        wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable)?;
    match secret.open(&answer) {
        Ok(Answer::Done(noted)) => Ok(noted),
        Ok(Answer::Refused(refusal)) => Err(refusal.code.into()),
        Err(_) => Err(Code::PeerUnreachable.into()),
    }
}
