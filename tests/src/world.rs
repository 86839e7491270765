//! The World: every role of Koban in one process, under one clock and one seed, over native SQLite.
//!
//! The roles are the shipped ones; only the [`Host`] is the World's. Databases are in memory or in
//! files, so that a world can be closed and opened again on what it had written.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use koban_edge_issuer::front;
use koban_edge_issuer::host::{
    Address, Class, Host, HttpRequest, HttpResponse, Object, ObjectHost, Unreachable,
};
use koban_edge_issuer::role::{bank, issuer, originator, payment, peer, register, shop};
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::Digest;
use koban_protocol::key::Seed;
use koban_protocol::time::Time;

type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

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

/// Which object of which role.
type Key = (String, Class, String);

/// What may go wrong with a call on its way; decided by the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives and so does its answer.
    Arrives,
    /// It is lost before it arrives.
    Lost,
    /// It arrives, its answer is lost.
    AnswerLost,
    /// It arrives twice; the second answer is given.
    Twice,
}

/// Decides the fate of a call from role to address with this path.
pub type Weather = Box<dyn FnMut(&str, &Address, &str) -> Fate>;

struct Inner {
    now: Cell<u64>,
    seed: [u8; 32],
    drawn: Cell<u64>,
    shards: u16,
    disk: Option<PathBuf>,
    objects: RefCell<BTreeMap<String, Rc<dyn AnyObject>>>,
    databases: RefCell<BTreeMap<String, Rc<Sqlite>>>,
    alarms: RefCell<BTreeMap<String, (Key, u64)>>,
    weather: RefCell<Weather>,
    log: RefCell<Vec<String>>,
}

/// Every role in one process.
#[derive(Clone)]
pub struct World(Rc<Inner>);

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World at {}", self.0.now.get())
    }
}

impl World {
    /// A world in memory.
    pub fn new(seed: u8) -> Self {
        Self::with(seed, 4, None)
    }

    /// A world of `shards` coin shards, with its databases in `disk` if there is one.
    pub fn with(seed: u8, shards: u16, disk: Option<PathBuf>) -> Self {
        Self(Rc::new(Inner {
            now: Cell::new(1_800_000_000),
            seed: [seed; 32],
            drawn: Cell::new(0),
            shards,
            disk,
            objects: RefCell::default(),
            databases: RefCell::default(),
            alarms: RefCell::default(),
            weather: RefCell::new(Box::new(|_, _, _| Fate::Arrives)),
            log: RefCell::default(),
        }))
    }

    /// The time.
    pub fn now(&self) -> Time {
        Time(self.0.now.get())
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.0.now.set(self.0.now.get() + seconds);
    }

    /// Fresh entropy of this world's one seed.
    pub fn entropy(&self) -> Entropy {
        let drawn = self.0.drawn.get();
        self.0.drawn.set(drawn + 1);
        let mut input = self.0.seed.to_vec();
        input.extend(drawn.to_be_bytes());
        Entropy::new(Digest::of("world", &input).0)
    }

    /// Makes calls between roles go as `weather` says.
    pub fn weather(&self, weather: impl FnMut(&str, &Address, &str) -> Fate + 'static) {
        *self.0.weather.borrow_mut() = Box::new(weather);
    }

    /// Every call arrives again.
    pub fn fair(&self) {
        self.weather(|_, _, _| Fate::Arrives);
    }

    /// Forgets every object, as a crash does; databases and alarms stay.
    pub fn crash(&self) {
        self.0.objects.borrow_mut().clear();
    }

    /// A role's seed.
    pub fn seed(&self, role: &str) -> Seed {
        peer::seed(&WorldHost::new(self, role, None)).unwrap()
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
        let id = object_id(role, class, name);
        let mut databases = self.0.databases.borrow_mut();
        let open = || match &self.0.disk {
            Some(folder) => Sqlite::in_file(&folder.join(id.replace('/', "-"))).unwrap(),
            None => Sqlite::in_memory().unwrap(),
        };
        Rc::clone(databases.entry(id.clone()).or_insert_with(|| Rc::new(open())))
    }

