//! The journal of orders to the issuer: written before anything is sent, driven until an authentic
//! answer is stored.
//!
//! Only a sealed answer is final. Anything else, a problem document included, may be somebody
//! else's word: the same bytes are sent again later, and the issuer does nothing twice.

use http::{HeaderValue, Request, StatusCode, header};
use koban_protocol::id::OperationId;
use koban_protocol::process::{AnswerError, Asked, Process};
use koban_protocol::refusal::{Code, Refusal};
use koban_protocol::sealed::AnswerSecret;
use koban_protocol::statement::IssuerKeys;
use koban_protocol::time::Time;
use zeroize::Zeroizing;

use super::Till;
use crate::answer::{CBOR, Fault};
use crate::host::{Address, HttpResponse, ObjectHost, Unreachable};
use crate::sql::{Row, Sql, StoreError};

/// After this long without an answer an order is sent again, seconds; longer than one call may
/// take.
const FIRST_RESEND_S: u64 = 15;
/// The longest pause between two sendings, seconds.
const PAUSE_MAX_S: u64 = 900;
/// How long an answer is kept at the issuer before it is acknowledged, seconds: many in one alarm.
const ACKNOWLEDGE_AFTER_S: u64 = 5;
/// Acknowledgements are a courtesy: after so many tries the issuer's own time limit has to do.
const ACKNOWLEDGE_TRIES_MAX: u64 = 8;
/// An order this old that is refused for its time was late, not wrong: it is made again, seconds.
const STALE_S: u64 = 60;
/// Entries driven in one alarm.
const ALARM_ENTRIES_MAX: u32 = 32;

const OPEN: u8 = 0;
const ANSWERED: u8 = 1;
const DISPUTED: u8 = 2;

/// What an order to the issuer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registration,
    Enrolment,
    Validation,
    Redeem,
    Renewal,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Registration, Self::Enrolment, Self::Validation, Self::Redeem, Self::Renewal];

    const fn number(self) -> u8 {
        match self {
            Self::Registration => 0,
            Self::Enrolment => 1,
            Self::Validation => 2,
            Self::Redeem => 3,
            Self::Renewal => 4,
        }
    }
}

/// An order that was recorded.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) operation: OperationId,
    pub(super) kind: Kind,
    pub(super) at: Time,
    request: Vec<u8>,
    secret: Zeroizing<[u8; 97]>,
    tries: u64,
}

/// What came back for an order.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    /// It was done.
    Done(T),
    /// It was refused; final.
    Refused(Refusal),
    /// It was refused for being late, and was never carried out: it may be made again.
    Late,
    /// Nothing authentic.
    Nothing,
}

impl Entry {
    /// The outcome in an answer.
    pub(super) fn outcome<P: Process>(&self, answer: &[u8], now: Time) -> Outcome<P::Outcome> {
        let asked = Asked::<P>::restore(self.operation, self.request.clone(), &self.secret);
        match asked.answer(answer) {
            Ok(outcome) => Outcome::Done(outcome),
            Err(AnswerError::Refused(refusal)) if self.is_late(&refusal, now) => Outcome::Late,
            Err(AnswerError::Refused(refusal)) => Outcome::Refused(refusal),
            Err(AnswerError::NotAnAnswer) => Outcome::Nothing,
        }
    }

    /// Whether the issuer refused the order only because it arrived long after it was made.
    pub(super) fn is_late(&self, refusal: &Refusal, now: Time) -> bool {
        refusal.code == Code::ClockSkew && now > self.at.plus(STALE_S)
    }
}

/// The pause after so many tries in vain, seconds: 1, 2, 4, and so on up to `longest`.
pub(super) fn pause(tries: u64, longest: u64) -> u64 {
    let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(u64::BITS - 1);
    1_u64.checked_shl(doublings).unwrap_or(longest).min(longest)
}

