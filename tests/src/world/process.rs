//! A running front or object: what dies together.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use futures_util::future::{FutureExt as _, Shared, select};

use super::disk::{Base, Cut};
use super::schedule::Millis;
use super::{Inner, Key, World};

/// A front or an object from its start to its end.
pub(super) struct Process {
    world: Weak<Inner>,
    /// `role/front` or `role/class/name`.
    pub(super) name: String,
    /// If it is an object: which.
    pub(super) key: Option<Key>,
    base: Option<Rc<Base>>,
    running: Cell<bool>,
    /// Whether it is driving what is open: a cut then has it driven again.
    pub(super) in_alarm: Cell<bool>,
    end: RefCell<Option<oneshot::Sender<()>>>,
    ended: Shared<oneshot::Receiver<()>>,
}

impl Process {
    pub(super) fn start(
        world: &Rc<Inner>,
        name: String,
        object: Option<(Key, Rc<Base>)>,
    ) -> Rc<Self> {
        let (key, base) = object.unzip();
        let (end, ended) = oneshot::channel();
        Rc::new(Self {
            world: Rc::downgrade(world),
            name,
            key,
            base,
            running: Cell::new(true),
            in_alarm: Cell::default(),
            end: RefCell::new(Some(end)),
            ended: ended.shared(),
        })
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Everything written so far becomes durable, as something is about to leave; unless power is
    /// cut.
    pub(super) fn speak(&self) {
        let Some(base) = self.base.as_ref().filter(|_| self.is_running()) else { return };
        let Some(world) = self.world.upgrade().filter(|_| base.is_gated()) else { return };
        let cut = (world.cuts.borrow_mut())(&self.name);
        match cut {
            None => self.keep(base.open_gate(true)),
            Some(cut) => self.stop(cut == Cut::After),
        }
    }

    fn keep(&self, alarm: Option<Millis>) {
        let world = self.world.upgrade().map(World);
        if let (Some(world), Some(key), Some(due)) = (world, self.key.clone(), alarm) {
            world.wake(key, due);
        }
    }

    /// Cuts the power, keeping what is behind the gate or losing it.
    pub(super) fn stop(&self, keep: bool) {
        if self.running.replace(false) {
            if let Some(base) = &self.base {
                self.keep(base.open_gate(keep));
            }
            if let Some(world) = self.world.upgrade() {
                world.stopped.borrow_mut().push(self.name.clone());
            }
        }
    }

    /// A task of this process, over when the process is.
    pub(super) fn task<T: Future<Output = ()>>(
        &self,
        work: T,
    ) -> impl Future<Output = ()> + use<T> {
        let ended = self.ended.clone();
        async move {
            select(Box::pin(work), ended).await;
        }
    }

    /// Ends all it was doing; whoever waits for an answer learns that none comes.
    pub(super) fn end(&self) {
        self.end.borrow_mut().take();
    }
}
