//! The outbox: what other parties must be told, until they have confirmed it.

use koban_protocol::amount::Amount;
use koban_protocol::id::OperationId;
use koban_protocol::time::Time;

use super::store::{Store, amount_of};
use crate::sql::{Row, Sql, StoreError};

/// What an outbox row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskKind {
    /// Pay an account from the reserve; body: signed transfer; target: bank.
    Credit = 0,
    /// Move reserve between banks; body: signed settlement; target: paying bank.
    Settlement = 1,
    /// Tell another shard that its claim is settled; target: shard.
    Settle = 2,
    /// Tell another shard that its claim is released; target: shard.
    Release = 3,
    /// Have the register note a holder; body: sealed note.
    Note = 4,
}

impl TaskKind {
    fn of(number: u64) -> Result<Self, StoreError> {
        match number {
            0 => Ok(Self::Credit),
            1 => Ok(Self::Settlement),
            2 => Ok(Self::Settle),
            3 => Ok(Self::Release),
            4 => Ok(Self::Note),
            _ => Err(StoreError::Column("kind")),
        }
    }
}

/// Something another party must be told, until it has confirmed.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: i64,
    pub(super) operation: OperationId,
    pub(super) kind: TaskKind,
    pub(super) target: String,
    pub(super) body: Vec<u8>,
    pub(super) amount: Amount,
    pub(super) attempts: u64,
}

impl Task {
    /// A task that is not stored yet.
    pub(super) const fn new(
        operation: OperationId,
        kind: TaskKind,
        target: String,
        body: Vec<u8>,
        amount: Amount,
    ) -> Self {
        Self { id: 0, operation, kind, target, body, amount, attempts: 0 }
    }
}

impl<S: Sql> Store<'_, S> {
    pub(super) fn add_task(&self, task: &Task, due: Time) -> Result<(), StoreError> {
        self.0.run(
            "INSERT INTO task(operation, kind, target, body, currency, minor, attempts, due)
             VALUES(?, ?, ?, ?, ?, ?, 0, ?)",
            &[
                task.operation.0.into(),
                (task.kind as u8).into(),
                task.target.as_str().into(),
                task.body.clone().into(),
                task.amount.currency().code().into(),
                task.amount.minor().into(),
                due.0.into(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn due_tasks(&self, now: Time) -> Result<Vec<Task>, StoreError> {
        let query = "SELECT * FROM task WHERE due <= ? ORDER BY id LIMIT 64";
        self.0.run(query, &[now.0.into()])?.iter().map(task_of).collect()
    }

    pub(super) fn next_due(&self) -> Result<Option<Time>, StoreError> {
        let row = self.0.row("SELECT min(due) AS due FROM task", &[])?;
        match row {
            Some(row) if !row.is_null("due")? => Ok(Some(Time(row.u64("due")?))),
            _ => Ok(None),
        }
    }

    /// Puts a task off, later each time: 1, 2, 4, ... 64 seconds.
    pub(super) fn postpone(&self, task: &Task, now: Time) -> Result<(), StoreError> {
        let wait = 1_u64 << task.attempts.min(6);
        self.0.run(
            "UPDATE task SET attempts = attempts + 1, due = ? WHERE id = ?",
            &[now.plus(wait).0.into(), task.id.into()],
        )?;
        Ok(())
    }

    /// Has what waits for money at a bank be tried at once.
    pub(super) fn hasten_credits(&self, bank: &str, now: Time) -> Result<(), StoreError> {
        self.0.run(
            "UPDATE task SET due = ? WHERE kind = ? AND target = ?",
            &[now.0.into(), (TaskKind::Credit as u8).into(), bank.into()],
        )?;
        Ok(())
    }

    /// Removes a task; gives whether it was still there, so that its effect is counted once.
    pub(super) fn remove_task(&self, id: i64) -> Result<bool, StoreError> {
        Ok(self.0.row("DELETE FROM task WHERE id = ? RETURNING id", &[id.into()])?.is_some())
    }
}

fn task_of(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: row.i64("id")?,
        operation: OperationId(row.bytes("operation")?),
        kind: TaskKind::of(row.u64("kind")?)?,
        target: row.text("target")?.to_owned(),
        body: row.blob("body")?.to_vec(),
        amount: amount_of(row)?,
        attempts: row.u64("attempts")?,
    })
}