impl<H: ObjectHost> Till<H> {
    /// Records an order; part of the caller's transaction, before anything is sent.
    pub(super) fn record<P: Process>(
        &self,
        kind: Kind,
        asked: &Asked<P>,
        now: Time,
    ) -> Result<(), StoreError> {
        let operation = asked.operation();
        let secret = Zeroizing::new(asked.secret().expose());
        let entropy = self.host.entropy();
        let secret = self.keys.vault.seal(&operation.0, secret.as_slice(), entropy)?;
        self.host.sql().run(
            "INSERT OR REPLACE INTO journal(operation, kind, state, request, secret, at, due, tries)
             VALUES(?, ?, ?, ?, ?, ?, ?, 0)",
            &[
                operation.0.into(),
                kind.number().into(),
                OPEN.into(),
                asked.request().into(),
                secret.into(),
                now.0.into(),
                now.plus(FIRST_RESEND_S).0.into(),
            ],
        )?;
        Ok(())
    }

    /// Whether anything is recorded under this id.
    pub(super) fn is_recorded(&self, operation: OperationId) -> Result<bool, StoreError> {
        let query = "SELECT 1 AS one FROM journal WHERE operation = ?";
        Ok(self.host.sql().row(query, &[operation.0.into()])?.is_some())
    }

    /// The open order of a kind, if there is one.
    pub(super) fn open_of(&self, kind: Kind) -> Result<Option<OperationId>, StoreError> {
        let query = "SELECT operation FROM journal WHERE kind = ? AND state = ? LIMIT 1";
        let row = self.host.sql().row(query, &[kind.number().into(), OPEN.into()])?;
        row.map(|row| row.bytes("operation").map(OperationId)).transpose()
    }

    /// Marks an order done; its answer will be acknowledged.
    pub(super) fn answered(&self, operation: OperationId, now: Time) -> Result<(), StoreError> {
        let due = now.plus(ACKNOWLEDGE_AFTER_S);
        self.host.sql().run(
            "UPDATE journal SET state = ?, due = ?, tries = 0 WHERE operation = ?",
            &[ANSWERED.into(), due.0.into(), operation.0.into()],
        )?;
        Ok(())
    }

    /// Keeps an order whose answer does not hold together, as evidence.
    pub(super) fn disputed(&self, operation: OperationId) -> Result<(), StoreError> {
        self.host
            .log(&format!("payment: operation {operation}: the issuer's answer does not hold"));
        self.host.sql().run(
            "UPDATE journal SET state = ? WHERE operation = ?",
            &[DISPUTED.into(), operation.0.into()],
        )?;
        Ok(())
    }

    /// Forgets an order.
    pub(super) fn forget(&self, operation: OperationId) -> Result<(), StoreError> {
        let statement = "DELETE FROM journal WHERE operation = ?";
        self.host.sql().run(statement, &[operation.0.into()]).map(drop)
    }

    fn entry(&self, operation: OperationId, state: u8) -> Result<Option<Entry>, StoreError> {
        let query = "SELECT * FROM journal WHERE operation = ? AND state = ?";
        let row = self.host.sql().row(query, &[operation.0.into(), state.into()])?;
        row.map(|row| self.read(&row)).transpose()
    }

    fn read(&self, row: &Row) -> Result<Entry, StoreError> {
        let operation = OperationId(row.bytes("operation")?);
        let number = row.u64("kind")?;
        let kind = Kind::ALL.into_iter().find(|kind| u64::from(kind.number()) == number);
        let secret = self.keys.vault.open(&operation.0, row.blob("secret")?)?;
        let secret = secret.as_slice().try_into().map_err(|_| StoreError::Column("secret"))?;
        Ok(Entry {
            operation,
            kind: kind.ok_or(StoreError::Column("kind"))?,
            at: Time(row.u64("at")?),
            request: row.blob("request")?.to_vec(),
            secret: Zeroizing::new(secret),
            tries: row.u64("tries")?,
        })
    }

    /// Sends an order and settles it, if it is still open. Gives whether it is open no more.
    ///
    /// Several calls may drive one order at once: each settles only what is still open.
    pub(super) async fn drive(&self, operation: OperationId) -> Result<bool, Fault> {
        let issuer = self.issuer.keys(&self.host).await?;
        let Some(entry) = self.entry(operation, OPEN)? else { return Ok(true) };
        let answer = self.send("/operations", entry.request.clone()).await;
        let sealed = answer.ok().filter(is_message);
        if let Some(answer) = sealed
            && self.settle(&entry, answer.body(), &issuer)?
        {
            return Ok(true);
        }
        self.postpone(&entry)?;
        Ok(false)
    }

