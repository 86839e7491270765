//! What was done, by operation: a repeat gets the stored answer, another message under the same id
//! is refused.

use http::StatusCode;
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::refusal::Code;

use crate::answer::{self, CBOR, Fault};
use crate::host::HttpResponse;
use crate::sql::{Row, Sql, StoreError, Value};

/// An act that is done once per operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Debit,
    Credit,
    SettlementOut,
    SettlementIn,
}

impl Act {
    const fn number(self) -> u8 {
        match self {
            Self::Debit => 0,
            Self::Credit => 1,
            Self::SettlementOut => 2,
            Self::SettlementIn => 3,
        }
    }
}

/// An act as it was asked for.
#[derive(Debug)]
pub(super) struct Once {
    pub(super) act: Act,
    pub(super) operation: OperationId,
    /// The digest of the statement that asks for it.
    pub(super) body: Digest,
}

/// What is stored of an act: the answer, or a final refusal.
pub(super) type Outcome = Result<Vec<u8>, Code>;

/// Makes the table. An `answer` is there, or a refusal's number.
pub(super) fn make_tables<S: Sql>(sql: &S) -> Result<(), StoreError> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS done(
            act INTEGER NOT NULL, operation BLOB NOT NULL, body BLOB NOT NULL,
            answer BLOB, refused INTEGER,
            PRIMARY KEY(act, operation), CHECK((answer IS NULL) <> (refused IS NULL)))",
        &[],
    )?;
    Ok(())
}

impl Once {
    /// Does `work` and stores its outcome, in one transaction; or gives the outcome that was
    /// stored.
    ///
    /// A refusal inside the outcome is final: the same message gets it for ever, so that a message
    /// delayed on its way cannot move value after its sender was told that nothing moved. A
    /// [`Fault`] stores nothing.
    ///
    /// # Errors
    /// [`Code::OperationReused`], the stored refusal, and `work`'s.
    pub(super) fn run<S: Sql>(
        &self,
        sql: &S,
        work: impl FnOnce() -> Result<Outcome, Fault>,
    ) -> Result<HttpResponse, Fault> {
        let outcome = sql.transaction(|| {
            if let Some(stored) = self.stored(sql)? {
                return Ok(stored);
            }
            let outcome = work()?;
            self.store(sql, &outcome)?;
            Ok::<_, Fault>(outcome)
        })?;
        Ok(answer::body(StatusCode::OK, CBOR, outcome?))
    }

    fn stored<S: Sql>(&self, sql: &S) -> Result<Option<Outcome>, Fault> {
        let query = "SELECT body, answer, refused FROM done WHERE act = ? AND operation = ?";
        let row = sql.row(query, &[self.act.number().into(), self.operation.0.into()])?;
        let Some(row) = row else { return Ok(None) };
        if row.bytes("body")? != self.body.0 {
            return Err(Code::OperationReused.into());
        }
        Ok(Some(outcome_of(&row)?))
    }

    fn store<S: Sql>(&self, sql: &S, outcome: &Outcome) -> Result<(), StoreError> {
        let (answer, refused) = match outcome {
            Ok(answer) => (Value::from(answer.as_slice()), Value::Null),
            Err(code) => (Value::Null, code.number().into()),
        };
        sql.run(
            "INSERT INTO done(act, operation, body, answer, refused) VALUES(?, ?, ?, ?, ?)",
            &[
                self.act.number().into(),
                self.operation.0.into(),
                self.body.0.into(),
                answer,
                refused,
            ],
        )?;
        Ok(())
    }
}

fn outcome_of(row: &Row) -> Result<Outcome, StoreError> {
    if row.is_null("refused")? {
        return Ok(Ok(row.blob("answer")?.to_vec()));
    }
    let code = Code::of_number(row.u64("refused")?);
    Ok(Err(code.ok_or(StoreError::Column("refused"))?))
}
