//! Real HTTP: how the demo and the suite reach a running edge.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koban_edge_issuer::host::{HttpRequest, HttpResponse, Unreachable};
use koban_protocol::entropy::Entropy;
use koban_protocol::id::from_hex;
use koban_protocol::key::Seed;
use koban_protocol::time::Time;

use crate::network::Network;

/// Real HTTP, the machine's clock and its entropy.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    origins: BTreeMap<String, String>,
}

impl Network for Http {
    fn origin(&self, role: &str) -> String {
        self.origins.get(role).cloned().unwrap_or_default()
    }

    fn seed(&self, role: &str) -> Seed {
        let name = format!("KOBAN_SEED_{}", role.to_uppercase().replace('-', "_"));
        let digits = std::env::var(&name).unwrap_or_default();
        Seed::new(from_hex(&digits).unwrap_or_else(|| panic!("{name} is no seed")))
    }

    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Time(since.map_or(0, |since| since.as_secs()))
    }

    fn entropy(&self) -> Entropy {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the machine has entropy");
        Entropy::new(seed)
    }

    fn http(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let answer = self.agent.run(request).map_err(|_| Unreachable)?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.read_to_vec().map_err(|_| Unreachable)?;
        Ok(HttpResponse::from_parts(parts, bytes))
    }

    fn wait(&self, seconds: u64) {
        std::thread::sleep(Duration::from_millis(seconds * 250));
    }
}

impl Http {
    /// Another way to the same edge, for another thread.
    pub fn again(&self) -> Self {
        Self { agent: self.agent.clone(), origins: self.origins.clone() }
    }

    /// The edge that the argument `--origins` names: a JSON object of roles and their origins.
    ///
    /// # Panics
    /// Without it.
    pub fn from_arguments() -> Self {
        let origins = argument("--origins").expect("--origins <json>");
        let origins = serde_json::from_str(&origins).expect("--origins is a JSON object");
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(15))).build().new_agent();
        Self { agent, origins }
    }
}

/// The value of a command-line argument.
pub fn argument(name: &str) -> Option<String> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}
