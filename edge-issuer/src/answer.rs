//! Answers: CBOR for the protocol, JSON for people's programs, problem details (RFC 9457) for
//! refusals.

use http::{Response, StatusCode, header};
use koban_protocol::refusal::{Code, Culprit};
use koban_protocol::wire::{self, Wire};
use serde::Serialize;

use crate::host::HttpResponse;
use crate::sql::StoreError;

/// Media type of protocol messages.
pub const CBOR: &str = "application/cbor";
/// Media type of an invoice (VC-12).
pub const INVOICE: &str = "application/vnd.koban.invoice+cbor";

/// An answer with a body of type `kind`.
pub fn body(status: StatusCode, kind: &str, bytes: Vec<u8>) -> HttpResponse {
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    if let Ok(kind) = header::HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// A protocol message.
pub fn cbor<T: Wire>(message: &T) -> HttpResponse {
    body(StatusCode::OK, CBOR, wire::encode(message))
}

/// A JSON document.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(bytes) => body(status, "application/json", bytes),
        Err(_) => problem(Code::Internal),
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: u16,
    name: &'a str,
    culprit: &'a str,
    remedy: &'a str,
}

/// A refusal as problem details: number, name, whose fault, what to do.
pub fn problem(code: Code) -> HttpResponse {
    let culprit = match code.culprit() {
        Culprit::Asker => "asker",
        Culprit::Payer => "payer",
        Culprit::Payee => "payee",
        Culprit::Issuer => "issuer",
        Culprit::Bank => "bank",
    };
    let problem = Problem {
        r#type: format!("urn:koban:problem:{}", code.name()),
        title: code.what(),
        status: code.status(),
        code: code.number(),
        name: code.name(),
        culprit,
        remedy: code.remedy(),
    };
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body(status, "application/problem+json", serde_json::to_vec(&problem).unwrap_or_default())
}

/// The code of an answer that is problem details.
pub fn code_of(response: &HttpResponse) -> Option<Code> {
    let problem: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
    Code::of_number(problem.get("code")?.as_u64()?)
}

/// What went wrong inside a role, on its way to becoming an answer.
#[derive(Debug)]
pub enum Fault {
    /// The asker is told this code.
    Refused(Code),
    /// The store failed: the operator is told, the asker learns [`Code::Internal`].
    Store(StoreError),
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Refused(code)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