    /// Sends a request to whoever has the origin, as a browser does.
    pub fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let url = request.uri().to_string();
        let role = ORIGINS.iter().find(|(_, origin)| url.starts_with(origin));
        let role = role.ok_or(Unreachable)?.0;
        let host = WorldHost::new(self, "outside", None);
        pollster::block_on(host.call(&Address::Peer(role.to_owned()), request))
    }

    /// Runs every alarm that is due, letting up to `seconds` pass, until nothing is due any more.
    pub fn run(&self, seconds: u64) {
        let end = self.0.now.get() + seconds;
        loop {
            let next = {
                let alarms = self.0.alarms.borrow();
                alarms.iter().map(|(id, (_, at))| (*at, id.clone())).min()
            };
            let Some((at, id)) = next.filter(|(at, _)| *at <= end) else { break };
            self.0.now.set(self.0.now.get().max(at));
            let due = self.0.alarms.borrow_mut().remove(&id);
            if let Some(((role, class, name), _)) = due {
                pollster::block_on(self.object(&role, class, &name).alarm());
            }
        }
        self.0.now.set(end);
    }

    fn object(&self, role: &str, class: Class, name: &str) -> Rc<dyn AnyObject> {
        let id = object_id(role, class, name);
        if let Some(object) = self.0.objects.borrow().get(&id) {
            return Rc::clone(object);
        }
        let host = WorldHost::new(self, role, Some((class, name)));
        let object: Rc<dyn AnyObject> = match class {
            Class::Shard => Rc::new(issuer::shard::Shard::open(host).unwrap()),
            Class::Participants => Rc::new(issuer::participants::Participants::open(host).unwrap()),
            Class::Register => Rc::new(register::Register::open(host).unwrap()),
            Class::Bank => Rc::new(bank::Bank::open(host).unwrap()),
            Class::Payment => Rc::new(payment::Till::open(host).unwrap()),
            Class::Shop => Rc::new(shop::Shop::open(host).unwrap()),
            Class::Originator => Rc::new(originator::Originator::open(host).unwrap()),
        };
        self.0.objects.borrow_mut().insert(id, Rc::clone(&object));
        object
    }
}

fn object_id(role: &str, class: Class, name: &str) -> String {
    format!("{role}/{}/{name}", class.name())
}

/// The World as a role's machine.
#[derive(Clone)]
pub struct WorldHost {
    world: Weak<Inner>,
    role: String,
    object: Option<(Class, String)>,
    sql: Option<Rc<Sqlite>>,
}

impl std::fmt::Debug for WorldHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorldHost of {}", self.role)
    }
}

impl WorldHost {
    fn new(world: &World, role: &str, object: Option<(Class, &str)>) -> Self {
        let sql = object.map(|(class, name)| world.database(role, class, name));
        let object = object.map(|(class, name)| (class, name.to_owned()));
        Self { world: Rc::downgrade(&world.0), role: role.to_owned(), object, sql }
    }

    fn world(&self) -> World {
        World(self.world.upgrade().expect("a host does not outlive its world"))
    }

    async fn deliver(
        &self,
        to: &Address,
        request: HttpRequest,
    ) -> Result<HttpResponse, Unreachable> {
        let world = self.world();
        match to {
            Address::Peer(role) => {
                let host = Self::new(&world, role, None);
                Ok(Box::pin(front::answer(&host, request)).await)
            }
            Address::Object(class, name) => {
                Ok(world.object(&self.role, *class, name).fetch(request).await)
            }
            Address::Files => Err(Unreachable),
        }
    }
}

impl Host for WorldHost {
    fn now(&self) -> Time {
        self.world().now()
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
        let world = self.world();
        let path = request.uri().path().to_owned();
        let fate = (world.0.weather.borrow_mut())(&self.role, to, &path);
        match fate {
            Fate::Lost => Err(Unreachable),
            Fate::Arrives => self.deliver(to, request).await,
            Fate::AnswerLost => {
                self.deliver(to, request).await?;
                Err(Unreachable)
            }
            Fate::Twice => {
                self.deliver(to, request.clone()).await?;
                self.deliver(to, request).await
            }
        }
    }

    fn log(&self, line: &str) {
        self.world().0.log.borrow_mut().push(format!("{}: {line}", self.role));
    }
}

impl ObjectHost for WorldHost {
    type Sql = Sqlite;

    fn sql(&self) -> &Sqlite {
        self.sql.as_ref().expect("only objects have a database")
    }

    fn name(&self) -> String {
        self.object.as_ref().map(|(_, name)| name.clone()).unwrap_or_default()
    }

    async fn wake_at(&self, at: Time) -> Result<(), Unreachable> {
        let (class, name) = self.object.clone().ok_or(Unreachable)?;
        let world = self.world();
        let id = object_id(&self.role, class, &name);
        let mut alarms = world.0.alarms.borrow_mut();
        let alarm = alarms.entry(id).or_insert(((self.role.clone(), class, name), at.0));
        alarm.1 = alarm.1.min(at.0);
        Ok(())
    }
}
