//! The World as a role's machine.

use std::collections::BTreeMap;
use std::future::pending;
use std::rc::{Rc, Weak};

use koban_edge_issuer::host::{Address, Host, HttpRequest, HttpResponse, ObjectHost, Unreachable};
use koban_protocol::entropy::Entropy;
use koban_protocol::id::Digest;
use koban_protocol::time::Time;

use super::disk::Disk;
use super::process::Process;
use super::{Inner, ORIGINS, World};

/// The World as a role's machine.
#[derive(Clone)]
pub struct WorldHost {
    world: Weak<Inner>,
    role: String,
    process: Rc<Process>,
    disk: Option<Disk>,
}

impl std::fmt::Debug for WorldHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorldHost of {}", self.process.name)
    }
}

impl WorldHost {
    /// The machine of a role's front, which is one process until it is stopped.
    pub(super) fn front(world: &World, role: &str) -> Self {
        let name = format!("{role}/front");
        let mut fronts = world.0.fronts.borrow_mut();
        let process = fronts.entry(name.clone());
        let process = process.or_insert_with(|| Process::start(&world.0, name, None));
        let (world, role) = (Rc::downgrade(&world.0), role.to_owned());
        Self { world, role, process: Rc::clone(process), disk: None }
    }

    /// The machine of an object.
    pub(super) fn object(world: &World, role: &str, disk: Disk) -> Self {
        let process = Rc::clone(&disk.process);
        Self { world: Rc::downgrade(&world.0), role: role.to_owned(), process, disk: Some(disk) }
    }

    pub(super) fn process(&self) -> Rc<Process> {
        Rc::clone(&self.process)
    }

    fn world(&self) -> World {
        World(self.world.upgrade().expect("a host does not outlive its world"))
    }

    /// How many seconds its clock is before the World's.
    fn skew(&self) -> i64 {
        self.world().0.skews.borrow().get(&self.role).copied().unwrap_or(0)
    }
}

impl Host for WorldHost {
    fn now(&self) -> Time {
        Time(self.world().now().0.saturating_add_signed(self.skew()))
    }

    fn entropy(&self) -> Entropy {
        self.world().entropy()
    }

    fn setting(&self, name: &str) -> Option<String> {
        let origin = |role: &str| {
            let found = ORIGINS.iter().find(|(name, _)| *name == role);
            found.map(|(_, origin)| (*origin).to_owned())
        };
        match name {
            "ROLE" => Some(self.role.clone()),
            "SELF" => origin(&self.role),
            "SEED" => Some(Digest::of("world/seed", self.role.as_bytes()).to_string()),
            "SHARDS" => Some(self.world().0.shards.to_string()),
            "DEMO" => Some("1".to_owned()),
            "PEERS" => {
                let peers: BTreeMap<_, _> = ORIGINS.into_iter().collect();
                serde_json::to_string(&peers).ok()
            }
            _ => None,
        }
    }

    async fn call(&self, to: &Address, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        self.process.speak();
        if !self.process.is_running() {
            // what has no power waits for ever
            return pending().await;
        }
        let answer = self.world().transmit(&self.role, to, request);
        answer.await.map_err(|_| Unreachable)
    }

    fn log(&self, line: &str) {
        if self.process.is_running() {
            self.world().0.log.borrow_mut().push(format!("{}: {line}", self.role));
        }
    }
}

impl ObjectHost for WorldHost {
    type Sql = Disk;

    fn sql(&self) -> &Disk {
        self.disk.as_ref().expect("only objects have a database")
    }

    fn name(&self) -> String {
        self.process.key.as_ref().map(|(_, _, name)| name.clone()).unwrap_or_default()
    }

    async fn wake_at(&self, at: Time) -> Result<(), Unreachable> {
        let disk = self.disk.as_ref().filter(|_| self.process.is_running());
        let due = at.0.saturating_add_signed(-self.skew()) * 1_000;
        disk.ok_or(Unreachable)?.base.wake_at(due);
        Ok(())
    }
}
