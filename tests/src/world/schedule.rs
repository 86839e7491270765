//! What happens when: events in order of their time, and the tasks that run between them.
//!
//! Tasks are polled in the order in which they were woken, and events of one moment happen in the
//! order in which they were set, so that a run repeats itself exactly.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;

use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt as _;

/// A moment or a span: milliseconds.
pub type Millis = u64;

type Event = Box<dyn FnOnce()>;

/// The World's time, events and tasks.
pub(super) struct Schedule {
    now: Cell<Millis>,
    set: Cell<u64>,
    events: RefCell<BTreeMap<(Millis, u64), Event>>,
    pool: RefCell<LocalPool>,
    spawner: LocalSpawner,
}

impl Schedule {
    pub(super) fn starting_at(now: Millis) -> Self {
        let pool = LocalPool::new();
        let spawner = pool.spawner();
        let (now, set) = (Cell::new(now), Cell::new(0));
        Self { now, set, events: RefCell::default(), pool: RefCell::new(pool), spawner }
    }

    pub(super) fn now(&self) -> Millis {
        self.now.get()
    }

    /// Lets time pass without anything happening; what was due meanwhile is late.
    pub(super) fn pass_until(&self, moment: Millis) {
        self.now.set(self.now.get().max(moment));
    }

    /// Sets an event.
    pub(super) fn at(&self, moment: Millis, event: impl FnOnce() + 'static) {
        let number = self.set.get();
        self.set.set(number + 1);
        self.events.borrow_mut().insert((moment, number), Box::new(event));
    }

    /// Starts a task.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.spawner.spawn_local(task).expect("the pool lives as long as the World");
    }

    /// Lets every task go on until all wait for an event.
    pub(super) fn settle(&self) {
        self.pool.borrow_mut().run_until_stalled();
    }

    /// When the next event happens.
    pub(super) fn next(&self) -> Option<Millis> {
        self.events.borrow().keys().next().map(|(moment, _)| *moment)
    }

    /// Lets the next event happen.
    pub(super) fn happen(&self) {
        let next = self.events.borrow_mut().pop_first();
        if let Some(((moment, _), event)) = next {
            self.pass_until(moment);
            event();
        }
    }

    /// Forgets all events and tasks, and with them whatever they hold.
    pub(super) fn clear(&self) {
        self.events.borrow_mut().clear();
        self.pool.replace(LocalPool::new());
    }
}
