//! A database as an object sees it: what it writes, and the alarm it sets, become durable together
//! when it next says anything to anybody (the output gate of a Durable Object, which coalesces
//! writes). Power is cut there: before all of it is durable, or after, and then nothing is said.

use std::cell::Cell;
use std::rc::Rc;

use koban_edge_issuer::sql::{Row, Sql, StoreError, Value};
use koban_edge_issuer::sqlite::Sqlite;

use super::process::Process;
use super::schedule::Millis;

/// When power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before the writes are durable: they are lost.
    Before,
    /// After, before anything is said.
    After,
}

/// A database with its gate.
pub(super) struct Base {
    pub(super) sqlite: Rc<Sqlite>,
    gated: Cell<bool>,
    /// The earliest alarm that was set behind the gate.
    alarm: Cell<Option<Millis>>,
    /// Whether it changed since it was last looked at.
    pub(super) changed: Cell<bool>,
}

impl Base {
    pub(super) fn new(sqlite: Sqlite) -> Self {
        let (gated, alarm, changed) = (Cell::new(false), Cell::new(None), Cell::new(true));
        Self { sqlite: Rc::new(sqlite), gated, alarm, changed }
    }

    /// Whether something was written that is not durable.
    pub(super) fn is_gated(&self) -> bool {
        self.gated.get()
    }

    /// Makes everything durable, or loses what is behind the gate; the alarm that was set.
    pub(super) fn open_gate(&self, keep: bool) -> Option<Millis> {
        if self.gated.replace(false) {
            if !keep {
                self.must("ROLLBACK TO gate");
            }
            self.must("RELEASE gate");
        }
        self.alarm.take().filter(|_| keep)
    }

    /// Sets an alarm, or leaves an earlier one.
    pub(super) fn wake_at(&self, due: Millis) {
        self.gate();
        let set = self.alarm.get().map_or(due, |set| set.min(due));
        self.alarm.set(Some(set));
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
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk of {}", self.process.name)
    }
}

impl Disk {
    /// A process whose power is cut gets nothing, and nothing it makes of it leaves it.
    fn has_power(&self) -> Result<(), StoreError> {
        if self.process.is_running() {
            return Ok(());
        }
        Err(StoreError::Database("the power is off".to_owned()))
    }
}

impl Sql for Disk {
    fn run(&self, statement: &str, arguments: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.has_power()?;
        if !statement.starts_with("SELECT") {
            self.base.gate();
        }
        self.base.sqlite.run(statement, arguments)
    }

    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.has_power()?;
        self.base.gate();
        self.base.must("SAVEPOINT work");
        let done = work();
        if done.is_err() {
            self.base.must("ROLLBACK TO work");
        }
        self.base.must("RELEASE work");
        done
    }
}
