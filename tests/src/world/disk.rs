//! A database as an object sees it: its writes become durable, all that were made since, when the
//! object next says anything to anybody (the output gate of a Durable Object). A cut of power loses
//! either none of the writes behind the gate or all of them.

use std::cell::Cell;
use std::rc::Rc;

use koban_edge_issuer::sql::{Row, Sql, StoreError, Value};
use koban_edge_issuer::sqlite::Sqlite;

use super::process::Process;

/// When power is cut at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before it.
    Before,
    /// After it; it is durable.
    After,
    /// After it; it is lost, with all since the object last spoke.
    AfterAndLost,
}

/// A database with its gate.
pub(super) struct Base {
    pub(super) sqlite: Rc<Sqlite>,
    gated: Cell<bool>,
    /// Whether it changed since it was last looked at.
    pub(super) changed: Cell<bool>,
}

impl Base {
    pub(super) fn new(sqlite: Sqlite) -> Self {
        Self { sqlite: Rc::new(sqlite), gated: Cell::new(false), changed: Cell::new(true) }
    }

    /// Makes everything durable, or loses what is behind the gate.
    pub(super) fn open_gate(&self, keep: bool) {
        if self.gated.replace(false) {
            if !keep {
                self.must("ROLLBACK TO gate");
            }
            self.must("RELEASE gate");
        }
    }

    fn gate(&self) {
        self.changed.set(true);
        if !self.gated.replace(true) {
            self.must("SAVEPOINT gate");
        }
    }

    fn must(&self, statement: &str) {
        self.sqlite.run(statement, &[]).expect("a database that takes savepoints");
    }
}

/// What a process has of its database.
#[derive(Clone)]
pub struct Disk {
    pub(super) base: Rc<Base>,
    pub(super) process: Rc<Process>,
    /// Whether a transaction is open, whose end is one write.
    inside: Rc<Cell<bool>>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk of {}", self.process.name)
    }
}

/// What a process whose power is cut gets; nothing it makes of it leaves it.
fn no_power() -> StoreError {
    StoreError::Database("the power is off".to_owned())
}

impl Disk {
    pub(super) fn new(base: Rc<Base>, process: Rc<Process>) -> Self {
        Self { base, process, inside: Rc::default() }
    }

    /// One write, unless power is cut at it.
    fn write<T, E: From<StoreError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let cut = self.process.cut_at_write();
        if cut == Some(Cut::Before) {
            self.process.stop(true);
            return Err(no_power().into());
        }
        self.base.gate();
        let done = work()?;
        if let Some(cut) = cut {
            self.process.stop(cut == Cut::After);
            return Err(no_power().into());
        }
        Ok(done)
    }

    fn has_power(&self) -> Result<(), StoreError> {
        if self.process.is_running() { Ok(()) } else { Err(no_power()) }
    }
}

impl Sql for Disk {
    fn run(&self, statement: &str, arguments: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.has_power()?;
        let run = || self.base.sqlite.run(statement, arguments);
        let reads = statement.starts_with("SELECT") || self.inside.get();
        if reads { run() } else { self.write(run) }
    }

    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.has_power()?;
        self.write(|| {
            self.inside.set(true);
            self.base.must("SAVEPOINT work");
            let done = work();
            if done.is_err() {
                self.base.must("ROLLBACK TO work");
            }
            self.base.must("RELEASE work");
            self.inside.set(false);
            done
        })
    }
}
