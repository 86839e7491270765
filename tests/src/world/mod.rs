//! The World: every role of Koban in one process, under one clock and one seed, over native SQLite.
//!
//! The roles are the shipped ones; only the [`Host`](koban_edge_issuer::host::Host) is the World's.
//! Databases are in memory or in files, so that a world can be closed and opened again on what it
//! had written. Calls between roles take the way that the weather decides; power is cut where the
//! cuts say; nothing else is left to chance.

mod calls;
mod disk;
mod host;
mod process;
mod schedule;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;

use koban_edge_issuer::host::{Address, Class, HttpRequest, HttpResponse, Object, Unreachable};
use koban_edge_issuer::role::{bank, issuer, originator, payment, peer, register, shop};
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::Digest;
use koban_protocol::key::Seed;
use koban_protocol::time::Time;

pub use calls::{Fate, Trip, Weather};
pub use disk::Cut;
use disk::{Base, Disk};
pub use host::WorldHost;
use process::Process;
pub use schedule::Millis;
use schedule::Schedule;

/// An answer that is being made.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The roles with their origins.
pub const ORIGINS: [(&str, &str); 8] = [
    ("wallet", "http://localhost:8700"),
    ("shop", "http://localhost:8701"),
    ("issuer", "http://localhost:8702"),
    ("bank-a", "http://localhost:8703"),
    ("bank-b", "http://localhost:8704"),
    ("payment", "http://localhost:8705"),
    ("register", "http://localhost:8706"),
    ("originator", "http://localhost:8707"),
];

/// When an object whose power was cut while it drove what was open drives it again.
const AGAIN: Millis = 2_000;

/// An object of any class, for the World's table of them.
trait AnyObject {
    fn fetch(&self, request: HttpRequest) -> Answering<'_, HttpResponse>;
    fn alarm(&self) -> Answering<'_, ()>;
}

impl<O: Object<WorldHost>> AnyObject for O {
    fn fetch(&self, request: HttpRequest) -> Answering<'_, HttpResponse> {
        Box::pin(Object::fetch(self, request))
    }

    fn alarm(&self) -> Answering<'_, ()> {
        Box::pin(Object::alarm(self))
    }
}

/// Somebody with an origin who is none of the roles.
pub type Stranger = dyn Fn(HttpRequest) -> Answering<'static, HttpResponse>;

/// Which object of which role.
type Key = (String, Class, String);

/// Decides whether the power of a process (`role/class/name`) is cut, which has written and is
/// about to speak.
pub type Cuts = Box<dyn FnMut(&str) -> Option<Cut>>;

struct Running {
    object: Rc<dyn AnyObject>,
    process: Rc<Process>,
}

struct Alarm {
    key: Key,
    due: Millis,
}

struct Inner {
    schedule: Schedule,
    seed: u64,
    drawn: Cell<u64>,
    shards: u16,
    disk: Option<PathBuf>,
    objects: RefCell<BTreeMap<String, Running>>,
    fronts: RefCell<BTreeMap<String, Rc<Process>>>,
    stopped: RefCell<Vec<String>>,
    databases: RefCell<BTreeMap<String, Rc<Base>>>,
    alarms: RefCell<BTreeMap<String, Alarm>>,
    skews: RefCell<BTreeMap<String, i64>>,
    weather: RefCell<Weather>,
    cuts: RefCell<Cuts>,
    strangers: RefCell<BTreeMap<String, Rc<Stranger>>>,
    log: RefCell<Vec<String>>,
}

/// Every role in one process.
#[derive(Clone)]
pub struct World(Rc<Inner>);

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World at {}", self.moment())
    }
}

