//! The roles as a worker with Durable Objects: HTTP in and out, and [`Host`] over the runtime's
//! bindings. Nothing is decided here.
//!
//! Which role a worker plays is its setting `ROLE`; which objects it has, its bindings.

mod host;
mod http;
mod sql;

use std::cell::OnceCell;

use koban_protocol::limits::MESSAGE_BYTES_MAX;
use koban_protocol::refusal::Code;
use worker::{
    Context, DurableObject, Env, Request, Response, State, console_error, durable_object, event,
};

use self::host::{WorkerHost, WorkerObjectHost};
use crate::host::{Host, Object, ObjectHost};
use crate::sql::StoreError;
use crate::{answer, front, role};

/// When an object that could not be opened is tried again by its alarm.
const RETRY_S: u64 = 30;

/// Answers a request to the worker.
#[event(fetch)]
async fn fetch(asked: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let host = WorkerHost::new(env);
    let answer = match http::request(asked, MESSAGE_BYTES_MAX).await {
        Ok(request) => front::answer(&host, request).await,
        Err(error) => {
            console_error!("a request could not be read: {error}");
            answer::problem(Code::Malformed)
        }
    };
    Ok(http::response_of(answer))
}

/// A role's object, opened when it is first needed.
struct Opened<O> {
    host: WorkerObjectHost,
    role: OnceCell<O>,
}

impl<O: Object<WorkerObjectHost>> Opened<O> {
    fn new(state: &State, env: Env) -> Self {
        Self { host: WorkerObjectHost::new(state, env), role: OnceCell::new() }
    }

    fn role(&self) -> Result<&O, StoreError> {
        if let Some(role) = self.role.get() {
            return Ok(role);
        }
        let role = O::open(self.host.clone())
            .inspect_err(|error| console_error!("{} does not open: {error}", self.host.name()))?;
        Ok(self.role.get_or_init(|| role))
    }

    async fn fetch(&self, asked: Request) -> Response {
        if let Err(error) = self.host.read_alarm().await {
            console_error!("the alarm could not be read: {error}");
        }
        // the front has bounded what comes from outside
        let request = http::request(asked, usize::MAX).await;
        http::response_of(match (request, self.role()) {
            (Ok(request), Ok(role)) => role.fetch(request).await,
            (Ok(_), Err(_)) => answer::problem(Code::Internal),
            (Err(_), _) => answer::problem(Code::Malformed),
        })
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.woken();
        match self.role() {
            Ok(role) => role.alarm().await,
            // an alarm whose handler fails is repeated a few times only: set another
            Err(_) => {
                let again = self.host.wake_at(self.host.now().plus(RETRY_S)).await;
                again.map_err(|_| worker::Error::RustError("no alarm".to_owned()))?;
            }
        }
        Response::empty()
    }
}

macro_rules! objects {
    ($($class:ident: $role:ty;)*) => {
        $(
            #[doc = concat!("The Durable Object class `", stringify!($class), "`.")]
            #[durable_object(alarm)]
            pub struct $class(Opened<$role>);

            impl DurableObject for $class {
                fn new(state: State, env: Env) -> Self {
                    Self(Opened::new(&state, env))
                }

                async fn fetch(&self, asked: Request) -> worker::Result<Response> {
                    Ok(self.0.fetch(asked).await)
                }

                async fn alarm(&self) -> worker::Result<Response> {
                    self.0.alarm().await
                }
            }
        )*
    };
}

objects! {
    Shard: role::issuer::shard::Shard<WorkerObjectHost>;
    Participants: role::issuer::participants::Participants<WorkerObjectHost>;
    Register: role::register::Register<WorkerObjectHost>;
    Bank: role::bank::Bank<WorkerObjectHost>;
    Payment: role::payment::Till<WorkerObjectHost>;
    Shop: role::shop::Shop<WorkerObjectHost>;
    Originator: role::originator::Originator<WorkerObjectHost>;
}