    /// Stores what an answer says, in one transaction; `false` if it says nothing.
    fn settle(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
    ) -> Result<bool, StoreError> {
        let now = self.host.now();
        self.host.sql().transaction(|| {
            if self.entry(entry.operation, OPEN)?.is_none_or(|open| open.request != entry.request) {
                return Ok(true);
            }
            match entry.kind {
                Kind::Registration => self.settle_registration(entry, answer, issuer, now),
                Kind::Enrolment => self.settle_enrolment(entry, answer, issuer, now),
                Kind::Validation => self.settle_validation(entry, answer, issuer, now),
                Kind::Redeem => self.settle_redeem(entry, answer, issuer, now),
                Kind::Renewal => self.settle_renewal(entry, answer, issuer, now),
            }
        })
    }

    fn postpone(&self, entry: &Entry) -> Result<(), StoreError> {
        let due = self.host.now().plus(pause(entry.tries, PAUSE_MAX_S));
        self.host.sql().run(
            "UPDATE journal SET due = ?, tries = tries + 1 WHERE operation = ?",
            &[due.0.into(), entry.operation.0.into()],
        )?;
        Ok(())
    }

    async fn send(&self, path: &str, body: Vec<u8>) -> Result<HttpResponse, Unreachable> {
        let request = Request::post(format!("http://issuer{path}"))
            .header(header::CONTENT_TYPE, CBOR)
            .body(body)
            .map_err(|_| Unreachable)?;
        self.host.call(&Address::Peer("issuer".into()), request).await
    }

    /// Tells the issuer that an answer is safe and need not be kept.
    async fn acknowledge(&self, entry: &Entry) -> Result<(), StoreError> {
        let acknowledgement = AnswerSecret::restore(&entry.secret).acknowledgement();
        let path = format!("/operations/{}/acknowledgement", entry.operation);
        let told = self.send(&path, acknowledgement.0.to_vec()).await;
        let told = told.is_ok_and(|answer| answer.status() < StatusCode::INTERNAL_SERVER_ERROR);
        if told || entry.tries >= ACKNOWLEDGE_TRIES_MAX {
            self.forget(entry.operation)
        } else {
            self.postpone(entry)
        }
    }

    /// The alarm: drives whatever is due, and asks to be woken for the next.
    pub(super) async fn drive_open(&self) -> Result<(), Fault> {
        let now = self.host.now();
        for (state, operation) in self.due(now)? {
            if state == u64::from(OPEN) {
                self.drive(operation).await?;
            } else if let Some(entry) = self.entry(operation, ANSWERED)? {
                self.acknowledge(&entry).await?;
            }
        }
        self.continue_opening().await?;
        self.post_events().await?;
        self.renew_coins().await?;
        self.wake().await
    }

    fn due(&self, now: Time) -> Result<Vec<(u64, OperationId)>, StoreError> {
        let rows = self.host.sql().run(
            "SELECT state, operation FROM journal WHERE state < 2 AND due <= ?
             ORDER BY due LIMIT ?",
            &[now.0.into(), ALARM_ENTRIES_MAX.into()],
        )?;
        let each = |row: &Row| Ok((row.u64("state")?, OperationId(row.bytes("operation")?)));
        rows.iter().map(each).collect()
    }

    /// Asks to be woken when the next thing is due.
    pub(super) async fn wake(&self) -> Result<(), Fault> {
        let sql = self.host.sql();
        let queries = [
            "SELECT MIN(due) AS due FROM journal WHERE state < 2",
            "SELECT MIN(due) AS due FROM event WHERE due IS NOT NULL",
        ];
        let mut next = self.renewal_due()?;
        for query in queries {
            let Some(row) = sql.row(query, &[])? else { continue };
            if !row.is_null("due")? {
                let due = Time(row.u64("due")?);
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        if let Some(next) = next {
            let woken = self.host.wake_at(next.max(self.host.now())).await;
            woken.map_err(|Unreachable| StoreError::Invariant("an alarm can be set"))?;
        }
        Ok(())
    }
}

/// Whether an answer is a protocol message, and not a problem document.
fn is_message(answer: &HttpResponse) -> bool {
    answer.headers().get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static(CBOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses = [0, 1, 2, 8, 9, 70, u64::MAX].map(|tries| pause(tries, 300));
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
    }
}