impl World {
    /// A world in memory.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, 4, None)
    }

    /// A world of `shards` coin shards, with its databases in `disk` if there is one.
    pub fn with(seed: u64, shards: u16, disk: Option<PathBuf>) -> Self {
        Self(Rc::new(Inner {
            schedule: Schedule::starting_at(1_800_000_000_000),
            seed,
            drawn: Cell::new(0),
            shards,
            disk,
            objects: RefCell::default(),
            fronts: RefCell::default(),
            stopped: RefCell::default(),
            databases: RefCell::default(),
            alarms: RefCell::default(),
            skews: RefCell::default(),
            weather: RefCell::new(Box::new(|_, _, _| Fate::ARRIVES)),
            cuts: RefCell::new(Box::new(|_| None)),
            strangers: RefCell::default(),
            log: RefCell::default(),
        }))
    }

    /// The time.
    pub fn now(&self) -> Time {
        Time(self.0.schedule.now() / 1_000)
    }

    /// The time, in milliseconds.
    pub fn moment(&self) -> Millis {
        self.0.schedule.now()
    }

    /// Lets time pass without anything happening.
    pub fn pass(&self, seconds: u64) {
        self.0.schedule.pass_until(self.moment() + seconds * 1_000);
    }

    /// Fresh entropy of this world's one seed.
    pub fn entropy(&self) -> Entropy {
        let drawn = self.0.drawn.get();
        self.0.drawn.set(drawn + 1);
        let mut input = self.0.seed.to_be_bytes().to_vec();
        input.extend(drawn.to_be_bytes());
        Entropy::new(Digest::of("world", &input).0)
    }

    /// Makes calls go as `weather` says.
    pub fn weather(&self, weather: impl FnMut(&str, &Address, &str) -> Fate + 'static) {
        *self.0.weather.borrow_mut() = Box::new(weather);
    }

    /// Cuts the power as `cuts` says.
    pub fn cuts(&self, cuts: impl FnMut(&str) -> Option<Cut> + 'static) {
        *self.0.cuts.borrow_mut() = Box::new(cuts);
    }

    /// Every call arrives again, and no power is cut.
    pub fn fair(&self) {
        self.weather(|_, _, _| Fate::ARRIVES);
        self.cuts(|_| None);
    }

    /// Sets a role's clock so many seconds before (or, below zero, behind) the World's.
    pub fn skew(&self, role: &str, seconds: i64) {
        self.0.skews.borrow_mut().insert(role.to_owned(), seconds);
    }

    /// Forgets every object and whatever it was doing, as a cut of power does; databases and alarms
    /// stay.
    pub fn crash(&self) {
        self.stop("");
    }

    /// Cuts the power of the processes whose name begins with `prefix`: a role, a class of its
    /// objects, one object.
    pub fn stop(&self, prefix: &str) {
        let objects = self.0.objects.borrow();
        let fronts = self.0.fronts.borrow();
        let all = objects.values().map(|running| &running.process).chain(fronts.values());
        all.filter(|process| process.name.starts_with(prefix)).for_each(|process| {
            process.stop(true);
        });
        drop((objects, fronts));
        self.bury();
    }

    /// A role's seed.
    pub fn seed(&self, role: &str) -> Seed {
        peer::seed(&WorldHost::front(self, role)).unwrap()
    }

    /// The token of a role's operator.
    pub fn operator_token(&self, role: &str) -> String {
        peer::operator_token(&self.seed(role))
    }

    /// What the roles logged.
    pub fn log(&self) -> Vec<String> {
        self.0.log.borrow().clone()
    }

    /// The database of an object, to look into as an intruder or an auditor would.
    pub fn database(&self, role: &str, class: Class, name: &str) -> Rc<Sqlite> {
        Rc::clone(&self.base(&object_id(role, class, name)).sqlite)
    }

    /// Whether an object's database changed since this was last asked.
    pub fn has_changed(&self, role: &str, class: Class, name: &str) -> bool {
        self.base(&object_id(role, class, name)).changed.replace(false)
    }

    fn base(&self, id: &str) -> Rc<Base> {
        let open = || match &self.0.disk {
            Some(folder) => Sqlite::in_file(&folder.join(id.replace('/', "-"))).unwrap(),
            None => Sqlite::in_memory().unwrap(),
        };
        let mut databases = self.0.databases.borrow_mut();
        let base = databases.entry(id.to_owned()).or_insert_with(|| Rc::new(Base::new(open())));
        Rc::clone(base)
    }

    /// Sends a request to whoever has the origin, as a browser does; `from` names the sender to the
    /// weather.
    ///
    /// # Errors
    /// No answer came. Nobody is waited for when nobody has the origin.
    pub fn request(
        &self,
        from: &str,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, Unreachable>> + use<> {
        let url = request.uri().to_string();
        let role = ORIGINS.iter().find(|(_, origin)| url.starts_with(origin));
        let strangers = self.0.strangers.borrow();
        let stranger = || strangers.keys().find(|origin| url.starts_with(*origin)).cloned();
        let to = role.map(|(role, _)| (*role).to_owned()).or_else(stranger);
        drop(strangers);
        let answer = to.map(|to| self.transmit(from, &Address::Peer(to), request));
        async move { answer.ok_or(Unreachable)?.await.map_err(|_| Unreachable) }
    }

    /// The same, waiting for the answer: meanwhile messages travel, but no alarm goes off.
    ///
    /// # Errors
    /// As [`World::request`].
    pub fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let answer = Rc::new(RefCell::new(None));
        let (asked, there) = (self.request("outside", request), Rc::clone(&answer));
        self.spawn(async move {
            *there.borrow_mut() = Some(asked.await);
        });
        self.settle();
        while answer.borrow().is_none() && self.0.schedule.next().is_some() {
            self.0.schedule.happen();
            self.settle();
        }
        answer.take().unwrap_or(Err(Unreachable))
    }

    /// Lets somebody answer at an origin.
    pub fn stranger(
        &self,
        origin: &str,
        answer: impl Fn(HttpRequest) -> Answering<'static, HttpResponse> + 'static,
    ) {
        self.0.strangers.borrow_mut().insert(origin.to_owned(), Rc::new(answer));
    }

    /// Starts a task of nobody's.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.schedule.spawn(task);
    }

    /// Has something happen at a moment.
    pub fn at(&self, moment: Millis, event: impl FnOnce() + 'static) {
        self.0.schedule.at(moment, event);
    }

    /// Lets the next event or alarm happen, if it is not after `end`; whether there was one.
    pub fn step(&self, end: Millis) -> bool {
        self.settle();
        let alarm = self.next_alarm();
        let event = self.0.schedule.next();
        match (event.filter(|at| *at <= end), alarm.filter(|(at, _)| *at <= end)) {
            (Some(at), alarm) if alarm.as_ref().is_none_or(|(due, _)| at <= *due) => {
                self.0.schedule.happen();
            }
            (_, Some((due, id))) => {
                self.0.schedule.pass_until(due);
                self.go_off(&id);
            }
            (_, None) => return false,
        }
        self.settle();
        true
    }

    /// The next alarm, of an object which is not at one: alarms of an object never overlap.
    fn next_alarm(&self) -> Option<(Millis, String)> {
        let objects = self.0.objects.borrow();
        let is_free = |id: &String| objects.get(id).is_none_or(|o| !o.process.in_alarm.get());
        let alarms = self.0.alarms.borrow();
        let free = alarms.iter().filter(|(id, _)| is_free(id));
        free.map(|(id, alarm)| (alarm.due, id.clone())).min()
    }

    /// Runs everything that is due, letting `seconds` pass.
    pub fn run(&self, seconds: u64) {
        let end = self.moment() + seconds * 1_000;
        while self.step(end) {}
        self.0.schedule.pass_until(end);
    }

    /// Forgets all that is under way: the World is not used any more.
    pub fn end(&self) {
        // what decides may hold the World
        self.fair();
        self.0.schedule.clear();
        self.0.objects.borrow_mut().clear();
        self.0.strangers.borrow_mut().clear();
    }

    fn settle(&self) {
        self.0.schedule.settle();
        while self.bury() {
            self.0.schedule.settle();
        }
    }

    /// Takes away the processes whose power was cut; whether there were any.
    fn bury(&self) -> bool {
        let stopped = self.0.stopped.take();
        for name in &stopped {
            let object = self.0.objects.borrow_mut().remove(name).map(|running| running.process);
            let front = self.0.fronts.borrow_mut().remove(name);
            for process in object.into_iter().chain(front) {
                process.end();
                if let Some(key) = process.key.clone().filter(|_| process.in_alarm.get()) {
                    self.wake(key, self.moment() + AGAIN);
                }
            }
        }
        !stopped.is_empty()
    }

    fn wake(&self, key: Key, due: Millis) {
        let id = object_id(&key.0, key.1, &key.2);
        let mut alarms = self.0.alarms.borrow_mut();
        let alarm = alarms.entry(id).or_insert(Alarm { key, due });
        alarm.due = alarm.due.min(due);
    }

    fn go_off(&self, id: &str) {
        let alarm = self.0.alarms.borrow_mut().remove(id);
        let Some(Alarm { key, .. }) = alarm else { return };
        let Some((object, process)) = self.object(&key.0, key.1, &key.2) else {
            // power was cut while it started
            return self.wake(key, self.moment() + AGAIN);
        };
        process.in_alarm.set(true);
        let ending = Rc::clone(&process);
        self.spawn(process.task(async move {
            object.alarm().await;
            ending.speak();
            // without power it never ended
            ending.in_alarm.set(!ending.is_running());
        }));
    }

    /// An object that runs, started if need be; none if its power is cut while it starts.
    fn object(
        &self,
        role: &str,
        class: Class,
        name: &str,
    ) -> Option<(Rc<dyn AnyObject>, Rc<Process>)> {
        let id = object_id(role, class, name);
        if let Some(running) = self.0.objects.borrow().get(&id) {
            let up = running.process.is_running();
            return up.then(|| (Rc::clone(&running.object), Rc::clone(&running.process)));
        }
        let base = self.base(&id);
        let key = (role.to_owned(), class, name.to_owned());
        let process = Process::start(&self.0, id.clone(), Some((key, Rc::clone(&base))));
        let host = WorldHost::object(self, role, Disk { base, process: Rc::clone(&process) });
        let object = open(class, host).filter(|_| process.is_running())?;
        let running = Running { object: Rc::clone(&object), process: Rc::clone(&process) };
        self.0.objects.borrow_mut().insert(id, running);
        Some((object, process))
    }
}

fn open(class: Class, host: WorldHost) -> Option<Rc<dyn AnyObject>> {
    fn made<O: Object<WorldHost> + 'static>(host: WorldHost) -> Option<Rc<dyn AnyObject>> {
        let object: Rc<dyn AnyObject> = Rc::new(O::open(host).ok()?);
        Some(object)
    }
    match class {
        Class::Shard => made::<issuer::shard::Shard<_>>(host),
        Class::Participants => made::<issuer::participants::Participants<_>>(host),
        Class::Register => made::<register::Register<_>>(host),
        Class::Bank => made::<bank::Bank<_>>(host),
        Class::Payment => made::<payment::Till<_>>(host),
        Class::Shop => made::<shop::Shop<_>>(host),
        Class::Originator => made::<originator::Originator<_>>(host),
    }
}

fn object_id(role: &str, class: Class, name: &str) -> String {
    format!("{role}/{}/{name}", class.name())
}
