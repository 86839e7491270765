//! Koban's roles at the edge. A role is a front and its objects, written over [`host::Host`] and
//! [`sql::Sql`];
//! `worker` runs them as a Cloudflare-style worker with Durable Objects, the tests run them
//! natively.

pub mod answer;
pub mod front;
pub mod host;
pub mod role;
pub mod sql;
#[cfg(not(target_arch = "wasm32"))]
pub mod sqlite;
#[cfg(target_arch = "wasm32")]
mod worker;
