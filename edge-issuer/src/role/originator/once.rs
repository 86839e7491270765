//! What was done, by what makes a call the same call: a repeat gets the stored answer, another
//! message under the same key is refused.

use http::StatusCode;
use koban_protocol::id::Digest;
use koban_protocol::refusal::Code;

use crate::answer::{self, CBOR, Fault};
use crate::host::HttpResponse;
use crate::sql::{Sql, StoreError};

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// By the device's key.
    Card,
    /// By the issuer's operation: a load or its return, whichever comes first.
    Funded,
    /// By the digest of the call.
    Unload,
    /// By the digest of the exchange.
    UnloadValue,
    /// By the digest of the report.
    Report,
    /// By the digest of the lost exchange.
    Refund,
}

impl Act {
    const fn number(self) -> u8 {
        match self {
            Self::Card => 0,
            Self::Funded => 1,
            Self::Unload => 2,
            Self::UnloadValue => 3,
            Self::Report => 4,
            Self::Refund => 5,
        }
    }
}

/// A call: its kind, what it is known by, and the digest of its content.
#[derive(Debug)]
pub(super) struct Once<'a> {
    pub(super) act: Act,
    pub(super) key: &'a [u8],
    pub(super) body: Digest,
}

/// What a call came to. A refusal changes what `work` changed (a finding is kept), but is not
/// stored: the same call may succeed later.
pub(super) type Outcome = Result<Vec<u8>, Code>;

/// Makes the table.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS done(
            act INTEGER NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, answer BLOB NOT NULL,
            PRIMARY KEY(act, key))",
        &[],
    )?;
    Ok(())
}

impl Once<'_> {
    /// Does `work` and stores its answer, in one transaction; or gives the answer that was stored.
    ///
    /// # Errors
    /// [`Code::OperationReused`], and `work`'s.
    pub(super) fn run<S: Sql>(
        &self,
        sql: &S,
        work: impl FnOnce() -> Result<Outcome, Fault>,
    ) -> Result<HttpResponse, Fault> {
        let outcome = sql.transaction(|| {
            if let Some(stored) = self.stored(sql)? {
                return Ok(Ok(stored));
            }
            let outcome = work()?;
            if let Ok(answer) = &outcome {
                self.store(sql, answer)?;
            }
            Ok::<_, Fault>(outcome)
        })?;
        Ok(answer::body(StatusCode::OK, CBOR, outcome?))
    }

    fn stored<S: Sql>(&self, sql: &S) -> Result<Option<Vec<u8>>, Fault> {
        let query = "SELECT body, answer FROM done WHERE act = ? AND key = ?";
        let row = sql.row(query, &[self.act.number().into(), self.key.into()])?;
        let Some(row) = row else { return Ok(None) };
        if row.bytes("body")? != self.body.0 {
            return Err(Code::OperationReused.into());
        }
        Ok(Some(row.blob("answer")?.to_vec()))
    }

    fn store<S: Sql>(&self, sql: &S, answer: &[u8]) -> Result<(), StoreError> {
        sql.run(
            "INSERT INTO done(act, key, body, answer) VALUES(?, ?, ?, ?)",
            &[self.act.number().into(), self.key.into(), self.body.0.into(), answer.into()],
        )?;
        Ok(())
    }
}
