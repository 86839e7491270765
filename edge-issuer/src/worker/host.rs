//! [`Host`] and [`ObjectHost`] over the runtime's bindings.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use koban_protocol::entropy::Entropy;
use koban_protocol::time::Time;
use worker::js_sys::Date;
use worker::{Delay, Env, ScheduledTime, State, Storage, console_error, console_log};

use super::http;
use super::sql::ObjectSql;
use crate::front;
use crate::host::{Address, Class, Host, HttpRequest, HttpResponse, ObjectHost, Unreachable};

/// How long a call may take. Without it, a callee that was aborted would be waited for for ever.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Objects and files are reached by bindings; their requests name this origin, which nobody reads.
const INSIDE: &str = "http://inside";

const MILLISECONDS_IN_SECOND: u64 = 1000;

/// The machine of a front.
#[derive(Clone)]
pub(super) struct WorkerHost {
    env: Env,
}

impl WorkerHost {
    pub(super) fn new(env: Env) -> Self {
        Self { env }
    }

    async fn ask(&self, to: &Address, asked: &HttpRequest) -> worker::Result<HttpResponse> {
        let given = match to {
            Address::Peer(name) => {
                let origin = front::origin(self, name)
                    .ok_or_else(|| format!("the setting PEERS does not name {name}"))?;
                let peer = self.env.service(&peer_binding(name))?;
                peer.fetch_request(http::request_to(&origin, asked)?).await?
            }
            Address::Object(class, name) => {
                let objects = self.env.durable_object(object_binding(*class))?;
                let object = objects.get_by_name(name)?;
                object.fetch_with_request(http::request_to(INSIDE, asked)?).await?
            }
            Address::Files => {
                let files = self.env.service("FILES")?;
                files.fetch_request(http::request_to(INSIDE, asked)?).await?
            }
        };
        http::response(given).await
    }
}

/// The service binding of another role: `bank-a` is `PEER_BANK_A`.
fn peer_binding(name: &str) -> String {
    format!("PEER_{}", name.to_uppercase().replace('-', "_"))
}

/// The binding of a class's objects.
const fn object_binding(class: Class) -> &'static str {
    match class {
        Class::Shard => "SHARD",
        Class::Participants => "PARTICIPANTS",
        Class::Register => "REGISTER",
        Class::Bank => "BANK",
        Class::Payment => "PAYMENT",
        Class::Shop => "SHOP",
        Class::Originator => "ORIGINATOR",
    }
}

impl Host for WorkerHost {
    fn now(&self) -> Time {
        Time(worker::Date::now().as_millis() / MILLISECONDS_IN_SECOND)
    }

    fn entropy(&self) -> Entropy {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            // no secret may ever be made without: the request ends here, unanswered
            wasm_bindgen::throw_str("the runtime gives no entropy");
        }
        Entropy::new(seed)
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.env.var(name).ok().map(|value| value.to_string())
    }

    async fn call(&self, to: &Address, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let asked = pin!(self.ask(to, &request));
        let late = pin!(Delay::from(CALL_LIMIT));
        match select(asked, late).await {
            Either::Left((Ok(response), _)) => return Ok(response),
            Either::Left((Err(error), _)) => console_error!("no answer from {to:?}: {error}"),
            Either::Right(_) => console_error!("no answer from {to:?} in time"),
        }
        Err(Unreachable)
    }

    fn log(&self, line: &str) {
        console_log!("{line}");
    }
}

/// The machine of an object.
#[derive(Clone)]
pub(super) struct WorkerObjectHost {
    host: WorkerHost,
    name: String,
    sql: ObjectSql,
    storage: Rc<Storage>,
    alarm: Rc<Cell<Alarm>>,
}

/// What is known of an object's alarm. It is kept here, so that setting it needs no waiting: what a
/// role writes and the alarm that drives it on are then stored together.
#[derive(Clone, Copy, Default)]
enum Alarm {
    #[default]
    Unread,
    Unset,
    At(Time),
}

impl WorkerObjectHost {
    pub(super) fn new(state: &State, env: Env) -> Self {
        let storage = state.storage();
        Self {
            host: WorkerHost::new(env),
            name: state.id().name().unwrap_or_default(),
            sql: ObjectSql::new(&storage),
            storage: Rc::new(storage),
            alarm: Rc::default(),
        }
    }

    /// The alarm has fired, so that none is set.
    pub(super) fn woken(&self) {
        self.alarm.set(Alarm::Unset);
    }

    /// Reads the alarm that is set, the first time only.
    pub(super) async fn read_alarm(&self) -> worker::Result<()> {
        if matches!(self.alarm.get(), Alarm::Unread) {
            let stored = self.storage.get_alarm().await?;
            // another request may have set one meanwhile
            if matches!(self.alarm.get(), Alarm::Unread) {
                self.alarm.set(stored.map_or(Alarm::Unset, |ms| Alarm::At(time(ms))));
            }
        }
        Ok(())
    }

    async fn set_alarm(&self, at: Time) -> worker::Result<()> {
        self.read_alarm().await?;
        if let Alarm::At(set) = self.alarm.get()
            && set <= at
        {
            return Ok(());
        }
        self.alarm.set(Alarm::At(at));
        let done = self.storage.set_alarm(ScheduledTime::new(date(at))).await;
        done.inspect_err(|_| self.alarm.set(Alarm::Unread))
    }
}

/// A time of JavaScript's, in milliseconds.
fn time(milliseconds: i64) -> Time {
    Time(u64::try_from(milliseconds).unwrap_or_default() / MILLISECONDS_IN_SECOND)
}

/// A time as JavaScript has it, up to the year 2106.
fn date(time: Time) -> Date {
    let seconds = u32::try_from(time.0).unwrap_or(u32::MAX);
    Date::new(&(f64::from(seconds) * 1000.0).into())
}

impl Host for WorkerObjectHost {
    fn now(&self) -> Time {
        self.host.now()
    }

    fn entropy(&self) -> Entropy {
        self.host.entropy()
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.host.setting(name)
    }

    async fn call(&self, to: &Address, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        self.host.call(to, request).await
    }

    fn log(&self, line: &str) {
        self.host.log(line);
    }
}

impl ObjectHost for WorkerObjectHost {
    type Sql = ObjectSql;

    fn sql(&self) -> &ObjectSql {
        &self.sql
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn wake_at(&self, at: Time) -> Result<(), Unreachable> {
        self.set_alarm(at).await.map_err(|error| {
            console_error!("no alarm was set: {error}");
            Unreachable
        })
    }
}
