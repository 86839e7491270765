//! What a holder's driver and a merchant need of the machine: HTTP, clock, entropy, patience.

use std::rc::Rc;

use koban_edge_issuer::host::{HttpRequest, HttpResponse, Unreachable};
use koban_protocol::entropy::Entropy;
use koban_protocol::key::Seed;
use koban_protocol::time::Time;

use crate::world::{ORIGINS, World};

/// A way that several persons share.
pub type Net = Rc<dyn Network>;

/// A way to the roles: over real HTTP, or inside a [`World`].
pub trait Network {
    /// The origin of a role.
    fn origin(&self, role: &str) -> String;
    /// A role's seed: to be that role, honest or not.
    fn seed(&self, role: &str) -> Seed;
    /// The time.
    fn now(&self) -> Time;
    /// Fresh entropy.
    fn entropy(&self) -> Entropy;
    /// Sends a request to an origin.
    fn http(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable>;
    /// Lets time pass, in which the roles may do what they have put off.
    fn wait(&self, seconds: u64);
}

impl Network for World {
    fn origin(&self, role: &str) -> String {
        let found = ORIGINS.iter().find(|(name, _)| *name == role);
        found.map(|(_, origin)| (*origin).to_owned()).unwrap_or_default()
    }

    fn seed(&self, role: &str) -> Seed {
        World::seed(self, role)
    }

    fn now(&self) -> Time {
        World::now(self)
    }

    fn entropy(&self) -> Entropy {
        World::entropy(self)
    }

    fn http(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        self.send(request)
    }

    fn wait(&self, seconds: u64) {
        self.run(seconds);
    }
}
