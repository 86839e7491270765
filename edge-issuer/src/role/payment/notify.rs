//! Telling the shop: a stream of events, and the same events posted to its webhook until it has
//! them.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, StatusCode, header};
use koban_protocol::refusal::Code;
use koban_protocol::time::Time;
use sha2::Sha256;

use super::Till;
use super::journal::pause;
use super::model::{PAGE_MAX, PaidEvent};
use crate::answer::{Fault, body};
use crate::front;
use crate::host::{Address, Host, HttpRequest, HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql, StoreError};

/// The header that carries `HMAC-SHA256(shop's token, body)` in hexadecimal.
pub(crate) const SIGNATURE: &str = "koban-signature";
/// Events posted in one alarm.
const ALARM_EVENTS_MAX: u32 = 32;
/// The longest pause between two tries, seconds.
const PAUSE_MAX_S: u64 = 3600;
/// About four days; the event stays in the stream.
const TRIES_MAX: u64 = 100;

impl<H: ObjectHost> Till<H> {
    /// Appends an event; part of the caller's transaction.
    pub(super) fn publish(&self, mut event: PaidEvent, now: Time) -> Result<(), StoreError> {
        let sql = self.host.sql();
        let row = sql.row("SELECT COALESCE(MAX(id), 0) + 1 AS id FROM event", &[])?;
        event.id = row.ok_or(StoreError::Column("id"))?.u64("id")?;
        let text = serde_json::to_string(&event);
        let text = text.map_err(|_| StoreError::Invariant("an event is JSON"))?;
        let webhook = sql.row("SELECT webhook FROM shop", &[])?;
        let wanted = match webhook {
            Some(row) => !row.is_null("webhook")?,
            None => false,
        };
        sql.run(
            "INSERT INTO event(id, body, due, tries) VALUES(?, ?, ?, 0)",
            &[event.id.into(), text.into(), wanted.then_some(now.0).into()],
        )?;
        Ok(())
    }

    /// Events after the one the caller has.
    pub(super) fn events(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let last: u64 = match request.headers().get("last-event-id") {
            None => 0,
            Some(id) => {
                let id = id.to_str().ok().and_then(|text| text.parse().ok());
                id.ok_or(Code::Malformed)?
            }
        };
        let rows = self.host.sql().run(
            "SELECT id, body FROM event WHERE id > ? ORDER BY id LIMIT ?",
            &[last.into(), PAGE_MAX.into()],
        )?;
        let mut stream = String::new();
        for row in rows {
            let (id, data) = (row.u64("id")?, row.text("body")?);
            let written = write!(stream, "id: {id}\nevent: paid\ndata: {data}\n\n");
            written.map_err(|_| Code::Internal)?;
        }
        stream.push_str("retry: 2000\n\n");
        Ok(body(StatusCode::OK, "text/event-stream", stream.into_bytes()))
    }

    /// Posts the events that are due.
    pub(super) async fn post_events(&self) -> Result<(), Fault> {
        let now = self.host.now();
        let rows = self.host.sql().run(
            "SELECT id, body, tries FROM event WHERE due <= ? ORDER BY id LIMIT ?",
            &[now.0.into(), ALARM_EVENTS_MAX.into()],
        )?;
        for row in rows {
            let (id, tries) = (row.u64("id")?, row.u64("tries")?);
            let posted = match self.settings()?.1 {
                Some(webhook) => self.post(&webhook, row.text("body")?).await,
                None => true,
            };
            let again =
                (!posted && tries < TRIES_MAX).then(|| now.plus(pause(tries, PAUSE_MAX_S)).0);
            self.host.sql().run(
                "UPDATE event SET due = ?, tries = tries + 1 WHERE id = ?",
                &[again.into(), id.into()],
            )?;
        }
        Ok(())
    }

    /// Posts one event; gives whether the shop has it.
    async fn post(&self, webhook: &str, text: &str) -> bool {
        let Some(peer) = peer_of(&self.host, webhook) else { return false };
        let Some(signature) = signature(&self.keys.token, text.as_bytes()) else { return false };
        let request = Request::post(webhook)
            .header(header::CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature)
            .body(text.as_bytes().to_vec());
        let Ok(request) = request else { return false };
        let answer = self.host.call(&Address::Peer(peer), request).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether events can be posted there: only at the origin of a party that the deployment
    /// names, so that nobody makes this server call where it should not.
    pub(super) fn check_webhook(&self, webhook: Option<&str>) -> Result<(), Code> {
        match webhook {
            Some(url) if peer_of(&self.host, url).is_none() => Err(Code::NotAllowed),
            _ => Ok(()),
        }
    }
}

/// `HMAC-SHA256(token, body)` in hexadecimal.
pub(crate) fn signature(token: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(body);
    Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The party whose origin an address belongs to.
fn peer_of<H: Host>(host: &H, url: &str) -> Option<String> {
    let under =
        |origin: String| url.strip_prefix(&origin).is_some_and(|path| path.starts_with('/'));
    peer::names(host).into_iter().find(|name| front::origin(host, name).is_some_and(under))
}
